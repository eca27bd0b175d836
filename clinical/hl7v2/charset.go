package hl7v2

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// charset is how a message writes characters.
type charset uint8

const (
	utf8Text charset = iota
	latin1
	latin9
	asciiOnly // and of the other bytes it is not known what they mean
)

// charsets are the names of HL7's table 0211 and those that senders use instead. Of ISO 8859's other parts only the characters of ASCII are read.
//
// See https://terminology.hl7.org/CodeSystem-v2-0211.html
var charsets = map[string]charset{
	"UNICODE UTF-8": utf8Text, "UTF-8": utf8Text, "UTF8": utf8Text, "UNICODE": utf8Text,
	"ASCII": asciiOnly, "US-ASCII": asciiOnly, "ISO IR6": asciiOnly,
	"8859/1": latin1, "8859-1": latin1, "ISO-8859-1": latin1, "ISO8859-1": latin1, "ISO_8859-1": latin1, "LATIN1": latin1, "ISO IR100": latin1,
	"8859/15": latin9, "8859-15": latin9, "ISO-8859-15": latin9, "ISO8859-15": latin9, "ISO_8859-15": latin9, "LATIN9": latin9,
	"8859/2": asciiOnly, "8859/3": asciiOnly, "8859/4": asciiOnly, "8859/5": asciiOnly, "8859/6": asciiOnly, "8859/7": asciiOnly, "8859/8": asciiOnly,
	"8859/9": asciiOnly,
}

// charsetOf finds a charset by its name in MSH-18. Spaces and case do not matter.
// No name means UTF-8.
func charsetOf(name string) (charset, bool) {
	if name == "" {
		return utf8Text, true
	}
	c, ok := charsets[strings.Join(strings.Fields(strings.ToUpper(name)), " ")]
	return c, ok
}

// latin9Differs is where ISO 8859-15 differs from ISO 8859-1, whose bytes are the numbers of the characters.
var latin9Differs = map[byte]rune{
	0xa4: '€', 0xa6: 'Š', 0xa8: 'š', 0xb4: 'Ž', 0xb8: 'ž', 0xbc: 'Œ', 0xbd: 'œ', 0xbe: 'Ÿ',
}

// decode returns b in UTF-8, with U+FFFD for what cannot be read. What is UTF-8 is read as that, whatever the message declares: no text of a person is by
// accident.
func (e *encoding) decode(b []byte) string {
	if isASCII(b) {
		return string(b)
	}
	if utf8.Valid(b) {
		e.mismatch = e.mismatch || e.charset != utf8Text
		return string(b)
	}
	if e.charset != latin1 && e.charset != latin9 {
		return string(bytes.ToValidUTF8(b, []byte("\ufffd")))
	}
	var to strings.Builder
	to.Grow(len(b) + 8)
	for _, c := range b {
		r := rune(c)
		switch {
		case c >= 0x80 && c < 0xa0:
			r = utf8.RuneError // a control character, or a sign of a code page of Windows
		case e.charset == latin9 && latin9Differs[c] != 0:
			r = latin9Differs[c]
		}
		to.WriteRune(r)
	}
	return to.String()
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
