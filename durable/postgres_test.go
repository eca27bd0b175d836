package durable

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// TestPostgres_SynchronousCommit/a_connection_turned_it_off is the input of a
// loss: it was checked once, on one connection, and 6 of 1,064 acknowledged
// events were gone after a crash.
func TestPostgres_SynchronousCommit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ connection, transaction string }{
		"a connection turned it off": {"off", "on"},
		"local is left alone":        {"local", "local"},
		"remote_apply is left alone": {"remote_apply", "remote_apply"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testPool(t, databaseURL()).Config()
			cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
				_, err := conn.Exec(ctx, "SET synchronous_commit = "+test.connection)
				return err
			}
			e := newService(t).open(t, kind{pool: poolOf(t, cfg), schema: testSchema(t)})
			var setting string
			require.NoError(t, e.store.write(t.Context(), func(tx transaction) error {
				return tx.run(t.Context(), query(func(r row) error { return r.Scan(&setting) },
					`SELECT current_setting('synchronous_commit')`))
			}))
			assert.Equal(t, test.transaction, setting)
			outside := read[string](t, e, `SELECT current_setting('synchronous_commit')`)
			assert.Equal(t, []string{test.connection}, outside)
		})
	}
}

// TestPostgres_HandlersUseUpThePool: with 4 connections and handlers that keep
// all of them, webhooks were answered with 503 and heartbeats came late.
func TestPostgres_HandlersUseUpThePool(t *testing.T) {
	t.Parallel()
	cfg := testPool(t, databaseURL()).Config()
	cfg.MaxConns = minConnections
	pool := poolOf(t, cfg)
	srv := newService(t)
	e := srv.open(t, kind{pool: pool, schema: testSchema(t)})

	var holding sync.WaitGroup
	holding.Add(minConnections)
	release := make(chan struct{})
	e.HandleFunc(func(ctx context.Context, ev *helios.Event) error {
		if ev.Status == helios.StatusCompleted {
			return nil
		}
		return pool.AcquireFunc(ctx, func(*pgxpool.Conn) error {
			holding.Done()
			<-release
			return nil
		})
	})
	run(t, e)
	defer close(release)
	for number := range minConnections {
		body := eventBody("run-1", "processing", number+1)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", body))
	}
	holding.Wait()

	require.NoError(t, e.beat(t.Context()))
	assert.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-2", helios.StatusCompleted, 7)))
	eventually(t, func() bool {
		return len(read[int64](t, e, `SELECT id FROM {events} WHERE run_id = 'run-2' AND state = 'handled'`)) == 1
	}, func() string { return "the event of another run is not handled" })
}

// TestPostgres_CloseLeavesThePool: the engine's connections are closed and the
// caller's are not.
func TestPostgres_CloseLeavesThePool(t *testing.T) {
	t.Parallel()
	pool := testPool(t, databaseURL())
	srv := newService(t)
	e, err := OpenPostgres(t.Context(), pool, srv.client, srv.receiver, WithSchema(testSchema(t)))
	require.NoError(t, err)

	require.NoError(t, e.Close())
	require.NoError(t, e.Close())
	require.ErrorIs(t, e.Health(t.Context()), helios.ErrUnavailable)
	require.NoError(t, pool.Ping(t.Context()))
}
