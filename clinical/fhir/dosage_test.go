package fhir_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

func TestDosage(t *testing.T) {
	t.Parallel()
	const dose, daily = `"doseAndRate":[{"doseQuantity":{"value":500,"unit":"mg"}}]`,
		`"timing":{"repeat":{"frequency":2,"period":1,"periodUnit":"d"}}`
	repeat := func(fields string) string { return `{"timing":{"repeat":{` + fields + `}}}` }
	for _, test := range []struct {
		name, instructions, dosage, frequency string
		counts                                reasons
	}{
		{"words only", `{"text":"one tablet with food"}`, "one tablet with food", "", reasons{}},
		{"coded", "{" + dose + "," + daily + "}", "500 mg", "twice daily", reasons{}},
		{"coded and in words", `{"text":"twice a day",` + dose + "," + daily + "}", "500 mg", "twice daily",
			reasons{clinical.TextNotSent: 1}},
		{"a dose and words", `{"text":"one when it hurts",` + dose + "}", "500 mg (one when it hurts)", "", reasons{}},
		{"how often and words", `{"text":"one tablet",` + daily + "}", "one tablet", "twice daily", reasons{}},
		{"a dose without a unit", `{"doseAndRate":[{"doseQuantity":{"value":1.0}}]}`, "1.0", "",
			reasons{clinical.DosageWithoutUnit: 1}},
		{"a range of doses", `{"doseAndRate":[{"doseRange":{"low":{"value":1,"unit":"TAB"},"high":{"value":2,` +
			`"unit":"TAB"}}}]}`, "1-2 TAB", "", reasons{}},
		{"a rate", `{"doseAndRate":[{"doseQuantity":{"value":4.5,"unit":"g"},"rateRatio":{"numerator":{"value":8,` +
			`"unit":"L"},"denominator":{"value":1,"unit":"min"}}}]}`, "4.5 g at 8 L:1 min", "", reasons{}},
		{"a rate only", `{"doseAndRate":[{"rateQuantity":{"value":5,"unit":"mL/h"}},` +
			`{"rateRange":{"low":{"value":7}}}]}`, "at 5 mL/h", "", reasons{}},
		{"as needed", `{"asNeededBoolean":true}`, "", "as needed", reasons{}},
		{"not as needed", `{"text":"x","asNeededBoolean":false}`, "x", "", reasons{}},
		{"as needed for something", `{"asNeededCodeableConcept":{"text":"pain"},` + daily + "}", "",
			"twice daily, as needed for pain", reasons{}},
		{"as needed for someone", `{"asNeededCodeableConcept":{"text":"ask a@b.org"},` + daily + "}", "",
			"twice daily, as needed", reasons{clinical.Identifying: 1}},
		{"as often as cannot be read", repeat(`"frequency":"two","period":1,"periodUnit":"d"`), "", "",
			reasons{clinical.InstructionPartial: 1}},
		{"as often as cannot be read, and in words",
			`{"text":"two a day","timing":{"repeat":{"frequency":"two","period":1,"periodUnit":"d"}},` + dose +
				"}", "500 mg (two a day)", "", reasons{}},
		{"so many times", repeat(`"count":3,"period":1,"periodUnit":"d"`), "", "once daily",
			reasons{clinical.InstructionPartial: 1}},
		{"for a time that cannot be read",
			repeat(`"period":1,"periodUnit":"d","boundsDuration":{"value":"ten"}`), "", "once daily",
			reasons{clinical.InstructionPartial: 1}},
		{"by a route", `{"route":{"text":"oral"},` + dose + "," + daily + "}", "500 mg", "twice daily",
			reasons{clinical.InstructionPartial: 1}},
		{"daily", repeat(`"frequency":1,"period":1.0,"periodUnit":"d"`), "", "once daily", reasons{}},
		{"the default", repeat(`"period":1,"periodUnit":"d"`), "", "once daily", reasons{}},
		{"every few hours", repeat(`"frequency":1,"period":4,"periodMax":6,"periodUnit":"h"`), "",
			"every 4-6 hours", reasons{}},
		{"some times a week", repeat(`"frequency":3,"period":1,"periodUnit":"wk"`), "", "three times per week",
			reasons{}},
		{"once a month", repeat(`"frequency":1,"period":1,"periodUnit":"mo"`), "", "once per month", reasons{}},
		{"up to some times", repeat(`"frequency":1,"frequencyMax":4,"period":1,"periodUnit":"d"`), "",
			"1-4 times daily", reasons{}},
		{"at most", repeat(`"frequencyMax":4,"period":2,"periodUnit":"d"`), "", "up to 4 times every 2 days",
			reasons{}},
		{"four times", repeat(`"frequency":4,"period":1,"periodUnit":"d"`), "", "four times daily", reasons{}},
		{"when", repeat(`"when":["MORN","ACV","Joe"]`), "", "in the morning, before dinner",
			reasons{clinical.InstructionPartial: 1}},
		{"at", repeat(`"timeOfDay":["09:00:00","Joe"],"dayOfWeek":["mon","Joe"]`), "", "on Monday, at 09:00:00",
			reasons{clinical.InstructionPartial: 1}},
		{"for some time", repeat(`"frequency":1,"period":1,"periodUnit":"d","boundsDuration":{"value":10,` +
			`"unit":"days"}`), "", "once daily, for 10 days", reasons{}},
		{"an unknown unit", repeat(`"frequency":1,"period":1,"periodUnit":"Joe"`), "", "",
			reasons{clinical.InstructionPartial: 1}},
		{"not over", repeat(`"frequency":1,"period":1,"periodUnit":"d","boundsPeriod":{"end":"2025-06-15"}`), "",
			"once daily", reasons{}},
		{"a code", `{"timing":{"code":{"coding":[{"code":"BID","display":"BID"}]}}}`, "", "twice daily", reasons{}},
		{"a code, for some time", `{"timing":{"code":{"coding":[{"code":"BID"}]},` +
			`"repeat":{"boundsDuration":{"value":10,"unit":"days"}}}}`, "", "twice daily, for 10 days", reasons{}},
		{"a code, and when", `{"timing":{"code":{"coding":[{"code":"TID"}]},"repeat":{"when":["PC"]}}}`, "",
			"three times daily, after meals", reasons{}},
		{"how often, in no time", repeat(`"frequency":2,"when":["MORN"]`), "", "in the morning",
			reasons{clinical.InstructionPartial: 1}},
		{"a number only", repeat(`"frequency":3`), "", "", reasons{clinical.InstructionPartial: 1}},
		{"a name", `{"timing":{"code":{"text":"with breakfast"}}}`, "", "with breakfast", reasons{}},
		{"several, at the same time", `{` + dose +
			`},{"doseAndRate":[{"doseQuantity":{"value":1,"unit":"g"}}],` + daily + `}`, "500 mg; 1 g",
			"-; twice daily", reasons{}},
		{"several, one after the other", `{"sequence":1,` + dose + "," + daily +
			`},{"sequence":2,"doseAndRate":[{"doseQuantity":{"value":1,"unit":"g"}}],` + daily + `}`,
			"500 mg; then 1 g", "twice daily", reasons{}},
		{"more instructions", `{"additionalInstruction":[{"coding":[{"display":"With food"}]},` +
			`{"text":"ask a@b.org"}],` + dose + "," + daily + "}", "500 mg", "twice daily, With food",
			reasons{clinical.Identifying: 1}},
		{"more instructions only", `{"additionalInstruction":[{"text":"With food"}]}`, "", "With food", reasons{}},
		{"to the patient", `{"patientInstruction":"one with water"}`, "one with water", "", reasons{}},
		{"to the patient and others", `{"text":"one","patientInstruction":"with water"}`, "one; with water", "",
			reasons{}},
		{"to the patient, and coded", `{"patientInstruction":"one with water",` + dose + "," + daily + "}",
			"500 mg (one with water)", "twice daily", reasons{}},
		{"an e-mail address", `{"text":"ask a@b.org",` + dose + `}`, "500 mg", "", reasons{clinical.Identifying: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			input := order("1", metformin+`,"dosageInstruction":[`+test.instructions+`]`)
			req, report := record(t, input, fhir.Options{})
			assert.Equal(
				t,
				[]helios.Medication{
					{Medication: "Metformin 500mg", Status: "active", Dosage: test.dosage, Frequency: test.frequency},
				},
				req.Data.Medications,
			)
			counts(t, report, test.counts)
		})
	}
}

// The words of an instruction are sent unless the codes say all of it.
func TestDosageInWords(t *testing.T) {
	t.Parallel()

	const tablet = `"doseAndRate":[{"doseQuantity":{"value":1,"unit":"tablet"}}],`
	times := func(n string) string {
		return `"timing":{"repeat":{"frequency":` + n + `,"period":1,"periodUnit":"d"}}`
	}
	for _, test := range []struct{ text, codes, dosage, frequency string }{
		{"One tablet daily for 4 days", tablet + times("4"), "One tablet daily for 4 days", "four times daily"},
		{"HOLD if INR above 4", tablet + times("1"), "1 tablet (HOLD if INR above 4)", "once daily"},
		{"Take 1 tablet twice a day", tablet + times("2"), "1 tablet", "twice daily"},
		{"1 tablet three times daily.", tablet + times("3"), "1 tablet", "three times daily"},
		{"Take 2 tablets once daily", tablet + times("2"), "1 tablet (Take 2 tablets once daily)", "twice daily"},
		{"1-2 tablets twice daily", tablet + times("2"), "1-2 tablets twice daily", "twice daily"},
		{"one tablet by mouth daily", tablet + times("1"), "one tablet by mouth daily", "once daily"},
		{"in the morning", tablet + `"timing":{}`, "1 tablet (in the morning)", ""},
		{"1 tablet in the morning", tablet + `"timing":{}`, "1 tablet in the morning", ""},
	} {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()

			req, _ := record(t, order("1", metformin+`,"dosageInstruction":[{"text":"`+test.text+`",`+test.codes+`}]`),
				fhir.Options{})

			assert.Equal(t, []helios.Medication{{
				Medication: "Metformin 500mg", Status: "active", Dosage: test.dosage, Frequency: test.frequency,
			}}, req.Data.Medications)
		})
	}
}

// Instructions that are a narrative are reported, whoever wrote them down.
func TestLongInstructions(t *testing.T) {
	t.Parallel()
	for _, length := range []int{1001, 5000} {
		long := `"` + strings.Repeat("a", length) + `"`
		for _, fields := range []string{`"dosageInstruction":[{"text":` + long + `}]`,
			`"renderedDosageInstruction":` + long} {
			req, report := record(t, order("1", metformin+","+fields), fhir.Options{})

			assert.Equal(t, []helios.Medication{{Medication: "Metformin 500mg", Status: "active"}},
				req.Data.Medications)
			assert.Equal(t, 1, report.Count(clinical.Narrative), "%s", report)
		}
	}
}
