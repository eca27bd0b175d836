package durable

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

type traceKey struct{}

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func keepTrace(ctx context.Context) map[string]string {
	if parent, ok := ctx.Value(traceKey{}).(string); ok {
		return map[string]string{"traceparent": parent}
	}
	return nil
}

func restoreTrace(ctx context.Context, carried map[string]string) context.Context {
	return context.WithValue(ctx, traceKey{}, carried["traceparent"])
}

// TestTraceContext: the POST and the handlers see the trace of who submitted.
func TestTraceContext(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		posted := make(chan any, 10)
		client, err := helios.NewClient(helios.WithAPIKey(srv.APIKey), helios.WithBaseURL(srv.URL),
			helios.WithWebhookURL(srv.hook.URL+"/webhook"),
			helios.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
				return roundTripper(func(r *http.Request) (*http.Response, error) {
					posted <- r.Context().Value(traceKey{})
					return next.RoundTrip(r)
				})
			}))
		require.NoError(t, err)
		t.Cleanup(client.CloseIdleConnections)
		e := k.open(t, client, srv.receiver, WithTraceContext(keepTrace, restoreTrace), WithCodec(newCodec(t, oldKey)))
		srv.handler.set(e.WebhookHandler())
		final, ended := make(chan any, 10), make(chan any, 10)
		e.HandleFunc(func(ctx context.Context, ev *helios.Event) error {
			if ev.Final() {
				final <- ctx.Value(traceKey{})
			}
			return nil
		})
		e.HandleEnd(func(ctx context.Context, _ *Submission) error { ended <- ctx.Value(traceKey{}); return nil })
		run(t, e)

		for _, want := range []any{traceparent, nil} {
			ctx := t.Context()
			key := "untraced"
			if want != nil {
				ctx, key = context.WithValue(ctx, traceKey{}, want), "traced"
			}
			_, err = e.SubmitLabResults(ctx, key, labs())
			require.NoError(t, err)
			for _, seen := range []chan any{posted, final, ended} {
				assert.Equal(t, want, <-seen)
			}
		}
		for _, stored := range read[[]byte](t, e, `SELECT trace FROM {submissions} WHERE trace IS NOT NULL`) {
			assert.NotContains(t, string(stored), traceparent, "it goes through the codec")
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
