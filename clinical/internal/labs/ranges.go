package labs

import (
	"slices"
	"strings"
	"unicode"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/codes"
)

// usableRanges returns the ranges with what their texts say beside their
// bounds, without those that cannot be read.
func (r *Result) usableRanges() (ranges []Range, notes []clinical.Reason) {
	if !slices.ContainsFunc(r.Ranges, func(r Range) bool { return r.Broken || r.hasBoth() }) {
		return r.Ranges, nil
	}

	for _, rng := range r.Ranges {
		if rng.Broken {
			notes = append(notes, clinical.RangeUnreadable)
			rng.Low, rng.High, rng.conditional = "", "", true
			if rng.Text == "" {
				continue
			}
		}
		if rng.hasBoth() && !isHarmless(rng.Text) {
			r.readBeside(&rng)
		}
		ranges = append(ranges, rng)
	}
	return ranges, notes
}

func (r *Range) hasBoth() bool { return r.Text != "" && (r.Low != "" || r.High != "") }

// readBeside reads the text beside the bounds of a range: a gender, or the same
// numbers, which can be written as "<200" to say of a high of 200 that it is
// not normal. Any other text may limit the bounds in some way.
func (r *Result) readBeside(rng *Range) {
	bounds, ok := rng.bounds()
	said, isRange := clinical.ParseRange(rng.Text)
	isSame := ok && isRange && said.Low == bounds.Low && said.High == bounds.High &&
		(r.hasUnit(said.Unit) || clinical.SameUnit(said.Unit, rng.Unit))
	gender := codes.Gender(strings.TrimSpace(rng.Text))
	switch {
	case (gender == "male" || gender == "female") && (rng.Gender == "" || rng.Gender == gender):
		rng.Gender = gender
	case !isSame:
		rng.conditional = true
	case said.LowOpen || said.HighOpen:
		rng.Low, rng.High = "", ""
	}
}

// harmless are words beside the bounds of a range that do not limit it.
var harmless = codes.Set(
	"", "normal", "reference", "ref", "range", "interval", "limits", "limit", "values", "value", "within", "between",
	"from", "to", "and", "n", "a", "na", "null", "none",
)

func isHarmless(text string) bool {
	isBetween := func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }
	words := strings.FieldsFunc(strings.ToLower(text), isBetween)
	return !slices.ContainsFunc(words, func(word string) bool { return !harmless[word] })
}

// fits reports whether a range is one of normal values for the patient. If the
// patient's gender or age is not known, a range for one does not fit.
func (r *Range) fits(p Patient) bool {
	if r.Other || r.Gender != "" && r.Gender != p.Gender {
		return false
	}
	return r.AgeLow == nil && r.AgeHigh == nil ||
		p.Age != nil && (r.AgeLow == nil || float64(*p.Age) >= *r.AgeLow) &&
			(r.AgeHigh == nil || float64(*p.Age) <= *r.AgeHigh)
}

// fitting returns the ranges that fit the patient: those made for patients like
// this one if there are any, else those for all.
func fitting(ranges []Range, p Patient) []Range {
	if len(ranges) == 1 && ranges[0].fits(p) && ranges[0].text() != "" {
		return ranges
	}

	var forAll, forSome []Range
	for _, r := range ranges {
		switch {
		case !r.fits(p) || r.text() == "":
		case r.Gender != "" || r.AgeLow != nil || r.AgeHigh != nil:
			forSome = append(forSome, r)
		default:
			forAll = append(forAll, r)
		}
	}

	if len(forSome) > 0 {
		return forSome
	}
	return forAll
}

// compare says how normal a result is by the ranges that fit the patient. It is
// unknown if they do not all say the same.
func compare(r *Result, ranges []Range) (is normality, notes []clinical.Reason) {
	for i := range ranges {
		n, why := r.beside(&ranges[i])
		if n == unknown || i > 0 && n != is {
			return unknown, why
		}
		is = n
	}
	return is, nil
}

func (r *Result) beside(rng *Range) (normality, []clinical.Reason) {
	if expected, found := rng.expected(), findingOf(r.Value.Text); expected != noFinding && found != noFinding {
		if expected == found {
			return normal, nil
		}
		return abnormal, nil
	}

	bounds, ok := rng.bounds()
	isNone := bounds.Low == 0 && bounds.High == 0 // how the lack of a range is written
	ok = ok && !isNone && !rng.conditional
	value, isNumber := r.Value.numbers()
	switch {
	case !ok && rng.conditional && !rng.Broken:
		return unknown, []clinical.Reason{clinical.RangeConditional}
	case ok && bounds.Low > bounds.High:
		return unknown, []clinical.Reason{clinical.RangeSwapped}
	case !ok || !isNumber:
		return unknown, nil
	case !r.hasUnit(bounds.Unit):
		return unknown, []clinical.Reason{clinical.RangeUnit}
	case within(value, bounds):
		return normal, nil
	case below(value, bounds):
		return low, nil
	case below(bounds, value):
		return high, nil
	}
	return unknown, nil
}

// hasUnit reports whether a value is in the unit of a range, where that names
// one.
func (r *Result) hasUnit(unit string) bool {
	return unit == "" || clinical.SameUnit(unit, r.Unit) || clinical.SameUnit(unit, r.UnitCode)
}

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
