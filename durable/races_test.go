package durable

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// What can happen between two steps of one process, or of two.

// TestEventIDs_Collide: two processes may draw the same id for two events. Neither is taken for a duplicate of the other: the commit fails, and is tried again with another id.
func TestEventIDs_Collide(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k, idle)
		insert := func(id int64, run string) (int64, error) {
			st := exec(insertEvent, id, run, 1, "processing", 0, []byte("{}"), int64(0), int64(1))
			err := e.store.write(t.Context(), func(tx transaction) error { return tx.run(t.Context(), st) })
			return st.affected, err
		}
		n, err := insert(1, "run-1")
		require.NoError(t, err)
		assert.EqualValues(t, 1, n)
		_, err = insert(1, "run-2")
		require.Error(t, err)
		n, err = insert(2, "run-1")
		require.NoError(t, err)
		assert.Zero(t, n, "a duplicate")
	})
}

// lossyStore loses the answer to its first commit, and does something before it is missed.
type lossyStore struct {
	store
	lost      atomic.Bool
	meanwhile func()
}

func (l *lossyStore) write(ctx context.Context, fn func(tx transaction) error) error {
	if err := l.store.write(ctx, fn); err != nil || l.lost.Swap(true) {
		return err
	}
	l.meanwhile()
	return errors.New("connection reset")
}

// TestSettle_AnswerLost: a submission that was not accepted is put back, and claimed by another process before the first one knows that it has put it back. When it does
// so again it does not take the other's away.
func TestSettle_AnswerLost(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		a, b := srv.open(t, k, idle), srv.open(t, k, idle)
		_, err := a.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		first, err := a.claim(t.Context(), agentLabResults, 1)
		require.NoError(t, err)
		var second *claimed
		a.store = &lossyStore{store: a.store, meanwhile: func() {
			second, err = b.claim(t.Context(), agentLabResults, 2)
			require.NoError(t, err)
		}}
		require.NoError(t, a.settle(t.Context(), first, outcome{state: Queued, reason: "connection refused"}))
		require.NotNil(t, second)
		s, err := b.Status(t.Context(), "k")
		require.NoError(t, err)
		assert.Equal(t, Submitting, s.State)
		third, err := a.claim(t.Context(), agentLabResults, 3)
		require.NoError(t, err)
		assert.Nil(t, third, "it is being sent")
	})
}

// TestClaim_AnswerLost: what was claimed and, for want of an answer, not sent, is not unknown.
func TestClaim_AnswerLost(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k, idle)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		e.store = &lossyStore{store: e.store, meanwhile: func() {}}
		_, err = e.claim(t.Context(), agentLabResults, 1)
		require.Error(t, err)
		require.NoError(t, e.abandoned(t.Context(), 1)) // as the job does when it runs again
		c, err := e.claim(t.Context(), agentLabResults, 1)
		require.NoError(t, err)
		assert.NotNil(t, c)
	})
}

// TestClaim_Overtaken: a late webhook proves that an earlier attempt was accepted, while a later one is being claimed.
func TestClaim_Overtaken(t *testing.T) {
	t.Parallel()
	k := kind{pool: testPool(t, databaseURL()), schema: testSchema(t)} // SQLite has one writer
	srv := newService(t)
	e := srv.open(t, k, idle)
	_, err := e.SubmitLabResults(t.Context(), "k", labs())
	require.NoError(t, err)
	webhook, err := k.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = webhook.Exec(t.Context(), `UPDATE `+k.schema+`.helios_submissions SET state = 'accepted', run_id = 'run-1'`)
	require.NoError(t, err)
	claims := make(chan *claimed, 1)
	go func() {
		c, err := e.claim(t.Context(), agentLabResults, 2)
		assert.NoError(t, err)
		claims <- c
	}()
	eventually(t, func() bool {
		var waiting int
		err := k.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%'||$1||'%'`, k.schema).Scan(&waiting)
		return err == nil && waiting > 0
	}, func() string { return "the claim does not wait" })
	require.NoError(t, webhook.Commit(t.Context()))
	assert.Nil(t, <-claims)
	assert.Empty(t, read[string](t, e, `SELECT reference FROM {references}`))
}

// TestDuplicate_OfEarlierRun: the error of a run that was submitted again, delivered once more, says nothing of the second run.
func TestDuplicate_OfEarlierRun(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k, idle)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		first, err := e.claim(t.Context(), agentLabResults, 1)
		require.NoError(t, err)
		require.NoError(t, e.settle(t.Context(), first, outcome{state: Accepted, run: &helios.Run{ID: "run-1"}}))
		failed := eventBody("run-1", helios.StatusError, 7)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, first.reference, failed))
		waitFor(t, e, "k", Failed)
		require.NoError(t, e.Resolve(t.Context(), "k", Resubmit))
		second, err := e.claim(t.Context(), agentLabResults, 2)
		require.NoError(t, err)
		for _, reference := range []string{first.reference, ""} {
			assert.Equal(t, http.StatusOK, srv.deliver(t, e, reference, failed))
		}
		require.NoError(t, e.settle(t.Context(), second, outcome{state: Unknown, reason: "no answer"}))
		assert.Equal(t, http.StatusOK, srv.deliver(t, e, first.reference, failed))
		s := waitFor(t, e, "k", Unknown)
		assert.Empty(t, s.RunID)
		stats, err := e.Stats(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, stats.Slots[agentLabResults].InUse)
	})
}

// TestSettle_AfterSweep: a process that was taken for dead lives, and knows for certain that its submission was not accepted.
func TestSettle_AfterSweep(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		for _, out := range []outcome{{state: Queued, reason: "429", pause: true}, {state: Failed, reason: "400", message: "no"}} {
			srv := newService(t)
			e := srv.open(t, k.another(t), idle)
			_, err := e.SubmitLabResults(t.Context(), "k", labs())
			require.NoError(t, err)
			c, err := e.claim(t.Context(), agentLabResults, 1)
			require.NoError(t, err)
			require.NoError(t, e.abandoned(t.Context(), 1))
			waitFor(t, e, "k", Unknown)
			require.NoError(t, e.settle(t.Context(), c, out))
			s := waitFor(t, e, "k", out.state)
			assert.Equal(t, out.reason, s.Reason)
		}
	})
}

// TestPost_AfterSuspend: a machine that was suspended between claim and post does not send what others may have decided about.
func TestPost_AfterSuspend(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		var now clock
		e := srv.open(t, k, idle, now.option)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		c, err := e.claim(t.Context(), agentLabResults, 1)
		require.NoError(t, err)
		now.forward(submitTimeout + time.Minute)
		out := e.post(t.Context(), c)
		assert.Equal(t, Queued, out.state)
		assert.Contains(t, out.reason, "stopped before it could be sent")
		assert.Empty(t, srv.Requests())
	})
}

// TestHeartbeat_WhileSweeping: a sweep that takes long, here because the caller's function does, does not make the process seem dead.
func TestHeartbeat_WhileSweeping(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		asked, release := make(chan struct{}), make(chan struct{})
		e := srv.open(t, k, WithOnUnknown(func(context.Context, *Submission) Decision {
			close(asked)
			<-release
			return Hold
		}))
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		c, err := e.claim(t.Context(), agentLabResults, 1)
		require.NoError(t, err)
		require.NoError(t, e.settle(t.Context(), c, outcome{state: Unknown, reason: "no answer"}))
		change(t, e, `UPDATE {submissions} SET submitted_at = 1`)
		e.HandleFunc(nothing)
		stop := run(t, e)
		<-asked
		seen := func() int64 { return read[int64](t, e, `SELECT max(seen_at) FROM {workers}`)[0] }
		for range 3 {
			before := seen()
			eventually(t, func() bool { return seen() > before }, func() string { return "no heartbeat" })
		}
		close(release)
		stop()
		assert.Empty(t, read[string](t, e, `SELECT id FROM {workers}`), "it has left")
	})
}

// TestSweep_ClocksDiffer: neither who is alive nor when to sweep depends on the machines' clocks.
func TestSweep_ClocksDiffer(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		var now clock
		ahead := srv.open(t, k, idle, now.option)
		e := srv.open(t, k, idle)
		require.NoError(t, e.beat(t.Context()))
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-1", "completed", 9)))
		change(t, e, `UPDATE {river_job} SET state = 'running', attempted_by = `+k.names(e.worker))
		now.forward(24 * time.Hour)
		sweepNow(t, ahead)
		assert.Equal(t, []int64{0}, read[int64](t, e, `SELECT attempts FROM {events}`), "its process lives")

		change(t, e, `UPDATE {sweeps} SET swept_at = {now} + 86400000000`) // by a clock of the store's that has been put right
		change(t, e, `UPDATE {workers} SET seen_at = 1`)
		require.NoError(t, e.sweep(t.Context()))
		assert.Equal(t, []int64{1}, read[int64](t, e, `SELECT attempts FROM {events}`))
	})
}
