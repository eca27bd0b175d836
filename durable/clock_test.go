package durable

import (
	"context"
	"math"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// TestOutage_NobodyIsDead: after an outage of the store every process counted
// as dead, and an event was handed to a second handler while the first was at
// it.
func TestOutage_NobodyIsDead(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		var handling atomic.Int32
		release := make(chan struct{})
		slow := func(context.Context, *helios.Event) error {
			handling.Add(1)
			<-release
			return nil
		}
		first, second := srv.open(t, k, idle), srv.open(t, k, idle)
		first.HandleFunc(slow)
		second.HandleFunc(slow)
		stop := run(t, first)
		require.Equal(t, http.StatusOK, srv.deliver(t, first, "", eventBody("run-1", helios.StatusCompleted, 7)))
		eventually(t, func() bool { return handling.Load() == 1 }, func() string { return "not handed out" })
		job := read[int64](t, first, `SELECT job_id FROM {events}`)
		eventually(t, func() bool {
			return read[int](t, first, `SELECT count(*) FROM {river_job} WHERE state = 'running'`)[0] == 1
		},
			func() string { return "not running" })

		const swept = `SELECT swept_at FROM {sweeps} WHERE name = 'all'`
		eventually(t, func() bool { return read[int64](t, first, swept)[0] > 0 },
			func() string { return "it has not swept" })

		// What an outage leaves.
		lease := first.lease.Microseconds()
		change(t, first, `UPDATE {workers} SET seen_at = {now} - $1`, 2*lease)
		change(t, first, `UPDATE {sweeps} SET swept_at = {now} - $1`, 2*lease)
		require.NoError(t, second.sweep(t.Context()))
		assert.Equal(t, job, read[int64](t, first, `SELECT job_id FROM {events}`), "it was given another job")

		// The first says that it lives, before its lease has passed.
		require.NoError(t, first.beat(t.Context()))
		change(t, first, `UPDATE {sweeps} SET swept_at = {now} - $1 WHERE name = 'returned'`, lease)
		change(t, first, `UPDATE {sweeps} SET swept_at = 0 WHERE name = 'all'`)
		require.NoError(t, second.sweep(t.Context()))
		assert.Equal(t, job, read[int64](t, first, `SELECT job_id FROM {events}`), "it was given another job")

		// A process that does not is dead.
		change(t, first, `UPDATE {workers} SET seen_at = {now} - $1`, lease)
		change(t, first, `UPDATE {sweeps} SET swept_at = 0 WHERE name = 'all'`)
		require.NoError(t, second.sweep(t.Context()))
		assert.NotEqual(t, job, read[int64](t, first, `SELECT job_id FROM {events}`))
		close(release)
		stop()
	})
}

// TestClockAhead: what a machine whose clock was a year ahead wrote waited for
// a year.
func TestClockAhead(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k, idle)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-1", helios.StatusCompleted, 7)))
		year := micros(time.Now().AddDate(1, 0, 0))
		change(t, e, `UPDATE {submissions} SET due_at = $1, slot_until = $1`, year)
		change(t, e, `UPDATE {agents} SET paused_until = $1`, year)
		change(t, e, `UPDATE {agents} SET paused_until = $1 WHERE agent = 'light'`, int64(math.MaxInt64))
		change(t, e, `UPDATE {workers} SET seen_at = $1`, year)
		change(t, e, `UPDATE {river_job} SET state = 'scheduled', scheduled_at = `+k.inAYear())
		change(t, e, `DELETE FROM {river_job} WHERE kind = 'helios_submit'`)

		sweepNow(t, e)

		present := micros(time.Now())
		slotEnd := present + e.unknownDeadline.Microseconds()
		const others = `SELECT max(paused_until) FROM {agents} WHERE agent <> 'light'`
		const light = `SELECT paused_until FROM {agents} WHERE agent = 'light'`
		assert.LessOrEqual(t, read[int64](t, e, `SELECT due_at FROM {submissions}`)[0], present)
		assert.LessOrEqual(t, read[int64](t, e, `SELECT slot_until FROM {submissions}`)[0], slotEnd)
		assert.LessOrEqual(t, read[int64](t, e, others)[0], present)
		assert.Equal(t, []int64{math.MaxInt64}, read[int64](t, e, light))
		var handled calls
		e.HandleFunc(handled.handle)
		run(t, e)
		waitFor(t, e, "k", Completed)
		eventually(t, func() bool {
			return len(read[int](t, e, `SELECT 1 FROM {events} WHERE run_id = 'run-1' AND state = 'handled'`)) == 1
		},
			func() string { return "the event is not handled" })
	})
}

// TestClockAhead_Ends: the end of a submission waited for a year too.
func TestClockAhead_Ends(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k, idle)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		require.NoError(t, e.Cancel(t.Context(), "k"))
		change(t, e, `UPDATE {river_job} SET state = 'scheduled', scheduled_at = `+k.inAYear())

		sweepNow(t, e)

		told := make(chan State, 1)
		e.HandleEnd(func(_ context.Context, s *Submission) error { told <- s.State; return nil })
		e.HandleFunc(func(context.Context, *helios.Event) error { return nil })
		run(t, e)
		assert.Equal(t, Canceled, <-told)
	})
}

// TestClockAhead_WaitsThatAreMeant: what waits as long as it should is left
// alone.
func TestClockAhead_WaitsThatAreMeant(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k, idle)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-1", helios.StatusCompleted, 7)))
		soon := micros(time.Now().Add(25 * time.Hour))
		change(t, e, `UPDATE {submissions} SET due_at = $1`, soon)
		change(t, e, `UPDATE {agents} SET paused_until = $1`, soon)
		job := read[int64](t, e, `SELECT job_id FROM {events}`)

		sweepNow(t, e)

		assert.Equal(t, []int64{soon}, read[int64](t, e, `SELECT due_at FROM {submissions}`))
		assert.Equal(t, []int64{soon}, read[int64](t, e, `SELECT DISTINCT paused_until FROM {agents}`))
		assert.Equal(t, job, read[int64](t, e, `SELECT job_id FROM {events}`))
	})
}

// inAYear is a time as River writes it.
func (k kind) inAYear() string {
	if k.sqlite != "" {
		return `strftime('%Y-%m-%d %H:%M:%f', 'now', '+1 year')`
	}
	return `now() + interval '1 year'`
}
