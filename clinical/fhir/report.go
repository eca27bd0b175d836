package fhir

import (
	"hash/maphash"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// diagnosticReport is what is read of a DiagnosticReport: its name, and which results are in it. See https://hl7.org/fhir/R4/diagnosticreport.html
type diagnosticReport struct {
	status   string
	is       category
	code     concept
	subject  reference
	results  []reference
	inside   []insideObservation
	patients []containedPatient
	edition  labs.Edition
}

// maxReferences is how many keys of results of reports are remembered. Of results beyond that it is not known which report they are in.
const maxReferences = 1 << 18

func (d *decoder) diagnosticReport(of *resource, seed maphash.Seed) diagnosticReport {
	r := diagnosticReport{edition: of.edition}
	d.object(func(key []byte) {
		switch string(key) {
		case "meta":
			d.meta(&r.edition)
		case "status":
			r.status = d.string()
		case "category":
			d.concepts(func(c *concept) {
				if is, _ := categoryOf(c); is > r.is {
					r.is = is
				}
			})
		case "code":
			r.code = d.concept()
		case "subject":
			r.subject = d.subject(seed)
		case "performer", "resultsInterpreter":
			d.mention()
		case "result":
			d.list(func() {
				if ref, _ := d.reference(seed); len(r.results) < maxReferences {
					r.results = append(r.results, ref)
				}
			})
		case "contained":
			d.list(func() {
				switch kind, id := d.peekType(); kind {
				case "Observation":
					r.inside = d.insideObservation(r.inside)
				case "Patient":
					r.patients = d.containedPatient(r.patients, id, seed)
				default:
					d.containedPerson(kind)
				}
			})
		default:
			d.skip()
		}
	})
	return r
}

// membership says which report a result is in.
type membership struct {
	name  int32 // in converter.reportNames
	isLab bool
}

// addReport remembers which results are in a report, and reads those that are inside of it.
func (c *converter) addReport(r *resource) error {
	got := c.d.diagnosticReport(r, c.seed)
	if c.unreadable(r, &got.edition) {
		return nil
	}
	within := container{resource: c.identity(r, &got.edition), edition: got.edition, subject: got.subject, patients: got.patients, isLab: got.is == labResult}
	switch got.status {
	case "entered-in-error", "cancelled":
		c.report.Drop(clinical.StatusNotSent, sourceOf(r), got.status)
		within.status = got.status
	default:
		c.skip(r)
		within.refs[0] = c.remember(&got, r)
	}
	if within.status != "" || len(got.inside) == 0 && got.edition.Number > 1 { // an older edition can have other Observations inside
		c.unread.add(within.resource, last{Edition: got.edition})
	}
	return c.addInside(r, got.inside, &within)
}

// remember notes which results are in a report. It returns the key for those that are inside of it.
func (c *converter) remember(got *diagnosticReport, r *resource) uint64 {
	member := membership{c.reportName(&got.code), got.is == labResult}
	add := func(key uint64) {
		known, ok := c.members[key]
		if key == 0 || !ok && len(c.members) >= maxReferences || ok && !c.precedes(member, known) {
			return
		}
		c.members[key] = member
	}
	if got.is <= uncategorised || got.is == labResult {
		for i := range got.results {
			for _, key := range got.results[i].keys(c.seed) {
				add(key)
			}
		}
	}
	if len(got.inside) == 0 {
		return 0
	}
	inside := keyOf(c.seed, "#", entry(r.place))
	add(inside)
	return inside
}

// precedes tells which of two reports a result counts as in, whichever comes first: that of a laboratory, else the first by name.
func (c *converter) precedes(member, known membership) bool {
	if member.isLab != known.isLab {
		return member.isLab
	}
	return c.reportNames[member.name].name < c.reportNames[known.name].name
}

// reportName remembers the name of a report.
func (c *converter) reportName(code *concept) int32 {
	name := code.label()
	if best := code.best(); name.name == best.code {
		return 0 // a code is no name
	}
	if i, ok := c.reportIndex[name.name]; ok {
		return i
	}
	if len(c.reportNames) == maxStrings {
		return 0 // no name
	}
	i := int32(len(c.reportNames)) //nolint:gosec // it is below maxStrings
	c.reportNames = append(c.reportNames, name)
	c.reportIndex[name.name] = i
	return i
}

// categorize gives a lab result the name of the report that it is in for a category.
func (c *converter) categorize(row *labs.Result, member membership) {
	name := c.reportNames[member.name]
	reason, instead := c.clearLabel(&name)
	if reason != "" {
		note(row, reason)
		return
	}
	if instead != "" {
		note(row, instead)
	}
	row.Category = name.name
}
