package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Text that came from elsewhere must not move the cursor of a terminal, change
// its title, hide words or show them in another order. Results and progress
// pass through harmless or escapeJSON as a whole; what has to stay in one line,
// so that it cannot look like another, through printable before that.

// steers reports whether a terminal acts on r or hides it. Marks of direction
// for one character (U+200E, U+200F, U+061C) and joiners do not: right-to-left
// text and emoji need them.
func steers(r rune) bool {
	return unicode.IsControl(r) ||
		r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || // embeddings, overrides, isolates
		r == 0x2028 || r == 0x2029 || r == 0xfeff || r >= 0xfff9 && r <= 0xfffb ||
		r >= 0xe0000 && r <= 0xe007f // tags: text that nobody sees
}

// printable makes a part of a line: every character that steers becomes U+FFFD.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if steers(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// ownColour is a sequence that colours text here.
var ownColour = regexp.MustCompile("\x1b\\[(?:0|" + strings.Join([]string{bold, red, green, yellow}, "|") + ")m")

// harmless is printable for whole lines: their ends and tabs stay, and where
// the stream takes them the colours of this command line.
func harmless(text string, colours bool) string {
	var b strings.Builder
	for text != "" {
		plain, colour := text, ""
		if at := ownColour.FindStringIndex(text); colours && at != nil {
			plain, colour = text[:at[0]], text[at[0]:at[1]]
		}
		for _, r := range plain {
			if steers(r) && r != '\n' && r != '\t' {
				r = unicode.ReplacementChar
			}
			b.WriteRune(r)
		}
		b.WriteString(colour)
		text = text[len(plain)+len(colour):]
	}
	return b.String()
}

// harmlessWriter writes whole lines.
type harmlessWriter struct {
	w       io.Writer
	colours bool
}

func (h harmlessWriter) Write(lines []byte) (int, error) {
	if _, err := io.WriteString(h.w, harmless(string(lines), h.colours)); err != nil {
		return 0, err
	}
	return len(lines), nil
}

// escapeJSON writes what a terminal would act on in the strings of JSON as \u
// escapes, and the other format characters with it. The value stays the same.
func escapeJSON(text []byte) string {
	var b strings.Builder
	b.Grow(len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '\n' || r == '\t' || r == '\r': // outside of strings, which have escapes for them
			b.WriteRune(r)
		case r == utf8.RuneError && size == 1, steers(r), unicode.Is(unicode.Cf, r):
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, "\\u%04x", unit)
			}
		default:
			b.Write(text[:size])
		}
		text = text[size:]
	}
	return b.String()
}
