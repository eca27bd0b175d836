package helios

import (
	"bytes"
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	defaultTrackedRuns  = 10_000
	defaultTrackedBytes = 256 << 20
	defaultTrackedTTL   = time.Hour

	eventOverhead = 256 // bytes that an event takes beside its body, about

	// reorderWindow is how long a status update waits for one that was numbered before it and has not come.
	reorderWindow = 500 * time.Millisecond
)

// Tracker waits for the events of runs within one process. Make it with [NewTracker]; the zero value is not usable. Pass its Handle to [Receiver.Handler] and call Wait with the run id of a
// submission. It is safe for concurrent use and starts no goroutine.
//
// It keeps events in memory only. What it holds is lost with the process, and an event that reaches another process is not seen here; where
// that must not happen, keep events in a store before answering the webhook.
//
// Its memory is bounded by 10,000 runs and 256 MiB of events, and it forgets a run one hour after its last event or Wait; change that with
// [WithTrackerLimits] and [WithTrackerTTL]. To make room it drops, oldest first, runs whose final event was handed out, then
// runs that nobody waits for and that have not ended, then the status updates of a run whose final event comes. A final event that nobody has taken yet is
// kept for the hour, and so is all that somebody waits for. A final event that is waited for is taken even beyond the limits, and makes room after that.
// When nothing can be dropped, Handle and Wait return [ErrTrackerFull].
type Tracker struct {
	maxRuns  int
	maxBytes int64
	ttl      time.Duration

	mu    sync.Mutex
	runs  map[string]*trackedRun
	order *list.List // of *trackedRun, least recently used first
	bytes int64
}

type trackedRun struct {
	id         string
	numbered   []trackedEvent // status updates by sequence number
	unnumbered []trackedEvent // status updates without one, as they came
	final      *Event
	taken      bool // a Wait has returned the final event
	bytes      int64
	waiters    int
	used       time.Time
	place      *list.Element
	changed    chan struct{} // closed and replaced when an event comes
}

type trackedEvent struct {
	*Event
	arrived time.Time
}

// TrackerOption configures a [Tracker].
type TrackerOption func(*Tracker)

// WithTrackerLimits bounds the runs and the bytes of events that are kept. A number below 1 leaves the default, 10,000 runs and 256 MiB.
func WithTrackerLimits(maxRuns int, maxBytes int64) TrackerOption {
	return func(t *Tracker) {
		if maxRuns > 0 {
			t.maxRuns = maxRuns
		}
		if maxBytes > 0 {
			t.maxBytes = maxBytes
		}
	}
}

// WithTrackerTTL sets how long a run is kept after its last event or Wait; one hour by default, as for a d that is not positive.
func WithTrackerTTL(d time.Duration) TrackerOption {
	return func(t *Tracker) {
		if d > 0 {
			t.ttl = d
		}
	}
}

// NewTracker makes a tracker.
func NewTracker(opts ...TrackerOption) *Tracker {
	t := &Tracker{
		maxRuns: defaultTrackedRuns, maxBytes: defaultTrackedBytes, ttl: defaultTrackedTTL,
		runs: make(map[string]*trackedRun), order: list.New(),
	}
	for _, opt := range opts {
		if opt != nil {
			opt(t)
		}
	}
	return t
}

// Format prints nothing of what the tracker holds, whatever the verb.
func (t *Tracker) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "helios.Tracker{}") }

// LogValue logs nothing of what the tracker holds.
func (t *Tracker) LogValue() slog.Value { return slog.StringValue("helios.Tracker{}") }

// Handle takes an event, for a Wait under way or one to come. An event that it has already is a success and changes nothing.
// It returns [ErrTrackerFull] if it can keep neither the event nor the promise that a final event is not lost; a status update
// that there is no room for is dropped. It never blocks. Its signature is the callback's of [Receiver.Handler].
func (t *Tracker) Handle(_ context.Context, e *Event) error {
	if e == nil || e.RunID == "" {
		return errors.New("helios: Tracker.Handle: no event")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	run := t.lookup(e.RunID, now)
	if run == nil {
		return fullFor(e)
	}
	if run.knows(e) {
		return nil
	}
	size := eventSize(e)
	fits := t.makeRoom(0, size, run)
	if !fits && e.Final() && run.waiters == 0 && size <= t.maxBytes { // the result is worth more than its own updates
		t.bytes -= run.bytes
		run.bytes, run.numbered, run.unnumbered = 0, nil, nil
		fits = t.makeRoom(0, size, run)
	}
	if !fits && (!e.Final() || run.waiters == 0) {
		t.forgetIfEmpty(run)
		return fullFor(e)
	}
	run.add(trackedEvent{e, now})
	run.bytes += size
	t.bytes += size
	close(run.changed)
	run.changed = make(chan struct{})
	return nil
}

func eventSize(e *Event) int64 {
	return int64(len(e.Raw) + eventOverhead)
}

// fullFor is what it means that there is no room for e: only a final event matters enough to be refused.
func fullFor(e *Event) error {
	if e.Final() {
		return ErrTrackerFull
	}
	return nil
}

// Wait hands the status updates of a run to progress, then returns its final event; if the run failed, with a [*RunError] beside it. Events
// that came before are not missed. Any number of goroutines may wait for one run, at once or later, and each gets all of it.
//
// progress may be nil. It runs on the caller's goroutine, once per update and in the order of their sequence numbers. An update that arrives
// before one with a smaller number waits half a second for it; one that comes later than that is skipped, and so is one with a number above
// the final event's. The final event ends the wait at once.
//
// Other errors: the context's, after which the run goes on and can be waited for again; [ErrTrackerFull].
func (t *Tracker) Wait(ctx context.Context, runID string, progress func(*Event)) (*Event, error) {
	if runID == "" {
		return nil, errors.New("helios: Tracker.Wait: empty run id")
	}
	run, err := t.join(runID)
	if err != nil {
		return nil, err
	}
	taken := false
	defer func() { t.leave(run, taken) }()

	var at cursor
	for {
		t.mu.Lock()
		final, changed := run.final, run.changed
		ready, pause := run.next(&at, time.Now())
		t.mu.Unlock()

		if progress != nil {
			for _, e := range ready {
				progress(e)
			}
		}
		if final != nil {
			taken = true
			if failure := final.Failure(); failure != nil {
				return final, failure
			}
			return final, nil
		}
		if err := await(ctx, changed, pause); err != nil {
			return nil, err
		}
	}
}

// await returns when changed is closed, or after pause if that is not 0; with the context's error if that ends first.
func await(ctx context.Context, changed <-chan struct{}, pause time.Duration) error {
	var late <-chan time.Time
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-changed:
	case <-late:
	case <-ctx.Done():
		select {
		case <-changed: // what has come is worth more than the reason to stop waiting
		default:
			return ctx.Err()
		}
	}
	return nil
}

func (t *Tracker) join(runID string) (*trackedRun, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	run := t.lookup(runID, time.Now())
	if run == nil {
		return nil, ErrTrackerFull
	}
	run.waiters++
	return run, nil
}

func (t *Tracker) leave(run *trackedRun, taken bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	run.waiters--
	run.taken = run.taken || taken
	t.touch(run, time.Now())
	t.forgetIfEmpty(run)
	t.makeRoom(0, 0, nil)
}

// lookup finds a run or makes one; nil if there is no room.
func (t *Tracker) lookup(id string, now time.Time) *trackedRun {
	t.expire(now)
	run := t.runs[id]
	if run == nil {
		if !t.makeRoom(1, 0, nil) {
			return nil
		}
		run = &trackedRun{id: id, changed: make(chan struct{})}
		run.place = t.order.PushBack(run)
		t.runs[id] = run
	}
	t.touch(run, now)
	return run
}

func (t *Tracker) touch(run *trackedRun, now time.Time) {
	run.used = now
	t.order.MoveToBack(run.place)
}

func (t *Tracker) expire(now time.Time) {
	for {
		oldest := t.order.Front()
		if oldest == nil {
			return
		}
		run := oldest.Value.(*trackedRun)
		switch {
		case now.Sub(run.used) < t.ttl:
			return
		case run.waiters > 0:
			t.touch(run, now)
		default:
			t.forget(run)
		}
	}
}

// makeRoom drops what may be dropped, except keep, until so many more runs and bytes fit. It reports whether they do.
func (t *Tracker) makeRoom(runs int, size int64, keep *trackedRun) bool {
	if size > t.maxBytes {
		return false // however much is dropped
	}
	fits := func() bool { return len(t.runs)+runs <= t.maxRuns && t.bytes+size <= t.maxBytes }
	droppable := []func(*trackedRun) bool{
		func(run *trackedRun) bool { return run.taken },
		func(run *trackedRun) bool { return run.final == nil },
	}
	for _, may := range droppable {
		for place := t.order.Front(); place != nil && !fits(); {
			run := place.Value.(*trackedRun)
			place = place.Next()
			if run != keep && run.waiters == 0 && may(run) {
				t.forget(run)
			}
		}
	}
	return fits()
}

func (t *Tracker) forgetIfEmpty(run *trackedRun) {
	if run.waiters == 0 && run.bytes == 0 {
		t.forget(run)
	}
}

func (t *Tracker) forget(run *trackedRun) {
	if t.runs[run.id] == run {
		t.order.Remove(run.place)
		delete(t.runs, run.id)
		t.bytes -= run.bytes
	}
}

// knows reports whether the event is here already, or comes after the end. An update that the final event has overtaken is still news to a Wait to come.
func (r *trackedRun) knows(e *Event) bool {
	if e.Final() {
		return r.final != nil
	}
	if r.final != nil && (e.SequenceNumber == 0 || e.SequenceNumber >= r.final.SequenceNumber) {
		return true
	}
	if e.SequenceNumber > 0 {
		_, found := r.find(e.SequenceNumber)
		return found
	}
	return slices.ContainsFunc(r.unnumbered, func(other trackedEvent) bool { return bytes.Equal(other.Raw, e.Raw) })
}

func (r *trackedRun) find(number int) (int, bool) {
	return slices.BinarySearchFunc(r.numbered, number, func(e trackedEvent, n int) int { return e.SequenceNumber - n })
}

func (r *trackedRun) add(e trackedEvent) {
	switch {
	case e.Final():
		r.final = e.Event
	case e.SequenceNumber > 0:
		i, _ := r.find(e.SequenceNumber)
		r.numbered = slices.Insert(r.numbered, i, e)
	default:
		r.unnumbered = append(r.unnumbered, e)
	}
}

// cursor is how far one Wait has come.
type cursor struct {
	number     int // the last sequence number handed out
	unnumbered int // how many updates without a number were
}

// next moves the cursor over the updates that may be handed out now. pause is how long the first that must wait for its
// predecessor still may, or 0.
func (r *trackedRun) next(at *cursor, now time.Time) (ready []*Event, pause time.Duration) {
	for ; at.unnumbered < len(r.unnumbered); at.unnumbered++ {
		ready = append(ready, r.unnumbered[at.unnumbered].Event)
	}
	i, _ := r.find(at.number + 1)
	for _, e := range r.numbered[i:] {
		if r.final != nil {
			if last := r.final.SequenceNumber; last > 0 && e.SequenceNumber > last {
				break
			}
		} else if waited := now.Sub(e.arrived); e.SequenceNumber != at.number+1 && waited < reorderWindow {
			return ready, reorderWindow - waited
		}
		ready = append(ready, e.Event)
		at.number = e.SequenceNumber
	}
	return ready, 0
}
