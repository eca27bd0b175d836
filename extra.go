package helios

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// encodeExtra encodes fields, a pointer to a struct, with the keys of extra merged into the object. A key that a set field has taken, or a value that is no
// JSON, is added to problems.
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
	for _, key := range slices.Sorted(maps.Keys(extra)) {
		if clashes(taken, key) {
			*problems = append(*problems, FieldError{path + key, "is set both by its field and in Extra"})
			continue
		}
		value, err := json.Marshal(extra[key])
		if err != nil {
			*problems = append(*problems, FieldError{path + key, "cannot be encoded as JSON"})
			continue
		}
		if !utf8.ValidString(key) {
			*problems = append(*problems, FieldError{path + strings.ToValidUTF8(key, "?"), "is not a UTF-8 name"})
			continue
		}
		checkUTF8(value, extra[key], true, path+key, problems)
		name, _ := json.Marshal(key) // a string always encodes
		if len(merged) > 1 {
			merged = append(merged, ',')
		}
		merged = append(append(append(merged, name...), ':'), value...)
	}
	return append(merged, '}'), nil
}

// clashes compares without case, as many decoders do.
func clashes(taken map[string]json.RawMessage, key string) bool {
	for name := range taken {
		if strings.EqualFold(name, key) {
			return true
		}
	}
	return false
}

// encodePart gives what stands for an inner object: fields themselves where extra has nothing to merge, so that the whole is encoded in one go.
func encodePart(fields any, extra map[string]any, path string, problems *[]FieldError) (any, error) {
	if len(extra) == 0 {
		return fields, nil
	}
	encoded, err := encodeExtra(fields, extra, path, problems)
	return json.RawMessage(encoded), err
}

// encodeValid encodes the outer object, unless there are problems, of which some may be known before.
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

// decodeExtra decodes an object into fields, a pointer to a struct, and the keys that it has no field for into extra; numbers there keep their digits.
func decodeExtra(b []byte, fields any, extra *map[string]any) error {
	if err := json.Unmarshal(b, fields); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var all map[string]any
	if err := dec.Decode(&all); err != nil {
		return err
	}
	if all == nil {
		return nil // null changes nothing, as usual with encoding/json
	}
	for f := range reflect.TypeOf(fields).Elem().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		for key := range all {
			if strings.EqualFold(key, name) { // as encoding/json matches
				delete(all, key)
			}
		}
	}
	*extra = nil
	if len(all) > 0 {
		*extra = all
	}
	return nil
}
