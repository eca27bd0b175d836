package durable

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

// TestSpendLimit: what would pass the limit waits, over all processes, and goes
// on when time has passed or the limit is raised.
func TestSpendLimit(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		var now clock
		limit := WithSpendLimit(4.20, time.Hour)
		e, other := srv.open(t, k, now.option, limit), srv.open(t, k, now.option, limit)
		for i := range 3 {
			_, err := e.SubmitLabResults(t.Context(), string(rune('a'+i)), labs())
			require.NoError(t, err)
		}
		_, err := e.SubmitAgent(t.Context(), "deep", record())
		require.NoError(t, err)
		e.HandleFunc(nothing)
		other.HandleFunc(nothing)
		run(t, e)
		stop := run(t, other)
		eventually(t, func() bool {
			stats, err := e.Stats(t.Context())
			return err == nil && stats.Spend.Waiting > 0 && stats.Spend.Waiting == stats.Queued
		}, func() string { return "nothing waits" })
		stats, err := e.Stats(t.Context())
		require.NoError(t, err)
		assert.LessOrEqual(t, stats.Spend.Spent, 4.20)
		assert.InDelta(t, 4.20, stats.Spend.Limit, 1e-9)
		require.ErrorIs(t, e.Health(t.Context()), ErrPaused)
		require.ErrorContains(t, e.Health(t.Context()), "the spend limit is reached")

		stop()
		raised := srv.open(t, k, now.option, WithSpendLimit(4.90, time.Hour))
		raised.HandleFunc(nothing)
		stop = run(t, raised)
		eventually(t, func() bool {
			runs := srv.Runs()
			return len(runs) == 3 || len(runs) == 4
		}, func() string { return "the limit was raised in vain" })
		stop()

		now.forward(61 * time.Minute)
		for _, key := range []string{"a", "b", "c", "deep"} {
			waitFor(t, e, key, Completed)
		}
		assert.Len(t, srv.Runs(), 4)
	})
}

// TestSpend_Counted: a run that may exist counts, one that was not accepted
// does not, and one that is sent again counts twice if it may exist twice.
func TestSpend_Counted(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		e := newService(t).open(t, k, idle, WithSpendLimit(1.30, time.Hour))
		spent := func() float64 {
			stats, err := e.Stats(t.Context())
			require.NoError(t, err)
			return stats.Spend.Spent
		}
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		for _, out := range []outcome{{state: Queued}, {state: Queued, limited: true}, {state: Queued, refused: true}} {
			c, err := e.claim(t.Context(), agentLabResults, 1)
			require.NoError(t, err)
			assert.InDelta(t, 0.65, spent(), 1e-9)
			require.NoError(t, e.settle(t.Context(), c, &out))
			assert.Zero(t, spent())
			require.NoError(t, e.Resume(t.Context(), agentLabResults))
		}

		for range 2 {
			c, err := e.claim(t.Context(), agentLabResults, 1)
			require.NoError(t, err)
			require.NoError(t, e.settle(t.Context(), c, &outcome{state: Unknown}))
			require.NoError(t, e.Resolve(t.Context(), "k", Resubmit))
		}
		assert.InDelta(t, 1.30, spent(), 1e-9)
		c, err := e.claim(t.Context(), agentLabResults, 1)
		require.NoError(t, err)
		assert.Nil(t, c)
		s, err := e.Status(t.Context(), "k")
		require.NoError(t, err)
		assert.Equal(t, reasonSpend, s.Reason)
		limited := Pause{Reason: reasonSpend, SpendLimit: true}
		assert.Equal(t, map[string]Pause{agentLabResults: limited}, stats(t, e).Paused)
		require.NoError(t, e.Pause(t.Context(), agentLabResults))
		both := Pause{Reason: reasonPaused, ByHand: true, SpendLimit: true}
		assert.Equal(t, map[string]Pause{agentLabResults: both}, stats(t, e).Paused)
	})
}

// TestSpendLimit_Concurrent: many workers at once do not pass it.
func TestSpendLimit_Concurrent(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t, heliostest.WithLimit(100))
		e := srv.open(t, k, idle, WithSpendLimit(3.30, time.Hour)) // five lab results
		for i := range 10 {
			_, err := e.SubmitLabResults(t.Context(), string(rune('a'+i)), labs())
			require.NoError(t, err)
		}
		var claiming sync.WaitGroup
		for i := range 10 {
			claiming.Go(func() {
				_, err := e.claim(t.Context(), agentLabResults, int64(i))
				assert.NoError(t, err)
			})
		}
		claiming.Wait()
		stats, err := e.Stats(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 5, stats.Submitting)
		assert.Equal(t, 5, stats.Spend.Waiting)
	})
}
