package heliostest

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Server is a fake Helios. Make one with [New] or [NewServer]. All its methods
// are safe for concurrent use. Printing, logging or encoding it shows its URL
// and neither of its secrets.
type Server struct {
	URL           string // the base URL, http://127.0.0.1:port
	APIKey        string `json:"-"` // the only key it accepts; made up, and good for nothing else
	WebhookSecret string `json:"-"` // what its webhooks are signed with; made up as well

	config config
	http   *http.Server
	ctx    context.Context // ends when Close begins; every wait and delivery obeys it
	cancel context.CancelFunc
	close  sync.Once
	served chan struct{}  // closed when the accept loop has returned
	conns  sync.WaitGroup // connections that net/http still serves
	work   sync.WaitGroup // request handlers and runs

	mu       sync.Mutex
	armed    []faults // what Inject has armed and no submission has taken yet
	requests []*Request
	runs     []*run
	active   map[string]int
	pending  int           // runs that have not ended or are still delivering
	idle     chan struct{} // closed while pending is 0
}

type config struct {
	addr           string
	apiKey, secret string
	interval       time.Duration
	limit          int
	retryAfter     time.Duration
	attempts       int
	redeliveryWait time.Duration
	client         *http.Client
	anyHost        bool // client came from the user, who decides where it may go
}

// An Option changes how a [Server] behaves.
type Option func(*config)

// defaultAddr is any free port, which no other machine can reach.
const defaultAddr = "127.0.0.1:0"

// WithAddr sets the address to listen at, as [net.Listen] takes it:
// "localhost:8080" for a fixed port, ":8080" for every interface of the
// machine. The default, and the meaning of an empty addr, is any free port of
// 127.0.0.1. [Server.URL] always has the real port, and 127.0.0.1 as the host
// if addr is every interface.
//
// At an address that is not loopback, whoever can reach it and has the key can
// submit. What is submitted crosses the network unencrypted, and stays in the
// server's memory. Set a key with [WithAPIKey] and submit no real patient's
// data.
func WithAddr(addr string) Option {
	return func(c *config) { c.addr = cmp.Or(addr, defaultAddr) }
}

// WithStepInterval sets the time between two steps of a run. The default is
// 10ms, so that a run takes about 80ms.
func WithStepInterval(d time.Duration) Option { return func(c *config) { c.interval = d } }

// WithLimit sets how many runs of each agent type may be active at once. The
// default is the vendor's, 7.
func WithLimit(n int) Option { return func(c *config) { c.limit = max(n, 0) } }

// WithRetryAfter sets the Retry-After header of the answer 429, rounded up to
// whole seconds. The default is the vendor's, 60s.
func WithRetryAfter(d time.Duration) Option { return func(c *config) { c.retryAfter = max(d, 0) } }

// WithRedelivery sets how often a webhook is sent until the receiver answers
// 2xx, and the wait before the second attempt, which doubles from then on. The
// default is 5 attempts and 50ms. How the vendor redelivers is not documented.
func WithRedelivery(attempts int, wait time.Duration) Option {
	return func(c *config) { c.attempts, c.redeliveryWait = max(attempts, 1), wait }
}

// WithAPIKey sets the API key that the server accepts. The default is random.
func WithAPIKey(key string) Option { return func(c *config) { c.apiKey = key } }

// WithWebhookSecret sets the secret that signs webhooks. The default is random.
func WithWebhookSecret(secret string) Option { return func(c *config) { c.secret = secret } }

// WithWebhookClient delivers webhooks with this client, to whatever http or
// https URL the submission names: a TLS test server, say, a tunnel, or another
// container. Without it nothing is sent to a host that is not loopback, so that
// submitted data stays on the machine. The client is copied, and redirects are
// never followed. Close leaves its idle connections to the caller.
func WithWebhookClient(client *http.Client) Option {
	return func(c *config) {
		if client == nil {
			return
		}
		own := *client
		own.CheckRedirect = noRedirect
		c.client, c.anyHost = &own, true
	}
}

// New starts a server for a test, which listens when New returns. The test
// fails at once if the server cannot listen, because the port of [WithAddr] is
// in use, say. The server is closed when the test and its subtests have ended.
func New(t testing.TB, opts ...Option) *Server {
	t.Helper()

	s, err := listen(opts)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(s.Close)
	return s
}

// NewServer starts a server outside a test, which listens when NewServer
// returns. It panics if it cannot listen, because the port of [WithAddr] is in
// use, say. The caller ends it with [Server.Close].
func NewServer(opts ...Option) *Server {
	s, err := listen(opts)
	if err != nil {
		panic(err.Error())
	}
	return s
}

// listen starts a server. Its error is the listener's.
func listen(opts []Option) (*Server, error) {
	c := config{
		addr:           defaultAddr,
		apiKey:         "sk_live_heliostest_" + randomHex(8),
		secret:         "whsec_heliostest_" + randomHex(16),
		interval:       10 * time.Millisecond,
		limit:          7,
		retryAfter:     time.Minute,
		attempts:       5,
		redeliveryWait: 50 * time.Millisecond,
		client:         loopbackClient(),
	}
	for _, opt := range opts {
		opt(&c)
	}

	listener, err := net.Listen("tcp", c.addr)
	if err != nil {
		return nil, fmt.Errorf("heliostest: cannot listen: %w", err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		URL:           baseURL(listener.Addr()),
		APIKey:        c.apiKey,
		WebhookSecret: c.secret,
		config:        c,
		ctx:           ctx,
		cancel:        cancel,
		served:        make(chan struct{}),
		active:        make(map[string]int),
		idle:          make(chan struct{}),
	}
	close(s.idle)
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.handle),
		ReadHeaderTimeout: 30 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				s.conns.Add(1)
			case http.StateClosed, http.StateHijacked:
				s.conns.Done()
			default:
			}
		},
	}

	go func() {
		defer close(s.served)
		_ = s.http.Serve(listener) // returns only because of Close
	}()
	return s, nil
}

// baseURL returns the URL of a listener. No client can use the address that
// stands for every interface; 127.0.0.1 is one of those.
func baseURL(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		return "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
	}
	return "http://" + addr.String()
}

// Close stops the server. Runs and deliveries under way are cut off, and all
// connections are closed. It returns when everything has ended; calling it
// again does nothing.
func (s *Server) Close() {
	s.close.Do(func() {
		s.cancel()
		_ = s.http.Close()
		<-s.served
		// A connection accepted while the first call ran may have been missed.
		_ = s.http.Close()
		// In this order: only connections start handlers, only handlers start
		// runs.
		s.conns.Wait()
		s.work.Wait()
		if !s.config.anyHost {
			s.config.client.CloseIdleConnections()
		}
	})
}

// loopbackClient returns the client for deliveries that must not leave the
// machine.
func loopbackClient() *http.Client {
	dialer := &net.Dialer{
		Timeout: 10 * time.Second,
		Control: func(_, address string, _ syscall.RawConn) error {
			// The name localhost can be made to resolve to anything.
			if host, _, err := net.SplitHostPort(address); err != nil || !isLoopback(host) {
				return errNotLoopback
			}
			return nil
		},
	}
	return &http.Client{
		// No proxy: one from the environment would see the data. Connections
		// are kept, or a test of many runs would use up the machine's ports.
		Transport: &http.Transport{
			DialContext: dialer.DialContext, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: noRedirect,
	}
}

var errNotLoopback = errors.New("heliostest: not delivered: the webhook host is not loopback (see WithWebhookClient)")

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// isWebhookURL reports whether raw is a URL that webhooks can be delivered to:
// https, as Helios requires, or http where the fake allows it, as tests need
// it.
func isWebhookURL(raw string, plainHTTP bool) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && (plainHTTP || isLoopback(u.Hostname()))
}

// pause waits for d. It reports false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
