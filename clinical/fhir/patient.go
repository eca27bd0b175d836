package fhir

import (
	"hash/maphash"
	"slices"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// patient is what is read of a Patient: when they were born and died, their gender, and what tells whether a resource is theirs.
// See https://hl7.org/fhir/R4/patient.html
type patient struct {
	place       int
	self, other reference // how others refer to it
	resource    string
	edition     labs.Edition
	identifiers []uint64
	birthDate   string
	died        string
	gender      string
}

func (d *decoder) patient(r *resource, seed maphash.Seed) *patient {
	p := &patient{place: r.place, edition: r.edition}
	p.self, p.other = r.self()
	d.object(func(key []byte) {
		switch string(key) {
		case "meta":
			d.meta(&p.edition)
		case "birthDate":
			p.birthDate = d.date()
		case "deceasedDateTime":
			p.died = d.date()
		case "gender":
			p.gender = d.string()
		case "identifier":
			d.list(func() {
				if hash := d.identifier(seed); hash != 0 && d.room(len(p.identifiers)) {
					p.identifiers = append(p.identifiers, hash)
				}
			})
		default:
			d.skip()
		}
	})
	return p
}

// shares tells whether two Patients have an identifier in common.
func (p *patient) shares(other *patient) bool {
	for _, a := range p.identifiers {
		if slices.Contains(other.identifiers, a) {
			return true
		}
	}
	return false
}

// same tells whether two Patients of the input are editions of one.
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

// with returns a Patient of which there are two editions, and reports the older one: as the newer one says, and known by all that both have.
func (p *patient) with(again *patient, report *clinical.Report) *patient {
	older, newest := p, again
	if isNewer(&p.edition, &again.edition) {
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
	if newest.other.kind == noReference {
		newest.other = older.other
	}
	newest.place = p.place
	for _, identifier := range older.identifiers {
		if len(newest.identifiers) < maxItems && !slices.Contains(newest.identifiers, identifier) {
			newest.identifiers = append(newest.identifiers, identifier)
		}
	}
	return newest
}

// age returns the age that is sent, and reports what there is to say of it.
func (o *Options) age(p *patient, reference string, report *clinical.Report) *int {
	const source = "Patient"
	age := o.Age
	if age == nil {
		if p == nil || p.birthDate == "" {
			report.Note(clinical.AgeUnknown, source, "")
			return nil
		}
		atDeath := p.died != "" && labs.Day(p.died) < reference
		if atDeath {
			reference = labs.Day(p.died)
		}
		years, approximate, ok := labs.Age(p.birthDate, reference)
		if !ok {
			report.Note(clinical.AgeUnknown, source, "")
			return nil
		}
		if approximate {
			report.Note(clinical.AgeApproximate, source, "")
		}
		if atDeath {
			report.Note(clinical.AgeAtDeath, source, "")
		}
		age = &years
	}
	if o.CapAge && *age > maxTellingAge {
		report.Note(clinical.AgeCapped, source, "")
		return new(maxTellingAge + 1)
	}
	return new(*age)
}

// maxAge is the highest age in years that can be sent.
const maxAge = 130

// maxTellingAge is the highest age that CapAge lets through.
const maxTellingAge = 89

// genderOf returns the gender that is sent. See https://hl7.org/fhir/R4/valueset-administrative-gender.html
func (o *Options) genderOf(p *patient, report *clinical.Report) string {
	if o.Gender != "" {
		return o.Gender
	}
	if p != nil {
		if gender := administrativeGenders[p.gender]; gender != "" {
			return gender
		}
	}
	report.Note(clinical.GenderUnknown, "Patient", "")
	return ""
}
