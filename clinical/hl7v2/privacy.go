package hl7v2

import (
	"bytes"
	"strings"
	"time"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/codes"
	"github.com/heliosai/helios-go/clinical/internal/labs"
	"github.com/heliosai/helios-go/clinical/internal/people"
)

// With more names and numbers than this, what someone typed is not sent.
const maxKnown = 1 << 12

// terminologies are the systems of table 0396 whose texts are published.
var terminologies = codes.Words(`
	LN LOINC SCT SCT2 SNM SNM3 SNMI SNT I9 I9C I9CDX I9CP I10 I10C I10G I10P ICDO ICDO2 ICDO3 RXNORM NDC CVX
	MVX UCUM UML ATC C4 C5 CPTM CDCREC NULLFL FDDC UPC MEDC MEDR UNII`)

func isTerminology(system string) bool {
	system = strings.ToUpper(system)
	if terminologies[system] || strings.HasPrefix(system, "ISO") {
		return true
	}
	table, isHL7 := strings.CutPrefix(system, "HL7")
	return isHL7 && len(table) == 4 && strings.Trim(table, "0123456789") == ""
}

// cleared looks through the texts of a result. It returns why it is not sent.
func (r *reader) cleared(p *pending) clinical.Reason {
	if p.narrative {
		return clinical.Narrative
	}
	p.CodedName = p.Code
	if p.Code != "" && p.Of != "" {
		p.CodedName += " (" + p.Of + ")"
	}
	return p.Clear(&r.known, p.nameIs, people.Title, p.valueIs)
}

// A place is a field in which a segment tells of people.
type place struct {
	field int
	read  func(*reader, []byte)
}

var persons = map[string][]place{
	"PID": {{2, id}, {3, id}, {4, id}, {5, name}, {6, name}, {7, birth}, {9, name}, {11, address}, {12, whole},
		{13, phone}, {14, phone}, {18, id}, {19, whole}, {20, id}, {21, id}, {23, whole}, {40, phone}},
	"PD1": {{3, whole}, {4, person}},
	"MRG": {{1, id}, {2, id}, {3, id}, {4, id}, {5, id}, {6, id}, {7, name}},
	"NK1": {{2, name}, {4, address}, {5, phone}, {6, phone}, {12, id}, {13, whole}, {16, birth}, {26, name},
		{30, name}, {31, phone}, {32, address}, {33, id}, {37, whole}, {40, phone}, {41, phone}},
	"GT1": {{2, id}, {3, name}, {4, name}, {5, address}, {6, phone}, {7, phone}, {8, birth}, {12, whole}, {19, id}},
	"IN1": {{16, name}, {18, birth}, {19, address}, {36, whole}, {49, id}},
	"PV1": {{3, whole}, {5, id}, {7, person}, {8, person}, {9, person}, {17, person}, {19, id}, {50, id}, {52, person}},
	"ORC": {{2, id}, {3, id}, {4, id}, {8, pair}, {10, person}, {11, person}, {12, person}, {14, phone}, {19, person},
		{21, whole}, {22, address}, {23, phone}, {24, address}},
	"OBR": {{2, id}, {3, id}, {10, person}, {16, person}, {17, phone}, {18, whole}, {19, whole}, {20, whole},
		{21, whole}, {28, person}, {29, pair}, {32, operator}, {33, operator}, {34, operator}, {35, operator},
		{53, id}, {54, id}},
	"OBX": {{16, person}, {18, id}, {23, whole}, {24, address}, {25, person}},
	"CTD": {{2, name}, {3, address}, {5, phone}, {7, id}},
	"PRT": {{5, person}, {8, whole}, {14, address}, {15, phone}},
	"ROL": {{4, person}, {11, address}, {12, phone}},
	"SPM": {{2, pair}, {3, id}, {30, id}, {31, id}},
}

var isNear = codes.Words("PID MRG NK1 GT1 IN1")

// learn remembers what a segment says of people, unless the field said it last:
// laboratories come again and again.
func (r *reader) learn(kind string, fields [][]byte) {
	r.ofPatient = isNear[kind]
	for i := range persons[kind] {
		p := &persons[kind][i]
		field := at(fields, p.field)
		if len(field) == 0 || bytes.Equal(field, r.said[p]) {
			continue
		}

		for b := range r.repetitions(field) {
			p.read(r, b)
		}
		if len(field) <= maxCompared {
			r.said[p] = append(r.said[p][:0], field...)
		}
	}
}

const maxSubcomponents = 6

// parts reads the subcomponents of some components.
func parts(what people.Fact, components ...int) func(*reader, []byte) {
	return func(r *reader, b []byte) {
		for _, n := range components {
			part := r.part(b, n)
			for i := 1; i <= maxSubcomponents; i++ {
				if sub := nth(part, r.sub, i); len(sub) > 0 {
					r.known.Add(r.text(sub), what, r.ofPatient)
				}
			}
		}
	}
}

var (
	id      = parts(people.Number, 1)
	pair    = parts(people.Number, 1, 2) // of who ordered and of who fills the order
	whole   = parts(people.Address, 1)
	address = parts(people.Address, 1, 2, 3, 5)
	phone   = parts(people.Number, 1, 4, 7, 12)
)

func birth(r *reader, b []byte) {
	if day := labs.Day(timestamp(r.part(b, 1))); len(day) == len(time.DateOnly) {
		r.known.AddDate(day[:4], day[5:7], day[8:], r.ofPatient)
	}
	id(r, b) // also if it is no date
}

func name(r *reader, b []byte) { r.fullName(b, 1) }

func person(r *reader, b []byte) {
	id(r, b)
	r.fullName(b, 2)
}

// fullName reads a name that begins with the family's in component n.
func (r *reader) fullName(b []byte, n int) {
	r.known.AddName(r.text(b, n+1, 1), r.text(b, n, 1), r.ofPatient)
	for i := 2; i <= maxSubcomponents; i++ {
		r.known.AddName(r.text(b, n+1, i), "", r.ofPatient)
		r.known.AddName("", r.text(b, n, i), r.ofPatient)
	}
	r.known.AddName(r.text(b, n+2), "", r.ofPatient)
}

// operator is a number and a name in one component.
func operator(r *reader, b []byte) {
	r.known.Add(r.text(b, 1, 1), people.Number, r.ofPatient)
	r.known.AddName(r.text(b, 1, 3), r.text(b, 1, 2), r.ofPatient)
	r.known.AddName(r.text(b, 1, 4), "", r.ofPatient)
}
