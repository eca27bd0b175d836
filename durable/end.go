package durable

import (
	"context"
	"errors"

	"github.com/riverqueue/river"
)

const endQueue = "helios_ends"

// endArgs tells the caller of the end of a submission.
type endArgs struct {
	End int64 `json:"end"`
}

// Kind is the name of such jobs in River's table.
func (endArgs) Kind() string { return "helios_end" }

// InsertOpts puts them into a queue of their own.
func (endArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: endQueue, MaxAttempts: mostAttempts}
}

const (
	insertEnd = `INSERT INTO {ends} (id, key, ended_as, state, job_id, ended_at) VALUES ($1, $2, $3, 'pending', $4, $5)`
	selectEnd = `SELECT key, ended_at FROM {ends} WHERE id = $1 AND job_id = $2 AND state = 'pending'`
	deleteEnd = `DELETE FROM {ends} WHERE id = $1 AND job_id = $2 AND state = 'pending'`
)

// HandleEnd sets the function that is told of every submission that has ended:
// completed, failed, canceled or overdue, whatever ended it - an event, a
// refusal, a decision or time. It is called at least once for each end, again
// after a wait if it returns an error or panics, and after [WithMaxAttempts]
// the end is a dead letter, as an event is. The waits are those of
// [Engine.HandleFunc].
//
// The submission is as it is when the function is called: it may have changed
// since it ended. One that is overdue can still complete, and one that has
// failed can be sent again; then the function is called for the next end too.
// The order of this call and that of HandleFunc for the final event is not
// defined.
//
// Set it before Run, in every process that calls Run: a process without it
// skips the ends that it comes across. Setting it again replaces it. A nil fn
// panics.
func (e *Engine) HandleEnd(fn func(ctx context.Context, s *Submission) error) {
	if fn == nil {
		panic("helios: durable: HandleEnd: nil function")
	}
	e.endHandler.Store(&fn)
}

// workEnd tells the caller of one end.
func (e *Engine) workEnd(ctx context.Context, job *river.Job[endArgs]) error {
	var key string
	var ended int64
	var found bool
	err := e.store.read(ctx, one(&found, selectEnd, in(job.Args.End, job.ID), &key, &ended))
	if err != nil {
		return e.notTheHandler(ctx, "read an end notification", err)
	}
	if !found { // its work is done
		return nil
	}
	handler := e.endHandler.Load()
	if handler == nil {
		return e.settleEnd(ctx, job)
	}
	ctx = e.withTraceOf(ctx, key)

	begun := e.now()
	var s *Submission
	failure := &failure{attempt: job.Attempt, key: key}
	if s, err = e.Status(ctx, key); err != nil {
		var unreachable *storeError
		if errors.As(err, &unreachable) {
			return e.notTheHandler(ctx, "read an end notification", err)
		}
		failure.err = err
	} else {
		failure.runID, failure.submission = s.RunID, s
		failure.stack, failure.err = protected(func() error { return (*handler)(ctx, s) })
	}
	e.observeHandler(ctx, ActivityEnd, failure, begun, ended)
	if failure.err == nil {
		return e.settleEnd(ctx, job)
	}
	return e.handlerFailed(ctx, failure, endBacklog, job.Args.End, job.ID)
}

// settleEnd writes down that the caller was told.
func (e *Engine) settleEnd(ctx context.Context, job *river.Job[endArgs]) error {
	ctx, cancel := detached(ctx, settleTimeout)
	defer cancel()
	err := e.store.write(ctx, func(tx transaction) error {
		return tx.run(ctx, exec(deleteEnd, job.Args.End, job.ID))
	})
	if err != nil {
		return e.notTheHandler(ctx, "record an end notification as delivered", err)
	}
	return nil
}
