package bundle

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Reader reads one JSON value. It calls back for the fields of an object and
// for the items of an array; what is of another kind than asked for is passed
// over. The zero value is ready for use after Reset.
//
// It checks what it reads and no more: of a value that is passed over only the
// brackets and quotes have to match.
type Reader struct {
	data    []byte
	pos     int
	balance balance
	shared  map[string]string

	// Bad is set where the input is not JSON. What was returned is not to be
	// used then, and nothing more is read.
	Bad bool
	// TooLong is set where a string or number was longer than asked for, and
	// Garbled where a string was not UTF-8. The caller may reset them.
	TooLong, Garbled bool
}

const (
	// maxNumber is how many characters a number can have.
	maxNumber = 100
	// Strings of up to maxShared bytes, such as units and codes, are kept once,
	// up to maxStrings of them, if at most maxRepeated bytes were asked for.
	// What can be longer, such as a text, seldom repeats.
	maxShared, maxStrings = 128, 4096
	maxRepeated           = 1 << 10
)

// Reset makes r read data.
func (r *Reader) Reset(data []byte) {
	r.data, r.pos, r.Bad, r.TooLong, r.Garbled = data, 0, false, false, false
}

// Kind returns the first byte of the next value: '{', '[', '"', 't', 'f', 'n',
// or a digit or '-' for a number. It returns 0 at the end.
func (r *Reader) Kind() byte {
	for ; r.pos < len(r.data); r.pos++ {
		if c := r.data[r.pos]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c
		}
	}
	return 0
}

// Empty reports whether the next value is null or [], and leaves it there.
func (r *Reader) Empty() bool {
	switch r.Kind() {
	case 'n':
		return true
	case '[':
		from := r.pos
		r.pos++
		empty := r.Kind() == ']'
		r.pos = from
		return empty
	}
	return false
}

func (r *Reader) accept(c byte) bool {
	if r.Kind() != c {
		return false
	}
	r.pos++
	return true
}

// Object calls field for each key of an object. What field does not read is
// passed over; key is valid until it reads.
func (r *Reader) Object(field func(key []byte)) {
	if r.Kind() != '{' {
		r.Skip()
		return
	}
	r.pos++
	r.fields(true, field)
}

// fields reads on in an object, before its first field or after another.
func (r *Reader) fields(first bool, field func(key []byte)) {
	for ; r.more(first, '}'); first = false {
		key := r.key()
		if r.Bad = r.Bad || !r.accept(':'); r.Bad {
			return
		}
		r.Kind()
		from := r.pos
		field(key)
		r.skipUnread(from)
	}
}

// List calls item for each value of an array. What item does not read is passed
// over.
func (r *Reader) List(item func()) {
	if r.Kind() != '[' {
		r.Skip()
		return
	}
	r.pos++
	for first := true; r.more(first, ']'); first = false {
		r.Kind()
		from := r.pos
		item()
		r.skipUnread(from)
	}
}

// more passes over a comma, and reports whether a field or an item follows.
func (r *Reader) more(first bool, closing byte) bool {
	switch {
	case r.Bad || r.accept(closing):
		return false
	case first:
		return true
	case !r.accept(','):
		r.Bad = true
		return false
	}
	return !r.accept(closing) // a comma too many does no harm
}

func (r *Reader) skipUnread(from int) {
	if r.pos == from && !r.Bad {
		r.Skip()
	}
}

// Skip passes over a value.
func (r *Reader) Skip() {
	switch r.Kind() {
	case '"':
		r.quoted()
	case '{', '[':
		r.balance.reset()
		n, done := r.balance.scan(r.data[r.pos:])
		r.pos += n
		r.Bad = r.Bad || !done
	default:
		r.scalar()
	}
}

// Raw passes over a value and returns it as written. It points into the data
// that is read.
func (r *Reader) Raw() []byte {
	r.Kind()
	from := r.pos
	r.Skip()
	return r.data[from:r.pos]
}

// Within calls read to read value, which Raw returned, and goes on after it
// where it was.
func (r *Reader) Within(value []byte, read func()) {
	data, pos := r.data, r.pos
	r.data, r.pos = value, 0
	read()
	r.data, r.pos = data, pos
}

// String returns a copy of a string, or "" for one of more than longest bytes
// as written and for what is not a string. What is not UTF-8 becomes U+FFFD.
func (r *Reader) String(longest int) string {
	if r.Kind() != '"' {
		r.Skip()
		return ""
	}

	raw := r.quoted()
	if len(raw) > maxShared || longest > maxRepeated {
		return r.copy(raw, longest)
	}
	if s, ok := r.shared[string(raw)]; ok {
		return s
	}

	s := r.copy(raw, longest)
	if len(r.shared) < maxStrings {
		if r.shared == nil {
			r.shared = map[string]string{}
		}
		r.shared[string(raw)] = s
	}

	return s
}

func (r *Reader) copy(raw []byte, longest int) string {
	if len(raw) > longest {
		r.TooLong = true
		return ""
	}
	s, ok := unescape(raw)
	r.Bad = r.Bad || !ok
	r.Garbled = r.Garbled || !utf8.Valid(raw)
	return s
}

// Number returns a number as written, or "" for what is not one. It takes a
// string that holds a number for one.
func (r *Reader) Number() string {
	raw := r.bare()
	if len(raw) > maxNumber {
		r.TooLong = true
		return ""
	}
	if !isNumber(raw) {
		return ""
	}
	return string(raw)
}

// Bool returns a boolean; known is false for what is not one. It takes a string
// that holds a boolean for one.
func (r *Reader) Bool() (value, known bool) {
	raw := r.bare()
	return string(raw) == "true", string(raw) == "true" || string(raw) == "false"
}

// bare returns a number, a literal or the inside of a string, as written.
func (r *Reader) bare() []byte {
	switch r.Kind() {
	case '"':
		return r.quoted()
	case '{', '[':
		r.Skip()
		return nil
	}
	return r.scalar()
}

// scalar returns a number, true, false or null, as written.
func (r *Reader) scalar() []byte {
	start := r.pos
	for r.pos < len(r.data) {
		if c := r.data[r.pos]; c == ',' || c == '}' || c == ']' || c <= ' ' {
			break
		} else if c == '"' || c == ':' || c == '{' || c == '[' {
			r.Bad = true
			return nil
		}
		r.pos++
	}

	if r.pos == start {
		r.Bad = true
	}
	return r.data[start:r.pos]
}

// quoted returns what is between the quotes of a string, as written.
func (r *Reader) quoted() []byte {
	if !r.accept('"') {
		r.Bad = true
		return nil
	}

	start := r.pos
	for {
		i := bytes.IndexByte(r.data[r.pos:], '"')
		if i < 0 {
			r.pos, r.Bad = len(r.data), true
			return nil
		}
		part := r.data[r.pos : r.pos+i]
		r.pos += i + 1
		if i == 0 || part[i-1] != '\\' || trailingBackslashes(part)%2 == 0 {
			return r.data[start : r.pos-1]
		}
	}
}

func (r *Reader) key() []byte {
	raw := r.quoted()
	for _, c := range raw {
		if c < ' ' || c == '\\' {
			s, ok := unescape(raw)
			r.Bad = r.Bad || !ok
			return []byte(s)
		}
	}
	return raw
}

func isNumber(b []byte) bool {
	if len(b) == 0 || b[0] != '-' && !isDigit(b[0]) || !isDigit(b[len(b)-1]) {
		return false
	}
	return json.Valid(b)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// unescape returns what the inside of a string stands for.
func unescape(raw []byte) (string, bool) {
	for _, c := range raw {
		if c < ' ' {
			return "", false
		}
	}

	if bytes.IndexByte(raw, '\\') < 0 {
		return strings.ToValidUTF8(string(raw), "\ufffd"), true
	}

	var s string
	quoted := append(append(append(make([]byte, 0, len(raw)+2), '"'), raw...), '"')
	if json.Unmarshal(quoted, &s) != nil {
		return "", false
	}
	return s, true
}
