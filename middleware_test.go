package helios_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

func TestWithMiddleware_Order(t *testing.T) {
	t.Parallel()
	var order []string
	note := func(name string) func(http.RoundTripper) http.RoundTripper {
		return middleware(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			order = append(order, name)
			return next.RoundTrip(req)
		}).wrap
	}
	attempts := 0
	client := newClient(t, "https://api.example", quickly(),
		helios.WithMiddleware(note("1"), note("2")), helios.WithMiddleware(), helios.WithMiddleware(note("3")),
		withTransport(answering(&attempts, refusedDial, tooMany("0"), answer(200, acceptedBody))))
	require.NoError(t, submitLabs(t, client))
	assert.Equal(t, "123123123", strings.Join(order, ""), "the first outermost, once with each attempt")
}

// TestWithMiddleware_SeesNoKey: neither in a request nor in an answer of the
// transport beneath, and what it writes reaches the service.
func TestWithMiddleware_SeesNoKey(t *testing.T) {
	t.Parallel()
	server := newRecorder(t, 200, acceptedBody)
	client := newClient(t, server.URL, helios.WithMiddleware(
		middleware(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			for name, values := range req.Header {
				assert.NotContains(t, strings.Join(values, " "), testKey, name)
			}
			req = req.Clone(context.WithValue(req.Context(), contextKey{}, "tracing"))
			req.Header.Set("Traceparent", "00-1-2-01")
			req.Header.Set("X-Api-Key", "sk_live_of_the_middleware")
			resp, err := next.RoundTrip(req)
			assert.Equal(t, "sk_live_of_the_middleware", req.Header.Get("X-Api-Key"), "its request is not written to")
			return resp, err
		}).wrap))
	require.NoError(t, submitLabs(t, client))
	assert.Equal(t, []string{testKey}, server.header.Values("X-Api-Key"))
	assert.Equal(t, "00-1-2-01", server.header.Get("Traceparent"))
}

// TestWithMiddleware_OwnHeaderForEachAttempt: what middleware adds to its
// request, although it must not, is not there twice the next time.
func TestWithMiddleware_OwnHeaderForEachAttempt(t *testing.T) {
	t.Parallel()
	var seen []http.Header
	client := newClient(t, "https://api.example", quickly(), helios.WithMaxRetries(2),
		helios.WithMiddleware(middleware(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			req.Header.Add("Baggage", "a=b")
			return next.RoundTrip(req)
		}).wrap),
		withTransport(func(req *http.Request) (*http.Response, error) {
			seen = append(seen, req.Header)
			return refusedDial(req)
		}))
	for range 2 {
		require.ErrorIs(t, submitLabs(t, client), errRefused)
	}
	assert.Len(t, seen, 6)
	for _, header := range seen {
		assert.Equal(t, []string{"a=b"}, header["Baggage"])
		assert.Equal(t, seen[0], header, "the rest of it is that of the first attempt")
	}
	assert.Equal(t, "application/json", seen[0].Get("Content-Type"))
}

// sendTwice sends again what had no answer, or an answer that is no success, as
// middleware does that retries.
func sendTwice(next http.RoundTripper, req *http.Request) (*http.Response, error) {
	if resp, err := next.RoundTrip(req); err == nil && resp.StatusCode < 300 {
		return resp, nil
	}
	again := req.Clone(req.Context())
	if req.GetBody != nil {
		again.Body, _ = req.GetBody()
	}
	return next.RoundTrip(again)
}

// hedge sends a second request while the first is under way, and takes the
// first answer that is none of an error.
func hedge(next http.RoundTripper, req *http.Request) (*http.Response, error) {
	first := make(chan *http.Response, 1)
	reached := make(chan struct{})
	go func() { //nolint:contextcheck // the request carries it
		body, _ := io.ReadAll(req.Body)
		slow := req.Clone(req.Context())
		slow.Body = &signalBody{Reader: bytes.NewReader(body), reached: reached}
		resp, _ := next.RoundTrip(slow)
		first <- resp
	}()
	<-reached
	again := req.Clone(req.Context())
	again.Body, _ = req.GetBody()
	if resp, err := next.RoundTrip(again); err == nil {
		return resp, nil
	}
	if resp := <-first; resp != nil {
		return resp, nil
	}
	return nil, errors.New("both failed")
}

// signalBody closes reached when it is read.
type signalBody struct {
	io.Reader
	reached chan struct{}
	once    sync.Once
}

func (b *signalBody) Read(p []byte) (int, error) {
	b.once.Do(func() { close(b.reached) })
	return b.Reader.Read(p)
}
func (b *signalBody) Close() error { return nil }

var errOpenCircuit = errors.New("circuit open, secret")

// TestWithMiddleware: what becomes of a submission whose middleware does more
// than pass it on.
func TestWithMiddleware(t *testing.T) {
	t.Parallel()
	bodies := map[int]string{200: acceptedBody}
	own := func(code int) middleware { // its own answer, without asking
		return func(_ http.RoundTripper, req *http.Request) (*http.Response, error) {
			return newResponse(req, code, bodies[code]), nil
		}
	}
	instead := func(code int) middleware { // its own answer, for an error
		return func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			if resp, err := next.RoundTrip(req); err == nil {
				return resp, nil
			}
			return newResponse(req, code, bodies[code]), nil
		}
	}
	rewrite := func(change func(*http.Request)) middleware {
		return func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			req = req.Clone(req.Context())
			change(req)
			return next.RoundTrip(req)
		}
	}
	const circuit = submitPath + "middleware failed before anything was sent; unwrap this error for its cause"
	for name, tt := range map[string]struct {
		middleware middleware
		answers    []roundTrip
		sent       int // requests handed to the transport
		attempts   int
		text       string // of the error; "": accepted
		is         error
	}{
		"a circuit breaker's error is tried again": {
			middleware: func(http.RoundTripper, *http.Request) (*http.Response, error) { return nil, errOpenCircuit },
			sent:       0, attempts: 2, text: circuit, is: errOpenCircuit,
		},
		"a circuit breaker's error in the words of HTTP": {
			middleware: func(http.RoundTripper, *http.Request) (*http.Response, error) {
				return nil, errors.New("Service Unavailable")
			},
			sent: 0, attempts: 2, text: circuit,
		},
		"no answer and no error": {
			middleware: func(http.RoundTripper, *http.Request) (*http.Response, error) { return nil, nil },
			sent:       0, attempts: 2, text: circuit,
		},

		"an answer that becomes an error is final": {
			middleware: func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
				_, _ = next.RoundTrip(req)
				return nil, errOpenCircuit
			},
			answers: list(answer(302, "")), sent: 1, attempts: 1,
			text: submitPath + "the connection broke, or the answer is not HTTP", is: errOpenCircuit,
		},
		"a 429 that becomes an error is tried again": {
			middleware: func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
				_, _ = next.RoundTrip(req)
				return nil, errOpenCircuit
			},
			answers: list(tooMany("")), sent: 2, attempts: 2,
			text: submitPath + "the connection broke, or the answer is not HTTP", is: errOpenCircuit,
		},
		"an acceptance that becomes an error may be paid": {
			middleware: func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
				_, err := next.RoundTrip(req)
				return nil, errors.Join(err, errOpenCircuit)
			},
			answers: list(answer(200, acceptedBody)), sent: 1, attempts: 1,
			text: openOutcome + "the connection broke, or the answer is not HTTP", is: errOpenCircuit,
		},

		"sending again what may be accepted is stopped": {
			middleware: sendTwice, answers: list(brokenAfterWrite, answer(200, acceptedBody)), sent: 1, attempts: 1,
			text: openOutcome + "middleware tried to send the request again",
		},
		"sending again a 503 is stopped": {
			middleware: sendTwice, answers: list(answer(503, ""), answer(200, acceptedBody)), sent: 1, attempts: 1,
			text: openOutcome + "middleware tried to send the request again",
		},
		"sending again what was not sent is let through": {
			middleware: sendTwice, answers: list(refusedDial, answer(200, acceptedBody)), sent: 2, attempts: 1,
		},
		"sending again a 429 is let through": {
			middleware: sendTwice, answers: list(tooMany(""), answer(200, acceptedBody)), sent: 2, attempts: 1,
		},
		"a second request beside the first is stopped": {
			middleware: hedge, answers: list(answer(200, acceptedBody)), sent: 1, attempts: 1,
		},
		"a second request beside the first, which breaks": {
			middleware: hedge, answers: list(brokenAfterWrite), sent: 1, attempts: 1,
			text: openOutcome + "the connection broke, or the answer is not HTTP",
		},

		"a context of its own is refused": {
			middleware: func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
				return next.RoundTrip(req.WithContext(context.Background()))
			},
			sent: 0, attempts: 1, text: submitPath + "middleware replaced the context of the request",
		},
		"a context of its own, after the request": {
			middleware: func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
				_, _ = next.RoundTrip(req)
				return next.RoundTrip(req.WithContext(context.Background()))
			},
			answers: list(answer(503, "")), sent: 1, attempts: 1,
			text: openOutcome + "middleware replaced the context of the request",
		},

		"its own 200 is an acceptance": {middleware: own(200), sent: 0, attempts: 1},
		"its own 429 is waited for": {
			middleware: own(429), sent: 0, attempts: 2, text: submitPath + "429 Too Many Requests",
			is: helios.ErrConcurrencyLimit,
		},
		"its own 401 is final": {
			middleware: own(401), sent: 0, attempts: 1,
			text: submitPath + "401 Unauthorized", is: helios.ErrUnauthorized,
		},
		"its own 503 may have been accepted": {
			middleware: own(503), sent: 0, attempts: 1, text: openOutcome + "503 Service Unavailable",
		},
		"its own 200 for a broken connection": {
			middleware: instead(200), answers: list(brokenAfterWrite), sent: 1, attempts: 1,
		},
		"its own 429 for a broken connection": {
			middleware: instead(429), answers: list(brokenAfterWrite), sent: 1, attempts: 1,
			text: openOutcome + "429 Too Many Requests",
		},
		"its own 401 for a broken connection": {
			middleware: instead(401), answers: list(brokenAfterWrite), sent: 1, attempts: 1,
			text: openOutcome + "401 Unauthorized",
		},
		"its own 422 for a broken connection": {
			middleware: instead(422), answers: list(brokenAfterWrite), sent: 1, attempts: 1,
			text: openOutcome + "422 Unprocessable Entity",
		},
		"its own 429 for a failed dial": {
			middleware: instead(429), answers: list(refusedDial), sent: 2, attempts: 2,
			text: submitPath + "429 Too Many Requests", is: helios.ErrConcurrencyLimit,
		},

		"another path is the submission still": {
			middleware: rewrite(func(req *http.Request) { req.URL.Path = "/v2/lab-results" }),
			answers:    list(brokenAfterWrite), sent: 1, attempts: 1,
			text: openOutcome + "the connection was closed without a whole answer",
		},
		"another host may have got it": {
			middleware: rewrite(func(req *http.Request) { req.URL.Host = "mirror.example" }),
			answers:    list(brokenAfterWrite), sent: 1, attempts: 1,
			text: openOutcome + "the connection was closed without a whole answer",
		},
		"another method may have done it": {
			middleware: rewrite(func(req *http.Request) { req.Method = "PUT" }),
			answers:    list(answer(503, "")), sent: 1, attempts: 1, text: openOutcome + "503 Service Unavailable",
		},
		"a header that it nulls": {
			middleware: rewrite(func(req *http.Request) { req.Header = nil }),
			answers:    list(answer(200, acceptedBody)), sent: 1, attempts: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent, attempts atomic.Int32
			count := middleware(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
				attempts.Add(1)
				return next.RoundTrip(req)
			})
			client := newClient(t, "https://api.example", helios.WithMaxRetries(1), quickly(),
				helios.WithMiddleware(count.wrap, tt.middleware.wrap),
				withTransport(func(req *http.Request) (*http.Response, error) {
					n := int(sent.Add(1))
					ours := req.URL.Host == "api.example" && req.Method == "POST"
					assert.Equal(t, ours, req.Header.Get("X-Api-Key") == testKey, "the key goes nowhere else")
					return tt.answers[min(n, len(tt.answers))-1](req)
				}))
			err := submitLabs(t, client)
			assert.EqualValues(t, tt.sent, sent.Load(), "requests handed to the transport")
			assert.EqualValues(t, tt.attempts, attempts.Load())
			if tt.text == "" {
				require.NoError(t, err)
				return
			}

			require.EqualError(t, err, tt.text)
			assertErrorHides(t, err, "secret", testKey)
			if tt.is != nil {
				require.ErrorIs(t, err, tt.is)
			}
			unknown := strings.HasPrefix(tt.text, openOutcome)
			assert.Equal(t, unknown, errors.Is(err, helios.ErrOutcomeUnknown))
			if unknown { // nothing in it invites to send again
				require.NotErrorIs(t, err, helios.ErrUnauthorized)
				require.NotErrorIs(t, err, helios.ErrConcurrencyLimit)
			}
		})
	}
}

// TestWithMiddleware_MaySendAgain: within one attempt, what the caller allowed
// to be sent again, and what changes nothing.
func TestWithMiddleware_MaySendAgain(t *testing.T) {
	t.Parallel()
	for method, opt := range map[string]helios.ClientOption{
		"POST": helios.WithResubmitOnUnknownOutcome(), "GET": nil,
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			sent := 0
			client := newClient(t, "https://api.example", opt, helios.WithMaxRetries(0),
				helios.WithMiddleware(middleware(sendTwice).wrap),
				withTransport(answering(&sent, brokenAfterWrite, answer(200, "{}"))))
			_, err := client.Do(t.Context(), method, "/a", nil, nil, nil)
			require.NoError(t, err)
			assert.Equal(t, 2, sent)
		})
	}
}

// TestWithMiddleware_TokenOfItsOwn: middleware asks another service for a
// token, through the transport beneath and with the context of its request.
// That request is not the submission, and does not get the key.
func TestWithMiddleware_TokenOfItsOwn(t *testing.T) {
	t.Parallel()
	const sts = "https://sts.example/token"
	const broke = openOutcome + "the connection was closed without a whole answer"
	noDial := submitPath + "dial tcp: " + syscall.ECONNREFUSED.Error()
	for name, tt := range map[string]struct {
		token, submission roundTrip
		sent              string
		text              string // of the error; "": accepted
	}{
		"both answered":       {answer(200, "t"), answer(200, acceptedBody), "ts", ""},
		"no token":            {refusedDial, answer(200, acceptedBody), "tt", noDial},
		"a token that breaks": {brokenAfterWrite, answer(200, acceptedBody), "t", broke},
		"no submission":       {answer(200, "t"), refusedDial, "tsts", noDial},
		"a submission breaks": {answer(200, "t"), brokenAfterWrite, "ts", broke},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := ""
			login := middleware(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
				token, err := http.NewRequestWithContext(req.Context(), "POST", sts, strings.NewReader("grant"))
				require.NoError(t, err)
				if _, err := next.RoundTrip(token); err != nil {
					return nil, err
				}
				return next.RoundTrip(req)
			})
			client := newClient(t, "https://api.example", helios.WithMaxRetries(1), quickly(),
				helios.WithMiddleware(login.wrap),
				withTransport(func(req *http.Request) (*http.Response, error) {
					if req.URL.String() == sts {
						sent += "t"
						assert.Empty(t, req.Header.Get("X-Api-Key"))
						return tt.token(req)
					}
					sent += "s"
					return tt.submission(req)
				}))
			err := submitLabs(t, client)
			assert.Equal(t, tt.sent, sent)
			if tt.text == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, tt.text)
			}
		})
	}
}

// TestWithMiddleware_ReportOfItsOwn: middleware tells another service what
// became of a submission. That may be sent although the submission may not be
// sent again.
func TestWithMiddleware_ReportOfItsOwn(t *testing.T) {
	t.Parallel()
	sent := 0
	report := middleware(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(req)
		const address = "https://audit.example"
		audit, failed := http.NewRequestWithContext(req.Context(), "POST", address, strings.NewReader("x"))
		require.NoError(t, failed)
		_, failed = next.RoundTrip(audit)
		require.NoError(t, failed)
		return resp, err
	})
	client := newClient(t, "https://api.example", helios.WithMiddleware(report.wrap),
		withTransport(answering(&sent, brokenAfterWrite, answer(200, ""))))
	require.ErrorIs(t, submitLabs(t, client), helios.ErrOutcomeUnknown)
	assert.Equal(t, 2, sent)
}

// TestWithMiddleware_IdempotencyKey: net/http sends again by itself what
// carries one, so it does not come through. The API knows none.
func TestWithMiddleware_IdempotencyKey(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newSocketServer(t, func(c *socketConn) {
				if c.nth == 1 { // the second request on it is read, and not answered
					if c.read() {
						c.accept()
						c.read()
					}
					return
				}
				if c.read() {
					c.accept()
				}
			})
			client := newClient(t, server.url, helios.WithMiddleware(
				middleware(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
					req = req.Clone(req.Context())
					req.Header.Set(name, "o-17")
					return next.RoundTrip(req)
				}).wrap))
			require.NoError(t, submitLabs(t, client))
			require.ErrorIs(t, submitLabs(t, client), helios.ErrOutcomeUnknown)
			assert.EqualValues(t, 2, server.whole.Load())
		})
	}
}
