package helios

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	defaultTolerance   = 5 * time.Minute
	defaultMaxBodySize = 16 << 20
)

// Receiver verifies webhooks. Make it with [NewReceiver], once, and share it: it is safe for concurrent use. It holds the
// secrets where no printer, encoder or logger finds them.
//
// Only the body of a delivery is signed, not its headers. Whoever captures one delivery can send its body again, under
// a fresh timestamp, for ever. So act on each run id, sequence number and status once: [Tracker] does so in one process;
// across processes and restarts keep them in a store with a unique key over all three (an event without a number has number 0). [WithMaxEventAge] also refuses what was signed long ago.
//
// The three headers of a delivery must be there once each:
//
//	X-Helios-Signature = "sha256=" 64( "0"-"9" / "a"-"f" )   HMAC-SHA256(webhook secret, raw body)
//	X-Helios-Timestamp = 1*18( "0"-"9" )                     Unix seconds when it was sent
//	X-Helios-Run-ID    = the runId of the body
//
// See https://docs.heliosai.health/webhooks
type Receiver struct {
	signers []*signer
	receiverConfig
}

// ReceiverOption configures a [Receiver]. An option wins over the environment.
type ReceiverOption func(*receiverConfig) error

type receiverConfig struct {
	secret      func() string
	previous    func() []string
	tolerance   time.Duration
	maxEventAge time.Duration
	maxBodySize int64
	now         func() time.Time
	logger      *slog.Logger
}

// WithWebhookSecret sets the secret instead of HELIOS_WEBHOOK_SECRET. White space around it is cut off.
func WithWebhookSecret(secret string) ReceiverOption {
	return func(c *receiverConfig) error { c.secret = func() string { return secret }; return nil }
}

// WithPreviousSecrets also accepts signatures by older secrets, while a new one is being rolled out. None may be empty.
func WithPreviousSecrets(secrets ...string) ReceiverOption {
	return func(c *receiverConfig) error { c.previous = func() []string { return secrets }; return nil }
}

// WithTolerance sets how far X-Helios-Timestamp may lie from now, in either direction; 5 min by default, as the vendor advises.
func WithTolerance(d time.Duration) ReceiverOption {
	return func(c *receiverConfig) error {
		if d <= 0 {
			return errors.New("helios: WithTolerance: must be positive")
		}
		c.tolerance = d
		return nil
	}
}

// WithMaxEventAge also refuses events whose timestamp inside the signed body is missing, older than d, or in the future by more than the tolerance. Off by default.
// It bounds how long a captured delivery can be replayed. An authentic delivery that comes later than d is refused too, and
// a result cannot be fetched again: choose hours rather than minutes.
func WithMaxEventAge(d time.Duration) ReceiverOption {
	return func(c *receiverConfig) error {
		if d <= 0 {
			return errors.New("helios: WithMaxEventAge: must be positive")
		}
		c.maxEventAge = d
		return nil
	}
}

// WithMaxBodySize sets the largest body in bytes; 16 MiB by default.
func WithMaxBodySize(n int64) ReceiverOption {
	return func(c *receiverConfig) error {
		if n <= 0 {
			return errors.New("helios: WithMaxBodySize: must be positive")
		}
		c.maxBodySize = n
		return nil
	}
}

// WithClock sets the clock that timestamps are compared with; time.Now by default.
func WithClock(now func() time.Time) ReceiverOption {
	return func(c *receiverConfig) error {
		if now == nil {
			return errors.New("helios: WithClock: nil clock")
		}
		c.now = now
		return nil
	}
}

// WithReceiverLogger logs each delivery that [Receiver.Handler] does not answer with 200: the reason for a refusal at warn level, the run id and number
// where the callback failed at error level. Neither the callback's error nor anything of the body is logged.
func WithReceiverLogger(l *slog.Logger) ReceiverOption {
	return func(c *receiverConfig) error { c.logger = l; return nil }
}

// NewReceiver makes a receiver from the environment (HELIOS_WEBHOOK_SECRET) and opts, which win.
// Without a secret it returns [ErrMissingWebhookSecret].
func NewReceiver(opts ...ReceiverOption) (*Receiver, error) {
	c := receiverConfig{tolerance: defaultTolerance, maxBodySize: defaultMaxBodySize, now: time.Now}
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt(&c); err != nil {
			return nil, err
		}
	}
	if c.secret == nil {
		c.secret = func() string { return os.Getenv(EnvWebhookSecret) }
	}
	secrets := []string{c.secret()}
	if c.previous != nil {
		secrets = append(secrets, c.previous()...)
	}
	r := &Receiver{receiverConfig: c}
	r.secret, r.previous = nil, nil
	for _, secret := range secrets {
		secret = strings.TrimSpace(secret)
		if secret == "" {
			return nil, ErrMissingWebhookSecret
		}
		r.signers = append(r.signers, newSigner(secret))
	}
	return r, nil
}

// Format prints nothing of the receiver, whatever the verb.
func (r Receiver) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "helios.Receiver{}") }

// LogValue logs nothing of the receiver.
func (r Receiver) LogValue() slog.Value { return slog.StringValue("helios.Receiver{}") }

// Handler verifies each delivery and hands its event to fn, once per delivery, with the request's context. The same event can come
// more than once; see [Receiver].
//
// It answers 200 when fn returns nil, so return nil only when the event is safe: a result is never sent again after that.
// If fn returns an error it answers 500, without the error's text; the service may then deliver again, or may not. An error that is [ErrUnavailable] is
// answered with 503, one that is [ErrInvalidWebhook] with 401: so fn can refuse what it knows to be no delivery of its own.
// Other answers: 401 for a delivery that is not authentic, 405 for a method other than POST, 413 for a body that is too large,
// 400 for a body that cannot be read or is no event. A nil fn panics.
func (r *Receiver) Handler(fn func(ctx context.Context, e *Event) error) http.Handler {
	if fn == nil {
		panic("helios: Receiver.Handler: nil callback")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		event, err := r.Verify(req)
		if err != nil {
			if r.logger != nil {
				r.logger.LogAttrs(req.Context(), slog.LevelWarn, "helios: webhook refused", slog.String("reason", err.Error()))
			}
			refuse(w, err)
			return
		}
		if err := fn(req.Context(), event); err != nil {
			if r.logger != nil {
				r.logger.LogAttrs(req.Context(), slog.LevelError, "helios: webhook callback failed", slog.String("runId", event.RunID), slog.Int("sequenceNumber", event.SequenceNumber), slog.Bool("final", event.Final()))
			}
			refuseHandled(w, err)
			return
		}
		w.WriteHeader(http.StatusOK)
	})
}

func refuse(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, ErrInvalidWebhook):
		http.Error(w, "invalid webhook", http.StatusUnauthorized)
	case errors.Is(err, ErrMissingWebhookSecret): // of a Receiver that NewReceiver did not make
		http.Error(w, "event not handled", http.StatusInternalServerError)
	case errors.Is(err, ErrBodyTooLarge):
		w.Header().Set("Connection", "close") // the rest of the body is not worth reading
		http.Error(w, "body too large", http.StatusRequestEntityTooLarge)
	default:
		http.Error(w, "malformed event", http.StatusBadRequest)
	}
}

// refuseHandled answers for an authentic event whose callback failed.
func refuseHandled(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, ErrInvalidWebhook):
		refuse(w, ErrInvalidWebhook)
	case errors.Is(err, ErrUnavailable):
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
	default:
		http.Error(w, "event not handled", http.StatusInternalServerError)
	}
}

// Verify reads the body of req, closes it, and returns its event if the delivery is authentic.
//
// Errors: [ErrInvalidWebhook], [ErrBodyTooLarge], [ErrMalformedEvent], or the error of reading the body.
func (r *Receiver) Verify(req *http.Request) (*Event, error) {
	if req.Body == nil {
		req.Body = http.NoBody
	}
	defer func() { _ = req.Body.Close() }()
	h, err := r.checkHeaders(req.Header)
	if err != nil {
		return nil, err // before a stranger's body is read
	}
	if req.ContentLength > r.maxBodySize {
		return nil, ErrBodyTooLarge
	}
	body, err := readBounded(req.Body, req.ContentLength, r.maxBodySize)
	var limited *http.MaxBytesError // by a handler around this one
	if errors.Is(err, ErrBodyTooLarge) || errors.As(err, &limited) {
		return nil, ErrBodyTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("helios: read webhook: %w", err)
	}
	return r.verify(body, h)
}

// VerifyPayload is [Receiver.Verify] for a body and headers that did not come as an *http.Request: AWS Lambda, fasthttp, a queue.
// body must be exactly what arrived; it is copied. The names in header may be in any case.
func (r *Receiver) VerifyPayload(body []byte, header http.Header) (*Event, error) {
	h, err := r.checkHeaders(canonical(header))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > r.maxBodySize {
		return nil, ErrBodyTooLarge
	}
	return r.verify(append([]byte(nil), body...), h)
}

// VerifySignature checks the headers and the signature alone, without decoding the body; where the names in header are in
// net/http's canonical form it allocates nothing. That the run id header is the body's is left to [Receiver.Verify] and [Receiver.VerifyPayload].
func (r *Receiver) VerifySignature(body []byte, header http.Header) error {
	if _, ok := header[signatureHeader]; !ok {
		header = canonical(header)
	}
	h, err := r.checkHeaders(header)
	if err != nil {
		return err
	}
	return r.checkSignature(body, &h)
}

// VerifyWebhook is [Receiver.Verify] with the default settings, for one secret.
// An empty secret is [ErrMissingWebhookSecret]. Where webhooks are many, keep a [Receiver]: it is faster.
func VerifyWebhook(r *http.Request, secret string) (*Event, error) {
	receiver, err := NewReceiver(WithWebhookSecret(secret))
	if err != nil {
		return nil, err
	}
	return receiver.Verify(r)
}

// VerifyWebhookPayload is [Receiver.VerifyPayload] with the default settings, for one secret. An empty secret is [ErrMissingWebhookSecret].
func VerifyWebhookPayload(body []byte, header http.Header, secret string) (*Event, error) {
	receiver, err := NewReceiver(WithWebhookSecret(secret))
	if err != nil {
		return nil, err
	}
	return receiver.VerifyPayload(body, header)
}

// verify takes over body.
func (r *Receiver) verify(body []byte, h deliveryHeaders) (*Event, error) {
	if err := r.checkSignature(body, &h); err != nil {
		return nil, err
	}
	event, err := parseEvent(body)
	if err != nil {
		return nil, err
	}
	if event.RunID != h.runID {
		return nil, errRunID
	}
	if r.maxEventAge > 0 {
		age := r.now().Sub(event.Timestamp)
		if event.Timestamp.IsZero() || age > r.maxEventAge || age < -r.tolerance {
			return nil, errEventAge
		}
	}
	return event, nil
}
