package hl7v2

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		charset  string
		in, want string
		mismatch bool
	}{
		"UTF-8":                    {"UNICODE UTF-8", "µg/l", "µg/l", false},
		"UTF-8 by default":         {"", "µg/l", "µg/l", false},
		"UTF-8, damaged":           {"", "\xb5g/l", "\ufffdg/l", false},
		"Latin 1":                  {"8859/1", "\xb5g/l \xe4", "µg/l ä", false},
		"Latin 1 that is UTF-8":    {"8859/1", "µg/l", "µg/l", true},
		"Latin 1, Windows":         {"8859/1", "\x80 \xe4", "€ ä", false},
		"Latin 1, no character":    {"8859/1", "\x81 \xe4", "\ufffd ä", false},
		"Latin 2, no character":    {"8859/2", "\x85 \xe4", "\ufffd ä", false},
		"Latin 1, currency":        {"8859/1", "\xa4", "¤", false},
		"Latin 9, euro":            {"8859/15", "\xa4 \xbd \xb5", "€ œ µ", false},
		"ASCII":                    {"ASCII", "g/l", "g/l", false},
		"ASCII that is UTF-8":      {"ASCII", "µg/l", "µg/l", true},
		"ASCII that is not":        {"ASCII", "\xb5g/l", "\ufffdg/l", false},
		"Cyrillic":                 {"8859/5", "\xd3/\xdb", "г/л", false},
		"Windows":                  {"WINDOWS-1252", "\x93\xb5\x94", "“µ”", false},
		"with more spaces in name": {"UNICODE  utf-8", "µ", "µ", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := usual()
			var ok bool
			e.charset, ok = charsetOf(test.charset)
			assert.True(t, ok)
			assert.Equal(t, test.want, e.decode([]byte(test.in)))
			assert.Equal(t, test.mismatch, e.mismatch)
		})
	}
}

func TestCharsetOf(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"8859/1", "8859-1", "ISO-8859-1", "ISO8859-1", "iso_8859-1:1987", "ISO 8859/1", "ISO/IEC 8859-1", "Latin1",
		"latin-1", "ISO IR100",
	} {
		c, ok := charsetOf(name)
		assert.True(t, ok, name)
		assert.Same(t, latin1, c, name)
	}
	for _, name := range []string{"WINDOWS-1252", "windows1252", "CP1252", "cp-1252", "Win1252", "1252"} {
		c, ok := charsetOf(name)
		assert.True(t, ok, name)
		assert.Same(t, codePages["1252"], c, name)
	}
	for name, want := range map[string]*charset{
		"": undeclared, "ISO IR6": ascii, "us-ascii": ascii, "8859/5": parts8859["5"], "ISO IR144": parts8859["5"],
		"ISO IR87": iso2022JP, "JIS X 0202": iso2022JP, "Shift_JIS": shiftJIS, "GB 18030-2000": gb18030,
		"GB2312":    gb18030,
		"KS X 1001": eucKR, "BIG-5": big5, "utf-8": utf8Text,
	} {
		c, ok := charsetOf(name)
		assert.True(t, ok, name)
		assert.Same(t, want, c, name)
	}
	for _, name := range []string{"CNS 11643-1992", "UNICODE UTF-16", "UNICODE UTF-32", "8859/11", "x"} {
		_, ok := charsetOf(name)
		assert.False(t, ok, name)
	}
}

func TestReadCharset(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]*charset{
		"": undeclared, "8859/1": latin1, "~ISO IR87": iso2022JP, "ASCII~ISO IR87": iso2022JP,
		"ISO IR13~ISO IR87": iso2022JP,
		"ISO IR87~ISO IR14": iso2022JP, "ISO IR6~ISO IR159": iso2022JP, "~8859/1": latin1, "ASCII~8859/1": latin1,
		"8859/1~ASCII":  latin1,
		"8859/1~8859/2": latin1, "UNICODE UTF-8~8859/1": utf8Text, "~GB 18030-2000": gb18030, "8859/1^x": latin1,
		"8859/1~ISO IR87": nil, "KS X 1001~GB 18030-2000": nil, "8859/1~x": nil, "UNICODE UTF-8~ISO IR87": nil,
	} {
		c, ok := usual().readCharset([]byte(field))
		assert.Equal(t, want != nil, ok, field)
		if ok {
			assert.Same(t, want, c, field)
		}
	}
}

func TestTextIsNotKeptFromOtherCharsets(t *testing.T) {
	t.Parallel()
	e := usual()
	e.charset = latin1
	assert.Equal(t, "µg", e.text([]byte("µg")))
	assert.True(t, e.mismatch)
	e.mismatch = false
	assert.Equal(t, "µg", e.text([]byte("µg")))
	assert.True(t, e.mismatch, "it is noticed in the next message too")
}
