package durable

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

func nothing(context.Context, *helios.Event) error { return nil }

func TestSubmit_SameKey(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k)
		e.HandleFunc(nothing)
		var submitting sync.WaitGroup
		for range 20 {
			submitting.Go(func() {
				_, err := e.SubmitLabResults(t.Context(), "k", labs())
				assert.NoError(t, err)
			})
		}
		submitting.Wait()
		run(t, e)
		waitFor(t, e, "k", Completed)
		assert.Len(t, srv.Runs(), 1)

		s, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		assert.Equal(t, Completed, s.State, "the same submission")
		_, err = s.Result()
		require.NoError(t, err)

		for name, submit := range map[string]func() error{
			"other labs": func() error { _, err := e.SubmitLabResults(t.Context(), "k", labs("140")); return err },
			"a record":   func() error { _, err := e.SubmitAgent(t.Context(), "k", record()); return err },
			"other webhook": func() error {
				req := labs()
				req.WebhookURL = "https://api.customer.example/another"
				_, err := e.SubmitLabResults(t.Context(), "k", req)
				return err
			},
		} {
			err := submit()
			require.ErrorIs(t, err, ErrKeyConflict, name)
			require.EqualError(t, err, "helios: durable: the key was used for another request: k")
		}
	})
}

func TestSubmit_Refuses(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k)
		var invalid *helios.ValidationError
		_, err := e.SubmitLabResults(t.Context(), "k", &helios.LabResultsRequest{})
		require.ErrorAs(t, err, &invalid)
		_, err = e.SubmitLabResults(t.Context(), "k", nil)
		require.ErrorAs(t, err, &invalid)
		_, err = e.SubmitAgent(t.Context(), "k", nil)
		require.ErrorAs(t, err, &invalid)
		for key, want := range map[string]string{
			"": "is empty", strings.Repeat("k",
				201): "longer than 200", "a\x00b": "UTF-8", "\xff": "UTF-8", " k": "white space",
		} {
			_, err := e.SubmitLabResults(t.Context(), key, labs())
			require.ErrorContains(t, err, want)
			require.NotErrorIs(t, err, helios.ErrUnavailable)
		}
		assert.Empty(t, read[string](t, e, `SELECT key FROM {submissions}`))
		assert.Empty(t, read[int64](t, e, `SELECT id FROM {river_job}`))
		_, err = e.SubmitLabResults(t.Context(), strings.Repeat("ä", 100), labs())
		require.NoError(t, err)
	})
}

func TestSubmitTx_SQLite(t *testing.T) {
	t.Parallel()
	srv := newService(t)
	e, err := OpenSQLite(t.Context(), testFile(t), srv.client, srv.receiver, quick)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	srv.handler.set(e.WebhookHandler())
	e.HandleFunc(nothing)
	require.NotNil(t, e.River())
	order := func(key string, fail error) error {
		return e.InTx(t.Context(), func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(t.Context(), `CREATE TABLE IF NOT EXISTS orders (id TEXT)`); err != nil {
				return err
			}
			if _, err := tx.ExecContext(t.Context(), `INSERT INTO orders VALUES (?)`, key); err != nil {
				return err
			}
			if _, err := e.SubmitLabResultsTx(t.Context(), tx, key, labs()); err != nil {
				return err
			}
			if _, err := e.SubmitAgentTx(t.Context(), tx, key+"-record", record()); err != nil {
				return err
			}
			return fail
		})
	}
	require.ErrorIs(t, order("rolled-back", errHandler), errHandler)
	require.NoError(t, order("committed", nil))
	run(t, e.Engine)
	waitFor(t, e.Engine, "committed", Completed)
	waitFor(t, e.Engine, "committed-record", Completed)
	_, err = e.Status(t.Context(), "rolled-back")
	require.ErrorIs(t, err, ErrNotFound)
	assert.Equal(t, []string{"committed"}, read[string](t, e.Engine, `SELECT id FROM orders`))
	assert.Len(t, srv.Runs(), 2)
}

func TestSubmitTx_Postgres(t *testing.T) {
	t.Parallel()
	pool, schema := testPool(t, databaseURL()), unmadeSchema(t)
	srv := newService(t)
	e, err := OpenPostgres(t.Context(), pool, srv.client, srv.receiver, quick, WithSchema(schema))
	require.NoError(t, err)
	srv.handler.set(e.WebhookHandler())
	e.HandleFunc(nothing)
	require.NotNil(t, e.River())
	_, err = pool.Exec(t.Context(), `CREATE TABLE `+schema+`.orders (id TEXT)`)
	require.NoError(t, err)
	order := func(key string, fail error) error {
		return pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), `INSERT INTO `+schema+`.orders VALUES ($1)`, key); err != nil {
				return err
			}
			if _, err := e.SubmitLabResultsTx(t.Context(), tx, key, labs()); err != nil {
				return err
			}
			if _, err := e.SubmitLabResultsTx(t.Context(), tx, key, labs("140")); assert.Error(t,
				err) { // spoils nothing
				assert.ErrorIs(t, err, ErrKeyConflict)
			}
			if _, err := e.SubmitAgentTx(t.Context(), tx, key+"-record", record()); err != nil {
				return err
			}
			return fail
		})
	}
	require.ErrorIs(t, order("rolled-back", errHandler), errHandler)
	require.NoError(t, order("committed", nil))
	run(t, e.Engine)
	waitFor(t, e.Engine, "committed", Completed)
	waitFor(t, e.Engine, "committed-record", Completed)
	_, err = e.Status(t.Context(), "rolled-back")
	require.ErrorIs(t, err, ErrNotFound)
	var orders int
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM `+schema+`.orders`).Scan(&orders))
	assert.Equal(t, 1, orders)
	assert.Len(t, srv.Runs(), 2)
}

// TestSlots: engines that share a store share the account's slots, and use them
// all.
func TestSlots(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t, heliostest.WithLimit(7), heliostest.WithStepInterval(3*time.Millisecond))
		engines := []*Engine{srv.open(t, k), srv.open(t, k)}
		const orders = 30
		for i := range orders {
			_, err := engines[i%2].SubmitLabResults(t.Context(), fmt.Sprintf("k%02d", i), labs())
			require.NoError(t, err)
		}
		for _, e := range engines {
			e.HandleFunc(nothing)
			run(t, e)
		}
		most := 0
		for i := range orders {
			eventually(t, func() bool {
				most = max(most, srv.Active("lab-results"))
				s, err := engines[0].Status(t.Context(), fmt.Sprintf("k%02d", i))
				return err == nil && s.State == Completed
			}, func() string { return fmt.Sprintf("order %d of %d", i, orders) })
		}
		assert.Len(t, srv.Runs(), orders)
		assert.LessOrEqual(t, most, 7)
		for _, r := range srv.Requests() {
			assert.Equal(t, http.StatusOK, r.StatusCode, "the limit was never reached")
		}
	})
}

// TestSlots_Learned: the account's limit is what the service says, in an answer
// or in a refusal.
func TestSlots_Learned(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		for _, limit := range []int{2, 12} {
			t.Run(fmt.Sprint(limit), func(t *testing.T) {
				srv := newService(t, heliostest.WithLimit(limit), heliostest.WithRetryAfter(time.Second),
					heliostest.WithStepInterval(time.Hour))
				e := srv.open(t, k.another(t))
				for i := range 20 {
					_, err := e.SubmitLabResults(t.Context(), fmt.Sprintf("k%02d", i), labs())
					require.NoError(t, err)
				}
				e.HandleFunc(nothing)
				run(t, e)
				eventually(t, func() bool {
					stats, err := e.Stats(t.Context())
					return err == nil && stats.Slots["lab-results"] == Slots{limit,
						limit} && len(srv.Runs()) >= limit // a slot is taken before the submission is sent
				}, func() string { stats, err := e.Stats(t.Context()); return fmt.Sprint(stats, err) })
				assert.Len(t, srv.Runs(), limit)
			})
		}
	})
}

func TestSlots_Capped(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t, heliostest.WithStepInterval(time.Hour))
		e := srv.open(t, k, WithMaxSlots(2))
		e.HandleFunc(nothing)
		run(t, e)
		for i := range 5 {
			_, err := e.SubmitLabResults(t.Context(), fmt.Sprintf("k%d", i), labs())
			require.NoError(t, err)
			_, err = e.SubmitAgent(t.Context(), fmt.Sprintf("a%d", i), record())
			require.NoError(t, err)
		}
		var stats Stats
		eventually(t, func() bool { // the answers are written down a little later than the service gives them
			var err error
			stats, err = e.Stats(t.Context())
			return err == nil && stats.Running == 4
		}, func() string { return fmt.Sprint(stats) })
		sweepNow(t, e)
		stats, err := e.Stats(t.Context())
		require.NoError(t, err)
		assert.Equal(t, map[string]Slots{"lab-results": {2, 2}, "deep": {2, 2}, "light": {0, 2}}, stats.Slots)
		assert.Equal(t, 6, stats.Queued)
		assert.Equal(t, 4, stats.Running)
		assert.Positive(t, stats.OldestQueued)
		assert.Len(t, srv.Runs(), 4)
	})
}

// TestBusy: a 429 waits for as long as it says, and so does what comes after
// it. It uses up nothing.
func TestBusy(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t, heliostest.WithRetryAfter(time.Hour))
		srv.Inject(heliostest.Status(http.StatusTooManyRequests))
		var now clock
		e := srv.open(t, k, now.option)
		e.HandleFunc(nothing)
		run(t, e)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		var s *Submission
		eventually(t, func() bool {
			s, err = e.Status(t.Context(), "k")
			return err == nil && s.State == Queued && s.Reason != ""
		}, func() string { return fmt.Sprint(s, err) })
		assert.Contains(t, s.Reason, "429")
		_, err = e.SubmitLabResults(t.Context(), "k2", labs())
		require.NoError(t, err)
		now.forward(59 * time.Minute)
		sweepNow(t, e)
		require.Len(t, srv.Requests(), 1)

		now.forward(10 * time.Minute)
		s = waitFor(t, e, "k", Completed)
		assert.Equal(t, 2, s.Attempts)
		waitFor(t, e, "k2", Completed)
		requests := srv.Requests()
		assert.Len(t, requests, 3)
		assert.Equal(t, http.StatusTooManyRequests, requests[0].StatusCode)
		for _, attempt := range read[int](t, e, `SELECT attempt FROM {river_job} WHERE kind = 'helios_submit'`) {
			assert.LessOrEqual(t, attempt, 1)
		}
		assert.Len(t, srv.Runs(), 2)
		assert.Len(t, read[string](t, e, `SELECT reference FROM {references}`), 2,
			"what was not accepted keeps its reference")
	})
}

// TestNotSent: what certainly was not accepted is sent again by itself.
func TestNotSent(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		srv.Inject(heliostest.Status(http.StatusUnauthorized))
		for name, c := range map[string]struct {
			opts   []helios.ClientOption
			reason string
		}{
			"no connection": {[]helios.ClientOption{helios.WithHTTPClient(&http.Client{Transport: &http.Transport{
				DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:1")
				},
			}})}, "connection refused"},
			"no key": {[]helios.ClientOption{helios.WithAPIKeySource(func(context.Context) (string,
				error) {
				return "", helios.ErrMissingAPIKey
			})},
				"API key: it is missing"},
			"wrong key": {[]helios.ClientOption{helios.WithAPIKey("sk_live_wrong")}, "401"},
		} {
			client, err := helios.NewClient(append([]helios.ClientOption{
				helios.WithAPIKey(srv.APIKey), helios.WithBaseURL(srv.URL), helios.WithWebhookURL(srv.hook.URL),
				helios.WithMaxRetries(0)}, c.opts...)...)
			require.NoError(t, err)
			k := k.another(t)
			broken := k.open(t, client, srv.receiver)
			broken.HandleFunc(nothing)
			stop := run(t, broken)
			_, err = broken.SubmitLabResults(t.Context(), name, labs())
			require.NoError(t, err)
			var s *Submission
			eventually(t, func() bool {
				s, err = broken.Status(t.Context(), name)
				return err == nil && s.State == Queued && s.Attempts > 2
			}, func() string { return fmt.Sprint(s, err) })
			assert.Contains(t, s.Reason, c.reason, name)
			stop()

			e := srv.open(t, k) // as after a correction and a restart
			e.HandleFunc(nothing)
			stop = run(t, e)
			waitFor(t, e, name, Completed)
			stop()
		}
		assert.Len(t, srv.Runs(), 3)
	})
}

// TestRefused: what the service refuses ends, with the service's words.
func TestRefused(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		srv.Inject(heliostest.Status(http.StatusBadRequest))
		e := srv.open(t, k, WithMaxSlots(1))
		e.HandleFunc(nothing)
		run(t, e)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		s := waitFor(t, e, "k", Failed)
		assert.Contains(t, s.Reason, "400 Bad Request")
		assert.Equal(t, "injected by the test", s.Message)
		assert.False(t, s.EndedAt.IsZero())
		_, err = e.SubmitLabResults(t.Context(), "next", labs("140"))
		require.NoError(t, err)
		waitFor(t, e, "next", Completed) // its slot was freed

		require.ErrorIs(t, e.Resolve(t.Context(), "k", Fail), ErrState, "it has failed already")
		require.NoError(t, e.Resolve(t.Context(), "k", Resubmit))
		s = waitFor(t, e, "k", Completed)
		assert.Equal(t, 2, s.Attempts)
		assert.Empty(t, s.Message)
		require.ErrorIs(t, e.Resolve(t.Context(), "k", Resubmit), ErrState, "never what is completed")
	})
}
