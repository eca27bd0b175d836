package durable

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

// TestCancel: what is queued is not sent, and nothing else can be canceled.
func TestCancel(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t, heliostest.WithStepInterval(time.Hour))
		e := srv.open(t, k)
		e.HandleFunc(nothing)
		for _, key := range []string{"wrong", "right"} {
			_, err := e.SubmitLabResults(t.Context(), key, labs(key))
			require.NoError(t, err)
		}
		require.NoError(t, e.Cancel(t.Context(), "wrong"))
		run(t, e)
		waitFor(t, e, "right", Accepted)
		s := waitFor(t, e, "wrong", Canceled)
		assert.Equal(t, reasonCanceled, s.Reason)
		assert.False(t, s.EndedAt.IsZero())
		assert.Len(t, srv.Runs(), 1)

		require.ErrorIs(t, e.Cancel(t.Context(), "wrong"), ErrState, "it is canceled already")
		require.EqualError(t, e.Cancel(t.Context(), "right"),
			"helios: durable: not possible in the submission's state: cancel right: it is accepted")
		require.ErrorIs(t, e.Cancel(t.Context(), "another"), ErrNotFound)
		again, err := e.SubmitLabResults(t.Context(), "wrong", labs("wrong"))
		require.NoError(t, err)
		assert.Equal(t, Canceled, again.State, "its key stays used")
	})
}

// TestCancel_PaidAfterAll: an earlier attempt of a canceled submission was
// accepted, as its webhook proves.
func TestCancel_PaidAfterAll(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k, idle)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		c, err := e.claim(t.Context(), agentLabResults, 1)
		require.NoError(t, err)
		require.NoError(t, e.settle(t.Context(), c, &outcome{state: Unknown}))
		require.NoError(t, e.Resolve(t.Context(), "k", Resubmit))
		require.NoError(t, e.Cancel(t.Context(), "k"))
		require.Equal(t, http.StatusOK, srv.deliver(t, e, c.reference, eventBody("run-1", "processing", 1)))
		waitFor(t, e, "k", Accepted)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, c.reference, eventBody("run-1", "completed", 9)))
		waitFor(t, e, "k", Completed)
	})
}

// TestOverdue: a run whose final event does not come in time can be decided
// about, and the event still has the last word.
func TestOverdue(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		for name, test := range map[string]struct {
			decision Decision
			decided  State
			status   string
			want     State
		}{
			"completes late":                    {Hold, Overdue, "completed", Completed},
			"fails late":                        {Hold, Overdue, "error", Failed},
			"given up, completes":               {Fail, Failed, "completed", Completed},
			"to be sent again, completes":       {Resubmit, Queued, "completed", Completed},
			"to be sent again, the first fails": {Resubmit, Queued, "error", Queued},
		} {
			t.Run(name, func(t *testing.T) {
				srv := newService(t)
				var now clock
				e := srv.open(t, k.another(t), idle, now.option, WithResultDeadline(3*time.Hour))
				_, err := e.SubmitLabResults(t.Context(), "k", labs())
				require.NoError(t, err)
				c, err := e.claim(t.Context(), agentLabResults, 1)
				require.NoError(t, err)
				require.NoError(t, e.settle(t.Context(), c, &outcome{state: Accepted, runID: "run-1"}))

				now.forward(2 * time.Hour)
				sweepNow(t, e)
				waitFor(t, e, "k", Accepted)
				now.forward(61 * time.Minute)
				sweepNow(t, e)
				s := waitFor(t, e, "k", Overdue)
				assert.Equal(t, reasonOverdue, s.Reason)
				stats, err := e.Stats(t.Context())
				require.NoError(t, err)
				assert.Equal(t, 1, stats.Overdue)
				assert.Zero(t, stats.Slots[agentLabResults].InUse)
				assert.Equal(t, []string{"k"}, keysOf(t, e, Filter{State: Overdue}))

				require.NoError(t, e.Resolve(t.Context(), "k", test.decision))
				waitFor(t, e, "k", test.decided)
				require.Equal(t, http.StatusOK, srv.deliver(t, e, c.reference, eventBody("run-1", "processing", 2)))
				waitFor(t, e, "k", test.decided)
				require.Equal(t, http.StatusOK, srv.deliver(t, e, c.reference, eventBody("run-1", test.status, 9)))
				waitFor(t, e, "k", test.want)
			})
		}
	})
}
