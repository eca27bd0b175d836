package fhir_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

// What is about someone else now is not sent as it was when it was about the patient.
func TestMoved(t *testing.T) {
	t.Parallel()
	observation := func(fields, subject string) string {
		return version("9", fields+`"subject":{"reference":"`+subject+`"},`)
	}
	condition := func(number, subject string) string {
		return `{"resourceType":"Condition","id":"1","meta":{"versionId":"` + number + `"},"code":{"text":"Gout"},"subject":{"reference":"` + subject + `"}}`
	}
	drug := func(number, subject string) string {
		return order("1", `"meta":{"versionId":"`+number+`"},"subject":{"reference":"`+subject+`"},`+metformin)
	}
	for _, test := range []struct {
		name  string
		input []string // in this order and backwards, with the Patient first and last
	}{
		{"a result", []string{observation(meta("1", ""), "Patient/joe"), observation(meta("2", "")+`"status":"corrected",`, "Patient/bob")}},
		{"a result by its status", []string{observation("", "Patient/joe"), observation(`"status":"corrected",`, "Patient/bob")}},
		{"a result that was cancelled there", []string{observation(meta("1", ""), "Patient/joe"), observation(meta("2", "")+`"status":"cancelled",`, "Patient/bob")}},
		{"a result to a group", []string{observation(meta("1", ""), "Patient/joe"), observation(meta("2", ""), "Group/1")}},
		{"a result without a category", []string{
			observation(meta("1", ""), "Patient/joe"),
			`{"resourceType":"Observation","id":"1","meta":{"versionId":"2"},"status":"final","code":{"text":"x"},"valueInteger":1,"subject":{"reference":"Patient/bob"}}`,
		}},
		{"a condition", []string{condition("1", "Patient/joe"), condition("2", "Patient/bob")}},
		{"a medication", []string{drug("1", "Patient/joe"), drug("2", "Patient/bob")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for range 2 {
				for _, input := range [][]string{slices.Concat([]string{joe}, test.input), slices.Concat(test.input, []string{joe})} {
					_, report, err := fhir.Agent(reader(bundle(input...)), helios.AgentLight, fhir.Options{})
					require.ErrorIs(t, err, fhir.ErrNoData, "%s", report)
					assert.Equal(t, 1, report.Count(clinical.Replaced), "%s", report)
					assert.Equal(t, 1, report.Count(clinical.OtherPatient), "%s", report)
				}
				slices.Reverse(test.input)
			}
		})
	}
	back := bundle(joe, observation(meta("3", ""), "Patient/joe"), observation(meta("2", ""), "Patient/bob"))
	req, report := results(t, back, fhir.Options{})
	assert.Equal(t, "9", sentValues(req), "%s", report)
	server := "https://" + strings.Repeat("a", 200) + "/"
	far := func(resource string) string { return entry(server+"Observation/1", resource) }
	_, _, err := fhir.LabResults(reader(entries(put(lab("0", `"subject":{"reference":"Patient/bob"}`)), entry("https://b/Patient/joe", joe), far(observation(meta("1", ""), "https://b/Patient/joe")),
		far(observation(meta("2", ""), "Patient/bob")))), fhir.Options{})
	require.ErrorIs(t, err, fhir.ErrNoResults)
}
