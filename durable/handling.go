package durable

import (
	"context"
	"database/sql"
	"time"

	"github.com/riverqueue/river"
)

const (
	eventQueue = "helios_events"

	// settleTimeout is for writing down what became of an event or an end.
	settleTimeout = 10 * time.Second
)

// eventArgs hands a stored event to the handler. It holds nothing of the event.
type eventArgs struct {
	Event int64 `json:"event"`
}

// Kind is the name of such jobs in River's table.
func (eventArgs) Kind() string { return "helios_event" }

// InsertOpts puts them into a queue of their own. When attempts are enough is
// for the engine that handles the event to say, not for the one that stored it.
func (eventArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: eventQueue, MaxAttempts: mostAttempts}
}

const (
	selectEvent = `SELECT run_id, sequence_number, discriminator, final, body, received_at,
			(SELECT max(h.sequence_number) FROM {events} h WHERE h.run_id = e.run_id AND h.state = 'handled'),
			(SELECT nullif(r.key, '') FROM {references} r WHERE r.run_id = e.run_id)
		FROM {events} e WHERE id = $1 AND job_id = $2 AND state = 'pending'`
	settleEvent = `UPDATE {events} SET state = $3, settled_at = $4 WHERE id = $1 AND job_id = $2 AND state = 'pending'`
)

// storedEvent is a pending event.
type storedEvent struct {
	id, job        int64
	runID          string
	sequenceNumber int64
	discriminator  string
	final          int
	body           []byte
	received       int64
	handled        sql.NullInt64 // the highest number of the run that was handled
	key            sql.NullString
}

// overtaken reports whether a later status update was handled before. The final
// event never is.
func (s *storedEvent) overtaken() bool {
	return s.final == 0 && s.sequenceNumber > 0 && s.handled.Valid && s.handled.Int64 >= s.sequenceNumber
}

// workEvent hands one event to the handler.
func (e *Engine) workEvent(ctx context.Context, job *river.Job[eventArgs]) error {
	s := storedEvent{id: job.Args.Event, job: job.ID}
	var found bool
	err := e.store.read(ctx, one(&found, selectEvent, in(s.id, s.job),
		&s.runID, &s.sequenceNumber, &s.discriminator, &s.final, &s.body, &s.received, &s.handled, &s.key))
	if err != nil {
		return e.notTheHandler(ctx, "read an event", err)
	}
	switch {
	case !found: // a duplicate's, or its work is done
		return nil
	case s.overtaken():
		return e.settleEvent(ctx, &s, eventSkipped)
	}

	if s.key.Valid {
		ctx = context.WithValue(ctx, keyContext{}, s.key.String)
		ctx = e.withTraceOf(ctx, s.key.String)
	}
	begun := e.now()
	failure := e.handle(ctx, &s)
	failure.attempt = job.Attempt
	e.observeHandler(ctx, ActivityEvent, failure, begun, s.received)
	if failure.err == nil {
		return e.settleEvent(ctx, &s, eventHandled)
	}
	return e.handlerFailed(ctx, failure, eventBacklog, s.id, s.job)
}

// settleEvent writes down what became of an event, also where the handler used
// up the job's time.
func (e *Engine) settleEvent(ctx context.Context, s *storedEvent, state string) error {
	err := e.settles.add(ctx, exec(settleEvent, s.id, s.job, state, micros(e.now())))
	if err != nil {
		return e.notTheHandler(ctx, "record an event as handled", err)
	}
	return nil
}

// notTheHandler tries an event again soon, without using up an attempt: the
// store failed, not the handler.
func (e *Engine) notTheHandler(ctx context.Context, doing string, err error) error {
	e.logger.ErrorContext(ctx, e.storeFailed(doing, err).Error())
	return river.JobSnooze(jittered(time.Second))
}

// handle calls the handler with an event.
func (e *Engine) handle(ctx context.Context, s *storedEvent) *failure {
	f := &failure{key: s.key.String, runID: s.runID}
	if f.event, f.err = e.restore(s.runID, s.sequenceNumber, s.discriminator, s.body); f.err != nil {
		return f
	}
	f.stack, f.err = protected(func() error { return (*e.handler.Load())(ctx, f.event) })
	return f
}

type keyContext struct{}

// KeyFrom returns the key of the submission that the event belongs to, from the
// context that the handler was called with. It is "" for an event of a run that
// was not submitted through this store, and for one that came without the
// reference before the answer with its run id was stored.
func KeyFrom(ctx context.Context) string {
	key, _ := ctx.Value(keyContext{}).(string)
	return key
}
