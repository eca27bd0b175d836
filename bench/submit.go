package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	anthropic "github.com/anthropics/anthropic-sdk-go"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
	"github.com/go-resty/resty/v2"
	"github.com/hashicorp/go-retryablehttp"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/heliosai/helios-go"
	heliosotel "github.com/heliosai/helios-go/otel"
)

const (
	apiKey   = "sk_live_bench"
	path     = "/api/v1/lab-results"
	hook     = "https://hooks.customer.example/webhook/helios"
	accepted = `{"runId":"550e8400-e29b-41d4-a716-446655440000","status":"accepted",` +
		`"message":"Request accepted. Results will be delivered to your webhook."}`
)

// submit measures a submission over loopback, server included: encode, send,
// read, decode.
func submit(m *meter) error {
	server, stop, err := serve(http.HandlerFunc(accept))
	if err != nil {
		return err
	}
	defer stop()

	for _, size := range []int{2 << 10, 256 << 10} {
		for _, parallel := range []int{1, 16} {
			if err := submitOf(m, server.url, size, parallel); err != nil {
				return err
			}
		}
	}
	return nil
}

// telemetry measures what traces and metrics of a submission cost.
func telemetry(m *meter) error {
	server, stop, err := serve(http.HandlerFunc(accept))
	if err != nil {
		return err
	}
	defer stop()

	for _, parallel := range []int{1, 16} {
		if err := submitTraced(m, server.url, parallel); err != nil {
			return err
		}
	}
	return nil
}

// accept answers as the service does.
func accept(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Concurrent-Limit", "7")
	h.Set("X-Concurrent-Active", "1")
	h.Set("X-Concurrent-Remaining", "6")
	_, _ = io.WriteString(w, accepted)
}

// submitTraced compares Submit with heliosotel and a POST with otelhttp. Both
// record every span and every metric, and send them nowhere.
func submitTraced(m *meter, url string, parallel int) error {
	request := panel(2 << 10)
	traces := sdktrace.NewTracerProvider(sdktrace.WithBatcher(tracetest.NewNoopExporter()))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	defer func() { _ = traces.Shutdown(context.Background()); _ = meters.Shutdown(context.Background()) }()

	tel := heliosotel.New(heliosotel.WithTracerProvider(traces), heliosotel.WithMeterProvider(meters))
	client, err := helios.NewClient(append(tel.ClientOptions(), helios.WithAPIKey(apiKey), helios.WithBaseURL(url))...)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()

	peer := pooledClient(30 * time.Second)
	peer.Transport = otelhttp.NewTransport(peer.Transport,
		otelhttp.WithTracerProvider(traces), otelhttp.WithMeterProvider(meters))
	rows, err := m.compare(
		candidate{"net/http and json with otelhttp (floor)", inParallel(parallel, rawCaller(peer, url, request))},
		candidate{"**helios** Submit with heliosotel", inParallel(parallel, func() error {
			_, err := client.LabResults.Submit(context.Background(), request)
			return err
		})})
	if err != nil {
		return err
	}

	title("Submit 2 KiB with traces and metrics, %s", howMany(parallel))
	for _, r := range rows {
		r.print()
	}
	return nil
}

func howMany(parallel int) string {
	if parallel == 1 {
		return "one after the other"
	}
	return fmt.Sprintf("%d at once", parallel)
}

func submitOf(m *meter, url string, size, parallel int) error {
	request := panel(size)
	callers := []caller{{"net/http and json (floor)", rawCaller(pooledClient(30*time.Second), url, request)}}
	for _, c := range []struct {
		name string
		opts []helios.ClientOption
	}{
		{"**helios** Submit", nil},
		{"**helios** Submit, WithMiddleware", []helios.ClientOption{helios.WithMiddleware(passThrough)}},
	} {
		opts := append(c.opts, helios.WithAPIKey(apiKey), helios.WithBaseURL(url))
		client, err := helios.NewClient(opts...)
		if err != nil {
			return err
		}
		defer client.CloseIdleConnections()
		callers = append(callers, caller{c.name, func() error {
			_, err := client.LabResults.Submit(context.Background(), request)
			return err
		}})
	}
	callers = append(callers, peers(url, request)...)

	var candidates []candidate
	for _, c := range callers {
		candidates = append(candidates, candidate{c.name, inParallel(parallel, c.call)})
	}
	rows, err := m.compare(candidates...)
	if err != nil {
		return err
	}

	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	title("Submit %.0f KiB, %s", float64(len(body))/1024, howMany(parallel))
	for _, r := range rows {
		r.print()
	}
	fmt.Printf("\nhelios: %+.0f allocations against net/http, %+.0f with middleware; %.2f times the body in bytes.\n",
		rows[1].allocs-rows[0].allocs, rows[2].allocs-rows[0].allocs, rows[1].bytes/float64(len(body)))
	return nil
}

// passThrough is the least that middleware can be.
func passThrough(next http.RoundTripper) http.RoundTripper {
	return roundTripperFunc(func(req *http.Request) (*http.Response, error) { return next.RoundTrip(req) })
}

type roundTripperFunc func(*http.Request) (*http.Response, error)

func (f roundTripperFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

type caller struct {
	name string
	call func() error
}

// plain is the request without the SDK's encoder.
type plain helios.LabResultsRequest

func panel(size int) *helios.LabResultsRequest {
	request := &helios.LabResultsRequest{WebhookURL: hook}
	labs := max(1, min(helios.MaxLabResults, size/130))

	for range labs {
		request.LabResults = append(request.LabResults, helios.LabResult{
			Name: "Creatinine", Value: "1.8 mg/dL " + strings.Repeat("x", max(0, size/labs-130)),
			Flag: helios.FlagHigh, ReferenceRange: "0.7-1.3 mg/dL", Date: "2025-01-15", Category: "Renal",
		})
	}
	return request
}

func rawCaller(client *http.Client, url string, request *helios.LabResultsRequest) func() error {
	return func() error {
		body, err := json.Marshal((*plain)(request))
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url+path, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("x-api-key", apiKey)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json")
		req.Header.Set("User-Agent", "bench")

		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		return decodeRun(resp)
	}
}

// pooledClient keeps the connections of all callers. A timeout of 0 is none.
func pooledClient(timeout time.Duration) *http.Client {
	return &http.Client{Timeout: timeout, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
}

func decodeRun(resp *http.Response) error {
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}

	var run helios.Run
	return json.Unmarshal(body, &run)
}

func peers(url string, request *helios.LabResultsRequest) []caller {
	retryable := retryablehttp.NewClient()
	retryable.Logger = nil
	retryable.HTTPClient = pooledClient(30 * time.Second)
	rest := resty.NewWithClient(pooledClient(30 * time.Second))
	oai := openai.NewClient(
		option.WithBaseURL(url), option.WithAPIKey(apiKey), option.WithHTTPClient(pooledClient(0)))
	claude := anthropic.NewClient(
		anthropicoption.WithBaseURL(url), anthropicoption.WithAPIKey(apiKey),
		anthropicoption.WithHTTPClient(pooledClient(0)))
	ctx := context.Background()

	return []caller{
		{"go-retryablehttp and json", func() error {
			body, err := json.Marshal((*plain)(request))
			if err != nil {
				return err
			}
			req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, url+path, body)
			if err != nil {
				return err
			}
			req.Header.Set("x-api-key", apiKey)
			req.Header.Set("Content-Type", "application/json")

			resp, err := retryable.Do(req)
			if err != nil {
				return err
			}
			return decodeRun(resp)
		}},
		{"resty", func() error {
			var run helios.Run
			_, err := rest.R().SetContext(ctx).SetHeader("x-api-key", apiKey).
				SetBody((*plain)(request)).SetResult(&run).Post(url + path)
			return err
		}},
		{"openai-go Post", func() error {
			var run helios.Run
			return oai.Post(ctx, path, (*plain)(request), &run)
		}},
		{"anthropic-sdk-go Post", func() error {
			var run helios.Run
			return claude.Post(ctx, path, (*plain)(request), &run)
		}},
	}
}

// inParallel spreads n calls over workers.
func inParallel(workers int, call func() error) func(n int) error {
	return func(n int) error {
		if workers == 1 {
			for range n {
				if err := call(); err != nil {
					return err
				}
			}
			return nil
		}

		errs := make(chan error, workers)
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for i := w; i < n; i += workers {
					if err := call(); err != nil {
						errs <- err
						return
					}
				}
			})
		}
		wg.Wait()
		close(errs)
		return <-errs
	}
}
