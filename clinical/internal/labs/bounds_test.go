package labs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseValue(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Value{
		"7.2":         {Number: "7.2"},
		" 7.20 ":      {Number: "7.20"},
		"-1":          {Number: "-1"},
		".5":          {Number: ".5"},
		"<5":          {Comparator: "<", Number: "5"},
		"> 100":       {Comparator: ">", Number: "100"},
		"≥60":         {Comparator: ">=", Number: "60"},
		"=<60":        {Comparator: "<=", Number: "60"},
		"5 mg":        {Text: "5 mg"},
		"<5 mg":       {Text: "<5 mg"},
		"1,000":       {Text: "1,000"},
		"NaN":         {Text: "NaN"},
		"Negative":    {Text: "Negative"},
		"1-2":         {Text: "1-2"},
		"<":           {Text: "<"},
		"":            {},
		"2024-03-05 ": {Text: "2024-03-05"},
	} {
		assert.Equal(t, want, ParseValue(text), text)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	numeric := func(low, high string) Range { return Range{Low: low, High: high} }
	text := func(s string) Range { return Range{Text: s} }
	for _, tc := range []struct {
		value string
		rng   Range
		want  normality
	}{
		{"5", numeric("4", "6"), normal},
		{"4", numeric("4", "6"), normal},
		{"6.0", numeric("4", "6"), normal},
		{"3.9", numeric("4", "6"), low},
		{"6.1", numeric("4", "6"), high},
		{"6.1", numeric("4", ""), normal},
		{"3", numeric("4", ""), low},
		{"7", numeric("", "6"), high},
		{"-3", numeric("-2", "2"), low},
		{"5", numeric("6", "4"), unknown},
		{"5", numeric("x", "6"), unknown},

		// A value that is a bound itself is normal only if all that it can be
		// is.
		{"<4", numeric("4", "6"), low},
		{"<5", numeric("4", "6"), unknown},
		{"<=4", numeric("4", "6"), unknown},
		{"<3", numeric("", "6"), normal},
		{">6", numeric("4", "6"), high},
		{">=6", numeric("4", "6"), unknown},
		{">90", numeric("60", ""), normal},
		{">60", text(">60"), normal},
		{">=60", text(">60"), unknown},

		{"5", text("4-6"), normal},
		{"5", text("4.0 - 6.0"), normal},
		{"7", text("4 to 6"), high},
		{"7", text("4–6"), high},
		{"-3", text("-2 to 2"), low},
		{"-3", text("-2-2"), low},
		{"5", text("<5"), high},
		{"4.9", text("<5"), normal},
		{"5", text("<=5"), normal},
		{"5", text("≤ 5"), normal},
		{"5", text(">5"), low},
		{"5", text("≥5"), normal},
		{"5", text("4-6 mg/dL"), normal},
		{"5", text("4-6 mmol/L"), unknown},
		{"5", text("4-6 years of age"), unknown},
		{"5", text("2024-01-05"), unknown},
		{"5", text("negative"), unknown},
		{"5", text("see note"), unknown},
		{"Negative", text("4-6"), unknown},
		{"5", text("4-6 mg/dl"), normal},
		{"7", text("(4 - 6)"), high},
		{"3", text("[4-6]"), low},
		{"3", text("[4][6]"), low},
		{"5", text("up to 4"), high},
		{"4", text("up to 4"), normal},
		{"5", text("Normal: 4-6"), normal},
		{"5,2", text("4,0 - 5,1"), high},
		{"5,2", numeric("4.0", "5.1"), high},
		{"5.2", numeric("4,0", "5,1"), high},
		{"1,000", text("4-6"), unknown},
		{"1e3", numeric("1e2", "2e2"), unknown},

		{"Negative", text("Negative"), normal},
		{"NEG", text("Not detected"), normal},
		{"Not detected (qualifier value)", text("Normal: Negative."), normal},
		{"Positive", text("Negative"), abnormal},
		{"Reactive", text("(Non-Reactive)"), abnormal},
		{"2+", text("Ref. range: negative"), abnormal},
		{"Present", text("absent"), abnormal},
		{"Positive", text("positive"), normal},
		{"Negative", text("Positive"), abnormal},
		{"Trace", text("Negative"), unknown},
		{"Weakly reactive", text("Non-reactive"), unknown},
		{"Positive for mould", text("Negative"), unknown},
		{"0.3", text("Negative"), unknown},
		{"1:40", text("Negative"), unknown},
		{"1+", text("2+"), unknown},
		{"Positive", text("Adults: negative"), unknown},
		{"Positive", text("Negative or trace"), unknown},
		{"Yellow", text("Yellow"), unknown},
		{"None", text("None"), unknown},
		{"Positive", Range{Text: "Negative", High: "1"}, unknown},
	} {
		r := Result{Value: ParseValue(tc.value), Unit: "mg/dL"}
		got, _ := compare(&r, []Range{tc.rng})
		assert.Equal(t, tc.want, got, "%s in %+v", tc.value, tc.rng)
	}
}

func TestCompare_SeveralRangesMustAgree(t *testing.T) {
	t.Parallel()
	r := Result{Value: Value{Number: "5"}}
	got, _ := compare(&r, []Range{{Low: "4", High: "6"}, {Low: "1", High: "9"}})
	assert.Equal(t, normal, got)
	got, _ = compare(&r, []Range{{Low: "4", High: "6"}, {Low: "6", High: "9"}})
	assert.Equal(t, unknown, got)
	got, _ = compare(&r, []Range{{Low: "4", High: "6"}, {Text: "varies"}})
	assert.Equal(t, unknown, got)
}

func TestRange_Text(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		rng            Range
		text, withUnit string
	}{
		{Range{Low: "4.0", High: "5.6"}, "4.0-5.6", "4.0-5.6 %"},
		{Range{Low: "-2", High: "2"}, "-2 to 2", "-2 to 2 %"},
		{Range{Low: "60"}, ">=60", ">=60 %"},
		{Range{High: "5"}, "<=5", "<=5 %"},
		{Range{Low: "4", High: "5", Text: "four to five"}, "4-5", "4-5 %"},
		{Range{Low: "4", High: "5", Unit: "g/L"}, "4-5", "4-5 g/L"},
		{Range{Text: "4.0-5.6"}, "4.0-5.6", "4.0-5.6 %"},
		{Range{Text: ">60"}, ">60", ">60 %"},
		{Range{Text: "4-5 g/L"}, "4-5 g/L", "4-5 g/L"},
		{Range{Text: "not detected"}, "not detected", "not detected"},
	} {
		assert.Equal(t, tc.text, tc.rng.text(), "%+v", tc.rng)
		assert.Equal(t, tc.withUnit, tc.rng.withUnit("%"), "%+v", tc.rng)
	}
}

func TestFitting(t *testing.T) {
	t.Parallel()
	adult, child := 18.0, 17.0
	women := Range{Low: "12", High: "15", Gender: "female"}
	men := Range{Low: "13", High: "17", Gender: "male"}
	children := Range{Low: "11", High: "14", AgeHigh: &child}
	adults := Range{Low: "12", High: "16", AgeLow: &adult}
	everyone := Range{Low: "10", High: "18"}
	goal := Range{High: "7", Other: true}
	for _, tc := range []struct {
		name   string
		ranges []Range
		p      Patient
		want   []Range
	}{
		{"for a woman", []Range{men, women}, Patient{Gender: "female"}, []Range{women}},
		{"for nobody known", []Range{men, women}, Patient{}, nil},
		{"made for some before made for all", []Range{everyone, women}, Patient{Gender: "female"}, []Range{women}},
		{"else for all", []Range{women, everyone}, Patient{Gender: "male"}, []Range{everyone}},
		{"for an adult", []Range{children, adults}, Patient{Age: new(18)}, []Range{adults}},
		{"for the last year of a child", []Range{children, adults}, Patient{Age: new(17)}, []Range{children}},
		{"for an age that is not known", []Range{children, adults}, Patient{}, nil},
		{"a goal says nothing of what is normal", []Range{goal}, Patient{}, nil},
		{"an empty range", []Range{{Unit: "g"}}, Patient{}, nil},
	} {
		assert.Equal(t, tc.want, fitting(tc.ranges, tc.p), tc.name)
	}
}

// TestRange_BesideAText has texts beside the bounds 4.0 and 5.6 %.
func TestRange_BesideAText(t *testing.T) {
	t.Parallel()
	both := Range{Low: "4.0", High: "5.6"}
	for text, want := range map[string]Range{
		"4.0 - 5.6":                  both,
		"4.0-5.6 %":                  both,
		"Normal range: 4.0 to 5.6 %": both,
		"N/A":                        both,
		"Reference range":            both,
		"men":                        {Low: "4.0", High: "5.6", Gender: "male"},
		"m/f":                        {Low: "4.0", High: "5.6", conditional: true},
		"Female 4.0-5.6":             {Low: "4.0", High: "5.6", conditional: true},
		"4.0-6.0":                    {Low: "4.0", High: "5.6", conditional: true},
		"4.0-5.6 mmol/mol":           {Low: "4.0", High: "5.6", conditional: true},
		"4.0-5.6 for the ill":        {Low: "4.0", High: "5.6", conditional: true},
		"Adults":                     {Low: "4.0", High: "5.6", conditional: true},
		"Diabetes: 4.0 to 5.6 %":     {Low: "4.0", High: "5.6", conditional: true},
		"<5.6":                       {Low: "4.0", High: "5.6", conditional: true},
	} {
		want.Text = text
		r := Result{Unit: "%", Ranges: []Range{{Low: "4.0", High: "5.6", Text: text}}}
		ranges, notes := r.usableRanges()
		assert.Equal(t, []Range{want}, ranges)
		assert.Empty(t, notes)
	}

	for _, rng := range []Range{
		{High: "40", Text: "greater than 40"}, {High: "40", Text: "above 40"}, {Low: "5", Text: "below 5"},
		{High: "40", Text: ">40"}, {Low: "5", Text: "up to 5"}, {Low: "x", Text: "5 - 6"},
	} {
		r := Result{Ranges: []Range{rng}}
		ranges, _ := r.usableRanges()
		assert.True(t, ranges[0].conditional, rng.Text)
	}
}

func TestRange_WithWords(t *testing.T) {
	t.Parallel()
	r := Result{Unit: "mg/L", Ranges: []Range{{Low: "10", High: "20", Text: " Toxic range "},
		{Low: "1", High: "2", Gender: "male", Text: "women"}}}
	ranges, notes := r.usableRanges()
	assert.Empty(t, notes)
	assert.Equal(t, "10-20 mg/L (Toxic range)", ranges[0].withUnit("mg/L"))
	assert.Equal(t, "10-20 (Toxic range)", ranges[0].text())
	assert.Equal(t, "1-2 mg/L (women)", ranges[1].withUnit("mg/L"), "it says two things")
}

func TestRange_WithAStricterText(t *testing.T) {
	t.Parallel()
	set, _ := collect(ForLabResults, Options{})
	for value, want := range map[string]normality{"199": normal, "200": high} {
		verdict := set.classify(&Result{Value: Value{Number: value}, Unit: "mg/dL",
			Ranges: []Range{{High: "200", Unit: "mg/dL", Text: "<200 mg/dL"}}}, Patient{})
		assert.Equal(t, want, verdict.is, value)
		assert.Equal(t, "<200 mg/dL", verdict.rng.withUnit("mg/dL"))
	}
}

func TestRangesForTheAgeAtTheResult(t *testing.T) {
	t.Parallel()
	child, adult := 17.0, 18.0
	ranges := []Range{{Low: "3", High: "5", AgeHigh: &child}, {Low: "4", High: "6", AgeLow: &adult}}
	for date, want := range map[string]normality{"1990-05-05": high, "2020-05-05": normal, "1990": unknown, "": unknown,
		"1970-01-01": unknown} {
		set, _ := collect(ForLabResults, Options{})
		verdict := set.classify(&Result{Value: Value{Number: "5.5"}, Ranges: ranges, Date: date},
			Patient{Age: new(45), Born: "1980-02-03"})
		assert.Equal(t, want, verdict.is, date)
	}
	set, _ := collect(ForLabResults, Options{})
	assert.Equal(t, unknown, set.classify(&Result{Value: Value{Number: "5.5"}, Ranges: ranges, Date: "2020-05-05"},
		Patient{Age: new(45), Born: "1980"}).is)
}
