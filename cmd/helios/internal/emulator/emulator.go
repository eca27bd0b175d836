// Package emulator serves heliostest's fake Helios to programs in any language:
// at a fixed address, with a record of what happens, faults that are drawn, and
// a control page.
//
// A front stands before the fake. It draws the faults of each submission, hands
// everything through unchanged, and breaks its own connection where the fake
// has broken one.
package emulator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/heliosai/helios-go/heliostest"
)

// Config says how the service behaves. Addr is required.
type Config struct {
	Addr                  string // as net.Listen takes it
	APIKey, WebhookSecret string // empty means made up
	Slots                 int    // runs of each agent type at once; 0 means the vendor's 7
	StepInterval          time.Duration
	Faults                []Fault // drawn for each submission
	// AnyHost delivers webhooks to hosts that are not loopback too.
	AnyHost bool
	// Observe is called with all that happens, one thing at a time. It must be
	// quick. Nil means that nobody wants to know.
	Observe func(Happening)
}

// Happening is a request or a delivery that has ended. It holds no health data
// and no secret.
type Happening struct {
	Type string    `json:"type"` // "request" or "delivery"
	Time time.Time `json:"time"`
	// Of a request.
	Method string   `json:"method,omitempty"`
	Path   string   `json:"path,omitempty"` // without the query
	Faults []string `json:"faults,omitempty"`
	// Of a delivery.
	Host           string `json:"host,omitempty"`
	Event          string `json:"event,omitempty"` // its status
	SequenceNumber int64  `json:"sequenceNumber,omitempty"`
	// Of both. StatusCode is 0 where there was no answer, and Error says why.
	RunID      string        `json:"runId,omitempty"`
	StatusCode int           `json:"statusCode"`
	Error      string        `json:"error,omitempty"`
	Duration   time.Duration `json:"durationNs"`
}

// Emulator is a running fake service. Make it with [New].
type Emulator struct {
	URL                   string
	APIKey, WebhookSecret string

	config Config
	fake   *heliostest.Server
	http   *http.Server
	served chan struct{}
	proxy  *httputil.ReverseProxy
	serial atomic.Int64

	observing sync.Mutex
	mu        sync.Mutex
	queued    [][]Fault // what the control page has asked for
	recent    []Happening
}

// maxRecent is how many happenings the control page shows.
const maxRecent = 50

// New starts the service, which listens when New returns. The error is the
// listener's. ctx is for the start alone: the caller ends it with
// [Emulator.Close].
func New(ctx context.Context, config Config) (*Emulator, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", config.Addr)
	if err != nil {
		return nil, err
	}

	e := &Emulator{URL: baseURL(listener.Addr()), config: config, served: make(chan struct{})}
	opts := []heliostest.Option{
		heliostest.WithStepInterval(config.StepInterval),
		heliostest.WithWebhookClient(&http.Client{Transport: &courier{e, transport(config.AnyHost)}}),
	}
	if config.APIKey != "" {
		opts = append(opts, heliostest.WithAPIKey(config.APIKey))
	}
	if config.WebhookSecret != "" {
		opts = append(opts, heliostest.WithWebhookSecret(config.WebhookSecret))
	}
	if config.Slots > 0 {
		opts = append(opts, heliostest.WithLimit(config.Slots))
	}
	e.fake = heliostest.NewServer(opts...) //nolint:contextcheck // it ends with Close
	e.APIKey, e.WebhookSecret = e.fake.APIKey, e.fake.WebhookSecret
	e.proxy = e.newProxy()

	mux := http.NewServeMux()
	mux.Handle(ControlPath, e.control())
	mux.HandleFunc("/", e.serve)
	e.http = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // of connections that were broken on purpose
	}
	go func() {
		defer close(e.served)
		_ = e.http.Serve(listener) // returns only because of Close
	}()
	return e, nil
}

// Close stops the service; runs and deliveries under way are cut off.
func (e *Emulator) Close() {
	_ = e.http.Close()
	<-e.served
	e.fake.Close()
}

func baseURL(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		return "http://" + net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	return "http://" + addr.String()
}

// serialHeader marks a request on its way to the fake, so that the run that it
// made can be found even where the answer was lost.
const serialHeader = "X-Helios-Emulator-Serial"

// serve hands one request to the fake.
func (e *Emulator) serve(w http.ResponseWriter, r *http.Request) {
	serial := strconv.FormatInt(e.serial.Add(1), 10)
	r.Header.Set(serialHeader, serial)

	var faults []Fault
	if e.isSubmission(r) {
		faults = e.arm()
	}

	start, seen := time.Now(), &statusWriter{ResponseWriter: w}
	defer func() { // the proxy panics where the fake broke the connection
		h := Happening{
			Type: "request", Method: r.Method, Path: r.URL.Path, RunID: e.runOf(serial),
			StatusCode: seen.status, Duration: time.Since(start),
		}
		for _, f := range faults {
			h.Faults = append(h.Faults, f.String())
		}
		if seen.failed != "" {
			h.StatusCode, h.Error = 0, seen.failed
		}
		e.happened(h)
	}()
	e.proxy.ServeHTTP(seen, r)
}

// isSubmission reports whether the fake takes a fault for r, as it documents.
func (e *Emulator) isSubmission(r *http.Request) bool {
	known := r.URL.Path == "/api/v1/agent" || r.URL.Path == "/api/v1/lab-results"
	keys := r.Header.Values("X-Api-Key")
	return r.Method == http.MethodPost && known && len(keys) == 1 && keys[0] == e.APIKey
}

// arm gives the fake the faults of the next submission: those that the control
// page has asked for, or else those that are drawn.
func (e *Emulator) arm() []Fault {
	e.mu.Lock()
	defer e.mu.Unlock()

	var chosen []Fault
	if len(e.queued) > 0 {
		chosen, e.queued = e.queued[0], e.queued[1:]
	} else {
		chosen = draw(e.config.Faults)
	}

	armed := make([]heliostest.Fault, len(chosen))
	for i, f := range chosen {
		armed[i] = f.inject
	}
	e.fake.Inject(armed...)
	return chosen
}

// runOf returns the run that a request made, or "".
func (e *Emulator) runOf(serial string) string {
	requests := e.fake.Requests()
	for i := len(requests) - 1; i >= 0; i-- {
		if requests[i].Header.Get(serialHeader) == serial {
			return requests[i].RunID
		}
	}
	return ""
}

func (e *Emulator) newProxy() *httputil.ReverseProxy {
	target, err := url.Parse(e.fake.URL)
	if err != nil {
		panic(err) // it is heliostest's own
	}
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) },
		// A connection each, so that net/http never sends a request again.
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		FlushInterval: -1, // half an answer has to arrive
		ErrorHandler:  breakConnection,
		ErrorLog:      log.New(io.Discard, "", 0),
	}
}

// breakConnection ends the client's connection as the fake has ended its own:
// closed after the last byte, or reset.
func breakConnection(w http.ResponseWriter, _ *http.Request, err error) {
	seen, _ := w.(*statusWriter)
	closed := errors.Is(err, io.EOF)
	if closed {
		seen.failed = "closed without an answer"
	} else {
		seen.failed = "connection reset"
	}

	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok && !closed {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// statusWriter remembers the status that was written.
type statusWriter struct {
	http.ResponseWriter
	status int
	failed string
}

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// happened tells the observer and keeps what the control page shows.
func (e *Emulator) happened(h Happening) {
	h.Time = time.Now()

	e.mu.Lock()
	e.recent = append(e.recent, h)
	if len(e.recent) > maxRecent {
		e.recent = e.recent[1:]
	}
	e.mu.Unlock()

	if e.config.Observe != nil {
		e.observing.Lock()
		defer e.observing.Unlock()
		e.config.Observe(h)
	}
}

// String is the line for a person.
func (h Happening) String() string {
	answer := cmp.Or(h.Error, strconv.Itoa(h.StatusCode))
	clock := h.Time.Format("15:04:05")
	if h.Type == "delivery" {
		return fmt.Sprintf("%s  webhook %d %s to %s: %s  run %s",
			clock, h.SequenceNumber, h.Event, h.Host, answer, h.RunID)
	}

	line := fmt.Sprintf("%s  %s %s: %s", clock, h.Method, h.Path, answer)
	if h.RunID != "" {
		line += "  run " + h.RunID
	}
	if len(h.Faults) > 0 {
		line += "  [" + strings.Join(h.Faults, ", ") + "]"
	}
	return line
}

// Wait returns when all runs have ended and their deliveries are done.
func (e *Emulator) Wait(ctx context.Context) error { return e.fake.Wait(ctx) }

// Accepted returns how many runs were accepted, and so would have been paid.
func (e *Emulator) Accepted() int { return len(e.fake.Runs()) }
