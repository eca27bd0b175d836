package fhir

import (
	"strings"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/internal/labs"
)

const (
	// maxPending is how many results a record keeps of which only a report that comes later can say that they are laboratory results.
	maxPending = 2048
	// maxRow is how many characters a result can have, with its ranges and interpretations.
	maxRow = 4 << 10
)

// record is what is known of one patient.
type record struct {
	report      *clinical.Report
	labs        *labs.Set
	vitals      *labs.Set
	pending     []labs.Result
	conditions  []condition
	medications []medication
	weight      int    // of conditions and medications
	newest      string // day of anything in it
	// dropped is the report in case that it is another patient's.
	dropped *clinical.Report
}

func (c *converter) newRecord() *record {
	r := &record{report: &clinical.Report{}, dropped: &clinical.Report{}}
	r.labs = labs.NewSet(c.kind, c.labs, r.report)
	r.vitals = labs.NewSet(labs.ForVitalSigns, c.labs, r.report)
	return r
}

// absorb adds what another record has.
func (r *record) absorb(other *record) {
	r.report.Merge(other.report)
	other.labs.Revise(func(row *labs.Result) clinical.Reason {
		r.labs.Add(*row)
		return ""
	})
	other.vitals.Revise(func(row *labs.Result) clinical.Reason {
		r.vitals.Add(*row)
		return ""
	})
	r.pending = append(r.pending, other.pending...)
	r.conditions = append(r.conditions, other.conditions...)
	r.medications = append(r.medications, other.medications...)
	r.weight += other.weight
	r.seen(other.newest)
}

// suspend keeps a result of which a report may tell later what it is.
func (r *record) suspend(row labs.Result) {
	if len(r.pending) >= maxPending {
		r.report.Drop(clinical.CategoryNotSent, row.Source, "")
		return
	}
	r.pending = append(r.pending, row)
}

// size returns how many characters a result has.
func size(row *labs.Result) int {
	n := len(row.Name) + len(row.CodedName) + len(row.System) + len(row.Code) + len(row.Value.Text) + len(row.Unit) + len(row.UnitCode)
	for _, flag := range row.Flags {
		n += len(flag.System) + len(flag.Code) + len(flag.Text)
	}
	for i := range row.Ranges {
		n += len(row.Ranges[i].Text) + len(row.Ranges[i].Unit) + len(row.Ranges[i].Low) + len(row.Ranges[i].High)
	}
	return n
}

// seen remembers the newest date with a day.
func (r *record) seen(date string) {
	const day = len("2006-01-02")
	if len(date) >= day && date[:day] > r.newest {
		r.newest = date[:day]
	}
}

// group is the record of a subject of which it is not known yet whether it is the patient.
type group struct {
	subject reference
	first   string // the source of the first resource about it
	patient *patient
	*record
}

// maxGroups is how many subjects there can be before it is known who the patient is.
const maxGroups = 8

// maxWithdrawn is how many resources that were entered in error are remembered.
const maxWithdrawn = 1 << 16

// withdraw remembers that a resource was entered in error, so that no other version of it is sent, wherever in the input it is.
func (c *converter) withdraw(r *resource, source string) {
	if r.id != "" && len(c.withdrawn) < maxWithdrawn {
		c.withdrawn[source] = true
	}
}

// recordFor returns the record that a resource belongs to. If it belongs to none it is reported, and nil is returned.
func (c *converter) recordFor(subject *reference, source string, inside []containedPatient) (*record, error) {
	if kind := subject.target(); kind != "" && kind != "Patient" {
		c.report.Drop(clinical.OtherPatient, source, "")
		return nil, nil
	}
	var own *patient
	if subject.kind == contained {
		for i := range inside {
			if p := &inside[i]; p.id == subject.text {
				own = p.patient
				subject = &reference{kind: contained, hash: p.hash}
			}
		}
		if own == nil {
			c.report.Drop(clinical.Unresolved, source, "")
			return nil, nil
		}
	}
	switch {
	case subject.kind == noReference:
		if c.patient != nil && c.want == nil {
			return c.main, nil
		}
		if c.nobody == nil {
			c.nobody = c.newRecord()
		}
		c.nobody.dropped.Drop(clinical.NoPatient, source, "")
		return c.nobody, nil
	case c.patient != nil:
		if c.patient.is(subject) || own != nil && c.patient.shares(own) {
			return c.main, nil
		}
		c.others = true
		c.report.Drop(unlike(subject), source, "")
		return nil, nil
	case c.want != nil && c.want.kind == subject.kind && !c.want.same(subject):
		c.others = true
		c.report.Drop(clinical.OtherPatient, source, "")
		return nil, nil
	}
	for i := range c.groups {
		if g := c.groups[i]; g.subject.kind == subject.kind && g.subject.same(subject) {
			g.dropped.Drop(unlike(subject), source, "")
			return g.record, nil
		}
	}
	if len(c.groups) == maxGroups {
		return nil, c.several(c.groups[0].first, source)
	}
	kept := *subject
	kept.text, kept.tail = strings.Clone(kept.text), strings.Clone(kept.tail)
	g := &group{subject: kept, first: source, patient: own, record: c.newRecord()}
	g.dropped.Drop(unlike(subject), source, "")
	c.groups = append(c.groups, g)
	return g.record, nil
}

// unlike is why a resource about a subject that is not the patient is not sent.
func unlike(subject *reference) clinical.Reason {
	if subject.kind == named || strings.Contains(subject.text, "?") { // a search, which nothing here can answer
		return clinical.Unresolved
	}
	return clinical.OtherPatient
}

// addPatient tells who the patient is.
func (c *converter) addPatient(p *patient) error {
	switch {
	case c.patient != nil && c.patient.same(p):
		c.report.Drop(clinical.Duplicate, "Patient", "")
		return nil
	case c.want != nil && !p.is(c.want):
		c.others = true
		c.report.Drop(clinical.OtherPatient, "Patient", "")
		return nil
	case c.patient != nil:
		return c.several(entry(c.patient.place), entry(p.place))
	}
	c.patient = p
	c.main = c.newRecord()
	for _, g := range c.groups {
		if p.is(&g.subject) || g.patient != nil && p.shares(g.patient) {
			c.main.absorb(g.record)
			continue
		}
		c.others = true
		c.report.Merge(g.dropped)
	}
	c.groups = nil
	if c.want == nil && c.nobody != nil {
		c.main.absorb(c.nobody)
		c.nobody = nil
	}
	return nil
}

// settle decides at the end of the input whose record is sent.
func (c *converter) settle() error {
	if c.main == nil {
		c.main = c.newRecord()
		want := c.want
		for _, g := range c.groups {
			switch {
			case want == nil:
				want = &g.subject
			case want.same(&g.subject):
			case c.want == nil:
				return c.several(c.groups[0].first, g.first)
			default:
				c.others = true
				c.report.Merge(g.dropped)
				continue
			}
			c.main.absorb(g.record)
			if c.patient == nil {
				c.patient = g.patient
			}
		}
	}
	switch {
	case c.nobody == nil:
	case c.others:
		c.report.Merge(c.nobody.dropped)
	default:
		c.main.absorb(c.nobody)
	}
	return nil
}
