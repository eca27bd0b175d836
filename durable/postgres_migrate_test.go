package durable

import (
	"context"
	"fmt"
	"net/http"
	"os"
	command "os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// testRole makes a role of the test's own that may connect and nothing else,
// and returns a pool that connects as it.
func testRole(t *testing.T) (name string, pool *pgxpool.Pool) {
	t.Helper()
	admin := testPool(t, databaseURL())
	name = "helios_role_" + randomName()
	_, err := admin.Exec(t.Context(), "CREATE ROLE "+name+" LOGIN")
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		pool, err := pgxpool.New(ctx, databaseURL())
		require.NoError(t, err)
		defer pool.Close()
		_, err = pool.Exec(ctx, "DROP OWNED BY "+name+"; DROP ROLE "+name)
		require.NoError(t, err)
	})

	cfg := admin.Config()
	cfg.ConnConfig.User = name
	return name, poolOf(t, cfg)
}

// documentedGrants are the rights that PostgresSchemaSQL's comment lists.
func documentedGrants(t *testing.T, schema, role string) string {
	t.Helper()
	source, err := os.ReadFile("postgres_migrate.go")
	require.NoError(t, err)
	var grants []string
	for line := range strings.Lines(string(source)) {
		if grant, ok := strings.CutPrefix(strings.TrimSpace(line), "//\t"); ok {
			grants = append(grants, grant)
		}
	}
	all := strings.Join(grants, "\n")
	require.Equal(t, 3, strings.Count(all, "GRANT "))
	return strings.NewReplacer("SCHEMA helios", "SCHEMA "+schema, "TO app", "TO "+role).Replace(all)
}

// TestPostgres_RoleWithoutDDL: with the documented rights an engine opens and
// does all its work. It used to ask for the right to create tables.
func TestPostgres_RoleWithoutDDL(t *testing.T) {
	t.Parallel()
	admin, schema := testPool(t, databaseURL()), unmadeSchema(t)
	role, pool := testRole(t)
	srv := newService(t)
	k := kind{pool: pool, schema: schema}

	_, err := k.tryOpen(t.Context(), srv.client, srv.receiver, WithoutMigration())
	require.ErrorContains(t, err, "missing or old; run MigratePostgres")
	_, err = k.tryOpen(t.Context(), srv.client, srv.receiver)
	require.ErrorContains(t, err, "permission denied")

	require.NoError(t, MigratePostgres(t.Context(), admin, WithSchema(schema)))
	_, err = admin.Exec(t.Context(), documentedGrants(t, schema, role))
	require.NoError(t, err)
	srv.open(t, k) // it finds nothing to migrate
	e := srv.open(t, k, WithoutMigration(), WithRetention(time.Nanosecond))
	var handled calls
	var failed atomic.Bool
	e.HandleFunc(func(ctx context.Context, ev *helios.Event) error {
		if !failed.Swap(true) {
			return errHandler
		}
		return handled.handle(ctx, ev)
	})
	stop := run(t, e)
	_, err = e.SubmitLabResults(t.Context(), "k", labs())
	require.NoError(t, err)
	waitFor(t, e, "k", Completed)
	eventually(t, func() bool { return handled.finals()["k"] == 1 }, func() string { return "not handled" })
	sweepNow(t, e)
	stop()

	_, err = pool.Exec(t.Context(), "CREATE TABLE "+schema+".mine ()")
	require.ErrorContains(t, err, "permission denied")
}

// TestMigratePostgres_AfterConnect: a pool whose connections become another
// role makes tables that belong to that role.
func TestMigratePostgres_AfterConnect(t *testing.T) {
	t.Parallel()
	owner, _ := testRole(t)
	admin := testPool(t, databaseURL())
	cfg := admin.Config()
	database := pgx.Identifier{cfg.ConnConfig.Database}.Sanitize()
	_, err := admin.Exec(t.Context(), "GRANT CREATE ON DATABASE "+database+" TO "+owner)
	require.NoError(t, err)
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SET ROLE "+owner)
		return err
	}
	k := kind{pool: poolOf(t, cfg), schema: unmadeSchema(t)}

	e := newService(t).open(t, k)

	owners := read[string](t, e, `SELECT DISTINCT tableowner::text FROM pg_tables WHERE schemaname = $1
		UNION SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = $1`, k.schema)
	assert.Equal(t, []string{owner}, owners)
}

// catalog lists what is in a schema: columns, indexes, constraints, functions,
// types and the rows that migrations leave.
func catalog(t *testing.T, pool *pgxpool.Pool, schema string) []string {
	t.Helper()
	const columns = `SELECT format('column %s.%s %s null:%s default:%s storage:%s', c.relname, a.attname,
			format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
			coalesce(pg_get_expr(d.adbin, d.adrelid), '-'), a.attstorage)
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
		WHERE c.relnamespace = $1::regnamespace AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind <> 'i'`
	const rest = `SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = $2
		UNION ALL SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
			FROM pg_constraint WHERE connamespace = $1::regnamespace
		UNION ALL SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = $1::regnamespace
		UNION ALL SELECT format('type %s %s', t.typname, (SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder)
			FROM pg_enum WHERE enumtypid = t.oid))
			FROM pg_type t WHERE typnamespace = $1::regnamespace AND typtype = 'e'
		UNION ALL SELECT format('table %s %s', relname, relpersistence)
			FROM pg_class WHERE relnamespace = $1::regnamespace`
	rows := fmt.Sprintf(`SELECT format('river %%s %%s', line, version) FROM %[1]s.river_migration
		UNION ALL SELECT format('helios %%s', version) FROM %[1]s.helios_migrations
		UNION ALL SELECT format('agent %%s %%s', agent, slot_limit) FROM %[1]s.helios_agents
		UNION ALL SELECT format('sweep %%s', name) FROM %[1]s.helios_sweeps`, schema)

	var all []string
	for _, q := range []struct {
		sql  string
		args []any
	}{{columns, []any{schema}}, {rest, []any{schema, schema}}, {rows, nil}} {
		found, err := pool.Query(t.Context(), "SELECT * FROM ("+q.sql+") q (line) ORDER BY line", q.args...)
		require.NoError(t, err)
		lines, err := pgx.CollectRows(found, pgx.RowTo[string])
		require.NoError(t, err)
		for _, line := range lines {
			all = append(all, strings.ReplaceAll(line, schema, "SCHEMA"))
		}
	}
	return all
}

// TestPostgresSchemaSQL: the SQL that a person runs makes what MigratePostgres
// makes, and an engine finds nothing left to do.
func TestPostgresSchemaSQL(t *testing.T) {
	t.Parallel()
	pool := testPool(t, databaseURL())
	migrated, bySQL, byPSQL := unmadeSchema(t), unmadeSchema(t), unmadeSchema(t)
	require.NoError(t, MigratePostgres(t.Context(), pool, WithSchema(migrated)))
	want := catalog(t, pool, migrated)
	require.Greater(t, len(want), 100)

	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	_, err = conn.Conn().PgConn().Exec(t.Context(), PostgresSchemaSQL(bySQL)).ReadAll()
	conn.Release()
	require.NoError(t, err)
	assert.Equal(t, want, catalog(t, pool, bySQL))
	newService(t).open(t, kind{pool: pool, schema: bySQL}, WithoutMigration())

	psql, err := command.LookPath("psql")
	if err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "CI needs psql")
		return
	}
	cmd := command.CommandContext(t.Context(), psql, "-X", "-w", "-q", "-v", "ON_ERROR_STOP=1", databaseURL())
	cmd.Stdin = strings.NewReader(PostgresSchemaSQL(byPSQL))
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	assert.Equal(t, want, catalog(t, pool, byPSQL))
}

// TestMigratePostgres_AtOnce: any number may migrate at once, on a pool of one
// connection each.
func TestMigratePostgres_AtOnce(t *testing.T) {
	t.Parallel()
	schema := unmadeSchema(t)
	cfg := testPool(t, databaseURL()).Config()
	cfg.MaxConns = 1
	failed := make(chan error)
	const processes = 6
	for range processes {
		pool := poolOf(t, cfg)
		go func() { failed <- MigratePostgres(t.Context(), pool, WithSchema(schema)) }()
	}
	for range processes {
		require.NoError(t, <-failed)
	}
}

// TestMigratePostgres_SomebodyHoldsTheLock: a lock that is never given back
// does not keep an engine waiting for ever, as one that a pooler kept did.
func TestMigratePostgres_SomebodyHoldsTheLock(t *testing.T) {
	t.Parallel()
	pool, schema := testPool(t, databaseURL()), unmadeSchema(t)
	tables := newPostgresTables(schema)
	tables.lockTimeout = 20 * time.Millisecond
	holder, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = holder.Rollback(context.Background()) }()
	_, err = holder.Exec(t.Context(), "SELECT pg_advisory_lock($1)", tables.lockID())
	require.NoError(t, err)
	defer func() { _, _ = holder.Exec(context.Background(), "SELECT pg_advisory_unlock_all()") }()

	err = tables.migrate(t.Context(), pool)
	require.ErrorIs(t, err, errMigrationLock)

	// Tables that are current need no lock.
	other := unmadeSchema(t)
	require.NoError(t, MigratePostgres(t.Context(), pool, WithSchema(other)))
	current := newPostgresTables(other)
	_, err = holder.Exec(t.Context(), "SELECT pg_advisory_lock($1)", current.lockID())
	require.NoError(t, err)
	srv := newService(t)
	e := srv.open(t, kind{pool: pool, schema: other})
	assert.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-1", helios.StatusCompleted, 7)))
}

// TestMigratePostgres_Deadlock: a process of the release before holds one table
// and wants the other, of which the migration has it the other way round. The
// step of the migration that PostgreSQL ends runs again, from its beginning.
func TestMigratePostgres_Deadlock(t *testing.T) {
	t.Parallel()
	pool, schema := testPool(t, databaseURL()), unmadeSchema(t)
	require.NoError(t, MigratePostgres(t.Context(), pool, WithSchema(schema)))
	tables := newPostgresTables(schema)
	lock := func(table string) string { return tables.dialect.sql("LOCK TABLE " + table) }

	other, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = other.Rollback(context.Background()) }()
	// The other process never finds the deadlock, so the migration does.
	_, err = other.Exec(t.Context(), "SET LOCAL deadlock_timeout = '1h'; "+lock("{events}"))
	require.NoError(t, err)

	ended := make(chan error, 1)
	var attempts int
	err = tables.locked(t.Context(), pool, func(ctx context.Context, tx pgx.Tx) error {
		attempts++
		if _, err := tx.Exec(ctx, "SET LOCAL deadlock_timeout = '10ms'; "+lock("{submissions}")); err != nil {
			return err
		}
		if attempts == 1 {
			go func() { //nolint:contextcheck // the other process's context is another
				_, err := other.Exec(t.Context(), lock("{submissions}"))
				if err == nil {
					err = other.Commit(t.Context())
				}
				ended <- err
			}()
			waitForLock(t, kind{pool: pool, schema: schema}) //nolint:contextcheck // the test's
		}
		_, err := tx.Exec(ctx, lock("{events}"))
		return err
	})
	require.NoError(t, err)
	require.NoError(t, <-ended)
	assert.Equal(t, 2, attempts)
}

func TestMigratePostgres_Refuses(t *testing.T) {
	t.Parallel()
	require.EqualError(t, MigratePostgres(t.Context(), nil), "helios: durable: MigratePostgres: nil pool")
	pool := testPool(t, databaseURL())
	require.ErrorContains(t, MigratePostgres(t.Context(), pool, WithSchema("Bad name")), "not a schema name")
}
