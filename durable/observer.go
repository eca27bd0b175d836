package durable

import (
	"context"
	"errors"
	"time"
)

// Activity is one finished step of the engine's work, for [WithObserver]. It
// holds no health data, provided that the caller's keys hold none.
type Activity struct {
	// Kind is what was done.
	Kind ActivityKind
	// Outcome is how it ended: one of the constants for its kind.
	Outcome ActivityOutcome
	// Agent is "light", "deep" or "lab-results"; for a delivery and an event it
	// is what the event says, and may be empty.
	Agent string
	// Key is that of the submission; empty if there is none, and for a
	// delivery. RunID is the run; empty if there is none yet. Neither is a
	// label for metrics.
	Key, RunID string
	// Attempt counts from 1; 0 for a delivery.
	Attempt int
	// Final reports whether a delivery or an event is the last of its run.
	Final bool
	// Waited is the time from when it was stored to the beginning of this
	// attempt; 0 for a delivery.
	Waited time.Duration
	// Duration is how long it took: the POST, the commit of a delivery, or the
	// call of the handler.
	Duration time.Duration
}

// ActivityKind is a kind of work. More may be added.
type ActivityKind string

// The kinds of work.
const (
	// ActivitySubmission is one attempt to send a submission.
	ActivitySubmission ActivityKind = "submission"
	// ActivityDelivery is one authentic webhook that was to be stored.
	ActivityDelivery ActivityKind = "delivery"
	// ActivityEvent is one call of [Engine.HandleFunc]'s function.
	ActivityEvent ActivityKind = "event"
	// ActivityEnd is one call of [Engine.HandleEnd]'s function.
	ActivityEnd ActivityKind = "end"
)

// ActivityOutcome is how work ended. Its values can serve as metric labels;
// more may be added.
type ActivityOutcome string

// The outcomes: of submissions the first four, of deliveries the next three, of
// handlers the last three.
const (
	ActivityAccepted ActivityOutcome = "accepted"
	ActivityRequeued ActivityOutcome = "requeued" // certainly not accepted; it is sent again
	ActivityUnknown  ActivityOutcome = "unknown"
	ActivityRefused  ActivityOutcome = "refused" // for good

	ActivityStored    ActivityOutcome = "stored"
	ActivityDuplicate ActivityOutcome = "duplicate"
	ActivityNotStored ActivityOutcome = "not_stored" // the sender is told to deliver again

	ActivityHandled ActivityOutcome = "handled"
	ActivityFailed  ActivityOutcome = "failed" // it is tried again
	ActivityDead    ActivityOutcome = "dead"   // it is a dead letter
)

// WithObserver calls fn after each attempt to send a submission, each delivery
// and each call of a handler, for metrics and traces. The context is the one of
// the work, with what [WithTraceContext] has restored. fn must be quick and
// safe for concurrent use.
func WithObserver(fn func(context.Context, Activity)) Option {
	return func(c *config) error {
		if fn == nil {
			return errors.New("helios: durable: WithObserver: nil function")
		}
		c.observer = fn
		return nil
	}
}

// observe tells the observer, whose panic does no harm.
func (e *Engine) observe(ctx context.Context, a Activity) {
	if e.observer == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			e.logger.ErrorContext(ctx, "helios: WithObserver's function panicked")
		}
	}()
	e.observer(ctx, a)
}

// outcomeOfSending names the state that an attempt has led to.
func outcomeOfSending(s State) ActivityOutcome {
	switch s {
	case Accepted:
		return ActivityAccepted
	case Queued:
		return ActivityRequeued
	case Failed:
		return ActivityRefused
	default:
		return ActivityUnknown
	}
}
