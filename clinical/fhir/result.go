package fhir

import (
	"cmp"
	"slices"
	"strings"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/codes"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

func (c *converter) base(o *observation, r *resource) labs.Result {
	row := labs.Result{Source: r.source, Resource: r.name, Edition: r.edition, Refs: r.refs}
	if r.in == nil {
		r.refs = r.lookups(c.seed)
		row.Refs = r.refs
	}

	name := o.code.label()
	row.Name, row.FreeName, row.CodedName = name.name, name.typed, name.coded
	best := o.code.best()
	row.System, row.Code = best.system, best.code
	row.Date = cmp.Or(o.date, o.end, o.start)
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
