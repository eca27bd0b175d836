package durable

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"github.com/heliosai/helios-go"
)

// steps are what a process asks of its store, one statement or batch a step.
// Before the last one it kills itself, as if it had been killed from outside at
// that moment.
type steps struct {
	armed atomic.Bool
	taken atomic.Int64
	last  int64 // 0 for none
}

func (s *steps) take() {
	if s == nil || !s.armed.Load() || s.taken.Add(1) != s.last {
		return
	}
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill() // SIGKILL
	}
	select {}
}

// TraceQueryStart is a step: nothing is sent before it returns.
func (s *steps) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	s.take()
	return ctx
}

// TraceQueryEnd is one too: a commit has been answered.
func (s *steps) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) { s.take() }

// TraceBatchStart is as TraceQueryStart.
func (s *steps) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	s.take()
	return ctx
}

// TraceBatchQuery is none, since a batch is sent as a whole.
func (s *steps) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd is none: what comes next begins with one.
func (s *steps) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// steppedFile connects to SQLite.
type steppedFile struct {
	*preparing
	steps *steps
}

func (f *steppedFile) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := f.preparing.Connect(ctx)
	if err != nil {
		return nil, err
	}
	prepared, ok := conn.(*preparedConn)
	if !ok {
		return nil, fmt.Errorf("a connection is a %T", conn)
	}
	return &steppedConn{prepared, f.steps}, nil
}

type steppedConn struct {
	*preparedConn
	steps *steps
}

func (c *steppedConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	c.steps.take()
	return c.preparedConn.ExecContext(ctx, text, args)
}

func (c *steppedConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	c.steps.take()
	return c.preparedConn.QueryContext(ctx, text, args)
}

func (c *steppedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.steps.take()
	tx, err := c.preparedConn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &steppedTx{tx, c.steps}, nil
}

type steppedTx struct {
	driver.Tx
	steps *steps
}

func (t *steppedTx) Commit() error {
	t.steps.take()
	err := t.Tx.Commit()
	t.steps.take()
	return err
}

// openStepped opens an engine as OpenSQLite does, with a writer that takes
// steps.
func openStepped(
	ctx context.Context, path string, client *helios.Client, receiver *helios.Receiver, s *steps, opts ...Option,
) (*Engine, error) {
	e, err := newEngine(client, receiver, append([]Option{quick}, opts...))
	if err != nil {
		return nil, err
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	file, err := openFile(ctx, path, patience)
	if err != nil {
		return nil, err
	}

	if err := file.db.Close(); err != nil {
		return nil, err
	}
	file.db = sql.OpenDB(&steppedFile{newPreparing(path, patience), s})
	file.db.SetMaxOpenConns(1)
	cfg := e.riverConfig("")
	cfg.FetchPollInterval = pollInterval
	if file.client, err = river.NewClient(riversqlite.New(file.db), cfg); err != nil {
		return nil, err
	}
	return e, e.open(ctx, file)
}

// deed is one thing that a process does, and dies while it does it.
type deed string

// The deeds.
const (
	deedOpen     deed = "open" // and migrate
	deedCancel   deed = "cancel"
	deedFail     deed = "fail"
	deedResubmit deed = "resubmit"
)

// done is what a process writes that has survived its deed.
type done struct{ Steps int64 }

// do does the deed of the order.
func (o *order) do(ctx context.Context) error {
	s := &steps{last: o.DieAt}
	s.armed.Store(o.Deed == deedOpen)
	e, err := o.open(ctx, s)
	if err != nil {
		return err
	}

	s.armed.Store(true)
	switch o.Deed {
	case deedOpen:
	case deedCancel:
		err = e.Cancel(ctx, o.Key)
	case deedFail:
		err = e.Resolve(ctx, o.Key, Fail)
	case deedResubmit:
		err = e.Resolve(ctx, o.Key, Resubmit)
	default:
		err = fmt.Errorf("no deed %q", o.Deed)
	}
	s.armed.Store(false)
	return errors.Join(err, e.Close(), json.NewEncoder(os.Stdout).Encode(done{s.taken.Load()}))
}
