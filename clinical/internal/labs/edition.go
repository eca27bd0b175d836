package labs

import (
	"slices"

	"github.com/heliosai/helios-go/clinical"
)

// Edition orders the editions of a resource: by when they were made if both say
// it, else by their numbers if both have one, else by when they were issued,
// else by their ranks, else by their places.
type Edition struct {
	Updated int64 // in any unit; 0 if unknown
	Number  int64 // 0 if unknown
	Issued  int64 // 0 if unknown
	Rank    Rank
	// Place is where it stands in the source. Results with the same Resource
	// and the same Place are parts of one edition.
	Place int
	// IsWrong is set for one that is not sent because its source takes it back.
	IsWrong bool
}

// Rank is what the status of a result says of its edition.
type Rank int8

// The ranks, from the one that gives way to any other.
const (
	IsPreliminary Rank = iota - 1
	IsFinal
	IsCorrected
	// IsDeleted is for a deletion, which has no status: its place decides.
	IsDeleted
)

// Before reports whether other is the newer one.
func (e *Edition) Before(other *Edition) bool {
	for _, pair := range [3][2]int64{{e.Updated, other.Updated}, {e.Number, other.Number}, {e.Issued, other.Issued}} {
		if pair[0] != 0 && pair[1] != 0 && pair[0] != pair[1] {
			return pair[0] < pair[1]
		}
	}
	if e.Rank != other.Rank && e.Rank != IsDeleted && other.Rank != IsDeleted {
		return e.Rank < other.Rank
	}
	return e.Place < other.Place
}

// Editions are the newest editions that are not sent, and which replace older
// ones that are, by the hashes that name their resources.
type Editions map[uint64]Edition

const maxEditions = 1 << 16

// Add remembers an edition, unless a newer one is known. The first 65,536
// resources are remembered.
func (gone Editions) Add(resource uint64, e Edition) {
	known, ok := gone[resource]
	if resource == 0 || ok && e.Before(&known) || !ok && len(gone) == maxEditions {
		return
	}
	gone[resource] = e
}

// Supersede reports whether an edition is not sent, as one that is gone is
// newer.
func (gone Editions) Supersede(resource uint64, e *Edition) bool {
	newest, ok := gone[resource]
	return ok && e.Before(&newest)
}

// Newest returns the items of which no newer edition is among them or gone, and
// gives the others to drop, with the reason.
func Newest[T any](
	items []T, gone Editions, of func(T) (resource uint64, e *Edition), drop func(T, clinical.Reason),
) []T {
	newest := make(map[uint64]*Edition, len(items))
	for _, item := range items {
		resource, e := of(item)
		if best := newest[resource]; best == nil || best.Before(e) {
			newest[resource] = e
		}
	}

	return slices.DeleteFunc(items, func(item T) bool {
		resource, e := of(item)
		best := newest[resource]
		if newer, ok := gone[resource]; ok && best.Before(&newer) {
			best = &newer
		}
		if resource == 0 || best.Place == e.Place {
			return false
		}

		reason := clinical.Replaced
		if best.IsWrong {
			reason = clinical.StatusNotSent
		}
		drop(item, reason)
		return true
	})
}
