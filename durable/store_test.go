package durable

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// insertReferenceOf stores something that a rollback takes back.
func insertReferenceOf(key string) *statement {
	return exec(insertReference, "reference of "+key, key, int64(1))
}

var nonsense = query(func(row) error { return nil }, `SELECT nonsense FROM {references}`)

// TestStore_FailedTransactions: wherever a transaction fails nothing of it stays, and the next one works.
func TestStore_FailedTransactions(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		e := newService(t).open(t, k)
		job := river.InsertManyParams{Args: eventArgs{Event: 1}}
		own := errors.New("the caller's own")
		for name, fn := range map[string]func(ctx context.Context, tx transaction) ([]*statement, error){
			"in a statement": func(ctx context.Context, tx transaction) ([]*statement, error) {
				return nil, tx.run(ctx, insertReferenceOf("a"), nonsense)
			},
			"in the first statement": func(ctx context.Context, tx transaction) ([]*statement, error) {
				return nil, tx.run(ctx, nonsense, insertReferenceOf("a"))
			},
			"in the last statement": func(context.Context, transaction) ([]*statement, error) {
				return []*statement{insertReferenceOf("a"), nonsense}, nil
			},
			"before a job": func(ctx context.Context, tx transaction) ([]*statement, error) {
				_, err := tx.runAndEnqueue(ctx, []*statement{insertReferenceOf("a"), nonsense}, job)
				return nil, err
			},
			"after a job": func(ctx context.Context, tx transaction) ([]*statement, error) {
				if _, err := tx.runAndEnqueue(ctx, []*statement{insertReferenceOf("a")}, job); err != nil {
					return nil, err
				}
				return []*statement{nonsense}, nil
			},
			"in the caller": func(ctx context.Context, tx transaction) ([]*statement, error) {
				if _, err := tx.enqueue(ctx, job); err != nil {
					return nil, err
				}
				return nil, own
			},
		} {
			err := e.store.writeLast(t.Context(), func(tx transaction) ([]*statement, error) { return fn(t.Context(), tx) })
			require.Error(t, err, name)
			assert.Equal(t, name == "in the caller", errors.Is(err, own), name)
			assert.False(t, e.store.broken(err), name)
			assert.Equal(t, []int{0}, read[int](t, e, `SELECT count(*) FROM {references}`), name)
			assert.Equal(t, []int{0}, read[int](t, e, `SELECT count(*) FROM {river_job}`), name)
		}

		var ids []int64
		require.NoError(t, e.store.writeLast(t.Context(), func(tx transaction) ([]*statement, error) {
			var err error
			ids, err = tx.runAndEnqueue(t.Context(), []*statement{insertReferenceOf("a")}, job, job)
			return []*statement{insertReferenceOf("b")}, err
		}))
		assert.Len(t, ids, 2)
		assert.Equal(t, []int{2}, read[int](t, e, `SELECT count(*) FROM {references}`))
		assert.Equal(t, []int{2}, read[int](t, e, `SELECT count(*) FROM {river_job}`))
		require.NoError(t, e.store.write(t.Context(), func(transaction) error { return nil }), "an empty one")
	})
}

func TestStore_EndedContext(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		e := newService(t).open(t, k)
		ctx, cancel := context.WithDeadline(t.Context(), time.Now())
		defer cancel()
		err := e.store.write(ctx, func(tx transaction) error { return tx.run(ctx, insertReferenceOf("a")) })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.True(t, e.store.broken(err))
		assert.Equal(t, []int{0}, read[int](t, e, `SELECT count(*) FROM {references}`))
	})
}

// TestBroken: what tells that the store cannot be reached is answered with 503 and tried again, anything else is a fault of the statement.
func TestBroken(t *testing.T) {
	t.Parallel()
	var postgres postgresStore
	for err, want := range map[error]bool{
		&pgconn.PgError{Code: "57P01"}:    true, // it shuts down
		&pgconn.PgError{Code: "57P03"}:    true, // it starts
		&pgconn.PgError{Code: "53300"}:    true, // too many connections
		&pgconn.PgError{Code: "53100"}:    true, // the disk is full
		&pgconn.PgError{Code: "08006"}:    true,
		&pgconn.PgError{Code: "25006"}:    true, // read only
		&pgconn.PgError{Code: "23505"}:    false,
		&pgconn.PgError{Code: "42P01"}:    false,
		io.ErrUnexpectedEOF:               true,
		context.DeadlineExceeded:          true,
		errors.New("of the caller's own"): false,
	} {
		assert.Equal(t, want, postgres.broken(fmt.Errorf("wrapped: %w", err)), "%v", err)
	}
	var lite sqliteStore
	for err, want := range map[error]bool{
		sql.ErrConnDone:                   true,
		context.DeadlineExceeded:          true,
		errors.New("of the caller's own"): false,
	} {
		assert.Equal(t, want, lite.broken(fmt.Errorf("wrapped: %w", err)), "%v", err)
	}
}

// TestOwnTx: River can do in the engine's transaction whatever it does in one of pgx's, but not end it.
func TestOwnTx(t *testing.T) {
	t.Parallel()
	pool := testPool(t, databaseURL())
	schema := testSchema(t)
	for name, use := range map[string]func(ctx context.Context, tx *ownTx) error{
		"Exec": func(ctx context.Context, tx *ownTx) error {
			_, err := tx.Exec(ctx, "CREATE TEMPORARY TABLE mine (n int) ON COMMIT DROP")
			return err
		},
		"Query": func(ctx context.Context, tx *ownTx) error {
			rows, err := tx.Query(ctx, "CREATE TEMPORARY TABLE mine (n int) ON COMMIT DROP")
			if err == nil {
				rows.Close()
				err = rows.Err()
			}
			return err
		},
		"QueryRow": func(ctx context.Context, tx *ownTx) error {
			var one int
			if err := tx.QueryRow(ctx, "SELECT 1").Scan(&one); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "CREATE TEMPORARY TABLE mine (n int) ON COMMIT DROP")
			return err
		},
	} {
		conn, err := pool.Acquire(t.Context())
		require.NoError(t, err)
		tx := &ownTx{conn: conn}
		require.NoError(t, use(t.Context(), tx), name)
		n, err := tx.CopyFrom(t.Context(), pgx.Identifier{"mine"}, []string{"n"}, pgx.CopyFromRows([][]any{{1}, {2}}))
		require.NoError(t, err, name)
		assert.EqualValues(t, 2, n, name)
		_, err = tx.Begin(t.Context())
		require.ErrorIs(t, err, errNotForRiver)
		require.ErrorIs(t, tx.Commit(t.Context()), errNotForRiver)
		require.ErrorIs(t, tx.Rollback(t.Context()), errNotForRiver)
		_, err = tx.Prepare(t.Context(), "mine", "SELECT n FROM mine")
		require.NoError(t, err, name)
		assert.Equal(t, byte('T'), tx.Conn().PgConn().TxStatus(), name)
		_, err = tx.Exec(t.Context(), "CREATE SCHEMA "+schema)
		require.NoError(t, err, name)
		tx.end(t.Context())
		var exists bool
		require.NoError(t, pool.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", schema).Scan(&exists))
		assert.False(t, exists, "it was rolled back")
	}

	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	tx := &ownTx{conn: conn}
	require.NoError(t, conn.Conn().Close(t.Context()))
	_, err = tx.Exec(t.Context(), "SELECT 1")
	require.Error(t, err)
	tx = &ownTx{conn: conn}
	require.Error(t, tx.QueryRow(t.Context(), "SELECT 1").Scan())
	tx.end(t.Context())
}
