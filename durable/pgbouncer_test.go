//go:build unix

package durable

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	command "os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// newPgBouncer starts a PgBouncer in front of the tests' PostgreSQL and returns
// a configuration that connects through it. Where it is not installed the test
// is skipped, but fails where CI=true.
func newPgBouncer(t *testing.T, mode string) *pgxpool.Config {
	t.Helper()
	program, err := command.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer"
	}
	if _, err := os.Stat(program); err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "CI needs pgbouncer; Debian's package is pgbouncer")
		t.Skip("no pgbouncer")
	}

	direct := testPool(t, databaseURL()).Config()
	server := direct.ConnConfig
	dir, err := os.MkdirTemp("", "helios-pgbouncer-") // not t.TempDir, which another user need not be able to enter
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o777)) // it listens there, where no port can be another's
	config := filepath.Join(dir, "pgbouncer.ini")
	password := ""
	if server.Password != "" {
		password = " password='" + strings.ReplaceAll(server.Password, "'", "''") + "'"
	}
	const port = 6432
	text := fmt.Sprintf(`[databases]
%s = host=%s port=%d user=%s%s
[pgbouncer]
listen_addr =
listen_port = %d
unix_socket_dir = %s
auth_type = any
pool_mode = %s
default_pool_size = 8
ignore_startup_parameters = extra_float_digits
server_reset_query = DISCARD ALL
`, server.Database, server.Host, server.Port, server.User, password, port, dir, mode)
	require.NoError(t, os.WriteFile(config, []byte(text), 0o644))

	cmd := command.Command(program, config)
	if os.Geteuid() == 0 { // as whom it refuses to run
		nobody, err := user.Lookup("nobody")
		require.NoError(t, err)
		uid, err := strconv.ParseUint(nobody.Uid, 10, 32)
		require.NoError(t, err)
		gid, err := strconv.ParseUint(nobody.Gid, 10, 32)
		require.NoError(t, err)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	var log safeBuffer
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})

	cfg, err := pgxpool.ParseConfig(fmt.Sprintf("postgres://%s@/%s?host=%s&port=%d&pool_max_conns=8",
		server.User, server.Database, dir, port))
	require.NoError(t, err)
	eventually(t, func() bool {
		conn, err := net.Dial("unix", filepath.Join(dir, fmt.Sprintf(".s.PGSQL.%d", port)))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, func() string { return "pgbouncer does not answer: " + log.String() })
	return cfg
}

// TestPgBouncer_TransactionMode/poll_only is the input of a fault: an engine
// opened, then answered webhooks with 503 and left a lock that hung the next
// one.
func TestPgBouncer_TransactionMode(t *testing.T) {
	t.Parallel()
	cfg := newPgBouncer(t, "transaction")
	for name, mode := range map[string]pgx.QueryExecMode{
		"poll only":                   pgx.QueryExecModeCacheStatement, // pgx's default
		"poll only and describe":      pgx.QueryExecModeCacheDescribe,
		"poll only and describe exec": pgx.QueryExecModeExec,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := cfg.Copy()
			cfg.ConnConfig.DefaultQueryExecMode = mode
			schema := unmadeSchema(t)
			srv := newService(t)
			for range 2 { // the second engine finds nothing left behind by the first
				k := kind{pool: poolOf(t, cfg), schema: schema}
				e := srv.open(t, k, WithPollOnly())
				var handled calls
				e.HandleFunc(handled.handle)
				stop := run(t, e)
				key := randomName()
				_, err := e.SubmitLabResults(t.Context(), key, labs())
				require.NoError(t, err)
				waitFor(t, e, key, Completed)
				for number := range 50 {
					body := eventBody("run of "+key, "processing", number+1)
					require.Equal(t, http.StatusOK, srv.deliver(t, e, "", body))
				}
				eventually(t, func() bool { return handled.finals()[key] == 1 }, func() string { return "not handled" })
				eventually(t, func() bool { return stats(t, e).PendingEvents == 0 },
					func() string { return "not all are handled" })
				stop()
				require.NoError(t, e.Close())
			}
		})
	}

	t.Run("without poll only it is refused", func(t *testing.T) {
		t.Parallel()
		srv := newService(t)
		for range 3 {
			_, err := kind{pool: poolOf(t, cfg), schema: unmadeSchema(t)}.tryOpen(t.Context(), srv.client, srv.receiver)
			require.ErrorIs(t, err, errTransactionPooling)
			require.ErrorContains(t, err, "WithPollOnly")
		}
	})

	t.Run("locks of migrations are not left behind", func(t *testing.T) {
		t.Parallel()
		pool := poolOf(t, cfg)
		ctx, cancel := context.WithCancel(t.Context())
		schema := unmadeSchema(t)
		tables := newPostgresTables(schema)
		began := make(chan struct{})
		migrated := make(chan error, 1)
		go func() {
			migrated <- tables.locked(ctx, pool, func(ctx context.Context, _ pgx.Tx) error {
				close(began)
				<-ctx.Done()
				return ctx.Err()
			})
		}()
		select {
		case <-began:
		case err := <-migrated:
			require.NoError(t, err)
		}
		cancel()
		require.ErrorIs(t, <-migrated, context.Canceled)

		require.NoError(t, MigratePostgres(t.Context(), pool, WithSchema(schema)))
		var locks int
		err := testPool(t, databaseURL()).QueryRow(t.Context(), `SELECT count(*) FROM pg_locks
			WHERE locktype = 'advisory' AND (classid::bigint << 32) | objid::bigint = $1`, tables.lockID()).Scan(&locks)
		require.NoError(t, err)
		assert.Zero(t, locks)
	})
}

// TestPgBouncer_SessionMode: a pooler in session mode is like the server.
func TestPgBouncer_SessionMode(t *testing.T) {
	t.Parallel()
	cfg := newPgBouncer(t, "session")
	srv := newService(t)
	e := srv.open(t, kind{pool: poolOf(t, cfg), schema: unmadeSchema(t)})
	e.HandleFunc(nothing)
	run(t, e)
	_, err := e.SubmitLabResults(t.Context(), "k", labs())
	require.NoError(t, err)
	waitFor(t, e, "k", Completed)
	assert.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-1", helios.StatusCompleted, 7)))
}
