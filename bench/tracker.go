package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/heliosai/helios-go"
)

const (
	trackedRuns = 10_000 // the default limit
	fewRuns     = 100    // in a tracker that counts as empty
)

// tracker measures Tracker.Handle with an event of a new run: when the tracker
// is empty, and when it is full of runs of each kind.
func tracker(m *meter) error {
	ctx, cancel := context.WithCancel(context.Background())
	waitedFor, join := fullOfWaits(ctx)
	defer join()
	defer cancel()

	err := trackerTable(m, "Tracker.Handle, an event of a new run",
		candidate{"empty (floor)", handleInEmpty(runEvents("processing"))},
		candidate{"full of runs that have not ended: drops one", handleInFull(fullOf("processing"), "processing", nil)},
		candidate{"full of results that nobody took: refuses", handleInFull(fullOf(helios.StatusCompleted),
			helios.StatusCompleted, helios.ErrTrackerFull)},
		candidate{"full of runs that are waited for: refuses", handleInFull(waitedFor,
			helios.StatusCompleted, helios.ErrTrackerFull)},
	)
	if err != nil {
		return err
	}
	return trackerTable(m, "Tracker.Handle with a result, and the Wait that takes it",
		candidate{"empty (floor)", takeFrom(nil)},
		candidate{"full of results that were taken: drops one", takeFrom(helios.NewTracker())},
	)
}

func trackerTable(m *meter, name string, candidates ...candidate) error {
	rows, err := m.compare(candidates...)
	if err != nil {
		return err
	}

	title("%s (%d runs when full)", name, trackedRuns)
	worst := 0.0
	for _, r := range rows {
		r.print()
		worst = max(worst, r.ratio)
	}
	fmt.Printf("\nFull takes at most %.2f times as long as empty.\n", worst)
	return nil
}

// runEvents returns events of so many runs that one comes again only after a
// full tracker has dropped it.
func runEvents(status string) []*helios.Event {
	events := make([]*helios.Event, 2*trackedRuns)
	for i := range events {
		id := "00000000-0000-4000-8000-" + strconv.Itoa(i + 1_000_000_000_000)[1:]
		body := fmt.Sprintf(`{"runId":%q,"status":%q,"sequenceNumber":1}`, id, status)
		events[i] = &helios.Event{RunID: id, Status: status, SequenceNumber: 1, Raw: []byte(body)}
	}
	return events
}

// handleInEmpty takes a new tracker every so often, so that it stays empty but
// for a few runs.
func handleInEmpty(events []*helios.Event) func(int) error {
	return func(n int) error {
		t := helios.NewTracker()
		for i := range n {
			if i%fewRuns == 0 {
				t = helios.NewTracker()
			}
			if err := t.Handle(context.Background(), events[i%len(events)]); err != nil {
				return err
			}
		}
		return nil
	}
}

// handleInFull hands in events of new runs, each of which is to end in want.
func handleInFull(full *helios.Tracker, status string, want error) func(int) error {
	events, next := runEvents(status), trackedRuns // those before are in it
	return func(n int) error {
		for range n {
			if err := full.Handle(context.Background(), events[next]); !errors.Is(err, want) {
				return fmt.Errorf("got %w, want %w", err, want)
			}
			if next++; next == len(events) {
				next = 0
				if want != nil {
					next = trackedRuns
				}
			}
		}
		return nil
	}
}

// takeFrom hands in results and takes each. A nil tracker stands for an empty
// one.
func takeFrom(full *helios.Tracker) func(int) error {
	events, next := runEvents(helios.StatusCompleted), 0
	take := func(t *helios.Tracker) error {
		e := events[next]
		next = (next + 1) % len(events)
		if err := t.Handle(context.Background(), e); err != nil {
			return err
		}
		_, err := t.Wait(context.Background(), e.RunID, nil)
		return err
	}
	if full != nil {
		for range trackedRuns {
			if err := take(full); err != nil {
				panic(err)
			}
		}
	}

	return func(n int) error {
		t := full
		for i := range n {
			if full == nil && i%fewRuns == 0 {
				t = helios.NewTracker()
			}
			if err := take(t); err != nil {
				return err
			}
		}
		return nil
	}
}

// fullOf returns a tracker that is full of runs with one event of this status.
func fullOf(status string) *helios.Tracker {
	t := helios.NewTracker()
	for _, e := range runEvents(status)[:trackedRuns] {
		if err := t.Handle(context.Background(), e); err != nil {
			panic(err)
		}
	}
	return t
}

// fullOfWaits returns a tracker that is full of Waits, which last until ctx
// ends. join returns when they have.
func fullOfWaits(ctx context.Context) (t *helios.Tracker, join func()) {
	t = helios.NewTracker()
	var waits, waiting sync.WaitGroup
	for _, e := range runEvents("processing")[:trackedRuns] {
		waiting.Add(1)
		if err := t.Handle(ctx, e); err != nil {
			panic(err)
		}
		waits.Go(func() {
			_, _ = t.Wait(ctx, e.RunID, func(*helios.Event) { waiting.Done() })
		})
	}
	waiting.Wait()
	return t, waits.Wait
}
