package durable

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/heliosai/helios-go"
)

// SQLiteEngine is an [Engine] on one SQLite file, without a server. It is meant
// for one process; several on one machine work too.
type SQLiteEngine struct {
	*Engine
	store *sqliteStore
}

// OpenSQLite opens an engine on the file at path, and creates the file and its
// tables if they are missing. The file must be on a local disk: SQLite's locks
// and its write-ahead log do not work over a network. Beside it SQLite keeps
// path-wal and path-shm. Every commit is synced to the disk.
//
// client and receiver must not be nil; a client made with
// [helios.WithResubmitOnUnknownOutcome] is refused. Call Close when Run has
// returned.
func OpenSQLite(
	ctx context.Context, path string, client *helios.Client, receiver *helios.Receiver, opts ...Option,
) (*SQLiteEngine, error) {
	e, err := newEngine(client, receiver, opts)
	if err != nil {
		return nil, err
	}
	s, err := openFile(ctx, path)
	if err != nil {
		return nil, err
	}
	cfg := e.riverConfig("")
	cfg.FetchPollInterval = pollInterval // SQLite cannot tell that a job was committed
	s.client, err = river.NewClient(riversqlite.New(s.db), cfg)
	if err != nil {
		_ = s.close()
		return nil, fmt.Errorf("helios: durable: River: %w", err)
	}
	if err := e.open(ctx, s); err != nil {
		_ = s.close()
		return nil, err
	}
	return &SQLiteEngine{Engine: e, store: s}, nil
}

// InTx runs fn in a transaction on the engine's file, in which the caller may
// change tables of its own and call the methods that end in Tx; it commits when
// fn returns nil. Nothing else is written meanwhile, so fn must be quick. A
// method of the engine that takes no tx fails after ten seconds if fn calls it,
// since it waits for InTx itself.
func (e *SQLiteEngine) InTx(ctx context.Context, fn func(tx *sql.Tx) error) error {
	return e.store.begin(ctx, func(tx *sql.Tx) error {
		e.store.inTx.Store(true)
		defer e.store.inTx.Store(false)
		return fn(tx)
	})
}

// SubmitAgentTx is [Engine.SubmitAgent] inside a transaction of
// [SQLiteEngine.InTx]: the submission exists if and when that is committed.
func (e *SQLiteEngine) SubmitAgentTx(
	ctx context.Context, tx *sql.Tx, key string, req *helios.AgentRequest,
) (*Submission, error) {
	en, err := e.agentEntry(ctx, key, req)
	if err != nil {
		return nil, err
	}
	return e.enter(ctx, &sqliteTx{e.store, tx}, en)
}

// SubmitLabResultsTx is [Engine.SubmitLabResults] inside a transaction of
// [SQLiteEngine.InTx].
func (e *SQLiteEngine) SubmitLabResultsTx(
	ctx context.Context, tx *sql.Tx, key string, req *helios.LabResultsRequest,
) (*Submission, error) {
	en, err := e.labResultsEntry(ctx, key, req)
	if err != nil {
		return nil, err
	}
	return e.enter(ctx, &sqliteTx{e.store, tx}, en)
}

// River returns the engine's River client, for riverui. Jobs of your own belong
// in a client and a file of their own.
func (e *SQLiteEngine) River() *river.Client[*sql.Tx] { return e.store.client }

// sqliteStore writes through one connection, since SQLite has one writer:
// database/sql then lets the writers wait in turn, where SQLite would let them
// poll. Readers have connections of their own, which the write-ahead log lets
// read meanwhile.
type sqliteStore struct {
	db, readers *sql.DB
	client      *river.Client[*sql.Tx]
	dialect     dialect
	turnTimeout time.Duration
	inTx        atomic.Bool // the caller's function is running
	beside      *generationFile
}

func openFile(ctx context.Context, path string) (*sqliteStore, error) {
	if path == "" || strings.HasPrefix(path, ":memory:") || strings.HasPrefix(path, "file:") {
		return nil, errors.New("helios: durable: OpenSQLite: path must name a file")
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("helios: durable: OpenSQLite: %w", err)
	}
	// SQLite would let others read it, and gives its log the same rights.
	file, err := os.OpenFile(absolute, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the path is the caller's
	if err != nil {
		return nil, fmt.Errorf("helios: durable: OpenSQLite: %w", err)
	}
	_ = file.Close()
	open := func(connections int, more ...string) *sql.DB {
		db := sql.OpenDB(newPreparing(absolute, more...))
		db.SetMaxOpenConns(connections)
		db.SetMaxIdleConns(connections)
		return db
	}
	s := &sqliteStore{
		db: open(1), readers: open(4, "query_only(1)"),
		dialect: sqliteDialect(), turnTimeout: turnTimeout,
	}
	if s.beside, err = openGeneration(absolute); err != nil {
		_ = s.close()
		return nil, fmt.Errorf("helios: durable: OpenSQLite: %w", err)
	}
	// A connection that is the first, or the last, of a file changes its
	// journal mode, for which SQLite does not let others wait as busy_timeout
	// says.
	err = s.checkSafety(ctx)
	for start := time.Now(); isBusy(err) && time.Since(start) < turnTimeout && wait(ctx, 20*time.Millisecond); {
		err = s.checkSafety(ctx)
	}
	if err != nil {
		_ = s.close()
		return nil, fmt.Errorf("helios: durable: OpenSQLite: %w", err)
	}
	return s, nil
}

func isBusy(err error) bool {
	var refused *sqlite.Error
	return errors.As(err, &refused) && refused.Code()&0xff == sqlite3.SQLITE_BUSY
}

func sqliteDialect() dialect {
	more := []string{
		"{in $4}", "strftime('%Y-%m-%d %H:%M:%f', 'now', '+' || ?4 || ' seconds')", "{unsettled $8}", "?8",
	}
	for n := 1; n <= 9; n++ {
		more = append(more, fmt.Sprint("$", n), fmt.Sprint("?", n)) // so that a parameter may appear twice
	}
	return newDialect("", "BLOB", "INTEGER", "json_extract(j.attempted_by, '$[#-1]')",
		"CAST(unixepoch('subsec') * 1000000 AS INTEGER)", more...)
}

// checkSafety refuses a file system on which a commit would not be what it
// promises.
func (s *sqliteStore) checkSafety(ctx context.Context) error {
	var journal string
	var synchronous int
	if err := s.db.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&journal); err != nil {
		return err
	}
	if err := s.db.QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&synchronous); err != nil {
		return err
	}
	if journal != "wal" || synchronous != 2 {
		return fmt.Errorf("the file system allows journal mode %s only, not wal; is it local?", journal)
	}
	return nil
}

func (s *sqliteStore) migrate(ctx context.Context) error {
	queue, err := rivermigrate.New(riversqlite.New(s.db), &rivermigrate.Config{Logger: silent})
	if err != nil {
		return err
	}
	return s.begin(ctx, func(tx *sql.Tx) error { // which locks the file against other processes
		// Only a transaction keeps two processes apart. That River's migrations
		// for SQLite may be in one is tested with the pinned version.
		//nolint:staticcheck // see above
		if _, err := queue.MigrateTx(ctx, tx, rivermigrate.DirectionUp, nil); err != nil {
			return err
		}
		return migrateTables(ctx, (&sqliteTx{s, tx}).run, func(script string) error {
			_, err := tx.ExecContext(ctx, s.dialect.sql(script))
			return err
		})
	})
}

// turnTimeout bounds how long a transaction waits for those before it. SQLite's
// busy_timeout, which is for those of other processes, is the same.
const turnTimeout = 10 * time.Second

const errHeld = ownError("InTx has held the file for too long; " +
	"inside its function, a method of the engine that takes no tx waits for InTx itself")

// connection waits for the connection that writes.
func (s *sqliteStore) connection(ctx context.Context) (*sql.Conn, error) {
	waiting, cancel := context.WithTimeout(ctx, s.turnTimeout)
	defer cancel()
	conn, err := s.db.Conn(waiting)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil && s.inTx.Load() {
		return nil, fmt.Errorf("%w (%w)", errHeld, err)
	}
	return conn, err
}

func (s *sqliteStore) begin(ctx context.Context, fn func(*sql.Tx) error) error {
	conn, err := s.connection(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // gives it back
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()

	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// erase empties the write-ahead log, in which what was deleted from the file
// can still be read. If a reader keeps it from doing so, the next call does.
func (s *sqliteStore) erase(ctx context.Context) error {
	conn, err := s.connection(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()

	// A long reader, a backup say, must not keep the writers waiting.
	if _, err := conn.ExecContext(ctx, `PRAGMA busy_timeout(0)`); err != nil {
		return err
	}
	var busy, frames, moved int
	err = conn.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved)
	restoring, cancel := detached(ctx, time.Second)
	defer cancel()
	_, failed := conn.ExecContext(restoring, `PRAGMA busy_timeout(10000)`)
	return errors.Join(err, failed)
}

func (s *sqliteStore) write(ctx context.Context, fn func(transaction) error) error {
	return s.begin(ctx, func(tx *sql.Tx) error { return fn(&sqliteTx{s, tx}) })
}

func (s *sqliteStore) read(ctx context.Context, statements ...*statement) error {
	return s.runOn(ctx, s.readers, statements)
}

func (s *sqliteStore) lanes() int                      { return 1 } // SQLite has one writer
func (s *sqliteStore) start(ctx context.Context) error { return s.client.Start(ctx) }
func (s *sqliteStore) stopped() <-chan struct{}        { return s.client.Stopped() }
func (s *sqliteStore) close() error {
	var err error
	for _, db := range []*sql.DB{s.readers, s.db} { // the last one open tidies the log up, which a reader may not
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	if s.beside != nil {
		err = errors.Join(err, s.beside.Close())
	}
	return err
}

func (s *sqliteStore) broken(err error) bool {
	var refused *sqlite.Error
	if errors.As(err, &refused) {
		switch refused.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
			sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
			return true
		}
		return false
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, errMoved)
}

type sqliteTx struct {
	*sqliteStore
	tx *sql.Tx
}

func (t *sqliteTx) run(ctx context.Context, statements ...*statement) error {
	return t.runOn(ctx, t.tx, statements)
}

func (t *sqliteTx) enqueue(ctx context.Context, jobs ...river.InsertManyParams) ([]int64, error) {
	results, err := t.client.InsertManyTx(ctx, t.tx, jobs)
	return jobIDs(results), err
}

func jobIDs(results []*rivertype.JobInsertResult) []int64 {
	ids := make([]int64, len(results))
	for i, r := range results {
		ids[i] = r.Job.ID
	}
	return ids
}

type queryer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (s *sqliteStore) runOn(ctx context.Context, on queryer, statements []*statement) error {
	for _, st := range statements {
		if st.scan == nil {
			result, err := on.ExecContext(ctx, s.dialect.sql(st.sql), st.args...)
			if err != nil {
				return err
			}
			st.affected, _ = result.RowsAffected() // this driver always knows
			continue
		}
		if err := s.scan(ctx, on, st); err != nil {
			return err
		}
	}
	return nil
}

func (s *sqliteStore) scan(ctx context.Context, on queryer, st *statement) error {
	rows, err := on.QueryContext(ctx, s.dialect.sql(st.sql), st.args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := st.scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
