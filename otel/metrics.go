package heliosotel

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/heliosai/helios-go"
)

// metrics are the instruments of clients and receivers. The README lists them.
type metrics struct {
	submissions metric.Int64Counter
	duration    metric.Float64Histogram
	attempts    metric.Int64Counter
	slots       metric.Int64Gauge
	deliveries  metric.Int64Counter
	bytes       metric.Int64Histogram

	// Made once, for all values of their attributes.
	calls         map[[2]string]metric.MeasurementOption // by agent and outcome
	limit, active map[string]metric.MeasurementOption    // by agent
}

func newMetrics(meter metric.Meter) *metrics {
	m := &metrics{
		calls:  map[[2]string]metric.MeasurementOption{},
		limit:  map[string]metric.MeasurementOption{},
		active: map[string]metric.MeasurementOption{},
	}
	m.submissions = must(meter.Int64Counter("helios.client.submissions", metric.WithUnit("{submission}"),
		metric.WithDescription("Calls of Submit that have returned.")))
	m.duration = must(meter.Float64Histogram("helios.client.duration", metric.WithUnit("s"),
		metric.WithDescription("How long Submit took, with all attempts and waits."),
		metric.WithExplicitBucketBoundaries(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)))
	m.attempts = must(meter.Int64Counter("helios.client.attempts", metric.WithUnit("{attempt}"),
		metric.WithDescription("Requests that were tried for submissions.")))
	m.slots = must(meter.Int64Gauge("helios.client.slots", metric.WithUnit("{slot}"),
		metric.WithDescription("Run slots of the account, as the last answer had them.")))
	m.deliveries = must(meter.Int64Counter("helios.webhook.deliveries", metric.WithUnit("{delivery}"),
		metric.WithDescription("Requests to the webhook handler that were answered.")))
	m.bytes = must(meter.Int64Histogram("helios.webhook.bytes", metric.WithUnit("By"),
		metric.WithDescription("How much of a delivery's body was read."),
		metric.WithExplicitBucketBoundaries(1<<10, 4<<10, 16<<10, 64<<10, 256<<10, 1<<20, 4<<20, 16<<20)))

	for _, agent := range append([]string{other}, agents...) {
		name := attribute.String("agent", agent)
		m.limit[agent] = with(name, attribute.String("slots", "limit"))
		m.active[agent] = with(name, attribute.String("slots", "active"))
		for _, outcome := range append([]string{other}, outcomes...) {
			m.calls[[2]string{agent, outcome}] = with(name, attribute.String("outcome", outcome))
		}
	}
	return m
}

func with(attributes ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(attributes...))
}

// must reports what a meter refuses. The instrument is then one that does
// nothing.
func must[T any](instrument T, err error) T {
	if err != nil {
		otel.Handle(err)
	}
	return instrument
}

func (m *metrics) countCall(ctx context.Context, agent, outcome string, c *helios.Call) {
	attributes := m.calls[[2]string{agent, outcome}]
	m.submissions.Add(ctx, 1, attributes)
	m.duration.Record(ctx, c.Duration.Seconds(), attributes)
	m.attempts.Add(ctx, int64(c.Attempts), attributes)

	if c.Concurrency.Limit > 0 {
		m.slots.Record(ctx, int64(c.Concurrency.Limit), m.limit[agent])
		m.slots.Record(ctx, int64(c.Concurrency.Active), m.active[agent])
	}
}

func (m *metrics) countDelivery(ctx context.Context, answer, reason string, bytes int64) {
	attributes := with(attribute.String("answer", answer), attribute.String("reason", reason))
	m.deliveries.Add(ctx, 1, attributes)
	m.bytes.Record(ctx, bytes, attributes)
}
