package fhir

import (
	"slices"
	"strings"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/internal/labs"
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

// results makes the rows of an Observation: its own value, and its components. It reports what has no value.
func (c *converter) results(o *observation, base labs.Result, rec *record, add func(labs.Result)) {
	own := o.value.String() != "" || o.value.notSent != ""
	components := o.components
	if pressure, rounded, ok := c.bloodPressure(o); ok {
		components = withoutPressure(components)
		row := base
		row.Name, row.FreeName, row.CodedName = "Blood Pressure", false, ""
		row.Value.Text, row.Unit, row.UnitCode = pressure.Text, pressure.unit, pressure.unitCode
		row.Flags = o.flags
		if rounded {
			row.Notes = append(slices.Clip(row.Notes), clinical.Rounded)
		}
		add(row)
		if !own && len(components) == 0 {
			return
		}
	}
	switch {
	case own, len(o.components) == 0 && !o.hasMember:
		c.row(&o.content, base, rec, add)
	case len(o.components) == 0:
		rec.report.Drop(clinical.Panel, base.Source, "")
	}
	for i := range components {
		part := &components[i]
		row := part.code.label().in(base)
		if row.Name == base.Name {
			rec.report.Drop(clinical.NoName, base.Source, "component")
			continue
		}
		best := part.code.best()
		row.System, row.Code = best.system, best.code
		c.row(&part.content, row, rec, add)
	}
}

// row makes a row of a value.
func (c *converter) row(from *content, row labs.Result, rec *record, add func(labs.Result)) {
	switch v := &from.value; {
	case v.notSent != "":
		rec.report.Drop(clinical.ValueNotSent, row.Source, v.notSent)
	case strings.TrimSpace(v.String()) == "":
		rec.report.Drop(clinical.NoValue, row.Source, from.absent)
	default:
		row.Value, row.Unit, row.UnitCode = v.Value, v.unit, v.unitCode
		row.Flags, row.Ranges = from.flags, rangesOf(from.ranges, v)
		if size(&row) > maxRow {
			rec.report.Drop(clinical.TooLarge, row.Source, "")
			return
		}
		add(row)
	}
}

func isCode(wanted string) func(system, code string) bool {
	return func(_, code string) bool { return code == wanted }
}

// pressures returns the components of a blood pressure.
func pressures(components []component) (upper, lower *component) {
	for i := range components {
		switch code := &components[i].code; {
		case upper == nil && code.hasCode(isCode(systolic)):
			upper = &components[i]
		case lower == nil && code.hasCode(isCode(diastolic)):
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

// bloodPressure returns the two components of a blood pressure as one value, "138/88". It is not ok if one is missing or they differ in unit.
func (c *converter) bloodPressure(o *observation) (v value, rounded, ok bool) {
	upper, lower := pressures(o.components)
	if upper == nil || lower == nil {
		return value{}, false, false
	}
	a, b := &upper.value, &lower.value
	if a.Number == "" || b.Number == "" || a.Comparator != "" || b.Comparator != "" || a.unit != b.unit && (a.unitCode == "" || a.unitCode != b.unitCode) {
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
