package labs

import (
	"cmp"
	"slices"
	"strings"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
)

func newestFirst(a, b *Result) int { return cmp.Compare(b.span.from, a.span.from) }

type judged struct {
	*Result
	verdict
}

// judgeAll returns the lab results with their verdicts, or the vital signs: the
// newest first, of one moment the abnormal first, and then by name.
func (s *Set) judgeAll(p Patient, vitalSigns bool) []judged {
	if s.unsettled {
		s.Settle()
	}
	all := make([]judged, 0, len(s.results))
	for _, r := range s.results {
		switch {
		case r.IsVitalSign != vitalSigns:
		case vitalSigns:
			all = append(all, judged{Result: r})
		default:
			all = append(all, judged{r, s.classify(r, p)})
		}
	}

	slices.SortStableFunc(all, func(a, b judged) int {
		return cmp.Or(newestFirst(a.Result, b.Result), cmp.Compare(b.is&critical, a.is&critical),
			cmp.Compare(a.Name, b.Name))
	})
	return all
}

func (s *Set) note(j *judged, more ...clinical.Reason) {
	reasons := slices.Concat(j.Notes, j.notes, more)

	if j.Value.Number == "" && j.Value.Free {
		reasons = append(reasons, clinical.FreeText)
	}
	if j.Value.Number != "" && j.Unit == "" {
		reasons = append(reasons, clinical.NoUnit)
	}
	switch len(Day(j.Date)) {
	case 0:
		if !slices.Contains(reasons, clinical.DateUnreadable) {
			reasons = append(reasons, clinical.NoDate)
		}
	case 4, 7:
		reasons = append(reasons, clinical.DatePartial)
	}

	for _, reason := range reasons {
		s.report.Note(reason, j.Source, "")
	}
}

func (s *Set) number(r *Result) (string, []clinical.Reason) {
	value := r.Value
	rounded, isRounded := Round(value.Number, s.opts.RoundDecimals)
	value.Number = rounded
	if isRounded {
		return value.String(), []clinical.Reason{clinical.Rounded}
	}
	return value.String(), nil
}

// LabResults returns the newest helios.MaxLabResults.
func (s *Set) LabResults(p Patient) []helios.LabResult {
	all := s.judgeAll(p, false)
	most := min(len(all), helios.MaxLabResults)
	for _, j := range all[most:] {
		s.report.Drop(clinical.TooMany, j.Source, "")
	}
	all = all[:most]

	results := make([]helios.LabResult, 0, len(all))
	for i := range all {
		j := &all[i]
		value, notes := s.number(j.Result)
		sent := sentAs[j.is]
		if sent.lost != "" {
			notes = append(notes, sent.lost)
		}

		result := helios.LabResult{Name: j.Name, Value: value, Flag: sent.flag, Date: Day(j.Date), Unit: j.Unit,
			Category: j.Category}
		if j.Value.Number != "" {
			result.Value = strings.TrimSpace(value + " " + j.Unit)
		}
		if j.rng != nil {
			result.ReferenceRange = j.rng.withUnit(j.Unit)
		}
		if s.opts.Category != nil {
			if category := s.opts.Category(j.asTest(p, j.rng)); category != "" {
				result.Category = category
			}
		}

		s.note(j, notes...)
		results = append(results, result)
	}

	s.report.AddSent("labResults", len(results))
	return results
}

// Labs returns those that are abnormal, those that are normal and, if they were
// asked for, those that nobody judges.
func (s *Set) Labs(p Patient) (abnormals, normals, unclassified []helios.Lab) {
	all := s.judgeAll(p, false)
	for i := range all {
		j := &all[i]
		if j.is == unknown && !s.opts.IncludeUnclassified {
			s.report.Drop(clinical.Unclassified, j.Source, "")
			continue
		}

		value, notes := s.number(j.Result)
		lab := helios.Lab{Date: Day(j.Date), Display: j.Name, Value: value, Unit: j.Unit}
		if j.rng != nil {
			lab.ReferenceRange = j.rng.text()
			if bounds, ok := j.rng.bounds(); ok && !j.hasUnit(bounds.Unit) {
				lab.ReferenceRange = j.rng.withUnit(j.Unit)
			}
		}

		switch {
		case j.is == unknown:
			unclassified = append(unclassified, lab)
			notes = append(notes, clinical.Unclassified)
		case j.is.has(abnormal):
			lab.Interpretation = sentAs[j.is].display
			abnormals = append(abnormals, lab)
		default:
			normals = append(normals, lab)
		}
		s.note(j, notes...)
	}

	s.report.AddSent("recentAbnormalLabs", len(abnormals))
	s.report.AddSent("recentNormalLabs", len(normals))
	return abnormals, normals, unclassified
}

// VitalSigns returns all as vital signs.
func (s *Set) VitalSigns() []helios.VitalSign {
	all := s.judgeAll(Patient{}, true)
	signs := make([]helios.VitalSign, 0, len(all))
	for i := range all {
		j := &all[i]
		value, notes := s.number(j.Result)
		signs = append(signs, helios.VitalSign{Display: j.Name, Value: value, Unit: j.Unit, Date: Day(j.Date)})
		s.note(j, notes...)
	}
	s.report.AddSent("vitalSigns", len(signs))
	return signs
}
