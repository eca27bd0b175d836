package hl7v2

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxFields is how many fields of a segment are looked at. None that is used has a higher number.
const maxFields = 64

// maxInterned bounds the texts that are kept once for many results.
const (
	maxInterned       = 2048
	maxInternedLength = 256
)

// delimiters are a message's separators, 0 for one that it does not have.
type delimiters struct{ field, component, repetition, escape, sub byte }

// encoding is how a message writes its fields.
type encoding struct {
	delimiters
	charset charset
	// mismatch is set when a text is not in the charset that the message declares.
	mismatch bool

	interned map[string]string
	scratch  []byte
	fields   [][]byte
}

// readDelimiters reads MSH-1 and MSH-2. It returns false if they are not usable.
func (e *encoding) readDelimiters(segment []byte) bool {
	if len(segment) < 5 {
		return false
	}
	e.field = segment[3]
	chars, _, _ := bytes.Cut(segment[4:], []byte{e.field})
	seen := string(e.field)
	into := [4]*byte{&e.component, &e.repetition, &e.escape, &e.sub}
	for i, to := range into {
		*to = 0
		if i >= len(chars) {
			continue
		}
		if !isSeparator(chars[i]) || strings.IndexByte(seen, chars[i]) >= 0 {
			return false
		}
		*to = chars[i]
		seen += string(chars[i])
	}
	return e.component != 0
}

// split returns the fields of a segment; the one with number n is at n. It is valid until the next call.
func (e *encoding) split(segment []byte) [][]byte {
	e.fields = e.fields[:0]
	for len(e.fields) < maxFields {
		i := bytes.IndexByte(segment, e.field)
		if i < 0 {
			e.fields = append(e.fields, segment)
			break
		}
		e.fields = append(e.fields, segment[:i])
		segment = segment[i+1:]
	}
	return e.fields
}

// at returns a field, or nothing where the segment is shorter.
func at(fields [][]byte, n int) []byte {
	if n < len(fields) {
		return fields[n]
	}
	return nil
}

// nth returns the part with number n, from 1, of what c separates.
func nth(b []byte, c byte, n int) []byte {
	if c == 0 {
		if n == 1 {
			return b
		}
		return nil
	}
	for ; n > 1; n-- {
		i := bytes.IndexByte(b, c)
		if i < 0 {
			return nil
		}
		b = b[i+1:]
	}
	if i := bytes.IndexByte(b, c); i >= 0 {
		b = b[:i]
	}
	return b
}

// repetitions calls do with each repetition of a field.
func (e *encoding) repetitions(field []byte, do func([]byte)) {
	for e.repetition != 0 {
		i := bytes.IndexByte(field, e.repetition)
		if i < 0 {
			break
		}
		do(field[:i])
		field = field[i+1:]
	}
	do(field)
}

func (e *encoding) first(field []byte) []byte { return nth(field, e.repetition, 1) }

func (e *encoding) componentText(b []byte, n int) string { return e.text(nth(b, e.component, n)) }

// code returns the first component of a field, which is compared with the words of a table.
func (e *encoding) code(field []byte) string {
	b := bytes.TrimSpace(nth(e.first(field), e.component, 1))
	if len(b) > maxCompared || string(b) == null {
		return ""
	}
	return strings.ToUpper(string(b))
}

// maxCompared is how much of what is only compared is kept, in bytes.
const maxCompared = 256

// compared returns the start of a component that is compared and not sent.
func (e *encoding) compared(b []byte, n int) string {
	s := e.componentText(b, n)
	if len(s) > maxCompared {
		return strings.ToValidUTF8(strings.Clone(s[:maxCompared]), "")
	}
	return s
}

// null is how a message says that a field is empty on purpose.
const null = `""`

// text returns what is written in a component, without its escapes and in UTF-8. What cannot be read is U+FFFD in it.
// Line breaks are kept; see oneLine. The text is kept for others that are the same: names and units come again and again.
func (e *encoding) text(b []byte) string {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return ""
	}
	if s, ok := e.interned[string(b)]; ok {
		return s
	}
	s := e.textOnce(b)
	if len(b) <= maxInternedLength && len(e.interned) < maxInterned && !e.mismatch {
		if e.interned == nil {
			e.interned = map[string]string{}
		}
		key := s
		if string(b) != s {
			key = string(b)
		}
		e.interned[key] = s
	}
	return s
}

// textOnce is text for what does not come again.
func (e *encoding) textOnce(b []byte) string {
	b = bytes.TrimSpace(b)
	if len(b) == 0 || string(b) == null {
		return ""
	}
	if e.escape != 0 && bytes.IndexByte(b, e.escape) >= 0 {
		e.scratch = e.unescape(e.scratch[:0], b)
		b = e.scratch
	}
	return strings.TrimSpace(clean(e.decode(b)))
}

// unescape appends what b says without its escapes. What is no escape of the standard is kept as it is.
func (e *encoding) unescape(to, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, e.escape)
		if i < 0 {
			return append(to, b...)
		}
		to = append(to, b[:i]...)
		n := bytes.IndexByte(b[i+1:], e.escape)
		if n < 0 {
			return append(to, b[i:]...)
		}
		sequence := b[i+1 : i+1+n]
		var known bool
		if to, known = e.unescaped(to, sequence); !known {
			// The second escape character may begin a sequence of its own.
			to = append(to, b[i:i+1+n]...)
			b = b[i+1+n:]
			continue
		}
		b = b[i+n+2:]
	}
}

func (e *encoding) unescaped(to, sequence []byte) (_ []byte, known bool) {
	switch string(sequence) {
	case "F":
		return append(to, e.field), true
	case "S":
		return appendOr(to, e.component, '^'), true
	case "T":
		return appendOr(to, e.sub, '&'), true
	case "R":
		return appendOr(to, e.repetition, '~'), true
	case "E":
		return append(to, e.escape), true
	case "P":
		return append(to, '#'), true // the truncation character of version 2.7
	case "H", "N":
		return to, true // highlighting
	case ".br", ".ce":
		return append(to, '\n'), true
	case ".fi", ".nf":
		return to, true
	}
	switch {
	case bytes.HasPrefix(sequence, []byte(".sp")):
		return append(to, '\n'), true
	case bytes.HasPrefix(sequence, []byte(".in")), bytes.HasPrefix(sequence, []byte(".ti")), bytes.HasPrefix(sequence, []byte(".sk")):
		return append(to, ' '), true
	case len(sequence) > 2 && len(sequence)%2 == 1 && sequence[0] == 'X':
		n := len(to)
		for i := 1; i < len(sequence); i += 2 {
			c, err := strconv.ParseUint(string(sequence[i:i+2]), 16, 8)
			if err != nil {
				return to[:n], false
			}
			to = append(to, byte(c))
		}
		return to, true
	case len(sequence) > 1 && (sequence[0] == 'C' || sequence[0] == 'M') && isHex(sequence[1:]):
		return append(to, "\ufffd"...), true // another character set begins, which is not read
	}
	return to, false
}

func isHex(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) && (c&^0x20 < 'A' || c&^0x20 > 'F') {
			return false
		}
	}
	return len(b)%2 == 0
}

// appendOr appends a separator, or the usual one where the message has none.
func appendOr(to []byte, c, usual byte) []byte {
	if c == 0 {
		c = usual
	}
	return append(to, c)
}

// clean replaces control characters other than line breaks by spaces.
func clean(s string) string {
	if strings.IndexFunc(s, isControl) < 0 {
		return s
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case isControl(r):
			return ' '
		}
		return r
	}, s)
}

func isControl(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 }

// oneLine joins the lines of a text.
func oneLine(s string) string {
	if strings.IndexByte(s, '\n') < 0 {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// unreadable tells whether a part of a text could not be read.
func unreadable(s string) bool { return strings.ContainsRune(s, utf8.RuneError) }
