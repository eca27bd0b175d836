package fhir_test

import (
	"errors"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

func TestReaderError(t *testing.T) {
	t.Parallel()
	secret := errors.New("open /data/joe-smith.json")
	_, report, err := fhir.LabResults(iotest.ErrReader(secret), fhir.Options{})
	assert.ErrorIs(t, err, secret)
	assert.EqualError(t, err, "helios: fhir: the input cannot be read after entry 0")
	assert.NotNil(t, report)
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	for _, input := range []string{"Joe Smith", `{"resourceType":"Bundle","entry":[{"resource":{"id":"Joe Smith`,
		`[{"a":"Joe Smith"]`} {
		_, report, err := fhir.LabResults(reader(input), fhir.Options{})
		assert.ErrorIs(t, err, fhir.ErrMalformed)
		assert.ErrorContains(t, err, "helios: fhir: the input is no FHIR JSON: entry 1: ")
		assert.NotContains(t, err.Error(), "Joe")
		assert.NotNil(t, report)
	}
	for _, input := range []string{"", "{}", "[]", `{"resourceType":"Bundle"}`, "null\n{}",
		`{"resourceType":"Joe Smith","id":"Joe Smith"}`} {
		_, report, err := fhir.LabResults(reader(input), fhir.Options{})
		assert.Error(t, err)
		assert.NotContains(t, report.String(), "Joe")
		_, report, err = fhir.Agent(reader(input), helios.AgentDeep, fhir.Options{})
		assert.Error(t, err)
		assert.NotContains(t, report.String(), "Joe")
	}
	_, report, err := fhir.LabResults(reader(bundle(`{"resourceType":"Joe Smith","id":"Joe Smith"}`)), fhir.Options{})
	assert.ErrorIs(t, err, fhir.ErrNoResults)
	assert.Contains(t, report.Issues,
		clinical.Issue{Reason: clinical.TypeNotSent, Source: "entry 1", Detail: "unknown type"})
}

// A field that is not needed is not checked; one that is needed is.
func TestFieldsThatAreNotNeeded(t *testing.T) {
	t.Parallel()

	req, report := results(t, bundle(lab("1", `"x":NaN,`+quantity), lab("2", `"valueQuantity":{"value":NaN}`)),
		fhir.Options{})

	assert.Len(t, req.LabResults, 1)
	assert.Equal(t, 1, report.Count(clinical.ValueNotSent), "%s", report)
}

// What is about the patient is listed, however much is about others.
func TestIssuesOfThePatientAreListed(t *testing.T) {
	t.Parallel()

	all := make([]string, 0, 2*clinical.MaxIssues)
	for range 2 * clinical.MaxIssues {
		all = append(all, of("1", "Patient/other"))
	}
	all = append(all, joe, lab("mine", `"subject":{"reference":"Patient/joe"}`), of("2", "Patient/joe"), "{}")

	_, report := results(t, bundle(all...), fhir.Options{Patient: "Patient/joe"})

	assert.Contains(t, report.Issues, clinical.Issue{Reason: clinical.NoValue, Source: "Observation/mine"})
	assert.Contains(t, report.Issues, clinical.Issue{Reason: clinical.Malformed, Source: "entry 2004"})
	assert.Equal(t, 2*clinical.MaxIssues, report.Count(clinical.OtherPatient))
}

// What is inside a resource is named by both ids.
func TestContainedResourcesAreNamed(t *testing.T) {
	t.Parallel()

	inside := lab("a", quantity) + "," + lab("b", `"valueString":""`)
	input := `{"resourceType":"DiagnosticReport","id":"r","status":"final","contained":[` + inside +
		`],"code":{"text":"Panel"}}`

	_, report := results(t, input, fhir.Options{})

	assert.Contains(t, report.Issues, clinical.Issue{Reason: clinical.NoValue, Source: "DiagnosticReport/r#b"})
}
