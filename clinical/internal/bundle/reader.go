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
	dropped int64       // what was before data
	fill    func() bool // appends to data; nil if there is no more
	depth   int
	open    []byte // the brackets that are
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
	// maxDepth is how many open brackets are known. Others are only counted.
	maxDepth = 4096
	// Strings of up to maxShared bytes, such as units and codes, are kept once,
	// up to maxStrings of them, if at most maxRepeated bytes were asked for.
	// What can be longer, such as a text, seldom repeats.
	maxShared, maxStrings = 128, 4096
	maxRepeated           = 1 << 10
)

// Reset makes r read data.
func (r *Reader) Reset(data []byte) {
	r.data, r.pos, r.depth, r.Bad, r.TooLong, r.Garbled = data, 0, 0, false, false, false
}

func (r *Reader) at() int64 { return r.dropped + int64(r.pos) }

// since returns what was read since at was from, or nil if it was dropped.
func (r *Reader) since(from int64) []byte {
	if from < r.dropped {
		return nil
	}
	return r.data[from-r.dropped : r.pos]
}

func (r *Reader) more() bool { return r.fill != nil && r.fill() }

var space = [256]bool{' ': true, '\n': true, '\r': true, '\t': true}

// Kind returns the first byte of the next value: '{', '[', '"', 't', 'f', 'n',
// or a digit or '-' for a number. It returns 0 at the end.
func (r *Reader) Kind() (c byte) {
	for _, c = range r.data[r.pos:] {
		if !space[c] {
			return c
		}
		r.pos++
	}
	return r.kindOfMore() // apart, so that Kind is inlined
}

func (r *Reader) kindOfMore() byte {
	for r.more() {
		for ; r.pos < len(r.data); r.pos++ {
			if c := r.data[r.pos]; !space[c] {
				return c
			}
		}
	}
	return 0
}

// Empty reports whether the next value is null or [], and leaves it there.
func (r *Reader) Empty() bool {
	c := r.Kind()
	return c == 'n' || c == '[' && bytes.HasPrefix(bytes.TrimLeft(r.data[r.pos+1:], " \n\r\t"), []byte("]"))
}

// enter passes over an opening bracket, which is next.
func (r *Reader) enter(bracket byte) {
	if r.depth < maxDepth {
		r.open = append(r.open[:r.depth], bracket)
	}
	r.depth++
	r.pos++
}

// Object calls field for each key of an object. What field does not read is
// passed over; key is valid until it reads.
func (r *Reader) Object(field func(key []byte)) {
	if r.Kind() != '{' {
		r.Skip()
		return
	}
	r.enter('{')
	for first := true; r.another(first, '}'); first = false {
		key := r.key()
		if r.Bad {
			return
		}
		from := r.at()
		field(key)
		if r.at() == from && !r.Bad {
			r.Skip()
		}
	}
}

// List calls item for each value of an array. What item does not read is passed
// over.
func (r *Reader) List(item func()) {
	if r.Kind() != '[' {
		r.Skip()
		return
	}
	r.enter('[')
	for first := true; r.another(first, ']'); first = false {
		r.Kind()
		from := r.at()
		item()
		if r.at() == from && !r.Bad {
			r.Skip()
		}
	}
}

// another passes over a comma, and reports whether a field or an item follows.
func (r *Reader) another(first bool, closing byte) bool {
	if r.Bad {
		return false
	}
	c := r.Kind()
	if !first && c == ',' {
		r.pos++
		c = r.Kind()
	} else if !first {
		r.Bad = c != closing
	}
	if c == closing { // also behind a comma too many, which does no harm
		r.pos++
		r.depth--
		return false
	}
	return !r.Bad
}

// Skip passes over a value.
func (r *Reader) Skip() {
	switch c := r.Kind(); c {
	case '"':
		r.Bad = r.Bad || !r.skipString()
	case '{', '[':
		r.enter(c)
		r.Bad = r.Bad || !r.leave(r.depth-1)
	default:
		r.scalar()
	}
}

var structural = [256]bool{'"': true, '{': true, '[': true, '}': true, ']': true}

// leave passes over what follows until so many brackets are open. It stops at
// one that closes none.
func (r *Reader) leave(depth int) bool {
	for r.depth > depth {
		rest := r.data[r.pos:]
		n := 0
		for n < len(rest) && !structural[rest[n]] {
			n++
		}
		r.pos += n
		if n == len(rest) {
			if !r.more() {
				return false
			}
			continue
		}

		switch c := rest[n]; c {
		case '"':
			if !r.skipString() {
				return false
			}
		case '{', '[':
			r.enter(c)
		default:
			if r.depth <= maxDepth && r.open[r.depth-1] != c-2 { // as [ and ], { and } are in ASCII
				return false
			}
			r.depth--
			r.pos++
		}
	}
	return true
}

// Raw passes over a value and returns it as written. It points into the data
// that is read.
func (r *Reader) Raw() []byte {
	r.Kind()
	from := r.at()
	r.Skip()
	return r.since(from)
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

	raw, isPlain := r.quoted()
	isShared := len(raw) <= maxShared && longest <= maxRepeated
	if isShared {
		if s, ok := r.shared[string(raw)]; ok {
			return s
		}
	}
	if len(raw) > longest {
		r.TooLong = true
		return ""
	}

	written := string(raw)
	s, isValid := written, utf8.ValidString(written)
	if !isValid {
		s, r.Garbled = strings.ToValidUTF8(s, "\ufffd"), true
	}
	if !isPlain {
		s = r.unescape(s)
	}

	if isShared && isValid && !r.Bad && len(r.shared) < maxStrings {
		if r.shared == nil {
			r.shared = map[string]string{}
		}
		r.shared[written] = s
	}
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
		raw, _ := r.quoted()
		return raw
	case '{', '[':
		r.Skip()
		return nil
	}
	return r.scalar()
}

// scalar returns a number, true, false or null, as written.
func (r *Reader) scalar() []byte {
	from := r.at()
	for r.pos < len(r.data) || r.more() {
		if c := r.data[r.pos]; c == ',' || c == '}' || c == ']' || c <= ' ' {
			break
		} else if c == '"' || c == ':' || c == '{' || c == '[' {
			r.Bad = true
			return nil
		}
		r.pos++
	}

	r.Bad = r.Bad || r.at() == from
	return r.since(from)
}

// quoted returns what is between the quotes of a string, as written. It is
// plain if it is known to stand for itself.
func (r *Reader) quoted() (raw []byte, isPlain bool) {
	data := r.data[r.pos+1:]
	for i, c := range data {
		if c == '"' {
			r.pos += i + 2
			return data[:i], true
		}
		if c < ' ' || c == '\\' {
			break
		}
	}

	from := r.at() + 1
	if !r.skipString() {
		r.Bad = true
		return nil, false
	}
	raw = r.since(from)
	return raw[:max(0, len(raw)-1)], false
}

// skipString passes over a string, of which no more than the last backslash is
// needed to go on.
func (r *Reader) skipString() bool {
	r.pos++
	for {
		rest := r.data[r.pos:]
		if i := bytes.IndexByte(rest, '"'); i >= 0 {
			r.pos += i + 1
			if i == 0 || rest[i-1] != '\\' || trailingBackslashes(rest[:i])%2 == 0 {
				return true
			}
			continue
		}
		r.pos = len(r.data) - trailingBackslashes(rest)%2
		if !r.more() {
			r.pos = len(r.data)
			return false
		}
	}
}

func trailingBackslashes(p []byte) int { return len(p) - len(bytes.TrimRight(p, `\`)) }

// key reads a key and its colon, up to the value.
func (r *Reader) key() []byte {
	if r.Kind() != '"' {
		r.Bad = true
		return nil
	}
	from := r.at() + 1
	raw, isPlain := r.quoted()
	length := len(raw)
	if r.Bad = r.Bad || r.Kind() != ':'; r.Bad {
		return nil
	}
	r.pos++
	r.Kind()

	raw = r.since(from) // again, as it moves where more is read
	if raw = raw[:min(length, len(raw))]; isPlain {
		return raw
	}
	return []byte(r.unescape(string(raw)))
}

func isNumber(b []byte) bool {
	isDigit := func(c byte) bool { return '0' <= c && c <= '9' }
	return len(b) > 0 && (b[0] == '-' || isDigit(b[0])) && isDigit(b[len(b)-1]) && json.Valid(b)
}

// unescape returns what the inside of a string stands for.
func (r *Reader) unescape(raw string) (s string) {
	r.Bad = json.Unmarshal([]byte(`"`+raw+`"`), &s) != nil || r.Bad
	return s
}
