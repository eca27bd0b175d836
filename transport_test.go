package helios_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// TestNewClient_UsesAReplacedDefaultTransport: who replaces
// http.DefaultTransport, as tests and tracers do, means it.
func TestNewClient_UsesAReplacedDefaultTransport(t *testing.T) { //nolint:paralleltest // replaces a global
	httpmock.Activate(t)
	httpmock.RegisterResponder("POST", "https://api.example/api/v1/lab-results",
		httpmock.NewStringResponder(200, acceptedBody))
	run, err := newClient(t, "https://api.example").LabResults.Submit(t.Context(), labs())
	require.NoError(t, err)
	assert.Equal(t, acceptedRun, run.ID)
	assert.Equal(t, 1, httpmock.GetTotalCallCount())
}

// TestNewClient_DefaultTransportThatSpeaksHTTP2WithoutTLS: net/http would send
// a request again for ever to a sidecar that goes away after each.
func TestNewClient_DefaultTransportThatSpeaksHTTP2WithoutTLS(t *testing.T) { //nolint:paralleltest // changes a global
	original := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = original })
	clear := original.(*http.Transport).Clone()
	clear.Protocols = new(http.Protocols)
	clear.Protocols.SetUnencryptedHTTP2(true)
	http.DefaultTransport = clear

	frames := map[string]func(stream uint32) ([]byte, bool){
		"goes away": func(uint32) ([]byte, bool) { return h2Frame(h2GoAway, 0, 0, make([]byte, 8)), false },
		"goes away, then nobody there": func(uint32) ([]byte, bool) {
			return h2Frame(h2GoAway, 0, 0, make([]byte, 8)), true
		},
		"refuses the stream": func(stream uint32) ([]byte, bool) {
			return h2Frame(h2Reset, 0, stream, []byte{0, 0, 0, h2RefusedStream}), false
		},
	}
	for name, frame := range frames {
		for _, timeout := range []time.Duration{0, 10 * time.Second} {
			t.Run(name+" "+timeout.String(), func(t *testing.T) {
				listener, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				whole := serveH2(t, listener, frame)
				client := newClient(t, "http://"+listener.Addr().String(), helios.WithTimeout(timeout))
				err = submitLabs(t, client)
				require.ErrorIs(t, err, helios.ErrOutcomeUnknown)
				require.NotErrorIs(t, err, context.Canceled, "nobody cancelled")
				assert.EqualValues(t, 1, whole.Load(), "requests that the server saw whole")
			})
		}
	}
}

// TestNewClient_DefaultTransportThatSpeaksHTTP2: over TLS, where a client's own
// transport learns of HTTP/2 from the connection alone.
func TestNewClient_DefaultTransportThatSpeaksHTTP2(t *testing.T) { //nolint:paralleltest // changes a global
	original := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = original })
	for name, code := range map[string]byte{"protocol error": h2ProtocolError, "refused": h2RefusedStream} {
		t.Run(name, func(t *testing.T) {
			url, transport, whole := newH2Server(t, resetWith(code))
			http.DefaultTransport = transport
			require.ErrorIs(t, submitLabs(t, newClient(t, url)), helios.ErrOutcomeUnknown)
			assert.EqualValues(t, 1, whole.Load(), "requests that the server saw whole")
		})
	}
}

// overPipe makes each client's own transport one whose connections lead to
// serve, so that it can run on synthetic time.
func overPipe(t *testing.T, serve func(net.Conn)) {
	t.Helper()
	original := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = original })
	http.DefaultTransport = &http.Transport{DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go serve(theirs)
		return ours, nil
	}}
}

// TestNewClient_SilentServer: a client's own transport waits for an answer as
// long as an attempt may last, and without such a limit for 30 s.
func TestNewClient_SilentServer(t *testing.T) { //nolint:paralleltest // changes a global
	for timeout, want := range map[time.Duration]time.Duration{0: 30 * time.Second, time.Hour: time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			overPipe(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
			start := time.Now()
			err := submitLabs(t, newClient(t, "https://api.example", helios.WithTimeout(timeout)))
			require.ErrorIs(t, err, helios.ErrOutcomeUnknown)
			assert.Equal(t, want, time.Since(start))
		})
	}
}

// TestNewClient_IdleConnection: it is closed before a server would close it.
func TestNewClient_IdleConnection(t *testing.T) { //nolint:paralleltest // changes a global
	synctest.Test(t, func(t *testing.T) {
		closed := make(chan time.Time, 1)
		overPipe(t, func(conn net.Conn) {
			reader := bufio.NewReader(conn)
			if req, err := http.ReadRequest(reader); assert.NoError(t, err) {
				_, _ = io.Copy(io.Discard, req.Body)
			}
			_, _ = io.WriteString(conn, response(200, acceptedBody))
			_, _ = io.Copy(io.Discard, reader)
			closed <- time.Now()
		})
		client := newClient(t, "https://api.example")
		start := time.Now()
		require.NoError(t, submitLabs(t, client))
		assert.Equal(t, 15*time.Second, (<-closed).Sub(start))
	})
}

// TestWithMiddleware_UnsentBodyIsClosed: as a RoundTripper must.
func TestWithMiddleware_UnsentBodyIsClosed(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]io.ReadCloser{"a body": &watchedBody{}, "none": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, "https://api.example", sendsNothing(t), helios.WithMiddleware(
				middleware(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
					req = req.Clone(context.Background()) // which is refused
					req.Body = body
					return next.RoundTrip(req)
				}).wrap))
			require.EqualError(t, submitLabs(t, client), submitPath+"middleware replaced the context of the request")
			if watched, ok := body.(*watchedBody); ok {
				assert.True(t, watched.closed)
			}
		})
	}
}
