package fhir_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

// What is uncategorised can be told to be a laboratory result by its report,
// whichever comes first.
func TestCategories(t *testing.T) {
	t.Parallel()
	plain := func(id, fields string) string {
		return strings.Replace(lab(id, fields), `"category":[{"coding":[{"code":"laboratory"}]}],`, "", 1)
	}
	report := func(category, results string) string {
		return `{"resourceType":"DiagnosticReport","id":"r","status":"final","category":[{"coding":[` +
			category + `]}],"code":{"text":"Panel"},"result":[` + results + `]}`
	}
	const chemistry = `{"system":"http://terminology.hl7.org/CodeSystem/v2-0074","code":"CH"}`
	to := func(refs ...string) string { return `{"reference":"` + strings.Join(refs, `"},{"reference":"`) + `"}` }
	green := `"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"371246006",` +
		`"display":"Green"}]}`
	for _, test := range []struct {
		name, input string
		want        []string // name, value, category
		counts      reasons
	}{
		{"nothing tells", bundle(plain("1", green), lab("2", quantity)), []string{"Glucose 7.20 mmol/L "},
			reasons{clinical.CategoryNotSent: 1, clinical.Unclassified: 1}},
		{"measured and coded", bundle(plain("1", quantity)), []string{"Glucose 7.20 mmol/L "},
			reasons{clinical.CategoryInferred: 1, clinical.Unclassified: 1}},
		{"a report before", bundle(report(chemistry, to("Observation/1")), plain("1", green)),
			[]string{"Glucose Green Panel"}, reasons{clinical.TypeNotSent: 1, clinical.Unclassified: 1}},
		{"a report behind", bundle(plain("1", green), report(chemistry, to("Observation/1/_history/2"))),
			[]string{"Glucose Green Panel"}, reasons{clinical.TypeNotSent: 1, clinical.Unclassified: 1}},
		{"a report instead of the code", bundle(plain("1", quantity), report(chemistry, to("Observation/1"))),
			[]string{"Glucose 7.20 mmol/L Panel"}, reasons{clinical.TypeNotSent: 1, clinical.Unclassified: 1}},
		{"by fullUrl", entries(entry("urn:uuid:1", plain("9", green)),
			entry("", report(chemistry, to("urn:uuid:1")))), []string{"Glucose Green Panel"},
			reasons{clinical.TypeNotSent: 1, clinical.Unclassified: 1}},
		{"a report of images", bundle(plain("1", green), lab("2", quantity),
			report(`{"code":"imaging"}`, to("Observation/1", "Observation/2"))), []string{"Glucose 7.20 mmol/L "},
			reasons{clinical.TypeNotSent: 1, clinical.CategoryNotSent: 1, clinical.Unclassified: 1}},
		{"a report without a category",
			bundle(plain("1", green), lab("2", quantity), report("", to("Observation/1", "Observation/2"))),
			[]string{"Glucose 7.20 mmol/L Panel", "Glucose Green Panel"},
			reasons{clinical.TypeNotSent: 1, clinical.CategoryInferred: 1, clinical.Unclassified: 2}},
		{"a report without a category, of images", bundle(plain("1", green), lab("2", quantity),
			strings.Replace(report("", to("Observation/1")), "Panel", "X-Ray chest", 1)),
			[]string{"Glucose 7.20 mmol/L "},
			reasons{clinical.TypeNotSent: 1, clinical.CategoryNotSent: 1, clinical.Unclassified: 1}},
		{"a report in error", bundle(plain("1", green), lab("2", quantity),
			strings.Replace(report(chemistry, to("Observation/1")), "final", "entered-in-error", 1)),
			[]string{"Glucose 7.20 mmol/L "},
			reasons{clinical.StatusNotSent: 1, clinical.CategoryNotSent: 1, clinical.Unclassified: 1}},
		{"results inside of the report", strings.Replace(report(chemistry, to("#1")), `"code":{"text"`,
			`"contained":[{"resourceType":"Specimen","id":"s"},`+plain("1",
				green)+`],"subject":{"reference":"Patient/joe"},"code":{"text"`, 1),
			[]string{"Glucose Green Panel"}, reasons{clinical.TypeNotSent: 1, clinical.Unclassified: 1}},
		{"results inside of a report in error",
			bundle(lab("2", quantity), strings.NewReplacer("final", "cancelled", `"code":{"text"`,
				`"contained":[`+plain("1", green)+`],"code":{"text"`).Replace(report(chemistry, to("#1")))),
			[]string{"Glucose 7.20 mmol/L "}, reasons{clinical.StatusNotSent: 2, clinical.Unclassified: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req, report := results(t, test.input, fhir.Options{ResultsOnly: true})
			var got []string
			for _, r := range req.LabResults {
				got = append(got, r.Name+" "+r.Value+" "+r.Category)
			}
			assert.Equal(t, test.want, got)
			counts(t, report, test.counts)
		})
	}
}

// What its category, code or value says is a laboratory result is one.
func TestLaboratoryResults(t *testing.T) {
	t.Parallel()

	observed := func(fields string) string {
		return `{"resourceType":"Observation","id":"1","status":"final","effectiveDateTime":"2025-01-15",` +
			fields + `}`
	}
	const local = `"code":{"coding":[{"system":"https://lab.example.org","code":"GLU"}],"text":"Glucose"},`
	const detected = `"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"260373001"}],` +
		`"text":"Detected"}`
	loinc := func(system, value string) string {
		return `"code":{"coding":[{"system":"` + system + `","code":"94558-4","display":"SARS-CoV-2 Ag"}]},` + value
	}
	const between = `,"referenceRange":[{"low":{"value":1},"high":{"value":9}}]`
	for _, test := range []struct {
		name, resource string
		inferred       bool
	}{
		{"a SMART Health Card", observed(loinc("http://loinc.org", detected)), true},
		{"an answer of LOINC", observed(loinc("http://loinc.org",
			`"valueCodeableConcept":{"coding":[{"system":"http://loinc.org","code":"LA6577-6"}]}`)), true},
		{"LOINC by its OID", observed(loinc("urn:oid:2.16.840.1.113883.6.1", quantity)), true},
		{"a category in words", observed(`"category":[{"text":"Lab Result"}],` + local + `"valueString":"x"`), false},
		{"a category whose display is known",
			observed(`"category":[{"coding":[{"system":"https://x.org","code":"1","display":"Laboratory"}]}],` +
				local + `"valueString":"x"`), false},
		{"a category of SNOMED CT", observed(`"category":[{"coding":[{"system":"http://snomed.info/sct",` +
			`"code":"275711006"}]}],` + local + `"valueString":"x"`), false},
		{"a category of LOINC", observed(`"category":[{"coding":[{"system":"http://loinc.org",` +
			`"code":"26436-6"}]}],` + local + `"valueString":"x"`), false},
		{"table 0074 by its OID", observed(`"category":[{"coding":[{"system":"urn:oid:2.16.840.1.113883.12.74",` +
			`"code":"CH"}]}],` + local + `"valueString":"x"`), false},
		{"a local code, a quantity and a range", observed(local + quantity + between), true},
		{"a local code, a quantity and a flag", observed(local + quantity + "," + high), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()

			req, report := results(t, test.resource, fhir.Options{ResultsOnly: true})

			assert.Len(t, req.LabResults, 1)
			assert.Equal(t, test.inferred, report.Count(clinical.CategoryInferred) == 1, "%s", report)
		})
	}
	for name, resource := range map[string]string{
		"a local code and a quantity":    observed(local + quantity),
		"a local code and a coded value": observed(local + detected),
		"an answer that is not a finding": observed(loinc("http://loinc.org",
			`"valueCodeableConcept":{"text":"Former smoker"}`)),
		"a pulse with a local code": observed(local + `"valueQuantity":{"value":72,"unit":"/min"}` + between),
	} {
		_, report, err := fhir.LabResults(reader(resource), fhir.Options{})
		assert.ErrorIs(t, err, fhir.ErrNoResults, name)
		assert.Equal(t, 1, report.Count(clinical.CategoryNotSent), name)
	}
}
