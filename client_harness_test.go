package helios_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

const (
	testKey      = "sk_live_0123456789abcdef"
	testHook     = "https://hooks.customer.example/webhook/helios"
	acceptedRun  = "550e8400-e29b-41d4-a716-446655440000"
	acceptedBody = `{"runId":"` + acceptedRun + `","status":"accepted",` +
		`"message":"Request accepted. Results will be delivered to your webhook."}`
	tooManyBody = `{"error": "Too many concurrent requests", ` +
		`"message": "You have 7 active light agent requests. Maximum is 7.", "activeCount": 7, "limit": 7}`
	// secretValue is health data that must never be printed.
	secretValue = "41.7 squirrels/dL"
	// submitPath begins the text of every error of LabResults.Submit that comes
	// after validation, and openOutcome that of an unknown outcome.
	submitPath  = "helios: POST /api/v1/lab-results: "
	openOutcome = submitPath + "outcome unknown, the run may have been accepted: "
)

// labs is a valid request.
func labs() *helios.LabResultsRequest {
	return &helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "Creatinine", Value: secretValue}}}
}

// newClient makes a client with a key and a webhook URL.
func newClient(t testing.TB, baseURL string, opts ...helios.ClientOption) *helios.Client {
	t.Helper()
	client, err := helios.NewClient(append([]helios.ClientOption{
		helios.WithAPIKey(testKey), helios.WithBaseURL(baseURL), helios.WithWebhookURL(testHook),
	}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// submitLabs submits a valid request.
func submitLabs(t testing.TB, c *helios.Client, opts ...helios.CallOption) error {
	t.Helper()
	_, err := c.LabResults.Submit(t.Context(), labs(), opts...)
	return err
}

// postNothing makes a call that may cost money and has no body.
func postNothing(t testing.TB, c *helios.Client, opts ...helios.CallOption) error {
	t.Helper()
	_, err := c.Do(t.Context(), "POST", "/a", nil, nil, nil, opts...)
	return err
}

// quickly makes the waits between attempts too short to notice.
func quickly() helios.ClientOption { return helios.WithMaxRetryWait(time.Millisecond) }

// submission is one call of Submit, for tables that have both kinds.
type submission func(context.Context, *helios.Client) (*helios.Run, error)

func agent(req *helios.AgentRequest) submission {
	return func(ctx context.Context, c *helios.Client) (*helios.Run, error) { return c.Agent.Submit(ctx, req) }
}

func labResults(req *helios.LabResultsRequest) submission {
	return func(ctx context.Context, c *helios.Client) (*helios.Run, error) { return c.LabResults.Submit(ctx, req) }
}

// assertInvalid checks that a submission is refused before anything is sent,
// for these fields, and that the error has their problems and nothing else.
func assertInvalid(t *testing.T, submit submission, fields ...string) {
	t.Helper()
	_, err := submit(t.Context(), newClient(t, "https://api.example", sendsNothing(t)))
	var invalid *helios.ValidationError
	require.ErrorAs(t, err, &invalid)

	var found []string
	for _, f := range invalid.Fields {
		found = append(found, f.Field)
		assert.NotEmpty(t, f.Message)
		assert.Contains(t, err.Error(), f.Field+": "+f.Message)
	}
	assert.ElementsMatch(t, fields, found)
}

// roundTrip is what a transport does.
type roundTrip = func(*http.Request) (*http.Response, error)

func list(f ...roundTrip) []roundTrip { return f }

// transportFunc is a transport of its own, which reports nothing through
// httptrace.
type transportFunc roundTrip

func (f transportFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func withTransport(f transportFunc) helios.ClientOption {
	return helios.WithHTTPClient(&http.Client{Transport: f})
}

// sendsNothing fails the test if a request is sent.
func sendsNothing(t testing.TB) helios.ClientOption {
	return withTransport(func(*http.Request) (*http.Response, error) {
		t.Error("sent")
		return nil, errRefused
	})
}

// middleware is a RoundTripper that has another beneath it.
type middleware func(next http.RoundTripper, req *http.Request) (*http.Response, error)

func (m middleware) wrap(next http.RoundTripper) http.RoundTripper {
	return transportFunc(func(req *http.Request) (*http.Response, error) { return m(next, req) })
}

// write does what a transport does with a request, and reports it: connect,
// read the body, say that it was written.
func write(req *http.Request) {
	trace := httptrace.ContextClientTrace(req.Context())
	trace.GetConn(req.URL.Host)
	trace.GotConn(httptrace.GotConnInfo{})
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
	}
	trace.WroteRequest(httptrace.WroteRequestInfo{})
}

// answering gives the answers in turn, the last for ever, and counts the
// attempts.
func answering(attempts *int, answers ...roundTrip) transportFunc {
	return func(req *http.Request) (*http.Response, error) {
		n := min(*attempts, len(answers)-1)
		*attempts++
		return answers[n](req)
	}
}

// answer reads the request and answers it; header holds names and values.
func answer(code int, body string, header ...string) roundTrip {
	return func(req *http.Request) (*http.Response, error) {
		write(req)
		return newResponse(req, code, body, header...), nil
	}
}

func newResponse(req *http.Request, code int, body string, header ...string) *http.Response {
	resp := &http.Response{
		StatusCode:    code,
		Header:        http.Header{},
		Body:          io.NopCloser(strings.NewReader(body)),
		ContentLength: -1,
		Request:       req,
	}
	for i := 0; i < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return resp
}

// tooMany is the 429 as documented, with a Retry-After unless it is empty.
func tooMany(retryAfter string) roundTrip {
	header := []string{"X-Concurrent-Limit", "7", "X-Concurrent-Active", "7", "X-Concurrent-Remaining", "0"}
	if retryAfter != "" {
		header = append(header, "Retry-After", retryAfter)
	}
	return answer(429, tooManyBody, header...)
}

// halfAnswer breaks off in the middle of a 200.
func halfAnswer(req *http.Request) (*http.Response, error) {
	resp, err := answer(200, "{")(req)
	resp.Body = io.NopCloser(io.MultiReader(resp.Body, iotest.ErrReader(io.ErrUnexpectedEOF)))
	return resp, err
}

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}

func refusedDial(*http.Request) (*http.Response, error) { return nil, errRefused }

func brokenAfterWrite(req *http.Request) (*http.Response, error) {
	write(req)
	return nil, io.ErrUnexpectedEOF
}

// recorder is an API that gives every request the same answer and keeps the
// last one.
type recorder struct {
	*httptest.Server
	mu     sync.Mutex
	header http.Header
	body   []byte
	uri    string
	method string
}

func newRecorder(t *testing.T, code int, body string) *recorder {
	t.Helper()
	r := &recorder{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var buf bytes.Buffer
		_, _ = buf.ReadFrom(req.Body)
		r.mu.Lock()
		r.header, r.body, r.uri, r.method = req.Header, buf.Bytes(), req.RequestURI, req.Method
		r.mu.Unlock()

		w.Header().Set("X-Concurrent-Limit", "7")
		w.Header().Set("X-Concurrent-Active", "3")
		w.Header().Set("X-Concurrent-Remaining", "4")
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(r.Close)
	return r
}

// attemptLog collects the lines of the debug log.
type attemptLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *attemptLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *attemptLog) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (l *attemptLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *attemptLog) all() []map[string]any {
	var lines []map[string]any
	dec := json.NewDecoder(strings.NewReader(l.String()))
	for {
		var line map[string]any
		if dec.Decode(&line) != nil {
			return lines
		}
		lines = append(lines, line)
	}
}

func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }

// assertErrorHides checks that an error shows none of values: in its text, with
// any verb, alone or inside another value, in slog or as JSON. (Of an error
// inside another, fmt prints with a verb that makes no sense for errors
// whatever it finds, so that these verbs are tried on the error itself only.)
func assertErrorHides(t testing.TB, err error, values ...string) {
	t.Helper()
	require.Error(t, err)
	assert.True(t, strings.HasPrefix(err.Error(), "helios: "), "%v", err)

	for how, text := range printed(t, err) {
		for _, value := range values {
			assert.NotContains(t, text, value, how)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, outer := range []any{
			fmt.Errorf("saving: %w", err), []error{err}, struct{ Err error }{err}, map[string]any{"err": err},
		} {
			text := fmt.Sprintf(verb, outer)
			for _, value := range values {
				assert.NotContains(t, text, value, "%T with %s", outer, verb)
			}
		}
	}
}
