package hl7v2

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func usual() *syntax {
	return &syntax{charset: undeclared, interned: map[string]string{}, delimiters: delimiters{'|', '^', '~', '\\', '&'}}
}

func TestReadDelimiters(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   string
		want delimiters
		ok   bool
	}{
		"usual":               {`MSH|^~\&|A`, delimiters{'|', '^', '~', '\\', '&'}, true},
		"with truncation":     {`MSH|^~\&#|A`, delimiters{'|', '^', '~', '\\', '&'}, true},
		"nothing behind":      {`MSH|^~\&`, delimiters{'|', '^', '~', '\\', '&'}, true},
		"others":              {`MSH*:;?!*A`, delimiters{'*', ':', ';', '?', '!'}, true},
		"fewer":               {`MSH|^~|A`, delimiters{'|', '^', '~', 0, 0}, true},
		"none":                {`MSH||A`, delimiters{}, false},
		"twice the same":      {`MSH|^^\&|A`, delimiters{}, false},
		"the field separator": {`MSH|^~\|A`, delimiters{'|', '^', '~', '\\', 0}, true},
		"letters":             {`MSH|ABCD|A`, delimiters{}, false},
		"a space":             {`MSH|^ \&|A`, delimiters{}, false},
		"too short":           {`MSH|`, delimiters{}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := syntax{charset: undeclared}
			ok := e.readDelimiters([]byte(test.in))
			assert.Equal(t, test.ok, ok)
			if ok {
				assert.Equal(t, test.want, e.delimiters)
			}
		})
	}
}

func TestFieldsAndComponents(t *testing.T) {
	t.Parallel()
	e := usual()
	f := e.split([]byte("OBX|1||a^b^&c~d||"))
	assert.Len(t, f, 6)
	assert.Equal(t, "a^b^&c", string(e.first(at(f, 3))))
	assert.Equal(t, "b", e.text(e.first(at(f, 3)), 2))
	assert.Empty(t, e.text(at(f, 3), 7))
	assert.Nil(t, at(f, 40))
	assert.Len(t, e.split([]byte(strings.Repeat("|", 10_000))), maxFields)
	assert.Equal(t, "whole", string(nth([]byte("whole"), 0, 1)))
	assert.Nil(t, nth([]byte("whole"), 0, 2))
}

func TestText(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, want string }{
		"plain":                {"Glucose", "Glucose"},
		"spaces around":        {"  Glucose ", "Glucose"},
		"empty":                {"", ""},
		"null":                 {`""`, ""},
		"separators":           {`a\F\b\S\c\T\d\R\e\E\f`, `a|b^c&d~e\f`},
		"truncation":           {`a\P\b`, "a#b"},
		"line break":           {`one\.br\two`, "one\ntwo"},
		"more formatting":      {`a\.sp2\b\.in+2\c\.ce\d\.fi\e`, "a\nb c\nde"},
		"highlighting":         {`\H\bold\N\ plain`, "bold plain"},
		"hexadecimal":          {`5\XC2B5\g`, "5µg"},
		"hexadecimal break":    {`one\X0D0A\two`, "one\ntwo"},
		"hexadecimal control":  {`a\X0002\b`, "a  b"},
		"hexadecimal, odd":     {`a\XC\b`, `a\XC\b`},
		"hexadecimal, no":      {`a\XZZ\b`, `a\XZZ\b`},
		"hexadecimal, damaged": {`a\XFF\b`, "a\ufffdb"},
		"other charset":        {`\C2842\abc\M261B42\`, "\ufffdabc\ufffd"},
		"a path":               {`C:\dir\T\x`, `C:\dir&x`},
		"no end":               {`a\Fb`, `a\Fb`},
		"one":                  {`\`, `\`},
		"two":                  {`\\`, `\\`},
		"unknown":              {`a\Zcustom\b`, `a\Zcustom\b`},
		"tab":                  {"a\tb", "a b"},
		"not UTF-8":            {"5 \xb5g", "5 \ufffdg"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := usual()
			assert.Equal(t, test.want, e.text([]byte(test.in)))
			assert.Equal(t, test.want, e.text([]byte(test.in)), "from memory")
		})
	}
	e := &syntax{charset: undeclared, interned: map[string]string{}, delimiters: delimiters{'|', '^', '~', 0, 0}}
	assert.Equal(t, `a\T\b`, e.text([]byte(`a\T\b`)), "without an escape character")
	e = &syntax{charset: undeclared, interned: map[string]string{}, delimiters: delimiters{'|', '^', 0, '\\', 0}}
	assert.Equal(t, `a&~b`, e.text([]byte(`a\T\\R\b`)), "without the separators that are escaped")
}

func TestTimestamp(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"2024":                     "2024",
		"202403":                   "2024-03",
		"20240305":                 "2024-03-05",
		" 20240305 ":               "2024-03-05",
		"2024030513":               "2024-03-05T13",
		"202403051358":             "2024-03-05T13:58",
		"20240305135832":           "2024-03-05T13:58:32",
		"20240305135832.1234-0500": "2024-03-05T13:58:32.1234-05:00",
		"202403051358+0000":        "2024-03-05T13:58+00:00",
		"20240305000000":           "2024-03-05T00:00:00",
		"20240305+0100":            "2024-03-05",
		"":                         "",
		"2024-03-05":               "",
		"20241305":                 "",
		"20240230":                 "",
		"00000000":                 "",
		"0000":                     "",
		"DATE!":                    "",
		"202":                      "",
		"20243":                    "",
		"2024030513583212":         "",
		"20240305+01":              "",
		"20240305+01:00":           "",
		"20240305135832.12x":       "",
		"20240305135832.1234567890123456789012345": "",
	} {
		assert.Equal(t, want, timestamp([]byte(in)), in)
	}
	for in, want := range map[string]string{"13": "13", "1358": "13:58", "135832.5-0500": "13:58:32", "1": "",
		"x": "", "": "", "13583212": ""} {
		assert.Equal(t, want, clock([]byte(in)), in)
	}
}
