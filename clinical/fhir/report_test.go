package fhir_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/clinical/fhir"
)

// Which report a result counts as in does not depend on which comes first.
func TestResultInTwoReports(t *testing.T) {
	t.Parallel()
	result := strings.Replace(lab("1", `"valueString":"seen"`), `"category"`, `"x"`, 1)
	report := func(id, category, name string) string {
		return `{"resourceType":"DiagnosticReport","id":"` + id + `","status":"final",` + category +
			`"code":{"text":"` + name + `"},"result":[{"reference":"Observation/1"}]}`
	}
	laboratory, other := report("a", `"category":[{"coding":[{"code":"LAB"}]}],`, "Smear"), report("b", "", "Any")
	for _, input := range [][]string{{joe, result, laboratory, other}, {other, laboratory, result, joe},
		{result, other, joe, laboratory}} {
		req, _ := results(t, bundle(input...), fhir.Options{})
		assert.Equal(t, "Smear", req.LabResults[0].Category)
	}
}
