package fhir_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

type reasons = map[clinical.Reason]int

// One Observation each, as a lab result.
func TestResult(t *testing.T) {
	t.Parallel()
	const text = `"code":{"text":"Sugar","coding":[{"system":"http://loinc.org","code":"2345-7","display":"Glucose"}]},`
	for _, test := range []struct {
		name, fields string
		want         helios.LabResult
		counts       reasons
	}{
		{"a number is kept as written", quantity + "," + high,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh, Date: "2025-01-15"}, reasons{}},
		{"a comparator", `"valueQuantity":{"value":0.5,"comparator":"<","unit":"mmol/L"},` + high,
			helios.LabResult{Name: "Glucose", Value: "<0.5 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh, Date: "2025-01-15"}, reasons{}},
		{"the code of a unit stands in for it", `"valueQuantity":{"value":1e3,"code":"10*3/uL"},` + high,
			helios.LabResult{Name: "Glucose", Value: "1e3 10*3/uL", Unit: "10*3/uL", Flag: helios.FlagHigh, Date: "2025-01-15"}, reasons{}},
		{"no unit", `"valueQuantity":{"value":7.2},` + high,
			helios.LabResult{Name: "Glucose", Value: "7.2", Flag: helios.FlagHigh, Date: "2025-01-15"}, reasons{clinical.NoUnit: 1}},
		{"what was typed is the name", text + quantity + "," + high,
			helios.LabResult{Name: "Sugar", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh, Date: "2025-01-15"}, reasons{}},
		{"a code for want of a name", `"code":{"coding":[{"system":"http://loinc.org","code":"2345-7"}]},` + quantity + "," + high,
			helios.LabResult{Name: "2345-7", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh, Date: "2025-01-15"}, reasons{}},
		{"nothing says how normal it is", quantity,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Date: "2025-01-15"}, reasons{clinical.Unclassified: 1}},
		{"the range says it", quantity + `,"referenceRange":[{"low":{"value":3.9,"unit":"mmol/L"},"high":{"value":5.50,"unit":"mmol/L"}}]`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh, Date: "2025-01-15", ReferenceRange: "3.9-5.50 mmol/L"}, reasons{}},
		{"units are printed differently and coded alike", `"valueQuantity":{"value":4,"unit":"mmol/l","code":"mmol/L"},"referenceRange":[{"high":{"value":5.5,"unit":"mM","code":"mmol/L"}}]`,
			helios.LabResult{Name: "Glucose", Value: "4 mmol/l", Unit: "mmol/l", Flag: helios.FlagNormal, Date: "2025-01-15", ReferenceRange: "<=5.5 mmol/l"}, reasons{}},
		{"a range in another unit says nothing", quantity + `,"referenceRange":[{"low":{"value":70,"unit":"mg/dL"}}]`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Date: "2025-01-15", ReferenceRange: ">=70 mg/dL"},
			reasons{clinical.RangeUnit: 1, clinical.Unclassified: 1}},
		{"the goal of a treatment is no reference", quantity + `,"referenceRange":[{"high":{"value":8,"unit":"mmol/L"},"type":{"coding":[{"code":"treatment"}]}}]`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Date: "2025-01-15"}, reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"a range in two units is sent as it is", quantity + `,"referenceRange":[{"low":{"value":1,"unit":"a"},"high":{"value":2,"unit":"b"}}]`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Date: "2025-01-15", ReferenceRange: "1 a to 2 b"}, reasons{clinical.RangeUnreadable: 1, clinical.Unclassified: 1}},
		{"a range in words", `"valueString":"clear","referenceRange":[{"text":"clear or straw"}]`,
			helios.LabResult{Name: "Glucose", Value: "clear", Date: "2025-01-15", ReferenceRange: "clear or straw"}, reasons{clinical.Unclassified: 1, clinical.FreeText: 1}},
		{"an interpretation in words", quantity + `,"interpretation":[{"text":"Normal"}]`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagNormal, Date: "2025-01-15"}, reasons{}},
		{"other words beside the code", quantity + `,"interpretation":[{"coding":[{"code":"N","display":"Normal"}],"text":"High"}]`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Date: "2025-01-15"}, reasons{clinical.SeveralFlags: 1, clinical.Unclassified: 1}},
		{"the same words beside the code", quantity + `,"interpretation":[{"coding":[{"code":"N","display":"Within the limits"}],"text":"within the limits"}]`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagNormal, Date: "2025-01-15"}, reasons{}},
		{"an interpretation that is no list", quantity + `,"interpretation":{"coding":[{"code":"H"}]}`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh, Date: "2025-01-15"}, reasons{}},
		{"an interpretation that is a string", quantity + `,"interpretation":"H"`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh, Date: "2025-01-15"}, reasons{}},
		{"a panel's interpretation", `"code":{"text":"Panel"},"interpretation":[{"text":"High"}],"component":[{"code":{"text":"Part"},"valueInteger":1}]`,
			helios.LabResult{Name: "Panel: Part", Value: "1", Date: "2025-01-15"}, reasons{clinical.Panel: 1, clinical.NoUnit: 1, clinical.Unclassified: 1}},
		{"an Observation inside", `"hasMember":[{"reference":"#m"}],"contained":[{"resourceType":"Specimen"},` + lab("m", quantity) + `]`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Date: "2025-01-15"}, reasons{clinical.Panel: 1, clinical.Unclassified: 1}},
		{"a boolean as a string", `"valueBoolean":"true"`, helios.LabResult{Name: "Glucose", Value: "true", Date: "2025-01-15"}, reasons{clinical.Unclassified: 1}},
		{"detected is not abnormal", `"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"260373001","display":"Detected"}]},"interpretation":[{"coding":[{"code":"DET"}]}]`,
			helios.LabResult{Name: "Glucose", Value: "Detected", Date: "2025-01-15"}, reasons{clinical.NotANormality: 1, clinical.Unclassified: 1}},
		{"a concept that was typed", `"valueCodeableConcept":{"text":"A pos","coding":[{"display":"A positive"}]}`,
			helios.LabResult{Name: "Glucose", Value: "A pos", Date: "2025-01-15"}, reasons{clinical.FreeText: 1, clinical.Unclassified: 1}},
		{"a text that is a number", `"valueString":" <5 ","referenceRange":[{"text":"<5"}]`,
			helios.LabResult{Name: "Glucose", Value: "<5", Date: "2025-01-15", Flag: helios.FlagNormal, ReferenceRange: "<5"}, reasons{clinical.NoUnit: 1}},
		{"a boolean", `"valueBoolean":false`, helios.LabResult{Name: "Glucose", Value: "false", Date: "2025-01-15"}, reasons{clinical.Unclassified: 1}},
		{"an integer", `"valueInteger":0`, helios.LabResult{Name: "Glucose", Value: "0", Date: "2025-01-15"}, reasons{clinical.Unclassified: 1, clinical.NoUnit: 1}},
		{"a range", `"valueRange":{"low":{"value":5,"unit":"/HPF"},"high":{"value":10,"unit":"/HPF"}}`,
			helios.LabResult{Name: "Glucose", Value: "5-10", Unit: "/HPF", Date: "2025-01-15"}, reasons{clinical.Unclassified: 1}},
		{"a range below zero", `"valueRange":{"low":{"value":-5},"high":{"value":-1}}`,
			helios.LabResult{Name: "Glucose", Value: "-5 to -1", Date: "2025-01-15"}, reasons{clinical.Unclassified: 1}},
		{"a range without an end", `"valueRange":{"low":{"value":5,"unit":"mg"}}`,
			helios.LabResult{Name: "Glucose", Value: ">=5 mg", Unit: "mg", Date: "2025-01-15"}, reasons{clinical.Unclassified: 1}},
		{"a range without a beginning", `"valueRange":{"high":{"value":5,"unit":"mg"}}`,
			helios.LabResult{Name: "Glucose", Value: "<=5 mg", Unit: "mg", Date: "2025-01-15"}, reasons{clinical.Unclassified: 1}},
		{"a range in two units", `"valueRange":{"low":{"value":5,"unit":"mg"},"high":{"value":1,"unit":"g"}}`,
			helios.LabResult{Name: "Glucose", Value: "5 mg to 1 g", Date: "2025-01-15"}, reasons{clinical.Unclassified: 1}},
		{"a titre", `"valueRatio":{"numerator":{"value":1},"denominator":{"value":128}}`,
			helios.LabResult{Name: "Glucose", Value: "1:128", Date: "2025-01-15"}, reasons{clinical.Unclassified: 1}},
		{"a ratio", `"valueRatio":{"numerator":{"value":5,"unit":"mg"},"denominator":{"value":10,"comparator":">","unit":"mL"}}`,
			helios.LabResult{Name: "Glucose", Value: "5 mg:>10 mL", Date: "2025-01-15"}, reasons{clinical.Unclassified: 1}},
		{"a ratio that is a number", `"valueRatio":{"numerator":{"value":32,"comparator":">=","unit":"ug/mL"},"denominator":{"comparator":">=","unit":"ug/mL"}}`,
			helios.LabResult{Name: "Glucose", Value: ">=32 ug/mL", Unit: "ug/mL", Date: "2025-01-15"}, reasons{clinical.Unclassified: 1}},
		{"a date", `"valueDateTime":"2025-01"`, helios.LabResult{Name: "Glucose", Value: "2025-01", Date: "2025-01-15"}, reasons{clinical.Unclassified: 1}},
		{"a time", `"valueTime":"12:30:00"`, helios.LabResult{Name: "Glucose", Value: "12:30:00", Date: "2025-01-15"}, reasons{clinical.Unclassified: 1}},
		{"a moment is not moved to another day", `"effectiveDateTime":"2025-01-15T23:30:00-05:00",` + quantity + "," + high,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh, Date: "2025-01-15"}, reasons{}},
		{"what is no date is none", `"effectiveDateTime":"last Tuesday",` + quantity + "," + high,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh}, reasons{clinical.NoDate: 1}},
		{"a preliminary result", `"status":"preliminary",` + quantity + "," + high,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh, Date: "2025-01-15"}, reasons{clinical.Preliminary: 1}},
		{"another status", `"status":"Joe's",` + quantity + "," + high,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh, Date: "2025-01-15"}, reasons{clinical.Preliminary: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req, report := results(t, lab("1", test.fields), fhir.Options{})
			assert.Equal(t, []helios.LabResult{test.want}, req.LabResults)
			counts(t, report, test.counts)
		})
	}
}

// One Observation each that is not sent.
func TestResultNotSent(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, resource string
		reason         clinical.Reason
		detail         string
	}{
		{"entered in error", lab("1", `"status":"entered-in-error",`+quantity), clinical.StatusNotSent, "entered-in-error"},
		{"cancelled", lab("1", `"status":"cancelled",`+quantity), clinical.StatusNotSent, "cancelled"},
		{"registered", lab("1", `"status":"registered"`), clinical.StatusNotSent, "registered"},
		{"no value", lab("1", `"issued":"2025-01-15T00:00:00Z"`), clinical.NoValue, ""},
		{"why there is no value", lab("1", `"dataAbsentReason":{"coding":[{"code":"not-performed"}]}`), clinical.NoValue, "not-performed"},
		{"why there is no value, in other words", lab("1", `"dataAbsentReason":{"coding":[{"code":"Joe left"}]}`), clinical.NoValue, "unknown"},
		{"no number", lab("1", `"valueQuantity":{"unit":"mg"}`), clinical.NoValue, ""},
		{"a number as it is written in some countries", lab("1", `"valueQuantity":{"value":"7,2","unit":"mg"}`), clinical.ValueNotSent, "Quantity"},
		{"a quantity that is none", lab("1", `"valueQuantity":"7.2 mg"`), clinical.ValueNotSent, "Quantity"},
		{"an integer that is none", lab("1", `"valueInteger":"many"`), clinical.ValueNotSent, "integer"},
		{"a boolean that is none", lab("1", `"valueBoolean":1`), clinical.ValueNotSent, "boolean"},
		{"a range that is none", lab("1", `"valueRange":{"low":{"value":"1,5"},"high":{"value":2}}`), clinical.ValueNotSent, "Range"},
		{"a ratio that is none", lab("1", `"valueRatio":{"numerator":{"value":1},"denominator":{"value":"x"}}`), clinical.ValueNotSent, "Ratio"},
		{"two values", lab("1", `"valueString":"7.2",`+quantity), clinical.ValueNotSent, "several"},
		{"a modifier", lab("1", `"modifierExtension":[{"url":"urn:x","valueBoolean":true}],`+quantity), clinical.ModifierUnknown, ""},
		{"a modifier of a component", lab("1", `"component":[{"modifierExtension":[{}],"code":{"text":"Part"},`+quantity+`}]`), clinical.ModifierUnknown, ""},
		{"an unknown comparator", lab("1", `"valueQuantity":{"value":1,"comparator":"about"}`), clinical.ValueNotSent, "comparator"},
		{"a wave", lab("1", `"valueSampledData":{"data":"1 2"}`), clinical.ValueNotSent, "SampledData"},
		{"a period", lab("1", `"valuePeriod":{"start":"2025"}`), clinical.ValueNotSent, "Period"},
		{"an unknown kind of value", lab("1", `"valueJoe":1`), clinical.ValueNotSent, "unknown type"},
		{"a ratio without a number below", lab("1", `"valueRatio":{"numerator":{"value":1,"unit":"mg"},"denominator":{"unit":"mL"}}`), clinical.ValueNotSent, "Ratio"},
		{"no name", lab("1", `"code":{},`+quantity), clinical.NoName, ""},
		{"a panel with an interpretation", lab("1", `"hasMember":[{"reference":"Observation/2"}],`+high), clinical.Panel, "interpretation"},
		{"a panel", lab("1", `"hasMember":[{"reference":"Observation/2"}]`), clinical.Panel, ""},
		{"a survey", lab("1", `"category":[{"coding":[{"code":"survey"}]}],`+quantity), clinical.CategoryNotSent, "survey"},
		{"a radiograph", lab("1", `"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0074","code":"RAD"}]}],`+quantity), clinical.CategoryNotSent, "RAD"},
		{"not coded by LOINC and without a category", lab("1", `"category":[],"code":{"text":"Mood"},`+quantity), clinical.CategoryNotSent, ""},
		{"a vital sign", lab("1", `"category":[{"coding":[{"code":"vital-signs"}]}],`+quantity), clinical.TypeNotSent, "vital-signs"},
		{"a question of the order", lab("1", `"extension":[{"url":"x","extension":[{"url":"OBX.29","valueId":"QST"}]}],`+quantity), clinical.OrderQuestion, ""},
		{"about an implant", lab("1", `"focus":[{"reference":"Device/1"}],`+quantity), clinical.OtherPatient, "focus"},
		{"of a herd", lab("1", `"subject":{"reference":"Group/1"},`+quantity), clinical.OtherPatient, ""},
		{"about what it does not contain", lab("1", `"subject":{"reference":"#p"},`+quantity), clinical.Unresolved, ""},
		{"a quality control", lab("1", `"interpretation":[{"coding":[{"code":"QCF"}]}],`+quantity), clinical.QualityControl, ""},
		{"a comment", lab("1", `"code":{"coding":[{"system":"http://loinc.org","code":"8251-1"}]},"valueString":"called the ward"`), clinical.Narrative, ""},
		{"a long text", lab("1", `"valueString":"a\nb"`), clinical.Narrative, ""},
		{"a telephone number", lab("1", `"valueString":"call 555-123-4567"`), clinical.Identifying, ""},
		{"no UTF-8", lab("1", "\"valueString\":\"caf\xe9\""), clinical.Unreadable, ""},
		{"too large", lab("1", `"valueString":"`+strings.Repeat("a", 5000)+`"`), clinical.TooLarge, ""},
		{"too large to be read", lab("1", `"valueString":"`+strings.Repeat("a", 70_000)+`"`), clinical.TooLarge, ""},
		{"no JSON", lab("1", `"status":"fin\qal"`), clinical.Malformed, ""},
		{"a key without a value", lab("1", `"subject":{"reference" },`+quantity), clinical.Malformed, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req, report, err := fhir.LabResults(reader(bundle(test.resource)), fhir.Options{})
			assert.ErrorIs(t, err, fhir.ErrNoResults)
			assert.Nil(t, req)
			assert.Equal(t, 1, report.Dropped(), "%s", report)
			assert.Contains(t, report.Issues, clinical.Issue{Reason: test.reason, Source: "Observation/1", Detail: test.detail})
		})
	}
}

// An Observation inside of another has its subject and its status, and is in the report that that is in.
func TestObservationInside(t *testing.T) {
	t.Parallel()
	outer := func(fields, inside string) string {
		return strings.Replace(lab("1", fields+`,"contained":[{"resourceType":"Patient","id":"p","gender":"male"},`+inside+`],"hasMember":[{"reference":"#m"}]`), `"code":"2345-7"`, `"code":"1-8"`, 1)
	}
	panel := `{"resourceType":"DiagnosticReport","id":"r","status":"final","code":{"text":"Panel"},"result":[{"reference":"Observation/1"}]}`
	inner := strings.Replace(lab("m", quantity), `"category":[{"coding":[{"code":"laboratory"}]}],`, "", 1)
	req, report := results(t, bundle(outer(`"subject":{"reference":"#p"}`, inner), panel), fhir.Options{})
	assert.Equal(t, []helios.LabResult{{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Date: "2025-01-15", Category: "Panel"}}, req.LabResults)
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
