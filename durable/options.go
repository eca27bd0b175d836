package durable

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	defaultHandlerTimeout  = time.Minute
	defaultHandlers        = 64
	defaultMaxAttempts     = 100
	defaultUnknownDeadline = 30 * time.Minute
	defaultResultDeadline  = 2 * time.Hour
	defaultDrainTimeout    = 30 * time.Second

	// submitTimeout bounds one submission's job. The client's own timeout, 30 s
	// an attempt by default, ends it long before.
	submitTimeout = 10 * time.Minute
	sweepInterval = 10 * time.Second
	drainGrace    = 5 * time.Second // for a handler that was cancelled to notice

	// settleTimeout is for writing down what became of an event or an end.
	settleTimeout = 10 * time.Second

	// turnTimeout bounds how long a transaction on SQLite waits for those of
	// its own process, and then for those of others.
	turnTimeout = 10 * time.Second

	mostAttempts = 30_000 // River's column is a smallint
	rescueMargin = time.Minute

	// lease is after how long without a sign of life a process counts as dead.
	// It gives leaseBeats in that time.
	lease      = 30 * time.Second
	leaseBeats = 3

	// submitters is how many submissions of an agent type one process sends at
	// once: the answer comes within a second.
	submitters = 8
)

// Option configures an [Engine]. All processes that work on one store should
// have the same options.
type Option func(*config) error

type config struct {
	postgresConfig

	schema          string
	logger          *slog.Logger
	codec           Codec
	retention       time.Duration
	maxSlots        int
	handlerTimeout  time.Duration
	handlers        int
	maxAttempts     int
	unknownDeadline time.Duration
	onUnknown       func(context.Context, *Submission) Decision
	onHandlerError  func(context.Context, HandlerFailure)
	resultDeadline  time.Duration
	account         string
	observer        func(context.Context, Activity)
	onRestore       Decision
	spendLimit      int64 // in millionths of a dollar; 0 without a limit
	spendPer        time.Duration
	extractTrace    func(context.Context) map[string]string
	restoreTrace    func(context.Context, map[string]string) context.Context
	drainTimeout    time.Duration

	// What only tests change.
	now           func() time.Time
	submitTimeout time.Duration
	sweepInterval time.Duration
	lease         time.Duration
	drainGrace    time.Duration
	turnTimeout   time.Duration
	settleTimeout time.Duration
	rescueMargin  time.Duration
	patience      time.Duration
	backoff       func(attempt int) time.Duration
}

func newConfig(opts []Option) (*config, error) {
	c := &config{
		schema:          "helios",
		logger:          silent,
		handlerTimeout:  defaultHandlerTimeout,
		handlers:        defaultHandlers,
		maxAttempts:     defaultMaxAttempts,
		unknownDeadline: defaultUnknownDeadline,
		resultDeadline:  defaultResultDeadline,
		onUnknown:       func(context.Context, *Submission) Decision { return Hold },
		drainTimeout:    defaultDrainTimeout,
		now:             time.Now,
		submitTimeout:   submitTimeout,
		sweepInterval:   sweepInterval,
		lease:           lease,
		drainGrace:      drainGrace,
		turnTimeout:     turnTimeout,
		settleTimeout:   settleTimeout,
		rescueMargin:    rescueMargin,
		patience:        defaultPatience,
		backoff:         exponential,
	}
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt(c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// WithSchema sets the PostgreSQL schema for the engine's tables and River's,
// "helios" by default; it is created if it is missing. The name holds
// lower-case letters, digits and "_". It must not be one in which other River
// clients work: they would discard the engine's jobs. On SQLite it has no
// effect.
func WithSchema(name string) Option {
	return func(c *config) error {
		if !schemaName.MatchString(name) {
			return errors.New("helios: durable: WithSchema: " +
				"not a schema name of lower-case letters, digits and underscores")
		}
		c.schema = name
		return nil
	}
}

// WithLogger logs what the engine and River do: submissions accepted, unknown
// or failed, by key and run id; handlers that failed, by the type of their
// error; the store's outages. Nothing of a request, an event or a handler's
// error text is logged. Without it nothing is.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) error {
		if l == nil {
			return errors.New("helios: durable: WithLogger: nil logger")
		}
		c.logger = l
		return nil
	}
}

// WithCodec encodes requests and events before they are stored, and decodes
// them after. [NewAESGCM] makes one that encrypts. Without it they are stored
// as they are.
func WithCodec(codec Codec) Option {
	return func(c *config) error {
		if codec == nil {
			return errors.New("helios: durable: WithCodec: nil codec")
		}
		c.codec = codec
		return nil
	}
}

// WithRetention deletes the bodies of events d after they were handled, and
// requests d after their runs ended. Keys, run ids, states and times stay:
// duplicates are recognised for ever, and keys stay used. [Engine.Status] then
// no longer has the result. By default nothing is deleted. Dead letters and
// what waits are never deleted.
func WithRetention(d time.Duration) Option {
	return positive("WithRetention", d, func(c *config) { c.retention = d })
}

// WithMaxSlots limits the engine to n of the account's slots per agent type,
// where others use the account too. By default it uses all: 7 until an answer
// of the service gives the account's limit.
func WithMaxSlots(n int) Option {
	return positive("WithMaxSlots", n, func(c *config) { c.maxSlots = n })
}

// WithHandlerTimeout bounds one call of the handler; 1 min by default. Its
// context ends then. If processes on one store have different timeouts, an
// event that takes longer than the shortest can be handled twice at once.
func WithHandlerTimeout(d time.Duration) Option {
	return positive("WithHandlerTimeout", d, func(c *config) { c.handlerTimeout = d })
}

// WithHandlers sets how many events one process handles at once; 64 by default.
func WithHandlers(n int) Option {
	return positive("WithHandlers", n, func(c *config) { c.handlers = n })
}

// WithMaxAttempts sets after how many failures of the handler an event becomes
// a dead letter; 100 by default, which takes about four days: the wait between
// two attempts doubles from 1 s to 1 h. At most 30,000.
func WithMaxAttempts(n int) Option {
	if n > mostAttempts {
		return func(*config) error { return errors.New("helios: durable: WithMaxAttempts: more than 30,000") }
	}
	return positive("WithMaxAttempts", n, func(c *config) { c.maxAttempts = n })
}

// WithUnknownDeadline sets how long a submission of unknown outcome waits for
// its webhook before [WithOnUnknown] decides, and how long any submission holds
// a slot at most; 30 min by default. It should be longer than a run can take,
// which is documented as up to 13 min.
func WithUnknownDeadline(d time.Duration) Option {
	return positive("WithUnknownDeadline", d, func(c *config) { c.unknownDeadline = d })
}

// WithOnUnknown decides what happens to a submission whose outcome is still
// unknown at the deadline; by default [Hold]. It is called once, by one
// process, and must be quick. Whatever it decides, a webhook that comes later
// still resolves the submission.
func WithOnUnknown(decide func(ctx context.Context, s *Submission) Decision) Option {
	return func(c *config) error {
		if decide == nil {
			return errors.New("helios: durable: WithOnUnknown: nil function")
		}
		c.onUnknown = decide
		return nil
	}
}

// WithResultDeadline sets how long after a submission was accepted its result
// may come before the submission is [Overdue]; 2 h by default. Its events still
// have the last word when they come: it is completed or failed then.
func WithResultDeadline(d time.Duration) Option {
	return positive("WithResultDeadline", d, func(c *config) { c.resultDeadline = d })
}

// WithHandlerErrors calls hook after each failed call of the functions of
// HandleFunc and HandleEnd, with the error or the panic and its stack, which
// the engine neither logs nor stores: they may hold health data. The failed
// call is not repeated before hook has returned, so it must be quick. It must
// be safe for concurrent use.
func WithHandlerErrors(hook func(context.Context, HandlerFailure)) Option {
	return func(c *config) error {
		if hook == nil {
			return errors.New("helios: durable: WithHandlerErrors: nil function")
		}
		c.onHandlerError = hook
		return nil
	}
}

// WithDrainTimeout sets how long Run waits for handlers and submissions under
// way after its context has ended; 30 s by default. Then their contexts are
// cancelled.
func WithDrainTimeout(d time.Duration) Option {
	return positive("WithDrainTimeout", d, func(c *config) { c.drainTimeout = d })
}

func positive[T int | time.Duration](name string, value T, set func(*config)) Option {
	return func(c *config) error {
		if value <= 0 {
			return fmt.Errorf("helios: durable: %s: must be positive", name)
		}
		set(c)
		return nil
	}
}

// exponential doubles from 1 s to 1 h.
func exponential(attempt int) time.Duration {
	return min(time.Second<<min(max(attempt-1, 0), 12), time.Hour)
}
