package helios_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

type contextKey struct{}

// TestWithObserver runs on synthetic time, so that durations are exact. Waits
// have no jitter where they are the longest allowed.
func TestWithObserver(t *testing.T) {
	t.Parallel()
	const second = time.Second
	ok := answer(200, acceptedBody,
		"X-Concurrent-Limit", "7", "X-Concurrent-Active", "3", "X-Concurrent-Remaining", "4")
	slots, full := helios.Concurrency{Limit: 7, Active: 3, Remaining: 4}, helios.Concurrency{Limit: 7, Active: 7}
	slowly := func(f roundTrip) roundTrip {
		return func(req *http.Request) (*http.Response, error) {
			<-time.After(second)
			return f(req)
		}
	}
	light := &helios.AgentRequest{
		AgentType: helios.AgentLight,
		Data:      helios.HealthData{Extra: map[string]any{"imaging": "CT"}},
	}
	deep := &helios.AgentRequest{AgentType: helios.AgentDeep, Data: light.Data}
	do := func(method, path string, in any, opts ...helios.CallOption) submission {
		return func(ctx context.Context, c *helios.Client) (*helios.Run, error) {
			_, err := c.Do(ctx, method, path, nil, in, nil, opts...)
			return nil, err
		}
	}
	for name, tt := range map[string]struct {
		call    submission // nil: labs
		answers []roundTrip
		opts    []helios.ClientOption
		cancel  time.Duration // when the context ends
		want    helios.Call   // Method and Path: those of lab results, unless given
	}{
		"accepted": {
			answers: list(slowly(ok)),
			want: helios.Call{
				Outcome: helios.OutcomeAccepted, Attempts: 1, Duration: second, StatusCode: 200, RunID: acceptedRun,
				Concurrency: slots,
			},
		},
		"accepted, light": {
			call: agent(light), answers: list(ok),
			want: helios.Call{
				Outcome: helios.OutcomeAccepted, Agent: "light", Path: "/api/v1/agent", Attempts: 1, StatusCode: 200,
				RunID: acceptedRun, Concurrency: slots,
			},
		},
		"accepted, deep": {
			call: agent(deep), answers: list(answer(202, acceptedBody)),
			want: helios.Call{
				Outcome: helios.OutcomeAccepted, Agent: "deep", Path: "/api/v1/agent", Attempts: 1, StatusCode: 202,
				RunID: acceptedRun,
			},
		},
		"accepted after waits": {
			answers: list(slowly(refusedDial), slowly(tooMany("2")), slowly(ok)),
			opts:    []helios.ClientOption{helios.WithMaxRetryWait(2 * second)},
			want: helios.Call{ // the first wait has jitter, see below
				Outcome: helios.OutcomeAccepted, Attempts: 3, Duration: 5 * second, Waited: 2 * second, StatusCode: 200,
				RunID: acceptedRun, Concurrency: slots,
			},
		},
		"invalid": {
			call: labResults(nil),
			want: helios.Call{Outcome: helios.OutcomeInvalid},
		},
		"invalid agent type": {
			call: agent(&helios.AgentRequest{AgentType: secretValue}),
			want: helios.Call{Outcome: helios.OutcomeInvalid, Path: "/api/v1/agent"},
		},
		"invalid agent request": {
			call: agent(nil),
			want: helios.Call{Outcome: helios.OutcomeInvalid, Path: "/api/v1/agent"},
		},
		"invalid option": {
			call: func(ctx context.Context, c *helios.Client) (*helios.Run, error) {
				return c.LabResults.Submit(ctx, labs(), helios.CallMaxRetries(-1))
			},
			want: helios.Call{Outcome: helios.OutcomeInvalid},
		},
		"invalid body": {
			call: do("POST", "/a", func() {}),
			want: helios.Call{Outcome: helios.OutcomeInvalid, Path: "/a"},
		},
		"invalid method": {
			call: do("post", "/a", nil),
			want: helios.Call{Outcome: helios.OutcomeInvalid, Method: "post", Path: "/a"},
		},
		"not sent": {
			answers: list(refusedDial), opts: []helios.ClientOption{helios.WithMaxRetries(0)},
			want: helios.Call{Outcome: helios.OutcomeNotSent, Attempts: 1},
		},
		"no key": {
			opts: []helios.ClientOption{helios.WithAPIKeySource(func(context.Context) (string, error) {
				return "", errors.New("vault is sealed")
			})},
			want: helios.Call{Outcome: helios.OutcomeNotSent, Attempts: 1},
		},
		"limited, then not sent": {
			answers: list(tooMany("1"), refusedDial),
			opts:    []helios.ClientOption{helios.WithMaxRetries(1), helios.WithMaxRetryWait(second)},
			want: helios.Call{
				Outcome: helios.OutcomeNotSent, Attempts: 2, Duration: second, Waited: second, StatusCode: 429,
				Concurrency: full,
			},
		},
		"limited": {
			answers: list(tooMany("60")),
			want:    helios.Call{Outcome: helios.OutcomeLimited, Attempts: 1, StatusCode: 429, Concurrency: full},
		},
		"the context ends a wait": {
			answers: list(tooMany("20")), cancel: 5 * second,
			want: helios.Call{
				Outcome: helios.OutcomeLimited, Attempts: 1, Duration: 5 * second, Waited: 5 * second, StatusCode: 429,
				Concurrency: full,
			},
		},
		"the context ends the third wait": {
			answers: list(tooMany("20"), tooMany("20"), tooMany("20")), cancel: 45 * second,
			opts: []helios.ClientOption{helios.WithMaxRetryWait(20 * second)},
			want: helios.Call{
				Outcome: helios.OutcomeLimited, Attempts: 3, Duration: 45 * second, Waited: 45 * second,
				StatusCode: 429, Concurrency: full,
			},
		},
		"unauthorized": {
			answers: list(answer(401, "")),
			want:    helios.Call{Outcome: helios.OutcomeUnauthorized, Attempts: 1, StatusCode: 401},
		},
		"refused": {
			answers: list(answer(422, `{"error":"Bad"}`)),
			want:    helios.Call{Outcome: helios.OutcomeRefused, Attempts: 1, StatusCode: 422},
		},
		"unknown": {
			answers: list(answer(503, "")),
			want:    helios.Call{Outcome: helios.OutcomeUnknown, Attempts: 1, StatusCode: 503},
		},
		"unknown without an answer": {
			answers: list(brokenAfterWrite),
			want:    helios.Call{Outcome: helios.OutcomeUnknown, Attempts: 1},
		},
		"unknown, then refused": {
			answers: list(brokenAfterWrite, answer(401, "")),
			opts:    []helios.ClientOption{helios.WithResubmitOnUnknownOutcome(), helios.WithMaxRetryWait(0)},
			want:    helios.Call{Outcome: helios.OutcomeUnknown, Attempts: 2, StatusCode: 401},
		},
		"Do": {
			call: do("GET", "/api/v1/new", nil), answers: list(answer(200, "{}")),
			want: helios.Call{
				Outcome: helios.OutcomeAccepted, Method: "GET", Path: "/api/v1/new", Attempts: 1, StatusCode: 200,
			},
		},
		"Do, refused": {
			call: do("GET", "/api/v1/new", nil), answers: list(answer(500, "")),
			want: helios.Call{
				Outcome: helios.OutcomeRefused, Method: "GET", Path: "/api/v1/new", Attempts: 1, StatusCode: 500,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.WithValue(t.Context(), contextKey{}, "caller's"))
				defer cancel()
				if tt.cancel > 0 {
					time.AfterFunc(tt.cancel, cancel)
				}
				var calls []helios.Call
				attempts := 0
				client := newClient(t, "https://api.example/prefix", append([]helios.ClientOption{
					withTransport(answering(&attempts, append(tt.answers, refusedDial)...)),
					helios.WithObserver(func(ctx context.Context, call helios.Call) {
						assert.Equal(t, "caller's", ctx.Value(contextKey{}))
						calls = append(calls, call)
					}),
				}, tt.opts...)...)
				if tt.call == nil {
					tt.call = labResults(labs())
				}
				_, _ = tt.call(ctx, client)

				require.Len(t, calls, 1, "one for each call")
				assertObserved(t, tt.want, calls[0])
				assert.NotContains(t, fmt.Sprintf("%+v", calls[0]), secretValue)
			})
		})
	}
}

func TestWithObserver_RefusedPathIsLeftOut(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"a", "/a?patient=" + secretValue, "/../a", "https://evil.example/a"} {
		var calls []helios.Call
		client := newClient(t, "https://api.example", helios.WithObserver(func(_ context.Context, call helios.Call) {
			calls = append(calls, call)
		}))
		_, err := client.Do(t.Context(), "POST", path, nil, nil, nil)
		require.Error(t, err)
		require.Len(t, calls, 1)
		assert.Equal(t, helios.OutcomeInvalid, calls[0].Outcome)
		assert.Empty(t, calls[0].Path)
	}
}

type tracedKey struct{}

// TestWithCallTracing: the context that begin returns is that of the attempts
// and of the observer, and the end comes once, with the whole call.
func TestWithCallTracing(t *testing.T) {
	t.Parallel()
	var seen []any
	see := func(what string, ctx context.Context) { seen = append(seen, what, ctx.Value(tracedKey{})) }
	var begun, ended []helios.Call
	client := newClient(t, "https://api.example",
		helios.WithCallTracing(func(ctx context.Context, c helios.Call) (context.Context, func(helios.Call)) {
			begun = append(begun, c)
			return context.WithValue(ctx, tracedKey{}, len(begun)), func(c helios.Call) { ended = append(ended, c) }
		}),
		helios.WithObserver(func(ctx context.Context, _ helios.Call) { see("observer", ctx) }),
		helios.WithHTTPClient(&http.Client{Transport: transportFunc(answer(200, acceptedBody))}),
		helios.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
			return transportFunc(func(req *http.Request) (*http.Response, error) {
				see("attempt", req.Context())
				return next.RoundTrip(req)
			})
		}))

	_, err := client.LabResults.Submit(t.Context(), labs())
	require.NoError(t, err)
	_, err = client.Do(t.Context(), "GET", "/a?patient="+secretValue, nil, nil, nil)
	require.Error(t, err)

	assert.Equal(t, []any{"attempt", 1, "observer", 1, "observer", 2}, seen)
	assert.Equal(t, []helios.Call{
		{Agent: "lab-results", Method: "POST", Path: "/api/v1/lab-results"}, {Method: "GET"},
	}, begun)
	require.Len(t, ended, 2)
	assert.Equal(t, helios.OutcomeAccepted, ended[0].Outcome)
	assert.Equal(t, acceptedRun, ended[0].RunID)
	assert.Equal(t, helios.OutcomeInvalid, ended[1].Outcome)
}

func TestWithCallTracing_nil(t *testing.T) {
	t.Parallel()
	_, err := helios.NewClient(helios.WithAPIKey("sk_live_x"), helios.WithCallTracing(nil))
	require.ErrorContains(t, err, "WithCallTracing")
}

// assertObserved compares calls. Of a wait with jitter, which is shorter than a
// second, the share is cut off.
func assertObserved(t *testing.T, want, got helios.Call) {
	t.Helper()
	if want.Method == "" {
		want.Method = "POST"
	}
	if want.Path == "" {
		want.Agent, want.Path = "lab-results", "/api/v1/lab-results"
	}
	got.Duration, got.Waited = got.Duration.Truncate(time.Second), got.Waited.Truncate(time.Second)
	assert.Equal(t, want, got)
}

func TestWithObserver_LastOfTwo(t *testing.T) {
	t.Parallel()
	var by []string
	note := func(name string) helios.ClientOption {
		return helios.WithObserver(func(context.Context, helios.Call) { by = append(by, name) })
	}
	attempts := 0
	transport := withTransport(answering(&attempts, answer(200, acceptedBody)))
	require.NoError(t, submitLabs(t, newClient(t, "https://api.example", transport, note("first"), note("second"))))
	assert.Equal(t, []string{"second"}, by, "the later option wins")
	require.NoError(t, submitLabs(t, newClient(t, "https://api.example", transport, helios.WithObserver(nil))))
}

// TestWithObserver_OnlyFinishedCalls: Validate is no call, and what panics is
// not finished.
func TestWithObserver_OnlyFinishedCalls(t *testing.T) {
	t.Parallel()
	observed := 0
	client := newClient(t, "https://api.example",
		withTransport(func(*http.Request) (*http.Response, error) { panic("a transport's own") }),
		helios.WithObserver(func(context.Context, helios.Call) { observed++ }))
	require.Error(t, client.LabResults.Validate(nil))
	assert.PanicsWithValue(t, "a transport's own", func() { _ = submitLabs(t, client) })
	assert.Zero(t, observed)
}

// TestWithObserver_FromManyGoroutines: fn is called on the goroutine of each
// caller, before the call returns.
func TestWithObserver_FromManyGoroutines(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	counts := map[helios.Outcome]int{}
	client := newClient(t, newRecorder(t, 200, acceptedBody).URL,
		helios.WithObserver(func(_ context.Context, call helios.Call) {
			mu.Lock()
			defer mu.Unlock()
			counts[call.Outcome]++
		}))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, _ = client.LabResults.Submit(t.Context(), labs())
			_ = client.LabResults.Validate(nil)
			_, _ = client.LabResults.Submit(t.Context(), nil)
		})
	}
	wg.Wait()
	assert.Equal(t, map[helios.Outcome]int{helios.OutcomeAccepted: 8, helios.OutcomeInvalid: 8}, counts)
}

func TestOutcome_ValuesAreLabels(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal([]helios.Outcome{
		helios.OutcomeAccepted, helios.OutcomeInvalid, helios.OutcomeNotSent, helios.OutcomeLimited,
		helios.OutcomeUnauthorized, helios.OutcomeRefused, helios.OutcomeUnknown,
	})
	require.NoError(t, err)
	assert.JSONEq(t, `["accepted","invalid","not_sent","limited","unauthorized","refused","unknown"]`, string(b))
}
