package heliostest_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type citation struct {
	URL, Title string
	Metadata   map[string]any
}

type result struct {
	SelectedElements []struct {
		Item, Category string
		PatientValue   string `json:"patient_value"`
		MatchingReason string `json:"matching_reason"`
	}
	LabResults                         []map[string]string
	Metadata                           map[string]int
	PatientResponse, ClinicianResponse string
	Citations                          struct{ Patient, Clinician map[string]citation }
	ResearchTasks                      []string
}

// runOnce submits with URL replaced by a receiver's, and returns the result and
// the names of its fields.
func runOnce(t *testing.T, path, body string) (result, []string) {
	t.Helper()
	srv, hook := newServer(t), newReceiver(t, nil)
	submit(t, srv, path, strings.Replace(body, "URL", hook.URL, 1))
	wait(t, srv)
	last := hook.final(t)
	require.Equal(t, "completed", last.Status)
	var r result
	require.NoError(t, json.Unmarshal(last.Result, &r))
	assertWellFormed(t, r)
	return r, keys(t, last.Result)
}

var marker = regexp.MustCompile(`[^\\]\[(\d+)\]`)

// assertWellFormed checks what holds for every result.
func assertWellFormed(t *testing.T, r result) {
	t.Helper()
	for _, side := range []struct {
		text      string
		citations map[string]citation
	}{{r.PatientResponse, r.Citations.Patient}, {r.ClinicianResponse, r.Citations.Clinician}} {
		first, _, _ := strings.Cut(side.text, "\n")
		assert.Contains(t, first, "Emulated by heliostest")
		assert.Contains(t, first, "invented text for tests")
		used := map[string]bool{}
		for _, m := range marker.FindAllStringSubmatch(side.text, -1) {
			used[m[1]] = true
			assert.Contains(t, side.citations, m[1], "a marker without a citation")
		}
		assert.Len(t, used, len(side.citations), "a citation without a marker")
		for _, c := range side.citations {
			assert.Regexp(t, `^https://(example\.org/|doi\.org/10\.5555/)`, c.URL)
			assert.Contains(t, c.Title, "Example")
			assert.Contains(t, []any{"pubmed", "pmc", "guideline", "insight"}, c.Metadata["type"])
		}
	}
	at := 0
	for _, part := range []string{"## Summary\n", "## Key health areas\n", "## Recommended tests\n",
		"## What you can do\n", "## Timeline\n"} {
		i := strings.Index(r.PatientResponse[at:], part)
		require.GreaterOrEqual(t, i, 0, "the part %q, in its place", part)
		at += i + len(part)
	}
}

func TestAgentResult(t *testing.T) {
	t.Parallel()
	light, fields := runOnce(t, agentPath, agentBody("light", "URL"))
	assert.Equal(t, []string{"selectedElements", "patientResponse", "clinicianResponse", "citations"}, fields)
	require.Len(t, light.SelectedElements, 4)
	first := light.SelectedElements[0]
	assert.Equal(t, "Hemoglobin A1c", first.Item)
	assert.Equal(t, "Laboratory Value", first.Category)
	assert.Equal(t, "7.2%", first.PatientValue)
	assert.NotEmpty(t, first.MatchingReason)
	assert.Contains(t, light.PatientResponse, "Hemoglobin A1c: 7.2%")
	assert.Contains(t, light.ClinicianResponse, "Hemoglobin A1c 7.2%")
	assert.Contains(t, light.ClinicianResponse, "Patient, male, aged 45")
	assert.Contains(t, light.ClinicianResponse, "Metformin 500mg (twice daily)")

	deep, fields := runOnce(t, agentPath, agentBody("deep", "URL"))
	assert.Equal(t,
		[]string{"selectedElements", "patientResponse", "clinicianResponse", "citations", "researchTasks"}, fields)
	assert.NotEmpty(t, deep.ResearchTasks)
}

func TestAgentResultOfUnknownData(t *testing.T) {
	t.Parallel()
	r, fields := runOnce(t, agentPath,
		`{"webhookUrl": "URL", "agentType": "light", "data": {"genetics": [{"gene": "BRCA1"}]}}`)
	assert.Contains(t, fields, "selectedElements")
	assert.NotNil(t, r.SelectedElements, "an empty array, not null")
	assert.Contains(t, r.PatientResponse, "the data you sent")
}

func TestLabResult(t *testing.T) {
	t.Parallel()
	r, fields := runOnce(t, labsPath, labsBody("URL"))
	assert.Equal(t, []string{"labResults", "metadata", "patientResponse", "clinicianResponse", "citations"}, fields)
	assert.Equal(t, []map[string]string{
		{"name": "eGFR", "value": "38", "unit": "mL/min/1.73m2", "flag": "Low", "date": "2025-01-16"},
		{"name": "Creatinine", "value": "1.8 mg/dL", "flag": "High", "referenceRange": "0.7-1.3 mg/dL",
			"date": "2025-01-15", "category": "Renal"},
		{"name": "Sodium", "value": "140 mEq/L", "flag": "Normal"},
	}, r.LabResults, "the newest first")
	assert.Equal(t, map[string]int{"labsReceived": 3, "labsAnalyzed": 3, "insightsMatched": 2}, r.Metadata)
	assert.Contains(t, r.PatientResponse, "Creatinine: 1.8 mg/dL")
	assert.Contains(t, r.PatientResponse, "eGFR: 38 mL/min/1.73m2")
	assert.NotContains(t, r.PatientResponse, "Sodium")
	assert.Contains(t, r.ClinicianResponse, "Patient, male, aged 58")
}

func TestOnlyTheNewest200LabsAreAnalyzed(t *testing.T) {
	t.Parallel()
	labs := []string{`{"name": "undated", "value": "1"}`}
	for i := range 204 {
		labs = append(labs, fmt.Sprintf(`{"name": "lab %d", "value": "1", "date": "20%02d-01-15"}`, i, i%100))
	}
	r, _ := runOnce(t, labsPath, `{"webhookUrl": "URL", "labResults": [`+strings.Join(labs, ",")+`]}`)
	assert.Equal(t, map[string]int{"labsReceived": 205, "labsAnalyzed": 200, "insightsMatched": 0}, r.Metadata)
	require.Len(t, r.LabResults, 200)
	assert.Equal(t, "2099-01-15", r.LabResults[0]["date"])
	analyzed := map[string]bool{}
	for _, lab := range r.LabResults {
		analyzed[lab["name"]] = true
	}
	for _, name := range []string{"undated", "lab 0", "lab 100", "lab 200", "lab 201"} {
		assert.False(t, analyzed[name], name)
	}
}

// Submitted text must not turn into markup, nor into citations.
func TestResultEscapesWhatWasSubmitted(t *testing.T) {
	t.Parallel()
	name := "**A** [9] <script>x</script> &lt; `b` _c_\n\n# d"
	body, err := json.Marshal(map[string]any{"webhookUrl": "URL", "labResults": []any{
		map[string]any{"name": name, "value": "<0.1 10*3/uL", "flag": "Critical"},
		map[string]any{"name": strings.Repeat("é", 10_000), "value": "1", "flag": "Low"},
	}})
	require.NoError(t, err)
	r, _ := runOnce(t, labsPath, string(body))
	assert.Contains(t, r.PatientResponse,
		`\*\*A\*\* \[9\] \<script>x\</script> \&lt; \`+"`b\\`"+` \_c\_ # d: <0.1 10\*3/uL`)
	assert.Less(t, len(r.PatientResponse), 8<<10)
	assert.Equal(t, name, r.LabResults[0]["name"], "the echo is exact")
}
