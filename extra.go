package helios

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// encodeExtra encodes fields, a pointer to a struct, with the keys of extra
// merged into the object. A key that a set field has taken, or a value that is
// no JSON, is added to problems. path is the object's own, with a dot at its
// end, or "".
func encodeExtra(fields any, extra map[string]any, path string, problems *[]FieldError) ([]byte, error) {
	typed, err := json.Marshal(fields)
	if err != nil {
		return nil, &encodeError{err}
	}
	checkUTF8(typed, fields, false, path, problems)
	if len(extra) == 0 {
		return typed, nil
	}

	var taken map[string]json.RawMessage
	if err := json.Unmarshal(typed, &taken); err != nil {
		return nil, &encodeError{err}
	}
	merged := bytes.TrimSuffix(typed, []byte("}"))
	for i, key := range slices.Sorted(maps.Keys(extra)) {
		name := path + extraName(i, key)
		value, problem := encodeExtraValue(extra[key], key, taken)
		if problem != "" {
			*problems = append(*problems, FieldError{name, problem})
			continue
		}
		checkUTF8(value, extra[key], true, name, problems)

		quoted, _ := json.Marshal(key) // a string always encodes
		if len(merged) > 1 {
			merged = append(merged, ',')
		}
		merged = append(append(append(merged, quoted...), ':'), value...)
	}
	return append(merged, '}'), nil
}

// encodeExtraValue encodes the value of key, or says why it cannot be sent.
func encodeExtraValue(value any, key string, taken map[string]json.RawMessage) (encoded []byte, problem string) {
	if clashes(taken, key) {
		return nil, "is set both by its field and in Extra"
	}
	if !utf8.ValidString(key) {
		return nil, "is not a UTF-8 name"
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, "cannot be encoded as JSON"
	}
	return encoded, ""
}

// extraName names a key of Extra in an error, the i-th in the order of their
// names: by itself where it looks like the name of a field, and else by its
// position, for then it may be data.
func extraName(i int, key string) string {
	const longest = 64
	if key != "" && len(key) <= longest && strings.Trim(key, alphanumeric+"_-") == "" {
		return key
	}
	return keyPosition(i)
}

// keyPosition names the i-th key of an object in the order of the keys' names.
func keyPosition(i int) string { return fmt.Sprintf("<key %d>", i+1) }

// clashes reports whether key is taken. It compares without case, as many
// decoders do.
func clashes(taken map[string]json.RawMessage, key string) bool {
	for name := range taken {
		if strings.EqualFold(name, key) {
			return true
		}
	}
	return false
}

// encodePart returns what stands for an inner object: fields themselves where
// extra has nothing to merge, so that the whole is encoded in one go.
func encodePart(fields any, extra map[string]any, path string, problems *[]FieldError) (any, error) {
	if len(extra) == 0 {
		return fields, nil
	}
	encoded, err := encodeExtra(fields, extra, path, problems)
	return json.RawMessage(encoded), err
}

// encodeValid encodes the outer object, unless there are problems, of which
// some may be known before.
func encodeValid(fields any, extra map[string]any, problems []FieldError) ([]byte, error) {
	encoded, err := encodeExtra(fields, extra, "", &problems)
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, &ValidationError{problems}
	}
	return encoded, nil
}

// decodeExtra decodes an object into fields, a pointer to a struct, and the
// keys that it has no field for into extra. Numbers there keep their digits.
func decodeExtra(b []byte, fields any, extra *map[string]any) error {
	if err := json.Unmarshal(b, fields); err != nil {
		return &decodeError{err}
	}

	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var all map[string]any
	if err := dec.Decode(&all); err != nil {
		return &decodeError{err}
	}
	if all == nil {
		return nil // null changes nothing, as usual with encoding/json
	}

	for f := range reflect.TypeOf(fields).Elem().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		maps.DeleteFunc(all, func(key string, _ any) bool {
			return strings.EqualFold(key, name) // as encoding/json matches
		})
	}

	*extra = nil
	if len(all) > 0 {
		*extra = all
	}
	return nil
}

// decodeError is JSON that is no request. The text of its cause can hold a
// value.
type decodeError struct{ cause error }

func (e *decodeError) Error() string {
	var mismatch *json.UnmarshalTypeError
	field := ""
	if errors.As(e.cause, &mismatch) && mismatch.Field != "" {
		field = mismatch.Field + ": "
	}
	return "helios: decode request: " + field + "not as documented" + position(e.cause)
}
func (e *decodeError) Unwrap() error             { return e.cause }
func (e decodeError) Format(f fmt.State, _ rune) { printError(f, &e) }

// position returns where decoding failed. The text of encoding/json can hold a
// value, so it is not passed on.
func position(err error) string {
	var mismatch *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &mismatch):
		return fmt.Sprintf(" at byte %d", mismatch.Offset)
	case errors.As(err, &syntax):
		return fmt.Sprintf(" at byte %d", syntax.Offset)
	default:
		return ""
	}
}
