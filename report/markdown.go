package report

import (
	"bytes"
	"html"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// What is beyond these limits is shown as the text that it was written in.
// They keep the parser linear, and a page within the 512 elements inside each
// other that browsers and x/net/html take.
const (
	maxContainers = 16     // quotes, lists and their items inside each other
	maxBrackets   = 20     // open [ of a paragraph
	maxEmphasis   = 400    // characters * and _ of a paragraph
	maxBackticks  = 8      // in a row
	maxColumns    = 32     // of a table
	maxCells      = 10_000 // of all tables
	maxMarkers    = 5_000  // linked citation markers
)

// markdown parses CommonMark with tables, and without raw HTML, definitions of
// links, and ~~strike-through~~: a pair of ~ in a clinical text means "about".
var markdown = parser.NewParser(
	parser.WithBlockParsers(
		util.Prioritized(parser.NewSetextHeadingParser(), 100),
		util.Prioritized(parser.NewThematicBreakParser(), 200),
		util.Prioritized(container{parser.NewListParser()}, 300),
		util.Prioritized(listItems{parser.NewListItemParser()}, 400),
		util.Prioritized(parser.NewCodeBlockParser(), 500),
		util.Prioritized(parser.NewATXHeadingParser(), 600),
		util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
		util.Prioritized(quotes{container{parser.NewBlockquoteParser()}}, 800),
		util.Prioritized(parser.NewParagraphParser(), 1000),
	),
	parser.WithInlineParsers(
		util.Prioritized(codeSpans{parser.NewCodeSpanParser()}, 100),
		util.Prioritized(markerParser{}, 150),
		util.Prioritized(linkParser{}, 200),
		util.Prioritized(emphasis{parser.NewEmphasisParser()}, 500),
	),
	parser.WithParagraphTransformers(util.Prioritized(tables{extension.NewTableParagraphTransformer()}, 200)),
)

var stateKey = parser.NewContextKey()

// state is what the parsers of one text share.
type state struct {
	where   string
	issues  *issues
	sources *sources

	markers int // linked
	missing int // without a source
	cells   int

	// of the paragraph that is parsed
	brackets []*bracket
	emphasis int
	unclosed [maxBackticks + 1]bool // runs of backticks, by length
}

func stateOf(pc parser.Context) *state {
	s, _ := pc.Get(stateKey).(*state)
	return s
}

func (s *state) report(p Problem) { s.issues.add(s.where, p) }

func (s *state) endBlock() {
	s.brackets, s.emphasis, s.unclosed = s.brackets[:0], 0, [maxBackticks + 1]bool{}
}

// parseMarkdown parses a text that cleanText has cleaned.
func parseMarkdown(source []byte, s *state) ast.Node {
	pc := parser.NewContext()
	pc.Set(stateKey, s)
	return markdown.Parse(text.NewReader(source), parser.WithContext(pc))
}

// container bounds how deep quotes and lists are nested. Beyond it the marks of
// a quote or a list are text.
type container struct{ parser.BlockParser }

func (c container) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	depth := 0
	for n := parent; n != nil; n = n.Parent() {
		depth++
	}
	if depth <= maxContainers {
		return c.BlockParser.Open(parent, reader, pc)
	}

	line, _ := reader.PeekLine()
	if len(line) > 0 && strings.IndexByte(">-+*", line[max(pc.BlockOffset(), 0)]) >= 0 {
		stateOf(pc).report(TooDeep)
	}
	return nil, parser.NoChildren
}

// listItems keeps the number that an item was written with. goldmark keeps that
// of the first.
type listItems struct{ parser.BlockParser }

const numberAttribute = "number"

func (l listItems) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	line, _ := reader.PeekLine()
	item, state := l.BlockParser.Open(parent, reader, pc)
	if item != nil {
		number := 0
		for _, c := range bytes.TrimLeft(line, " \t") {
			if !isDigit(c) {
				break
			}
			number = number*10 + int(c-'0')
		}
		item.SetAttributeString(numberAttribute, number)
	}
	return item, state
}

// quotes leaves comparators alone: ">60 mL/min" and "> 60" are no quotes.
type quotes struct{ container }

func (q quotes) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	line, _ := reader.PeekLine()
	rest, found := bytes.CutPrefix(line[max(pc.BlockOffset(), 0):], []byte{'>'})
	rest = bytes.TrimLeft(rest, " \t")
	if found && len(rest) > 1 && (rest[0] == '=' || isDigit(rest[0]) || rest[0] == '.' && isDigit(rest[1])) {
		return nil, parser.NoChildren
	}
	return q.container.Open(parent, reader, pc)
}

// codeSpans bounds the length of a run of backticks: each length that is not
// closed costs one scan of the paragraph. What closes no earlier run of its
// length closes no later one.
type codeSpans struct{ parser.InlineParser }

func (c codeSpans) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	s := stateOf(pc)
	line, segment := block.PeekLine()
	n := runLength(line)
	if n > maxBackticks {
		s.report(TooDeep)
	}
	if n > maxBackticks || s.unclosed[n] {
		block.Advance(n)
		return ast.NewTextSegment(segment.WithStop(segment.Start + n))
	}

	node := c.InlineParser.Parse(parent, block, pc)
	if _, closed := node.(*ast.CodeSpan); !closed {
		s.unclosed[n] = true
	}
	return node
}

// emphasis bounds the delimiters of a paragraph: goldmark compares each with
// all before it, and nests as many elements as there are pairs. It leaves the
// stars of units alone, such as 10*9/L and mg*h/L, but not that of *Blut*druck.
type emphasis struct{ parser.InlineParser }

func (e emphasis) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	s := stateOf(pc)
	line, segment := block.PeekLine()
	n := runLength(line)
	isFactor := line[0] == '*' && n < len(line) && isProduct(block.PrecendingCharacter(), n, rune(line[n])) &&
		!endsFirstPart(block.Source()[:segment.Start], line[n:])
	if !isFactor && s.emphasis+n > maxEmphasis {
		s.report(TooDeep)
	}
	if isFactor || s.emphasis+n > maxEmphasis {
		block.Advance(n)
		return ast.NewTextSegment(segment.WithStop(segment.Start + n))
	}
	s.emphasis += n
	return e.InlineParser.Parse(parent, block, pc)
}

// isProduct reports whether n stars between two characters multiply them.
func isProduct(before rune, n int, after rune) bool {
	isDigit := func(r rune) bool { return r >= '0' && r <= '9' }
	isWord := func(r rune) bool { return isDigit(r) || r|0x20 >= 'a' && r|0x20 <= 'z' }
	return isDigit(before) && isDigit(after) || n == 1 && isWord(before) && isWord(after)
}

// endsFirstPart reports whether a star between two letters ends the emphasis of
// the first part of a word. A unit, such as *mg*h/L, goes on with a slash, a
// digit or another star.
func endsFirstPart(before, after []byte) bool {
	const longest = 80 // part of a word, in bytes
	before, after = before[max(0, len(before)-longest):], after[:min(len(after), longest)]

	begin, found := bytes.CutSuffix(bytes.TrimRightFunc(before, unicode.IsLetter), []byte{'*'})
	if last, _ := utf8.DecodeLastRune(begin); !found || last == '*' || unicode.IsLetter(last) || unicode.IsDigit(last) {
		return false
	}
	rest := bytes.TrimLeftFunc(after, unicode.IsLetter)
	return len(rest) == 0 || !isDigit(rest[0]) && strings.IndexByte("*/^", rest[0]) < 0
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func runLength(line []byte) int {
	n := 1
	for n < len(line) && line[n] == line[0] {
		n++
	}
	return n
}

// tables bounds the cells: a row has as many as the header, however short it is
// written.
type tables struct{ parser.ParagraphTransformer }

func (t tables) Transform(node *ast.Paragraph, reader text.Reader, pc parser.Context) {
	s, lines := stateOf(pc), node.Lines()
	columns := 0
	for i := 1; i < lines.Len() && columns == 0; i++ {
		line := lines.At(i)
		if delimiter := line.Value(reader.Source()); len(bytes.Trim(delimiter, "|-: \t\n")) == 0 {
			columns = bytes.Count(delimiter, []byte{'|'}) + 1
		}
	}
	if columns == 0 {
		return
	}

	if cells := columns * lines.Len(); columns > maxColumns || s.cells+cells > maxCells {
		s.report(TooManyCells)
		return
	}
	s.cells += columns * lines.Len()

	parent, next := node.Parent(), node.NextSibling()
	t.ParagraphTransformer.Transform(node, reader, pc)
	made := parent.LastChild()
	if next != nil {
		made = next.PreviousSibling()
	}
	if table, ok := made.(*east.Table); ok {
		s.keepExtraCells(table, reader.Source())
	}
}

// keepExtraCells puts what rows have beyond their header into their last cells.
func (s *state) keepExtraCells(table *east.Table, source []byte) {
	for row := table.FirstChild().NextSibling(); row != nil; row = row.NextSibling() {
		last := row.LastChild()
		if last.Lines().Len() == 0 {
			continue
		}

		cell := last.Lines().At(0)
		rest := source[cell.Stop:]
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			rest = rest[:end]
		}
		if rest = bytes.TrimRight(rest, "| \t"); len(rest) > 0 {
			last.Lines().Set(0, cell.WithStop(cell.Stop+len(rest)))
			s.report(ExtraCells)
		}
	}
}

// unescape returns the characters that escapes and references of Markdown stand
// for, each read once.
func unescape(b []byte) string {
	if isPlain(b) {
		return string(b)
	}

	const longest = 40 // of a reference, such as &CounterClockwiseContourIntegral;
	var out strings.Builder
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) && util.IsPunct(b[i+1]) {
			i++
			out.WriteByte(b[i])
			continue
		}
		if b[i] == '&' {
			end := bytes.IndexByte(b[i:min(len(b), i+longest)], ';')
			if reference := string(b[i : i+end+1]); end > 1 {
				if s := html.UnescapeString(reference); !strings.HasSuffix(s, ";") {
					out.WriteString(s)
					i += end
					continue
				}
			}
		}
		out.WriteByte(b[i])
	}
	return out.String()
}

// isPlain reports whether b has neither escapes nor references.
func isPlain(b []byte) bool { return bytes.IndexByte(b, '\\') < 0 && bytes.IndexByte(b, '&') < 0 }

func hasLetter(s string) bool { return strings.ContainsFunc(s, unicode.IsLetter) }
