package helios

import (
	"bytes"
	"encoding/json"
)

// envelopeField returns the value of a key of the JSON object in body, nil if there is none; of several the last, as encoding/json does. It reports whether body
// is an object at all.
//
// It looks at the outer object only and skips what is inside by its quotes and brackets. So the envelope of a large event costs little, and an
// authentic event is not refused for something deep in its result: decoding the result will tell. A key is matched exactly.
func envelopeField(body []byte, key string) (value []byte, ok bool) {
	ok = walkEnvelope(body, func(k, v []byte) {
		if string(k) == key {
			value = v
		}
	})
	return value, ok
}

// walkEnvelope calls field for each key of the object in body with its value as it stands there. It reports whether body is an object from start to end.
func walkEnvelope(body []byte, field func(key, value []byte)) bool {
	i := skipSpace(body, 0)
	if i == len(body) || body[i] != '{' {
		return false
	}
	i = skipSpace(body, i+1)
	if i < len(body) && body[i] == '}' {
		return skipSpace(body, i+1) == len(body)
	}
	for {
		start := i
		if i = skipString(body, i); i < 0 {
			return false
		}
		key := unquoteKey(body[start:i])
		if i = skipSpace(body, i); i == len(body) || body[i] != ':' {
			return false
		}
		start = skipSpace(body, i+1)
		if i = skipValue(body, start); i < 0 {
			return false
		}
		field(key, body[start:i])
		if i = skipSpace(body, i); i == len(body) {
			return false
		}
		switch body[i] {
		case '}':
			return skipSpace(body, i+1) == len(body)
		case ',':
			i = skipSpace(body, i+1)
		default:
			return false
		}
	}
}

func unquoteKey(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var key string
	_ = json.Unmarshal(quoted, &key) // what cannot be read is no key that is looked for
	return []byte(key)
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// skipString returns the position behind the string that begins at i, or -1.
func skipString(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return -1
	}
	for i++; ; i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		i += n
		escapes := 0
		for b[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i + 1
		}
	}
}

// skipValue returns the position behind the value that begins at i, or -1.
func skipValue(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return skipNested(b, i)
	}
	start := i
	for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && skipSpace(b, i) == i {
		i++
	}
	if i == start || !json.Valid(b[start:i]) {
		return -1
	}
	return i
}

func skipNested(b []byte, i int) int {
	for depth := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			if i = skipString(b, i) - 1; i < 0 {
				return -1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}
