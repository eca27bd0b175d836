package fhir

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/heliosai/helios-go/clinical/internal/codes"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

type value struct {
	labs.Value
	unit     string // as printed, or the code
	unitCode string
	quantity bool   // it is a Quantity
	unread   bool   // it is there, and cannot be read
	found    bool   // it is what a qualitative test finds
	absent   string // the code that says that there is none
	// notSent names what is not sent, such as "SampledData".
	notSent string
}

func (d *decoder) quantity() value {
	v := value{quantity: !d.Empty()}
	v.unread = v.quantity && d.Kind() != '{'
	d.object(func(key []byte) {
		switch string(key) {
		case "value":
			v.Number = checked(d, d.Number, &v.unread)
		case "comparator":
			if v.Comparator = d.string(); !slices.Contains([]string{"", "<", "<=", ">=", ">"}, v.Comparator) {
				v.notSent = "comparator"
			}
		case "unit":
			v.unit = strings.TrimSpace(d.string())
		case "code":
			v.unitCode = strings.TrimSpace(d.string())
		}
	})

	v.unit = cmp.Or(v.unit, v.unitCode)
	return v
}

func (v value) withUnit() string { return strings.TrimSpace(v.String() + " " + v.unit) }

func (d *decoder) value(kind []byte) (v value) {
	switch string(kind) {
	case "Quantity":
		v = d.quantity()
	case "CodeableConcept":
		c := d.concept()
		if v.absent = c.absent(); v.absent == "" {
			label := c.label()
			v.Text, v.Free, v.found = label.Name, label.FreeName, c.isFound()
		}
	case "String":
		v.Value = labs.ParseValue(d.text())
		v.Free = v.Number == ""
	case "Boolean":
		empty := d.Empty()
		is, ok := d.Bool()
		if v.unread = !ok && !empty; ok {
			v.Text = strconv.FormatBool(is)
		}
	case "Integer":
		v.Number = checked(d, d.Number, &v.unread)
	case "Range":
		v = rangeValue(pair(d, "low", "high", d.quantity))
	case "Ratio":
		v = ratioValue(pair(d, "numerator", "denominator", d.quantity))
	case "DateTime":
		v.Text = d.date()
	case "Time":
		v.Text = d.time()
	case "Period", "SampledData":
		v.unread = true
	default:
		v.notSent = unknownType
	}

	if v.unread {
		v.notSent = string(kind)
	}
	if v.notSent != "" || v.String() == "" {
		return value{notSent: v.notSent, absent: v.absent}
	}
	return v
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

func rangeValue(low, high value) value {
	q := low
	if low.Number == "" {
		q = high
	}
	v := value{unit: q.unit, unitCode: q.unitCode, unread: low.unread || high.unread}
	switch {
	case low.Comparator != "" || high.Comparator != "":
		v.notSent = "comparator"
	case low.Number == "" && high.Number == "":
	case high.Number == "":
		v.Comparator, v.Number = ">=", low.Number
	case low.Number == "":
		v.Comparator, v.Number = "<=", high.Number
	case low.unit != high.unit && low.unit != "" && high.unit != "":
		v.unit, v.unitCode = "", ""
		v.Text = low.withUnit() + " to " + high.withUnit()
	default:
		v.Text = labs.Between(low.Number, high.Number)
	}

	return v
}

// ratioValue writes "1:128", or a number alone where converters from HL7 v2 put
// the unit into both.
func ratioValue(a, b value) value {
	v := value{unread: a.unread || b.unread, notSent: cmp.Or(a.notSent, b.notSent)}
	switch {
	case a.Number == "":
	case b.Number != "":
		v.Text = a.withUnit() + ":" + b.withUnit()
	case b.unit == "" || b.unit == a.unit:
		v.Value, v.unit, v.unitCode = a.Value, a.unit, a.unitCode
	default:
		v.unread = true
	}
	return v
}

// See
// https://hl7.org/fhir/R4/observation-definitions.html#Observation.referenceRange
func (d *decoder) referenceRange() (r labs.Range, long bool) {
	var low, high value
	modified, tooLong := d.modified, d.TooLong
	d.modified, d.TooLong = false, false
	d.object(func(key []byte) {
		switch string(key) {
		case "low":
			low = d.quantity()
		case "high":
			high = d.quantity()
		case "text":
			r.Text = strings.TrimSpace(d.string())
		case "type", "meaning", "appliesTo": // of which the second is DSTU2's
			next := d.Kind()
			r.Other = r.Other || next != '[' && next != '{' && !d.Empty()
			d.concepts(func(c *concept) {
				if !isNormalRange(c) {
					gender := genderRange(c)
					r.Other = r.Other || gender == "" || r.Gender != "" && r.Gender != gender
					r.Gender = gender
				}
			})
		case "age":
			d.rangeAge(&r)
		}
	})

	r.Other, long = r.Other || d.modified, d.TooLong // the result is as it was
	d.modified, d.TooLong = modified, tooLong
	// Without a bound that cannot be read the range would say something else.
	noNumber := low.quantity && low.Number == "" || high.quantity && high.Number == ""
	r.Broken = noNumber || low.Comparator != "" || high.Comparator != "" ||
		low.Number != "" && high.Number != "" && low.unit != high.unit && low.unit != "" && high.unit != ""
	switch {
	case !r.Broken:
		r.Low, r.High = low.Number, high.Number
		q := low
		if q.Number == "" || q.unit == "" {
			q = high
		}
		r.Unit, r.UnitCode = q.unit, q.unitCode
	case r.Text == "" && !noNumber: // it is sent as it is written
		r.Text = strings.TrimSpace(low.withUnit() + " to " + high.withUnit())
	}

	return r, long
}

// isNormalRange reports whether a range is not, say, a treatment's goal.
func isNormalRange(c *concept) bool {
	return c.isEmpty() || c.hasCode("normal") || normalRanges[strings.ToLower(c.label().Name)]
}

var normalRanges = codes.Set("normal", "normal range", "reference range")

// genderRange returns the gender that a range is for, "" for what is none.
func genderRange(c *concept) string {
	gender := codes.Gender(c.label().Name)
	for _, coding := range c.codings {
		gender = cmp.Or(rangeGenders[coding.code], gender)
	}
	if gender != "male" && gender != "female" {
		return ""
	}
	return gender
}

// rangeGenders are codes of FHIR and SNOMED CT.
var rangeGenders = map[string]string{
	"male": "male", "female": "female", "248153007": "male", "248152002": "female",
}

// rangeAge reads ages in whole years, as the patient's is known in these.
func (d *decoder) rangeAge(r *labs.Range) {
	if d.Empty() {
		return
	}

	r.Other = r.Other || d.Kind() != '{'
	low, high := pair(d, "low", "high", d.quantity)
	bound := func(q *value, isHigh bool) *float64 {
		r.Other = r.Other || q.unread
		if q.Number == "" {
			return nil
		}
		n, err := strconv.ParseFloat(q.Number, 64)
		switch strings.ToLower(q.unit) {
		case "a", "y", "yr", "yrs", "year", "years":
		case "mo", "month", "months":
			n /= 12
			r.Other = r.Other || isHigh // up to 24 months are not up to the last day of being two years old
		default:
			r.Other = true
		}
		r.Other = r.Other || err != nil || q.Comparator != "" || n != math.Trunc(n)
		return &n
	}

	r.AgeLow, r.AgeHigh = bound(&low, false), bound(&high, true)
	r.Other = r.Other || r.AgeLow == nil && r.AgeHigh == nil
}
