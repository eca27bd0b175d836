package hl7v2

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/internal/labs"
)

// patient is whom results are about.
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
}

// identity is what patients are told apart by. It is compared, and never leaves this package.
type identity struct {
	ids  []string // with who assigned them
	name string
	born string // as written
}

func (i *identity) isEmpty() bool { return len(i.ids) == 0 && i.name == "" && i.born == "" }

// is tells whether two are the same person: the same identifier and no other birth date, or where one has no identifier the same name and birth date.
func (i *identity) is(other *identity) bool {
	sameBirth := i.born == other.born
	if len(i.ids) > 0 && len(other.ids) > 0 {
		shared := slices.ContainsFunc(i.ids, func(id string) bool { return slices.Contains(other.ids, id) })
		switch {
		case !shared || i.born != "" && other.born != "" && !sameBirth:
			return false
		case i.born == "" || other.born == "":
			return i.name == "" || other.name == "" || i.name == other.name
		}
		return true
	}
	return i.name != "" && i.name == other.name && i.born != "" && sameBirth
}

// maxIDs bounds how many identifiers of one person are compared.
const maxIDs = 16

func (i *identity) merge(other *identity) {
	for _, id := range other.ids {
		if len(i.ids) < maxIDs && !slices.Contains(i.ids, id) {
			i.ids = append(i.ids, id)
		}
	}
	if i.name == "" {
		i.name = other.name
	}
	if i.born == "" {
		i.born = other.born
	}
}

// identify reads who a PID is about.
func (r *reader) identify(fields [][]byte) identity {
	var who identity
	for _, n := range [2]int{3, 2} {
		r.repetitions(at(fields, n), func(b []byte) {
			if len(who.ids) >= maxIDs {
				return
			}
			if value := r.compared(b, 1); value != "" {
				who.ids = append(who.ids, value+"\x00"+r.compared(b, 4))
			}
		})
		if len(who.ids) > 0 {
			break
		}
	}
	if b := r.first(at(fields, 5)); len(b) > 0 {
		who.name = plain(r.compared(b, 1) + " " + r.compared(b, 2))
	}
	if born := r.componentText(r.first(at(fields, 7)), 1); born != "" && strings.Trim(born, "0") != "" {
		who.born = born[:min(len(born), 8)]
	}
	return who
}

// describe adds what a PID says of a patient that is sent.
func (p *patient) describe(r *reader, fields [][]byte) {
	if birth := labs.Day(timestamp(r.timeField(fields, 7))); p.birth == "" || len(birth) > len(p.birth) {
		p.birth = birth
	}
	if death := labs.Day(timestamp(r.timeField(fields, 29))); death != "" {
		p.death = death
	}
	switch gender := genders[r.code(at(fields, 8))]; {
	case gender == "":
	case p.gender == "" || p.gender == "unknown":
		p.gender = gender
	case gender != p.gender && gender != "unknown":
		p.contradicted = true
	}
}

// timeField returns the part of a field that is a date and time.
func (r *reader) timeField(fields [][]byte, n int) []byte {
	return bytes.TrimSpace(nth(r.first(at(fields, n)), r.component, 1))
}

// genders are those of table 0001, PID-8, and words that senders write instead.
var genders = map[string]string{
	"M": "male", "MALE": "male", "F": "female", "FEMALE": "female", "O": "other", "OTHER": "other", "A": "other", "N": "other", "X": "other",
	"U": "unknown", "UNKNOWN": "unknown", "UN": "unknown", "UNK": "unknown",
}

// oldest is the age from which HIPAA's Safe Harbor counts ages together.
const oldest = 90

// context tells the age and gender that are sent.
func (p *patient) context(opts *Options) labs.Patient {
	about := labs.Patient{Age: opts.Age, Gender: opts.Gender}
	source := p.source
	if about.Age == nil {
		at, atDeath := p.referenceDate(opts), false
		if p.death != "" && p.death < at {
			at, atDeath = p.death, true
		}
		years, approximate, ok := labs.Age(p.birth, at)
		switch {
		case !ok:
			p.report.Note(clinical.AgeUnknown, source, "")
		case approximate:
			p.report.Note(clinical.AgeApproximate, source, "")
		}
		if ok {
			about.Age = &years
			if atDeath {
				p.report.Note(clinical.AgeAtDeath, source, "")
			}
		}
	}
	if about.Age != nil && opts.CapAge && *about.Age >= oldest {
		capped := oldest
		about.Age = &capped
		p.report.Note(clinical.AgeCapped, source, "")
	}
	if about.Gender == "" {
		if !p.contradicted {
			about.Gender = p.gender
		}
		if about.Gender == "" {
			p.report.Note(clinical.GenderUnknown, source, "")
		}
	}
	return about
}

// referenceDate is when the age is told: as asked, else the day of the newest result, else today.
func (p *patient) referenceDate(opts *Options) string {
	if !opts.ReferenceDate.IsZero() {
		return opts.ReferenceDate.Format(time.DateOnly)
	}
	today := time.Now().UTC().Format(time.DateOnly)
	if p.newest != "" && p.newest < today {
		return p.newest
	}
	return today
}

func age(years *int) string {
	if years == nil {
		return ""
	}
	return strconv.Itoa(*years)
}
