package helios

import (
	"container/list"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Tests of waiting run in a synctest bubble. Its clock moves only when all
// goroutines wait, so times are exact, and a goroutine that the tracker left
// behind fails the test.

// trackerEvent returns an event as the receiver makes it. White space fills its
// body up to size bytes. A number of 0 is left out of the body.
func trackerEvent(tb testing.TB, runID, status string, number, size int) *Event {
	tb.Helper()

	body := fmt.Sprintf(`{"runId":%q,"status":%q,"timestamp":"2025-01-15T12:00:00Z"`, runID, status)
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
	body += strings.Repeat(" ", max(size-len(body), 0))

	e, err := parseEvent([]byte(body))
	require.NoError(tb, err)
	return e
}

// tokenEvent returns the event that a token of a timeline stands for: "3" is an
// update, "u2" the second update without a number, "F4" a completed event with
// number 4 ("F0" without one), "E4" an error event.
func tokenEvent(tb testing.TB, runID, token string) *Event {
	tb.Helper()

	number, err := strconv.Atoi(strings.TrimLeft(token, "uFE"))
	require.NoError(tb, err, token)
	switch token[0] {
	case 'u':
		return trackerEvent(tb, runID, "update-"+token[1:], 0, 0)
	case 'F':
		return trackerEvent(tb, runID, StatusCompleted, number, 0)
	case 'E':
		return trackerEvent(tb, runID, StatusError, number, 0)
	default:
		return trackerEvent(tb, runID, "working", number, 0)
	}
}

// tokenOf is the inverse of tokenEvent.
func tokenOf(e *Event) string {
	switch {
	case e.Status == StatusCompleted:
		return fmt.Sprintf("F%d", e.SequenceNumber)
	case e.Status == StatusError:
		return fmt.Sprintf("E%d", e.SequenceNumber)
	case strings.HasPrefix(e.Status, "update-"):
		return "u" + strings.TrimPrefix(e.Status, "update-")
	default:
		return strconv.FormatInt(e.SequenceNumber, 10)
	}
}

// recorder collects the tokens of the events that a Wait hands out.
type recorder []string

func (r *recorder) progress(e *Event) { *r = append(*r, tokenOf(e)) }

// canceledContext has ended: with it, Wait returns what is there.
func canceledContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// startWait starts a Wait in a synctest bubble, and returns when it blocks or
// has returned.
func startWait(ctx context.Context, tracker *Tracker, runID string, progress func(*Event)) <-chan waitResult {
	done := make(chan waitResult, 1)
	go func() {
		e, err := tracker.Wait(ctx, runID, progress)
		done <- waitResult{e, err}
	}()
	synctest.Wait()
	return done
}

type waitResult struct {
	event *Event
	err   error
}

// fillTracker makes one run per letter, named by letter and place, oldest
// first. Each event takes size bytes.
//
//	u  has an update
//	f  has a final event that no Wait has returned
//	t  has one that a Wait has returned
//	w  has an update, and a Wait that lasts until the test ends
func fillTracker(t *testing.T, tracker *Tracker, letters string, size int) {
	t.Helper()

	statuses := map[rune]string{'u': "working", 'w': "working", 'f': StatusCompleted, 't': StatusCompleted}
	for i, letter := range letters {
		id := string(letter) + strconv.Itoa(i)
		require.NoError(t, tracker.Handle(t.Context(), trackerEvent(t, id, statuses[letter], 1, size-eventOverhead)))
		switch letter {
		case 't':
			_, err := tracker.Wait(t.Context(), id, nil)
			require.NoError(t, err)
		case 'w':
			startWait(t.Context(), tracker, id, nil)
		}
	}
}

// keptRuns returns the ids of all runs, sorted.
func keptRuns(tracker *Tracker) []string {
	tracker.mu.Lock()
	defer tracker.mu.Unlock()

	var ids []string
	for id := range tracker.runs {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// idleRuns returns the runs on a list, least recently used first. The caller
// holds the lock.
func idleRuns(idle *list.List) (runs []*trackedRun) {
	for element := idle.Front(); element != nil; element = element.Next() {
		runs = append(runs, element.Value.(*trackedRun))
	}
	return runs
}

// checkTracker checks what must hold whenever nobody is inside the tracker.
func checkTracker(tb testing.TB, tracker *Tracker) {
	tb.Helper()
	tracker.mu.Lock()
	defer tracker.mu.Unlock()

	waited := 0
	var all int64
	for id, run := range tracker.runs {
		require.Equal(tb, id, run.id)
		require.Equal(tb, runBytes(tb, run), run.bytes, "bytes of run %s", id)
		all += run.bytes

		if run.waiters > 0 {
			waited++
			require.Nil(tb, run.idle, "run %s is waited for and may be dropped", id)
			continue
		}
		require.NotZero(tb, run.bytes, "run %s is kept without an event", id)
	}
	require.Equal(tb, all, tracker.bytes, "bytes of all runs")
	require.LessOrEqual(tb, len(tracker.runs), tracker.maxRuns)

	listed := 0
	for _, idle := range []*list.List{&tracker.delivered, &tracker.open, &tracker.undelivered} {
		var last time.Time
		for _, run := range idleRuns(idle) {
			listed++
			require.Same(tb, run, tracker.runs[run.id])
			require.Same(tb, idle, run.idle)
			require.Equal(tb, run.delivered, idle == &tracker.delivered, "run %s: final event returned", run.id)
			require.Equal(tb, run.final == nil, idle == &tracker.open, "run %s: no final event", run.id)
			require.False(tb, run.idleSince.Before(last), "least recently used first")
			last = run.idleSince
		}
	}
	require.Equal(tb, len(tracker.runs), listed+waited, "each run is waited for or on one list")
}

// runBytes adds up the events of a run, and checks that each is there once.
func runBytes(tb testing.TB, run *trackedRun) (size int64) {
	tb.Helper()

	for i, e := range run.numbered {
		size += e.size
		require.True(tb, i == 0 || run.numbered[i-1].SequenceNumber < e.SequenceNumber, "sorted by number")
	}

	digests := make(map[[sha256.Size]byte]struct{})
	for _, e := range run.unnumbered {
		size += e.size
		digests[sha256.Sum256(e.Raw)] = struct{}{}
	}
	require.Len(tb, run.unnumbered, len(digests), "each body once")
	require.Len(tb, run.digests, len(digests))

	if run.final != nil {
		size += newTrackedEvent(run.final).size
	}
	return size
}
