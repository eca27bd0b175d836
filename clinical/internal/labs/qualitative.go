package labs

import "strings"

type finding int

const (
	noFinding finding = iota
	negative
	positive
)

// findings are the words of a result that is a finding and no more. What lies
// between, such as a trace or a weak reaction, is none of them.
var findings = map[string]finding{
	"negative": negative, "neg": negative, "not detected": negative, "none detected": negative,
	"undetected": negative, "nonreactive": negative, "non-reactive": negative, "non reactive": negative,
	"not reactive": negative, "absent": negative, "not present": negative, "none seen": negative,
	"positive": positive, "pos": positive, "detected": positive, "reactive": positive, "present": positive,
	"1+": positive, "2+": positive, "3+": positive, "4+": positive, "+": positive, "++": positive, "+++": positive,
	"++++": positive,
}

func findingOf(text string) finding {
	text = strings.ToLower(strings.TrimSpace(text))
	text = strings.TrimSuffix(text, " (qualifier value)") // as SNOMED CT calls it
	return findings[strings.TrimSuffix(text, ".")]
}

// expected reads a reference range in words: "Negative", "(Normal: Negative)".
func (r *Range) expected() finding {
	if r.Low != "" || r.High != "" || r.conditional {
		return noFinding
	}

	text := strings.Trim(r.Text, "()[] ")
	if label, after, ok := strings.Cut(text, ":"); ok {
		if !isHarmless(label) {
			return noFinding
		}
		text = after
	}
	if strings.Contains(text, "+") { // a grade, and others may be normal too
		return noFinding
	}
	return findingOf(text)
}

// compareFinding says how normal a result in words is beside a range in words.
// It reports false if one of them is no finding.
func (r *Result) compareFinding(rng *Range) (normality, bool) {
	expected, found := rng.expected(), findingOf(r.Value.Text)
	switch {
	case expected == noFinding || found == noFinding:
		return unknown, false
	case expected == found:
		return normal, true
	}
	return abnormal, true
}
