package fhir

import (
	"cmp"
	"slices"
	"strings"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/codes"
	"github.com/heliosai/helios-go/clinical/internal/labs"
	"github.com/heliosai/helios-go/clinical/internal/people"
)

// See https://hl7.org/fhir/R4/patient.html
type patient struct {
	place       int
	self, other reference // how others refer to it
	resource    uint64
	edition     labs.Edition
	identifiers []uint64
	birthDate   string
	died        string
	gender      string
}

func newPatient(*converter) item { return &patient{} }

func (p *patient) read(d *decoder, key []byte) bool {
	switch string(key) {
	case "birthDate":
		p.birthDate = d.date()
	case "deceasedDateTime":
		p.died = d.date()
	case "gender":
		p.gender = d.string()
	case "identifier":
		d.List(func() {
			if hash := d.identifier(); hash != 0 && d.room(len(p.identifiers)) {
				p.identifiers = append(p.identifiers, hash)
			}
		})
	case "animal": // before R4
		d.modified = d.modified || !d.Empty()
	default:
		return false
	}

	return true
}

func (p *patient) keep(c *converter, r *resource, _ *record) error {
	p.place, p.edition, p.resource = r.place, r.edition, r.name
	p.self, p.other = r.self()
	if c.d.modified {
		c.report.Drop(clinical.ModifierUnknown, "Patient", "")
		p.birthDate, p.died, p.gender = "", "", ""
	}

	is, err := c.addPatient(p)
	if err != nil {
		return err
	}
	c.learn(r, is)
	return nil
}

func (p *patient) shares(other *patient) bool {
	return slices.ContainsFunc(p.identifiers, func(id uint64) bool { return slices.Contains(other.identifiers, id) })
}

// same reports whether two Patients of the input are editions of one.
func (p *patient) same(other *patient) bool {
	if p.other.kind != noReference && other.other.kind != noReference {
		if !p.other.same(&other.other) {
			return false
		}
		if p.self.kind == noReference || other.self.kind == noReference {
			return true
		}
	}
	return p.self.kind != noReference && p.self.same(&other.self)
}

// with merges two editions of a Patient: it is as the newer one says, and known
// by all that both have.
func (p *patient) with(again *patient, report *clinical.Report) *patient {
	older, newest := p, again
	if again.edition.Before(&p.edition) {
		older, newest = again, p
	}
	reason := clinical.Replaced
	if older.birthDate == newest.birthDate && older.died == newest.died && older.gender == newest.gender {
		reason = clinical.Duplicate
	}
	report.Drop(reason, "Patient", "")
	if newest.self.kind == noReference || newest.self.base == "" && older.self.base != "" {
		newest.self = older.self
	}
	newest.other = cmp.Or(newest.other, older.other)
	newest.place = p.place
	all := p.identifiers // which can be many, unlike those of one edition
	for _, identifier := range again.identifiers {
		if len(all) < maxItems && !slices.Contains(all, identifier) {
			all = append(all, identifier)
		}
	}
	newest.identifiers = all
	return newest
}

// learn remembers what a resource says of people. Those near to the patient
// count as the patient.
func (c *converter) learn(r *resource, patient bool) {
	c.d.start(r)
	c.d.person(patient, true)
	if c.d.Bad {
		c.people.Miss()
	}
}

// miss notes that someone may be unknown, as a resource cannot be read.
func (c *converter) miss(kind string) {
	if is, _ := isPerson(kind); is {
		c.people.Miss()
	}
}

// isPerson also reports whether it is the patient or someone near.
func isPerson(kind string) (is, near bool) {
	switch kind {
	case "Patient", "RelatedPerson", "Person":
		return true, true
	}
	return kind == "Practitioner", false
}

// person is not sent, but its names are looked for in what is.
type person struct{}

func newPerson(*converter) item { return person{} }

func (person) read(*decoder, []byte) bool { return false }

func (person) keep(c *converter, r *resource, _ *record) error {
	_, near := isPerson(r.kind)
	c.learn(r, near)
	c.skip(r)
	return nil
}

// person remembers a person, if it is a whole one with contacts and extensions:
// what FHIR has no element for, such as the mother's maiden name. See
// https://hl7.org/fhir/R4/patient-profiles.html
func (d *decoder) person(patient, whole bool) {
	var name, url string
	d.object(func(key []byte) {
		switch string(key) {
		case "contact", "extension":
			if whole {
				d.each(func() { d.person(patient, false) })
			}
		case "name", "valueHumanName":
			d.each(func() { d.humanName(patient) })
		case "identifier", "telecom":
			d.each(func() { d.strings(people.Number, patient, "value") })
		case "address", "valueAddress":
			d.each(func() { d.strings(people.Address, patient, "text", "line", "city", "district", "postalCode") })
		case "birthDate":
			year, rest, _ := strings.Cut(d.short(), "-")
			month, day, _ := strings.Cut(rest, "-")
			d.people.AddDate(year, month, day, patient)
		case "generalPractitioner":
			d.mention(true)
		case "url":
			url = d.short()
		case "valueString":
			name = d.short()
		}
	})

	if strings.HasSuffix(url, "Name") {
		d.people.AddName(name, "", patient)
	}
}

// See https://hl7.org/fhir/R4/datatypes.html#HumanName
func (d *decoder) humanName(patient bool) {
	var family, given string
	d.object(func(key []byte) {
		switch string(key) {
		case "text":
			d.people.AddShown(d.short(), patient)
		case "family":
			family = d.short()
		case "given":
			d.each(func() {
				s := d.short()
				d.people.AddName(s, "", patient)
				given = cmp.Or(given, s)
			})
		}
	})

	d.people.AddName(given, family, patient)
}

func (d *decoder) strings(what people.Fact, patient bool, fields ...string) {
	d.object(func(key []byte) {
		if slices.Contains(fields, string(key)) {
			d.each(func() { d.people.Add(d.short(), what, patient) })
		}
	})
}

// short returns a string, or "" for one that is longer than any name.
func (d *decoder) short() string {
	long, garbled := d.TooLong, d.Garbled
	d.TooLong = false
	s := d.String(maxName)
	if d.TooLong {
		d.people.Miss()
	}
	d.TooLong, d.Garbled = long, garbled // it is not needed
	return s
}

// subject reads a Reference whose display is the patient's name.
func (d *decoder) subject() reference {
	garbled := d.Garbled
	r, shown := d.reference()
	d.Garbled = garbled // a name is not needed
	if kind := r.target(); shown != "" && shown != d.shown && (kind == "" || kind == "Patient") {
		d.shown = shown
		d.people.AddShown(shown, true)
	}
	return r
}

// mention reads References to staff, whose displays are remembered. They can be
// in a part of their own, such as a performer of STU3.
func (d *decoder) mention(whole bool) {
	d.each(func() {
		var shown, kind string
		d.object(func(key []byte) {
			switch string(key) {
			case "display":
				shown = d.short()
			case "reference", "type":
				if s := d.short(); kind == "" {
					kind = kindIn(s)
				}
			case "actor", "agent":
				if whole {
					d.mention(false)
				}
			}
		})
		if shown == "" || shown == d.author {
			return
		}

		d.author = shown
		switch is, near := isPerson(kind); {
		case is || isTitled(shown):
			d.people.AddShown(shown, near)
		case kind == "":
			d.people.Add(shown, people.WholeName, false)
		default:
			d.people.Add(shown, people.Address, false)
		}
	})
}

func kindIn(reference string) string {
	for part := range strings.SplitSeq(reference, "/") {
		if resourceTypes[part] {
			return part
		}
	}
	return ""
}

func isTitled(s string) bool {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r == ' ' || r == ',' || r == '.' })
	return len(words) > 1 && (titles[words[0]] || titles[words[len(words)-1]])
}

var titles = codes.Words("dr prof professor doctor mr mrs ms miss md do rn np pa phd dnp herr frau")
