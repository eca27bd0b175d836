package durable

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	command "os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

// backUp makes a backup of a store, and returns what brings it back when no
// engine has the store open.
func (k kind) backUp(t *testing.T) (restore func()) {
	t.Helper()
	if k.sqlite == "" {
		return k.copyTables(t)
	}

	file := filepath.Join(t.TempDir(), "backup.db")
	db, err := sql.Open("sqlite", k.sqlite)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `VACUUM INTO ?`, file)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	return func() {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, suffix := range []string{"-wal", "-shm"} {
			_ = os.Remove(k.sqlite + suffix)
		}
		require.NoError(t, os.WriteFile(k.sqlite, content, 0o600))
	}
}

// copyTables is a backup by SQL, as some tools make it.
func (k kind) copyTables(t *testing.T) (restore func()) {
	t.Helper()
	rows, err := k.pool.Query(t.Context(), `SELECT table_name FROM information_schema.tables
		WHERE table_schema = $1 AND table_type = 'BASE TABLE'`, k.schema)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	for _, table := range tables {
		_, err := k.pool.Exec(t.Context(), fmt.Sprintf(`CREATE TABLE %s.backup_of_%s AS SELECT * FROM %s.%s`,
			k.schema, table, k.schema, table))
		require.NoError(t, err)
	}

	return func() {
		tx, err := k.pool.Begin(t.Context())
		require.NoError(t, err)
		for _, table := range tables {
			_, err := tx.Exec(t.Context(), fmt.Sprintf(`DELETE FROM %s.%s`, k.schema, table))
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(),
				fmt.Sprintf(`INSERT INTO %s.%s OVERRIDING SYSTEM VALUE SELECT * FROM %s.backup_of_%s`, k.schema, table,
					k.schema, table))
			require.NoError(t, err)
		}
		require.NoError(t, tx.Commit(t.Context()))
	}
}

// dump is a backup by pg_dump, which pg_restore brings back in place of all
// that is there.
func (k kind) dump(t *testing.T) (restore func()) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "backup.dump")
	run := func(name string, args ...string) {
		t.Helper()
		output, err := command.CommandContext(t.Context(), name, args...).CombinedOutput()
		require.NoError(t, err, "%s: %s", name, output)
	}
	run("pg_dump", "-w", "-Fc", "-n", k.schema, "-f", file, databaseURL())
	return func() {
		run("pg_restore", "-w", "--clean", "--if-exists", "--exit-on-error", "-d", databaseURL(), file)
	}
}

// TestRestoredBackup: what was queued when the backup was made may have been
// sent since. Nothing is paid twice by itself.
func TestRestoredBackup(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) { testRestored(t, k, kind.backUp) })
}

// TestRestoredBackup_Dump is the same with PostgreSQL's own tools. Where they
// are missing it is skipped, but fails where CI=true.
func TestRestoredBackup_Dump(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"pg_dump", "pg_restore"} {
		if _, err := command.LookPath(program); err != nil {
			require.NotEqual(t, "true", os.Getenv("CI"), "CI needs %s", program)
			t.Skip("no " + program + " in the PATH")
		}
	}
	testRestored(t, kind{pool: testPool(t, databaseURL())}, kind.dump)
}

func testRestored(t *testing.T, k kind, backUp func(kind, *testing.T) (restore func())) {
	t.Helper()
	const orders = 5
	for name, c := range map[string]struct {
		opts []Option
		want State
	}{
		"by default":                       {nil, Unknown},
		"where nothing can have been sent": {[]Option{WithOnRestore(Resubmit)}, Completed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newService(t)
			k := k.unmade(t)
			open := func(opts ...Option) (*Engine, func()) {
				e, err := k.tryOpen(t.Context(), srv.client, srv.receiver, opts...)
				require.NoError(t, err)
				srv.handler.set(e.WebhookHandler())
				e.HandleFunc(nothing)
				return e, func() { require.NoError(t, e.Close()) }
			}
			each := func(e *Engine, want State) {
				for i := range orders {
					waitFor(t, e, fmt.Sprint(i), want)
				}
			}

			e, closeIt := open()
			for i := range orders {
				_, err := e.SubmitLabResults(t.Context(), fmt.Sprint(i), labs())
				require.NoError(t, err)
			}
			restore := backUp(k, t)
			stop := run(t, e)
			each(e, Completed)
			require.NoError(t, srv.Wait(t.Context()))
			stop()
			closeIt()
			require.Len(t, srv.Runs(), orders)

			restore()
			e, closeIt = open(c.opts...)
			stop = run(t, e)
			each(e, c.want)
			if c.want == Completed {
				assert.Len(t, srv.Runs(), 2*orders)
				stop()
				closeIt()
				return
			}
			assert.Len(t, srv.Runs(), orders, "nothing is paid twice")
			s, err := e.Status(t.Context(), "0")
			require.NoError(t, err)
			assert.Equal(t, reasonRestored, s.Reason)

			// A webhook of what was sent since the backup is known by its
			// reference.
			run := srv.Runs()[0]
			for i := range orders {
				if reference := read[string](t, e, `SELECT reference FROM {submissions} WHERE key = $1`,
					fmt.Sprint(i))[0]; strings.HasSuffix(run.WebhookURL, reference) {
					require.Equal(t, http.StatusOK, srv.deliver(t, e, reference, heliostest.CompletedEvent(run.ID)))
					waitFor(t, e, fmt.Sprint(i), Completed)
				} else {
					require.NoError(t, e.Resolve(t.Context(), fmt.Sprint(i), Fail))
				}
			}
			_, err = e.SubmitLabResults(t.Context(), "new", labs())
			require.NoError(t, err)
			waitFor(t, e, "new", Completed)
			stop()
			closeIt()

			e, closeIt = open()
			_, err = e.SubmitLabResults(t.Context(), "later", labs())
			require.NoError(t, err)
			closeIt()
			e, closeIt = open() // it is no restored backup any more
			waitFor(t, e, "later", Queued)
			closeIt()
		})
	}
}

// TestReopened: a store that is opened again, by several processes, is no
// restored backup.
func TestReopened(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		for i := range 3 {
			e, err := k.tryOpen(t.Context(), srv.client, srv.receiver, idle)
			require.NoError(t, err)
			other, err := k.tryOpen(t.Context(), srv.client, srv.receiver, idle)
			require.NoError(t, err)
			for j, each := range []*Engine{e, other, e} {
				key := fmt.Sprint(i, j)
				_, err = each.SubmitLabResults(t.Context(), key, labs())
				require.NoError(t, err)
				c, err := each.claim(t.Context(), agentLabResults, 1)
				require.NoError(t, err)
				require.Equal(t, key, c.key)
				require.NoError(t, each.settle(t.Context(), c, &outcome{state: Accepted, runID: key}))
				require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody(key, "completed", 9)))
			}
			require.NoError(t, e.Close())
			require.NoError(t, other.Close())
		}
	})
}

// TestCopiedFile: a SQLite file without the file beside it is a copy, and so is
// one whose file beside it was copied along.
func TestCopiedFile(t *testing.T) {
	t.Parallel()
	for name, suffixes := range map[string][]string{"alone": {""}, "with the file beside it": {"", generationSuffix}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newService(t)
			k := kind{sqlite: testFile(t)}
			e, err := k.tryOpen(t.Context(), srv.client, srv.receiver, idle)
			require.NoError(t, err)
			_, err = e.SubmitLabResults(t.Context(), "k", labs())
			require.NoError(t, err)
			require.NoError(t, e.Close())
			copied := kind{sqlite: filepath.Join(t.TempDir(), "copy.db")}
			for _, suffix := range suffixes {
				content, err := os.ReadFile(k.sqlite + suffix)
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(copied.sqlite+suffix, content, 0o600))
			}
			waitFor(t, copied.open(t, srv.client, srv.receiver), "k", Unknown)
			waitFor(t, k.open(t, srv.client, srv.receiver, idle), "k", Queued)
		})
	}
}

// TestClaim_Restored: a store that is restored while an engine has it open
// sends nothing that was queued.
func TestClaim_Restored(t *testing.T) {
	t.Parallel()
	k := onPostgres(t)
	srv := newService(t)
	e := srv.open(t, k, idle)
	_, err := e.SubmitLabResults(t.Context(), "k", labs())
	require.NoError(t, err)
	k.backUp(t)()
	c, err := e.claim(t.Context(), agentLabResults, 1)
	require.NoError(t, err)
	assert.Nil(t, c)
	waitFor(t, e, "k", Unknown)
}

func TestGeneration_Follows(t *testing.T) {
	t.Parallel()
	g := generation{marks: []string{"a", "", "c"}, sends: 3}
	assert.True(t, g.follows("a/b/c", 3))
	assert.True(t, g.follows("a//c", 4))
	assert.True(t, g.follows("/b/c", 3))
	assert.False(t, g.follows("x/b/c", 3))
	assert.False(t, g.follows("a/b/c", 2), "more was sent than it knows")
	assert.False(t, g.follows("a/b", 3))
	assert.False(t, g.follows("", 3))
}
