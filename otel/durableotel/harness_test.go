package durableotel_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/heliostest"
	heliosotel "github.com/heliosai/helios-go/otel"
	"github.com/heliosai/helios-go/otel/durableotel"
)

// What must not be found in anything that is exported.
const (
	urlToken = "q-7f3a-token"
	labName  = "Zebra-Creatinine"
	labValue = "88.125 mg/dL"
	handlers = "zebra-handler-failed"
	order    = "order-zebra-"
)

func labs() *helios.LabResultsRequest {
	return &helios.LabResultsRequest{
		LabResults:     []helios.LabResult{{Name: labName, Value: labValue}},
		PatientContext: &helios.PatientContext{Age: "58"},
	}
}

// world is what the processes of a test share: the service, the address of
// webhooks, and the store.
type world struct {
	*heliostest.Server

	hook    *httptest.Server
	handler atomic.Value // of http.HandlerFunc
	store   string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		Server: heliostest.New(t, heliostest.WithStepInterval(time.Millisecond)),
		store:  filepath.Join(t.TempDir(), "helios.db"),
	}
	w.handler.Store(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		answer.WriteHeader(http.StatusServiceUnavailable)
	}))
	w.hook = httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		w.handler.Load().(http.HandlerFunc)(answer, r)
	}))
	t.Cleanup(w.hook.Close)
	return w
}

// process is one process that works on the store, with telemetry of its own.
type process struct {
	*durable.SQLiteEngine

	tel    *heliosotel.Telemetry
	client *helios.Client
	spans  *tracetest.SpanRecorder
	reader *sdkmetric.ManualReader
	logged *lines
	traces *sdktrace.TracerProvider
	stop   func()
	events chan *helios.Event // the final ones, after they were handled
}

// lines keeps what is logged from many goroutines.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start opens the store as a new process would. Webhooks go to it from now on.
func (w *world) start(t testing.TB, opts ...durable.Option) *process {
	t.Helper()
	p := &process{spans: tracetest.NewSpanRecorder(), reader: sdkmetric.NewManualReader(), logged: &lines{}}
	p.traces = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p.spans))
	p.tel = heliosotel.New(heliosotel.WithTracerProvider(p.traces),
		heliosotel.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(p.reader))))
	logger := slog.New(slog.NewTextHandler(p.logged, &slog.HandlerOptions{Level: slog.LevelDebug}))

	var err error
	p.client, err = helios.NewClient(append(p.tel.ClientOptions(), helios.WithAPIKey(w.APIKey),
		helios.WithBaseURL(w.URL), helios.WithWebhookURL(w.hook.URL+"/webhook?token="+urlToken),
		helios.WithMaxRetries(0), helios.WithLogger(logger))...)
	require.NoError(t, err)
	t.Cleanup(p.client.CloseIdleConnections)
	receiver, err := helios.NewReceiver(append(p.tel.ReceiverOptions(), helios.WithWebhookSecret(w.WebhookSecret),
		helios.WithReceiverLogger(logger))...)
	require.NoError(t, err)

	opts = append(append(durableotel.Options(p.tel), durable.WithLogger(logger)), opts...)
	p.SQLiteEngine, err = durable.OpenSQLite(t.Context(), w.store, p.client, receiver, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	p.stop = func() {}
	p.events = make(chan *helios.Event, 100)
	p.HandleFunc(func(_ context.Context, ev *helios.Event) error {
		if ev.Failure() != nil {
			return errors.New(handlers)
		}
		if ev.Final() {
			p.events <- ev
		}
		return nil
	})
	w.handler.Store(http.HandlerFunc(p.WebhookHandler().ServeHTTP))
	return p
}

// run works until stop is called, or the test ends.
func (p *process) run(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(p.stop)
}

// eventually waits until the state of a submission is the wanted one.
func (p *process) eventually(t testing.TB, key string, want durable.State) {
	t.Helper()
	require.Eventually(t, func() bool {
		s, err := p.Status(t.Context(), key)
		return err == nil && s.State == want
	}, patience, tick, "%s is to be %s", key, want)
}

// named returns the ended spans of a name.
func (p *process) named(name string) (spans []sdktrace.ReadOnlySpan) {
	for _, s := range p.spans.Ended() {
		if s.Name() == name {
			spans = append(spans, s)
		}
	}
	return spans
}

// collected returns all metrics by their names.
func (p *process) collected(t testing.TB) map[string]metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, p.reader.Collect(t.Context(), &all))
	metrics := map[string]metricdata.Metrics{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			metrics[m.Name] = m
		}
	}
	return metrics
}

// texts returns the attributes of a span as texts.
func texts(s sdktrace.ReadOnlySpan) map[string]string {
	all := map[string]string{}
	for _, kv := range s.Attributes() {
		all[string(kv.Key)] = kv.Value.String()
	}
	return all
}

const (
	patience = 3 * time.Minute
	tick     = 5 * time.Millisecond
)

// failRun lets the next run fail, whose event the handler does not take.
func failRun(w *world) { w.Inject(heliostest.FailRun(labName)) }
