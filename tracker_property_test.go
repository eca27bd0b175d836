package helios

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Random events, waits and pauses meet small limits. After each step: the books
// balance, the limits hold, only what may be dropped was dropped, in order and
// no more than needed, and each final event that Handle took is there until a
// Wait has returned it or its time is over.
func TestTracker_Properties(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const ttl = 10 * time.Second
				p := &trackerPlayer{
					random:   rand.New(rand.NewPCG(seed, 1)),
					tracker:  NewTracker(WithTrackerLimits(4, 4000), WithTrackerTTL(ttl)),
					ttl:      ttl,
					promised: make(map[string]time.Time),
				}
				for range 400 {
					p.step(t)
					synctest.Wait()
					p.check(t)
				}
				assert.Positive(t, p.refused, "the seed fills the tracker")
				assert.Positive(t, p.taken, "the seed takes final events")

				time.Sleep(ttl) // every Wait has ended
				checkEmptyAfter(t, p.tracker, ttl)
			})
		})
	}
}

type trackerPlayer struct {
	random  *rand.Rand
	tracker *Tracker
	ttl     time.Duration
	refused int // final events

	mu       sync.Mutex
	promised map[string]time.Time // when a run was last used whose final event no Wait has returned
	taken    int                  // final events
}

func (p *trackerPlayer) step(t *testing.T) {
	id := fmt.Sprint("run-", p.random.IntN(7))
	number, size := p.random.IntN(6), 50+p.random.IntN(1500)
	switch op := p.random.IntN(20); {
	case op < 9:
		status := []string{"working", "waiting"}[p.random.IntN(2)]
		p.handle(t, trackerEvent(t, id, status, number, size))
	case op < 13:
		p.handle(t, trackerEvent(t, id, StatusCompleted, 6+number, size))
	case op < 15:
		p.wait(canceledContext(), t, id)
	case op < 17:
		d := time.Duration(p.random.IntN(9000))*time.Millisecond + time.Microsecond
		ctx, cancel := context.WithTimeout(t.Context(), d)
		go func() {
			defer cancel()
			p.wait(ctx, t, id)
		}()
	default:
		time.Sleep(time.Duration(p.random.IntN(3000)) * time.Millisecond)
	}
}

// handle delivers an event, and checks what was dropped for it.
func (p *trackerPlayer) handle(t *testing.T, e *Event) {
	before := p.snapshot(e.RunID)
	err := p.tracker.Handle(t.Context(), e)
	if err != nil {
		require.ErrorIs(t, err, ErrTrackerFull)
		require.True(t, e.Final())
		p.refused++
	}

	p.tracker.mu.Lock()
	defer p.tracker.mu.Unlock()
	for _, run := range before.kept {
		require.Same(t, run, p.tracker.runs[run.id], "dropped, and may not be")
	}
	dropped := 0
	for i, run := range before.droppable {
		if p.tracker.runs[run.id] != run {
			require.Equal(t, i, dropped, "run %s was dropped before an earlier one", run.id)
			dropped++
		}
	}

	size := newTrackedEvent(e).size
	if err != nil && size <= p.tracker.maxBytes {
		require.Len(t, before.droppable, dropped, "refused, and there was more to drop")
	}
	if dropped > 0 { // it would not have fitted with the last of them
		runs, bytes := before.runs, before.bytes
		for _, run := range before.droppable[:dropped-1] {
			runs--
			bytes -= run.bytes
		}
		require.True(t, runs > p.tracker.maxRuns || bytes+size > p.tracker.maxBytes, "dropped more than needed")
	}

	if run := before.own; err == nil && e.Final() && (run == nil || run.final == nil && run.waiters == 0) {
		p.mu.Lock()
		p.promised[e.RunID] = time.Now()
		p.mu.Unlock()
	}
}

// trackerState is what a tracker held before an event.
type trackerState struct {
	own       *trackedRun   // a copy of the event's run, or nil
	droppable []*trackedRun // other runs, in the order in which they may be dropped
	kept      []*trackedRun // other runs that may not
	runs      int           // of the tracker, with the event's
	bytes     int64
}

func (p *trackerPlayer) snapshot(id string) (s trackerState) {
	tracker := p.tracker
	tracker.mu.Lock()
	defer tracker.mu.Unlock()
	tracker.expire()

	s.runs, s.bytes = len(tracker.runs), tracker.bytes
	for _, idle := range []*list.List{&tracker.delivered, &tracker.open} {
		for _, run := range idleRuns(idle) {
			if run.id != id {
				s.droppable = append(s.droppable, run)
			}
		}
	}
	for _, run := range tracker.runs {
		if run.id != id && (run.waiters > 0 || run.final != nil && !run.delivered) {
			s.kept = append(s.kept, run)
		}
	}
	if run := tracker.runs[id]; run != nil {
		own := *run
		s.own = &own
	} else {
		s.runs++
	}
	return s
}

// wait waits for a run, and checks what it is handed.
func (p *trackerPlayer) wait(ctx context.Context, t *testing.T, id string) {
	last := int64(0)
	_, err := p.tracker.Wait(ctx, id, func(e *Event) {
		assert.Equal(t, id, e.RunID)
		assert.True(t, e.SequenceNumber == 0 || e.SequenceNumber > last, "in order, once")
		last = max(last, e.SequenceNumber)
	})

	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.taken++
		delete(p.promised, id)
	} else if !errors.Is(err, ErrTrackerFull) {
		assert.NotContains(t, p.promised, id, "a final event that was promised is not there: %v", err)
	}
}

// check checks what must hold between the steps.
func (p *trackerPlayer) check(t *testing.T) {
	checkTracker(t, p.tracker)

	p.mu.Lock()
	defer p.mu.Unlock()
	p.tracker.mu.Lock()
	defer p.tracker.mu.Unlock()
	p.tracker.expire()

	for id, used := range p.promised {
		if run := p.tracker.runs[id]; run != nil && run.final != nil {
			p.promised[id] = run.idleSince
			continue
		}
		assert.GreaterOrEqual(t, time.Since(used), p.ttl, "the final event of %s is gone", id)
		delete(p.promised, id)
	}
	assert.LessOrEqual(t, p.tracker.bytes, p.tracker.maxBytes)
}

// The clock of the bubble stands still while a goroutine can run, so every
// waiter sees every update, in whatever order they came.
func TestTracker_ConcurrentUse(t *testing.T) {
	t.Parallel()
	for _, finalLast := range []bool{true, false} {
		t.Run(fmt.Sprintf("final last %t", finalLast), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { useConcurrently(t, finalLast) })
		})
	}
}

func useConcurrently(t *testing.T, finalLast bool) {
	const goroutines, runs, updates = 32, 8, 12
	tracker := NewTracker()
	runID := func(i int) string { return fmt.Sprintf("run-%d", i%runs) }

	var all []string
	for n := range updates {
		all = append(all, strconv.Itoa(n+1))
	}
	wait := func(id string) {
		var got recorder
		last := int64(0)
		e, err := tracker.Wait(t.Context(), id, func(e *Event) {
			assert.Greater(t, e.SequenceNumber, last, "in order, once")
			last = e.SequenceNumber
			got.progress(e)
		})
		if !assert.NoError(t, err) {
			return
		}
		assert.Equal(t, id, e.RunID)
		assert.True(t, e.Final())
		if finalLast {
			assert.Equal(t, all, []string(got))
		}
	}

	var waiters sync.WaitGroup
	for g := range goroutines {
		waiters.Go(func() { wait(runID(g)) })
	}

	var events, finals []*Event
	for i := range runs {
		for _, token := range all {
			events = append(events, tokenEvent(t, runID(i), token))
		}
		finals = append(finals, tokenEvent(t, runID(i), "F"+strconv.Itoa(updates+1)))
	}
	if !finalLast {
		events = append(events, finals...)
	}
	deliver := func(events []*Event) {
		var senders sync.WaitGroup
		for g := range goroutines {
			senders.Go(func() { // each delivers all, and a third of them twice
				mine := slices.Concat(events, events[:len(events)/3])
				random := rand.New(rand.NewPCG(1, uint64(g)))
				random.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
				for _, e := range mine {
					assert.NoError(t, tracker.Handle(t.Context(), e))
				}
			})
		}
		senders.Wait()
	}
	deliver(events)
	deliver(finals)
	waiters.Wait()

	for i := range runs {
		wait(runID(i)) // who comes later gets all of it as well
	}
	checkTracker(t, tracker)
	assert.Len(t, keptRuns(tracker), runs)
}
