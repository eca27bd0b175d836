package fhir

import (
	"hash/maphash"
	"slices"
	"strconv"
	"time"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// Which notes a result can come with. They are shared: a result's own are never changed but replaced.
var noteSets = func() (sets [8][]clinical.Reason) {
	for i := range sets {
		for bit, reason := range []clinical.Reason{clinical.Preliminary, clinical.CategoryInferred, clinical.DateIssued} {
			if i&(1<<bit) != 0 {
				sets[i] = append(sets[i], reason)
			}
		}
	}
	return sets
}()

const (
	isPreliminary = 1 << iota
	isInferred
	isDateIssued
)

// container is what an Observation has from the resource that it is inside of.
type container struct {
	resource string
	edition  labs.Edition
	refs     [2]uint64
	subject  reference
	patients []containedPatient
	isLab    bool
	focus    bool
	nested   bool   // it is inside of another itself
	status   string // for which nothing of the container is sent
}

// addObservation keeps a laboratory result or a vital sign, and those that are inside of it, or reports why not. in is what it is inside of itself, if anything.
func (c *converter) addObservation(r *resource, in *container) error {
	o := &c.last
	c.d.start(r.data)
	c.d.base = r.full.base
	c.d.observation(o, r, c.seed)
	if c.unreadable(r, &o.edition) {
		return nil
	}
	if in != nil {
		o.edition, o.patients, o.focus = in.edition, in.patients, o.focus || in.focus
		if o.subject.kind == noReference {
			o.subject = in.subject
		}
	}
	row := c.base(o, r, in)
	within := container{
		resource: row.Resource, edition: row.Edition, refs: row.Refs, subject: o.subject, patients: o.patients, isLab: o.is == labResult, focus: o.focus, nested: in != nil,
	}
	inside := o.inside
	var err error
	if within.status, err = c.keepObservation(o, row, in); err != nil {
		return err
	}
	return c.addInside(r, inside, &within)
}

// addInside reads the Observations inside of a resource.
func (c *converter) addInside(r *resource, inside []insideObservation, in *container) error {
	data := r.data
	for _, part := range inside {
		if in.nested { // which FHIR forbids, and which would take long to read
			c.report.Drop(clinical.Malformed, sourceOf(r), "contained")
			continue
		}
		if in.status != "" {
			c.report.Drop(clinical.StatusNotSent, sourceOf(r), in.status)
			continue
		}
		observation := *r
		observation.data = data[part.from:part.to]
		if err := c.addObservation(&observation, in); err != nil {
			return err
		}
	}
	return nil
}

// keepObservation keeps the results of an Observation. If its status says not to use it, that is returned.
func (c *converter) keepObservation(o *observation, row labs.Result, in *container) (status string, err error) {
	row.Corrected = o.status == "amended" || o.status == "corrected" || o.status == "entered-in-error"
	row.Preliminary = o.status == "preliminary"
	rec, err := c.recordFor(&o.subject, row.Source, o.patients)
	if rec == nil {
		c.move(row.Resource, lastOf(&row))
		return "", err
	}
	row.Corrected, row.Preliminary = false, false
	notes := 0
	switch o.status {
	case "final", "amended", "corrected":
		row.Corrected = o.status != "final"
	case "registered", "cancelled", "entered-in-error":
		rec.report.Drop(clinical.StatusNotSent, row.Source, o.status)
		c.withdraw(o, row, rec)
		return o.status, nil
	default:
		row.Preliminary = true
		notes |= isPreliminary
		if c.opts.ExcludePreliminary {
			status = known(observationStatuses, o.status, unknownWord)
			rec.drop(clinical.StatusNotSent, &row, status)
			return status, nil
		}
	}
	if reason, detail := o.unfit(); reason != "" {
		rec.drop(reason, &row, detail)
		return "", nil
	}
	if row.Date == "" && o.issued != "" {
		row.Date = o.issued
		notes |= isDateIssued
	}
	is, word, inferred := o.kind()
	if in != nil && in.isLab && (is == uncategorised || inferred) {
		is, inferred = labResult, false
	}
	if inferred {
		notes |= isInferred
	}
	row.Notes = noteSets[notes]
	switch {
	case is == vitalSign && c.kind != labs.ForRecord:
		rec.pass(clinical.TypeNotSent, &row, "vital-signs")
		return "", nil
	case is == otherCategory:
		rec.pass(clinical.CategoryNotSent, &row, word)
		return "", nil
	}
	rec.seen(row.Date)
	c.results(o, row, is, rec)
	return "", nil
}

// unfit returns why an Observation is no result of the patient.
func (o *observation) unfit() (reason clinical.Reason, detail string) {
	switch {
	case o.focus:
		return clinical.OtherPatient, "focus"
	case o.question:
		return clinical.OrderQuestion, ""
	case o.value.Free && isNarrative(&o.code):
		return clinical.Narrative, ""
	}
	return "", ""
}

// withdraw takes back what was sent before of an Observation whose status says not to use it. One that was entered in error takes with it what has its identifier.
func (c *converter) withdraw(o *observation, base labs.Result, rec *record) {
	if o.status != "entered-in-error" {
		rec.void(&base)
		return
	}
	base.Corrected = true
	c.parts(o, base, func(_ *content, row labs.Result) {
		rec.labs.Withdraw(row)
		if rec.both {
			rec.vitals.Withdraw(row)
		}
	})
}

// base makes what the rows of an Observation have in common.
func (c *converter) base(o *observation, r *resource, in *container) labs.Result {
	row := labs.Result{Source: sourceOf(r), Edition: o.edition}
	if in != nil {
		row.Resource, row.Refs = in.resource, in.refs
	} else {
		row.Resource, row.Refs = c.identity(r, &o.edition), r.lookups(c.seed)
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
	if o.identifier != 0 {
		row.Identifier = strconv.FormatUint(o.identifier, 36)
	}
	if issued, err := time.Parse(time.RFC3339, o.issued); err == nil {
		row.Edition.Issued = issued.UnixMicro() // which is when this edition was made available
	}
	return row
}

// sibling takes the identifier off a corrected result if another one has it, with the same test, date and time of issue: then it does not tell which is corrected, as
// it is that of a specimen or an order, and they stand beside one another.
func (c *converter) sibling(row *labs.Result, issued string) {
	if !row.Corrected || row.Identifier == "" {
		return
	}
	var h maphash.Hash
	h.SetSeed(c.seed)
	maphash.WriteComparable(&h, [7]string{row.Identifier, row.System, row.Code, row.Of, row.Name, row.Date, issued})
	key, from := h.Sum64(), place{maphash.String(c.seed, row.Resource), row.Edition.Place}
	switch known, ok := c.corrected[key]; {
	case ok && (known.resource != from.resource || known.place == from.place):
		row.Identifier = ""
	case ok || len(c.corrected) < maxEditions:
		c.corrected[key] = from
	}
}

// place is where a corrected result comes from.
type place struct {
	resource uint64
	place    int
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
