package report_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/report"
)

func textContentOf(t *testing.T, fragment string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(fragment))
	require.NoError(t, err)
	return textContent(root)
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	for markdown, want := range map[string]string{
		"# A\n\n### B\n\n## C": "<h2 dir=\"auto\">A</h2>\n<h3 dir=\"auto\">B</h3>\n<h3 dir=\"auto\">C</h3>",
		"# \n\na\n\n###\n":     "<p dir=\"auto\">a</p>",
		"### A\n\n## B":        "<h2 dir=\"auto\">A</h2>\n<h2 dir=\"auto\">B</h2>",
		"A\n=\n\na  \nb":       "<h2 dir=\"auto\">A</h2>\n<p dir=\"auto\">a<br>b</p>",
		"*a* __b__ ***c***":    `<p dir="auto"><em>a</em> <strong>b</strong> <em><strong>c</strong></em></p>`,
		"*Blut*druck, *mg*h/L": `<p dir="auto"><em>Blut</em>druck, *mg*h/L</p>`,
		"*Größen*ordnung":      `<p dir="auto"><em>Größen</em>ordnung</p>`,
		"*hohen Blut*druck":    `<p dir="auto">*hohen Blut*druck</p>`,
		"**Blut**druck":        `<p dir="auto"><strong>Blut</strong>druck</p>`,
		"3. a\n4. b":           "<ol dir=\"auto\" start=\"3\"><li>a</li>\n<li>b</li>\n</ol>",
		"> a\n> - b":           "<blockquote dir=\"auto\"><p>a</p>\n<ul><li>b</li>\n</ul>\n</blockquote>",
		"```js\n<b>\n```":      "<pre dir=\"auto\"><code>&lt;b&gt;\n</code></pre>",
		"    a\n    b":         "<pre dir=\"auto\"><code>a\nb\n</code></pre>",
		// With a space it is an item: minus is written without one.
		"a\n- 4 mmol/L":    "<p dir=\"auto\">a</p>\n<ul dir=\"auto\"><li>4 mmol/L</li>\n</ul>",
		"a\n-4 mmol/L":     "<p dir=\"auto\">a\n-4 mmol/L</p>",
		"---":              "<hr>",
		"a<br>b<BR/>c":     `<p dir="auto">a<br>b<br>c</p>`,
		"<5.7 <LOD> x<y>":  `<p dir="auto">&lt;5.7 &lt;LOD&gt; x&lt;y&gt;</p>`,
		"~140~ to ~~150~~": `<p dir="auto">~140~ to ~~150~~</p>`,
		"&lt;&amp;&copy;&nope;&#65;&#x42; \\&lt; \\*": `<p dir="auto">&lt;&amp;©&amp;nope;AB &amp;lt; *</p>`,
		"![alt *text*](https://a.example/x.png)":      `<p dir="auto">alt <em>text</em></p>`,
		"`a\nb`":                                      `<p dir="auto"><code>a b</code></p>`,
		"| a | b |\n|---|:-:|\n| c " +
			"|": `<div class="helios-scroll" role="region" tabindex="0" aria-label="Table 1"><table dir="auto">` +
			`<thead><tr><th scope="col">a</th><th scope="col">b</th></tr></thead>` +
			`<tbody><tr><td>c</td><td></td></tr></tbody></table></div>`,
	} {
		assert.Equal(t, want, bodyOf(t, patientText(markdown)), markdown)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	link := func(href, text, host string) string {
		if host != "" {
			host = " <bdi>(" + host + ")</bdi>"
		}
		return `<p dir="auto"><a href="` + href + `" rel="noopener noreferrer">` + text + `</a>` + host + `</p>`
	}
	for markdown, want := range map[string]string{
		"[a](https://a.example/b)": link("https://a.example/b", "a", "a.example"),
		"[*a* b](<https://a.example/(b)> \"title\")": link("https://a.example/(b)", "<em>a</em> b",
			"title)</bdi> <bdi>(a.example"),
		"[a](https://a.example/b_(c))":           link("https://a.example/b_(c)", "a", "a.example"),
		"[a](https://a.example:8443)":            link("https://a.example:8443", "a", "a.example:8443"),
		"[a.example/b](https://www.a.example/b)": link("https://www.a.example/b", "a.example/b", ""),
		"[www.a.example](https://a.example)":     link("https://a.example", "www.a.example", ""),
		"[com](https://www.com)":                 link("https://www.com", "com", "www.com"),
		"[www.com/a](https://www.com)":           link("https://www.com", "www.com/a", ""),
		"[a.example.evil](https://a.example)":    link("https://a.example", "a.example.evil", "a.example"),
		"<https://a.example/?b=1&c=2>": link("https://a.example/?b=1&amp;c=2",
			"https://a.example/?b=1&amp;c=2", ""),
		"[a](https://a.example/ü)":               link("https://a.example/%C3%BC", "a", "a.example"),
		"[a](https://a.example/?q=ü#ö)":          link("https://a.example/?q=%C3%BC#%C3%B6", "a", "a.example"),
		"[a](https://a.example/?a;b=%zz+c%20d)":  link("https://a.example/?a;b=%zz+c%20d", "a", "a.example"),
		"[a [b] c](https://a.example)":           link("https://a.example", "a [b] c", "a.example"),
		"[https://b.example](https://a.example)": link("https://a.example", "https://b.example", "a.example"),
	} {
		r := patientText(markdown)
		assert.Equal(t, want, bodyOf(t, r), markdown)
		assert.Empty(t, r.Issues(), markdown)
	}
}

func TestLinks_Refused(t *testing.T) {
	t.Parallel()
	for _, target := range []string{
		"http://a.example", "javascript:alert(1)", "data:text/html,x", "//a.example", "/a", "#a",
		"mailto:a@a.example", "https://",
		"https://u@a.example", "https://u:p@a.example", "https://localhost", "https://10.0.0.1", "https://[::1]",
		"https://ä.example",
		"https:\\\\a.example", "https://a.example\\@b.example", "https://a..example", "https:a.example",
		"ftp://a.example", "",
		"https://a.example/" + strings.Repeat("a", 2048), "https://a.example:999999/", "java&#10;script:x",
		"https://a.example/<b>",
	} {
		r := patientText("[text](" + target + ")")
		assert.NotContains(t, bodyOf(t, r), "<a", target)
		assert.Contains(t, bodyOf(t, r), "text", target)
		if !strings.Contains(target, "<") && len(target) < 2048 { // those are no link of Markdown either
			assert.Equal(t, []report.Problem{report.LinkRefused}, problems(r), target)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	wide := "|" + strings.Repeat("a|", 40) + "\n|" + strings.Repeat("-|", 40) + "\n"
	for name, c := range map[string]struct {
		markdown string
		problem  report.Problem
	}{
		"quotes":   {strings.Repeat(">", 10_000) + "end", report.TooDeep},
		"lists":    {strings.Repeat("- ", 10_000) + "end", report.TooDeep},
		"brackets": {strings.Repeat("[", 1<<20) + "end", report.TooDeep},
		"emphasis": {strings.Repeat("*a _b ", 1_000) + "end", report.TooDeep},
		"ticks":    {"a " + strings.Repeat("`", 20) + "end", report.TooDeep},
		"columns":  {wide + "end", report.TooManyCells},
		"cells":    {"|a|b|\n|-|-|\n" + strings.Repeat("|c|\n", 6_000) + "end", report.TooManyCells},
	} {
		r := patientText(c.markdown)
		assert.Contains(t, bodyOf(t, r), "end", name)
		assert.Equal(t, []report.Problem{c.problem}, problems(r), name)
		requireSafe(t, r)
	}
}

func TestForeignCharacters(t *testing.T) {
	t.Parallel()

	r := patientText("a\x00\x1b[1m\u202eb\ufeff\U000e0041 \xff &#x202e;c\r\nd\re")
	assert.Equal(t, "<p dir=\"auto\">a[1mb \ufffd c\nd\ne</p>", bodyOf(t, r))
	assert.Equal(t, []report.Problem{report.InvalidUTF8, report.ControlCharacters}, problems(r))

	kept := "שלום\u200f 👩\u200d🔬 a\u200eb"
	r = patientText(kept)
	assert.Equal(t, `<p dir="auto">`+kept+"</p>", bodyOf(t, r))
	assert.Empty(t, r.Issues())
}

func TestIssues_AreBounded(t *testing.T) {
	t.Parallel()

	result := &helios.Result{LabResults: make([]helios.LabResult, 300)} // without names
	assert.Len(t, report.New(result, report.Patient, report.Options{}).Issues(), 200)
}
