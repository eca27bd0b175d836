package helios

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

func TestTrackerWait_Timelines(t *testing.T) {
	t.Parallel()

	maxInt := strconv.FormatInt(math.MaxInt32, 10)
	for _, tc := range []struct {
		name   string
		script string   // "ms:token"; W begins a Wait
		want   []string // what each Wait hands out and returns, and when
	}{
		{"in order, at once", "0:W 10:1 20:2 30:F3", []string{"10:1 20:2 30:F3"}},
		{"all before Wait", "0:1 10:2 20:F3 30:W", []string{"30:1 30:2 30:F3"}},
		{"some before Wait, some after", "0:1 10:W 20:2 30:F3", []string{"10:1 20:2 30:F3"}},
		{"before Wait and out of order", "0:3 1:1 2:2 3:F4 900:W", []string{"900:1 900:2 900:3 900:F4"}},
		{"before Wait, out of order, no final yet", "0:3 1:1 2:2 3:W 4:F4", []string{"3:1 3:2 3:3 4:F4"}},

		{"reordered within the window", "0:W 10:2 100:3 300:1 900:F4", []string{"300:1 300:2 300:3 900:F4"}},
		{"one ms within the window", "0:W 10:2 509:1 900:F3", []string{"509:1 509:2 900:F3"}},
		{"reordered beyond the window", "0:W 10:2 511:1 900:F3", []string{"510:2 900:F3"}},
		{"each gap has its own window", "0:W 0:2 300:4 900:6 2000:F7", []string{"500:2 800:4 1400:6 2000:F7"}},
		{"a gap that is filled opens the rest", "0:W 0:1 10:3 20:5 100:2 200:4 300:F6",
			[]string{"0:1 100:2 100:3 200:4 200:5 300:F6"}},
		{"updates behind a gap that has been waited for", "0:W 0:3 100:4 200:5 900:F6",
			[]string{"500:3 500:4 500:5 900:F6"}},
		{"the window runs while nobody waits", "0:2 400:W 900:F3", []string{"500:2 900:F3"}},
		{"the window ended before Wait", "0:2 600:W 900:F3", []string{"600:2 900:F3"}},
		{"too late for one Wait, in time for the next", "0:W 0:2 600:1 700:W 900:F3",
			[]string{"500:2 900:F3", "700:1 700:2 900:F3"}},

		{"final ends it at once, one missing", "0:W 10:1 20:3 30:F4", []string{"10:1 30:3 30:F4"}},
		{"final ends it at once, all missing", "0:W 10:F8", []string{"10:F8"}},
		{"final alone, before Wait", "0:F8 5:W", []string{"5:F8"}},
		{"final of the same number as an update", "0:W 10:1 20:F1", []string{"10:1 20:F1"}},
		{"an update of the final's number, before Wait", "0:1 0:2 1:F2 2:W", []string{"2:1 2:2 2:F2"}},
		{"final of a lower number ends it, handed out or not", "0:W 10:1 20:9 30:F2", []string{"10:1 30:F2"}},
		{"the first final counts", "0:F2 1:E3 2:W 3:F4 4:W", []string{"2:F2", "4:F2"}},
		{"a failed run", "0:W 10:1 20:E2", []string{"10:1 20:E2"}},

		{"duplicates of an update", "0:1 1:1 2:W 3:1 4:2 5:2 6:1 7:F3 8:2 9:W",
			[]string{"2:1 4:2 7:F3", "9:1 9:2 9:F3"}},
		{"duplicates while one is waited for", "0:W 0:2 100:2 400:2 900:F3", []string{"500:2 900:F3"}},
		{"duplicates of the final", "0:1 1:F2 2:F2 3:W 4:F2 5:W 6:F2", []string{"3:1 3:F2", "5:1 5:F2"}},

		{"without numbers, as they come", "0:u2 10:W 20:u1 30:u3 40:F0", []string{"10:u2 20:u1 30:u3 40:F0"}},
		{"without numbers, once", "0:u1 1:u1 2:W 3:u1 4:u2 5:u1 6:F0", []string{"2:u1 4:u2 6:F0"}},
		{"some with numbers, some without", "0:W 0:u1 10:2 20:u2 30:1 40:F3",
			[]string{"0:u1 20:u2 30:1 30:2 40:F3"}},
		{"a negative number is none", "0:W 10:-5 20:-7 30:-5 40:F1", []string{"10:-5 20:-7 40:F1"}},
		{"an update does not wait for one without a number", "0:W 0:1 5:u1 10:2 20:F3",
			[]string{"0:1 5:u1 10:2 20:F3"}},
		{"final without a number ends after all updates", "0:1 1:5 2:W 3:F0", []string{"2:1 3:5 3:F0"}},

		{"numbers far apart", "0:W 0:1 10:" + maxInt + " 600:F0", []string{"0:1 510:" + maxInt + " 600:F0"}},
		{"the greatest number, then a final", "0:" + maxInt + " 0:1 600:W 700:F" + maxInt,
			[]string{"600:1 600:" + maxInt + " 700:F" + maxInt}},
		{"many wait, and each gets all", "0:W 0:1 5:W 10:2 15:W 20:F3 25:W",
			[]string{"0:1 10:2 20:F3", "5:1 10:2 20:F3", "15:1 15:2 20:F3", "25:1 25:2 25:F3"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				assert.Equal(t, tc.want, playTimeline(t, tc.script))
			})
		})
	}
}

// playTimeline plays a script, and returns what each of its Waits handed out
// and returned.
func playTimeline(t *testing.T, script string) []string {
	tracker, start := NewTracker(), time.Now()
	var waits []*[]string

	for step := range strings.FieldsSeq(script) {
		at, token, _ := strings.Cut(step, ":")
		ms, err := strconv.Atoi(at)
		require.NoError(t, err)
		time.Sleep(time.Until(start.Add(time.Duration(ms) * time.Millisecond)))
		synctest.Wait()

		if token != "W" {
			require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", token)))
			synctest.Wait()
			continue
		}

		got := new([]string)
		waits = append(waits, got)
		note := func(e *Event) {
			*got = append(*got, fmt.Sprintf("%d:%s", time.Since(start).Milliseconds(), tokenOf(e)))
		}
		go func() {
			e, err := tracker.Wait(context.Background(), "r", note)
			if assert.NotNil(t, e) {
				note(e)
				assert.Equal(t, e.Status == StatusError, err != nil, "error: %v", err)
			}
		}()
		synctest.Wait()
	}

	checkTracker(t, tracker)
	var all []string
	for _, got := range waits {
		all = append(all, strings.Join(*got, " "))
	}
	return all
}

func TestTrackerWait_FailedRun(t *testing.T) {
	t.Parallel()
	tracker := NewTracker()
	failed := tokenEvent(t, "r", "E2")
	require.NoError(t, tracker.Handle(t.Context(), failed))

	for range 2 { // as often as it is asked
		e, err := tracker.Wait(t.Context(), "r", nil)
		assert.Same(t, failed, e)
		var failure *RunError
		require.ErrorAs(t, err, &failure)
		assert.Equal(t, "r", failure.RunID)
		assert.Equal(t, "too little data", failure.Message)
		assert.NotContains(t, err.Error(), "too little data")
		assert.NotErrorIs(t, err, ErrTrackerFull)
	}
}

func TestTrackerWait_CompletedRunHasNoError(t *testing.T) {
	t.Parallel()
	tracker := NewTracker()
	require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", "F1")))

	e, err := tracker.Wait(t.Context(), "r", nil)
	require.True(t, err == nil, "a typed nil is an error to its caller: %#v", err)
	result, err := e.Result()
	require.NoError(t, err)
	assert.Equal(t, "P", result.PatientResponse)
}

func TestTrackerWait_ContextEnded(t *testing.T) {
	t.Parallel()
	canceled := canceledContext()
	expired, cancel := context.WithTimeout(context.Background(), 0)
	t.Cleanup(cancel)

	for _, tc := range []struct {
		name   string
		ctx    context.Context
		events string
		want   recorder
		err    error
	}{
		{"nothing there", canceled, "", nil, context.Canceled},
		{"updates there", canceled, "1 2", recorder{"1", "2"}, context.Canceled},
		{"updates and one out of order", canceled, "1 3", recorder{"1"}, context.Canceled},
		{"final there", canceled, "1 2 F3", recorder{"1", "2", "F3"}, nil},
		{"final alone", canceled, "F3", recorder{"F3"}, nil},
		{"deadline, nothing there", expired, "", nil, context.DeadlineExceeded},
		{"deadline, final there", expired, "1 F2", recorder{"1", "F2"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tracker := NewTracker()
			for token := range strings.FieldsSeq(tc.events) {
				require.NoError(t, tracker.Handle(tc.ctx, tokenEvent(t, "r", token)), "Handle needs no context")
			}

			var got recorder
			e, err := tracker.Wait(tc.ctx, "r", got.progress)
			if tc.err != nil {
				assert.Nil(t, e)
				require.ErrorIs(t, err, tc.err)
			} else if assert.NoError(t, err) {
				got.progress(e)
			}
			assert.Equal(t, tc.want, got)
			checkTracker(t, tracker)
		})
	}
}

func TestTrackerWait_AgainAfterItsContextEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tracker, start := NewTracker(), time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		for _, token := range []string{"1", "3", "u1"} { // the wait for 2 obeys ctx as well
			require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", token)))
		}

		var first recorder
		e, err := tracker.Wait(ctx, "r", first.progress)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Nil(t, e)
		assert.Equal(t, 300*time.Millisecond, time.Since(start))
		assert.Equal(t, recorder{"u1", "1"}, first)

		for _, token := range []string{"2", "F4"} { // nobody waits now
			require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", token)))
		}

		var second recorder
		e, err = tracker.Wait(t.Context(), "r", second.progress)
		require.NoError(t, err)
		assert.Equal(t, recorder{"u1", "1", "2", "3"}, second)
		assert.Equal(t, "F4", tokenOf(e))
		assert.Equal(t, 300*time.Millisecond, time.Since(start), "nothing to wait for")
		checkTracker(t, tracker)
	})
}

// A final event that has come is worth more than the end of the context. The
// test repeats because select picks at random.
func TestTrackerWait_FinalEventAndCancelAtOnce(t *testing.T) {
	t.Parallel()
	for range 100 {
		tracker := NewTracker()
		require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", "1")))
		ctx, cancel := context.WithCancel(t.Context())

		e, err := tracker.Wait(ctx, "r", func(*Event) {
			assert.NoError(t, tracker.Handle(ctx, tokenEvent(t, "r", "F2")))
			cancel()
		})
		require.NoError(t, err)
		require.Equal(t, "F2", tokenOf(e))
	}
}

func TestTrackerWait_CancelEndsOneWaiterOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tracker := NewTracker()
		ctx, cancel := context.WithCancel(t.Context())
		ended := startWait(ctx, tracker, "r", nil)
		stays := startWait(t.Context(), tracker, "r", nil)

		cancel()
		require.ErrorIs(t, (<-ended).err, context.Canceled)
		synctest.Wait()
		require.Empty(t, stays)

		require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", "F1")))
		require.NoError(t, (<-stays).err)
		synctest.Wait()
		checkTracker(t, tracker)
	})
}

func TestTrackerWait_ProgressMayUseTheTracker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // a deadlock fails the bubble
		tracker := NewTracker()
		require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", "1")))
		require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "other", "F1")))

		var got recorder
		e, err := tracker.Wait(t.Context(), "r", func(e *Event) {
			got.progress(e)
			if e.SequenceNumber == 1 {
				assert.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", "2")))
				assert.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", "1")))
				other, err := tracker.Wait(t.Context(), "other", nil)
				assert.NoError(t, err)
				assert.Equal(t, "other", other.RunID)
				return
			}
			assert.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", "F3")))
			again, err := tracker.Wait(t.Context(), "r", nil)
			assert.NoError(t, err)
			assert.Equal(t, "F3", tokenOf(again))
		})
		require.NoError(t, err)
		assert.Equal(t, recorder{"1", "2"}, got)
		assert.Equal(t, "F3", tokenOf(e))
		checkTracker(t, tracker)
	})
}

// A slow callback delays its own Wait, and neither Handle nor another waiter.
func TestTrackerWait_SlowProgressStallsNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tracker, start, release := NewTracker(), time.Now(), make(chan struct{})
		require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", "1")))
		slow := startWait(t.Context(), tracker, "r", func(*Event) { <-release })

		for i := range 100 {
			require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", strconv.Itoa(i+2))))
		}
		require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", "F200")))
		_, err := tracker.Wait(t.Context(), "r", nil)
		require.NoError(t, err)
		require.Empty(t, slow)
		assert.Zero(t, time.Since(start))

		close(release)
		require.NoError(t, (<-slow).err)
	})
}

func TestTracker_RefusesWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	tracker := NewTracker()
	check := func(err error) {
		require.ErrorContains(t, err, "helios: Tracker.")
		assert.NotErrorIs(t, err, ErrTrackerFull)
	}

	check(tracker.Handle(t.Context(), nil))
	check(tracker.Handle(t.Context(), &Event{}))
	check(tracker.Handle(t.Context(), &Event{Status: StatusCompleted, SequenceNumber: 1, Raw: []byte(`{}`)}))
	e, err := tracker.Wait(t.Context(), "", nil)
	check(err)
	assert.Nil(t, e)
	assert.Empty(t, keptRuns(tracker))
}

func TestTracker_TakesANilContextAndNoProgress(t *testing.T) {
	t.Parallel()
	tracker := NewTracker()
	require.NoError(t, tracker.Handle(nil, tokenEvent(t, "r", "1"))) //nolint:staticcheck // Handle uses no context
	require.NoError(t, tracker.Handle(t.Context(), tokenEvent(t, "r", "F2")))
	_, err := tracker.Wait(t.Context(), "r", nil)
	require.NoError(t, err)
}

// An event made by hand has no body. It is kept like any other, and two updates
// without number and body are one.
func TestTrackerHandle_EventWithoutBody(t *testing.T) {
	t.Parallel()
	tracker := NewTracker()
	for _, status := range []string{"a", "a", StatusCompleted} {
		require.NoError(t, tracker.Handle(t.Context(), &Event{RunID: "r", Status: status}))
	}

	updates := 0
	e, err := tracker.Wait(t.Context(), "r", func(*Event) { updates++ })
	require.NoError(t, err)
	assert.True(t, e.Final())
	assert.Equal(t, 1, updates)
	checkTracker(t, tracker)
}

// An update that comes after the final event is kept for a later Wait if its
// number is smaller, and only then.
func TestTrackerHandle_UpdateAfterTheFinalEvent(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]recorder{
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
			tracker := NewTracker()
			size := map[string]int64{} // of what is to be kept
			for token := range strings.FieldsSeq(script) {
				e := tokenEvent(t, "r", token)
				require.NoError(t, tracker.Handle(t.Context(), e))
				if e.Final() || slices.Contains(want, token) {
					size[token] = newTrackedEvent(e).size
				}
			}

			var kept int64
			for _, n := range size {
				kept += n
			}
			assert.Equal(t, kept, tracker.bytes, "bytes kept")

			var got recorder
			_, err := tracker.Wait(t.Context(), "r", got.progress)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestTrackerHandle_IsACallbackOfReceiverHandler(t *testing.T) {
	t.Parallel()
	receiver, err := NewReceiver(WithWebhookSecret("whsec-test"))
	require.NoError(t, err)
	tracker := NewTracker(WithTrackerLimits(1, 0))
	handler := receiver.Handler(tracker.Handle)
	deliver := func(e *Event) int {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, heliostest.NewWebhookRequest("/webhook/helios", "whsec-test", e.Raw, time.Now()))
		return answer.Code
	}

	assert.Equal(t, http.StatusOK, deliver(tokenEvent(t, "r", "1")))
	assert.Equal(t, http.StatusOK, deliver(tokenEvent(t, "r", "F2")))
	assert.Equal(t, http.StatusOK, deliver(tokenEvent(t, "r", "F2")), "a duplicate is a success")
	assert.Equal(t, http.StatusInternalServerError, deliver(tokenEvent(t, "full", "F1")),
		"a result that cannot be kept is not acknowledged")

	e, err := tracker.Wait(canceledContext(), "r", nil)
	require.NoError(t, err)
	assert.JSONEq(t, string(tokenEvent(t, "r", "F2").Raw), string(e.Raw))
	assert.Equal(t, http.StatusOK, deliver(tokenEvent(t, "full", "F1")), "room again")
}
