package hl7v2

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/heliosai/helios-go/clinical"
)

const maxFields = 64

// maxInterned bounds the texts that are kept once for many results.
const (
	maxInterned       = 2048
	maxInternedLength = 256
)

// delimiters are a message's separators, 0 for one that it does not have.
type delimiters struct{ field, component, repetition, escape, sub byte }

type syntax struct {
	delimiters
	charset *charset
	// note is what is to be said of the message's charset: it is guessed, or a
	// text is UTF-8 though another one is declared.
	note clinical.Reason

	interned map[string]string
	scratch  []byte
	fields   [][]byte
}

func (e *syntax) readDelimiters(segment []byte) bool {
	if len(segment) < 5 {
		return false
	}

	all := [5]byte{segment[3]}
	chars, _, _ := bytes.Cut(segment[4:], all[:1])
	for i, c := range chars[:min(len(chars), 4)] {
		if !isSeparator(c) || bytes.IndexByte(all[:i+1], c) >= 0 {
			return false
		}
		all[i+1] = c
	}

	e.delimiters = delimiters{all[0], all[1], all[2], all[3], all[4]}
	return e.component != 0
}

// split returns the fields, valid until the next call.
func (e *syntax) split(segment []byte) [][]byte {
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

func (e *syntax) repetitions(field []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for e.repetition != 0 {
			i := bytes.IndexByte(field, e.repetition)
			if i < 0 {
				break
			}
			if !yield(field[:i]) {
				return
			}
			field = field[i+1:]
		}
		yield(field)
	}
}

func (e *syntax) first(field []byte) []byte { return nth(field, e.repetition, 1) }

// part returns the component with a number, or a subcomponent of it.
func (e *syntax) part(b []byte, numbers ...int) []byte {
	separators := [2]byte{e.component, e.sub}
	for i, n := range numbers {
		b = nth(b, separators[i], n)
	}
	return b
}

// code returns a first component, to be compared with words of a table.
func (e *syntax) code(field []byte) string { return strings.ToUpper(e.compared(e.first(field), 1)) }

const maxCompared = 256

func limited(s string) string {
	if len(s) > maxCompared {
		return strings.ToValidUTF8(strings.Clone(s[:maxCompared]), "")
	}
	return s
}

func (e *syntax) compared(b []byte, numbers ...int) string { return limited(e.text(b, numbers...)) }

// coded is a CE or CWE by the numbers of its components: code, text and system,
// the same of an alternate code, and at 9 the text as it was written.
type coded [10]string

func (e *syntax) coded(field []byte) (c coded) {
	field = e.first(field)
	for _, n := range [7]int{1, 2, 3, 4, 5, 6, 9} { // not the versions of the systems
		c[n] = e.text(field, n)
	}
	return c
}

// null is how a message says that a field is empty on purpose.
const null = `""`

// text returns a part in UTF-8 and without escapes, with U+FFFD for what cannot
// be read. Names and units come again and are kept once.
func (e *syntax) text(b []byte, numbers ...int) string {
	b = bytes.TrimSpace(e.part(b, numbers...))
	if len(b) == 0 {
		return ""
	}
	if s, ok := e.interned[string(b)]; ok {
		return s
	}

	s := e.textOnce(b)
	if len(b) <= maxInternedLength && len(e.interned) < maxInterned && e.note != clinical.CharacterSet {
		key := s
		if string(b) != s {
			key = string(b)
		}
		e.interned[key] = s
	}
	return s
}

// textOnce is text for what does not come again.
func (e *syntax) textOnce(b []byte) string {
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

// unescape keeps what is no escape of the standard.
func (e *syntax) unescape(to, b []byte) []byte {
	for {
		text, rest, begins := bytes.Cut(b, []byte{e.escape})
		to = append(to, text...)
		if !begins {
			return to
		}
		sequence, after, ends := bytes.Cut(rest, []byte{e.escape})
		if !ends {
			return append(append(to, e.escape), rest...)
		}

		var known bool
		if to, known = e.unescaped(to, sequence); known {
			b = after
			continue
		}
		// The second escape character may begin a sequence of its own.
		to, b = append(to, e.escape), rest
	}
}

func (e *syntax) unescaped(to, sequence []byte) (_ []byte, known bool) {
	// # is the truncation character of version 2.7.
	separators := [6]byte{e.field, e.component, cmp.Or(e.sub, '&'), cmp.Or(e.repetition, '~'), e.escape, '#'}
	if i := strings.Index("FSTREP", string(sequence)); i >= 0 && len(sequence) == 1 {
		return append(to, separators[i]), true
	}

	switch s := string(sequence); {
	case s == "H", s == "N", s == ".fi", s == ".nf":
		return to, true // highlighting, and whether lines are filled
	case s == ".br", s == ".ce", strings.HasPrefix(s, ".sp"):
		return append(to, '\n'), true
	case len(s) < 3:
		return to, false
	case s[0] == '.': // indents
		return append(to, ' '), true
	case s[0] == 'X':
		return e.hexadecimal(to, sequence[1:])
	case (s[0] == 'C' || s[0] == 'M') && isDigit(s[1]):
		return append(to, "\ufffd"...), true // another character set begins, which is not read
	}
	return to, false
}

func (e *syntax) hexadecimal(to, digits []byte) (_ []byte, known bool) {
	n := len(to)
	to, err := hex.AppendDecode(to, digits)
	if err != nil {
		return to[:n], false
	}
	if e.charset.wide != nil { // what stands around it is UTF-8 already
		decoded, _ := e.charset.wide.NewDecoder().Bytes(to[n:])
		to = append(to[:n], decoded...)
	}
	return to, true
}

func clean(s string) string {
	if strings.IndexFunc(s, isControl) < 0 {
		return s
	}

	return strings.Map(func(r rune) rune {
		if isControl(r) {
			return ' '
		}
		return r
	}, lineBreaks.Replace(s))
}

var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n")

func isControl(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 }

func oneLine(s string) string {
	if strings.IndexByte(s, '\n') < 0 {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

func unreadable(s string) bool { return strings.ContainsRune(s, utf8.RuneError) }
