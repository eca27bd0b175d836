package durable

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

// die lets a process do a deed and kill itself before a step of it. It reports
// how many steps the deed took if it was done before, 0 if the process died.
func (f *fleet) die(d deed, key string, step int64) int64 {
	f.t.Helper()
	o := f.order
	o.Deed, o.Key, o.DieAt = d, key, step
	cmd := f.command(&o)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		require.NotNil(f.t, cmd.ProcessState, "%v", err)
		require.False(f.t, cmd.ProcessState.Exited(), "a process failed: %v: %s", err, &stderr)
		return 0
	}
	var survived done
	require.NoError(f.t, json.Unmarshal(stdout.Bytes(), &survived), "%s", &stderr)
	return survived.Steps
}

// TestKill_Decisions kills processes before each step of Cancel and Resolve. A
// decision is made or it is not, can be made again where it is not, and is kept
// where it is: what was canceled or given up is never sent, what is to be sent
// again is paid once, and each end is told.
func TestKill_Decisions(t *testing.T) {
	needsKill(t)
	onEachStore(t, func(t *testing.T, k kind) {
		f := newFleet(t, k)
		e := f.open()
		decided := map[deed]func(key string) error{
			deedCancel:   func(key string) error { return e.Cancel(t.Context(), key) },
			deedFail:     func(key string) error { return e.Resolve(t.Context(), key, Fail) },
			deedResubmit: func(key string) error { return e.Resolve(t.Context(), key, Resubmit) },
		}
		before := map[deed]State{deedCancel: Queued, deedFail: Unknown, deedResubmit: Unknown}
		after := map[deed]State{deedCancel: Canceled, deedFail: Failed, deedResubmit: Queued}
		keys := map[deed][]string{}

		for d, decide := range decided {
			halves := map[State]int{}
			for step, survived := int64(1), false; !survived; step++ {
				key := fmt.Sprintf("%s-%d", d, step)
				keys[d] = append(keys[d], key)
				_, err := e.SubmitLabResults(t.Context(), key, labsOf(key))
				require.NoError(t, err)
				if before[d] == Unknown {
					change(t, e, `UPDATE {submissions} SET state = 'unknown', attempts = 1, submitted_at = created_at,
						decided_at = created_at WHERE key = $1`, key)
				}
				survived = f.die(d, key, step) > 0

				s := status(t, e, key)
				require.Contains(t, []State{before[d], after[d]}, s.State, "%s, killed at step %d", d, step)
				halves[s.State]++
				if s.State == before[d] {
					require.NoError(t, decide(key), "%s, killed at step %d", d, step)
				} else {
					require.ErrorIs(t, decide(key), ErrState, "%s, killed at step %d", d, step)
				}
			}
			assert.Greater(t, halves[before[d]], 2, "%s: killed before it was done", d)
			assert.Greater(t, halves[after[d]], 1, "%s: killed after it was done, or not at all", d)
		}

		f.order.Keys = 0
		f.fill(1)
		for _, key := range keys[deedResubmit] {
			waitFor(t, e, key, Completed)
		}
		eventually(t, func() bool { return stats(t, e).PendingEnds == 0 }, func() string { return "ends are not told" })
		f.stop()
		runs := acceptedRuns(t, f.srv)
		for d, ended := range map[deed]State{deedCancel: Canceled, deedFail: Failed, deedResubmit: Completed} {
			paid := 0
			if d == deedResubmit {
				paid = 1
			}
			for _, key := range keys[d] {
				assert.Len(t, runs[key], paid, key)
				assert.Positive(t, f.ended[endName{key, ended}], "the end of %s was not told", key)
			}
		}
		assert.Len(t, f.srv.Requests(), len(keys[deedResubmit]))
	})
}

// TestKill_HandleEnd kills processes after HandleEnd's function has returned,
// before each step of what is written down then: the end is told again, until
// that is written down too.
func TestKill_HandleEnd(t *testing.T) {
	needsKill(t)
	onEachStore(t, func(t *testing.T, k kind) {
		f := newFleet(t, k)
		f.order.Keys = 3
		f.srv.Inject(heliostest.Status(http.StatusBadRequest))
		e := f.open()
		for i := range f.order.Keys {
			_, err := e.SubmitLabResults(t.Context(), keyOf(i), labsOf(keyOf(i)))
			require.NoError(t, err)
		}
		require.NoError(t, e.Cancel(t.Context(), keyOf(2)))

		const deaths = 6
		for f.order.DieAt = 1; f.order.DieAt <= deaths; f.order.DieAt++ {
			f.start()
			p := f.living[0]
			_, err := p.cmd.Process.Wait()
			require.NoError(t, err)
			f.mu.Lock()
			f.living = nil
			f.mu.Unlock()
			p.transport.CloseIdleConnections()
			if stats(t, e).PendingEnds == 0 {
				break
			}
		}
		assert.Greater(t, f.order.DieAt, int64(2), "more than one process died")

		f.order.DieAt = 0
		f.fill(1)
		f.waitForEnd()
		f.stop()
		for i := range f.order.Keys {
			s := status(t, e, keyOf(i))
			if s.State != Unknown { // its process died while it sent it
				assert.Positive(t, f.ended[endName{keyOf(i), s.State}], "the end of %v was not told", s)
			}
		}
		assert.Positive(t, f.ended[endName{keyOf(2), Canceled}])
		assert.Empty(t, twice(acceptedRuns(t, f.srv)))
	})
}

// firstTables makes the tables as the first migration left them, with a
// submission and an event.
func (k kind) firstTables(t *testing.T, content, event []byte) {
	t.Helper()
	const insert = `INSERT INTO {submissions} (key, agent, state, digest, request, created_at, due_at)
			VALUES ('k', 'lab-results', 'queued', $1, $2, 1, 1)`
	const insertPending = `INSERT INTO {events}
			(id, run_id, sequence_number, discriminator, final, state, body, job_id, received_at)
		VALUES (1, 'run-of-another', 7, 'completed', 1, 'pending', $1, 1, 1)`
	digest := newDigest(agentLabResults, content)
	if k.sqlite != "" {
		s, err := openFile(t.Context(), k.sqlite, patience)
		require.NoError(t, err)
		queue, err := rivermigrate.New(riversqlite.New(s.db), &rivermigrate.Config{Logger: silent})
		require.NoError(t, err)
		require.NoError(t, s.begin(t.Context(), func(tx *sql.Tx) error {
			//nolint:staticcheck // as in sqliteStore.migrate
			_, err := queue.MigrateTx(t.Context(), tx, rivermigrate.DirectionUp, nil)
			require.NoError(t, err)
			_, err = tx.ExecContext(t.Context(), s.dialect.sql(createMigrations+";"+migrations[0].script))
			require.NoError(t, err)
			return (&sqliteTx{s, tx}).run(t.Context(), exec(insertMigration, 1, 1),
				exec(insert, digest, content), exec(insertPending, event))
		}))
		require.NoError(t, s.close())
		return
	}

	tables := newPostgresTables(k.schema)
	_, err := k.pool.Exec(t.Context(), "CREATE SCHEMA "+k.schema)
	require.NoError(t, err)
	queue, err := tables.river(k.pool)
	require.NoError(t, err)
	_, err = queue.Migrate(t.Context(), rivermigrate.DirectionUp, nil)
	require.NoError(t, err)
	require.NoError(t, pgx.BeginFunc(t.Context(), k.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), tables.dialect.sql(createMigrations)+";"+tables.script(migrations[0].script))
		require.NoError(t, err)
		return tables.runOn(t.Context(), tx, []*statement{exec(insertMigration, 1, 1),
			exec(insert, digest, content), exec(insertPending, event)})
	}))
}

// tables describes the tables of a store, so that two can be compared.
func (k kind) tables(t *testing.T) any {
	t.Helper()
	if k.sqlite == "" {
		return catalog(t, k.pool, k.schema)
	}
	db, err := sql.Open("sqlite", k.sqlite)
	require.NoError(t, err)
	defer db.Close()
	return shapeOf(t, db)
}

// TestKill_Migration kills processes before steps of making all tables, and of
// updating those of the first release: the next to open finishes it, and what
// was stored before is sent and handled, once.
func TestKill_Migration(t *testing.T) {
	needsKill(t)
	onEachStore(t, func(t *testing.T, k kind) {
		const deaths = 6
		for name, first := range map[string]bool{"new": false, "update": true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				content, err := json.Marshal(labsOf("k"))
				require.NoError(t, err)
				event := eventBody("run-of-another", "completed", 7)
				begin := func() *fleet {
					f := newFleet(t, k)
					if first {
						f.kind.firstTables(t, content, event)
					}
					return f
				}
				whole := begin()
				steps := whole.die(deedOpen, "", 0)
				require.Greater(t, steps, int64(deaths))
				want := whole.kind.tables(t)

				for i := range int64(deaths) {
					f := begin()
					// Spread over all, the last among them.
					step := 1 + i*(steps-1)/(deaths-1)
					require.Zero(t, f.die(deedOpen, "", step), "it survived step %d of %d", step, steps)
					e := f.open()
					assert.Equal(t, want, f.kind.tables(t), "killed before step %d of %d", step, steps)
					_, err := e.SubmitLabResults(t.Context(), "k", labsOf("k"))
					require.NoError(t, err, "killed before step %d of %d", step, steps)
					if i%4 != 1 { // the others would do the same
						continue
					}
					f.fill(1)
					waitFor(t, e, "k", Completed)
					eventually(t, func() bool { return stats(t, e).PendingEvents == 0 },
						func() string { return "the event is not handled" })
					f.stop()
					assert.Len(t, acceptedRuns(t, f.srv)["k"], 1)
					if first {
						assert.Positive(t, f.handled[eventName{"run-of-another", 7, "completed"}])
					}
				}
			})
		}
	})
}
