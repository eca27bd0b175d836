package helios_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

type roundTrip = func(*http.Request) (*http.Response, error)

// TestSubmit_WaitsAtTheEdges: what the service asks for, or does not, against the longest wait and the deadline.
func TestSubmit_WaitsAtTheEdges(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answers  []roundTrip
		opts     []helios.ClientOption
		deadline time.Duration
		attempts int
		min, max time.Duration
		target   error // nil: accepted
	}{
		"429 without Retry-After waits as after a failed connection": {
			answers: list(tooMany(""), answer(200, acceptedBody)), attempts: 2, min: 250 * time.Millisecond, max: 500 * time.Millisecond},
		"429 with Retry-After 0 too": {
			answers: list(tooMany("0"), answer(200, acceptedBody)), attempts: 2, min: 250 * time.Millisecond, max: 500 * time.Millisecond},
		"a wait that would end with the context is not begun": {
			answers: list(tooMany("20"), answer(200, acceptedBody)), attempts: 1, target: helios.ErrConcurrencyLimit,
			opts: []helios.ClientOption{helios.WithMaxRetryWait(20 * time.Second)}, deadline: 20 * time.Second},
		"a wait that ends just before the context is": {
			answers: list(tooMany("20"), answer(200, acceptedBody)), attempts: 2, min: 20 * time.Second, max: 20 * time.Second,
			opts: []helios.ClientOption{helios.WithMaxRetryWait(20 * time.Second)}, deadline: 20*time.Second + time.Millisecond},
		"no retries, although asked to come back": {
			answers: list(tooMany("1"), answer(200, acceptedBody)), attempts: 1, target: helios.ErrConcurrencyLimit,
			opts: []helios.ClientOption{helios.WithMaxRetries(0)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if tt.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.deadline)
					defer cancel()
				}
				attempts := 0
				client := newClient(t, "https://api.example", append(tt.opts, withTransport(answering(&attempts, tt.answers...)))...)
				start := time.Now()
				_, err := client.LabResults.Submit(ctx, labs())
				waited := time.Since(start)
				require.ErrorIs(t, err, tt.target)
				assert.Equal(t, tt.attempts, attempts)
				assert.GreaterOrEqual(t, waited, tt.min)
				assert.LessOrEqual(t, waited, tt.max)
			})
		})
	}
}

// TestSubmit_EveryStatusIsSettled: which answers leave the outcome of a submission open, up to the edges of their classes.
func TestSubmit_EveryStatusIsSettled(t *testing.T) {
	t.Parallel()
	for status, unknown := range map[int]bool{
		199: true, 300: false, 304: false, 399: false, 400: false, 402: false, 499: false, 500: true, 501: true, 599: true, 600: true, 999: true,
	} {
		attempts := 0
		client := newClient(t, "https://api.example", withTransport(answering(&attempts, answer(status, acceptedBody))))
		_, err := client.LabResults.Submit(t.Context(), labs())
		var api *helios.APIError
		require.ErrorAs(t, err, &api, "%d", status)
		assert.Equal(t, status, api.StatusCode)
		if unknown {
			require.ErrorIs(t, err, helios.ErrOutcomeUnknown, "%d", status)
		} else {
			require.NotErrorIs(t, err, helios.ErrOutcomeUnknown, "%d", status)
		}
		assert.Equal(t, 1, attempts, "%d", status)
	}
}

// TestSubmit_EachAttemptIsJudgedByItself: that an earlier attempt was written says nothing about one that did not connect.
func TestSubmit_EachAttemptIsJudgedByItself(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answers []roundTrip
		target  error // nil: accepted
	}{
		"429, then no connection, then accepted": {list(tooMany("0"), refusedDial, answer(200, acceptedBody)), nil},
		"429, then no connection":                {list(tooMany("0"), refusedDial), errRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attempts := 0
			client := newClient(t, "https://api.example", helios.WithMaxRetries(2), helios.WithMaxRetryWait(time.Millisecond),
				withTransport(answering(&attempts, tt.answers...)))
			_, err := client.LabResults.Submit(t.Context(), labs())
			require.ErrorIs(t, err, tt.target)
			require.NotErrorIs(t, err, helios.ErrOutcomeUnknown)
			assert.Equal(t, 3, attempts)
		})
	}
}

// TestSubmit_LeavesNothingRunning: a transport that still works for an attempt learns that it is over.
func TestSubmit_LeavesNothingRunning(t *testing.T) {
	t.Parallel()
	var contexts []context.Context
	keep := func(next roundTrip) roundTrip {
		return func(req *http.Request) (*http.Response, error) {
			contexts = append(contexts, req.Context())
			return next(req)
		}
	}
	attempts := 0
	client := newClient(t, "https://api.example", helios.WithMaxRetryWait(time.Millisecond),
		withTransport(answering(&attempts, keep(refusedDial), keep(tooMany("0")), keep(answer(200, acceptedBody)))))
	_, err := client.LabResults.Submit(t.Context(), labs())
	require.NoError(t, err)
	require.Len(t, contexts, 3)
	for _, ctx := range contexts {
		require.ErrorIs(t, ctx.Err(), context.Canceled)
	}
	require.NoError(t, t.Context().Err())
}

func TestWithTimeout_ZeroBoundsNoAttempt(t *testing.T) {
	t.Parallel()
	client := newClient(t, "https://api.example", helios.WithTimeout(0), withTransport(func(req *http.Request) (*http.Response, error) {
		_, bounded := req.Context().Deadline()
		assert.False(t, bounded)
		return answer(200, acceptedBody)(req)
	}))
	_, err := client.LabResults.Submit(t.Context(), labs())
	require.NoError(t, err)
}

// TestSubmit_FailuresAreNamed: before a connection in the words of what failed, after it in words that the other side cannot have written.
func TestSubmit_FailuresAreNamed(t *testing.T) {
	t.Parallel()
	const submit, open = "helios: POST /api/v1/lab-results: ", "outcome unknown, the run may have been accepted: "
	noRoute := errors.New("no route today")
	after := func(err error) http.RoundTripper {
		return transportFunc(func(req *http.Request) (*http.Response, error) {
			write(req)
			return nil, err
		})
	}
	for name, tt := range map[string]struct {
		transport http.RoundTripper
		text      string
	}{
		"a dialer of the caller's own": {
			&http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, noRoute }}, submit + noRoute.Error()},
		"a read that the system ended":  {after(&net.OpError{Op: "read", Err: syscall.ECONNRESET}), submit + open + "read: " + syscall.ECONNRESET.Error()},
		"a read that ended otherwise":   {after(&net.OpError{Op: "read", Err: errors.New(secretValue)}), submit + open + "the connection broke, or the answer is not HTTP"},
		"a number of the system's only": {after(syscall.ECONNRESET), submit + open + "the connection broke, or the answer is not HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, "https://api.example", helios.WithMaxRetries(0), helios.WithHTTPClient(&http.Client{Transport: tt.transport}))
			_, err := client.LabResults.Submit(t.Context(), labs())
			require.EqualError(t, err, tt.text)
		})
	}
}
