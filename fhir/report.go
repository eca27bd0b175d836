package fhir

import (
	"hash/maphash"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/internal/labs"
)

// diagnosticReport is what is read of a DiagnosticReport: its name, and which results are in it. See https://hl7.org/fhir/R4/diagnosticreport.html
type diagnosticReport struct {
	status  string
	is      category
	code    concept
	subject reference
	results []reference
	inside  []insideReport
}

// insideReport is an Observation that a DiagnosticReport contains.
type insideReport struct {
	id       string
	from, to int
}

// maxReferences is how many results of reports are remembered. Of results beyond that it is not known which report they are in.
const maxReferences = 1 << 18

func (d *decoder) diagnosticReport(seed maphash.Seed) diagnosticReport {
	var r diagnosticReport
	d.object(func(key []byte) {
		switch string(key) {
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
				kind, id := d.peekType()
				from := d.pos
				d.containedPerson(kind)
				if kind == "Observation" && d.room(len(r.inside)) {
					r.inside = append(r.inside, insideReport{id, from, d.pos})
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
	got := c.d.diagnosticReport(c.seed)
	if c.unreadable(r) {
		return nil
	}
	switch source := sourceOf(r); got.status {
	case "entered-in-error", "cancelled":
		c.report.Drop(clinical.StatusNotSent, source, got.status)
		for range got.inside {
			c.report.Drop(clinical.StatusNotSent, source, got.status)
		}
		return nil
	default:
		c.skip(r)
	}
	member := membership{c.reportName(&got.code), got.is == labResult}
	if got.is <= uncategorised || got.is == labResult {
		for i := range got.results {
			if key := got.results[i].key(c.seed); key != 0 && len(c.members) < maxReferences {
				c.members[key] = member
			}
		}
	}
	data := r.data
	for _, inside := range got.inside {
		part := &resource{kind: r.kind, id: r.id, place: r.place, data: data[inside.from:inside.to]}
		key := maphash.String(c.seed, sourceOf(r)+"#"+inside.id)
		if len(c.members) < maxReferences {
			c.members[key] = member
		}
		if err := c.addObservation(part, &reportContext{got.subject, key, member.isLab}); err != nil {
			return err
		}
	}
	return nil
}

// reportContext is what an Observation inside of a report has from it.
type reportContext struct {
	subject reference
	key     uint64 // under which members has the result
	isLab   bool
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
