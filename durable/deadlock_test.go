package durable

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// openTimingOut opens an engine whose transactions look for a deadlock after so
// long. What waits longest finds none, and is not ended.
func (s *service) openTimingOut(t *testing.T, k kind, deadlockTimeout string, opts ...Option) *Engine {
	t.Helper()
	cfg := k.pool.Config()
	cfg.ConnConfig.RuntimeParams["deadlock_timeout"] = deadlockTimeout
	return s.open(t, kind{pool: poolOf(t, cfg), schema: k.schema}, append(opts, idle)...)
}

// accepted makes submissions that run since the year 1970.
func accepted(t *testing.T, e *Engine, keys ...string) {
	t.Helper()
	for _, key := range keys {
		_, err := e.SubmitLabResults(t.Context(), key, labs())
		require.NoError(t, err)
		change(t, e, `UPDATE {submissions} SET state = 'accepted', run_id = $1, accepted_at = 1 WHERE key = $2`,
			"run-"+key, key)
		change(t, e, `INSERT INTO {references} (reference, key, run_id, created_at) VALUES ($1, $2, $3, 1)`,
			"reference-"+key, key, "run-"+key)
	}
}

func deliveryOf(t *testing.T, key string) *delivery {
	t.Helper()
	ev, err := helios.ParseEvent(eventBody("run-"+key, helios.StatusCompleted, 9))
	require.NoError(t, err)
	return &delivery{event: ev, runID: ev.RunID, discriminator: discriminator(ev), body: ev.Raw}
}

// pausingStore calls meanwhile before it runs what changes something for the
// second time, in its first transaction.
type pausingStore struct {
	store
	writes    int
	meanwhile func()
}

type pausingTx struct {
	transaction
	changed   int
	meanwhile func()
}

func (s *pausingStore) write(ctx context.Context, fn func(transaction) error) error {
	return s.store.write(ctx, func(tx transaction) error {
		if s.writes++; s.writes > 1 {
			return fn(tx)
		}
		return fn(&pausingTx{transaction: tx, meanwhile: s.meanwhile})
	})
}

func (t *pausingTx) run(ctx context.Context, statements ...*statement) error {
	if statements[0].scan == nil {
		if t.changed++; t.changed == 2 {
			t.meanwhile()
		}
	}
	return t.transaction.run(ctx, statements...)
}

// TestPostgres_Deadlock: another transaction holds the events of a submission
// and wants the submission, which Forget locks the other way round. PostgreSQL
// ends Forget's, which runs again.
func TestPostgres_Deadlock(t *testing.T) {
	t.Parallel()
	k := onPostgres(t)
	srv := newService(t)
	e := srv.openTimingOut(t, k, "10ms")
	accepted(t, e, "a")
	require.NoError(t, e.commit(t.Context(), []*delivery{deliveryOf(t, "a")}))
	change(t, e, `UPDATE {events} SET state = 'handled'`)
	change(t, e, `DELETE FROM {ends}`)

	other := beginOther(t, k, "1h", `{events} WHERE run_id = 'run-a'`)
	ended := make(chan error, 1)
	pausing := &pausingStore{store: e.store, meanwhile: func() {
		go func() { ended <- other.lockAndCommit(t.Context(), `{submissions} WHERE key = 'a'`) }()
		waitForLock(t, k)
	}}
	e.store = pausing
	require.NoError(t, e.Forget(t.Context(), "a"))
	require.NoError(t, <-ended)
	// The second may lock the submission before the other has woken up.
	assert.GreaterOrEqual(t, pausing.writes, 2)
	assert.Equal(t, []bool{true}, read[bool](t, e, `SELECT body IS NULL FROM {events}`))
}

// TestPostgres_Isolation: a connection's default isolation does not make
// transactions fail that wait for each other.
func TestPostgres_Isolation(t *testing.T) {
	t.Parallel()
	k := onPostgres(t)
	cfg := k.pool.Config()
	cfg.ConnConfig.RuntimeParams["default_transaction_isolation"] = "serializable"
	srv := newService(t)
	e := srv.open(t, kind{pool: poolOf(t, cfg), schema: k.schema}, idle)
	accepted(t, e, "a")

	other := beginOther(t, k, "1s", `{submissions} WHERE key = 'a'`)
	_, err := other.Exec(t.Context(), other.tables.dialect.sql(`UPDATE {submissions} SET message = '' WHERE key = 'a'`))
	require.NoError(t, err)
	completed := make(chan error, 1)
	final := deliveryOf(t, "a")
	go func() { completed <- e.commit(context.Background(), []*delivery{final}) }()
	waitForLock(t, k)
	require.NoError(t, other.Commit(t.Context()))
	require.NoError(t, <-completed)
	assert.Equal(t, Completed, status(t, e, "a").State)
}

// TestIntake_InOrder: webhooks that come together lock the rows of their runs
// in one order, whichever came first, so that those of two processes do not
// lock each other out.
func TestIntake_InOrder(t *testing.T) {
	t.Parallel()
	for _, keys := range [][]string{{"a", "b"}, {"b", "a"}} {
		t.Run(keys[0]+" first", func(t *testing.T) {
			t.Parallel()
			k := onPostgres(t)
			srv := newService(t)
			e := srv.openTimingOut(t, k, "1h")
			accepted(t, e, keys...)

			// The other is the one that a deadlock would end.
			other := beginOther(t, k, "10ms", `{submissions} WHERE key = 'a'`)
			committed := make(chan error, 1)
			both := []*delivery{deliveryOf(t, keys[0]), deliveryOf(t, keys[1])}
			go func() { committed <- e.commit(context.Background(), both) }()
			waitForLock(t, k)
			require.NoError(t, other.lockAndCommit(t.Context(), `{submissions} WHERE key = 'b'`))
			require.NoError(t, <-committed)
			for _, key := range keys {
				assert.Equal(t, Completed, status(t, e, key).State)
			}
		})
	}
}

// otherTx is a transaction of another process.
type otherTx struct {
	pgx.Tx
	tables *postgresTables
}

// beginOther begins one that has locked rows.
func beginOther(t *testing.T, k kind, deadlockTimeout, rows string) *otherTx {
	t.Helper()
	tx, err := k.pool.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	o := &otherTx{tx, newPostgresTables(k.schema)}
	_, err = tx.Exec(t.Context(), "SET LOCAL deadlock_timeout = '"+deadlockTimeout+"'")
	require.NoError(t, err)
	require.NoError(t, o.lock(t.Context(), rows))
	return o
}

func (o *otherTx) lock(ctx context.Context, rows string) error {
	_, err := o.Exec(ctx, o.tables.dialect.sql(`SELECT 1 FROM `+rows+` FOR UPDATE`))
	return err
}

func (o *otherTx) lockAndCommit(ctx context.Context, rows string) error {
	if err := o.lock(ctx, rows); err != nil {
		_ = o.Rollback(ctx)
		return err
	}
	return o.Commit(ctx)
}
