package durable

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
)

const eventQueue = "helios_events"

// eventArgs hands a stored event to the handler. It holds nothing of the event.
type eventArgs struct {
	Event int64 `json:"event"`
}

// Kind is the name of such jobs in River's table.
func (eventArgs) Kind() string { return "helios_event" }

// InsertOpts puts them into a queue of their own. When attempts are enough is for the engine that handles the event to say, not for the one that stored it.
func (eventArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: eventQueue, MaxAttempts: mostAttempts}
}

type eventWorker struct {
	river.WorkerDefaults[eventArgs]
	engine *Engine
}

// Timeout is the handler's.
func (w *eventWorker) Timeout(*river.Job[eventArgs]) time.Duration { return w.engine.handlerTimeout }

// NextRetry doubles the wait from 1 s to 1 h.
func (w *eventWorker) NextRetry(job *river.Job[eventArgs]) time.Time {
	return time.Now().Add(jittered(w.engine.backoff(job.Attempt)))
}

const (
	selectEvent = `SELECT run_id, sequence_number, discriminator, final, body,
			(SELECT max(h.sequence_number) FROM {events} h WHERE h.run_id = e.run_id AND h.state = 'handled'),
			(SELECT r.key FROM {references} r WHERE r.run_id = e.run_id)
		FROM {events} e WHERE id = $1 AND job_id = $2 AND state = 'pending'`
	settleEvent = `UPDATE {events} SET state = $3, settled_at = $4 WHERE id = $1 AND job_id = $2 AND state = 'pending'`
)

// storedEvent is a pending event.
type storedEvent struct {
	id, job        int64
	runID          string
	sequenceNumber int
	discriminator  string
	final          int
	body           []byte
	handled        sql.NullInt64 // the highest number of the run that was handled
	key            sql.NullString
}

// overtaken reports whether a later status update was handled before. The final event never is.
func (s *storedEvent) overtaken() bool {
	return s.final == 0 && s.sequenceNumber > 0 && s.handled.Valid && s.handled.Int64 >= int64(s.sequenceNumber)
}

// Work hands one event to the handler. Its errors are what River stores and logs, so they say nothing but the type of what went wrong.
func (w *eventWorker) Work(ctx context.Context, job *river.Job[eventArgs]) error {
	e := w.engine
	s := storedEvent{id: job.Args.Event, job: job.ID}
	var found bool
	err := e.store.read(ctx, one(&found, selectEvent, in(s.id, s.job),
		&s.runID, &s.sequenceNumber, &s.discriminator, &s.final, &s.body, &s.handled, &s.key))
	if err != nil {
		return e.notTheHandler(ctx, "read an event", err)
	}
	switch {
	case !found: // a duplicate's, or its work is done
		return nil
	case s.overtaken():
		return e.settleEvent(ctx, &s, eventSkipped)
	}
	failure := e.handle(ctx, &s)
	switch {
	case failure == nil:
		return e.settleEvent(ctx, &s, eventHandled)
	case errors.Is(ctx.Err(), context.Canceled): // the process stops: its deadline would be another error
		return river.JobSnooze(0)
	}
	attrs := []any{
		slog.String("key", s.key.String), slog.String("run", s.runID), slog.Int("number", s.sequenceNumber),
		slog.Int("attempt", job.Attempt), slog.String("error", failure.Error()),
	}
	if job.Attempt >= e.maxAttempts {
		e.logger.ErrorContext(ctx, "helios: an event is a dead letter now", attrs...)
		if err := e.settleEvent(ctx, &s, eventDead); err != nil {
			return err
		}
		return river.JobCancel(failure)
	}
	e.logger.WarnContext(ctx, "helios: the handler failed", attrs...)
	return failure
}

// settleEvent writes down what became of an event, also where the handler used up the job's time.
func (e *Engine) settleEvent(ctx context.Context, s *storedEvent, state string) error {
	ctx, cancel := detached(ctx, 10*time.Second)
	defer cancel()
	err := e.store.write(ctx, func(tx transaction) error {
		return tx.run(ctx, exec(settleEvent, s.id, s.job, state, micros(e.now())))
	})
	if err != nil {
		return e.notTheHandler(ctx, "settle an event", err)
	}
	return nil
}

// notTheHandler tries an event again soon, without using up an attempt: the store failed, not the handler.
func (e *Engine) notTheHandler(ctx context.Context, doing string, err error) error {
	e.logger.ErrorContext(ctx, e.storeFailed(doing, err).Error())
	return river.JobSnooze(jittered(time.Second))
}

// handlerError is a failure of the handler, without its text.
type handlerError struct{ kind string }

func (e *handlerError) Error() string { return "helios: durable: the handler failed: " + e.kind }

// handle calls the handler. A panic is a failure like any other: its value may hold what must not be logged, as may the text of an error.
func (e *Engine) handle(ctx context.Context, s *storedEvent) (failure error) {
	ev, err := e.restore(s.runID, s.sequenceNumber, s.discriminator, s.body)
	if err != nil {
		return &handlerError{kindOf(err)}
	}
	defer func() {
		if v := recover(); v != nil {
			failure = &handlerError{fmt.Sprintf("panic (%T)", v)}
		}
	}()
	if s.key.Valid {
		ctx = context.WithValue(ctx, keyContext{}, s.key.String)
	}
	if err := (*e.handler.Load())(ctx, ev); err != nil {
		return &handlerError{kindOf(err)}
	}
	return nil
}

func kindOf(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline exceeded"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, ErrUndecodable):
		return "the stored event cannot be decoded"
	default:
		return fmt.Sprintf("%T", rootOf(err))
	}
}

type keyContext struct{}

// KeyFrom returns the key of the submission that the event is of, from the context that the handler was called with. It is "" for an event of a run that was not
// submitted through this store, and for one that came without the reference before the answer with its run id was stored.
func KeyFrom(ctx context.Context) string {
	key, _ := ctx.Value(keyContext{}).(string)
	return key
}

// DeadLetter is an event whose handler has failed as often as it may. It is kept until it is replayed.
type DeadLetter struct {
	ID             int64     // for Replay
	Key            string    // of its submission; "" if it is of none
	RunID          string    // of the run that it tells about
	SequenceNumber int       // the event's, in its run
	Final          bool      // it is the run's result or error
	ReceivedAt     time.Time // when it was stored
	DiedAt         time.Time // when the last attempt failed
}

const (
	selectDead = `SELECT id, run_id, sequence_number, final, received_at, settled_at, (SELECT r.key FROM {references} r WHERE r.run_id = e.run_id)
		FROM {events} e WHERE state = 'dead' AND id > $1 ORDER BY id LIMIT $2`
	reviveEvent = `UPDATE {events} SET state = 'pending', job_id = $2, attempts = CASE WHEN state = 'dead' THEN 0 ELSE attempts + 1 END, settled_at = NULL
		WHERE id = $1 AND job_id = $3 AND state = $4`
	selectJob = `SELECT job_id FROM {events} WHERE id = $1 AND state = 'dead'`
)

// DeadLetters lists events whose handler failed as often as it may, oldest first: at most limit (1 to 1000) with an ID above after. Begin with after 0, go on with the last
// one's ID.
func (e *Engine) DeadLetters(ctx context.Context, after int64, limit int) ([]DeadLetter, error) {
	if limit < 1 || limit > 1000 {
		return nil, errors.New("helios: durable: DeadLetters: limit must be 1 to 1000")
	}
	var letters []DeadLetter
	err := e.store.read(ctx, query(func(r row) error {
		var d DeadLetter
		var final int
		var received, died *int64
		var key sql.NullString
		err := r.Scan(&d.ID, &d.RunID, &d.SequenceNumber, &final, &received, &died, &key)
		d.Key, d.Final, d.ReceivedAt, d.DiedAt = key.String, final == 1, moment(received), moment(died)
		letters = append(letters, d)
		return err
	}, selectDead, after, limit))
	if err != nil {
		return nil, e.storeFailed("list dead letters", err)
	}
	return letters, nil
}

// Replay hands a dead letter to the handler again, with all attempts anew. The error is [ErrNotFound] if there is no dead letter with this id.
func (e *Engine) Replay(ctx context.Context, id int64) error {
	var found bool
	err := e.store.write(ctx, func(tx transaction) error {
		var job int64
		if err := tx.run(ctx, one(&found, selectJob, in(id), &job)); err != nil || !found {
			return err
		}
		revived, err := e.revive(ctx, tx, id, job, eventDead)
		found = revived
		return err
	})
	switch {
	case err != nil:
		return e.storeFailed("replay", err)
	case !found:
		return fmt.Errorf("%w: dead letter %d", ErrNotFound, id)
	}
	return nil
}

// revive gives an event, pending or dead, a new job in place of the old one. It reports false if another process has done so, or has handled the event; then the new job finds nothing.
func (e *Engine) revive(ctx context.Context, tx transaction, id, old int64, state string) (bool, error) {
	ids, err := tx.enqueue(ctx, river.InsertManyParams{Args: eventArgs{Event: id}})
	if err != nil {
		return false, err
	}
	st := exec(reviveEvent, id, ids[0], old, state)
	err = tx.run(ctx, st)
	return st.affected == 1, err
}
