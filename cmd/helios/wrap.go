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
		fill(&b, strings.Fields(line), indent, indent+hanging, width)
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
			fill(&b, words, "", "", width)
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

// fill writes words in lines of at most width columns.
func fill(b *strings.Builder, words []string, first, others string, width int) {
	if len(words) == 0 {
		b.WriteString("\n")
		return
	}
	line := first + words[0]
	for _, word := range words[1:] {
		if columns(line)+1+columns(word) <= width {
			line += " " + word
			continue
		}
		b.WriteString(line + "\n")
		line = others + word
	}
	b.WriteString(line + "\n")
}
