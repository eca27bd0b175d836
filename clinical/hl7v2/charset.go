package hl7v2

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"

	"github.com/heliosai/helios-go/clinical"
)

// See https://terminology.hl7.org/CodeSystem-v2-0211.html
type charset struct {
	// oneByte is set for sets with one byte a character.
	oneByte *charmap.Charmap
	// isISO is set for ISO 8859, without characters from 0x80 to 0x9f.
	isISO bool
	// wide is set where a byte of a character can be that of a separator. These
	// are decoded before they are split.
	wide encoding.Encoding
}

var (
	undeclared = &charset{}
	utf8Text   = &charset{}
	ascii      = &charset{}
	// latin1 is read as what browsers read it as: its superset of Windows.
	latin1 = &charset{oneByte: charmap.Windows1252, isISO: true}
)

// charsets are those that are read, by what charsetOf leaves of their names.
var charsets = func() map[string]*charset {
	all := map[string]*charset{
		"": undeclared, "unicodeutf8": utf8Text, "utf8": utf8Text, "unicode": utf8Text,
		"ascii": ascii, "usascii": ascii, "ir6": ascii, "88591": latin1, "latin1": latin1, "ir100": latin1,
	}
	for names, set := range map[string]encoding.Encoding{
		"88592 ir101": charmap.ISO8859_2, "88593 ir109": charmap.ISO8859_3, "88594 ir110": charmap.ISO8859_4,
		"88595 ir144": charmap.ISO8859_5, "88596 ir127": charmap.ISO8859_6, "88597 ir126": charmap.ISO8859_7,
		"88598 ir138": charmap.ISO8859_8, "88599 ir148": charmap.ISO8859_9, "885910": charmap.ISO8859_10,
		"885913": charmap.ISO8859_13, "885914": charmap.ISO8859_14, "885915 latin9": charmap.ISO8859_15,
		"885916": charmap.ISO8859_16, "437": charmap.CodePage437, "850": charmap.CodePage850,
		"874": charmap.Windows874, "1250": charmap.Windows1250, "1251": charmap.Windows1251,
		"1252": charmap.Windows1252, "1253": charmap.Windows1253, "1254": charmap.Windows1254,
		"1255": charmap.Windows1255, "1256": charmap.Windows1256, "1257": charmap.Windows1257,
		"1258":                               charmap.Windows1258,
		"ir87 ir159 jisx0202 jas2020 2022jp": japanese.ISO2022JP,
		"ir13 ir14 shiftjis sjis 31j 932":    japanese.ShiftJIS,
		"eucjp":                              japanese.EUCJP,
		"gb180302000 gb18030 gbk gb2312 936": simplifiedchinese.GB18030,
		"big5 950":                           traditionalchinese.Big5,
		"ksx1001 ksc5601 euckr 949":          korean.EUCKR,
	} {
		c := &charset{wide: set, isISO: strings.HasPrefix(names, "8859")}
		if oneByte, ok := set.(*charmap.Charmap); ok {
			c.oneByte, c.wide = oneByte, nil
		}
		for name := range strings.FieldsSeq(names) {
			all[name] = c
		}
	}
	return all
}()

// charsetOf finds a charset by any spelling: 8859/1, ISO-8859-1, iso8859_1.
func charsetOf(name string) (*charset, bool) {
	name, _, _ = strings.Cut(name, ":") // the year of the standard
	name = strings.Join(wordsOf(name), "")
	for _, prefix := range [...]string{"iso", "iec", "windows", "cp", "win", "ms", "ibm"} {
		name = strings.TrimPrefix(name, prefix)
	}
	c, ok := charsets[name]
	return c, ok
}

// readCharset reads MSH-18: the set that a message begins with, and those that
// it changes to. They must be known and readable as one.
func (e *syntax) readCharset(field []byte) (c *charset, ok bool) {
	c, ok = undeclared, true
	for b := range e.repetitions(field) {
		next, known := charsetOf(string(bytes.TrimSpace(e.part(b, 1))))
		switch {
		case !known:
			ok = false
		case next == c, next == undeclared, next == ascii && c != undeclared:
		case c == undeclared, c == ascii, c.wide == japanese.ShiftJIS && next.wide == japanese.ISO2022JP:
			c = next
		case c.wide == japanese.ISO2022JP && next.wide == japanese.ShiftJIS:
		case c.wide != nil || next.wide != nil:
			ok = false
		}
	}
	return c, ok
}

// readable returns a segment that can be split, decoded if it is wide.
func (e *syntax) readable(segment []byte) ([]byte, bool) {
	if isPlain(segment) {
		return segment, true
	}
	isUTF8 := utf8.Valid(segment)

	if c := e.charset; c.wide != nil {
		// Characters of three bytes are not UTF-8 by accident.
		if isUTF8 && bytes.ContainsFunc(segment, func(r rune) bool { return r > 0x7ff }) {
			e.note = clinical.CharacterSet
			return segment, true
		}
		decoded, err := c.wide.NewDecoder().Bytes(segment)
		return decoded, err == nil && !bytes.ContainsRune(decoded, utf8.RuneError)
	}
	if bytes.IndexByte(segment, '\x1b') >= 0 { // begins another set, which is not declared
		return nil, false
	}

	switch {
	case isUTF8 || e.charset == utf8Text:
		return segment, true
	case e.charset.oneByte != nil:
		return segment, !e.charset.isISO || !slices.ContainsFunc(segment, isForeign)
	case e.charset == undeclared && isDamagedUTF8(segment):
		return segment, true
	case !isLatin(segment):
		return nil, false
	case e.charset == undeclared:
		e.note = clinical.CharacterSetGuessed
		decoded, err := charmap.Windows1252.NewDecoder().Bytes(segment)
		return decoded, err == nil
	}
	return segment, true
}

func isPlain(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf || c == '\x1b' {
			return false
		}
	}
	return true
}

// isForeign reports whether c is no character in ISO 8859, nor a punctuation
// mark in Windows-1252.
func isForeign(c byte) bool {
	return c > 0x80 && c < 0xa0 && c != 0x85 && (c < 0x91 || c > 0x97) && c != 0x99
}

// isDamagedUTF8 reports whether b is UTF-8 but for a few bytes.
func isDamagedUTF8(b []byte) bool {
	valid, broken := 0, 0
	for _, r := range string(b) {
		switch {
		case r == utf8.RuneError:
			broken++
		case r >= utf8.RuneSelf:
			valid += utf8.RuneLen(r)
		}
	}
	return valid >= 4*broken
}

// isLatin reports whether letters that are no ASCII stand alone, or two small
// ones side by side. In the sets of East Asia they come in pairs and rows.
func isLatin(b []byte) bool {
	row := 0
	for i, c := range b {
		if c < utf8.RuneSelf {
			row = 0
			continue
		}
		if row++; row > 2 || row == 2 && (c < 0xe0 || b[i-1] < 0xe0) || isForeign(c) {
			return false
		}
	}

	return true
}

// decode reads as UTF-8 what is, whatever is declared: no text is by accident.
func (e *syntax) decode(b []byte) string {
	if isPlain(b) {
		return string(b)
	}

	if utf8.Valid(b) {
		if e.charset == ascii || e.charset.oneByte != nil {
			e.note = clinical.CharacterSet
		}
		return string(b)
	}

	if e.charset.oneByte == nil {
		return strings.ToValidUTF8(string(b), "\ufffd")
	}
	b, _ = e.charset.oneByte.NewDecoder().Bytes(b)
	return strings.Map(func(r rune) rune {
		if r >= 0x80 && r < 0xa0 {
			return utf8.RuneError
		}
		return r
	}, string(b))
}
