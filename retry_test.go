package helios_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// tooManyUntil is a 429 whose Retry-After is a date.
func tooManyUntil(d time.Duration) roundTrip {
	return func(req *http.Request) (*http.Response, error) {
		return tooMany(time.Now().Add(d).UTC().Format(http.TimeFormat))(req)
	}
}

// TestSubmit_Waits runs on synthetic time: what is measured is exactly what was
// waited.
func TestSubmit_Waits(t *testing.T) {
	t.Parallel()
	const (
		ms     = time.Millisecond
		second = time.Second
	)
	ok := answer(200, acceptedBody)
	longest := func(d time.Duration, opts ...helios.ClientOption) []helios.ClientOption {
		return append(opts, helios.WithMaxRetryWait(d))
	}
	resubmit := longest(30*second, helios.WithResubmitOnUnknownOutcome())
	for name, tt := range map[string]struct {
		answers  []roundTrip
		opts     []helios.ClientOption
		deadline time.Duration // 0: none
		attempts int
		min, max time.Duration
		target   error // nil: accepted
	}{
		"refused twice, then accepted": {
			answers: list(refusedDial, refusedDial, ok), attempts: 3, min: 750 * ms, max: 1500 * ms,
		},
		"refused for ever": {
			answers: list(refusedDial), attempts: 4, min: 1750 * ms, max: 3500 * ms, target: errRefused,
		},
		"no retries": {
			answers: list(refusedDial), opts: []helios.ClientOption{helios.WithMaxRetries(0)},
			attempts: 1, target: errRefused,
		},
		"backoff is capped": {
			answers: list(refusedDial), opts: longest(10 * ms), attempts: 4, max: 30 * ms, target: errRefused,
		},

		"429 without Retry-After waits as after a failed connection": {
			answers: list(tooMany(""), ok), attempts: 2, min: 250 * ms, max: 500 * ms,
		},
		"429 with Retry-After 0 too": {
			answers: list(tooMany("0"), ok), attempts: 2, min: 250 * ms, max: 500 * ms,
		},
		"429 within the longest wait": {
			answers: list(tooMany("20"), ok), attempts: 2, min: 20 * second, max: 22 * second,
		},
		"429 with decimals": {
			answers: list(tooMany("20.5"), ok), attempts: 2, min: 20500 * ms, max: 22550 * ms,
		},
		"429 with the shortest wait there is": {
			answers: list(tooMany("0.000000001"), ok), attempts: 2, min: 1, max: 1,
		},
		"429 with decimals is beyond the default": {
			answers: list(tooMany("45.5"), ok), attempts: 1, target: helios.ErrConcurrencyLimit,
		},
		"429 with decimals, waited for as asked": {
			answers: list(tooMany("45.5"), ok), opts: longest(45500 * ms),
			attempts: 2, min: 45500 * ms, max: 45500 * ms,
		},
		"429 as a date": {
			answers: list(tooManyUntil(20*second), ok), attempts: 2, min: 19 * second, max: 22 * second,
		},
		"429 with a date that has passed": {
			answers: list(tooManyUntil(-time.Hour), ok), attempts: 2, max: second,
		},
		"429 as documented is beyond the default": {
			answers: list(tooMany("60"), ok), attempts: 1, target: helios.ErrConcurrencyLimit,
		},
		"429 as documented, waited for as asked": {
			answers: list(tooMany("60"), ok), opts: longest(2 * time.Minute),
			attempts: 2, min: time.Minute, max: 66 * second,
		},
		"429 exactly at the longest wait": {
			answers: list(tooMany("60"), ok), opts: longest(time.Minute),
			attempts: 2, min: time.Minute, max: time.Minute,
		},
		"429 that overflows": {
			answers: list(tooMany("99999999999999999999999"), ok), opts: longest(time.Hour),
			attempts: 1, target: helios.ErrConcurrencyLimit,
		},
		"429 that overflows a duration": {
			answers: list(tooMany("9223372036854775807"), ok), opts: longest(time.Hour),
			attempts: 1, target: helios.ErrConcurrencyLimit,
		},
		"429 with a negative wait": {answers: list(tooMany("-5"), ok), attempts: 2, max: second},
		"429 with nonsense":        {answers: list(tooMany("soon"), ok), attempts: 2, max: second},
		"429 with a version":       {answers: list(tooMany("20.1.3"), ok), attempts: 2, max: second},
		"429 beyond the deadline is returned at once": {
			answers: list(tooMany("20"), ok), deadline: 10 * second, attempts: 1, target: helios.ErrConcurrencyLimit,
		},
		"a wait that would end with the context is not begun": {
			answers: list(tooMany("20"), ok), opts: longest(20 * second), deadline: 20 * second,
			attempts: 1, target: helios.ErrConcurrencyLimit,
		},
		"a wait that ends just before the context is": {
			answers: list(tooMany("20"), ok), opts: longest(20 * second), deadline: 20*second + ms,
			attempts: 2, min: 20 * second, max: 20 * second,
		},
		"429 until retries are used up": {
			answers:  list(tooMany("1")),
			attempts: 4, min: 3 * second, max: 3300 * ms, target: helios.ErrConcurrencyLimit,
		},
		"no retries, although asked to come back": {
			answers: list(tooMany("1"), ok), opts: []helios.ClientOption{helios.WithMaxRetries(0)},
			attempts: 1, target: helios.ErrConcurrencyLimit,
		},

		"unknown outcome is sent once": {
			answers: list(brokenAfterWrite, ok), attempts: 1, target: helios.ErrOutcomeUnknown,
		},
		"503 with Retry-After is sent once": {
			answers: list(answer(503, "", "Retry-After", "1"), ok), attempts: 1, target: helios.ErrOutcomeUnknown,
		},
		"unknown outcome, resubmitted as asked": {
			answers: list(brokenAfterWrite, ok), opts: resubmit, attempts: 2, max: second,
		},
		"503 with Retry-After, resubmitted as asked": {
			answers: list(answer(503, "", "Retry-After", "20"), ok), opts: resubmit,
			attempts: 2, min: 20 * second, max: 22 * second,
		},
		"an unknown outcome stays unknown when a later attempt is refused": {
			answers: list(brokenAfterWrite, answer(401, "")), opts: resubmit,
			attempts: 2, max: second, target: helios.ErrOutcomeUnknown,
		},
		"an attempt of unknown outcome says nothing about the next, which is refused": {
			answers: list(refusedDial, brokenAfterWrite, answer(401, "")), opts: resubmit,
			attempts: 3, max: 3 * second, target: helios.ErrOutcomeUnknown,
		},
		"an unknown outcome stays unknown when a later attempt is told to wait": {
			answers: list(brokenAfterWrite, tooMany("60")), opts: resubmit,
			attempts: 2, max: second, target: helios.ErrOutcomeUnknown,
		},
		"an unknown outcome stays unknown when later attempts do not connect": {
			answers: list(brokenAfterWrite, refusedDial), opts: resubmit,
			attempts: 4, max: 4 * second, target: helios.ErrOutcomeUnknown,
		},
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
				client := newClient(t, "https://api.example",
					append(tt.opts, withTransport(answering(&attempts, tt.answers...)))...)
				start := time.Now()
				run, err := client.LabResults.Submit(ctx, labs())
				waited := time.Since(start)

				assert.Equal(t, tt.attempts, attempts)
				assert.GreaterOrEqual(t, waited, tt.min)
				assert.LessOrEqual(t, waited, tt.max)
				if tt.target == nil {
					require.NoError(t, err)
					assert.Equal(t, acceptedRun, run.ID)
					return
				}
				require.ErrorIs(t, err, tt.target)
				if errors.Is(err, helios.ErrOutcomeUnknown) { // and nothing that would invite to send again
					require.NotErrorIs(t, err, helios.ErrUnauthorized)
					require.NotErrorIs(t, err, helios.ErrConcurrencyLimit)
				}
			})
		})
	}
}

// TestRetryAfter reads the forms of the header as the caller gets them.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"60":                   time.Minute,
		" 60\t":                time.Minute,
		"007":                  7 * time.Second,
		"45.5":                 45500 * time.Millisecond,
		"0.25":                 250 * time.Millisecond,
		".5":                   500 * time.Millisecond,
		"5.":                   5 * time.Second,
		"0.0000000001":         0,
		"86400":                24 * time.Hour,
		"86400.1":              24 * time.Hour,
		"1e3":                  0,
		"0x10":                 0,
		"NaN":                  0,
		"Inf":                  0,
		"-1.5":                 0,
		"+5":                   0,
		"5 s":                  0,
		"5,5":                  0,
		"1.2.3":                0,
		".":                    0,
		"94611686018427387904": 24 * time.Hour,
	} {
		attempts := 0
		client := newClient(t, "https://api.example", helios.WithMaxRetries(0),
			withTransport(answering(&attempts, answer(429, "", "Retry-After", value))))
		var limit *helios.ConcurrencyLimitError
		require.ErrorAs(t, submitLabs(t, client), &limit)
		assert.Equal(t, want, limit.RetryAfter, "%q", value)
	}
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
		require.EqualError(t, err, submitPath+"429 Too Many Requests: 7 of 7 concurrent runs are active: "+
			"retry after 20s: not sent again: context canceled")
		assert.Equal(t, err.Error(), fmt.Sprintf("%#v", err))
	})
}

// TestSubmit_EveryStatusIsSettled: which answers leave the outcome of a
// submission open, up to the ends of their classes.
func TestSubmit_EveryStatusIsSettled(t *testing.T) {
	t.Parallel()
	for status, unknown := range map[int]bool{
		199: true,
		300: false, 301: false, 302: false, 303: true, 304: false, 307: false, 308: false, 399: false,
		400: false, 402: false, 407: false, 408: false, 409: false, 425: false, 499: false,
		500: true, 501: true, 599: true, 600: true, 999: true,
	} {
		attempts := 0
		client := newClient(t, "https://api.example",
			withTransport(answering(&attempts, answer(status, acceptedBody))))
		err := submitLabs(t, client)
		var api *helios.APIError
		require.ErrorAs(t, err, &api, "%d", status)
		assert.Equal(t, status, api.StatusCode)
		assert.Equal(t, unknown, errors.Is(err, helios.ErrOutcomeUnknown), "%d", status)
		assert.Equal(t, 1, attempts, "%d", status)
	}
}

// TestSubmit_EachAttemptIsJudgedByItself: that an earlier attempt was written
// says nothing about one that did not connect.
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
			client := newClient(t, "https://api.example", helios.WithMaxRetries(2), quickly(),
				withTransport(answering(&attempts, tt.answers...)))
			err := submitLabs(t, client)
			require.ErrorIs(t, err, tt.target)
			require.NotErrorIs(t, err, helios.ErrOutcomeUnknown)
			assert.Equal(t, 3, attempts)
		})
	}
}

// TestSubmit_LeavesNothingRunning: a transport that still works for an attempt
// learns that it is over.
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
	client := newClient(t, "https://api.example", quickly(), withTransport(answering(&attempts,
		keep(refusedDial), keep(tooMany("0")), keep(answer(200, acceptedBody)))))
	require.NoError(t, submitLabs(t, client))
	require.Len(t, contexts, 3)
	for _, ctx := range contexts {
		require.ErrorIs(t, ctx.Err(), context.Canceled)
	}
	require.NoError(t, t.Context().Err())
}

// FuzzRetryAfter: no value of the header is waited for longer than a day, or
// backwards, and whole seconds are read as they are.
func FuzzRetryAfter(f *testing.F) {
	for _, value := range []string{
		"", "0", "60", "45.5", ".5", "-1", "1e9", "9223372036854775808", "soon", "\xff",
		"Sat, 28 Nov 2026 12:00:00 GMT",
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		client := newClient(t, "https://api.example", helios.WithMaxRetries(0),
			withTransport(answer(429, "", "Retry-After", value)))
		var limit *helios.ConcurrencyLimitError
		require.ErrorAs(t, submitLabs(t, client), &limit)
		require.GreaterOrEqual(t, limit.RetryAfter, time.Duration(0))
		require.LessOrEqual(t, limit.RetryAfter, 24*time.Hour)
		if seconds, err := strconv.ParseUint(value, 10, 16); err == nil {
			require.Equal(t, min(time.Duration(seconds)*time.Second, 24*time.Hour), limit.RetryAfter)
		}
	})
}
