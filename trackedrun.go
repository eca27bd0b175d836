package helios

import (
	"cmp"
	"container/list"
	"crypto/sha256"
	"slices"
	"time"
)

// eventOverhead is about how many bytes an event takes beside its body.
const eventOverhead = 256

// reorderWindow is how long a status update waits for one that has a smaller
// number and has not come.
const reorderWindow = 500 * time.Millisecond

// trackedRun is what a [Tracker] knows of one run. The tracker's lock guards
// it.
type trackedRun struct {
	id         string
	numbered   []*trackedEvent                // status updates, by sequence number
	unnumbered []*trackedEvent                // status updates without one, in the order they came
	digests    map[[sha256.Size]byte]struct{} // of the bodies of unnumbered
	final      *Event
	bytes      int64
	changed    chan struct{} // closed and replaced when an event comes

	waiters   int
	delivered bool          // a Wait has returned the final event
	idle      *list.List    // where the run stands, or nil while it is in use
	element   *list.Element // its place there
	idleSince time.Time
}

type trackedEvent struct {
	*Event
	size    int64
	digest  [sha256.Size]byte // of the body, for a status update without a number
	arrived time.Time
}

func newTrackedEvent(e *Event) *trackedEvent {
	event := &trackedEvent{Event: e, size: int64(len(e.Raw) + eventOverhead)}
	if !e.Final() && e.SequenceNumber <= 0 {
		event.digest = sha256.Sum256(e.Raw)
	}
	return event
}

// knows reports whether e would add nothing: the run has it already, or e comes
// after the final event. An update that the final event has overtaken still
// counts, because a later Wait hands it out in its place.
func (run *trackedRun) knows(e *trackedEvent) bool {
	if e.Final() {
		return run.final != nil
	}
	if run.final != nil && (e.SequenceNumber == 0 || e.SequenceNumber >= run.final.SequenceNumber) {
		return true
	}

	if e.SequenceNumber > 0 {
		_, found := run.find(e.SequenceNumber)
		return found
	}
	_, found := run.digests[e.digest]
	return found
}

// find returns the place in numbered of the update with this number, or where
// it would have to stand.
func (run *trackedRun) find(number int64) (place int, found bool) {
	return slices.BinarySearchFunc(run.numbered, number, func(e *trackedEvent, number int64) int {
		return cmp.Compare(e.SequenceNumber, number)
	})
}

// add keeps an event that the run does not know, and wakes who waits.
func (run *trackedRun) add(e *trackedEvent) {
	switch {
	case e.Final():
		run.final = e.Event
	case e.SequenceNumber > 0:
		place, _ := run.find(e.SequenceNumber)
		run.numbered = slices.Insert(run.numbered, place, e)
	default:
		if run.digests == nil {
			run.digests = make(map[[sha256.Size]byte]struct{})
		}
		run.digests[e.digest] = struct{}{}
		run.unnumbered = append(run.unnumbered, e)
	}
	run.bytes += e.size

	close(run.changed)
	run.changed = make(chan struct{})
}

// dropUpdates forgets the status updates of a run that has no final event yet.
func (run *trackedRun) dropUpdates() {
	run.numbered, run.unnumbered, run.digests, run.bytes = nil, nil, nil, 0
}

// cursor is how far one Wait has come in a run.
type cursor struct {
	number     int64 // of the last numbered update handed out
	unnumbered int   // updates without a number handed out
}

// next moves the cursor past the updates that are due, and returns them. pause
// is how long the first that is not due may still wait for its predecessor, or
// 0.
func (run *trackedRun) next(at *cursor, now time.Time) (due []*Event, pause time.Duration) {
	for _, e := range run.unnumbered[at.unnumbered:] {
		due = append(due, e.Event)
	}
	at.unnumbered = len(run.unnumbered)

	place, handedOut := run.find(at.number)
	if handedOut {
		place++
	}
	for _, e := range run.numbered[place:] {
		if run.final != nil {
			if last := run.final.SequenceNumber; last > 0 && e.SequenceNumber > last {
				break
			}
		} else if waited := now.Sub(e.arrived); e.SequenceNumber != at.number+1 && waited < reorderWindow {
			return due, reorderWindow - waited
		}

		due = append(due, e.Event)
		at.number = e.SequenceNumber
	}
	return due, 0
}
