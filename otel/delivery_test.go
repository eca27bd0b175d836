package heliosotel_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

const webhookSecret = "whsec_4d1f"

func newReceiver(t testing.TB, r *recorder, secret string) *helios.Receiver {
	t.Helper()
	receiver, err := helios.NewReceiver(append(r.ReceiverOptions(), helios.WithWebhookSecret(secret))...)
	require.NoError(t, err)
	return receiver
}

func TestDelivery(t *testing.T) {
	t.Parallel()
	event := heliostest.CompletedEvent("r-1")
	for name, tc := range map[string]struct {
		secret string
		body   []byte
		err    error
		answer string
		reason string
		failed bool
	}{
		"accepted":        {webhookSecret, event, nil, "200", "accepted", false},
		"forged":          {"whsec_other", event, nil, "401", "signature", false},
		"no event":        {webhookSecret, []byte(`[]`), nil, "400", "malformed", false},
		"callback failed": {webhookSecret, event, errors.New(labName), "500", "failed", true},
		"unavailable":     {webhookSecret, event, helios.ErrUnavailable, "503", "unavailable", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecorder(t)
			callback := func(context.Context, *helios.Event) error { return tc.err }
			handler := newReceiver(t, r, webhookSecret).Handler(callback)
			req := heliostest.NewWebhookRequest("/webhook?token="+urlToken, tc.secret, tc.body, time.Now())
			ctx, server := r.start(t.Context())

			handler.ServeHTTP(httptest.NewRecorder(), req.WithContext(ctx))
			server.End()

			delivery := r.only(t, "helios.delivery")
			assert.Equal(t, server.SpanContext().SpanID(), delivery.Parent().SpanID())
			assert.Equal(t, trace.SpanKindConsumer, delivery.SpanKind())
			assert.Equal(t, tc.answer, texts(delivery)["http.response.status_code"])
			assert.Equal(t, tc.reason, texts(delivery)["helios.reason"])
			assert.Equal(t, tc.failed, delivery.Status().Code == codes.Error)
			labels := []attribute.KeyValue{attribute.String("answer", tc.answer), attribute.String("reason", tc.reason)}
			assert.Equal(t, 1, r.value(t, "helios.webhook.deliveries", labels...))
			assert.Equal(t, 1, r.value(t, "helios.webhook.bytes", labels...))

			_, authentic := texts(delivery)["helios.run_id"]
			assert.Equal(t, tc.answer != "401" && tc.answer != "400", authentic)
		})
	}
}

func TestDelivery_callback_panics(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	handler := newReceiver(t, r, webhookSecret).Handler(func(context.Context, *helios.Event) error { panic(labName) })
	req := heliostest.NewWebhookRequest("/webhook", webhookSecret, heliostest.CompletedEvent("r-1"), time.Now())

	assert.Panics(t, func() { handler.ServeHTTP(httptest.NewRecorder(), req) })

	delivery := r.only(t, "helios.delivery")
	assert.Equal(t, codes.Error, delivery.Status().Code)
	assert.NotContains(t, texts(delivery), "http.response.status_code")
	assert.Equal(t, 1, r.value(t, "helios.webhook.deliveries",
		attribute.String("answer", "none"), attribute.String("reason", "panic")))
}

func TestDelivery_unknown_values(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)

	r.ObserveDelivery(t.Context(), helios.Delivery{StatusCode: 418, Reason: "teapot", RunID: "r", Agent: "huge"})

	assert.Equal(t, 1, r.value(t, "helios.webhook.deliveries",
		attribute.String("answer", "other"), attribute.String("reason", "other")))
	assert.Equal(t, "other", texts(r.only(t, "helios.delivery"))["helios.agent"])
}

// TestDelivery_links_to_the_submission that started the run.
func TestDelivery_links_to_the_submission(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	srv := newService(t, r.ClientOptions()...)
	tracker := helios.NewTracker()
	srv.handler.Store(http.HandlerFunc(newReceiver(t, r, srv.WebhookSecret).Handler(tracker.Handle).ServeHTTP))

	run, err := srv.client.LabResults.Submit(t.Context(), labs())
	require.NoError(t, err)
	_, err = tracker.Wait(t.Context(), run.ID, nil)
	require.NoError(t, err)
	require.NoError(t, srv.Wait(t.Context()))
	srv.hook.Close() // when the last answer has left, its observer was called

	submit := r.only(t, "helios.submit").SpanContext()
	linked := 0
	for _, delivery := range r.named("helios.delivery") {
		for _, link := range delivery.Links() {
			assert.Equal(t, submit.SpanID(), link.SpanContext.SpanID())
			assert.Equal(t, submit.TraceID(), link.SpanContext.TraceID())
			linked++
		}
	}
	assert.Positive(t, linked, "the result comes after the answer to Submit")
	assert.Len(t, r.named("helios.delivery"), r.value(t, "helios.webhook.deliveries",
		attribute.String("answer", "200"), attribute.String("reason", "accepted")))
}
