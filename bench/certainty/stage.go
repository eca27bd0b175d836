package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/heliosai/helios-go"
)

const (
	apiKey        = "sk_live_certainty_0123456789"
	proxyPassword = "proxy-password-0123456789"
	labValue      = "41.7 squirrels/dL"
	acceptance    = `{"runId":"550e8400-e29b-41d4-a716-446655440000","status":"accepted","message":"Request accepted."}`

	// mostWhole ends what would otherwise be sent again for ever: after so
	// many whole requests a stage takes no further connection.
	mostWhole = 50
)

// stage is what stands behind the client in one cell of the matrix: servers,
// proxies, and how to get to them. Every cell has a stage of its own.
type stage struct {
	world     *world
	url       string
	transport *http.Transport // trusts and finds what stands on the stage
	options   []helios.ClientOption
	size      int // bytes that the request has beside the usual ones

	// ready, if set, is closed when a second submission may be made. The cell
	// is the second's then.
	ready chan struct{}

	ended     chan struct{} // closed when the cell has been measured
	whole     atomic.Int32  // requests that a server read to their end
	limited   atomic.Int32  // answers 429, of which each is to a whole request
	listeners []net.Listener
	mu        sync.Mutex
	open      []net.Conn
	serving   sync.WaitGroup
}

// world is what all stages share.
type world struct {
	authority  *authority
	trusted    tls.Certificate // for 127.0.0.1
	misnamed   tls.Certificate // for another host
	untrusted  tls.Certificate // of an authority that nobody trusts
	refusing   string          // the address of a port that refuses connections
	reservedBy []io.Closer     // keep that port from being given to anyone else
}

func newWorld() (w *world, err error) {
	w = &world{}
	if w.authority, err = newAuthority(); err != nil {
		return nil, err
	}
	stranger, err := newAuthority()
	if err != nil {
		return nil, err
	}
	if w.trusted, err = w.authority.issue("127.0.0.1"); err != nil {
		return nil, err
	}
	if w.misnamed, err = w.authority.issue("other.example"); err != nil {
		return nil, err
	}
	if w.untrusted, err = stranger.issue("127.0.0.1"); err != nil {
		return nil, err
	}
	return w, w.reserveRefusingPort()
}

// reserveRefusingPort finds a port that refuses connections and keeps doing so:
// the local end of a connection, on which nobody listens.
func (w *world) reserveRefusingPort() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		_ = listener.Close()
		return err
	}
	w.refusing = conn.LocalAddr().String()
	w.reservedBy = []io.Closer{conn, listener}
	return nil
}

func (w *world) close() {
	for _, c := range w.reservedBy {
		_ = c.Close()
	}
}

func (w *world) newStage() *stage {
	return &stage{
		world: w,
		ended: make(chan struct{}),
		transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: w.authority.roots()},
			ForceAttemptHTTP2: true,
		},
	}
}

// close ends all servers of the stage and waits for their goroutines.
func (s *stage) close() {
	close(s.ended)
	s.transport.CloseIdleConnections()
	for _, l := range s.listeners {
		_ = l.Close()
	}

	s.mu.Lock()
	for _, c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()

	s.serving.Wait()
}

// listen serves every connection in a goroutine of its own and closes it when
// serve returns.
func (s *stage) listen(serve func(*conn)) (address string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(fmt.Sprintf("certainty: no loopback: %v", err))
	}
	s.listeners = append(s.listeners, listener)

	s.serving.Go(func() {
		for nth := 1; ; nth++ {
			tcp, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.open = append(s.open, tcp)
			s.mu.Unlock()

			c := &conn{
				Conn:     tcp,
				tcp:      tcp.(*net.TCPConn),
				reader:   bufio.NewReader(tcp),
				stage:    s,
				listener: listener,
				nth:      nth,
			}
			s.serving.Go(func() {
				defer c.Close()
				serve(c)
			})
		}
	})
	return listener.Addr().String()
}

// useProxy sends everything through a proxy at address, with a password.
func (s *stage) useProxy(address string) {
	s.transport.Proxy = http.ProxyURL(&url.URL{
		Scheme: "http",
		User:   url.UserPassword("user", proxyPassword),
		Host:   address,
	})
}

// conn is one connection that a stage took.
type conn struct {
	net.Conn
	tcp      *net.TCPConn
	reader   *bufio.Reader
	stage    *stage
	listener net.Listener
	nth      int // of its listener, from 1
}

// secure does the TLS handshake of a server. It reports false if it fails.
func (c *conn) secure(certificate tls.Certificate, protocols ...string) bool {
	secure := tls.Server(c.Conn, &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: protocols})
	if secure.Handshake() != nil {
		return false
	}
	c.Conn, c.reader = secure, bufio.NewReader(secure)
	return true
}

// arrive waits until a request has come over the network as a whole. The
// server has not got it: what follows is up to the behaviour.
func (c *conn) arrive() (*http.Request, bool) {
	req, err := http.ReadRequest(c.reader)
	if err != nil {
		return nil, false
	}
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return nil, false
	}
	return req, true
}

// read reads a request to its end and counts it. It reports false if the client
// ends first.
func (c *conn) read() bool {
	req, ok := c.arrive()
	if ok && req.Method == http.MethodPost && req.Header.Get("X-Api-Key") == apiKey {
		c.got()
	}
	return ok
}

// got counts a whole request.
func (c *conn) got() {
	if c.stage.whole.Add(1) >= mostWhole {
		_ = c.listener.Close()
		_ = c.Close()
	}
}

// readSome reads n bytes, which are less than a request.
func (c *conn) readSome(n int64) { _, _ = io.CopyN(io.Discard, c.reader, n) }

// drain reads until the client closes the connection.
func (c *conn) drain() { _, _ = io.Copy(io.Discard, c.reader) }

func (c *conn) write(s string) { _, _ = io.WriteString(c.Conn, s) }

func (c *conn) answer(status int, body string, header ...string) {
	if status == http.StatusTooManyRequests {
		c.stage.limited.Add(1)
	}
	c.write(response(status, body, header...))
}

// reset closes the connection with RST instead of FIN.
func (c *conn) reset() {
	_ = c.tcp.SetLinger(0)
	_ = c.tcp.Close()
}

func response(status int, body string, header ...string) string {
	lines := append([]string{
		fmt.Sprintf("HTTP/1.1 %d %s", status, http.StatusText(status)),
		"Content-Type: application/json",
		fmt.Sprintf("Content-Length: %d", len(body)),
	}, header...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + body
}

// tunnel copies between the connection and address until either ends.
func (c *conn) tunnel(address string) {
	target, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer target.Close()

	c.stage.serving.Go(func() {
		_, _ = io.Copy(c.Conn, target)
		_ = c.Close()
	})
	_, _ = io.Copy(target, c.reader)
}

// moreThanBuffered is more than the buffers of a connection hold, so that a
// server that stops reading keeps the client from writing the rest.
const moreThanBuffered = 16 << 20

func (s *stage) request() *helios.LabResultsRequest {
	req := &helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "Creatinine", Value: labValue}}}
	if s.size > 0 {
		req.Extra = map[string]any{"imaging": strings.Repeat("x", s.size)}
	}
	return req
}
