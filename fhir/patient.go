package fhir

import (
	"hash/maphash"
	"slices"
	"strings"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/internal/labs"
)

// patient is what is read of a Patient: when they were born and died, their gender, and what tells whether a resource is theirs.
// See https://hl7.org/fhir/R4/patient.html
type patient struct {
	place       int
	id          string
	full        reference // of the entry
	identifiers []uint64
	birthDate   string
	died        string
	gender      string
}

func (d *decoder) patient(r *resource, seed maphash.Seed) *patient {
	p := &patient{place: r.place, id: r.id, full: parseReference(r.fullURL)}
	d.object(func(key []byte) {
		switch string(key) {
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

// is tells whether a reference is to the patient.
func (p *patient) is(r *reference) bool {
	switch r.kind {
	case relative:
		if p.id != "" {
			return r.tail == "Patient/"+p.id
		}
		return p.full.tail != "" && p.full.tail == r.tail
	case absolute:
		if p.full.kind == absolute {
			return p.full.text == r.text
		}
		return p.id != "" && r.tail == "Patient/"+p.id
	case opaque:
		if p.full.kind == opaque {
			return strings.EqualFold(p.full.text, r.text)
		}
		id, ok := strings.CutPrefix(r.text, "urn:uuid:")
		return ok && p.id != "" && strings.EqualFold(id, p.id)
	case logical:
		return slices.Contains(p.identifiers, r.hash)
	default:
	}
	return false
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

// same tells whether two Patients of the input are one, such as two versions of it.
func (p *patient) same(other *patient) bool {
	return p.id != "" && p.id == other.id && (p.full == other.full || p.full.kind == noReference || other.full.kind == noReference)
}

// same tells whether two references are to one patient, as far as they tell without a Patient.
func (r *reference) same(other *reference) bool {
	if r.kind == other.kind {
		return r.text == other.text && r.hash == other.hash
	}
	return r.tail != "" && r.tail == other.tail && r.kind <= absolute && other.kind <= absolute
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

// maxTellingAge is the highest age that CapAge lets through.
const maxTellingAge = 89

// genderOf returns the gender that is sent. See https://hl7.org/fhir/R4/valueset-administrative-gender.html
func (o *Options) genderOf(p *patient, report *clinical.Report) string {
	if o.Gender != "" {
		return o.Gender
	}
	if p != nil {
		switch p.gender {
		case "male", "female", "other", "unknown":
			return p.gender
		}
	}
	report.Note(clinical.GenderUnknown, "Patient", "")
	return ""
}
