package fhir

import (
	"strings"

	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// value is what was found, with its unit.
type value struct {
	labs.Value
	unit, unitCode string
	quantity       bool // it is a Quantity
	// notSent names the type of a value that is not sent, such as "SampledData".
	notSent string
}

// value reads a value[x] of a type.
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
		label := c.label()
		return value{Value: labs.Value{Text: label.name, Free: label.typed}}
	case "String":
		v := labs.ParseValue(d.text())
		v.Free = v.Number == ""
		return value{Value: v}
	case "Boolean":
		there := d.isThere()
		is, ok := d.isTrue()
		switch {
		case !ok && there:
			return value{notSent: "boolean"}
		case !ok:
			return value{}
		case is:
			return value{Value: labs.Value{Text: "true"}}
		}
		return value{Value: labs.Value{Text: "false"}}
	case "Integer":
		there := d.isThere()
		v := value{Value: labs.Value{Number: d.number()}}
		if there && v.Number == "" {
			v.notSent = "integer"
		}
		return v
	case "Range":
		return rangeValue(d.pair("low", "high"))
	case "Ratio":
		return ratioValue(d.pair("numerator", "denominator"))
	case "DateTime":
		return value{Value: labs.Value{Text: d.date()}}
	case "Time":
		return value{Value: labs.Value{Text: d.time()}}
	case "Period":
		d.skip()
		return value{notSent: "Period"}
	case "SampledData":
		d.skip()
		return value{notSent: "SampledData"}
	}
	d.skip()
	return value{notSent: "unknown type"}
}

// time returns a time of day, or "" for what is none.
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
	case strings.HasPrefix(low.value, "-") || strings.HasPrefix(high.value, "-"):
		v.Text = low.value + " to " + high.value
	default:
		v.Text = low.value + "-" + high.value
	}
	return v
}

// ratioValue writes "1:128". Converters from HL7 v2 write a number alone as a ratio whose denominator repeats the unit and has no value.
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
	part := func(q *quantity) string { return strings.TrimSpace(q.number().String() + " " + q.unit) }
	return value{Value: labs.Value{Text: part(&a) + ":" + part(&b)}}
}
