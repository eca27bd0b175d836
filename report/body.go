package report

import (
	"bytes"
	"html"
	"html/template"
	"regexp"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
)

// writeHTML writes a text as safe HTML: what the policy lets through, with the
// markers in their places.
func (p *page) writeHTML(out *strings.Builder, b body) {
	w := bodyWriter{source: b.source, words: p.words, where: b.where, issues: &p.issues}
	w.out.Grow(len(b.source) * 2)
	w.children(b.root)

	m := newMarkerWriter(out, p.prefix, p.words, w.markers)
	if err := policy.SanitizeReaderToWriter(strings.NewReader(w.out.String()), m); err != nil {
		panic("helios: report: sanitise: " + err.Error()) // neither side can fail
	}
}

func (p *page) safeHTML(b body) template.HTML {
	var out strings.Builder
	p.writeHTML(&out, b)
	return template.HTML(out.String()) //nolint:gosec // this is what the policy is for
}

// bodyWriter writes a parsed text as HTML. What it writes goes through the
// policy, which trusts none of it. Markers are not written but marked, and take
// their place afterwards.
type bodyWriter struct {
	out     strings.Builder
	source  []byte
	words   words
	where   string
	issues  *issues
	markers []*marker
	levels  headingLevels
	tables  int
}

func (w *bodyWriter) children(n ast.Node) {
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		w.node(child)
	}
}

// element writes an element with its children.
func (w *bodyWriter) element(name, attributes string, n ast.Node) {
	writeAll(&w.out, "<", name, attributes, ">")
	w.children(n)
	writeAll(&w.out, "</", name, ">")
}

// direction returns the attribute for a block of the outermost level. What is
// inside takes its direction from it.
func direction(n ast.Node) string {
	if n.Parent() != nil && n.Parent().Kind() == ast.KindDocument {
		return ` dir="auto"`
	}
	return ""
}

func (w *bodyWriter) node(n ast.Node) {
	switch n := n.(type) {
	case *ast.Paragraph:
		w.element("p", direction(n), n)
	case *ast.Heading:
		if !n.HasChildren() { // a reader would be led to nothing
			return
		}
		w.element("h"+strconv.Itoa(w.levels.next(n.Level)), direction(n), n)
	case *ast.Blockquote:
		w.element("blockquote", direction(n), n)
	case *ast.List:
		w.list(n)
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		writeAll(&w.out, "<pre", direction(n), "><code>")
		if info := fenceText(n, w.source); info != "" {
			w.escape(info + "\n")
		}
		w.lines(n)
		w.out.WriteString("</code></pre>")
	case *ast.ThematicBreak:
		w.out.WriteString("<hr>")
	case *east.Table:
		w.table(n)
	default:
		w.inline(n)
	}

	if n.Type() == ast.TypeBlock && n.Kind() != ast.KindTextBlock {
		w.out.WriteByte('\n')
	}
}

func (w *bodyWriter) inline(n ast.Node) {
	switch n := n.(type) {
	case *ast.Text:
		w.text(n)
	case *ast.CodeSpan:
		w.out.WriteString("<code>")
		for child := n.FirstChild(); child != nil; child = child.NextSibling() {
			if t, ok := child.(*ast.Text); ok {
				w.escape(strings.ReplaceAll(string(t.Value(w.source)), "\n", " "))
			}
		}
		w.out.WriteString("</code>")
	case *ast.Emphasis:
		w.element([...]string{"em", "strong"}[min(n.Level, 2)-1], "", n)
	case *link:
		w.link(n)
	case *marker:
		w.out.WriteRune(markerPlace)
		w.markers = append(w.markers, n)
	default:
		w.children(n)
	}
}

func (w *bodyWriter) list(n *ast.List) {
	attributes := direction(n)
	name := "ul"
	if n.IsOrdered() {
		name = "ol"
		if n.Start != 1 {
			attributes += ` start="` + strconv.Itoa(n.Start) + `"`
		}
	}
	writeAll(&w.out, "<", name, attributes, ">")
	next := n.Start
	numbers := itemNumbers(n)
	for i, item := 0, n.FirstChild(); item != nil; i, item = i+1, item.NextSibling() {
		attributes = ""
		if n.IsOrdered() {
			if numbers[i] != next {
				attributes = ` value="` + strconv.Itoa(numbers[i]) + `"`
			}
			next = numbers[i] + 1
		}
		w.element("li", attributes, item)
		w.out.WriteByte('\n')
	}
	writeAll(&w.out, "</", name, ">")
}

// itemNumbers returns the numbers of the items of an ordered list as they were
// written. Readers of Markdown count from the first, whatever follows; but
// these may be values. Where all are the same, they are counted.
func itemNumbers(n *ast.List) []int {
	if !n.IsOrdered() {
		return nil
	}
	var written, counted []int
	same := true
	for item := n.FirstChild(); item != nil; item = item.NextSibling() {
		value, _ := item.AttributeString(numberAttribute)
		number, _ := value.(int)
		written, counted = append(written, number), append(counted, n.Start+len(counted))
		same = same && number == n.Start
	}
	if same {
		return counted
	}
	return written
}

// codeLanguage holds what names the language of a block of code.
var codeLanguage = regexp.MustCompile(`\A[a-z][-a-z0-9_+#.]{0,19}\z`)

// fenceText returns what stands behind the fence of a block of code, or "" for
// a language: that is not content.
func fenceText(n ast.Node, source []byte) string {
	fence, ok := n.(*ast.FencedCodeBlock)
	if !ok || fence.Info == nil {
		return ""
	}
	if info := nodeText(fence.Info, source); !codeLanguage.MatchString(info) {
		return info
	}
	return ""
}

// lines writes the lines of a block of code.
func (w *bodyWriter) lines(n ast.Node) {
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		template.HTMLEscape(&w.out, line.Value(w.source))
	}
}

func (w *bodyWriter) table(n *east.Table) {
	w.out.WriteString(`<div class="helios-scroll" role="region" tabindex="0" aria-label="`)
	w.tables++
	w.escape(w.words.get("table") + " " + strconv.Itoa(w.tables))
	w.out.WriteString(`"><table` + direction(n) + ">")
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		_, isHeader := row.(*east.TableHeader)
		if isHeader {
			w.out.WriteString("<thead>")
		} else if row.PreviousSibling() == n.FirstChild() {
			w.out.WriteString("<tbody>")
		}

		w.out.WriteString("<tr>")
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			switch {
			case isHeader && cell.HasChildren():
				w.element("th", ` scope="col"`, cell)
			default:
				w.element("td", "", cell)
			}
		}
		w.out.WriteString("</tr>")

		if isHeader {
			w.out.WriteString("</thead>")
		} else if row.NextSibling() == nil {
			w.out.WriteString("</tbody>")
		}
	}
	w.out.WriteString("</table></div>")
}

func (w *bodyWriter) text(n *ast.Text) {
	value := n.Segment.Value(w.source)
	_, cited := n.NextSibling().(*marker)
	end := len(value)
	if cited {
		end = len(bytes.TrimRight(value, " "))
	}
	if isPlain(value) {
		template.HTMLEscape(&w.out, value[:end])
	} else {
		w.escape(valueText(value[:end], n.IsRaw(), w.where, w.issues))
	}
	if end < len(value) {
		w.out.WriteString("\u00a0") // a marker does not begin a line
	}
	switch {
	case n.HardLineBreak():
		w.out.WriteString("<br>")
	case n.SoftLineBreak():
		w.out.WriteByte('\n')
	}
}

// nodeText returns the characters of a text node. References may stand for
// characters that were cleaned from the source.
func nodeText(n *ast.Text, source []byte) string {
	return valueText(n.Segment.Value(source), n.IsRaw(), "", new(issues))
}

func valueText(value []byte, isRaw bool, where string, found *issues) string {
	if isRaw {
		return string(value)
	}
	text := unescape(value)
	if bytes.IndexByte(value, '&') < 0 {
		return text
	}
	return cleanText(text, where, found)
}

func (w *bodyWriter) escape(s string) { w.out.WriteString(html.EscapeString(s)) }

// link writes a link, and the host that it leads to, unless that is its text. A
// link that was refused is its text.
func (w *bodyWriter) link(n *link) {
	if n.href == "" {
		w.children(n)
		w.title(n)
		return
	}

	w.out.WriteString(`<a href="`)
	w.escape(n.href)
	w.out.WriteString(`" rel="noopener noreferrer">`)
	w.children(n)
	w.out.WriteString("</a>")
	w.title(n)
	if !namesHost(linkText(n, w.source), n.host) {
		w.out.WriteString(" <bdi>(")
		w.escape(n.host)
		w.out.WriteString(")</bdi>")
	}
}

func (w *bodyWriter) title(n *link) {
	if n.title != "" {
		w.out.WriteString(" <bdi>(")
		w.escape(n.title)
		w.out.WriteString(")</bdi>")
	}
}

func linkText(n ast.Node, source []byte) string {
	var text strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			text.WriteString(nodeText(t, source))
		}
		return ast.WalkContinue, nil
	})
	return text.String()
}

// namesHost reports whether text is host, or a URL there.
func namesHost(text, host string) bool {
	text = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(text)), "https://")
	rest, found := strings.CutPrefix(text, host)
	if !found {
		rest, found = strings.CutPrefix(text, "www."+host)
	}
	return found && (rest == "" || rest[0] == '/')
}

// markerPlace stands where a marker will. cleanText removes it from all foreign
// text.
const markerPlace = '\uE000'

// markerWriter passes on what the policy has let through, with the markers in
// their places. It writes markers of numbers, ids and the report's own words.
type markerWriter struct {
	out                   *strings.Builder
	markers               []*marker // that have no place yet
	prefix                string
	beforeLabel, endLabel string // around the number of a source
	missing               string
}

func newMarkerWriter(out *strings.Builder, prefix string, words words, markers []*marker) *markerWriter {
	m := &markerWriter{out: out, markers: markers, prefix: prefix, missing: html.EscapeString(words.get("missing"))}
	m.beforeLabel, m.endLabel, _ = strings.Cut(html.EscapeString(words.get("source")), "{number}")
	return m
}

func (w *markerWriter) Write(b []byte) (int, error) { return w.WriteString(string(b)) }

func (w *markerWriter) WriteString(s string) (int, error) {
	for rest := s; ; {
		before, after, found := strings.Cut(rest, string(markerPlace))
		w.out.WriteString(before)
		if !found || len(w.markers) == 0 {
			return len(s), nil
		}
		w.marker(w.markers[0])
		w.markers, rest = w.markers[1:], after
	}
}

// marker writes a citation marker: a link to each of its sources.
func (w *markerWriter) marker(n *marker) {
	w.out.WriteString(`<sup class="helios-cite">[`)
	for i, c := range n.cites {
		if i > 0 {
			w.out.WriteString(", ")
		}
		number := strconv.Itoa(c.number)
		if c.source == nil {
			writeAll(w.out, `<span class="helios-missing">`, number, `</span><span class="helios-hidden"> (`, w.missing,
				")</span>")
			continue
		}
		writeAll(w.out, `<a id="`, w.prefix, "cite-", strconv.Itoa(c.id), `" href="#`, w.prefix, "source-", number,
			`" role="doc-biblioref" aria-label="`, w.beforeLabel, number, w.endLabel, `">`, number, "</a>")
	}
	w.out.WriteString("]</sup>")
}

// firstHeading is the level of a text's highest headings: h1 is the page's.
const firstHeading = 2

// headingLevels are the levels in the text of the headings that enclose the
// current place.
type headingLevels []int

// next returns the level on the page of a heading. Levels that the text leaves
// out are not left out on the page.
func (h *headingLevels) next(level int) int {
	for len(*h) > 0 && (*h)[len(*h)-1] >= level {
		*h = (*h)[:len(*h)-1]
	}
	*h = append(*h, level)
	return min(firstHeading+len(*h)-1, 6)
}
