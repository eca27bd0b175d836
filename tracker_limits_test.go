package helios

import (
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTrackerAResultPushesOutItsOwnUpdates(t *testing.T) {
	tr := NewTracker(WithTrackerLimits(0, 1000))
	require.NoError(t, tr.Handle(t.Context(), trkEvent(t, "r", "working", 1, 700)))
	require.NoError(t, tr.Handle(t.Context(), trkEvent(t, "r", StatusCompleted, 2, 200)))
	_, err := tr.Wait(trkCancelled(), "r", nil)
	require.NoError(t, err)
}

func TestTrackerAResultIsTakenOnlyWhenWaitReturnsIt(t *testing.T) {
	tr := NewTracker(WithTrackerLimits(1, 0))
	require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", "1")))
	assert.Panics(t, func() {
		_, _ = tr.Wait(t.Context(), "r", func(*Event) {
			_ = tr.Handle(t.Context(), trkToken(t, "r", "F2"))
			panic("boom")
		})
	})
	_ = tr.Handle(t.Context(), trkToken(t, "other", "1"))
	_, err := tr.Wait(trkCancelled(), "r", nil)
	require.NoError(t, err)
}

func TestTrackerUpdatesThatTheResultOvertookAreNotMissed(t *testing.T) {
	tr := NewTracker()
	for _, token := range []string{"1", "F3", "2"} {
		require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", token)))
	}
	var got []string
	_, err := tr.Wait(t.Context(), "r", func(e *Event) { got = append(got, trkName(e)) })
	require.NoError(t, err)
	require.Equal(t, []string{"1", "2"}, got)
}

func TestTrackerAnUpdateWithoutRoomForItsRunIsDropped(t *testing.T) {
	tr := NewTracker(WithTrackerLimits(1, 0))
	require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", "F1")))
	require.NoError(t, tr.Handle(t.Context(), trkToken(t, "x", "1")))
}

func TestTrackerAnEventThatNeverFitsDropsNothing(t *testing.T) {
	tr := NewTracker(WithTrackerLimits(0, 2000))
	require.NoError(t, tr.Handle(t.Context(), trkEvent(t, "a", "working", 1, 300)))
	require.NoError(t, tr.Handle(t.Context(), trkEvent(t, "b", "working", 1, 5000)))
	require.Equal(t, "a", trkKept(tr))
}

func TestTrackerReturnsToItsLimitsAfterWaitedResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := NewTracker(WithTrackerLimits(0, 1000))
		for i := range 20 {
			go func() { _, _ = tr.Wait(t.Context(), strconv.Itoa(i), nil) }()
		}
		synctest.Wait()
		for i := range 20 {
			require.NoError(t, tr.Handle(t.Context(), trkEvent(t, strconv.Itoa(i), StatusCompleted, 1, 3000)))
		}
		synctest.Wait() // every Wait has returned
		require.LessOrEqual(t, tr.bytes, int64(1000))
	})
}
