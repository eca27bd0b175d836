package durable

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

// TestPause: nothing of a paused agent type is sent until it is resumed, by
// whichever process.
func TestPause(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e, other := srv.open(t, k), srv.open(t, k)
		e.HandleFunc(nothing)
		require.NoError(t, other.Pause(t.Context(), agentLabResults))
		run(t, e)
		_, err := e.SubmitLabResults(t.Context(), "waits", labs())
		require.NoError(t, err)
		_, err = e.SubmitAgent(t.Context(), "goes", record())
		require.NoError(t, err)
		waitFor(t, e, "goes", Completed)
		sweepNow(t, e)
		s := waitFor(t, e, "waits", Queued)
		assert.Equal(t, reasonPaused, s.Reason)
		stats, err := e.Stats(t.Context())
		require.NoError(t, err)
		assert.Equal(t, map[string]Pause{agentLabResults: {Reason: reasonPaused, ByHand: true}}, stats.Paused)
		require.ErrorIs(t, e.Health(t.Context()), ErrPaused)
		require.ErrorContains(t, e.Health(t.Context()), "lab-results: paused until it is resumed")

		require.NoError(t, other.Resume(t.Context(), agentLabResults))
		require.NoError(t, other.Resume(t.Context(), agentLabResults), "again")
		waitFor(t, e, "waits", Completed)
		require.NoError(t, e.Health(t.Context()))
		require.ErrorIs(t, e.Pause(t.Context(), "shallow"), ErrNotFound)
		require.ErrorIs(t, e.Resume(t.Context(), "shallow"), ErrNotFound)
	})
}

// TestPause_Stays: the outcome of what was being sent does not end a pause.
func TestPause_Stays(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		for _, out := range []outcome{
			{state: Queued, limited: true, wait: time.Second}, {state: Queued, refused: true}, {state: Accepted,
				runID: "run-1"},
		} {
			e := newService(t).open(t, k.another(t), idle)
			_, err := e.SubmitLabResults(t.Context(), "k", labs())
			require.NoError(t, err)
			c, err := e.claim(t.Context(), agentLabResults, 1)
			require.NoError(t, err)
			require.NoError(t, e.Pause(t.Context(), agentLabResults))
			require.NoError(t, e.settle(t.Context(), c, &out))
			stats, err := e.Stats(t.Context())
			require.NoError(t, err)
			assert.Equal(t, reasonPaused, stats.Paused[agentLabResults].Reason)
			assert.Zero(t, stats.Paused[agentLabResults].Until)
		}
	})
}

// TestResume_RetryAfter: a Retry-After of 24 hours can be overridden.
func TestResume_RetryAfter(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t, heliostest.WithRetryAfter(24*time.Hour))
		srv.Inject(heliostest.Status(http.StatusTooManyRequests))
		e := srv.open(t, k)
		e.HandleFunc(nothing)
		run(t, e)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		eventually(t, func() bool {
			stats, err := e.Stats(t.Context())
			return err == nil && len(stats.Paused) == 1
		}, func() string { return "not paused" })
		stats, err := e.Stats(t.Context())
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now().Add(25*time.Hour), stats.Paused[agentLabResults].Until, 2*time.Hour)
		assert.Contains(t, stats.Paused[agentLabResults].Reason, "429")
		require.NoError(t, e.Resume(t.Context(), agentLabResults))
		waitFor(t, e, "k", Completed)
	})
}

// TestRefusal_OfWhateverIsSent: an answer that is not about the one request
// fails nothing. One at a time is tried until it is over.
func TestRefusal_OfWhateverIsSent(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		for _, status := range []int{301, 401, 402, 403, 404, 405, 408, 409, 423, 425, 431, 451} {
			t.Run(fmt.Sprint(status), func(t *testing.T) {
				t.Parallel()
				srv := newService(t)
				const refused, orders = 12, 20
				for range refused {
					srv.Inject(heliostest.Status(status))
				}
				e := srv.open(t, k.another(t))
				for i := range orders {
					_, err := e.SubmitLabResults(t.Context(), fmt.Sprintf("k%02d", i), labs())
					require.NoError(t, err)
				}
				e.HandleFunc(nothing)
				run(t, e)
				var reason string
				eventually(t, func() bool {
					stats, err := e.Stats(t.Context())
					if p := stats.Paused[agentLabResults]; p.Refused {
						reason = p.Reason
						assert.ErrorIs(t, e.Health(t.Context()), ErrPaused)
					}
					return err == nil && reason != ""
				}, func() string { return "Stats says nothing" })
				assert.Contains(t, reason, fmt.Sprintf("Helios answered %d", status))
				for i := range orders {
					waitFor(t, e, fmt.Sprintf("k%02d", i), Completed)
				}
				assert.Len(t, srv.Requests(), orders+refused)
				stats, err := e.Stats(t.Context())
				require.NoError(t, err)
				assert.Zero(t, stats.Failed)
				assert.Empty(t, stats.Paused)
			})
		}
	})
}

// TestRefusal_OneAtATime: after a refusal a second one is sent only when the
// first has come back, and another one than was refused.
func TestRefusal_OneAtATime(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		var now clock
		e := newService(t).open(t, k, idle, now.option)
		for i := range 3 {
			_, err := e.SubmitLabResults(t.Context(), fmt.Sprint(i), labs())
			require.NoError(t, err)
		}
		claim := func(job int64) *claimed {
			c, err := e.claim(t.Context(), agentLabResults, job)
			require.NoError(t, err)
			return c
		}
		refuse := func(c *claimed) {
			require.NoError(t, e.settle(t.Context(), c, &outcome{state: Queued, refused: true, reason: "403"}))
		}
		first, second := claim(1), claim(2)
		refuse(first)
		refuse(second)
		refusals := func() int {
			return read[int](t, e,
				`SELECT refusals FROM {agents} WHERE agent = 'lab-results'`)[0]
		}
		assert.Equal(t, 1, refusals(), "both were under way at once")
		assert.Nil(t, claim(3), "paused")

		now.forward(10 * time.Minute)
		probe := claim(4)
		require.NotNil(t, probe)
		assert.Equal(t, "2", probe.key, "not one that was refused")
		assert.Nil(t, claim(5), "one at a time")
		refuse(probe)
		assert.Equal(t, 2, refusals())

		now.forward(10 * time.Minute)
		probe = claim(6)
		require.NotNil(t, probe)
		require.NoError(t, e.settle(t.Context(), probe, &outcome{state: Accepted, runID: "run-1"}))
		assert.Zero(t, refusals())
		assert.NotNil(t, claim(7))
		assert.NotNil(t, claim(8), "all slots are used again")
	})
}

// TestRefusal_OfTheRequest: what is about the one request ends it, and keeps no
// other from being sent.
func TestRefusal_OfTheRequest(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		for _, status := range []int{400, 413, 422} {
			srv.Inject(heliostest.Status(status))
		}
		e := srv.open(t, k)
		e.HandleFunc(nothing)
		run(t, e)
		for _, key := range []string{"400", "413", "422"} {
			_, err := e.SubmitLabResults(t.Context(), key, labs(key))
			require.NoError(t, err)
			s := waitFor(t, e, key, Failed)
			assert.Contains(t, s.Reason, "Helios answered "+key)
			assert.NotContains(t, s.Reason, "APIError")
			assert.Equal(t, "injected by the test", s.Message)
		}
		stats, err := e.Stats(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 3, stats.Failed)
		assert.Empty(t, stats.Paused)
	})
}

func TestReasonOf(t *testing.T) {
	t.Parallel()
	answer := &helios.APIError{StatusCode: 503, Message: secretValue}
	for _, c := range []struct {
		err  error
		want string
	}{
		{&helios.APIError{StatusCode: 403, Message: "m"}, "Helios answered 403 Forbidden"},
		{&helios.AuthenticationError{}, "Helios answered 401 Unauthorized: the API key was refused"},
		{&helios.OutcomeUnknownError{Cause: answer},
			"Helios answered 503 Service Unavailable: the run may have been accepted"},
		{&helios.ConcurrencyLimitError{ActiveCount: 7, Limit: 7},
			"Helios answered 429 Too Many Requests: 7 of 7 concurrent runs are active"},
		{&helios.OutcomeUnknownError{}, "helios: outcome unknown, the run may have been accepted"},
		{errStoredRequest, "helios: durable: the stored request cannot be read"},
	} {
		assert.Equal(t, c.want, reasonOf(c.err))
	}
}
