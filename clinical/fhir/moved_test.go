package fhir_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

// versioned is a result of which there are several editions.
func versioned(id, meta, fields string) string {
	return strings.Replace(lab(id, fields), `"id":"`+id+`"`, `"id":"`+id+`","meta":{`+meta+`}`, 1)
}

// A resource that turns out to be another person's is sent in no edition.
func TestMovedToSomeoneElse(t *testing.T) {
	t.Parallel()
	const mine, bob = `"subject":{"reference":"Patient/joe"},`, `"subject":{"reference":"Patient/bob"},`
	kept := lab("kept", mine+quantity+","+high)
	old := versioned("a", `"versionId":"1"`, mine+quantity+","+high)
	moved := versioned("a", `"versionId":"2"`, bob+`"status":"corrected",`+quantity+","+high)
	for _, input := range [][]string{{joe, kept, old, moved}, {moved, old, kept, joe}, {old, joe, moved, kept}} {
		req, report := results(t, bundle(input...), fhir.Options{})
		assert.Len(t, req.LabResults, 1)
		assert.Equal(t, 1, report.Count(clinical.OtherPatient))
		assert.Equal(t, 1, report.Count(clinical.Replaced))
	}
}

func TestEditionsOfAnotherKind(t *testing.T) {
	t.Parallel()
	old := versioned("a", `"lastUpdated":"2025-01-01T00:00:00Z"`, quantity+","+high)
	later := strings.Replace(versioned("a", `"lastUpdated":"2025-02-01T00:00:00Z"`, quantity+","+high), `"laboratory"`, `"survey"`, 1)
	req, report := results(t, bundle(joe, old, later, lab("kept", quantity+","+high)), fhir.Options{})
	assert.Len(t, req.LabResults, 1)
	assert.Equal(t, 1, report.Count(clinical.Replaced))
}

func TestVerificationInOtherForms(t *testing.T) {
	t.Parallel()
	for status, sent := range map[string]bool{
		`"refuted"`: false, `{"text":"Refuted"}`: false, `{"coding":[{"code":"ruled-out"}]}`: false, `{"text":"perhaps"}`: false,
		`"confirmed"`: true, `{"text":"Confirmed"}`: true, `{"coding":[{"code":"x"},{"code":"confirmed"}]}`: true, `null`: true, `{}`: true,
	} {
		condition := `{"resourceType":"Condition","id":"c","verificationStatus":` + status + `,"code":{"text":"Gout"}}`
		req, report := record(t, bundle(joe, lab("1", quantity+","+high), condition), fhir.Options{})
		assert.Equal(t, sent, len(req.Data.PastMedicalHistory) == 1, status)
		assert.Equal(t, !sent, report.Count(clinical.NotDiagnosed) == 1, status)
	}
}

// Observations inside of Observations inside of others are not read: each level would be read again for each above it.
func TestNestedObservations(t *testing.T) {
	t.Parallel()
	inner := lab("3", quantity+","+high)
	middle := lab("2", `"contained":[`+inner+`],`+quantity+","+high)
	_, report := results(t, bundle(joe, lab("1", `"contained":[`+middle+`],`+quantity+","+high)), fhir.Options{})
	assert.Equal(t, 1, report.Count(clinical.Malformed))
}

// Which report a result counts as in does not depend on which comes first.
func TestResultInTwoReports(t *testing.T) {
	t.Parallel()
	result := strings.Replace(lab("1", `"valueString":"seen"`), `"category"`, `"x"`, 1)
	report := func(id, category, name string) string {
		return `{"resourceType":"DiagnosticReport","id":"` + id + `","status":"final",` + category + `"code":{"text":"` + name + `"},"result":[{"reference":"Observation/1"}]}`
	}
	laboratory, other := report("a", `"category":[{"coding":[{"code":"LAB"}]}],`, "Smear"), report("b", "", "Any")
	for _, input := range [][]string{{joe, result, laboratory, other}, {other, laboratory, result, joe}, {result, other, joe, laboratory}} {
		req, _ := results(t, bundle(input...), fhir.Options{})
		assert.Equal(t, "Smear", req.LabResults[0].Category)
	}
}

func TestIDsWithAnUnderscore(t *testing.T) {
	t.Parallel()
	input := bundle(strings.Replace(joe, `"joe"`, `"joe_1"`, 1), lab("1_2", `"subject":{"reference":"Patient/joe_1"},`+quantity+","+high))
	req, _ := results(t, input, fhir.Options{})
	assert.Len(t, req.LabResults, 1)
}
