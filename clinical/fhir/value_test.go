package fhir_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

// The patient is a man of 44 years, the value 7.20 mmol/L.
func TestRanges(t *testing.T) {
	t.Parallel()
	to := func(high, fields string) string {
		return `{"high":{"value":` + high + `,"unit":"mmol/L"}` + fields + `}`
	}
	const women, men = `,"appliesTo":[{"coding":[{"code":"female"}]}]`, `,"appliesTo":[{"coding":[{"system":"http://snomed.info/sct","code":"248153007"}]}]`
	for _, test := range []struct {
		name, ranges, want string
		flag               helios.Flag
		counts             reasons
	}{
		{"for all", to("5.5", ""), "<=5.5 mmol/L", helios.FlagHigh, reasons{}},
		{"for men", to("5.5", women) + "," + to("8", men), "<=8 mmol/L", helios.FlagNormal, reasons{}},
		{"for men, in words", to("5.5", `,"appliesTo":[{"text":"Women"}]`) + "," + to("8", `,"appliesTo":[{"text":"men"}]`), "<=8 mmol/L", helios.FlagNormal, reasons{}},
		{"for women only, by another code", to("5.5", `,"appliesTo":[{"coding":[{"code":"248152002"}]}]`), "", "", reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"for men and women", to("5.5", `,"appliesTo":[{"text":"men"},{"text":"women"}]`), "", "", reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"for others", to("5.5", `,"appliesTo":[{"text":"pregnant"}]`), "", "", reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"for adults", to("5.5", `,"age":{"high":{"value":17,"unit":"years"}}`) + "," + to("8", `,"age":{"low":{"value":18,"code":"a"}}`), "<=8 mmol/L", helios.FlagNormal, reasons{}},
		{"for children, in months", to("8", `,"age":{"high":{"value":1200,"code":"mo"}}`), "", "", reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"for adults, in months", to("8", `,"age":{"low":{"value":216,"code":"mo"}}`), "<=8 mmol/L", helios.FlagNormal, reasons{}},
		{"for half years", to("8", `,"age":{"low":{"value":18.5,"code":"a"}}`), "", "", reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"for days", to("8", `,"age":{"high":{"value":28,"code":"d"}}`), "", "", reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"normal by its name", to("5.5", `,"type":{"text":"Normal Range"}`), "<=5.5 mmol/L", helios.FlagHigh, reasons{}},
		{"a type without a word", to("5.5", `,"type":{}`), "<=5.5 mmol/L", helios.FlagHigh, reasons{}},
		{"of another type", to("5.5", `,"type":{"text":"Severe"}`), "", "", reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"with a comparator", `{"high":{"value":5.5,"comparator":"<","unit":"mmol/L"}}`, "to <5.5 mmol/L", "", reasons{clinical.RangeUnreadable: 1, clinical.Unclassified: 1}},
		{"for men, by an object that is no list", to("8", `,"appliesTo":{"text":"men"}`), "<=8 mmol/L", helios.FlagNormal, reasons{}},
		{"for whom cannot be read", to("8", `,"appliesTo":"children"`), "", "", reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"for nobody that is said", to("8", `,"appliesTo":null,"age":null,"type":null`), "<=8 mmol/L", helios.FlagNormal, reasons{}},
		{"for an age that cannot be read", to("8", `,"age":"18-65"`), "", "", reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"for an age whose bound cannot be read", to("8", `,"age":{"low":{"value":"x","unit":"a"},"high":{"value":90,"unit":"a"}}`), "", "", reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"for an age without bounds", to("8", `,"age":{}`), "", "", reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"of a type that cannot be read", to("8", `,"type":"treatment"`), "", "", reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"with words", to("8", `,"text":"Diabetes"`), "<=8 mmol/L (Diabetes)", "", reasons{clinical.RangeConditional: 1, clinical.Unclassified: 1}},
		{"with words for women", to("8", `,"text":"Female"`), "", "", reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"a bound with a comma", `{"low":{"value":"3,5"},"high":{"value":8}}`, "", "", reasons{clinical.RangeUnreadable: 1, clinical.Unclassified: 1}},
		{"a bound that is no number of JSON", `{"low":{"value":".5"},"high":{"value":8}}`, "", "", reasons{clinical.RangeUnreadable: 1, clinical.Unclassified: 1}},
		{"a bound that is an object", `{"low":{"value":{"value":3}},"high":{"value":8}}`, "", "", reasons{clinical.RangeUnreadable: 1, clinical.Unclassified: 1}},
		{"a bound that is a string", `{"low":"3","high":{"value":8}}`, "", "", reasons{clinical.RangeUnreadable: 1, clinical.Unclassified: 1}},
		{"a bound without a number", `{"low":{"comparator":">","unit":"mmol/L"},"high":{"value":8}}`, "", "", reasons{clinical.RangeUnreadable: 1, clinical.Unclassified: 1}},
		{"a bound that cannot be read, and words", `{"low":{"value":"3,5"},"high":{"value":8},"text":"3.5 to 8"}`, "3.5 to 8 mmol/L", "", reasons{clinical.RangeUnreadable: 1, clinical.Unclassified: 1}},
		{"a bound that is not there", `{"low":null,"high":{"value":8,"unit":"mmol/L"}}`, "<=8 mmol/L", helios.FlagNormal, reasons{}},
		{"low above high", `{"low":{"value":9},"high":{"value":5}}`, "9-5 mmol/L", "", reasons{clinical.RangeSwapped: 1, clinical.Unclassified: 1}},
		{"several", to("5.5", "") + "," + to("6", ""), "<=5.5 mmol/L", helios.FlagHigh, reasons{clinical.SeveralRanges: 1}},
		{"empty", `{},{"text":""}`, "", "", reasons{clinical.Unclassified: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req, report := results(t, bundle(lab("1", quantity+`,"referenceRange":[`+test.ranges+`]`), joe), fhir.Options{})
			assert.Equal(t, test.want, req.LabResults[0].ReferenceRange)
			assert.Equal(t, test.flag, req.LabResults[0].Flag)
			counts(t, report, test.counts)
		})
	}
}
