package fhir_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/fhir"
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
		{"for adults, in months", to("8", `,"age":{"low":{"value":216,"code":"mo"}}`), "<=8 mmol/L", helios.FlagNormal, reasons{}},
		{"for half years", to("8", `,"age":{"low":{"value":18.5,"code":"a"}}`), "", "", reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"for days", to("8", `,"age":{"high":{"value":28,"code":"d"}}`), "", "", reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"normal by its name", to("5.5", `,"type":{"text":"Normal Range"}`), "<=5.5 mmol/L", helios.FlagHigh, reasons{}},
		{"a type without a word", to("5.5", `,"type":{}`), "<=5.5 mmol/L", helios.FlagHigh, reasons{}},
		{"of another type", to("5.5", `,"type":{"text":"Severe"}`), "", "", reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"with a comparator", `{"high":{"value":5.5,"comparator":"<","unit":"mmol/L"}}`, "to <5.5 mmol/L", "", reasons{clinical.RangeUnreadable: 1, clinical.Unclassified: 1}},
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
