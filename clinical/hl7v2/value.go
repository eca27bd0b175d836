package hl7v2

import (
	"bytes"
	"slices"
	"strings"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// value reads OBX-5 as its type, OBX-2, says. A reason tells why it is not sent; text tells that the value is of a type for text.
func (e *encoding) value(kind string, field []byte) (v labs.Value, text bool, reason clinical.Reason) {
	switch kind {
	case "NM", "SI":
		return e.typed(e.joined(field, ", ", e.whole)), false, ""
	case "SN":
		v, reason = e.each(field, e.structured)
		return v, false, reason
	case "ST", "ID", "IS":
		return e.typed(e.joined(field, ", ", e.whole)), true, ""
	case "TX", "FT":
		return e.typed(e.joined(field, "\n", e.whole)), true, ""
	case "CE", "CWE", "CNE", "CF":
		return e.coded(field)
	case "NR":
		v, reason = e.each(field, func(b []byte) (labs.Value, bool) {
			return labs.Value{Text: between(e.componentText(b, 1), e.componentText(b, 2))}, true
		})
		return v, false, reason
	case "DT", "TS", "DTM":
		v, reason = e.each(field, func(b []byte) (labs.Value, bool) { return e.moment(b, timestamp) })
		return v, false, reason
	case "TM":
		v, reason = e.each(field, func(b []byte) (labs.Value, bool) { return e.moment(b, clock) })
		return v, false, reason
	case "":
		return e.untyped(field)
	}
	return v, false, clinical.ValueNotSent
}

// typed reads a text that someone may have typed, and that may be a number.
func (e *encoding) typed(s string) labs.Value {
	v := labs.ParseValue(s)
	v.Free = v.Number == ""
	return v
}

// whole returns all of a repetition: a text has no components.
func (e *encoding) whole(b []byte) string { return e.textOnce(b) }

// joined returns the repetitions of a field that are not empty.
func (e *encoding) joined(field []byte, separator string, read func([]byte) string) string {
	if e.repetition == 0 || bytes.IndexByte(field, e.repetition) < 0 {
		return read(field)
	}
	var all strings.Builder
	e.repetitions(field, func(b []byte) {
		if s := read(b); s != "" {
			if all.Len() > 0 {
				all.WriteString(separator)
			}
			all.WriteString(s)
		}
	})
	return all.String()
}

// each reads the repetitions of a field. Several values are one text; where one cannot be read, none is.
func (e *encoding) each(field []byte, read func([]byte) (labs.Value, bool)) (all labs.Value, reason clinical.Reason) {
	e.repetitions(field, func(b []byte) {
		v, ok := read(b)
		switch {
		case !ok:
			reason = clinical.Malformed
		case v.String() == "", len(all.Text) > maxAnyText:
		case all.String() == "":
			all = v
		default:
			all = labs.Value{Text: all.String() + ", " + v.String()}
		}
	})
	return all, reason
}

// coded reads the texts of codes. They are free text if one of them has no code of a system.
func (e *encoding) coded(field []byte) (v labs.Value, text bool, _ clinical.Reason) {
	free := false
	s := e.joined(field, ", ", func(b []byte) string {
		s, coded := e.codedText(b)
		free = free || s != "" && !coded
		return oneLine(s)
	})
	if free {
		return e.typed(s), false, ""
	}
	return labs.Value{Text: s}, false, ""
}

// codedText returns the text of a coded element: of its code, else of its alternate code, else as it was written, else the code itself.
func (e *encoding) codedText(b []byte) (s string, coded bool) {
	coded = len(e.componentText(b, 1)) > 0 && len(e.componentText(b, 3)) > 0 || len(e.componentText(b, 4)) > 0 && len(e.componentText(b, 6)) > 0
	for _, n := range [5]int{2, 5, 9, 1, 4} {
		if s = e.componentText(b, n); s != "" {
			return s, coded && n != 9
		}
	}
	return "", coded
}

// structured reads a structured number: comparator, number, separator, number.
func (e *encoding) structured(b []byte) (v labs.Value, ok bool) {
	comparator, one := e.componentText(b, 1), e.textOnce(nth(b, e.component, 2))
	separator, two := e.componentText(b, 3), e.textOnce(nth(b, e.component, 4))
	switch comparator {
	case "", "=":
		comparator = ""
	case "<", "<=", ">", ">=":
	default:
		return v, false
	}
	if one == "" && two == "" {
		return v, comparator == "" && separator == ""
	}
	if labs.ParseValue(one).Number == "" || two != "" && labs.ParseValue(two).Number == "" {
		return v, false
	}
	switch {
	case separator == "" && two == "":
		return labs.Value{Comparator: comparator, Number: one}, true
	case separator == "-" && two != "":
		return labs.Value{Text: comparator + between(one, two)}, true
	case slices.Contains([]string{"+", "/", ":", "."}, separator):
		return labs.Value{Text: comparator + one + separator + two}, true
	}
	return v, false
}

func between(low, high string) string {
	switch {
	case low == "" || high == "":
		return low + high
	case strings.HasPrefix(low, "-") || strings.HasPrefix(high, "-"):
		return low + " to " + high
	}
	return low + "-" + high
}

func (e *encoding) moment(b []byte, read func([]byte) string) (v labs.Value, ok bool) {
	if b = nth(b, e.component, 1); e.text(b) == "" {
		return v, true
	}
	v.Text = strings.Replace(read(b), "T", " ", 1)
	return v, v.Text != ""
}

// untyped reads a value whose type is missing: a number or one text. Where it has parts nobody knows what they are, and they may be a document or a person.
func (e *encoding) untyped(field []byte) (v labs.Value, text bool, reason clinical.Reason) {
	for _, c := range field {
		if c == e.component || c == e.sub || c == e.repetition {
			return v, false, clinical.ValueNotSent
		}
	}
	return e.typed(e.textOnce(field)), true, ""
}
