package helios

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"
)

const (
	defaultTolerance   = 5 * time.Minute
	defaultMaxBodySize = 16 << 20
)

// Receiver verifies webhooks. Make one with [NewReceiver] and share it: it is
// safe for concurrent use. It holds the secrets where no printer, encoder or
// logger can find them.
//
// Two headers must be present, exactly once each:
//
//	X-Helios-Signature = "sha256=" 64( "0"-"9" / "a"-"f" )
//	X-Helios-Timestamp = 1*18( "0"-"9" )
//
// The signature is HMAC-SHA256(webhook secret, raw body). The timestamp is when
// the delivery was sent, in Unix seconds.
//
// Only the body is signed, so only the body says what the event is; the header
// X-Helios-Run-ID is not read. Whoever captures one delivery can send its body
// again, under a fresh timestamp, for ever. So act once on each run id,
// sequence number and status. [Tracker] does so in one process; across
// processes and restarts keep them in a store, with a unique key over all
// three, because an event without a number has number 0. [WithMaxEventAge] also
// refuses what was signed long ago.
//
// See https://docs.heliosai.health/webhooks
type Receiver struct {
	secrets *secrets
	receiverSettings
}

type receiverSettings struct {
	tolerance   time.Duration
	maxEventAge time.Duration
	maxBodySize int64
	now         func() time.Time
	logger      *slog.Logger
	observer    func(context.Context, Delivery)
	malformed   func(context.Context, *MalformedEventError) error
}

// ReceiverOption configures a [Receiver]. It overrides the environment; if an
// option is given twice, the later one wins.
type ReceiverOption func(*receiverConfig) error

type receiverConfig struct {
	receiverSettings

	secret, secretFrom string
	source             func(context.Context) ([]string, error)
	previous           []string
}

// WithWebhookSecret sets the secret instead of HELIOS_WEBHOOK_SECRET.
// Surrounding white space is trimmed. An empty secret, quotes around it,
// invisible and control characters are refused. If both WithWebhookSecret and
// [WithWebhookSecretSource] are given, the later one wins.
func WithWebhookSecret(secret string) ReceiverOption {
	return webhookSecret(secret, "WithWebhookSecret")
}

func webhookSecret(secret, from string) ReceiverOption {
	return func(c *receiverConfig) error {
		c.secret, c.secretFrom, c.source = secret, from, nil
		return nil
	}
}

// WithWebhookSecretSource makes the receiver ask source for the secrets, the
// current one first, instead of reading HELIOS_WEBHOOK_SECRET; so a secret can
// be rotated without a restart. A delivery signed with any of them is
// authentic.
//
// source is called for each delivery whose headers are in order, with the
// context of its request ([context.Background] in [Receiver.VerifyPayload] and
// [Receiver.VerifySignature]). It must be safe for concurrent use, and must
// cache what it fetches: a delivery waits for it.
//
// If source fails, or gives no secret or one that [WithWebhookSecret] would
// refuse, the delivery can be neither accepted nor refused. The error is then
// [ErrUnavailable], and wraps the source's; [Receiver.Handler] answers 503.
func WithWebhookSecretSource(source func(context.Context) ([]string, error)) ReceiverOption {
	return func(c *receiverConfig) error {
		if source == nil {
			return errors.New("helios: WithWebhookSecretSource: nil source")
		}
		c.secret, c.secretFrom, c.source = "", "", source
		return nil
	}
}

// WithPreviousSecrets also accepts signatures by older secrets, while a new one
// is being rolled out. Each must be one that [WithWebhookSecret] would take.
func WithPreviousSecrets(secrets ...string) ReceiverOption {
	return func(c *receiverConfig) error {
		c.previous = secrets
		return nil
	}
}

// WithTolerance sets how far X-Helios-Timestamp may be from now, in either
// direction. The default is 5 min, as the vendor advises.
func WithTolerance(d time.Duration) ReceiverOption {
	return func(c *receiverConfig) error {
		if d <= 0 {
			return errors.New("helios: WithTolerance: must be positive")
		}
		c.tolerance = d
		return nil
	}
}

// WithMaxEventAge also refuses events whose signed timestamp is missing, older
// than d, or in the future by more than the tolerance. It is off by default.
//
// It bounds how long a captured delivery can be replayed. An authentic delivery
// that comes later than d is refused too, and a result cannot be fetched again:
// choose hours rather than minutes. A body that is not an event has no
// timestamp, so it is not refused; see [WithMalformedHandler].
func WithMaxEventAge(d time.Duration) ReceiverOption {
	return func(c *receiverConfig) error {
		if d <= 0 {
			return errors.New("helios: WithMaxEventAge: must be positive")
		}
		c.maxEventAge = d
		return nil
	}
}

// WithMaxBodySize sets the largest body in bytes. The default is 16 MiB.
func WithMaxBodySize(n int64) ReceiverOption {
	return func(c *receiverConfig) error {
		if n <= 0 {
			return errors.New("helios: WithMaxBodySize: must be positive")
		}
		c.maxBodySize = n
		return nil
	}
}

// WithClock sets the clock that timestamps are compared with. The default is
// [time.Now].
func WithClock(now func() time.Time) ReceiverOption {
	return func(c *receiverConfig) error {
		if now == nil {
			return errors.New("helios: WithClock: nil clock")
		}
		c.now = now
		return nil
	}
}

// WithReceiverLogger logs each delivery that [Receiver.Handler] does not answer
// with 200, unless its method was wrong. A refusal is logged at warn level,
// with its reason and how many bytes of the body were read; a callback that
// failed at error level, with the run id and number. Neither a callback's error
// nor anything of the body is logged.
func WithReceiverLogger(l *slog.Logger) ReceiverOption {
	return func(c *receiverConfig) error {
		c.logger = l
		return nil
	}
}

// WithReceiverObserver calls fn once for each request to [Receiver.Handler],
// after it was answered, with the request's context. It is for metrics. The
// answer may not be sent before fn returns, so fn must not block.
func WithReceiverObserver(fn func(context.Context, Delivery)) ReceiverOption {
	return func(c *receiverConfig) error {
		c.observer = fn
		return nil
	}
}

// WithMalformedHandler makes [Receiver.Handler] pass authentic bodies that are
// not events to fn, with the request's context, instead of answering 400. Such
// a body may be a result in a shape that this package does not know, and it may
// not come again: store its Raw. If fn returns nil the answer is 200; an error
// is answered like one of the event's callback.
func WithMalformedHandler(fn func(context.Context, *MalformedEventError) error) ReceiverOption {
	return func(c *receiverConfig) error {
		c.malformed = fn
		return nil
	}
}

// NewReceiver makes a receiver from the environment (HELIOS_WEBHOOK_SECRET) and
// opts, which take precedence. The environment is not read where an option
// gives the secret or its source. Without a secret the error is
// [ErrMissingWebhookSecret].
func NewReceiver(opts ...ReceiverOption) (*Receiver, error) {
	c := receiverConfig{receiverSettings: receiverSettings{
		tolerance:   defaultTolerance,
		maxBodySize: defaultMaxBodySize,
		now:         time.Now,
	}}
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt(&c); err != nil {
			return nil, err
		}
	}
	if c.secretFrom == "" && c.source == nil {
		c.secret, c.secretFrom = os.Getenv(EnvWebhookSecret), EnvWebhookSecret
	}

	secrets, err := newSecrets(&c)
	if err != nil {
		return nil, err
	}
	return &Receiver{secrets, c.receiverSettings}, nil
}

// Format prints nothing of the receiver.
func (r Receiver) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "helios.Receiver{}") }

// LogValue logs nothing of the receiver.
func (r Receiver) LogValue() slog.Value { return slog.StringValue("helios.Receiver{}") }

// Verify reads the body of req, closes it, and returns its event if the
// delivery is authentic.
//
// Errors: [ErrInvalidWebhook], [ErrBodyTooLarge], [ErrIncompleteBody],
// [ErrUnavailable] from [WithWebhookSecretSource], or a [*MalformedEventError],
// which holds an authentic body that is not an event.
func (r *Receiver) Verify(req *http.Request) (*Event, error) {
	event, _, err := r.receive(req)
	return event, err
}

// VerifyPayload is [Receiver.Verify] for a body and headers that did not come
// as an [*http.Request]: AWS Lambda, fasthttp, a queue. body must be exactly
// what arrived; it is copied. The names in header may be in any case.
func (r *Receiver) VerifyPayload(body []byte, header http.Header) (*Event, error) {
	signers, claimed, err := r.prepare(context.Background(), canonical(header))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > r.maxBodySize {
		return nil, ErrBodyTooLarge
	}
	return r.verify(signers, append([]byte(nil), body...), &claimed)
}

// VerifySignature verifies everything that [Receiver.VerifyPayload] does except
// the body's shape and [WithMaxEventAge]. It does not decode the body. Where
// the names in header are in net/http's canonical form it allocates nothing.
func (r *Receiver) VerifySignature(body []byte, header http.Header) error {
	if _, ok := header[signatureHeader]; !ok {
		header = canonical(header)
	}

	signers, claimed, err := r.prepare(context.Background(), header)
	if err != nil {
		return err
	}
	return checkSignature(signers, body, &claimed)
}

// VerifyWebhook is [Receiver.Verify] with the default settings, for one secret.
// An empty secret is [ErrMissingWebhookSecret]. For many webhooks, keep a
// [Receiver]: it is faster.
func VerifyWebhook(r *http.Request, secret string) (*Event, error) {
	receiver, err := NewReceiver(webhookSecret(secret, "VerifyWebhook: secret"))
	if err != nil {
		return nil, err
	}
	return receiver.Verify(r)
}

// VerifyWebhookPayload is [Receiver.VerifyPayload] with the default settings,
// for one secret. An empty secret is [ErrMissingWebhookSecret].
func VerifyWebhookPayload(body []byte, header http.Header, secret string) (*Event, error) {
	receiver, err := NewReceiver(webhookSecret(secret, "VerifyWebhookPayload: secret"))
	if err != nil {
		return nil, err
	}
	return receiver.VerifyPayload(body, header)
}

// receive is Verify. It also returns how many bytes of the body were read.
func (r *Receiver) receive(req *http.Request) (event *Event, size int64, err error) {
	if req.Body == nil {
		req.Body = http.NoBody
	}
	defer func() { _ = req.Body.Close() }()

	signers, claimed, err := r.prepare(req.Context(), req.Header)
	if err != nil {
		return nil, 0, err // before a stranger's body is read
	}
	if req.ContentLength > r.maxBodySize {
		return nil, 0, ErrBodyTooLarge
	}

	body, err := readBounded(req.Body, req.ContentLength, r.maxBodySize)
	size = int64(len(body))
	var limited *http.MaxBytesError // by a handler around this one
	switch {
	case errors.Is(err, ErrBodyTooLarge) || errors.As(err, &limited):
		return nil, size, ErrBodyTooLarge
	case err != nil:
		return nil, size, &incompleteBody{err}
	}

	event, err = r.verify(signers, body, &claimed)
	return event, size, err
}

// prepare does what can be done without the body.
func (r *Receiver) prepare(ctx context.Context, header http.Header) ([]*signer, signature, error) {
	if r.secrets == nil { // of a Receiver that NewReceiver did not make
		return nil, signature{}, ErrMissingWebhookSecret
	}

	claimed, err := r.checkHeaders(header)
	if err != nil {
		return nil, claimed, err
	}
	signers, err := r.secrets.signers(ctx)
	return signers, claimed, err
}

// verify takes over body.
func (r *Receiver) verify(signers []*signer, body []byte, claimed *signature) (*Event, error) {
	if err := checkSignature(signers, body, claimed); err != nil {
		return nil, err
	}

	event, err := parseEvent(body)
	if err != nil {
		return nil, err
	}

	if r.maxEventAge > 0 {
		age := r.now().Sub(event.Timestamp)
		if event.Timestamp.IsZero() || age > r.maxEventAge || age < -r.tolerance {
			return nil, errEventAge
		}
	}
	return event, nil
}
