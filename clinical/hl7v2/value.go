package hl7v2

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
	"github.com/heliosai/helios-go/clinical/internal/people"
)

var textTypes = map[string]bool{"": true, "ST": true, "ID": true, "IS": true, "TX": true, "FT": true}

// value also returns what kind of text it is, or why it is not sent.
func (e *syntax) value(kind string, field []byte) (v labs.Value, is people.Text, reason clinical.Reason) {
	switch kind {
	case "NM", "SI", "ST", "ID", "IS":
		v = e.typed(e.joined(field, ", ", e.whole))
	case "TX", "FT":
		v = e.typed(e.joined(field, "\n", e.whole))
	case "CE", "CWE", "CNE", "CF":
		v, is = e.coded(field)
	case "SN":
		v, reason = e.each(field, e.structured)
	case "NR":
		v, reason = e.each(field, e.span)
	case "DT", "TS", "DTM":
		v, reason = e.each(field, func(b []byte) (labs.Value, bool) { return e.moment(b, timestamp) })
	case "TM":
		v, reason = e.each(field, func(b []byte) (labs.Value, bool) { return e.moment(b, clock) })
	case "":
		return e.untyped(field)
	default:
		reason = clinical.ValueNotSent
	}
	return v, is, reason
}

// typed reads a text that someone may have typed, and that may be a number.
func (e *syntax) typed(s string) labs.Value {
	v := labs.ParseValue(s)
	v.Free = v.Number == ""
	return v
}

// whole returns a text without the empty components that some senders add.
func (e *syntax) whole(b []byte) string { return e.textOnce(e.trim(b)) }

// trim returns b without the empty components around it.
func (e *syntax) trim(b []byte) []byte { return bytes.Trim(b, string([]byte{e.component, ' '})) }

func (e *syntax) joined(field []byte, separator string, read func([]byte) string) string {
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

// each returns several values as one text, none if one cannot be read.
func (e *syntax) each(field []byte, read func([]byte) (labs.Value, bool)) (all labs.Value, reason clinical.Reason) {
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

func (e *syntax) coded(field []byte) (v labs.Value, is people.Text) {
	is = people.Coded
	s := e.joined(field, ", ", func(b []byte) string {
		s, one := e.codedText(b)
		if s != "" {
			is = min(is, one)
		}
		return oneLine(s)
	})

	if is == people.Typed {
		return e.typed(s), is
	}
	return labs.Value{Text: s}, is
}

// codedText returns the text of a code, an alternate code, as it was written,
// or the code. Texts of local systems are titles, as someone typed them.
func (e *syntax) codedText(b []byte) (s string, is people.Text) {
	has := func(n int) bool { return e.componentText(b, n) != "" }
	isCoded := has(1) && has(3) || has(4) && has(6)
	for _, n := range [5]int{2, 5, 9, 1, 4} {
		s = e.componentText(b, n)
		system := 3
		if n > system {
			system = 6
		}
		switch {
		case s == "":
		case n == 9 || !isCoded:
			return s, people.Typed
		case isTerminology(e.componentText(b, system)):
			return s, people.Coded
		default:
			return s, people.Title
		}
	}

	if s = e.componentText(b, 3); isTerminology(s) {
		s = ""
	}
	return s, people.Typed // a text out of its place
}

// structured reads an SN, which some senders write as a text.
func (e *syntax) structured(b []byte) (v labs.Value, ok bool) {
	if bytes.IndexByte(b, e.component) < 0 {
		s := e.textOnce(b)
		return e.typed(s), s == "" || strings.ContainsFunc(s, isLetterOrDigit)
	}

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
	number := labs.ParseValue(one)
	if number.Number == "" || number.Comparator != "" && comparator+separator+two != "" || two != "" &&
		labs.ParseValue(two).Number == "" {
		return v, false
	}
	switch {
	case separator == "" && two == "":
		number.Comparator = cmp.Or(comparator, number.Comparator)
		return number, true
	case separator == "-" && two != "":
		return labs.Value{Text: comparator + labs.Between(one, two)}, true
	case slices.Contains([]string{"+", "/", ":", "."}, separator):
		return labs.Value{Text: comparator + one + separator + two}, true
	}
	return v, false
}

func (e *syntax) span(b []byte) (v labs.Value, ok bool) {
	return labs.Value{Text: labs.Between(e.componentText(b, 1), e.componentText(b, 2))}, true
}

func (e *syntax) moment(b []byte, read func([]byte) string) (v labs.Value, ok bool) {
	if b = nth(b, e.component, 1); e.text(b) == "" {
		return v, true
	}
	v.Text = strings.Replace(read(b), "T", " ", 1)
	return v, v.Text != ""
}

// untyped reads a number, one text or a known code. What has other parts may be
// a document or a person.
func (e *syntax) untyped(field []byte) (v labs.Value, is people.Text, reason clinical.Reason) {
	if e.isCode(e.first(field)) {
		v, is = e.coded(field)
		return v, is, ""
	}
	field = e.trim(field)
	if bytes.ContainsAny(field, string([]byte{e.component, e.sub, e.repetition})) {
		return v, is, clinical.ValueNotSent
	}
	return e.typed(e.textOnce(field)), people.Typed, ""
}

// isCode reports whether a value is coded. A number, a word and "L" may be a
// person with an initial.
func (e *syntax) isCode(b []byte) bool {
	code, system := e.componentText(b, 1), strings.ToUpper(e.compared(b, 3))
	isLocal := system == "L" && !digits([]byte(code)) || strings.HasPrefix(system, "99")
	return code != "" && (isLocal || system != "" && isTerminology(system))
}

const maxTimestamp = 32

// timestamp returns YYYY[MM[DD[HH[MM[SS[.S]]]]]][+ZZZZ] in FHIR's form, as
// precise and in the zone as written; "" for what is no date.
func timestamp(b []byte) string {
	b = bytes.TrimSpace(b)
	if len(b) > maxTimestamp {
		return ""
	}

	var zone []byte
	if i := bytes.IndexAny(b, "+-"); i >= 0 {
		b, zone = b[:i], b[i:]
		if len(zone) != 5 || !digits(zone[1:]) {
			return ""
		}
	}

	whole, fraction, _ := bytes.Cut(b, []byte("."))
	if !digits(whole) || !digits(fraction) || len(whole) < 4 || len(whole) > 14 || len(whole)%2 != 0 {
		return ""
	}

	to := make([]byte, 0, 32)
	to = append(to, whole[:4]...)
	for i, before := range [5]byte{'-', '-', 'T', ':', ':'} {
		at := 4 + 2*i
		if at >= len(whole) {
			break
		}
		to = append(append(to, before), whole[at:at+2]...)
	}

	if date := string(to[:min(len(to), 10)]); !labs.ValidDate(date) || date[:4] == "0000" {
		return ""
	}
	if len(whole) == 14 && len(fraction) > 0 {
		to = append(append(to, '.'), fraction...)
	}
	if len(whole) > 8 && len(zone) > 0 {
		to = append(append(append(to, zone[:3]...), ':'), zone[3:]...)
	}
	return string(to)
}

// clock returns a time of day, HH[MM[SS[.S]]], with colons; "" if it is none.
func clock(b []byte) string {
	b = bytes.TrimSpace(b)
	if i := bytes.IndexAny(b, "+-."); i >= 0 {
		b = b[:i]
	}
	if !digits(b) || len(b) < 2 || len(b) > 6 || len(b)%2 != 0 {
		return ""
	}

	to := append(make([]byte, 0, 8), b[:2]...)
	for i := 2; i < len(b); i += 2 {
		to = append(append(to, ':'), b[i:i+2]...)
	}
	return string(to)
}

func digits(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return true
}
