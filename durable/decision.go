package durable

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Decision is what happens to a submission whose outcome nobody knows.
type Decision int

// The decisions.
const (
	// Hold leaves it as it is, for [Engine.Resolve] or a late webhook.
	Hold Decision = iota
	// Fail gives it up. A webhook that comes later still has the last word.
	Fail
	// Resubmit sends it again. If it was accepted after all, it is paid twice.
	Resubmit
)

// String returns "hold", "fail" or "resubmit".
func (d Decision) String() string {
	switch d {
	case Hold:
		return "hold"
	case Fail:
		return "fail"
	case Resubmit:
		return "resubmit"
	default:
		return fmt.Sprintf("Decision(%d)", int(d))
	}
}

// noDecisionError is a Decision that is none.
type noDecisionError struct{ error }

func (e *noDecisionError) Unwrap() error { return e.error }

const (
	reasonGivenUp  = "given up; it may have been accepted, and a result that arrives later still counts"
	reasonResubmit = "queued again on request; an earlier attempt may have been accepted"
)

// Resolve decides about a submission that is [Unknown], [Overdue] or [Failed]:
// [Fail] gives it up, [Resubmit] sends it again and may pay twice, [Hold] does
// nothing. One that has failed can only be sent again. Whatever is decided, an
// event that comes later still has the last word.
//
// The error is [ErrNotFound] if the key was not used, [ErrState] if the
// submission is in another state or its request was deleted, and
// [helios.ErrUnavailable] if the store failed.
func (e *Engine) Resolve(ctx context.Context, key string, decision Decision) error {
	return e.decide(ctx, key, decision, true)
}

// Cancel takes a submission out of the queue, for good: it is [Canceled], and
// its key stays used. One that was sent before without being accepted can be
// canceled too, while it is queued.
//
// The error is [ErrNotFound] if the key was not used, [ErrState] if the
// submission is not queued - it is being sent, say - and
// [helios.ErrUnavailable] if the store failed.
func (e *Engine) Cancel(ctx context.Context, key string) error {
	return e.change(ctx, "cancel", key, cancel, key, reasonCanceled, micros(e.now()))
}

func (e *Engine) decide(ctx context.Context, key string, decision Decision, byHand bool) error {
	now, anyway := micros(e.now()), 0
	if byHand {
		anyway = 1
	}

	switch decision {
	case Hold:
		return nil
	case Fail:
		return e.change(ctx, "resolve", key, giveUp, key, reasonGivenUp, now)
	case Resubmit:
		return e.change(ctx, "resolve", key, resubmit, key, reasonResubmit, now, anyway)
	default:
		return &noDecisionError{invalid("decision", fmt.Sprintf("there is no decision %d", int(decision)))}
	}
}

// change makes a transition of one submission, or says why that cannot be.
func (e *Engine) change(ctx context.Context, doing, key string, t *transition, args ...any) error {
	var c *changes
	var state State
	err := e.store.write(ctx, func(tx transaction) error {
		c, state = new(changes), ""
		c.add(t, args...)
		if err := e.apply(ctx, tx, c); err != nil || len(c.made) > 0 {
			return err
		}
		return tx.run(ctx, query(func(r row) error { return r.Scan(&state) }, selectState, key))
	})
	switch {
	case err != nil:
		return e.storeFailed(doing+" submission "+key, err)
	case len(c.made) > 0:
		return nil
	case state == "":
		return fmt.Errorf("%w: %s", ErrNotFound, key)
	default:
		return fmt.Errorf("%w: %s %s: it is %s", ErrState, doing, key, state)
	}
}

const (
	selectUndecided = `SELECT key FROM {submissions}
		WHERE state = 'unknown' AND decided_at IS NULL AND submitted_at <= $1 ORDER BY submitted_at LIMIT $2`
	claimUndecided = `UPDATE {submissions} SET decided_at = $2
		WHERE key = $1 AND state = 'unknown' AND decided_at IS NULL`
	unclaimUndecided = `UPDATE {submissions} SET decided_at = NULL
		WHERE key = $1 AND state = 'unknown' AND decided_at = $2`
)

// sweepUnknown asks WithOnUnknown about submissions whose webhook has not come.
// It claims each one first, so that it is asked about once. If the process dies
// before it has the answer, the submission is held.
func (e *Engine) sweepUnknown(ctx context.Context, now time.Time) error {
	var keys []string
	err := e.store.read(ctx, query(func(r row) error {
		var key string
		err := r.Scan(&key)
		keys = append(keys, key)
		return err
	}, selectUndecided, micros(now.Add(-e.unknownDeadline)), sweepLimit))
	if err != nil {
		return err
	}

	var failed error
	for _, key := range keys {
		failed = errors.Join(failed, e.decideUnknown(ctx, key, now))
	}
	return failed
}

func (e *Engine) decideUnknown(ctx context.Context, key string, now time.Time) error {
	claim := exec(claimUndecided, key, micros(now))
	err := e.store.write(ctx, func(tx transaction) error { return tx.run(ctx, claim) })
	if err != nil || claim.affected == 0 {
		return err
	}

	err = e.askAndDecide(ctx, key)
	switch {
	case err == nil, errors.Is(err, ErrState): // its webhook came meanwhile
		return nil
	case errors.As(err, new(*noDecisionError)):
		return err // it was asked, and is held
	}

	ctx, cancel := detached(ctx, 5*time.Second)
	defer cancel()
	return errors.Join(err, e.store.write(ctx, func(tx transaction) error {
		return tx.run(ctx, exec(unclaimUndecided, key, micros(now)))
	}))
}

func (e *Engine) askAndDecide(ctx context.Context, key string) error {
	s, err := e.Status(ctx, key)
	if err != nil {
		return err
	}
	decision := e.askSafely(ctx, s)
	e.logger.WarnContext(ctx, "helios: submission still unknown at the deadline",
		slog.String("key", key), slog.String("decision", decision.String()))
	return e.decide(ctx, key, decision, false)
}

// askSafely holds the submission if the caller's function panics.
func (e *Engine) askSafely(ctx context.Context, s *Submission) (decision Decision) {
	defer func() {
		if v := recover(); v != nil {
			e.logger.ErrorContext(ctx, "helios: WithOnUnknown's function panicked",
				slog.String("key", s.Key), slog.String("panic", fmt.Sprintf("%T", v)))
			decision = Hold
		}
	}()
	return e.onUnknown(ctx, s)
}
