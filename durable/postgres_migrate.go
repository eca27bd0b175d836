package durable

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// migrationPatience bounds how long a migration waits for any lock: for another
// process that migrates, or for a transaction that uses a table.
const migrationPatience = time.Minute

// MigratePostgres makes the engine's tables and River's, or updates them, in
// the schema that [WithSchema] names. It does nothing if they are current. Call
// it in a deployment, as a role that may create tables, where the engine is
// opened [WithoutMigration]. Other options have no effect.
//
// Any number of processes may call it at once, and engines may be running: each
// step is a transaction under a lock, and the release before this one works on
// the tables of this one. It waits for up to a minute for a lock. If it fails,
// it can be called again; what was done stays done.
func MigratePostgres(ctx context.Context, pool *pgxpool.Pool, opts ...Option) error {
	if pool == nil {
		return errors.New("helios: durable: MigratePostgres: nil pool")
	}
	c, err := newConfig(opts)
	if err != nil {
		return err
	}

	own, err := ownPool(ctx, pool, true) // so that it works through any pooler
	if err != nil {
		return fmt.Errorf("helios: durable: MigratePostgres: %w", err)
	}
	defer own.Close()
	if err := newPostgresTables(c.schema).migrate(ctx, own); err != nil {
		return fmt.Errorf("helios: durable: MigratePostgres: %w", err)
	}
	return nil
}

// PostgresSchemaSQL returns the SQL that makes all tables in an empty database
// as [MigratePostgres] does, River's included, for someone to review and run
// with psql -v ON_ERROR_STOP=1. schema is the name given to [WithSchema].
//
// The engine's role then needs these rights, and nothing else (with helios for
// the schema and app for the role):
//
//	GRANT USAGE ON SCHEMA helios TO app;
//	GRANT SELECT, INSERT, UPDATE, DELETE
//	    ON ALL TABLES IN SCHEMA helios TO app;
//	GRANT USAGE ON ALL SEQUENCES IN SCHEMA helios TO app;
func PostgresSchemaSQL(schema string) string {
	tables := newPostgresTables(schema)
	var b strings.Builder
	b.WriteString("CREATE SCHEMA IF NOT EXISTS " + pgx.Identifier{schema}.Sanitize() + ";\n")

	queue, err := tables.river(nil)
	if err != nil {
		panic(err) // the configuration is constant
	}
	for _, m := range queue.AllVersions() {
		script := strings.ReplaceAll(strings.TrimRight(m.SQLUp, "; \n"), "/* TEMPLATE: schema */", tables.prefix())
		fmt.Fprintf(&b, "\n-- River %d: %s\nBEGIN;\n%s;\n%sCOMMIT;\n",
			m.Version, m.Name, script, tables.riverVersion(m.Version))
	}

	b.WriteString("\n" + tables.dialect.sql(createMigrations) + ";\n")
	for i, m := range migrations {
		version := strconv.Itoa(i + 1)
		now := "(extract(epoch FROM now()) * 1000000)::BIGINT"
		insert := strings.NewReplacer("$1", version, "$2", now).Replace(tables.dialect.sql(insertMigration))
		fmt.Fprintf(&b, "\n-- helios %s\nBEGIN;\n%s\n%s;\nCOMMIT;\n",
			version, strings.TrimSpace(tables.script(m.script)), insert)
	}

	version, oldest := strconv.Itoa(len(migrations)), strconv.Itoa(migrations[len(migrations)-1].oldest)
	update := strings.NewReplacer("$1", version, "$2", oldest).Replace(tables.dialect.sql(updateOldest))
	b.WriteString("\n" + update + ";\n")
	return b.String()
}

// postgresTables are the tables in one schema.
type postgresTables struct {
	schema      string
	dialect     dialect
	lockTimeout time.Duration // of a step of a migration
}

func newPostgresTables(schema string) *postgresTables {
	return &postgresTables{schema: schema, dialect: postgresDialect(schema), lockTimeout: migrationPatience}
}

func (t *postgresTables) prefix() string { return pgx.Identifier{t.schema}.Sanitize() + "." }

// river returns River's migrator, which needs the pool only to look at the
// database outside a transaction.
func (t *postgresTables) river(pool *pgxpool.Pool) (*rivermigrate.Migrator[pgx.Tx], error) {
	return rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: t.schema, Logger: silent})
}

// riverVersion returns the statement that notes a migration of River's, whose
// fifth gave the table of its versions another shape.
func (t *postgresTables) riverVersion(version int) string {
	if version < 5 {
		return fmt.Sprintf("INSERT INTO %sriver_migration (version) VALUES (%d);\n", t.prefix(), version)
	}
	return fmt.Sprintf("INSERT INTO %sriver_migration (line, version) VALUES ('main', %d);\n", t.prefix(), version)
}

// script returns a migration for PostgreSQL. Bodies are not compressed: they
// are encrypted, or short of what compressing them would cost.
func (t *postgresTables) script(migration string) string {
	if strings.Contains(migration, "CREATE TABLE {events}") {
		migration += "ALTER TABLE {events} ALTER body SET STORAGE EXTERNAL;\n" +
			"ALTER TABLE {submissions} ALTER request SET STORAGE EXTERNAL;\n"
	}
	return t.dialect.sql(migration)
}

// migrate makes or updates the tables, unless the engine must not.
func (s *postgresStore) migrate(ctx context.Context) error {
	if s.migrates {
		return s.postgresTables.migrate(ctx, s.pool)
	}
	current, err := s.current(ctx, s.pool)
	if err == nil && !current {
		err = fmt.Errorf("those in schema %q are missing or old; "+
			"run MigratePostgres or the SQL of PostgresSchemaSQL first", s.schema)
	}
	return err
}

func (t *postgresTables) migrate(ctx context.Context, pool *pgxpool.Pool) error {
	// Looking needs no right to change anything, and no lock.
	if current, err := t.current(ctx, pool); err != nil || current {
		return err
	}

	if err := t.locked(ctx, pool, t.createSchema); err != nil {
		return err
	}
	queue, err := t.river(pool)
	if err != nil {
		return err
	}
	// One after the other, since some need the commit of those before.
	for range queue.AllVersions() {
		err := t.locked(ctx, pool, func(ctx context.Context, tx pgx.Tx) error {
			//nolint:staticcheck // it is deprecated for several migrations in one transaction; this is one
			_, err := queue.MigrateTx(ctx, tx, rivermigrate.DirectionUp, &rivermigrate.MigrateOpts{MaxSteps: 1})
			return err
		})
		if err != nil {
			return err
		}
	}
	return t.locked(ctx, pool, func(ctx context.Context, tx pgx.Tx) error {
		return migrateTables(ctx, tablesOn{t, tx}.run, func(script string) error {
			_, err := tx.Exec(ctx, t.script(script))
			return err
		})
	})
}

// createSchema creates the schema if it is missing. CREATE SCHEMA IF NOT
// EXISTS would ask for the right to create one even if it is there.
func (t *postgresTables) createSchema(ctx context.Context, tx pgx.Tx) error {
	var exists bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`, t.schema).Scan(&exists)
	if err != nil || exists {
		return err
	}
	_, err = tx.Exec(ctx, `CREATE SCHEMA `+pgx.Identifier{t.schema}.Sanitize())
	return err
}

var errMigrationLock = errors.New("another process has held a lock on them for a minute; " +
	"pg_locks shows which one, and trying again is safe")

// locked runs a step of a migration in a transaction that holds the lock of
// migrations. The lock is the transaction's and not the connection's, so no
// crash and no pooler can leave it behind. A process of the release before, at
// work beside the migration, locks the tables in an order of its own.
func (t *postgresTables) locked(
	ctx context.Context, pool *pgxpool.Pool, step func(context.Context, pgx.Tx) error,
) error {
	err := afterDeadlocks(func() error { return t.lockedOnce(ctx, pool, step) })
	if refusedWith(err, lockNotAvailable) {
		return fmt.Errorf("%w: %w", errMigrationLock, err)
	}
	return err
}

func (t *postgresTables) lockedOnce(
	ctx context.Context, pool *pgxpool.Pool, step func(context.Context, pgx.Tx) error,
) error {
	return pgx.BeginTxFunc(ctx, pool, durably, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, fmt.Sprintf(`SET LOCAL lock_timeout = %d; SELECT pg_advisory_xact_lock(%d)`,
			t.lockTimeout.Milliseconds(), t.lockID()))
		if err != nil {
			return err
		}
		return step(ctx, tx)
	})
}

func (t *postgresTables) lockID() int64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte("helios-go/durable " + t.schema))
	return int64(hash.Sum64()) //nolint:gosec // any 64 bits
}

// current reports whether there is nothing to migrate.
func (t *postgresTables) current(ctx context.Context, pool *pgxpool.Pool) (bool, error) {
	var exist bool
	err := pool.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, t.dialect.sql("{migrations}")).Scan(&exist)
	if err != nil || !exist {
		return false, err
	}
	version, err := tablesVersion(ctx, tablesOn{t, pool}.run)
	if err != nil || version < len(migrations) {
		return false, err
	}

	queue, err := t.river(pool)
	if err != nil {
		return false, err
	}
	existing, err := queue.ExistingVersions(ctx)
	return len(existing) >= len(queue.AllVersions()), err
}

// tablesOn runs statements about the tables on a pool or in a transaction.
type tablesOn struct {
	*postgresTables
	on batchSender
}

func (t tablesOn) run(ctx context.Context, statements ...*statement) error {
	return t.runOn(ctx, t.on, statements)
}
