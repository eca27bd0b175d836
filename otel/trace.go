package heliosotel

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traceContext writes and reads traceparent and tracestate. It is not the
// application's own propagator: baggage would be stored too, and can hold
// anything.
var traceContext propagation.TraceContext

// restoredKey is the key of a *restored in a context.
type restoredKey struct{}

// restored is a submission that was stored and is worked on.
type restored struct {
	enqueue trace.SpanContext // the span that it was stored with

	mu      sync.Mutex
	pending []func(agent, runID string) // its calls that have returned
}

// ExtractTrace makes the span helios.enqueue for a submission that is about to
// be stored, and returns it as traceparent and tracestate, to be stored with
// the submission. durableotel passes it to durable.WithTraceContext; a store of
// your own can use it too.
func (t *Telemetry) ExtractTrace(ctx context.Context) map[string]string {
	ctx, span := t.tracer.Start(ctx, "helios.enqueue", trace.WithSpanKind(trace.SpanKindProducer))
	span.End()

	carrier := propagation.MapCarrier{}
	traceContext.Inject(ctx, carrier)
	return carrier
}

// RestoreTrace returns ctx with the trace that [Telemetry.ExtractTrace]
// returned. Spans started in it are children of helios.enqueue, unless ctx has
// a span of this process: then that one stays their parent. [Telemetry.Links]
// finds helios.enqueue either way. Values that are not a trace are ignored.
func (t *Telemetry) RestoreTrace(ctx context.Context, stored map[string]string) context.Context {
	enqueue := trace.SpanContextFromContext(
		traceContext.Extract(context.Background(), propagation.MapCarrier(stored)))
	if !enqueue.IsValid() {
		return ctx
	}

	ctx = context.WithValue(ctx, restoredKey{}, &restored{enqueue: enqueue})
	if current := trace.SpanContextFromContext(ctx); current.IsValid() && !current.IsRemote() {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, enqueue)
}

func restoredFrom(ctx context.Context) *restored {
	r, _ := ctx.Value(restoredKey{}).(*restored)
	return r
}

// KeepRun records that the run belongs to the submission whose trace
// [Telemetry.RestoreTrace] has put into ctx, so that deliveries link to it.
func (t *Telemetry) KeepRun(ctx context.Context, runID string) {
	if r := restoredFrom(ctx); r != nil {
		t.runs.keep(runID, r.enqueue)
	}
}

// FinishCalls counts and ends the spans of the calls by which a stored
// submission was sent. They are calls of [helios.Client.Do], which knows
// neither the agent type nor the run; so, in a context of
// [Telemetry.RestoreTrace], they wait for FinishCalls to say both. durableotel
// calls it; a store of your own that sends with Do must call it too.
func (t *Telemetry) FinishCalls(ctx context.Context, agent, runID string) {
	r := restoredFrom(ctx)
	if r == nil {
		return
	}
	r.mu.Lock()
	pending := r.pending
	r.pending = nil
	r.mu.Unlock()

	for _, finish := range pending {
		finish(agent, runID)
	}
}

// hold leaves a call for FinishCalls.
func (r *restored) hold(finish func(agent, runID string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending = append(r.pending, finish)
}
