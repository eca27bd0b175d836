package fhir

import (
	"strings"

	"github.com/heliosai/helios-go/clinical/internal/labs"
)

const loinc = "http://loinc.org"

// The data types of FHIR, with the elements that are read. See https://hl7.org/fhir/R4/datatypes.html

type coding struct{ system, code, display string }

type concept struct {
	codings []coding
	text    string
}

// isEmpty tells that nothing names the concept.
func (c *concept) isEmpty() bool { return c.text == "" && len(c.codings) == 0 }

// best returns the coding of LOINC if there is one, else the first that has a code.
func (c *concept) best() coding {
	var first coding
	for _, coding := range c.codings {
		if coding.system == loinc && coding.code != "" {
			return coding
		}
		if first.code == "" {
			first = coding
		}
	}
	return first
}

// label is what something is called.
type label struct {
	name  string
	typed bool   // someone typed the name, or may have, rather than chose it from a terminology
	coded string // what a terminology calls it, or its code, if the name was typed
}

// label returns what a person calls it.
func (c *concept) label() label {
	best := c.best()
	var coded, local string // what a terminology calls it, and what another system
	text := strings.TrimSpace(c.text)
	for i := range c.codings {
		coding := &c.codings[i]
		display := strings.TrimSpace(coding.display)
		switch {
		case display == "":
		case !coding.isCoded():
			if local == "" || *coding == best {
				local = display
			}
		case text == display:
			return label{name: text}
		case coded == "" || *coding == best:
			coded = display
		}
	}
	code := strings.TrimSpace(best.code)
	switch {
	case text != "" && coded == "":
		return label{text, true, code}
	case text != "":
		return label{text, true, coded}
	case coded != "":
		return label{name: coded}
	case local != "":
		return label{local, true, code}
	}
	return label{name: code, typed: !best.isCoded() && code != ""}
}

func (c *concept) hasCode(is func(system, code string) bool) bool {
	for _, coding := range c.codings {
		if is(coding.system, coding.code) {
			return true
		}
	}
	return false
}

func (d *decoder) concept() concept {
	var c concept
	first := len(d.codings)
	d.object(func(key []byte) {
		switch string(key) {
		case "text":
			c.text = d.string()
		case "coding":
			d.list(func() {
				coding := d.coding()
				if coding != (coding0) && d.room(len(d.codings)-first) {
					d.codings = append(d.codings, coding)
				}
			})
		default:
			d.skip()
		}
	})
	c.codings = d.codings[first:len(d.codings):len(d.codings)]
	return c
}

var coding0 coding

func (d *decoder) coding() coding {
	var c coding
	d.object(func(key []byte) {
		switch string(key) {
		case "system":
			c.system = d.string()
		case "code":
			c.code = d.string()
		case "display":
			c.display = d.string()
		default:
			d.skip()
		}
	})
	return c
}

// concepts reads a list of concepts, or one alone, which FHIR had before R4.
func (d *decoder) concepts(each func(*concept)) {
	item := func() {
		c := d.concept()
		each(&c)
	}
	if d.next() == '{' {
		item()
		return
	}
	d.list(item)
}

type quantity struct {
	value, comparator string
	unit              string // as printed, or the code
	code              string
	unread            bool // a value is there that is no number
}

func (d *decoder) quantity() quantity {
	q := quantity{unread: d.next() != '{' && d.isThere()}
	d.object(func(key []byte) {
		switch string(key) {
		case "value":
			there := d.isThere()
			q.value = d.number()
			q.unread = there && q.value == ""
		case "comparator":
			q.comparator = d.string()
		case "unit":
			q.unit = strings.TrimSpace(d.string())
		case "code":
			q.code = strings.TrimSpace(d.string())
		default:
			d.skip()
		}
	})
	if q.unit == "" {
		q.unit = q.code
	}
	return q
}

// isComparable tells whether a comparator is one that is known.
func (q *quantity) isComparable() bool {
	switch q.comparator {
	case "", "<", "<=", ">=", ">":
		return true
	}
	return false
}

func (q *quantity) number() labs.Value { return labs.Value{Comparator: q.comparator, Number: q.value} }

// pair reads an object of two quantities: a range, or a ratio.
func (d *decoder) pair(first, second string) (a, b quantity) {
	d.object(func(key []byte) {
		switch string(key) {
		case first:
			a = d.quantity()
		case second:
			b = d.quantity()
		default:
			d.skip()
		}
	})
	return a, b
}

type period struct{ start, end string }

func (d *decoder) period() period {
	var p period
	d.object(func(key []byte) {
		switch string(key) {
		case "start":
			p.start = d.date()
		case "end":
			p.end = d.date()
		default:
			d.skip()
		}
	})
	return p
}

// date reads a date or time. What is no date of FHIR is not returned, so that nothing else is sent as one.
func (d *decoder) date() string {
	const longest = len("2006-01-02T15:04:05.999999999+14:00")
	if s := d.text(); len(s) <= longest+10 && labs.ValidDate(s) {
		return s
	}
	return ""
}
