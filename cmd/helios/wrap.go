package main

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// escape is a sequence that colours text and takes no room.
var escape = regexp.MustCompile("\x1b\\[[0-9;]*m")

func columns(text string) int { return utf8.RuneCountInString(escape.ReplaceAllString(text, "")) }

// hanging is how much further the lines go in that continue another.
const hanging = "    "

// wrap breaks the lines of text that are wider than a terminal, between words.
// A word that is wider than the terminal stays whole, so that it can be copied.
func wrap(text string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if columns(line) <= width {
			b.WriteString(line + "\n")
			continue
		}
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		fill(&b, line, indent+hanging, width)
	}
	return b.String()
}

// reflow fills the paragraphs of text to a width, wherever their lines ended.
// Lines that are indented stay.
func reflow(text string, width int) string {
	var b strings.Builder
	var words []string
	end := func() {
		if words != nil {
			fill(&b, strings.Join(words, " "), "", width)
			words = nil
		}
	}
	for line := range strings.Lines(ended(text)) {
		if strings.HasPrefix(line, " ") || line == "\n" {
			end()
			b.WriteString(line)
			continue
		}
		words = append(words, strings.Fields(line)...)
	}
	end()
	return b.String()
}

// spaced is a word with the spaces before it.
var spaced = regexp.MustCompile(`( *)([^ ]+)`)

// fill writes text in lines of at most width columns. All but the first are
// indented, as far as there is room for it.
func fill(b *strings.Builder, text, indent string, width int) {
	line := ""
	for _, found := range spaced.FindAllStringSubmatch(text, -1) {
		gap, word := found[1], found[2]
		if line == "" || columns(line+gap+word) <= width {
			line += gap + word
			continue
		}
		b.WriteString(line + "\n")
		line = indent[:min(len(indent), max(0, width-columns(word)))] + word
	}
	b.WriteString(line + "\n")
}
