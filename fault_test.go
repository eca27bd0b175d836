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

// What a connection does with its requests.

func accept(c *socketConn) {
	if c.read() {
		c.accept()
	}
}

// reading reads a request before it goes on.
func reading(then func(*socketConn)) func(*socketConn) {
	return func(c *socketConn) {
		if c.read() {
			then(c)
		}
	}
}

// writing writes what follows a request, whatever it is.
func writing(s string) func(*socketConn) { return reading(func(c *socketConn) { c.write(s) }) }

// firstThen breaks the first connection only.
func firstThen(first func(*socketConn)) func(*socketConn) {
	return func(c *socketConn) {
		if c.nth == 1 {
			first(c)
		} else {
			accept(c)
		}
	}
}

// resetInTheMiddle reads no request whole.
func resetInTheMiddle(c *socketConn) {
	_, _ = io.CopyN(io.Discard, c.reader, 1<<20)
	c.reset()
}

// wait reads until the client gives up.
func wait(c *socketConn) { _, _ = io.Copy(io.Discard, c.reader) }

// writeOnAndOn answers 400 with 64 MiB of data.
func writeOnAndOn(c *socketConn) {
	c.write("HTTP/1.1 400 x\r\nContent-Length: 67108864\r\n\r\n")
	chunk := strings.Repeat(secretValue, 1000)
	for range 67108864 / len(chunk) {
		if _, err := io.WriteString(c, chunk); err != nil {
			return
		}
	}
}

// slowReader reads nothing while the first attempt lasts.
func slowReader() func(*socketConn) {
	wake := make(chan struct{})
	return func(c *socketConn) {
		if c.nth == 1 {
			<-wake
			return
		}
		if c.nth == 2 { // on a busy machine there can be a third
			close(wake)
		}
		accept(c)
	}
}

func TestSubmit_FaultsOnRealSockets(t *testing.T) {
	t.Parallel()
	var (
		half     = response(200, acceptedBody)[:150]
		resubmit = []helios.ClientOption{helios.WithResubmitOnUnknownOutcome()}
		oneRetry = []helios.ClientOption{helios.WithMaxRetries(1)}
		// Long enough for a busy machine to send 32 MiB.
		inTime = []helios.ClientOption{helios.WithTimeout(3 * time.Second)}
	)
	for name, tt := range map[string]struct {
		serve   func(c *socketConn)
		req     *helios.LabResultsRequest // nil: labs
		opts    []helios.ClientOption
		whole   int32
		unknown bool
		cause   error // in the error's chain
		status  int   // of the APIError in it
		ok      bool
	}{
		"accepted":           {serve: accept, whole: 1, ok: true},
		"2xx other than 200": {serve: writing(response(202, acceptedBody)), whole: 1, ok: true},

		"reset before the request was written": {
			serve: firstThen((*socketConn).reset), req: large(), whole: 1, ok: true,
		},
		"reset in the middle of the request": {serve: firstThen(resetInTheMiddle), req: large(), whole: 1, ok: true},
		"always reset in the middle":         {serve: resetInTheMiddle, req: large(), opts: oneRetry},
		"no reader in time": {
			serve: slowReader(), req: large(), opts: inTime, whole: 1, ok: true,
		},

		"reset after the request": {
			serve: reading((*socketConn).reset), whole: 1, unknown: true, cause: syscall.ECONNRESET,
		},
		"large request, reset after it": {
			serve: reading((*socketConn).reset), req: large(), whole: 1, unknown: true, cause: syscall.ECONNRESET,
		},
		"reset after the request, resubmitted as asked": {
			serve: firstThen(reading((*socketConn).reset)), opts: resubmit, whole: 2, ok: true,
		},
		"closed after the request": {
			serve: reading(func(*socketConn) {}), whole: 1, unknown: true, cause: io.EOF,
		},
		"no answer in time": {
			serve: reading(wait), opts: inTime, whole: 1, unknown: true, cause: context.DeadlineExceeded,
		},

		"half the headers": {serve: writing("HTTP/1.1 200 OK\r\nContent-Le"), whole: 1, unknown: true},
		"half the body": {
			serve: writing(half), whole: 1, unknown: true, cause: io.ErrUnexpectedEOF, status: 200,
		},
		"half the body, resubmitted as asked": {serve: firstThen(writing(half)), opts: resubmit, whole: 2, ok: true},
		"JSON that ends early": {
			serve: writing(response(200, acceptedBody[:40])), whole: 1, unknown: true, status: 200,
		},
		"no run id": {
			serve: writing(response(200, `{"status":"accepted"}`)), whole: 1, unknown: true, status: 200,
		},
		"answer beyond 1 MiB": {
			serve: writing(response(200, strings.Repeat(" ", 2<<20)+acceptedBody)),
			whole: 1, unknown: true, cause: helios.ErrBodyTooLarge, status: 200,
		},
		"garbage that repeats the data": {
			serve: writing(secretValue + " " + testKey + "\r\n\r\n"), whole: 1, unknown: true,
		},

		"a proxy's HTML with 502": {
			serve: writing(response(502, "<html><h1>Bad gateway</h1>"+secretValue+"</html>")),
			whole: 1, unknown: true, status: 502,
		},
		"a proxy's HTML with 403": {
			serve: writing(response(403, "<html>"+secretValue+testKey+"</html>")), whole: 1, status: 403,
		},
		"a proxy's HTML with 200": {
			serve: writing(response(200, "<html>Log in</html>")), whole: 1, unknown: true, status: 200,
		},

		"303":              {serve: writing(response(303, "")), whole: 1, unknown: true, status: 303},
		"500":              {serve: writing(response(500, "")), whole: 1, unknown: true, status: 500},
		"503":              {serve: writing(response(503, "")), whole: 1, unknown: true, status: 503},
		"504":              {serve: writing(response(504, "")), whole: 1, unknown: true, status: 504},
		"400 with nothing": {serve: writing(response(400, "")), whole: 1, status: 400},
		"404":              {serve: writing(response(404, "")), whole: 1, status: 404},
		"401": {
			serve: writing(response(401, "")), whole: 1, status: 401, cause: helios.ErrUnauthorized,
		},
		"64 MiB of 400": {serve: reading(writeOnAndOn), whole: 1, status: 400},
		"400 that breaks off": {
			serve: writing("HTTP/1.1 400 x\r\nContent-Length: 1000\r\n\r\n{"), whole: 1, status: 400,
		},
	} {
		t.Run(name, func(t *testing.T) {
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
			assertErrorHides(t, err, secretValue, testKey)
		})
	}
}

func TestSubmit_ConnectionRefused(t *testing.T) {
	t.Parallel()
	lines := &attemptLog{}
	client := newClient(t, "http://"+deadProxy(t).Host, helios.WithMaxRetries(2), quickly(),
		helios.WithLogger(lines.logger()))
	err := submitLabs(t, client)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NotErrorIs(t, err, helios.ErrOutcomeUnknown)
	assert.Len(t, lines.all(), 3, "one attempt and two retries")
}

// TestSubmit_ClosedOnAReusedConnection: whatever the moment at which the server
// closes a kept connection, every request that it got whole is one that the
// caller knows of, as accepted or as unknown.
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
		require.NoError(t, submitLabs(t, client))
		require.ErrorIs(t, submitLabs(t, client), helios.ErrOutcomeUnknown)
		assert.EqualValues(t, 2, server.whole.Load())
		assert.EqualValues(t, 1, server.conns.Load())
	})
	t.Run("while the second request is on its way", func(t *testing.T) {
		t.Parallel()
		server := newSocketServer(t, accept)
		client := newClient(t, server.url)
		known, unknown := 0, 0
		for range 200 {
			err := submitLabs(t, client)
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
			accept(c)
			if c.nth == 1 {
				c.reset()
			}
		})
		client := newClient(t, server.url)
		for range 2 {
			if err := submitLabs(t, client); err != nil {
				require.ErrorIs(t, err, helios.ErrOutcomeUnknown)
			}
		}
		assert.LessOrEqual(t, server.whole.Load(), int32(2))
	})
}

// deadOnReuse is a connection that takes one request and then nothing, as one
// does whose other end has gone.
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

// TestSubmit_KeptConnectionThatIsDead: nothing was written to it, so net/http
// takes another by itself, with the body from its start. If that cannot be made
// either, as while a server restarts, the request certainly was not sent.
func TestSubmit_KeptConnectionThatIsDead(t *testing.T) {
	t.Parallel()
	for name, refused := range map[string]int32{
		"the next connection works":     0,
		"the next is refused once":      1,
		"the next two are both refused": 2,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newSocketServer(t, func(c *socketConn) {
				for c.read() {
					c.accept()
				}
			})
			var dials atomic.Int32
			dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
				if n := dials.Add(1); n > 1 && n <= 1+refused {
					return nil, errRefused
				}
				conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
				return &deadOnReuse{Conn: conn}, err
			}
			transport := &http.Transport{DialContext: dial}
			t.Cleanup(transport.CloseIdleConnections)
			client := newClient(t, server.url, quickly(), helios.WithHTTPClient(&http.Client{Transport: transport}))

			for range 2 {
				require.NoError(t, submitLabs(t, client))
			}
			assert.EqualValues(t, 2, server.whole.Load())
			assert.Equal(t, 2+refused, dials.Load())
		})
	}
}

func TestSubmit_FollowsNoRedirect(t *testing.T) {
	t.Parallel()
	var strayed atomic.Int32
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed.Add(1) }))
	t.Cleanup(target.Close)
	for code := 300; code <= 308; code++ {
		for _, location := range []string{"", "/elsewhere", target.URL, "http://[::bad", "http://evil.example/%zz"} {
			t.Run(fmt.Sprint(code, " ", location), func(t *testing.T) {
				t.Parallel()
				const format = "HTTP/1.1 %d x\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"
				server := newSocketServer(t, reading(func(c *socketConn) {
					c.write(fmt.Sprintf(format, code, location))
					c.read()
				}))
				hc := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
				err := submitLabs(t, newClient(t, server.url, helios.WithHTTPClient(hc)))
				var api *helios.APIError
				require.ErrorAs(t, err, &api)
				assert.Equal(t, code, api.StatusCode)
				unknown := errors.Is(err, helios.ErrOutcomeUnknown)
				assert.Equal(t, code == 303, unknown, "303 says that the POST was processed")
				assert.EqualValues(t, 1, server.whole.Load())
				assert.Zero(t, strayed.Load())
			})
		}
	}
}

// TestSubmit_ContextEnds: the error says whether the run may exist.
func TestSubmit_ContextEnds(t *testing.T) {
	t.Parallel()
	t.Run("before anything was sent", func(t *testing.T) {
		t.Parallel()
		server := newSocketServer(t, func(c *socketConn) { c.read() })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := newClient(t, server.url).LabResults.Submit(ctx, labs())
		require.EqualError(t, err, submitPath+"context canceled")
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, helios.ErrOutcomeUnknown)
		assert.Zero(t, server.whole.Load())
	})
	t.Run("after the request", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		server := newSocketServer(t, reading(func(c *socketConn) {
			cancel()
			wait(c)
		}))
		_, err := newClient(t, server.url).LabResults.Submit(ctx, labs())
		require.EqualError(t, err, openOutcome+"context canceled")
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, helios.ErrOutcomeUnknown)
		assert.EqualValues(t, 1, server.whole.Load())
	})
}
