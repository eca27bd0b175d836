package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The widths, in columns.
const (
	tab         = 4
	commentMost = 80
	codeMost    = 120
)

var (
	// onlyURL matches a comment that cannot be wrapped: a URL by itself, in a
	// list, or as the target of a link.
	onlyURL = regexp.MustCompile(`^(//|\*)?\s*(-\s+|\[[^\]]+\]:\s*)?\S*://\S+$`)

	// phrase matches wordings that "reports whether" and "returns" replace.
	phrase = regexp.MustCompile(`(?i)\btells(?:\s|//)+(?:whether|that|which|how)\b`)

	// suppressed matches a linter's directive behind code, with its reason.
	suppressed = regexp.MustCompile(`\s*//nolint\S*( // .*)?$`)
)

// A finding is a line to be changed.
type finding struct {
	File string
	Line int
	Text string
}

func (f finding) String() string { return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Text) }

// check returns the findings of one file. Lines of comments may be 80 columns
// wide and all others 120, a comment behind code included. These are exempt: a
// URL by itself, directives, and the expected output of examples, which has to
// match what is printed.
func check(name string, src []byte) ([]finding, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	if ast.IsGenerated(file) {
		return nil, nil
	}

	var found []finding
	comments := map[int]bool{} // lines inside a comment, and whether they are bounded
	for _, group := range file.Comments {
		output := strings.HasSuffix(name, "_test.go") && isOutput(group)
		for _, comment := range group.List {
			first, last := files.Position(comment.Pos()).Line, files.Position(comment.End()).Line
			for line := first; line <= last; line++ {
				comments[line] = !output && !isDirective(comment)
			}
		}

		text := src[files.Position(group.Pos()).Offset:files.Position(group.End()).Offset]
		for _, at := range phrase.FindAllIndex(text, -1) {
			line := files.Position(group.Pos()).Line + bytes.Count(text[:at[0]], []byte("\n"))
			said := words(text[at[0]:at[1]])
			found = append(found, finding{name, line, fmt.Sprintf(`%q: write "reports whether" or "returns"`, said)})
		}
	}

	inside := false // of a comment between /* and */
	line := 0
	for text := range strings.Lines(string(src)) {
		line++
		text = strings.TrimRight(text, "\r\n")
		trimmed := strings.TrimSpace(text)
		bounded, comment := comments[line]

		alone := comment && (inside || strings.HasPrefix(trimmed, "//") || strings.HasPrefix(trimmed, "/*"))
		inside = comment && (inside || strings.Contains(trimmed, "/*")) && !strings.Contains(trimmed, "*/")

		switch {
		case alone && (!bounded || onlyURL.MatchString(trimmed)):
		case alone:
			found = append(found, tooWide(name, line, text, commentMost, "comment")...)
		default:
			found = append(found, tooWide(name, line, suppressed.ReplaceAllString(text, ""), codeMost, "code")...)
		}
	}
	return found, nil
}

func tooWide(name string, line int, text string, most int, kind string) []finding {
	columns := utf8.RuneCountInString(text) + (tab-1)*strings.Count(text, "\t")
	if columns <= most {
		return nil
	}
	return []finding{{name, line, fmt.Sprintf("%s of %d columns; at most %d", kind, columns, most)}}
}

// isDirective reports whether a program reads the comment, as with //go:embed.
func isDirective(comment *ast.Comment) bool {
	_, ok := ast.ParseDirective(comment.Pos(), comment.Text)
	return ok
}

func isOutput(group *ast.CommentGroup) bool {
	text := strings.ToLower(group.Text())
	return strings.HasPrefix(text, "output:") || strings.HasPrefix(text, "unordered output:")
}

func words(phrase []byte) string {
	return strings.Join(strings.FieldsFunc(string(phrase), func(r rune) bool {
		return r == '/' || r == ' ' || r == '\t' || r == '\n'
	}), " ")
}
