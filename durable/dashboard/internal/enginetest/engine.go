// Package enginetest is an engine for tests of the dashboard: it keeps
// submissions in memory and sends nothing.
package enginetest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

// Now is a time for tests that need a fixed one.
var Now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// HealthData is in every message and result of [New], and must be on no page
// that does not show results.
const HealthData = "creatinine-is-high"

// Engine is an engine in memory. Set its fields before it is used. It is safe
// for concurrent use.
type Engine struct {
	Counts  durable.Stats
	Letters []durable.DeadLetter
	Err     error // what every method returns, if it is set
	Sick    error // what Health returns

	// BeforeAct is called before an action takes place, as somebody else who
	// is faster.
	BeforeAct func(*Engine)

	mu    sync.Mutex
	all   map[string]durable.Submission
	calls []string
}

// New is an engine as it is at now, with a submission in every state, dead
// letters and a paused agent type.
func New(now time.Time) *Engine {
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	e := &Engine{
		Counts: durable.Stats{
			PendingEvents:    3,
			OldestEvent:      4 * time.Second,
			PendingEnds:      1,
			OldestEnd:        time.Second,
			OldestDeadLetter: 100 * time.Hour,
			Workers:          2,
			OldestQueued:     26 * time.Minute,
			OldestRunning:    9*time.Minute + 12*time.Second,
			OldestUnknown:    31 * time.Minute,
			OldestOverdue:    2*time.Hour + 14*time.Minute,
			Slots: map[string]durable.Slots{
				"light":       {InUse: 2, Limit: 7},
				"deep":        {InUse: 0, Limit: 7},
				"lab-results": {InUse: 7, Limit: 12},
			},
			Paused: map[string]durable.Pause{"deep": {Reason: "paused until it is resumed", ByHand: true}},
			Spend:  durable.Spend{Limit: 250, Spent: 183.4, Per: 24 * time.Hour, Waiting: 2},
		},
		Letters: []durable.DeadLetter{
			{ID: 17, Key: "order-4705", RunID: "2f1c7a52-95d1-4f0e-8c1e-0d7f5e8a3b11", SequenceNumber: 9, Final: true,
				ReceivedAt: ago(100 * time.Hour), DiedAt: ago(3 * time.Hour), Attempts: 100,
				Failure: durable.FailureError},
			{
				ID:         21,
				Key:        "order-4708",
				EndedAs:    durable.Failed,
				ReceivedAt: ago(50 * time.Hour),
				DiedAt:     ago(2 * time.Hour),
				Attempts:   100,
				Failure:    durable.FailurePanic,
			},
			{ID: 23, RunID: "b0a4c9de-1d2f-4e7b-9a55-7c3de21f9042", SequenceNumber: 4,
				ReceivedAt: ago(97 * time.Hour), DiedAt: ago(40 * time.Minute), Attempts: 100},
		},
	}
	e.Put(
		durable.Submission{
			Key:       "order-4701",
			Agent:     "light",
			State:     durable.Queued,
			CreatedAt: ago(26 * time.Minute),
			Reason:    "all slots are in use",
		},
		durable.Submission{
			Key:       "order-4702",
			Agent:     "deep",
			State:     durable.Queued,
			CreatedAt: ago(20 * time.Minute),
			Reason:    "paused until it is resumed",
		},
		durable.Submission{
			Key:         "order-4703",
			Agent:       "lab-results",
			State:       durable.Submitting,
			Attempts:    1,
			CreatedAt:   ago(time.Minute),
			SubmittedAt: ago(2 * time.Second),
		},
		durable.Submission{
			Key:      "order-4704",
			Agent:    "light",
			State:    durable.Accepted,
			Attempts: 2,
			RunID:    "550e8400-e29b-41d4-a716-446655440000",
			Progress: helios.Progress{
				Step:  4,
				Total: 8,
				Name:  HealthData,
			},
			CreatedAt:   ago(12 * time.Minute),
			SubmittedAt: ago(9*time.Minute + 13*time.Second),
			AcceptedAt:  ago(9*time.Minute + 12*time.Second),
		},
		durable.Submission{
			Key:      "order-4705",
			Agent:    "lab-results",
			State:    durable.Completed,
			Attempts: 1,
			RunID:    "2f1c7a52-95d1-4f0e-8c1e-0d7f5e8a3b11",
			CreatedAt: ago(
				101 * time.Hour,
			),
			SubmittedAt: ago(101 * time.Hour),
			AcceptedAt:  ago(101 * time.Hour),
			EndedAt:     ago(100 * time.Hour),
			Event:       completed(),
		},
		durable.Submission{
			Key:         "order-4706",
			Agent:       "deep",
			State:       durable.Unknown,
			Attempts:    1,
			CreatedAt:   ago(35 * time.Minute),
			SubmittedAt: ago(31 * time.Minute),
			Reason:      "the connection was lost before an answer could be read",
		},
		durable.Submission{
			Key:      "order-4707",
			Agent:    "deep",
			State:    durable.Overdue,
			Attempts: 1,
			RunID:    "6fa459ea-ee8a-4ca4-894e-db77e160355e",
			CreatedAt: ago(
				5 * time.Hour,
			),
			SubmittedAt: ago(4*time.Hour + 14*time.Minute),
			AcceptedAt:  ago(4*time.Hour + 14*time.Minute),
			Reason:      "no result within the deadline; it may still arrive",
			EndedAt:     ago(2*time.Hour + 14*time.Minute),
		},
		durable.Submission{
			Key:      "order-4708",
			Agent:    "lab-results",
			State:    durable.Failed,
			Attempts: 1,
			Message:  HealthData,
			CreatedAt: ago(
				50 * time.Hour,
			),
			SubmittedAt: ago(50 * time.Hour),
			EndedAt:     ago(50 * time.Hour),
			Reason:      "Helios answered 422 Unprocessable Entity",
		},
		durable.Submission{
			Key:       "order-4709",
			Agent:     "deep",
			State:     durable.Canceled,
			CreatedAt: ago(30 * time.Hour),
			EndedAt:   ago(29 * time.Hour),
			Reason:    "canceled",
		},
	)
	return e
}

func completed() *helios.Event {
	ev, err := helios.ParseEvent(
		[]byte(`{"runId":"2f1c7a52-95d1-4f0e-8c1e-0d7f5e8a3b11","status":"completed","agent":"lab-results",
		"timestamp":"2026-11-24T08:00:00.000Z","sequenceNumber":9,"result":{
		"patientResponse":"# Your results\n\n<b>` + HealthData + `</b> [1]",
		"clinicianResponse":"## Summary\n\n` + HealthData + ` [1]",
		"citations":{"patient":{},"clinician":{}}}}`),
	)
	if err != nil {
		panic(err)
	}
	return ev
}

// Put stores submissions as they are.
func (e *Engine) Put(submissions ...durable.Submission) {
	e.mu.Lock()
	defer e.mu.Unlock()

	if e.all == nil {
		e.all = map[string]durable.Submission{}
	}
	for _, s := range submissions {
		e.all[s.Key] = s
	}
}

// Calls are the actions that took place.
func (e *Engine) Calls() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.calls)
}

// Health returns Sick.
func (e *Engine) Health(context.Context) error { return cmp.Or(e.Err, e.Sick) }

// Stats returns Counts, with the submissions counted.
func (e *Engine) Stats(context.Context) (durable.Stats, error) {
	e.mu.Lock()
	defer e.mu.Unlock()

	stats := e.Counts
	stats.Paused = maps.Clone(e.Counts.Paused)
	stats.DeadLetters = len(e.Letters)
	counts := map[durable.State]*int{
		durable.Queued:     &stats.Queued,
		durable.Submitting: &stats.Submitting,
		durable.Accepted:   &stats.Running,
		durable.Unknown:    &stats.Unknown,
		durable.Overdue:    &stats.Overdue,
		durable.Failed:     &stats.Failed,
		durable.Canceled:   &stats.Canceled,
	}
	for _, s := range e.all {
		if count := counts[s.State]; count != nil {
			*count++
		}
	}
	return stats, e.Err
}

// Submissions lists them by key.
func (e *Engine) Submissions(ctx context.Context, f durable.Filter) ([]durable.Submission, error) {
	e.mu.Lock()
	defer e.mu.Unlock()

	var rows []durable.Submission
	for _, key := range slices.Sorted(maps.Keys(e.all)) {
		s := e.all[key]
		if key > f.After && (f.State == "" || f.State == s.State) && (f.Agent == "" || f.Agent == s.Agent) &&
			len(rows) < f.Limit {
			s.Event, s.Message = nil, ""
			rows = append(rows, s)
		}
	}
	return rows, cmp.Or(e.Err, ctx.Err())
}

// Status returns a submission.
func (e *Engine) Status(_ context.Context, key string) (*durable.Submission, error) {
	e.mu.Lock()
	defer e.mu.Unlock()

	s, found := e.all[key]
	if !found {
		return nil, cmp.Or(e.Err, fmt.Errorf("%w: %s", durable.ErrNotFound, key))
	}
	return &s, e.Err
}

// DeadLetters lists Letters.
func (e *Engine) DeadLetters(_ context.Context, after int64, limit int) ([]durable.DeadLetter, error) {
	e.mu.Lock()
	defer e.mu.Unlock()

	var rows []durable.DeadLetter
	for _, l := range e.Letters {
		if l.ID > after && len(rows) < limit {
			rows = append(rows, l)
		}
	}
	return rows, e.Err
}

// Cancel cancels what is queued.
func (e *Engine) Cancel(_ context.Context, key string) error {
	return e.move("cancel "+key, key, durable.Canceled, durable.Queued)
}

// Resolve decides.
func (e *Engine) Resolve(_ context.Context, key string, d durable.Decision) error {
	decided := []durable.State{durable.Unknown, durable.Overdue, durable.Failed}
	call := fmt.Sprintf("resolve %s %s", key, d)
	switch d {
	case durable.Resubmit:
		return e.move(call, key, durable.Queued, decided...)
	case durable.Fail:
		return e.move(call, key, durable.Failed, decided...)
	default:
		return e.move(call, key, "", decided...)
	}
}

// Forget erases what has ended.
func (e *Engine) Forget(_ context.Context, key string) error {
	err := e.move("forget "+key, key, "", durable.Completed, durable.Failed, durable.Canceled)
	if err == nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		s := e.all[key]
		s.Event, s.Message, s.Deleted = nil, "", true
		e.all[key] = s
	}
	return err
}

// Pause pauses an agent.
func (e *Engine) Pause(_ context.Context, agent string) error {
	return e.act("pause "+agent, func() error {
		e.Counts.Paused[agent] = durable.Pause{Reason: "paused until it is resumed", ByHand: true}
		return nil
	})
}

// Resume resumes it.
func (e *Engine) Resume(_ context.Context, agent string) error {
	return e.act("resume "+agent, func() error {
		delete(e.Counts.Paused, agent)
		return nil
	})
}

// Replay removes a dead letter.
func (e *Engine) Replay(_ context.Context, id int64) error {
	return e.act(fmt.Sprintf("replay %d", id), func() error {
		before := len(e.Letters)
		e.Letters = slices.DeleteFunc(slices.Clone(e.Letters), func(l durable.DeadLetter) bool { return l.ID == id })
		if len(e.Letters) == before {
			return durable.ErrNotFound
		}
		return nil
	})
}

func (e *Engine) move(call, key string, to durable.State, from ...durable.State) error {
	return e.act(call, func() error {
		s, found := e.all[key]
		switch {
		case !found:
			return fmt.Errorf("%w: %s", durable.ErrNotFound, key)
		case !slices.Contains(from, s.State):
			return fmt.Errorf("%w: %s is %s", durable.ErrState, key, s.State)
		}
		s.State = cmp.Or(to, s.State)
		e.all[key] = s
		return nil
	})
}

func (e *Engine) act(call string, change func() error) error {
	if e.BeforeAct != nil {
		e.BeforeAct(e)
	}
	e.mu.Lock()
	defer e.mu.Unlock()

	if e.Err != nil {
		return e.Err
	}
	if err := change(); err != nil {
		return err
	}
	e.calls = append(e.calls, call)
	return nil
}
