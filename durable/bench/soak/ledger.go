package main

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

// ledger is what is known outside of the store.
type ledger struct {
	mu     sync.Mutex
	rng    *rand.Rand
	keys   []string                          // that were submitted
	acked  map[event]int                     // by an engine
	finals map[string]int                    // how often a run's final event was handled
	ends   map[string]map[durable.State]bool // that were told, by key

	calls, failures, again, canceled, resubmitted, restarts, errors int
}

// event names an event.
type event struct {
	RunID          string `json:"runId"`
	SequenceNumber int64  `json:"sequenceNumber"`
	Status         string `json:"status"`
}

func (e event) final() bool {
	return e.Status == helios.StatusCompleted || e.Status == helios.StatusError
}

func newLedger(rng *rand.Rand) *ledger {
	return &ledger{
		rng: rng, acked: map[event]int{}, finals: map[string]int{}, ends: map[string]map[durable.State]bool{},
	}
}

// count adds one to a counter of the ledger.
func (l *ledger) count(counter *int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*counter++
}

// chance reports true so many times of a hundred.
func (l *ledger) chance(percent int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rng.IntN(100) < percent
}

func (l *ledger) noteAcked(body []byte) {
	var ev event
	if json.Unmarshal(body, &ev) != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[ev]++
}

var errHandler = errors.New("the handler fails now and then")

// fail makes a handler fail now and then.
func (l *ledger) fail() error {
	l.mu.Lock()
	l.calls++
	p := l.rng.IntN(100)
	if p < 5 {
		l.failures++
	}
	l.mu.Unlock()

	if p == 0 {
		panic(errHandler)
	}
	if p < 5 {
		return errHandler
	}
	return nil
}

// handleEvent is the handler of events.
func (l *ledger) handleEvent(_ context.Context, ev *helios.Event) error {
	if err := l.fail(); err != nil {
		return err
	}
	if ev.Final() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.finals[ev.RunID]++
	}
	return nil
}

// handleEnd is the handler of ends.
func (l *ledger) handleEnd(_ context.Context, s *durable.Submission) error {
	if err := l.fail(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ends[s.Key] == nil {
		l.ends[s.Key] = map[durable.State]bool{}
	}
	l.ends[s.Key][s.State] = true
	return nil
}
