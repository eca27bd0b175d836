package helios

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	defaultTrackedRuns  = 10_000
	defaultTrackedBytes = 256 << 20
	defaultTrackedTTL   = time.Hour
)

// A Tracker waits for the events of runs within one process. Make one with
// [NewTracker]; the zero value is not usable. Pass its Handle to
// [Receiver.Handler], and call Wait with the run id of a submission. A Tracker
// is safe for concurrent use and starts no goroutine.
//
// # Tracker or durable?
//
// A Tracker keeps events in memory. They are lost when the process ends, and an
// event that reaches another process is not seen here. That is right for a
// script, a test, or a service whose runs may be paid for again after a crash.
// Everywhere else, use module github.com/heliosai/helios-go/durable: it stores
// submissions and events in SQLite or PostgreSQL before it answers, so results
// survive a restart and reach any of several machines.
//
// # Limits
//
// A Tracker keeps at most 10,000 runs and 256 MiB of events, and forgets a run
// one hour after its last event or Wait; see [WithTrackerLimits] and
// [WithTrackerTTL]. To make room it drops, in this order and the least recently
// used first:
//
//  1. runs whose final event a Wait has returned,
//  2. runs that have not ended and that nobody waits for,
//  3. the status updates of a run whose final event is coming in.
//
// It never drops a run that somebody waits for, and keeps a final event that no
// Wait has returned for the whole hour. A final event that somebody waits for
// is accepted even beyond the byte limit, which applies again once Wait has
// returned. When nothing can be dropped, Handle and Wait return
// [ErrTrackerFull].
type Tracker struct {
	maxRuns  int
	maxBytes int64
	ttl      time.Duration

	mu    sync.Mutex
	runs  map[string]*trackedRun
	bytes int64 // of all events

	// A run that is not in use stands in one of these, least recently used
	// first. A run that is waited for stands in none, so nothing here has to be
	// skipped.
	delivered   list.List // a Wait has returned the final event: dropped first
	open        list.List // no final event yet: dropped next
	undelivered list.List // a final event that no Wait has returned: never dropped
}

// A TrackerOption configures a [Tracker].
type TrackerOption func(*Tracker)

// WithTrackerLimits sets how many runs a [Tracker] keeps, and how many bytes of
// their events. The defaults are 10,000 and 256 MiB; a number below 1 leaves
// the default. An event counts with its body and 256 bytes more.
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

// WithTrackerTTL sets how long a run is kept after its last event or Wait. The
// default is one hour; a d that is not positive leaves the default.
func WithTrackerTTL(d time.Duration) TrackerOption {
	return func(t *Tracker) {
		if d > 0 {
			t.ttl = d
		}
	}
}

// NewTracker returns a Tracker that knows no run yet. A nil option is ignored.
func NewTracker(opts ...TrackerOption) *Tracker {
	t := &Tracker{
		maxRuns:  defaultTrackedRuns,
		maxBytes: defaultTrackedBytes,
		ttl:      defaultTrackedTTL,
		runs:     make(map[string]*trackedRun),
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

// Handle takes an event, for a Wait under way or one to come. It is a callback
// for [Receiver.Handler], and never blocks; the context is not used. An event
// that the Tracker already has is a success and changes nothing.
//
// When there is no room, a status update is dropped, which is no error. A final
// event is refused with [ErrTrackerFull], so that the webhook is not
// acknowledged. An event that is nil or has no run id is an error as well.
func (t *Tracker) Handle(_ context.Context, e *Event) error {
	if e == nil || e.RunID == "" {
		return errors.New("helios: Tracker.Handle: the event is nil or has no run id")
	}
	event := newTrackedEvent(e)

	t.mu.Lock()
	defer t.mu.Unlock()
	event.arrived = time.Now()

	run := t.acquire(e.RunID, event.size)
	if run == nil {
		return full(e)
	}
	defer t.release(run)

	if run.knows(event) {
		return nil
	}
	if !t.makeRoomFor(run, event) {
		return full(e)
	}
	run.add(event)
	t.bytes += event.size
	return nil
}

// full returns what Handle answers when there is no room for e.
func full(e *Event) error {
	if e.Final() {
		return ErrTrackerFull
	}
	return nil
}

// Wait hands the status updates of a run to progress, then returns its final
// event. If the run failed, a [*RunError] comes with it. Events that came
// before Wait are not missed. Any number of goroutines may wait for one run,
// together or one after the other, and each gets all of its events.
//
// progress may be nil. It runs on the caller's goroutine, once per update, in
// the order of their sequence numbers; updates without a number come in the
// order of arrival. An update that arrives before one with a smaller number
// waits half a second for it. One that comes later than that is skipped, and so
// is one whose number is above the final event's. The final event ends the wait
// at once.
//
// Other errors are the context's, after which the run goes on and can be waited
// for again, and [ErrTrackerFull].
func (t *Tracker) Wait(ctx context.Context, runID string, progress func(*Event)) (*Event, error) {
	if runID == "" {
		return nil, errors.New("helios: Tracker.Wait: the run id is empty")
	}
	run, err := t.join(runID)
	if err != nil {
		return nil, err
	}
	delivered := false
	defer func() { t.leave(run, delivered) }()

	var at cursor
	for {
		t.mu.Lock()
		final, changed := run.final, run.changed
		due, pause := run.next(&at, time.Now())
		t.mu.Unlock()

		if progress != nil {
			for _, e := range due {
				progress(e)
			}
		}

		if final != nil {
			delivered = true
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

// await returns when changed is closed, or after pause if that is not 0. If ctx
// ends first, it returns the context's error.
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
		case <-changed: // an event is worth more than the reason to stop waiting
		default:
			return ctx.Err()
		}
	}
	return nil
}

// join makes the caller one of those who wait for a run.
func (t *Tracker) join(runID string) (*trackedRun, error) {
	t.mu.Lock()
	defer t.mu.Unlock()

	run := t.acquire(runID, 0)
	if run == nil {
		return nil, ErrTrackerFull
	}
	run.waiters++
	return run, nil
}

// leave undoes join. Only now may what was taken beyond the limits be dropped.
func (t *Tracker) leave(run *trackedRun, delivered bool) {
	t.mu.Lock()
	defer t.mu.Unlock()

	run.waiters--
	run.delivered = run.delivered || delivered
	t.release(run)
	t.makeRoom(0, 0)
}

// acquire returns a run, and takes it off its list so that nothing drops it
// before release. It makes a run that is new, or returns nil if there is no
// room for one with so many bytes of events.
func (t *Tracker) acquire(id string, size int64) *trackedRun {
	t.expire()

	run := t.runs[id]
	if run == nil {
		if !t.makeRoom(1, size) {
			return nil
		}
		run = &trackedRun{id: id, changed: make(chan struct{})}
		t.runs[id] = run
	}

	t.unlist(run)
	return run
}

// release puts a run on the list that it belongs to by now. It leaves a run
// alone that is waited for, and forgets one that has no events.
func (t *Tracker) release(run *trackedRun) {
	switch {
	case run.waiters > 0:
		return
	case run.bytes == 0:
		t.forget(run)
		return
	case run.delivered:
		run.idle = &t.delivered
	case run.final == nil:
		run.idle = &t.open
	default:
		run.idle = &t.undelivered
	}
	run.element = run.idle.PushBack(run)
	run.idleSince = time.Now()
}

func (t *Tracker) unlist(run *trackedRun) {
	if run.idle != nil {
		run.idle.Remove(run.element)
		run.idle, run.element = nil, nil
	}
}

func (t *Tracker) forget(run *trackedRun) {
	t.unlist(run)
	delete(t.runs, run.id)
	t.bytes -= run.bytes
}

// expire forgets the runs whose time is over.
func (t *Tracker) expire() {
	now := time.Now()
	for _, idle := range []*list.List{&t.delivered, &t.open, &t.undelivered} {
		for oldest := idle.Front(); oldest != nil; oldest = idle.Front() {
			run := oldest.Value.(*trackedRun)
			if now.Sub(run.idleSince) < t.ttl {
				break
			}
			t.forget(run)
		}
	}
}

// makeRoom drops runs until so many more runs and bytes fit, and reports
// whether they do. It never looks at a run that it may not drop.
func (t *Tracker) makeRoom(runs int, size int64) bool {
	if size > t.maxBytes {
		return false // whatever is dropped
	}
	for len(t.runs)+runs > t.maxRuns || t.bytes+size > t.maxBytes {
		oldest := cmp.Or(t.delivered.Front(), t.open.Front())
		if oldest == nil {
			return false
		}
		t.forget(oldest.Value.(*trackedRun))
	}
	return true
}

// makeRoomFor makes room for an event of a run that is in use, and reports
// whether the event may be kept. A result is worth more than its own updates.
func (t *Tracker) makeRoomFor(run *trackedRun, e *trackedEvent) bool {
	switch {
	case t.makeRoom(0, e.size):
		return true
	case !e.Final():
		return false
	case run.waiters > 0:
		return true // it leaves again when Wait has returned it
	case t.bytes-run.bytes+e.size > t.maxBytes:
		return false
	}

	t.bytes -= run.bytes
	run.dropUpdates()
	return true
}
