package report

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/heliosai/helios-go"
)

//go:embed templates
var templateFiles embed.FS

//go:embed style.css
var styleSheet string

var templates = template.Must(template.ParseFS(templateFiles, "templates/*.html"))

// Style returns the style sheet of the report, for the page that HTML is put
// into. It styles nothing but reports, and it is what WriteHTML writes into its
// style element.
func (r *Report) Style() template.CSS { return template.CSS(r.style) } //nolint:gosec // made of constants and a color

// ContentSecurityPolicy returns the value of the header with which to serve
// what WriteHTML writes. It allows the one style element, by its hash, and
// nothing else: no script, no image, no request. The page carries the same
// policy in a meta element; the header adds that no page of another origin may
// frame it.
func (r *Report) ContentSecurityPolicy() string {
	return r.metaPolicy() + "; frame-ancestors 'self'"
}

func (r *Report) metaPolicy() string {
	sum := sha256.Sum256([]byte(r.style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'"
}

// WriteHTML writes a whole, self-contained page in UTF-8. The error is that of
// w.
func (r *Report) WriteHTML(w io.Writer) error {
	var page bytes.Buffer
	err := templates.ExecuteTemplate(&page, "page.html", map[string]any{
		"Language": r.language, "Direction": textDirection(r.language), "Title": r.title,
		"Policy": r.metaPolicy(), "Style": r.Style(), "Report": longPlace, "Time": r.text.timeText(),
	})
	before, after, _ := strings.Cut(page.String(), longPlace)
	for _, part := range [...]string{before, string(r.fragment), after} {
		if err == nil {
			_, err = io.WriteString(w, part)
		}
	}
	if err != nil {
		return fmt.Errorf("helios: report: write page: %w", err)
	}
	return nil
}

// longPlace stands in a template where a long text will: templates are slow,
// and copy what they are given several times. cleanText removes it from all
// foreign text.
const longPlace = "\uE001"

func textDirection(language string) string {
	if isRightToLeft(language) {
		return "rtl"
	}
	return "ltr"
}

// style returns the style sheet with the brand color.
func (p *page) style() string {
	return strings.NewReplacer("#000001", p.brand.String(), "#000002", p.brand.onDark().String()).Replace(styleSheet)
}

func (p *page) timeText() string {
	if p.opts.Time.IsZero() {
		return ""
	}
	return cleanLine(p.formatDate(p.opts.Time), "", new(issues)) // a zone can have any name
}

// chartCategory is a category as the template takes it.
type chartCategory struct {
	Name  string
	Tests []chart
}

// chart is a test as the template takes it: its newest result, the drawings
// that there can be, and all results where there are several.
type chart struct {
	Name   string
	Latest row
	Line   *numberLine
	Course *course
	Rows   []row
}

// IsLong reports whether the results are too many to be kept on one sheet of
// paper. They then have the test's name above them on each.
func (c chart) IsLong() bool { return len(c.Rows) > 8 }

// row is a result in words.
type row struct {
	Value, Flag, Side, Range, Date string
	Symbol                         string // of the flag, beside its word
	Class                          string // of the flag
}

func (p *page) newRow(l *lab) row {
	r := row{Value: l.value, Flag: l.flag, Side: p.sideWord(l), Range: p.rangeWords(l), Date: l.date, Class: "other"}
	flag, is := helios.Flag(strings.ToLower(strings.TrimSpace(string(l.source.Flag)))), l.side()
	switch {
	case flag == "critical":
		r.Symbol, r.Class = "!", "critical"
	case flag == "high" || flag == "" && is == above:
		r.Symbol, r.Class = "▲", "off"
	case flag == "low" || flag == "" && is == below:
		r.Symbol, r.Class = "▼", "off"
	case flag == "normal" || flag == "" && is == inside:
		r.Symbol, r.Class = "●", "normal"
	}
	if r.Flag == "" {
		r.Flag, r.Side = r.Side, ""
	}
	return r
}

func (p *page) readLabs() {
	labs := p.opts.Labs
	if labs == nil {
		labs = p.result.LabResults
	}
	p.categories = p.newCategories(labs)

	number := 0
	for _, c := range p.categories {
		shown := &chartCategory{Name: c.Name}
		for _, t := range c.Tests {
			number++
			latest := t.results[0]
			made := chart{
				Name: t.Name, Latest: p.newRow(latest),
				Line:   p.newNumberLine(latest, p.prefix+"lab-"+strconv.Itoa(number)),
				Course: p.newCourse(t),
			}
			if len(t.results) > 1 {
				for _, l := range t.results {
					made.Rows = append(made.Rows, p.newRow(l))
				}
			}
			shown.Tests = append(shown.Tests, made)
		}
		p.charts = append(p.charts, shown)
	}
}

// sourceView is a source as the template takes it.
type sourceView struct {
	*Source
	ID      string
	Name    string // the title, or what stands for it
	Details string
	Backs   string // the place of the links to its markers
	Snippet string
}

func (p *page) sourceViews() (cited, uncited []sourceView) {
	for _, s := range p.sources.list {
		v := sourceView{Source: s, Name: cmp.Or(s.Title, p.words.get("untitled")), Details: s.details()}
		if s.Number > 0 {
			v.ID = p.prefix + "source-" + strconv.Itoa(s.Number)
		}
		if p.audience == Clinician {
			v.Snippet = s.Snippet
		}
		if s.Cited > 0 {
			cited = append(cited, v)
		} else {
			uncited = append(uncited, v)
		}
	}
	return cited, uncited
}

// writeBackLinks writes the links from a source to its markers.
func (p *page) writeBackLinks(out *strings.Builder, s *Source) {
	single := html.EscapeString(p.words.get("back"))
	before, after, isNumbered := strings.Cut(html.EscapeString(p.words.get("backn")), "{n}")
	for i, id := range s.backlinks {
		writeAll(out, `<a class="helios-back" href="#`, p.prefix, "cite-", strconv.Itoa(id),
			`" role="doc-backlink" aria-label="`)
		switch {
		case len(s.backlinks) == 1:
			out.WriteString(single)
		case isNumbered:
			writeAll(out, before, strconv.Itoa(i+1), after)
		default:
			out.WriteString(before)
		}
		out.WriteString(`">↑</a> `)
	}
}

func writeAll(out *strings.Builder, parts ...string) {
	for _, part := range parts {
		out.WriteString(part)
	}
}

// details returns what a source says of itself beside its title.
func (s *Source) details() string {
	var parts []string
	for _, part := range []string{s.Author, s.Publisher, s.Published, s.Type} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "\u00a0· ")
}

// LinksDOI reports whether the DOI has a link of its own: one to each place is
// enough.
func (v sourceView) LinksDOI() bool { return !v.isDOILink() }

func (p *page) fragment() template.HTML {
	cited, uncited := p.sourceViews()
	data := map[string]any{
		"Prefix": p.prefix, "Language": p.language, "Direction": textDirection(p.language), "Words": p.words,
		"Above": p.safeHTML(p.above), "Below": p.safeHTML(p.below),
		"Labs": p.charts, "Analysed": p.analysedText(), "Cited": cited, "Uncited": uncited,
		"Missing": p.missingText(), "Absent": p.absentText(),
		"Elements": p.elements, "Tasks": p.tasks,
	}
	var long []func(*strings.Builder) // what stands in the long places, in their order
	links := 0
	if p.body.root.HasChildren() {
		data["Body"] = longPlace
		long = append(long, func(out *strings.Builder) { p.writeHTML(out, p.body) })
	}
	for i, v := range cited {
		if len(v.backlinks) > 0 {
			cited[i].Backs = longPlace
			links += len(v.backlinks)
			long = append(long, func(out *strings.Builder) { p.writeBackLinks(out, v.Source) })
		}
	}

	var around strings.Builder
	if err := templates.ExecuteTemplate(&around, "report.html", data); err != nil {
		panic("helios: report: " + err.Error()) // a fault of this package's own template
	}
	rest := around.String()
	const bytesOfLink = 300 // there and back
	var out strings.Builder
	out.Grow(len(rest) + 2*len(p.body.source) + links*bytesOfLink)
	for _, write := range long {
		before, after, _ := strings.Cut(rest, longPlace)
		out.WriteString(before)
		write(&out)
		rest = after
	}
	out.WriteString(rest)
	return template.HTML(out.String()) //nolint:gosec // html/template and the policy have escaped it
}

// analysedText says that the run has left out results, or nothing.
func (p *page) analysedText() string {
	m := p.result.Metadata
	if m == nil || m.LabsAnalyzed >= m.LabsReceived {
		return ""
	}
	return p.words.get("analysed", "{n}", strconv.Itoa(m.LabsAnalyzed), "{number}", strconv.Itoa(m.LabsReceived))
}

func (p *page) missingText() string {
	if len(p.sources.missing) == 0 {
		return ""
	}
	numbers := make([]string, len(p.sources.missing))
	for i, n := range slices.Sorted(slices.Values(p.sources.missing)) {
		numbers[i] = strconv.Itoa(n)
	}
	return p.words.get("missing.list", "{n}", strings.Join(numbers, ", "))
}

// absentText says which parts the result does not have.
func (p *page) absentText() string {
	var parts []string
	if !p.body.root.HasChildren() {
		parts = append(parts, p.words.get("absent.text"))
	}
	if len(p.sources.list) == 0 {
		parts = append(parts, p.words.get("absent.sources"))
	}
	if len(p.charts) == 0 {
		parts = append(parts, p.words.get("absent.labs"))
	}
	if len(parts) == 0 {
		return ""
	}
	return p.words.get("absent", "{n}", strings.Join(parts, ", "))
}

// readElements reads the parts of the record that mattered, and the questions
// of a deep run; clinicians see them.
func (p *page) readElements() {
	if p.audience != Clinician {
		return
	}

	for i, e := range p.result.SelectedElements {
		where := "selectedElements[" + strconv.Itoa(i) + "]"
		clean := func(s string) string { return cleanLine(s, where, &p.issues) }
		p.elements = append(p.elements, helios.SelectedElement{
			Item: clean(e.Item), Category: clean(e.Category), PatientValue: clean(e.PatientValue),
			MatchingReason: clean(e.MatchingReason),
		})
	}
	for i, task := range p.result.ResearchTasks {
		if task = cleanLine(task, "researchTasks["+strconv.Itoa(i)+"]", &p.issues); task != "" {
			p.tasks = append(p.tasks, task)
		}
	}
}
