package labs

import (
	"slices"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
)

type verdict struct {
	is    normality
	rng   *Range // nil if none is sent
	notes []clinical.Reason
}

func (s *Set) classify(r *Result, p Patient) verdict {
	usable, unread := r.usableRanges()
	v := verdict{is: r.said.is, notes: slices.Concat(r.said.notes, unread)}

	then := p
	if slices.ContainsFunc(usable, func(r Range) bool { return r.AgeLow != nil || r.AgeHigh != nil }) {
		then = p.at(r.Date)
	}

	ranges := fitting(usable, then)
	switch {
	case len(ranges) > 0:
		v.rng = &ranges[0]
		if len(ranges) > 1 {
			v.notes = append(v.notes, clinical.SeveralRanges)
		}
	case len(usable) > 0:
		v.notes = append(v.notes, clinical.RangeNotSent)
	}

	byRange, notes := compare(r, ranges)
	v.notes = append(v.notes, notes...)
	switch {
	case v.is == unknown && byRange == normal && r.said.isDoubtful: // what it means may be that it is not
	case v.is == unknown:
		v.is = byRange
	case byRange == unknown:
	case v.is.has(abnormal) && !v.is.has(isDirected) && byRange.has(abnormal):
		v.is |= byRange // the flag leaves open whether it is high or low
	default:
		if _, agree := v.is.and(byRange); !agree {
			v.notes = append(v.notes, clinical.FlagContradicted)
		}
	}

	if v.is == unknown && s.opts.Classify != nil {
		v.is = byFlag[s.opts.Classify(r.asTest(p, v.rng))]
	}
	return v
}

var byFlag = map[helios.Flag]normality{
	helios.FlagHigh: high, helios.FlagLow: low, helios.FlagNormal: normal, helios.FlagCritical: critical,
}

// sentAs is the flag of a lab result, with what it does not say, and the words
// in a patient's record.
var sentAs = map[normality]struct {
	flag    helios.Flag
	lost    clinical.Reason
	display string
}{
	unknown:      {"", clinical.Unclassified, ""},
	normal:       {helios.FlagNormal, "", ""},
	abnormal:     {"", clinical.DirectionUnknown, "Abnormal"},
	low:          {helios.FlagLow, "", "Low"},
	high:         {helios.FlagHigh, "", "High"},
	critical:     {helios.FlagCritical, "", "Critical"},
	criticalLow:  {helios.FlagCritical, clinical.DirectionLost, "Critical Low"},
	criticalHigh: {helios.FlagCritical, clinical.DirectionLost, "Critical High"},
}

func (r *Result) asTest(p Patient, rng *Range) clinical.Test {
	t := clinical.Test{System: r.System, Code: r.Code, Name: r.Name, Value: r.Value.String(), Unit: r.Unit, Age: p.Age,
		Gender: p.Gender}
	if rng != nil {
		t.ReferenceRange = rng.text()
	}
	return t
}
