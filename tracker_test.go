package helios

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
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
