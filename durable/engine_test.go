package durable

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

func TestSubmitToResult(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k)
		var handled calls
		e.HandleFunc(handled.handle)
		run(t, e)

		before := time.Now().Truncate(time.Microsecond)
		s, err := e.SubmitLabResults(t.Context(), "order-4711", labs())
		require.NoError(t, err)
		assert.Equal(t, "order-4711", s.Key)
		assert.Equal(t, Queued, s.State)
		assert.Equal(t, "lab-results", s.Agent)
		assert.WithinRange(t, s.CreatedAt, before, time.Now())
		_, err = s.Result()
		require.ErrorIs(t, err, helios.ErrNoResult)
		_, err = e.SubmitAgent(t.Context(), "order-4712", record())
		require.NoError(t, err)

		s = waitFor(t, e, "order-4711", Completed)
		result, err := s.Result()
		require.NoError(t, err)
		require.Len(t, result.LabResults, 1)
		assert.Equal(t, secretValue, result.LabResults[0].Value)
		assert.Equal(t, helios.StatusCompleted, s.Event.Status)
		assert.Equal(t, 1, s.Attempts)
		assert.Empty(t, s.Reason)
		assert.False(t,
			s.SubmittedAt.Before(s.CreatedAt) || s.AcceptedAt.Before(s.SubmittedAt) ||
				s.EndedAt.Before(s.AcceptedAt), "in order")

		s = waitFor(t, e, "order-4712", Completed)
		assert.Equal(t, "deep", s.Agent)
		eventually(t, func() bool { return len(handled.finals()) == 2 }, func() string { return "not handled" })
		assert.Equal(t, map[string]int{"order-4711": 1, "order-4712": 1}, handled.finals())

		runs := srv.Runs()
		require.Len(t, runs, 2)
		for _, r := range runs {
			assert.Contains(t, r.WebhookURL, srv.hook.URL+"/webhook?helios_ref=")
			if r.Agent == "deep" {
				assert.Contains(t, string(r.Request), `"imaging":[{"display":"Chest X-ray"}]`,
					"what has no field arrives too")
			}
		}
		assert.NotEqual(t, runs[0].WebhookURL, runs[1].WebhookURL)
	})
}

func TestStatusOfARun(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t, heliostest.WithStepInterval(time.Hour)) // it stays at its first step
		e := srv.open(t, k)
		e.HandleFunc(func(context.Context, *helios.Event) error { return nil })
		run(t, e)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		waitFor(t, e, "k", Accepted)
		var s *Submission
		eventually(t, func() bool {
			s, err = e.Status(t.Context(), "k")
			return err == nil && s.Progress.Step == 1
		}, func() string { return fmt.Sprint(s, err) })
		assert.Equal(t, helios.Progress{Step: 1, Total: 8, Name: "Processing started"}, s.Progress)
		assert.Equal(t, srv.Runs()[0].ID, s.RunID)
		assert.Nil(t, s.Event)

		_, err = e.Status(t.Context(), "another")
		require.ErrorIs(t, err, ErrNotFound)
		require.EqualError(t, err, "helios: durable: not found: another")
	})
}

func TestRunThatFails(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		srv.Inject(heliostest.FailRun("cannot read " + secretValue))
		e := srv.open(t, k)
		var handled calls
		e.HandleFunc(handled.handle)
		run(t, e)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		s := waitFor(t, e, "k", Failed)
		assert.Equal(t, reasonRunFailed, s.Reason)
		assert.Equal(t, "cannot read "+secretValue, s.Message)
		var failed *helios.RunError
		_, err = s.Result()
		require.ErrorAs(t, err, &failed)
		assert.NotContains(t, err.Error(), secretValue)
		eventually(t, func() bool { return handled.finals()["k"] == 1 }, func() string { return "not handled" })
	})
}

func TestRun_NeedsAHandlerAndRunsOnce(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k)
		require.EqualError(t, e.Run(t.Context()), "helios: durable: Run: no handler; call HandleFunc before")
		assert.Panics(t, func() { e.HandleFunc(nil) })
		e.HandleFunc(func(context.Context, *helios.Event) error { return nil })

		ended, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, e.Run(ended))

		stop := run(t, e)
		eventually(t, func() bool { return e.running.Load() }, func() string { return "does not run" })
		require.EqualError(t, e.Run(t.Context()), "helios: durable: Run: already running")
		stop()
		assert.Empty(t, read[string](t, e, `SELECT id FROM {workers}`), "it has left")
		stop = run(t, e) // again
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		waitFor(t, e, "k", Completed)
		stop()
	})
}

func TestRun_Drains(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k)
		started, finish := make(chan struct{}), make(chan struct{})
		var handled calls
		e.HandleFunc(func(ctx context.Context, ev *helios.Event) error {
			close(started)
			<-finish
			return handled.handle(ctx, ev)
		})
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-1", "completed", 9)))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- e.Run(ctx) }()
		<-started
		cancel()
		assert.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-2", "completed", 9)),
			"what comes meanwhile is stored")
		close(finish)
		require.NoError(t, <-done)
		assert.Len(t, handled.all(), 1, "what was under way was waited for, what came was left")
		assert.Equal(t, []string{"handled", "pending"}, read[string](t, e, `SELECT state FROM {events} ORDER BY id`))
	})
}

func TestRun_CancelsWhatDoesNotEnd(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k, WithDrainTimeout(50*time.Millisecond))
		started := make(chan struct{})
		e.HandleFunc(func(ctx context.Context, _ *helios.Event) error {
			close(started)
			<-ctx.Done()
			return ctx.Err()
		})
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-1", "completed", 9)))
		stop := run(t, e)
		<-started
		stop()
		assert.Equal(t, []string{"pending"}, read[string](t, e, `SELECT state FROM {events}`), "it is handled again")
	})
}

func TestOpen_ManyAtOnce(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		var opening sync.WaitGroup
		for range 8 {
			opening.Go(func() {
				e, err := k.tryOpen(t.Context(), srv.client, srv.receiver)
				if assert.NoError(t, err) {
					_, err = e.SubmitLabResults(t.Context(), "k", labs())
					assert.NoError(t, err)
					assert.NoError(t, e.Close())
					assert.NoError(t, e.Close(), "again")
				}
			})
		}
		opening.Wait()
		e := srv.open(t, k)
		versions := read[int](t, e, `SELECT version FROM {migrations} ORDER BY version`)
		require.Len(t, versions, len(migrations), "each once")
		for i, version := range versions {
			assert.Equal(t, i+1, version)
		}
		s, err := e.Status(t.Context(), "k")
		require.NoError(t, err)
		assert.Equal(t, Queued, s.State)
	})
}

func TestOpen_Refuses(t *testing.T) {
	t.Parallel()
	srv := newService(t)
	resubmits, err := helios.NewClient(helios.WithAPIKey("k"), helios.WithResubmitOnUnknownOutcome())
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "helios.db")
	for name, c := range map[string]struct {
		client   *helios.Client
		receiver *helios.Receiver
		path     string
		option   Option
		want     string
	}{
		"no client":             {nil, srv.receiver, file, nil, "helios: durable: nil client"},
		"no receiver":           {srv.client, nil, file, nil, "helios: durable: nil receiver"},
		"a client that repeats": {resubmits, srv.receiver, file, nil, "would pay twice"},
		"no path":               {srv.client, srv.receiver, "", nil, "path must name a file"},
		"memory":                {srv.client, srv.receiver, ":memory:", nil, "path must name a file"},
		"a URL":                 {srv.client, srv.receiver, "file:x.db", nil, "path must name a file"},
		"no such folder":        {srv.client, srv.receiver, filepath.Join(file, "x", "y.db"), nil, "OpenSQLite"},
		"schema":                {srv.client, srv.receiver, file, WithSchema("Ö"), "WithSchema"},
		"logger":                {srv.client, srv.receiver, file, WithLogger(nil), "WithLogger: nil logger"},
		"codec":                 {srv.client, srv.receiver, file, WithCodec(nil), "WithCodec: nil codec"},
		"retention":             {srv.client, srv.receiver, file, WithRetention(0), "WithRetention: must be positive"},
		"slots":                 {srv.client, srv.receiver, file, WithMaxSlots(0), "WithMaxSlots: must be positive"},
		"handler timeout": {srv.client, srv.receiver, file, WithHandlerTimeout(-1),
			"WithHandlerTimeout: must be positive"},
		"handlers": {srv.client, srv.receiver, file, WithHandlers(0), "WithHandlers: must be positive"},
		"attempts": {srv.client, srv.receiver, file, WithMaxAttempts(0),
			"WithMaxAttempts: must be positive"},
		"too many attempts": {srv.client, srv.receiver, file, WithMaxAttempts(40_000),
			"WithMaxAttempts: more than 30,000"},
		"unknown deadline": {srv.client, srv.receiver, file, WithUnknownDeadline(0),
			"WithUnknownDeadline: must be positive"},
		"on unknown": {srv.client, srv.receiver, file, WithOnUnknown(nil), "WithOnUnknown: nil function"},
		"result deadline": {srv.client, srv.receiver, file, WithResultDeadline(0),
			"WithResultDeadline: must be positive"},
		"handler errors": {srv.client, srv.receiver, file, WithHandlerErrors(nil),
			"WithHandlerErrors: nil function"},
		"spend limit": {srv.client, srv.receiver, file, WithSpendLimit(0, time.Hour),
			"WithSpendLimit: must be positive"},
		"spend limit NaN": {srv.client, srv.receiver, file, WithSpendLimit(math.NaN(), time.Hour),
			"WithSpendLimit: must be positive"},
		"spend time": {srv.client, srv.receiver, file, WithSpendLimit(1, 0),
			"WithSpendLimit: must be positive"},
		"trace context": {srv.client, srv.receiver, file, WithTraceContext(nil, nil),
			"WithTraceContext: nil function"},
		"account": {srv.client, srv.receiver, file, WithAccount(""), "WithAccount: the name must be"},
		"on restore": {srv.client, srv.receiver, file, WithOnRestore(Fail),
			"WithOnRestore: must be Hold or Resubmit"},
		"drain timeout": {srv.client, srv.receiver, file, WithDrainTimeout(0),
			"WithDrainTimeout: must be positive"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := OpenSQLite(t.Context(), c.path, c.client, c.receiver, nil, c.option)
			require.ErrorContains(t, err, c.want)
			assert.True(t, strings.HasPrefix(err.Error(), "helios: durable: "), err.Error())
		})
	}
	_, err = OpenPostgres(t.Context(), nil, srv.client, srv.receiver)
	require.EqualError(t, err, "helios: durable: OpenPostgres: nil pool")
}

func TestOpenPostgres_SmallPool(t *testing.T) {
	t.Parallel()
	pool := testPool(t, databaseURL()+"?pool_max_conns=3")
	srv := newService(t)
	cfg := pool.Config()
	cfg.MaxConns = 3
	small := poolOf(t, cfg)
	_, err := OpenPostgres(t.Context(), small, srv.client, srv.receiver)
	require.EqualError(t, err, "helios: durable: OpenPostgres: the pool has 3 connections, at least 4 are needed")
}

// TestStoreDown: what the caller is told when the store is gone.
func TestStoreDown(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		if k.pool != nil {
			k.pool = poolOf(t, k.pool.Config())
		}
		e, err := k.tryOpen(t.Context(), srv.client, srv.receiver,
			func(c *config) error { c.patience = 10 * time.Millisecond; return nil })
		require.NoError(t, err)
		e.HandleFunc(func(context.Context, *helios.Event) error { return nil })
		require.EqualError(t, e.Health(t.Context()), ErrNotRunning.Error(), "the store works")
		require.NoError(t, e.Close())
		if k.pool != nil {
			k.pool.Close()
		}

		assert.Equal(t, http.StatusServiceUnavailable, srv.deliver(t, e, "", eventBody("run-1", "completed", 9)))
		_, submit := e.SubmitLabResults(t.Context(), "k", labs())
		_, status := e.Status(t.Context(), "k")
		_, stats := e.Stats(t.Context())
		_, dead := e.DeadLetters(t.Context(), 0, 10)
		for name, err := range map[string]error{
			"submit": submit, "status": status, "stats": stats, "dead letters": dead, "replay": e.Replay(t.Context(),
				1),
			"resolve": e.Resolve(t.Context(), "k", Fail), "health": e.Health(t.Context()), "run": e.Run(t.Context()),
		} {
			require.ErrorIs(t, err, helios.ErrUnavailable, name)
			assert.True(t, strings.HasPrefix(err.Error(), "helios: durable: "), err.Error())
			var failed *storeError
			require.ErrorAs(t, err, &failed)
			require.Error(t, errors.Unwrap(failed))
		}
	})
}
