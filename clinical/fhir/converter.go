package fhir

import (
	"errors"
	"fmt"
	"io"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/bundle"
	"github.com/heliosai/helios-go/clinical/internal/labs"
	"github.com/heliosai/helios-go/clinical/internal/people"
)

type reader struct {
	// item returns an empty item, into which a resource is read.
	item func(*converter) item
	// context is set for what is only the context of lab results.
	context bool
	// results is set for what holds Observations.
	results bool
	// unowned is set for what is not looked up by its subject.
	unowned bool
}

type item interface {
	// read reads a field that is the type's own, and reports whether it did.
	read(d *decoder, key []byte) bool
	// keep keeps what can be sent, or reports why not. rec is nil if unowned.
	keep(c *converter, r *resource, rec *record) error
}

var readers = map[string]reader{
	"Condition":           {item: newCondition, context: true},
	"DiagnosticReport":    {item: newReport, results: true, unowned: true},
	"Medication":          {item: newDrug, context: true, unowned: true},
	"MedicationOrder":     {item: newMedication, context: true}, // of DSTU2
	"MedicationRequest":   {item: newMedication, context: true},
	"MedicationStatement": {item: newMedication, context: true},
	"Observation":         {item: newObservation, results: true},
	"Patient":             {item: newPatient, unowned: true},
	"Person":              {item: newPerson, unowned: true},
	"Practitioner":        {item: newPerson, unowned: true},
	"RelatedPerson":       {item: newPerson, unowned: true},
}

type converter struct {
	opts    *Options
	kind    labs.Kind
	labs    labs.Options
	d       decoder
	people  people.Screen
	report  *clinical.Report // of what belongs to no record
	foreign clinical.Report  // of what is not the patient's, which can be much
	// The memory of these is used again.
	current resource
	last    observation

	// skipped are the types that are not sent, many and listed last.
	skipped clinical.Report

	want      *reference // Options.Patient
	patient   *patient
	main      *record // nil as long as nothing is known to be the patient's
	groups    []*group
	nobody    *record         // what has no subject
	others    bool            // there are other subjects
	elsewhere map[uint64]bool // types and ids of other subjects, which another server can use for the patient

	server   string        // the first resource that names its server is there
	gone     labs.Editions // of what is not sent, or not as the patient's
	reports  reports
	drugs    drugs
	total    int // resources
	outcomes int // of them, OperationOutcomes
}

func newConverter(kind labs.Kind, opts *Options) *converter {
	c := &converter{
		opts:      opts,
		kind:      kind,
		labs:      opts.labs(),
		people:    people.Screen{Set: people.Set{Max: maxPeople, Texts: maxStrings}, Redact: opts.Redact},
		report:    &clinical.Report{},
		elsewhere: map[uint64]bool{},
		gone:      labs.Editions{},
		reports:   reports{members: map[uint64]*membership{}, known: map[membership]*membership{}},
		drugs:     drugs{known: map[uint64]*drug{}},
	}

	c.d.people = &c.people.Set

	if opts.Patient != "" {
		want := parseReference(opts.Patient)
		if want.kind == opaque && isID(want.text) {
			want = reference{kind: relative, tail: "Patient/" + want.text}
		}
		c.want = &want
	}

	return c
}

func (c *converter) wants(kind string) bool {
	reader, ok := readers[kind]
	return ok && (!reader.context || c.kind == labs.ForRecord || !c.opts.ResultsOnly)
}

func (c *converter) readAll(r io.Reader) error {
	r, err := open(r)
	if err != nil {
		return err
	}
	var failure error
	place, err := bundle.Split(r, bundle.Handler{
		Wants: c.wants,
		Found: func(p *bundle.Part) error {
			failure = c.add(p)
			return failure
		},
		Broken: func(p *bundle.Part) {
			c.miss(p.Type)
			c.report.Drop(clinical.Malformed, entry(p.Place), "")
		},
	})

	switch {
	case failure != nil:
		return failure
	case err == nil:
		return c.settle()
	case errors.Is(err, bundle.ErrSyntax), errors.Is(err, bundle.ErrEndsEarly):
		return fmt.Errorf("%w: %s: %w", ErrMalformed, entry(place), err)
	}

	return labs.ReadError("fhir", entry(place), err)
}

func (c *converter) nothing(err error) error {
	if c.outcomes > 0 && c.outcomes == c.total {
		return fmt.Errorf("%w: the input is an OperationOutcome, by which a server says that it failed", err)
	}
	return err
}

func (c *converter) several(a, b string) error {
	return fmt.Errorf("%w, in %s and %s: say which in Options.Patient", ErrMultiplePatients, a, b)
}

func (c *converter) add(p *bundle.Part) error {
	r := &c.current
	if *r = newResource(p); !r.isThere(p) {
		return nil
	}
	if c.total++; r.kind == "OperationOutcome" {
		c.outcomes++
	}

	switch {
	case r.deleted:
		c.delete(r)
	case r.kind == "":
		c.report.Drop(clinical.Malformed, entry(r.place), "")
	case p.TooLarge:
		c.miss(r.kind)
		c.report.Drop(clinical.TooLarge, r.source, "")
		c.forget(r)
	case r.data == nil:
		c.skip(r)
	default:
		return c.read(r)
	}

	return nil
}

// read reads a resource: its fields, which edition of what it is, and whose.
func (c *converter) read(r *resource) error {
	reader := readers[r.kind]
	it := reader.item(c)
	c.d.resource(r, it)
	if c.unreadable(r) {
		return nil
	}
	r.identify(c)

	var rec *record
	var err error
	if !reader.unowned {
		rec, err = c.recordFor(r)
	}
	switch {
	case err != nil:
		return err
	case rec == nil && !reader.unowned:
		r.move(c.gone)
	default:
		if err := it.keep(c, r, rec); err != nil {
			return err
		}
	}

	if reader.results {
		return c.readInside(r)
	}
	return nil
}

func (c *converter) readInside(r *resource) error {
	for i := range r.inside {
		part := &r.inside[i]
		switch {
		case part.kind != "Observation":
		case r.in != nil: // which FHIR forbids, and which would take long to read
			c.report.Drop(clinical.Malformed, r.source, "contained")
		case r.refused != "":
			c.report.Drop(clinical.StatusNotSent, r.source, r.refused)
		default:
			if err := c.read(r.contain(part)); err != nil {
				return err
			}
		}
	}

	return nil
}

// unreadable reports a resource that could not be read. People need only be
// JSON.
func (c *converter) unreadable(r *resource) bool {
	person, _ := isPerson(r.kind)
	var reason clinical.Reason
	switch {
	case c.d.Bad:
		reason = clinical.Malformed
	case c.d.TooLong:
		reason = clinical.TooLarge
	case person:
		return false
	case c.d.Garbled:
		reason = clinical.Unreadable
	case c.d.modified:
		reason = clinical.ModifierUnknown
	default:
		return false
	}

	c.miss(r.kind)
	c.report.Drop(reason, r.source, "")
	c.forget(r)
	return true
}

// forget lets a resource that is not sent replace its older editions.
func (c *converter) forget(r *resource) {
	r.identify(c)
	if c.wants(r.kind) {
		c.gone.Add(r.name, r.edition)
	}
}

func (c *converter) delete(r *resource) {
	if r.kind == "" {
		c.report.Drop(clinical.Unresolved, entry(r.place), "DELETE")
		return
	}
	c.report.Drop(clinical.StatusNotSent, r.source, "DELETE")
	c.forget(r)
}

func (c *converter) skip(r *resource) {
	c.skipped.Drop(clinical.TypeNotSent, r.source, r.kind)
}
