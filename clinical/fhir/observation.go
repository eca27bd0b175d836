package fhir

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/codes"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// See https://hl7.org/fhir/R4/observation.html
type observation struct {
	is         category
	word       string // for its category
	code       concept
	focuses    []reference
	focus      bool   // it is about another than its subject, such as an implant
	start, end string // of when it was true of the patient
	misdated   bool   // a date cannot be read
	hasMember  bool
	content
	components []component
}

type content struct {
	value  value
	absent string // why there is no value
	flags  []labs.Flag
	ranges []rangeOf
	key    []byte // that value came with
}

type component struct {
	code concept
	content
}

func newObservation(c *converter) item {
	c.last = observation{components: c.last.components[:0]}
	return &c.last
}

func (o *observation) read(d *decoder, key []byte) bool {
	if o.content.read(d, key) {
		return true
	}
	switch string(key) {
	case "category":
		o.is, o.word = uncategorised, "" // of a key that comes twice the last counts, as everywhere
		d.concepts(func(c *concept) {
			if is, word := categoryOf(c); is > o.is {
				o.is, o.word = is, word
			}
		})
	case "code":
		o.code = d.concept()
	case "focus":
		d.List(func() {
			if ref, _ := d.reference(); d.room(len(o.focuses)) {
				o.focuses = append(o.focuses, ref)
			}
		})
	case "effectiveDateTime", "effectiveInstant", "effectivePeriod":
		o.start, o.end, o.misdated = d.when(string(key) == "effectivePeriod")
	case "hasMember":
		d.List(func() { o.hasMember = true })
	case "related": // before R4
		d.List(func() {
			d.object(func(key []byte) {
				if string(key) == "type" {
					o.hasMember = d.string() == "has-member" || o.hasMember
				}
			})
		})
	case "component":
		o.components = o.components[:0]
		d.List(func() {
			if c := d.component(); d.room(len(o.components)) {
				o.components = append(o.components, c)
			}
		})
	default:
		return false
	}

	return true
}

func (d *decoder) component() component {
	var c component
	d.object(func(key []byte) {
		switch {
		case c.read(d, key):
		case string(key) == "code":
			c.code = d.concept()
		}
	})
	return c
}

func (c *content) read(d *decoder, key []byte) bool {
	switch string(key) {
	case "dataAbsentReason":
		reason := d.concept()
		c.absent = "unknown"
		for _, coding := range reason.codings {
			c.absent = codes.AbsentReason(coding.code)
		}
	case "interpretation":
		c.flags = nil
		if d.Kind() == '"' {
			c.flags = []labs.Flag{{Text: d.string()}}
			return true
		}
		d.concepts(func(i *concept) {
			if d.room(len(c.flags)) {
				c.flags = append(c.flags, flagsOf(i)...)
			}
		})
	case "referenceRange":
		c.ranges = nil
		long := false
		d.List(func() {
			if r := d.referenceRange(); d.room(len(c.ranges)) && r != (rangeOf{}) {
				c.ranges = append(c.ranges, r)
				long = long || r.long
			}
		})
		if long { // what it says may limit the others
			c.ranges = []rangeOf{{Range: labs.Range{Broken: true}}}
		}
	default:
		kind, ok := bytes.CutPrefix(key, []byte("value"))
		if !ok {
			return false
		}
		several := c.key != nil && !bytes.Equal(c.key, key)
		c.key, c.value = key, d.value(kind)
		if several {
			c.value = value{notSent: "several"}
		}
	}

	return true
}

// flagsOf returns the codes of an interpretation, and its words if they differ.
func flagsOf(i *concept) []labs.Flag {
	var flags []labs.Flag
	said := i.text == ""
	for _, coding := range i.codings {
		flags = append(flags, labs.Flag{System: coding.system, Code: coding.code, Text: coding.display})
		said = said || strings.EqualFold(i.text, coding.display) || strings.EqualFold(i.text, coding.code)
	}
	if !said {
		flags = append(flags, labs.Flag{Text: i.text})
	}
	return flags
}

func (o *observation) keep(c *converter, r *resource, rec *record) error {
	o.focus = r.focus || slices.ContainsFunc(o.focuses, r.isAnother)
	r.isLab, r.focus = o.is == labResult, o.focus
	row := c.base(o, r)

	switch r.status {
	case "final", "amended", "corrected":
	case "registered", "cancelled", enteredInError:
		r.refused = r.status
		rec.drop(clinical.StatusNotSent, &row, r.status)
		return nil
	default:
		row.Edition.Rank = labs.IsPreliminary
		row.Note(clinical.Preliminary)
		if c.opts.ExcludePreliminary {
			r.refused = known(observationStatuses, r.status, unknownWord)
			rec.drop(clinical.StatusNotSent, &row, r.refused)
			return nil
		}
	}

	if reason, detail := o.unfit(); reason != "" {
		rec.drop(reason, &row, detail)
		return nil
	}

	if o.misdated {
		row.Note(clinical.DateUnreadable)
	}
	if row.Date == "" && r.issued != "" {
		row.Date = r.issued
		row.Note(clinical.DateIssued)
	}

	is, word, inferred := o.kind()
	if r.in != nil && r.in.isLab && (is == uncategorised || inferred) {
		is, inferred = labResult, false
	}
	if inferred {
		row.Note(clinical.CategoryInferred)
	}
	switch {
	case is == vitalSign && c.kind != labs.ForRecord:
		rec.pass(clinical.TypeNotSent, &row, "vital-signs")
		return nil
	case is == otherCategory:
		rec.pass(clinical.CategoryNotSent, &row, word)
		return nil
	}

	rec.seen(row.Date)
	c.results(o, row, is, rec)
	return nil
}

// isAnother reports whether a focus is another than the subject of r, rather
// than a specimen or a tumour of theirs.
func (r *resource) isAnother(focus reference) bool {
	kind := focus.target()
	if focus.kind == contained {
		kind = r.kindInside(focus.text)
	}
	switch kind {
	case "Patient":
		return focus.kind == contained || !focus.same(&r.subject)
	case "", "RelatedPerson", "Person", "Practitioner", "PractitionerRole", "Group", "Organization", "Location":
		return true
	case "Device", "BiologicallyDerivedProduct", "Substance", "NutritionProduct":
		return true // which can be subjects too
	}

	return false
}

func (o *observation) unfit() (reason clinical.Reason, detail string) {
	switch {
	case o.focus:
		return clinical.OtherPatient, "focus"
	case o.is != otherCategory && isQuestion(&o.code):
		return clinical.OrderQuestion, ""
	case o.value.Free && isNarrative(&o.code):
		return clinical.Narrative, ""
	}
	return "", ""
}

// kind returns what an Observation is: as its category says, else as its code
// does. inferred is true where only code, value and unit say that it is a
// result.
func (o *observation) kind() (is category, word string, inferred bool) {
	if o.is != uncategorised {
		return o.is, o.word, false
	}
	coded := false
	for _, coding := range o.code.codings {
		if coding.system == loinc && coding.code != "" {
			coded = true
			if codes.VitalSigns[coding.code] {
				return vitalSign, "", false
			}
		}
	}

	isResult := func(c *content) bool { return c.isResult(coded) }
	if isResult(&o.content) ||
		slices.ContainsFunc(o.components, func(c component) bool { return isResult(&c.content) }) {
		return labResult, "", true
	}
	return uncategorised, "", false
}

func (c *content) isResult(coded bool) bool {
	judged := len(c.flags) > 0 || len(c.ranges) > 0
	if coded {
		return judged || c.value.quantity || c.value.found
	}
	return judged && c.value.quantity && vitalUnits[c.value.unit] == "" && vitalUnits[c.value.unitCode] == ""
}

func (c *converter) base(o *observation, r *resource) labs.Result {
	row := labs.Result{Source: r.source, Resource: r.name, Edition: r.edition, Refs: r.refs}
	if r.in == nil {
		r.refs = r.lookups()
		row.Refs = r.refs
	}

	name := o.code.label()
	row.Name, row.FreeName, row.CodedName = name.name, name.typed, name.coded
	best := o.code.best()
	row.System, row.Code = best.system, best.code
	row.Date = cmp.Or(o.end, o.start)
	return row
}

// parts calls f for the value of an Observation and for its components.
func (c *converter) parts(o *observation, base labs.Result, f func(*content, labs.Result)) {
	components := o.components
	pressure, rounded, ok := c.bloodPressure(o)
	if ok {
		components = withoutPressure(components)
		row := base
		row.Name, row.FreeName, row.CodedName = "Blood Pressure", false, ""
		if rounded {
			row.Notes = append(slices.Clip(row.Notes), clinical.Rounded)
		}
		f(&content{value: pressure, flags: o.flags}, row)
	}

	if o.hasValue() || !ok && len(components) == 0 {
		f(&o.content, base)
	}
	for i := range components {
		part := &components[i]
		name := part.code.label()
		row := name.in(base)
		best := part.code.best()
		row.System, row.Code, row.Of = best.system, best.code, base.Code
		if name.name == "" {
			row.Name = ""
		}
		f(&part.content, row)
	}
}

func (o *observation) hasValue() bool { return o.value.String() != "" || o.value.notSent != "" }

func (c *converter) results(o *observation, base labs.Result, is category, rec *record) {
	_, _, pressure := c.bloodPressure(o)
	if !o.hasValue() && !pressure && (len(o.components) > 0 || o.hasMember) {
		switch {
		case len(o.flags) > 0:
			rec.report.Drop(clinical.Panel, base.Source, "interpretation")
		case len(o.components) == 0:
			rec.report.Drop(clinical.Panel, base.Source, "")
		}
		if len(o.components) == 0 {
			rec.void(&base)
			return
		}
	}

	c.parts(o, base, func(from *content, row labs.Result) {
		if from != &o.content && row.Name == "" {
			rec.drop(clinical.NoName, &row, "component")
			return
		}
		switch v := &from.value; {
		case v.notSent != "":
			rec.drop(clinical.ValueNotSent, &row, v.notSent)
		case strings.TrimSpace(v.String()) == "" || codes.DeniesValue(from.absent):
			rec.drop(clinical.NoValue, &row, cmp.Or(v.absent, from.absent))
		default:
			row.Value, row.Unit, row.UnitCode = v.Value, v.unit, v.unitCode
			row.Flags, row.Ranges = from.flags, rangesOf(from.ranges, v)
			if size(&row) > maxRow {
				rec.drop(clinical.TooLarge, &row, "")
				return
			}
			rec.add(row, is)
		}
	})
}

func pressures(components []component) (upper, lower *component) {
	for i := range components {
		switch code := &components[i].code; {
		case upper == nil && code.hasCode(codes.Systolic):
			upper = &components[i]
		case lower == nil && code.hasCode(codes.Diastolic):
			lower = &components[i]
		}
	}
	return upper, lower
}

func withoutPressure(components []component) []component {
	upper, lower := pressures(components)
	var rest []component
	for i := range components {
		if c := &components[i]; c != upper && c != lower {
			rest = append(rest, *c)
		}
	}
	return rest
}

// bloodPressure returns two components as one value, "138/88".
func (c *converter) bloodPressure(o *observation) (v value, rounded, ok bool) {
	upper, lower := pressures(o.components)
	if upper == nil || lower == nil {
		return value{}, false, false
	}
	a, b := &upper.value, &lower.value
	if a.Number == "" || b.Number == "" || a.Comparator != "" || b.Comparator != "" ||
		a.unit != b.unit && (a.unitCode == "" || a.unitCode != b.unitCode) {
		return value{}, false, false
	}
	v = *a
	first, cut1 := labs.Round(a.Number, c.opts.RoundDecimals)
	second, cut2 := labs.Round(b.Number, c.opts.RoundDecimals)
	v.Value = labs.Value{Text: first + "/" + second}
	return v, cut1 || cut2, true
}

// in names a component behind the name of its panel: "Urinalysis: pH".
func (l label) in(panel labs.Result) labs.Result {
	coded := func(name string, typed bool, coded string) string {
		if typed {
			return coded
		}
		return name
	}

	part := coded(l.name, l.typed, l.coded)
	whole := coded(panel.Name, panel.FreeName, panel.CodedName)
	switch {
	case l.name == "":
		return panel
	case panel.Name == "":
		panel.Name, panel.FreeName, panel.CodedName = l.name, l.typed, l.coded
		return panel
	}

	panel.Name, panel.FreeName = panel.Name+": "+l.name, panel.FreeName || l.typed
	panel.CodedName = part
	if whole != "" && part != "" {
		panel.CodedName = whole + ": " + part
	}
	return panel
}
