package durable

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// databaseURL is where the tests' PostgreSQL is.
func databaseURL() string {
	if u := os.Getenv("HELIOS_TEST_DATABASE_URL"); u != "" {
		return u
	}
	return "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"
}

// onEachStore runs a test on SQLite and on PostgreSQL. Without PostgreSQL that
// half is skipped, but fails where CI=true.
func onEachStore(t *testing.T, test func(t *testing.T, k kind)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, kind{sqlite: testFile(t)})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, onPostgres(t))
	})
}

// kind is a store that engines can be opened on, any number of them.
type kind struct {
	sqlite string
	pool   *pgxpool.Pool
	schema string
}

// onPostgres is a store on PostgreSQL with nothing in it.
func onPostgres(t testing.TB) kind {
	t.Helper()
	return kind{pool: testPool(t, databaseURL()), schema: testSchema(t)}
}

// another is a store of the same kind with nothing in it.
func (k kind) another(t testing.TB) kind {
	t.Helper()
	if k.sqlite != "" {
		return kind{sqlite: testFile(t)}
	}
	return kind{pool: k.pool, schema: testSchema(t)}
}

// unmade is a store of the same kind in which no tables are made.
func (k kind) unmade(t testing.TB) kind {
	t.Helper()
	if k.sqlite != "" {
		return kind{sqlite: filepath.Join(t.TempDir(), "helios.db")}
	}
	return kind{pool: k.pool, schema: unmadeSchema(t)}
}

// testPool connects to PostgreSQL with as few connections as an engine needs:
// many tests do so at once, and each connection costs more than most of what is
// asked through it.
func testPool(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(url)
	require.NoError(t, err)
	cfg.MaxConns = minConnections
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		if os.Getenv("CI") == "true" {
			require.NoError(t, err, "CI needs PostgreSQL")
		}
		t.Skipf("no PostgreSQL at %s; set HELIOS_TEST_DATABASE_URL", url)
	}
	t.Cleanup(pool.Close)
	return pool
}

// poolOf makes a pool of the test's own.
func poolOf(t testing.TB, cfg *pgxpool.Config) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg.Copy())
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// emptyFile is a SQLite file in which the tables are made. To copy it takes
// less time than to make them again.
var emptyFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "helios-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "helios.db")
	s, err := openFile(context.Background(), path, patience)
	if err != nil {
		return nil, err
	}
	if err := s.migrate(context.Background()); err != nil {
		return nil, err
	}
	if err := s.close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// testFile is a SQLite file of the test's own, in which the tables are made.
func testFile(t testing.TB) string {
	t.Helper()
	content, err := emptyFile()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "helios.db")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}
