package labs

import (
	"strings"

	"github.com/heliosai/helios-go/clinical"
)

// fits tells whether a range is one of what is normal for the patient. One for a gender or an age that is not known does not fit.
func (r *Range) fits(p Patient) bool {
	if r.Other || r.Gender != "" && r.Gender != p.Gender {
		return false
	}
	if r.AgeLow == nil && r.AgeHigh == nil {
		return true
	}
	return p.Age != nil && (r.AgeLow == nil || float64(*p.Age) >= *r.AgeLow) && (r.AgeHigh == nil || float64(*p.Age) <= *r.AgeHigh)
}

// isFor tells that a range is for some patients only.
func (r *Range) isFor() bool { return r.Gender != "" || r.AgeLow != nil || r.AgeHigh != nil }

// fitting returns the ranges that fit the patient: those made for patients like this one if there are any, else those for all.
func fitting(ranges []Range, p Patient) []Range {
	if len(ranges) == 1 && ranges[0].fits(p) && ranges[0].text() != "" {
		return ranges
	}
	var forAll, forSome []Range
	for _, r := range ranges {
		switch {
		case !r.fits(p) || r.text() == "":
		case r.isFor():
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

// compare says where a number lies beside the ranges that fit the patient. If they do not all say the same, or the value is no number or in another unit, it
// is unknown.
func compare(r *Result, ranges []Range) (is normality, notes []clinical.Reason) {
	value, numeric := bounded(r.Value.Comparator, r.Value.Number)
	for i := range ranges {
		bounds, unit, ok := ranges[i].normal()
		if !ok {
			return unknown, notes
		}
		if bounds.low > bounds.high {
			return unknown, []clinical.Reason{clinical.RangeSwapped}
		}
		if !numeric {
			return unknown, notes
		}
		if !r.hasUnit(unit) {
			return unknown, []clinical.Reason{clinical.RangeUnit}
		}
		n := unknown
		switch {
		case value.within(bounds):
			n = normal
		case value.below(bounds):
			n = low
		case bounds.below(value):
			n = high
		}
		if i > 0 && n != is {
			return unknown, notes
		}
		is = n
	}
	return is, notes
}

// hasUnit tells whether a value is in the unit of a range, where that names one.
func (r *Result) hasUnit(unit string) bool {
	return unit == "" || sameUnit(unit, r.Unit) || sameUnit(unit, r.UnitCode)
}

// sameUnit compares units as they are printed. Case matters: a mg is not a Mg.
func sameUnit(a, b string) bool {
	return strings.Join(strings.Fields(a), "") == strings.Join(strings.Fields(b), "")
}

// withUnit returns a range as it is sent with the unit that its numbers are in.
func (r *Range) withUnit(valueUnit string) string {
	text := r.text()
	_, own, ok := r.normal()
	if !ok {
		return text
	}
	if r.Low == "" && r.High == "" {
		if _, inText, _ := parseRange(r.Text); inText != "" {
			return text
		}
	}
	if own == "" {
		own = valueUnit
	}
	return strings.TrimSpace(text + " " + own)
}
