package durable

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/heliosai/helios-go"
)

// DeadLetter is an event, or the end of a submission, whose handler has failed
// on every attempt. It is kept until it is replayed or forgotten.
type DeadLetter struct {
	// ID is what Replay takes.
	ID int64 `json:"id"`
	// Key is that of the submission; empty if the event belongs to none.
	Key string `json:"key,omitempty"`
	// RunID and SequenceNumber are the event's; zero for an end.
	RunID          string `json:"runId,omitempty"`
	SequenceNumber int64  `json:"sequenceNumber,omitempty"`
	// Final reports whether the event is the run's result or error.
	Final bool `json:"final"`
	// EndedAs is the state that [Engine.HandleEnd]'s function was to be told
	// of; empty for an event.
	EndedAs State `json:"endedAs,omitempty"`
	// Attempts is how often the handler was called.
	Attempts int `json:"attempts"`
	// Failure is how the last attempt failed; empty if an earlier release,
	// which did not record it, made the dead letter.
	Failure FailureKind `json:"failure,omitempty"`
	// ReceivedAt is when it was stored, and DiedAt when the last attempt
	// failed.
	ReceivedAt time.Time `json:"receivedAt"`
	DiedAt     time.Time `json:"diedAt"`
	// Event is the event itself; nil for an end, and for an event that cannot
	// be decoded.
	Event *helios.Event `json:"-"`
}

// Each half stops at the limit, so that neither store sorts all dead letters.
// The list of states is that of the index, in its own words: else SQLite reads
// the bodies of all that was handled.
const selectDead = `SELECT id, run_id, sequence_number, discriminator, final, attempts, received_at, settled_at,
		coalesce((SELECT r.key FROM {references} r WHERE r.run_id = e.run_id), ''), '', body, coalesce(failure, '')
	FROM (SELECT * FROM {events} WHERE state = 'dead' AND state IN ('pending', 'dead') AND id > $1
		ORDER BY id LIMIT $2) e
	UNION ALL SELECT id, '', 0, '', 0, attempts, ended_at, settled_at, key, ended_as, NULL,
		coalesce(failure, '')
	FROM (SELECT * FROM {ends} WHERE state = 'dead' AND id > $1 ORDER BY id LIMIT $2) n
	ORDER BY 1 LIMIT $2`

// DeadLetters lists dead letters, oldest first: at most limit (1 to 1000) of
// them, with an ID above after. Start with after 0, and go on with the last
// one's ID. Their events are read too, so a page may take some memory.
func (e *Engine) DeadLetters(ctx context.Context, after int64, limit int) ([]DeadLetter, error) {
	if limit < 1 || limit > largestPage {
		return nil, invalid("limit", fmt.Sprintf("must be 1 to %d", largestPage))
	}

	var letters []DeadLetter
	err := e.store.read(ctx, query(func(r row) error {
		var d DeadLetter
		var discriminator string
		var final int
		var received, died *int64
		var body []byte
		err := r.Scan(&d.ID, &d.RunID, &d.SequenceNumber, &discriminator, &final, &d.Attempts, &received, &died,
			&d.Key, &d.EndedAs, &body, &d.Failure)
		d.Final, d.ReceivedAt, d.DiedAt = final == 1, moment(received), moment(died)
		if body != nil {
			d.Event, _ = e.restore(d.RunID, d.SequenceNumber, discriminator, body)
		}
		letters = append(letters, d)
		return err
	}, selectDead, after, limit))
	if err != nil {
		return nil, e.storeFailed("list dead letters", err)
	}
	return letters, nil
}

// Replay hands a dead letter to its handler again, with as many attempts as a
// new one has. The error is [ErrNotFound] if there is no dead letter with this
// id.
func (e *Engine) Replay(ctx context.Context, id int64) error {
	var revived bool
	err := e.store.write(ctx, func(tx transaction) error {
		revived = false
		for _, b := range []*backlog{eventBacklog, endBacklog} {
			var job sql.NullInt64
			err := tx.run(ctx, query(func(r row) error { return r.Scan(&job) }, b.sql(selectDeadJob), id))
			if err != nil {
				return err
			}
			if job.Valid {
				revived, err = e.revive(ctx, tx, b, id, job.Int64, rowDead)
				return err
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return e.storeFailed("replay", err)
	case !revived:
		return fmt.Errorf("%w: dead letter %d", ErrNotFound, id)
	}
	return nil
}
