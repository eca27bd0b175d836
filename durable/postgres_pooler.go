package durable

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

var errTransactionPooling = errors.New("the pool reaches PostgreSQL through a pooler in transaction mode, " +
	"where LISTEN does not work; open the engine with WithPollOnly, or use a pooler in session mode")

// poolerLooks is how often checkPooler looks. A busy pooler can give a
// connection the server it had before, which looks like session mode.
const poolerLooks = 3

// checkPooler refuses a pooler in transaction mode unless the engine polls.
// Such a pooler shows in two ways: two connections that are open at once are
// the same server process, or one connection becomes another.
func (s *postgresStore) checkPooler(ctx context.Context) error {
	if s.pollOnly {
		return nil
	}
	first, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer first.Release()

	for range poolerLooks {
		before, err := serverProcess(ctx, first.Conn())
		if err != nil {
			return err
		}
		if before == first.Conn().PgConn().PID() { // no pooler: one names connections of its own
			return nil
		}
		pooled, err := s.sharesServer(ctx, first, before)
		if err != nil {
			return err
		}
		if pooled {
			return errTransactionPooling
		}
	}
	return nil
}

// sharesServer reports whether first leaves the server process that it was on
// to a second connection's transaction.
func (s *postgresStore) sharesServer(ctx context.Context, first *pgxpool.Conn, before uint32) (pooled bool, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		other, err := serverProcess(ctx, tx.Conn())
		if err != nil || other == before {
			pooled = err == nil
			return err
		}
		after, err := serverProcess(ctx, first.Conn())
		pooled = err == nil && after != before
		return err
	})
	return pooled, err
}

// serverProcess returns the id of the server process behind a connection.
func serverProcess(ctx context.Context, conn *pgx.Conn) (pid uint32, err error) {
	err = conn.QueryRow(ctx, `SELECT pg_backend_pid()`, pgx.QueryExecModeSimpleProtocol).Scan(&pid)
	return pid, err
}
