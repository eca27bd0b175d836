package helios

import (
	"context"
	"errors"
	"strings"
	"time"
)

// Call is one finished Submit or [Client.Do], for [WithObserver]. It holds no
// health data and no key.
type Call struct {
	// Agent is "light", "deep" or "lab-results"; empty for Do, and for an agent
	// type that the service does not have.
	Agent string
	// Method and Path are those of the request; Path is without the base URL's.
	// For Do they are the caller's, but a path that was refused is left out.
	Method, Path string
	// Attempts is how often the request was tried; 0 if it was refused before.
	Attempts int
	// Duration is the whole time that the call took, and Waited the part of it
	// between attempts.
	Duration, Waited time.Duration
	// StatusCode is that of the last answer; 0 if there was none.
	StatusCode int
	// Outcome is how the call ended.
	Outcome Outcome
	// RunID is the accepted run; empty otherwise.
	RunID string
	// Concurrency is what the last answer said about the account's slots.
	Concurrency Concurrency
}

// Outcome is how a call ended. Its values can serve as metric labels; more may
// be added.
type Outcome string

// The outcomes of calls.
const (
	// OutcomeAccepted is a 2xx that could be read. A submission is paid.
	OutcomeAccepted Outcome = "accepted"
	// OutcomeInvalid is a request or an argument that was refused before
	// anything was sent: mostly a [ValidationError].
	OutcomeInvalid Outcome = "invalid"
	// OutcomeNotSent is a request that did not reach the service whole: there
	// was no connection, no key, or the context ended.
	OutcomeNotSent Outcome = "not_sent"
	// OutcomeLimited is a 429: a [ConcurrencyLimitError].
	OutcomeLimited Outcome = "limited"
	// OutcomeUnauthorized is a 401: an [AuthenticationError].
	OutcomeUnauthorized Outcome = "unauthorized"
	// OutcomeRefused is any other answer that is not a 2xx: an [APIError].
	OutcomeRefused Outcome = "refused"
	// OutcomeUnknown is an [OutcomeUnknownError]: the run may exist.
	OutcomeUnknown Outcome = "unknown"
)

// outcomeOf returns what a call with this error came to.
func outcomeOf(err error) Outcome {
	var invalid *ValidationError
	var unencodable *encodeError
	var argument *argumentError
	var api *APIError
	switch {
	case err == nil:
		return OutcomeAccepted
	case errors.Is(err, ErrOutcomeUnknown): // first, for it can hold an APIError
		return OutcomeUnknown
	case errors.Is(err, ErrConcurrencyLimit):
		return OutcomeLimited
	case errors.Is(err, ErrUnauthorized):
		return OutcomeUnauthorized
	case errors.As(err, &api):
		return OutcomeRefused
	case errors.As(err, &invalid), errors.As(err, &unencodable), errors.As(err, &argument):
		return OutcomeInvalid
	default:
		return OutcomeNotSent
	}
}

// beginCall begins the trace of a call. It returns the context that the call
// goes on with, and the function that ends the trace; nil if there is none.
func (a *api) beginCall(ctx context.Context, x *exchange, agent string) (context.Context, func(Call)) {
	if a.traceCall == nil || ctx == nil {
		return ctx, nil
	}

	path := x.path
	if strings.ContainsAny(path, "?#") { // of a Do, which will refuse it
		path = ""
	}
	return a.traceCall(ctx, Call{Agent: agent, Method: x.method, Path: path})
}

// observeCall tells the trace and the observer of a finished call.
func (a *api) observeCall(
	ctx context.Context, x *exchange, agent string, start time.Time, run *Run, err error, end func(Call),
) {
	if a.observe == nil && end == nil {
		return
	}

	call := Call{
		Agent:       agent,
		Method:      x.method,
		Path:        x.path,
		Attempts:    x.attempts,
		Duration:    time.Since(start),
		Waited:      x.waited,
		StatusCode:  x.answer.status,
		Outcome:     outcomeOf(err),
		Concurrency: concurrencyFrom(x.answer.header),
	}
	if run != nil {
		call.RunID = run.ID
	}

	if end != nil {
		end(call)
	}
	if a.observe != nil {
		a.observe(ctx, call)
	}
}
