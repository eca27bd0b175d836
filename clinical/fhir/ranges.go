package fhir

import (
	"math"
	"strconv"
	"strings"

	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// rangeOf is a reference range with the code of its unit.
type rangeOf struct {
	labs.Range
	code string
	long bool // its text is longer than is read
}

// rangesOf returns the ranges of a value. One whose unit has the same code as the value's is in the value's unit, however either is printed.
func rangesOf(ranges []rangeOf, v *value) []labs.Range {
	if len(ranges) == 0 {
		return nil
	}
	result := make([]labs.Range, len(ranges))
	for i, r := range ranges {
		if r.code != "" && r.code == v.unitCode {
			r.Unit = ""
		}
		result[i] = r.Range
	}
	return result
}

// referenceRange reads a referenceRange of an Observation. See https://hl7.org/fhir/R4/observation-definitions.html#Observation.referenceRange
func (d *decoder) referenceRange() rangeOf {
	var r rangeOf
	var low, high quantity
	there := [2]bool{}
	d.object(func(key []byte) {
		switch string(key) {
		case "low":
			there[0] = d.isThere()
			low = d.quantity()
		case "high":
			there[1] = d.isThere()
			high = d.quantity()
		case "text":
			big := d.big
			d.big = false
			r.Text = strings.TrimSpace(d.string())
			r.long, d.big = d.big, big
		case "type":
			unread := d.next() != '{' && d.isThere()
			c := d.concept()
			r.Other = r.Other || unread || !isNormalRange(&c)
		case "appliesTo":
			next := d.next()
			r.Other = r.Other || next != '[' && next != '{' && d.isThere()
			d.concepts(func(c *concept) {
				gender, ok := genderRange(c)
				r.Other = r.Other || !ok || r.Gender != "" && r.Gender != gender
				r.Gender = gender
			})
		case "age":
			d.rangeAge(&r)
		default:
			d.skip()
		}
	})
	// A bound that is there and is no plain number, or is in another unit than the other, leaves a range that says something else.
	noNumber := there[0] && low.value == "" || there[1] && high.value == ""
	r.Broken = noNumber || low.comparator != "" || high.comparator != "" || low.value != "" && high.value != "" && low.unit != high.unit && low.unit != "" && high.unit != ""
	switch {
	case !r.Broken:
		r.Low, r.High = low.value, high.value
		q := low
		if q.value == "" || q.unit == "" {
			q = high
		}
		r.Unit, r.code = q.unit, q.code
	case r.Text == "" && !noNumber: // it is sent as it is written
		part := func(q *quantity) string { return strings.TrimSpace(q.number().String() + " " + q.unit) }
		r.Text = strings.TrimSpace(part(&low) + " to " + part(&high))
	}
	return r
}

// isNormalRange tells whether a range's type says that it is what is normal, rather than, say, the goal of a treatment.
func isNormalRange(c *concept) bool {
	if c.isEmpty() || c.hasCode(func(_, code string) bool { return code == "normal" }) {
		return true
	}
	switch strings.ToLower(c.label().name) {
	case "normal", "normal range", "reference range":
		return true
	}
	return false
}

// genderRange reads whom a range applies to; it is not ok for other groups of people.
func genderRange(c *concept) (gender string, ok bool) {
	if c.hasCode(func(_, code string) bool { return code == "male" || code == "248153007" }) { // the second is SNOMED CT's
		return "male", true
	}
	if c.hasCode(func(_, code string) bool { return code == "female" || code == "248152002" }) {
		return "female", true
	}
	switch strings.ToLower(c.label().name) {
	case "male", "males", "men":
		return "male", true
	case "female", "females", "women":
		return "female", true
	}
	return "", false
}

// rangeAge reads the ages that a range applies to. As the patient's age is known in whole years, one that has bounds in between does not classify.
func (d *decoder) rangeAge(r *rangeOf) {
	if !d.isThere() {
		d.skip()
		return
	}
	unread := d.next() != '{'
	low, high := d.pair("low", "high")
	bound := func(q *quantity, isHigh bool) *float64 {
		if q.value == "" {
			return nil
		}
		n, err := strconv.ParseFloat(q.value, 64)
		switch strings.ToLower(q.unit) {
		case "a", "y", "yr", "yrs", "year", "years":
		case "mo", "month", "months":
			n /= 12
			r.Other = r.Other || isHigh // up to 24 months are not up to the last day of being two years old
		default:
			r.Other = true
		}
		if err != nil || q.comparator != "" || n != math.Trunc(n) {
			r.Other = true
		}
		return &n
	}
	r.AgeLow, r.AgeHigh = bound(&low, false), bound(&high, true)
	r.Other = r.Other || unread || low.unread || high.unread || r.AgeLow == nil && r.AgeHigh == nil
}
