package helios

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// trkSetup brings runs named by their place into a state, oldest first: u has an update, f a final that nobody took, t one that was taken,
// w an update and a Wait that lasts until the test ends. Each event takes size bytes.
func trkSetup(t *testing.T, tr *Tracker, states string, size int) {
	for i, state := range strings.Split(states, "") {
		id := state + strconv.Itoa(i)
		status := map[string]string{"u": "working", "w": "working", "f": StatusCompleted, "t": StatusCompleted}[state]
		require.NoError(t, tr.Handle(t.Context(), trkEvent(t, id, status, 1, size-eventOverhead)))
		switch state {
		case "t":
			_, err := tr.Wait(t.Context(), id, nil)
			require.NoError(t, err)
		case "w":
			go func() { _, _ = tr.Wait(t.Context(), id, nil) }()
			synctest.Wait()
		}
	}
}

func trkKept(tr *Tracker) string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	var ids []string
	for place := tr.order.Front(); place != nil; place = place.Next() {
		ids = append(ids, place.Value.(*trackedRun).id)
	}
	return strings.Join(ids, " ")
}

// A new run "x" comes to a full tracker, as a final event or as a Wait. It takes the place of a run whose final event was handed out,
// the oldest first; else of the oldest that has not ended; never of one with an unread final or a waiter.
func TestTrackerMakesRoom(t *testing.T) {
	const size = 1000
	for _, tc := range []struct{ states, kept string }{ // kept: "" if it is full
		{"t", "x"},
		{"u", "x"},
		{"f", ""},
		{"w", ""},
		{"fwfw", ""},
		{"tt", "t1 x"},
		{"uu", "u1 x"},
		{"ut", "u0 x"},
		{"utut", "u0 u2 t3 x"},
		{"fu", "f0 x"},
		{"wfut", "w0 f1 u2 x"},
		{"wfu", "w0 f1 x"},
		{"fwut", "f0 w1 u2 x"},
	} {
		limits := map[string]TrackerOption{
			"runs":  WithTrackerLimits(len(tc.states), 0),
			"bytes": WithTrackerLimits(0, int64(size*len(tc.states))),
		}
		for limit, option := range limits {
			for _, by := range []string{"Handle", "Wait"} {
				if limit == "bytes" && by == "Wait" {
					continue // a Wait takes no bytes
				}
				t.Run(tc.states+" limit "+limit+" by "+by, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						tr := NewTracker(option)
						trkSetup(t, tr, tc.states, size)
						before, err := trkKept(tr), error(nil)
						if by == "Handle" {
							err = tr.Handle(t.Context(), trkEvent(t, "x", StatusCompleted, 1, size-eventOverhead))
						} else {
							done := make(chan error, 1)
							go func() {
								_, err := tr.Wait(t.Context(), "x", nil)
								done <- err
							}()
							synctest.Wait()
							select {
							case err = <-done:
							default: // it waits
							}
						}
						trkCheck(t, tr)
						if tc.kept == "" {
							require.ErrorIs(t, err, ErrTrackerFull)
							assert.Equal(t, before, trkKept(tr), "nothing is lost")
						} else {
							require.NoError(t, err)
							assert.Equal(t, tc.kept, trkKept(tr))
						}
						for i, state := range strings.Split(tc.states, "") {
							if state == "f" {
								e, err := tr.Wait(trkCancelled(), "f"+strconv.Itoa(i), nil)
								require.NoError(t, err)
								assert.Equal(t, "F1", trkName(e))
							}
						}
					})
				})
			}
		}
	}
}

func TestTrackerFullUntilAFinalIsTaken(t *testing.T) {
	for name, option := range map[string]TrackerOption{"runs": WithTrackerLimits(2, 0), "bytes": WithTrackerLimits(0, 2000)} {
		t.Run(name, func(t *testing.T) {
			tr := NewTracker(nil, option)
			trkSetup(t, tr, "ff", 1000)
			x := trkEvent(t, "x", StatusCompleted, 1, 1000-eventOverhead)
			for range 2 {
				require.ErrorIs(t, tr.Handle(t.Context(), x), ErrTrackerFull)
			}
			require.NoError(t, tr.Handle(t.Context(), trkEvent(t, "f0", StatusCompleted, 1, 1000-eventOverhead)), "one that it has needs no room")
			_, err := tr.Wait(t.Context(), "f1", nil)
			require.NoError(t, err)
			require.NoError(t, tr.Handle(t.Context(), x))
			assert.Equal(t, "f0 x", trkKept(tr))
			trkCheck(t, tr)
		})
	}
}

func TestTrackerUpdateWithoutRoomIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := NewTracker(WithTrackerLimits(0, 2000))
		trkSetup(t, tr, "fw", 900)
		require.NoError(t, tr.Handle(t.Context(), trkEvent(t, "w1", "working", 2, 900)), "no room for a waited run's")
		require.NoError(t, tr.Handle(t.Context(), trkEvent(t, "new", "working", 1, 900)), "nor for another's")
		assert.Equal(t, "f0 w1", trkKept(tr))
		assert.EqualValues(t, 1800, tr.bytes)

		var got []string
		done := make(chan *Event, 1)
		go func() {
			e, _ := tr.Wait(t.Context(), "w1", func(e *Event) { got = append(got, trkName(e)) })
			done <- e
		}()
		synctest.Wait()
		require.NoError(t, tr.Handle(t.Context(), trkEvent(t, "w1", StatusCompleted, 3, 900)), "somebody waits for this final, so it goes straight to them")
		assert.Equal(t, "F3", trkName(<-done))
		assert.Equal(t, []string{"1"}, got)
		synctest.Wait()
		trkCheck(t, tr)

		require.NoError(t, tr.Handle(t.Context(), trkEvent(t, "y", StatusCompleted, 1, 100)))
		assert.LessOrEqual(t, tr.bytes, int64(2000), "what went beyond the limit is the first to go")
		assert.Equal(t, "f0 y", trkKept(tr))
	})
}

func TestTrackerFinalThatIsLargerThanAllRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := NewTracker(WithTrackerLimits(0, 1000))
		large := trkEvent(t, "r", StatusCompleted, 1, 5000)
		require.ErrorIs(t, tr.Handle(t.Context(), large), ErrTrackerFull)
		assert.Empty(t, tr.runs)
		assert.Zero(t, tr.bytes)
		done := make(chan *Event, 1)
		go func() {
			e, _ := tr.Wait(t.Context(), "r", nil)
			done <- e
		}()
		synctest.Wait()
		require.NoError(t, tr.Handle(t.Context(), large), "delivered again, and now somebody waits")
		assert.Same(t, large, <-done)
	})
}

func TestTrackerWaitsForAKnownRunWhenFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := NewTracker(WithTrackerLimits(1, 0))
		trkSetup(t, tr, "w", 1000)
		_, err := tr.Wait(t.Context(), "x", nil)
		require.ErrorIs(t, err, ErrTrackerFull)
		done := make(chan error, 1)
		go func() { _, err := tr.Wait(t.Context(), "w0", nil); done <- err }()
		synctest.Wait()
		require.NoError(t, tr.Handle(t.Context(), trkToken(t, "w0", "F2")))
		require.NoError(t, <-done)
	})
}

// A Wait that ended without an event leaves nothing behind.
func TestTrackerWaitForNothingTakesNoRoom(t *testing.T) {
	tr := NewTracker(WithTrackerLimits(1, 0))
	for i := range 100 {
		_, err := tr.Wait(trkCancelled(), strconv.Itoa(i), nil)
		require.ErrorIs(t, err, context.Canceled)
	}
	assert.Empty(t, tr.runs)
}

func TestTrackerDefaults(t *testing.T) {
	for name, tr := range map[string]*Tracker{
		"none":     NewTracker(),
		"nil":      NewTracker(nil),
		"zero":     NewTracker(WithTrackerLimits(0, 0), WithTrackerTTL(0)),
		"negative": NewTracker(WithTrackerLimits(-1, -1), WithTrackerTTL(-time.Second)),
		"last":     NewTracker(WithTrackerLimits(5, 5), WithTrackerLimits(10_000, 256<<20), WithTrackerTTL(1), WithTrackerTTL(time.Hour)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for i := range 10_000 {
					require.NoError(t, tr.Handle(t.Context(), &Event{RunID: strconv.Itoa(i), Status: StatusCompleted}))
				}
				require.ErrorIs(t, tr.Handle(t.Context(), &Event{RunID: "x", Status: StatusCompleted}), ErrTrackerFull)
				time.Sleep(time.Hour)
				body := make([]byte, 16<<20-eventOverhead) // one body for all: the count is what matters
				for i := range 16 {
					require.NoError(t, tr.Handle(t.Context(), &Event{RunID: strconv.Itoa(i), Status: StatusCompleted, Raw: body}))
				}
				require.ErrorIs(t, tr.Handle(t.Context(), &Event{RunID: "x", Status: StatusCompleted}), ErrTrackerFull)
				time.Sleep(time.Hour)
				require.NoError(t, tr.Handle(t.Context(), &Event{RunID: "x", Status: StatusCompleted}))
				assert.Equal(t, "x", trkKept(tr))
			})
		})
	}
}

func TestTrackerTimeToLive(t *testing.T) {
	const ttl, ms = time.Minute, time.Millisecond
	for _, tc := range []struct {
		name string
		do   func(t *testing.T, tr *Tracker)
		kept bool
	}{
		{"just before", func(*testing.T, *Tracker) { time.Sleep(ttl - ms) }, true},
		{"at the end", func(*testing.T, *Tracker) { time.Sleep(ttl) }, false},
		{"a duplicate is an event", func(t *testing.T, tr *Tracker) {
			time.Sleep(ttl - ms)
			require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", "F3")))
			time.Sleep(ttl - ms)
		}, true},
		{"a Wait starts it anew", func(t *testing.T, tr *Tracker) {
			time.Sleep(ttl - ms)
			_, err := tr.Wait(t.Context(), "r", nil)
			require.NoError(t, err)
			time.Sleep(ttl - ms)
		}, true},
		{"another run's event does not", func(t *testing.T, tr *Tracker) {
			time.Sleep(ttl - ms)
			require.NoError(t, tr.Handle(t.Context(), trkToken(t, "other", "F3")))
			time.Sleep(ms)
		}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := NewTracker(WithTrackerTTL(ttl))
				require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", "1")))
				require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", "F3")))
				tc.do(t, tr)
				seen := 0
				e, err := tr.Wait(trkCancelled(), "r", func(*Event) { seen++ })
				if tc.kept {
					require.NoError(t, err)
					assert.Equal(t, "F3", trkName(e))
					assert.Equal(t, 1, seen)
				} else {
					require.ErrorIs(t, err, context.Canceled)
					assert.Zero(t, seen)
				}
				time.Sleep(ttl)
				_, err = tr.Wait(trkCancelled(), "x", nil)
				require.ErrorIs(t, err, context.Canceled)
				assert.Empty(t, tr.runs)
				assert.Zero(t, tr.order.Len())
				assert.Zero(t, tr.bytes)
			})
		})
	}
}

func TestTrackerKeepsWhatIsWaitedForBeyondItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := NewTracker()
		require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", "1")))
		done := make(chan error, 1)
		go func() { _, err := tr.Wait(t.Context(), "r", nil); done <- err }()
		for range 5 { // other runs come and go
			time.Sleep(50 * time.Minute)
			require.NoError(t, tr.Handle(t.Context(), trkToken(t, "other", "1")))
		}
		require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", "F2")))
		require.NoError(t, <-done)
		synctest.Wait()
		time.Sleep(59 * time.Minute) // an hour from the end of the Wait
		var got []string
		_, err := tr.Wait(trkCancelled(), "r", func(e *Event) { got = append(got, trkName(e)) })
		require.NoError(t, err)
		assert.Equal(t, []string{"1"}, got)
	})
}

func TestTrackerTimeRunsFromTheEndOfAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := NewTracker()
		require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", "1")))
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Minute)
		defer cancel()
		_, err := tr.Wait(ctx, "r", nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(59 * time.Minute)
		seen := 0
		_, err = tr.Wait(trkCancelled(), "r", func(*Event) { seen++ })
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 1, seen)
	})
}

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
