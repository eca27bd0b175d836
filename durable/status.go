package durable

import (
	"context"
	"fmt"

	"github.com/heliosai/helios-go"
)

const (
	// While all of its agent type wait, a queued submission has the agent's
	// reason.
	selectSubmissions = `SELECT key, agent, state, coalesce(run_id, ''), attempts,
			CASE WHEN state = 'queued' AND reason = ''
				THEN coalesce((SELECT a.reason FROM {agents} a WHERE a.agent = s.agent AND a.paused_until > $1), '')
				ELSE reason END,
			created_at, submitted_at, accepted_at, ended_at
		FROM {submissions} s`
	selectSubmission = selectSubmissions + ` WHERE key = $2`
	selectMessage    = `SELECT message FROM {submissions} WHERE key = $1`
	// The final event that tells the result, else the last status update.
	selectLastEvent = `SELECT final, sequence_number, discriminator, body FROM {events} WHERE run_id = $1
		ORDER BY final DESC, CASE WHEN discriminator = 'completed' THEN 0 ELSE 1 END,
			sequence_number DESC, id DESC LIMIT 1`
)

// scanSubmission reads a row of selectSubmissions.
func scanSubmission(r row, s *Submission) error {
	var created int64
	var submitted, accepted, ended *int64
	err := r.Scan(&s.Key, &s.Agent, &s.State, &s.RunID, &s.Attempts, &s.Reason, &created, &submitted, &accepted, &ended)
	s.CreatedAt, s.SubmittedAt, s.AcceptedAt, s.EndedAt =
		moment(&created), moment(submitted), moment(accepted), moment(ended)
	return err
}

// Status returns what is known of a submission, its result included once it is
// completed. The error is [ErrNotFound] if the key was not used,
// [helios.ErrUnavailable] if the store failed, and [ErrUndecodable] if what is
// stored cannot be decoded.
func (e *Engine) Status(ctx context.Context, key string) (*Submission, error) {
	return e.find(ctx, e.store.read, key)
}

// find reads a submission, inside a transaction or outside.
func (e *Engine) find(
	ctx context.Context, run func(context.Context, ...*statement) error, key string,
) (*Submission, error) {
	s := new(Submission)
	var message []byte
	err := run(ctx,
		query(func(r row) error { return scanSubmission(r, s) }, selectSubmission, micros(e.now()), key),
		query(func(r row) error { return r.Scan(&message) }, selectMessage, key))
	switch {
	case err != nil:
		return nil, e.storeFailed("find submission "+key, err)
	case s.Key == "":
		return nil, fmt.Errorf("%w: %s", ErrNotFound, key)
	}

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

func (e *Engine) findLastEvent(ctx context.Context, run func(context.Context, ...*statement) error,
	s *Submission) error {
	var found bool
	var final int
	var number int64
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
		s.Deleted = final == 1
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
	s.Event = ev
	if failure := ev.Failure(); failure != nil {
		s.Message = failure.Message
	}
	return nil
}

// restore makes the event of what is stored.
func (e *Engine) restore(runID string, number int64, discriminator string, body []byte) (*helios.Event, error) {
	d := delivery{event: &helios.Event{SequenceNumber: number}, runID: runID, discriminator: discriminator}
	raw, err := e.decode(body, "event", d.name())
	if err != nil {
		return nil, err
	}
	return helios.ParseEvent(raw)
}
