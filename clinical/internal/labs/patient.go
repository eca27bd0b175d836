package labs

import (
	"cmp"
	"time"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/codes"
)

const (
	// maxAge is in years. Who seems older has a wrong birth date.
	maxAge = 130
	// cappedAge is the age from which HIPAA's Safe Harbor counts ages as one.
	cappedAge = 90
)

// Patient is whom the results are about.
type Patient struct {
	Age    *int
	Gender string
	// Born is the birth date, which gives the age at a result where ranges
	// depend on it; "" means that Age is to be taken. It is never sent.
	Born string
}

// Person is what a source says of the patient. Its dates are in FHIR's form.
type Person struct{ Born, Died, Gender string }

// Day returns the day at which the age is computed: the caller's, else that of
// the newest data, else today in UTC.
func (o *Options) Day(newest string) string {
	if !o.ReferenceDate.IsZero() {
		return o.ReferenceDate.Format(time.DateOnly)
	}
	today := time.Now().UTC().Format(time.DateOnly)
	if newest != "" && newest < today {
		return newest
	}
	return today
}

// Patient returns what is sent of p. What is missing or uncertain goes to note.
func (o *Options) Patient(p Person, day string, note func(clinical.Reason)) Patient {
	patient := Patient{Age: o.Age, Gender: cmp.Or(o.Gender, codes.Gender(p.Gender))}
	if o.Age == nil {
		patient.Born = p.Born
		patient.Age = p.age(day, note)
	}

	if o.CapAge && patient.Age != nil && *patient.Age >= cappedAge {
		patient.Age = new(cappedAge)
		note(clinical.AgeCapped)
	}
	if patient.Gender == "" {
		note(clinical.GenderUnknown)
	}
	return patient
}

func (p *Person) age(day string, note func(clinical.Reason)) *int {
	isDead := p.Died != "" && Day(p.Died) < day
	if isDead {
		day = Day(p.Died)
	}
	years, isApproximate, ok := Age(p.Born, day)
	if !ok {
		note(clinical.AgeUnknown)
		return nil
	}

	if isApproximate {
		note(clinical.AgeApproximate)
	}
	if isDead {
		note(clinical.AgeAtDeath)
	}
	return &years
}

// at returns the patient at the date of a result, with the age of then. It is
// unknown if the dates do not give it to the year.
func (p Patient) at(date string) Patient {
	if p.Born == "" {
		return p
	}
	years, isApproximate, ok := Age(p.Born, date)
	p.Age = nil
	if ok && !isApproximate && len(Day(date)) == len(time.DateOnly) {
		p.Age = &years
	}
	return p
}
