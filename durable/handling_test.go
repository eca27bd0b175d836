package durable

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// TestOvertaken: a status update older than one that was handled is left out; a
// final event never is.
func TestOvertaken(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k)
		var handled calls
		e.HandleFunc(handled.handle)
		run(t, e)
		settled := func(n int) {
			t.Helper()
			eventually(t, func() bool {
				return len(read[int64](t, e,
					`SELECT id FROM {events} WHERE state <> 'pending'`)) == n
			}, func() string { return "not settled" })
		}
		for i, ev := range []struct {
			status string
			number int
		}{{"processing", 5}, {"processing", 3}, {"processing", 6}, {"completed", 4}, {"processing", 2}} {
			require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-1", ev.status, ev.number)))
			settled(i + 1)
		}
		var numbers []int
		for _, c := range handled.all() {
			numbers = append(numbers, c.number)
		}
		assert.Equal(t, []int{5, 6, 4}, numbers)
	})
}

// TestHandlerFails: again until it returns nil, and at last a dead letter,
// which can be replayed.
func TestHandlerFails(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		var logged bytes.Buffer
		e := srv.open(t, k, WithMaxAttempts(3), WithLogger(slog.New(slog.NewJSONHandler(&locked{w: &logged}, nil))))
		var attempts atomic.Int64
		var well atomic.Bool
		e.HandleFunc(func(context.Context, *helios.Event) error {
			switch n := attempts.Add(1); {
			case well.Load():
				return nil
			case n%2 == 0:
				panic(secretValue)
			default:
				return fmt.Errorf("insert: %w", errHandler)
			}
		})
		before := time.Now().Truncate(time.Microsecond)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-1", "processing", 1)))
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-2", "completed", 9)))
		stop := run(t, e)
		var dead []DeadLetter
		eventually(t, func() bool {
			var err error
			dead, err = e.DeadLetters(t.Context(), 0, 10)
			return err == nil && len(dead) == 2
		}, func() string { return fmt.Sprint(dead) })
		assert.Equal(t, int64(6), attempts.Load())
		assert.Equal(t, "run-1", dead[0].RunID)
		assert.EqualValues(t, 1, dead[0].SequenceNumber)
		assert.False(t, dead[0].Final)
		assert.True(t, dead[1].Final)
		for _, d := range dead { // the attempts of both are counted together
			assert.Contains(t, []FailureKind{FailureError, FailurePanic}, d.Failure)
		}
		assert.WithinRange(t, dead[1].ReceivedAt, before, dead[1].DiedAt)
		assert.WithinRange(t, dead[1].DiedAt, before, time.Now())
		stats, err := e.Stats(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 2, stats.DeadLetters)
		assert.Zero(t, stats.PendingEvents)

		page, err := e.DeadLetters(t.Context(), 0, 1)
		require.NoError(t, err)
		require.Equal(t, dead[:1], page)
		page, err = e.DeadLetters(t.Context(), dead[0].ID, 1)
		require.NoError(t, err)
		require.Equal(t, dead[1:], page)
		_, err = e.DeadLetters(t.Context(), 0, 0)
		require.Error(t, err)
		_, err = e.DeadLetters(t.Context(), 0, 1001)
		require.Error(t, err)

		sweepNow(t, e)
		assert.Len(t, read[int64](t, e, `SELECT id FROM {events} WHERE state = 'dead'`), 2, "the sweep leaves them")
		well.Store(true)
		require.ErrorIs(t, e.Replay(t.Context(), 17), ErrNotFound)
		for _, d := range dead {
			require.NoError(t, e.Replay(t.Context(), d.ID))
			require.ErrorIs(t, e.Replay(t.Context(), d.ID), ErrNotFound, "it is no dead letter any more")
		}
		eventually(t, func() bool {
			return len(read[int64](t, e,
				`SELECT id FROM {events} WHERE state = 'handled'`)) == 2
		}, func() string { return "not replayed" })
		stop()

		assert.Contains(t, logged.String(), "dead letter")
		assert.Contains(t, logged.String(), "panic (string)")
		assert.NotContains(t, logged.String(), secretValue)
		for _, text := range read[[]byte](t, e, riverTexts(k)) {
			assert.NotContains(t, string(text), secretValue, "in River's table")
		}
	})
}

// TestHandlerTimeout: a handler's context ends, and the event is handed to it
// again.
func TestHandlerTimeout(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k, WithHandlerTimeout(time.Second))
		var attempts atomic.Int64
		e.HandleFunc(func(ctx context.Context, _ *helios.Event) error {
			if attempts.Add(1) == 1 {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		run(t, e)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-1", "completed", 9)))
		eventually(t, func() bool {
			return len(read[int64](t, e,
				`SELECT id FROM {events} WHERE state = 'handled'`)) == 1
		}, func() string { return "not handled" })
		assert.Equal(t, int64(2), attempts.Load())
	})
}

// TestOrphans: events whose River job is gone, has ended without them, or
// belonged to a process that died.
func TestOrphans(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k, idle, WithMaxAttempts(3))
		for i := range 6 {
			require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody(fmt.Sprint("run-", i), "completed", 9)))
		}
		jobs := read[int64](t, e, `SELECT job_id FROM {events} ORDER BY id`)
		change(t, e, `DELETE FROM {river_job} WHERE id = $1`, jobs[0])
		finalized := `finalized_at = created_at`
		change(t, e, `UPDATE {river_job} SET state = 'completed', `+finalized+` WHERE id = $1`, jobs[1])
		change(t, e, `UPDATE {river_job} SET state = 'cancelled', `+finalized+` WHERE id = $1`, jobs[2])
		change(t, e, `UPDATE {river_job} SET state = 'discarded', `+finalized+` WHERE id = $1`, jobs[3])
		running := `UPDATE {river_job} SET state = 'running', attempted_at = created_at, attempted_by = ` +
			k.names("a process that died") + ` WHERE id = $1`
		change(t, e, running, jobs[4])
		change(t, e, strings.ReplaceAll(running, "a process that died", e.worker), jobs[5])
		require.NoError(t, e.beat(t.Context()))

		sweepNow(t, e)
		now := read[int64](t, e, `SELECT job_id FROM {events} ORDER BY id`)
		for i := range jobs {
			assert.Equal(t, i == 3 || i == 5, jobs[i] == now[i], "event %d", i)
		}
		assert.Equal(t, []string{"pending", "pending", "pending", "dead", "pending", "pending"},
			read[string](t, e, `SELECT state FROM {events} ORDER BY id`))
		sweepNow(t, e)
		assert.Equal(t, now, read[int64](t, e, `SELECT job_id FROM {events} ORDER BY id`), "each has a job now")

		// One that brings down every process that handles it ends as a dead
		// letter.
		for range 3 {
			change(t, e, running, read[int64](t, e, `SELECT job_id FROM {events} ORDER BY id`)[4])
			sweepNow(t, e)
		}
		assert.Equal(t, "dead", read[string](t, e, `SELECT state FROM {events} ORDER BY id`)[4])
	})
}
