package helios

import (
	"bytes"
	"encoding/json"
)

// byteOrderMark stands before the JSON of some encoders. It is part of what was
// signed, but not of the object.
var byteOrderMark = []byte("\ufeff")

// unmarshalBody is json.Unmarshal for a body as it arrived.
func unmarshalBody(body []byte, into any) error {
	return json.Unmarshal(bytes.TrimPrefix(body, byteOrderMark), into)
}

// envelopeField returns the value of a key of the JSON object in body, nil if
// there is none; of several the last, as encoding/json does. It also reports
// whether body is an object at all.
//
// It looks at the outer object only and skips what is inside by its quotes and
// brackets. So the envelope of a large event costs little, and an authentic
// event is not refused for something deep in its result. A key is matched
// exactly.
func envelopeField(body []byte, key string) (value []byte, ok bool) {
	ok = walkEnvelope(body, func(k, v []byte) {
		if string(k) == key {
			value = v
		}
	})
	return value, ok
}

// walkEnvelope calls field for each key of the object in body, with its value
// as it stands there. It reports whether body is an object from start to end.
func walkEnvelope(body []byte, field func(key, value []byte)) bool {
	body = bytes.TrimPrefix(body, byteOrderMark)
	return walk(body, '{', '}', func(i int) int {
		start := i
		if i = skipString(body, i); i < 0 {
			return -1
		}
		key := unquoteKey(body[start:i])
		if i = skipSpace(body, i); i == len(body) || body[i] != ':' {
			return -1
		}

		start = skipSpace(body, i+1)
		if i = skipValue(body, start); i >= 0 {
			field(key, body[start:i])
		}
		return i
	})
}

// walkList calls element for each value of the list in b, as it stands there.
// It reports whether b is a list from start to end.
func walkList(b []byte, element func(value []byte)) bool {
	return walk(b, '[', ']', func(i int) int {
		start := i
		if i = skipValue(b, i); i >= 0 {
			element(b[start:i])
		}
		return i
	})
}

// walk calls member with the position of each member between open and closing;
// it returns the position behind it, or -1. walk reports whether b was read
// from start to end.
func walk(b []byte, open, closing byte, member func(i int) int) bool {
	i := skipSpace(b, 0)
	if i == len(b) || b[i] != open {
		return false
	}
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == closing {
		return skipSpace(b, i+1) == len(b)
	}

	for {
		if i = member(i); i < 0 {
			return false
		}
		if i = skipSpace(b, i); i == len(b) {
			return false
		}
		switch b[i] {
		case closing:
			return skipSpace(b, i+1) == len(b)
		case ',':
			i = skipSpace(b, i+1)
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

// skipNested returns the position behind the object or list that begins at i,
// or -1.
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
