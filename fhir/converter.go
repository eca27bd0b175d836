package fhir

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strconv"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/internal/labs"
	"github.com/heliosai/helios-go/internal/people"
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

	want    *reference // Options.Patient
	patient *patient
	main    *record
	groups  []*group
	nobody  *record // what has no subject
	others  bool    // there are other patients

	withdrawn   map[string]bool // the sources of resources that were entered in error
	members     map[uint64]membership
	reportNames []label
	reportIndex map[string]int32
	drugs       map[uint64]*knownDrug
	drugList    []*knownDrug
	drugWeight  int
	places      map[string]int // of resources whose ids may hold names, by source
}

func newConverter(kind labs.Kind, opts *Options) *converter {
	c := &converter{
		opts: opts, kind: kind, labs: opts.labs(), seed: maphash.MakeSeed(), report: &clinical.Report{}, skippedKinds: map[string]bool{},
		withdrawn: map[string]bool{}, members: map[uint64]membership{}, reportNames: make([]label, 1), reportIndex: map[string]int32{"": 0}, drugs: map[uint64]*knownDrug{},
		d: decoder{people: people.Set{Max: maxPeople, Texts: maxStrings}}, places: map[string]int{},
	}
	if opts.Patient != "" {
		want := parseReference(opts.Patient)
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
	switch {
	case r.kind == "":
		c.report.Drop(clinical.Malformed, entry(r.place), "")
		return nil
	case r.tooLong:
		c.miss(r)
		c.report.Drop(clinical.TooLarge, sourceOf(r), "")
		return nil
	case r.data == nil:
		c.skip(r)
		return nil
	}
	c.d.start(r.data)
	switch r.kind {
	case "Patient":
		p := c.d.patient(r, c.seed)
		if c.unreadable(r) {
			c.miss(r)
			return nil
		}
		if err := c.addPatient(p); err != nil {
			return err
		}
		c.learn(r, c.patient != nil && (c.patient == p || c.patient.same(p)))
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
func (c *converter) unreadable(r *resource) bool {
	switch {
	case c.d.bad:
		c.report.Drop(clinical.Malformed, sourceOf(r), "")
	case c.d.big:
		c.report.Drop(clinical.TooLarge, sourceOf(r), "")
	case c.d.garbled && r.kind != "Patient":
		c.report.Drop(clinical.Unreadable, sourceOf(r), "")
	default:
		return false
	}
	return true
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

// addObservation keeps a laboratory result or a vital sign, or reports why not. in is the report that it is inside of, if any.
func (c *converter) addObservation(r *resource, in *reportContext) error {
	o := &c.last
	c.d.start(r.data)
	c.d.observation(o, c.seed)
	if c.unreadable(r) {
		return nil
	}
	source := sourceOf(r)
	if in != nil && o.subject.kind == noReference {
		o.subject = in.subject
	}
	rec, err := c.recordFor(&o.subject, source, o.patients)
	if rec == nil {
		return err
	}
	row, notes := c.base(o, r, in), 0
	switch o.status {
	case "final", "amended", "corrected":
		row.Corrected = o.status != "final"
	case "registered", "cancelled", "entered-in-error":
		rec.report.Drop(clinical.StatusNotSent, source, o.status)
		if o.status == "entered-in-error" && in == nil {
			c.withdraw(r, source)
			rec.labs.Withdraw(row)
			rec.vitals.Withdraw(row)
		}
		return nil
	default:
		if c.opts.ExcludePreliminary {
			rec.report.Drop(clinical.StatusNotSent, source, known(observationStatuses, o.status, unknownWord))
			return nil
		}
		row.Preliminary = true
		notes |= isPreliminary
	}
	switch {
	case o.focus:
		rec.report.Drop(clinical.OtherPatient, source, "focus")
		return nil
	case o.question:
		rec.report.Drop(clinical.OrderQuestion, source, "")
		return nil
	}
	if o.value.Free && isNarrative(&o.code) {
		rec.report.Drop(clinical.Narrative, source, "")
		return nil
	}
	if row.Date == "" && o.issued != "" {
		row.Date = o.issued
		notes |= isDateIssued
	}
	is, word, inferred := o.kind()
	if in != nil && is == uncategorised && in.isLab {
		is, inferred = labResult, false
	}
	if inferred {
		notes |= isInferred
	}
	row.Notes = noteSets[notes]
	var add func(labs.Result)
	switch is {
	case labResult:
		add = rec.labs.Add
	case vitalSign:
		if c.kind != labs.ForRecord {
			rec.report.Drop(clinical.TypeNotSent, source, "vital-signs")
			return nil
		}
		add = rec.vitals.Add
	case otherCategory:
		rec.report.Drop(clinical.CategoryNotSent, source, word)
		return nil
	default:
		add = rec.suspend
	}
	rec.seen(row.Date)
	c.results(o, row, rec, add)
	return nil
}

// base makes what the rows of an Observation have in common.
func (c *converter) base(o *observation, r *resource, in *reportContext) labs.Result {
	row := labs.Result{Source: sourceOf(r)}
	if in != nil {
		row.Refs[0] = in.key
	} else {
		row.Refs = keysOf(c.seed, r)
	}
	name := o.code.label()
	row.Name, row.FreeName, row.CodedName = name.name, name.typed, name.coded
	best := o.code.best()
	row.System, row.Code = best.system, best.code
	for _, date := range []string{o.date, o.end, o.start} {
		if row.Date == "" {
			row.Date = date
		}
	}
	switch {
	case o.identifier != 0:
		row.Identifier = strconv.FormatUint(o.identifier, 36)
	case r.id != "" && in == nil:
		row.Identifier = row.Source // two versions of one resource
	}
	return row
}

// kind tells what an Observation is: as its category says, else as its code does. inferred is true for one that is taken for a laboratory result because it is
// coded as an observation of LOINC and measured.
func (o *observation) kind() (is category, word string, inferred bool) {
	if o.is != uncategorised {
		return o.is, o.word, false
	}
	coded := false
	for _, coding := range o.code.codings {
		if coding.system == loinc && coding.code != "" {
			coded = true
			if vitalSigns[coding.code] != "" {
				return vitalSign, "", false
			}
		}
	}
	measured := func(c *content) bool { return len(c.flags) > 0 || len(c.ranges) > 0 || c.value.quantity }
	if coded && (measured(&o.content) || slices.ContainsFunc(o.components, func(c component) bool { return measured(&c.content) })) {
		return labResult, "", true
	}
	return uncategorised, "", false
}
