package helios_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// h2Frame is a frame of HTTP/2: length, type, flags, stream, payload.
func h2Frame(kind, flags byte, stream uint32, payload []byte) []byte {
	b := make([]byte, 9, 9+len(payload))
	b[1], b[2] = byte(len(payload)>>8), byte(len(payload))
	b[3], b[4] = kind, flags
	binary.BigEndian.PutUint32(b[5:], stream)
	return append(b, payload...)
}

const (
	h2Data, h2Headers, h2Reset, h2Settings, h2GoAway = 0, 1, 3, 4, 7

	h2ProtocolError, h2InternalError, h2RefusedStream, h2Cancel = 1, 2, 7, 8
)

// h2Answer chooses the frame that answers a request, and whether the server
// ends with it.
type h2Answer func(stream uint32) (frame []byte, end bool)

func resetWith(code byte) h2Answer {
	return func(stream uint32) ([]byte, bool) { return h2Frame(h2Reset, 0, stream, []byte{0, 0, 0, code}), false }
}

// newH2Server speaks just enough HTTP/2 to read requests whole and then answer
// with a frame of the test's choice.
func newH2Server(t *testing.T, answer h2Answer) (url string, transport *http.Transport, whole *atomic.Int32) {
	t.Helper()
	donor := httptest.NewUnstartedServer(nil)
	donor.EnableHTTP2 = true
	donor.StartTLS()
	transport = donor.Client().Transport.(*http.Transport).Clone()
	certificates := donor.TLS.Certificates
	donor.Close()
	t.Cleanup(transport.CloseIdleConnections)

	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: certificates, NextProtos: []string{"h2"},
	})
	require.NoError(t, err)
	return "https://" + listener.Addr().String(), transport, serveH2(t, listener, answer)
}

// serveH2 counts the requests that it got whole.
func serveH2(t *testing.T, listener net.Listener, answer h2Answer) *atomic.Int32 {
	whole := new(atomic.Int32)
	serveConns(t, listener, func(conn net.Conn) {
		r := bufio.NewReader(conn)
		if _, err := r.Discard(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")); err != nil {
			return
		}
		_, _ = conn.Write(h2Frame(h2Settings, 0, 0, nil))

		for {
			var head [9]byte
			if _, err := io.ReadFull(r, head[:]); err != nil {
				return
			}
			if _, err := r.Discard(int(head[0])<<16 | int(head[1])<<8 | int(head[2])); err != nil {
				return
			}
			switch kind, flags := head[3], head[4]; {
			case kind == h2Settings && flags == 0:
				_, _ = conn.Write(h2Frame(h2Settings, 1, 0, nil))
			case (kind == h2Data || kind == h2Headers) && flags&1 != 0: // the stream's end
				whole.Add(1)
				frame, end := answer(binary.BigEndian.Uint32(head[5:]))
				if end { // before the answer: nobody gets another connection
					_ = listener.Close()
				}
				_, _ = conn.Write(frame)
				if end {
					return
				}
			}
		}
	})
	return whole
}

// TestSubmit_HTTP2IsNotSentAgain: net/http by itself sends again what a server
// has reset in some ways, however often. That the server had the whole request
// by then makes each of them a run.
func TestSubmit_HTTP2IsNotSentAgain(t *testing.T) {
	t.Parallel()
	goAway := func(uint32) ([]byte, bool) { return h2Frame(h2GoAway, 0, 0, make([]byte, 8)), true }
	resetAndEnd := func(stream uint32) ([]byte, bool) {
		return h2Frame(h2Reset, 0, stream, []byte{0, 0, 0, h2ProtocolError}), true
	}
	for name, tt := range map[string]struct {
		answer h2Answer
		call   func(testing.TB, *helios.Client, ...helios.CallOption) error
	}{
		"reset, protocol error":             {resetWith(h2ProtocolError), submitLabs},
		"reset, refused":                    {resetWith(h2RefusedStream), submitLabs},
		"reset, internal error":             {resetWith(h2InternalError), submitLabs},
		"reset, cancel":                     {resetWith(h2Cancel), submitLabs},
		"going away, then nobody there":     {goAway, submitLabs},
		"protocol error, without a body":    {resetWith(h2ProtocolError), postNothing},
		"refused, without a body":           {resetWith(h2RefusedStream), postNothing},
		"protocol error, then nobody there": {resetAndEnd, submitLabs},
	} {
		for _, timeout := range []time.Duration{0, 10 * time.Second} {
			t.Run(name+" "+timeout.String(), func(t *testing.T) {
				t.Parallel()
				url, transport, whole := newH2Server(t, tt.answer)
				client := newClient(t, url, helios.WithTimeout(timeout),
					helios.WithHTTPClient(&http.Client{Transport: transport}))
				require.ErrorIs(t, tt.call(t, client), helios.ErrOutcomeUnknown)
				assert.EqualValues(t, 1, whole.Load(), "requests that the server saw whole")
			})
		}
	}
}

// TestSubmit_HTTP2WithoutTLSIsNotSentAgain: nor where only the frames show that
// it is HTTP/2.
func TestSubmit_HTTP2WithoutTLSIsNotSentAgain(t *testing.T) {
	t.Parallel()
	clear := func() *http.Transport {
		transport := &http.Transport{Protocols: new(http.Protocols)}
		transport.Protocols.SetUnencryptedHTTP2(true)
		t.Cleanup(transport.CloseIdleConnections)
		return transport
	}
	registered := &http.Transport{}
	registered.RegisterProtocol("http", clear())
	for name, transport := range map[string]http.RoundTripper{
		"its own": clear(), "registered": registered, "wrapped": transportFunc(clear().RoundTrip),
	} {
		for _, code := range []byte{h2ProtocolError, h2RefusedStream} {
			t.Run(fmt.Sprint(name, " ", code), func(t *testing.T) {
				t.Parallel()
				listener, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				whole := serveH2(t, listener, resetWith(code))
				client := newClient(t, "http://"+listener.Addr().String(),
					helios.WithHTTPClient(&http.Client{Transport: transport}))
				err = submitLabs(t, client)
				require.ErrorIs(t, err, helios.ErrOutcomeUnknown)
				require.NotErrorIs(t, err, context.Canceled, "nobody cancelled")
				assert.EqualValues(t, 1, whole.Load())
			})
		}
	}
}

func TestSubmit_HTTP2(t *testing.T) {
	t.Parallel()
	serve := func(t *testing.T, handler http.HandlerFunc) *helios.Client {
		server := httptest.NewUnstartedServer(handler)
		server.EnableHTTP2 = true
		server.StartTLS()
		t.Cleanup(server.Close)
		return newClient(t, server.URL, quickly(), helios.WithHTTPClient(server.Client()))
	}
	t.Run("accepted", func(t *testing.T) {
		t.Parallel()
		client := serve(t, func(w http.ResponseWriter, r *http.Request) {
			assert.Equal(t, "HTTP/2.0", r.Proto)
			_, _ = io.WriteString(w, acceptedBody)
		})
		require.NoError(t, submitLabs(t, client))
	})
	t.Run("stream reset after the request", func(t *testing.T) {
		t.Parallel()
		var whole atomic.Int32
		client := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			whole.Add(1)
			panic(http.ErrAbortHandler)
		})
		require.ErrorIs(t, submitLabs(t, client), helios.ErrOutcomeUnknown)
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
		})
		run, err := client.LabResults.Submit(t.Context(), large())
		require.NoError(t, err)
		assert.Equal(t, acceptedRun, run.ID)
	})
}

// TestSubmit_TransportWithRequestsOfItsOwn: a transport may ask for a token
// first, under the same context. That request is not the submission.
func TestSubmit_TransportWithRequestsOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprint("HTTP/2 ", http2), func(t *testing.T) {
			t.Parallel()
			var runs atomic.Int32
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/token" {
					runs.Add(1)
				}
				_, _ = io.WriteString(w, acceptedBody)
			}))
			server.EnableHTTP2 = http2
			server.StartTLS()
			t.Cleanup(server.Close)

			inner := server.Client().Transport
			client := newClient(t, server.URL, withTransport(func(req *http.Request) (*http.Response, error) {
				body := strings.NewReader("{}")
				token, err := http.NewRequestWithContext(req.Context(), "POST", server.URL+"/token", body)
				if err != nil {
					return nil, err
				}
				resp, err := inner.RoundTrip(token)
				if err != nil {
					return nil, err
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				return inner.RoundTrip(req)
			}))
			for range 3 {
				require.NoError(t, submitLabs(t, client))
			}
			assert.EqualValues(t, 3, runs.Load())
		})
	}
}

// stallingConn holds back all that is written to it from some moment on, until
// it is released.
type stallingConn struct {
	net.Conn
	stall   *atomic.Bool
	release <-chan struct{}
}

func (c *stallingConn) Write(p []byte) (int, error) {
	if c.stall.Load() {
		<-c.release
	}
	return c.Conn.Write(p)
}

// TestSubmit_HTTP2TimeoutDuringTheWrite: what is being written when the
// attempt's time ends can still arrive, whatever net/http has reported by then.
func TestSubmit_HTTP2TimeoutDuringTheWrite(t *testing.T) {
	t.Parallel()
	url, transport, whole := newH2Server(t, resetWith(h2Cancel))
	var stall atomic.Bool
	release := make(chan struct{})
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return &stallingConn{conn, &stall, release}, err
	}
	client := newClient(t, url, quickly(), helios.WithHTTPClient(&http.Client{Transport: transport}))
	require.ErrorIs(t, submitLabs(t, client), helios.ErrOutcomeUnknown) // makes the connection

	stall.Store(true)
	err := submitLabs(t, client, helios.CallTimeout(100*time.Millisecond))
	require.ErrorIs(t, err, helios.ErrOutcomeUnknown)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	stall.Store(false)
	close(release)
	assert.GreaterOrEqual(t, whole.Load(), int32(1))
}
