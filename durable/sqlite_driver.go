package durable

import (
	"context"
	"database/sql/driver"
	"errors"
	"net/url"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
)

// mostPrepared bounds the statements that a connection keeps. The engine and
// River have fewer; texts made up at run time, as for lists of ids, must not
// pile up.
const mostPrepared = 256

// preparing connects to SQLite through connections that keep their statements
// prepared. To parse one, as database/sql does at each call, takes longer than
// most take to run, and River's are long.
type preparing struct {
	name   string // as SQLite wants it
	path   string
	driver sqlite.Driver
}

// newPreparing makes one for the file at path, an absolute one, with further
// pragmas.
func newPreparing(path string, pragmas ...string) *preparing {
	options := url.Values{
		"mode":    {"rw"}, // never a new file in place of one that is gone
		"_txlock": {"immediate"},
		"_pragma": append([]string{
			"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)",
			"fullfsync(1)", "checkpoint_fullfsync(1)", // macOS: through the disk's own cache
			"secure_delete(1)", // what is deleted is overwritten
		}, pragmas...),
	}
	return &preparing{name: sqliteURL(filepath.ToSlash(path), options), path: path}
}

// sqliteURL names a file as SQLite wants it. Before a drive of Windows it wants
// a slash: what stands behind two is a host.
// See https://www.sqlite.org/uri.html
func sqliteURL(path string, options url.Values) string {
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	name := url.URL{Scheme: "file", Path: path, RawQuery: options.Encode()}
	return name.String()
}

// Connect opens a connection.
func (p *preparing) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := p.driver.Open(p.name)
	if err != nil {
		return nil, err
	}
	inner, ok := conn.(sqliteConn)
	if !ok {
		_ = conn.Close()
		return nil, errors.New("helios: durable: the SQLite driver lacks an interface that this package needs")
	}

	c := &preparedConn{sqliteConn: inner, statements: map[string]*preparedStmt{}}
	if err := c.openFiles(ctx, p.path); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

// Driver returns SQLite's.
func (p *preparing) Driver() driver.Driver { return &p.driver }

// sqliteConn is what the driver's connections can do, and database/sql asks
// for.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

// preparedConn is a connection, used by one goroutine at a time, as
// database/sql promises.
type preparedConn struct {
	sqliteConn
	statements map[string]*preparedStmt
	files      []openedFile
}

type preparedStmt struct {
	driver.Stmt
	exec  driver.StmtExecContext
	query driver.StmtQueryContext
	busy  bool // its rows are being read
}

// prepared returns the statement for a text, or nil where it must go without: a
// script, one too many, or one whose rows are still being read.
func (c *preparedConn) prepared(ctx context.Context, text string, args []driver.NamedValue) (*preparedStmt, error) {
	if st := c.statements[text]; st != nil {
		if st.busy {
			return nil, nil //nolint:nilnil // as the comment says
		}
		return st, nil
	}
	if len(args) == 0 || len(c.statements) >= mostPrepared { // scripts have no arguments
		return nil, nil //nolint:nilnil // as the comment says
	}
	inner, err := c.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	st := &preparedStmt{Stmt: inner}
	var execs, queries bool
	st.exec, execs = inner.(driver.StmtExecContext)
	st.query, queries = inner.(driver.StmtQueryContext)
	if !execs || !queries {
		return nil, inner.Close()
	}
	c.statements[text] = st
	return st, nil
}

// ExecContext runs a statement that gives no rows.
func (c *preparedConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	st, err := c.prepared(ctx, text, args)
	switch {
	case err != nil:
		return nil, err
	case st == nil:
		return c.sqliteConn.ExecContext(ctx, text, args)
	default:
		return st.exec.ExecContext(ctx, args)
	}
}

// QueryContext runs a statement whose rows are read.
func (c *preparedConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	st, err := c.prepared(ctx, text, args)
	switch {
	case err != nil:
		return nil, err
	case st == nil:
		return c.sqliteConn.QueryContext(ctx, text, args)
	}
	rows, err := st.query.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	st.busy = true
	return &preparedRows{rows, st}, nil
}

// Close closes the statements and the connection.
func (c *preparedConn) Close() error {
	var err error
	for _, st := range c.statements {
		err = errors.Join(err, st.Close())
	}
	return errors.Join(err, c.sqliteConn.Close())
}

type preparedRows struct {
	driver.Rows
	st *preparedStmt
}

// Close makes the statement free for its next use.
func (r *preparedRows) Close() error {
	r.st.busy = false
	return r.Rows.Close()
}
