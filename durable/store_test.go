package durable

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// insertReferenceOf stores something that a rollback takes back.
func insertReferenceOf(key string) *statement {
	return exec(spend, "reference of "+key, key, int64(1), agentLabResults)
}

var nonsense = query(func(row) error { return nil }, `SELECT nonsense FROM {references}`)

// TestStore_FailedTransactions: wherever a transaction fails nothing of it
// stays, and the next one works.
func TestStore_FailedTransactions(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		e := newService(t).open(t, k)
		job := river.InsertManyParams{Args: eventArgs{Event: 1}}
		own := errors.New("the caller's own")
		for name, fn := range map[string]func(ctx context.Context, tx transaction) error{
			"in a statement": func(ctx context.Context, tx transaction) error {
				return tx.run(ctx, insertReferenceOf("a"), nonsense)
			},
			"in the first statement": func(ctx context.Context, tx transaction) error {
				return tx.run(ctx, nonsense, insertReferenceOf("a"))
			},
			"after a job": func(ctx context.Context, tx transaction) error {
				if err := tx.run(ctx, insertReferenceOf("a")); err != nil {
					return err
				}
				if _, err := tx.enqueue(ctx, job); err != nil {
					return err
				}
				return tx.run(ctx, nonsense)
			},
			"in the caller": func(ctx context.Context, tx transaction) error {
				if _, err := tx.enqueue(ctx, job); err != nil {
					return err
				}
				return own
			},
		} {
			err := e.store.write(t.Context(), func(tx transaction) error { return fn(t.Context(), tx) })
			require.Error(t, err, name)
			assert.Equal(t, name == "in the caller", errors.Is(err, own), name)
			assert.False(t, e.store.broken(err), name)
			assert.Equal(t, []int{0}, read[int](t, e, `SELECT count(*) FROM {references}`), name)
			assert.Equal(t, []int{0}, read[int](t, e, `SELECT count(*) FROM {river_job}`), name)
		}

		var ids []int64
		require.NoError(t, e.store.write(t.Context(), func(tx transaction) (err error) {
			if err := tx.run(t.Context(), insertReferenceOf("a"), insertReferenceOf("b")); err != nil {
				return err
			}
			ids, err = tx.enqueue(t.Context(), job, job)
			return err
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

// TestBroken: what means that the store cannot be reached is answered with 503
// and tried again, anything else is a fault of the statement.
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
