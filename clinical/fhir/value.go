package fhir

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/heliosai/helios-go/clinical/internal/codes"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

type quantity struct {
	value, comparator string
	unit              string // as printed, or the code
	code              string
	there, unread     bool // unread if it is no number
}

func (d *decoder) quantity() quantity {
	q := quantity{there: !d.Empty()}
	q.unread = q.there && d.Kind() != '{'
	d.object(func(key []byte) {
		switch string(key) {
		case "value":
			q.value, q.unread = d.number()
		case "comparator":
			q.comparator = d.string()
		case "unit":
			q.unit = strings.TrimSpace(d.string())
		case "code":
			q.code = strings.TrimSpace(d.string())
		}
	})

	if q.unit == "" {
		q.unit = q.code
	}
	return q
}

func (q *quantity) isComparable() bool {
	return slices.Contains([]string{"", "<", "<=", ">=", ">"}, q.comparator)
}

func (q *quantity) String() string { return strings.TrimSpace(q.number().String() + " " + q.unit) }

func (q *quantity) number() labs.Value { return labs.Value{Comparator: q.comparator, Number: q.value} }

func (d *decoder) pair(first, second string) (a, b quantity) {
	d.object(func(key []byte) {
		switch string(key) {
		case first:
			a = d.quantity()
		case second:
			b = d.quantity()
		}
	})
	return a, b
}

type value struct {
	labs.Value
	unit, unitCode string
	quantity       bool   // it is a Quantity
	found          bool   // it is what a qualitative test finds
	absent         string // the code that says that there is none
	// notSent names a type that is not sent, such as "SampledData".
	notSent string
}

func (d *decoder) value(kind []byte) value {
	switch string(kind) {
	case "Quantity":
		q := d.quantity()
		switch {
		case q.unread:
			return value{notSent: "Quantity"}
		case q.value == "":
			return value{}
		case !q.isComparable():
			return value{notSent: "comparator"}
		}
		return value{Value: q.number(), unit: q.unit, unitCode: q.code, quantity: true}
	case "CodeableConcept":
		c := d.concept()
		if absent := c.absent(); absent != "" {
			return value{absent: absent}
		}
		label := c.label()
		return value{Value: labs.Value{Text: label.name, Free: label.typed}, found: c.isFound()}
	case "String":
		v := labs.ParseValue(d.text())
		v.Free = v.Number == ""
		return value{Value: v}
	case "Boolean":
		empty := d.Empty()
		is, ok := d.Bool()
		switch {
		case ok:
			return value{Value: labs.Value{Text: strconv.FormatBool(is)}}
		case empty:
			return value{}
		}
		return value{notSent: "boolean"}
	case "Integer":
		n, unread := d.number()
		if unread {
			return value{notSent: "integer"}
		}
		return value{Value: labs.Value{Number: n}}
	case "Range":
		return rangeValue(d.pair("low", "high"))
	case "Ratio":
		return ratioValue(d.pair("numerator", "denominator"))
	case "DateTime":
		return value{Value: labs.Value{Text: d.date()}}
	case "Time":
		return value{Value: labs.Value{Text: d.time()}}
	case "Period", "SampledData":
		return value{notSent: string(kind)}
	}
	return value{notSent: "unknown type"}
}

func (c *concept) absent() string {
	reason := ""
	for i := range c.codings {
		coding := &c.codings[i]
		switch system := strings.ToLower(coding.system); {
		case strings.HasSuffix(system, "data-absent-reason"):
			reason = codes.AbsentReason(coding.code)
		case strings.HasSuffix(system, "nullflavor"), system == "urn:oid:2.16.840.1.113883.5.1008":
			reason = "unknown"
		case coding.isCoded():
			return ""
		}
	}

	return reason
}

func (d *decoder) time() string {
	s := d.text()
	if len(s) < len("15:04:05") || len(s) > len("15:04:05.999999999") || strings.Trim(s, "0123456789:.") != "" {
		return ""
	}
	return s
}

func rangeValue(low, high quantity) value {
	q := low
	if low.value == "" {
		q = high
	}
	v := value{unit: q.unit, unitCode: q.code}
	switch {
	case low.unread || high.unread:
		return value{notSent: "Range"}
	case low.comparator != "" || high.comparator != "":
		return value{notSent: "comparator"}
	case low.value == "" && high.value == "":
		return value{}
	case high.value == "":
		v.Value = labs.Value{Comparator: ">=", Number: low.value}
	case low.value == "":
		v.Value = labs.Value{Comparator: "<=", Number: high.value}
	case low.unit != high.unit && low.unit != "" && high.unit != "":
		v.unit, v.unitCode = "", ""
		v.Text = low.value + " " + low.unit + " to " + high.value + " " + high.unit
	default:
		v.Text = labs.Between(low.value, high.value)
	}

	return v
}

// ratioValue writes "1:128", or a number alone where converters from HL7 v2 put
// the unit into both.
func ratioValue(a, b quantity) value {
	switch {
	case a.unread || b.unread:
		return value{notSent: "Ratio"}
	case !a.isComparable() || !b.isComparable():
		return value{notSent: "comparator"}
	case a.value == "":
		return value{}
	case b.value == "" && (b.unit == "" || b.unit == a.unit):
		return value{Value: a.number(), unit: a.unit, unitCode: a.code}
	case b.value == "":
		return value{notSent: "Ratio"}
	}

	return value{Value: labs.Value{Text: a.String() + ":" + b.String()}}
}

type rangeOf struct {
	labs.Range
	code string
	long bool // its text is longer than is read
}

// rangesOf returns ranges, in the value's unit if the codes are the same.
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

// See
// https://hl7.org/fhir/R4/observation-definitions.html#Observation.referenceRange
func (d *decoder) referenceRange() rangeOf {
	var r rangeOf
	var low, high quantity
	modified := d.modified
	d.modified = false
	d.object(func(key []byte) {
		switch string(key) {
		case "low":
			low = d.quantity()
		case "high":
			high = d.quantity()
		case "text":
			long := d.TooLong
			d.TooLong = false
			r.Text = strings.TrimSpace(d.string())
			r.long, d.TooLong = d.TooLong, long
		case "type", "meaning": // of which the second is DSTU2's
			unread := d.Kind() != '{' && !d.Empty()
			c := d.concept()
			r.Other = r.Other || unread || !isNormalRange(&c)
		case "appliesTo":
			next := d.Kind()
			r.Other = r.Other || next != '[' && next != '{' && !d.Empty()
			d.concepts(func(c *concept) {
				if isNormalRange(c) { // as some write the type
					return
				}
				gender, ok := genderRange(c)
				r.Other = r.Other || !ok || r.Gender != "" && r.Gender != gender
				r.Gender = gender
			})
		case "age":
			d.rangeAge(&r)
		}
	})

	r.Other = r.Other || d.modified // it does not change the result
	d.modified = modified
	// Without a bound that cannot be read the range would say something else.
	noNumber := low.there && low.value == "" || high.there && high.value == ""
	r.Broken = noNumber || low.comparator != "" || high.comparator != "" ||
		low.value != "" && high.value != "" && low.unit != high.unit && low.unit != "" && high.unit != ""
	switch {
	case !r.Broken:
		r.Low, r.High = low.value, high.value
		q := low
		if q.value == "" || q.unit == "" {
			q = high
		}
		r.Unit, r.code = q.unit, q.code
	case r.Text == "" && !noNumber: // it is sent as it is written
		r.Text = strings.TrimSpace(low.String() + " to " + high.String())
	}

	return r
}

// isNormalRange reports whether a range is not, say, a treatment's goal.
func isNormalRange(c *concept) bool {
	if c.isEmpty() || c.hasCode("normal") {
		return true
	}
	switch strings.ToLower(c.label().name) {
	case "normal", "normal range", "reference range":
		return true
	}
	return false
}

func genderRange(c *concept) (gender string, ok bool) {
	gender = codes.Gender(c.label().name)
	for _, coding := range c.codings {
		switch coding.code {
		case "male", "248153007": // the second is SNOMED CT's
			gender = "male"
		case "female", "248152002":
			gender = "female"
		}
	}
	return gender, gender == "male" || gender == "female"
}

// rangeAge reads ages in whole years, as the patient's is known in these.
func (d *decoder) rangeAge(r *rangeOf) {
	if d.Empty() {
		return
	}

	unread := d.Kind() != '{'
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
