package fhir

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
	"github.com/heliosai/helios-go/clinical/internal/people"
)

// converter reads the resources of an input and keeps what can be sent of them.
type converter struct {
	opts   *Options
	kind   labs.Kind
	labs   labs.Options
	d      decoder
	seed   maphash.Seed
	report *clinical.Report // of what belongs to no record
	last   observation      // whose lists are used again

	// skipped is the report of the resources of types that are not sent. They are many and of little interest, so they are listed last.
	skipped      clinical.Report
	skippedKinds map[string]bool

	want      *reference // Options.Patient
	patient   *patient
	main      *record // nil as long as nothing is known to be the patient's
	groups    []*group
	nobody    *record         // what has no subject
	others    bool            // there are other subjects
	elsewhere map[uint64]bool // the types and ids of other subjects, which another server can use for the patient

	server      string           // on which the first resource that tells it is
	gone        editions         // of conditions, medications and Patients
	unread      editions         // of Observations, and of reports with Observations inside
	moved       editions         // of anything that is about someone else
	corrected   map[uint64]place // where corrected results come from, by what they have in common
	members     map[uint64]membership
	reportNames []label
	reportIndex map[string]int32
	drugs       map[uint64]*knownDrug
	drugList    []*knownDrug
	drugServers map[uint64]uint64 // the server of the Medications with a key
	drugWeight  int
	places      map[string]int // of resources whose ids may hold names, by source
}

func newConverter(kind labs.Kind, opts *Options) *converter {
	c := &converter{
		opts: opts, kind: kind, labs: opts.labs(), seed: maphash.MakeSeed(), report: &clinical.Report{}, skippedKinds: map[string]bool{},
		elsewhere: map[uint64]bool{}, gone: editions{}, unread: editions{}, moved: editions{}, corrected: map[uint64]place{}, members: map[uint64]membership{},
		reportNames: make([]label, 1), reportIndex: map[string]int32{"": 0}, drugs: map[uint64]*knownDrug{}, drugServers: map[uint64]uint64{},
		d: decoder{people: people.Set{Max: maxPeople, Texts: maxStrings}}, places: map[string]int{},
	}
	if opts.Patient != "" {
		want := parseReference(opts.Patient)
		if want.kind == opaque && isID([]byte(want.text)) {
			want = reference{kind: relative, tail: "Patient/" + want.text}
		}
		c.want = &want
	}
	return c
}

// wants tells which types are read.
func (c *converter) wants(kind string) bool {
	switch kind {
	case "Patient", "Observation", "DiagnosticReport", "Practitioner", "RelatedPerson", "Person":
		return true
	case "Condition", "Medication", "MedicationRequest", "MedicationStatement":
		return c.kind == labs.ForRecord || !c.opts.ResultsOnly
	}
	return false
}

// read reads all of the input and decides whose record is sent.
func (c *converter) read(r io.Reader) error {
	split := splitter{
		stream: newStream(r), wants: c.wants, found: c.add,
		broken: func(place int) { c.report.Drop(clinical.Malformed, entry(place), "") },
	}
	err := split.run()
	switch {
	case err == nil:
		return c.settle()
	case errors.Is(err, errSyntax), errors.Is(err, errGrammar), errors.Is(err, errEndsEarly):
		return fmt.Errorf("%w: %s: %w", ErrMalformed, entry(split.n), err)
	}
	return err
}

// several is the error for input about several patients, which the two places show.
func (c *converter) several(a, b string) error {
	return fmt.Errorf("%w, in %s and %s: say which in Options.Patient", ErrMultiplePatients, c.shown(a), c.shown(b))
}

// add reads a resource.
func (c *converter) add(r *resource) error {
	c.place(r)
	r.full = parseReference(r.fullURL)
	if r.edition.Place == 0 {
		r.edition.Place = r.place
	}
	numbered(&r.edition)
	switch {
	case r.deleted:
		c.delete(r)
		return nil
	case r.kind == "":
		c.report.Drop(clinical.Malformed, entry(r.place), "")
		return nil
	case r.tooLong:
		c.miss(r)
		c.report.Drop(clinical.TooLarge, sourceOf(r), "")
		c.forget(r, &r.edition)
		return nil
	case r.data == nil:
		c.skip(r)
		return nil
	}
	c.d.start(r.data)
	c.d.base = r.full.base
	switch r.kind {
	case "Patient":
		p := c.d.patient(r, c.seed)
		if c.unreadable(r, &p.edition) {
			c.miss(r)
			return nil
		}
		p.resource = c.identity(r, &p.edition)
		if c.d.modified {
			c.report.Drop(clinical.ModifierUnknown, "Patient", "")
			p.birthDate, p.died, p.gender = "", "", ""
		}
		is, err := c.addPatient(p)
		if err != nil {
			return err
		}
		c.learn(r, is)
	case "Observation":
		return c.addObservation(r, nil)
	case "DiagnosticReport":
		return c.addReport(r)
	case "Condition":
		return c.addCondition(r)
	case "MedicationRequest", "MedicationStatement":
		return c.addMedication(r)
	case "Medication":
		c.addDrug(r)
	default: // people, who are not sent, but whose names are looked for in what is
		_, near := isPerson(r.kind)
		c.learn(r, near)
		c.skip(r)
	}
	return nil
}

// unreadable reports a resource that the decoder could not read.
func (c *converter) unreadable(r *resource, edition *labs.Edition) bool {
	switch {
	case c.d.bad:
		c.report.Drop(clinical.Malformed, sourceOf(r), "")
	case c.d.big:
		c.report.Drop(clinical.TooLarge, sourceOf(r), "")
	case r.kind == "Patient":
		return false
	case c.d.garbled:
		c.report.Drop(clinical.Unreadable, sourceOf(r), "")
	case c.d.modified:
		c.report.Drop(clinical.ModifierUnknown, sourceOf(r), "")
	default:
		return false
	}
	c.forget(r, edition)
	return true
}

// forget lets a resource that is not sent, of which it is not known whose it is, take the place of its older editions.
func (c *converter) forget(r *resource, edition *labs.Edition) {
	switch r.kind {
	case "Observation", "DiagnosticReport":
		c.unread.add(c.identity(r, edition), last{Edition: *edition})
	case "Patient", "Condition", "Medication", "MedicationRequest", "MedicationStatement":
		c.gone.add(c.identity(r, edition), last{Edition: *edition})
	}
}

// delete reports that a resource was deleted.
func (c *converter) delete(r *resource) {
	if r.kind == "" {
		c.report.Drop(clinical.Unresolved, entry(r.place), "DELETE")
		return
	}
	c.report.Drop(clinical.StatusNotSent, sourceOf(r), "DELETE")
	c.forget(r, &r.edition)
}

// skip reports a resource of a type that is not sent.
func (c *converter) skip(r *resource) {
	source := ""
	if len(c.skipped.Issues) < clinical.MaxIssues || !c.skippedKinds[r.kind] {
		c.skippedKinds[r.kind] = true
		source = sourceOf(r)
	}
	c.skipped.Drop(clinical.TypeNotSent, source, r.kind)
}
