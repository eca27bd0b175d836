package hl7v2

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
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
	latin1    = &charset{oneByte: charmap.Windows1252, isISO: true}
	iso2022JP = &charset{wide: japanese.ISO2022JP}
	shiftJIS  = &charset{wide: japanese.ShiftJIS}
	gb18030   = &charset{wide: simplifiedchinese.GB18030}
	eucKR     = &charset{wide: korean.EUCKR}
	big5      = &charset{wide: traditionalchinese.Big5}
	parts8859 = map[string]*charset{
		"1": latin1, "2": iso8859(charmap.ISO8859_2), "3": iso8859(charmap.ISO8859_3), "4": iso8859(charmap.ISO8859_4),
		"5": iso8859(charmap.ISO8859_5), "6": iso8859(charmap.ISO8859_6), "7": iso8859(charmap.ISO8859_7),
		"8": iso8859(charmap.ISO8859_8), "9": iso8859(charmap.ISO8859_9), "10": iso8859(charmap.ISO8859_10),
		"13": iso8859(charmap.ISO8859_13), "14": iso8859(charmap.ISO8859_14), "15": iso8859(charmap.ISO8859_15),
		"16": iso8859(charmap.ISO8859_16),
	}
	codePages = map[string]*charset{
		"874": {oneByte: charmap.Windows874}, "1250": {oneByte: charmap.Windows1250},
		"1251": {oneByte: charmap.Windows1251},
		"1252": {oneByte: charmap.Windows1252}, "1253": {oneByte: charmap.Windows1253},
		"1254": {oneByte: charmap.Windows1254}, "1255": {oneByte: charmap.Windows1255},
		"1256": {oneByte: charmap.Windows1256}, "1257": {oneByte: charmap.Windows1257},
		"1258": {oneByte: charmap.Windows1258}, "437": {oneByte: charmap.CodePage437},
		"850": {oneByte: charmap.CodePage850},
		"932": shiftJIS, "936": gb18030, "949": eucKR, "950": big5,
	}
)

func iso8859(set *charmap.Charmap) *charset { return &charset{oneByte: set, isISO: true} }

var charsets = map[string]*charset{
	"": undeclared, "UNICODEUTF8": utf8Text, "UTF8": utf8Text, "UNICODE": utf8Text,
	"ASCII": ascii, "USASCII": ascii, "IR6": ascii,
	"LATIN1": latin1, "LATIN9": parts8859["15"], "IR100": latin1, "IR101": parts8859["2"], "IR109": parts8859["3"],
	"IR110": parts8859["4"], "IR144": parts8859["5"], "IR127": parts8859["6"], "IR126": parts8859["7"],
	"IR138": parts8859["8"], "IR148": parts8859["9"],
	"IR87": iso2022JP, "IR159": iso2022JP, "JISX0202": iso2022JP, "JAS2020": iso2022JP, "2022JP": iso2022JP,
	"IR13": shiftJIS, "IR14": shiftJIS, "SHIFTJIS": shiftJIS, "SJIS": shiftJIS, "WINDOWS31J": shiftJIS,
	"EUCJP":       {wide: japanese.EUCJP},
	"GB180302000": gb18030, "GB18030": gb18030, "GBK": gb18030, "GB2312": gb18030, "BIG5": big5,
	"KSX1001": eucKR, "KSC5601": eucKR, "EUCKR": eucKR,
}

// charsetOf finds a charset by any spelling: 8859/1, ISO-8859-1, iso8859_1.
func charsetOf(name string) (*charset, bool) {
	name, _, _ = strings.Cut(strings.ToUpper(name), ":") // the year of the standard
	name = strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, name)
	name = strings.TrimPrefix(strings.TrimPrefix(name, "ISO"), "IEC")

	if part, ok := strings.CutPrefix(name, "8859"); ok {
		c, ok := parts8859[part]
		return c, ok
	}
	for _, prefix := range [5]string{"WINDOWS", "CP", "WIN", "MS", "IBM"} {
		if c := codePages[strings.TrimPrefix(name, prefix)]; c != nil {
			return c, true
		}
	}
	c, ok := charsets[name]
	return c, ok
}

// readCharset reads MSH-18: the set that a message begins with, and those that
// it changes to. They must be known and readable as one.
func (e *syntax) readCharset(field []byte) (c *charset, ok bool) {
	c, ok = undeclared, true
	e.repetitions(field, func(b []byte) {
		next, known := charsetOf(string(bytes.TrimSpace(nth(b, e.component, 1))))
		switch {
		case !known:
			ok = false
		case next == c, next == undeclared, next == ascii && c != undeclared:
		case c == undeclared, c == ascii, c == shiftJIS && next == iso2022JP:
			c = next
		case c == iso2022JP && next == shiftJIS:
		case c.wide != nil || next.wide != nil:
			ok = false
		}
	})
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
			e.mismatch = true
			return segment, true
		}
		decoded, err := c.wide.NewDecoder().Bytes(segment)
		return decoded, err == nil && !bytes.ContainsRune(decoded, utf8.RuneError)
	}
	if bytes.IndexByte(segment, escapeByte) >= 0 { // begins another set, which is not declared
		return nil, false
	}

	switch {
	case isUTF8 || e.charset == utf8Text:
		return segment, true
	case e.charset.oneByte != nil:
		return segment, !e.charset.isISO || !bytes.ContainsFunc(decodeOneByte(segment, charmap.ISO8859_1), isForeign)
	case e.charset == undeclared && isDamagedUTF8(segment):
		return segment, true
	case !isLatin(segment):
		return nil, false
	case e.charset == undeclared:
		e.guessed = true
		return decodeOneByte(segment, charmap.Windows1252), true
	}
	return segment, true
}

const escapeByte = 0x1b

func isPlain(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf || c == escapeByte {
			return false
		}
	}
	return true
}

// isForeign reports whether r, read in ISO 8859, is also no punctuation mark in
// Windows-1252.
func isForeign(r rune) bool {
	return r >= 0x80 && r < 0xa0 && r != 0x80 && r != 0x85 && (r < 0x91 || r > 0x97) && r != 0x99
}

// isDamagedUTF8 reports whether b is UTF-8 but for a few bytes.
func isDamagedUTF8(b []byte) bool {
	valid, broken := 0, 0
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1:
			broken++
		case n > 1:
			valid += n
		}
		b = b[n:]
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
		if row++; row > 2 || row == 2 && (c < 0xe0 || b[i-1] < 0xe0) {
			return false
		}
		if isForeign(rune(c)) {
			return false
		}
	}

	return true
}

// decodeOneByte returns b in UTF-8, with U+FFFD for bytes without a meaning.
func decodeOneByte(b []byte, set *charmap.Charmap) []byte {
	to := make([]byte, 0, len(b)+8)
	for _, c := range b {
		to = utf8.AppendRune(to, set.DecodeByte(c))
	}
	return to
}

// decode reads as UTF-8 what is, whatever is declared: no text is by accident.
func (e *syntax) decode(b []byte) string {
	if isPlain(b) {
		return string(b)
	}

	if utf8.Valid(b) {
		e.mismatch = e.mismatch || e.charset == ascii || e.charset.oneByte != nil
		return string(b)
	}

	if e.charset.oneByte == nil {
		return string(bytes.ToValidUTF8(b, []byte("\ufffd")))
	}
	return strings.Map(func(r rune) rune {
		if r >= 0x80 && r < 0xa0 {
			return utf8.RuneError
		}
		return r
	}, string(decodeOneByte(b, e.charset.oneByte)))
}
