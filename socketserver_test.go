package helios_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// socketServer speaks HTTP over raw connections, so that it can break them
// where it likes. It counts the requests that it got whole.
type socketServer struct {
	url   string
	whole atomic.Int32
	conns atomic.Int32
}

type socketConn struct {
	*net.TCPConn
	server *socketServer
	reader *bufio.Reader
	nth    int32 // from 1
}

// newSocketServer serves each connection with serve, in a goroutine of its own,
// and closes it after that.
func newSocketServer(t testing.TB, serve func(c *socketConn)) *socketServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &socketServer{url: "http://" + listener.Addr().String()}

	serveConns(t, listener, func(conn net.Conn) {
		serve(&socketConn{
			TCPConn: conn.(*net.TCPConn),
			server:  s,
			reader:  bufio.NewReader(conn),
			nth:     s.conns.Add(1),
		})
	})
	return s
}

// serveConns serves each connection in a goroutine of its own and closes it
// after that. All have ended when the test has.
func serveConns(t testing.TB, listener net.Listener, serve func(net.Conn)) {
	var open sync.Map
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Store(conn, nil)
			wg.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		open.Range(func(conn, _ any) bool { _ = conn.(net.Conn).Close(); return true })
		wg.Wait()
	})
}

// read reads one request to its end; it reports false if the client ends first.
func (c *socketConn) read() bool {
	req, err := http.ReadRequest(c.reader)
	if err != nil {
		return false
	}
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return false
	}
	c.server.whole.Add(1)
	return true
}

func (c *socketConn) write(s string) { _, _ = io.WriteString(c, s) }

// reset closes with RST instead of FIN.
func (c *socketConn) reset() {
	_ = c.SetLinger(0)
	_ = c.Close()
}

func (c *socketConn) accept() { c.write(response(200, acceptedBody)) }

func response(status int, body string) string {
	const format = "HTTP/1.1 %d x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
	return fmt.Sprintf(format, status, len(body), body)
}
