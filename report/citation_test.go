package report_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/report"
)

func TestMarkers(t *testing.T) {
	t.Parallel()
	for markdown, want := range map[string]string{
		"a [1]": "a [1]", "a [1, 2]": "a [1, 2]", "[1,2;3]": "[1, 2, 3]", "[3-5]": "[3, 4, 5]", "[3–5]": "[3, 4, 5]",
		"[1, 3 - 5]": "[1, 3, 4, 5]", "[ 2 ]": "[2]", "[1][2]": "[1][2]", "[1, 1]": "[1]", "**[1]**": "[1]",
		"# a [1]": "a [1]",
		"[01]":    "[1]",
	} {
		r := patientText(markdown)
		assert.Equal(t, want, strings.ReplaceAll(textContentOf(t, bodyOf(t, r)), "\u00a0", " "), markdown)
		assert.Contains(t, bodyOf(t, r), `[<a id="helios-patient-cite-1" href="#helios-patient-source-`, markdown)
		assert.Empty(t, r.Issues(), markdown)
	}
}

func TestMarkers_NoMarker(t *testing.T) {
	t.Parallel()
	for _, markdown := range []string{
		"[4.0-5.6]", "[136-145]", "[a]", "[]", "[1,]", "[5-1]", "[0]", "[12345]", "[1-50]", "`[1]`", `\[1\]`, "[^1]",
		"[1",
		"[-1]", "[1 2]", "    [1]",
	} {
		r := patientText(markdown)
		assert.NotContains(t, bodyOf(t, r), "helios-cite", markdown)
		assert.Empty(t, r.Issues(), markdown)
	}
}

func TestMarkers_WithoutSource(t *testing.T) {
	t.Parallel()

	r := patientText("a [7], b [1, 9], c [5-6]")
	body := bodyOf(t, r)
	assert.Contains(t, body, `[<span class="helios-missing">7</span>`)
	assert.Contains(t, body, `>1</a>, <span class="helios-missing">9</span>`)
	assert.Contains(t, body, `>5</a>, <span class="helios-missing">6</span>`)
	assert.Contains(t, string(r.HTML()), "not part of this report: 6, 7, 9.")
	assert.Equal(t, []report.Issue{
		{Where: "patientResponse [7]", Problem: report.NoSource, Count: 1},
		{Where: "patientResponse [9]", Problem: report.NoSource, Count: 1},
		{Where: "patientResponse [6]", Problem: report.NoSource, Count: 1},
	}, r.Issues())
}

// Short ranges name many numbers: what has no source is bounded too.
func TestMarkers_ManyMissing(t *testing.T) {
	t.Parallel()
	markdown := strings.Repeat("[1-40]", 20_000)
	r := patientText(markdown)
	assert.Less(t, len(r.HTML()), 20*len(markdown))
	assert.Contains(t, problems(r), report.TooManyMarkers)
}

// What is beyond the limit stands as it was written, not written out.
func TestMarkers_ManyRanges(t *testing.T) {
	t.Parallel()
	markdown := strings.Repeat("[1-5]", 20_000)
	r := patientText(markdown)
	assert.Contains(t, bodyOf(t, r), "</sup>[1-5][1-5]")
	assert.Less(t, len(r.HTML()), 20*len(markdown))
	assert.Equal(t, []report.Issue{{Where: "patientResponse", Problem: report.TooManyMarkers, Count: 19_000}},
		r.Issues())
}

// Numbers in brackets beside a value can be its range. The sources 1 to 5 are
// there.
func TestMarkers_BesideAValue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		markdown          string
		isRange, doubtful bool
	}{
		{"Potassium 4.1 [3-5] mmol/L", true, true},
		{"Potassium **4.1** [3–5]\u00a0mmol/L.", true, true},
		{"Leukocytes 6.1 [4-5] 10*9/L", true, true},
		{"Kalium 4,1 [3-5] mmol/l", true, true},
		{"Potassium [3-5] mmol/L", true, true},
		{"Share [3-5]%", true, true},
		{"Potassium 4.1 [3-5]", true, true},
		{"Potassium 4.1 mmol/L [3-5]", true, true},
		{"eGFR 4 mL/min/1.73m2 [3-5]", true, true},
		{"Potassium 5.6 [3-5]", true, true},
		{"Lymphocytes 25 % [4-30]", true, true},
		{"Potassium 5.6 mmol/L [3-5]", false, true},
		{"below 7 % [3-5]", false, true},
		{"Albumin 4 [3-5]", false, true},
		{"by 20 % [3-5]", false, false},
		{"a ratio of 0.62 [3-5]", false, false},
		{"in 2019 [3-5]", false, false},
		{"stage 2 [3-5]", false, false},
		{"after COVID-4 [3-5]", false, false},
		{"vitamin B4 [3-5]", false, false},
		{"on 2025-01-04 [3-5]", false, false},
		{"is 4.1. [3-5]", false, false},
		{"4.1\n[3-5]", false, false},
		{"4.1 [3, 5] mmol/L", false, false},
		{"4.1 [4] mmol/L", false, false},
		{"text [1-3] M. tuberculosis", false, false},
		{"text [1-3] and/or", false, false},
		{"text [1-3] mmol", true, true},
		{"text [1-3] gastritis", false, false},
	} {
		r := patientText(c.markdown)
		assert.Equal(t, c.isRange, !strings.Contains(bodyOf(t, r), "helios-cite"), c.markdown)
		if !c.doubtful {
			assert.Empty(t, r.Issues(), c.markdown)
			continue
		}
		assert.Equal(t, []report.Problem{report.DoubtfulMarker}, problems(r), c.markdown)
		if c.isRange {
			assert.Contains(t, textOf(t, r, 0), strings.NewReplacer("**", "", "\u00a0", " ").Replace(c.markdown))
		}
	}
}

// A number far from those of the sources may be a value, which no log may have.
func TestMarkers_ValueWithoutSource(t *testing.T) {
	t.Parallel()
	r := patientText("Sodium [142], see [1].")
	assert.Equal(t, []report.Issue{{Where: "patientResponse", Problem: report.NoSource, Count: 1}}, r.Issues())
}

// A definition or a link must not give a marker another target.
func TestMarkers_KeepTheirSource(t *testing.T) {
	t.Parallel()
	for markdown, text := range map[string]string{
		"[1]: https://evil.example\n\nSee [1].":         "[1]: https://evil.exampleSee [1].",
		"[1](https://evil.example)":                     "[1](https://evil.example)",
		"[**3**](https://evil.example)":                 "3",
		"[¹](https://evil.example)":                     "¹",
		"[see [1]](https://evil.example)":               "see [1]",
		"[&#x31;](https://evil.example)":                "1",
		`[\[&#x31;\]](https://evil.example)`:            "[1]",
		"[1](https://pubmed.ncbi.nlm.nih.gov/12345678)": "[1]", // its own link, said twice
	} {
		body := bodyOf(t, patientText(markdown))
		assert.NotContains(t, body, `href="https://evil.example`, markdown)
		got := strings.NewReplacer("\u00a0", " ", "\n", "").Replace(textContentOf(t, body))
		assert.Equal(t, text, got, markdown)
	}
}

func TestMarkers_LinkBothWays(t *testing.T) {
	t.Parallel()

	page := string(patientText("a [1] b [1]").HTML())
	for _, want := range []string{
		`id="helios-patient-cite-1" href="#helios-patient-source-1"`,
		`id="helios-patient-cite-2" href="#helios-patient-source-1"`,
		`<li id="helios-patient-source-1">`, `href="#helios-patient-cite-1"`, `href="#helios-patient-cite-2"`,
		"Further sources, not cited in the text",
	} {
		assert.Contains(t, page, want)
	}
}

func TestMarkers_TooMany(t *testing.T) {
	t.Parallel()

	r := patientText(strings.Repeat("[1] ", 5_001))
	assert.Equal(t, []report.Issue{{Where: "patientResponse", Problem: report.TooManyMarkers, Count: 1}}, r.Issues())
	assert.Equal(t, 5_001, r.Sources()[0].Cited)
}

func TestSources(t *testing.T) {
	t.Parallel()

	meta := func(m helios.CitationMetadata) helios.Citation { return helios.Citation{Metadata: m} }
	r := report.New(&helios.Result{Citations: helios.Citations{Clinician: map[string]helios.Citation{
		"10": {URL: "HTTPS://WWW.Example.org/a b"}, "2": {URL: "https://www.example.org/ä", Title: " A\n b "},
		"1": meta(helios.CitationMetadata{DOI: "doi:10.5555/one<2>", Title: "From metadata"}),
		"3": {URL: "https://dx.doi.org/10.5555/three"}, "01": {Title: "taken"}, "x": {Title: "no number"},
		"0": {Title: "zero"},
		"4": meta(helios.CitationMetadata{URL: "https://example.org/meta", DOI: "https://doi.org/10.5555/four"}),
	}}}, report.Clinician, report.Options{})

	var got []report.Source
	for _, s := range r.Sources() {
		got = append(got, report.Source{Number: s.Number, Title: s.Title, URL: s.URL, Host: s.Host, DOI: s.DOI})
	}
	assert.Equal(t, []report.Source{
		{Number: 1, Title: "From metadata", URL: "https://doi.org/10.5555/one%3C2%3E", Host: "doi.org",
			DOI: "10.5555/one<2>"},
		{Number: 2, Title: "A b", URL: "https://www.example.org/%C3%A4", Host: "example.org"},
		{Number: 3, Title: "dx.doi.org", URL: "https://dx.doi.org/10.5555/three", Host: "dx.doi.org"},
		{Number: 4, Title: "example.org", URL: "https://example.org/meta", Host: "example.org", DOI: "10.5555/four"},
		{Number: 10},
		{Title: "zero"}, {Title: "no number"}, {Title: "taken"},
	}, got)
	const doi = `<a href="https://doi.org/10.5555/four" rel="noopener noreferrer">doi:10.5555/four</a>`
	assert.Contains(t, string(r.HTML()), doi)

	text := []string{}
	for _, issue := range r.Issues() {
		text = append(text, issue.String())
	}
	assert.Contains(t, text, "citations.clinician[10]: a source has no link")
	assert.Contains(t, text, "citations.clinician[<key 6>]: a source has no number, or one that is taken")
}

func TestSources_LongTextsAreCut(t *testing.T) {
	t.Parallel()

	r := report.New(&helios.Result{Citations: helios.Citations{Patient: map[string]helios.Citation{
		"1": {URL: "https://example.org/", Title: strings.Repeat("é", 600)},
	}}}, report.Patient, report.Options{})
	require.Len(t, r.Sources(), 1)
	assert.Equal(t, strings.Repeat("é", 500)+"…", r.Sources()[0].Title)
	assert.Equal(t, []report.Problem{report.SourceCut}, problems(r))
}
