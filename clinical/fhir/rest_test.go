package fhir_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

// When a server stored an edition and when a result was issued are different clocks.
func TestIssuedIsNoUpdate(t *testing.T) {
	t.Parallel()
	input := []string{
		version("1", `"meta":{"lastUpdated":"2025-03-01T00:00:00Z"},"status":"preliminary",`),
		version("2", `"issued":"2025-02-01T00:00:00Z","status":"corrected",`),
	}
	for range 2 {
		req, report := results(t, bundle(input...), fhir.Options{})
		assert.Equal(t, "2", sentValues(req), "%s", report)
		slices.Reverse(input)
	}
}

// A Medication names no drug if it was deleted, or if it is not known which of several is meant.
func TestMedicationsThatNameNothing(t *testing.T) {
	t.Parallel()
	named := func(name string) string {
		return `{"resourceType":"Medication","id":"m1","meta":{"versionId":"1"},"code":{"text":"` + name + `"}}`
	}
	deleted := `{"request":{"method":"DELETE","url":"Medication/m1"},"response":{"etag":"W/\"2\""}}`
	from := func(reference string) string {
		return put(order("1", `"medicationReference":{"reference":"`+reference+`"}`))
	}
	a, b := entry("https://a.org/Medication/m1", named("A")), entry("https://b.org/Medication/m1", named("B"))
	flu := put(`{"resourceType":"Condition","id":"9","code":{"text":"Flu"}}`)
	for _, test := range []struct {
		name  string
		input []string // in this order and backwards
		want  string
	}{
		{"deleted", []string{put(named("A")), deleted, from("Medication/m1"), flu}, ""},
		{"on two servers", []string{a, b, from("Medication/m1"), flu}, ""},
		{"on two servers, of which one is told", []string{a, b, from("https://b.org/Medication/m1"), flu}, "B"},
		{"on one server", []string{a, a, from("Medication/m1"), flu}, "A"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for range 2 {
				req, report := record(t, entries(test.input...), fhir.Options{})
				got := ""
				for _, m := range req.Data.Medications {
					got += m.Medication
				}
				assert.Equal(t, test.want, got, "%s", report)
				assert.Equal(t, test.want == "", report.Count(clinical.Unresolved) == 1, "%s", report)
				slices.Reverse(test.input)
			}
		})
	}
}

// US Core writes what patients say that they take as a plan.
func TestReportedPlan(t *testing.T) {
	t.Parallel()
	flu := `{"resourceType":"Condition","id":"9","code":{"text":"Flu"}}`
	for fields, sent := range map[string]int{
		`"intent":"plan","reportedBoolean":true,`: 1, `"intent":"plan","reportedBoolean":false,`: 0, `"intent":"plan",`: 0, `"intent":"proposal","reportedBoolean":true,`: 0,
	} {
		req, report := record(t, bundle(flu, order("1", fields+metformin)), fhir.Options{})
		require.Len(t, req.Data.Medications, sent, fields)
		assert.Equal(t, 1-sent, report.Count(clinical.NotOrdered), fields)
	}
}

// A range whose text is too long to be read does not cost the result, and nothing is concluded from the others.
func TestLongRangeText(t *testing.T) {
	t.Parallel()
	req, report := results(t, bundle(lab("1", quantity+`,"referenceRange":[{"high":{"value":9}},{"text":"`+strings.Repeat("a", 2000)+`"}]`)), fhir.Options{})
	assert.Equal(t, "7.20 mmol/L", req.LabResults[0].Value)
	assert.Empty(t, req.LabResults[0].ReferenceRange)
	assert.Empty(t, req.LabResults[0].Flag)
	assert.Equal(t, 1, report.Count(clinical.RangeUnreadable), "%s", report)
}

// The lists of one resource are limited together.
func TestItemsOfOneResource(t *testing.T) {
	t.Parallel()
	interpretation := `{"coding":[` + strings.Repeat(`{"code":"H"},`, 99) + `{"code":"H"}]}`
	large := lab("1", quantity+`,"interpretation":[`+strings.Repeat(interpretation+",", 400)+interpretation+`]`)
	_, report := results(t, bundle(large, lab("2", quantity+","+high)), fhir.Options{})
	assert.Equal(t, 1, report.Count(clinical.TooLarge), "%s", report)
	component := `{"code":{"coding":[` + strings.Repeat(`{"code":"c"},`, 99) + `{"code":"c"}]},"valueInteger":1}`
	large = lab("1", `"component":[`+strings.Repeat(component+",", 400)+component+`]`)
	req, report := results(t, bundle(large, lab("2", quantity+","+high)), fhir.Options{})
	assert.Len(t, req.LabResults, 1)
	assert.Equal(t, 1, report.Count(clinical.TooLarge), "%s", report)
}

// A report can have the Patient inside whom the Observations inside are about.
func TestPatientInsideOfReport(t *testing.T) {
	t.Parallel()
	report := func(patients, subject string) string {
		return `{"resourceType":"DiagnosticReport","id":"r","status":"final","subject":{"reference":"#p"},"contained":[` + patients + lab("o", subject+quantity+","+high) + `]}`
	}
	const inside = `{"resourceType":"Patient","id":"p","gender":"female"},`
	for _, subject := range []string{"", `"subject":{"reference":"#p"},`} {
		req, got := results(t, report(inside, subject), fhir.Options{})
		assert.Len(t, req.LabResults, 1)
		assert.Equal(t, "female", req.PatientContext.Gender)
		assert.Zero(t, got.Count(clinical.Unresolved))
	}
	_, _, err := fhir.LabResults(reader(report("", "")), fhir.Options{})
	require.ErrorIs(t, err, fhir.ErrNoResults)
	_, _, err = fhir.LabResults(reader(bundle(joe, report(inside, ""))), fhir.Options{})
	require.ErrorIs(t, err, fhir.ErrNoResults, "it is nobody that is known")
}

// A value beside a reason that says that there is none is not sent.
func TestValueBesideItsAbsence(t *testing.T) {
	t.Parallel()
	for reason, sent := range map[string]bool{"error": false, "not-performed": false, "masked": false, "as-text": true, "unknown": true} {
		absent := `,"dataAbsentReason":{"coding":[{"code":"` + reason + `"}]}`
		req, report := results(t, bundle(lab("1", quantity+","+high+absent), lab("2", `"valueInteger":3,`+high)), fhir.Options{})
		assert.Equal(t, sent, len(req.LabResults) == 2, reason)
		if !sent {
			assert.Contains(t, report.Issues, clinical.Issue{Reason: clinical.NoValue, Source: "Observation/1", Detail: reason})
		}
	}
}

// SNOMED CT tells that a condition is a finding also where someone typed its name.
func TestTypedFinding(t *testing.T) {
	t.Parallel()
	input := bundle(lab("1", quantity+","+high),
		`{"resourceType":"Condition","id":"c","code":{"text":"Stress","coding":[{"system":"http://snomed.info/sct","code":"73595000","display":"Stress (finding)"}]}}`)
	req, report := record(t, input, fhir.Options{SkipFindings: true})
	assert.Empty(t, req.Data.PastMedicalHistory)
	assert.Equal(t, 1, report.Count(clinical.NotADisease))
	req, _ = record(t, input, fhir.Options{})
	assert.Equal(t, "Stress", req.Data.PastMedicalHistory[0].Display)
}
