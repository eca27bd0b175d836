package clinical_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/clinical"
)

func TestParseQuantity(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]clinical.Quantity{
		"7.2":           {Number: "7.2", Value: 7.2},
		" 7.20 ":        {Number: "7.20", Value: 7.2},
		"-1":            {Number: "-1", Value: -1},
		"+.5":           {Number: "+.5", Value: 0.5},
		"5,2":           {Number: "5,2", Value: 5.2},
		"1.8 mg/dL":     {Number: "1.8", Value: 1.8, Unit: "mg/dL"},
		"1.8mg/dL":      {Number: "1.8", Value: 1.8, Unit: "mg/dL"},
		"7 %":           {Number: "7", Value: 7, Unit: "%"},
		"7%":            {Number: "7", Value: 7, Unit: "%"},
		"5 g":           {Number: "5", Value: 5, Unit: "g"},
		"<0.1":          {Comparator: "<", Number: "0.1", Value: 0.1},
		"> 100 /uL":     {Comparator: ">", Number: "100", Value: 100, Unit: "/uL"},
		"≥60":           {Comparator: ">=", Number: "60", Value: 60},
		"=<60":          {Comparator: "<=", Number: "60", Value: 60},
		"5 10*3/uL":     {Number: "5", Value: 5, Unit: "10*3/uL"},
		"5 {copies}/mL": {Number: "5", Value: 5, Unit: "{copies}/mL"},
		"120 mm Hg":     {Number: "120", Value: 120, Unit: "mm Hg"},
		"6 x 10^9/L":    {Number: "6", Value: 6, Unit: "x 10^9/L"},
		"1234567,5 Ω":   {Number: "1234567,5", Value: 1234567.5, Unit: "Ω"},
		"0,125":         {Number: "0,125", Value: 0.125},
		"37 °C":         {Number: "37", Value: 37, Unit: "°C"},
	} {
		got, ok := clinical.ParseQuantity(text)
		assert.True(t, ok, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{
		"", "<", "Negative", "NaN", "inf", "1e5", "0x10", "1,000", "1,234,567", "1 000", "2+", "1a", "1:128", "138/88",
		"138/88 mmHg", "1-2", "2024-03-05",
		"12:30", "5 in men", "5 /3", "5 100", "greater than 100", "1.2.3", "5 \x00", strings.Repeat("1", 65),
	} {
		got, ok := clinical.ParseQuantity(text)
		assert.False(t, ok, text)
		assert.Zero(t, got, text)
	}
}

func TestQuantity_Range(t *testing.T) {
	t.Parallel()
	inf := math.Inf(1)
	for text, want := range map[string]clinical.Range{
		"5 g/L": {Low: 5, High: 5, Unit: "g/L"},
		"<5":    {Low: -inf, High: 5, HighOpen: true},
		"<=5":   {Low: -inf, High: 5},
		">5":    {Low: 5, High: inf, LowOpen: true},
		">=5 %": {Low: 5, High: inf, Unit: "%"},
	} {
		q, ok := clinical.ParseQuantity(text)
		assert.True(t, ok, text)
		assert.Equal(t, want, q.Range(), text)
	}
}

func FuzzParseQuantity(f *testing.F) {
	for _, s := range []string{"7.2", "< 5 mg/dL", "5,2", "1,000", "1e400", "≥.5", "5 10*3/uL", "1a", "+", "-.",
		"9" + strings.Repeat("0", 62)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, ok := clinical.ParseQuantity(s)
		if !ok {
			if q != (clinical.Quantity{}) {
				t.Fatalf("%q: %+v without ok", s, q)
			}
			return
		}
		if math.IsNaN(q.Value) || math.IsInf(q.Value, 0) || q.Number == "" || !strings.Contains(s, q.Number) ||
			!strings.Contains(s, q.Unit) {
			t.Fatalf("%q: %+v", s, q)
		}
		again, ok := clinical.ParseQuantity(q.Comparator + q.Number + " " + q.Unit)
		if len(s) < 60 && (!ok || again != q) {
			t.Fatalf("%q: %+v, and again %+v", s, q, again)
		}
	})
}
