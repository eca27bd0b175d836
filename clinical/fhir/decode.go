package fhir

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/heliosai/helios-go/clinical/internal/people"
)

const (
	// maxText is how long a text can be that is read, and maxName a name, a code or a reference. A resource in which one that is needed is longer is not sent.
	maxText = 64 << 10
	maxName = 1 << 10
	// maxItems is how many items a list can have that is read into memory.
	maxItems = 1000
	// maxHeld is how many items all lists of one resource can have.
	maxHeld = 1 << 15
	// maxNumber is how many characters a number can have.
	maxNumber = 100
	// Strings up to maxShared bytes, such as units and names of tests, are kept once, up to maxStrings of them.
	maxShared, maxStrings = 128, 4096
)

// decoder reads one resource. It calls back for the fields that are asked for and passes over the others; a field of another kind than FHIR's is passed over too.
// Its strings are copies. After a mistake in the JSON it is bad, and what it returned is not to be used.
type decoder struct {
	data    []byte
	pos     int
	bad     bool // no JSON
	big     bool // something that is needed is larger than is read
	garbled bool // something that is needed is not UTF-8
	// modified is set by an extension that can change what is read: what it is of cannot be understood. See https://hl7.org/fhir/R4/extensibility.html#modifierExtension
	modified bool
	base     string // the server of the resource, for its relative references
	balance  balance
	codings  []coding // of the concepts of one resource
	held     int      // items of lists in one resource
	shared   map[string]string
	people   people.Set
	shown    string // for the last subject
	author   string // the last of those who made something
}

func (d *decoder) start(data []byte) {
	d.data, d.pos, d.bad, d.big, d.garbled, d.modified, d.base, d.codings, d.held = data, 0, false, false, false, false, "", d.codings[:0], 0
}

// next returns the next byte that is no white space, and leaves it there; 0 at the end.
func (d *decoder) next() byte {
	for ; d.pos < len(d.data); d.pos++ {
		if c := d.data[d.pos]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c
		}
	}
	return 0
}

func (d *decoder) accept(c byte) bool {
	if d.next() != c {
		return false
	}
	d.pos++
	return true
}

const modifier = "modifierExtension"

// object calls field for each key, which has to read the value. It passes over what is no object.
func (d *decoder) object(field func(key []byte)) {
	if d.next() != '{' {
		d.skip()
		return
	}
	d.pos++
	for first := true; !d.accept('}'); first = false {
		if !first {
			if !d.accept(',') {
				d.bad = true
				return
			}
			if d.accept('}') {
				return
			}
		}
		key := d.key()
		if d.bad || !d.accept(':') {
			d.bad = true
			return
		}
		if len(key) == len(modifier) && string(key) == modifier && d.next() == '[' {
			start := d.pos
			d.list(func() {
				d.skip()
				d.modified = true
			})
			d.pos = start
		}
		field(key)
		if d.bad {
			return
		}
	}
}

// list calls item for each value of an array, which has to read it. It passes over what is no array.
func (d *decoder) list(item func()) {
	if d.next() != '[' {
		d.skip()
		return
	}
	d.pos++
	for n := 0; !d.accept(']'); n++ {
		if n > 0 {
			if !d.accept(',') {
				d.bad = true
				return
			}
			if d.accept(']') {
				return
			}
		}
		item()
		if d.bad {
			return
		}
	}
}

// room tells whether one more item can be added to a list of n.
func (d *decoder) room(n int) bool {
	if d.held++; n < maxItems && d.held <= maxHeld {
		return true
	}
	d.big = true
	return false
}

// skip passes over a value.
func (d *decoder) skip() {
	switch d.next() {
	case '"':
		d.raw()
	case '{', '[':
		d.balance.reset()
		n, done := d.balance.scan(d.data[d.pos:])
		d.pos += n
		d.bad = d.bad || !done
	default:
		d.scalar()
	}
}

// scalar returns a number, true, false or null, as written.
func (d *decoder) scalar() []byte {
	start := d.pos
	for d.pos < len(d.data) {
		if c := d.data[d.pos]; c == ',' || c == '}' || c == ']' || c <= ' ' {
			break
		} else if c == '"' || c == ':' || c == '{' || c == '[' {
			d.bad = true
			return nil
		}
		d.pos++
	}
	if d.pos == start {
		d.bad = true
	}
	return d.data[start:d.pos]
}

// raw returns what is between the quotes of a string, as written.
func (d *decoder) raw() []byte {
	if !d.accept('"') {
		d.bad = true
		return nil
	}
	start := d.pos
	for {
		i := bytes.IndexByte(d.data[d.pos:], '"')
		if i < 0 {
			d.bad = true
			return nil
		}
		part := d.data[d.pos : d.pos+i]
		d.pos += i + 1
		if i == 0 || part[i-1] != '\\' || trailingBackslashes(part)%2 == 0 {
			return d.data[start : d.pos-1]
		}
	}
}

// key returns a key. It is valid only until the next one.
func (d *decoder) key() []byte {
	raw := d.raw()
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	s, ok := unescape(raw)
	d.bad = d.bad || !ok
	return []byte(s)
}

// string returns a string that can be expected to come again, such as a code, or "" for what is no string.
func (d *decoder) string() string {
	if d.next() != '"' {
		d.skip()
		return ""
	}
	raw := d.raw()
	if len(raw) <= maxShared {
		return d.share(raw)
	}
	return d.copy(raw, maxName)
}

// text returns a string that need not come again, such as a date, or "" for what is no string.
func (d *decoder) text() string {
	if d.next() != '"' {
		d.skip()
		return ""
	}
	return d.copy(d.raw(), maxText)
}

// stringIs reads a string and compares it.
func (d *decoder) stringIs(s string) bool {
	if d.next() != '"' {
		d.skip()
		return false
	}
	return string(d.raw()) == s
}

func (d *decoder) share(raw []byte) string {
	if s, ok := d.shared[string(raw)]; ok {
		return s
	}
	s := d.copy(raw, maxShared)
	if len(d.shared) < maxStrings {
		if d.shared == nil {
			d.shared = map[string]string{}
		}
		d.shared[string(raw)] = s
	}
	return s
}

func (d *decoder) copy(raw []byte, longest int) string {
	if len(raw) > longest {
		d.big = true
		return ""
	}
	s, ok := unescape(raw)
	d.bad = d.bad || !ok
	d.garbled = d.garbled || !utf8.Valid(raw)
	return s
}

// number returns a number as it is written, or "" for what is none. A string that is a number is taken for one.
func (d *decoder) number() string {
	var raw []byte
	switch d.next() {
	case '"':
		raw = d.raw()
	case '{', '[':
		d.skip()
		return ""
	default:
		raw = d.scalar()
	}
	if len(raw) > maxNumber {
		d.big = true
		return ""
	}
	if !isNumber(raw) {
		return ""
	}
	return string(raw)
}

// isTrue returns a boolean; known is false for what is none. A string that is a boolean is taken for one.
func (d *decoder) isTrue() (value, known bool) {
	var raw []byte
	switch d.next() {
	case '"':
		raw = d.raw()
	case '{', '[':
		d.skip()
	default:
		raw = d.scalar()
	}
	return string(raw) == "true", string(raw) == "true" || string(raw) == "false"
}

// isThere tells whether a value comes next that is not null.
func (d *decoder) isThere() bool { return d.next() != 'n' }

// isNumber tells whether b is a number of JSON.
func isNumber(b []byte) bool {
	digits := func() bool {
		n := 0
		for n < len(b) && b[n] >= '0' && b[n] <= '9' {
			n++
		}
		b = b[n:]
		return n > 0
	}
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	if len(b) > 1 && b[0] == '0' && b[1] >= '0' && b[1] <= '9' || !digits() {
		return false
	}
	if len(b) > 0 && b[0] == '.' {
		b = b[1:]
		if !digits() {
			return false
		}
	}
	if len(b) > 0 && (b[0] == 'e' || b[0] == 'E') {
		b = b[1:]
		if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(b) == 0
}

// unescape returns what the inside of a JSON string stands for. What is not UTF-8 becomes U+FFFD.
func unescape(raw []byte) (string, bool) {
	simple := true
	for _, c := range raw {
		if c < ' ' {
			return "", false
		}
		simple = simple && c != '\\' && c < utf8.RuneSelf
	}
	if simple {
		return string(raw), true
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return strings.ToValidUTF8(string(raw), "\ufffd"), true
	}
	var b strings.Builder
	b.Grow(len(raw))
	for len(raw) > 0 {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			b.Write(raw)
			break
		}
		b.Write(raw[:i])
		raw = raw[i+1:]
		if len(raw) == 0 {
			return "", false
		}
		c := raw[0]
		raw = raw[1:]
		switch c {
		case '"', '\\', '/':
			b.WriteByte(c)
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'u':
			r, ok := hex4(raw)
			if !ok {
				return "", false
			}
			raw = raw[4:]
			if utf16.IsSurrogate(r) {
				second := rune(-1)
				if len(raw) >= 6 && raw[0] == '\\' && raw[1] == 'u' {
					second, _ = hex4(raw[2:])
				}
				if r = utf16.DecodeRune(r, second); r != utf8.RuneError {
					raw = raw[6:]
				}
			}
			b.WriteRune(r)
		default:
			return "", false
		}
	}
	return strings.ToValidUTF8(b.String(), "\ufffd"), true
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	r := rune(0)
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
