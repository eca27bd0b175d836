package durable

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// What can happen between two steps of one process, or of two.

// TestEventIDs_Collide: two processes may draw the same id for two events.
// Neither is taken for a duplicate of the other: the commit fails, and is tried
// again with another id.
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

// lossyStore loses the answer to its first commit, and does something before it
// is missed.
type lossyStore struct {
	store
	lost      atomic.Bool
	undone    bool // the commit too is lost
	down      int  // how many writes fail after it
	meanwhile func()
}

var errConnection = errors.New("connection reset")

func (l *lossyStore) write(ctx context.Context, fn func(tx transaction) error) error {
	if l.lost.Swap(true) {
		if l.down--; l.down >= 0 {
			return errConnection
		}
		return l.store.write(ctx, fn)
	}
	err := l.store.write(ctx, func(tx transaction) error {
		if err := fn(tx); err != nil || !l.undone {
			return err
		}
		return errConnection
	})
	if err != nil && !errors.Is(err, errConnection) {
		return err
	}
	l.meanwhile()
	return errConnection
}

// TestSettle_AnswerLost: a submission that was not accepted is put back, and
// claimed by another process before the first one knows that it has put it
// back. When it does so again it does not take the other's away.
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
		require.NoError(t, a.settle(t.Context(), first, &outcome{state: Queued, reason: "connection refused"}))
		require.NotNil(t, second)
		s, err := b.Status(t.Context(), "k")
		require.NoError(t, err)
		assert.Equal(t, Submitting, s.State)
		third, err := a.claim(t.Context(), agentLabResults, 3)
		require.NoError(t, err)
		assert.Nil(t, third, "it is being sent")
	})
}

// TestClaim_AnswerLost: what was claimed and, for want of an answer, not sent,
// is not unknown: however long the store is away, and whoever has taken it for
// abandoned meanwhile.
func TestClaim_AnswerLost(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		for name, down := range map[string]int{"the store answers again": 0, "the store is down": 3} {
			t.Run(name, func(t *testing.T) {
				srv := newService(t)
				k := k.another(t)
				e, other := srv.open(t, k, idle), srv.open(t, k, idle)
				_, err := e.SubmitLabResults(t.Context(), "k", labs())
				require.NoError(t, err)
				e.store = &lossyStore{store: e.store, down: down, meanwhile: func() {
					if down > 0 {
						assert.NoError(t, other.abandoned(t.Context(), 1))
					}
				}}
				_, err = e.claim(t.Context(), agentLabResults, 1)
				require.Error(t, err)
				require.NoError(t, e.abandoned(t.Context(), 1)) // as the job does when it runs again
				s, err := e.Status(t.Context(), "k")
				require.NoError(t, err)
				assert.Equal(t, Queued, s.State)
				assert.Empty(t, s.Reason)
				c, err := e.claim(t.Context(), agentLabResults, 1)
				require.NoError(t, err)
				assert.NotNil(t, c)
			})
		}
	})
}

// TestClaim_CommitLost: a claim that was not committed is another's now, which
// is sending it: it is not given back. That the submission was begun before,
// and keeps its reference, makes the two look alike.
func TestClaim_CommitLost(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		for _, end := range []State{Submitting, Unknown} {
			t.Run(string(end), func(t *testing.T) {
				srv := newService(t)
				k := k.another(t)
				e, other := srv.open(t, k, idle), srv.open(t, k, idle)
				_, err := e.SubmitLabResults(t.Context(), "k", labs())
				require.NoError(t, err)
				first, err := e.claim(t.Context(), agentLabResults, 1)
				require.NoError(t, err)
				require.NoError(t, e.settle(t.Context(), first, &outcome{state: Queued}))
				e.store = &lossyStore{store: e.store, undone: true, meanwhile: func() {
					c, err := other.claim(t.Context(), agentLabResults, 3)
					if assert.NoError(t, err) && assert.NotNil(t, c) && end == Unknown {
						assert.Equal(t, first.reference, c.reference)
						assert.NoError(t, other.settle(t.Context(), c, &outcome{state: Unknown, reason: "no answer"}))
					}
				}}
				_, err = e.claim(t.Context(), agentLabResults, 2)
				require.Error(t, err)
				s, err := e.Status(t.Context(), "k")
				require.NoError(t, err)
				assert.Equal(t, end, s.State)
			})
		}
	})
}

// TestClaim_CommitUnderWay: the answer is lost before the commit has taken
// effect. What is given back is given back after it.
func TestClaim_CommitUnderWay(t *testing.T) {
	t.Parallel()
	k := kind{pool: testPool(t, databaseURL()), schema: testSchema(t)} // SQLite has one writer
	e := newService(t).open(t, k, idle)
	_, err := e.SubmitLabResults(t.Context(), "k", labs())
	require.NoError(t, err)
	slow := &slowStore{store: e.store, ran: make(chan struct{}), commit: make(chan struct{}), done: make(chan error, 1)}
	e.store = slow
	commit := sync.OnceFunc(func() { close(slow.commit) })
	defer commit()
	claimed := make(chan error, 1)
	go func() {
		_, err := e.claim(t.Context(), agentLabResults, 1)
		claimed <- err
	}()
	waitForLock(t, k)
	commit()
	require.NoError(t, <-slow.done)
	require.ErrorIs(t, <-claimed, errConnection)
	s, err := e.Status(t.Context(), "k")
	require.NoError(t, err)
	assert.Equal(t, Queued, s.State)
	assert.Equal(t, 1, s.Attempts, "the claim was committed")
}

// slowStore loses the answer to its first write before that is committed.
type slowStore struct {
	store
	first       sync.Once
	ran, commit chan struct{}
	done        chan error
}

func (s *slowStore) write(ctx context.Context, fn func(tx transaction) error) error {
	isFirst := false
	s.first.Do(func() { isFirst = true })
	if !isFirst {
		return s.store.write(ctx, fn)
	}
	go func() {
		s.done <- s.store.write(ctx, func(tx transaction) error {
			defer func() { <-s.commit }()
			defer close(s.ran)
			return fn(tx)
		})
	}()
	<-s.ran
	return errConnection
}

// waitForLock waits until a transaction in the test's schema waits for
// another's.
func waitForLock(t *testing.T, k kind) {
	t.Helper()
	eventually(t, func() bool {
		var waiting int
		err := k.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE wait_event_type = 'Lock' AND query LIKE '%'||$1||'%'`, k.schema).Scan(&waiting)
		return err == nil && waiting > 0
	}, func() string { return "no transaction waits" })
}

// TestClaim_Overtaken: a late webhook proves that an earlier attempt was
// accepted, while a later one is being claimed.
func TestClaim_Overtaken(t *testing.T) {
	t.Parallel()
	k := kind{pool: testPool(t, databaseURL()), schema: testSchema(t)} // SQLite has one writer
	srv := newService(t)
	e := srv.open(t, k, idle)
	_, err := e.SubmitLabResults(t.Context(), "k", labs())
	require.NoError(t, err)
	webhook, err := k.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = webhook.Exec(t.Context(),
		`UPDATE `+k.schema+`.helios_submissions SET state = 'accepted', run_id = 'run-1'`)
	require.NoError(t, err)
	claims := make(chan *claimed, 1)
	go func() {
		c, err := e.claim(t.Context(), agentLabResults, 2)
		assert.NoError(t, err)
		claims <- c
	}()
	waitForLock(t, k)
	require.NoError(t, webhook.Commit(t.Context()))
	assert.Nil(t, <-claims)
	assert.Empty(t, read[string](t, e, `SELECT reference FROM {references}`))
}

// TestDuplicate_OfEarlierRun: the error of a run that was submitted again,
// delivered once more, says nothing of the second run.
func TestDuplicate_OfEarlierRun(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k, idle)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		first, err := e.claim(t.Context(), agentLabResults, 1)
		require.NoError(t, err)
		require.NoError(t, e.settle(t.Context(), first, &outcome{state: Accepted, runID: "run-1"}))
		failed := eventBody("run-1", helios.StatusError, 7)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, first.reference, failed))
		waitFor(t, e, "k", Failed)
		require.NoError(t, e.Resolve(t.Context(), "k", Resubmit))
		second, err := e.claim(t.Context(), agentLabResults, 2)
		require.NoError(t, err)
		for _, reference := range []string{first.reference, ""} {
			assert.Equal(t, http.StatusOK, srv.deliver(t, e, reference, failed))
		}
		require.NoError(t, e.settle(t.Context(), second, &outcome{state: Unknown, reason: "no answer"}))
		assert.Equal(t, http.StatusOK, srv.deliver(t, e, first.reference, failed))
		s := waitFor(t, e, "k", Unknown)
		assert.Empty(t, s.RunID)
		stats, err := e.Stats(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, stats.Slots[agentLabResults].InUse)
	})
}

// TestSettle_AfterSweep: a process that was taken for dead lives, and knows for
// certain that its submission was not accepted.
func TestSettle_AfterSweep(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		for _, out := range []outcome{{state: Queued, reason: "429", limited: true},
			{state: Failed, reason: "400", message: "no"}} {
			srv := newService(t)
			e := srv.open(t, k.another(t), idle)
			_, err := e.SubmitLabResults(t.Context(), "k", labs())
			require.NoError(t, err)
			c, err := e.claim(t.Context(), agentLabResults, 1)
			require.NoError(t, err)
			require.NoError(t, e.abandoned(t.Context(), 1))
			waitFor(t, e, "k", Unknown)
			require.NoError(t, e.settle(t.Context(), c, &out))
			s := waitFor(t, e, "k", out.state)
			assert.Equal(t, out.reason, s.Reason)
		}
	})
}

// TestPost_AfterSuspend: a machine that was suspended between claim and post
// does not send what others may have decided about.
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
		assert.Contains(t, out.reason, "suspended before it could be sent")
		assert.Empty(t, srv.Requests())
	})
}

// TestHeartbeat_WhileSweeping: a sweep that takes long, here because the
// caller's function does, does not make the process seem dead.
func TestHeartbeat_WhileSweeping(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		asked, release := make(chan struct{}), make(chan struct{})
		often := func(c *config) error {
			c.lease = 300 * time.Millisecond
			return nil
		}
		e := srv.open(t, k, often, WithOnUnknown(func(context.Context, *Submission) Decision {
			close(asked)
			<-release
			return Hold
		}))
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		c, err := e.claim(t.Context(), agentLabResults, 1)
		require.NoError(t, err)
		require.NoError(t, e.settle(t.Context(), c, &outcome{state: Unknown, reason: "no answer"}))
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

// TestSweep_ClocksDiffer: neither who is alive nor when to sweep depends on the
// machines' clocks.
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

		change(t, e,
			`UPDATE {sweeps} SET swept_at = {now} + 86400000000`) // by a clock of the store's that has been put right
		change(t, e, `UPDATE {workers} SET seen_at = 1`)
		require.NoError(t, e.sweep(t.Context()))
		assert.Equal(t, []int64{1}, read[int64](t, e, `SELECT attempts FROM {events}`))
	})
}

// TestCommit_FinalFirst: the error of a run and an earlier status update of it
// are committed together, before the answer with the run id is. The submission
// has failed, whichever came first.
func TestCommit_FinalFirst(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k, idle)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		c, err := e.claim(t.Context(), agentLabResults, 1)
		require.NoError(t, err)

		var both []*delivery
		for _, body := range [][]byte{
			eventBody("run-1", helios.StatusError, 9), eventBody("run-1", "processing", 1),
		} {
			ev, err := helios.ParseEvent(body)
			require.NoError(t, err)
			both = append(both, &delivery{
				event: ev, runID: ev.RunID, reference: c.reference, discriminator: discriminator(ev), body: ev.Raw,
			})
		}
		require.NoError(t, e.commit(t.Context(), both))
		assert.Equal(t, Failed, status(t, e, "k").State)
	})
}
