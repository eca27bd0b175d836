package report_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/report"
)

// labsOf makes a report of lab results alone.
func labsOf(opts report.Options, labs ...helios.LabResult) *report.Report {
	opts.Labs = labs
	return report.New(nil, report.Patient, opts)
}

func TestLabs_NumberLine(t *testing.T) {
	t.Parallel()
	for label, lab := range map[string]helios.LabResult{
		"HbA1c: 7.2\u00a0%. High. Above the standard range. Standard range: 4.0 to 5.6\u00a0%": {
			Name: "HbA1c", Value: "7.2", Unit: "%", Flag: "high", ReferenceRange: "4.0-5.6",
		},
		"eGFR: 38\u00a0mL/min. Below the standard range. Standard range: more than 60\u00a0mL/min. Jan 15, 2025": {
			Name: "eGFR", Value: "38 mL/min", ReferenceRange: ">60 mL/min", Date: "2025-01-15T08:30:00Z",
		},
		"LDL: 96. Normal. Within the standard range. Standard range: 100 or less. 2025-01": {
			Name: "LDL", Value: "96", Flag: "Normal", ReferenceRange: "<=100", Date: "2025-01",
		},
		"T: 14. Critical. Above the standard range. Standard range: less than 14. soon": {
			Name: "T", Value: "14", Flag: "Critical", ReferenceRange: "<14", Date: "soon",
		},
		"V: 60. HH. Within the standard range. Standard range: 60 or more": {
			Name: "V", Value: "60", Flag: "HH", ReferenceRange: ">=60",
		},
		"BE: -3.1. Below the standard range. Standard range: -2 to 2": {Name: "BE", Value: "-3.1",
			ReferenceRange: "-2 to 2"},
		"X: 900. Above the standard range. Standard range: 1 to 2. beyond the end of this line": {
			Name: "X", Value: "900", ReferenceRange: "1-2",
		},
		"Y: -900. Below the standard range. Standard range: 1 to 2. beyond the end of this line": {
			Name: "Y", Value: "-900", ReferenceRange: "1-2",
		},
		"Z: 0. Within the standard range. Standard range: 0 to 0": {Name: "Z", Value: "0", ReferenceRange: "0-0"},
	} {
		r := labsOf(report.Options{}, lab)
		assert.Contains(t, string(r.HTML()), `role="img" aria-label="`+label+`"`)
		assert.Empty(t, r.Issues(), label)
		requireSafe(t, r)
	}
}

func TestLabs_PlainRow(t *testing.T) {
	t.Parallel()
	for _, lab := range []helios.LabResult{
		{Name: "a", Value: "<0.1", ReferenceRange: "0-1"}, {Name: "a", Value: "Negative", ReferenceRange: "Negative"},
		{Name: "a", Value: "5.4 mmol/L", ReferenceRange: "70-99 mg/dL"}, {Name: "a", Value: "5"}, {Name: "a",
			Value: "1:80", ReferenceRange: "0-1"},
		{Name: "a", Value: "5 mg", Unit: "g", ReferenceRange: "0-1"}, {Name: "a", Value: "5",
			ReferenceRange: "for adults 1-2"},
		{Name: "a", Value: "5", ReferenceRange: "99" + strings.Repeat("9", 50) + "-1e9"}, {Name: "a", Value: "1,000",
			ReferenceRange: "1-2"},
	} {
		r := labsOf(report.Options{}, lab)
		assert.NotContains(t, string(r.HTML()), "<svg", "%v", lab.Value)
		assert.Contains(t, string(r.HTML()), "helios-value", "%v", lab.Value)
		assert.Empty(t, r.Issues(), "%v", lab.Value)
	}
}

func TestLabs_Course(t *testing.T) {
	t.Parallel()

	result := func(value, date string) helios.LabResult {
		return helios.LabResult{Name: "Creatinine", Value: value, ReferenceRange: "0.7-1.3 mg/dL", Date: date}
	}
	page := string(labsOf(report.Options{},
		result("1.6 mg/dL", "2024-07-02"), result("1.8 mg/dL", "2025-01-15"), result("1.3 mg/dL", "2023-11-20"),
	).HTML())
	assert.Contains(t, page, `aria-label="Results over time, Creatinine. 1.3`+"\u00a0mg/dL on Nov 20, 2023. "+
		"1.6\u00a0mg/dL on Jul 2, 2024. 1.8\u00a0mg/dL on Jan 15, 2025\"")
	assert.Equal(t, 2, strings.Count(page, `class="helios-path"`))
	assert.Equal(t, 1, strings.Count(page, `class="helios-line"`), "of the newest")
	newest := strings.Index(page, `<th scope="row"><bdi>Jan 15, 2025`)
	oldest := strings.Index(page, `<th scope="row"><bdi>Nov 20, 2023`)
	assert.True(t, 0 < newest && newest < oldest, "dates as text, the newest first")

	for name, labs := range map[string][]helios.LabResult{
		"one date":   {result("1", "2025-01-15"), result("2", "2025-01-15")},
		"no dates":   {result("1", ""), result("2", "soon")},
		"no numbers": {result("<1", "2025-01-15"), result("<2", "2024-01-15")},
		"another unit": {result("1 mg/dL", "2025-01-15"), {Name: "Creatinine", Value: "90 umol/L",
			Date: "2024-01-01"}},
		"another group": {result("1 mg/dL", "2025-01-15"), {Name: "Creatinine", Value: "1 mg/dL", Date: "2024-01-01",
			Category: "Urine"}},
	} {
		assert.NotContains(t, string(labsOf(report.Options{}, labs...).HTML()), "helios-course", name)
	}

	same := labsOf(report.Options{}, result("1 mg/dL", "2025-01-15"), result("2 mg/dl", "2024-01-15"))
	assert.Contains(t, string(same.HTML()), "helios-course", "one unit in two spellings")
	assert.NotContains(t, string(labsOf(report.Options{},
		helios.LabResult{Name: "TSH", Value: "1 mU/L", Date: "2025-01-15"},
		helios.LabResult{Name: "TSH", Value: "1 MU/L", Date: "2024-01-15"},
	).HTML()), "helios-course", "a thousandth is not a million")

	flat := labsOf(report.Options{}, helios.LabResult{Name: "a", Value: "1", Date: "2024-01-01"},
		helios.LabResult{Name: "a", Value: "1", Date: "2025-01-01"})
	assert.Contains(t, string(flat.HTML()), "helios-course")
	requireSafe(t, flat)
}

// Two results of one day have their times, where they came with one.
func TestLabs_OneDay(t *testing.T) {
	t.Parallel()

	result := func(value, date string) helios.LabResult {
		return helios.LabResult{Name: "Glucose", Value: value, Unit: "mg/dL", Date: date}
	}
	text := textOf(t, labsOf(report.Options{}, result("9", "2025-01-15T08:05:00Z"), result("4", "2025-01-15T16:40:00Z"),
		result("5", "2025-01-15"), result("6", "2025-01-14T08:00:00Z")), 0)
	for _, want := range []string{
		"9 mg/dL. Jan 15, 2025 08:05\n", "4 mg/dL. Jan 15, 2025 16:40\n", "5 mg/dL. Jan 15, 2025\n",
		"6 mg/dL. Jan 14, 2025\n",
	} {
		assert.Contains(t, text, want)
	}
}

// What a course cannot draw is said above it.
func TestLabs_NotDrawn(t *testing.T) {
	t.Parallel()

	const undrawn = "Results that are not drawn are in the list."
	labs := []helios.LabResult{
		{Name: "CRP", Value: "<0.1", Unit: "mg/L", Date: "2025-01-15"},
		{Name: "CRP", Value: "4", Unit: "mg/L", Date: "2024-01-15"},
		{Name: "CRP", Value: "2", Unit: "mg/L", Date: "2023-01-15"},
	}
	assert.Contains(t, string(labsOf(report.Options{}, labs...).HTML()), undrawn)
	assert.NotContains(t, string(labsOf(report.Options{}, labs[1:]...).HTML()), undrawn)
}

// A negative bound keeps its sign on the left, among words that are written
// from right to left.
func TestLabs_RightToLeft(t *testing.T) {
	t.Parallel()

	lab := helios.LabResult{Name: "BE", Value: "-3", Unit: "mmol/L", ReferenceRange: "-2 to 2"}
	r := labsOf(report.Options{Language: "he", Words: map[string]string{"range.between": "{low} עד {high}"}}, lab)
	assert.Contains(t, string(r.HTML()), "<bdi>\u200f\u200e-2\u200e עד \u200e2\u00a0mmol/L\u200e</bdi>")
	requireSafe(t, r)
	r = labsOf(report.Options{Language: "he"}, lab)
	assert.Contains(t, string(r.HTML()), "<bdi>-2 to 2\u00a0mmol/L</bdi>", "words in English")
}

func TestLabs_Anchors(t *testing.T) {
	t.Parallel()

	r := labsOf(report.Options{Anchors: func(lab helios.LabResult) []report.Anchor {
		return []report.Anchor{
			{Value: 9, Label: "concern"}, {Value: math.NaN()}, {Value: math.Inf(1)}, {Value: 1}, {Value: 2},
			{Value: 3}, {Value: 4},
		}
	}}, helios.LabResult{Name: "a", Value: "7 %", ReferenceRange: "4-6"}, helios.LabResult{Name: "b", Value: "text"})
	assert.Contains(t, string(r.HTML()), "9\u00a0%: concern")
	assert.Equal(t, 4, strings.Count(string(r.HTML()), `class="helios-mark"`))
	assert.Equal(t, []report.Issue{{Where: "Options.Anchors", Problem: report.BadOption, Count: 3}}, r.Issues())
	assert.Contains(t, textOf(t, r, 80), "9 %: concern")
}

func TestLabs_Issues(t *testing.T) {
	t.Parallel()

	r := labsOf(report.Options{},
		helios.LabResult{Name: "a", Value: "5", Flag: "Normal", ReferenceRange: "1-2"},
		helios.LabResult{Name: "a", Value: "1", Flag: "High", ReferenceRange: "1-2"},
		helios.LabResult{Name: "a", Value: "5", Flag: "Low", ReferenceRange: "1-2"},
		helios.LabResult{Value: "5"}, helios.LabResult{Name: "a"}, helios.LabResult{})
	assert.Equal(t, []report.Problem{
		report.FlagContradicted, report.FlagContradicted, report.FlagContradicted, report.NoValue, report.NoValue,
		report.NoValue,
	}, problems(r))
	assert.Equal(t, "labs[0]: the flag contradicts the value beside its range", r.Issues()[0].String())
}
