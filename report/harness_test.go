package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/report"
)

// patientText makes a report of a text, with the sources 1 to 5.
func patientText(markdown string) *report.Report {
	return report.New(&helios.Result{
		PatientResponse: markdown,
		Citations:       helios.Citations{Patient: citations()},
	}, report.Patient, report.Options{Above: "Notice."})
}

func citations() map[string]helios.Citation {
	return map[string]helios.Citation{
		"1": {URL: "https://pubmed.ncbi.nlm.nih.gov/12345678/", Title: "First"},
		"2": {URL: "https://doi.org/10.5555/second", Title: "Second"},
		"3": {URL: "https://example.org/third", Title: "Third"},
		"4": {URL: "https://example.org/fourth", Title: "Fourth"},
		"5": {URL: "https://example.org/fifth", Title: "Fifth"},
	}
}

// bodyOf returns the part of a report that is made of the response.
func bodyOf(t *testing.T, r *report.Report) string {
	t.Helper()
	_, body, found := strings.Cut(string(r.HTML()), "<div class=\"helios-body\">\n")
	if !found {
		return ""
	}
	body, _, found = strings.Cut(body, "</div>\n<section class=\"helios-sources\"")
	require.True(t, found, "sources follow the body")
	return strings.TrimSuffix(body, "\n")
}

// problems returns what the issues are, without where.
func problems(r *report.Report) []report.Problem {
	var all []report.Problem
	for _, issue := range r.Issues() {
		all = append(all, issue.Problem)
	}
	return all
}

func pageOf(t *testing.T, r *report.Report) string {
	t.Helper()
	var page bytes.Buffer
	require.NoError(t, r.WriteHTML(&page))
	return page.String()
}

func textOf(t *testing.T, r *report.Report, width int) string {
	t.Helper()
	var text bytes.Buffer
	require.NoError(t, r.WriteText(&text, width))
	return text.String()
}

// readResult reads a completed event from testdata.
func readResult(t *testing.T, name string) *helios.Result {
	t.Helper()
	file, err := os.ReadFile("testdata/" + name + ".json")
	require.NoError(t, err)
	var event struct{ Result *helios.Result }
	require.NoError(t, json.Unmarshal(file, &event))
	return event.Result
}
