package hl7v2

import (
	"bytes"
	"strconv"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/codes"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

type patient struct {
	identity
	source   string // of the first PID
	messages []int
	report   *clinical.Report
	set      *labs.Set

	birth, death string
	gender       string
	contradicted bool // two messages give two genders
	newest       string
	doubtful     bool // one of its messages may be about someone else

	isBirthMissing, isNameMissing bool // in one of its messages

	fillers     map[uint64]uint64 // the filler's number of an order by the placer's; 0 for several
	corrections map[uint64]string // see corrects
}

func (p *patient) join(who *identity) {
	p.isBirthMissing = p.isBirthMissing || who.born == ""
	// the shorter of two names is that of more people
	isLess := who.family+who.given == "" || p.given != "" && who.given != p.given
	p.isNameMissing = p.isNameMissing || isLess
	p.merge(who)
}

// contest notes that someone else has the identifier. Messages that are known
// to be the patient's stay so.
func (p *patient) contest(who *identity) {
	born, name := p.contradicts(who)
	isOurs := born && !p.isBirthMissing || name && !p.isNameMissing
	p.doubtful = p.doubtful || !isOurs
}

func (p *patient) describe(r *reader, fields [][]byte) {
	if birth := labs.Day(timestamp(r.timeField(fields, 7))); p.birth == "" || len(birth) > len(p.birth) {
		p.birth = birth
	}
	if death := labs.Day(timestamp(r.timeField(fields, 29))); death != "" {
		p.death = death
	}

	switch gender := codes.Gender(r.code(at(fields, 8))); {
	case gender == "":
	case p.gender == "" || p.gender == "unknown":
		p.gender = gender
	case gender != p.gender && gender != "unknown":
		p.contradicted = true
	}
}

func (r *reader) timeField(fields [][]byte, n int) []byte {
	return bytes.TrimSpace(nth(r.first(at(fields, n)), r.component, 1))
}

func (p *patient) context(opts *Options) labs.Patient {
	shared := opts.labs()
	person := labs.Person{Born: p.birth, Died: p.death, Gender: p.gender}
	if p.contradicted {
		person.Gender = ""
	}
	return shared.Patient(person, shared.Day(p.newest), func(reason clinical.Reason) {
		p.report.Note(reason, p.source, "")
	})
}

func age(years *int) string {
	if years == nil {
		return ""
	}
	return strconv.Itoa(*years)
}
