package fhir_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

// What says the opposite in another version of FHIR is not sent, and what is
// written otherwise is.
func TestVersionsOfMedications(t *testing.T) {
	t.Parallel()

	const flu = `{"resourceType":"Condition","id":"f","code":{"text":"Flu"}}`
	stated := func(fields string) string {
		return `{"resourceType":"MedicationStatement","id":"1",` + fields + `}`
	}
	metformin := helios.Medication{Medication: "Metformin 500mg", Status: "active"}
	with := func(status, dosage, frequency string) []helios.Medication {
		return []helios.Medication{
			{Medication: metformin.Medication, Status: status, Dosage: dosage, Frequency: frequency},
		}
	}
	const drug = `"medicationCodeableConcept":{"text":"Metformin 500mg"}`
	const concept = `"medication":{"concept":{"text":"Metformin 500mg"}}`
	for _, test := range []struct {
		name, resource string
		want           []helios.Medication
		counts         reasons
	}{
		{"STU3, not taken", stated(`"status":"active","taken":"n",` + drug), nil, reasons{clinical.NotTaken: 1}},
		{"STU3, taken", stated(`"status":"active","taken":"y",` + drug), with("active", "", ""), reasons{}},
		{"STU3, not known to be taken", stated(`"status":"active","taken":"unk",` + drug),
			with("unknown", "", ""), reasons{}},
		{"STU3, taken in another word", stated(`"status":"active","taken":"maybe",` + drug), nil,
			reasons{clinical.ModifierUnknown: 1}},
		{"STU3, a reason not to take it", stated(`"status":"active","reasonNotTaken":[{"text":"x"}],` + drug), nil,
			reasons{clinical.ModifierUnknown: 1}},
		{"STU3, a dose in the dosage", stated(`"status":"active","taken":"y",` + drug +
			`,"dosage":[{"doseQuantity":{"value":1,"unit":"tablet"},"timing":{"repeat":{"frequency":2,"period":1,` +
			`"periodUnit":"d"}}}]`),
			with("active", "1 tablet", "twice daily"), reasons{}},
		{"DSTU2, not taken", stated(`"status":"active","wasNotTaken":true,` + drug), nil,
			reasons{clinical.NotTaken: 1}},
		{"DSTU2, not taken, unreadable", stated(`"status":"active","wasNotTaken":{},` + drug), nil,
			reasons{clinical.NotTaken: 1}},
		{"DSTU2, taken", stated(`"status":"active","wasNotTaken":false,"patient":{"reference":"Patient/p"},` + drug +
			`,"dosage":[{"text":"1 daily","quantityQuantity":{"value":1,"unit":"tablet"},` +
			`"timing":{"repeat":{"frequency":1,"period":1,"periodUnits":"d","when":"CM"}}}]`),
			with("active", "1 tablet", "once daily, with breakfast"), reasons{clinical.TextNotSent: 1}},
		{"DSTU2, an order", `{"resourceType":"MedicationOrder","id":"1","status":"active",` +
			`"dateWritten":"2025-01-01",` + drug +
			`,"dosageInstruction":[{"additionalInstructions":{"text":"with food"},"doseQuantity":{"value":1,` +
			`"unit":"tablet"}}]}`,
			with("active", "1 tablet", "with food"), reasons{}},
		{"DSTU2, an order that has ended",
			`{"resourceType":"MedicationOrder","id":"1","status":"active","dateEnded":"2024-01-01",` + drug + `}`,
			nil, reasons{clinical.Ended: 1}},
		{"R5, an order", `{"resourceType":"MedicationRequest","id":"1","status":"active","intent":"order",` + concept +
			`,"dosageInstruction":[{"asNeeded":true,"asNeededFor":[{"coding":[{"system":"http://snomed.info/sct",` +
			`"code":"25064002","display":"Headache"}]}],` +
			`"doseAndRate":[{"doseQuantity":{"value":1,"unit":"tablet"}}]}]}`,
			with("active", "1 tablet", "as needed for Headache"), reasons{}},
		{"R5, an order whose dosage is rendered",
			`{"resourceType":"MedicationRequest","id":"1","status":"active","intent":"order",` + concept +
				`,"renderedDosageInstruction":"one a day"}`, with("active", "one a day", ""), reasons{}},
		{"R5, recorded", stated(`"status":"recorded",` + concept), with("", "", ""),
			reasons{clinical.StatusOmitted: 1}},
		{"R5, recorded and taken", stated(`"status":"recorded",` +
			`"adherence":{"code":{"coding":[{"code":"taking-as-directed"}]}},` + concept),
			with("active", "", ""), reasons{}},
		{"R5, recorded and not taken",
			stated(`"status":"recorded","adherence":{"code":{"coding":[{"code":"not-taking"}]}},` + concept), nil,
			reasons{clinical.NotTaken: 1}},
		{"R5, recorded and on hold", stated(`"status":"recorded",` +
			`"adherence":{"code":{"coding":[{"code":"on-hold"}]}},` + concept),
			with("on-hold", "", ""), reasons{}},
		{"R5, recorded with an adherence in another word",
			stated(`"status":"recorded","adherence":{"code":{"text":"never"}},` + concept), nil,
			reasons{clinical.ModifierUnknown: 1}},
		{"R5, recorded and over", stated(`"status":"recorded","effectivePeriod":{"end":"2024-01-01"},` +
			concept), nil, reasons{clinical.Ended: 1}},
		{"R5, a reference", `[` + stated(`"status":"recorded","adherence":{"code":{"coding":[{"code":"taking"}]}},`+
			`"medication":{"reference":{"reference":"Medication/m"}}`) +
			`,{"resourceType":"Medication","id":"m","code":{"text":"Metformin 500mg"}}]`, with("active", "", ""),
			reasons{}},
		{"any, a key that could turn the meaning", stated(`"status":"active","wasRefused":true,` + drug), nil,
			reasons{clinical.ModifierUnknown: 1}},
		{"any, such a key that says no",
			stated(`"status":"active","wasRefused":false,"isNotTaken":null,` + drug), with("active", "", ""),
			reasons{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()

			req, report := record(t, "["+flu+","+trimList(test.resource)+"]", fhir.Options{})

			assert.Equal(t, test.want, req.Data.Medications)
			test.counts[clinical.NoDate] = 1
			counts(t, report, test.counts)
		})
	}
}

func TestVersionsOfConditions(t *testing.T) {
	t.Parallel()

	const other = `{"resourceType":"Condition","id":"2","patient":{"reference":"Patient/p2"},"code":{"text":"Asthma"}}`
	const own = `{"resourceType":"Condition","id":"1","patient":{"reference":"Patient/joe"},"code":{"text":"Flu"},` +
		`"clinicalStatus":"active",` +
		`"dateRecorded":"2025-01-01","onsetQuantity":{"value":30,"unit":"a"}}`

	req, report := record(t, bundle(joe, own, other), fhir.Options{})

	assert.Equal(t, []helios.Condition{{Display: "Flu", ClinicalStatus: "active"}}, req.Data.PastMedicalHistory)
	counts(t, report, reasons{clinical.OtherPatient: 1, clinical.DateNotSent: 1})

	req, report = record(
		t,
		bundle(
			joe,
			`{"resourceType":"Condition","id":"1","subject":{"reference":"Patient/joe"},"code":{"text":"Flu"},`+
				`"refuted":true}`,
			`{"resourceType":"Condition","id":"2","subject":{"reference":"Patient/joe"},"code":{"text":"Gout"},`+
				`"onsetDateTime":"2025-01-01"}`,
		),
		fhir.Options{},
	)
	assert.Equal(t, []helios.Condition{{Display: "Gout", OnsetDate: "2025-01-01"}}, req.Data.PastMedicalHistory)
	counts(t, report, reasons{clinical.ModifierUnknown: 1})
}

func TestVersionsOfObservations(t *testing.T) {
	t.Parallel()

	panel := lab("1", `"related":[{"type":"has-member","target":{"reference":"Observation/2"}}]`)
	goal := lab(
		"3",
		quantity+`,"referenceRange":[{"low":{"value":1},"high":{"value":2},`+
			`"meaning":{"coding":[{"code":"treatment"}]}}]`,
	)
	single := lab("4", `"valueQuantity":{"value":8,"unit":"mmol/L"},`+
		`"interpretation":{"coding":[{"system":"http://hl7.org/fhir/v2/0078","code":"H"}]}`)

	req, report := results(t, bundle(panel, goal, single), fhir.Options{ResultsOnly: true})

	require.Len(t, req.LabResults, 2)
	assert.Equal(t, helios.FlagHigh, req.LabResults[0].Flag)
	assert.Empty(t, req.LabResults[1].ReferenceRange)
	counts(t, report, reasons{clinical.Panel: 1, clinical.RangeNotSent: 1, clinical.Unclassified: 1})
}

// A type of another version is named, and one that no version has is not.
func TestVersionsOfTypes(t *testing.T) {
	t.Parallel()

	_, report, err := fhir.LabResults(
		reader(
			`[{"resourceType":"DiagnosticOrder","id":"1"},{"resourceType":"InventoryItem","id":"2"},`+
				`{"resourceType":"Joe","id":"3"}]`,
		),
		fhir.Options{},
	)

	require.ErrorIs(t, err, fhir.ErrNoResults)
	got := map[string]int{}
	for _, c := range report.Counts() {
		if c.Reason == clinical.TypeNotSent {
			got[c.Detail] = c.N
		}
	}
	assert.Equal(t, map[string]int{"DiagnosticOrder": 1, "InventoryItem": 1, "unknown type": 1}, got)
}

// trimList takes the brackets off a list.
func trimList(s string) string {
	if s[0] == '[' {
		return s[1 : len(s)-1]
	}
	return s
}
