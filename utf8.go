package helios

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// checkUTF8 adds to problems the strings of value that are not UTF-8.
// encoding/json has replaced their bytes by U+FFFD in encoded, escaped or,
// since Go 1.27, not. So the value need be walked only where encoded has one,
// or is not UTF-8 itself, which JSON of the caller's own in extra can be. That
// it could be encoded bounds the walk.
func checkUTF8(encoded []byte, value any, extra bool, path string, problems *[]FieldError) {
	if bytes.Contains(encoded, []byte(`\ufffd`)) || bytes.Contains(encoded, []byte("\ufffd")) ||
		extra && !utf8.Valid(encoded) {
		w := utf8Walk{problems: problems}
		w.value(reflect.ValueOf(value), path)
	}
}

type utf8Walk struct {
	problems *[]FieldError
	found    int
}

func (w *utf8Walk) string(s, path string) {
	const most = 100
	if !utf8.ValidString(s) && w.found < most {
		w.found++
		*w.problems = append(*w.problems, FieldError{path, "is not UTF-8"})
	}
}

func (w *utf8Walk) value(v reflect.Value, path string) {
	if !v.IsValid() {
		return
	}
	if raw, ok := v.Interface().(json.RawMessage); ok {
		w.string(string(raw), path)
		return
	}
	if kind := v.Kind(); kind == reflect.Pointer || kind == reflect.Interface {
		if !v.IsNil() {
			w.value(v.Elem(), path)
		}
		return
	}
	if encodesItself(v) {
		return
	}

	switch v.Kind() {
	case reflect.String:
		w.string(v.String(), path)
	case reflect.Slice, reflect.Array:
		w.list(v, path)
	case reflect.Map:
		w.object(v, path)
	case reflect.Struct:
		w.fields(v, path)
	default:
	}
}

func (w *utf8Walk) list(v reflect.Value, path string) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return // is sent as base64
	}
	for i := range v.Len() {
		w.value(v.Index(i), path+"["+strconv.Itoa(i)+"]")
	}
}

// object names keys by their position: they are the caller's own, and may be
// health data.
func (w *utf8Walk) object(v reflect.Value, path string) {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })

	for i, key := range keys {
		field := join(path, keyPosition(i))
		if key.Kind() == reflect.String {
			w.string(key.String(), field)
		}
		w.value(v.MapIndex(key), field)
	}
}

func (w *utf8Walk) fields(v reflect.Value, path string) {
	for field, value := range v.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.IsExported() || name == "-" {
			continue // is not sent; Extra is checked by itself
		}
		if name == "" {
			name = field.Name
		}
		w.value(value, join(path, name))
	}
}

// encodesItself reports whether the text that is sent for v is not v's own
// fields.
func encodesItself(v reflect.Value) bool {
	switch v.Interface().(type) {
	case json.Marshaler, encoding.TextMarshaler:
		return true
	}
	return false
}

func join(path, name string) string {
	if path == "" || strings.HasSuffix(path, ".") {
		return path + name
	}
	return path + "." + name
}
