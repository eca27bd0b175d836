package report

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
)

// minWidth is the least width of a text, in columns.
const minWidth = 20

// WriteText writes the report as plain text in UTF-8, for a terminal or a mail:
// the same parts as the page, with results and links in words. Lines are at
// most width columns wide, at least 20; East Asian wide characters count as
// two. URLs are never broken. With a width of 0 or less nothing is wrapped.
// It has no control characters but line breaks. The error is that of w.
func (r *Report) WriteText(w io.Writer, width int) error {
	t := &textWriter{}
	if width > 0 {
		t.width = max(width, minWidth)
	}
	r.text.writeText(t)

	if _, err := io.WriteString(w, strings.TrimLeft(t.out.String(), "\n")); err != nil {
		return fmt.Errorf("helios: report: write text: %w", err)
	}
	return nil
}

func (p *page) writeText(t *textWriter) {
	t.heading(p.title, 1)
	if text := p.timeText(); text != "" {
		t.paragraph("", "", text)
	}
	t.body(p.above)
	t.body(p.body)
	p.writeLabs(t)

	if len(p.elements) > 0 {
		t.heading(p.words.get("elements"), 2)
		for _, e := range p.elements {
			t.item("- ", joinText(": ", e.Item, joinText(". ", e.PatientValue, e.MatchingReason)))
		}
	}
	if len(p.tasks) > 0 {
		t.heading(p.words.get("tasks"), 2)
		for _, task := range p.tasks {
			t.item("- ", task)
		}
	}
	p.writeSources(t)

	if absent := p.absentText(); absent != "" {
		t.gap()
		t.paragraph("", "", absent)
	}
	t.body(p.below)
}

func joinText(separator string, parts ...string) string {
	var set []string
	for _, part := range parts {
		if part != "" {
			set = append(set, part)
		}
	}
	return strings.Join(set, separator)
}

func (p *page) writeLabs(t *textWriter) {
	if len(p.categories) > 0 {
		t.heading(p.words.get("labs"), 2)
	}
	if analysed := p.analysedText(); analysed != "" {
		t.paragraph("", "", analysed)
		t.gap()
	}
	for _, c := range p.categories {
		if c.Name != "" {
			t.heading(c.Name, 3)
		}
		for _, test := range c.Tests {
			for _, l := range test.results {
				t.item("- ", p.labWords(l))
				for _, a := range l.anchors {
					t.paragraph("  ", "  ", a.Label)
				}
			}
		}
	}
}

func (p *page) writeSources(t *textWriter) {
	cited, uncited := p.sourceViews()
	missing := p.missingText()
	if len(cited)+len(uncited) > 0 || missing != "" {
		t.heading(p.words.get("sources"), 2)
	}
	if missing != "" {
		t.paragraph("", "", missing)
		t.gap()
	}

	for i, list := range [][]sourceView{cited, uncited} {
		if i == 1 && len(list) > 0 {
			t.heading(p.words.get("uncited"), 3)
		}
		for _, v := range list {
			label := "- "
			if v.Number > 0 {
				label = "[" + strconv.Itoa(v.Number) + "] "
			}
			t.item(label, joinText(". ", v.Name, v.Details))
			indent := strings.Repeat(" ", len(label))
			if v.URL != "" {
				t.paragraph(indent, indent, v.URL)
			}
			if v.DOI != "" && v.LinksDOI() {
				t.paragraph(indent, indent, v.DOIURL())
			}
			if v.Snippet != "" {
				t.paragraph(indent+"> ", indent+"> ", v.Snippet)
			}
		}
	}
}

// textWriter writes wrapped text.
type textWriter struct {
	out    strings.Builder
	width  int // 0 wraps nothing
	source []byte
	levels headingLevels
}

// gap ends a block with one empty line.
func (t *textWriter) gap() {
	if s := t.out.String(); !strings.HasSuffix(s, "\n\n") {
		t.out.WriteByte('\n')
	}
}

func (t *textWriter) heading(text string, level int) {
	t.gap()
	t.paragraph("", "", text)
	if level <= 2 {
		columns := 0
		for _, r := range text {
			columns += runeWidth(r)
		}
		if t.width > 0 {
			columns = min(columns, t.width)
		}
		t.out.WriteString(strings.Repeat([]string{"=", "-"}[level-1], columns) + "\n")
	}
	t.gap()
}

func (t *textWriter) item(mark, text string) {
	t.paragraph(mark, strings.Repeat(" ", len(mark)), text)
}

// paragraph writes text in lines that begin with first or, all but the first,
// with rest. Line breaks in text stay.
func (t *textWriter) paragraph(first, rest, text string) {
	prefix := first
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n "), "\n") {
		t.line(prefix, rest, line)
		prefix = rest
	}
}

func (t *textWriter) line(first, rest, text string) {
	first, rest, room := t.fit(first, rest)
	if strings.Trim(text, " \t") == "" {
		first = strings.TrimRight(first, " ")
	}
	t.out.WriteString(first)
	column, begins := 0, true

	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ' ' || r == '\t' }) {
		most := room
		if strings.Contains(word, "https://") {
			most = math.MaxInt // URLs are not cut
		}
		for word != "" {
			part, columns := cutWord(word, most)
			switch {
			case begins:
			case column+1+columns > room:
				t.out.WriteString("\n" + rest)
				column = 0
			default:
				t.out.WriteByte(' ')
				column++
			}
			t.out.WriteString(strings.ReplaceAll(part, "\u00a0", " "))
			column, begins = column+columns, false
			word = word[len(part):]
		}
	}
	t.out.WriteByte('\n')
}

// fit cuts prefixes that would leave no room for text, and returns the columns
// that they leave.
func (t *textWriter) fit(first, rest string) (string, string, int) {
	if t.width == 0 {
		return first, rest, math.MaxInt
	}
	longest := t.width - minWidth/2
	first, rest = first[:min(len(first), longest)], rest[:min(len(rest), longest)]
	return first, rest, t.width - max(len(first), len(rest))
}

// cutWord returns the beginning of a word that fits into room columns, and its
// width.
func cutWord(word string, room int) (part string, columns int) {
	for i, r := range word {
		w := runeWidth(r)
		if columns+w > room && i > 0 {
			return word[:i], columns
		}
		columns += w
	}
	return word, columns
}

// runeWidth returns the columns of a character: 0 for a mark on the one before,
// 2 for what East Asian fonts and emoji draw wide, else 1.
func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3,
		r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60,
		r >= 0xffe0 && r <= 0xffe6, r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// body writes a parsed text.
func (t *textWriter) body(b body) {
	if !b.root.HasChildren() {
		return
	}
	t.gap()
	t.source, t.levels = b.source, nil
	t.blocks(b.root, "", "")
}

// blocks writes the children of n. The first line begins with first, the others
// with rest.
func (t *textWriter) blocks(n ast.Node, first, rest string) {
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		t.block(child, first, rest)
		first = rest
	}
}

func (t *textWriter) block(n ast.Node, first, rest string) {
	nested := n.Parent().Kind() != ast.KindDocument
	switch n := n.(type) {
	case *ast.Heading:
		if nested {
			t.paragraph(first, rest, t.inlines(n))
			return
		}
		if !n.HasChildren() {
			return
		}
		t.heading(t.inlines(n), t.levels.next(n.Level))
		return
	case *ast.Blockquote:
		t.blocks(n, first+"> ", rest+"> ")
	case *ast.List:
		t.list(n, first, rest)
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		if info := fenceText(n, t.source); info != "" {
			t.paragraph(first+"    ", rest+"    ", info)
			first = rest
		}
		for i := range n.Lines().Len() {
			line := n.Lines().At(i)
			t.paragraph(first+"    ", rest+"    ", string(line.Value(t.source)))
			first = rest
		}
	case *ast.ThematicBreak:
		t.paragraph(first, rest, "* * *")
	case *east.Table:
		for row := n.FirstChild(); row != nil; row = row.NextSibling() {
			var cells []string
			for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
				cells = append(cells, t.inlines(cell))
			}
			t.paragraph(first, rest+"  ", strings.Join(cells, " | "))
			first = rest
		}
	default:
		t.paragraph(first, rest, t.inlines(n))
	}
	if !nested {
		t.gap()
	}
}

func (t *textWriter) list(n *ast.List, first, rest string) {
	numbers := itemNumbers(n)
	for i, item := 0, n.FirstChild(); item != nil; i, item = i+1, item.NextSibling() {
		mark := "- "
		if n.IsOrdered() {
			mark = strconv.Itoa(numbers[i]) + ". "
		}
		if item.HasChildren() {
			t.blocks(item, first+mark, rest+strings.Repeat(" ", len(mark)))
		} else {
			t.paragraph(first+mark, rest, "")
		}
		first = rest
	}
}

// inlines returns the text of a block, with the URLs of its links.
func (t *textWriter) inlines(n ast.Node) string {
	var out strings.Builder
	t.inline(n, &out)
	return out.String()
}

func (t *textWriter) inline(n ast.Node, out *strings.Builder) {
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		switch child := child.(type) {
		case *ast.Text:
			out.WriteString(nodeText(child, t.source))
			switch {
			case child.HardLineBreak():
				out.WriteByte('\n')
			case child.SoftLineBreak():
				out.WriteByte(' ')
			}
		case *marker:
			out.WriteString(child.text())
		case *link:
			t.inline(child, out)
			if child.title != "" {
				out.WriteString(" (" + child.title + ")")
			}
			if text := linkText(child, t.source); child.href != "" && text != child.href {
				out.WriteString(" <" + child.href + ">")
			}
		default:
			t.inline(child, out)
		}
	}
}

func (m *marker) text() string {
	numbers := make([]string, len(m.cites))
	for i, c := range m.cites {
		numbers[i] = strconv.Itoa(c.number)
	}
	return "[" + strings.Join(numbers, ", ") + "]"
}
