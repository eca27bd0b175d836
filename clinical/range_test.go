package clinical_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/clinical"
)

func ExampleParseRange() {
	normal, ok := clinical.ParseRange("Normal: 3.5 - 5.1 mmol/L")
	value, isQuantity := clinical.ParseQuantity("5.6 mmol/L")

	fmt.Println(ok, normal.Low, normal.High, normal.Unit)
	fmt.Println(isQuantity, clinical.SameUnit(normal.Unit, value.Unit), normal.Above(value.Value))
	// Output:
	// true 3.5 5.1 mmol/L
	// true true true
}

func TestParseRange(t *testing.T) {
	t.Parallel()
	inf := math.Inf(1)
	for text, want := range map[string]clinical.Range{
		"4.0-5.6":                       {Low: 4, High: 5.6},
		" 4.0 - 5.6 % ":                 {Low: 4, High: 5.6, Unit: "%"},
		"4.0\u00a0-\u00a05.6":           {Low: 4, High: 5.6},
		"-2 to 2 mmol/L":                {Low: -2, High: 2, Unit: "mmol/L"},
		"-5--2":                         {Low: -5, High: -2},
		"4–6":                           {Low: 4, High: 6},
		"4~6":                           {Low: 4, High: 6},
		"4 TO 6":                        {Low: 4, High: 6},
		"5-5":                           {Low: 5, High: 5},
		"(1.0 - 4.0)":                   {Low: 1, High: 4},
		"(83-100)":                      {Low: 83, High: 100},
		"[1-5]":                         {Low: 1, High: 5},
		"[1-5] mg/dL":                   {Low: 1, High: 5, Unit: "mg/dL"},
		"[1-5] [iU]/mL":                 {Low: 1, High: 5, Unit: "[iU]/mL"},
		"[1][4]":                        {Low: 1, High: 4},
		"[1.5] [4] g/L":                 {Low: 1.5, High: 4, Unit: "g/L"},
		"(<5)":                          {Low: -inf, High: 5, HighOpen: true},
		"up to 4":                       {Low: -inf, High: 4},
		"Up To 4 mg/dL":                 {Low: -inf, High: 4, Unit: "mg/dL"},
		"less than 4":                   {Low: -inf, High: 4, HighOpen: true},
		"at least 60":                   {Low: 60, High: inf},
		"> or = 60":                     {Low: 60, High: inf},
		"< or =5.0 mg/L":                {Low: -inf, High: 5, Unit: "mg/L"},
		"<5":                            {Low: -inf, High: 5, HighOpen: true},
		"<= 5 mmol/L":                   {Low: -inf, High: 5, Unit: "mmol/L"},
		"≥5.":                           {Low: 5, High: inf},
		"=>.5":                          {Low: 0.5, High: inf},
		">60 mL/min/1.73 m2":            {Low: 60, High: inf, LowOpen: true, Unit: "mL/min/1.73 m2"},
		"80-120 mm Hg":                  {Low: 80, High: 120, Unit: "mm Hg"},
		"4.0-10.0 x10^3/uL":             {Low: 4, High: 10, Unit: "x10^3/uL"},
		"4.0-10.0 10*9/L":               {Low: 4, High: 10, Unit: "10*9/L"},
		"Normal: 1-4":                   {Low: 1, High: 4},
		"Normal range: 1 - 4":           {Low: 1, High: 4},
		"Reference Interval = 1-4":      {Low: 1, High: 4},
		"Ref. 1-4":                      {Low: 1, High: 4},
		"(Normal: 1-4)":                 {Low: 1, High: 4},
		"1,0 - 4,0":                     {Low: 1, High: 4},
		"0,125-0,5":                     {Low: 0.125, High: 0.5},
		"1000,125 - 2000,5":             {Low: 1000.125, High: 2000.5},
		strings.Repeat(" ", 99) + "1-2": {Low: 1, High: 2},
	} {
		got, ok := clinical.ParseRange(text)
		assert.True(t, ok, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{
		"", "-", "()", "[]", "(1-4", "[1-4)", "[1][4", "[][4]", "[1][]", "[1-2][3-4]", "(1-4) (5-6)", "[1-4 g] mg", "1",
		"5 mg", "1-", "6-4",
		"2024-01-05", "5-6-7", "4-6 years of age", "4-6 (adults)", "Female 4-6", "Desirable: <200", "Toxic >20",
		"Normal", "Normal:", "normally 1-4",
		"negative", "see note", "<1:40", "1:40", "150,000-400,000", "1-1,500", "1.234,5-2", "4-10E9/L", "1e5-2e5",
		"<1e400", "NaN-NaN", "inf", "0x1-0x2",
		"1-2 /3", "1-2 34", "4to5 to 6", "<5x y", "< <5", strings.Repeat("9", 30) + "-" + strings.Repeat("9", 40),
	} {
		got, ok := clinical.ParseRange(text)
		assert.False(t, ok, text)
		assert.Zero(t, got, text)
	}
}

func TestRange_Contains(t *testing.T) {
	t.Parallel()
	inf := math.Inf(1)
	closed := clinical.Range{Low: 1, High: 4}
	open := clinical.Range{Low: 1, High: 4, LowOpen: true, HighOpen: true}
	atLeast := clinical.Range{Low: 60, High: inf}
	for _, tc := range []struct {
		in                     clinical.Range
		value                  float64
		contains, below, above bool
	}{
		{closed, 1, true, false, false},
		{closed, 2, true, false, false},
		{closed, 4, true, false, false},
		{closed, 0.9, false, true, false},
		{closed, 4.1, false, false, true},
		{open, 1, false, true, false},
		{open, 4, false, false, true},
		{open, 2, true, false, false},
		{atLeast, 60, true, false, false},
		{atLeast, 1e300, true, false, false},
		{atLeast, 59, false, true, false},
		{closed, math.NaN(), false, false, false},
	} {
		assert.Equal(t, tc.contains, tc.in.Contains(tc.value), "%v in %+v", tc.value, tc.in)
		assert.Equal(t, tc.below, tc.in.Below(tc.value), "%v in %+v", tc.value, tc.in)
		assert.Equal(t, tc.above, tc.in.Above(tc.value), "%v in %+v", tc.value, tc.in)
	}
}

func FuzzParseRange(f *testing.F) {
	for _, s := range []string{
		"4.0-5.6", "-2 to 2 mmol/L", "-5--2", "<5", "<= 5 %", "≥.5", "=>5.", "+.5", "", "1–2", "4to5 to 6", "[1][4]",
		"(1,0 - 4,0) g/L", "up to 4",
		"Normal: 1-4", "4-10E9/L", "> or = 60", "6-4", "[", "([1-2])",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := clinical.ParseRange(s)
		switch {
		case !ok && r != clinical.Range{}:
			t.Fatalf("%q: %+v without ok", s, r)
		case !ok:
		case !(r.Low <= r.High), math.IsInf(r.Low, 1), math.IsInf(r.High, -1), math.IsInf(r.Low, -1) &&
			math.IsInf(r.High, 1):
			t.Fatalf("%q: %+v", s, r)
		case !strings.Contains(s, r.Unit):
			t.Fatalf("%q: unit %q", s, r.Unit)
		}
	})
}
