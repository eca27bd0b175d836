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
	"sync"
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

// newH2Server speaks just enough HTTP/2 to read requests whole and then answer with a frame of the test's choice.
func newH2Server(t *testing.T, answer func(stream uint32) (frame []byte, end bool)) (url string, transport *http.Transport, whole *atomic.Int32) {
	t.Helper()
	donor := httptest.NewUnstartedServer(nil)
	donor.EnableHTTP2 = true
	donor.StartTLS()
	transport = donor.Client().Transport.(*http.Transport).Clone()
	certificates := donor.TLS.Certificates
	donor.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certificates, NextProtos: []string{"h2"}})
	require.NoError(t, err)
	t.Cleanup(transport.CloseIdleConnections)
	return "https://" + listener.Addr().String(), transport, serveH2(t, listener, answer)
}

// serveH2 counts the requests that it got whole.
func serveH2(t *testing.T, listener net.Listener, answer func(stream uint32) (frame []byte, end bool)) *atomic.Int32 {
	whole := new(atomic.Int32)
	var wg sync.WaitGroup
	var open sync.Map
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Store(conn, nil)
			wg.Go(func() {
				defer conn.Close()
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
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		open.Range(func(c, _ any) bool { _ = c.(net.Conn).Close(); return true })
		wg.Wait()
	})
	return whole
}

// TestSubmit_HTTP2IsNotSentAgain: net/http by itself sends again what a server has reset in some ways, however often. That the server
// had the whole request by then makes each of them a run.
func TestSubmit_HTTP2IsNotSentAgain(t *testing.T) {
	t.Parallel()
	reset := func(code byte) func(uint32) ([]byte, bool) {
		return func(stream uint32) ([]byte, bool) { return h2Frame(h2Reset, 0, stream, []byte{0, 0, 0, code}), false }
	}
	goAway := func(uint32) ([]byte, bool) { return h2Frame(h2GoAway, 0, 0, make([]byte, 8)), true }
	for name, tt := range map[string]struct {
		answer func(uint32) ([]byte, bool)
		method func(t *testing.T, c *helios.Client) error
	}{
		"reset, protocol error":          {reset(h2ProtocolError), submitLabs},
		"reset, refused":                 {reset(h2RefusedStream), submitLabs},
		"reset, internal error":          {reset(h2InternalError), submitLabs},
		"reset, cancel":                  {reset(h2Cancel), submitLabs},
		"going away, then nobody there":  {goAway, submitLabs},
		"protocol error, without a body": {reset(h2ProtocolError), postNothing},
		"refused, without a body":        {reset(h2RefusedStream), postNothing},
		"protocol error, then nobody there": {func(stream uint32) ([]byte, bool) {
			return h2Frame(h2Reset, 0, stream, []byte{0, 0, 0, h2ProtocolError}), true
		}, submitLabs},
	} {
		for _, timeout := range []time.Duration{0, 10 * time.Second} {
			t.Run(name+" "+timeout.String(), func(t *testing.T) {
				t.Parallel()
				url, transport, whole := newH2Server(t, tt.answer)
				client := newClient(t, url, helios.WithHTTPClient(&http.Client{Transport: transport}), helios.WithTimeout(timeout))
				require.ErrorIs(t, tt.method(t, client), helios.ErrOutcomeUnknown)
				assert.EqualValues(t, 1, whole.Load(), "requests that the server saw whole")
			})
		}
	}
}

func submitLabs(t *testing.T, c *helios.Client) error {
	_, err := c.LabResults.Submit(t.Context(), labs())
	return err
}

func postNothing(t *testing.T, c *helios.Client) error {
	_, err := c.Do(t.Context(), "POST", "/a", nil, nil, nil)
	return err
}

// TestSubmit_HTTP2WithoutTLSIsNotSentAgain: nor where nothing but the frames tells that it is HTTP/2.
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
	for name, transport := range map[string]http.RoundTripper{"its own": clear(), "registered": registered, "wrapped": transportFunc(clear().RoundTrip)} {
		for _, code := range []byte{h2ProtocolError, h2RefusedStream} {
			t.Run(fmt.Sprint(name, " ", code), func(t *testing.T) {
				t.Parallel()
				listener, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				whole := serveH2(t, listener, func(stream uint32) ([]byte, bool) { return h2Frame(h2Reset, 0, stream, []byte{0, 0, 0, code}), false })
				client := newClient(t, "http://"+listener.Addr().String(), helios.WithHTTPClient(&http.Client{Transport: transport}))
				err = submitLabs(t, client)
				require.ErrorIs(t, err, helios.ErrOutcomeUnknown)
				require.NotErrorIs(t, err, context.Canceled, "nobody cancelled")
				assert.EqualValues(t, 1, whole.Load())
			})
		}
	}
}

// TestSubmit_TransportWithRequestsOfItsOwn: a transport may ask for a token first, under the same context. That request is not the submission.
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
				token, err := http.NewRequestWithContext(req.Context(), "POST", server.URL+"/token", strings.NewReader("{}"))
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

// stallingConn holds back all that is written to it from some moment on, until it is released.
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

// TestSubmit_HTTP2TimeoutDuringTheWrite: what is being written when the attempt's time ends can still arrive, whatever net/http has reported by then.
func TestSubmit_HTTP2TimeoutDuringTheWrite(t *testing.T) {
	t.Parallel()
	url, transport, whole := newH2Server(t, func(stream uint32) ([]byte, bool) {
		return h2Frame(h2Reset, 0, stream, []byte{0, 0, 0, h2Cancel}), false
	})
	var stall atomic.Bool
	release := make(chan struct{})
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return &stallingConn{conn, &stall, release}, err
	}
	client := newClient(t, url, helios.WithHTTPClient(&http.Client{Transport: transport}), helios.WithTimeout(100*time.Millisecond),
		helios.WithMaxRetryWait(time.Millisecond))
	require.ErrorIs(t, submitLabs(t, client), helios.ErrOutcomeUnknown) // makes the connection
	stall.Store(true)
	err := submitLabs(t, client)
	require.ErrorIs(t, err, helios.ErrOutcomeUnknown)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	stall.Store(false)
	close(release)
	assert.GreaterOrEqual(t, whole.Load(), int32(1))
}
