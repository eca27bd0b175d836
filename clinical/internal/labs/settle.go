package labs

import (
	"cmp"
	"slices"

	"github.com/heliosai/helios-go/clinical"
)

// Which results take the place of others is decided when all are there, so that it does not depend on the order in which they come.

// claim is what orders the editions of a resource, and the results with an identifier.
type claim struct {
	edition Edition
	rank    int
	order   int
	span    span
	// withdrawn is set where it is not sent because it was wrong.
	withdrawn bool
	// met tells that there was a result of its moment, which it is about.
	met bool
}

func (r *row) claim() claim {
	return claim{edition: r.Edition, rank: r.rank(), order: r.order, span: r.span}
}

// reason is why those are not sent whose place it takes.
func (c *claim) reason() clinical.Reason {
	if c.withdrawn {
		return clinical.StatusNotSent
	}
	return clinical.Replaced
}

// rank orders results of which no edition tells which is the newer one.
func (r *Result) rank() int {
	switch {
	case r.Corrected:
		return 2
	case r.Preliminary:
		return 0
	}
	return 1
}

// before tells whether c is an older edition than other.
func (c claim) before(other claim) bool {
	a, b := c.edition, other.edition
	switch {
	case a.Updated != 0 && b.Updated != 0 && a.Updated != b.Updated:
		return a.Updated < b.Updated
	case a.Number != 0 && b.Number != 0 && a.Number != b.Number:
		return a.Number < b.Number
	case a.Issued != 0 && b.Issued != 0 && a.Issued != b.Issued:
		return a.Issued < b.Issued
	case c.rank != other.rank:
		return c.rank < other.rank
	}
	return a.Place < b.Place
}

// keys returns the hashes of the resource and of the identifier that a result has.
func keys(r *Result) (resource, identifier uint64) {
	if r.Resource != "" {
		resource = hash("resource", r.Resource)
	}
	switch {
	case r.Identifier == "":
	case r.Test != "":
		identifier = hash("test", r.Test, r.Identifier)
	default:
		identifier = r.testHash(r.Identifier)
	}
	return resource, identifier
}

const (
	// maxVoids is how many results that are not sent are remembered.
	maxVoids = 1 << 16
	// maxMoments is of how many moments corrections of one identifier are told apart. With more they concern all of its results.
	maxMoments = 64
)

// standForResource remembers the newest edition of a resource, if it is not sent.
func (s *Set) standForResource(key uint64, c claim) {
	known, ok := s.voids[key]
	if key == 0 || ok && c.before(known) || !ok && len(s.voids) == maxVoids {
		return
	}
	if s.voids == nil {
		s.voids = map[uint64]claim{}
	}
	s.voids[key] = c
}

// standForIdentifier remembers a correction that is not sent; of one moment the last.
func (s *Set) standForIdentifier(key uint64, c claim) {
	if key == 0 {
		return
	}
	known := s.corrections[key]
	if len(known) == maxMoments {
		c.span = span{}
	}
	for i := range known {
		if known[i].span == c.span {
			if known[i].order < c.order {
				known[i] = c
			}
			return
		}
	}
	if len(known) == maxMoments {
		known[0] = c
		return
	}
	if s.corrected == maxVoids {
		return
	}
	if s.corrections == nil {
		s.corrections = map[uint64][]claim{}
	}
	s.corrections[key] = append(known, c)
	s.corrected++
}

// Settle decides among the results that are there: of each resource the newest edition stays, of results with one identifier the corrected one, of what is there
// twice one, and the latest of each test if that was asked for.
func (s *Set) Settle() {
	if s.settled == s.order {
		s.compact() // of what was revised
		return
	}
	s.settled = s.order
	s.settleResources()
	s.compact()
	index := make(map[uint64]*row, len(s.rows))
	s.settleIdentifiers(index)
	s.compact()
	clear(index)
	s.settleDuplicates(index)
	s.compact()
	if s.opts.LatestPerTest {
		clear(index)
		s.settleLatest(index)
		s.compact()
	}
}

func (s *Set) remove(r *row, reason clinical.Reason) {
	s.report.Drop(reason, r.Source, "")
	r.out = true
}

// compact forgets what was removed.
func (s *Set) compact() {
	s.rows = slices.DeleteFunc(s.rows, func(r *row) bool { return r.out })
}

// settleResources leaves the newest edition of each resource.
func (s *Set) settleResources() {
	var newest map[uint64]claim
	for _, r := range s.rows {
		if r.resource == 0 || r.out {
			continue
		}
		if newest == nil {
			newest = make(map[uint64]claim, len(s.rows))
		}
		best, ok := newest[r.resource]
		if !ok {
			best, ok = s.voids[r.resource]
		}
		if c := r.claim(); !ok || best.before(c) {
			best = c
		}
		newest[r.resource] = best
	}
	var renewed map[uint64]bool
	for _, r := range s.rows {
		if best := newest[r.resource]; r.resource != 0 && !r.out && r.Edition.Place != best.edition.Place {
			s.remove(r, best.reason())
			if renewed == nil {
				renewed = map[uint64]bool{}
			}
			renewed[r.resource] = true
		}
	}
	for _, r := range s.rows {
		r.renewed = r.renewed || renewed[r.resource]
	}
}

// settleIdentifiers lets corrected results take the place of others with their identifier and test, and final ones that of preliminary ones.
func (s *Set) settleIdentifiers(first map[uint64]*row) {
	var namesakes map[uint64][]*row
	for _, r := range s.rows {
		switch {
		case r.identifier == 0:
		case first[r.identifier] == nil:
			first[r.identifier] = r
		default:
			if namesakes == nil {
				namesakes = map[uint64][]*row{}
			}
			if namesakes[r.identifier] == nil {
				namesakes[r.identifier] = []*row{first[r.identifier]}
			}
			namesakes[r.identifier] = append(namesakes[r.identifier], r)
		}
	}
	s.settleCorrections()
	for _, r := range s.rows { // and not over the map, so that the report has an order
		if all := namesakes[r.identifier]; all != nil {
			delete(namesakes, r.identifier)
			s.settleNamesakes(all)
		}
	}
}

// settleCorrections leaves out what was corrected or withdrawn by something that is not sent: what is of the same moment or, if nothing is, all that is not certainly
// later.
func (s *Set) settleCorrections() {
	if len(s.corrections) == 0 {
		return
	}
	for _, r := range s.rows {
		if r.identifier == 0 {
			continue
		}
		for i, c := range s.corrections[r.identifier] {
			if r.span == c.span {
				s.corrections[r.identifier][i].met = true
			}
		}
	}
	for _, r := range s.rows {
		if r.identifier == 0 {
			continue
		}
		for _, c := range s.corrections[r.identifier] {
			if (r.rank() < c.rank || c.rank == 2 && r.order < c.order) && (r.span == c.span || !c.met && !c.span.before(r.span)) {
				s.remove(r, c.reason())
				break
			}
		}
	}
}

// settleNamesakes decides among results with one identifier and test. One of a higher rank takes the place of those of the same moment. If there are none it takes that
// of another moment that is not certainly later, unless they are several: then they are a series, such as a tolerance test's, and another of them was corrected.
func (s *Set) settleNamesakes(all []*row) {
	ranks := [3][]*row{}
	for _, r := range all {
		if !r.out {
			ranks[r.rank()] = append(ranks[r.rank()], r)
		}
	}
	corrected := ranks[2]
	anchored := s.replace(slices.Concat(ranks[0], ranks[1]), corrected)
	s.replace(ranks[0], slices.DeleteFunc(ranks[1], func(r *row) bool { return r.out }))
	if len(corrected) < 2 {
		return
	}
	last := corrected[0]
	lastOf := map[span]*row{}
	for _, r := range corrected {
		if last.supersededBy(r) {
			last = r
		}
		if other := lastOf[r.span]; other == nil || other.supersededBy(r) {
			lastOf[r.span] = r
		}
	}
	for _, r := range corrected {
		apart := anchored[r.span] && anchored[last.span] && lastOf[r.span] == r // two of a series were corrected
		if r != last && !apart {
			s.remove(r, clinical.Replaced)
		}
	}
}

// replace lets higher results take the place of lower ones. It returns the moments of which there were both.
func (s *Set) replace(lower, higher []*row) map[span]bool {
	if len(lower) == 0 || len(higher) == 0 {
		met := map[span]bool{}
		for _, r := range higher {
			met[r.span] = met[r.span] || r.renewed
		}
		return met
	}
	moments, series := map[span]bool{}, false
	for _, r := range lower {
		if !r.out {
			moments[r.span] = true
			series = series || r.series
		}
	}
	series = series || len(moments) > 1
	met := map[span]bool{}
	var elsewhere []*row
	for _, r := range higher {
		r.renewed = r.renewed || moments[r.span]
		met[r.span] = met[r.span] || r.renewed
		if !met[r.span] && !series && len(elsewhere) < maxMoments {
			elsewhere = append(elsewhere, r)
		}
	}
	for _, r := range lower {
		r.series = series
		// What stands in the same place, or is certainly later, is not what was corrected.
		isCorrected := func(by *row) bool {
			return !by.span.before(r.span) && (r.Edition.Place == 0 || r.Edition.Place != by.Edition.Place)
		}
		if !r.out && (met[r.span] || slices.ContainsFunc(elsewhere, isCorrected)) {
			s.remove(r, clinical.Replaced)
		}
	}
	return met
}

// supersededBy tells which of two corrected results with one identifier is the later.
func (r *row) supersededBy(other *row) bool {
	if c := cmp.Compare(r.span.from, other.span.from); c != 0 && (r.Edition.Updated == 0 || other.Edition.Updated == 0) && (r.Edition.Issued == 0 || other.Edition.Issued == 0) {
		return c < 0
	}
	if a, b := r.claim(), other.claim(); a.before(b) || b.before(a) {
		return a.before(b)
	}
	return r.order < other.order
}

// settleDuplicates leaves one of what is there twice: one with a flag, if there is one, else one with a range. Two whose flags say different things are no duplicates.
func (s *Set) settleDuplicates(seen map[uint64]*row) {
	for _, r := range s.rows {
		other := seen[r.content]
		if other == nil {
			seen[r.content] = r
			continue
		}
		mine, _, _ := judge(r.Flags)
		its, _, _ := judge(other.Flags)
		switch {
		case mine != unknown && its != unknown && mine != its:
		case its == unknown && mine != unknown, mine == its && len(other.Ranges) == 0 && len(r.Ranges) > 0:
			s.remove(other, clinical.Duplicate)
			seen[r.content] = r
		default:
			s.remove(r, clinical.Duplicate)
		}
	}
}

// settleLatest leaves out what is certainly older than the newest of its test.
func (s *Set) settleLatest(newest map[uint64]*row) {
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
