package durableotel_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/heliosai/helios-go/durable"
)

// TestTrace_across_processes: one process stores a submission and ends, another
// sends it and handles its result.
func TestTrace_across_processes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.start(t)
	ctx, request := first.traces.Tracer("application").Start(t.Context(), "order")
	_, err := first.SubmitLabResults(ctx, order+"1", labs())
	require.NoError(t, err)
	request.End()
	require.NoError(t, first.Close())

	second := w.start(t)
	second.run(t)
	<-second.events
	require.NoError(t, w.Wait(t.Context()))
	second.eventually(t, order+"1", durable.Completed)
	second.stop()
	w.hook.Close()

	require.Len(t, first.named("helios.enqueue"), 1)
	enqueue := first.named("helios.enqueue")[0]
	assert.Equal(t, request.SpanContext().SpanID(), enqueue.Parent().SpanID())

	require.Len(t, second.named("helios.submit"), 1)
	submit := second.named("helios.submit")[0]
	assert.Equal(t, enqueue.SpanContext().SpanID(), submit.Parent().SpanID())
	for _, attempt := range second.named("POST /api/v1/lab-results") {
		assert.Equal(t, enqueue.SpanContext().TraceID(), attempt.SpanContext().TraceID())
	}

	events := second.named("helios.event")
	require.NotEmpty(t, events)
	for _, event := range events {
		assert.Equal(t, enqueue.SpanContext().SpanID(), event.Parent().SpanID())
		require.Len(t, event.Links(), 1)
		assert.Equal(t, enqueue.SpanContext().SpanID(), event.Links()[0].SpanContext.SpanID())
		assert.Equal(t, texts(submit)["helios.run_id"], texts(event)["helios.run_id"])
		assert.Equal(t, "handled", texts(event)["helios.outcome"])
		assert.Equal(t, "1", texts(event)["helios.attempt"])
	}
	assert.Equal(t, "handled", texts(final(t, second))["helios.outcome"])
	assert.Len(t, second.named("helios.store"), len(second.named("helios.delivery")))
}

// TestTrace_delivery_to_another_process: it has neither submitted the run nor
// handled its events.
func TestTrace_delivery_to_another_process(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	works := w.start(t)
	receives := w.start(t) // from now on
	_, err := works.SubmitLabResults(t.Context(), order+"1", labs())
	require.NoError(t, err)
	works.run(t)

	works.eventually(t, order+"1", durable.Completed)
	require.NoError(t, w.Wait(t.Context()))
	w.hook.Close()

	enqueue := works.named("helios.enqueue")[0].SpanContext()
	for _, name := range []string{"helios.store", "helios.delivery"} {
		require.NotEmpty(t, receives.named(name))
		for _, span := range receives.named(name) {
			require.Len(t, span.Links(), 1, name)
			assert.Equal(t, enqueue.SpanID(), span.Links()[0].SpanContext.SpanID())
		}
	}
}

func TestTrace_handler_fails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(t, durable.WithMaxAttempts(1))
	p.run(t)
	failRun(w)
	_, err := p.SubmitLabResults(t.Context(), order+"1", labs())
	require.NoError(t, err)

	p.eventually(t, order+"1", durable.Failed)
	require.Eventually(t, func() bool {
		stats, err := p.Stats(t.Context())
		return err == nil && stats.DeadLetters == 1
	}, patience, tick)
	p.stop()

	last := final(t, p)
	assert.Equal(t, "dead", texts(last)["helios.outcome"])
	assert.Equal(t, codes.Error, last.Status().Code)
	assert.Equal(t, "dead", last.Status().Description)
	assert.Empty(t, last.Events(), "the handler's error can hold anything")
}

// final returns the span of the one final event.
func final(t *testing.T, p *process) sdktrace.ReadOnlySpan {
	t.Helper()
	for _, event := range p.named("helios.event") {
		if texts(event)["helios.final"] == "true" {
			return event
		}
	}
	require.Fail(t, "no final event")
	return nil
}
