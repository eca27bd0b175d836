package durable

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestStats_Ages: each state that waits has the age of its oldest.
func TestStats_Ages(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		var now clock
		e := newService(t).open(t, k, idle, now.option)
		for i, out := range []*outcome{nil, nil, {state: Accepted, runID: "run-1"}, {state: Unknown},
			{state: Accepted, runID: "run-2"}} {
			key := string(rune('a' + i))
			_, err := e.SubmitLabResults(t.Context(), key, labs())
			require.NoError(t, err)
			if i == 0 {
				require.NoError(t, e.Pause(t.Context(), "light"))
				_, err := e.SubmitAgent(t.Context(), "queued", record())
				require.NoError(t, err)
			}
			c, err := e.claim(t.Context(), agentLabResults, int64(i))
			require.NoError(t, err)
			if out != nil {
				require.NoError(t, e.settle(t.Context(), c, out))
			}
			if i == 2 {
				change(t, e, `UPDATE {submissions} SET accepted_at = accepted_at - 7200000000 WHERE run_id = 'run-1'`)
				require.NoError(t, e.sweepOverdue(t.Context(), e.now()))
			}
		}
		require.NoError(t, e.Cancel(t.Context(), "queued"))
		_, err := e.SubmitAgent(t.Context(), "queued again", record())
		require.NoError(t, err)
		srvEvent := exec(insertEvent, int64(1), "run-9", 1, "processing", 0, []byte("{}"), int64(0), micros(e.now()))
		require.NoError(t, e.store.write(t.Context(), func(tx transaction) error {
			return tx.run(t.Context(),
				srvEvent)
		}))

		now.forward(time.Hour)
		stats, err := e.Stats(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []int{1, 2, 1, 1, 1, 1, 0},
			[]int{stats.Queued, stats.Submitting, stats.Running, stats.Unknown, stats.Overdue, stats.Canceled,
				stats.Failed})
		assert.Equal(t, []int{1, 2, 0}, []int{stats.PendingEvents, stats.PendingEnds, stats.DeadLetters})
		for name, age := range map[string]time.Duration{
			"queued": stats.OldestQueued, "submitting": stats.OldestSubmitting, "running": stats.OldestRunning,
			"unknown": stats.OldestUnknown, "overdue": stats.OldestOverdue,
			"event": stats.OldestEvent, "end": stats.OldestEnd,
		} {
			assert.InDelta(t, time.Hour, age, float64(time.Minute), name)
		}
		assert.Zero(t, stats.OldestDeadLetter)
	})
}

// TestStats_FromIndexes: neither Stats nor a page of submissions reads a row
// with a body for each that it counts or passes over.
func TestStats_FromIndexes(t *testing.T) {
	t.Parallel()
	k := kind{sqlite: t.TempDir() + "/helios.db"}
	e := newService(t).open(t, k, idle)
	plan := func(sql string, args ...any) string {
		var steps []string
		require.NoError(t, e.store.read(t.Context(), query(func(r row) error {
			var id, parent, unused int
			var detail string
			err := r.Scan(&id, &parent, &unused, &detail)
			steps = append(steps, detail)
			return err
		}, "EXPLAIN QUERY PLAN "+sql, args...)))
		return strings.Join(steps, "\n")
	}
	for name, sql := range map[string]string{
		"under way": countUnderWay, "ended": countEnded, "queued": countQueued,
		"events": countEvents, "ends": countEnds,
	} {
		assert.Contains(t, plan(sql), "COVERING INDEX", name)
	}
	assert.Contains(t, plan(countSpent, 1), "COVERING INDEX")
	for where, index := range map[string]string{
		"state = $3 AND agent = $4": "submissions_agent_state",
		"state = $3":                "submissions_state", "agent = $3": "submissions_agent",
	} {
		got := plan(selectSubmissions+" WHERE key > $2 AND "+where+" ORDER BY key LIMIT 10", 1, "", "x", "y")
		assert.Contains(t, got, "helios_"+index+" ", where)
		assert.NotContains(t, got, "TEMP B-TREE", where)
	}
	assert.NotContains(t, plan(selectProbe, "deep", 1), "TEMP B-TREE")
	assert.NotContains(t, plan(selectDue, "deep", 1), "TEMP B-TREE")
}
