package helios

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// lenientDecoder decodes JSON into a struct as encoding/json does, but goes on
// where a value does not fit: it leaves the field or the entry out and lists
// the place. Numbers and booleans are taken for text, and whole numbers in
// quotes for numbers.
//
// It knows the kinds that [Result] is made of. It is slower than encoding/json,
// and is asked only where that has failed.
type lenientDecoder struct {
	problems []FieldError
}

const (
	mostProblems = 100
	brokenJSON   = "is broken JSON"
)

// decode reports whether value could be read at all. into is a pointer.
func (d *lenientDecoder) decode(value []byte, into any, path string) bool {
	return d.value(value, reflect.ValueOf(into).Elem(), path)
}

// refuse lists a problem. The message must hold nothing of the value.
func (d *lenientDecoder) refuse(path, message string) bool {
	if len(d.problems) < mostProblems {
		d.problems = append(d.problems, FieldError{path, message})
	}
	return false
}

func (d *lenientDecoder) value(value []byte, into reflect.Value, path string) bool {
	if string(value) == "null" {
		return true // leaves the field as it is, as with encoding/json
	}
	if custom, ok := into.Addr().Interface().(json.Unmarshaler); ok {
		if !json.Valid(value) || custom.UnmarshalJSON(value) != nil {
			return d.refuse(path, brokenJSON)
		}
		return true
	}

	switch into.Kind() {
	case reflect.Pointer:
		target := reflect.New(into.Type().Elem())
		if !d.value(value, target.Elem(), path) {
			return false
		}
		into.Set(target)
		return true
	case reflect.Struct:
		return d.object(value, into, path)
	case reflect.Map:
		return d.entries(value, into, path)
	case reflect.Slice:
		return d.list(value, into, path)
	case reflect.String:
		text, ok := readText(value)
		switch {
		case !ok && value[0] == '"':
			return d.refuse(path, brokenJSON)
		case !ok:
			return d.refuse(path, notA("text", value))
		}
		into.SetString(text)
		return true
	case reflect.Int:
		n, ok := readInt(value)
		if !ok {
			return d.refuse(path, notA("a whole number", value))
		}
		into.SetInt(int64(n))
		return true
	default:
		return d.refuse(path, "has no decoder") // a type of this package's that the switch lacks
	}
}

func (d *lenientDecoder) object(value []byte, into reflect.Value, path string) bool {
	if value[0] != '{' {
		return d.refuse(path, notA("an object", value))
	}

	whole := walkEnvelope(value, func(key, value []byte) {
		if field, name := fieldNamed(into, string(key)); field.IsValid() {
			d.value(value, field, strings.TrimPrefix(path+"."+name, "result."))
		}
	})
	if !whole {
		d.refuse(path, brokenJSON)
	}
	return true
}

// fieldNamed returns the field that encoding/json would choose for key, and its
// name in JSON.
func fieldNamed(of reflect.Value, key string) (field reflect.Value, name string) {
	for i := range of.NumField() {
		tag, _, _ := strings.Cut(of.Type().Field(i).Tag.Get("json"), ",")
		if tag == key {
			return of.Field(i), tag
		}
		if strings.EqualFold(tag, key) && !field.IsValid() {
			field, name = of.Field(i), tag
		}
	}
	return field, name
}

func (d *lenientDecoder) entries(value []byte, into reflect.Value, path string) bool {
	if value[0] != '{' {
		return d.refuse(path, notA("an object", value))
	}
	if into.IsNil() {
		into.Set(reflect.MakeMap(into.Type()))
	}

	n := 0
	whole := walkEnvelope(value, func(key, value []byte) {
		entry := reflect.New(into.Type().Elem()).Elem()
		if d.value(value, entry, fmt.Sprintf("%s[%d]", path, n)) {
			valid := string([]rune(string(key))) // as encoding/json replaces what is not UTF-8
			into.SetMapIndex(reflect.ValueOf(valid), entry)
		}
		n++
	})
	if !whole {
		d.refuse(path, brokenJSON)
	}
	return true
}

func (d *lenientDecoder) list(value []byte, into reflect.Value, path string) bool {
	if value[0] != '[' {
		return d.refuse(path, notA("a list", value))
	}

	all := reflect.MakeSlice(into.Type(), 0, 0)
	n := 0
	whole := walkList(value, func(value []byte) {
		element := reflect.New(into.Type().Elem()).Elem()
		if d.value(value, element, fmt.Sprintf("%s[%d]", path, n)) {
			all = reflect.Append(all, element)
		}
		n++
	})
	into.Set(all)
	if !whole {
		d.refuse(path, brokenJSON)
	}
	return true
}

// readText returns what stands where text is documented: a string, or a number
// or boolean as it is written. null is no text, but no mistake.
func readText(value []byte) (text string, ok bool) {
	if isNumber(value) || string(value) == "true" || string(value) == "false" {
		return string(value), true
	}
	return text, json.Unmarshal(value, &text) == nil
}

// readInt returns a whole number, also one in quotes or written with a point.
func readInt(value []byte) (int, bool) {
	number, ok := readText(value)
	if !ok {
		return 0, false
	}
	if n, err := strconv.Atoi(number); err == nil {
		return n, true
	}

	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > math.MaxInt32 {
		return 0, false
	}
	return int(f), true
}

// notA names the type of value beside the one that is documented.
func notA(documented string, value []byte) string {
	is := "a number"
	switch value[0] {
	case '{':
		is = "an object"
	case '[':
		is = "a list"
	case '"':
		is = "a string"
	case 't', 'f':
		is = "a boolean"
	}
	return "is " + is + ", not " + documented
}
