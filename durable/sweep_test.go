package durable

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

// abandon leaves a submission as a process leaves it that died while it was
// sending.
func abandon(t *testing.T, e *Engine, key string, job int64) *claimed {
	t.Helper()
	_, err := e.SubmitLabResults(t.Context(), key, labs(key))
	require.NoError(t, err)
	c, err := e.claim(t.Context(), "lab-results", job)
	require.NoError(t, err)
	require.Equal(t, key, c.key)
	return c
}

// TestAbandoned: whoever finds a submission that was being sent never sends it
// again by itself.
func TestAbandoned(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		var now clock
		e := srv.open(t, k, idle, now.option, WithUnknownDeadline(time.Hour))
		byJob := abandon(t, e, "by its own job", 900)
		byTime := abandon(t, e, "by time", 901)
		byLease := abandon(t, e, "by the process's lease", 902)
		job := read[int64](t, e, `SELECT max(id) FROM {river_job}`)[0]
		change(t, e, `UPDATE {submissions} SET job_id = $1 WHERE job_id = 902`, job)
		change(t, e,
			`UPDATE {river_job} SET state = 'running', attempted_at = created_at, attempted_by = `+
				k.names("a process that died")+` WHERE id = $1`, job)

		state := func(c *claimed) State {
			s, err := e.Status(t.Context(), c.key)
			require.NoError(t, err)
			return s.State
		}
		sweepNow(t, e)
		assert.Equal(t, []State{Submitting, Submitting, Unknown}, []State{state(byJob), state(byTime), state(byLease)})
		require.NoError(t, e.abandoned(t.Context(), 900))
		assert.Equal(t, []State{Unknown, Submitting, Unknown}, []State{state(byJob), state(byTime), state(byLease)})
		now.forward(submitTimeout + time.Second)
		sweepNow(t, e)
		assert.Equal(t, []State{Unknown, Unknown, Unknown}, []State{state(byJob), state(byTime), state(byLease)})

		s, err := e.Status(t.Context(), byTime.key)
		require.NoError(t, err)
		assert.Equal(t, reasonAbandoned, s.Reason)
		stats, err := e.Stats(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 3, stats.Slots["lab-results"].InUse, "each holds its slot")

		e.HandleFunc(nothing)
		run(t, e)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, byTime.reference, eventBody("run-1", "completed", 9)))
		waitFor(t, e, byTime.key, Completed)
		now.forward(2 * time.Hour)
		sweepNow(t, e)
		stats, err = e.Stats(t.Context())
		require.NoError(t, err)
		assert.Zero(t, stats.Slots["lab-results"].InUse)
		assert.Equal(t, 2, stats.Unknown)
		assert.Empty(t, srv.Requests(), "nothing was sent")
	})
}

// TestLostWebhook: a run whose final event never comes does not hold its slot
// for ever.
func TestLostWebhook(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t, heliostest.WithStepInterval(time.Millisecond))
		srv.Inject(heliostest.LoseWebhooks(), heliostest.LoseFinalWebhook())
		var now clock
		e := srv.open(t, k, idle, now.option, WithMaxSlots(1))
		e.HandleFunc(nothing)
		run(t, e)
		for _, key := range []string{"lost", "next"} {
			_, err := e.SubmitLabResults(t.Context(), key, labs(key))
			require.NoError(t, err)
		}
		waitFor(t, e, "lost", Accepted)
		now.forward(29 * time.Minute)
		sweepNow(t, e)
		s, err := e.Status(t.Context(), "next")
		require.NoError(t, err)
		assert.Equal(t, Queued, s.State)
		now.forward(2 * time.Minute)
		sweepNow(t, e)
		waitFor(t, e, "next", Completed)
		s, err = e.Status(t.Context(), "lost")
		require.NoError(t, err)
		assert.Equal(t, Accepted, s.State)
	})
}

// TestWakesWhatIsQueued: a queued submission whose River job is lost is sent
// all the same.
func TestWakesWhatIsQueued(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k)
		for i := range 10 {
			_, err := e.SubmitLabResults(t.Context(), fmt.Sprint(i), labs())
			require.NoError(t, err)
		}
		change(t, e, `DELETE FROM {river_job}`)
		e.HandleFunc(nothing)
		run(t, e)
		for i := range 10 {
			waitFor(t, e, fmt.Sprint(i), Completed)
		}
		assert.Len(t, srv.Runs(), 10)
	})
}

// TestSweep_OneAtATime: of several processes one sweeps.
func TestSweep_OneAtATime(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k, idle)
		swept := func() int64 { return read[int64](t, e, `SELECT swept_at FROM {sweeps} WHERE name = 'all'`)[0] }
		change(t, e, `UPDATE {sweeps} SET swept_at = 0`)
		require.NoError(t, e.sweep(t.Context()))
		first := swept()
		assert.Positive(t, first)
		require.NoError(t, e.sweep(t.Context()))
		assert.Equal(t, first, swept())
		sweepNow(t, e)
		assert.Greater(t, swept(), first)
	})
}

func TestExponential(t *testing.T) {
	t.Parallel()
	for attempt, want := range map[int]time.Duration{
		-1: time.Second, 0: time.Second, 1: time.Second, 2: 2 * time.Second,
		12: 2048 * time.Second, 13: time.Hour, 1000: time.Hour,
	} {
		assert.Equal(t, want, exponential(attempt), "attempt %d", attempt)
	}
}

func TestNewID(t *testing.T) {
	t.Parallel()
	now := time.Now()
	seen := map[int64]bool{}
	last := int64(0)
	for range 10_000 {
		id := newID(now)
		assert.False(t, seen[id])
		assert.Greater(t, id, last)
		seen[id], last = true, id
	}
	assert.Positive(t, newID(now.AddDate(80, 0, 0)))
}
