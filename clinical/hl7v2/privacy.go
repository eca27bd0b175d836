package hl7v2

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
	"github.com/heliosai/helios-go/clinical/internal/people"
)

// What is sent comes from few fields, none of which is for a name or an address. Texts can hold them nevertheless, so they are looked through: what the same message says
// of people in other fields does not leave, nor, in what someone typed, what looks like a way to reach someone, nor a text so long that it is a report.

const (
	// maxText is how long free text can be, in characters, that is a result and not a narrative.
	maxText = 200
	// maxKnown is how many names, numbers and addresses of a message are looked for. With more, what someone typed is not sent.
	maxKnown = 1 << 12
)

// isNarrative tells that a text is too long, or has too many lines, to be one result.
func isNarrative(s string) bool {
	return strings.IndexByte(s, '\n') >= 0 || len(s) > maxText && utf8.RuneCountInString(s) > maxText
}

// terminologies are the systems of table 0396 whose texts are published. HL7's own tables are named HL7 and a number, ISO's standards ISO.
var terminologies = words("LN", "LOINC", "SCT", "SCT2", "SNM", "SNM3", "SNMI", "SNT", "I9", "I9C", "I9CDX", "I9CP", "I10", "I10C", "I10G", "I10P", "ICDO", "ICDO2", "ICDO3", "RXNORM",
	"NDC", "CVX", "MVX", "UCUM", "UML", "ATC", "C4", "C5", "CPTM", "CDCREC", "NULLFL", "FDDC", "UPC", "MEDC", "MEDR", "UNII")

// isTerminology tells whether a system's texts are published, so that none of them was typed by someone.
func isTerminology(system string) bool {
	system = strings.ToUpper(system)
	if terminologies[system] || strings.HasPrefix(system, "ISO") {
		return true
	}
	table, isHL7 := strings.CutPrefix(system, "HL7")
	return isHL7 && len(table) == 4 && strings.Trim(table, "0123456789") == ""
}

// textual tells which texts of a result are no terminology's: local systems call things as someone typed it.
type textual struct{ name, value bool }

// textual reads what the texts of OBX-3 and OBX-5 are.
func (r *reader) textual(f [][]byte) textual {
	t := textual{name: r.isLocal(r.first(at(f, 3))), value: true}
	switch r.code(at(f, 2)) {
	case "CE", "CWE", "CNE", "CF":
		t.value = false
		r.repetitions(at(f, 5), func(b []byte) { t.value = t.value || r.isLocal(b) })
	}
	return t
}

// isLocal tells whether the text that is taken of a coded element, see codedText, is of a local system.
func (e *encoding) isLocal(b []byte) bool {
	for _, n := range [5]int{2, 5, 9, 1, 4} {
		system := 3
		if n > system {
			system = 6
		}
		if e.componentText(b, n) != "" {
			return n == 9 || !isTerminology(e.componentText(b, system))
		}
	}
	return false
}

func (r *reader) redact(s string) string {
	return strings.TrimSpace(strings.ToValidUTF8(r.opts.Redact(s), "\ufffd"))
}

// cleared looks through the texts of a result, and lets the caller change those that someone typed. It returns why the result is not sent.
func (r *reader) cleared(p *pending) clinical.Reason {
	if p.narrative {
		return clinical.Narrative
	}
	r.readMentions()
	if reason := r.clearName(p); reason != "" {
		return reason
	}
	if reason := r.clearValue(p); reason != "" {
		return reason
	}
	switch {
	case isNarrative(p.Unit):
		return clinical.Narrative
	case r.known.Identifies(p.Unit, people.Unit):
		return clinical.Identifying
	}
	for i := range p.Ranges {
		text := p.Ranges[i].Text
		reason := r.clear(&text, strings.ContainsFunc(text, unicode.IsLetter), people.Typed, people.Typed)
		switch {
		case reason != "":
			p.Ranges, p.Notes = nil, append(p.Notes, reason)
			return ""
		case text != p.Ranges[i].Text:
			p.Ranges = slices.Clone(p.Ranges) // others share them
			p.Ranges[i].Text = text
		}
	}
	return ""
}

// clear looks through a text, as one that is typed or else as it is, and lets the caller change what someone typed.
func (r *reader) clear(text *string, typed bool, asTyped, is people.Text) clinical.Reason {
	if typed {
		if r.opts.Redact != nil && *text != "" {
			if *text = r.redact(*text); *text == "" {
				return clinical.Withheld
			}
		}
		if isNarrative(*text) {
			return clinical.Narrative
		}
		is = asTyped
	}
	if r.known.Identifies(*text, is) {
		return clinical.Identifying
	}
	return ""
}

// clearName looks through the name of a test. In place of one that cannot be sent stands the code.
func (r *reader) clearName(p *pending) clinical.Reason {
	is := people.Coded
	if p.local.name {
		is = people.Title
	}
	reason := r.clear(&p.Name, p.FreeName, people.Title, is)
	if reason == "" || reason == clinical.Withheld || p.Code == "" {
		return reason
	}
	name := p.Code
	if p.Of != "" {
		name += " (" + p.Of + ")"
	}
	if isNarrative(name) || r.known.Identifies(name, people.Title) {
		return reason
	}
	p.Name, p.Notes = name, append(p.Notes, reason)
	return ""
}

func (r *reader) clearValue(p *pending) clinical.Reason {
	switch {
	case p.Value.Number == "" && p.local.value:
		return r.clear(&p.Value.Text, p.Value.Free, people.Typed, people.Title)
	case p.Value.Number == "":
		return r.clear(&p.Value.Text, p.Value.Free, people.Typed, people.Coded)
	case p.Value.Comparator == "" && r.known.HasNumber(p.Value.Number, p.Unit):
		return clinical.Identifying
	}
	return ""
}

// place is a field of people, and how it is read.
type place struct {
	field int
	read  func(*reader, []byte)
}

// persons are the fields of people by segment.
var persons = map[kind][]place{
	pid: {{2, id}, {3, id}, {4, id}, {5, name}, {6, name}, {7, birth}, {9, name}, {11, address}, {12, whole}, {13, phone}, {14, phone}, {18, id}, {19, whole},
		{20, id}, {21, id}, {23, whole}, {40, phone}},
	pd1: {{3, whole}, {4, person}},
	mrg: {{1, id}, {2, id}, {3, id}, {4, id}, {5, id}, {6, id}, {7, name}},
	nk1: {{2, name}, {4, address}, {5, phone}, {6, phone}, {12, id}, {13, whole}, {16, birth}, {26, name}, {30, name}, {31, phone}, {32, address}, {33, id}, {37, whole},
		{40, phone}, {41, phone}},
	gt1: {{2, id}, {3, name}, {4, name}, {5, address}, {6, phone}, {7, phone}, {8, birth}, {12, whole}, {19, id}},
	in1: {{16, name}, {18, birth}, {19, address}, {36, whole}, {49, id}},
	pv1: {{3, whole}, {5, id}, {7, person}, {8, person}, {9, person}, {17, person}, {19, id}, {50, id}, {52, person}},
	orc: {{2, id}, {3, id}, {4, id}, {8, pair}, {10, person}, {11, person}, {12, person}, {14, phone}, {19, person}, {21, whole}, {22, address}, {23, phone},
		{24, address}},
	obr: {{2, id}, {3, id}, {10, person}, {16, person}, {17, phone}, {18, whole}, {19, whole}, {20, whole}, {21, whole}, {28, person}, {29, pair}, {32, operator},
		{33, operator}, {34, operator}, {35, operator}, {53, id}, {54, id}},
	obx: {{16, person}, {18, id}, {23, whole}, {24, address}, {25, person}},
	ctd: {{2, name}, {3, address}, {5, phone}, {7, id}},
	prt: {{5, person}, {8, whole}, {14, address}, {15, phone}},
	rol: {{4, person}, {11, address}, {12, phone}},
	spm: {{2, pair}, {3, id}, {30, id}, {31, id}},
}

// isNear tells whether a segment is about the patient, or those near to the patient.
func (k kind) isNear() bool { return k == pid || k == mrg || k == nk1 || k == gt1 || k == in1 }

// mention is a field of people in a message. It is read only if there is a result behind it.
type mention struct {
	*place
	from, to  int // in reader.mentioned
	ofPatient bool
}

// maxMentioned is how many bytes of such fields are kept. Free text of a message with more is not sent.
const maxMentioned = 256 << 10

// learn remembers what a segment says of people.
func (r *reader) learn(k kind, fields [][]byte) {
	for i := range persons[k] {
		p := &persons[k][i]
		field := at(fields, p.field)
		if len(field) == 0 || r.repeats(p, field) {
			continue
		}
		if len(r.mentioned)+len(field) > maxMentioned {
			r.known.Miss()
			return
		}
		from := len(r.mentioned)
		r.mentioned = append(r.mentioned, field...)
		r.mentions = append(r.mentions, mention{p, from, len(r.mentioned), k.isNear()})
	}
}

// repeats tells whether one of the last mentions says the same: results name their laboratory and its director again and again.
func (r *reader) repeats(p *place, field []byte) bool {
	for _, m := range r.mentions[max(0, len(r.mentions)-16):] {
		if m.place == p && bytes.Equal(r.mentioned[m.from:m.to], field) {
			return true
		}
	}
	return false
}

// readMentions makes known what was learned since the last call.
func (r *reader) readMentions() {
	for _, m := range r.mentions[r.read:] {
		r.ofPatient = m.ofPatient
		r.repetitions(r.mentioned[m.from:m.to], func(b []byte) { m.read(r, b) })
	}
	r.read = len(r.mentions)
}

// forget ends a message.
func (r *reader) forget() {
	r.known.Reset()
	r.mentions, r.mentioned, r.read = r.mentions[:0], r.mentioned[:0], 0
}

// maxSubcomponents is how many the fields of people have at most.
const maxSubcomponents = 6

func (r *reader) parts(b []byte, n int, what people.Fact) {
	part := nth(b, r.component, n)
	for i := 1; i <= maxSubcomponents; i++ {
		if sub := nth(part, r.sub, i); len(sub) > 0 {
			r.known.Add(r.text(sub), what, r.ofPatient)
		}
	}
}

func id(r *reader, b []byte) { r.parts(b, 1, people.Number) }

// pair is the number of who ordered and that of who fills the order.
func pair(r *reader, b []byte) {
	r.parts(b, 1, people.Number)
	r.parts(b, 2, people.Number)
}

func whole(r *reader, b []byte) { r.parts(b, 1, people.Address) }

func birth(r *reader, b []byte) {
	if day := labs.Day(timestamp(bytes.TrimSpace(nth(b, r.component, 1)))); len(day) == len("2006-01-02") {
		r.known.AddDate(day[:4], day[5:7], day[8:], r.ofPatient)
	}
	r.parts(b, 1, people.Number) // also if it is no date
}

func name(r *reader, b []byte) { r.fullName(b, 1) }

// person is a number and a name.
func person(r *reader, b []byte) {
	id(r, b)
	r.fullName(b, 2)
}

// fullName reads a name of which the family's is in the component with number n, and behind it the given one and further ones.
func (r *reader) fullName(b []byte, n int) {
	family, given := nth(b, r.component, n), nth(b, r.component, n+1)
	r.known.AddName(r.text(nth(given, r.sub, 1)), r.text(nth(family, r.sub, 1)), r.ofPatient)
	for i := 2; i <= maxSubcomponents; i++ {
		r.known.AddName(r.text(nth(given, r.sub, i)), "", r.ofPatient)
		r.known.AddName("", r.text(nth(family, r.sub, i)), r.ofPatient)
	}
	r.known.AddName(r.componentText(b, n+2), "", r.ofPatient)
}

// operator is a number and a name in one component.
func operator(r *reader, b []byte) {
	b = nth(b, r.component, 1)
	part := func(n int) string { return r.text(nth(b, r.sub, n)) }
	r.known.Add(part(1), people.Number, r.ofPatient)
	r.known.AddName(part(3), part(2), r.ofPatient)
	r.known.AddName(part(4), "", r.ofPatient)
}

func address(r *reader, b []byte) {
	for _, n := range [4]int{1, 2, 3, 5} {
		r.parts(b, n, people.Address)
	}
}

func phone(r *reader, b []byte) {
	for _, n := range [4]int{1, 4, 7, 12} {
		r.parts(b, n, people.Number)
	}
}
