package durable

import (
	"context"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

// ends records what HandleEnd's function was told.
type ends struct {
	mu   sync.Mutex
	told map[string][]State
}

func (l *ends) handle(_ context.Context, s *Submission) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.told == nil {
		l.told = map[string][]State{}
	}
	l.told[s.Key] = append(l.told[s.Key], s.State)
	return nil
}

func (l *ends) of(key string) []State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]State(nil), l.told[key]...)
}

func (l *ends) waitFor(t *testing.T, key string, want ...State) {
	t.Helper()
	eventually(t, func() bool { return len(l.of(key)) >= len(want) }, func() string { return key + " was not told" })
	assert.Equal(t, want, l.of(key))
}

// TestHandleEnd: whatever ends a submission, the caller is told.
func TestHandleEnd(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		srv.Inject(heliostest.Status(http.StatusBadRequest))
		srv.Inject()
		srv.Inject(heliostest.FailRun("cannot read"))
		srv.Inject(heliostest.Status(http.StatusServiceUnavailable))
		srv.Inject(heliostest.LoseFinalWebhook())
		var now clock
		e := srv.open(t, k, now.option, WithMaxSlots(1))
		var told ends
		e.HandleFunc(nothing)
		e.HandleEnd(told.handle)
		run(t, e)
		submit := func(key string) {
			_, err := e.SubmitLabResults(t.Context(), key, labs(key))
			require.NoError(t, err)
		}

		submit("refused")
		told.waitFor(t, "refused", Failed)
		submit("completed")
		told.waitFor(t, "completed", Completed)
		submit("failed")
		told.waitFor(t, "failed", Failed)
		submit("given up")
		waitFor(t, e, "given up", Unknown)
		require.NoError(t, e.Resolve(t.Context(), "given up", Fail))
		told.waitFor(t, "given up", Failed)
		submit("overdue")
		runID := waitFor(t, e, "overdue", Accepted).RunID
		submit("canceled")
		require.NoError(t, e.Cancel(t.Context(), "canceled"))
		told.waitFor(t, "canceled", Canceled)

		now.forward(3 * time.Hour)
		told.waitFor(t, "overdue", Overdue)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody(runID, "completed", 99)))
		told.waitFor(t, "overdue", Overdue, Completed)
		eventually(t, func() bool { return len(read[int64](t, e, `SELECT id FROM {ends}`)) == 0 },
			func() string { return "rows stay" })
	})
}

// TestHandleEnd_Fails: again until it returns nil, and at last a dead letter,
// which can be replayed.
func TestHandleEnd_Fails(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		var mu sync.Mutex
		var failures []HandlerFailure
		e := srv.open(t, k, WithMaxAttempts(3), WithHandlerErrors(func(_ context.Context, f HandlerFailure) {
			mu.Lock()
			defer mu.Unlock()
			failures = append(failures, f)
		}))
		e.HandleFunc(nothing)
		attempt := 0
		e.HandleEnd(func(context.Context, *Submission) error {
			attempt++
			switch attempt {
			case 1:
				panic(secretValue)
			case 2:
				runtime.Goexit()
			case 3:
				return errHandler
			}
			return nil
		})
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		require.NoError(t, e.Cancel(t.Context(), "k"))
		run(t, e)
		var letters []DeadLetter
		eventually(t, func() bool {
			letters, err = e.DeadLetters(t.Context(), 0, 10)
			return err == nil && len(letters) == 1
		}, func() string { return "no dead letter" })
		assert.Equal(t, "k", letters[0].Key)
		assert.Equal(t, Canceled, letters[0].EndedAs)
		assert.Equal(t, 3, letters[0].Attempts)
		assert.Nil(t, letters[0].Event)
		stats, err := e.Stats(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, stats.DeadLetters)
		assert.Equal(t, 1, stats.Canceled)

		require.NoError(t, e.Replay(t.Context(), letters[0].ID))
		eventually(t, func() bool { return len(read[int64](t, e, `SELECT id FROM {ends}`)) == 0 },
			func() string { return "not replayed" })
		require.ErrorIs(t, e.Replay(t.Context(), letters[0].ID), ErrNotFound)

		mu.Lock()
		defer mu.Unlock()
		require.Len(t, failures, 3)
		assert.EqualError(t, failures[0].Err, "panic: "+secretValue)
		assert.Contains(t, string(failures[0].Stack), "end_test.go")
		assert.Equal(t, "k", failures[0].Submission.Key)
		assert.ErrorIs(t, failures[1].Err, errGoexit)
		assert.ErrorIs(t, failures[2].Err, errHandler)
		assert.True(t, failures[2].Dead)
		assert.Equal(t, 3, failures[2].Attempt)
		assert.NotContains(t, failures[0].LogValue().String(), secretValue)
	})
}

// TestHandleEnd_NotSet: without it nothing is kept for it.
func TestHandleEnd_NotSet(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		e := newService(t).open(t, k)
		assert.Panics(t, func() { e.HandleEnd(nil) })
		e.HandleFunc(nothing)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		require.NoError(t, e.Cancel(t.Context(), "k"))
		assert.Len(t, read[int64](t, e, `SELECT id FROM {ends}`), 1)
		run(t, e)
		eventually(t, func() bool { return len(read[int64](t, e, `SELECT id FROM {ends}`)) == 0 },
			func() string { return "it is kept" })
	})
}

// TestHandleEnd_Crash: the end of a submission survives its job, and the
// process.
func TestHandleEnd_Crash(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		e := newService(t).open(t, k)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		require.NoError(t, e.Cancel(t.Context(), "k"))
		change(t, e, `DELETE FROM {river_job}`)
		var told ends
		e.HandleFunc(nothing)
		e.HandleEnd(told.handle)
		run(t, e)
		told.waitFor(t, "k", Canceled)
	})
}

// TestHandler_Goexit: a handler that ends its goroutine has failed, and costs
// no worker. What its error and its panic say reaches the hook alone.
func TestHandler_Goexit(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		var mu sync.Mutex
		var failures []HandlerFailure
		e := srv.open(t, k, WithHandlers(1), WithHandlerErrors(func(_ context.Context, f HandlerFailure) {
			mu.Lock()
			defer mu.Unlock()
			failures = append(failures, f)
			panic("a hook that panics does no harm")
		}))
		var once sync.Once
		e.HandleFunc(func(context.Context, *helios.Event) error {
			once.Do(runtime.Goexit)
			return nil
		})
		run(t, e)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-1", "completed", 9)))
		eventually(t, func() bool {
			return len(read[int64](t, e, `SELECT id FROM {events} WHERE state = 'handled'`)) == 1
		}, func() string { return "not handled" })
		mu.Lock()
		defer mu.Unlock()
		require.Len(t, failures, 1)
		assert.ErrorIs(t, failures[0].Err, errGoexit)
		assert.Equal(t, "run-1", failures[0].Event.RunID)
	})
}

// TestDeadLetter_Event: what a dead letter holds can be read.
func TestDeadLetter_Event(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k, WithMaxAttempts(2))
		e.HandleFunc(func(context.Context, *helios.Event) error { return errHandler })
		run(t, e)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-1", "completed", 9)))
		var letters []DeadLetter
		eventually(t, func() bool {
			var err error
			letters, err = e.DeadLetters(t.Context(), 0, 10)
			return err == nil && len(letters) == 1
		}, func() string { return "no dead letter" })
		assert.Equal(t, 2, letters[0].Attempts)
		assert.Empty(t, letters[0].EndedAs)
		result, err := letters[0].Event.Result()
		require.NoError(t, err)
		assert.Equal(t, secretValue, result.PatientResponse)
	})
}
