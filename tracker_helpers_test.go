package helios

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Every timing test runs in a synctest bubble: its clock moves only when all goroutines wait, so that times are exact, and a goroutine
// that the tracker left behind fails the test.

// trkEvent makes an event as the receiver does, its body filled up to size bytes with white space. Number 0 is left out of the body.
func trkEvent(tb testing.TB, run, status string, number, size int) *Event {
	body := fmt.Sprintf(`{"runId":%q,"status":%q,"timestamp":"2025-01-15T12:00:00Z"`, run, status)
	if number != 0 {
		body += fmt.Sprintf(`,"sequenceNumber":%d`, number)
	}
	switch status {
	case StatusCompleted:
		body += `,"result":{"patientResponse":"P"}`
	case StatusError:
		body += `,"error":{"message":"too little data"}`
	}
	body += "}"
	e, err := parseEvent([]byte(body + strings.Repeat(" ", max(size-len(body), 0))))
	require.NoError(tb, err)
	return e
}

// trkToken reads the events of the timelines below: "3" an update, "u2" the second update without a number, "F4" a final of number 4
// ("F0": of none), "E4" an error.
func trkToken(tb testing.TB, run, token string) *Event {
	number, err := strconv.Atoi(strings.TrimLeft(token, "uFE"))
	require.NoError(tb, err, token)
	switch token[0] {
	case 'u':
		return trkEvent(tb, run, "update-"+token[1:], 0, 0)
	case 'F':
		return trkEvent(tb, run, StatusCompleted, number, 0)
	case 'E':
		return trkEvent(tb, run, StatusError, number, 0)
	}
	return trkEvent(tb, run, "working", number, 0)
}

func trkName(e *Event) string {
	switch {
	case e.Status == StatusCompleted:
		return fmt.Sprintf("F%d", e.SequenceNumber)
	case e.Status == StatusError:
		return fmt.Sprintf("E%d", e.SequenceNumber)
	case strings.HasPrefix(e.Status, "update-"):
		return "u" + strings.TrimPrefix(e.Status, "update-")
	}
	return strconv.Itoa(e.SequenceNumber)
}

// trkCancelled is a context that has ended: Wait then gives what is there and does not wait.
func trkCancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// trkCheck checks what must hold whenever nobody is inside the tracker.
func trkCheck(tb testing.TB, tr *Tracker) {
	tb.Helper()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	require.Equal(tb, len(tr.runs), tr.order.Len(), "runs in the map and in the list")
	require.LessOrEqual(tb, len(tr.runs), tr.maxRuns)
	var all int64
	var last time.Time
	for place := tr.order.Front(); place != nil; place = place.Next() {
		run := place.Value.(*trackedRun)
		require.Same(tb, run, tr.runs[run.id])
		require.Same(tb, place, run.place)
		require.False(tb, run.used.Before(last), "least recently used first")
		last = run.used
		require.GreaterOrEqual(tb, run.waiters, 0)
		require.False(tb, run.waiters == 0 && run.bytes == 0, "an empty run that nobody waits for is kept")
		var own int64
		for i, e := range run.numbered {
			own += eventSize(e.Event)
			require.True(tb, i == 0 || run.numbered[i-1].SequenceNumber < e.SequenceNumber, "updates sorted, each once")
		}
		for _, e := range run.unnumbered {
			own += eventSize(e.Event)
		}
		if run.final != nil {
			own += eventSize(run.final)
		}
		require.Equal(tb, own, run.bytes, "bytes of run %s", run.id)
		all += own
	}
	require.Equal(tb, all, tr.bytes, "bytes of all runs")
}
