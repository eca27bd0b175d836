package labs

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
)

const loinc = "http://loinc.org"

func hba1c(change func(*Result)) Result {
	r := Result{
		Source: "Observation/1", System: loinc, Code: "4548-4", Label: Label{Name: "Hemoglobin A1c"},
		Value: Value{Number: "7.20"}, Unit: "%",
		Ranges: []Range{{Low: "4.0", High: "5.6"}}, Flags: []Flag{{System: v3,
			Code: "H"}}, Date: "2025-01-15T23:30:00-08:00",
	}
	if change != nil {
		change(&r)
	}
	return r
}

func collect(kind Kind, opts Options, results ...Result) (*Set, *clinical.Report) {
	var report clinical.Report
	s := NewSet(kind, opts, &report, Editions{})
	for _, r := range results {
		s.Add(&r)
	}
	return s, &report
}

func TestSet_ForLabResultsAsDocumented(t *testing.T) {
	t.Parallel()
	s, report := collect(ForLabResults, Options{}, hba1c(func(r *Result) { r.Category = "Metabolic" }))
	assert.Equal(t, []helios.LabResult{{
		Name: "Hemoglobin A1c", Value: "7.20 %",
		Flag: helios.FlagHigh, ReferenceRange: "4.0-5.6 %", Date: "2025-01-15", Unit: "%",
		Category: "Metabolic",
	}}, s.LabResults(Patient{}))
	assert.Equal(t, map[string]int{"labResults": 1}, report.Sent)
	assert.Empty(t, report.Issues)
}

func TestSet_ForRecordAsDocumented(t *testing.T) {
	t.Parallel()
	s, report := collect(ForRecord, Options{}, hba1c(nil),
		hba1c(func(r *Result) { r.Code, r.Name, r.Value.Number, r.Flags = "2951-2", "Sodium", "5", nil }),
		hba1c(func(r *Result) { r.Code, r.Name, r.Flags, r.Ranges = "1", "Unclassified", nil, nil }))
	abnormal, normal, _ := s.Labs(Patient{})
	assert.Equal(t, []helios.Lab{{
		Date: "2025-01-15", Display: "Hemoglobin A1c", Value: "7.20", Unit: "%", ReferenceRange: "4.0-5.6",
		Interpretation: "High",
	}}, abnormal)
	assert.Equal(t, []helios.Lab{{Date: "2025-01-15", Display: "Sodium", Value: "5", Unit: "%",
		ReferenceRange: "4.0-5.6"}}, normal)
	assert.Equal(t, map[string]int{"recentAbnormalLabs": 1, "recentNormalLabs": 1}, report.Sent)
	assert.Equal(t, 1, report.Count(clinical.Unclassified))
	assert.Equal(t, 1, report.Dropped())
}

// A range in another unit than the value's says which.
func TestSet_RangeUnitOfARecord(t *testing.T) {
	t.Parallel()
	for unit, want := range map[string]string{"": "4.0-5.6", "%": "4.0-5.6", "mmol/mol": "4.0-5.6 mmol/mol"} {
		s, _ := collect(ForRecord, Options{}, hba1c(func(r *Result) { r.Ranges[0].Unit = unit }))
		high, _, _ := s.Labs(Patient{})
		assert.Len(t, high, 1)
		assert.Equal(t, want, high[0].ReferenceRange)
	}
}

func TestSet_Classification(t *testing.T) {
	t.Parallel()
	critical := []Flag{{System: v3, Code: "HH"}}
	for _, tc := range []struct {
		name           string
		change         func(*Result)
		flag           helios.Flag
		interpretation string // of a patient's record; "normal" for one among the normal
		notes          []clinical.Reason
	}{
		{"the flag", nil, helios.FlagHigh, "High", nil},
		{"the range", func(r *Result) { r.Flags = nil }, helios.FlagHigh, "High", nil},
		{"a flag without direction takes the range's", func(r *Result) { r.Flags = []Flag{{System: v3, Code: "A"}} },
			helios.FlagHigh, "High", nil},
		{"a flag without direction", func(r *Result) { r.Flags, r.Ranges = []Flag{{System: v3, Code: "A"}}, nil }, "",
			"Abnormal",
			[]clinical.Reason{clinical.DirectionUnknown}},
		{"critically high", func(r *Result) { r.Flags = critical }, helios.FlagCritical, "Critical High",
			[]clinical.Reason{clinical.DirectionLost}},
		{"critical, and high by the range", func(r *Result) { r.Flags = []Flag{{System: v3, Code: "AA"}} },
			helios.FlagCritical, "Critical High",
			[]clinical.Reason{clinical.DirectionLost}},
		{"the flag wins over the range", func(r *Result) { r.Flags = []Flag{{System: v3, Code: "N"}} },
			helios.FlagNormal, "normal",
			[]clinical.Reason{clinical.FlagContradicted}},
		{"nothing says", func(r *Result) { r.Flags, r.Ranges = nil, nil }, "", "",
			[]clinical.Reason{clinical.Unclassified}},
		{"a detection is no normality", func(r *Result) { r.Flags, r.Ranges = []Flag{{System: v3, Code: "POS"}}, nil },
			"", "",
			[]clinical.Reason{clinical.NotANormality, clinical.Unclassified}},
		{"a range with low above high", func(r *Result) { r.Flags, r.Ranges[0].Low = nil, "9" }, "", "",
			[]clinical.Reason{clinical.RangeSwapped, clinical.Unclassified}},
		{"a range in another unit", func(r *Result) { r.Flags, r.Ranges[0].Unit = nil, "mmol/mol" }, "", "",
			[]clinical.Reason{clinical.RangeUnit, clinical.Unclassified}},
		{"a range in the coded unit", func(r *Result) {
			r.Flags, r.UnitCode, r.Ranges[0].Unit = nil, "{percent}",
				"{percent}"
		}, helios.FlagHigh, "High", nil},
		{"several ranges", func(r *Result) { r.Flags, r.Ranges = nil, append(r.Ranges, Range{High: "6"}) },
			helios.FlagHigh, "High",
			[]clinical.Reason{clinical.SeveralRanges}},
		{"a bound that cannot be read", func(r *Result) { r.Flags, r.Ranges[0] = nil, Range{Low: "4.0", Broken: true} },
			"", "",
			[]clinical.Reason{clinical.RangeUnreadable, clinical.Unclassified}},
		{"a bound that cannot be read, with a text", func(r *Result) {
			r.Flags, r.Ranges[0] = nil,
				Range{Low: "4.0", Broken: true, Text: ">4"}
		}, "", "",
			[]clinical.Reason{clinical.RangeUnreadable, clinical.Unclassified}},
		{"a range that may be no normal one", func(r *Result) { r.Flags, r.Ranges[0].Text = nil, "Toxic range" }, "",
			"",
			[]clinical.Reason{clinical.RangeConditional, clinical.Unclassified}},
		{"a range for men", func(r *Result) { r.Flags, r.Ranges[0].Text = nil, "Male" }, helios.FlagHigh,
			"High", nil},
		{"a range for women", func(r *Result) { r.Flags, r.Ranges[0].Text = nil, "females" }, "", "",
			[]clinical.Reason{clinical.RangeNotSent, clinical.Unclassified}},
		{"nothing between zero and zero", func(r *Result) { r.Flags, r.Ranges[0] = nil, Range{Low: "0", High: "0"} },
			"", "", []clinical.Reason{clinical.Unclassified}},
		{"an unknown flag of a normal result", func(r *Result) { r.Flags, r.Value.Number = []Flag{{Code: "!"}}, "5" },
			"", "",
			[]clinical.Reason{clinical.FlagUnknown, clinical.Unclassified}},
		{"an asterisk, normal by the range", func(r *Result) { r.Flags, r.Value.Number = []Flag{{Code: "*"}}, "5" },
			helios.FlagNormal, "normal",
			[]clinical.Reason{clinical.FlagUnknown}},
		{"flags that contradict each other of a normal result",
			func(r *Result) { r.Flags, r.Value.Number = []Flag{{Code: "N"}, {Code: "L"}}, "5" }, "", "",
			[]clinical.Reason{clinical.SeveralFlags, clinical.Unclassified}},
		{"an unknown flag of a high result", func(r *Result) { r.Flags = []Flag{{Code: "*"}} }, helios.FlagHigh, "High",
			[]clinical.Reason{clinical.FlagUnknown}},
		{"a range for others", func(r *Result) { r.Flags, r.Ranges[0].Gender = nil, "female" }, "", "",
			[]clinical.Reason{clinical.RangeNotSent, clinical.Unclassified}},
		{"a reader's own note", func(r *Result) { r.Notes = []clinical.Reason{clinical.Preliminary} }, helios.FlagHigh,
			"High", []clinical.Reason{clinical.Preliminary}},
		{"no unit", func(r *Result) { r.Unit = "" }, helios.FlagHigh, "High", []clinical.Reason{clinical.NoUnit}},
		{"no date", func(r *Result) { r.Date = "yesterday" }, helios.FlagHigh, "High",
			[]clinical.Reason{clinical.NoDate}},
		{"a month", func(r *Result) { r.Date = "2025-01" }, helios.FlagHigh, "High",
			[]clinical.Reason{clinical.DatePartial}},
		{"free text", func(r *Result) { r.Value, r.Unit = Value{Text: "trace", Free: true}, "" }, helios.FlagHigh,
			"High", []clinical.Reason{clinical.FreeText}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, report := collect(ForLabResults, Options{}, hba1c(tc.change))
			results := s.LabResults(Patient{Gender: "male", Age: new(45)})
			assert.Len(t, results, 1)
			assert.Equal(t, tc.flag, results[0].Flag)
			var notes []clinical.Reason
			for _, issue := range report.Issues {
				assert.True(t, issue.Sent)
				notes = append(notes, issue.Reason)
			}
			assert.ElementsMatch(t, tc.notes, notes)

			s, report = collect(ForRecord, Options{}, hba1c(tc.change))
			abnormal, normal, _ := s.Labs(Patient{Gender: "male", Age: new(45)})
			switch tc.interpretation {
			case "":
				assert.Empty(t, abnormal)
				assert.Empty(t, normal)
				assert.Equal(t, 1, report.Dropped())
			case "normal":
				assert.Empty(t, abnormal)
				assert.Len(t, normal, 1)
			default:
				assert.Empty(t, normal)
				if assert.Len(t, abnormal, 1) {
					assert.Equal(t, tc.interpretation, abnormal[0].Interpretation)
				}
			}
		})
	}
}

func TestSet_FindingsInWords(t *testing.T) {
	t.Parallel()
	reactive := hba1c(func(r *Result) {
		r.Flags, r.Unit, r.Value, r.Ranges = nil, "", Value{Text: "Reactive"}, []Range{{Text: "Non-Reactive"}}
	})

	s, report := collect(ForRecord, Options{}, reactive)
	abnormal, normal, _ := s.Labs(Patient{})
	assert.Empty(t, normal)
	assert.Equal(t, []helios.Lab{{
		Date: "2025-01-15", Display: "Hemoglobin A1c", Value: "Reactive", ReferenceRange: "Non-Reactive",
		Interpretation: "Abnormal",
	}}, abnormal)
	assert.Empty(t, report.Issues)

	s, report = collect(ForLabResults, Options{}, reactive)
	assert.Empty(t, s.LabResults(Patient{})[0].Flag)
	assert.Equal(t, 1, report.Count(clinical.DirectionUnknown))
}

func TestSet_ReasonsForNoValue(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"Masked", "unknown", "asked-unknown", "Asked But Unknown", "NOT-PERFORMED"} {
		s, report := collect(ForLabResults, Options{}, hba1c(func(r *Result) { r.Value = Value{Text: text} }))
		assert.Empty(t, s.LabResults(Patient{}), text)
		assert.Equal(t, 1, report.Count(clinical.NoValue), text)
	}
}

func TestSet_Classify(t *testing.T) {
	t.Parallel()
	bare := hba1c(func(r *Result) { r.Flags, r.Ranges = nil, nil })
	var asked []clinical.Test
	answer := helios.FlagLow
	opts := Options{Classify: func(test clinical.Test) helios.Flag {
		asked = append(asked, test)
		return answer
	}}
	s, _ := collect(ForLabResults, opts, bare, hba1c(nil))
	assert.Len(t, s.LabResults(Patient{}), 1, "the second is the same but for its flag")
	assert.Equal(t, []clinical.Test{{System: loinc, Code: "4548-4", Name: "Hemoglobin A1c", Value: "7.20", Unit: "%",
		Gender: "female", Age: new(50)}},
		func() []clinical.Test {
			asked = nil
			s, _ := collect(ForRecord, opts, bare)
			abnormal, _, _ := s.Labs(Patient{Age: new(50), Gender: "female"})
			assert.Equal(t, "Low", abnormal[0].Interpretation)
			return asked
		}())
	answer = "Dubious"
	s, report := collect(ForRecord, opts, bare)
	abnormal, normal, _ := s.Labs(Patient{})
	assert.Empty(t, abnormal)
	assert.Empty(t, normal)
	assert.Equal(t, 1, report.Count(clinical.Unclassified))
}

func TestSet_IncludeUnclassified(t *testing.T) {
	t.Parallel()
	s, report := collect(ForRecord, Options{IncludeUnclassified: true},
		hba1c(func(r *Result) { r.Flags, r.Ranges = nil, nil }))
	abnormal, normal, unclassified := s.Labs(Patient{})
	assert.Empty(t, abnormal)
	assert.Empty(t, normal)
	assert.Len(t, unclassified, 1)
	assert.Empty(t, unclassified[0].Interpretation)
	assert.Zero(t, report.Dropped())
	assert.Equal(t, 1, report.Count(clinical.Unclassified))
}

func TestSet_LeavesOut(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		opts   Options
		change func(*Result)
		want   clinical.Reason
	}{
		{"no value", Options{}, func(r *Result) { r.Value = Value{} }, clinical.NoValue},
		{"a blank value", Options{}, func(r *Result) { r.Value = Value{Text: " \t"} }, clinical.NoValue},
		{"no name", Options{}, func(r *Result) { r.Name = " " }, clinical.NoName},
		{"a failed quality control", Options{}, func(r *Result) { r.Flags = []Flag{{System: v3, Code: "QCF"}} },
			clinical.QualityControl},
		{"too old", Options{Since: time.Date(2025, 1, 16, 0, 0, 0, 0, time.UTC)}, nil, clinical.TooOld},
	} {
		s, report := collect(ForLabResults, tc.opts, hba1c(tc.change))
		assert.Empty(t, s.LabResults(Patient{}), tc.name)
		assert.Equal(t, []clinical.Issue{{Reason: tc.want, Source: "Observation/1"}}, report.Issues, tc.name)
	}
	for date, sent := range map[string]int{"2025-01-15": 1, "2025-01-14": 0, "2025-01": 1, "2025": 1, "2024-12": 0,
		"2024": 0, "": 1} {
		since := time.Date(2025, 1, 15, 0, 0, 0, 0, time.UTC)
		s, _ := collect(ForLabResults, Options{Since: since}, hba1c(func(r *Result) { r.Date = date }))
		assert.Len(t, s.LabResults(Patient{}), sent, "%q may be later", date)
	}
}

func TestSet_Order(t *testing.T) {
	t.Parallel()
	row := func(name, date, code string) Result {
		return hba1c(func(r *Result) {
			r.Name, r.Code, r.Date, r.Flags = name, name, date,
				[]Flag{{System: v3, Code: code}}
		})
	}
	s, _ := collect(ForLabResults, Options{},
		row("undated", "", "HH"), row("old", "2024-12-31", "HH"), row("b normal", "2025-01-15", "N"), row("a normal",
			"2025-01-15", "N"),
		row("high", "2025-01-15", "H"), row("critical", "2025-01-15", "LL"), row("year", "2025", "H"))
	var names []string
	for _, r := range s.LabResults(Patient{}) {
		names = append(names, r.Name)
	}
	assert.Equal(t, []string{"critical", "high", "a normal", "b normal", "year", "old", "undated"}, names)
}

func TestSet_Rounds(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]string{"79.57340295335692": "79.57 %", "7.2": "7.2 %", "7.20": "7.20 %",
		"7.205": "7.21 %", "-0.001": "0.00 %", "-0.006": "-0.01 %", "1e3": "1e3 %"} {
		s, report := collect(ForLabResults, Options{RoundDecimals: new(2)},
			hba1c(func(r *Result) { r.Value.Number = number }))
		assert.Equal(t, want, s.LabResults(Patient{})[0].Value)
		assert.Equal(t, number+" %" != want, report.Count(clinical.Rounded) == 1, number)
	}
}

func TestSet_VitalSigns(t *testing.T) {
	t.Parallel()
	s, report := collect(ForRecord, Options{},
		Result{IsVitalSign: true, Source: "Observation/1", Label: Label{Name: "Blood Pressure"},
			Value: Value{Text: "138/88"}, Unit: "mmHg", Date: "2025-01-14"},
		Result{IsVitalSign: true, Source: "Observation/2", Label: Label{Name: "Heart rate"},
			Value: Value{Number: "72"}, Unit: "/min", Date: "2025-01-15T08:00:00Z"},
		Result{IsVitalSign: true, Source: "Observation/3", Label: Label{Name: "Heart rate"},
			Value: Value{Number: "72"}, Unit: "/min", Date: "2025-01-15T08:00:00Z"},
		Result{Source: "Observation/4", Label: Label{Name: "Heart rate"},
			Value: Value{Number: "72"}, Unit: "/min", Date: "2025-01-15T08:00:00Z", Flags: []Flag{{Code: "N"}}})
	assert.Equal(t, []helios.VitalSign{
		{Display: "Heart rate", Value: "72", Unit: "/min", Date: "2025-01-15"},
		{Display: "Blood Pressure", Value: "138/88", Unit: "mmHg", Date: "2025-01-14"},
	}, s.VitalSigns())
	_, normal, _ := s.Labs(Patient{})
	assert.Len(t, normal, 1)
	assert.Equal(t, 1, report.Count(clinical.Duplicate))
	assert.Equal(t, map[string]int{"vitalSigns": 2, "recentNormalLabs": 1}, report.Sent)
}

func TestSet_Category(t *testing.T) {
	t.Parallel()
	opts := Options{Category: func(test clinical.Test) string {
		if test.Code == "4548-4" {
			return "Diabetes"
		}
		return ""
	}}
	s, _ := collect(ForLabResults, opts, hba1c(nil), hba1c(func(r *Result) {
		r.Code, r.Name, r.Category = "x", "X",
			"Renal"
	}))
	results := s.LabResults(Patient{})
	assert.Equal(t, "Diabetes", results[0].Category)
	assert.Equal(t, "Renal", results[1].Category)
}
