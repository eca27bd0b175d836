package durable

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// schemas lends schemas in which the tables are made, each to one test at a
// time: to make them takes longer than most tests.
var schemas struct {
	mu   sync.Mutex
	pool *pgxpool.Pool
	free []*lentSchema
}

type lentSchema struct {
	name   string
	tables []string
	reset  string // SQL that leaves the rows that the migrations have made
}

// limitParallel keeps the tests, on a machine of many cores too, within the 100
// connections that a PostgreSQL has by default.
func limitParallel() {
	const most = 8
	flag.Parse()
	parallel := flag.Lookup("test.parallel").Value
	if n, err := strconv.Atoi(parallel.String()); err == nil && n > most {
		_ = parallel.Set(strconv.Itoa(most)) // a number that it takes
	}
}

// testSchema lends a schema with nothing in its tables.
func testSchema(t testing.TB) string {
	t.Helper()
	s := borrow(t)
	t.Cleanup(func() {
		if t.Failed() || !s.clean() {
			drop(t, s.name)
			return
		}
		schemas.mu.Lock()
		defer schemas.mu.Unlock()
		schemas.free = append(schemas.free, s)
	})
	return s.name
}

// unmadeSchema names a schema that does not exist, and drops it afterwards.
func unmadeSchema(t testing.TB) string {
	t.Helper()
	schemasPool(t)
	name := "helios_test_" + randomName()
	t.Cleanup(func() { drop(t, name) })
	return name
}

func randomName() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// schemasPool is for making and dropping schemas. What it commits need not
// outlive the tests.
func schemasPool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	schemas.mu.Lock()
	defer schemas.mu.Unlock()
	if schemas.pool == nil {
		cfg, err := pgxpool.ParseConfig(databaseURL())
		require.NoError(t, err)
		cfg.MaxConns = 4
		cfg.ConnConfig.RuntimeParams["synchronous_commit"] = "off"
		schemas.pool, err = pgxpool.NewWithConfig(context.Background(), cfg)
		require.NoError(t, err)
	}
	return schemas.pool
}

func borrow(t testing.TB) *lentSchema {
	t.Helper()
	pool := schemasPool(t)
	schemas.mu.Lock()
	if last := len(schemas.free) - 1; last >= 0 {
		s := schemas.free[last]
		schemas.free = schemas.free[:last]
		schemas.mu.Unlock()
		return s
	}
	schemas.mu.Unlock()

	s := &lentSchema{name: "helios_test_" + randomName()}
	require.NoError(t, newPostgresTables(s.name).migrate(t.Context(), pool))
	var err error
	s.tables, err = s.tablesThere(t.Context())
	require.NoError(t, err)

	var erase, insert strings.Builder
	for _, table := range s.tables {
		table = pgx.Identifier{s.name, table}.Sanitize()
		fmt.Fprintf(&erase, "DELETE FROM %s;\n", table)
		rows, err := s.texts(t.Context(), "SELECT to_json(r)::text FROM "+table+" r")
		require.NoError(t, err)
		for _, row := range rows {
			fmt.Fprintf(&insert, "INSERT INTO %s SELECT * FROM json_populate_record(NULL::%[1]s, '%s');\n",
				table, strings.ReplaceAll(row, "'", "''"))
		}
	}
	s.reset = erase.String() + insert.String()
	return s
}

// clean takes away what a test has left. It reports false if that cannot be
// done, or if the test has made tables.
func (s *lentSchema) clean() bool {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tables, err := s.tablesThere(ctx)
	if err != nil || !slices.Equal(tables, s.tables) {
		return false
	}
	_, err = schemas.pool.Exec(ctx, s.reset)
	return err == nil
}

func (s *lentSchema) tablesThere(ctx context.Context) ([]string, error) {
	return s.texts(ctx, `SELECT relname::text FROM pg_class
		WHERE relnamespace = $1::regnamespace AND relkind = 'r' ORDER BY 1`, s.name)
}

func (s *lentSchema) texts(ctx context.Context, sql string, args ...any) ([]string, error) {
	rows, err := schemas.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func drop(t testing.TB, schema string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := schemas.pool.Exec(ctx, "DROP SCHEMA IF EXISTS "+schema+" CASCADE")
	require.NoError(t, err)
}

// dropSchemas drops what was lent when the tests have ended.
func dropSchemas() {
	for _, s := range schemas.free {
		_, _ = schemas.pool.Exec(context.Background(), "DROP SCHEMA "+s.name+" CASCADE")
	}
	if schemas.pool != nil {
		schemas.pool.Close()
	}
}
