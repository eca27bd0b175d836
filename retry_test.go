package helios_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

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

// answering gives the answers in turn, the last for ever, and counts the attempts.
func answering(attempts *int, answers ...func(*http.Request) (*http.Response, error)) transportFunc {
	return func(req *http.Request) (*http.Response, error) {
		n := min(*attempts, len(answers)-1)
		*attempts++
		return answers[n](req)
	}
}

func answer(code int, body string, header ...string) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		write(req)
		resp := &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1, Request: req}
		for i := 0; i < len(header); i += 2 {
			resp.Header.Set(header[i], header[i+1])
		}
		return resp, nil
	}
}

func refusedDial(*http.Request) (*http.Response, error) { return nil, errRefused }

func brokenAfterWrite(req *http.Request) (*http.Response, error) {
	write(req)
	return nil, io.ErrUnexpectedEOF
}

func tooMany(retryAfter string) func(*http.Request) (*http.Response, error) {
	header := []string{"X-Concurrent-Limit", "7", "X-Concurrent-Active", "7", "X-Concurrent-Remaining", "0"}
	if retryAfter != "" {
		header = append(header, "Retry-After", retryAfter)
	}
	return answer(429, `{"error": "Too many concurrent requests", "message": "You have 7 active light agent requests. Maximum is 7.", "activeCount": 7, "limit": 7}`, header...)
}

// TestSubmit_Waits runs on synthetic time: what is measured is exactly what was waited.
func TestSubmit_Waits(t *testing.T) {
	t.Parallel()
	ok := answer(200, acceptedBody)
	in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	tests := []struct {
		name     string
		answers  func() []func(*http.Request) (*http.Response, error)
		opts     []helios.ClientOption
		deadline time.Duration
		attempts int
		min, max time.Duration
		target   error // nil: accepted
	}{
		{name: "refused twice, then accepted", attempts: 3, min: 750 * time.Millisecond, max: 1500 * time.Millisecond,
			answers: func() []func(*http.Request) (*http.Response, error) { return list(refusedDial, refusedDial, ok) }},
		{name: "refused for ever", attempts: 4, min: 1750 * time.Millisecond, max: 3500 * time.Millisecond, target: errRefused,
			answers: func() []func(*http.Request) (*http.Response, error) { return list(refusedDial) }},
		{name: "no retries", attempts: 1, target: errRefused, opts: []helios.ClientOption{helios.WithMaxRetries(0)},
			answers: func() []func(*http.Request) (*http.Response, error) { return list(refusedDial) }},
		{name: "backoff is capped", attempts: 4, max: 30 * time.Millisecond, target: errRefused, opts: []helios.ClientOption{helios.WithMaxRetryWait(10 * time.Millisecond)},
			answers: func() []func(*http.Request) (*http.Response, error) { return list(refusedDial) }},
		{name: "429 within the longest wait", attempts: 2, min: 20 * time.Second, max: 22 * time.Second,
			answers: func() []func(*http.Request) (*http.Response, error) { return list(tooMany("20"), ok) }},
		{name: "429 as a date", attempts: 2, min: 19 * time.Second, max: 22 * time.Second,
			answers: func() []func(*http.Request) (*http.Response, error) { return list(tooMany(in(20*time.Second)), ok) }},
		{name: "429 with a date that has passed", attempts: 2, max: time.Second,
			answers: func() []func(*http.Request) (*http.Response, error) { return list(tooMany(in(-time.Hour)), ok) }},
		{name: "429 as documented is beyond the default", attempts: 1, target: helios.ErrConcurrencyLimit,
			answers: func() []func(*http.Request) (*http.Response, error) { return list(tooMany("60"), ok) }},
		{name: "429 as documented, waited for as asked", attempts: 2, min: time.Minute, max: 66 * time.Second, opts: []helios.ClientOption{helios.WithMaxRetryWait(2 * time.Minute)},
			answers: func() []func(*http.Request) (*http.Response, error) { return list(tooMany("60"), ok) }},
		{name: "429 exactly at the longest wait", attempts: 2, min: time.Minute, max: time.Minute, opts: []helios.ClientOption{helios.WithMaxRetryWait(time.Minute)},
			answers: func() []func(*http.Request) (*http.Response, error) { return list(tooMany("60"), ok) }},
		{name: "429 that overflows", attempts: 1, target: helios.ErrConcurrencyLimit, opts: []helios.ClientOption{helios.WithMaxRetryWait(time.Hour)},
			answers: func() []func(*http.Request) (*http.Response, error) {
				return list(tooMany("99999999999999999999999"), ok)
			}},
		{name: "429 that overflows a duration", attempts: 1, target: helios.ErrConcurrencyLimit, opts: []helios.ClientOption{helios.WithMaxRetryWait(time.Hour)},
			answers: func() []func(*http.Request) (*http.Response, error) { return list(tooMany("9223372036854775807"), ok) }},
		{name: "429 with a negative wait", attempts: 2, max: time.Second,
			answers: func() []func(*http.Request) (*http.Response, error) { return list(tooMany("-5"), ok) }},
		{name: "429 with nonsense", attempts: 2, max: time.Second,
			answers: func() []func(*http.Request) (*http.Response, error) { return list(tooMany("soon"), ok) }},
		{name: "429 beyond the deadline is returned at once", attempts: 1, target: helios.ErrConcurrencyLimit, deadline: 10 * time.Second,
			answers: func() []func(*http.Request) (*http.Response, error) { return list(tooMany("20"), ok) }},
		{name: "429 until retries are used up", attempts: 4, min: 3 * time.Second, max: 3300 * time.Millisecond, target: helios.ErrConcurrencyLimit,
			answers: func() []func(*http.Request) (*http.Response, error) { return list(tooMany("1")) }},
		{name: "unknown outcome is sent once", attempts: 1, target: helios.ErrOutcomeUnknown,
			answers: func() []func(*http.Request) (*http.Response, error) { return list(brokenAfterWrite, ok) }},
		{name: "503 with Retry-After is sent once", attempts: 1, target: helios.ErrOutcomeUnknown,
			answers: func() []func(*http.Request) (*http.Response, error) {
				return list(answer(503, "", "Retry-After", "1"), ok)
			}},
		{name: "unknown outcome, resubmitted as asked", attempts: 2, max: time.Second, opts: []helios.ClientOption{helios.WithResubmitOnUnknownOutcome()},
			answers: func() []func(*http.Request) (*http.Response, error) { return list(brokenAfterWrite, ok) }},
		{name: "an unknown outcome stays unknown when a later attempt is refused", attempts: 2, max: time.Second, target: helios.ErrOutcomeUnknown,
			opts:    []helios.ClientOption{helios.WithResubmitOnUnknownOutcome()},
			answers: func() []func(*http.Request) (*http.Response, error) { return list(brokenAfterWrite, answer(401, "")) }},
		{name: "an unknown outcome stays unknown when a later attempt is told to wait", attempts: 2, max: time.Second, target: helios.ErrOutcomeUnknown,
			opts:    []helios.ClientOption{helios.WithResubmitOnUnknownOutcome()},
			answers: func() []func(*http.Request) (*http.Response, error) { return list(brokenAfterWrite, tooMany("60")) }},
		{name: "an unknown outcome stays unknown when later attempts do not connect", attempts: 4, max: 4 * time.Second, target: helios.ErrOutcomeUnknown,
			opts:    []helios.ClientOption{helios.WithResubmitOnUnknownOutcome()},
			answers: func() []func(*http.Request) (*http.Response, error) { return list(brokenAfterWrite, refusedDial) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if tt.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.deadline)
					defer cancel()
				}
				attempts := 0
				client := newClient(t, "https://api.example", append(tt.opts, withTransport(answering(&attempts, tt.answers()...)))...)
				start := time.Now()
				run, err := client.LabResults.Submit(ctx, labs())
				waited := time.Since(start)

				assert.Equal(t, tt.attempts, attempts)
				assert.GreaterOrEqual(t, waited, tt.min)
				assert.LessOrEqual(t, waited, tt.max)
				if tt.target != nil {
					require.ErrorIs(t, err, tt.target)
					if errors.Is(err, helios.ErrOutcomeUnknown) { // and nothing that would invite to send again
						require.NotErrorIs(t, err, helios.ErrUnauthorized)
						require.NotErrorIs(t, err, helios.ErrConcurrencyLimit)
					}
					return
				}
				require.NoError(t, err)
				assert.Equal(t, acceptedRun, run.ID)
			})
		})
	}
}

func list(f ...func(*http.Request) (*http.Response, error)) []func(*http.Request) (*http.Response, error) {
	return f
}

func TestSubmit_ContextEndsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		attempts := 0
		client := newClient(t, "https://api.example", withTransport(answering(&attempts, tooMany("20"))))
		time.AfterFunc(5*time.Second, cancel)
		start := time.Now()
		_, err := client.LabResults.Submit(ctx, labs())
		assert.Equal(t, 5*time.Second, time.Since(start))
		assert.Equal(t, 1, attempts)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, helios.ErrConcurrencyLimit, "the last error is kept")
		var limit *helios.ConcurrencyLimitError
		require.ErrorAs(t, err, &limit)
		assert.Equal(t, 20*time.Second, limit.RetryAfter)
		require.EqualError(t, err, "helios: POST /api/v1/lab-results: 429 Too Many Requests: "+
			"7 of 7 concurrent runs are active: retry after 20s: not sent again: context canceled")
		assert.Equal(t, err.Error(), fmt.Sprintf("%#v", err))
	})
}

// TestSubmit_OtherTransports: around net/http, or instead of it, only a connection that failed or a write that failed prove that nothing was sent.
func TestSubmit_OtherTransports(t *testing.T) {
	t.Parallel()
	broken := fmt.Errorf("failed sending %s with %s", secretValue, testKey)
	untrusted := &tls.CertificateVerificationError{Err: errors.New("unknown authority")}
	for name, tt := range map[string]struct {
		err      error
		report   func(*httptrace.ClientTrace)
		unknown  bool
		attempts int
	}{
		"silent, failed dial":             {errRefused, nil, false, 2},
		"silent, untrusted certificate":   {untrusted, nil, false, 1},
		"silent, anything else":           {broken, nil, true, 1},
		"gave up while connecting":        {broken, func(c *httptrace.ClientTrace) { c.GetConn("") }, true, 1},
		"gave up when connected":          {broken, func(c *httptrace.ClientTrace) { c.GetConn(""); c.GotConn(httptrace.GotConnInfo{}) }, true, 1},
		"wrote":                           {broken, wrote(nil), true, 1},
		"could not write":                 {broken, wrote(io.ErrClosedPipe), false, 2},
		"wrote, then could not reconnect": {errRefused, func(c *httptrace.ClientTrace) { wrote(nil)(c); c.GetConn("") }, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attempts := 0
			client := newClient(t, "https://api.example", helios.WithMaxRetries(1), helios.WithMaxRetryWait(time.Millisecond),
				withTransport(func(req *http.Request) (*http.Response, error) {
					attempts++
					if tt.report != nil {
						tt.report(httptrace.ContextClientTrace(req.Context()))
					}
					return nil, tt.err
				}))
			_, err := client.LabResults.Submit(t.Context(), labs())
			require.ErrorIs(t, err, tt.err)
			assert.Equal(t, tt.unknown, errors.Is(err, helios.ErrOutcomeUnknown))
			assert.Equal(t, tt.attempts, attempts)
			assert.NotContains(t, err.Error(), secretValue)
			assert.NotContains(t, err.Error(), testKey)
		})
	}
	t.Run("another protocol in net/http's transport", func(t *testing.T) {
		t.Parallel()
		attempts := 0
		transport := &http.Transport{}
		transport.RegisterProtocol("https", transportFunc(func(*http.Request) (*http.Response, error) { attempts++; return nil, broken }))
		client := newClient(t, "https://api.example", helios.WithHTTPClient(&http.Client{Transport: transport}))
		_, err := client.LabResults.Submit(t.Context(), labs())
		require.ErrorIs(t, err, helios.ErrOutcomeUnknown)
		assert.Equal(t, 1, attempts)
	})
	t.Run("a proxy that cannot be asked for", func(t *testing.T) {
		t.Parallel()
		noProxy := errors.New("no proxy today")
		transport := &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return nil, noProxy }}
		client := newClient(t, "https://api.example", helios.WithHTTPClient(&http.Client{Transport: transport}))
		_, err := client.LabResults.Submit(t.Context(), labs())
		require.ErrorIs(t, err, noProxy)
	})
}

// wrote reports a connection and the write of a request.
func wrote(err error) func(*httptrace.ClientTrace) {
	return func(c *httptrace.ClientTrace) {
		c.GetConn("")
		c.GotConn(httptrace.GotConnInfo{})
		c.WroteRequest(httptrace.WroteRequestInfo{Err: err})
	}
}

func TestWithLogger_OneLinePerAttemptByAllowList(t *testing.T) {
	t.Parallel()
	lines := &attemptLog{}
	attempts := 0
	client := newClient(t, "https://api.example/prefix", helios.WithMaxRetryWait(time.Millisecond), helios.WithLogger(lines.logger()),
		withTransport(answering(&attempts, refusedDial, tooMany("0"), answer(200, acceptedBody))))
	_, err := client.LabResults.Submit(t.Context(), labs())
	require.NoError(t, err)

	all := lines.all()
	require.Len(t, all, 3)
	for i, line := range all {
		assert.ElementsMatch(t, []string{"time", "level", "msg", "method", "path", "status", "attempt", "duration", "wait"}, keys(line))
		assert.Equal(t, "DEBUG", line["level"])
		assert.Equal(t, "POST", line["method"])
		assert.Equal(t, "/api/v1/lab-results", line["path"])
		assert.EqualValues(t, i+1, line["attempt"])
		assert.EqualValues(t, []int{0, 429, 200}[i], line["status"])
	}
	assert.NotZero(t, all[0]["wait"])
	assert.Zero(t, all[2]["wait"])
	for _, secret := range []string{testKey, secretValue, testHook} {
		assert.NotContains(t, lines.String(), secret)
	}
}

func keys(m map[string]any) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	return all
}
