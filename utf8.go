package helios

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// checkUTF8 adds to problems the strings of a request that are not UTF-8. encoding/json would replace their bytes by U+FFFD, escaped or, since
// Go 1.27, not; so the request need be walked only where body has one. extra tells that body can also hold JSON of the caller's own.
func checkUTF8(body []byte, request any, extra bool, problems *[]FieldError) {
	replaced := bytes.Contains(body, []byte(`\ufffd`)) || bytes.Contains(body, []byte("\ufffd"))
	if !replaced && (!extra || utf8.Valid(body)) {
		return
	}
	before := len(*problems)
	findInvalidUTF8(reflect.ValueOf(request), "", 0, problems)
	if len(*problems) == before && !utf8.Valid(body) {
		*problems = append(*problems, FieldError{"request", "is not UTF-8"})
	}
}

func findInvalidUTF8(v reflect.Value, path string, depth int, problems *[]FieldError) {
	const deepest = 1000 // what is deeper, or goes in a circle, is no JSON
	if depth++; depth > deepest {
		return
	}
	switch v.Kind() {
	case reflect.String:
		if !utf8.ValidString(v.String()) {
			*problems = append(*problems, FieldError{path, "is not UTF-8"})
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			findInvalidUTF8(v.Elem(), path, depth, problems)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			findInvalidUTF8(v.Index(i), fmt.Sprintf("%s[%d]", path, i), depth, problems)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			name := strings.ToValidUTF8(fmt.Sprint(key), "?")
			findInvalidUTF8(v.MapIndex(key), strings.TrimPrefix(path+"."+name, "."), depth, problems)
		}
	case reflect.Struct:
		for field, value := range v.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			switch {
			case !field.IsExported():
			case name == "-": // Extra, whose keys stand beside the fields
				findInvalidUTF8(value, path, depth, problems)
			default:
				findInvalidUTF8(value, strings.TrimPrefix(path+"."+name, "."), depth, problems)
			}
		}
	default:
	}
}
