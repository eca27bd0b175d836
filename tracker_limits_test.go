package helios

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A new run "x" comes to a full tracker, with a final event or a Wait. The
// letters are those of fillTracker.
func TestTrackerLimits_MakeRoom(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		runs string
		kept string // empty if there is no room
	}{
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
		const size = 1000
		maxRuns, maxBytes := len(tc.runs), int64(size*len(tc.runs))
		handle := func(ctx context.Context, tracker *Tracker) error {
			return tracker.Handle(ctx, trackerEvent(t, "x", StatusCompleted, 1, size-eventOverhead))
		}
		wait := func(ctx context.Context, tracker *Tracker) error {
			select {
			case result := <-startWait(ctx, tracker, "x", nil):
				return result.err
			default:
				return nil // it waits
			}
		}

		for _, way := range []struct {
			name   string
			option TrackerOption
			arrive func(context.Context, *Tracker) error
		}{
			{"Handle at the limit of runs", WithTrackerLimits(maxRuns, 0), handle},
			{"Handle at the limit of bytes", WithTrackerLimits(0, maxBytes), handle},
			{"Wait at the limit of runs", WithTrackerLimits(maxRuns, 0), wait},
		} {
			t.Run(tc.runs+" "+way.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					tracker := NewTracker(way.option)
					fillTracker(t, tracker, tc.runs, size)
					want := strings.Fields(tc.kept)
					if tc.kept == "" {
						want = keptRuns(tracker)
					}

					err := way.arrive(t.Context(), tracker)

					checkTracker(t, tracker)
					assert.ElementsMatch(t, want, keptRuns(tracker))
					if tc.kept == "" {
						require.ErrorIs(t, err, ErrTrackerFull)
					} else {
						require.NoError(t, err)
					}
					for i, letter := range tc.runs {
						if letter == 'f' {
							_, err := tracker.Wait(canceledContext(), fmt.Sprintf("f%d", i), nil)
							require.NoError(t, err, "a final event that nobody has taken is there")
						}
					}
				})
			})
		}
	}
}

// A tracker that is full of what may not be dropped refuses an event as fast as
// an empty one takes it. A scan of all runs for each event would be 40 billion
// steps, more than go test has time for.
func TestTrackerLimits_FullTrackerLooksAtNoRunInVain(t *testing.T) {
	t.Parallel()
	const runs, events = 100_000, 200_000
	tracker := NewTracker(WithTrackerLimits(runs, 0))
	for i := range runs {
		require.NoError(t, tracker.Handle(t.Context(), &Event{RunID: strconv.Itoa(i), Status: StatusCompleted}))
	}

	one := &Event{RunID: "one more", Status: StatusCompleted}
	for range events {
		if err := tracker.Handle(t.Context(), one); !errors.Is(err, ErrTrackerFull) {
			require.ErrorIs(t, err, ErrTrackerFull)
		}
	}
}

// The same for a run with very many updates without a number. To compare each
// with all before it would take minutes.
func TestTrackerLimits_ManyUpdatesWithoutNumber(t *testing.T) {
	t.Parallel()
	const updates = 100_000
	tracker := NewTracker(WithTrackerLimits(0, 1<<30))
	for i := range 2 * updates {
		body := fmt.Appendf(nil, `{"runId":"r","status":"working","n":%d}`, i%updates)
		require.NoError(t, tracker.Handle(t.Context(), &Event{RunID: "r", Status: "working", Raw: body}))
	}
	assert.Len(t, tracker.runs["r"].unnumbered, updates)
}

func TestTrackerLimits_FullUntilAFinalEventIsTaken(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]TrackerOption{
		"runs":  WithTrackerLimits(2, 0),
		"bytes": WithTrackerLimits(0, 2000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracker := NewTracker(nil, option)
			fillTracker(t, tracker, "ff", 1000)
			x := trackerEvent(t, "x", StatusCompleted, 1, 1000-eventOverhead)
			duplicate := trackerEvent(t, "f0", StatusCompleted, 1, 1000-eventOverhead)

			for range 2 {
				require.ErrorIs(t, tracker.Handle(t.Context(), x), ErrTrackerFull)
			}
			require.NoError(t, tracker.Handle(t.Context(), duplicate), "a duplicate needs no room")

			_, err := tracker.Wait(t.Context(), "f1", nil)
			require.NoError(t, err)
			require.NoError(t, tracker.Handle(t.Context(), x))
			assert.ElementsMatch(t, []string{"f0", "x"}, keptRuns(tracker))
			checkTracker(t, tracker)
		})
	}
}

func TestTrackerLimits_UpdateWithoutRoomIsDropped(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		option TrackerOption
		update string // the run it is of
	}{
		"bytes, of a run that is waited for": {WithTrackerLimits(0, 2000), "w1"},
		"bytes, of a new run":                {WithTrackerLimits(0, 2000), "new"},
		"runs, of a new run":                 {WithTrackerLimits(2, 0), "new"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tracker := NewTracker(tc.option)
				fillTracker(t, tracker, "fw", 900)

				require.NoError(t, tracker.Handle(t.Context(), trackerEvent(t, tc.update, "working", 2, 900)))

				assert.ElementsMatch(t, []string{"f0", "w1"}, keptRuns(tracker))
				assert.EqualValues(t, 1800, tracker.bytes)
				checkTracker(t, tracker)
			})
		})
	}
}

func TestTrackerLimits_FinalEventThatIsWaitedForExceedsThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tracker := NewTracker(WithTrackerLimits(0, 2000))
		fillTracker(t, tracker, "fw", 900)
		var got recorder
		done := startWait(t.Context(), tracker, "w1", got.progress)

		require.NoError(t, tracker.Handle(t.Context(), trackerEvent(t, "w1", StatusCompleted, 3, 900)))
		assert.Equal(t, "F3", tokenOf((<-done).event))
		assert.Equal(t, recorder{"1"}, got)
		synctest.Wait()
		checkTracker(t, tracker)

		require.NoError(t, tracker.Handle(t.Context(), trackerEvent(t, "y", StatusCompleted, 1, 100)))
		assert.LessOrEqual(t, tracker.bytes, int64(2000), "what went beyond the limit is the first to go")
		assert.ElementsMatch(t, []string{"f0", "y"}, keptRuns(tracker))
	})
}

func TestTrackerLimits_HoldAgainAfterWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tracker := NewTracker(WithTrackerLimits(0, 1000))
		for i := range 20 {
			startWait(t.Context(), tracker, strconv.Itoa(i), nil)
		}
		for i := range 20 {
			require.NoError(t, tracker.Handle(t.Context(), trackerEvent(t, strconv.Itoa(i), StatusCompleted, 1, 3000)))
		}

		synctest.Wait() // every Wait has returned
		require.LessOrEqual(t, tracker.bytes, int64(1000))
	})
}

// A final event pushes out the updates of its own run, if there is room for it
// then. Otherwise nothing is lost.
func TestTrackerLimits_FinalEventAndItsOwnUpdates(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		others  string // runs of 3,000 bytes, as of fillTracker
		update  int
		final   int
		updates int // that are left
		err     error
	}{
		"beside them":                              {"", 7000, 3000, 1, nil},
		"instead of them":                          {"", 7000, 3001, 0, nil},
		"of all the room there is":                 {"", 7000, 10_000, 0, nil},
		"one byte more":                            {"", 7000, 10_001, 1, ErrTrackerFull},
		"of all the room that is left":             {"f", 5000, 7000, 0, nil},
		"one byte more than the room that is left": {"f", 5000, 7001, 1, ErrTrackerFull},
		"the run that may be dropped goes first":   {"u", 5000, 5000, 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracker := NewTracker(WithTrackerLimits(0, 10_000))
			fillTracker(t, tracker, tc.others, 3000)
			update := trackerEvent(t, "r", "working", 1, tc.update-eventOverhead)
			require.NoError(t, tracker.Handle(t.Context(), update))

			final := trackerEvent(t, "r", StatusCompleted, 2, tc.final-eventOverhead)
			require.ErrorIs(t, tracker.Handle(t.Context(), final), tc.err)
			checkTracker(t, tracker)

			updates := 0
			_, err := tracker.Wait(canceledContext(), "r", func(*Event) { updates++ })
			assert.Equal(t, tc.err == nil, err == nil, "%v", err)
			assert.Equal(t, tc.updates, updates)
		})
	}
}

func TestTrackerLimits_EventLargerThanAllRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tracker := NewTracker(WithTrackerLimits(1, 1000))
		require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "a", "1")))
		large := trackerEvent(t, "r", StatusCompleted, 1, 5000)

		require.NoError(t, tracker.Handle(t.Context(), trackerEvent(t, "r", "working", 1, 5000)))
		require.ErrorIs(t, tracker.Handle(t.Context(), large), ErrTrackerFull)
		require.Equal(t, []string{"a"}, keptRuns(tracker), "nothing is dropped for it")

		done := startWait(t.Context(), tracker, "r", nil)
		require.NoError(t, tracker.Handle(t.Context(), large), "delivered again, and now somebody waits")
		assert.Same(t, large, (<-done).event)
	})
}

func TestTrackerLimits_WaitForAKnownRunWhenFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tracker := NewTracker(WithTrackerLimits(1, 0))
		fillTracker(t, tracker, "w", 1000)
		_, err := tracker.Wait(t.Context(), "x", nil)
		require.ErrorIs(t, err, ErrTrackerFull)

		done := startWait(t.Context(), tracker, "w0", nil)
		require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "w0", "F2")))
		require.NoError(t, (<-done).err)
	})
}

func TestTrackerLimits_WaitForNothingTakesNoRoom(t *testing.T) {
	t.Parallel()
	tracker := NewTracker(WithTrackerLimits(1, 0))
	for i := range 100 {
		_, err := tracker.Wait(canceledContext(), strconv.Itoa(i), nil)
		require.ErrorIs(t, err, context.Canceled)
	}
	assert.Empty(t, keptRuns(tracker))
}

// A Wait whose progress panics has not returned the final event.
func TestTrackerLimits_FinalEventIsTakenOnlyWhenWaitReturnsIt(t *testing.T) {
	t.Parallel()
	tracker := NewTracker(WithTrackerLimits(1, 0))
	require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", "1")))
	assert.Panics(t, func() {
		_, _ = tracker.Wait(t.Context(), "r", func(*Event) {
			assert.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", "F2")))
			panic("boom")
		})
	})

	require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "other", "1")))
	_, err := tracker.Wait(canceledContext(), "r", nil)
	require.NoError(t, err)
}

func TestTrackerLimits_Defaults(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]TrackerOption{
		"no option": nil,
		"nil":       {nil},
		"zero":      {WithTrackerLimits(0, 0), WithTrackerTTL(0)},
		"negative":  {WithTrackerLimits(-1, -1), WithTrackerTTL(-time.Second)},
		"the last one wins": {
			WithTrackerLimits(5, 5), WithTrackerTTL(1),
			WithTrackerLimits(10_000, 256<<20), WithTrackerTTL(time.Hour),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracker := NewTracker(opts...)
			assert.Equal(t, 10_000, tracker.maxRuns)
			assert.EqualValues(t, 256<<20, tracker.maxBytes)
			assert.Equal(t, time.Hour, tracker.ttl)
		})
	}
}

func TestTrackerLimits_Expiry(t *testing.T) {
	t.Parallel()
	const ttl, ms = time.Minute, time.Millisecond
	for _, tc := range []struct {
		name string
		do   func(t *testing.T, tracker *Tracker)
		kept bool
	}{
		{"just before", func(*testing.T, *Tracker) { time.Sleep(ttl - ms) }, true},
		{"at the end", func(*testing.T, *Tracker) { time.Sleep(ttl) }, false},
		{"a duplicate is an event", func(t *testing.T, tracker *Tracker) {
			time.Sleep(ttl - ms)
			require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", "F3")))
			time.Sleep(ttl - ms)
		}, true},
		{"a Wait starts it anew", func(t *testing.T, tracker *Tracker) {
			time.Sleep(ttl - ms)
			_, err := tracker.Wait(t.Context(), "r", nil)
			require.NoError(t, err)
			time.Sleep(ttl - ms)
		}, true},
		{"another run's event does not", func(t *testing.T, tracker *Tracker) {
			time.Sleep(ttl - ms)
			require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "other", "F3")))
			time.Sleep(ms)
		}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tracker := NewTracker(WithTrackerTTL(ttl))
				require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", "1")))
				require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", "F3")))
				tc.do(t, tracker)

				var got recorder
				e, err := tracker.Wait(canceledContext(), "r", got.progress)
				if tc.kept {
					require.NoError(t, err)
					assert.Equal(t, "F3", tokenOf(e))
					assert.Equal(t, recorder{"1"}, got)
				} else {
					require.ErrorIs(t, err, context.Canceled)
					assert.Empty(t, got)
				}

				checkEmptyAfter(t, tracker, ttl)
			})
		})
	}
}

// checkEmptyAfter checks that the tracker holds nothing once ttl has passed.
func checkEmptyAfter(t *testing.T, tracker *Tracker, ttl time.Duration) {
	t.Helper()
	time.Sleep(ttl)
	_, err := tracker.Wait(canceledContext(), "none", nil)
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, keptRuns(tracker))
	assert.Zero(t, tracker.bytes)
	checkTracker(t, tracker)
}

func TestTrackerLimits_WhatIsWaitedForDoesNotExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tracker := NewTracker()
		require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", "1")))
		done := startWait(t.Context(), tracker, "r", nil)
		for range 5 { // other runs come and go
			time.Sleep(50 * time.Minute)
			require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "other", "1")))
		}
		require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", "F2")))
		require.NoError(t, (<-done).err)
		synctest.Wait()

		time.Sleep(59 * time.Minute) // the hour begins when Wait ends
		var got recorder
		_, err := tracker.Wait(canceledContext(), "r", got.progress)
		require.NoError(t, err)
		assert.Equal(t, recorder{"1"}, got)
	})
}

func TestTrackerLimits_TheTimeRunsFromTheEndOfAWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tracker := NewTracker()
		require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", "1")))
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Minute)
		defer cancel()
		_, err := tracker.Wait(ctx, "r", nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)

		time.Sleep(59 * time.Minute)
		var got recorder
		_, err = tracker.Wait(canceledContext(), "r", got.progress)
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, recorder{"1"}, got)
	})
}
