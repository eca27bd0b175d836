package durable

import (
	"database/sql"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The release before must work on the tables of the release after, so that
// processes of both can be at work during a deployment. These tests hold the
// rule that CONTRIBUTING.md gives: expand in one release, contract in a later
// one.

// column is a column as SQLite knows it.
type column struct {
	table, name, kind  string
	notNull, defaulted bool
}

// shape is what the statements of a release depend on.
type shape struct {
	columns []column
	unique  []string // unique indexes, by table and definition
}

func shapeOf(t *testing.T, db *sql.DB) (s shape) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT m.name, c.name, c.type, c."notnull", c.dflt_value IS NOT NULL
		FROM sqlite_schema m, pragma_table_xinfo(m.name) c WHERE m.type = 'table' ORDER BY 1, 2`)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var c column
		require.NoError(t, rows.Scan(&c.table, &c.name, &c.kind, &c.notNull, &c.defaulted))
		s.columns = append(s.columns, c)
	}
	require.NoError(t, rows.Err())

	indexes, err := db.QueryContext(t.Context(), `SELECT
		m.name || ': ' || (SELECT group_concat(name) FROM pragma_index_info(i.name))
		|| coalesce(' ' || (SELECT sql FROM sqlite_schema WHERE name = i.name), '')
		FROM sqlite_schema m, pragma_index_list(m.name) i WHERE m.type = 'table' AND i."unique" ORDER BY 1`)
	require.NoError(t, err)
	defer indexes.Close()
	for indexes.Next() {
		var index string
		require.NoError(t, indexes.Scan(&index))
		s.unique = append(s.unique, index)
	}
	require.NoError(t, indexes.Err())
	return s
}

// breaks lists what would keep a release that was made for the shape before
// from working on the shape after.
func (before shape) breaks(after shape) (broken []string) {
	tables := map[string]bool{}
	for _, c := range before.columns {
		tables[c.table] = true
		i := slices.IndexFunc(after.columns, func(a column) bool { return a.table == c.table && a.name == c.name })
		switch {
		case i < 0:
			broken = append(broken, fmt.Sprintf("%s.%s is gone", c.table, c.name))
		case after.columns[i] != c:
			broken = append(broken, fmt.Sprintf("%s.%s has changed", c.table, c.name))
		}
	}
	for _, c := range after.columns {
		if tables[c.table] && c.notNull && !c.defaulted && !slices.Contains(before.columns, c) {
			broken = append(broken, fmt.Sprintf("%s.%s is new and must be given", c.table, c.name))
		}
	}
	for _, index := range after.unique {
		table, _, _ := strings.Cut(index, ":")
		if tables[table] && !slices.Contains(before.unique, index) {
			broken = append(broken, index+" is newly unique")
		}
	}
	return broken
}

// migrateTo makes the tables of each migration in turn and returns the shapes.
func migrateTo(t *testing.T, steps ...migration) (shapes []shape) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "shape.db"))
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), sqliteDialect().sql(createMigrations))
	require.NoError(t, err)
	for _, step := range steps {
		_, err := db.ExecContext(t.Context(), sqliteDialect().sql(step.script))
		require.NoError(t, err)
		shapes = append(shapes, shapeOf(t, db))
	}
	return shapes
}

func TestMigrations_Expand(t *testing.T) {
	t.Parallel()
	shapes := migrateTo(t, migrations...)
	for i := range len(shapes) - 1 {
		assert.Empty(t, shapes[i].breaks(shapes[i+1]), "migration %d", i+2)
	}

	for _, test := range []struct{ script, want string }{
		{`ALTER TABLE {submissions} ADD COLUMN extra TEXT`, ""},
		{`ALTER TABLE {submissions} ADD COLUMN extra TEXT NOT NULL DEFAULT ''`, ""},
		{`CREATE TABLE helios_extra (id BIGINT PRIMARY KEY, name TEXT NOT NULL)`, ""},
		{`CREATE INDEX extra ON {submissions} (run_id)`, ""},
		{`ALTER TABLE {submissions} DROP COLUMN message`, "helios_submissions.message is gone"},
		{`ALTER TABLE {workers} RENAME TO helios_processes`, "helios_workers.id is gone"},
		{`ALTER TABLE {submissions} RENAME COLUMN message TO answer`, "helios_submissions.message is gone"},
		{`CREATE UNIQUE INDEX extra ON {submissions} (run_id)`, "is newly unique"},
		{
			`DROP TABLE {sweeps};
			CREATE TABLE {sweeps} (name TEXT PRIMARY KEY, swept_at BIGINT NOT NULL, w TEXT NOT NULL)`,
			"w is new and must be given",
		},
		{
			`DROP TABLE {sweeps}; CREATE TABLE {sweeps} (name TEXT PRIMARY KEY, swept_at TEXT NOT NULL)`,
			"swept_at has changed",
		},
	} {
		shapes := migrateTo(t, append(slices.Clone(migrations), migration{script: test.script})...)
		broken := shapes[len(shapes)-2].breaks(shapes[len(shapes)-1])
		if test.want == "" {
			assert.Empty(t, broken, test.script)
		} else {
			assert.Contains(t, strings.Join(broken, "; "), test.want, test.script)
		}
	}
}

var isStatement = regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE)\s`)

// statementsOf returns the SQL statements that are constants of this package.
func statementsOf(t *testing.T) (statements []string) {
	t.Helper()
	files := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var parsed []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, name, nil, 0)
		require.NoError(t, err)
		parsed = append(parsed, file)
	}

	// What the imports would add is not needed: a statement is made of strings.
	check := types.Config{IgnoreFuncBodies: true, Error: func(error) {}}
	pkg, _ := check.Check("durable", files, parsed, nil)
	for _, name := range pkg.Scope().Names() {
		c, ok := pkg.Scope().Lookup(name).(*types.Const)
		if ok && c.Val().Kind() == constant.String && isStatement.MatchString(constant.StringVal(c.Val())) {
			statements = append(statements, strings.Join(strings.Fields(constant.StringVal(c.Val())), " "))
		}
	}
	return statements
}

// TestMigrations_StatementsOfEarlierReleases: every statement of every release
// that may overlap with this one can run on the tables of this one.
//
// HELIOS_RELEASE=2 writes this release's statements to testdata, under that
// number, for the next to be tested with. Delete the files of releases that no
// longer overlap.
func TestMigrations_StatementsOfEarlierReleases(t *testing.T) { //nolint:tparallel // may write a file
	if release := os.Getenv("HELIOS_RELEASE"); release != "" {
		text := strings.Join(statementsOf(t), ";\n") + ";\n"
		require.NoError(t, os.WriteFile(filepath.Join("testdata", "statements-"+release+".sql"), []byte(text), 0o600))
	}
	releases, err := filepath.Glob("testdata/statements-*.sql")
	require.NoError(t, err)
	require.NotEmpty(t, releases)

	onEachStore(t, func(t *testing.T, k kind) {
		e := newService(t).open(t, k)
		for _, release := range releases {
			text, err := os.ReadFile(release)
			require.NoError(t, err)
			statements := strings.Split(strings.TrimSpace(string(text)), ";\n")
			require.Greater(t, len(statements), 40)
			for i, statement := range statements {
				assert.NoError(t, tryPrepare(t, e, i, strings.TrimSuffix(statement, ";")), statement)
			}
		}
	})
}

// tryPrepare checks a statement against the tables without running it.
func tryPrepare(t *testing.T, e *Engine, number int, statement string) error {
	t.Helper()
	switch s := e.store.(type) {
	case *sqliteStore:
		prepared, err := s.db.PrepareContext(t.Context(), s.dialect.sql(statement))
		if err == nil {
			require.NoError(t, prepared.Close())
		}
		return err
	case *postgresStore:
		conn, err := s.pool.Acquire(t.Context())
		require.NoError(t, err)
		defer conn.Release()
		name := fmt.Sprintf("statement_%d_%s", number, randomName())
		_, err = conn.Conn().Prepare(t.Context(), name, s.dialect.sql(statement))
		return err
	default:
		require.FailNow(t, "unknown store")
		return nil
	}
}
