package fhir_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

func TestVitalSigns(t *testing.T) {
	t.Parallel()
	vital := func(id, fields string) string {
		return `{"resourceType":"Observation","id":"` + id + `","status":"final","category":[{"coding":[{"code":"vital-signs"}]}],"effectiveDateTime":"2025-01-15",` + fields + `}`
	}
	part := func(code, name, value string) string {
		return `{"code":{"coding":[{"system":"http://loinc.org","code":"` + code + `","display":"` + name + `"}]},"valueQuantity":{"value":` + value + `,"unit":"mmHg","code":"mm[Hg]"}}`
	}
	const panel = `"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"BP panel"}]},"component":`
	for _, test := range []struct {
		name, resource string
		want           []helios.VitalSign
		counts         reasons
	}{
		{"one", vital("1", `"code":{"coding":[{"system":"http://loinc.org","code":"8867-4","display":"Heart rate"}]},"valueQuantity":{"value":72,"unit":"/min"}`),
			[]helios.VitalSign{{Display: "Heart rate", Value: "72", Unit: "/min", Date: "2025-01-15"}}, reasons{}},
		{"known by its code", `{"resourceType":"Observation","id":"1","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4","display":"Heart rate"}]},"valueQuantity":{"value":72,"unit":"/min"}}`,
			[]helios.VitalSign{{Display: "Heart rate", Value: "72", Unit: "/min"}}, reasons{clinical.NoDate: 1}},
		{"blood pressure", vital("1", panel+"["+part("8462-4", "Diastolic", "88.0")+","+part("8480-6", "Systolic", "138")+"]"),
			[]helios.VitalSign{{Display: "Blood Pressure", Value: "138/88.0", Unit: "mmHg", Date: "2025-01-15"}}, reasons{}},
		{"blood pressure in a panel of vital signs", vital("1", `"code":{"text":"Vitals"},"component":[`+part("8480-6", "Systolic", "138")+","+part("8867-4", "Pulse", "60")+","+part("8462-4", "Diastolic", "88")+"]"),
			[]helios.VitalSign{{Display: "Blood Pressure", Value: "138/88", Unit: "mmHg", Date: "2025-01-15"}, {Display: "Vitals: Pulse", Value: "60", Unit: "mmHg", Date: "2025-01-15"}}, reasons{}},
		{"half a blood pressure", vital("1", panel+"["+part("8480-6", "Systolic", "138")+`,{"code":{"coding":[{"code":"8462-4"}]},"dataAbsentReason":{"coding":[{"code":"masked"}]}}]`),
			[]helios.VitalSign{{Display: "BP panel: Systolic", Value: "138", Unit: "mmHg", Date: "2025-01-15"}}, reasons{clinical.NoValue: 1}},
		{"a component without a name", vital("1", panel+"["+part("8480-6", "Systolic", "138")+`,{"valueInteger":1}]`),
			[]helios.VitalSign{{Display: "BP panel: Systolic", Value: "138", Unit: "mmHg", Date: "2025-01-15"}}, reasons{clinical.NoName: 1}},
		{"a value and components", vital("1", `"code":{"text":"Temperature"},"valueQuantity":{"value":37,"unit":"C"},"component":[`+part("1", "Site", "1")+"]"),
			[]helios.VitalSign{{Display: "Temperature", Value: "37", Unit: "C", Date: "2025-01-15"}, {Display: "Temperature: Site", Value: "1", Unit: "mmHg", Date: "2025-01-15"}}, reasons{}},
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

func TestConditions(t *testing.T) {
	t.Parallel()
	condition := func(id, fields string) string { return `{"resourceType":"Condition","id":"` + id + `",` + fields + `}` }
	coded := func(code, name, status, more string) string {
		return `"code":{"coding":[{"system":"http://snomed.info/sct","code":"` + code + `","display":"` + name + `"}]},"clinicalStatus":{"coding":[{"code":"` + status + `"}]}` + more
	}
	for _, test := range []struct {
		name   string
		input  []string
		opts   fhir.Options
		want   []helios.Condition
		counts reasons
	}{
		{"one", []string{condition("1", coded("44054006", "Diabetes (disorder)", "active", `,"onsetDateTime":"2020-03-15T10:00:00+09:00"`))}, fhir.Options{},
			[]helios.Condition{{Display: "Diabetes", ClinicalStatus: "active", OnsetDate: "2020-03-15"}}, reasons{}},
		{"of several the newest", []string{
			condition("1", coded("1", "Asthma", "resolved", `,"onsetPeriod":{"start":"2024-01-01"}`)), condition("2", coded("1", "Asthma", "active", `,"onsetDateTime":"2019"`)),
			condition("3", coded("1", "Asthma", "active", `,"onsetDateTime":"2018-01-01"`)), condition("4", coded("2", "Gout", "remission", `,"onsetDateTime":"2025-01-01"`)),
			condition("5", `"code":{"text":"Flu"}`),
		}, fhir.Options{}, []helios.Condition{{Display: "Flu"}, {Display: "Gout", ClinicalStatus: "remission", OnsetDate: "2025-01-01"},
			{Display: "Asthma", ClinicalStatus: "resolved", OnsetDate: "2024-01-01"}}, reasons{clinical.Duplicate: 2, clinical.NoDate: 1}},
		{"what was recorded last counts", []string{
			condition("1", coded("1", "Asthma", "active", `,"onsetDateTime":"2024-01-01","recordedDate":"2024-01-02"`)), condition("2", coded("1", "Asthma", "resolved", `,"onsetDateTime":"2020-01-01","recordedDate":"2025-01-01"`)),
			condition("3", coded("2", "Gout", "resolved", `,"recordedDate":"2025-01-01"`)), condition("4", coded("2", "Gout", "active", "")),
		}, fhir.Options{}, []helios.Condition{{Display: "Gout", ClinicalStatus: "active"}, {Display: "Asthma", ClinicalStatus: "resolved", OnsetDate: "2020-01-01"}}, reasons{clinical.Duplicate: 2, clinical.NoDate: 1}},
		{"an age is no date", []string{condition("1", coded("1", "Asthma", "Joe", `,"onsetAge":{"value":52}`))}, fhir.Options{}, []helios.Condition{{Display: "Asthma"}},
			reasons{clinical.DateNotSent: 1, clinical.StatusOmitted: 1}},
		{"findings", []string{condition("1", coded("1", "Stress (finding)", "active", "")), condition("2", coded("2", "Asthma", "active", ""))}, fhir.Options{},
			[]helios.Condition{{Display: "Asthma", ClinicalStatus: "active"}, {Display: "Stress", ClinicalStatus: "active"}}, reasons{clinical.NoDate: 2}},
		{"findings left out", []string{condition("1", coded("1", "Stress (finding)", "active", "")), condition("2", coded("2", "Asthma", "active", ""))}, fhir.Options{SkipFindings: true},
			[]helios.Condition{{Display: "Asthma", ClinicalStatus: "active"}}, reasons{clinical.NotADisease: 1, clinical.NoDate: 1}},
		{"not diagnosed", []string{
			condition("1", coded("1", "A", "active", `,"verificationStatus":{"coding":[{"code":"refuted"}]}`)), condition("2", coded("2", "B", "active", `,"verificationStatus":{"coding":[{"code":"provisional"}]}`)),
			condition("3", coded("3", "C", "active", `,"verificationStatus":{"coding":[{"code":"entered-in-error"}]}`)), condition("4", coded("4", "D", "active", `,"verificationStatus":{"coding":[{"code":"confirmed"}]}`)),
			condition("5", `"clinicalStatus":{}`),
		}, fhir.Options{}, []helios.Condition{{Display: "D", ClinicalStatus: "active"}},
			reasons{clinical.NotDiagnosed: 2, clinical.StatusNotSent: 1, clinical.NoName: 1, clinical.NoDate: 1}},
		{"in error, before and behind", []string{condition("1", coded("1", "A", "active", "")), condition("1", `"verificationStatus":{"coding":[{"code":"entered-in-error"}]}`),
			condition("2", `"verificationStatus":{"coding":[{"code":"entered-in-error"}]}`), condition("2", coded("2", "B", "active", "")), condition("3", `"code":{"text":"C"}`)},
			fhir.Options{}, []helios.Condition{{Display: "C"}}, reasons{clinical.StatusNotSent: 4, clinical.NoDate: 1}},
		{"cannot be read", []string{condition("1", `"code":{"text":1 2}`), condition("2", `"code":{"text":"`+strings.Repeat("a", 70_000)+`"}`), condition("3", `"code":{"text":"A"}`)},
			fhir.Options{}, []helios.Condition{{Display: "A"}}, reasons{clinical.Malformed: 1, clinical.TooLarge: 1, clinical.NoDate: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req, report := record(t, bundle(test.input...), test.opts)
			assert.Equal(t, test.want, req.Data.PastMedicalHistory)
			counts(t, report, test.counts)
			assert.Equal(t, map[string]int{"pastMedicalHistory": len(test.want)}, report.Sent)
		})
	}
}

// What is uncategorised can be told to be a laboratory result by its report, whichever comes first.
func TestCategories(t *testing.T) {
	t.Parallel()
	plain := func(id, fields string) string {
		return strings.Replace(lab(id, fields), `"category":[{"coding":[{"code":"laboratory"}]}],`, "", 1)
	}
	report := func(category, results string) string {
		return `{"resourceType":"DiagnosticReport","id":"r","status":"final","category":[{"coding":[` + category + `]}],"code":{"text":"Panel"},"result":[` + results + `]}`
	}
	const chemistry = `{"system":"http://terminology.hl7.org/CodeSystem/v2-0074","code":"CH"}`
	to := func(refs ...string) string { return `{"reference":"` + strings.Join(refs, `"},{"reference":"`) + `"}` }
	positive := `"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"10828004","display":"Positive"}]}`
	for _, test := range []struct {
		name, input string
		want        []string // name, value, category
		counts      reasons
	}{
		{"nothing tells", bundle(plain("1", positive), lab("2", quantity)), []string{"Glucose 7.20 mmol/L "}, reasons{clinical.CategoryNotSent: 1, clinical.Unclassified: 1}},
		{"measured and coded", bundle(plain("1", quantity)), []string{"Glucose 7.20 mmol/L "}, reasons{clinical.CategoryInferred: 1, clinical.Unclassified: 1}},
		{"a report before", bundle(report(chemistry, to("Observation/1")), plain("1", positive)), []string{"Glucose Positive Panel"}, reasons{clinical.TypeNotSent: 1, clinical.Unclassified: 1}},
		{"a report behind", bundle(plain("1", positive), report(chemistry, to("Observation/1/_history/2"))), []string{"Glucose Positive Panel"}, reasons{clinical.TypeNotSent: 1, clinical.Unclassified: 1}},
		{"a report instead of the code", bundle(plain("1", quantity), report(chemistry, to("Observation/1"))), []string{"Glucose 7.20 mmol/L Panel"}, reasons{clinical.TypeNotSent: 1, clinical.Unclassified: 1}},
		{"by fullUrl", entries(entry("urn:uuid:1", plain("9", positive)), entry("", report(chemistry, to("urn:uuid:1")))), []string{"Glucose Positive Panel"}, reasons{clinical.TypeNotSent: 1, clinical.Unclassified: 1}},
		{"a report of images", bundle(plain("1", positive), lab("2", quantity), report(`{"code":"imaging"}`, to("Observation/1", "Observation/2"))), []string{"Glucose 7.20 mmol/L "},
			reasons{clinical.TypeNotSent: 1, clinical.CategoryNotSent: 1, clinical.Unclassified: 1}},
		{"a report without a category names, but does not tell", bundle(plain("1", positive), lab("2", quantity), report("", to("Observation/1", "Observation/2"))),
			[]string{"Glucose 7.20 mmol/L Panel"}, reasons{clinical.TypeNotSent: 1, clinical.CategoryNotSent: 1, clinical.Unclassified: 1}},
		{"a report in error", bundle(plain("1", positive), lab("2", quantity), strings.Replace(report(chemistry, to("Observation/1")), "final", "entered-in-error", 1)),
			[]string{"Glucose 7.20 mmol/L "}, reasons{clinical.StatusNotSent: 1, clinical.CategoryNotSent: 1, clinical.Unclassified: 1}},
		{"results inside of the report", strings.Replace(report(chemistry, to("#1")), `"code":{"text"`,
			`"contained":[{"resourceType":"Specimen","id":"s"},`+plain("1", positive)+`],"subject":{"reference":"Patient/joe"},"code":{"text"`, 1),
			[]string{"Glucose Positive Panel"}, reasons{clinical.TypeNotSent: 1, clinical.Unclassified: 1}},
		{"results inside of a report in error", bundle(lab("2", quantity), strings.NewReplacer("final", "cancelled", `"code":{"text"`, `"contained":[`+plain("1", positive)+`],"code":{"text"`).Replace(report(chemistry, to("#1")))),
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
