package hl7v2

import (
	"bytes"
	"strconv"
	"time"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
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
	said         [sayings]bool  // what its messages say beside an identifier
	doubtful     bool           // one of its messages may be about someone else
	cancelled    map[uint64]int // orders, and the messages that say so
}

// What a message can say of a patient beside an identifier.
const (
	saysBirth = 1 << iota
	saysName
	sayings
)

// join adds a message to those that are about the patient.
func (p *patient) join(who *identity) {
	n := 0
	if who.born != "" {
		n |= saysBirth
	}
	if who.family+who.given != "" && (p.given == "" || who.given == p.given) { // the shorter of two names is that of more people
		n |= saysName
	}
	p.said[n] = true
	p.merge(who)
}

// contest takes note that someone else has the patient's identifier. A message that was taken for the patient's may be the other's if what it says does not
// contradict that.
func (p *patient) contest(who *identity) {
	born, name := p.contradicts(who)
	for n, said := range p.said {
		isOurs := n&saysBirth != 0 && born || n&saysName != 0 && name
		p.doubtful = p.doubtful || said && !isOurs
	}
}

// cancel notes that a message cancels an order.
func (p *patient) cancel(order uint64, message int) {
	if len(p.cancelled) >= maxCancelled {
		p.takeBack()
	}
	if p.cancelled == nil {
		p.cancelled = map[uint64]int{}
	}
	p.cancelled[order] = message
}

// takeBack leaves out the results of orders that a later message cancels.
func (p *patient) takeBack() {
	if len(p.cancelled) == 0 {
		return
	}
	p.set.Revise(func(result *labs.Result) clinical.Reason {
		if result.Edition.Place < p.cancelled[result.Refs[ofNumber]] {
			return clinical.StatusNotSent
		}
		return ""
	})
	clear(p.cancelled)
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
