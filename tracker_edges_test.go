package helios

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A final event of exactly all the room there is pushes out its run's updates; one byte more does not, and loses nothing.
func TestTrackerAResultOfAllTheRoomThereIs(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		size    int
		updates int
		err     error
	}{
		"as large as the limit": {1000, 0, nil},
		"one byte larger":       {1001, 1, ErrTrackerFull},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := NewTracker(WithTrackerLimits(0, 1000))
			require.NoError(t, tr.Handle(t.Context(), trkEvent(t, "r", "working", 1, 700-eventOverhead)))
			require.ErrorIs(t, tr.Handle(t.Context(), trkEvent(t, "r", StatusCompleted, 2, tc.size-eventOverhead)), tc.err)
			trkCheck(t, tr)
			seen := 0
			e, err := tr.Wait(trkCancelled(), "r", func(*Event) { seen++ })
			assert.Equal(t, tc.err == nil, err == nil && e.Final(), "%v", err)
			assert.Equal(t, tc.updates, seen)
		})
	}
}
