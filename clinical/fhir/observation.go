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
	is        category
	word      string // for its category
	focuses   []reference
	focus     bool // it is about another than its subject, such as an implant
	period         // in which it was true of the patient
	hasMember bool
	component
	components []component
}

type component struct {
	code   concept
	value  value
	absent string // why there is no value
	flags  []labs.Flag
	ranges []labs.Range
	key    []byte // that value came with
}

func newObservation(c *converter) item {
	c.last = observation{components: c.last.components[:0]}
	return &c.last
}

func (o *observation) read(d *decoder, key []byte) bool {
	if o.component.read(d, key) {
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
	case "focus":
		d.List(func() {
			if ref, _ := d.reference(); d.room(len(o.focuses)) {
				o.focuses = append(o.focuses, ref)
			}
		})
	case "effectiveDateTime", "effectiveInstant", "effectivePeriod":
		o.period = d.period()
	case "hasMember":
		d.List(func() { o.hasMember = true })
	case "related": // before R4
		d.List(func() {
			var typ string
			d.names(field{"type", &typ})
			o.hasMember = o.hasMember || typ == "has-member"
		})
	case "component":
		o.components = o.components[:0]
		d.List(func() {
			var c component
			d.object(func(key []byte) { c.read(d, key) })
			if d.room(len(o.components)) {
				o.components = append(o.components, c)
			}
		})
	default:
		return false
	}

	return true
}

func (c *component) read(d *decoder, key []byte) bool {
	switch string(key) {
	case "code":
		c.code = d.concept()
	case "dataAbsentReason":
		reason := d.concept()
		c.absent = "unknown"
		for _, coding := range reason.codings {
			c.absent = codes.AbsentReason(coding.code)
		}
	case "interpretation":
		c.flags = nil
		d.each(func() {
			if i := d.word(); d.room(len(c.flags)) {
				c.flags = append(c.flags, flagsOf(&i)...)
			}
		})
	case "referenceRange":
		c.ranges = nil
		hasLong := false
		d.List(func() {
			r, long := d.referenceRange()
			if hasLong = hasLong || long; d.room(len(c.ranges)) && r != (labs.Range{}) {
				c.ranges = append(c.ranges, r)
			}
		})
		if hasLong { // what it says may limit the others
			c.ranges = []labs.Range{{Broken: true}}
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
	if r.in == nil {
		r.refs = r.lookups()
	}
	best := o.code.best()
	row := labs.Result{
		Source: r.source, Resource: r.name, Edition: r.edition, Refs: r.refs, System: best.system, Code: best.code,
		Label: o.code.label(), Date: cmp.Or(o.end, o.start),
	}

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
			r.refused = known(observationStatuses, r.status)
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
	case "", "RelatedPerson", "Person", "Practitioner", "PractitionerRole", "Group", "Organization", "Location",
		"Device", "BiologicallyDerivedProduct", "Substance", "NutritionProduct": // which can be subjects too
		return true
	}
	return false
}

func (o *observation) unfit() (reason clinical.Reason, detail string) {
	switch {
	case o.focus:
		return clinical.OtherPatient, "focus"
	case o.is != otherCategory && o.code.isIn(codes.Questions):
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
	if o.code.isIn(codes.VitalSigns) {
		return vitalSign, "", false
	}

	best := o.code.best()
	isCoded := best.system == codes.LOINC && best.code != ""
	isResult := func(c component) bool { return c.isResult(isCoded) }
	if isResult(o.component) || slices.ContainsFunc(o.components, isResult) {
		return labResult, "", true
	}
	return uncategorised, "", false
}

func (c *component) isResult(isCoded bool) bool {
	judged := len(c.flags) > 0 || len(c.ranges) > 0
	if isCoded {
		return judged || c.value.quantity || c.value.found
	}
	return judged && c.value.quantity && !vitalUnits[c.value.unit] && !vitalUnits[c.value.unitCode]
}

// results adds the value of an Observation and of its components.
func (c *converter) results(o *observation, base labs.Result, is category, rec *record) {
	pressure, rounded := o.takePressure(c.opts.RoundDecimals)
	hasValue := o.value.String() != "" || o.value.notSent != ""
	add := func(from *component, row labs.Result) {
		switch v := &from.value; {
		case v.notSent != "":
			rec.drop(clinical.ValueNotSent, &row, v.notSent)
		case strings.TrimSpace(v.String()) == "" || codes.DeniesValue(from.absent):
			rec.drop(clinical.NoValue, &row, cmp.Or(v.absent, from.absent))
		default:
			row.Value, row.Unit, row.UnitCode = v.Value, v.unit, v.unitCode
			row.Flags, row.Ranges = from.flags, from.ranges
			for i := range row.Ranges {
				if r := &row.Ranges[i]; r.UnitCode != "" && r.UnitCode == v.unitCode {
					r.Unit = ""
				}
			}
			if size(&row) > maxRow {
				rec.drop(clinical.TooLarge, &row, "")
				return
			}
			rec.add(row, is)
		}
	}

	if pressure != nil {
		row := base
		row.Label = labs.Label{Name: "Blood Pressure"}
		if rounded {
			row.Note(clinical.Rounded)
		}
		add(pressure, row)
	}
	switch isAlone := len(o.components) == 0; {
	case hasValue, pressure == nil && isAlone && !o.hasMember:
		add(&o.component, base)
	case pressure == nil && len(o.flags) > 0:
		rec.drop(clinical.Panel, &base, "interpretation")
	case pressure == nil && isAlone:
		rec.drop(clinical.Panel, &base, "")
	}
	for i := range o.components {
		part := &o.components[i]
		row, best := base, part.code.best()
		row.Label, row.System, row.Code, row.Of = in(base.Label, part.code.label()), best.system, best.code, base.Code
		if row.Name == "" {
			rec.drop(clinical.NoName, &row, "component")
			continue
		}
		add(part, row)
	}
}

// takePressure joins two components to one value, "138/88".
func (o *observation) takePressure(decimals *int) (pressure *component, rounded bool) {
	index := func(code string) int {
		return slices.IndexFunc(o.components, func(c component) bool { return c.code.hasCode(code) })
	}
	upper, lower := index(codes.Systolic), index(codes.Diastolic)
	if upper < 0 || lower < 0 || upper == lower {
		return nil, false
	}
	a, b := o.components[upper].value, o.components[lower].value
	if a.Number == "" || b.Number == "" || a.Comparator != "" || b.Comparator != "" ||
		a.unit != b.unit && (a.unitCode == "" || a.unitCode != b.unitCode) {
		return nil, false
	}

	first, cut1 := labs.Round(a.Number, decimals)
	second, cut2 := labs.Round(b.Number, decimals)
	a.Value = labs.Value{Text: first + "/" + second}
	for _, i := range []int{max(upper, lower), min(upper, lower)} {
		o.components = slices.Delete(o.components, i, i+1)
	}
	return &component{value: a, flags: o.flags}, cut1 || cut2
}

// in names a component behind the name of its panel: "Urinalysis: pH".
func in(panel, part labs.Label) labs.Label {
	if panel.Name == "" || part.Name == "" {
		return part
	}
	coded := func(l labs.Label) string {
		if l.FreeName {
			return l.CodedName
		}
		return l.Name
	}
	name := labs.Label{Name: panel.Name + ": " + part.Name, FreeName: panel.FreeName || part.FreeName}
	if name.CodedName = coded(part); name.CodedName != "" && coded(panel) != "" {
		name.CodedName = coded(panel) + ": " + name.CodedName
	}
	return name
}
