package report_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/report"
)

var update = flag.Bool("update", false, "write the golden files of testdata/golden")

// TestGolden compares the fragment, the page and the text of five results with
// what they were. `go test -run Golden -update` writes them anew; look at what
// has changed.
func TestGolden(t *testing.T) {
	for _, name := range []string{"light", "deep", "lab-results", "odd", "empty"} {
		for _, audience := range []report.Audience{report.Patient, report.Clinician} {
			t.Run(name+"_"+audience.String(), func(t *testing.T) {
				r := report.New(readResult(t, name), audience, report.Options{Anchors: anchors})
				requireSafe(t, r)

				file := name + "-" + audience.String()
				compareGolden(t, file+".fragment.html", string(r.HTML()))
				compareGolden(t, file+".txt", textOf(t, r, 72))
				if audience == report.Patient {
					compareGolden(t, file+".page.html", aroundFragment(t, r))
				}
			})
		}
	}
}

// aroundFragment returns the page of r with names in place of the style sheet
// and the fragment, which stand in files of their own.
func aroundFragment(t *testing.T, r *report.Report) string {
	t.Helper()
	style, err := os.ReadFile("style.css")
	require.NoError(t, err)
	inColors := strings.NewReplacer("#000001", "#1b5e7b", "#000002", "#6592a5").Replace(string(style))
	return strings.NewReplacer(inColors, "{{style.css}}\n", string(r.HTML()), "{{fragment}}\n").Replace(pageOf(t, r))
}

func anchors(lab helios.LabResult) []report.Anchor {
	if lab.Name != "Hemoglobin A1c" {
		return nil
	}
	return []report.Anchor{{Value: 9, Label: "many doctors begin to be concerned here"}}
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "go test -run Golden -update writes it")
	assert.Equal(t, string(want), got, name)
}

// TestGolden_Issues holds what the five results have issues with.
func TestGolden_Issues(t *testing.T) {
	for name, want := range map[string][]string{
		"light": nil, "deep": nil, "lab-results": nil, "empty": nil,
		"odd": {
			"citations.patient[2]: a source has no link",
			"citations.patient[3]: a source has no link",
			"citations.patient[<key 4>]: a source has no number, or one that is taken",
			"patientResponse: control or bidi characters were removed",
			"patientResponse [7]: a marker has no source",
			"patientResponse: HTML is shown as text (3 times)",
			"patientResponse: a link that is not https with a host, or whose text is a number, is not linked (2 times)",
			"patientResponse: an image was replaced by its text",
			"patientResponse [4]: a marker has no source",
			"labs[2]: the flag contradicts the value beside its range",
			"labs[5]: a lab result lacks its name or its value",
		},
	} {
		var got []string
		for _, issue := range report.New(readResult(t, name), report.Patient, report.Options{}).Issues() {
			got = append(got, issue.String())
		}
		assert.Equal(t, want, got, name)
	}
}
