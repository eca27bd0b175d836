package heliosotel

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/heliosai/helios-go"
)

// scope is the name of the instrumentation, as exporters show it.
const scope = "github.com/heliosai/helios-go/otel"

// other stands for each value of an attribute that is not one of its own.
const other = "other"

// Telemetry makes spans and metrics. Make it with [New], once, and share it: it
// is safe for concurrent use.
type Telemetry struct {
	tracer  trace.Tracer
	meter   metric.Meter
	metrics *metrics
	runs    *runs
}

// An Option configures a [Telemetry]. Of two that set the same thing, the later
// one wins. A nil option does nothing.
type Option func(*config)

type config struct {
	tracers trace.TracerProvider
	meters  metric.MeterProvider
}

// WithTracerProvider sets where spans go. The default, also for nil, is
// OpenTelemetry's global provider.
func WithTracerProvider(p trace.TracerProvider) Option {
	return func(c *config) { c.tracers = p }
}

// WithMeterProvider sets where metrics go. The default, also for nil, is
// OpenTelemetry's global provider.
func WithMeterProvider(p metric.MeterProvider) Option {
	return func(c *config) { c.meters = p }
}

// New makes a Telemetry. If the meter refuses an instrument, the error goes to
// OpenTelemetry's error handler and that metric is missing: telemetry must not
// keep a service from starting.
func New(opts ...Option) *Telemetry {
	var c config
	for _, opt := range opts {
		if opt != nil {
			opt(&c)
		}
	}
	if c.tracers == nil {
		c.tracers = otel.GetTracerProvider()
	}
	if c.meters == nil {
		c.meters = otel.GetMeterProvider()
	}

	t := &Telemetry{
		tracer: c.tracers.Tracer(scope, trace.WithInstrumentationVersion(helios.Version)),
		meter:  c.meters.Meter(scope, metric.WithInstrumentationVersion(helios.Version)),
		runs:   newRuns(keptRuns),
	}
	t.metrics = newMetrics(t.meter)
	return t
}

// Tracer returns the tracer that makes the spans.
func (t *Telemetry) Tracer() trace.Tracer { return t.tracer }

// Meter returns the meter that makes the metrics.
func (t *Telemetry) Meter() metric.Meter { return t.meter }

// ClientOptions trace and count what a client sends. They are
// [helios.WithCallTracing] and [helios.WithMiddleware].
func (t *Telemetry) ClientOptions() []helios.ClientOption {
	return []helios.ClientOption{
		helios.WithCallTracing(t.traceCall),
		helios.WithMiddleware(t.traceAttempts),
	}
}

// ReceiverOptions trace and count what a receiver gets. They are
// [helios.WithReceiverObserver]; for another observer beside this one, see
// [Telemetry.ObserveDelivery].
func (t *Telemetry) ReceiverOptions() []helios.ReceiverOption {
	return []helios.ReceiverOption{helios.WithReceiverObserver(t.ObserveDelivery)}
}

// Links returns the link to the span that submitted the run, for another span
// about it. The submission is the one that [Telemetry.RestoreTrace] has put
// into ctx, or else the one that this process knows for the run. Links is empty
// if neither is known.
func (t *Telemetry) Links(ctx context.Context, runID string) []trace.Link {
	if r := restoredFrom(ctx); r != nil {
		return []trace.Link{{SpanContext: r.enqueue}}
	}
	submitted, ok := t.runs.find(runID)
	if !ok {
		return nil
	}
	return []trace.Link{{SpanContext: submitted}}
}

// bounded returns value if it is one of those that are known, else "other".
func bounded(value string, known []string) string {
	if slices.Contains(known, value) {
		return value
	}
	return other
}
