package fhir_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

// Of corrected results with one identifier, date and time of issue, one without a value does not take the place of the others.
func TestSiblingWithoutValue(t *testing.T) {
	t.Parallel()
	with := func(id, fields string) string {
		return lab(id, `"status":"corrected","issued":"2025-01-01T10:00:00Z","identifier":[{"value":"accession"}],`+fields)
	}
	for _, absent := range []string{`"dataAbsentReason":{"coding":[{"code":"unknown"}]}`, `"valueSampledData":{}`, `"valueString":"` + strings.Repeat("a", 5000) + `"`} {
		input := []string{with("a", `"valueString":"VRE"`), with("b", absent)}
		for range 2 {
			req, report := results(t, bundle(input...), fhir.Options{})
			assert.Equal(t, "VRE", sentValues(req), "%s", report)
			assert.Zero(t, report.Count(clinical.Replaced), "%s", report)
			slices.Reverse(input)
		}
	}
}
