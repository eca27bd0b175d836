package clinical_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
	"github.com/heliosai/helios-go/clinical/hl7v2"
)

var update = flag.Bool("update", false, "write the tables of README.md anew")

// day is the one at which ages are computed in tests.
var day = time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)

// origins are the folders of samples, by what the README calls them.
var origins = []struct{ folder, title string }{
	{"synthea-r4", "Synthea, R4"},
	{"hl7-r4-examples", "HL7's examples, R4"},
	{"us-core", "US Core, R4"},
	{"cdc-fhir", "CDC, R4"},
	{"us-core-3.0", "US Core 3.0, STU3"},
	{"fhir-stu3", "HL7's examples, STU3"},
	{"fhir-r5", "HL7's examples, R5"},
	{"hl7v2-oru", "HL7 v2, results"},
	{"hl7v2-more", "HL7 v2, case notifications and newborn screening"},
}

// tally is what becomes of the samples of one origin.
type tally struct {
	files, observations, failed int
	sent                        map[string]int // by list of the request
	reasons                     map[clinical.Reason]int
}

// add counts a report. Of FHIR only the Observations are counted among what is
// not sent.
func (a *tally) add(report *clinical.Report, isCounted func(clinical.Issue) bool) {
	for list, n := range report.Sent {
		a.sent[list] += n
	}
	for _, issue := range report.Issues {
		if !issue.Sent && isCounted(issue) {
			a.reasons[issue.Reason]++
		}
	}
}

func (a *tally) addFHIR(t *testing.T, data []byte) {
	var root any
	require.NoError(t, json.Unmarshal(data, &root))
	a.observations += observations(root)

	isObservation := func(issue clinical.Issue) bool { return strings.HasPrefix(issue.Source, "Observation/") }
	_, report, err := fhir.LabResults(bytes.NewReader(data), fhir.Options{ReferenceDate: day})
	if errors.Is(err, fhir.ErrMultiplePatients) {
		a.failed++
	}
	require.Less(t, len(report.Issues), clinical.MaxIssues)
	a.add(report, isObservation)

	opts := fhir.Options{ReferenceDate: day, Unclassified: "unjudged"}
	_, report, _ = fhir.Agent(bytes.NewReader(data), helios.AgentDeep, opts)
	a.add(report, func(clinical.Issue) bool { return false })
}

// observations counts those in a value of JSON, contained ones too.
func observations(value any) (n int) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			n += observations(item)
		}
	case map[string]any:
		if v["resourceType"] == "Observation" {
			n++
		}
		for _, item := range v {
			n += observations(item)
		}
	}
	return n
}

func (a *tally) addHL7(t *testing.T, data []byte) {
	for line := range bytes.FieldsFuncSeq(data, func(r rune) bool { return r == '\r' || r == '\n' }) {
		if bytes.HasPrefix(line, []byte("OBX|")) {
			a.observations++
		}
	}

	patients, report, err := hl7v2.ByPatient(bytes.NewReader(data), hl7v2.Options{ReferenceDate: day})
	require.NoError(t, err)
	all := func(clinical.Issue) bool { return true }
	a.add(report, all)
	for _, p := range patients {
		a.add(p.Report, all)
	}
}

// tables returns the tables of the README.
func tables(t *testing.T) string {
	var sent, dropped strings.Builder
	sent.WriteString("| Source | Files | Observations | Sent to lab-results " +
		"| Agent: abnormal | normal | unjudged | vital signs |\n|---|---|---|---|---|---|---|---|\n")
	dropped.WriteString("| Source | Not sent to lab-results, by reason |\n|---|---|\n")
	for _, origin := range origins {
		files, err := filepath.Glob(filepath.Join("..", "..", "shared", "data", origin.folder, "*"))
		require.NoError(t, err)
		if len(files) == 0 {
			require.NotEqual(t, "true", os.Getenv("CI"), "CI needs the samples")
			t.Skip("the samples are not here")
		}

		all := tally{files: len(files), sent: map[string]int{}, reasons: map[clinical.Reason]int{}}
		isHL7 := strings.HasPrefix(origin.folder, "hl7v2")
		for _, file := range files {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			if isHL7 {
				all.addHL7(t, data)
			} else {
				all.addFHIR(t, data)
			}
		}

		agent := " - | - | - | - |"
		if !isHL7 {
			agent = fmt.Sprintf(" %d | %d | %d | %d |", all.sent["recentAbnormalLabs"], all.sent["recentNormalLabs"],
				all.sent["unjudged"], all.sent["vitalSigns"])
		}
		fmt.Fprintf(&sent, "| %s | %d | %d | %d |%s\n", origin.title, all.files, all.observations,
			all.sent["labResults"], agent)
		fmt.Fprintf(&dropped, "| %s | %s |\n", origin.title, all.why())
	}
	const note = "\nAn observation with components can be several rows. " +
		"Of a file with several patients nothing is sent.\n\n"
	return sent.String() + note + dropped.String()
}

// why lists the reasons, the most frequent first.
func (a *tally) why() string {
	var parts []string
	for _, reason := range slices.SortedFunc(maps.Keys(a.reasons), func(x, y clinical.Reason) int {
		if a.reasons[x] != a.reasons[y] {
			return a.reasons[y] - a.reasons[x]
		}
		return strings.Compare(string(x), string(y))
	}) {
		parts = append(parts, fmt.Sprintf("%d %s", a.reasons[reason], reason))
	}
	if a.failed > 0 {
		parts = append(parts, fmt.Sprintf("%d files with several patients", a.failed))
	}
	return strings.Join(parts, "; ")
}

func TestReadme_Samples(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- samples -->\n", "<!-- end of samples -->\n"
	want := tables(t)

	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(readme), begin)
	require.True(t, ok)
	got, after, ok := strings.Cut(rest, end)
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile("README.md", []byte(before+begin+want+end+after), 0o644))
		return
	}
	assert.Equal(t, want, got, "write it anew with -update")
}
