package heliosotel_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
	heliosotel "github.com/heliosai/helios-go/otel"
)

// recorder keeps all that a Telemetry gives out.
type recorder struct {
	*heliosotel.Telemetry

	spans  *tracetest.SpanRecorder
	traces *sdktrace.TracerProvider
	reader *sdkmetric.ManualReader
}

func newRecorder(t testing.TB) *recorder {
	t.Helper()
	r := &recorder{spans: tracetest.NewSpanRecorder(), reader: sdkmetric.NewManualReader()}
	r.traces = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r.spans))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader))
	t.Cleanup(func() { _ = r.traces.Shutdown(context.Background()); _ = meters.Shutdown(context.Background()) })
	r.Telemetry = heliosotel.New(heliosotel.WithTracerProvider(r.traces), heliosotel.WithMeterProvider(meters))
	return r
}

// named returns the ended spans of a name.
func (r *recorder) named(name string) (spans []sdktrace.ReadOnlySpan) {
	for _, s := range r.spans.Ended() {
		if s.Name() == name {
			spans = append(spans, s)
		}
	}
	return spans
}

// only returns the one span of a name.
func (r *recorder) only(t testing.TB, name string) sdktrace.ReadOnlySpan {
	t.Helper()
	spans := r.named(name)
	require.Len(t, spans, 1, name)
	return spans[0]
}

// start starts a span of the application's own.
func (r *recorder) start(ctx context.Context) (context.Context, trace.Span) {
	return r.traces.Tracer("application").Start(ctx, "order")
}

// collected returns all metrics by their names.
func (r *recorder) collected(t testing.TB) map[string]metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, r.reader.Collect(t.Context(), &all))

	metrics := map[string]metricdata.Metrics{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			metrics[m.Name] = m
		}
	}
	return metrics
}

// value returns the value of one series, and for a histogram its count.
func (r *recorder) value(t testing.TB, name string, attributes ...attribute.KeyValue) int {
	t.Helper()
	want := attribute.NewSet(attributes...)
	switch data := r.collected(t)[name].Data.(type) {
	case metricdata.Sum[int64]:
		return int(valueOf(data.DataPoints, want))
	case metricdata.Gauge[int64]:
		return int(valueOf(data.DataPoints, want))
	case metricdata.Histogram[int64]:
		return int(countOf(data.DataPoints, want))
	case metricdata.Histogram[float64]:
		return int(countOf(data.DataPoints, want))
	}
	return 0
}

func valueOf(points []metricdata.DataPoint[int64], want attribute.Set) int64 {
	for _, p := range points {
		if p.Attributes.Equals(&want) {
			return p.Value
		}
	}
	return 0
}

func countOf[N int64 | float64](points []metricdata.HistogramDataPoint[N], want attribute.Set) uint64 {
	for _, p := range points {
		if p.Attributes.Equals(&want) {
			return p.Count
		}
	}
	return 0
}

// texts returns the attributes of a span as texts.
func texts(s sdktrace.ReadOnlySpan) map[string]string {
	all := map[string]string{}
	for _, kv := range s.Attributes() {
		all[string(kv.Key)] = kv.Value.String()
	}
	return all
}

// service is a fake Helios with a client and a place for its webhooks.
type service struct {
	*heliostest.Server

	client  *helios.Client
	handler atomic.Value // of http.Handler
	hook    *httptest.Server
}

func newService(t testing.TB, opts ...helios.ClientOption) *service {
	t.Helper()
	s := &service{Server: heliostest.New(t, heliostest.WithStepInterval(time.Millisecond))}
	s.handler.Store(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.hook = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.handler.Load().(http.HandlerFunc)(w, r)
	}))
	t.Cleanup(s.hook.Close)
	s.client = s.connect(t, opts...)
	return s
}

func (s *service) connect(t testing.TB, opts ...helios.ClientOption) *helios.Client {
	t.Helper()
	client, err := helios.NewClient(append([]helios.ClientOption{
		helios.WithAPIKey(s.APIKey), helios.WithBaseURL(s.URL),
		helios.WithWebhookURL(s.hook.URL + "/webhook?token=" + urlToken),
		helios.WithMaxRetryWait(time.Millisecond),
	}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// What must not be found in anything that is exported.
const (
	urlToken = "q-7f3a-token"
	labName  = "Zebra-Creatinine"
	labValue = "88.125 mg/dL"
)

func labs() *helios.LabResultsRequest {
	return &helios.LabResultsRequest{
		LabResults:     []helios.LabResult{{Name: labName, Value: labValue}},
		PatientContext: &helios.PatientContext{Age: "58"},
	}
}
