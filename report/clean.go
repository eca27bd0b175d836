package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// cleanText makes text fit to be shown. Bytes that are not UTF-8 become U+FFFD,
// and what could steer a terminal, reorder the text around it or is no
// character is removed. It reports at where what it has done.
func cleanText(s, where string, found *issues) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
		found.add(where, InvalidUTF8)
	}
	if !hasRefused(s) {
		return s
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if !hasRefused(s) {
		return s
	}

	found.add(where, ControlCharacters)
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r' || r == '\u2028' || r == '\u2029' || r == '\u0085':
			return '\n'
		case isRefused(r):
			return -1
		}
		return r
	}, s)
}

// hasRefused reports whether a character of s must not reach a page. Most
// texts are mostly ASCII.
func hasRefused(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return strings.ContainsFunc(s[i:], isRefused)
		}
		if s[i] < ' ' && s[i] != '\n' && s[i] != '\t' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// cleanLine is cleanText for what stands in one line.
func cleanLine(s, where string, found *issues) string {
	return strings.Join(strings.Fields(cleanText(s, where, found)), " ")
}

// isRefused reports whether r must not reach a page. Marks of direction for one
// character (U+200E, U+200F, U+061C) and joiners stay: right-to-left text and
// emoji need them.
func isRefused(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r < ' ', r >= 0x7f && r < 0xa0: // C0, DEL, C1
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // embeddings, overrides, isolates
		return true
	case r == 0x2028, r == 0x2029, r == 0xfeff, r >= 0xfff9 && r <= 0xfffb:
		return true
	case r >= 0xe0000 && r <= 0xe007f: // tags: text that nobody sees
		return true
	case r < 0x10000:
		return unicode.Is(unicode.Co, r) || r >= 0xfdd0 && r <= 0xfdef || r >= 0xfffe
	}
	return r&0xfffe == 0xfffe
}
