package labs

import (
	"regexp"
	"strings"
	"testing"
)

// The forms as regular expressions, which would be slower and allocate.
const numeralForm = `[-+]?(?:\d+(?:\.\d*)?|\.\d+)`

var (
	plainForm    = regexp.MustCompile(`^` + numeralForm + `$`)
	betweenForm  = regexp.MustCompile(`^(` + numeralForm + `)\s*(?:-|–|to)\s*(` + numeralForm + `)\s*(.*)$`)
	comparedForm = regexp.MustCompile(`^(<=|>=|=<|=>|<|>|≤|≥)\s*(` + numeralForm + `)\s*(.*)$`)
	means        = strings.NewReplacer("≤", "<=", "≥", ">=", "=<", "<=", "=>", ">=")
)

func FuzzForms(f *testing.F) {
	for _, s := range []string{"4.0-5.6", "-2 to 2 mmol/L", "-5--2", "<5", "<= 5 %", "≥.5", "=>5.", "5", "+.5", ".", "-", "", "5.-6", "1–2", "4to5 to 6", "< =5", "5-6-7", "1\n-2", "<5x y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if isPlainNumber(s) != plainForm.MatchString(s) {
			t.Fatalf("%q: plain %v", s, isPlainNumber(s))
		}
		if strings.Contains(s, "\n") {
			return // of which the expressions read nothing, and no text has any here
		}
		low, high, rest, ok := between(s)
		if m := betweenForm.FindStringSubmatch(s); ok != (m != nil) || ok && (low != m[1] || high != m[2] || rest != m[3]) {
			t.Fatalf("%q: %q %q %q %v, want %q", s, low, high, rest, ok, m)
		}
		comparator, one, rest, ok := compared(s)
		if m := comparedForm.FindStringSubmatch(s); ok != (m != nil) || ok && (comparator != means.Replace(m[1]) || one != m[2] || rest != m[3]) {
			t.Fatalf("%q: %q %q %q %v, want %q", s, comparator, one, rest, ok, m)
		}
	})
}
