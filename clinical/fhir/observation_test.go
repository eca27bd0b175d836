package fhir_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

// Observations inside of Observations inside of others are not read: each level
// would be read again for each above it.
func TestNestedObservations(t *testing.T) {
	t.Parallel()
	inner := lab("3", quantity+","+high)
	middle := lab("2", `"contained":[`+inner+`],`+quantity+","+high)
	_, report := results(t, bundle(joe, lab("1", `"contained":[`+middle+`],`+quantity+","+high)), fhir.Options{})
	assert.Equal(t, 1, report.Count(clinical.Malformed))
}

func TestVitalSigns(t *testing.T) {
	t.Parallel()
	vital := func(id, fields string) string {
		return `{"resourceType":"Observation","id":"` + id +
			`","status":"final","category":[{"coding":[{"code":"vital-signs"}]}],` +
			`"effectiveDateTime":"2025-01-15",` + fields + `}`
	}
	part := func(code, name, value string) string {
		return `{"code":{"coding":[{"system":"http://loinc.org","code":"` + code + `","display":"` + name +
			`"}]},"valueQuantity":{"value":` + value + `,"unit":"mmHg","code":"mm[Hg]"}}`
	}
	const panel = `"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"BP panel"}]},"component":`
	for _, test := range []struct {
		name, resource string
		want           []helios.VitalSign
		counts         reasons
	}{
		{"one", vital("1", `"code":{"coding":[{"system":"http://loinc.org","code":"8867-4",`+
			`"display":"Heart rate"}]},"valueQuantity":{"value":72,"unit":"/min"}`),
			[]helios.VitalSign{{Display: "Heart rate", Value: "72", Unit: "/min", Date: "2025-01-15"}}, reasons{}},
		{"known by its code", `{"resourceType":"Observation","id":"1","status":"final",` +
			`"code":{"coding":[{"system":"http://loinc.org","code":"8867-4","display":"Heart rate"}]},` +
			`"valueQuantity":{"value":72,"unit":"/min"}}`,
			[]helios.VitalSign{{Display: "Heart rate", Value: "72", Unit: "/min"}}, reasons{clinical.NoDate: 1}},
		{"blood pressure", vital("1", panel+"["+part("8462-4", "Diastolic", "88.0")+","+part("8480-6",
			"Systolic", "138")+"]"),
			[]helios.VitalSign{{Display: "Blood Pressure", Value: "138/88.0", Unit: "mmHg", Date: "2025-01-15"}},
			reasons{}},
		{"blood pressure in a panel of vital signs",
			vital("1", `"code":{"text":"Vitals"},"component":[`+part("8480-6", "Systolic",
				"138")+","+part("8867-4", "Pulse", "60")+","+part("8462-4", "Diastolic", "88")+"]"),
			[]helios.VitalSign{{Display: "Blood Pressure", Value: "138/88", Unit: "mmHg", Date: "2025-01-15"},
				{Display: "Vitals: Pulse", Value: "60", Unit: "mmHg", Date: "2025-01-15"}}, reasons{}},
		{"half a blood pressure", vital("1",
			panel+"["+part("8480-6", "Systolic",
				"138")+`,{"code":{"coding":[{"code":"8462-4"}]},"dataAbsentReason":{"coding":[{"code":"masked"}]}}]`),
			[]helios.VitalSign{{Display: "BP panel: Systolic", Value: "138", Unit: "mmHg", Date: "2025-01-15"}},
			reasons{clinical.NoValue: 1}},
		{"a component without a name", vital("1", panel+"["+part("8480-6", "Systolic", "138")+`,{"valueInteger":1}]`),
			[]helios.VitalSign{{Display: "BP panel: Systolic", Value: "138", Unit: "mmHg", Date: "2025-01-15"}},
			reasons{clinical.NoName: 1}},
		{"a value and components", vital("1",
			`"code":{"text":"Temperature"},"valueQuantity":{"value":37,"unit":"C"},"component":[`+part("1",
				"Site", "1")+"]"),
			[]helios.VitalSign{{Display: "Temperature", Value: "37", Unit: "C", Date: "2025-01-15"},
				{Display: "Temperature: Site", Value: "1", Unit: "mmHg", Date: "2025-01-15"}}, reasons{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req, report := record(t, test.resource, fhir.Options{})
			assert.Equal(t, helios.AgentLight, req.AgentType)
			assert.Equal(t, test.want, req.Data.VitalSigns)
			counts(t, report, test.counts)
		})
	}
}

// An Observation inside of another has its subject and its status, and is in
// the report that that is in.
func TestObservationInside(t *testing.T) {
	t.Parallel()
	outer := func(fields, inside string) string {
		return strings.Replace(
			lab(
				"1",
				fields+`,"contained":[{"resourceType":"Patient","id":"p","gender":"male"},`+inside+`],"hasMember":`+
					`[{"reference":"#m"}]`,
			),
			`"code":"2345-7"`,
			`"code":"1-8"`,
			1,
		)
	}
	panel := `{"resourceType":"DiagnosticReport","id":"r","status":"final","code":{"text":"Panel"},` +
		`"result":[{"reference":"Observation/1"}]}`
	inner := strings.Replace(lab("m", quantity), `"category":[{"coding":[{"code":"laboratory"}]}],`, "", 1)
	req, report := results(t, bundle(outer(`"subject":{"reference":"#p"}`, inner), panel), fhir.Options{})
	assert.Equal(
		t,
		[]helios.LabResult{
			{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Date: "2025-01-15", Category: "Panel"},
		},
		req.LabResults,
	)
	assert.Equal(t, "male", req.PatientContext.Gender)
	counts(t, report, reasons{clinical.Panel: 1, clinical.TypeNotSent: 1, clinical.Unclassified: 1})
	for fields, want := range map[string]reasons{
		`"subject":{"reference":"Group/1"}`:           {clinical.OtherPatient: 2},
		`"focus":[{"reference":"Device/1"}]`:          {clinical.OtherPatient: 2},
		`"status":"cancelled"`:                        {clinical.StatusNotSent: 2},
		`"status":"entered-in-error","valueString":1`: {clinical.StatusNotSent: 2},
	} {
		_, report, err := fhir.LabResults(reader(outer(fields, inner)), fhir.Options{})
		assert.ErrorIs(t, err, fhir.ErrNoResults)
		counts(t, report, want)
	}
}
