package durable

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

// TestUnknown_Resolved: the first webhook with its reference proves that it was
// accepted.
func TestUnknown_Resolved(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		for name, fault := range map[string]heliostest.Fault{"no answer": heliostest.DropAnswer(),
			"half an answer": heliostest.HalfAnswer()} {
			srv := newService(t)
			srv.Inject(fault)
			e := srv.open(t, k.another(t))
			var handled calls
			e.HandleFunc(handled.handle)
			run(t, e)
			_, err := e.SubmitLabResults(t.Context(), "k", labs())
			require.NoError(t, err)
			s := waitFor(t, e, "k", Completed)
			assert.Equal(t, 1, s.Attempts, name)
			assert.Equal(t, srv.Runs()[0].ID, s.RunID)
			assert.Len(t, srv.Runs(), 1)
			eventually(t, func() bool { return handled.finals()["k"] == 1 }, func() string { return "not handled" })
		}
	})
}

// TestUnknown_Decided: what no webhook resolves is decided at the deadline,
// once, and holds its slot until then.
func TestUnknown_Decided(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		for decision, want := range map[Decision]State{Hold: Unknown, Fail: Failed, Resubmit: Completed,
			Decision(9): Unknown, Decision(-1): Unknown} {
			t.Run(decision.String(), func(t *testing.T) {
				srv := newService(t)
				srv.Inject(heliostest.Status(http.StatusServiceUnavailable))
				var now clock
				var asked []*Submission
				e := srv.open(t, k.another(t), idle, now.option, WithUnknownDeadline(time.Hour),
					WithOnUnknown(func(_ context.Context, s *Submission) Decision {
						asked = append(asked, s)
						if decision < 0 {
							panic(secretValue)
						}
						return decision
					}))
				e.HandleFunc(nothing)
				run(t, e)
				_, err := e.SubmitLabResults(t.Context(), "k", labs())
				require.NoError(t, err)
				s := waitFor(t, e, "k", Unknown)
				assert.Contains(t, s.Reason, "503")

				now.forward(59 * time.Minute)
				sweepNow(t, e)
				stats, err := e.Stats(t.Context())
				require.NoError(t, err)
				assert.Equal(t, 1, stats.Slots["lab-results"].InUse)
				assert.Equal(t, 1, stats.Unknown)
				assert.Greater(t, stats.OldestUnknown, 58*time.Minute)
				assert.Empty(t, asked)

				now.forward(2 * time.Minute)
				if decision == Decision(9) {
					change(t, e, `UPDATE {sweeps} SET swept_at = 0`)
					require.ErrorContains(t, e.sweep(t.Context()), "there is no decision 9")
				}
				sweepNow(t, e)
				sweepNow(t, e)
				require.Len(t, asked, 1)
				assert.Equal(t, "k", asked[0].Key)
				assert.Equal(t, Unknown, asked[0].State)
				s = waitFor(t, e, "k", want)
				if want != Completed {
					stats, err = e.Stats(t.Context())
					require.NoError(t, err)
					assert.Zero(t, stats.Slots["lab-results"].InUse)
					assert.Empty(t, srv.Runs())
					assert.NotEmpty(t, s.Reason)
				} else {
					assert.Len(t, srv.Runs(), 1)
					assert.Len(t, read[string](t, e, `SELECT reference FROM {references}`), 2,
						"a reference of its own for each attempt")
				}
			})
		}
	})
}

// TestUnknown_ResolvedByHand: Resolve decides at any time.
func TestUnknown_ResolvedByHand(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		srv.Inject(heliostest.Status(http.StatusServiceUnavailable))
		srv.Inject(heliostest.Status(http.StatusServiceUnavailable))
		e := srv.open(t, k)
		e.HandleFunc(nothing)
		run(t, e)
		for _, key := range []string{"fail", "again"} {
			_, err := e.SubmitLabResults(t.Context(), key, labs(key))
			require.NoError(t, err)
			waitFor(t, e, key, Unknown)
		}
		require.NoError(t, e.Resolve(t.Context(), "fail", Hold))
		waitFor(t, e, "fail", Unknown)
		require.NoError(t, e.Resolve(t.Context(), "fail", Fail))
		waitFor(t, e, "fail", Failed)
		require.NoError(t, e.Resolve(t.Context(), "again", Resubmit))
		waitFor(t, e, "again", Completed)
		require.ErrorIs(t, e.Resolve(t.Context(), "another", Fail), ErrNotFound)
		require.ErrorContains(t, e.Resolve(t.Context(), "fail", Decision(7)), "there is no decision 7")
	})
}

// TestLateWebhook: whatever was decided about an unknown submission, a webhook
// that comes after all has the last word.
func TestLateWebhook(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		for decision, paid := range map[Decision]int{Hold: 0, Fail: 0, Resubmit: 0} {
			t.Run(decision.String(), func(t *testing.T) {
				srv := newService(t)
				srv.Inject(heliostest.Status(http.StatusServiceUnavailable))
				e := srv.open(t, k.another(t), idle)
				e.HandleFunc(nothing)
				stop := run(t, e)
				_, err := e.SubmitLabResults(t.Context(), "k", labs())
				require.NoError(t, err)
				waitFor(t, e, "k", Unknown)
				stop() // so that what is queued again is not sent yet
				require.NoError(t, e.Resolve(t.Context(), "k", decision))
				reference := read[string](t, e, `SELECT reference FROM {references}`)[0]

				require.Equal(t, http.StatusOK, srv.deliver(t, e, reference, eventBody("run-1", "processing", 1)))
				s := waitFor(t, e, "k", Accepted)
				assert.Equal(t, "run-1", s.RunID)
				require.Equal(t, http.StatusOK, srv.deliver(t, e, reference, eventBody("run-1", "completed", 9)))
				run(t, e)
				s = waitFor(t, e, "k", Completed)
				result, err := s.Result()
				require.NoError(t, err)
				assert.Equal(t, secretValue, result.PatientResponse)
				sweepNow(t, e)
				assert.Len(t, srv.Runs(), paid, "not sent again")
			})
		}
	})
}

// TestResubmitted: both attempts of a submission that was sent again were
// accepted after all. Each result reaches the handler under the key.
func TestResubmitted(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t, heliostest.WithStepInterval(time.Hour))
		srv.Inject(heliostest.Status(http.StatusServiceUnavailable))
		e := srv.open(t, k)
		var handled calls
		e.HandleFunc(handled.handle)
		run(t, e)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		waitFor(t, e, "k", Unknown)
		first := read[string](t, e, `SELECT reference FROM {references}`)[0]
		require.NoError(t, e.Resolve(t.Context(), "k", Resubmit))
		waitFor(t, e, "k", Accepted)
		second := srv.Runs()[0]
		u, err := url.Parse(second.WebhookURL)
		require.NoError(t, err)

		require.Equal(t, http.StatusOK, srv.deliver(t, e, first, eventBody("run-1", "error", 9)))
		s, err := e.Status(t.Context(), "k")
		require.NoError(t, err)
		assert.Equal(t, Accepted, s.State, "the present run goes on")
		assert.Equal(t, second.ID, s.RunID)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, u.Query().Get(referenceParameter), eventBody(second.ID,
			"completed", 9)))
		waitFor(t, e, "k", Completed)
		eventually(t, func() bool {
			return handled.finals()["k"] == 2
		}, func() string { return fmt.Sprint(handled.finals()) })
	})
}
