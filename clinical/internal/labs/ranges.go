package labs

import (
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/heliosai/helios-go/clinical"
)

// usableRanges returns the ranges with what their texts say beside their bounds, without those that cannot be read.
func (r *Result) usableRanges() (ranges []Range, notes []clinical.Reason) {
	if !slices.ContainsFunc(r.Ranges, func(r Range) bool { return r.Broken || r.Text != "" && (r.Low != "" || r.High != "") }) {
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
		if rng.Text != "" && (rng.Low != "" || rng.High != "") {
			gender, understood := rng.words(r)
			switch {
			case rng.isStricter():
				rng.Low, rng.High = "", "" // the text says of the bounds whether they belong to it
			case !understood, gender != "" && rng.Gender != "" && gender != rng.Gender:
				rng.conditional = true
			case gender != "":
				rng.Gender = gender
			}
		}
		ranges = append(ranges, rng)
	}
	return ranges, notes
}

// isStricter tells that the text is the same range but that a bound does not belong to it: "<200" beside a high of 200.
func (r *Range) isStricter() bool {
	bounds := *r
	bounds.Text = ""
	numbers, _, ok := bounds.bounds()
	inText, unit, isRange := parseRange(r.Text)
	return ok && isRange && inText != numbers && inText.low == numbers.low && inText.high == numbers.high && (unit == "" || sameUnit(unit, r.Unit))
}

// harmless are words beside the bounds of a range that say nothing of whom it is true.
var harmless = set("", "normal", "reference", "ref", "range", "interval", "limits", "limit", "values", "value", "within", "between", "from", "to", "and", "n", "a", "na",
	"null", "none")

var genders = map[string]string{
	"male": "male", "males": "male", "m": "male", "man": "male", "men": "male",
	"female": "female", "females": "female", "f": "female", "w": "female", "woman": "female", "women": "female",
}

// words reads the text beside the bounds of a range. It is understood if it says the same as they do, and at most for which gender.
func (r *Range) words(of *Result) (gender string, understood bool) {
	bounds := *r
	bounds.Text = ""
	numbers, _, ok := bounds.bounds()
	if !ok {
		return "", false
	}
	if inText, unit, ok := parseRange(r.Text); ok && (unit == "" || sameUnit(unit, r.Unit) || of.hasUnit(unit)) {
		return "", inText == numbers
	}
	text := r.Text
	for _, unit := range [3]string{r.Unit, of.Unit, of.UnitCode} {
		if unit != "" {
			text = strings.ReplaceAll(text, unit, " ")
		}
	}
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '.' }) {
		n, isNumber := number(word)
		switch {
		case isNumber && (r.Low != "" && n == math.Abs(numbers.low) || r.High != "" && n == math.Abs(numbers.high)), harmless[strings.Trim(word, ".")]:
		case genders[word] != "" && (gender == "" || gender == genders[word]):
			gender = genders[word]
		default:
			return "", false
		}
	}
	return gender, true
}

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

// at returns the patient at the date of a result, with the age of then. It is unknown if the dates do not tell it to the year.
func (p Patient) at(date string) Patient {
	if p.Born == "" {
		return p
	}
	years, approximate, ok := Age(p.Born, date)
	p.Age = nil
	if ok && !approximate && len(Day(date)) == len("2006-01-02") {
		p.Age = &years
	}
	return p
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
			if ranges[i].conditional && !ranges[i].Broken {
				notes = []clinical.Reason{clinical.RangeConditional}
			}
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
