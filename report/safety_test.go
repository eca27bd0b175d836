package report_test

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/report"
)

// hostile are texts that must not do anything, in a response or a source.
var hostile = []string{
	"<script>alert(1)</script>", "<ScRiPt src=//evil.example/x.js>", "<svg onload=alert(1)>",
	"<svg><style><img src=x onerror=alert(1)>",
	"<img src=https://evil.example/pixel.png>", "![](https://evil.example/pixel.png)",
	"<a href='javascript:alert(1)'>x</a>",
	"[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](java\tscript:alert(1))",
	"[x](&#106;avascript:alert(1))",
	"[x](javascript&colon;alert(1))", "[x](data:text/html;base64,PHNjcmlwdD4=)", "[x](vbscript:x)",
	"[x](//evil.example)",
	"[x](/relative)", "[x](#helios-patient-source-1)", "[x](?a)", "[x](http://plain.example)", "[x](https://)",
	"[x](https:///x)",
	"[x](https://user@evil.example)", "[x](https://good.example@evil.example)",
	"[x](https://good.example%40evil.example)",
	"[x](https:\\\\evil.example)", "[x](https:evil.example)", "[x](https://evil.example\\@good.example)",
	"[x](<https://evil .example>)",
	"[x](https://[::1]/)", "[x](https://127.0.0.1/)", "[x](https://localhost/)", "[x](https://evil.example:99999999/)",
	"[x](https://\u202eevil.example)", "[x](https://еxample.com)", "[x](mailto:a@evil.example)",
	"[x](file:///etc/passwd)",
	"[x](https://evil.example \"onmouseover=alert(1)\")", `[x](https://evil.example/"onclick="x)`,
	"[x](https://evil.example/'<b>)",
	"<https://evil.example/<script>>", "<javascript:alert(1)>", "<https://user@evil.example>",
	"[1]: https://evil.example\n\n[1]",
	"[**1**](https://evil.example)", "[1](https://evil.example)", "[¹](https://evil.example)",
	"[ 1 ](https://evil.example)",
	"[see [1]](https://evil.example)", "[x [y](https://a.example)](https://evil.example)",
	"![[1]](https://evil.example)",
	"[https://good.example](https://evil.example)", "[good.example/x](https://evil.example)",
	"a\u202eb\u2066c\u2069", "&#x202e;a", "&#0;&#x80;&#xfffe;", "\x1b[31mred\x1b[0m", "\x00", "\xff\xfe",
	"a\u2028b\u0085c", "\U000e0041",
	"<!-- comment -->", "<![CDATA[x]]>", "<?php x ?>", "<!DOCTYPE html>", "</div></article></main></body></html>",
	"</style><script>x",
	"<style>@import '//evil.example'</style>", "<base href=//evil.example>", "<meta http-equiv=refresh content=0>",
	"<form action=//evil.example>",
	"<iframe src=//evil.example>", "<object data=x>", "<math><mi xlink:href=javascript:x>", "<template><script>",
	"<noscript><p title=\"</noscript><img src=x>\">",
	"```<script>\nalert(1)\n```", "    <script>", "`<script>`", "| <script> |\n|---|\n| [x](javascript:x) |",
	"<br><br/><BR />", "{{.Secret}} {{printf \"x\"}} ${x} <% x %>",
	"[1-5] [1,2] [5-1] [0] [00] [99999] [1-] [,] [1,,2] [4.0-5.6] [136-145]",
	"[1][2](https://evil.example)", "\\[1\\] \\<b> &lt;b&gt; \\&amp;", strings.Repeat(">", 10_000) + "x",
	strings.Repeat("- ", 5_000) + "x",
	strings.Repeat("[", 5_000), strings.Repeat("*a _b ", 2_000), strings.Repeat("![", 2_000), strings.Repeat("<b>",
		2_000),
	strings.Repeat("*", 3_000) + "a" + strings.Repeat("*", 3_000), "1. a\n1000000000. b\n", "999999999. a",
	"# \n## \n###### x\n# y", "-\n-\n\n\n- x",
}

func TestHostile_Response(t *testing.T) {
	t.Parallel()

	all := strings.Join(hostile, "\n\n")
	for _, markdown := range append(hostile, all) {
		r := patientText(markdown)
		requireSafe(t, r)
		for _, width := range []int{0, 1, 40} {
			requirePlain(t, textOf(t, r, width))
		}
	}
	assert.NotEmpty(t, patientText(all).Issues())
}

func TestHostile_EverywhereElse(t *testing.T) {
	t.Parallel()

	for _, text := range hostile {
		for _, audience := range []report.Audience{report.Patient, report.Clinician} {
			r := report.New(hostileResult(text), audience, report.Options{
				Title: text, Language: text, Words: map[string]string{"labs": text, "source": text, "dates": text,
					"table": text},
				DateFormat: text, Brand: text, Above: text, Below: text, IDPrefix: text,
				Anchors: func(helios.LabResult) []report.Anchor { return []report.Anchor{{Value: 1, Label: text}} },
			})
			requireSafe(t, r)
			requirePlain(t, textOf(t, r, 60))
		}
	}
}

// hostileResult has text in every place.
func hostileResult(text string) *helios.Result {
	citations := map[string]helios.Citation{text: {URL: text, Title: text}}
	for i, url := range []string{text, "https://" + text, "https://a.example/" + text} {
		citations[strconv.Itoa(i+1)] = helios.Citation{URL: url, Title: text, Metadata: helios.CitationMetadata{
			Type: text, Source: text, Author: text, DOI: "10.5555/" + text, PubDate: text, AbstractSnippet: text,
			URL: text,
		}}
	}
	return &helios.Result{
		PatientResponse: "[1] [2] [3]", ClinicianResponse: "[1] [2] [3]",
		Citations: helios.Citations{Patient: citations, Clinician: citations},
		SelectedElements: []helios.SelectedElement{{Item: text, Category: text, PatientValue: text,
			MatchingReason: text}},
		ResearchTasks: []string{text},
		LabResults: []helios.LabResult{
			{Name: text, Value: text, Flag: helios.Flag(text), ReferenceRange: text, Date: text, Unit: text,
				Category: text},
			{Name: text, Value: "2", Flag: helios.Flag(text), ReferenceRange: "1-3", Date: "2025-01-01",
				Category: text},
			{Name: text, Value: "4", Unit: text, ReferenceRange: "1-3 " + text, Date: "2025-01-02", Category: text},
		},
	}
}

func FuzzReport(f *testing.F) {
	for _, text := range hostile {
		if len(text) < 1000 {
			f.Add(text, text, "7.2", "4.0-5.6")
		}
	}
	f.Add("# A\n\n- b [1]\n\n> c [2-3]\n\n| a | b |\n|---|---|\n| c | [d](https://e.example) |", "Title",
		"<0.1 mg/dL", ">60 %")

	f.Fuzz(func(t *testing.T, markdown, text, value, bounds string) {
		result := hostileResult(text)
		result.PatientResponse = markdown
		for i := range result.LabResults {
			result.LabResults[i].Value, result.LabResults[i].ReferenceRange = value, bounds
		}
		r := report.New(result, report.Patient, report.Options{Title: text, Below: text})
		requireSafe(t, r)
		requirePlain(t, textOf(t, r, len(text)%90))
	})
}

// requirePlain fails for a character that could steer a terminal.
func requirePlain(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		require.Falsef(t, r != '\n' && (unicode.IsControl(r) || strings.ContainsRune("\u2028\u2029\ufeff", r)) ||
			isOverride(r), "%U", r)
	}
}

func isOverride(r rune) bool { return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 }

// requireSafe parses the whole page as a browser does, and fails for anything
// that is not known to be harmless. It knows nothing of the policy.
func requireSafe(t *testing.T, r *report.Report) {
	t.Helper()

	page := pageOf(t, r)
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)

	c := &pageCheck{t: t, style: string(r.Style()), ids: make(map[string]int)}
	c.walk(root, 0)
	require.Equal(t, 1, c.count["style"])
	require.Equal(t, 1, c.count["h1"])
	require.Equal(t, 1, c.count["article"])
	for id, n := range c.ids {
		require.Equal(t, 1, n, "id %q", id)
	}
	for _, target := range c.targets {
		require.Contains(t, c.ids, target, "a link within the page")
	}
}

// pageCheck is an allow-list of elements and attributes.
type pageCheck struct {
	t       *testing.T
	style   string
	ids     map[string]int
	targets []string
	count   map[string]int
}

var (
	htmlElements = strings.Fields(`html head meta title style body main header article aside div section
		h1 h2 h3 h4 h5 h6
		p br hr em strong small code pre blockquote ul ol li table thead tbody tr th td sup span bdi cite a`)
	svgElements = strings.Fields("svg defs linearGradient stop rect line circle text")
	freeText    = strings.Fields("aria-label content") // no browser acts on them, but for meta
	roles       = strings.Fields("note region img doc-biblioref doc-backlink")
	geometry    = strings.Fields("x y x1 x2 y1 y2 cx cy r rx width height offset")
)

func (c *pageCheck) walk(n *html.Node, depth int) {
	require.Less(c.t, depth, 500, "nested too deep for browsers")
	switch n.Type {
	case html.CommentNode, html.ErrorNode:
		require.Fail(c.t, "a comment", n.Data)
	case html.TextNode:
		c.text(n)
	case html.ElementNode:
		c.element(n)
	default: // the document and its type
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		c.walk(child, depth+1)
	}
}

func (c *pageCheck) text(n *html.Node) {
	if n.Parent.Data == "style" {
		require.Equal(c.t, c.style, n.Data, "the style sheet")
		return
	}
	for _, r := range n.Data {
		require.Falsef(c.t, r != '\n' && r != '\t' && unicode.IsControl(r) || isOverride(r), "%U in %q", r, n.Data)
	}
}

func (c *pageCheck) element(n *html.Node) {
	switch n.Namespace {
	case "":
		require.Contains(c.t, htmlElements, n.Data)
	case "svg":
		require.Contains(c.t, svgElements, n.Data)
	default:
		require.Fail(c.t, "namespace", n.Namespace)
	}
	if c.count == nil {
		c.count = make(map[string]int)
	}
	c.count[n.Data]++

	for _, a := range n.Attr {
		require.Empty(c.t, a.Namespace)
		c.attribute(n, a.Key, a.Val)
	}
}

func (c *pageCheck) attribute(n *html.Node, key, value string) {
	isName := func(s string) bool {
		return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
	}
	switch {
	case key == "href":
		require.Equal(c.t, "a", n.Data)
		c.link(n, value)
	case key == "id":
		require.True(c.t, isName(value), "id %q", value)
		c.ids[value]++
	case key == "class":
		for _, name := range strings.Fields(value) {
			require.True(c.t, strings.HasPrefix(name, "helios-") && isName(name), "class %q", value)
		}
	case key == "role":
		require.Contains(c.t, roles, value)
	case key == "dir":
		require.Contains(c.t, []string{"auto", "ltr", "rtl"}, value)
	case key == "fill":
		require.True(c.t, strings.HasPrefix(value, "url(#") && isName(strings.TrimSuffix(value[5:], ")")), "fill %q",
			value)
	case slices.Contains(geometry, key):
		number, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64)
		require.NoError(c.t, err, "%s=%q", key, value)
		require.True(c.t, number >= -10 && number <= 200, "%s=%q", key, value)
	case n.Data == "meta":
		c.meta(n)
	case slices.Contains(freeText, key), key == "lang":
	case key == "aria-labelledby", key == "rel" && value == "noopener noreferrer",
		key == "scope" && (value == "col" || value == "row"), key == "tabindex" && value == "0",
		slices.Contains([]string{"start", "value", "colspan"}, key) && isName(value),
		key == "aria-hidden" && value == "true",
		key == "text-anchor" && isName(value):
	default:
		require.Fail(c.t, "attribute", "%s: %s=%q", n.Data, key, value)
	}
}

func (c *pageCheck) meta(n *html.Node) {
	for _, a := range n.Attr {
		if a.Key == "http-equiv" {
			require.Equal(c.t, "Content-Security-Policy", a.Val)
		}
	}
}

// link takes links within the page, and by https to a host that stands beside
// it.
func (c *pageCheck) link(n *html.Node, value string) {
	if target, within := strings.CutPrefix(value, "#"); within {
		c.targets = append(c.targets, target)
		return
	}

	u, err := url.Parse(value)
	require.NoError(c.t, err)
	require.Equal(c.t, "https", u.Scheme, value)
	require.Nil(c.t, u.User, value)
	require.Contains(c.t, u.Hostname(), ".", value)
	require.Empty(c.t, strings.Trim(u.Hostname(), "abcdefghijklmnopqrstuvwxyz0123456789.-"), value)
	require.Empty(c.t, strings.Trim(value, asciiPrintable()), value)

	if u.Hostname() == "doi.org" && strings.HasPrefix(textContent(n), "doi:10.") {
		return
	}
	block := n.Parent
	for slices.Contains([]string{"cite", "em", "strong", "sup"}, block.Data) {
		block = block.Parent
	}
	shown := strings.ToLower(textContent(block))
	require.Contains(c.t, shown, strings.TrimPrefix(u.Hostname(), "www."), "the host of %q", value)
}

func asciiPrintable() string {
	var b strings.Builder
	for r := '!'; r <= '~'; r++ {
		if !strings.ContainsRune("\"'<>\\`{}|^", r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func textContent(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var b strings.Builder
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		b.WriteString(textContent(child))
	}
	return b.String()
}
