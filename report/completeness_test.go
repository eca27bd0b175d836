package report_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/report"
)

// TestEveryWordIsShown takes what Markdown readers leave out or change: each
// text must stand on the page and in the plain text.
func TestEveryWordIsShown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, markdown string
		shown          []string
		problems       []report.Problem
	}{
		{"units in UCUM", "WBC 6.1 10*9/L, platelets 250 10*9/L", []string{"6.1 10*9/L", "250 10*9/L"}, nil},
		{"powers", "10**3/uL and 10**6/uL", []string{"10**3/uL", "10**6/uL"}, nil},
		{"products of units", "AUC 4.1 mg*h/L, then 5.2 mg*h/L", []string{"4.1 mg*h/L", "5.2 mg*h/L"}, nil},
		{"comparators", "- >60 mL/min\n- > 90\n- >= 7\n- >.5", []string{">60 mL/min", "> 90", ">= 7", ">.5"}, nil},
		{"a comparator behind a line", "eGFR\n>60 is normal", []string{">60 is normal"}, nil},
		{"a comparator in a quote", "> the guideline says\n>\n> >60 is normal", []string{">60 is normal"}, nil},
		{"minus", "Base excess\n-4 mmol/L\n\n-5\n\n− 6", []string{"excess -4 mmol/L", "-5", "− 6"}, nil},
		{"numbers of a list", "138. Monday\n142. Tuesday", []string{"138. Monday", "142. Tuesday"}, nil},
		{"falling numbers", "3. a\n2. b\n\n1. c", []string{"3. a", "2. b", "1. c"}, nil},
		{"numbers behind tabs", "-\t142. a\n\t\t157. b", []string{"142. a", "157. b"}, nil},
		{"numbers in a quote", ">\t142. a\n> \t157. b", []string{"142. a", "157. b"}, nil},
		{"equal numbers count", "1. a\n1. b", []string{"1. a", "2. b"}, nil},
		{"cells beyond the header", "| a | b |\n|---|---|\n| c | d | e | f |\n| g | h |",
			[]string{"c | d | e | f", "g | h"}, []report.Problem{report.ExtraCells}},
		{"pipes beyond the header", "| a |\n|---|\n| b | |  |", []string{"a", "b"}, nil},
		{"definitions", "[1]: https://a.example \"Title\"\n\n[b]: /c 'd'", []string{`"Title"`, "[b]: /c 'd'"}, nil},
		{"titles of links", `[see](https://a.example "Not for children") this`,
			[]string{"see (Not for children) <https://a.example> this"}, nil},
		{"titles of links that are refused", `[see](http://a.example 'Not *for* children')`,
			[]string{"see (Not *for* children)"}, []report.Problem{report.LinkRefused}},
		{"titles of images", `![A lung](https://a.example/a.png "Taken in May")`,
			[]string{"A lung (Taken in May)"}, []report.Problem{report.ImageRefused}},
		{"titles behind markers", `[1](https://pubmed.ncbi.nlm.nih.gov/12345678/ "page 3")`, []string{"page 3"}, nil},
		{"words behind a fence", "```Take with food\nb\n```\n~~~ one &amp; two\nc\n~~~",
			[]string{"Take with food", "one & two"}, nil},
		{"a fence without an end", "```\na\n\nb", []string{"a", "b"}, nil},
		{"HTML", "<p>a</p>\n\n<div>\nb\n</div> <!-- c -->", []string{"<p>a</p>", "b", "<!-- c -->"},
			[]report.Problem{report.RawHTML}},
		{"tasks", "- [ ] a\n- [x] b", []string{"[ ] a", "[x] b"}, nil},
		{"footnotes", "a[^1]\n\n[^1]: b", []string{"a[^1]", "[^1]: b"}, nil},
		{"references", "&#62;5 &lt;7 &plusmn;1 &#xb5;g", []string{">5 <7 ±1 µg"}, nil},
		{"references to control characters", "a&#x202e;b", []string{"ab"},
			[]report.Problem{report.ControlCharacters}},
		{"attributes", "# a {#b .c}", []string{"a {#b .c}"}, nil},
		{"front matter", "---\na: b\n---\nc", []string{"a: b", "c"}, nil},
	} {
		r := patientText(c.markdown)
		text := strings.ReplaceAll(textOf(t, r, 0), "> >", ">")
		for _, want := range c.shown {
			assert.Contains(t, text, want, c.name)
		}
		assert.Equal(t, c.problems, problems(r), c.name)
		requireSafe(t, r)
	}
}

// FuzzEveryWordIsShown looks for each word of a text in what is made of it.
func FuzzEveryWordIsShown(f *testing.F) {
	for _, markdown := range append(hostile, longResponse(), "7. a\n7. b\n7. c", "-\t142. a\n\t\t157. b") {
		if len(markdown) < 1000 || markdown[0] == '#' {
			f.Add(markdown)
		}
	}
	f.Fuzz(func(t *testing.T, markdown string) {
		r := patientText(markdown)
		if len(r.Issues()) > 0 || strings.ContainsAny(markdown, "&<") || strings.Contains(markdown, "](") {
			return
		}
		text, page := textOf(t, r, 0), string(r.HTML()) // numbers of lists are attributes
		page += textContentOf(t, page)
		count := make(map[string]int)
		for _, word := range wordsOf(markdown) {
			count[word]++
		}
		for word, n := range count {
			if strings.Trim(word, "0123456789") == "" {
				n = 1 // a marker names a source once, and equal numbers of a list are counted
			}
			assert.GreaterOrEqual(t, strings.Count(text, word), n, word)
			assert.GreaterOrEqual(t, strings.Count(page, word), n, word)
		}
	})
}

// wordsOf returns the words of a text, without the languages of fences and the
// zeros in front of numbers.
func wordsOf(markdown string) []string {
	var words []string
	for line := range strings.SplitSeq(markdown, "\n") {
		if strings.Contains(line, "```") || strings.Contains(line, "~~~") {
			continue
		}
		for _, word := range strings.FieldsFunc(line, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsNumber(r)
		}) {
			if word = strings.TrimLeft(word, "0"); word != "" {
				words = append(words, word)
			}
		}
	}
	return words
}
