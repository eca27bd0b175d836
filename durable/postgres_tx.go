package durable

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
)

// postgresTx is a transaction: the store's own, or one of the caller's.
type postgresTx struct {
	*postgresStore
	tx pgx.Tx
}

func (t *postgresTx) run(ctx context.Context, statements ...*statement) error {
	return t.runOn(ctx, t.tx, statements)
}

func (t *postgresTx) enqueue(ctx context.Context, jobs ...river.InsertManyParams) ([]int64, error) {
	results, err := t.client.InsertManyTx(ctx, t.tx, jobs)
	return jobIDs(results), err
}

func (t *postgresTx) runAndEnqueue(ctx context.Context, statements []*statement, jobs ...river.InsertManyParams) ([]int64, error) {
	own, ok := t.tx.(*ownTx)
	if !ok {
		if err := t.run(ctx, statements...); err != nil {
			return nil, err
		}
		return t.enqueue(ctx, jobs...)
	}
	own.ahead = t.batch(statements)
	own.takeAhead = func(results pgx.BatchResults) error { return takeAll(statements, results) }
	ids, err := t.enqueue(ctx, jobs...)
	if err == nil && own.ahead != nil {
		err = errors.New("this version of River does not begin with a query")
	}
	return ids, err
}

type batchSender interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// runOn sends all statements at once and reads their answers in order.
func (s *postgresStore) runOn(ctx context.Context, on batchSender, statements []*statement) (err error) {
	if len(statements) == 0 {
		return nil
	}
	results := on.SendBatch(ctx, s.batch(statements))
	defer func() {
		if closed := results.Close(); err == nil {
			err = closed
		}
	}()
	return takeAll(statements, results)
}

func (s *postgresStore) batch(statements []*statement) *pgx.Batch {
	batch := &pgx.Batch{}
	for _, st := range statements {
		batch.Queue(s.dialect.sql(st.sql), st.args...)
	}
	return batch
}

func takeAll(statements []*statement, results pgx.BatchResults) error {
	for _, st := range statements {
		if err := st.take(results); err != nil {
			return err
		}
	}
	return nil
}

// take reads the statement's answer, which is the next of results.
func (st *statement) take(results pgx.BatchResults) error {
	if st.scan == nil {
		tag, err := results.Exec()
		st.affected, st.command = tag.RowsAffected(), tag.String()
		return err
	}
	rows, err := results.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := st.scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// ownTx is a transaction that begins with its first statements and commits with its last, in the same round trip: pgx's own takes one more for each, and a webhook
// is a handful of round trips.
type ownTx struct {
	conn             *pgxpool.Conn
	begun, committed bool
	notBegun         error // why begin failed

	ahead     *pgx.Batch // goes in front of River's next query
	takeAhead func(pgx.BatchResults) error
}

// begin begins the transaction by itself, where a batch cannot.
func (t *ownTx) begin(ctx context.Context) error {
	if t.begun {
		return nil
	}
	t.begun = true
	_, err := t.conn.Exec(ctx, "begin")
	return err
}

func (t *ownTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if t.begun {
		return t.conn.SendBatch(ctx, b)
	}
	t.begun = true
	b.QueuedQueries = append([]*pgx.QueuedQuery{{SQL: "begin"}}, b.QueuedQueries...)
	results := t.conn.SendBatch(ctx, b)
	_, t.notBegun = results.Exec() // then the others fail too, and a commit must not seem to succeed
	return results
}

// commitWith runs the last statements and commits, if there is anything to commit.
func (t *ownTx) commitWith(ctx context.Context, s *postgresStore, last []*statement) error {
	if !t.begun && len(last) == 0 {
		return nil
	}
	if t.notBegun != nil {
		return t.notBegun
	}
	commit := exec("commit")
	if err := s.runOn(ctx, t, append(last[:len(last):len(last)], commit)); err != nil {
		return err
	}
	if commit.command != "COMMIT" { // of a transaction in which something has failed PostgreSQL says ROLLBACK
		return errors.New("the transaction was not committed")
	}
	t.committed = true
	return nil
}

// end gives the connection back, after rolling back what was not committed. One that cannot do so is closed by its pool.
func (t *ownTx) end(ctx context.Context) {
	if t.begun && !t.committed && !t.conn.Conn().IsClosed() {
		ctx, cancel := detached(ctx, 5*time.Second)
		_, _ = t.conn.Exec(ctx, "rollback")
		cancel()
	}
	t.conn.Release()
}

// The rest is for River, which takes a pgx.Tx.

func (t *ownTx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if err := t.begin(ctx); err != nil {
		return pgconn.CommandTag{}, err
	}
	return t.conn.Exec(ctx, sql, args...)
}

func (t *ownTx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if batch := t.ahead; batch != nil {
		t.ahead = nil
		batch.Queue(sql, args...)
		results := t.SendBatch(ctx, batch)
		if err := t.takeAhead(results); err != nil {
			_ = results.Close() // it fails for the same reason
			return nil, err
		}
		rows, err := results.Query()
		return batchRows{rows, results}, err
	}
	if err := t.begin(ctx); err != nil {
		return nil, err
	}
	return t.conn.Query(ctx, sql, args...)
}

func (t *ownTx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if err := t.begin(ctx); err != nil {
		return failedRow{err}
	}
	return t.conn.QueryRow(ctx, sql, args...)
}

func (t *ownTx) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	if err := t.begin(ctx); err != nil {
		return 0, err
	}
	return t.conn.CopyFrom(ctx, table, columns, rows)
}

func (t *ownTx) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	return t.conn.Conn().Prepare(ctx, name, sql)
}

var errNotForRiver = errors.New("helios: durable: the engine's own transaction is not River's to begin or end")

func (t *ownTx) Begin(context.Context) (pgx.Tx, error) { return nil, errNotForRiver }
func (t *ownTx) Commit(context.Context) error          { return errNotForRiver }
func (t *ownTx) Rollback(context.Context) error        { return errNotForRiver }
func (t *ownTx) LargeObjects() pgx.LargeObjects        { return pgx.LargeObjects{} }
func (t *ownTx) Conn() *pgx.Conn                       { return t.conn.Conn() }

// batchRows are the rows of a batch's last query.
type batchRows struct {
	pgx.Rows
	results pgx.BatchResults
}

func (r batchRows) Close() {
	r.Rows.Close()
	_ = r.results.Close() // all was read: a connection that fails now fails the transaction's next step
}

type failedRow struct{ err error }

func (f failedRow) Scan(...any) error { return f.err }
