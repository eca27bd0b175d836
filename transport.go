package helios

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"
)

// keyHeader is the header of the API key, in net/http's canonical form.
const keyHeader = "X-Api-Key"

var (
	errReplayed = errors.New("helios: not sent again: what was sent before may have been accepted")
	errRepeated = errors.New("helios: not sent again for middleware: what was sent before may have been accepted")
	errDetached = errors.New("helios: not sent: middleware replaced the context of the request")
)

// replayHeaders make net/http send a POST again by itself on a connection that
// breaks, whatever was written to it. Middleware may mean well.
var replayHeaders = []string{"Idempotency-Key", "X-Idempotency-Key"}

// watcher is the transport beneath all middleware. It adds the API key to what
// it passes on and keeps the evidence of what became of it.
type watcher struct {
	base   http.RoundTripper
	origin *url.URL // the only place that the key is sent to
	native bool     // base is net/http's transport
	known  bool     // it is, and what it speaks is known: HTTP/1, and HTTP/2 over TLS
}

// newWatcher watches base, or a transport of this package's own if it is nil.
func newWatcher(base http.RoundTripper, origin *url.URL, timeout time.Duration) *watcher {
	w := &watcher{base: base, origin: origin}
	if base == nil {
		w.base = newTransport(timeout)
	}

	var native *http.Transport
	native, w.native = w.base.(*http.Transport)
	w.known = base == nil && w.native && (native.Protocols == nil || !native.Protocols.UnencryptedHTTP2())
	return w
}

// newTransport returns the transport of a client that was given none. Idle
// connections end after 15 s, before servers commonly close them (60 s): a
// submission on a connection that is just being closed has an unknown outcome.
func newTransport(timeout time.Duration) http.RoundTripper {
	base, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport // somebody put their own there, and means it
	}

	t := base.Clone()
	t.DialContext = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	t.TLSHandshakeTimeout = 10 * time.Second
	if timeout == 0 { // else the attempt's timeout bounds this too
		t.ResponseHeaderTimeout = defaultTimeout
	}
	t.IdleConnTimeout = 15 * time.Second
	t.MaxIdleConnsPerHost = 32
	return t
}

// RoundTrip passes on what comes out of the middleware.
func (w *watcher) RoundTrip(req *http.Request) (*http.Response, error) {
	a, ok := req.Context().Value(attemptKey{}).(*attempt)
	if !ok {
		closeBody(req)
		return nil, errDetached
	}
	return w.send(req.Context(), a, req)
}

// send passes req on, unless it is a submission that may have been accepted
// already.
func (w *watcher) send(ctx context.Context, a *attempt, req *http.Request) (*http.Response, error) {
	ours := req.Method == a.method && sameOrigin(req.URL, w.origin)
	t, ok := a.begin(w, ours)
	if !ok {
		closeBody(req)
		return nil, errRepeated
	}

	out := req.WithContext(httptrace.WithClientTrace(ctx, t.trace()))
	if ours {
		out.Header = make(http.Header, len(req.Header)+1)
		maps.Copy(out.Header, req.Header)
		out.Header[keyHeader] = []string{a.key}
		for _, name := range replayHeaders {
			delete(out.Header, name)
		}
	}
	// net/http's transport, which reports all, sends a body of a type that it
	// does not know in one packet more.
	if !w.native && req.Body != nil && req.Body != http.NoBody {
		t.body = new(requestBody)
		t.body.watch(out, t.mayReadAgain)
	}
	resp, err := w.base.RoundTrip(out)

	a.end(ctx, t, resp, err)
	return resp, err
}

// closeBody closes the body of a request that is not sent, as a RoundTripper
// must.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// attemptKey is the key of an *attempt in the context of its requests.
type attemptKey struct{}

func withAttempt(ctx context.Context, a *attempt) context.Context {
	return context.WithValue(ctx, attemptKey{}, a)
}
