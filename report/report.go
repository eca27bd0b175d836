package report

import (
	"html/template"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/yuin/goldmark/ast"

	"github.com/heliosai/helios-go"
)

// Audience is who reads a report: it chooses the response and its sources.
type Audience int

// The audiences.
const (
	Patient   Audience = iota // PatientResponse with Citations.Patient
	Clinician                 // ClinicianResponse with Citations.Clinician
)

// String returns "patient" or "clinician".
func (a Audience) String() string {
	if a == Clinician {
		return "clinician"
	}
	return "patient"
}

// Options shape a report. The zero value is a report in English.
type Options struct {
	// Title stands above the page; by default that of the audience in Words.
	Title string
	// Time is when the result was made, such as [helios.Event.Timestamp]; zero
	// shows none.
	Time time.Time
	// Language is that of the response and of the fixed words, as in BCP 47:
	// "en", "es-MX". Empty means English. The words of "en", "es" and "de" are
	// built in.
	Language string
	// Words replaces fixed words by their keys, see [Words].
	Words map[string]string
	// DateFormat is a layout of package time; by default that of the language.
	// Dates of labs that cannot be read are shown as they came.
	DateFormat string
	// Brand colors headings and links: "#1b5e7b". One with a contrast below
	// 4.5:1 on white is not used, and reported.
	Brand string
	// Above replaces the notice that the report was made by artificial
	// intelligence and is no diagnosis. Below stands at the end. Both are
	// Markdown.
	Above, Below string
	// Labs are shown instead of the result's. Nil means the result's, and an
	// empty slice none.
	Labs []helios.LabResult
	// Anchors returns numbers to mark on the line of a result, such as where
	// doctors begin to be concerned; at most four. Optional.
	Anchors func(helios.LabResult) []Anchor
	// IDPrefix begins all ids; by default "helios-patient" or
	// "helios-clinician". Set it where several reports of one audience stand on
	// one page. It is up to 63 ASCII letters, digits, "-" and "_", a letter
	// first.
	IDPrefix string
}

// Report is a result for one audience. Its methods can be called concurrently.
// It holds health data.
type Report struct {
	audience Audience
	title    string
	language string
	style    string
	fragment template.HTML
	text     *page // for WriteText
	sources  []Source
	issues   []Issue
}

// page is a report while it is made.
type page struct {
	opts       Options
	audience   Audience
	words      words
	issues     issues
	prefix     string
	title      string
	language   string
	dateLayout string
	brand      rgb

	result     *helios.Result
	sources    *sources
	body       body // the response
	above      body
	below      body
	categories []*category
	charts     []*chartCategory
	elements   []helios.SelectedElement
	tasks      []string
}

// body is a parsed text.
type body struct {
	where  string
	source []byte
	root   ast.Node
}

// New makes a report of a result. A nil result, or one without responses,
// citations or labs, makes a report that says so. It does not keep result, and
// it makes the whole report at once, so that the methods are cheap.
func New(result *helios.Result, audience Audience, opts Options) *Report {
	if result == nil {
		result = new(helios.Result)
	}
	if audience != Clinician {
		audience = Patient
	}

	p := &page{opts: opts, audience: audience, result: result}
	p.readOptions()
	p.readResponse()
	p.readLabs()
	p.readElements()

	r := &Report{
		audience: audience, title: p.title, language: p.language, style: p.style(), fragment: p.fragment(), text: p,
		sources: make([]Source, len(p.sources.list)), issues: p.issues.all(),
	}
	for i, source := range p.sources.list {
		r.sources[i] = *source
	}
	return r
}

// HTML returns a fragment: an article whose headings begin with h2, for a page
// of your own. [Report.Style] is its style sheet.
func (r *Report) HTML() template.HTML { return r.fragment }

// Audience returns who the report is for.
func (r *Report) Audience() Audience { return r.audience }

// Title returns the title of the page, in one line.
func (r *Report) Title() string { return r.title }

// Language returns the language of the fixed words.
func (r *Report) Language() string { return r.language }

// Sources returns the sources in the order of their numbers; those without one
// come last.
func (r *Report) Sources() []Source { return slices.Clone(r.sources) }

// Issues returns what was left out, changed or could not be linked; none for a
// sound result, and at most 200. They hold no health data.
func (r *Report) Issues() []Issue { return slices.Clone(r.issues) }

var prefixPattern = regexp.MustCompile(`\A[a-zA-Z][-_a-zA-Z0-9]{0,62}\z`)

var languagePattern = regexp.MustCompile(`\A[a-zA-Z]{2,3}(-[a-zA-Z0-9]{1,8}){0,4}\z`)

func (p *page) readOptions() {
	o := &p.opts
	p.language = o.Language
	if p.language == "" {
		p.language = "en"
	}
	if !languagePattern.MatchString(p.language) {
		p.language = "en"
		p.issues.add("Options.Language", BadOption)
	}
	p.words = newWords(p.language, o.Words, &p.issues)

	p.prefix = "helios-" + p.audience.String()
	if prefixPattern.MatchString(o.IDPrefix) {
		p.prefix = o.IDPrefix
	} else if o.IDPrefix != "" {
		p.issues.add("Options.IDPrefix", BadOption)
	}
	p.prefix += "-"

	p.brand = defaultBrand
	if color, ok := parseColor(o.Brand); ok && contrast(color, lightGround) >= minContrast {
		p.brand = color
	} else if o.Brand != "" {
		p.issues.add("Options.Brand", BadOption)
	}

	p.dateLayout = cleanLine(o.DateFormat, "Options.DateFormat", &p.issues)
	if p.dateLayout == "" {
		p.dateLayout = p.words.get("dates")
	}
	p.title = cleanLine(o.Title, "Options.Title", &p.issues)
	if p.title == "" {
		p.title = p.words.get("title." + p.audience.String())
	}
}

func (p *page) readResponse() {
	response, citations := p.result.PatientResponse, p.result.Citations.Patient
	if p.audience == Clinician {
		response, citations = p.result.ClinicianResponse, p.result.Citations.Clinician
	}
	p.sources = newSources(citations, "citations."+p.audience.String(), &p.issues)
	p.body = p.parse(response, p.audience.String()+"Response", p.sources)

	above := p.opts.Above
	if strings.TrimSpace(above) == "" {
		above = p.words.get("notice." + p.audience.String())
	}
	none := newSources(nil, "", &p.issues)
	p.above = p.parse(above, "Options.Above", none)
	p.below = p.parse(p.opts.Below, "Options.Below", none)
}

func (p *page) parse(markdown, where string, sources *sources) body {
	b := body{where: where, source: []byte(cleanText(markdown, where, &p.issues))}
	b.root = parseMarkdown(b.source, &state{where: where, issues: &p.issues, sources: sources})
	return b
}
