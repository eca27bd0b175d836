package clinical_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/clinical"
)

func TestSameUnit(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"mg/dL", "mg/dl", " mg / dL "},
		{"U/L", "IU/L", "[iU]/L", "UI/L", "U/l"},
		{"mU/L", "mIU/L", "m[iU]/L"},
		{"uU/mL", "µIU/mL", "μIU/mL", "u[IU]/mL"},
		{"10*9/L", "10^9/L", "x10^9/L", "x 10^9/L", "10E9/L", "×10⁹/L", "*10^9/L", "K/uL", "k/ul", "10*3/uL",
			"x10(3)/mcL", "10³/µL"},
		{"10*12/L", "10¹²/L", "M/uL", "10^6/uL"},
		{"mmHg", "mm Hg", "mm[Hg]"},
		{"ug/dL", "µg/dL", "mcg/dl"},
		{"g/dL", "gm/dl"},
		{"mL/min/1.73m2", "mL/min/1.73 m2", "mL/min/{1.73_m2}", "mL/min/1.73m²"},
		{"mEq/L", "meq/L"},
		{"%", "percent"},
		{"mm/h", "mm/hr"},
		{"", " "},
	} {
		for _, a := range same {
			for _, b := range same {
				assert.True(t, clinical.SameUnit(a, b), "%q and %q", a, b)
			}
		}
	}
	for _, pair := range [][2]string{
		{"mg", "Mg"}, {"mg/dL", "g/dL"}, {"mmol/L", "umol/L"}, {"", "mg"}, {"10*9/L", "10*12/L"}, {"10*3/L",
			"10*3/uL"}, {"100/uL", "10*0/uL"}, {"mol", "mL"},
		{"U/L", "mU/L"}, {"1/uL", "/uL"}, {"K", "k"}, {"pH", "ph"},
	} {
		assert.False(t, clinical.SameUnit(pair[0], pair[1]), "%q and %q", pair[0], pair[1])
	}
}

func FuzzSameUnit(f *testing.F) {
	f.Add("mg/dL", "mg/dl")
	f.Add("×10⁹/L", "K/uL")
	f.Add("\xff10^", "x10E")
	f.Fuzz(func(t *testing.T, a, b string) {
		if clinical.SameUnit(a, b) != clinical.SameUnit(b, a) || !clinical.SameUnit(a, a) {
			t.Fatalf("%q and %q", a, b)
		}
	})
}
