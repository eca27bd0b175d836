package heliosotel_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	heliosotel "github.com/heliosai/helios-go/otel"
)

func TestTrace_from_one_process_to_another(t *testing.T) {
	t.Parallel()
	submits, works := newRecorder(t), newRecorder(t)
	ctx, order := submits.start(t.Context())

	stored := submits.ExtractTrace(ctx)
	order.End()
	restored := works.RestoreTrace(t.Context(), stored)
	_, span := works.start(restored)
	span.End()

	enqueue := submits.only(t, "helios.enqueue")
	assert.Equal(t, order.SpanContext().SpanID(), enqueue.Parent().SpanID())
	assert.Equal(t, trace.SpanKindProducer, enqueue.SpanKind())
	work := works.only(t, "order")
	assert.Equal(t, enqueue.SpanContext().SpanID(), work.Parent().SpanID())
	assert.True(t, work.Parent().IsRemote())

	links := works.Links(restored, "")
	require.Len(t, links, 1)
	assert.Equal(t, enqueue.SpanContext().SpanID(), links[0].SpanContext.SpanID())
}

// TestRestoreTrace_keeps_a_span_of_this_process, that of a request say, as the
// parent of what follows.
func TestRestoreTrace_keeps_a_span_of_this_process(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	stored := r.ExtractTrace(t.Context())
	ctx, request := r.start(t.Context())
	defer request.End()

	ctx = r.RestoreTrace(ctx, stored)

	assert.Equal(t, request.SpanContext(), trace.SpanContextFromContext(ctx))
	assert.Len(t, r.Links(ctx, ""), 1)
}

// TestExtractTrace_leaves_baggage_out, which can hold anything and would be
// stored.
func TestExtractTrace_leaves_baggage_out(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	member, err := baggage.NewMember("patient", labName)
	require.NoError(t, err)
	carried, err := baggage.New(member)
	require.NoError(t, err)

	stored := r.ExtractTrace(baggage.ContextWithBaggage(t.Context(), carried))

	assert.Equal(t, []string{"traceparent"}, slices.Collect(maps.Keys(stored)))
}

func TestExtractTrace_without_tracing_stores_nothing(t *testing.T) {
	t.Parallel()
	tel := heliosotel.New(heliosotel.WithTracerProvider(noop.NewTracerProvider()))
	assert.Empty(t, tel.ExtractTrace(t.Context()))
}

func TestRestoreTrace_leaves_out_what_is_no_trace(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	for _, stored := range []map[string]string{
		nil, {}, {"traceparent": ""}, {"traceparent": "00-0-0-01"}, {"traceparent": "x"}, {"other": "x"},
	} {
		ctx := r.RestoreTrace(t.Context(), stored)
		assert.Equal(t, t.Context(), ctx)
		assert.Empty(t, r.Links(ctx, ""))
	}
}

func TestKeepRun(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	ctx := r.RestoreTrace(context.Background(), r.ExtractTrace(context.Background()))

	r.KeepRun(context.Background(), "r-1")
	assert.Empty(t, r.Links(context.Background(), "r-1"), "the context has no submission")

	r.KeepRun(ctx, "r-1")
	links := r.Links(context.Background(), "r-1")
	require.Len(t, links, 1)
	assert.Equal(t, r.only(t, "helios.enqueue").SpanContext().SpanID(), links[0].SpanContext.SpanID())
	assert.Empty(t, r.Links(context.Background(), "r-2"))
}

// TestFinishCalls: durable sends by Do, which is not told the agent type.
func TestFinishCalls(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	srv := newService(t, r.ClientOptions()...)
	ctx := r.RestoreTrace(t.Context(), r.ExtractTrace(t.Context()))
	lab := map[string]string{"name": "Sodium", "value": "140"}
	request := map[string]any{"webhookUrl": srv.hook.URL, "labResults": []any{lab}}

	_, err := srv.client.Do(ctx, "POST", "/api/v1/lab-results", nil, request, nil)
	require.NoError(t, err)
	_, err = srv.client.Do(ctx, "GET", "/api/v1/runs", nil, nil, nil)
	require.Error(t, err)
	assert.Empty(t, r.named("helios.submit"), "it is not known yet what was submitted")
	assert.Len(t, r.named("helios.do"), 1)

	for range 2 { // the second finds nothing
		r.FinishCalls(ctx, "lab-results", "r-1")
	}
	r.FinishCalls(context.Background(), "deep", "r-2")

	submit := r.only(t, "helios.submit")
	assert.Equal(t, r.only(t, "helios.enqueue").SpanContext().SpanID(), submit.Parent().SpanID())
	assert.Equal(t, map[string]string{"helios.agent": "lab-results", "helios.outcome": "accepted",
		"helios.attempts": "1", "helios.run_id": "r-1"}, texts(submit))
}
