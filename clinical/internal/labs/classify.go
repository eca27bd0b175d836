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
	var v verdict
	said := judge(r.Flags)
	v.is, v.notes = said.is, said.notes

	usable, unread := r.usableRanges()
	v.notes = append(v.notes, unread...)

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
	case v.is == unknown && byRange == normal && said.isDoubtful: // what it means may be that it is not
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

func (n normality) flag() (helios.Flag, []clinical.Reason) {
	switch {
	case n == unknown:
		return "", []clinical.Reason{clinical.Unclassified}
	case n == abnormal:
		return "", []clinical.Reason{clinical.DirectionUnknown}
	case n == normal:
		return helios.FlagNormal, nil
	case n == critical:
		return helios.FlagCritical, nil
	case n.has(isCritical):
		return helios.FlagCritical, []clinical.Reason{clinical.DirectionLost}
	case n.has(isLow):
		return helios.FlagLow, nil
	}
	return helios.FlagHigh, nil
}

func (r *Result) asTest(p Patient, rng *Range) clinical.Test {
	t := clinical.Test{System: r.System, Code: r.Code, Name: r.Name, Value: r.Value.String(), Unit: r.Unit, Age: p.Age,
		Gender: p.Gender}
	if rng != nil {
		t.ReferenceRange = rng.text()
	}
	return t
}
