package report_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/report"
)

func exampleResult() *helios.Result {
	return &helios.Result{
		PatientResponse: "## Summary\n\nYour creatinine is higher than the standard range. [1]\n",
		Citations: helios.Citations{Patient: map[string]helios.Citation{
			"1": {URL: "https://example.org/kidneys", Title: "Example: What Your Kidney Numbers Mean"},
		}},
		LabResults: []helios.LabResult{{
			Name: "Creatinine", Value: "1.8 mg/dL", Flag: helios.FlagHigh, ReferenceRange: "0.7-1.3 mg/dL",
			Date: "2025-01-15",
		}},
	}
}

func Example() {
	r := report.New(exampleResult(), report.Patient, report.Options{})
	if err := r.WriteText(os.Stdout, 60); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Your health report
	// ==================
	//
	// This report was written by artificial intelligence. It is
	// not a diagnosis and does not replace the advice of your
	// doctor. Talk to them before you change any treatment.
	//
	// Summary
	// -------
	//
	// Your creatinine is higher than the standard range. [1]
	//
	// Lab results
	// -----------
	//
	// - Creatinine: 1.8 mg/dL. High. Above the standard range.
	//   Standard range: 0.7 to 1.3 mg/dL. Jan 15, 2025
	//
	// Sources
	// -------
	//
	// [1] Example: What Your Kidney Numbers Mean
	//     https://example.org/kidneys
}

func ExampleReport_WriteHTML() {
	r := report.New(exampleResult(), report.Patient, report.Options{Title: "Northside Clinic", Brand: "#7a1fa2"})

	var page strings.Builder
	if err := r.WriteHTML(&page); err != nil {
		fmt.Println(err)
	}
	fmt.Println(strings.Count(page.String(), "<style>"), "style element,", strings.Count(page.String(), "<script"),
		"scripts")
	policy := r.ContentSecurityPolicy()
	fmt.Println(policy[:strings.Index(policy, "sha256-")] + "...")
	// Output:
	// 1 style element, 0 scripts
	// default-src 'none'; style-src '...
}

func ExampleReport_HTML() {
	// Both audiences on one page of one's own; ids do not meet.
	patient := report.New(exampleResult(), report.Patient, report.Options{})
	clinician := report.New(exampleResult(), report.Clinician, report.Options{})

	for _, fragment := range []string{string(patient.HTML()), string(clinician.HTML())} {
		first, _, _ := strings.Cut(fragment, "\n")
		fmt.Println(first)
	}
	// Output:
	// <article class="helios-report" id="helios-patient-report" lang="en" dir="ltr">
	// <article class="helios-report" id="helios-clinician-report" lang="en" dir="ltr">
}

func ExampleReport_Issues() {
	result := exampleResult()
	result.PatientResponse = "See [2], and [here](http://example.org)."

	for _, issue := range report.New(result, report.Patient, report.Options{}).Issues() {
		fmt.Println(issue)
	}
	// Output:
	// patientResponse [2]: a marker has no source
	// patientResponse: a link that is not https with a host, or whose text is a number, is not linked
}

func ExampleReport_Sources() {
	for _, source := range report.New(exampleResult(), report.Patient, report.Options{}).Sources() {
		fmt.Println(source.Number, source.Title, source.Host, source.Cited)
	}
	// Output:
	// 1 Example: What Your Kidney Numbers Mean example.org 1
}

func ExampleWords() {
	words := report.Words("en")
	words["labs"], words["flag.high"] = "Analyses", "Élevé" // and all the others

	r := report.New(exampleResult(), report.Patient, report.Options{Language: "fr", Words: words,
		DateFormat: "02/01/2006"})
	fmt.Println(strings.Contains(string(r.HTML()), "Analyses"), len(r.Issues()))
	// Output:
	// true 0
}

func ExampleAnchor() {
	r := report.New(exampleResult(), report.Patient, report.Options{
		Anchors: func(lab helios.LabResult) []report.Anchor {
			if lab.Name != "Creatinine" {
				return nil
			}
			return []report.Anchor{{Value: 2.5, Label: "many doctors begin to be concerned here"}}
		},
	})
	fmt.Println(strings.Contains(string(r.HTML()), "many doctors begin to be concerned here"))
	// Output:
	// true
}
