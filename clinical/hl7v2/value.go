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
		v = typed(e.joined(field, ", ", e.whole))
	case "TX", "FT":
		v = typed(e.joined(field, "\n", e.whole))
	case "CE", "CWE", "CNE", "CF":
		v, is = e.codedValue(field)
	case "SN":
		v, reason = e.each(field, e.structured)
	case "NR":
		v, reason = e.each(field, e.span)
	case "DT", "TS", "DTM":
		v, reason = e.each(field, e.moment(timestamp))
	case "TM":
		v, reason = e.each(field, e.moment(clock))
	case "":
		return e.ofNoType(field)
	default:
		reason = clinical.ValueNotSent
	}
	return v, is, reason
}

// typed reads a text that someone may have typed, and that may be a number.
func typed(s string) labs.Value {
	v := labs.ParseValue(s)
	v.Free = v.Number == ""
	return v
}

// whole returns a text without the empty components that some senders add.
func (e *syntax) whole(b []byte) string { return e.textOnce(e.trim(b)) }

// trim returns b without the empty components around it.
func (e *syntax) trim(b []byte) []byte { return bytes.Trim(b, string([]byte{e.component, ' '})) }

func (e *syntax) joined(field []byte, separator string, read func([]byte) string) string {
	var all strings.Builder
	for b := range e.repetitions(field) {
		s := read(b)
		if len(b) == len(field) {
			return s
		}
		if s != "" && all.Len() > 0 {
			all.WriteString(separator)
		}
		all.WriteString(s)
	}
	return all.String()
}

// each returns several values as one text. It has a reason if one cannot be
// read.
func (e *syntax) each(field []byte, read func([]byte) (labs.Value, bool)) (v labs.Value, reason clinical.Reason) {
	text := e.joined(field, ", ", func(b []byte) string {
		one, ok := read(b)
		if !ok {
			reason = clinical.Malformed
		}
		if one.String() != "" {
			v = one
		}
		return one.String()
	})

	if text != v.String() { // there are several
		v = labs.Value{Text: text}
	}
	return v, reason
}

func (e *syntax) codedValue(field []byte) (v labs.Value, is people.Text) {
	is = people.Coded
	s := e.joined(field, ", ", func(b []byte) string {
		c := e.coded(b)
		s, one := c.text()
		if s != "" {
			is = min(is, one)
		}
		return oneLine(s)
	})

	if is == people.Typed {
		return typed(s), is
	}
	return labs.Value{Text: s}, is
}

// text returns the text of a code, an alternate code, as it was written, or the
// code. Texts of local systems are titles, as someone typed them.
func (c *coded) text() (s string, is people.Text) {
	isCoded := c[1] != "" && c[3] != "" || c[4] != "" && c[6] != ""
	for _, n := range [5]int{2, 5, 9, 1, 4} {
		system := c[3]
		if n > 3 {
			system = c[6]
		}
		switch {
		case c[n] == "":
		case n == 9 || !isCoded:
			return c[n], people.Typed
		case isTerminology(system):
			return c[n], people.Coded
		default:
			return c[n], people.Title
		}
	}

	if isTerminology(c[3]) {
		return "", people.Typed
	}
	return c[3], people.Typed // a text out of its place
}

// structured reads an SN, which some senders write as a text.
func (e *syntax) structured(b []byte) (v labs.Value, ok bool) {
	if bytes.IndexByte(b, e.component) < 0 {
		s := e.textOnce(b)
		return typed(s), s == "" || strings.ContainsFunc(s, isLetterOrDigit)
	}

	comparator, one := e.text(b, 1), e.textOnce(e.part(b, 2))
	separator, two := e.text(b, 3), e.textOnce(e.part(b, 4))
	if comparator == "=" {
		comparator = ""
	}
	if !slices.Contains([]string{"", "<", "<=", ">", ">="}, comparator) {
		return v, false
	}
	if one+two == "" {
		return v, comparator+separator == ""
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
	return labs.Value{Text: labs.Between(e.text(b, 1), e.text(b, 2))}, true
}

func (e *syntax) moment(read func([]byte) string) func([]byte) (labs.Value, bool) {
	return func(b []byte) (v labs.Value, ok bool) {
		b = e.part(b, 1)
		v.Text = strings.Replace(read(b), "T", " ", 1)
		return v, v.Text != "" || e.text(b) == ""
	}
}

// ofNoType reads a number, one text or a known code. What has other parts may
// be a document or a person.
func (e *syntax) ofNoType(field []byte) (v labs.Value, is people.Text, reason clinical.Reason) {
	if c := e.coded(field); c.isKnown() {
		v, is = e.codedValue(field)
		return v, is, ""
	}
	field = e.trim(field)
	if bytes.ContainsAny(field, string([]byte{e.component, e.sub, e.repetition})) {
		return v, is, clinical.ValueNotSent
	}
	return typed(e.textOnce(field)), people.Typed, ""
}

// isKnown reports whether a value is coded. A number, a word and "L" may be a
// person with an initial.
func (c *coded) isKnown() bool {
	system := strings.ToUpper(c[3])
	isLocal := system == "L" && !digits([]byte(c[1])) || strings.HasPrefix(system, "99")
	return c[1] != "" && (isLocal || system != "" && isTerminology(system))
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
	for i := 4; i < len(whole); i += 2 {
		to = append(append(to, "--T::"[i/2-2]), whole[i:i+2]...)
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
	at := timestamp(append([]byte("20000101"), b...))
	return at[min(len(at), len("2000-01-01T")):]
}

func digits(b []byte) bool { return len(bytes.Trim(b, "0123456789")) == 0 }
