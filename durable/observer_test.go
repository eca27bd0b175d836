package durable

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

// TestObserver: each attempt, delivery and call of a handler is told, with the
// trace of who submitted.
func TestObserver(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		srv.Inject(heliostest.Status(http.StatusForbidden))
		srv.Inject(heliostest.DuplicateWebhooks())
		srv.Inject(heliostest.Status(http.StatusBadRequest))
		srv.Inject(heliostest.Status(http.StatusBadGateway))
		type key struct {
			kind    ActivityKind
			outcome ActivityOutcome
		}
		var mu sync.Mutex
		seen := map[key][]Activity{}
		traces := map[key][]any{}
		e := srv.open(t, k, WithMaxAttempts(2), WithTraceContext(keepTrace, restoreTrace),
			WithObserver(func(ctx context.Context, a Activity) {
				mu.Lock()
				defer mu.Unlock()
				at := key{a.Kind, a.Outcome}
				seen[at] = append(seen[at], a)
				traces[at] = append(traces[at], ctx.Value(traceKey{}))
				panic("an observer that panics does no harm")
			}))
		e.HandleFunc(func(_ context.Context, ev *helios.Event) error {
			if ev.Final() {
				return errHandler
			}
			return nil
		})
		e.HandleEnd(func(context.Context, *Submission) error { return nil })
		run(t, e)
		traced := context.WithValue(t.Context(), traceKey{}, traceparent)
		for key, want := range map[string]State{"1": Completed} {
			_, err := e.SubmitLabResults(traced, key, labs(key))
			require.NoError(t, err)
			waitFor(t, e, key, want)
		}
		for _, c := range []struct {
			key  string
			want State
		}{{"2", Failed}, {"3", Unknown}} {
			_, err := e.SubmitLabResults(traced, c.key, labs(c.key))
			require.NoError(t, err)
			waitFor(t, e, c.key, c.want)
		}
		require.NoError(t, srv.Wait(t.Context()))
		all := []key{
			{ActivitySubmission, ActivityRequeued}, {ActivitySubmission, ActivityAccepted}, {ActivitySubmission,
				ActivityRefused},
			{ActivitySubmission, ActivityUnknown}, {ActivityDelivery, ActivityStored}, {ActivityDelivery,
				ActivityDuplicate},
			{ActivityEvent, ActivityHandled}, {ActivityEvent, ActivityFailed}, {ActivityEvent,
				ActivityDead}, {ActivityEnd, ActivityHandled},
		}
		for _, k := range all {
			eventually(t, func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(seen[k]) > 0
			}, func() string { return string(k.kind + " " + ActivityKind(k.outcome)) })
		}

		mu.Lock()
		defer mu.Unlock()
		for _, k := range all {
			a := seen[k][0]
			assert.Equal(t, agentLabResults, a.Agent, k)
			if k.kind != ActivityDelivery {
				assert.NotEmpty(t, a.Key, k)
				assert.Positive(t, a.Attempt, k)
				assert.Equal(t, traceparent, traces[k][0], k)
			}
		}
		assert.True(t, seen[key{ActivityEvent, ActivityDead}][0].Final)
		assert.Equal(t, 2, seen[key{ActivitySubmission, ActivityAccepted}][0].Attempt)
	})
}

// TestQueues: while all workers of one agent type wait for an answer, runs of
// another are sent.
func TestQueues(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		release := make(chan struct{})
		defer close(release)
		var sending sync.WaitGroup
		sending.Add(submitters)
		answers := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "lab-results") {
				sending.Done()
				<-release
			}
			_, _ = w.Write([]byte(`{"runId":"` + randomHex(8) + `"}`))
		}))
		t.Cleanup(answers.Close)
		client, err := helios.NewClient(helios.WithAPIKey("k"), helios.WithBaseURL(answers.URL),
			helios.WithWebhookURL("http://127.0.0.1:1/"))
		require.NoError(t, err)
		t.Cleanup(client.CloseIdleConnections)
		e := k.open(t, client, newService(t).receiver)
		change(t, e, `UPDATE {agents} SET slot_limit = $1`, submitters)
		for range submitters {
			_, err := e.SubmitLabResults(t.Context(), randomHex(4), labs())
			require.NoError(t, err)
		}
		e.HandleFunc(nothing)
		run(t, e)
		sending.Wait()
		_, err = e.SubmitAgent(t.Context(), "deep", record())
		require.NoError(t, err)
		waitFor(t, e, "deep", Accepted)
	})
}
