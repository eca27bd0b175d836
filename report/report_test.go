package report_test

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/report"
)

func TestReport_NothingToShow(t *testing.T) {
	t.Parallel()
	for _, result := range []*helios.Result{nil, {}, {PatientResponse: " \n"}} {
		for _, audience := range []report.Audience{report.Patient, report.Clinician, 7} {
			r := report.New(result, audience, report.Options{})
			assert.Contains(t, pageOf(t, r), "Not part of this report: a text, sources, lab results.")
			assert.Contains(t, textOf(t, r, 80), "Not part of this report: a text, sources, lab results.")
			assert.Empty(t, r.Issues())
			assert.Empty(t, r.Sources())
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()

	made := time.Date(2025, 1, 15, 12, 0, 0, 0, time.UTC)
	r := report.New(&helios.Result{PatientResponse: "Hola [1]", Citations: helios.Citations{Patient: citations()}},
		report.Patient,
		report.Options{
			Title: "Clínica <Norte>", Time: made, Language: "es-MX", Brand: "#7a1fa2",
			Above: "**Aviso** [a](https://a.example)",
			Below: "Llame al 555", IDPrefix: "p-17", DateFormat: "2.1.2006",
			Words: map[string]string{"sources": "Referencias"},
		})
	page := pageOf(t, r)
	for _, want := range []string{
		`<html class="helios-page" lang="es-MX" dir="ltr">`, "<title>Clínica &lt;Norte&gt;</title>", "15.1.2025",
		"--brand: #7a1fa2",
		`<strong>Aviso</strong> <a href="https://a.example"`, "Llame al 555", `id="p-17-source-1"`,
		"<h2>Referencias</h2>", "Fuente 1",
	} {
		assert.Contains(t, page, want)
	}
	assert.NotContains(t, page, "inteligencia artificial", "the notice is replaced")
	assert.Empty(t, r.Issues())
	assert.Equal(t, []any{"Clínica <Norte>", "es-MX", report.Patient}, []any{r.Title(), r.Language(), r.Audience()})
	assert.Contains(t, textOf(t, r, 80), "15.1.2025")
}

// Reports of both audiences, and two of one with a prefix, can be on one page.
func TestReport_SeveralOnOnePage(t *testing.T) {
	t.Parallel()

	result := readResult(t, "lab-results")
	id, target := regexp.MustCompile(` id="([^"]+)"`), regexp.MustCompile(`(?:href="|url\()#([^")]+)`)
	ids := make(map[string]int)
	for i, r := range []*report.Report{
		report.New(result, report.Patient, report.Options{}),
		report.New(result, report.Clinician, report.Options{}),
		report.New(result, report.Patient, report.Options{IDPrefix: "last-year"}),
	} {
		for _, match := range id.FindAllStringSubmatch(string(r.HTML()), -1) {
			assert.NotContains(t, ids, match[1])
			ids[match[1]] = i
		}
		for _, match := range target.FindAllStringSubmatch(string(r.HTML()), -1) {
			assert.Equal(t, i, ids[match[1]], "%s is in the same report", match[1])
			assert.Contains(t, ids, match[1])
		}
	}
	assert.Greater(t, len(ids), 30)
}

func TestOptions_Bad(t *testing.T) {
	t.Parallel()

	r := report.New(nil, report.Patient, report.Options{Language: "x y", Brand: "#777777", IDPrefix: "1"})
	assert.Equal(t, []report.Issue{
		{Where: "Options.Language", Problem: report.BadOption, Count: 1},
		{Where: "Options.IDPrefix", Problem: report.BadOption, Count: 1},
		{Where: "Options.Brand", Problem: report.BadOption, Count: 1},
	}, r.Issues())
	assert.Contains(t, string(r.Style()), "--brand: #1b5e7b")

	for color, taken := range map[string]bool{
		"#767676": true, "#777": false, "#15b": true, "#000": true, "#ffffff": false, "red": false, "#12345": false,
		"#gggggg": false,
		"123456":  false,
	} {
		assert.Equal(t, taken, len(report.New(nil, report.Patient, report.Options{Brand: color}).Issues()) == 0, color)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()

	assert.Nil(t, report.Words("fr"))
	english := slices.Sorted(maps.Keys(report.Words("en")))
	for _, language := range []string{"es", "de-AT"} {
		assert.Equal(t, english, slices.Sorted(maps.Keys(report.Words(language))), language)
	}

	r := report.New(nil, report.Patient, report.Options{Language: "ar",
		Words: map[string]string{"absent": "لا يوجد {n}"}})
	assert.Contains(t, string(r.HTML()), `lang="ar" dir="rtl"`)
	assert.Contains(t, string(r.HTML()), "لا يوجد")
	assert.Equal(t, []report.Problem{report.MissingWord}, problems(r))
	assert.Contains(t, pageOf(t, report.New(nil, report.Clinician, report.Options{Language: "de"})),
		"Klinischer Bericht")
}

// A value that looks like a placeholder is a value.
func TestWords_PlaceholdersOnce(t *testing.T) {
	t.Parallel()

	r := labsOf(report.Options{}, helios.LabResult{Name: "a", Value: "{date}", Date: "2025-01-01"},
		helios.LabResult{Name: "b", Value: "1 {date}", Date: "2024-01-01"},
		helios.LabResult{Name: "b", Value: "2 {date}", Date: "2025-01-01"})
	assert.Contains(t, string(r.HTML()), "1\u00a0{date} on Jan 1, 2024")

	r = report.New(nil, report.Patient, report.Options{Words: map[string]string{"absent": "{n} {n}"}})
	assert.Contains(t, string(r.HTML()), "a text, sources, lab results a text, sources, lab results")
}

func TestContentSecurityPolicy(t *testing.T) {
	t.Parallel()

	r := patientText("a")
	policy := r.ContentSecurityPolicy()
	assert.Regexp(t, `^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; base-uri 'none'; `+
		`form-action 'none'; frame-ancestors 'self'$`, policy)
	assert.Contains(t, pageOf(t, r), "<style>"+string(r.Style())+"</style>", "the hash is that of what is written")
	assert.NotEqual(t, policy, report.New(nil, report.Patient, report.Options{Brand: "#000"}).ContentSecurityPolicy())
}

// brokenWriter fails at once.
type brokenWriter struct{}

var errBroken = errors.New("broken")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestWrite_Fails(t *testing.T) {
	t.Parallel()

	r := patientText("a")
	for _, err := range []error{r.WriteHTML(brokenWriter{}), r.WriteText(brokenWriter{}, 80)} {
		assert.ErrorIs(t, err, errBroken)
		assert.ErrorContains(t, err, "helios: report: ")
	}
}

func TestReport_Concurrently(t *testing.T) {
	t.Parallel()

	r := report.New(readResult(t, "lab-results"), report.Patient, report.Options{})
	page, text := pageOf(t, r), textOf(t, r, 60)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			assert.Equal(t, page, pageOf(t, r))
			assert.Equal(t, text, textOf(t, r, 60))
			r.Sources()[0].Title = "Another title"
		})
	}
	all.Wait()
	assert.NotContains(t, pageOf(t, r), "Another title")
}

func TestReport_OneOfTenAnalyzed(t *testing.T) {
	t.Parallel()

	r := report.New(&helios.Result{Metadata: &helios.ResultMetadata{LabsReceived: 10, LabsAnalyzed: 1}},
		report.Patient, report.Options{})
	assert.Contains(t, string(r.HTML()), "1 of 10 results that were submitted were analyzed.")
	assert.Contains(t, textOf(t, r, 80), "1 of 10 results that were submitted were analyzed.")
}

func TestWriteText(t *testing.T) {
	t.Parallel()

	markdown := "# Head\n\nA paragraph that has to be wrapped, with [a link](https://a.example/b) and **bold** " +
		"[1].\n\n" +
		"- item that is also long enough to be wrapped\n  1. inner\n\n> quoted\n\n```\ncode\n```\n\n***\n\n| a | b " +
		"|\n|---|---|\n| c | d |\n\n" +
		"- # in a list\n-\n\nhard  \nbreak 日本語のとても長いテキストは折り返されます"
	text := textOf(t, patientText(markdown), 30)
	_, text, _ = strings.Cut(text, "Notice.\n\n")
	text, _, _ = strings.Cut(text, "Sources\n")
	assert.Equal(t, `Head
----

A paragraph that has to be
wrapped, with a link
<https://a.example/b> and bold
[1].

- item that is also long
  enough to be wrapped
  1. inner

> quoted

    code

* * *

a | b
c | d

- in a list
-

hard
break
日本語のとても長いテキストは折
り返されます

`, text)
}

func TestWriteText_Width(t *testing.T) {
	t.Parallel()

	r := report.New(readResult(t, "odd"), report.Patient, report.Options{})
	deep := patientText(strings.Repeat("> ", 16) + "a quote that is nested sixteen times")
	for _, width := range []int{-1, 0, 1, 20, 40, 200} {
		for _, r := range []*report.Report{r, deep} {
			for line := range strings.SplitSeq(textOf(t, r, width), "\n") {
				if width > 0 && !strings.Contains(line, "https://") {
					assert.LessOrEqual(t, utf8.RuneCountInString(line), max(width, 20), "%q", line)
				}
			}
		}
	}
}
