package fhir_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

// white is a patient whose name other things have too.
const white = `{"resourceType":"Patient","id":"p1","name":[{"family":"White","given":["Zoë","Ann"]}],
	"identifier":[{"value":"20817443"}],"birthDate":"1980-06-16",
	"telecom":[{"value":"555-987-0100"}],"generalPractitioner":[{"display":"Dr. Practis"}],
	"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName","valueString":"Maidenname"},
		{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthPlace","valueAddress":{"city":"Birthtown"}}]}`

// one converts a result beside a patient and returns what is sent of it, or ""
// if it is not sent, and the report.
func one(t *testing.T, people, fields string, opts fhir.Options) (string, *clinical.Report) {
	t.Helper()
	opts.ResultsOnly = true
	var sent [2]string
	var report *clinical.Report
	for i, input := range []string{bundle(people, lab("1", fields)), bundle(lab("1", fields), people)} {
		req, r, err := fhir.LabResults(reader(input), opts)
		report = r
		if err != nil {
			require.ErrorIs(t, err, fhir.ErrNoResults)
			continue
		}
		require.Len(t, req.LabResults, 1)
		got := req.LabResults[0]
		sent[i] = strings.Join(strings.Fields(got.Name+" "+got.Value+" "+got.ReferenceRange), " ")
	}
	require.Equal(t, sent[0], sent[1], "it depends on the order")
	return sent[0], report
}

// All texts that are sent are looked through, and how depends on whether
// someone can have typed them.
func TestTextsAreLookedThrough(t *testing.T) {
	t.Parallel()
	coded := func(system, code, display string) string {
		return fmt.Sprintf(`{"coding":[{"system":"%s","code":"%s","display":"%s"}]}`, system, code, display)
	}
	const snomed, local = "http://snomed.info/sct", "https://lab.example.org/codes"
	for _, test := range []struct {
		name, fields, sent string
	}{
		{"a unit", `"valueQuantity":{"value":5,"unit":"mg for White"}`, ""},
		{"a unit with a telephone number", `"valueQuantity":{"value":5,"unit":"mg, tel 0171/1234567"}`, ""},
		{"a unit of two lines", `"valueQuantity":{"value":5,"unit":"mg\nsee below"}`, ""},
		{"a unit with a code", `"valueQuantity":{"value":5,"unit":"mg for White",` +
			`"system":"http://unitsofmeasure.org","code":"mg"}`, "Glucose 5 mg"},
		{"a unit in place of the code", `"valueQuantity":{"value":5,"code":"White"}`, ""},
		{"a unit of a component", `"component":[{"code":{"text":"Part"},"valueQuantity":{"value":5,` +
			`"unit":"White"}}]`, ""},
		{"a unit of a ratio", `"valueRatio":{"numerator":{"value":1,"unit":"White"},"denominator":{"value":2}}`, ""},
		{"a unit of a range", `"valueRange":{"low":{"value":1,"unit":"White"},"high":{"value":2,"unit":"mg"}}`, ""},
		{"a unit of a reference range",
			`"valueQuantity":{"value":5,"unit":"mg"},"referenceRange":[{"low":{"value":1,"unit":"White"}}]`,
			"Glucose 5 mg"},
		{"units", `"valueQuantity":{"value":5,"unit":"10*3 cells/uL"}`, "Glucose 5 10*3 cells/uL"},

		{"a value of a terminology", `"valueCodeableConcept":` + coded(snomed, "1", "White"), "Glucose White"},
		{"a whole name in it", `"valueCodeableConcept":` + coded(snomed, "1", "White, Zoe"), ""},
		{"an identifier in it", `"valueCodeableConcept":` + coded(snomed, "1", "see 20817443"), ""},
		{"a value without a system", `"valueCodeableConcept":` + coded("", "1", "White"), ""},
		{"a value without a code", `"valueCodeableConcept":` + coded(snomed, "", "White"), ""},
		{"a value of a local system", `"valueCodeableConcept":` + coded(local, "1", "White"), ""},
		{"a code of a local system", `"valueCodeableConcept":` + coded(local, "White", ""), ""},
		{"a value of an older form of a system", `"valueCodeableConcept":` +
			coded("https://terminology.hl7.org/CodeSystem/v2-0136", "1", "White"), "Glucose White"},

		{"a name of a terminology", `"code":` + coded("http://loinc.org", "6690-2", "White blood cells") +
			`,"valueInteger":1`, "White blood cells 1"},
		{"a whole name in it", `"code":` + coded("http://loinc.org", "6690-2", "Cells of Zoe White") +
			`,"valueInteger":1`, ""},
		{"a name of a local system", `"code":` + coded(local, "WBC", "White blood cells") + `,"valueInteger":1`,
			"WBC 1"},
		{"a name and a code of a local system", `"code":` + coded(local, "zoe-white", "White blood cells") +
			`,"valueInteger":1`, ""},
		{"a local name beside LOINC's code", `"code":{"coding":[{"system":"` + local +
			`","code":"1","display":"White blood cells"},{"system":"http://loinc.org","code":"6690-2"}]},` +
			`"valueInteger":1`, "6690-2 1"},
		{"a local name beside LOINC's", `"code":{"text":"White blood cells","coding":[{"system":"` + local +
			`","code":"1","display":"White blood cells"},{"system":"http://loinc.org","code":"6690-2",` +
			`"display":"Leukocytes"}]},"valueInteger":1`,
			"Leukocytes 1"},

		{"a number that is the patient's", `"valueString":"20817443"`, ""},
		{"a quantity that is the patient's number", `"valueQuantity":{"value":20817443,"unit":"/L"}`, ""},
		{"a telephone number", `"valueString":"5559876543"`, ""},
		{"a number", `"valueString":"210000"`, "Glucose 210000"},
		{"a number with as many digits as a telephone's",
			`"valueQuantity":{"value":5559876543,"unit":"copies/mL"}`, "Glucose 5559876543 copies/mL"},
		{"a range that is the patient's number", `"valueInteger":1,"referenceRange":[{"text":"20817443"}]`,
			"Glucose 1"},
		{"a range that is a telephone number", `"valueInteger":1,"referenceRange":[{"text":"(555)987-6543"}]`,
			"Glucose 1"},
		{"a range", `"valueInteger":1,"referenceRange":[{"text":"150000-400000"}]`, "Glucose 1 150000-400000"},
		{"the birth date", `"valueString":"born 6/16/1980"`, ""},
		{"the birth date as a value", `"valueDateTime":"1980-06-16"`, ""},
		{"another date", `"valueDateTime":"1981-06-16"`, "Glucose 1981-06-16"},
		{"the telephone number without its hyphens", `"valueString":"ring 5559870100"`, ""},
		{"the mother's maiden name", `"valueString":"ask Maidenname"`, ""},
		{"the place of birth", `"valueString":"of Birthtown"`, ""},
		{"the general practitioner", `"valueString":"ask Practis"`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sent, report := one(t, white, test.fields, fhir.Options{})
			assert.Equal(t, test.sent, sent)
			if test.sent == "" {
				assert.Equal(t, 1, report.Dropped()-report.Count(clinical.TypeNotSent), "%s", report)
			}
		})
	}
	// What stands in place of a text that is not sent is reported.
	for _, fields := range []string{`"valueQuantity":{"value":5,"unit":"mg for White","code":"mg"}`,
		`"code":{"text":"White cells","coding":[{"system":"http://loinc.org","code":"1"}]},"valueInteger":5`,
		`"valueInteger":5,"referenceRange":[{"text":"as White"},{"text":"<5"}]`} {
		_, report := one(t, white, fields, fhir.Options{})
		assert.Contains(t, report.Issues,
			clinical.Issue{Reason: clinical.Identifying, Source: "Observation/1", Sent: true}, fields)
	}
}

// Doses and how often they are taken have units too.
func TestMedicationsAreLookedThrough(t *testing.T) {
	t.Parallel()
	input := bundle(
		white,
		order(
			"1",
			metformin+`,"dosageInstruction":[{"doseAndRate":[{"doseQuantity":{"value":2,"unit":"mg for White"}}],`+
				`"timing":{"repeat":{"frequency":1,"period":1,"periodUnit":"d","boundsDuration":{"value":3,`+
				`"unit":"White"}}}}]`,
		),
		order(
			"2",
			`"medicationCodeableConcept":{"text":"Drug of White",`+
				`"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"1","display":"Drug"}]}`,
		),
		`{"resourceType":"Condition","id":"3","code":{"text":"Whites's disease"},`+
			`"clinicalStatus":{"coding":[{"code":"active"}]}}`,
		`{"resourceType":"Condition","id":"4","code":{"text":"White's disease",`+
			`"coding":[{"system":"http://snomed.info/sct","code":"1","display":"Disease"}]}}`,
	)
	req, report := record(t, input, fhir.Options{})
	assert.ElementsMatch(
		t,
		[]helios.Medication{
			{Medication: "Metformin 500mg", Status: "active"},
			{Medication: "Drug", Status: "active"},
		},
		req.Data.Medications,
	)
	require.Len(t, req.Data.PastMedicalHistory, 2)
	data, err := json.Marshal(req)
	require.NoError(t, err)
	assert.NotContains(t, string(data), "White ")
	assert.NotContains(t, string(data), "White'")
	assert.Equal(t, 4, report.Count(clinical.Identifying), "%s", report)
}

// An instruction to the patient is sent, but not one that tells who the patient
// is or how to reach someone.
func TestPatientInstructionsAreLookedThrough(t *testing.T) {
	t.Parallel()
	for instruction, want := range map[string]string{
		"One with water": "One with water",
		"One with water, Miss White, and ring 555-987-6543 if you feel ill": "",
		"One for Ms. White, with water":                                     "",
		"One with water. Questions: (555) 987-6543":                         "",
		"One with water, write to help@example.org":                         "",
	} {
		for _, text := range []string{"", "Each morning"} {
			input := bundle(white, order("1", metformin+
				`,"dosageInstruction":[{"text":"`+text+`","patientInstruction":"`+instruction+`"}]`))
			req, report := record(t, input, fhir.Options{})
			require.Len(t, req.Data.Medications, 1)
			if want == "" {
				assert.Empty(t, req.Data.Medications[0].Dosage)
				assert.Equal(t, 1, report.Count(clinical.Identifying), "%s", report)
			} else {
				assert.Equal(t, strings.TrimPrefix(text+"; "+want, "; "), req.Data.Medications[0].Dosage)
			}
			data, err := json.Marshal(req)
			require.NoError(t, err)
			assert.NotContains(t, string(data), "White")
			assert.NotContains(t, string(data), "6543")
			assert.NotContains(t, string(data), "help@")
		}
	}
}
