package durable

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// explaining is a store on PostgreSQL that asks for the plan of each statement
// before it runs it.
type explaining struct {
	*postgresStore
	mu    sync.Mutex
	plans map[string]string // by statement
}

func (s *explaining) read(ctx context.Context, statements ...*statement) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return s.explain(ctx, tx, statements) })
	if err != nil {
		return err
	}
	return s.postgresStore.read(ctx, statements...)
}

func (s *explaining) write(ctx context.Context, fn func(transaction) error) error {
	return s.postgresStore.write(ctx, func(tx transaction) error {
		own, ok := tx.(*postgresTx)
		if !ok {
			return fmt.Errorf("a transaction is a %T", tx)
		}
		return fn(&explainingTx{own, s})
	})
}

type explainingTx struct {
	*postgresTx
	store *explaining
}

func (t *explainingTx) run(ctx context.Context, statements ...*statement) error {
	if err := t.store.explain(ctx, t.tx, statements); err != nil {
		return err
	}
	return t.postgresTx.run(ctx, statements...)
}

func (s *explaining) explain(ctx context.Context, tx pgx.Tx, statements []*statement) error {
	for _, st := range statements {
		rows, err := tx.Query(ctx, "EXPLAIN "+s.dialect.sql(st.sql), st.args...)
		if err != nil {
			return err
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return fmt.Errorf("%s: %w", st.sql, err)
		}
		s.mu.Lock()
		s.plans[strings.Join(strings.Fields(st.sql), " ")] = strings.Join(lines, "\n")
		s.mu.Unlock()
	}
	return nil
}

// fillPostgres makes a store with so many submissions, of which most have
// completed, each with a final event, of which most are handled.
func (k kind) fillPostgres(t *testing.T, rows int) {
	t.Helper()
	tables := newPostgresTables(k.schema)
	for _, sql := range []string{
		`INSERT INTO {submissions} (key, agent, state, digest, request, reference, run_id, attempts, created_at, due_at,
				submitted_at, accepted_at, ended_at, slot_until)
			SELECT 'key-' || n, (ARRAY['light', 'deep', 'lab-results'])[1 + n % 3],
				CASE n % 1000 WHEN 1 THEN 'queued' WHEN 2 THEN 'unknown' WHEN 3 THEN 'accepted' WHEN 4 THEN 'overdue'
					WHEN 5 THEN 'failed' WHEN 6 THEN 'canceled' ELSE 'completed' END,
				'\x00', '{}', 'reference-' || n, CASE WHEN n % 1000 > 2 OR n % 1000 = 0 THEN 'run-' || n END,
				1, n, n, n, n, CASE WHEN n % 1000 > 3 OR n % 1000 = 0 THEN n END, CASE WHEN n = 3 THEN $2 END
			FROM generate_series(1, $1) n`,
		`INSERT INTO {references} (reference, key, run_id, created_at, agent, spent_at)
			SELECT 'reference-' || n, 'key-' || n, CASE WHEN n % 1000 > 2 OR n % 1000 = 0 THEN 'run-' || n END, n,
				(ARRAY['light', 'deep', 'lab-results'])[1 + n % 3], CASE WHEN n > $1 - 100 THEN $2 ELSE n END
			FROM generate_series(1, $1) n`,
		`INSERT INTO {events} (id, run_id, sequence_number, discriminator, final, state, body, job_id, received_at,
				settled_at)
			SELECT n, 'run-' || n, 9, 'completed', 1,
				CASE n % 1000 WHEN 7 THEN 'pending' WHEN 8 THEN 'dead' ELSE 'handled' END,
				convert_to('{"runId":"run-' || n || '","status":"completed"}', 'UTF8'), n, n,
				CASE WHEN n % 1000 <> 7 THEN n + $2 - $2 END
			FROM generate_series(1, $1) n`,
		`INSERT INTO {ends} (id, key, ended_as, state, job_id, ended_at, settled_at)
			SELECT n, 'key-' || n, 'completed', CASE n % 2 WHEN 0 THEN 'pending' ELSE 'dead' END, n, n + $2 - $2, n
			FROM generate_series(1, $1) n WHERE n % 100 = 0`,
	} {
		sql := strings.NewReplacer("$1", fmt.Sprint(rows), "$2", fmt.Sprint(time.Now().Add(time.Hour).UnixMicro())).
			Replace(tables.dialect.sql(sql))
		_, err := k.pool.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	for _, table := range []string{"{submissions}", "{references}", "{events}", "{ends}"} {
		_, err := k.pool.Exec(t.Context(), "VACUUM ANALYZE "+tables.dialect.sql(table))
		require.NoError(t, err)
	}
}

// scan finds a table that a plan reads through, of those that grow with what
// was ever submitted.
var scan = regexp.MustCompile(`Seq Scan on (helios_(?:submissions|references|events))\b`)

// TestPostgresPlans explains what Stats, lists, reads, decisions, sweeps and
// webhooks ask a store with 100,000 submissions and events: nothing reads
// through a table.
func TestPostgresPlans(t *testing.T) {
	if testing.Short() {
		t.Skip("to fill a store takes long")
	}
	t.Parallel()
	const rows = 100_000
	k := kind{pool: testPool(t, databaseURL()), schema: unmadeSchema(t)}
	srv := newService(t)
	e := srv.open(t, k, idle, WithSpendLimit(1e6, time.Hour))
	k.fillPostgres(t, rows)
	own, ok := e.store.(*postgresStore)
	require.True(t, ok)
	s := &explaining{postgresStore: own, plans: map[string]string{}}
	e.store = s
	ctx := t.Context()

	stats, err := e.Stats(ctx)
	require.NoError(t, err)
	assert.Equal(t, rows/1000, stats.Queued)
	for _, state := range append([]State{""}, anyState...) {
		for _, agent := range []string{"", agentLabResults} {
			for _, after := range []string{"", "key-5"} {
				_, err := e.Submissions(ctx, Filter{State: state, Agent: agent, After: after})
				require.NoError(t, err)
			}
		}
	}
	letters, err := e.DeadLetters(ctx, 0, 100)
	require.NoError(t, err)
	require.NoError(t, e.Replay(ctx, letters[0].ID))
	_, err = e.Status(ctx, "key-1000")
	require.NoError(t, err)
	_ = e.Health(ctx) // that nothing runs is no failure of a plan

	_, err = e.SubmitLabResults(ctx, "new", labs())
	require.NoError(t, err)
	c, err := e.claim(ctx, agentLabResults, 1)
	require.NoError(t, err)
	require.NotNil(t, c)
	require.NoError(t, e.settle(ctx, c, &outcome{state: Accepted, runID: "run-new"}))
	require.Equal(t, 200, srv.deliver(t, e, c.reference, eventBody("run-new", helios.StatusCompleted, 9)))
	require.NoError(t, e.Cancel(ctx, "new"))
	require.NoError(t, e.Resolve(ctx, "key-2", Resubmit))
	require.NoError(t, e.Resolve(ctx, "key-4", Fail))
	require.NoError(t, e.Forget(ctx, "key-10"))
	require.NoError(t, e.Pause(ctx, agentLabResults))
	require.NoError(t, e.Resume(ctx, agentLabResults))
	for _, sweep := range []func(context.Context, time.Time) error{
		e.sweepClocks, e.sweepAbandoned, e.sweepFinals, e.sweepSlots, e.sweepEnds,
	} {
		require.NoError(t, sweep(ctx, time.Now()))
	}

	// Many runs have no final event yet.
	for _, sql := range []string{
		`UPDATE {submissions} SET state = 'accepted', run_id = 'other-' || run_id WHERE created_at % 5 = 0`,
		`VACUUM ANALYZE {submissions}`,
	} {
		_, err = k.pool.Exec(ctx, own.dialect.sql(sql))
		require.NoError(t, err)
	}
	require.NoError(t, e.sweepFinals(ctx, time.Now()))

	assert.Greater(t, len(s.plans), 30)
	for sql, plan := range s.plans {
		if table := scan.FindStringSubmatch(plan); table != nil {
			assert.Fail(t, "it reads through "+table[1], "%s\n%s", sql, plan)
		}
	}
}
