package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestReflow(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                      "",
		"one\ntwo":                              "one two\n",
		"a line that is too wide\nand more":     "a line that is too\nwide and more\n",
		"one\ntwo\n\n  a  list\n  of  two\nend": "one two\n\n  a  list\n  of  two\nend\n",
	} {
		assert.Equal(t, want, reflow(text, 20), "%q", text)
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"short\n":                             "short\n",
		strings.Repeat(" ", 30):               "\n",
		"":                                    "",
		"a line that is too wide":             "a line that is too\n    wide\n",
		"  1  indented and aligned   text":    "  1  indented and\n      aligned   text\n",
		"  1  a-word-of-eighteen":             "  1\n  a-word-of-eighteen\n",
		"a-word-that-is-wider-than-it-may b":  "a-word-that-is-wider-than-it-may\n    b\n",
		"\x1b[32mok\x1b[0m  twenty columns a": "\x1b[32mok\x1b[0m  twenty columns a\n",
		"one\n\ntwo\n":                        "one\n\ntwo\n",
	} {
		assert.Equal(t, want, wrap(text, 20), "%q", text)
	}
}
