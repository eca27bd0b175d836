package clinical

import (
	"strings"
	"unicode"
)

// SameUnit reports whether a and b are spellings of one unit, in print or in
// UCUM: "mg/dL" and "mg/dl", "IU/L" and "U/L", "10^9/L", "10*9/L" and "K/uL",
// "mmHg" and "mm[Hg]". Nothing is converted, and case matters elsewhere: a mg
// is not a Mg.
func SameUnit(a, b string) bool {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	return a == b || canonical(a) == canonical(b)
}

// spaced are units that are printed with spaces in them.
var spaced = strings.NewReplacer("mm Hg", "mmHg", "1.73 m", "1.73m", "1.73 sq m", "1.73m2", "x 10", "x10", "X 10",
	"x10", " / ", "/")

// plain removes what UCUM puts around a part, and writes powers and µ as ASCII.
var plain = strings.NewReplacer("[", "", "]", "", "{", "", "}", "", "(", "^", ")", "", "_", "", "µ", "u", "μ", "u",
	"¹²", "^12", "²", "^2", "³", "^3", "⁶", "^6", "⁹", "^9")

// atoms are other ways to write a part of a unit.
var atoms = map[string]string{
	"l": "L", "dl": "dL", "ml": "mL", "ul": "uL", "nl": "nL", "pl": "pL", "fl": "fL", "mcL": "uL", "mcl": "uL",
	"mcg": "ug", "gm": "g", "gms": "g", "IU": "U", "iU": "U", "iu": "U", "UI": "U", "mIU": "mU", "miU": "mU",
	"miu": "mU", "mUI": "mU",
	"uIU": "uU", "uiU": "uU", "uiu": "uU", "uUI": "uU", "kIU": "kU", "kiU": "kU", "mEq": "meq", "mOsm": "mosm",
	"sec": "s", "hr": "h",
	"Percent": "%", "percent": "%", "pct": "%",
}

// powers are counts that are written with a word or a larger volume.
var powers = map[string]string{
	"K/uL": "10*9/L", "k/uL": "10*9/L", "10*3/uL": "10*9/L", "10*3/mm3": "10*9/L", "thou/uL": "10*9/L",
	"Thousand/uL": "10*9/L",
	"M/uL":        "10*12/L", "10*6/uL": "10*12/L", "10*6/mm3": "10*12/L", "mil/uL": "10*12/L", "Million/uL": "10*12/L",
}

// canonical returns one way to write a unit.
func canonical(unit string) string {
	unit = plain.Replace(strings.Join(strings.Fields(spaced.Replace(unit)), ""))
	if rest, ok := strings.CutPrefix(strings.TrimLeft(unit, "xX×*"), "10"); ok {
		if power := strings.TrimLeft(rest, "^*Ee"); power != rest && digits(power) > 0 {
			unit = "10*" + power
		}
	}
	unit = strings.ReplaceAll(unit, "^", "")

	var b strings.Builder
	for unit != "" {
		n := strings.IndexFunc(unit, func(c rune) bool { return !unicode.IsLetter(c) })
		if n < 0 {
			n = len(unit)
		}
		if atom, ok := atoms[unit[:n]]; ok {
			b.WriteString(atom)
		} else {
			b.WriteString(unit[:n])
		}
		rest := strings.IndexFunc(unit[n:], unicode.IsLetter)
		if rest < 0 {
			rest = len(unit) - n
		}
		b.WriteString(unit[n : n+rest])
		unit = unit[n+rest:]
	}

	if count, ok := powers[b.String()]; ok {
		return count
	}
	return b.String()
}
