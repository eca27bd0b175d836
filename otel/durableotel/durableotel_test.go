package durableotel_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/heliosai/helios-go/durable"
	heliosotel "github.com/heliosai/helios-go/otel"
	"github.com/heliosai/helios-go/otel/durableotel"
)

func TestObserver(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		activity durable.Activity
		span     string
		failed   bool
	}{
		"stored":       {durable.Activity{Kind: "delivery", Outcome: "stored"}, "helios.store", false},
		"duplicate":    {durable.Activity{Kind: "delivery", Outcome: "duplicate"}, "helios.store", false},
		"not stored":   {durable.Activity{Kind: "delivery", Outcome: "not_stored"}, "helios.store", true},
		"event":        {durable.Activity{Kind: "event", Outcome: "handled", Attempt: 2}, "helios.event", false},
		"event failed": {durable.Activity{Kind: "event", Outcome: "failed", Attempt: 1}, "helios.event", true},
		"event dead":   {durable.Activity{Kind: "event", Outcome: "dead", Attempt: 9}, "helios.event", true},
		"end":          {durable.Activity{Kind: "end", Outcome: "handled", Attempt: 1}, "helios.end", false},
		"submission":   {durable.Activity{Kind: "submission", Outcome: "accepted", Attempt: 1}, "", false},
		"later kind":   {durable.Activity{Kind: "dream", Outcome: "dreamt", Attempt: 1}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newWorld(t).start(t)
			tc.activity.Agent, tc.activity.Key, tc.activity.Duration = "deep", order, time.Second

			durableotel.Observer(p.tel)(t.Context(), tc.activity)

			if tc.span == "" {
				assert.Empty(t, p.spans.Ended())
				return
			}
			require.Len(t, p.named(tc.span), 1)
			span := p.named(tc.span)[0]
			assert.Equal(t, time.Second, span.EndTime().Sub(span.StartTime()))
			assert.Equal(t, string(tc.activity.Outcome), texts(span)["helios.outcome"])
			assert.Equal(t, "deep", texts(span)["helios.agent"])
			assert.Equal(t, tc.failed, span.Status().Code == codes.Error)

			data, handler := p.collected(t)["helios.durable.handler.duration"].Data.(metricdata.Histogram[float64])
			assert.Equal(t, tc.activity.Kind != durable.ActivityDelivery, handler)
			if handler {
				require.Len(t, data.DataPoints, 1)
				assert.InDelta(t, 1, data.DataPoints[0].Sum, 0.001)
			}
		})
	}
}

// TestObserver_unknown_values: what a later version may report does not become
// a series of its own.
func TestObserver_unknown_values(t *testing.T) {
	t.Parallel()
	p := newWorld(t).start(t)
	observe := durableotel.Observer(p.tel)

	for _, outcome := range []durable.ActivityOutcome{"perhaps", "maybe", ""} {
		observe(t.Context(), durable.Activity{
			Kind: durable.ActivityEvent, Outcome: outcome, Agent: "huge", RunID: strings.Repeat("x", 1000),
		})
	}

	data := p.collected(t)["helios.durable.handler.duration"].Data.(metricdata.Histogram[float64])
	require.Len(t, data.DataPoints, 1)
	assert.Equal(t, attribute.NewSet(attribute.String("handler", "event"), attribute.String("outcome", "other")),
		data.DataPoints[0].Attributes)
	for _, span := range p.named("helios.event") {
		assert.Equal(t, "other", texts(span)["helios.agent"])
		assert.NotContains(t, texts(span), "helios.run_id")
	}
}

func TestRegisterStats(t *testing.T) {
	t.Parallel()
	reader := sdkmetric.NewManualReader()
	tel := heliosotel.New(heliosotel.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))))
	store := &counted{stats: durable.Stats{
		Queued: 1, Submitting: 2, Running: 3, Unknown: 4, Overdue: 5, Failed: 6, Canceled: 7, DeadLetters: 8,
		OldestQueued: 1500 * time.Millisecond, OldestSubmitting: 2 * time.Second, OldestRunning: 3 * time.Second,
		OldestUnknown: 4 * time.Second, OldestOverdue: 5 * time.Second, OldestEvent: 6 * time.Second,
		OldestEnd: 7 * time.Second, OldestDeadLetter: 8 * time.Second,
	}}
	registration, err := durableotel.RegisterStats(tel, store)
	require.NoError(t, err)

	p := &process{reader: reader}
	metrics := p.collected(t)
	assert.Equal(t, map[string]float64{"queued": 1, "submitting": 2, "accepted": 3, "unknown": 4, "overdue": 5,
		"failed": 6, "canceled": 7}, byState[int64](metrics["helios.durable.submissions"]))
	assert.Equal(t, map[string]float64{"queued": 1.5, "submitting": 2, "accepted": 3, "unknown": 4, "overdue": 5,
		"event": 6, "end": 7, "dead_letter": 8}, byState[float64](metrics["helios.durable.oldest"]))
	assert.Equal(t, map[string]float64{"": 8}, byState[int64](metrics["helios.durable.dead_letters"]))

	store.err = errors.New("the store cannot be reached")
	var all metricdata.ResourceMetrics
	require.ErrorIs(t, reader.Collect(t.Context(), &all), store.err)
	assert.Empty(t, all.ScopeMetrics, "no number is better than an old one")

	store.err = nil
	require.NoError(t, registration.Unregister())
	assert.Empty(t, p.collected(t))
}

type counted struct {
	stats durable.Stats
	err   error
}

func (c *counted) Stats(context.Context) (durable.Stats, error) { return c.stats, c.err }

// byState returns the values of a gauge by the attribute state.
func byState[N int64 | float64](m metricdata.Metrics) map[string]float64 {
	values := map[string]float64{}
	for _, point := range m.Data.(metricdata.Gauge[N]).DataPoints {
		state, _ := point.Attributes.Value("state")
		values[state.String()] = float64(point.Value)
	}
	return values
}
