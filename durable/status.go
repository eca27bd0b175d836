package durable

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/heliosai/helios-go"
)

const (
	selectSubmission = `SELECT agent, state, coalesce(run_id, ''), attempts, reason, message, created_at, submitted_at, accepted_at, ended_at
		FROM {submissions} WHERE key = $1`
	// The final event that tells the result, else the last status update.
	selectLastEvent = `SELECT final, sequence_number, discriminator, body FROM {events} WHERE run_id = $1
		ORDER BY final DESC, CASE WHEN discriminator = 'completed' THEN 0 ELSE 1 END, sequence_number DESC, id DESC LIMIT 1`
)

// Status returns what is known of a submission, its result included once it is completed. The error is [ErrNotFound] if the key was not used,
// [helios.ErrUnavailable] if the store failed, [ErrUndecodable] if what is stored cannot be decoded.
func (e *Engine) Status(ctx context.Context, key string) (*Submission, error) {
	return e.find(ctx, func(ctx context.Context, statements ...*statement) error { return e.store.read(ctx, statements...) }, key)
}

// find reads a submission, inside a transaction or outside.
func (e *Engine) find(ctx context.Context, run func(context.Context, ...*statement) error, key string) (*Submission, error) {
	s := &Submission{Key: key}
	var found bool
	var message []byte
	var created int64
	var submitted, accepted, ended *int64
	err := run(ctx, one(&found, selectSubmission, in(key),
		&s.Agent, &s.State, &s.RunID, &s.Attempts, &s.Reason, &message, &created, &submitted, &accepted, &ended))
	if err != nil {
		return nil, e.storeFailed("find submission "+key, err)
	}
	if !found {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, key)
	}
	s.CreatedAt, s.SubmittedAt, s.AcceptedAt, s.EndedAt = moment(&created), moment(submitted), moment(accepted), moment(ended)
	if message, err = e.decode(message, "message", key); err != nil {
		return nil, err
	}
	s.Message = string(message)
	if s.RunID != "" {
		if err := e.findLastEvent(ctx, run, s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (e *Engine) findLastEvent(ctx context.Context, run func(context.Context, ...*statement) error, s *Submission) error {
	var found bool
	var final, number int
	var discriminator string
	var body []byte
	err := run(ctx, one(&found, selectLastEvent, in(s.RunID), &final, &number, &discriminator, &body))
	if err != nil {
		return e.storeFailed("find the events of submission "+s.Key, err)
	}
	if !found {
		return nil
	}
	if body == nil {
		s.deleted = final == 1
		return nil
	}
	ev, err := e.restore(s.RunID, number, discriminator, body)
	if err != nil {
		return err
	}
	if !ev.Final() {
		s.Progress = ev.Progress()
		return nil
	}
	s.final = ev
	if failure := ev.Failure(); failure != nil {
		s.Message = failure.Message
	}
	return nil
}

// restore makes the event of what is stored.
func (e *Engine) restore(runID string, number int, discriminator string, body []byte) (*helios.Event, error) {
	d := delivery{event: &helios.Event{SequenceNumber: number}, runID: runID, discriminator: discriminator}
	raw, err := e.decode(body, "event", d.name())
	if err != nil {
		return nil, err
	}
	return helios.ParseEvent(raw)
}

// Stats counts what is under way. What has ended is not counted, so that it costs little however much there is.
type Stats struct {
	// Submissions that wait, are being sent, run, or have an unknown outcome.
	Queued, Submitting, Running, Unknown int
	// PendingEvents wait for the handler or for their next attempt; DeadLetters have used theirs up.
	PendingEvents, DeadLetters int
	// The ages of what has waited longest; 0 where nothing waits.
	OldestQueued, OldestUnknown, OldestEvent time.Duration
	// Slots are the account's for each agent type: "light", "deep" and "lab-results".
	Slots map[string]Slots
}

// Slots are the account's run slots for one agent type, as the engine counts them.
type Slots struct{ InUse, Limit int }

const (
	countSubmissions = `SELECT state, count(*), min(CASE WHEN state = 'unknown' THEN submitted_at ELSE created_at END) FROM {submissions}
		WHERE state IN ('queued', 'submitting', 'accepted', 'unknown') GROUP BY state`
	countEvents = `SELECT state, count(*), min(received_at) FROM {events} WHERE state IN ('pending', 'dead') GROUP BY state`
	countSlots  = `SELECT a.agent, a.slot_limit, (SELECT count(*) FROM {submissions} s WHERE s.agent = a.agent AND s.slot_until > $1) FROM {agents} a`
)

// Stats counts what is under way, for metrics. The error is [helios.ErrUnavailable].
func (e *Engine) Stats(ctx context.Context) (Stats, error) {
	now := e.now()
	stats := Stats{Slots: map[string]Slots{}}
	since := func(oldest sql.NullInt64) time.Duration {
		return max(now.Sub(moment(&oldest.Int64)), 0)
	}
	err := e.store.read(ctx,
		query(func(r row) error {
			var state State
			var count int
			var oldest sql.NullInt64
			if err := r.Scan(&state, &count, &oldest); err != nil {
				return err
			}
			switch state {
			case Queued:
				stats.Queued, stats.OldestQueued = count, since(oldest)
			case Submitting:
				stats.Submitting = count
			case Accepted:
				stats.Running = count
			case Unknown:
				stats.Unknown, stats.OldestUnknown = count, since(oldest)
			case Completed, Failed: // have ended
			}
			return nil
		}, countSubmissions),
		query(func(r row) error {
			var state string
			var count int
			var oldest sql.NullInt64
			if err := r.Scan(&state, &count, &oldest); err != nil {
				return err
			}
			if state == eventDead {
				stats.DeadLetters = count
			} else {
				stats.PendingEvents, stats.OldestEvent = count, since(oldest)
			}
			return nil
		}, countEvents),
		query(func(r row) error {
			var agent string
			var slots Slots
			err := r.Scan(&agent, &slots.Limit, &slots.InUse)
			slots.Limit = e.capped(slots.Limit)
			stats.Slots[agent] = slots
			return err
		}, countSlots, micros(now)))
	if err != nil {
		return Stats{}, e.storeFailed("stats", err)
	}
	return stats, nil
}

// capped is the limit that the caller leaves to the engine.
func (c *config) capped(limit int) int {
	if c.maxSlots > 0 {
		return min(limit, c.maxSlots)
	}
	return limit
}
