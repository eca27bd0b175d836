package helios

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Sentinels for errors.Is. Every error of this package starts with "helios: ".
// None holds an API key, a webhook secret, an expected signature or health
// data.
var (
	// ErrMissingAPIKey means that no API key was given: neither by an option
	// nor in HELIOS_API_KEY.
	ErrMissingAPIKey = errors.New("helios: missing API key: set HELIOS_API_KEY or use WithAPIKey")

	// ErrUnauthorized matches every [AuthenticationError] under errors.Is.
	ErrUnauthorized = errors.New("helios: unauthorized")

	// ErrConcurrencyLimit matches every [ConcurrencyLimitError] under
	// errors.Is.
	ErrConcurrencyLimit = errors.New("helios: concurrency limit reached")

	// ErrOutcomeUnknown matches every [OutcomeUnknownError] under errors.Is.
	ErrOutcomeUnknown = errors.New("helios: outcome unknown")

	// ErrBodyTooLarge means that a webhook or an answer was larger than the
	// limit and was not read to its end.
	ErrBodyTooLarge = errors.New("helios: body too large")
)

// APIError is an answer that is not a 2xx, or a 2xx that cannot be read. A
// submission's 5xx, its 303, and a 2xx that cannot be read are inside an
// [OutcomeUnknownError].
//
// What the service wrote is in Code, Message, Header and Body and may repeat
// what was sent, health data included. So Error gives the status only; read the
// fields where such data may be shown.
type APIError struct {
	// StatusCode is the HTTP status.
	StatusCode int
	// Code is the field "error" of the answer, such as "Unauthorized"; empty if
	// there is none.
	Code string `json:"-"`
	// Message is the field "message" of the answer; empty if there is none.
	Message string `json:"-"`
	// Header is the header of the answer. It may repeat what was sent, except
	// for the API key, which is removed.
	Header http.Header `json:"-"`
	// Concurrency is the account's use of its run slots, as the answer's
	// headers give it.
	Concurrency Concurrency

	method, path string
	reason       string // why a 2xx could not be read
	body         []byte
	cause        error
}

// Body returns the answer's body as received, at most 64 KiB of it (1 MiB of a
// 2xx). If the answer repeats the API key, the key is removed. The caller must
// not change it.
func (e *APIError) Body() []byte { return e.body }

// Error gives method, path and status.
func (e *APIError) Error() string { return errorText(e.method, e.path, e.summary()) }

func (e *APIError) summary() string {
	s := strconv.Itoa(e.StatusCode)
	if text := http.StatusText(e.StatusCode); text != "" {
		s += " " + text
	}

	switch {
	case e.reason != "":
		s += ": " + e.reason
	case e.StatusCode == http.StatusUnauthorized, e.StatusCode == http.StatusTooManyRequests:
	case e.Message != "":
		s += ": the service's reason is in APIError.Message"
	}
	return s
}

// Unwrap returns the error that ended the reading of the answer, or nil.
func (e *APIError) Unwrap() error { return e.cause }

// Format prints what Error returns, so that %+v and %#v do not show the body.
func (e APIError) Format(f fmt.State, _ rune) { printError(f, &e) }

// readCodeAndMessage takes what it can from the body, whatever its shape. Only
// {"error": "...", "message": "..."} is documented.
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

// AuthenticationError is a 401: the API key is missing, wrong, revoked or of
// another account. Nothing was accepted. It matches [ErrUnauthorized] and
// unwraps to its [APIError].
//
// See https://docs.heliosai.health/authentication
type AuthenticationError struct{ *APIError }

// Error gives method, path and status.
func (e *AuthenticationError) Error() string { return e.answer().Error() }

// Is reports whether target is [ErrUnauthorized].
func (e *AuthenticationError) Is(target error) bool { return target == ErrUnauthorized }

// Unwrap returns the [APIError].
func (e *AuthenticationError) Unwrap() error { return e.answer() }

// Format prints what Error returns.
func (e AuthenticationError) Format(f fmt.State, _ rune) { printError(f, &e) }

// answer returns the APIError, or that of a 401 without more where a test has
// made the error by hand.
func (e *AuthenticationError) answer() *APIError {
	if e.APIError == nil {
		return &APIError{StatusCode: http.StatusUnauthorized}
	}
	return e.APIError
}

// ConcurrencyLimitError is a 429: all of the account's slots for this agent
// type are taken. Nothing was accepted, so nothing is paid and the request can
// be sent again later. It matches [ErrConcurrencyLimit] and unwraps to its
// [APIError].
//
// See https://docs.heliosai.health/rate-limits
type ConcurrencyLimitError struct {
	*APIError
	// ActiveCount and Limit are the runs under way and the most that may be,
	// for the agent type asked for; 0 if the answer did not say.
	ActiveCount, Limit int
	// RetryAfter is how long the service asks to wait, between 0 and 24 h; 0 if
	// it did not say.
	RetryAfter time.Duration
}

// Error gives the counts and the wait.
func (e *ConcurrencyLimitError) Error() string {
	s := e.answer().Error()
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
func (e *ConcurrencyLimitError) Unwrap() error { return e.answer() }

// Format prints what Error returns.
func (e ConcurrencyLimitError) Format(f fmt.State, _ rune) { printError(f, &e) }

func (e *ConcurrencyLimitError) answer() *APIError {
	if e.APIError == nil {
		return &APIError{StatusCode: http.StatusTooManyRequests}
	}
	return e.APIError
}

// concurrencyLimit completes a 429. Where the body has no counts, the headers
// may.
func (e *APIError) concurrencyLimit(retryAfter time.Duration) *ConcurrencyLimitError {
	var counts struct{ ActiveCount, Limit int }
	_ = json.Unmarshal(e.body, &counts)

	limit := &ConcurrencyLimitError{
		APIError:    e,
		ActiveCount: max(counts.ActiveCount, 0),
		Limit:       max(counts.Limit, 0),
		RetryAfter:  retryAfter,
	}
	if limit.Limit == 0 {
		limit.ActiveCount, limit.Limit = e.Concurrency.Active, e.Concurrency.Limit
	}
	return limit
}

// OutcomeUnknownError means that a request was, or may have been, written in
// full and no readable answer came back: the connection broke, the wait timed
// out, or the answer was a 5xx, a 303 or a 2xx that cannot be read. The run may
// have been accepted, and is paid if so.
//
// Do not simply send it again. If it was accepted, its webhooks will come: give
// every submission a parameter of its own with [WebhookURL] to recognise them
// by, and decide only when the longest time that a run may take is over.
//
// It matches [ErrOutcomeUnknown] and unwraps to what went wrong: an [*APIError]
// where there was an answer, else the network's or the context's error.
type OutcomeUnknownError struct {
	// Cause is what went wrong. Its own text can repeat what the other side
	// wrote; the text of this error does not.
	Cause error `json:"-"`

	method, path string
	reason       string
}

// Error says that the outcome is unknown, and why.
func (e *OutcomeUnknownError) Error() string {
	s := "outcome unknown, the run may have been accepted"
	if e.reason != "" {
		s += ": " + e.reason
	}
	return errorText(e.method, e.path, s)
}

// Is reports whether target is [ErrOutcomeUnknown].
func (e *OutcomeUnknownError) Is(target error) bool { return target == ErrOutcomeUnknown }

// Unwrap returns Cause.
func (e *OutcomeUnknownError) Unwrap() error { return e.Cause }

// Format prints what Error returns.
func (e OutcomeUnknownError) Format(f fmt.State, _ rune) { printError(f, &e) }

// FieldError is one problem of a request or of a result.
type FieldError struct {
	// Field is the path of the field as it is sent, such as
	// "labResults[3].name". A key of the caller's own data is named by its
	// position: it may be health data.
	Field string
	// Message says what is wrong, without the value.
	Message string
}

// ValidationError lists everything that is wrong with a request. It is returned
// before anything is sent, so nothing is paid.
type ValidationError struct {
	// Fields holds every problem; never empty.
	Fields []FieldError
}

// Error lists the first ten problems.
func (e *ValidationError) Error() string { return "helios: invalid request: " + listFields(e.Fields) }

// listFields writes the first ten problems.
func listFields(fields []FieldError) string {
	const most = 10
	var b strings.Builder
	for i, f := range fields {
		if i == most {
			fmt.Fprintf(&b, "; and %d more", len(fields)-most)
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

// callError is a call that certainly was not accepted, for a reason that is not
// an answer.
type callError struct {
	method, path string
	reason       string
	cause        error
}

func (e *callError) Error() string             { return errorText(e.method, e.path, e.reason) }
func (e *callError) Unwrap() error             { return e.cause }
func (e callError) Format(f fmt.State, _ rune) { printError(f, &e) }

// interruptedError is a wait for the next attempt that the context ended. The
// last attempt's error stays in it.
type interruptedError struct{ why, last error }

func (e *interruptedError) Error() string {
	return e.last.Error() + ": not sent again: " + e.why.Error()
}
func (e *interruptedError) Unwrap() []error           { return []error{e.why, e.last} }
func (e interruptedError) Format(f fmt.State, _ rune) { printError(f, &e) }

// encodeError is a value that encoding/json cannot encode. The text of its
// cause can hold the value.
type encodeError struct{ cause error }

func (e *encodeError) Error() string {
	return fmt.Sprintf("helios: encode request: not possible as JSON (%T)", e.cause)
}
func (e *encodeError) Unwrap() error             { return e.cause }
func (e encodeError) Format(f fmt.State, _ rune) { printError(f, &e) }

// errorText puts the call in front of what happened to it. An error that a test
// has made by hand knows no call.
func errorText(method, path, what string) string {
	if method == "" {
		return "helios: " + what
	}
	return "helios: " + method + " " + path + ": " + what
}

// printError serves the fmt verbs with the text that is free of data.
func printError(w io.Writer, err error) { _, _ = io.WriteString(w, err.Error()) }
