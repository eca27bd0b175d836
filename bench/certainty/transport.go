package main

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/heliosai/helios-go"
	heliosotel "github.com/heliosai/helios-go/otel"
)

// column is one way in which an application lets the SDK send.
type column struct {
	name, about string
	client      newClient
}

var columns = []column{
	{"own", "the SDK's own transport", ownTransport},
	{"caller's", "an *http.Transport by WithHTTPClient", given(func(s *stage) http.RoundTripper {
		return s.transport
	})},
	{"otelhttp", "otelhttp around an *http.Transport, by WithHTTPClient", given(func(s *stage) http.RoundTripper {
		return traced(s.transport)
	})},
	{"retries", "a transport that sends again after an error, given", given(func(s *stage) http.RoundTripper {
		return retrying(s.transport)
	})},
	{"+ otelhttp", "otelhttp by WithMiddleware", beneath(traced)},
	{"+ heliosotel", "traces and metrics of module otel", observed},
	{"+ retries", "a middleware that sends again after an error", beneath(retrying)},
	{"+ retryablehttp", "go-retryablehttp with one retry, as a middleware", beneath(retryablehttpOnce)},
	{"failover joined", "a dead backend, then the live one; errors joined", given(func(s *stage) http.RoundTripper {
		return &failover{backends: []http.RoundTripper{s.dead(), s.transport}, join: true}
	})},
	{"failover last", "the live backend, then a dead one; only the last error", given(func(s *stage) http.RoundTripper {
		return &failover{backends: []http.RoundTripper{s.transport, s.dead()}}
	})},
	{"untraced joined", "failover joined that hides httptrace from backends", given(func(s *stage) http.RoundTripper {
		return &failover{backends: []http.RoundTripper{s.dead(), s.transport}, join: true, untraced: true}
	})},
	{"untraced last", "failover last that hides httptrace from backends", given(func(s *stage) http.RoundTripper {
		return &failover{backends: []http.RoundTripper{s.transport, s.dead()}, untraced: true}
	})},
}

// defaultTransport guards http.DefaultTransport, of which the SDK's own
// transport is made.
var defaultTransport sync.Mutex

func ownTransport(s *stage, opts []helios.ClientOption) (*helios.Client, error) {
	defaultTransport.Lock()
	defer defaultTransport.Unlock()

	before := http.DefaultTransport
	defer func() { http.DefaultTransport = before }()
	http.DefaultTransport = s.transport
	return helios.NewClient(opts...)
}

// newClient makes a client that sends to what is on the stage.
type newClient func(*stage, []helios.ClientOption) (*helios.Client, error)

// given makes clients with WithHTTPClient.
func given(transport func(*stage) http.RoundTripper) newClient {
	return func(s *stage, opts []helios.ClientOption) (*helios.Client, error) {
		return helios.NewClient(append(opts, helios.WithHTTPClient(&http.Client{Transport: transport(s)}))...)
	}
}

// beneath makes clients whose own transport is beneath a middleware.
func beneath(middleware func(http.RoundTripper) http.RoundTripper) newClient {
	return func(s *stage, opts []helios.ClientOption) (*helios.Client, error) {
		return ownTransport(s, append(opts, helios.WithMiddleware(middleware)))
	}
}

func traced(next http.RoundTripper) http.RoundTripper { return otelhttp.NewTransport(next) }

// observed makes clients with all of heliosotel, and providers that record.
func observed(s *stage, opts []helios.ClientOption) (*helios.Client, error) {
	tel := heliosotel.New(
		heliosotel.WithTracerProvider(sdktrace.NewTracerProvider()),
		heliosotel.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))))
	return ownTransport(s, append(opts, tel.ClientOptions()...))
}

// retrying sends again whatever failed.
func retrying(next http.RoundTripper) http.RoundTripper {
	return &failover{backends: []http.RoundTripper{next, next}, join: true}
}

// retryablehttpOnce is go-retryablehttp with one retry. It keeps the body to
// itself and sends again after errors, 429 and 5xx.
func retryablehttpOnce(next http.RoundTripper) http.RoundTripper {
	client := retryablehttp.NewClient()
	client.HTTPClient = &http.Client{Transport: next, CheckRedirect: lastResponse}
	client.Logger = nil
	client.RetryMax = 1
	client.Backoff = func(time.Duration, time.Duration, int, *http.Response) time.Duration { return 0 }
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	return &retryablehttp.RoundTripper{Client: client}
}

func lastResponse(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// failover tries its backends in turn until one answers, as applications do
// that have two regions or two ways out of their network.
type failover struct {
	backends []http.RoundTripper
	join     bool // return all errors, not only the last
	untraced bool // give the backends a context without the caller's httptrace
}

func (f *failover) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	ctx := req.Context()
	if f.untraced {
		ctx = withoutValues{ctx}
	}

	var errs []error
	for _, backend := range f.backends {
		again := req.Clone(ctx)
		if req.GetBody != nil {
			body, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			again.Body = body
		}
		resp, err := backend.RoundTrip(again)
		if err == nil {
			return resp, nil
		}
		errs = append(errs, err)
	}

	if f.join {
		return nil, errors.Join(errs...)
	}
	return nil, errs[len(errs)-1]
}

// withoutValues keeps a context's end and hides its values, the httptrace among
// them.
type withoutValues struct{ context.Context }

func (withoutValues) Value(any) any { return nil }

// dead is a backend that refuses connections.
func (s *stage) dead() http.RoundTripper { return &elsewhere{s.world.refusing, &http.Transport{}} }

// elsewhere sends requests to another address.
type elsewhere struct {
	address string
	next    http.RoundTripper
}

func (e *elsewhere) RoundTrip(req *http.Request) (*http.Response, error) {
	moved := req.Clone(req.Context())
	moved.URL.Host = e.address
	return e.next.RoundTrip(moved)
}
