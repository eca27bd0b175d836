// Package durableotel traces and counts what package durable does. It is
// separate from heliosotel so that programs without durable do not link its
// stores.
//
//	tel := heliosotel.New()
//	client, err := helios.NewClient(tel.ClientOptions()...)
//	receiver, err := helios.NewReceiver(tel.ReceiverOptions()...)
//	eng, err := durable.OpenSQLite(ctx, "helios.db", client, receiver,
//		durableotel.Options(tel)...)
//	registration, err := durableotel.RegisterStats(tel, eng)
//	defer registration.Unregister()
//
// A submission that is stored has the span helios.enqueue, whose trace context
// is stored with it: traceparent and tracestate, no baggage. The span
// helios.submit of the POST is its child, in whatever process it is made. So
// are the spans helios.event and helios.end of the handlers' calls, which link
// to it too. A call's span is made when the call has returned, with the time at
// which it began: spans that the handler makes are its siblings.
//
// heliosotel counts each delivery, since it knows the answer; here the span
// helios.store says what became of the delivery in the store.
package durableotel

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/heliosai/helios-go/durable"
	heliosotel "github.com/heliosai/helios-go/otel"
)

// other stands for each value of an attribute that is not one of its own.
const other = "other"

var (
	agents   = []string{"light", "deep", "lab-results"}
	handled  = []string{string(durable.ActivityHandled), string(durable.ActivityFailed), string(durable.ActivityDead)}
	received = []string{
		string(durable.ActivityStored), string(durable.ActivityDuplicate), string(durable.ActivityNotStored),
	}
)

// Options make an engine keep the trace of the caller who submits, and trace
// and count its work. They are [durable.WithTraceContext] and
// [durable.WithObserver]; for another observer beside this one, see [Observer].
func Options(tel *heliosotel.Telemetry) []durable.Option {
	return []durable.Option{
		durable.WithTraceContext(tel.ExtractTrace, tel.RestoreTrace),
		durable.WithObserver(Observer(tel)),
	}
}

// Observer returns the function that [Options] gives to [durable.WithObserver],
// of which an engine has one. If the application has an observer of its own,
// make this once and call it from there.
func Observer(tel *heliosotel.Telemetry) func(context.Context, durable.Activity) {
	duration, err := tel.Meter().Float64Histogram("helios.durable.handler.duration", metric.WithUnit("s"),
		metric.WithDescription("How long a call of a handler took."),
		metric.WithExplicitBucketBoundaries(0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 15, 30, 60, 300))
	if err != nil {
		otel.Handle(err)
	}

	return func(ctx context.Context, a durable.Activity) {
		if a.Kind == durable.ActivitySubmission {
			tel.FinishCalls(ctx, a.Agent, a.RunID)
		}
		tel.FinishCalls(ctx, "", "") // a handler's own, of other submissions
		tel.KeepRun(ctx, a.RunID)

		switch a.Kind {
		case durable.ActivityDelivery:
			record(ctx, tel, &a, "helios.store", bounded(string(a.Outcome), received))
		case durable.ActivityEvent, durable.ActivityEnd:
			outcome := bounded(string(a.Outcome), handled)
			ctx := record(ctx, tel, &a, "helios."+string(a.Kind), outcome)
			duration.Record(ctx, a.Duration.Seconds(), metric.WithAttributes(
				attribute.String("handler", string(a.Kind)), attribute.String("outcome", outcome)))
		case durable.ActivitySubmission: // its POST is the client's
		}
	}
}

// record makes the span of what has ended just now, and returns its context.
func record(
	ctx context.Context, tel *heliosotel.Telemetry, a *durable.Activity, name, outcome string,
) context.Context {
	ended := time.Now()
	attributes := []attribute.KeyValue{
		attribute.String("helios.agent", bounded(a.Agent, agents)),
		attribute.String("helios.outcome", outcome),
		attribute.Bool("helios.final", a.Final),
	}
	if a.Attempt > 0 {
		attributes = append(attributes, attribute.Int("helios.attempt", a.Attempt))
	}
	const longest = 128 // of a run id in a span; a UUID has 36 bytes
	if a.RunID != "" && len(a.RunID) <= longest {
		attributes = append(attributes, attribute.String("helios.run_id", a.RunID))
	}

	ctx, span := tel.Tracer().Start(ctx, name, trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithTimestamp(ended.Add(-a.Duration)), trace.WithAttributes(attributes...),
		trace.WithLinks(tel.Links(ctx, a.RunID)...))
	switch a.Outcome {
	case durable.ActivityNotStored, durable.ActivityFailed, durable.ActivityDead:
		span.SetStatus(codes.Error, outcome)
	default:
	}
	span.End(trace.WithTimestamp(ended))
	return ctx
}

func bounded(value string, known []string) string {
	if slices.Contains(known, value) {
		return value
	}
	return other
}
