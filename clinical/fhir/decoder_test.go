package fhir_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

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
