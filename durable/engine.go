package durable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"

	"github.com/heliosai/helios-go"
)

// Engine keeps submissions and events in a store and works on them. Make it
// with [OpenSQLite] or [OpenPostgres], once; the zero value is not usable. It
// is safe for concurrent use. It holds no key: client and receiver do.
type Engine struct {
	*config
	client   *helios.Client
	receiver *helios.Receiver
	worker   string // this engine's name among all that work on the store
	store    store
	intake   *groupCommit[*delivery]
	settles  *groupCommit[*statement]

	handler    atomic.Pointer[func(context.Context, *helios.Event) error]
	endHandler atomic.Pointer[func(context.Context, *Submission) error]
	running    atomic.Bool
	closed     atomic.Bool
}

// silent is River's logger where the caller gave none: its default writes to
// standard output.
var silent = slog.New(slog.DiscardHandler)

func newEngine(client *helios.Client, receiver *helios.Receiver, opts []Option) (*Engine, error) {
	switch {
	case client == nil:
		return nil, errors.New("helios: durable: nil client")
	case receiver == nil:
		return nil, errors.New("helios: durable: nil receiver")
	case client.ResubmitsOnUnknownOutcome():
		return nil, errors.New("helios: durable: the client has WithResubmitOnUnknownOutcome and would pay twice; " +
			"use WithOnUnknown instead")
	}
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	return &Engine{config: c, client: client, receiver: receiver, worker: randomHex(8)}, nil
}

// riverConfig replaces each default of River's that would lose or repeat
// something here.
func (e *Engine) riverConfig(schema string) *river.Config {
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker[eventArgs]{engine: e, timeout: e.handlerTimeout, work: e.workEvent})
	river.AddWorker(workers, &worker[endArgs]{engine: e, timeout: e.handlerTimeout, work: e.workEnd})
	river.AddWorker(workers, &worker[submitArgs]{engine: e, timeout: e.submitTimeout, work: e.workSubmission})
	return &river.Config{
		ID:     e.worker,
		Schema: schema,
		Logger: e.logger, // the default writes to standard output
		Queues: map[string]river.QueueConfig{
			eventQueue:                             {MaxWorkers: e.handlers},
			endQueue:                               {MaxWorkers: e.handlers},
			submitQueue(string(helios.AgentLight)): {MaxWorkers: submitters},
			submitQueue(string(helios.AgentDeep)):  {MaxWorkers: submitters},
			submitQueue(agentLabResults):           {MaxWorkers: submitters},
		},
		Workers: workers,

		JobTimeout: e.handlerTimeout, // the default is one minute whatever the handler needs
		// A job that runs for longer counts as lost, by default after an hour.
		// It must be more than a job can take, or a slow one would run twice.
		// What a process that died was working on is found sooner: see sweep.
		RescueStuckJobsAfter: e.handlerTimeout + e.rescueMargin,
		MaxAttempts:          mostAttempts, // the default is 25; what the handler fails at is counted by the worker
		// Dead letters are rows of this package, so River's may go; by default
		// they go after 7 days, and with them what they were about.
		CancelledJobRetentionPeriod: 24 * time.Hour,
		CompletedJobRetentionPeriod: time.Hour,
		DiscardedJobRetentionPeriod: 7 * 24 * time.Hour,
		SoftStopTimeout:             e.drainTimeout, // the default waits for ever
		FetchCooldown:               2 * time.Millisecond,
	}
}

func (e *Engine) open(ctx context.Context, s store) error {
	e.store = s
	e.intake, e.settles = e.newIntake(), newSettles(s)
	if err := s.migrate(ctx); err != nil {
		return fmt.Errorf("helios: durable: make the tables: %w", err)
	}
	if err := e.checkOwner(ctx); err != nil {
		return err
	}
	current, err := e.isCurrent(ctx, s.read)
	if err == nil && !current {
		err = e.checkGeneration(ctx)
	}
	if err != nil {
		return fmt.Errorf("helios: durable: open: %w", err)
	}
	return nil
}

// tablesVersion returns the version of the tables, or an error if a later
// release has migrated them and this one is too old to work on them.
func tablesVersion(ctx context.Context, run runner) (version int, err error) {
	err = run(ctx, query(func(r row) error { return r.Scan(&version) }, selectVersion))
	if err != nil || version <= len(migrations) {
		return version, err
	}

	var oldest int
	err = run(ctx, query(func(r row) error { return r.Scan(&oldest) }, selectOldest))
	if err == nil && oldest > len(migrations) {
		err = errors.New("a later version of this module has migrated them, " +
			"and this one is too old to use them")
	}
	return version, err
}

// migrateTables brings the tables to the version of this code, unless a later
// one has migrated them and still allows this one to work on them.
func migrateTables(ctx context.Context, run runner, apply func(script string) error) error {
	if err := run(ctx, exec(createMigrations)); err != nil {
		return err
	}
	version, err := tablesVersion(ctx, run)
	if err != nil || version >= len(migrations) {
		return err
	}

	for _, m := range migrations[version:] {
		if err := apply(m.script); err != nil {
			return err
		}
		version++
		if err := run(ctx, exec(insertMigration, version, micros(time.Now()))); err != nil {
			return err
		}
	}
	return run(ctx, exec(updateOldest, version, migrations[version-1].oldest))
}

// HandleFunc sets the function that every stored event is handed to: at least
// once, again after a wait if it returns an error or panics, until it returns
// nil or the attempts are used up ([WithMaxAttempts]) and the event is a dead
// letter. Events of one run may be handled at the same time and out of order,
// but a status update older than one that was handled is skipped; the final
// event never is. [KeyFrom] returns the key of the submission.
//
// Set it before Run; setting it again replaces it. A nil fn panics.
func (e *Engine) HandleFunc(fn func(ctx context.Context, ev *helios.Event) error) {
	if fn == nil {
		panic("helios: durable: HandleFunc: nil function")
	}
	e.handler.Store(&fn)
}

// Run submits what is queued and hands events to the handler, until ctx ends.
// Then it takes on nothing new, waits for what is under way as long as
// [WithDrainTimeout] says, cancels what is left, and returns nil. It returns an
// error if no handler is set, if Run is already running, if the store cannot be
// reached at the start, or if a handler has not returned even after it was
// cancelled.
//
// A process that only calls WebhookHandler and Submit methods, such as a web
// server beside workers, does not need to call it.
func (e *Engine) Run(ctx context.Context) error {
	if e.handler.Load() == nil {
		return errors.New("helios: durable: Run: no handler; call HandleFunc before")
	}
	if !e.running.CompareAndSwap(false, true) {
		return errors.New("helios: durable: Run: already running")
	}
	defer e.running.Store(false)
	if ctx.Err() != nil {
		return nil
	}
	// Before River, so that nobody takes this process for dead while it works.
	if err := e.beat(ctx); err != nil {
		return e.notStarted(ctx, err)
	}
	// River drains when this context ends, and cancels what is left after its
	// SoftStopTimeout.
	if err := e.store.start(ctx); err != nil {
		return e.notStarted(ctx, err)
	}
	beating, stopBeating := context.WithCancel(context.WithoutCancel(ctx)) // also while it drains
	defer stopBeating()
	var tasks sync.WaitGroup
	tasks.Go(func() { e.keepBeating(beating) })
	tasks.Go(func() { e.keepSweeping(ctx) })
	ended := make(chan struct{})
	go func() {
		<-e.store.stopped()
		stopBeating()
		tasks.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		e.leave(ctx)
		return nil
	case <-ctx.Done():
	}
	last := time.NewTimer(e.drainTimeout + e.drainGrace)
	defer last.Stop()
	select {
	case <-ended:
		e.leave(ctx)
		return nil
	case <-last.C:
		return errors.New("helios: durable: Run: a handler has not returned although its context was cancelled, " +
			"or the store does not answer")
	}
}

func (e *Engine) notStarted(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return fmt.Errorf("helios: durable: Run: %w", e.storeFailed("start", err))
	}
	e.leave(ctx)
	return nil
}

// Close closes the SQLite file, or the engine's own connections to PostgreSQL;
// the caller's pool stays open. Call it when Run has returned and no more
// webhooks come.
func (e *Engine) Close() error {
	if !e.closed.CompareAndSwap(false, true) {
		return nil
	}
	return e.store.close()
}

// Format prints nothing of the engine, whatever the verb.
func (e *Engine) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "durable.Engine{}") }

// LogValue logs nothing of the engine.
func (e *Engine) LogValue() slog.Value { return slog.StringValue("durable.Engine{}") }

func (e *Engine) storeFailed(doing string, err error) error {
	return &storeError{doing: doing, broken: e.store.broken(err), cause: err}
}

// detached is a context for what must be written down although the caller's
// context has ended, or may end any moment.
func detached(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), d)
}

// jittered adds up to a tenth, so that processes that wait for the same thing
// do not come back together.
func jittered(d time.Duration) time.Duration {
	return d + rand.N(d/10+1) //nolint:gosec // jitter
}

// wait returns after d, or false if ctx ends before.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
