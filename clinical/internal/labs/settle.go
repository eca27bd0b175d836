package labs

import (
	"slices"

	"github.com/heliosai/helios-go/clinical"
)

// Which results replace others is decided when all are there, so that it does
// not depend on the order in which they come.

// Settle decides among the results that are there. Of each resource the newest
// edition stays, of what is there twice one, and the latest of each test if
// that was asked for.
func (s *Set) Settle() {
	s.unsettled = false
	of := func(r *Result) (uint64, *Edition) { return r.Resource, &r.Edition }
	s.results = Newest(s.results, s.gone, of, s.remove)
	s.settleDuplicates()
	if s.opts.LatestPerTest {
		s.settleLatest()
	}
}

func (s *Set) remove(r *Result, reason clinical.Reason) {
	s.report.Drop(reason, r.Source, "")
	r.isOut = true
}

func (s *Set) compact() {
	s.results = slices.DeleteFunc(s.results, func(r *Result) bool { return r.isOut })
}

// settleDuplicates leaves one of what is there twice: one with a flag, else one
// with a range. Two whose flags differ are no duplicates.
func (s *Set) settleDuplicates() {
	seen := make(map[uint64]*Result, len(s.results))
	for _, r := range s.results {
		other := seen[r.content]
		if other == nil {
			seen[r.content] = r
			continue
		}

		mine, its := r.said.is, other.said.is
		switch {
		case mine != unknown && its != unknown && mine != its:
		case its == unknown && mine != unknown, mine == its && len(other.Ranges) == 0 && len(r.Ranges) > 0:
			s.remove(other, clinical.Duplicate)
			seen[r.content] = r
		default:
			s.remove(r, clinical.Duplicate)
		}
	}
	s.compact()
}

func (s *Set) settleLatest() {
	newest := map[uint64]*Result{}
	for _, r := range s.results {
		if other := newest[r.test]; r.Date != "" && (other == nil || other.span.from < r.span.from) {
			newest[r.test] = r
		}
	}

	for _, r := range s.results {
		if last := newest[r.test]; last != nil && r.span.before(last.span) {
			s.remove(r, clinical.NotLatest)
		}
	}
	s.compact()
}

// correction is what is known of one with a topic: the result itself if it is
// sent.
type correction struct {
	resource uint64
	*Result
}

// NoteCorrections settles, and notes each correction beside other results of
// its topic, and those: one of them may be what it corrects.
func (s *Set) NoteCorrections() {
	s.Settle()
	for _, r := range s.results {
		if r.Topics == [2]uint64{} && r.Date != "" {
			r.Topics[0] = r.test ^ Hash(r.Date)
		}
		if r.Edition.Rank == IsCorrected {
			s.correct(r.Topics, correction{r.Resource, r})
		}
	}
	if len(s.corrections) == 0 {
		return
	}

	unclear := map[uint64]bool{}
	for _, r := range s.results {
		c, ok := s.corrections[r.Topics[0]]
		isOther := r != c.Result && (r.Resource != c.resource || r.Resource == 0)
		unclear[r.Topics[0]] = unclear[r.Topics[0]] || ok && isOther
	}
	for _, r := range s.results {
		if unclear[r.Topics[0]] || unclear[r.Topics[1]] {
			r.Note(clinical.CorrectionUnclear)
		}
	}
}

func (s *Set) correct(topics [2]uint64, c correction) {
	for _, topic := range topics {
		if topic == 0 || len(s.corrections) == maxEditions {
			continue
		}
		if s.corrections == nil {
			s.corrections = map[uint64]correction{}
		}
		s.corrections[topic] = c
	}
}

// prune leaves out the older half, if only so many are sent.
func (s *Set) prune() {
	if s.kind != ForLabResults || len(s.results) < maxKept/2 {
		return
	}
	newest := slices.SortedStableFunc(slices.Values(s.results), newestFirst)
	for _, r := range newest[maxKept/2:] {
		s.remove(r, clinical.TooMany)
	}
	s.compact()
}
