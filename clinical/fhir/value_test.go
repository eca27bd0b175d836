package fhir_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

// A range whose text is too long to be read does not cost the result, and
// nothing is concluded from the others.
func TestLongRangeText(t *testing.T) {
	t.Parallel()
	req, report := results(t,
		bundle(lab("1", quantity+`,"referenceRange":[{"high":{"value":9}},{"text":"`+strings.Repeat("a", 2000)+`"}]`)),
		fhir.Options{})
	assert.Equal(t, "7.20 mmol/L", req.LabResults[0].Value)
	assert.Empty(t, req.LabResults[0].ReferenceRange)
	assert.Empty(t, req.LabResults[0].Flag)
	assert.Equal(t, 1, report.Count(clinical.RangeUnreadable), "%s", report)
}

// A range for an age is chosen by the age at the result, not by that which is
// sent.
func TestRangeForTheAgeAtTheResult(t *testing.T) {
	t.Parallel()
	const byAge = `"referenceRange":[{"low":{"value":3},"high":{"value":5},"age":{"high":{"value":17,` +
		`"unit":"a"}}},{"low":{"value":4},"high":{"value":9},"age":{"low":{"value":18,"unit":"a"}}}],`
	for date, want := range map[string]helios.Flag{"1990-01-15": helios.FlagHigh, "2025-01-15": helios.FlagNormal} {
		input := bundle(joe, strings.Replace(lab("1", byAge+quantity), "2025-01-15", date, 1))
		req, _ := results(t, input, fhir.Options{ReferenceDate: time.Date(2025, 6, 15, 0, 0, 0, 0, time.UTC)})
		assert.Equal(t, want, req.LabResults[0].Flag, date)
		assert.Equal(t, "44", req.PatientContext.Age)
	}
}

// The patient is a man of 44 years, the value 7.20 mmol/L.
func TestRanges(t *testing.T) {
	t.Parallel()
	to := func(high, fields string) string {
		return `{"high":{"value":` + high + `,"unit":"mmol/L"}` + fields + `}`
	}
	const women, men = `,"appliesTo":[{"coding":[{"code":"female"}]}]`,
		`,"appliesTo":[{"coding":[{"system":"http://snomed.info/sct","code":"248153007"}]}]`
	for _, test := range []struct {
		name, ranges, want string
		flag               helios.Flag
		counts             reasons
	}{
		{"for all", to("5.5", ""), "<=5.5 mmol/L", helios.FlagHigh, reasons{}},
		{"for normal people", to("5.5",
			`,"appliesTo":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/referencerange-meaning",`+
				`"code":"normal"}]}]`),
			"<=5.5 mmol/L", helios.FlagHigh, reasons{}},
		{"with a modifier", to("5.5", `,"modifierExtension":[{"url":"x"}]`), "", "",
			reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"for men", to("5.5", women) + "," + to("8", men), "<=8 mmol/L", helios.FlagNormal, reasons{}},
		{"for men, in words", to("5.5", `,"appliesTo":[{"text":"Women"}]`) + "," +
			to("8", `,"appliesTo":[{"text":"men"}]`), "<=8 mmol/L", helios.FlagNormal, reasons{}},
		{"for men, by its type", to("8", `,"type":{"text":"men"}`), "<=8 mmol/L", helios.FlagNormal, reasons{}},
		{"for women only, by another code", to("5.5", `,"appliesTo":[{"coding":[{"code":"248152002"}]}]`), "",
			"", reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"for men and women", to("5.5", `,"appliesTo":[{"text":"men"},{"text":"women"}]`), "", "",
			reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"for others", to("5.5", `,"appliesTo":[{"text":"pregnant"}]`), "", "",
			reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"for adults", to("5.5", `,"age":{"high":{"value":17,"unit":"years"}}`) + "," +
			to("8", `,"age":{"low":{"value":18,"code":"a"}}`), "<=8 mmol/L", helios.FlagNormal, reasons{}},
		{"for children, in months", to("8", `,"age":{"high":{"value":1200,"code":"mo"}}`), "", "",
			reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"for adults, in months", to("8", `,"age":{"low":{"value":216,"code":"mo"}}`), "<=8 mmol/L",
			helios.FlagNormal, reasons{}},
		{"for half years", to("8", `,"age":{"low":{"value":18.5,"code":"a"}}`), "", "",
			reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"for days", to("8", `,"age":{"high":{"value":28,"code":"d"}}`), "", "",
			reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"normal by its name", to("5.5", `,"type":{"text":"Normal Range"}`), "<=5.5 mmol/L", helios.FlagHigh,
			reasons{}},
		{"a type without a word", to("5.5", `,"type":{}`), "<=5.5 mmol/L", helios.FlagHigh, reasons{}},
		{"of another type", to("5.5", `,"type":{"text":"Severe"}`), "", "",
			reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"with a comparator", `{"high":{"value":5.5,"comparator":"<","unit":"mmol/L"}}`, "to <5.5 mmol/L", "",
			reasons{clinical.RangeUnreadable: 1, clinical.Unclassified: 1}},
		{"for men, by an object that is no list", to("8", `,"appliesTo":{"text":"men"}`), "<=8 mmol/L",
			helios.FlagNormal, reasons{}},
		{"for whom cannot be read", to("8", `,"appliesTo":"children"`), "", "",
			reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"for nobody that is said", to("8", `,"appliesTo":null,"age":null,"type":null`), "<=8 mmol/L",
			helios.FlagNormal, reasons{}},
		{"for an age that cannot be read", to("8", `,"age":"18-65"`), "", "",
			reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"for an age whose bound cannot be read",
			to("8", `,"age":{"low":{"value":"x","unit":"a"},"high":{"value":90,"unit":"a"}}`), "", "",
			reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"for an age without bounds", to("8", `,"age":{}`), "", "",
			reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"of a type that cannot be read", to("8", `,"type":"treatment"`), "", "",
			reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"with words", to("8", `,"text":"Diabetes"`), "<=8 mmol/L (Diabetes)", "",
			reasons{clinical.RangeConditional: 1, clinical.Unclassified: 1}},
		{"with words for women", to("8", `,"text":"Female"`), "", "",
			reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"a bound with a comma", `{"low":{"value":"3,5"},"high":{"value":8}}`, "", "",
			reasons{clinical.RangeUnreadable: 1, clinical.Unclassified: 1}},
		{"a bound that is no number of JSON", `{"low":{"value":".5"},"high":{"value":8}}`, "", "",
			reasons{clinical.RangeUnreadable: 1, clinical.Unclassified: 1}},
		{"a bound that is an object", `{"low":{"value":{"value":3}},"high":{"value":8}}`, "", "",
			reasons{clinical.RangeUnreadable: 1, clinical.Unclassified: 1}},
		{"a bound that is a string", `{"low":"3","high":{"value":8}}`, "", "",
			reasons{clinical.RangeUnreadable: 1, clinical.Unclassified: 1}},
		{"a bound without a number", `{"low":{"comparator":">","unit":"mmol/L"},"high":{"value":8}}`, "", "",
			reasons{clinical.RangeUnreadable: 1, clinical.Unclassified: 1}},
		{"a bound that cannot be read, and words",
			`{"low":{"value":"3,5"},"high":{"value":8},"text":"3.5 to 8"}`, "3.5 to 8 mmol/L", "",
			reasons{clinical.RangeUnreadable: 1, clinical.Unclassified: 1}},
		{"a bound that is not there", `{"low":null,"high":{"value":8,"unit":"mmol/L"}}`, "<=8 mmol/L",
			helios.FlagNormal, reasons{}},
		{"low above high", `{"low":{"value":9},"high":{"value":5}}`, "9-5 mmol/L", "",
			reasons{clinical.RangeSwapped: 1, clinical.Unclassified: 1}},
		{"several", to("5.5", "") + "," + to("6", ""), "<=5.5 mmol/L", helios.FlagHigh,
			reasons{clinical.SeveralRanges: 1}},
		{"empty", `{},{"text":""}`, "", "", reasons{clinical.Unclassified: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req, report := results(t, bundle(lab("1", quantity+`,"referenceRange":[`+test.ranges+`]`), joe),
				fhir.Options{})
			assert.Equal(t, test.want, req.LabResults[0].ReferenceRange)
			assert.Equal(t, test.flag, req.LabResults[0].Flag)
			counts(t, report, test.counts)
		})
	}
}

// A finding beside a range in words is judged by it.
func TestFindingsBesideWords(t *testing.T) {
	t.Parallel()

	negative := `,"referenceRange":[{"text":"Negative"}]`
	for value, abnormal := range map[string]bool{
		`"valueString":"2+"`:                         true,
		`"valueCodeableConcept":{"text":"Reactive"}`: true,
		`"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"10828004",` +
			`"display":"Positive"}]}`: true,
		`"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"260385009",` +
			`"display":"Negative"}]}`: false,
	} {
		req, report := record(t, lab("1", value+negative), fhir.Options{})

		assert.Len(t, req.Data.RecentAbnormalLabs, map[bool]int{true: 1}[abnormal], value)
		assert.Len(t, req.Data.RecentNormalLabs, map[bool]int{false: 1}[abnormal], value)
		assert.Zero(t, report.Dropped(), value)
	}
}

// An interpretation is read however it is written.
func TestInterpretationsWrittenOtherwise(t *testing.T) {
	t.Parallel()

	for interpretation, flag := range map[string]helios.Flag{
		`{"coding":[{"system":"https://example.org/flags","code":"H","display":"High"}]}`:    helios.FlagHigh,
		`{"coding":[{"system":"https://example.org/flags","code":"High","display":"High"}]}`: helios.FlagHigh,
		`{"coding":[{"system":"http://hl7.org/fhir/v2/0078","code":"L"}]}`:                   helios.FlagLow,
		`{"text":"(H)"}`:       helios.FlagHigh,
		`{"text":"H*"}`:        helios.FlagHigh,
		`{"text":"Low Panic"}`: helios.FlagCritical,
	} {
		req, report := results(t, lab("1", quantity+`,"interpretation":[`+interpretation+`]`),
			fhir.Options{ResultsOnly: true})

		assert.Equal(t, flag, req.LabResults[0].Flag, "%s: %s", interpretation, report)
	}
}
