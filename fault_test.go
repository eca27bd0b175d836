package helios_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// large is a request that no socket buffer takes whole.
func large() *helios.LabResultsRequest {
	req := labs()
	req.Extra = map[string]any{"imaging": strings.Repeat("x", 32<<20)}
	return req
}

func TestSubmit_FaultsOnRealSockets(t *testing.T) {
	t.Parallel()
	accept := func(c *socketConn) {
		if c.read() {
			c.accept()
		}
	}
	firstThen := func(first func(*socketConn)) func(*socketConn) {
		return func(c *socketConn) {
			if c.nth == 1 {
				first(c)
			} else {
				accept(c)
			}
		}
	}
	tests := []struct {
		name    string
		serve   func(c *socketConn)
		req     *helios.LabResultsRequest
		opts    []helios.ClientOption
		whole   int32
		unknown bool
		cause   error // in the error's chain
		status  int   // of the APIError in it
		ok      bool
	}{
		{name: "accepted", serve: accept, whole: 1, ok: true},
		{name: "reset before the request was written", req: large(), serve: firstThen((*socketConn).reset), whole: 1, ok: true},
		{name: "reset in the middle of the request", req: large(), whole: 1, ok: true, serve: firstThen(func(c *socketConn) {
			_, _ = io.CopyN(io.Discard, c.reader, 1<<20)
			c.reset()
		})},
		{name: "always reset in the middle", req: large(), whole: 0, opts: []helios.ClientOption{helios.WithMaxRetries(1)}, serve: func(c *socketConn) {
			_, _ = io.CopyN(io.Discard, c.reader, 1<<20)
			c.reset()
		}},
		{name: "reset after the request", whole: 1, unknown: true, cause: syscall.ECONNRESET, serve: func(c *socketConn) {
			if c.read() {
				c.reset()
			}
		}},
		{name: "large request, reset after it", req: large(), whole: 1, unknown: true, cause: syscall.ECONNRESET, serve: func(c *socketConn) {
			if c.read() {
				c.reset()
			}
		}},
		{name: "closed after the request", whole: 1, unknown: true, cause: io.EOF, serve: func(c *socketConn) { c.read() }},
		{name: "reset after the request, resubmitted as asked", whole: 2, ok: true, opts: []helios.ClientOption{helios.WithResubmitOnUnknownOutcome()},
			serve: firstThen(func(c *socketConn) {
				if c.read() {
					c.reset()
				}
			})},
		{name: "half the headers", whole: 1, unknown: true, serve: func(c *socketConn) {
			if c.read() {
				c.write("HTTP/1.1 200 OK\r\nContent-Le")
			}
		}},
		{name: "half the body", whole: 1, unknown: true, cause: io.ErrUnexpectedEOF, status: 200, serve: func(c *socketConn) {
			if c.read() {
				c.write(response(200, acceptedBody)[:150])
			}
		}},
		{name: "half the body, resubmitted as asked", whole: 2, ok: true, opts: []helios.ClientOption{helios.WithResubmitOnUnknownOutcome()},
			serve: firstThen(func(c *socketConn) {
				if c.read() {
					c.write(response(200, acceptedBody)[:150])
				}
			})},
		{name: "JSON that ends early", whole: 1, unknown: true, status: 200, serve: func(c *socketConn) {
			if c.read() {
				c.write(response(200, acceptedBody[:40]))
			}
		}},
		{name: "no run id", whole: 1, unknown: true, status: 200, serve: func(c *socketConn) {
			if c.read() {
				c.write(response(200, `{"status":"accepted"}`))
			}
		}},
		{name: "2xx other than 200", whole: 1, ok: true, serve: func(c *socketConn) {
			if c.read() {
				c.write(response(202, acceptedBody))
			}
		}},
		{name: "answer beyond 1 MiB", whole: 1, unknown: true, cause: helios.ErrBodyTooLarge, status: 200, serve: func(c *socketConn) {
			if c.read() {
				c.write(response(200, strings.Repeat(" ", 2<<20)+acceptedBody))
			}
		}},
		{name: "garbage that repeats the data", whole: 1, unknown: true, serve: func(c *socketConn) {
			if c.read() {
				c.write(secretValue + " " + testKey + "\r\n\r\n")
			}
		}},
		{name: "no answer in time", whole: 1, unknown: true, cause: context.DeadlineExceeded, opts: []helios.ClientOption{helios.WithTimeout(50 * time.Millisecond)},
			serve: func(c *socketConn) {
				if c.read() {
					_, _ = io.Copy(io.Discard, c.reader) // until the client gives up
				}
			}},
		{name: "no reader in time", req: large(), whole: 1, ok: true, opts: []helios.ClientOption{helios.WithTimeout(500 * time.Millisecond)},
			serve: func() func(c *socketConn) {
				var wake = make(chan struct{})
				return func(c *socketConn) {
					if c.nth == 1 { // reads nothing while the first attempt lasts
						<-wake
						return
					}
					close(wake)
					accept(c)
				}
			}()},
		{name: "proxy's HTML with 502", whole: 1, unknown: true, status: 502, serve: func(c *socketConn) {
			if c.read() {
				c.write(response(502, "<html><h1>Bad gateway</h1>"+secretValue+"</html>"))
			}
		}},
		{name: "proxy's HTML with 403", whole: 1, status: 403, serve: func(c *socketConn) {
			if c.read() {
				c.write(response(403, "<html>"+secretValue+testKey+"</html>"))
			}
		}},
		{name: "proxy's HTML with 200", whole: 1, unknown: true, status: 200, serve: func(c *socketConn) {
			if c.read() {
				c.write(response(200, "<html>Log in</html>"))
			}
		}},
		{name: "500", whole: 1, unknown: true, status: 500, serve: status(500)},
		{name: "503", whole: 1, unknown: true, status: 503, serve: status(503)},
		{name: "504", whole: 1, unknown: true, status: 504, serve: status(504)},
		{name: "400 with nothing", whole: 1, status: 400, serve: status(400)},
		{name: "404", whole: 1, status: 404, serve: status(404)},
		{name: "401", whole: 1, status: 401, cause: helios.ErrUnauthorized, serve: status(401)},
		{name: "64 MiB of 400", whole: 1, status: 400, serve: func(c *socketConn) {
			if c.read() {
				c.write("HTTP/1.1 400 x\r\nContent-Length: 67108864\r\n\r\n")
				chunk := strings.Repeat(secretValue, 1000)
				for range 67108864 / len(chunk) {
					if _, err := io.WriteString(c, chunk); err != nil {
						return
					}
				}
			}
		}},
		{name: "400 that breaks off", whole: 1, status: 400, serve: func(c *socketConn) {
			if c.read() {
				c.write("HTTP/1.1 400 x\r\nContent-Length: 1000\r\n\r\n{")
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := newSocketServer(t, tt.serve)
			client := newClient(t, server.url, tt.opts...)
			req := tt.req
			if req == nil {
				req = labs()
			}
			run, err := client.LabResults.Submit(t.Context(), req)

			assert.Equal(t, tt.whole, server.whole.Load(), "requests that the server saw whole")
			if tt.ok {
				require.NoError(t, err)
				assert.Equal(t, acceptedRun, run.ID)
				return
			}
			require.Error(t, err)
			assert.Nil(t, run)
			assert.Equal(t, tt.unknown, errors.Is(err, helios.ErrOutcomeUnknown), "outcome unknown: %v", err)
			if tt.cause != nil {
				require.ErrorIs(t, err, tt.cause)
			}
			var api *helios.APIError
			assert.Equal(t, tt.status != 0, errors.As(err, &api), "%v", err)
			if api != nil {
				assert.Equal(t, tt.status, api.StatusCode)
				assert.LessOrEqual(t, len(api.Body()), 1<<20)
				assert.NotContains(t, string(api.Body()), testKey)
			}
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
				text := fmt.Sprintf(verb, err)
				assert.NotContains(t, text, secretValue, verb)
				assert.NotContains(t, text, testKey, verb)
			}
			assert.True(t, strings.HasPrefix(err.Error(), "helios: "), err)
		})
	}
}

func status(code int) func(c *socketConn) {
	return func(c *socketConn) {
		if c.read() {
			c.write(response(code, ""))
		}
	}
}

func TestSubmit_ConnectionRefused(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := ln.Addr().String()
	require.NoError(t, ln.Close())

	lines := &attemptLog{}
	client := newClient(t, "http://"+addr, helios.WithMaxRetries(2), helios.WithMaxRetryWait(time.Millisecond), helios.WithLogger(lines.logger()))
	_, err = client.LabResults.Submit(t.Context(), labs())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NotErrorIs(t, err, helios.ErrOutcomeUnknown)
	assert.Len(t, lines.all(), 3, "one attempt and two retries")
}

// TestSubmit_ClosedOnAReusedConnection: whatever the moment at which the server closes a kept connection, every request
// that it got whole is one that the caller knows of, as accepted or as unknown.
func TestSubmit_ClosedOnAReusedConnection(t *testing.T) {
	t.Parallel()
	t.Run("after the second request", func(t *testing.T) {
		t.Parallel()
		server := newSocketServer(t, func(c *socketConn) {
			if c.read() {
				c.accept()
				c.read()
			}
		})
		client := newClient(t, server.url)
		_, err := client.LabResults.Submit(t.Context(), labs())
		require.NoError(t, err)
		_, err = client.LabResults.Submit(t.Context(), labs())
		require.ErrorIs(t, err, helios.ErrOutcomeUnknown)
		assert.EqualValues(t, 2, server.whole.Load())
		assert.EqualValues(t, 1, server.conns.Load())
	})
	t.Run("while the second request is on its way", func(t *testing.T) {
		t.Parallel()
		server := newSocketServer(t, func(c *socketConn) {
			if c.read() {
				c.accept()
			}
		})
		client := newClient(t, server.url)
		known, unknown := 0, 0
		for range 200 {
			_, err := client.LabResults.Submit(t.Context(), labs())
			switch {
			case err == nil:
				known++
			case errors.Is(err, helios.ErrOutcomeUnknown):
				unknown++
			default:
				require.NoError(t, err)
			}
		}
		seen := int(server.whole.Load())
		assert.GreaterOrEqual(t, seen, known)
		assert.LessOrEqual(t, seen, known+unknown)
	})
	t.Run("server restarts", func(t *testing.T) {
		t.Parallel()
		server := newSocketServer(t, func(c *socketConn) {
			if c.read() {
				c.accept()
			}
			if c.nth == 1 {
				c.reset()
			}
		})
		client := newClient(t, server.url)
		for range 2 {
			if _, err := client.LabResults.Submit(t.Context(), labs()); err != nil {
				require.ErrorIs(t, err, helios.ErrOutcomeUnknown)
			}
		}
		assert.LessOrEqual(t, server.whole.Load(), int32(2))
	})
}

// deadOnReuse is a connection that takes one request and then nothing, as one does whose other end has gone.
type deadOnReuse struct {
	net.Conn
	writes atomic.Int32
}

func (c *deadOnReuse) Write(p []byte) (int, error) {
	if c.writes.Add(1) > 1 {
		return 0, &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}
	}
	return c.Conn.Write(p)
}

// TestSubmit_KeptConnectionThatIsDead: nothing was written to it, so net/http takes another by itself, with the body from its start. If that cannot be made
// either, as while a server restarts, the request certainly was not sent.
func TestSubmit_KeptConnectionThatIsDead(t *testing.T) {
	t.Parallel()
	for name, refused := range map[string]int32{"the next connection works": 0, "the next is refused once": 1, "the next is refused twice": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newSocketServer(t, func(c *socketConn) {
				for c.read() {
					c.accept()
				}
			})
			var dials atomic.Int32
			transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if n := dials.Add(1); n > 1 && n <= 1+refused {
					return nil, errRefused
				}
				conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
				return &deadOnReuse{Conn: conn}, err
			}}
			t.Cleanup(transport.CloseIdleConnections)
			client := newClient(t, server.url, helios.WithHTTPClient(&http.Client{Transport: transport}), helios.WithMaxRetryWait(time.Millisecond))
			for range 2 {
				run, err := client.LabResults.Submit(t.Context(), labs())
				require.NoError(t, err)
				assert.Equal(t, acceptedRun, run.ID)
			}
			assert.EqualValues(t, 2, server.whole.Load())
			assert.Equal(t, 2+refused, dials.Load())
		})
	}
}

func TestSubmit_FollowsNoRedirect(t *testing.T) {
	t.Parallel()
	for code := 300; code <= 308; code++ {
		for _, location := range []string{"", "/elsewhere", "TARGET", "http://[::bad", "http://evil.example/%zz"} {
			t.Run(fmt.Sprint(code, " ", location), func(t *testing.T) {
				t.Parallel()
				var strayed atomic.Int32
				target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed.Add(1) }))
				t.Cleanup(target.Close)
				server := newSocketServer(t, func(c *socketConn) {
					if c.read() {
						c.write(fmt.Sprintf("HTTP/1.1 %d x\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", code, strings.Replace(location, "TARGET", target.URL, 1)))
						c.read()
					}
				})
				hc := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
				client := newClient(t, server.url, helios.WithHTTPClient(hc))
				_, err := client.LabResults.Submit(t.Context(), labs())
				var api *helios.APIError
				require.ErrorAs(t, err, &api)
				require.NotErrorIs(t, err, helios.ErrOutcomeUnknown)
				assert.Equal(t, code, api.StatusCode)
				assert.EqualValues(t, 1, server.whole.Load())
				assert.Zero(t, strayed.Load())
			})
		}
	}
}

func TestSubmit_HTTP2(t *testing.T) {
	t.Parallel()
	serve := func(t *testing.T, handler http.HandlerFunc, opts ...helios.ClientOption) *helios.Client {
		server := httptest.NewUnstartedServer(handler)
		server.EnableHTTP2 = true
		server.StartTLS()
		t.Cleanup(server.Close)
		return newClient(t, server.URL, append(opts, helios.WithHTTPClient(server.Client()))...)
	}
	t.Run("accepted", func(t *testing.T) {
		t.Parallel()
		client := serve(t, func(w http.ResponseWriter, r *http.Request) {
			assert.Equal(t, "HTTP/2.0", r.Proto)
			_, _ = io.WriteString(w, acceptedBody)
		})
		run, err := client.LabResults.Submit(t.Context(), labs())
		require.NoError(t, err)
		assert.Equal(t, acceptedRun, run.ID)
	})
	t.Run("stream reset after the request", func(t *testing.T) {
		t.Parallel()
		var whole atomic.Int32
		client := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			whole.Add(1)
			panic(http.ErrAbortHandler)
		})
		_, err := client.LabResults.Submit(t.Context(), labs())
		require.ErrorIs(t, err, helios.ErrOutcomeUnknown)
		assert.EqualValues(t, 1, whole.Load())
	})
	t.Run("stream reset in the middle of the request", func(t *testing.T) {
		t.Parallel()
		var seen atomic.Int32
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if seen.Add(1) == 1 {
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(w, acceptedBody)
		}, helios.WithMaxRetryWait(time.Millisecond))
		run, err := client.LabResults.Submit(t.Context(), large())
		require.NoError(t, err)
		assert.Equal(t, acceptedRun, run.ID)
	})
}

func TestSubmit_UntrustedCertificateIsFinal(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	server.Config.ErrorLog = discardLog()
	lines := &attemptLog{}
	client := newClient(t, server.URL, helios.WithLogger(lines.logger()))
	_, err := client.LabResults.Submit(t.Context(), labs())
	require.ErrorContains(t, err, "certificate")
	require.NotErrorIs(t, err, helios.ErrOutcomeUnknown)
	assert.Len(t, lines.all(), 1)
}

// TestSubmit_ContextEnds: the error tells whether the run may exist.
func TestSubmit_ContextEnds(t *testing.T) {
	t.Parallel()
	t.Run("before anything was sent", func(t *testing.T) {
		t.Parallel()
		server := newSocketServer(t, func(c *socketConn) { c.read() })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := newClient(t, server.url).LabResults.Submit(ctx, labs())
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, helios.ErrOutcomeUnknown)
		assert.Zero(t, server.whole.Load())
	})
	t.Run("after the request", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		server := newSocketServer(t, func(c *socketConn) {
			if c.read() {
				cancel()
				_, _ = io.Copy(io.Discard, c.reader)
			}
		})
		_, err := newClient(t, server.url).LabResults.Submit(ctx, labs())
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, helios.ErrOutcomeUnknown)
		assert.EqualValues(t, 1, server.whole.Load())
	})
}
