package labs

import (
	"cmp"
	"slices"

	"github.com/heliosai/helios-go/clinical"
)

// Which results replace others is decided when all are there, so that it does
// not depend on the order in which they come.

type claim struct {
	edition Edition
	rank    int
	// isWithdrawn is set where it is not sent because it was wrong.
	isWithdrawn bool
}

func (r *Result) claim() claim { return claim{edition: r.Edition, rank: r.rank()} }

func (c *claim) reason() clinical.Reason {
	if c.isWithdrawn {
		return clinical.StatusNotSent
	}
	return clinical.Replaced
}

// The ranks of results whose editions do not say which is the newer one.
const (
	isPreliminary = iota
	isFinal
	isCorrected
)

func (r *Result) rank() int {
	switch {
	case r.Corrected:
		return isCorrected
	case r.Preliminary:
		return isPreliminary
	}
	return isFinal
}

func (c claim) isBefore(other claim) bool {
	return cmp.Or(c.edition.Compare(&other.edition), cmp.Compare(c.rank, other.rank),
		cmp.Compare(c.edition.Place, other.edition.Place)) < 0
}

func (r *Result) resourceKey() uint64 {
	if r.Resource == "" {
		return 0
	}
	return Hash("resource", r.Resource)
}

const maxVoids = 1 << 16

// remember keeps the claim of what is not sent, unless a newer one is known.
func (s *Set) remember(key uint64, c claim) {
	known, ok := s.voids[key]
	if key == 0 || ok && c.isBefore(known) || !ok && len(s.voids) == maxVoids {
		return
	}
	if s.voids == nil {
		s.voids = map[uint64]claim{}
	}
	s.voids[key] = c
}

// Settle decides among the results that are there. Of each resource the newest
// edition stays, of what is there twice one, and the latest of each test if
// that was asked for.
func (s *Set) Settle() {
	if s.settled == s.order {
		s.compact() // of what was revised
		return
	}
	s.settled = s.order

	index := make(map[uint64]*row, len(s.rows)) // one for all, as it is large
	s.settleResources(index)
	clear(index)
	s.settleDuplicates(index)

	if s.opts.LatestPerTest {
		s.settleLatest()
	}
}

func (s *Set) remove(r *row, reason clinical.Reason) {
	s.report.Drop(reason, r.Source, "")
	r.isOut = true
}

func (s *Set) compact() {
	s.rows = slices.DeleteFunc(s.rows, func(r *row) bool { return r.isOut })
}

func (s *Set) settleResources(newest map[uint64]*row) {
	for _, r := range s.rows {
		if r.resource == 0 || r.isOut {
			continue
		}
		if best := newest[r.resource]; best == nil || best.claim().isBefore(r.claim()) {
			newest[r.resource] = r
		}
	}

	for _, r := range s.rows {
		if r.resource == 0 || r.isOut {
			continue
		}
		best := newest[r.resource].claim()
		if void, ok := s.voids[r.resource]; ok && best.isBefore(void) {
			best = void
		}
		if r.Edition.Place != best.edition.Place {
			s.remove(r, best.reason())
		}
	}
	s.compact()
}

// settleDuplicates leaves one of what is there twice: one with a flag, else one
// with a range. Two whose flags differ are no duplicates.
func (s *Set) settleDuplicates(seen map[uint64]*row) {
	for _, r := range s.rows {
		other := seen[r.content]
		if other == nil {
			seen[r.content] = r
			continue
		}

		mine, its := judge(r.Flags).is, judge(other.Flags).is
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
	newest := map[uint64]*row{}
	for _, r := range s.rows {
		if other := newest[r.test]; r.Date != "" && (other == nil || other.span.from < r.span.from) {
			newest[r.test] = r
		}
	}

	for _, r := range s.rows {
		if last := newest[r.test]; last != nil && r.span.before(last.span) {
			s.remove(r, clinical.NotLatest)
		}
	}
	s.compact()
}

// NoteCorrections settles, and notes each correction beside other results of
// its test and time, and those: one of them may be what it corrects.
func (s *Set) NoteCorrections() {
	s.Settle()
	type moment struct {
		test uint64
		date string
	}
	corrections := map[moment]uint64{} // to their resources
	for _, r := range s.rows {
		if r.Corrected && r.Date != "" {
			corrections[moment{r.test, r.Date}] = r.resource
		}
	}
	if len(corrections) == 0 {
		return
	}

	beside := map[moment]bool{}
	for _, r := range s.rows {
		at := moment{r.test, r.Date}
		if resource, ok := corrections[at]; ok && resource != r.resource {
			beside[at] = true
		}
	}
	for _, r := range s.rows {
		if beside[moment{r.test, r.Date}] {
			r.Note(clinical.CorrectionUnclear)
		}
	}
}

// prune leaves out the older half, if only so many are sent.
func (s *Set) prune() {
	if s.kind != ForLabResults || len(s.rows) < maxKept/2 {
		return
	}
	slices.SortStableFunc(s.rows, newestFirst)
	for _, r := range s.rows[maxKept/2:] {
		s.report.Drop(clinical.TooMany, r.Source, "")
	}
	clear(s.rows[maxKept/2:])
	s.rows = s.rows[:maxKept/2]
	slices.SortFunc(s.rows, func(a, b *row) int { return cmp.Compare(a.order, b.order) })
}
