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

// use is the request that a type of resources is read for.
type use uint8

const (
	forRecord use = 1 << iota
	forResults
	forContext // of results
	forAll     = forRecord | forResults | forContext
)

// A new type is a row in this table and a file with its item. Its lists are
// named in docs/fhir-mapping.md and in the test of the samples.
var readers = map[string]reader{
	"Condition":           {use: forRecord | forContext, item: newCondition},
	"DiagnosticReport":    {use: forAll, item: newReport, holdsResults: true, isUnowned: true},
	"Medication":          {use: forRecord | forContext, item: newDrug, isUnowned: true},
	"MedicationOrder":     {use: forRecord | forContext, item: newMedication}, // of DSTU2
	"MedicationRequest":   {use: forRecord | forContext, item: newMedication},
	"MedicationStatement": {use: forRecord | forContext, item: newMedication},
	"Observation":         {use: forAll, item: newObservation, holdsResults: true},
	"Patient":             {use: forAll, item: newPatient, isUnowned: true},
	"Person":              {use: forAll, item: newPerson, isUnowned: true},
	"Practitioner":        {use: forAll, item: newPerson, isUnowned: true},
	"RelatedPerson":       {use: forAll, item: newPerson, isUnowned: true},
}

type reader struct {
	use use
	// item returns an empty item, into which a resource is read.
	item func(*converter) item
	// holdsResults is set where Observations can be inside.
	holdsResults bool
	// isUnowned is set for what is not looked up by its subject.
	isUnowned bool
}

type item interface {
	// read reads a field that is the type's own, and reports whether it did.
	read(d *decoder, key []byte) bool
	// keep keeps what can be sent. What cannot, it refuses, so that no older
	// edition is sent in its place. rec is nil if it is unowned.
	keep(c *converter, r *resource, rec *record) error
}

type converter struct {
	opts    *Options
	kind    labs.Kind
	use     use // of the types that are read
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
	switch {
	case kind == labs.ForRecord:
		c.use = forRecord
	case opts.ResultsOnly:
		c.use = forResults
	default:
		c.use = forResults | forContext
	}

	if opts.Patient != "" {
		want := parseReference(opts.Patient)
		if want.kind == opaque && isID(want.text) {
			want = reference{kind: relative, tail: "Patient/" + want.text}
		}
		c.want = &want
	}

	return c
}

func (c *converter) wants(kind string) bool { return readers[kind].use&c.use != 0 }

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
	if !reader.isUnowned {
		rec, err = c.recordFor(r)
	}
	switch {
	case err != nil:
		return err
	case rec == nil && !reader.isUnowned:
		r.move(c.gone)
	default:
		if it, ok := it.(interface{ from() *origin }); ok {
			*it.from() = origin{r.source, r.name, r.edition}
		}
		if err := it.keep(c, r, rec); err != nil {
			return err
		}
	}

	if reader.holdsResults {
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
	r.edition.Rank = labs.IsDeleted
	c.forget(r)
}

func (c *converter) skip(r *resource) {
	c.skipped.Drop(clinical.TypeNotSent, r.source, r.kind)
}
