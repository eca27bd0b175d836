package fhir

import (
	"bytes"
	"hash/maphash"
	"strings"

	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// observation is what is read of an Observation. See https://hl7.org/fhir/R4/observation.html
type observation struct {
	status     string
	is         category
	word       string // for its category
	code       concept
	subject    reference
	focus      bool   // it is about something else than its subject, such as an implant
	date       string // when it was true of the patient
	issued     string
	end, start string
	identifier uint64 // its hash
	question   bool   // of an order, not a result
	hasMember  bool
	content
	components []component
	patients   []containedPatient
	inside     []insideObservation
	edition    labs.Edition
}

// content is what an Observation and a component of it have in common.
type content struct {
	value  value
	absent string // why there is no value
	flags  []labs.Flag
	ranges []rangeOf
	key    []byte // that value came with
}

type component struct {
	code concept
	content
}

// containedPatient is a Patient inside of an Observation.
type containedPatient struct {
	id   string
	hash uint64
	*patient
}

func (d *decoder) observation(o *observation, r *resource, seed maphash.Seed) {
	*o = observation{components: o.components[:0], edition: r.edition}
	d.object(func(key []byte) {
		if o.read(d, key) {
			return
		}
		switch string(key) {
		case "meta":
			d.meta(&o.edition)
		case "status":
			o.status = d.string()
		case "category":
			o.is, o.word = uncategorised, "" // of a key that comes twice the last counts, as everywhere
			d.concepts(func(c *concept) {
				if is, word := categoryOf(c); is > o.is {
					o.is, o.word = is, word
				}
			})
		case "code":
			o.code = d.concept()
		case "subject":
			o.subject = d.subject(seed)
		case "focus":
			d.list(func() {
				d.skip()
				o.focus = true
			})
		case "effectiveDateTime", "effectiveInstant":
			o.date = d.date()
		case "effectivePeriod":
			p := d.period()
			o.end, o.start = p.end, p.start
		case "issued":
			o.issued = d.date()
		case "identifier":
			d.list(func() {
				if hash := d.identifier(seed); o.identifier == 0 {
					o.identifier = hash
				}
			})
		case "extension":
			o.question = d.isQuestion(false) || o.question
		case "hasMember":
			d.list(func() {
				d.skip()
				o.hasMember = true
			})
		case "component":
			o.components = o.components[:0]
			d.list(func() {
				if c := d.component(); d.room(len(o.components)) {
					o.components = append(o.components, c)
				}
			})
		case "performer":
			d.mention()
		case "contained":
			d.contained(o, seed)
		default:
			d.skip()
		}
	})
}

func (d *decoder) component() component {
	var c component
	d.object(func(key []byte) {
		switch {
		case c.read(d, key):
		case string(key) == "code":
			c.code = d.concept()
		default:
			d.skip()
		}
	})
	return c
}

// read reads a field of the content, if key is one.
func (c *content) read(d *decoder, key []byte) bool {
	switch string(key) {
	case "dataAbsentReason":
		reason := d.concept()
		c.absent = "unknown"
		for _, coding := range reason.codings {
			c.absent = known(absentReasons, coding.code, "unknown")
		}
	case "interpretation":
		c.flags = nil
		if d.next() == '"' {
			c.flags = []labs.Flag{{Text: d.string()}}
			return true
		}
		d.concepts(func(i *concept) {
			if d.room(len(c.flags)) {
				c.flags = append(c.flags, flagsOf(i)...)
			}
		})
	case "referenceRange":
		c.ranges = nil
		long := false
		d.list(func() {
			if r := d.referenceRange(); d.room(len(c.ranges)) && r != (rangeOf{}) {
				c.ranges = append(c.ranges, r)
				long = long || r.long
			}
		})
		if long { // what it says may limit the others
			c.ranges = []rangeOf{{Range: labs.Range{Broken: true}}}
		}
	default:
		kind, ok := bytes.CutPrefix(key, []byte("value"))
		if !ok {
			return false
		}
		several := c.key != nil && !bytes.Equal(c.key, key)
		c.key, c.value = key, d.value(kind)
		if several {
			c.value = value{notSent: "several"}
		}
	}
	return true
}

// flagsOf returns what an interpretation says: its codes, and the words where they are others than the codes'.
func flagsOf(i *concept) []labs.Flag {
	var flags []labs.Flag
	said := i.text == ""
	for _, coding := range i.codings {
		flags = append(flags, labs.Flag{System: coding.system, Code: coding.code, Text: coding.display})
		said = said || strings.EqualFold(i.text, coding.display) || strings.EqualFold(i.text, coding.code)
	}
	if !said {
		flags = append(flags, labs.Flag{Text: i.text})
	}
	return flags
}

// isQuestion reads extensions and tells whether one says that the Observation answers a question of the order, such as whether the patient is pregnant:
// field OBX-29 of HL7 v2, which converters from it keep as an extension, or as a part of one.
func (d *decoder) isQuestion(isPart bool) bool {
	question := false
	d.list(func() {
		nature, answer := false, false
		d.object(func(key []byte) {
			switch {
			case string(key) == "url":
				nature = d.stringIs("OBX.29")
			case string(key) == "valueId" || string(key) == "valueCode" || string(key) == "valueString":
				answer = d.stringIs("QST")
			case string(key) == "extension" && !isPart:
				question = d.isQuestion(true) || question
			default:
				d.skip()
			}
		})
		question = question || nature && answer
	})
	return question
}

// insideObservation is where in a resource an Observation is that it contains.
type insideObservation struct{ from, to int }

func (d *decoder) insideObservation(list []insideObservation) []insideObservation {
	from := d.pos
	if d.skip(); !d.room(len(list)) {
		return list
	}
	return append(list, insideObservation{from, d.pos})
}

// contained reads the people and the Observations that an Observation contains.
func (d *decoder) contained(o *observation, seed maphash.Seed) {
	d.list(func() {
		kind, id := d.peekType()
		switch kind {
		case "Patient":
			o.patients = d.containedPatient(o.patients, id, seed)
		case "Observation":
			o.inside = d.insideObservation(o.inside)
		default:
			d.containedPerson(kind)
		}
	})
}

func (d *decoder) containedPatient(list []containedPatient, id string, seed maphash.Seed) []containedPatient {
	start := d.pos
	p := d.patient(&resource{kind: "Patient", id: id}, seed)
	if end := d.pos; !d.bad && d.room(len(list)) {
		list = append(list, containedPatient{id, maphash.Bytes(seed, d.data[start:end]), p})
		d.pos = start
		d.person(true)
	}
	return list
}

// peekType returns the type and the id of a resource that comes next, and leaves it there.
func (d *decoder) peekType() (kind, id string) {
	d.next()
	start, modified := d.pos, d.modified
	d.object(func(key []byte) {
		switch string(key) {
		case "resourceType":
			kind = d.string()
		case "id":
			id = d.string()
		default:
			d.skip()
		}
	})
	d.pos, d.modified = start, modified
	return kind, id
}
