package fhir_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

// A value beside a reason that says that there is none is not sent.
func TestValueBesideItsAbsence(t *testing.T) {
	t.Parallel()
	for reason, sent := range map[string]bool{"error": false, "not-performed": false, "masked": false,
		"as-text": true, "unknown": true} {
		absent := `,"dataAbsentReason":{"coding":[{"code":"` + reason + `"}]}`
		req, report := results(t, bundle(lab("1", quantity+","+high+absent), lab("2", `"valueInteger":3,`+high)),
			fhir.Options{})
		assert.Equal(t, sent, len(req.LabResults) == 2, reason)
		if !sent {
			assert.Contains(t, report.Issues,
				clinical.Issue{Reason: clinical.NoValue, Source: "Observation/1", Detail: reason})
		}
	}
}

// TestCorrection_InAResourceOfItsOwn: it may correct any result of its test and
// time, so all are sent, with a note.
func TestCorrection_InAResourceOfItsOwn(t *testing.T) {
	t.Parallel()
	with := func(id, status, value, at string) string {
		return lab(id, `"status":"`+status+`","effectiveDateTime":"`+at+`","valueString":"`+value+`"`)
	}
	const now, later = "2025-01-01T10:00:00Z", "2025-01-01T11:00:00Z"
	for name, test := range map[string]struct {
		input []string
		notes int
	}{
		"beside another":             {[]string{with("a", "final", "5", now), with("b", "corrected", "6", now)}, 2},
		"of another time":            {[]string{with("a", "final", "5", later), with("b", "corrected", "6", now)}, 0},
		"alone":                      {[]string{with("b", "corrected", "6", now)}, 0},
		"of an edition of its own":   {[]string{with("b", "final", "5", now), with("b", "corrected", "6", now)}, 0},
		"two that are not corrected": {[]string{with("a", "final", "5", now), with("b", "final", "6", now)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 2 {
				_, report := results(t, bundle(test.input...), fhir.Options{})
				assert.Equal(t, test.notes, report.Count(clinical.CorrectionUnclear), "%s", report)
				slices.Reverse(test.input)
			}
		})
	}
}

// TestReport_EnteredInError: with it go the results inside of it, corrected
// ones too, unless a newer edition has them.
func TestReport_EnteredInError(t *testing.T) {
	t.Parallel()
	with := func(version, status, inside string) string {
		return `{"resourceType":"DiagnosticReport","id":"r","subject":{"reference":"Patient/p"},"status":"` + status +
			`","meta":{` + version + `},"category":[{"coding":[{"code":"LAB"}]}],"contained":[{` +
			`"resourceType":"Observation","id":"o","status":"` + inside + `","code":{"text":"A"},"valueInteger":4}]}`
	}
	const one, two, wrong = `"versionId":"1"`, `"versionId":"2"`, "entered-in-error"
	for name, test := range map[string]struct {
		input []string
		sent  string
	}{
		"afterwards":            {[]string{with("", "final", "final"), with("", wrong, "final")}, "9"},
		"a corrected result":    {[]string{with("", "final", "corrected"), with("", wrong, "final")}, "9"},
		"by number, and before": {[]string{with(two, wrong, "final"), with(one, "final", "corrected")}, "9"},
		"and then amended":      {[]string{with("", wrong, "final"), with("", "amended", "final")}, "4 9"},
		"and then made anew":    {[]string{with(one, wrong, "final"), with(two, "final", "final")}, "4 9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, _ := results(t, bundle(append(test.input, lab("9", `"valueInteger":9`))...), fhir.Options{})
			assert.Equal(t, test.sent, sentValues(req))
		})
	}
}

// TestDeleted_Amended: what is deleted is not sent, whatever its status was.
func TestDeleted_Amended(t *testing.T) {
	t.Parallel()
	deleted := `{"request":{"method":"DELETE","url":"Observation/1"}}`
	for _, status := range []string{"final", "amended"} {
		input := entries(put(lab("1", `"status":"`+status+`","valueInteger":1`)), deleted,
			put(lab("2", `"valueInteger":2`)))
		req, report := results(t, input, fhir.Options{})
		assert.Equal(t, "2", sentValues(req))
		assert.Equal(t, 1, report.Count(clinical.Replaced), "%s", report)
	}
}

// TestUnreadableTwice: what cannot be read is not sent, however often the same
// characters come.
func TestUnreadableTwice(t *testing.T) {
	t.Parallel()
	for garbled, reason := range map[string]clinical.Reason{"\xff": clinical.Unreadable, `\x`: clinical.Malformed} {
		unit := `"valueQuantity":{"value":5,"unit":"m` + garbled + `"}`
		req, report := results(t, bundle(lab("1", unit), lab("2", unit), lab("3", `"valueInteger":3`)), fhir.Options{})
		assert.Equal(t, "3", sentValues(req))
		assert.Equal(t, 2, report.Count(reason), "%s", report)
	}
}

// TestWrongFullURL: resources of two types are no editions of each other,
// whatever their fullUrl says.
func TestWrongFullURL(t *testing.T) {
	t.Parallel()
	const url = "https://example.org/fhir/Patient/p"
	patient := `{"resourceType":"Patient","id":"p","birthDate":"1980-01-01"}`
	wrong := lab("1", `"status":"cancelled","subject":{"reference":"Patient/p"}`)
	req, _ := results(t, entries(entry(url, patient), entry(url, wrong), put(lab("2", `"valueInteger":2`))),
		fhir.Options{})
	require.NotNil(t, req.PatientContext)
	assert.NotEmpty(t, req.PatientContext.Age)
}

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
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh,
				Date: "2025-01-15"}, reasons{}},
		{"a comparator", `"valueQuantity":{"value":0.5,"comparator":"<","unit":"mmol/L"},` + high,
			helios.LabResult{Name: "Glucose", Value: "<0.5 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh,
				Date: "2025-01-15"}, reasons{}},
		{"the code of a unit stands in for it", `"valueQuantity":{"value":1e3,"code":"10*3/uL"},` + high,
			helios.LabResult{Name: "Glucose", Value: "1e3 10*3/uL", Unit: "10*3/uL", Flag: helios.FlagHigh,
				Date: "2025-01-15"}, reasons{}},
		{"no unit", `"valueQuantity":{"value":7.2},` + high,
			helios.LabResult{Name: "Glucose", Value: "7.2", Flag: helios.FlagHigh, Date: "2025-01-15"},
			reasons{clinical.NoUnit: 1}},
		{"what was typed is the name", text + quantity + "," + high,
			helios.LabResult{Name: "Sugar", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh,
				Date: "2025-01-15"}, reasons{}},
		{"a code for want of a name", `"code":{"coding":[{"system":"http://loinc.org","code":"2345-7"}]},` +
			quantity + "," + high,
			helios.LabResult{Name: "2345-7", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh,
				Date: "2025-01-15"}, reasons{}},
		{"nothing says how normal it is", quantity,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Date: "2025-01-15"},
			reasons{clinical.Unclassified: 1}},
		{"the range says it", quantity +
			`,"referenceRange":[{"low":{"value":3.9,"unit":"mmol/L"},"high":{"value":5.50,"unit":"mmol/L"}}]`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh,
				Date: "2025-01-15", ReferenceRange: "3.9-5.50 mmol/L"}, reasons{}},
		{"units are printed differently and coded alike",
			`"valueQuantity":{"value":4,"unit":"mmol/l","code":"mmol/L"},"referenceRange":[{"high":{"value":5.5,` +
				`"unit":"mM","code":"mmol/L"}}]`,
			helios.LabResult{Name: "Glucose", Value: "4 mmol/l", Unit: "mmol/l", Flag: helios.FlagNormal,
				Date: "2025-01-15", ReferenceRange: "<=5.5 mmol/l"}, reasons{}},
		{"a range in another unit says nothing", quantity + `,"referenceRange":[{"low":{"value":70,"unit":"mg/dL"}}]`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Date: "2025-01-15",
				ReferenceRange: ">=70 mg/dL"},
			reasons{clinical.RangeUnit: 1, clinical.Unclassified: 1}},
		{"the goal of a treatment is no reference", quantity +
			`,"referenceRange":[{"high":{"value":8,"unit":"mmol/L"},"type":{"coding":[{"code":"treatment"}]}}]`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Date: "2025-01-15"},
			reasons{clinical.RangeNotSent: 1, clinical.Unclassified: 1}},
		{"a range in two units is sent as it is", quantity +
			`,"referenceRange":[{"low":{"value":1,"unit":"a"},"high":{"value":2,"unit":"b"}}]`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Date: "2025-01-15",
				ReferenceRange: "1 a to 2 b"}, reasons{clinical.RangeUnreadable: 1, clinical.Unclassified: 1}},
		{"a range in words", `"valueString":"clear","referenceRange":[{"text":"clear or straw"}]`,
			helios.LabResult{Name: "Glucose", Value: "clear", Date: "2025-01-15",
				ReferenceRange: "clear or straw"}, reasons{clinical.Unclassified: 1, clinical.FreeText: 1}},
		{"an interpretation in words", quantity + `,"interpretation":[{"text":"Normal"}]`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagNormal,
				Date: "2025-01-15"}, reasons{}},
		{"other words beside the code", quantity +
			`,"interpretation":[{"coding":[{"code":"N","display":"Normal"}],"text":"High"}]`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Date: "2025-01-15"},
			reasons{clinical.SeveralFlags: 1, clinical.Unclassified: 1}},
		{"the same words beside the code", quantity +
			`,"interpretation":[{"coding":[{"code":"N","display":"Within the limits"}],"text":"within the limits"}]`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagNormal,
				Date: "2025-01-15"}, reasons{}},
		{"an interpretation that is no list", quantity + `,"interpretation":{"coding":[{"code":"H"}]}`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh,
				Date: "2025-01-15"}, reasons{}},
		{"an interpretation that is a string", quantity + `,"interpretation":"H"`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh,
				Date: "2025-01-15"}, reasons{}},
		{"a panel's interpretation", `"code":{"text":"Panel"},"interpretation":[{"text":"High"}],` +
			`"component":[{"code":{"text":"Part"},"valueInteger":1}]`,
			helios.LabResult{Name: "Panel: Part", Value: "1", Date: "2025-01-15"},
			reasons{clinical.Panel: 1, clinical.NoUnit: 1, clinical.Unclassified: 1}},
		{"an Observation inside", `"hasMember":[{"reference":"#m"}],"contained":[{"resourceType":"Specimen"},` +
			lab("m", quantity) + `]`,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Date: "2025-01-15"},
			reasons{clinical.Panel: 1, clinical.Unclassified: 1}},
		{"a boolean as a string", `"valueBoolean":"true"`,
			helios.LabResult{Name: "Glucose", Value: "true", Date: "2025-01-15"}, reasons{clinical.Unclassified: 1}},
		{"detected is not abnormal", `"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct",` +
			`"code":"260373001","display":"Detected"}]},"interpretation":[{"coding":[{"code":"DET"}]}]`,
			helios.LabResult{Name: "Glucose", Value: "Detected", Date: "2025-01-15"},
			reasons{clinical.NotANormality: 1, clinical.Unclassified: 1}},
		{"a concept that was typed", `"valueCodeableConcept":{"text":"A pos","coding":[{"display":"A positive"}]}`,
			helios.LabResult{Name: "Glucose", Value: "A pos", Date: "2025-01-15"},
			reasons{clinical.FreeText: 1, clinical.Unclassified: 1}},
		{"a text that is a number", `"valueString":" <5 ","referenceRange":[{"text":"<5"}]`,
			helios.LabResult{Name: "Glucose", Value: "<5", Date: "2025-01-15", Flag: helios.FlagNormal,
				ReferenceRange: "<5"}, reasons{clinical.NoUnit: 1}},
		{"a boolean", `"valueBoolean":false`,
			helios.LabResult{Name: "Glucose", Value: "false", Date: "2025-01-15"}, reasons{clinical.Unclassified: 1}},
		{"an integer", `"valueInteger":0`, helios.LabResult{Name: "Glucose", Value: "0", Date: "2025-01-15"},
			reasons{clinical.Unclassified: 1, clinical.NoUnit: 1}},
		{"a range", `"valueRange":{"low":{"value":5,"unit":"/HPF"},"high":{"value":10,"unit":"/HPF"}}`,
			helios.LabResult{Name: "Glucose", Value: "5-10", Unit: "/HPF", Date: "2025-01-15"},
			reasons{clinical.Unclassified: 1}},
		{"a range below zero", `"valueRange":{"low":{"value":-5},"high":{"value":-1}}`,
			helios.LabResult{Name: "Glucose", Value: "-5 to -1", Date: "2025-01-15"},
			reasons{clinical.Unclassified: 1}},
		{"a range without an end", `"valueRange":{"low":{"value":5,"unit":"mg"}}`,
			helios.LabResult{Name: "Glucose", Value: ">=5 mg", Unit: "mg", Date: "2025-01-15"},
			reasons{clinical.Unclassified: 1}},
		{"a range without a beginning", `"valueRange":{"high":{"value":5,"unit":"mg"}}`,
			helios.LabResult{Name: "Glucose", Value: "<=5 mg", Unit: "mg", Date: "2025-01-15"},
			reasons{clinical.Unclassified: 1}},
		{"a range in two units", `"valueRange":{"low":{"value":5,"unit":"mg"},"high":{"value":1,"unit":"g"}}`,
			helios.LabResult{Name: "Glucose", Value: "5 mg to 1 g", Date: "2025-01-15"},
			reasons{clinical.Unclassified: 1}},
		{"a titre", `"valueRatio":{"numerator":{"value":1},"denominator":{"value":128}}`,
			helios.LabResult{Name: "Glucose", Value: "1:128", Date: "2025-01-15"}, reasons{clinical.Unclassified: 1}},
		{"a ratio", `"valueRatio":{"numerator":{"value":5,"unit":"mg"},"denominator":{"value":10,"comparator":">",` +
			`"unit":"mL"}}`,
			helios.LabResult{Name: "Glucose", Value: "5 mg:>10 mL", Date: "2025-01-15"},
			reasons{clinical.Unclassified: 1}},
		{"a ratio that is a number", `"valueRatio":{"numerator":{"value":32,"comparator":">=","unit":"ug/mL"},` +
			`"denominator":{"comparator":">=","unit":"ug/mL"}}`,
			helios.LabResult{Name: "Glucose", Value: ">=32 ug/mL", Unit: "ug/mL", Date: "2025-01-15"},
			reasons{clinical.Unclassified: 1}},
		{"a date", `"valueDateTime":"2025-01"`,
			helios.LabResult{Name: "Glucose", Value: "2025-01", Date: "2025-01-15"}, reasons{clinical.Unclassified: 1}},
		{"a time", `"valueTime":"12:30:00"`,
			helios.LabResult{Name: "Glucose", Value: "12:30:00", Date: "2025-01-15"},
			reasons{clinical.Unclassified: 1}},
		{"a moment is not moved to another day", `"effectiveDateTime":"2025-01-15T23:30:00-05:00",` + quantity +
			"," + high,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh,
				Date: "2025-01-15"}, reasons{}},
		{"what is no date is none", `"effectiveDateTime":"last Tuesday",` + quantity + "," + high,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh},
			reasons{clinical.DateUnreadable: 1}},
		{"a preliminary result", `"status":"preliminary",` + quantity + "," + high,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh,
				Date: "2025-01-15"}, reasons{clinical.Preliminary: 1}},
		{"another status", `"status":"Joe's",` + quantity + "," + high,
			helios.LabResult{Name: "Glucose", Value: "7.20 mmol/L", Unit: "mmol/L", Flag: helios.FlagHigh,
				Date: "2025-01-15"}, reasons{clinical.Preliminary: 1}},
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
		{"entered in error", lab("1", `"status":"entered-in-error",`+quantity), clinical.StatusNotSent,
			"entered-in-error"},
		{"cancelled", lab("1", `"status":"cancelled",`+quantity), clinical.StatusNotSent, "cancelled"},
		{"registered", lab("1", `"status":"registered"`), clinical.StatusNotSent, "registered"},
		{"no value", lab("1", `"issued":"2025-01-15T00:00:00Z"`), clinical.NoValue, ""},
		{"why there is no value", lab("1", `"dataAbsentReason":{"coding":[{"code":"not-performed"}]}`),
			clinical.NoValue, "not-performed"},
		{"why there is no value, in other words",
			lab("1", `"dataAbsentReason":{"coding":[{"code":"Joe left"}]}`), clinical.NoValue, "unknown"},
		{"no number", lab("1", `"valueQuantity":{"unit":"mg"}`), clinical.NoValue, ""},
		{"a number as it is written in some countries", lab("1", `"valueQuantity":{"value":"7,2","unit":"mg"}`),
			clinical.ValueNotSent, "Quantity"},
		{"a quantity that is none", lab("1", `"valueQuantity":"7.2 mg"`), clinical.ValueNotSent, "Quantity"},
		{"an integer that is none", lab("1", `"valueInteger":"many"`), clinical.ValueNotSent, "Integer"},
		{"a boolean that is none", lab("1", `"valueBoolean":1`), clinical.ValueNotSent, "Boolean"},
		{"a range that is none", lab("1", `"valueRange":{"low":{"value":"1,5"},"high":{"value":2}}`),
			clinical.ValueNotSent, "Range"},
		{"a ratio that is none", lab("1", `"valueRatio":{"numerator":{"value":1},"denominator":{"value":"x"}}`),
			clinical.ValueNotSent, "Ratio"},
		{"two values", lab("1", `"valueString":"7.2",`+quantity), clinical.ValueNotSent, "several"},
		{"a modifier", lab("1", `"modifierExtension":[{"url":"urn:x","valueBoolean":true}],`+quantity),
			clinical.ModifierUnknown, ""},
		{"a modifier of a component", lab("1",
			`"component":[{"modifierExtension":[{}],"code":{"text":"Part"},`+quantity+`}]`),
			clinical.ModifierUnknown, ""},
		{"an unknown comparator", lab("1", `"valueQuantity":{"value":1,"comparator":"about"}`),
			clinical.ValueNotSent, "comparator"},
		{"a wave", lab("1", `"valueSampledData":{"data":"1 2"}`), clinical.ValueNotSent, "SampledData"},
		{"a period", lab("1", `"valuePeriod":{"start":"2025"}`), clinical.ValueNotSent, "Period"},
		{"an unknown kind of value", lab("1", `"valueJoe":1`), clinical.ValueNotSent, "unknown type"},
		{"a ratio without a number below",
			lab("1", `"valueRatio":{"numerator":{"value":1,"unit":"mg"},"denominator":{"unit":"mL"}}`),
			clinical.ValueNotSent, "Ratio"},
		{"no name", lab("1", `"code":{},`+quantity), clinical.NoName, ""},
		{"a panel with an interpretation", lab("1", `"hasMember":[{"reference":"Observation/2"}],`+high),
			clinical.Panel, "interpretation"},
		{"a panel", lab("1", `"hasMember":[{"reference":"Observation/2"}]`), clinical.Panel, ""},
		{"a survey", lab("1", `"category":[{"coding":[{"code":"survey"}]}],`+quantity), clinical.CategoryNotSent,
			"survey"},
		{"a radiograph", lab("1", `"category":[{"coding":[{"system":"http:`+
			`//terminology.hl7.org/CodeSystem/v2-0074","code":"RAD"}]}],`+quantity), clinical.CategoryNotSent, "RAD"},
		{"not coded by LOINC and without a category", lab("1", `"category":[],"code":{"text":"Mood"},`+quantity),
			clinical.CategoryNotSent, ""},
		{"a vital sign", lab("1", `"category":[{"coding":[{"code":"vital-signs"}]}],`+quantity),
			clinical.TypeNotSent, "vital-signs"},
		{"about a donor", lab("1", `"focus":[{"reference":"Patient/donor"}],`+quantity), clinical.OtherPatient,
			"focus"},
		{"about a relative inside", lab("1",
			`"contained":[{"resourceType":"RelatedPerson","id":"r"}],"focus":[{"reference":"#r"}],`+quantity),
			clinical.OtherPatient, "focus"},
		{"about something in words", lab("1", `"focus":[{"display":"fetus"}],`+quantity), clinical.OtherPatient,
			"focus"},
		{"masked", lab("1", `"valueCodeableConcept":{"coding":[{"system":"http:`+
			`//terminology.hl7.org/CodeSystem/data-absent-reason","code":"masked","display":"Masked"}]}`),
			clinical.NoValue, "masked"},
		{"unknown, in words too", lab("1",
			`"valueCodeableConcept":{"coding":[{"system":"http://hl7.org/fhir/data-absent-reason",`+
				`"code":"unknown","display":"Unknown"}],"text":"Unknown"}`),
			clinical.NoValue, "unknown"},
		{"a null flavor", lab("1", `"valueCodeableConcept":{"coding":[{"system":"http:`+
			`//terminology.hl7.org/CodeSystem/v3-NullFlavor","code":"MSK","display":"masked"}]}`),
			clinical.NoValue, "unknown"},
		{"about an implant", lab("1", `"focus":[{"reference":"Device/1"}],`+quantity), clinical.OtherPatient, "focus"},
		{"of a herd", lab("1", `"subject":{"reference":"Group/1"},`+quantity), clinical.OtherPatient, ""},
		{"about what it does not contain", lab("1", `"subject":{"reference":"#p"},`+quantity), clinical.Unresolved, ""},
		{"a quality control", lab("1", `"interpretation":[{"coding":[{"code":"QCF"}]}],`+quantity),
			clinical.QualityControl, ""},
		{"a comment", lab("1", `"code":{"coding":[{"system":"http://loinc.org","code":"8251-1"}]},`+
			`"valueString":"called the ward"`), clinical.Narrative, ""},
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
			assert.Contains(t, report.Issues,
				clinical.Issue{Reason: test.reason, Source: "Observation/1", Detail: test.detail})
		})
	}
}

// A focus that is no other subject is of the patient, as what it is about.
func TestFocus(t *testing.T) {
	t.Parallel()

	for _, focus := range []string{
		`{"reference":"Specimen/1"}`, `{"reference":"Observation/2"}`, `{"reference":"Condition/2"}`,
		`{"reference":"Patient/joe"}`,
		`{"type":"BodyStructure","identifier":{"value":"1"}}`, `{"reference":"#b"}`,
		`{"reference":"https://example.org/fhir/Encounter/1"}`,
	} {
		input := bundle(
			joe,
			lab(
				"1",
				`"contained":[{"resourceType":"BodyStructure","id":"b"}],"focus":[`+focus+`],"subject":{`+
					`"reference":"Patient/joe"},`+quantity,
			),
		)
		req, report := results(t, input, fhir.Options{ResultsOnly: true})

		assert.Len(t, req.LabResults, 1, focus)
		assert.Zero(t, report.Dropped(), focus)
	}
}
