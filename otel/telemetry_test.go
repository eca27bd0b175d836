package heliosotel_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/heliosai/helios-go"
	heliosotel "github.com/heliosai/helios-go/otel"
)

// TestNew_uses_the_global_providers, also those that are set after it was
// called. It changes what is global, so it is not parallel.
func TestNew_uses_the_global_providers(t *testing.T) {
	tel := heliosotel.New(nil, heliosotel.WithTracerProvider(nil), heliosotel.WithMeterProvider(nil))
	spans, reader := tracetest.NewSpanRecorder(), sdkmetric.NewManualReader()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	otel.SetMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))

	tel.ObserveDelivery(t.Context(), helios.Delivery{StatusCode: 200, Reason: helios.ReasonAccepted})

	require.Len(t, spans.Ended(), 1)
	assert.Equal(t, helios.Version, spans.Ended()[0].InstrumentationScope().Version)
	var all metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &all))
	require.Len(t, all.ScopeMetrics, 1)
	assert.Equal(t, "github.com/heliosai/helios-go/otel", all.ScopeMetrics[0].Scope.Name)
}

// TestLinked: who does not use durable does not link its stores, nor the SDK of
// OpenTelemetry.
func TestLinked(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	require.NoError(t, err)

	for _, unwanted := range []string{"riverqueue", "sqlite", "jackc", "helios-go/durable", "otel/sdk", "prometheus"} {
		for path := range strings.FieldsSeq(string(out)) {
			assert.NotContains(t, path, unwanted)
		}
	}
}
