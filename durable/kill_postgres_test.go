//go:build unix

package durable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

// TestKillPostgres kills all of PostgreSQL with SIGKILL while webhooks and
// submissions come in: what was acknowledged is kept, and the engine finds back
// by itself.
func TestKillPostgres(t *testing.T) {
	needsKill(t)
	t.Parallel()
	const kills = 2
	pg := newCluster(t)
	pg.start()
	srv := newService(t, heliostest.WithRedelivery(16, 10*time.Millisecond))
	e := srv.open(t, kind{pool: testPool(t, pg.url()), schema: "helios"}, func(c *config) error {
		c.patience = 100 * time.Millisecond
		// What River could not write down while PostgreSQL was away is looked
		// at again after their sum.
		c.handlerTimeout, c.rescueMargin = 5*time.Second, time.Second
		return nil
	})
	var handled calls
	e.HandleFunc(handled.handle)
	run(t, e)
	// Some submissions take their time, so that PostgreSQL dies in their
	// middle, and of some the outcome is not known.
	for range 200 {
		srv.Inject(heliostest.Delay(50 * time.Millisecond))
		srv.Inject(heliostest.Delay(50*time.Millisecond), heliostest.DropAnswer(), heliostest.LoseWebhooks())
	}
	in := comeIn(t, srv, e)

	const some = 30
	in.waitFor(some, some, 0, 0)
	for range kills {
		pg.kill()
		in.waitFor(0, 0, 1, 1)
		pg.start()
		in.waitFor(some, some, 0, 0)
	}
	in.stop()

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for settled := false; !settled; {
		if !wait(ctx, 4*tick) {
			require.FailNow(t, "the engine has not recovered", "%+v\n%s", stats(t, e), in.unfinished())
		}
		s := stats(t, e)
		// In this order: when nothing is sent any more the service has only so
		// much to deliver, and that has then only to be handled.
		settled = s.Queued+s.Submitting+s.Running+s.Unknown == 0 && srv.Wait(ctx) == nil &&
			stats(t, e).PendingEvents == 0
	}
	in.check(&handled)
}

// unfinished says of every submission without an end how it stands, and whether
// it was sent.
func (in *traffic) unfinished() string {
	in.t.Helper()
	requests := map[string]int{}
	for _, r := range in.srv.Requests() {
		var request struct{ LabResults []helios.LabResult }
		require.NoError(in.t, json.Unmarshal(r.Body, &request))
		requests[request.LabResults[0].Name]++
	}
	var lines strings.Builder
	for _, key := range read[string](in.t, in.e,
		`SELECT key FROM {submissions} WHERE state NOT IN ('completed', 'failed') ORDER BY key`) {
		s := status(in.t, in.e, key)
		fmt.Fprintf(&lines, "%v, begun %d times, %d requests: %s\n", s, s.Attempts, requests[key], s.Reason)
	}
	return lines.String()
}

// TestKillPostgres_CommittedClaim kills PostgreSQL when the claim of a
// submission is committed and not answered: nothing was sent, and when
// PostgreSQL is back it is sent, once.
func TestKillPostgres_CommittedClaim(t *testing.T) {
	needsKill(t)
	t.Parallel()
	pg := newCluster(t)
	// A commit on disk is answered when the standby has it too, and there is
	// none. Those that do not ask for it do not wait.
	pg.start("-c", "synchronous_standby_names=nobody")
	cfg := testPool(t, pg.url()).Config()
	cfg.ConnConfig.RuntimeParams["synchronous_commit"] = "local"
	pool := poolOf(t, cfg)
	srv := newService(t)
	caller := srv.open(t, kind{pool: pool, schema: "helios"}, idle)
	_, err := caller.SubmitLabResults(t.Context(), "k", labs())
	require.NoError(t, err)

	waits := testPool(t, pg.url())
	e := srv.open(t, kind{pool: waits, schema: "helios"})
	claimed := make(chan error, 1)
	go func() {
		_, err := e.claim(t.Context(), agentLabResults, 1)
		claimed <- err
	}()
	eventually(t, func() bool {
		var waiting int
		err := pool.QueryRow(t.Context(),
			`SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`).Scan(&waiting)
		return err == nil && waiting > 0
	}, func() string { return "the commit does not wait" })
	pg.kill()
	pg.start()
	require.Error(t, <-claimed)

	s := status(t, caller, "k")
	assert.Equal(t, Queued, s.State, s.Reason)
	assert.Equal(t, 1, s.Attempts, "the claim was committed")
	e.HandleFunc(nothing)
	forgetConnections(t, e) // Run ends where its first call finds a broken one
	run(t, e)
	s = waitFor(t, e, "k", Completed)
	assert.Equal(t, 2, s.Attempts)
	assert.Len(t, srv.Requests(), 1)
}

// forgetConnections closes those of an engine's own pool.
func forgetConnections(t *testing.T, e *Engine) {
	t.Helper()
	s, ok := e.store.(*postgresStore)
	require.True(t, ok)
	s.pool.Reset()
}

// traffic is webhooks and submissions that come in all the time.
type traffic struct {
	t    *testing.T
	srv  *service
	e    *Engine
	stop func()

	mu          sync.Mutex
	acked       map[eventName][]byte // webhooks that were answered with 200
	unavailable int                  // webhooks that were answered with 503
	keys        int                  // submissions that were stored
	refused     int                  // and that were not, each try
	other       []string             // answers that should not be
}

func comeIn(t *testing.T, srv *service, e *Engine) *traffic {
	in := &traffic{t: t, srv: srv, e: e, acked: map[eventName][]byte{}}
	ctx, cancel := context.WithCancel(t.Context())
	var senders sync.WaitGroup
	for sender := range 4 {
		senders.Go(func() {
			for n := 0; in.sendRun(ctx, fmt.Sprintf("run-%d-%d", sender, n)); n++ {
			}
		})
	}
	senders.Go(func() {
		for n := 0; in.submit(ctx, keyOf(n)); n++ {
		}
	})
	in.stop = func() {
		cancel()
		senders.Wait()
	}
	t.Cleanup(in.stop)
	return in
}

// sendRun sends the webhooks of a run, each until it is acknowledged. It
// returns false when ctx has ended.
func (in *traffic) sendRun(ctx context.Context, runID string) bool {
	for i, status := range []string{"processing", "processing", helios.StatusCompleted} {
		name := eventName{runID, int64(i + 1), status}
		body := eventBody(runID, status, int(name.SequenceNumber))
		for !in.answered(name, body, in.srv.deliver(in.t, in.e, "", body)) {
			if !wait(ctx, tick) {
				return false
			}
		}
		if !wait(ctx, tick) {
			return false
		}
	}
	return true
}

func (in *traffic) answered(name eventName, body []byte, status int) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch status {
	case http.StatusOK:
		in.acked[name] = body
		return true
	case http.StatusServiceUnavailable:
		in.unavailable++
	default:
		in.other = append(in.other, fmt.Sprintf("%+v: %d", name, status))
	}
	return false
}

// submit submits a key until it is stored. It returns false when ctx has ended.
func (in *traffic) submit(ctx context.Context, key string) bool {
	for {
		_, err := in.e.SubmitLabResults(ctx, key, labsOf(key))
		if ctx.Err() != nil {
			return false
		}
		in.mu.Lock()
		switch {
		case err == nil:
			in.keys++
		case errors.Is(err, helios.ErrUnavailable):
			in.refused++
		default:
			in.other = append(in.other, key+": "+err.Error())
		}
		in.mu.Unlock()
		if !wait(ctx, 4*tick) {
			return false
		}
		if err == nil {
			return true
		}
	}
}

// waitFor waits for so much more of everything.
func (in *traffic) waitFor(acked, keys, unavailable, refused int) {
	in.t.Helper()
	now := func() [4]int {
		in.mu.Lock()
		defer in.mu.Unlock()
		return [4]int{len(in.acked), in.keys, in.unavailable, in.refused}
	}
	goal := now()
	for i, more := range [4]int{acked, keys, unavailable, refused} {
		goal[i] += more
	}
	eventually(in.t, func() bool {
		for i, n := range now() {
			if n < goal[i] {
				return false
			}
		}
		return true
	}, func() string {
		return fmt.Sprintf("webhooks acknowledged, keys stored, webhooks answered 503, keys refused: %v, not %v",
			now(), goal)
	})
}

func (in *traffic) check(handled *calls) {
	t := in.t
	assert.Empty(t, in.other)
	checkEvents(t, in.e, in.acked, func(name eventName) bool {
		for _, call := range handled.all() {
			if call.run == name.RunID && call.status == name.Status {
				return true
			}
		}
		return false
	})
	runs := acceptedRuns(t, in.srv.Server)
	assert.Empty(t, twice(runs), "paid twice")
	for n := range in.keys {
		s := status(t, in.e, keyOf(n))
		assert.Equal(t, Completed, s.State, "%s: %s", keyOf(n), s.Reason)
		assert.Len(t, runs[keyOf(n)], 1, keyOf(n))
	}
	t.Logf("%d webhooks acknowledged, %d answered with 503; %d keys stored, %d refused",
		len(in.acked), in.unavailable, in.keys, in.refused)
}
