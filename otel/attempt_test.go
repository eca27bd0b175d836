package heliosotel_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/heliosai/helios-go"
)

func TestAttempt(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	srv := newService(t, r.ClientOptions()...)
	ctx, order := r.start(t.Context())

	_, err := srv.client.LabResults.Submit(ctx, labs())
	require.NoError(t, err)
	order.End()

	attempt := r.only(t, "POST /api/v1/lab-results")
	submit := r.only(t, "helios.submit")
	assert.Equal(t, order.SpanContext().SpanID(), submit.Parent().SpanID())
	assert.Equal(t, submit.SpanContext().SpanID(), attempt.Parent().SpanID())
	assert.Equal(t, trace.SpanKindClient, attempt.SpanKind())
	assert.Equal(t, codes.Unset, attempt.Status().Code)
	u, err := url.Parse(srv.URL)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		"http.request.method":       "POST",
		"http.response.status_code": "200",
		"network.protocol.version":  "1.1",
		"server.address":            u.Hostname(),
		"server.port":               u.Port(),
		"url.full":                  srv.URL + "/api/v1/lab-results",
		"url.template":              "/api/v1/lab-results",
	}, texts(attempt))
}

// TestAttempt_sends_no_trace: baggage can hold anything, and the service has no
// use for either.
func TestAttempt_sends_no_trace(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	srv := newService(t, r.ClientOptions()...)
	ctx, order := r.start(t.Context())
	defer order.End()

	_, err := srv.client.LabResults.Submit(ctx, labs())
	require.NoError(t, err)

	header := srv.Requests()[0].Header
	for _, name := range []string{"Traceparent", "Tracestate", "Baggage"} {
		assert.NotContains(t, header, name)
	}
}

func TestAttempt_each_has_its_own(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	srv := newService(t)
	busy := true
	client := srv.connect(t, append(r.ClientOptions(), helios.WithHTTPClient(&http.Client{
		Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			status, body := http.StatusOK, `{"runId":"r-1","status":"accepted"}`
			if busy {
				status, body = http.StatusTooManyRequests, `{}`
			}
			busy = false
			return answering(status, strings.NewReader(body))(req)
		}),
	}))...)

	_, err := client.LabResults.Submit(t.Context(), labs())
	require.NoError(t, err)

	attempts := r.named("POST /api/v1/lab-results")
	require.Len(t, attempts, 2)
	assert.Equal(t, "429", texts(attempts[0])["http.response.status_code"])
	assert.Equal(t, "429", texts(attempts[0])["error.type"])
	assert.Equal(t, codes.Error, attempts[0].Status().Code)
	assert.Equal(t, "200", texts(attempts[1])["http.response.status_code"])
	submit := r.only(t, "helios.submit")
	assert.Equal(t, "2", texts(submit)["helios.attempts"])
	for _, attempt := range attempts {
		assert.Equal(t, submit.SpanContext().SpanID(), attempt.Parent().SpanID())
	}
}

func TestAttempt_failures(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer roundTripper
		kind   string
	}{
		"canceled":            {failing(context.Canceled), "canceled"},
		"deadline":            {failing(context.DeadlineExceeded), "timeout"},
		"network timeout":     {failing(&net.DNSError{IsTimeout: true}), "timeout"},
		"no such host":        {failing(&net.DNSError{Name: "secret.example", IsNotFound: true}), "name_resolution"},
		"untrusted":           {failing(&tls.CertificateVerificationError{Err: errors.New("x")}), "certificate"},
		"connection refused":  {failing(&net.OpError{Op: "dial", Err: errors.New("refused")}), "connection"},
		"closed":              {failing(fmt.Errorf("https://h/?token=%s: %w", urlToken, io.EOF)), "connection"},
		"anything else":       {failing(errors.New(urlToken)), "_OTHER"},
		"half an answer":      {answering(200, &brokenReader{"{", io.ErrUnexpectedEOF}), "connection"},
		"server error":        {answering(503, strings.NewReader("{}")), "503"},
		"answer that is none": {answering(200, strings.NewReader("<html>")), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecorder(t)
			srv := newService(t)
			client := srv.connect(t, append(r.ClientOptions(), helios.WithMaxRetries(0),
				helios.WithHTTPClient(&http.Client{Transport: tc.answer}))...)

			_, err := client.LabResults.Submit(t.Context(), labs())
			require.Error(t, err)

			attempt := r.only(t, "POST /api/v1/lab-results")
			assert.Equal(t, tc.kind, texts(attempt)["error.type"])
			assert.Equal(t, tc.kind != "", attempt.Status().Code == codes.Error)
			assert.Empty(t, attempt.Status().Description)
			assert.Empty(t, attempt.Events())
		})
	}
}

func TestAttempt_default_port(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	client, err := helios.NewClient(append(r.ClientOptions(), helios.WithAPIKey("sk_live_x"),
		helios.WithBaseURL("https://api.heliosai.health/proxy"), helios.WithMaxRetries(0),
		helios.WithHTTPClient(&http.Client{Transport: failing(errors.New("no network"))}))...)
	require.NoError(t, err)

	_, err = client.Do(t.Context(), "PURGE", "/api/v1/agent", nil, nil, nil)
	require.Error(t, err)

	attempt := texts(r.only(t, "_OTHER /api/v1/agent"))
	assert.Equal(t, "443", attempt["server.port"])
	assert.Equal(t, "https://api.heliosai.health/proxy/api/v1/agent", attempt["url.full"])
}

// TestAttempt_unsampled: the decision not to record is passed on, and costs no
// answer.
func TestAttempt_unsampled(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	parent := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, Remote: true, // not sampled
	})
	srv := newService(t, r.ClientOptions()...)

	run, err := srv.client.LabResults.Submit(trace.ContextWithRemoteSpanContext(t.Context(), parent), labs())
	require.NoError(t, err)

	assert.NotEmpty(t, run.ID)
	assert.Empty(t, r.spans.Ended())
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	return f(r)
}

func failing(err error) roundTripper {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

func answering(status int, body io.Reader) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Proto: "HTTP/2.0", Header: http.Header{}, Request: r,
			ContentLength: -1, Body: io.NopCloser(body)}, nil
	}
}

// brokenReader gives a text and then an error.
type brokenReader struct {
	text string
	err  error
}

func (b *brokenReader) Read(p []byte) (int, error) {
	n := copy(p, b.text)
	b.text = b.text[n:]
	if n == 0 {
		return 0, b.err
	}
	return n, nil
}
