package fhir

import (
	"hash/maphash"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
	"github.com/heliosai/helios-go/clinical/internal/people"
)

// What is sent comes from few fields, none of which is for a name or an address. Texts can hold them nevertheless, so they are looked through: what the input says of
// people in other fields does not leave, nor, in what someone typed, what looks like a way to reach someone, nor a text so long that it is a narrative.

const (
	maxPhrase = 200  // characters that a name, or a value in words, can have
	maxDosage = 1000 // and an instruction how to take a drug
	// maxPeople is how many names, numbers and addresses are kept. With more, what someone typed is not sent.
	maxPeople = 1 << 17
)

// clear looks through a text, and lets the caller change what someone typed. It returns why the text is not sent.
func (c *converter) clear(text *string, typed bool, longest int, is people.Text) clinical.Reason {
	if *text == "" {
		return ""
	}
	if !typed {
		is = people.Coded
	} else if c.opts.Redact != nil {
		*text = strings.TrimSpace(c.opts.Redact(*text))
		if *text == "" {
			return clinical.Withheld
		}
	}
	*text = strings.ToValidUTF8(*text, "\ufffd")
	switch {
	case typed && (len(*text) > longest && utf8.RuneCountInString(*text) > longest || longest == maxPhrase && strings.ContainsAny(*text, "\n\r")):
		return clinical.Narrative
	case c.d.people.Identifies(*text, is):
		return clinical.Identifying
	}
	return ""
}

// clearLabel is clear for a name. In place of one that cannot be sent stands that of the terminology, if there is one; instead says why.
func (c *converter) clearLabel(l *label) (reason, instead clinical.Reason) {
	reason = c.clear(&l.name, l.typed, maxPhrase, people.Title)
	if reason == "" || reason == clinical.Withheld || l.coded == "" || c.d.people.Identifies(l.coded, people.Coded) {
		return reason, ""
	}
	l.name = l.coded
	return "", reason
}

// clearOften is clear for how often a drug is taken. Where that is coded, it can have a unit.
func (c *converter) clearOften(text *string, typed bool) clinical.Reason {
	if !typed && c.d.people.Identifies(*text, people.Unit) {
		return clinical.Identifying
	}
	return c.clear(text, typed, maxPhrase, people.Typed)
}

// clearUnit looks through a unit. In place of one that cannot be sent stands its code.
func (c *converter) clearUnit(r *labs.Result) clinical.Reason {
	reason := func(unit string) clinical.Reason {
		switch {
		case len(unit) > maxPhrase || strings.ContainsAny(unit, "\n\r"):
			return clinical.Narrative
		case c.d.people.Identifies(unit, people.Unit):
			return clinical.Identifying
		}
		return ""
	}
	why := reason(r.Unit)
	if why == "" || r.UnitCode == "" || reason(r.UnitCode) != "" {
		return why
	}
	r.Unit = r.UnitCode
	note(r, why)
	return ""
}

// note adds a reservation to a result. Its notes are shared with others.
func note(r *labs.Result, reason clinical.Reason) { r.Notes = append(slices.Clip(r.Notes), reason) }

// clearResult is clear for the texts of a result.
func (c *converter) clearResult(r *labs.Result) clinical.Reason {
	name := label{r.Name, r.FreeName, r.CodedName}
	reason, instead := c.clearLabel(&name)
	if reason != "" {
		return reason
	}
	if instead != "" {
		note(r, instead)
	}
	r.Name = name.name
	if reason := c.clearValue(r); reason != "" {
		return reason
	}
	if reason := c.clearUnit(r); reason != "" {
		return reason
	}
	for i := range r.Ranges {
		text := &r.Ranges[i].Text
		reason := c.clear(text, strings.ContainsFunc(*text, unicode.IsLetter), maxPhrase, people.Typed)
		if reason == "" && (c.d.people.Identifies(*text, people.Typed) || c.d.people.Identifies(r.Ranges[i].Unit, people.Unit)) {
			reason = clinical.Identifying
		}
		if reason != "" {
			r.Ranges = nil // the others too: it may have limited them
			note(r, reason)
			break
		}
	}
	return ""
}

func (c *converter) clearValue(r *labs.Result) clinical.Reason {
	v := &r.Value
	switch {
	case v.Number != "" && v.Comparator == "" && c.d.people.HasNumber(v.Number, r.Unit):
		return clinical.Identifying
	case v.Number != "":
		return ""
	case !v.Free && v.Text != "" && strings.Trim(v.Text[:1], "0123456789<>=-") == "" && c.d.people.Identifies(v.Text, people.Unit):
		return clinical.Identifying // a range or a ratio, which has units
	}
	return c.clear(&v.Text, v.Free, maxPhrase, people.Typed)
}

// learn remembers what a resource says of people: their names, numbers and addresses, and those of their contacts. Those near to the patient count as the patient.
func (c *converter) learn(r *resource, patient bool) {
	c.d.start(r.data)
	c.d.person(patient)
	if c.d.bad {
		c.d.people.Miss()
	}
}

// miss remembers that there is a person that cannot be read.
func (c *converter) miss(r *resource) {
	if is, _ := isPerson(r.kind); is {
		c.d.people.Miss()
	}
}

// isPerson tells whether resources of a type are people, and whether they are the patient or near to the patient.
func isPerson(kind string) (is, near bool) {
	switch kind {
	case "Patient", "RelatedPerson", "Person":
		return true, true
	}
	return kind == "Practitioner", false
}

// containedPerson reads a resource inside of another if it is a person, and else passes over it.
func (d *decoder) containedPerson(kind string) {
	if is, near := isPerson(kind); is {
		modified := d.modified
		d.person(near)
		d.modified = modified // it is the person's
	} else {
		d.skip()
	}
}

// containedPeople reads the people among the resources inside of another.
func (d *decoder) containedPeople() {
	d.list(func() {
		kind, _ := d.peekType()
		d.containedPerson(kind)
	})
}

func (d *decoder) person(patient bool) {
	d.object(func(key []byte) {
		switch string(key) {
		case "contact":
			d.each(func() { d.person(patient) })
		case "name":
			d.each(func() { d.humanName(patient) })
		case "identifier", "telecom":
			d.each(func() { d.strings(people.Number, patient, "value") })
		case "address":
			d.each(func() { d.address(patient) })
		case "birthDate":
			year, rest, _ := strings.Cut(d.short(), "-")
			month, day, _ := strings.Cut(rest, "-")
			d.people.AddDate(year, month, day, patient)
		case "generalPractitioner":
			d.mention()
		case "extension":
			d.each(func() { d.personExtension(patient) })
		default:
			d.skip()
		}
	})
}

// personExtension reads a name or address that FHIR has no element for, such as the mother's maiden name and where someone was born.
// See http://hl7.org/fhir/extensions/StructureDefinition-patient-mothersMaidenName.html
func (d *decoder) personExtension(patient bool) {
	name, isName := "", false
	d.object(func(key []byte) {
		switch string(key) {
		case "url":
			isName = strings.HasSuffix(d.short(), "Name")
		case "valueString":
			name = d.short()
		case "valueHumanName":
			d.humanName(patient)
		case "valueAddress":
			d.address(patient)
		default:
			d.skip()
		}
	})
	if isName {
		d.people.AddName(name, "", patient)
	}
}

// humanName remembers a name: its parts and, as one, the first given name with the family's. See https://hl7.org/fhir/R4/datatypes.html#HumanName
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
				if s := d.short(); given == "" {
					given = s
				} else {
					d.people.AddName(s, "", patient)
				}
			})
		default:
			d.skip()
		}
	})
	d.people.AddName(given, family, patient)
}

func (d *decoder) address(patient bool) {
	d.strings(people.Address, patient, "text", "line", "city", "district", "postalCode")
}

// strings remembers the strings of an object's fields.
func (d *decoder) strings(what people.Fact, patient bool, fields ...string) {
	d.object(func(key []byte) {
		if slices.Contains(fields, string(key)) {
			d.each(func() { d.people.Add(d.short(), what, patient) })
		} else {
			d.skip()
		}
	})
}

// each reads the values of an array, or one that is in none.
func (d *decoder) each(item func()) {
	if d.next() == '[' {
		d.list(item)
	} else {
		item()
	}
}

// short returns a string, or "" for one that is longer than any name.
func (d *decoder) short() string {
	if d.next() != '"' {
		d.skip()
		return ""
	}
	raw := d.raw()
	if len(raw) > maxName {
		d.people.Miss()
		return ""
	}
	s, ok := unescape(raw)
	if !ok {
		d.people.Miss()
	}
	return s
}

// subject reads the Reference to a subject. The name that is shown for it is the patient's.
func (d *decoder) subject(seed maphash.Seed) reference {
	garbled := d.garbled
	r, shown := d.reference(seed)
	d.garbled = garbled // a name is not needed
	if kind := r.target(); shown != "" && shown != d.shown && (kind == "" || kind == "Patient") {
		d.shown = shown
		d.people.AddShown(shown, true)
	}
	return r
}

// mention reads References to who made or ordered something, of which what is shown for them is remembered.
func (d *decoder) mention() {
	d.each(func() {
		var shown []byte
		kind := ""
		d.object(func(key []byte) {
			switch {
			case d.next() != '"':
				d.skip()
			case string(key) == "display":
				shown = d.raw()
			case string(key) == "reference" || string(key) == "type":
				if raw := d.raw(); kind == "" {
					kind = kindIn(raw)
				}
			default:
				d.skip()
			}
		})
		if len(shown) == 0 || string(shown) == d.author {
			return
		}
		d.author = string(shown)
		s, ok := unescape(shown)
		switch {
		case !ok || len(shown) > maxName:
			d.people.Miss()
		case kind == "Practitioner" || kind == "Person" || kind == "RelatedPerson" || kind == "Patient" || isTitled(s):
			d.people.AddShown(s, kind == "Patient" || kind == "RelatedPerson")
		case kind == "":
			d.people.Add(s, people.WholeName, false)
		default:
			d.people.Add(s, people.Address, false)
		}
	})
}

// kindIn returns the type in a reference such as "Practitioner/1", or "".
func kindIn(raw []byte) string {
	for part := range strings.SplitSeq(string(raw), "/") {
		if kind := resourceTypes[part]; kind != "" {
			return kind
		}
	}
	return ""
}

// isTitled tells whether something begins with a title, or ends with one, as a person's name does.
func isTitled(s string) bool {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r == ' ' || r == ',' || r == '.' })
	return len(words) > 1 && (titles[words[0]] != "" || titles[words[len(words)-1]] != "")
}

var titles = words("dr prof professor doctor mr mrs ms miss md do rn np pa phd dnp herr frau")
