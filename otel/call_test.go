package heliosotel_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

func TestSubmit(t *testing.T) {
	t.Parallel()
	invalid := &helios.LabResultsRequest{}
	for name, tc := range map[string]struct {
		faults   []heliostest.Fault
		request  *helios.LabResultsRequest
		outcome  string
		attempts int
	}{
		"accepted":        {nil, labs(), "accepted", 1},
		"answer is lost":  {[]heliostest.Fault{heliostest.DropAnswer()}, labs(), "unknown", 1},
		"all slots taken": {[]heliostest.Fault{heliostest.Status(429)}, labs(), "limited", 1},
		"wrong key":       {[]heliostest.Fault{heliostest.Status(401)}, labs(), "unauthorized", 1},
		"refused":         {[]heliostest.Fault{heliostest.Status(422)}, labs(), "refused", 1},
		"invalid":         {nil, invalid, "invalid", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecorder(t)
			srv := newService(t, r.ClientOptions()...)
			srv.Inject(tc.faults...)
			ctx, order := r.start(t.Context())

			run, err := srv.client.LabResults.Submit(ctx, tc.request)
			order.End()

			submit := r.only(t, "helios.submit")
			assert.Equal(t, order.SpanContext().SpanID(), submit.Parent().SpanID())
			want := map[string]string{"helios.agent": "lab-results", "helios.outcome": tc.outcome,
				"helios.attempts": string(rune('0' + tc.attempts))}
			if err == nil {
				want["helios.run_id"] = run.ID
				assert.Equal(t, codes.Unset, submit.Status().Code)
			} else {
				assert.Equal(t, codes.Error, submit.Status().Code)
				assert.Equal(t, tc.outcome, submit.Status().Description)
			}
			assert.Equal(t, want, texts(submit))

			labels := []attribute.KeyValue{attribute.String("agent", "lab-results"),
				attribute.String("outcome", tc.outcome)}
			assert.Equal(t, 1, r.value(t, "helios.client.submissions", labels...))
			assert.Equal(t, 1, r.value(t, "helios.client.duration", labels...))
			assert.Equal(t, tc.attempts, r.value(t, "helios.client.attempts", labels...))
		})
	}
}

func TestSubmit_slots(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	srv := newService(t, r.ClientOptions()...)

	_, err := srv.client.LabResults.Submit(t.Context(), labs())
	require.NoError(t, err)

	agent := attribute.String("agent", "lab-results")
	assert.Equal(t, 7, r.value(t, "helios.client.slots", agent, attribute.String("slots", "limit")))
	assert.Equal(t, 1, r.value(t, "helios.client.slots", agent, attribute.String("slots", "active")))
}

func TestSubmit_span_covers_the_attempts(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	srv := newService(t, r.ClientOptions()...)

	_, err := srv.client.LabResults.Submit(t.Context(), labs())
	require.NoError(t, err)

	submit, attempt := r.only(t, "helios.submit"), r.only(t, "POST /api/v1/lab-results")
	assert.False(t, submit.StartTime().After(attempt.StartTime()))
	assert.False(t, submit.EndTime().Before(attempt.EndTime()))
}

// TestDo: a call to another endpoint is no submission, and its path can name a
// patient.
func TestDo(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	srv := newService(t, r.ClientOptions()...)
	query := struct {
		Name string `url:"name"`
	}{labName}

	_, err := srv.client.Do(t.Context(), "GET", "/api/v1/patients/"+labName, query, nil, nil)
	require.Error(t, err)

	want := map[string]string{"helios.outcome": "refused", "helios.attempts": "1"}
	assert.Equal(t, want, texts(r.only(t, "helios.do")))
	attempt := texts(r.only(t, "GET"))
	assert.Equal(t, srv.URL, attempt["url.full"])
	assert.NotContains(t, attempt, "url.template")
	assert.NotContains(t, r.collected(t), "helios.client.submissions")
}

// TestObserveCall_unknown_values: what a later version of the SDK may report
// does not become a series of its own.
func TestObserveCall_unknown_values(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)

	for _, agent := range []string{"", "huge", "enormous"} {
		r.ObserveCall(context.Background(), helios.Call{
			Method: "POST", Path: "/api/v1/agent", Agent: agent, Outcome: "perhaps", Duration: time.Second, Attempts: 2,
			RunID: string(make([]byte, 1000)), Concurrency: helios.Concurrency{Limit: 3, Active: 2},
		})
	}

	labels := []attribute.KeyValue{attribute.String("agent", "other"), attribute.String("outcome", "other")}
	assert.Equal(t, 3, r.value(t, "helios.client.submissions", labels...))
	assert.Equal(t, 6, r.value(t, "helios.client.attempts", labels...))
	assert.Equal(t, 3, r.value(t, "helios.client.slots", attribute.String("agent", "other"),
		attribute.String("slots", "limit")))
	for _, s := range r.named("helios.submit") {
		assert.Equal(t, "other", texts(s)["helios.run_id"])
	}
}
