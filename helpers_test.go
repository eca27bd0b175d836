package helios_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

const (
	testKey      = "sk_live_0123456789abcdef"
	testHook     = "https://hooks.customer.example/webhook/helios"
	acceptedBody = `{"runId":"550e8400-e29b-41d4-a716-446655440000","status":"accepted","message":"Request accepted. Results will be delivered to your webhook."}`
	acceptedRun  = "550e8400-e29b-41d4-a716-446655440000"
	// secretValue is health data that must never be printed.
	secretValue = "41.7 squirrels/dL"
)

// labs is a valid request.
func labs() *helios.LabResultsRequest {
	return &helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "Creatinine", Value: secretValue}}}
}

func newClient(t testing.TB, baseURL string, opts ...helios.ClientOption) *helios.Client {
	t.Helper()
	client, err := helios.NewClient(append([]helios.ClientOption{
		helios.WithAPIKey(testKey), helios.WithBaseURL(baseURL), helios.WithWebhookURL(testHook),
	}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// transportFunc is a transport of its own, which reports nothing through httptrace.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func withTransport(f transportFunc) helios.ClientOption {
	return helios.WithHTTPClient(&http.Client{Transport: f})
}

// write does what a transport does with a request, and reports it: connect, read the body, tell that it was written.
func write(req *http.Request) {
	trace := httptrace.ContextClientTrace(req.Context())
	trace.GetConn(req.URL.Host)
	trace.GotConn(httptrace.GotConnInfo{})
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
	}
	trace.WroteRequest(httptrace.WroteRequestInfo{})
}

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
