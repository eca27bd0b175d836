package durable

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGroupCommit/what_waits_is_committed_together: each settle was a
// transaction, and a sync to the disk, of its own.
func TestGroupCommit(t *testing.T) { //nolint:tparallel // its subtests run in bubbles, in turn
	t.Parallel()
	refused := errors.New("refused")
	poison := exec("poison")
	start := func(t *testing.T, statements ...*statement) (sizes []int, errs []error) {
		t.Helper()
		proceed := make(chan struct{})
		g := newSettles(&sqliteStore{}, time.Minute)
		g.commit = func(_ context.Context, group []*statement) error {
			sizes = append(sizes, len(group)) // there is one lane
			if len(sizes) == 1 {
				<-proceed
			}
			for _, st := range group {
				if st == poison {
					return refused
				}
			}
			return nil
		}

		errs = make([]error, len(statements))
		var callers sync.WaitGroup
		for i, st := range statements {
			callers.Go(func() { errs[i] = g.add(t.Context(), st) })
			synctest.Wait() // the first leads, the others wait
		}
		close(proceed)
		callers.Wait()
		assert.Zero(t, g.busy)
		assert.Empty(t, g.waiting)
		return sizes, errs
	}

	t.Run("what waits is committed together", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sizes, errs := start(t, exec("a"), exec("b"), exec("c"), exec("d"))
			assert.Equal(t, []int{1, 3}, sizes)
			assert.Equal(t, make([]error, 4), errs)
		})
	})

	t.Run("one that is refused does not keep the others out", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sizes, errs := start(t, exec("a"), exec("b"), poison, exec("d"))
			assert.Equal(t, []int{1, 3, 1, 1, 1}, sizes)
			assert.Equal(t, []error{nil, nil, refused, nil}, errs)
		})
	})

	t.Run("a group has a limit", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			statements := make([]*statement, mostGrouped+2)
			for i := range statements {
				statements[i] = exec("a")
			}
			sizes, _ := start(t, statements...)
			assert.Equal(t, []int{1, mostGrouped, 1}, sizes)
		})
	})

	t.Run("the leader's context does not count", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		g := newSettles(&sqliteStore{}, time.Minute)
		g.commit = func(ctx context.Context, _ []*statement) error { return ctx.Err() }
		require.NoError(t, g.add(ctx, exec("a")))
	})
}
