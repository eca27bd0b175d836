package helios

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// Delivery is what became of one request to [Receiver.Handler]. It holds no
// health data. See [WithReceiverObserver].
type Delivery struct {
	// StatusCode is the HTTP status of the answer; 0 if a callback panicked,
	// because then nothing was answered.
	StatusCode int
	// Reason says why that was the answer.
	Reason Reason
	// RunID, Agent and Final are the event's. They are set only for an
	// authentic event.
	RunID string
	Agent string
	Final bool
	// Bytes is how much of the body was read.
	Bytes int64
	// Duration is the time from the call of the handler to its answer.
	Duration time.Duration
}

// Reason says why [Receiver.Handler] answered as it did. Its values are few and
// can serve as metric labels.
type Reason string

// The reasons, each with the status of its answer.
const (
	ReasonAccepted    Reason = "accepted"    // 200: the callback returned nil
	ReasonMethod      Reason = "method"      // 405: the method is not POST
	ReasonHeaders     Reason = "headers"     // 401: a header is missing, repeated or malformed
	ReasonStale       Reason = "stale"       // 401: X-Helios-Timestamp is outside the tolerance
	ReasonSignature   Reason = "signature"   // 401: no secret gives this signature
	ReasonEventAge    Reason = "event_age"   // 401: the signed timestamp is not one that WithMaxEventAge allows
	ReasonTooLarge    Reason = "too_large"   // 413: the body exceeds WithMaxBodySize
	ReasonIncomplete  Reason = "incomplete"  // 408, 503: the body broke off
	ReasonMalformed   Reason = "malformed"   // 400, or what the handler of WithMalformedHandler made of it
	ReasonSecrets     Reason = "secrets"     // 503: WithWebhookSecretSource gave no secrets
	ReasonRejected    Reason = "rejected"    // 401: the callback returned ErrInvalidWebhook
	ReasonUnavailable Reason = "unavailable" // 503: the callback returned ErrUnavailable
	ReasonFailed      Reason = "failed"      // 500: the callback returned any other error
	ReasonPanic       Reason = "panic"       // no answer: a callback panicked
)

// Handler verifies each delivery and hands its event to fn, with the request's
// context. The same event can come more than once; see [Receiver]. A nil fn
// panics.
//
// It answers 200 when fn returns nil. Return nil only once the event is safely
// stored: a result is never sent again after that. If fn returns an error it
// answers 500, without the error's text; the service may then deliver again, or
// may not. An error that is [ErrUnavailable] is answered with 503, and one that
// is [ErrInvalidWebhook] with 401, so that fn can refuse what it knows not to
// be a delivery of its own.
//
// Otherwise it answers
//
//   - 401 for a delivery that is not authentic,
//   - 405 for a method other than POST,
//   - 413 for a body that is too large,
//   - 408 for a body that the server's read deadline cut off, and 503 for one
//     whose connection broke,
//   - 503 if [WithWebhookSecretSource] gave no secrets,
//   - 400 for an authentic body that is not an event, unless
//     [WithMalformedHandler] takes it.
//
// See [Reason] for all of them.
func (r *Receiver) Handler(fn func(ctx context.Context, e *Event) error) http.Handler {
	if fn == nil {
		panic("helios: Receiver.Handler: nil callback")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		d := Delivery{Reason: ReasonPanic} // until handle returns
		if r.observer != nil {
			began := time.Now()
			defer func() { //nolint:contextcheck // the request's context is passed on
				d.Duration = time.Since(began)
				r.observer(req.Context(), d)
			}()
		}

		status, reason := r.handle(req, fn, &d)
		writeAnswer(w, status)
		d.StatusCode, d.Reason = status, reason
	})
}

// handle returns the answer to req. It notes in d what it learns on the way.
func (r *Receiver) handle(req *http.Request, fn func(context.Context, *Event) error, d *Delivery) (int, Reason) {
	if req.Method != http.MethodPost {
		return http.StatusMethodNotAllowed, ReasonMethod
	}

	event, size, err := r.receive(req)
	d.Bytes = size
	malformed, ok := err.(*MalformedEventError) //nolint:errorlint // the receiver's own, not one within its cause
	if ok && r.malformed != nil {
		return r.handleMalformed(req.Context(), malformed), ReasonMalformed
	}
	if err != nil {
		r.log(req.Context(), slog.LevelWarn, "helios: webhook refused",
			slog.String("reason", err.Error()), slog.Int64("bytes", size))
		return refusal(err)
	}

	d.RunID, d.Agent, d.Final = event.RunID, event.Agent, event.Final()
	if err := fn(req.Context(), event); err != nil {
		r.log(req.Context(), slog.LevelError, "helios: webhook callback failed", slog.String("runId", event.RunID),
			slog.Int64("sequenceNumber", event.SequenceNumber), slog.Bool("final", event.Final()))
		return failure(err)
	}
	return http.StatusOK, ReasonAccepted
}

func (r *Receiver) handleMalformed(ctx context.Context, malformed *MalformedEventError) int {
	err := r.malformed(ctx, malformed)
	if err == nil {
		return http.StatusOK
	}

	r.log(ctx, slog.LevelError, "helios: malformed event callback failed", slog.Int("bytes", len(malformed.Raw)))
	status, _ := failure(err)
	return status
}

func (r *Receiver) log(ctx context.Context, level slog.Level, message string, attrs ...slog.Attr) {
	if r.logger != nil {
		r.logger.LogAttrs(ctx, level, message, attrs...)
	}
}

// refusal returns the answer to a delivery that gives no event.
func refusal(err error) (int, Reason) {
	switch err := err.(type) { //nolint:errorlint // the receiver's own errors, whose causes must not count
	case *invalidWebhook:
		return http.StatusUnauthorized, err.reason
	case *secretsError:
		return http.StatusServiceUnavailable, ReasonSecrets
	case *incompleteBody:
		if err.timeout() {
			return http.StatusRequestTimeout, ReasonIncomplete
		}
		return http.StatusServiceUnavailable, ReasonIncomplete
	case *MalformedEventError:
		return http.StatusBadRequest, ReasonMalformed
	}

	if errors.Is(err, ErrBodyTooLarge) {
		return http.StatusRequestEntityTooLarge, ReasonTooLarge
	}
	return http.StatusInternalServerError, ReasonSecrets // of a Receiver that NewReceiver did not make
}

// failure returns the answer to a delivery whose callback returned err.
func failure(err error) (int, Reason) {
	switch {
	case errors.Is(err, ErrInvalidWebhook):
		return http.StatusUnauthorized, ReasonRejected
	case errors.Is(err, ErrUnavailable):
		return http.StatusServiceUnavailable, ReasonUnavailable
	default:
		return http.StatusInternalServerError, ReasonFailed
	}
}

// writeAnswer says no more than a stranger may know.
func writeAnswer(w http.ResponseWriter, status int) {
	switch status {
	case http.StatusOK:
		w.WriteHeader(status)
	case http.StatusUnauthorized:
		http.Error(w, "invalid webhook", status)
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "method not allowed", status)
	case http.StatusRequestEntityTooLarge:
		w.Header().Set("Connection", "close") // the rest of the body is not worth reading
		http.Error(w, "body too large", status)
	case http.StatusBadRequest:
		http.Error(w, "malformed event", status)
	case http.StatusRequestTimeout:
		http.Error(w, "body incomplete", status)
	case http.StatusServiceUnavailable:
		http.Error(w, "unavailable", status)
	default:
		http.Error(w, "event not handled", status)
	}
}
