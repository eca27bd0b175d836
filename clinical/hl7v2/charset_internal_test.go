package hl7v2

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"

	"github.com/heliosai/helios-go/clinical"
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
			assert.Equal(t, test.mismatch, e.note == clinical.CharacterSet)
		})
	}
}

// TestCharsetOf has every name that is read, in some of its spellings.
func TestCharsetOf(t *testing.T) {
	t.Parallel()
	for set, names := range map[encoding.Encoding]string{
		nil: ", ASCII, us-ascii, ISO IR6, UNICODE UTF-8, UNICODE, utf-8, UTF8",
		charmap.Windows1252: "8859/1, 8859-1, ISO-8859-1, ISO8859-1, iso_8859-1:1987, ISO 8859/1, ISO/IEC 8859-1, " +
			"Latin1, latin-1, ISO IR100, WINDOWS-1252, windows1252, CP1252, cp-1252, Win1252, MS1252, ibm-1252, 1252",
		charmap.ISO8859_2: "8859/2, ISO-8859-2, ISO IR101", charmap.ISO8859_3: "8859/3, ISO8859-3, ISO IR109",
		charmap.ISO8859_4: "8859/4, iso8859_4, ISO IR110", charmap.ISO8859_5: "8859/5, ISO-8859-5, ISO IR144",
		charmap.ISO8859_6: "8859/6, ISO-8859-6, ISO IR127", charmap.ISO8859_7: "8859/7, ISO-8859-7, ISO IR126",
		charmap.ISO8859_8: "8859/8, ISO-8859-8, ISO IR138", charmap.ISO8859_9: "8859/9, ISO-8859-9, ISO IR148",
		charmap.ISO8859_10: "8859/10, ISO-8859-10", charmap.ISO8859_13: "8859/13, ISO-8859-13",
		charmap.ISO8859_14: "8859/14, ISO-8859-14", charmap.ISO8859_15: "8859/15, ISO-8859-15, Latin-9",
		charmap.ISO8859_16: "8859/16, ISO-8859-16", charmap.CodePage437: "CP437, IBM437, 437",
		charmap.CodePage850: "CP850, IBM-850", charmap.Windows874: "CP874, windows-874",
		charmap.Windows1250: "CP1250, windows-1250", charmap.Windows1251: "CP1251, Windows-1251",
		charmap.Windows1253: "CP1253, windows-1253", charmap.Windows1254: "CP1254, windows-1254",
		charmap.Windows1255: "CP1255, windows-1255", charmap.Windows1256: "CP1256, windows-1256",
		charmap.Windows1257: "CP1257, windows-1257", charmap.Windows1258: "CP1258, windows-1258",
		japanese.ISO2022JP:        "ISO IR87, ISO IR159, JIS X 0202, JAS2020, ISO-2022-JP",
		japanese.ShiftJIS:         "ISO IR13, ISO IR14, Shift_JIS, SJIS, Windows-31J, CP932, MS932",
		japanese.EUCJP:            "EUC-JP",
		simplifiedchinese.GB18030: "GB 18030-2000, GB18030, GBK, GB2312, CP936",
		traditionalchinese.Big5:   "BIG-5, Big5, CP950",
		korean.EUCKR:              "KS X 1001, KSC5601, EUC-KR, CP949, MS949",
	} {
		for name := range strings.SplitSeq(names, ",") {
			c, ok := charsetOf(strings.TrimSpace(name))
			assert.True(t, ok, name)
			switch {
			case set == nil:
				assert.Nil(t, c.wide, name)
				assert.Nil(t, c.oneByte, name)
			case c.wide != nil:
				assert.Equal(t, set, c.wide, name)
			default:
				assert.Same(t, set, c.oneByte, name)
				assert.Equal(t, strings.Contains(name, "8859") || strings.Contains(name, "ISO IR") ||
					strings.Contains(strings.ToLower(name), "latin"), c.isISO, name)
			}
		}
	}
	for name, want := range map[string]*charset{
		"": undeclared, "ISO IR6": ascii, "us-ascii": ascii, "utf-8": utf8Text, "UNICODE UTF-8": utf8Text,
	} {
		c, _ := charsetOf(name)
		assert.Same(t, want, c, name)
	}
	for _, name := range []string{"CNS 11643-1992", "UNICODE UTF-16", "UNICODE UTF-32", "8859/11", "CP037", "x"} {
		_, ok := charsetOf(name)
		assert.False(t, ok, name)
	}
}

func TestReadCharset(t *testing.T) {
	t.Parallel()
	iso2022JP, gb18030 := charsets["2022jp"], charsets["gb18030"]
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
	assert.Equal(t, clinical.CharacterSet, e.note)
	e.note = ""
	assert.Equal(t, "µg", e.text([]byte("µg")))
	assert.Equal(t, clinical.CharacterSet, e.note, "it is noticed in the next message too")
}
