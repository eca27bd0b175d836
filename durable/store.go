package durable

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"

	"github.com/heliosai/helios-go"
)

// A store is where submissions and events are kept: SQLite or PostgreSQL, each
// with River's tables beside this package's.
type store interface {
	// write runs fn in a transaction, which is on disk when write returns nil.
	// It may run fn again, after a deadlock.
	write(ctx context.Context, fn func(tx transaction) error) error
	// read runs statements that change nothing, outside a transaction.
	read(ctx context.Context, statements ...*statement) error
	// migrate makes or updates all tables. Any number of processes may call it
	// at once.
	migrate(ctx context.Context) error
	// erase makes what was deleted unreadable in the store's files, where it
	// can. It may be called at any time.
	erase(ctx context.Context) error
	// broken reports whether an error of write or read means that the store
	// cannot be reached.
	broken(err error) bool

	// generation reads what tells the store from an earlier copy of it.
	generation(ctx context.Context, run runner) (generation, error)
	// renewGeneration begins a new generation in which so many submissions were
	// sent, and returns it. tx is to write it into the tables.
	renewGeneration(ctx context.Context, tx transaction, sends int64) (generation, error)
	// noteSent writes down outside the tables that so many submissions were
	// sent.
	noteSent(sends int64) error

	// lanes is how many transactions at once are worth while.
	lanes() int
	start(ctx context.Context) error
	stopped() <-chan struct{}
	close() error
}

// A transaction of a store.
type transaction interface {
	// run runs statements in order, in one round trip where the store has
	// round trips.
	run(ctx context.Context, statements ...*statement) error
	// enqueue adds River jobs, which exist once the transaction is committed,
	// and returns their ids.
	enqueue(ctx context.Context, jobs ...river.InsertManyParams) ([]int64, error)
}

// runner runs statements, in a transaction or outside of one.
type runner func(ctx context.Context, statements ...*statement) error

// statement is one SQL statement, written for both stores: see dialect.
type statement struct {
	sql      string
	args     []any
	scan     func(row) error // called for each row of the answer
	affected int64           // rows, after it ran; only where scan is nil
}

type row interface{ Scan(dest ...any) error }

func exec(sql string, args ...any) *statement { return &statement{sql: sql, args: args} }

// query makes a statement whose rows are scanned one by one.
func query(scan func(row) error, sql string, args ...any) *statement {
	return &statement{sql: sql, args: args, scan: scan}
}

// one makes a statement that scans its only row into dest. found reports
// whether there was one.
func one(found *bool, sql string, args []any, dest ...any) *statement {
	*found = false
	return query(func(r row) error { *found = true; return r.Scan(dest...) }, sql, args...)
}

// in gathers the arguments of a statement.
func in(args ...any) []any { return args }

// micros is how times are stored; 0 for a time that is not set.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment is what micros was made of.
func moment(us *int64) time.Time {
	if us == nil || *us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(*us).UTC()
}

var lastID atomic.Int64

// newID returns an id that rises with time, so that indexes grow at their end,
// and is random below the millisecond, so that machines do not collide.
func newID(now time.Time) int64 {
	const random = 21                                      // bits
	id := now.UnixMilli()<<random | rand.Int64N(1<<random) //nolint:gosec // not a secret
	for {
		last := lastID.Load()
		id = max(id, last+1)
		if lastID.CompareAndSwap(last, id) {
			return id
		}
	}
}

// ownError is an error of this package's own, whose text holds no values.
type ownError string

func (e ownError) Error() string { return string(e) }

// storeError says what could not be done and keeps the store's own error, whose
// text can hold values, out of its text.
type storeError struct {
	doing  string
	broken bool
	cause  error
}

func (e *storeError) Error() string {
	var own ownError
	if errors.As(e.cause, &own) {
		return "helios: durable: " + e.doing + ": " + own.Error()
	}
	if e.broken {
		return "helios: durable: " + e.doing + ": the store cannot be reached"
	}
	return fmt.Sprintf("helios: durable: %s: the store failed (%T)", e.doing, rootOf(e.cause))
}

func (e *storeError) Unwrap() error { return e.cause }

// Is reports whether target is helios.ErrUnavailable: whatever keeps the store
// from working, the delivery should come again.
func (e *storeError) Is(target error) bool { return target == helios.ErrUnavailable }

func rootOf(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
