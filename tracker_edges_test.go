package helios

import (
	"slices"
	"strings"
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

// What comes after the result is news to a later Wait only if its number is smaller; nothing else of it is kept.
func TestTrackerWhatComesAfterTheResult(t *testing.T) {
	t.Parallel()
	for script, want := range map[string][]string{
		"F2 1":      {"1"},
		"F2 2":      nil,
		"F2 3":      nil,
		"F2 u1":     nil,
		"F0 1":      nil,
		"F0 u1":     nil,
		"u1 F2 u2":  {"u1"},
		"1 F3 3 2":  {"1", "2"},
		"2 F2 2 u1": {"2"},
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			tr := NewTracker()
			size := map[string]int64{} // of what is to be kept
			for token := range strings.FieldsSeq(script) {
				e := trkToken(t, "r", token)
				require.NoError(t, tr.Handle(t.Context(), e))
				if e.Final() || slices.Contains(want, token) {
					size[token] = eventSize(e)
				}
			}
			var kept int64
			for _, n := range size {
				kept += n
			}
			assert.Equal(t, kept, tr.bytes, "bytes kept")
			var got []string
			_, err := tr.Wait(t.Context(), "r", func(e *Event) { got = append(got, trkName(e)) })
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}
