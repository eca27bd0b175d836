package durable

import (
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
)

// postgresStore keeps everything in one schema of a PostgreSQL database.
type postgresStore struct {
	*postgresTables
	pool     *pgxpool.Pool // the engine's own
	client   *river.Client[pgx.Tx]
	pollOnly bool
	migrates bool // may make and update the tables

	asksServer bool // for its identifier and timeline
}

var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

func newPostgresStore(pool *pgxpool.Pool, c *config) *postgresStore {
	return &postgresStore{
		postgresTables: newPostgresTables(c.schema),
		pool:           pool, pollOnly: c.pollOnly, migrates: !c.withoutMigration,
	}
}

func postgresDialect(schema string) dialect {
	return newDialect(pgx.Identifier{schema}.Sanitize()+".", "BYTEA", "BIGINT",
		"j.attempted_by[array_upper(j.attempted_by, 1)]",
		"(extract(epoch FROM clock_timestamp()) * 1000000)::BIGINT",
		"{in $4}", "clock_timestamp() + make_interval(secs => $4)", "{unsettled $8}", "NULL")
}

// durably begins a transaction whose commit waits for the disk, in one round
// trip. It leaves settings alone that wait for more, or for the local disk
// only. It is said for each transaction because a connection's settings can
// change, and behind a pooler they are not the connection's own.
//
// What locks a row sees what the last transaction has made of it, as the
// statements expect, whatever isolation the connection defaults to.
var durably = pgx.TxOptions{BeginQuery: `BEGIN ISOLATION LEVEL READ COMMITTED;
	SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'`}

// Codes of PostgreSQL's errors, see
// https://www.postgresql.org/docs/current/errcodes-appendix.html.
const (
	deadlockDetected = "40P01"
	lockNotAvailable = "55P03"
)

// refusedWith reports whether PostgreSQL has answered with an error's code.
func refusedWith(err error, code string) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == code
}

// mostDeadlocks bounds how often a transaction runs that PostgreSQL ends
// because of deadlocks. Each time it has waited PostgreSQL's deadlock_timeout.
const mostDeadlocks = 10

// afterDeadlocks runs a transaction again that PostgreSQL has ended because of
// a deadlock: nothing of it is left, and the other one, which has locked the
// same rows or tables in another order, has gone on meanwhile.
func afterDeadlocks(transaction func() error) error {
	var err error
	for range mostDeadlocks {
		if err = transaction(); !refusedWith(err, deadlockDetected) {
			break
		}
	}
	return err
}

func (s *postgresStore) write(ctx context.Context, fn func(transaction) error) error {
	return afterDeadlocks(func() error { return s.writeOnce(ctx, fn) })
}

func (s *postgresStore) writeOnce(ctx context.Context, fn func(transaction) error) error {
	tx, err := s.pool.BeginTx(ctx, durably)
	if err != nil {
		return err
	}
	defer func() {
		ending, cancel := detached(ctx, 5*time.Second)
		defer cancel()
		_ = tx.Rollback(ending) // after a commit it does nothing
	}()

	if err := fn(&postgresTx{s, tx}); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

func (s *postgresStore) read(ctx context.Context, statements ...*statement) error {
	return s.runOn(ctx, s.pool, statements)
}

func (s *postgresStore) lanes() int                      { return 2 } // one prepares while the other syncs
func (s *postgresStore) start(ctx context.Context) error { return s.client.Start(ctx) }
func (s *postgresStore) stopped() <-chan struct{}        { return s.client.Stopped() }

func (s *postgresStore) close() error {
	s.pool.Close()
	return nil
}

// erase does nothing: what was deleted goes from PostgreSQL's files with its
// vacuum and its log.
func (s *postgresStore) erase(context.Context) error { return nil }

// broken reports whether err is of an outage. What PostgreSQL itself refuses
// has a code; classes 08, 53 and 57 mean that it is going, coming or full.
func (s *postgresStore) broken(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		switch refused.Code[:2] {
		case "08", "53", "57":
			return true
		}
		return refused.Code == "25006" // a replica that is no longer, or not yet, the primary
	}

	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, context.DeadlineExceeded) || pgconn.SafeToRetry(err)
}

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

type batchSender interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// runOn sends all statements at once and reads their answers in order.
func (t *postgresTables) runOn(ctx context.Context, on batchSender, statements []*statement) (err error) {
	if len(statements) == 0 {
		return nil
	}

	batch := &pgx.Batch{}
	for _, st := range statements {
		batch.Queue(t.dialect.sql(st.sql), st.args...)
	}
	results := on.SendBatch(ctx, batch)
	defer func() {
		if closed := results.Close(); err == nil {
			err = closed
		}
	}()

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
		st.affected = tag.RowsAffected()
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
