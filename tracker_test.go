package helios

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
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

func TestTrackerTimelines(t *testing.T) {
	maxInt := strconv.Itoa(math.MaxInt)
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
		{"a gap that is filled opens the rest", "0:W 0:1 10:3 20:5 100:2 200:4 300:F6", []string{"0:1 100:2 100:3 200:4 200:5 300:F6"}},
		{"updates behind a gap that has been waited for", "0:W 0:3 100:4 200:5 900:F6", []string{"500:3 500:4 500:5 900:F6"}},
		{"the window runs while nobody waits", "0:2 400:W 900:F3", []string{"500:2 900:F3"}},
		{"the window ended before Wait", "0:2 600:W 900:F3", []string{"600:2 900:F3"}},
		{"final ends it at once, one missing", "0:W 10:1 20:3 30:F4", []string{"10:1 30:3 30:F4"}},
		{"final ends it at once, all missing", "0:W 10:F8", []string{"10:F8"}},
		{"final alone, before Wait", "0:F8 5:W", []string{"5:F8"}},
		{"too late for one Wait, in time for the next", "0:W 0:2 600:1 700:W 900:F3", []string{"500:2 900:F3", "700:1 700:2 900:F3"}},
		{"duplicates of an update", "0:1 1:1 2:W 3:1 4:2 5:2 6:1 7:F3 8:2 9:W", []string{"2:1 4:2 7:F3", "9:1 9:2 9:F3"}},
		{"duplicates while one is waited for", "0:W 0:2 100:2 400:2 900:F3", []string{"500:2 900:F3"}},
		{"duplicates of the final", "0:1 1:F2 2:F2 3:W 4:F2 5:W 6:F2", []string{"3:1 3:F2", "5:1 5:F2"}},
		{"the first final counts", "0:F2 1:E3 2:W 3:F4 4:W", []string{"2:F2", "4:F2"}},
		{"a failed run", "0:W 10:1 20:E2", []string{"10:1 20:E2"}},
		{"without numbers, as they come", "0:u2 10:W 20:u1 30:u3 40:F0", []string{"10:u2 20:u1 30:u3 40:F0"}},
		{"without numbers, once", "0:u1 1:u1 2:W 3:u1 4:u2 5:u1 6:F0", []string{"2:u1 4:u2 6:F0"}},
		{"some with numbers, some without", "0:W 0:u1 10:2 20:u2 30:1 40:F3", []string{"0:u1 20:u2 30:1 30:2 40:F3"}},
		{"a negative number is none", "0:W 10:-5 20:-7 30:-5 40:F1", []string{"10:-5 20:-7 40:F1"}},
		{"an update does not wait for one without a number", "0:W 0:1 5:u1 10:2 20:F3", []string{"0:1 5:u1 10:2 20:F3"}},
		{"final without a number ends after all updates", "0:1 1:5 2:W 3:F0", []string{"2:1 3:5 3:F0"}},
		{"final of the same number as an update", "0:W 10:1 20:F1", []string{"10:1 20:F1"}},
		{"an update of the final's number, before Wait", "0:1 0:2 1:F2 2:W", []string{"2:1 2:2 2:F2"}},
		{"final of a lower number ends it, handed out or not", "0:W 10:1 20:9 30:F2", []string{"10:1 30:F2"}},
		{"numbers far apart", "0:W 0:1 10:" + maxInt + " 600:F0", []string{"0:1 510:" + maxInt + " 600:F0"}},
		{"the greatest number, then a final", "0:" + maxInt + " 0:1 600:W 700:F" + maxInt, []string{"600:1 600:" + maxInt + " 700:F" + maxInt}},
		{"many wait, and each gets all", "0:W 0:1 5:W 10:2 15:W 20:F3 25:W",
			[]string{"0:1 10:2 20:F3", "5:1 10:2 20:F3", "15:1 15:2 20:F3", "25:1 25:2 25:F3"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr, start := NewTracker(), time.Now()
				var logs []*[]string
				for _, step := range strings.Fields(tc.script) {
					at, token, _ := strings.Cut(step, ":")
					ms, err := strconv.Atoi(at)
					require.NoError(t, err)
					time.Sleep(time.Until(start.Add(time.Duration(ms) * time.Millisecond)))
					synctest.Wait()
					if token != "W" {
						require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", token)))
						synctest.Wait()
						continue
					}
					log := new([]string)
					logs = append(logs, log)
					note := func(e *Event) {
						*log = append(*log, fmt.Sprintf("%d:%s", time.Since(start).Milliseconds(), trkName(e)))
					}
					go func() {
						e, err := tr.Wait(context.Background(), "r", note)
						if assert.NotNil(t, e) {
							note(e)
							assert.Equal(t, e.Status == StatusError, err != nil, "error: %v", err)
						}
					}()
					synctest.Wait()
				}
				require.Len(t, logs, len(tc.want))
				for i, log := range logs {
					assert.Equal(t, tc.want[i], strings.Join(*log, " "), "Wait %d", i+1)
				}
				trkCheck(t, tr)
			})
		})
	}
}

func TestTrackerFailedRun(t *testing.T) {
	tr := NewTracker()
	failed := trkToken(t, "r", "E2")
	require.NoError(t, tr.Handle(t.Context(), failed))
	for range 2 { // and as often as it is asked
		e, err := tr.Wait(t.Context(), "r", nil)
		assert.Same(t, failed, e)
		var failure *RunError
		require.ErrorAs(t, err, &failure)
		assert.Equal(t, "r", failure.RunID)
		assert.Equal(t, "too little data", failure.Message)
		assert.NotContains(t, err.Error(), "too little data")
		assert.NotErrorIs(t, err, ErrTrackerFull)
	}
}

func TestTrackerCompletedRunHasNoError(t *testing.T) {
	tr := NewTracker()
	require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", "F1")))
	e, err := tr.Wait(t.Context(), "r", nil)
	require.True(t, err == nil, "a typed nil is an error to its caller: %#v", err)
	result, err := e.Result()
	require.NoError(t, err)
	assert.Equal(t, "P", result.PatientResponse)
}

func TestTrackerContextEnded(t *testing.T) {
	timeout, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	for _, tc := range []struct {
		name   string
		ctx    context.Context
		events string
		want   string
		err    error
	}{
		{"nothing there", trkCancelled(), "", "", context.Canceled},
		{"updates there", trkCancelled(), "1 2", "1 2", context.Canceled},
		{"updates and one out of order", trkCancelled(), "1 3", "1", context.Canceled},
		{"final there", trkCancelled(), "1 2 F3", "1 2 F3", nil},
		{"final alone", trkCancelled(), "F3", "F3", nil},
		{"deadline, nothing there", timeout, "", "", context.DeadlineExceeded},
		{"deadline, final there", timeout, "1 F2", "1 F2", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr := NewTracker()
			for _, token := range strings.Fields(tc.events) {
				require.NoError(t, tr.Handle(tc.ctx, trkToken(t, "r", token)), "Handle keeps an event whatever its context")
			}
			var got []string
			e, err := tr.Wait(tc.ctx, "r", func(e *Event) { got = append(got, trkName(e)) })
			if tc.err != nil {
				assert.Nil(t, e)
				require.ErrorIs(t, err, tc.err)
			} else if assert.NoError(t, err) {
				got = append(got, trkName(e))
			}
			assert.Equal(t, tc.want, strings.Join(got, " "))
			trkCheck(t, tr)
		})
	}
}

func TestTrackerWaitAgainAfterCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, start := NewTracker(), time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		for _, token := range []string{"1", "3", "u1"} { // 2 is missing: the wait for it must obey ctx as well
			require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", token)))
		}
		var got []string
		note := func(e *Event) { got = append(got, trkName(e)) }
		e, err := tr.Wait(ctx, "r", note)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Nil(t, e)
		assert.Equal(t, 300*time.Millisecond, time.Since(start))
		assert.Equal(t, []string{"u1", "1"}, got)

		for _, token := range []string{"2", "F4"} { // nobody waits now
			require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", token)))
		}
		got = nil
		e, err = tr.Wait(t.Context(), "r", note)
		require.NoError(t, err)
		assert.Equal(t, []string{"u1", "1", "2", "3"}, got)
		assert.Equal(t, "F4", trkName(e))
		assert.Equal(t, 300*time.Millisecond, time.Since(start), "nothing to wait for")
		trkCheck(t, tr)
	})
}

// A final that has come is worth more than the end of the context.
func TestTrackerFinalAndCancelAtOnce(t *testing.T) {
	for range 100 { // select would choose either
		tr := NewTracker()
		require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", "1")))
		ctx, cancel := context.WithCancel(t.Context())
		e, err := tr.Wait(ctx, "r", func(*Event) {
			assert.NoError(t, tr.Handle(ctx, trkToken(t, "r", "F2")))
			cancel()
		})
		require.NoError(t, err)
		require.Equal(t, "F2", trkName(e))
	}
}

func TestTrackerCancelEndsOneWaiterOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := NewTracker()
		ctx, cancel := context.WithCancel(t.Context())
		ended, stays := make(chan error, 1), make(chan error, 1)
		go func() { _, err := tr.Wait(ctx, "r", nil); ended <- err }()
		go func() { _, err := tr.Wait(t.Context(), "r", nil); stays <- err }()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		synctest.Wait()
		require.Empty(t, stays)
		require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", "F1")))
		require.NoError(t, <-stays)
		trkCheck(t, tr)
	})
}

func TestTrackerRefusesNothingAsAnEvent(t *testing.T) {
	tr := NewTracker()
	for name, e := range map[string]*Event{"nil": nil, "zero": {}, "no run id": {Status: StatusCompleted, SequenceNumber: 1, Raw: []byte(`{}`)}} {
		err := tr.Handle(t.Context(), e)
		require.Error(t, err, name)
		assert.NotErrorIs(t, err, ErrTrackerFull, name)
		assert.True(t, strings.HasPrefix(err.Error(), "helios: "), err)
	}
	e, err := tr.Wait(t.Context(), "", nil)
	require.Error(t, err)
	assert.Nil(t, e)
	assert.NotErrorIs(t, err, ErrTrackerFull)
	assert.True(t, strings.HasPrefix(err.Error(), "helios: "), err)
	assert.Empty(t, tr.runs)

	require.NoError(t, tr.Handle(nil, trkToken(t, "r", "1"))) //nolint:staticcheck // it takes no context, so none must be there
	require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", "F2")))
	_, err = tr.Wait(t.Context(), "r", nil)
	require.NoError(t, err, "a nil progress")
}

// An event made by hand has no body; it is kept like any other, and two without number and body are one.
func TestTrackerEventWithoutBody(t *testing.T) {
	tr, seen := NewTracker(), 0
	for _, e := range []*Event{{RunID: "r", Status: "a"}, {RunID: "r", Status: "a"}, {RunID: "r", Status: StatusCompleted}} {
		require.NoError(t, tr.Handle(t.Context(), e))
	}
	e, err := tr.Wait(t.Context(), "r", func(*Event) { seen++ })
	require.NoError(t, err)
	assert.True(t, e.Final())
	assert.Equal(t, 1, seen)
	trkCheck(t, tr)
}

func TestTrackerProgressMayUseTheTracker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a deadlock fails the bubble
		tr := NewTracker()
		require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", "1")))
		require.NoError(t, tr.Handle(t.Context(), trkToken(t, "other", "F1")))
		var got []string
		e, err := tr.Wait(t.Context(), "r", func(e *Event) {
			got = append(got, trkName(e))
			if e.SequenceNumber == 1 {
				assert.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", "2")))
				assert.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", "1")))
				other, err := tr.Wait(t.Context(), "other", nil)
				assert.NoError(t, err)
				assert.Equal(t, "other", other.RunID)
				return
			}
			assert.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", "F3")))
			again, err := tr.Wait(t.Context(), "r", nil)
			assert.NoError(t, err)
			assert.Equal(t, "F3", trkName(again))
		})
		require.NoError(t, err)
		assert.Equal(t, []string{"1", "2"}, got)
		assert.Equal(t, "F3", trkName(e))
		trkCheck(t, tr)
	})
}

// A slow callback delays its own Wait: neither Handle nor another waiter.
func TestTrackerHandleNeverBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, start, release := NewTracker(), time.Now(), make(chan struct{})
		require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", "1")))
		slow := make(chan error, 1)
		go func() {
			_, err := tr.Wait(t.Context(), "r", func(*Event) { <-release })
			slow <- err
		}()
		synctest.Wait()
		for i := range 1000 {
			require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", strconv.Itoa(i+2))))
		}
		require.NoError(t, tr.Handle(t.Context(), trkToken(t, "r", "F2000")))
		_, err := tr.Wait(t.Context(), "r", nil)
		require.NoError(t, err)
		require.Empty(t, slow)
		assert.Zero(t, time.Since(start))
		close(release)
		require.NoError(t, <-slow)
	})
}

func TestTrackerIsACallbackOfReceiverHandler(t *testing.T) {
	receiver, err := NewReceiver(WithWebhookSecret("whsec-test"))
	require.NoError(t, err)
	tr := NewTracker(WithTrackerLimits(1, 0))
	deliver := func(e *Event) int {
		mac := hmac.New(sha256.New, []byte("whsec-test"))
		mac.Write(e.Raw)
		req := httptest.NewRequest(http.MethodPost, "/webhook/helios", bytes.NewReader(e.Raw))
		req.Header.Set("X-Helios-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
		req.Header.Set("X-Helios-Timestamp", strconv.FormatInt(time.Now().Unix(), 10))
		req.Header.Set("X-Helios-Run-ID", e.RunID)
		answer := httptest.NewRecorder()
		receiver.Handler(tr.Handle).ServeHTTP(answer, req)
		return answer.Code
	}
	assert.Equal(t, http.StatusOK, deliver(trkToken(t, "r", "1")))
	assert.Equal(t, http.StatusOK, deliver(trkToken(t, "r", "F2")))
	assert.Equal(t, http.StatusOK, deliver(trkToken(t, "r", "F2")), "a duplicate is a success")
	assert.Equal(t, http.StatusInternalServerError, deliver(trkToken(t, "full", "F1")), "a result that cannot be kept must not be answered with 200")
	e, err := tr.Wait(trkCancelled(), "r", nil)
	require.NoError(t, err)
	assert.JSONEq(t, string(trkToken(t, "r", "F2").Raw), string(e.Raw))
	assert.Equal(t, http.StatusOK, deliver(trkToken(t, "full", "F1")), "room again")
}

// All timers stand still while anybody can run, so that every waiter must see every update, whatever the order they came in.
func TestTrackerConcurrentUse(t *testing.T) {
	const goroutines, runs, updates = 64, 16, 12
	for seed := range uint64(3) {
		for _, finalLast := range []bool{true, false} {
			t.Run(fmt.Sprintf("seed %d, final last %t", seed, finalLast), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					tr := NewTracker()
					var waiters, handlers sync.WaitGroup
					wait := func(id string) {
						var got []int
						e, err := tr.Wait(t.Context(), id, func(e *Event) { got = append(got, e.SequenceNumber) })
						if !assert.NoError(t, err) {
							return
						}
						assert.Equal(t, id, e.RunID)
						assert.True(t, e.Final())
						if finalLast {
							assert.Equal(t, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, got)
						}
						for i := range got {
							assert.True(t, i == 0 || got[i-1] < got[i], "in order and once: %v", got)
						}
					}
					id := func(i int) string { return fmt.Sprintf("run-%d", i%runs) }
					for g := range goroutines {
						waiters.Go(func() { wait(id(g)) })
					}
					var events, finals []*Event
					for i := range runs {
						for n := range updates {
							events = append(events, trkEvent(t, id(i), "working", n+1, 0))
						}
						finals = append(finals, trkEvent(t, id(i), StatusCompleted, updates+1, 0))
					}
					if !finalLast {
						events = append(events, finals...)
					}
					deliver := func(events []*Event) {
						for g := range goroutines {
							handlers.Go(func() { // each delivers all, and some twice
								random := rand.New(rand.NewPCG(seed, uint64(g)))
								mine := append(append([]*Event(nil), events...), events[:len(events)/3]...)
								random.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
								for _, e := range mine {
									assert.NoError(t, tr.Handle(t.Context(), e))
								}
							})
						}
						handlers.Wait()
					}
					deliver(events)
					deliver(finals)
					waiters.Wait()
					for i := range runs {
						wait(id(i)) // and all of it again for one that comes later
					}
					trkCheck(t, tr)
					assert.Len(t, tr.runs, runs)
				})
			})
		}
	}
}

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

// Random events, waits and pauses against small limits. Always: the books balance, no more runs than allowed, no more bytes than allowed
// but for finals that were waited for; and a final that Handle took is there until its time is over, unless it was handed out.
func TestTrackerProperties(t *testing.T) {
	const ttl, maxRuns, maxBytes, names = 10 * time.Second, 4, 4000, 7
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 1))
				tr := NewTracker(WithTrackerLimits(maxRuns, maxBytes), WithTrackerTTL(ttl))
				promised := map[string]time.Time{} // finals that Handle took and nobody has, and when the run was last used
				var mu sync.Mutex
				wait := func(ctx context.Context, id string) (*Event, error) {
					last := 0
					e, err := tr.Wait(ctx, id, func(e *Event) {
						assert.Equal(t, id, e.RunID)
						assert.True(t, e.SequenceNumber == 0 || e.SequenceNumber > last, "in order, once")
						last = max(last, e.SequenceNumber)
					})
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						delete(promised, id)
					} else if _, ok := promised[id]; ok && !errors.Is(err, ErrTrackerFull) {
						assert.Fail(t, "a promised final was not there", "%s: %v", id, err)
					}
					return e, err
				}
				look := func(id string) (run trackedRun) {
					tr.mu.Lock()
					defer tr.mu.Unlock()
					if kept := tr.runs[id]; kept != nil {
						run = *kept
					}
					return run
				}
				var full, taken int
				for range 400 {
					id := fmt.Sprint("run-", random.IntN(names))
					number, size := random.IntN(6), 50+random.IntN(1500)
					switch op := random.IntN(20); {
					case op < 9:
						status := []string{"working", "waiting"}[random.IntN(2)]
						if err := tr.Handle(t.Context(), trkEvent(t, id, status, number, size)); err != nil {
							require.ErrorIs(t, err, ErrTrackerFull)
						}
					case op < 13:
						run := look(id)
						known := run.final != nil || run.waiters > 0
						err := tr.Handle(t.Context(), trkEvent(t, id, StatusCompleted, 6+number, size))
						if err != nil {
							require.ErrorIs(t, err, ErrTrackerFull)
							full++
						} else if !known {
							mu.Lock()
							promised[id] = time.Now()
							mu.Unlock()
						}
					case op < 15:
						if _, err := wait(trkCancelled(), id); err == nil {
							taken++
						}
					case op < 17:
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(9000))*time.Millisecond+time.Microsecond)
						go func() { defer cancel(); _, _ = wait(ctx, id) }()
					default:
						time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
					}
					synctest.Wait()
					trkCheck(t, tr)
					mu.Lock()
					for id, since := range promised {
						run := look(id)
						if run.final != nil {
							since = run.used
						}
						promised[id] = since
						if time.Since(since) >= ttl {
							delete(promised, id)
						} else if run.final == nil {
							assert.Fail(t, "an unread final was dropped", id)
						}
					}
					mu.Unlock()
					tr.mu.Lock()
					bounded := tr.bytes
					for _, run := range tr.runs {
						if run.taken {
							bounded -= run.bytes
						}
					}
					tr.mu.Unlock()
					assert.LessOrEqual(t, bounded, int64(maxBytes))
				}
				assert.Positive(t, full, "the seed fills the tracker")
				assert.Positive(t, taken, "the seed reads finals")
				time.Sleep(2 * ttl) // every Wait has ended
				synctest.Wait()
				_, err := tr.Wait(trkCancelled(), "last", nil)
				require.ErrorIs(t, err, context.Canceled)
				assert.Empty(t, tr.runs)
				assert.Zero(t, tr.order.Len())
				assert.Zero(t, tr.bytes)
			})
		})
	}
}
