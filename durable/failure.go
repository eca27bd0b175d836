package durable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/riverqueue/river"

	"github.com/heliosai/helios-go"
)

// FailureKind is how a handler has failed, without a text that could hold
// health data.
type FailureKind string

// The kinds of failures.
const (
	FailureError       FailureKind = "error"       // the handler returned an error
	FailurePanic       FailureKind = "panic"       // the handler panicked
	FailureGoexit      FailureKind = "goexit"      // the handler called runtime.Goexit
	FailureDeadline    FailureKind = "deadline"    // the handler failed after WithHandlerTimeout was up
	FailureUndecodable FailureKind = "undecodable" // it was not called: what is stored cannot be decoded
	FailureCrash       FailureKind = "crash"       // its processes died while it was called
)

// HandlerFailure is one failed call of a handler, for [WithHandlerErrors]. Err,
// Stack, Event and Submission may hold health data; printing or logging the
// failure shows none.
type HandlerFailure struct {
	// Key is that of the submission; empty for an event that belongs to none.
	Key string
	// RunID is the run; empty if there is none.
	RunID string
	// Event is what [Engine.HandleFunc]'s function was called with; nil for an
	// end, and for an event that could not be decoded.
	Event *helios.Event
	// Submission is what [Engine.HandleEnd]'s function was called with; nil for
	// an event.
	Submission *Submission
	// Attempt counts from 1.
	Attempt int
	// Dead reports whether it was the last attempt: it is a dead letter now.
	Dead bool
	// Kind is how it failed; never FailureCrash, which nobody is left to tell.
	Kind FailureKind
	// Err is what the function returned. For a panic it says "panic: " and its
	// value.
	Err error
	// Stack is the stack of a panic; nil for an error.
	Stack []byte
}

// Format prints key, run id and attempt, whatever the verb.
func (f HandlerFailure) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, f.describe()) }

// LogValue logs key, run id and attempt.
func (f HandlerFailure) LogValue() slog.Value { return slog.StringValue(f.describe()) }

func (f HandlerFailure) describe() string {
	return fmt.Sprintf("durable.HandlerFailure{%s, run %s, attempt %d}", f.Key, f.RunID, f.Attempt)
}

// failure is a call of a handler that has failed, or has not.
type failure struct {
	key, runID string
	event      *helios.Event
	submission *Submission
	attempt    int
	err        error
	stack      []byte
}

// observeHandler tells the observer of a call of a handler with what was stored
// at the given time.
func (e *Engine) observeHandler(ctx context.Context, kind ActivityKind, f *failure, begun time.Time, stored int64) {
	a := Activity{
		Kind: kind, Outcome: ActivityHandled, Key: f.key, RunID: f.runID, Attempt: f.attempt,
		Waited: max(begun.Sub(moment(&stored)), 0), Duration: max(e.now().Sub(begun), 0),
	}
	switch {
	case f.event != nil:
		a.Agent, a.Final = f.event.Agent, f.event.Final()
	case f.submission != nil:
		a.Agent = f.submission.Agent
	}
	switch {
	case f.err != nil && f.attempt >= e.maxAttempts:
		a.Outcome = ActivityDead
	case f.err != nil:
		a.Outcome = ActivityFailed
	}
	e.observe(ctx, a)
}

// handlerFailed writes down that a handler has failed, and returns what River
// is told: the job is to be tried again, or the row is a dead letter.
func (e *Engine) handlerFailed(ctx context.Context, f *failure, b *backlog, id, job int64) error {
	if errors.Is(ctx.Err(), context.Canceled) { // the process stops; its deadline would be another error
		return river.JobSnooze(0)
	}
	dead, kind := f.attempt >= e.maxAttempts, f.kind(ctx)
	e.tellHandlerError(ctx, f, kind, dead)

	failed := &handlerError{causeOf(f.err)}
	if !dead {
		e.logger.WarnContext(ctx, "helios: the handler failed", f.attrs()...)
		return failed
	}

	e.logger.ErrorContext(ctx, "helios: a dead letter: the handler failed on its last attempt", f.attrs()...)
	writing, cancel := detached(ctx, settleTimeout)
	defer cancel()
	err := e.store.write(writing, func(tx transaction) error {
		return tx.run(writing, exec(b.sql(buryRow), id, job, micros(e.now()), f.attempt, string(kind)))
	})
	if err != nil {
		return e.notTheHandler(ctx, "record a dead letter", err)
	}
	return river.JobCancel(failed)
}

// tellHandlerError calls the caller's hook, whose panic does no harm.
func (e *Engine) tellHandlerError(ctx context.Context, f *failure, kind FailureKind, dead bool) {
	if e.onHandlerError == nil {
		return
	}
	_, err := protected(func() error {
		e.onHandlerError(ctx, HandlerFailure{
			Key: f.key, RunID: f.runID, Event: f.event, Submission: f.submission,
			Attempt: f.attempt, Dead: dead, Kind: kind, Err: f.err, Stack: f.stack,
		})
		return nil
	})
	if err != nil {
		e.logger.ErrorContext(ctx, "helios: WithHandlerErrors' function failed", slog.String("error", causeOf(err)))
	}
}

// attrs are what is logged of a failure: nothing of the handler's own text.
func (f *failure) attrs() []any {
	attrs := []any{
		slog.String("key", f.key), slog.String("run", f.runID),
		slog.Int("attempt", f.attempt), slog.String("error", (&handlerError{causeOf(f.err)}).Error()),
	}
	if f.event != nil {
		attrs = append(attrs, slog.Int64("number", f.event.SequenceNumber))
	}
	return attrs
}

// panicError is a handler that has panicked.
type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// Unwrap returns the value if it is an error.
func (e *panicError) Unwrap() error {
	err, _ := e.value.(error)
	return err
}

var errGoexit = errors.New("helios: durable: the handler called runtime.Goexit")

// protected calls a function of the caller's in a goroutine of its own, so that
// one that calls runtime.Goexit does not take a worker with it. It returns when
// the function has ended; stack is that of a panic.
func protected(fn func() error) (stack []byte, err error) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err = errGoexit
		defer func() {
			if v := recover(); v != nil {
				stack, err = debug.Stack(), &panicError{v}
			}
		}()
		err = fn()
	}()
	<-ended
	return stack, err
}

// handlerError is a failure of the handler, without its text: River stores and
// logs it.
type handlerError struct{ cause string }

func (e *handlerError) Error() string { return "helios: durable: the handler failed: " + e.cause }

// kind classifies a failure of a call with a context of the job's.
func (f *failure) kind(ctx context.Context) FailureKind {
	switch {
	case errors.As(f.err, new(*panicError)):
		return FailurePanic
	case errors.Is(f.err, errGoexit):
		return FailureGoexit
	case f.event == nil && f.submission == nil:
		return FailureUndecodable
	case ctx.Err() != nil:
		return FailureDeadline
	default:
		return FailureError
	}
}

// causeOf says what went wrong without the text of the error, or the value of a
// panic, either of which may hold health data.
func causeOf(err error) string {
	var panicked *panicError
	switch {
	case errors.As(err, &panicked):
		return fmt.Sprintf("panic (%T)", panicked.value)
	case errors.Is(err, errGoexit):
		return "runtime.Goexit"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline exceeded"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, ErrUndecodable):
		return "what is stored cannot be decoded"
	default:
		return fmt.Sprintf("%T", rootOf(err))
	}
}
