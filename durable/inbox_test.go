package durable

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

// TestInbox_Faults: whatever the sender does with its webhooks, each event is
// stored once and the final one handled once.
func TestInbox_Faults(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		faults := map[string]heliostest.Fault{
			"duplicates": heliostest.DuplicateWebhooks(), "reordered": heliostest.ReorderWebhooks(),
			"updates lost": heliostest.LoseWebhooks(),
		}
		e := srv.open(t, k)
		var handled calls
		e.HandleFunc(handled.handle)
		run(t, e)
		for name, fault := range faults {
			srv.Inject(fault)
			_, err := e.SubmitLabResults(t.Context(), name, labs())
			require.NoError(t, err)
			waitFor(t, e, name, Completed)
		}
		require.NoError(t, srv.Wait(t.Context()))
		eventually(t, func() bool {
			s, err := e.Stats(t.Context())
			return err == nil && s.PendingEvents == 0
		}, func() string { return "events wait" })
		assert.Equal(t, map[string]int{"duplicates": 1, "reordered": 1, "updates lost": 1}, handled.finals())
		seen := map[call]int{}
		for _, c := range handled.all() {
			seen[c]++
			assert.Equal(t, 1, seen[c], "%v", c)
		}
		assert.Len(t, read[int64](t, e, `SELECT id FROM {events}`), 9+9+1)
	})
}

func TestInbox_Answers(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k)
		body := eventBody("run-1", "completed", 9)
		for name, c := range map[string]struct {
			request *http.Request
			status  int
		}{
			"forged": {heliostest.NewWebhookRequest("/", "another secret", body, time.Now()),
				http.StatusUnauthorized},
			"stale": {heliostest.NewWebhookRequest("/", srv.WebhookSecret, body, time.Now().Add(-time.Hour)),
				http.StatusUnauthorized},
			"malformed": {heliostest.NewWebhookRequest("/", srv.WebhookSecret, []byte(`[{"runId":"x"}]`), time.Now()),
				http.StatusBadRequest},
			"GET": {httptest.NewRequest(http.MethodGet, "/", nil), http.StatusMethodNotAllowed},
		} {
			w := httptest.NewRecorder()
			e.WebhookHandler().ServeHTTP(w, c.request)
			assert.Equal(t, c.status, w.Code, name)
		}
		assert.Empty(t, read[int64](t, e, `SELECT id FROM {events}`))
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", body))
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", body), "a duplicate")
		assert.Len(t, read[int64](t, e, `SELECT id FROM {events}`), 1)
		require.ErrorContains(t, e.Receive(t.Context(), nil, nil), "no event")
		require.ErrorContains(t, e.Receive(t.Context(), &helios.Event{}, nil), "no event")
	})
}

// TestReference: a reference finds the submission of a run that is not known
// yet. An event of another run than the reference's is kept without its key.
func TestReference(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t, heliostest.WithStepInterval(time.Hour))
		e := srv.open(t, k, WithHandlers(4))
		var handled calls
		e.HandleFunc(handled.handle)
		run(t, e)
		references, runs := map[string]string{}, map[string]string{}
		for _, key := range []string{"a", "b"} {
			_, err := e.SubmitLabResults(t.Context(), key, labs(key))
			require.NoError(t, err)
			runs[key] = waitFor(t, e, key, Accepted).RunID
			references[key] = read[string](t, e, `SELECT reference FROM {submissions} WHERE key = $1`, key)[0]
			assert.Len(t, references[key], 32)
		}
		require.NotEqual(t, references["a"], references["b"])

		assert.Equal(t, http.StatusOK, srv.deliver(t, e, references["a"], eventBody(runs["b"], "processing", 5)),
			"b's run under a's reference")
		assert.Equal(t, http.StatusOK, srv.deliver(t, e, references["a"], eventBody("a-second-run", "completed", 9)),
			"the POST was duplicated on its way")
		for _, key := range []string{"a", "b"} {
			s, err := e.Status(t.Context(), key)
			require.NoError(t, err)
			assert.Equal(t, Accepted, s.State)
			assert.Equal(t, runs[key], s.RunID)
		}

		assert.Equal(t, http.StatusOK, srv.deliver(t, e, references["a"], eventBody(runs["a"], "completed", 9)))
		waitFor(t, e, "a", Completed)
		assert.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody(runs["b"], "completed", 9)),
			"without its reference it is found by its run")
		waitFor(t, e, "b", Completed)
		assert.Equal(t, http.StatusOK, srv.deliver(t, e, "a reference of nobody", eventBody("run-elsewhere",
			"completed", 9)), "a run that was submitted elsewhere")
		eventually(t, func() bool {
			return handled.finals()[""] == 2
		}, func() string { return fmt.Sprint(handled.finals()) })
		eventually(t, func() bool {
			return len(handled.finals()) == 3
		}, func() string { return fmt.Sprint(handled.finals()) })
		assert.Equal(t, map[string]int{"a": 1, "b": 1, "": 2}, handled.finals())
	})
}

// TestSecondRun: when the POST was duplicated on its way, the second run is
// paid too. What comes of it does not become the submission's and has no key,
// but it is erased with the submission, and counts for the spend limit.
func TestSecondRun(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		var log safeBuffer
		e := srv.open(t, k, WithSpendLimit(100, time.Hour), WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		var handled calls
		e.HandleFunc(handled.handle)
		stop := run(t, e)
		for _, key := range []string{"k", "other"} {
			_, err := e.SubmitLabResults(t.Context(), key, labs(key))
			require.NoError(t, err)
		}
		first := waitFor(t, e, "k", Completed)
		waitFor(t, e, "other", Completed)
		require.NoError(t, srv.Wait(t.Context()))
		assert.InDelta(t, 1.30, stats(t, e).Spend.Spent, 1e-9)
		reference := read[string](t, e, `SELECT reference FROM {submissions} WHERE key = 'k'`)[0]

		for number, status := range []string{"processing", "processing", "error", "completed"} {
			require.Equal(t, http.StatusOK, srv.deliver(t, e, reference, eventBody("second", status, number+1)))
		}
		// Once it is known the reference is not needed.
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("second", "completed", 9)))
		eventually(t, func() bool {
			s := stats(t, e)
			return s.PendingEvents == 0 && s.PendingEnds == 0
		}, func() string { return "not handled" })
		stop()

		assert.InDelta(t, 1.95, stats(t, e).Spend.Spent, 1e-9, "three runs were paid")
		assert.Contains(t, log.String(), "stored without a key")
		assert.Equal(t, map[string]int{"k": 1, "other": 1, "": 3}, handled.finals())
		s := status(t, e, "k")
		assert.Equal(t, Completed, s.State)
		assert.Equal(t, first.RunID, s.RunID)

		const bodies = `SELECT count(*) FROM {events} WHERE run_id = 'second' AND body IS NOT NULL`
		require.NoError(t, e.Forget(t.Context(), "other"))
		assert.Equal(t, []int64{5}, read[int64](t, e, bodies))
		require.NoError(t, e.Forget(t.Context(), "k"))
		assert.Equal(t, []int64{0}, read[int64](t, e, bodies))
		assert.InDelta(t, 1.95, stats(t, e).Spend.Spent, 1e-9)
	})
}

// TestReceive: what a function elsewhere has verified is stored in the same
// way.
func TestReceive(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		srv.Inject(heliostest.Status(http.StatusServiceUnavailable))
		e := srv.open(t, k)
		e.HandleFunc(nothing)
		run(t, e)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		waitFor(t, e, "k", Unknown)
		reference := read[string](t, e, `SELECT reference FROM {references}`)[0]
		body := eventBody("run-1", "completed", 9)
		ev, err := srv.receiver.VerifyPayload(body, heliostest.Sign(srv.WebhookSecret, body, time.Now()))
		require.NoError(t, err)
		require.NoError(t, e.Receive(t.Context(), ev, url.Values{referenceParameter: {reference}}))
		waitFor(t, e, "k", Completed)
		other, err := helios.ParseEvent(eventBody("run-2", "completed", 9))
		require.NoError(t, err)
		require.NoError(t, e.Receive(t.Context(), other, url.Values{referenceParameter: {reference}}))
		require.NoError(t, e.Receive(t.Context(), other, nil))
	})
}

// TestWithoutTheQuery: that the service calls the webhook URL with its query is
// an assumption. Without it the run id does.
func TestWithoutTheQuery(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k)
		inner := e.WebhookHandler()
		srv.handler.set(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.URL.RawQuery = ""
			inner.ServeHTTP(w, r)
		}))
		var handled calls
		e.HandleFunc(handled.handle)
		run(t, e)
		for i := range 10 {
			_, err := e.SubmitLabResults(t.Context(), fmt.Sprint(i), labs())
			require.NoError(t, err)
		}
		for i := range 10 {
			waitFor(t, e, fmt.Sprint(i), Completed)
		}
		assert.Len(t, srv.Runs(), 10)
	})
}

// TestFasterThanTheAnswer: the first webhooks come before the answer to the
// submission is written down.
func TestFasterThanTheAnswer(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		for name, c := range map[string]struct {
			query     bool
			delivered []string
		}{
			"an update, with the reference":    {true, []string{"processing"}},
			"an update, without the reference": {false, []string{"processing"}},
			"all, with the reference":          {true, []string{"processing", "completed"}},
			"all, without the reference":       {false, []string{"processing", "completed"}},
			"an error, without the reference":  {false, []string{"error"}},
		} {
			t.Run(name, func(t *testing.T) {
				srv := newService(t)
				e := srv.open(t, k.another(t))
				_, err := e.SubmitLabResults(t.Context(), "k", labs())
				require.NoError(t, err)
				claimed, err := e.claim(t.Context(), "lab-results", 1)
				require.NoError(t, err)
				reference := ""
				if c.query {
					reference = claimed.reference
				}
				want := Accepted
				for i, status := range c.delivered {
					require.Equal(t, http.StatusOK, srv.deliver(t, e, reference, eventBody("run-1", status, i+1)))
					want = map[string]State{"processing": Accepted, "completed": Completed, "error": Failed}[status]
				}
				require.NoError(t, e.settle(t.Context(), claimed, &outcome{state: Accepted, runID: "run-1"}))
				s := waitFor(t, e, "k", want)
				assert.Equal(t, "run-1", s.RunID)
				stats, err := e.Stats(t.Context())
				require.NoError(t, err)
				assert.Equal(t, want == Accepted, stats.Slots["lab-results"].InUse == 1)
			})
		}
	})
}

// TestMissedFinal: a final event that was stored while the answer was being
// written down is found by the sweep.
func TestMissedFinal(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t, heliostest.WithStepInterval(time.Hour))
		e := srv.open(t, k, idle)
		e.HandleFunc(nothing)
		run(t, e)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		s := waitFor(t, e, "k", Accepted)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody(s.RunID, "completed", 9)))
		change(t, e, `UPDATE {submissions} SET state = 'accepted'`)
		sweepNow(t, e)
		waitFor(t, e, "k", Completed)
	})
}

// TestOddEvents: nothing authentic is refused for its content.
func TestOddEvents(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k)
		var handled calls
		e.HandleFunc(handled.handle)
		run(t, e)
		long := strings.Repeat("r", 100_000)
		bodies := [][]byte{
			[]byte(`{"runId":"a"}`),
			[]byte(`{"runId":"a","status":"working"}`),
			[]byte(`{"runId":"a","status":"working","x":1}`), // no number: told apart by its content
			[]byte(`{"runId":"a","status":"completed"}`),
			[]byte(`{"runId":"a","status":"error"}`),
			[]byte(`{"runId":"a","status":"working","sequenceNumber":-3}`),
			[]byte(`{"runId":"a","status":"working","sequenceNumber":9007199254740991}`),
			[]byte(`{"runId":"` + long + `","status":"completed","sequenceNumber":1}`),
			[]byte(`{"runId":"b","status":"` + long + `","sequenceNumber":1}`),
			[]byte(`{"runId":"b","status":"zero\u0000byte","sequenceNumber":2}`),
			[]byte(`{"runId":"ü\ud800","status":"completed","sequenceNumber":1,"result":17}`),
		}
		for range 2 {
			for _, body := range bodies {
				assert.Equal(t, http.StatusOK, srv.deliver(t, e, "", body), "%.60s", body)
			}
		}
		eventually(t, func() bool {
			s, err := e.Stats(t.Context())
			return err == nil && s.PendingEvents == 0
		}, func() string { return "events wait" })
		assert.Len(t, read[int64](t, e, `SELECT id FROM {events}`), len(bodies))
		numbers := 0
		for _, c := range handled.all() {
			numbers++
			if strings.HasPrefix(c.run, "rrr") {
				assert.Equal(t, long, c.run, "the event is as it came")
			}
		}
		skipped := len(read[int64](t, e, `SELECT id FROM {events} WHERE state = 'skipped'`))
		assert.Equal(t, len(bodies), numbers+skipped)
	})
}

// A run id with a zero byte cannot stand in a header, but may come by Receive.
func TestZeroByteInTheRunID(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k)
		ev, err := helios.ParseEvent([]byte(`{"runId":"a\u0000b","status":"completed"}`))
		require.NoError(t, err)
		require.NoError(t, e.Receive(t.Context(), ev, url.Values{referenceParameter: {"\x00\xff"}}))
		stored := read[string](t, e, `SELECT run_id FROM {events}`)
		require.Len(t, stored, 1)
		assert.Regexp(t, `^sha256:[0-9a-f]{64}$`, stored[0])
		assert.NotEqual(t, stored[0], storable("a\x00c"), "ids that cannot be stored as they are stay different")
	})
}

// TestConcurrentDeliveries: many at once go into few transactions, and each is
// there.
func TestConcurrentDeliveries(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k)
		var delivering sync.WaitGroup
		for i := range 200 {
			delivering.Go(func() {
				assert.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody(fmt.Sprint("run-", i%50), "processing",
					1+i/50)))
			})
		}
		delivering.Wait()
		var handled calls
		e.HandleFunc(handled.handle)
		run(t, e)
		distinct := len(read[int64](t, e, `SELECT id FROM {events}`))
		assert.Equal(t, 200, distinct)
		eventually(t, func() bool {
			return len(read[int64](t, e, `SELECT id FROM {events} WHERE state <> 'pending'`)) == distinct
		}, func() string { return "events wait" })
	})
}

// locked lets goroutines write in turn.
type locked struct {
	mu sync.Mutex
	w  *bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func TestIntake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		errPoison := errors.New("the store does not take it")
		poison := &delivery{body: []byte("poison")}
		large := func() *delivery { return &delivery{body: make([]byte, mostGroupedBytes/2+1)} }
		proceed := make(chan struct{})
		var sizes []int
		in := (&Engine{config: &config{patience: time.Minute}, store: &sqliteStore{}}).newIntake()
		in.commit = func(_ context.Context, deliveries []*delivery) error {
			<-proceed
			sizes = append(sizes, len(deliveries))
			for _, d := range deliveries {
				if d == poison {
					return errPoison
				}
			}
			return nil
		}
		var adding sync.WaitGroup
		add := func(d *delivery, want error) {
			adding.Go(func() { assert.ErrorIs(t, in.add(t.Context(), d), want) })
			synctest.Wait()
		}
		add(&delivery{}, nil) // it is alone; the others come meanwhile
		for range 3 {
			add(&delivery{}, nil)
		}
		add(poison, errPoison)
		add(large(), nil)
		add(large(), nil)
		assert.Len(t, in.waiting, 6)
		close(proceed)
		adding.Wait()
		assert.Equal(t, 1, sizes[0])
		assert.Equal(t, 5, sizes[1], "not both of the large ones")
		assert.Zero(t, in.busy)
		assert.Empty(t, in.waiting)
	})
}
