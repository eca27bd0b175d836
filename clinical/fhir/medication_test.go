package fhir_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

func order(id, fields string) string {
	return `{"resourceType":"MedicationRequest","id":"` + id + `","status":"active","intent":"order",` + fields + `}`
}

func statement(id, fields string) string {
	return `{"resourceType":"MedicationStatement","id":"` + id + `","status":"active",` + fields + metformin + `}`
}

const metformin = `"medicationCodeableConcept":{"text":"Metformin 500mg"}`

func TestMedications(t *testing.T) {
	t.Parallel()
	drug := `{"resourceType":"Medication","id":"m","code":{"coding":[{"display":"Metformin"}]}}`
	for _, test := range []struct {
		name   string
		input  []string
		opts   fhir.Options
		want   []helios.Medication
		counts reasons
	}{
		{"one", []string{order("1", metformin)}, fhir.Options{}, []helios.Medication{{Medication: "Metformin 500mg", Status: "active"}}, reasons{}},
		{"a statement", []string{`{"resourceType":"MedicationStatement","id":"1","status":"intended",` + metformin + `,"dosage":[{"text":"as told"}]}`}, fhir.Options{},
			[]helios.Medication{{Medication: "Metformin 500mg", Status: "intended", Dosage: "as told"}}, reasons{}},
		{"not taken", []string{
			order("1", `"status":"stopped",`+metformin), order("2", `"status":"completed",`+metformin), order("3", `"status":"cancelled",`+metformin), order("4", `"status":"draft",`+metformin),
			order("5", `"status":"entered-in-error",`+metformin), order("6", `"status":"Joe",`+metformin), order("7", `"status":null,`+metformin), order("8", `"intent":"plan",`+metformin),
			order("9", `"doNotPerform":true,`+metformin), order("10", `"status":"on-hold",`+metformin), `{"resourceType":"MedicationStatement","id":"11","status":"not-taken",` + metformin + `}`,
			order("13", `"medicationCodeableConcept":{"text" 1}`),
		}, fhir.Options{}, []helios.Medication{{Medication: "Metformin 500mg", Status: "on-hold"}},
			reasons{clinical.NotTaken: 6, clinical.StatusNotSent: 2, clinical.NotOrdered: 1, clinical.DoNotPerform: 1, clinical.Malformed: 1}},
		{"in error, and before", []string{order("1", metformin), order("1", `"status":"entered-in-error",`+metformin), order("2", `"medicationCodeableConcept":{"text":"A"}`)}, fhir.Options{},
			[]helios.Medication{{Medication: "A", Status: "active"}}, reasons{clinical.StatusNotSent: 2}},
		{"an order not to give it, in other words", []string{order("1", `"doNotPerform":"true",`+metformin), order("2", `"doNotPerform":{},`+metformin), order("3", `"doNotPerform":"false","medicationCodeableConcept":{"text":"A"}`),
			order("4", `"doNotPerform":null,"medicationCodeableConcept":{"text":"B"}`)}, fhir.Options{}, []helios.Medication{{Medication: "A", Status: "active"}, {Medication: "B", Status: "active"}}, reasons{clinical.DoNotPerform: 2}},
		{"a modifier", []string{order("1", `"modifierExtension":[{"url":"urn:not"}],`+metformin), order("2", `"dosageInstruction":[{"modifierExtension":[{}],"text":"x"}],`+metformin),
			order("3", `"modifierExtension":[],"contained":[{"resourceType":"Practitioner","modifierExtension":[{}]}],"medicationCodeableConcept":{"text":"A"}`)},
			fhir.Options{}, []helios.Medication{{Medication: "A", Status: "active"}}, reasons{clinical.ModifierUnknown: 2}},
		{"a time that is over", []string{statement("1", `"effectivePeriod":{"start":"2025-01-01","end":"2025-06-14"},`), statement("2", `"effectivePeriod":{"start":"2020-01-01"},`), statement("3", `"effectivePeriod":{"end":"2024"},`),
			statement("4", `"effectivePeriod":{"end":"2025"},`)},
			fhir.Options{}, []helios.Medication{{Medication: "Metformin 500mg", Status: "active"}}, reasons{clinical.Ended: 2, clinical.Duplicate: 1}},
		{"a time that is over, with what was stopped", []string{statement("1", `"effectivePeriod":{"end":"2025-06-14"},`), statement("2", `"effectivePeriod":{"end":"2025-06-15"},`)},
			fhir.Options{IncludeStopped: true}, []helios.Medication{{Medication: "Metformin 500mg", Status: "active"}, {Medication: "Metformin 500mg"}}, reasons{clinical.Ended: 1}},
		{"stopped ones too", []string{order("1", `"status":"stopped",`+metformin), order("2", `"status":"completed","medicationCodeableConcept":{"text":"A"}`), order("3", `"status":"cancelled",`+metformin)},
			fhir.Options{IncludeStopped: true}, []helios.Medication{{Medication: "A", Status: "completed"}, {Medication: "Metformin 500mg", Status: "stopped"}}, reasons{clinical.NotTaken: 1}},
		{"of several the newest", []string{
			order("1", metformin+`,"authoredOn":"2024-01-01","dosageInstruction":[{"text":"one"}]`), order("2", metformin+`,"authoredOn":"2025-01-01","dosageInstruction":[{"text":"One"}]`),
			order("4", metformin+`,"authoredOn":"2024-01-01","dosageInstruction":[{"text":"two"}]`),
			order("3", `"medicationCodeableConcept":{"text":"A"},"authoredOn":"2023-01-01"`),
		}, fhir.Options{}, []helios.Medication{{Medication: "Metformin 500mg", Status: "active", Dosage: "One"}, {Medication: "Metformin 500mg", Status: "active", Dosage: "two"},
			{Medication: "A", Status: "active"}}, reasons{clinical.Duplicate: 1}},
		{"a Medication before", []string{drug, order("1", `"medicationReference":{"reference":"Medication/m"}`)}, fhir.Options{}, []helios.Medication{{Medication: "Metformin", Status: "active"}}, reasons{}},
		{"a Medication behind", []string{order("1", `"medicationReference":{"reference":"http://a.org/Medication/m"}`), drug}, fhir.Options{}, []helios.Medication{{Medication: "Metformin", Status: "active"}}, reasons{}},
		{"a Medication of nobody", []string{order("1", metformin), drug}, fhir.Options{}, []helios.Medication{{Medication: "Metformin 500mg", Status: "active"}}, reasons{clinical.TypeNotSent: 1}},
		{"one name in two ways", []string{order("1", `"medicationReference":{"reference":"Medication/m"}`), drug, order("2", `"medicationCodeableConcept":{"text":"metformin"},"authoredOn":"2025-01-01"`)},
			fhir.Options{}, []helios.Medication{{Medication: "metformin", Status: "active"}}, reasons{clinical.Duplicate: 1}},
		{"inside of the order", []string{order("1", `"contained":[{"resourceType":"Organization","id":"o"},{"resourceType":"Medication","id":"c","code":{"text":"Inner"}}],"medicationReference":{"reference":"#c"}`)},
			fhir.Options{}, []helios.Medication{{Medication: "Inner", Status: "active"}}, reasons{}},
		{"inside of the order without a name", []string{order("1", `"contained":[{"resourceType":"Medication","id":"c"}],"medicationReference":{"reference":"#c","display":"Shown"}`),
			order("2", `"medicationReference":{"reference":"#d"}`)}, fhir.Options{}, []helios.Medication{{Medication: "Shown", Status: "active"}}, reasons{clinical.NoName: 1}},
		{"what is not there", []string{order("1", `"medicationReference":{"reference":"Medication/x","display":"Shown"}`), order("2", `"medicationReference":{"reference":"Medication/x"}`), order("3", `"note":[]`),
			order("4", `"medicationReference":{"reference":"Medication/n"}`), `{"resourceType":"Medication","id":"n"}`, `{"resourceType":"Medication","id":"k","code":1 2}`},
			fhir.Options{}, []helios.Medication{{Medication: "Shown", Status: "active"}}, reasons{clinical.Unresolved: 1, clinical.NoName: 2, clinical.Malformed: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req, report := record(t, bundle(test.input...), test.opts)
			assert.Equal(t, test.want, req.Data.Medications)
			counts(t, report, test.counts)
		})
	}
}

func TestDosage(t *testing.T) {
	t.Parallel()
	const dose, daily = `"doseAndRate":[{"doseQuantity":{"value":500,"unit":"mg"}}]`, `"timing":{"repeat":{"frequency":2,"period":1,"periodUnit":"d"}}`
	repeat := func(fields string) string { return `{"timing":{"repeat":{` + fields + `}}}` }
	for _, test := range []struct {
		name, instructions, dosage, frequency string
		counts                                reasons
	}{
		{"words only", `{"text":"one tablet with food"}`, "one tablet with food", "", reasons{}},
		{"coded", "{" + dose + "," + daily + "}", "500 mg", "twice daily", reasons{}},
		{"coded and in words", `{"text":"twice a day",` + dose + "," + daily + "}", "500 mg", "twice daily", reasons{clinical.TextNotSent: 1}},
		{"a dose and words", `{"text":"one when it hurts",` + dose + "}", "one when it hurts", "", reasons{}},
		{"how often and words", `{"text":"one tablet",` + daily + "}", "one tablet", "twice daily", reasons{}},
		{"a dose without a unit", `{"doseAndRate":[{"doseQuantity":{"value":1.0}}]}`, "1.0", "", reasons{clinical.DosageWithoutUnit: 1}},
		{"a range of doses", `{"doseAndRate":[{"doseRange":{"low":{"value":1,"unit":"TAB"},"high":{"value":2,"unit":"TAB"}}}]}`, "1-2 TAB", "", reasons{}},
		{"a rate", `{"doseAndRate":[{"doseQuantity":{"value":4.5,"unit":"g"},"rateRatio":{"numerator":{"value":8,"unit":"L"},"denominator":{"value":1,"unit":"min"}}}]}`, "4.5 g at 8 L:1 min", "", reasons{}},
		{"a rate only", `{"doseAndRate":[{"rateQuantity":{"value":5,"unit":"mL/h"}},{"rateRange":{"low":{"value":7}}}]}`, "at 5 mL/h", "", reasons{}},
		{"as needed", `{"asNeededBoolean":true}`, "", "as needed", reasons{}},
		{"not as needed", `{"text":"x","asNeededBoolean":false}`, "x", "", reasons{}},
		{"as needed for something", `{"asNeededCodeableConcept":{"text":"pain"},` + daily + "}", "", "twice daily, as needed for pain", reasons{}},
		{"as needed for someone", `{"asNeededCodeableConcept":{"text":"ask a@b.org"},` + daily + "}", "", "twice daily, as needed", reasons{clinical.Identifying: 1}},
		{"as often as cannot be read", repeat(`"frequency":"two","period":1,"periodUnit":"d"`), "", "", reasons{clinical.InstructionPartial: 1}},
		{"as often as cannot be read, and in words", `{"text":"two a day","timing":{"repeat":{"frequency":"two","period":1,"periodUnit":"d"}},` + dose + "}", "two a day", "", reasons{}},
		{"so many times", repeat(`"count":3,"period":1,"periodUnit":"d"`), "", "once daily", reasons{clinical.InstructionPartial: 1}},
		{"for a time that cannot be read", repeat(`"period":1,"periodUnit":"d","boundsDuration":{"value":"ten"}`), "", "once daily", reasons{clinical.InstructionPartial: 1}},
		{"by a route", `{"route":{"text":"oral"},` + dose + "," + daily + "}", "500 mg", "twice daily", reasons{clinical.InstructionPartial: 1}},
		{"daily", repeat(`"frequency":1,"period":1.0,"periodUnit":"d"`), "", "once daily", reasons{}},
		{"the default", repeat(`"period":1,"periodUnit":"d"`), "", "once daily", reasons{}},
		{"every few hours", repeat(`"frequency":1,"period":4,"periodMax":6,"periodUnit":"h"`), "", "every 4-6 hours", reasons{}},
		{"some times a week", repeat(`"frequency":3,"period":1,"periodUnit":"wk"`), "", "three times per week", reasons{}},
		{"once a month", repeat(`"frequency":1,"period":1,"periodUnit":"mo"`), "", "once per month", reasons{}},
		{"up to some times", repeat(`"frequency":1,"frequencyMax":4,"period":1,"periodUnit":"d"`), "", "1-4 times daily", reasons{}},
		{"at most", repeat(`"frequencyMax":4,"period":2,"periodUnit":"d"`), "", "up to 4 times every 2 days", reasons{}},
		{"four times", repeat(`"frequency":4,"period":1,"periodUnit":"d"`), "", "four times daily", reasons{}},
		{"when", repeat(`"when":["MORN","ACV","Joe"]`), "", "in the morning, before dinner", reasons{clinical.InstructionPartial: 1}},
		{"at", repeat(`"timeOfDay":["09:00:00","Joe"],"dayOfWeek":["mon","Joe"]`), "", "on Monday, at 09:00:00", reasons{clinical.InstructionPartial: 1}},
		{"for some time", repeat(`"frequency":1,"period":1,"periodUnit":"d","boundsDuration":{"value":10,"unit":"days"}`), "", "once daily, for 10 days", reasons{}},
		{"an unknown unit", repeat(`"frequency":1,"period":1,"periodUnit":"Joe"`), "", "", reasons{clinical.InstructionPartial: 1}},
		{"over", repeat(`"frequency":1,"period":1,"periodUnit":"d","boundsPeriod":{"end":"2025-06-14"}`), "", "once daily", reasons{clinical.Ended: 1}},
		{"not over", repeat(`"frequency":1,"period":1,"periodUnit":"d","boundsPeriod":{"end":"2025-06-15"}`), "", "once daily", reasons{}},
		{"a code", `{"timing":{"code":{"coding":[{"code":"BID","display":"BID"}]}}}`, "", "twice daily", reasons{}},
		{"a code, for some time", `{"timing":{"code":{"coding":[{"code":"BID"}]},"repeat":{"boundsDuration":{"value":10,"unit":"days"}}}}`, "", "twice daily, for 10 days", reasons{}},
		{"a code, and when", `{"timing":{"code":{"coding":[{"code":"TID"}]},"repeat":{"when":["PC"]}}}`, "", "three times daily, after meals", reasons{}},
		{"how often, in no time", repeat(`"frequency":2,"when":["MORN"]`), "", "in the morning", reasons{clinical.InstructionPartial: 1}},
		{"a number only", repeat(`"frequency":3`), "", "", reasons{clinical.InstructionPartial: 1}},
		{"a name", `{"timing":{"code":{"text":"with breakfast"}}}`, "", "with breakfast", reasons{}},
		{"several, at the same time", `{` + dose + `},{"doseAndRate":[{"doseQuantity":{"value":1,"unit":"g"}}],` + daily + `}`, "500 mg; 1 g", "-; twice daily", reasons{}},
		{"several, one after the other", `{"sequence":1,` + dose + "," + daily + `},{"sequence":2,"doseAndRate":[{"doseQuantity":{"value":1,"unit":"g"}}],` + daily + `}`,
			"500 mg; then 1 g", "twice daily", reasons{}},
		{"more instructions", `{"additionalInstruction":[{"coding":[{"display":"With food"}]},{"text":"ask a@b.org"}],` + dose + "," + daily + "}", "500 mg", "twice daily, With food", reasons{clinical.Identifying: 1}},
		{"more instructions only", `{"additionalInstruction":[{"text":"With food"}]}`, "", "With food", reasons{}},
		{"to the patient", `{"patientInstruction":"one with water"}`, "one with water", "", reasons{}},
		{"to the patient and others", `{"text":"one","patientInstruction":"with water"}`, "one; with water", "", reasons{}},
		{"to the patient, and coded", `{"patientInstruction":"one with water",` + dose + "," + daily + "}", "500 mg", "twice daily", reasons{clinical.TextNotSent: 1}},
		{"an e-mail address", `{"text":"ask a@b.org",` + dose + `}`, "500 mg", "", reasons{clinical.Identifying: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			input := order("1", metformin+`,"dosageInstruction":[`+test.instructions+`]`)
			req, report := record(t, input, fhir.Options{})
			assert.Equal(t, []helios.Medication{{Medication: "Metformin 500mg", Status: "active", Dosage: test.dosage, Frequency: test.frequency}}, req.Data.Medications)
			counts(t, report, test.counts)
		})
	}
}

// The context of lab results has no status, so that a drug in it is one that is taken.
func TestContext(t *testing.T) {
	t.Parallel()
	input := bundle(joe, lab("1", quantity+","+high), order("1", metformin+`,"dosageInstruction":[{"text":"1000mg"}]`), order("2", `"status":"on-hold","medicationCodeableConcept":{"text":"A"}`),
		order("3", `"status":"stopped","medicationCodeableConcept":{"text":"B"}`), `{"resourceType":"Condition","id":"c","code":{"text":"Gout"},"clinicalStatus":{"coding":[{"code":"active"}]}}`)
	req, report := results(t, input, fhir.Options{IncludeStopped: true})
	assert.Equal(t, &helios.PatientContext{Age: "44", Gender: "male", Conditions: []helios.ContextCondition{{Name: "Gout", Status: "active"}},
		Medications: []helios.ContextMedication{{Name: "Metformin 500mg", Dosage: "1000mg"}}}, req.PatientContext)
	counts(t, report, reasons{clinical.NotTaken: 2})
	assert.Equal(t, map[string]int{"labResults": 1, "patientContext.conditions": 1, "patientContext.medications": 1}, report.Sent)
	req, report = results(t, input, fhir.Options{ResultsOnly: true})
	assert.Nil(t, req.PatientContext)
	counts(t, report, reasons{clinical.TypeNotSent: 4})
}
