package helios

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Sentinels for errors.Is. Every error of this package starts with "helios: ".
// None holds an API key, a webhook secret, an expected signature or health data.
var (
	// ErrMissingAPIKey means that no API key was given: neither by an option nor in HELIOS_API_KEY.
	ErrMissingAPIKey = errors.New("helios: missing API key: set HELIOS_API_KEY or use WithAPIKey")
	// ErrUnauthorized is what every [AuthenticationError] is.
	ErrUnauthorized = errors.New("helios: unauthorized")
	// ErrConcurrencyLimit is what every [ConcurrencyLimitError] is.
	ErrConcurrencyLimit = errors.New("helios: concurrency limit reached")
	// ErrOutcomeUnknown is what every [OutcomeUnknownError] is.
	ErrOutcomeUnknown = errors.New("helios: outcome unknown")
	// ErrMissingWebhookSecret means that no webhook secret was given: neither by an option, an argument nor in HELIOS_WEBHOOK_SECRET.
	ErrMissingWebhookSecret = errors.New("helios: missing webhook secret: set HELIOS_WEBHOOK_SECRET or use WithWebhookSecret")
	// ErrInvalidWebhook is every refusal of a delivery that is not proven to come from Helios now: its signature, timestamp or run id.
	ErrInvalidWebhook = errors.New("helios: invalid webhook")
	// ErrMalformedEvent means that a delivery is signed, but is not an event: not a JSON object with a string runId. What is inside the object's
	// other values is not looked at.
	ErrMalformedEvent = errors.New("helios: malformed event")
	// ErrBodyTooLarge means that a webhook or an answer was larger than the limit and was not read to its end.
	ErrBodyTooLarge = errors.New("helios: body too large")
	// ErrNoResult means that an event carries no result, because its run has not completed.
	ErrNoResult = errors.New("helios: the event carries no result")
	// ErrUnavailable is for the callback of [Receiver.Handler]: an error that is ErrUnavailable is answered with 503 instead of 500, because the store is
	// down, say, and the delivery should come again.
	ErrUnavailable = errors.New("helios: unavailable")
	// ErrTrackerFull means that a [Tracker] could take no further run or event within its limits.
	ErrTrackerFull = errors.New("helios: tracker is full")
)

// APIError is an answer that is not a 2xx, or a 2xx that cannot be read. A submission's 5xx, and a 2xx that cannot be read, are inside an [OutcomeUnknownError].
//
// What the service wrote stands in Code, Message and Body and may repeat what was sent, health data included. So Error
// gives the status only; read the fields where such data may be shown.
type APIError struct {
	// StatusCode is the HTTP status.
	StatusCode int
	// Code is the field "error" of the answer, such as "Unauthorized"; empty if there is none.
	Code string `json:"-"`
	// Message is the field "message" of the answer; empty if there is none.
	Message string `json:"-"`
	// Concurrency is the account's use of its run slots, as the answer's headers give it.
	Concurrency Concurrency

	method, path string
	reason       string // why a 2xx could not be read
	body         []byte
	cause        error
}

// Body returns the answer's body as it came, at most 64 KiB of it (1 MiB of a 2xx), with the API key cut out should the answer repeat it.
// The caller must not change it.
func (e *APIError) Body() []byte { return e.body }

// Error gives method, path and status.
func (e *APIError) Error() string {
	return "helios: " + e.method + " " + e.path + ": " + e.summary()
}

func (e *APIError) summary() string {
	s := strconv.Itoa(e.StatusCode)
	text := http.StatusText(e.StatusCode)
	if text != "" {
		s += " " + text
	}
	switch {
	case e.reason != "":
		s += ": " + e.reason
	case e.Message != "" && e.StatusCode != http.StatusUnauthorized && e.StatusCode != http.StatusTooManyRequests:
		s += ": the service's reason is in APIError.Message"
	}
	return s
}

// Unwrap returns the error that ended the reading of the answer, or nil.
func (e *APIError) Unwrap() error { return e.cause }

// Format prints what Error returns, whatever the verb, so that no verb shows the body.
func (e APIError) Format(f fmt.State, _ rune) { printError(f, &e) }

// AuthenticationError is a 401: the API key is missing, wrong, revoked or of another account. Nothing was accepted.
// It is [ErrUnauthorized] and unwraps to its [APIError].
//
// See https://docs.heliosai.health/authentication
type AuthenticationError struct{ *APIError }

// Is reports whether target is [ErrUnauthorized].
func (e *AuthenticationError) Is(target error) bool { return target == ErrUnauthorized }

// Unwrap returns the [APIError].
func (e *AuthenticationError) Unwrap() error { return e.APIError }

// Format prints what Error returns.
func (e AuthenticationError) Format(f fmt.State, _ rune) { printError(f, &e) }

// ConcurrencyLimitError is a 429: all of the account's slots for this agent type are taken. Nothing was accepted, so nothing
// is paid and the request can be sent again later. It is [ErrConcurrencyLimit] and unwraps to its [APIError].
//
// See https://docs.heliosai.health/rate-limits
type ConcurrencyLimitError struct {
	*APIError
	// ActiveCount and Limit are the runs under way and the most that may be, for the agent type asked for; 0 if the answer did not say.
	ActiveCount, Limit int
	// RetryAfter is how long the service asks to wait, between 0 and 24 h; 0 if it did not say.
	RetryAfter time.Duration
}

// Error gives the counts and the wait.
func (e *ConcurrencyLimitError) Error() string {
	s := e.APIError.Error()
	if e.Limit > 0 {
		s += fmt.Sprintf(": %d of %d concurrent runs are active", e.ActiveCount, e.Limit)
	}
	if e.RetryAfter > 0 {
		s += ": retry after " + e.RetryAfter.String()
	}
	return s
}

// Is reports whether target is [ErrConcurrencyLimit].
func (e *ConcurrencyLimitError) Is(target error) bool { return target == ErrConcurrencyLimit }

// Unwrap returns the [APIError].
func (e *ConcurrencyLimitError) Unwrap() error { return e.APIError }

// Format prints what Error returns.
func (e ConcurrencyLimitError) Format(f fmt.State, _ rune) { printError(f, &e) }

// OutcomeUnknownError means that a request was, or may have been, written in full and no readable answer came back: the connection broke,
// the wait ended, or the answer was a 5xx or a 2xx that cannot be read. The run may have been accepted, and is paid if so.
// Do not simply send it again. If it was accepted, its webhooks will come: give every submission a parameter of its own
// with [WebhookURL] to recognise them by, and decide after the longest time a run may take.
//
// It is [ErrOutcomeUnknown] and unwraps to what went wrong: an [*APIError] where there was an answer, else the network's or the context's error.
type OutcomeUnknownError struct {
	// Cause is what went wrong. Its own text can repeat what the network's other side wrote; the text of this error does not.
	Cause error

	method, path string
	reason       string
}

// Error says that the outcome is unknown, and why.
func (e *OutcomeUnknownError) Error() string {
	return "helios: " + e.method + " " + e.path + ": outcome unknown, the run may have been accepted: " + e.reason
}

// Is reports whether target is [ErrOutcomeUnknown].
func (e *OutcomeUnknownError) Is(target error) bool { return target == ErrOutcomeUnknown }

// Unwrap returns Cause.
func (e *OutcomeUnknownError) Unwrap() error { return e.Cause }

// Format prints what Error returns.
func (e OutcomeUnknownError) Format(f fmt.State, _ rune) { printError(f, &e) }

// callError is a call that certainly was not accepted, for a reason that is not an answer.
type callError struct {
	method, path string
	reason       string
	cause        error
}

func (e *callError) Error() string             { return "helios: " + e.method + " " + e.path + ": " + e.reason }
func (e *callError) Unwrap() error             { return e.cause }
func (e callError) Format(f fmt.State, _ rune) { printError(f, &e) }
func (e *interruptedError) Error() string {
	return e.last.Error() + ": not sent again: " + e.why.Error()
}
func (e *interruptedError) Unwrap() []error           { return []error{e.why, e.last} }
func (e interruptedError) Format(f fmt.State, _ rune) { printError(f, &e) }

// interruptedError is a wait for the next attempt that the context ended; the last attempt's error stays in it.
type interruptedError struct{ why, last error }

// encodeError is a value that encoding/json cannot encode. The text of its cause can hold the value.
type encodeError struct{ cause error }

func (e *encodeError) Error() string {
	return fmt.Sprintf("helios: encode request: not possible as JSON (%T)", e.cause)
}
func (e *encodeError) Unwrap() error             { return e.cause }
func (e encodeError) Format(f fmt.State, _ rune) { printError(f, &e) }

// FieldError is one problem of a request.
type FieldError struct {
	// Field is the path of the field as it is sent, such as "labResults[3].name".
	Field string
	// Message says what is wrong, without the value.
	Message string
}

// ValidationError lists all that is wrong with a request. It is found before anything is sent; nothing was paid.
type ValidationError struct {
	// Fields holds every problem; never empty.
	Fields []FieldError
}

// Error lists the first ten problems.
func (e *ValidationError) Error() string {
	const most = 10
	var b strings.Builder
	b.WriteString("helios: invalid request: ")
	for i, f := range e.Fields {
		if i == most {
			fmt.Fprintf(&b, "; and %d more", len(e.Fields)-most)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.Field + ": " + f.Message)
	}
	return b.String()
}

func errNilRequest() error { return &ValidationError{[]FieldError{{"request", "is nil"}}} }

// RunError is a run that the service ended with an error event. [Event.Failure] and [Tracker.Wait] return it.
type RunError struct {
	// RunID is the run that failed.
	RunID string
	// Message is what the service gives as reason. It may repeat health data, so Error leaves it out.
	Message string `json:"-"`
	// Details is the event's field "error" as it came; only its "message" is documented. It may repeat health data.
	Details []byte `json:"-"`
}

// Error names the run. It leaves out Message, which the service wrote and which may repeat health data.
func (e *RunError) Error() string {
	return "helios: run " + e.RunID + " failed: the service's reason is in RunError.Message"
}

// Format prints what Error returns.
func (e RunError) Format(f fmt.State, _ rune) { printError(f, &e) }

// LogValue logs what Error returns.
func (e RunError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// readCodeAndMessage takes what it can from the body, whatever its shape. Only {"error": "...", "message": "..."} is documented.
func (e *APIError) readCodeAndMessage() {
	var fields struct {
		Error   json.RawMessage `json:"error"`
		Message json.RawMessage `json:"message"`
	}
	if json.Unmarshal(e.body, &fields) != nil {
		return
	}
	if json.Unmarshal(fields.Error, &e.Code) != nil {
		var nested struct{ Code, Message string }
		_ = json.Unmarshal(fields.Error, &nested)
		e.Code, e.Message = nested.Code, nested.Message
	}
	_ = json.Unmarshal(fields.Message, &e.Message)
}

// concurrencyLimit completes a 429. Where the body has no counts, the headers may.
func (e *APIError) concurrencyLimit(retryAfter time.Duration) *ConcurrencyLimitError {
	var counts struct{ ActiveCount, Limit int }
	_ = json.Unmarshal(e.body, &counts)
	limit := &ConcurrencyLimitError{APIError: e, ActiveCount: max(counts.ActiveCount, 0), Limit: max(counts.Limit, 0), RetryAfter: retryAfter}
	if limit.Limit == 0 {
		limit.ActiveCount, limit.Limit = e.Concurrency.Active, e.Concurrency.Limit
	}
	return limit
}

// printError serves every fmt verb with the text that is free of data.
func printError(w io.Writer, err error) { _, _ = io.WriteString(w, err.Error()) }

// invalidWebhook is one reason to refuse a delivery. Its values are made once, so that a refusal costs no memory.
type invalidWebhook struct{ reason string }

func (e *invalidWebhook) Error() string        { return "helios: invalid webhook: " + e.reason }
func (e *invalidWebhook) Is(target error) bool { return target == ErrInvalidWebhook }

// malformedEvent is one reason why an authentic body is no event.
type malformedEvent struct{ reason string }

func (e *malformedEvent) Error() string        { return "helios: malformed event: " + e.reason }
func (e *malformedEvent) Is(target error) bool { return target == ErrMalformedEvent }
