package durable

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

// cutOff is longer than a process lives: whoever sends this submission is
// killed while it waits for the answer.
const cutOff = time.Hour

// TestKill kills processes with SIGKILL while they submit, cancel, receive and
// handle: nothing is paid twice, what was acknowledged is not lost, what is
// canceled was never accepted, and every end is told.
func TestKill(t *testing.T) {
	needsKill(t)
	onEachStore(t, func(t *testing.T, k kind) {
		const keysPerRound = 8
		rounds, size := 12, 1
		if k.pool != nil {
			size = 2
		}
		f := newFleet(t, k)

		// The first two submissions are cut off, whoever sends them: one was
		// accepted, the other was not, and nobody can tell which.
		f.srv.Inject(heliostest.Delay(cutOff), heliostest.LoseWebhooks())
		f.srv.Inject(heliostest.Delay(cutOff), heliostest.Reset())
		f.injectFaults(keysPerRound * rounds)
		f.order.Keys = keysPerRound
		f.fill(size)
		f.waitForRequests(2)
		f.kill(size)
		require.GreaterOrEqual(t, len(f.cut), 2, "submissions that were under way")

		f.dieHandling(eventReports, size)
		f.dieHandling(endReports, size)
		for range rounds - 3 {
			f.order.Keys += keysPerRound // so that there is something to do in every round
			f.fill(size)
			f.waitForRequests(len(f.srv.Requests()) + 1 + rand.IntN(keysPerRound/2))
			wait(t.Context(), rand.N(100*time.Millisecond))
			f.kill(1 + rand.IntN(size))
		}
		f.fill(size)
		f.waitForEnd()
		f.stop()
		f.check()
	})
}

// TestKill_WithoutGuard is the control: if what was being sent when its process
// died is queued again, behind the engine's back, the same fleet does pay
// twice, and the test sees it.
func TestKill_WithoutGuard(t *testing.T) {
	needsKill(t)
	onEachStore(t, func(t *testing.T, k kind) {
		f := newFleet(t, k)
		f.withhold = true // the first webhook would tell that a submission was accepted
		f.order.Keys = 1
		f.srv.Inject(heliostest.Delay(cutOff))
		f.fill(1)
		f.waitForRequests(1)
		f.kill(1)
		change(t, f.open(), `UPDATE {submissions} SET state = 'queued', job_id = NULL, slot_until = NULL
			WHERE state = 'submitting'`)
		f.fill(1)
		eventually(t, func() bool { return len(twice(acceptedRuns(t, f.srv))) > 0 },
			func() string { return "double payment was not detected" })
		f.kill(1)
	})
}

// injectFaults arms n submissions. Most take their time, so that kills come in
// their middle.
func (f *fleet) injectFaults(n int) {
	slow := heliostest.Delay(60 * time.Millisecond)
	for i := range n {
		switch i % 18 {
		case 1:
			f.srv.Inject(slow, heliostest.DropAnswer())
		case 2, 11: // for long it is not known to be accepted
			f.srv.Inject(slow, heliostest.DropAnswer(), heliostest.LoseWebhooks())
		case 4, 15:
			f.srv.Inject(slow, heliostest.LoseWebhooks())
		case 3:
			f.srv.Inject(slow, heliostest.HalfAnswer())
		case 5, 13:
			f.srv.Inject(slow, heliostest.DuplicateWebhooks())
		case 6, 14:
			f.srv.Inject(slow, heliostest.ReorderWebhooks())
		case 8:
			f.srv.Inject(slow, heliostest.DropAnswer(), heliostest.DuplicateWebhooks(), heliostest.ReorderWebhooks())
		case 9: // not accepted, which the client cannot know
			if i%36 == 9 {
				f.srv.Inject(slow, heliostest.Status(http.StatusServiceUnavailable))
			} else {
				f.srv.Inject(slow, heliostest.Reset())
			}
		case 10, 16:
			f.srv.Inject() // nothing goes wrong
		default:
			f.srv.Inject(slow)
		}
	}
}

// waitForRequests waits until the service has read n requests.
func (f *fleet) waitForRequests(n int) {
	f.t.Helper()
	eventually(f.t, func() bool { return len(f.srv.Requests()) >= n }, func() string {
		return fmt.Sprintf("%d of %d requests", len(f.srv.Requests()), n)
	})
}

// waitForEnd waits until all keys are submitted, all runs have ended and been
// told about, and all events and ends are handled.
func (f *fleet) waitForEnd() {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	e, err := f.kind.tryOpen(ctx, f.client, f.receiver)
	require.NoError(f.t, err)
	defer func() { require.NoError(f.t, e.Close()) }()
	for len(twice(acceptedRuns(f.t, f.srv))) == 0 { // else some webhooks are refused for ever
		stats := stats(f.t, e)
		keys := read[int](f.t, e, `SELECT count(*) FROM {submissions}`)
		if keys[0] == f.order.Keys && stats.Queued+stats.Submitting+stats.Running == 0 {
			// Now nothing is sent any more, so what is delivered when the
			// service has nothing left is all.
			require.NoError(f.t, f.srv.Wait(ctx))
			stats, err := e.Stats(ctx)
			require.NoError(f.t, err)
			if stats.PendingEvents+stats.PendingEnds+stats.Running == 0 {
				return
			}
		}
		require.True(f.t, wait(ctx, 4*tick), "the end was not reached: %d of %d keys, %+v",
			keys[0], f.order.Keys, stats)
	}
}

// check compares what the service knows with what the store knows.
func (f *fleet) check() {
	t := f.t
	e := f.open()
	accepted := acceptedRuns(t, f.srv)
	assert.Empty(t, twice(accepted), "paid twice")

	unknown, canceled := 0, 0
	var active []span
	for i := range f.order.Keys {
		key := keyOf(i)
		s, err := e.Status(t.Context(), key)
		require.NoError(t, err)
		runs := accepted[key]
		if s.State.ended() && !f.untold {
			assert.Positive(t, f.ended[endName{key, s.State}], "%s is %s, and its end was not told", key, s.State)
		}
		if s.State == Canceled {
			canceled++
			assert.True(t, toCancel(i), key)
			assert.Empty(t, runs, "%s was canceled, and paid", key)
			assert.Zero(t, s.Attempts, "%s was canceled, and sent", key)
			continue
		}
		if len(runs) == 0 {
			unknown++
			assert.Equal(t, Unknown, s.State, "%s was not accepted, but who sent it cannot know", key)
			assert.NotEmpty(t, s.Reason, key)
			continue
		}
		assert.Equal(t, Completed, s.State, "%s was accepted: %s", key, s.Reason)
		assert.Equal(t, runs[0].ID, s.RunID, key)
		result, err := s.Result()
		if assert.NoError(t, err, key) && assert.Len(t, result.LabResults, 1, key) {
			assert.Equal(t, key, result.LabResults[0].Name, "the result of another key")
			active = append(active, span{s.SubmittedAt, runs[0].Accepted, s.Event.Timestamp})
		}
	}
	checkEvents(t, e, f.acked, func(name eventName) bool { return f.handled[name] > 0 })

	f.checkLimit(active)
	t.Logf("%d kills, %d submissions cut off by them; of %d keys %d accepted, %d unknown, %d canceled; "+
		"%d webhooks acknowledged, %d of them again; %d reports",
		f.kills, len(f.cut), f.order.Keys, len(accepted), unknown, canceled, len(f.acked)+f.again, f.again, f.reports)
}

// span is when a submission took its slot, and when its run was active.
type span struct{ slot, accepted, ended time.Time }

// checkLimit looks for an answer 429: the service had no slot where the engine
// counted one.
func (f *fleet) checkLimit(active []span) {
	limited, most := 0, 0
	for _, r := range f.srv.Requests() {
		if r.StatusCode == http.StatusTooManyRequests {
			limited++
		}
	}
	outlived := false
	for _, a := range active {
		at := 0
		for _, b := range active {
			if !b.accepted.After(a.accepted) && b.ended.After(a.accepted) {
				at++
			}
		}
		most = max(most, at)
		outlived = outlived || a.ended.Sub(a.slot) >= slotTime
	}
	f.t.Logf("at most %d runs at once", most)
	// A slot is held for slotTime and no longer. On a machine so slow that a
	// run was still active then, one run too many is what the engine documents.
	if !outlived {
		assert.Zero(f.t, limited, "answers 429: concurrency was above the limit")
	}
}
