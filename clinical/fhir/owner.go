package fhir

import (
	"slices"
	"strings"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// Whose a resource is may be known only at the end: the Patient can come last,
// and what does not say whose it is, is the patient's only if there is nobody
// else. Until then each subject has a record of its own.

const (
	// How many subjects there can be before it is known who the patient is.
	maxGroups = 64
	// How many bytes their records can have, besides the largest of them.
	maxUndecided = 8 << 20
	maxElsewhere = 1 << 16
)

// group is the record of a subject who may be the patient.
type group struct {
	subject reference
	first   string // the place of the first resource about it
	patient *patient
	*record
}

type ownership int

const (
	isOthers ownership = iota
	isUnsure
	isPatients
)

func (p *patient) owns(r *reference) ownership {
	is := false
	switch r.kind {
	case relative, absolute:
		switch {
		case p.self.kind == noReference || r.tail != p.self.tail || r.base != "" && p.self.base != "" &&
			r.base != p.self.base:
		case r.base == p.self.base:
			is = true
		default:
			return isUnsure // another server can have a patient with the same id
		}
	case opaque:
		if p.other.kind == opaque {
			is = strings.EqualFold(p.other.text, r.text)
		} else if id, ok := strings.CutPrefix(r.text, "urn:uuid:"); ok {
			is = strings.EqualFold(id, p.self.id())
		}
	case logical:
		is = slices.Contains(p.identifiers, r.hash)
	default:
	}

	if is {
		return isPatients
	}
	return isOthers
}

// whose compares a subject with the patient. own is the Patient that came with
// it.
func (c *converter) whose(subject *reference, own *patient) ownership {
	if c.want != nil && (c.want.kind == subject.kind || c.want.isLiteral() && subject.isLiteral()) &&
		!c.want.same(subject) {
		return isOthers
	}
	if c.patient == nil {
		return isUnsure
	}
	if own != nil {
		if c.patient.shares(own) {
			return isPatients
		}
		return isOthers
	}

	is := c.patient.owns(subject)
	if is == isPatients && c.want != nil && subject.kind == relative {
		return isUnsure // among several patients there can be one with the same id on another server
	}
	return is
}

// recordFor returns the record that a resource belongs to, nil if none.
func (c *converter) recordFor(r *resource) (*record, error) {
	subject, source := &r.subject, r.source
	if kind := subject.target(); kind != "" && kind != "Patient" {
		c.leave(subject, clinical.OtherPatient, source)
		return nil, nil
	}

	var own *patient
	if subject.kind == contained {
		for i := range r.patients {
			if p := &r.patients[i]; p.id == subject.text {
				own = p.patient
				subject = &reference{kind: contained, hash: p.hash}
			}
		}
		if own == nil {
			c.leave(subject, clinical.Unresolved, source)
			return nil, nil
		}
	}

	if subject.kind == noReference {
		if c.others {
			c.foreign.Drop(clinical.NoPatient, source, "")
			return nil, nil
		}
		if c.nobody == nil {
			c.nobody = c.newRecord()
		}
		return c.bound(c.nobody, r)
	}

	switch c.whose(subject, own) {
	case isPatients:
		return c.mine(), nil
	case isOthers:
		c.leave(subject, unlike(subject), source)
		return nil, nil
	default:
	}

	for _, g := range c.groups {
		if g.subject.kind == subject.kind && g.subject.base == subject.base && g.subject.same(subject) {
			return c.bound(g.record, r)
		}
	}

	if len(c.groups) == maxGroups {
		if c.want != nil {
			return nil, ErrUndecided
		}
		return nil, c.several(c.groups[0].first, entry(r.place))
	}

	g := &group{subject: subject.clone(), first: entry(r.place), patient: own, record: c.newRecord()}
	c.groups = append(c.groups, g)
	return c.bound(g.record, r)
}

func (c *converter) mine() *record {
	if c.main == nil {
		c.main = c.newRecord()
	}
	return c.main
}

func (c *converter) leave(subject *reference, reason clinical.Reason, source string) {
	c.foreign.Drop(reason, source, "")
	c.another(subject)
}

// another notes another subject: then what has no subject is nobody's.
func (c *converter) another(subject *reference) {
	c.others = true
	if subject.isLiteral() && len(c.elsewhere) < maxElsewhere {
		c.elsewhere[labs.Hash(subject.tail)] = true
	}
	if c.nobody != nil {
		c.disown(c.nobody, clinical.NoPatient)
		c.nobody = nil
	}
}

func (c *converter) disown(r *record, reason clinical.Reason) {
	for name, edition := range r.editions {
		c.gone.Add(name, edition)
	}
	for i := range r.resources {
		source := ""
		if i < len(r.sources) {
			source = r.sources[i]
		}
		c.foreign.Drop(reason, source, "")
	}
}

func (c *converter) reject(g *group, reason clinical.Reason) {
	c.disown(g.record, reason)
	c.another(&g.subject)
}

// unlike is why a resource about a subject that is not the patient is not sent.
func unlike(subject *reference) clinical.Reason {
	if subject.kind == named || strings.Contains(subject.text, "?") { // a search, which nothing here can answer
		return clinical.Unresolved
	}
	return clinical.OtherPatient
}

// bound counts a resource in a record, unless the undecided are too large.
func (c *converter) bound(rec *record, r *resource) (*record, error) {
	rec.of(r)

	total, largest := 0, 0
	if c.nobody != nil {
		total, largest = c.nobody.size, c.nobody.size
	}
	for _, g := range c.groups {
		total += g.size
		largest = max(largest, g.size)
	}

	switch {
	case total-largest <= maxUndecided:
		return rec, nil
	case c.want == nil && len(c.groups) > 1 && c.patient == nil:
		return nil, c.several(c.groups[0].first, c.groups[1].first)
	}

	return nil, ErrUndecided
}

// addPatient tells who the patient is. It returns whether p is them.
func (c *converter) addPatient(p *patient) (bool, error) {
	switch {
	case c.patient != nil && c.patient.same(p):
		c.patient = c.patient.with(p, c.report)
	case c.want != nil && p.owns(c.want) == isOthers:
		c.leave(&p.self, clinical.OtherPatient, "Patient")
		return false, nil
	case c.patient != nil:
		return false, c.several(entry(c.patient.place), entry(p.place))
	default:
		c.patient = p
	}

	undecided := c.groups[:0]
	for _, g := range c.groups {
		switch c.whose(&g.subject, g.patient) {
		case isPatients:
			c.take(g.record)
		case isOthers:
			c.reject(g, unlike(&g.subject))
		default:
			undecided = append(undecided, g)
		}
	}

	clear(c.groups[len(undecided):])
	c.groups = undecided
	return true, nil
}

func (c *converter) take(r *record) {
	if c.main == nil {
		c.main = r
	} else {
		c.main.absorb(r)
	}
}

// settle decides at the end of the input whose record is sent.
func (c *converter) settle() error {
	server, first := "", ""
	if c.want != nil {
		server = c.want.base
	}
	if c.patient != nil && server == "" {
		server = c.patient.self.base
	}
	want, decided := c.want, c.patient != nil
	for _, g := range c.groups {
		if !decided && want != nil && !want.same(&g.subject) {
			if c.want == nil {
				return c.several(c.groups[0].first, g.first)
			}
			c.reject(g, unlike(&g.subject))
			continue
		}
		switch base := g.subject.base; {
		case base == "":
			if c.elsewhere[labs.Hash(g.subject.tail)] {
				c.reject(g, clinical.NoPatient)
				continue
			}
		case server == "":
			server = base
		case server != base:
			return c.several(first, g.first)
		}
		if want == nil {
			want = &g.subject
		}
		if g.subject.base == server {
			first = g.first
		}
		c.take(g.record)
		if c.patient == nil {
			c.patient = g.patient
		}
	}

	c.groups = nil
	if c.nobody != nil {
		c.take(c.nobody)
	}
	if p := c.patient; p != nil && c.gone.Supersede(p.resource, &p.edition) {
		p.birthDate, p.died, p.gender = "", "", ""
	}
	c.mine()
	return nil
}
