package helios

import (
	"errors"
	"fmt"
	"log/slog"
)

var (
	// ErrMissingWebhookSecret means that no webhook secret was given, or an
	// empty one: by an option, an argument or HELIOS_WEBHOOK_SECRET.
	ErrMissingWebhookSecret = errors.New(
		"helios: missing webhook secret: set HELIOS_WEBHOOK_SECRET or use WithWebhookSecret")

	// ErrInvalidWebhook matches every error for a delivery that is not proven
	// to have just come from Helios: its headers, its signature or its age is
	// wrong.
	ErrInvalidWebhook = errors.New("helios: invalid webhook")

	// ErrMalformedEvent matches every [MalformedEventError] under errors.Is.
	ErrMalformedEvent = errors.New("helios: malformed event")

	// ErrIncompleteBody means that the body of a webhook broke off while it was
	// read: the connection broke, or the server's read deadline passed. Such an
	// error wraps its cause. Nothing was verified, so the delivery should be
	// repeated.
	ErrIncompleteBody = errors.New("helios: incomplete body")

	// ErrNoResult means that an event carries no result, because its run has
	// not completed, or has completed without one.
	ErrNoResult = errors.New("helios: the event carries no result")

	// ErrUnavailable means that a delivery could not be handled now and should
	// be repeated. It is for the callback of [Receiver.Handler], when its store
	// is down, say: an error that matches ErrUnavailable is answered with 503
	// instead of 500. A failed [WithWebhookSecretSource] gives it too.
	ErrUnavailable = errors.New("helios: unavailable")

	// ErrTrackerFull means that a [Tracker] could take no further run or event
	// within its limits.
	ErrTrackerFull = errors.New("helios: tracker is full")
)

// MalformedEventError is an authentic body that is not an event: it is not a
// JSON object, or has no runId. It matches [ErrMalformedEvent]. Printing,
// logging or encoding it shows no health data.
type MalformedEventError struct {
	// Raw is the body exactly as it arrived. It may hold health data.
	Raw []byte `json:"-"`

	reason string
}

// Error says what the body lacks, and nothing that it holds.
func (e *MalformedEventError) Error() string {
	if e.reason == "" { // made by a test of the application's
		return ErrMalformedEvent.Error()
	}
	return ErrMalformedEvent.Error() + ": " + e.reason
}

// Is reports whether target is [ErrMalformedEvent].
func (e *MalformedEventError) Is(target error) bool { return target == ErrMalformedEvent }

// Format prints what Error returns, for %v, %+v, %#v, %s, %d and %q alike.
func (e MalformedEventError) Format(f fmt.State, _ rune) { printError(f, &e) }

// LogValue logs what Error returns.
func (e MalformedEventError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// RunError is a run that the service ended with an error event.
// [Event.Failure], [Event.Result] and [Tracker.Wait] return it.
type RunError struct {
	// RunID is the run that failed.
	RunID string
	// Message is the reason that the service gives. It may repeat health data,
	// so Error leaves it out.
	Message string `json:"-"`
	// Details is the event's field "error" as received; only its "message" is
	// documented. It may repeat health data.
	Details []byte `json:"-"`
}

// Error names the run. It leaves out Message, which the service wrote and which
// may repeat health data.
func (e *RunError) Error() string {
	return "helios: run " + e.RunID + " failed: the service's reason is in RunError.Message"
}

// Format prints what Error returns, for %v, %+v, %#v, %s, %d and %q alike.
func (e RunError) Format(f fmt.State, _ rune) { printError(f, &e) }

// LogValue logs what Error returns.
func (e RunError) LogValue() slog.Value { return slog.StringValue(e.Error()) }
