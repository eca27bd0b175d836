package helios

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	maxAnswerBytes   = 1 << 20
	maxErrorBytes    = 64 << 10
	firstBackoff     = 500 * time.Millisecond
	longestAskedWait = 24 * time.Hour
)

// verdict is what one attempt came to. It alone decides whether a request is sent again.
//
//	connection never made, request not completely written   notSent   sent again
//	429                                                      busy      sent again, after Retry-After
//	401, other 4xx, 3xx, no key, untrusted certificate       refused   final
//	2xx that can be read                                     accepted  final
//	anything else: 5xx, 2xx that cannot be read, half an
//	answer, reset or timeout after the request was written   unknown   final, unless the caller asked to resubmit
type verdict int

const (
	unknown verdict = iota
	notSent
	busy
	refused
	accepted
)

// answer is a response read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// exchange is one call: a request, and its attempts until the outcome is settled. go-retryablehttp drives it: each attempt goes through
// RoundTrip, then settle reads and judges it and sets the wait before the next. It is one block of memory, since every call makes one.
type exchange struct {
	*api
	method, path string
	body         []byte
	answerTo     acceptor

	url     url.URL
	request retryablehttp.Request
	engine  retryablehttp.Client
	http    http.Client

	attempts int
	attempt  *attempt
	first    attempt // most calls need no other
	started  time.Time
	key      string

	answer answer
	again  bool
	wait   time.Duration
	err    error                // of the last attempt
	doubt  *OutcomeUnknownError // of the last attempt whose outcome is unknown
}

// acceptor decodes the body of a 2xx. Its error means that the answer cannot be read.
type acceptor interface {
	accept(body []byte) error
}

// noHeader is what http.Client sees of a request's header; it does not change it.
var noHeader = http.Header{}

// call is the one path that every request takes: build, send and judge until the outcome is settled, decode.
func (a *api) call(ctx context.Context, method, path string, u url.URL, body []byte, answerTo acceptor) (*answer, error) {
	if ctx == nil {
		return nil, errors.New("helios: nil context")
	}
	x := &exchange{api: a, method: method, path: path, url: u, body: body, answerTo: answerTo}
	x.attempt = &x.first
	x.http = http.Client{
		Transport:     x, // has no CloseIdleConnections, which the engine would call after every failure
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Jar:           a.httpClient.Jar,
	}
	x.engine.HTTPClient = &x.http
	x.engine.RetryMax = a.maxRetries
	x.engine.CheckRetry = x.settle
	x.engine.Backoff = func(wait, _ time.Duration, _ int, _ *http.Response) time.Duration { return wait } // RetryWaitMin, which settle sets
	x.engine.ErrorHandler = retryablehttp.PassthroughErrorHandler

	// The engine and http.Client see neither key nor body: RoundTrip adds them, anew for each attempt.
	req := http.Request{Method: method, URL: &x.url, Host: u.Host, Header: noHeader, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if x.http.Jar != nil {
		req.Header = http.Header{} // for its cookies
	}
	x.request.Request = req.WithContext(ctx)
	_, err := x.engine.Do(&x.request) //nolint:bodyclose // settle reads and closes every body
	if x.again {                      // the context ended the wait for the next attempt
		x.err = &interruptedError{why: err, last: x.err}
	}
	if x.err == nil {
		return &x.answer, nil
	}
	if x.doubt != nil && !errors.Is(x.err, ErrOutcomeUnknown) {
		// An earlier attempt may have been accepted. That a later one was not, for whatever reason, is no reason to send again.
		x.doubt.reason += "; sent again as asked: " + strings.TrimPrefix(x.err.Error(), "helios: ")
		return nil, x.doubt
	}
	return nil, x.err
}

// keyHeader is the header of the API key, in net/http's canonical form.
const keyHeader = "X-Api-Key"

var errReplayed = errors.New("helios: the server refused or reset the request, and net/http would have sent it again")

// RoundTrip sends one attempt with the current key.
func (x *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	x.attempts++
	x.started = time.Now()
	if x.attempts > 1 { // the transport may still be at an attempt that was given up, so that none shares anything with the next
		x.attempt = new(attempt)
	}
	x.attempt.native, x.attempt.own = x.native, x.own
	ctx := req.Context()
	if x.timeout > 0 { // not http.Client's, which takes a goroutine for a transport that it does not know
		ctx, x.attempt.cancel = context.WithTimeout(ctx, x.timeout)
	} else {
		ctx, x.attempt.cancel = context.WithCancel(ctx)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	key, err := x.api.key(ctx)
	if err != nil {
		return nil, &keyError{err}
	}
	x.key = key

	req = req.WithContext(httptrace.WithClientTrace(ctx, x.attempt.trace()))
	header := make(http.Header, 8)
	maps.Copy(header, x.header)
	maps.Copy(header, req.Header) // cookies
	if req.URL.Scheme == x.base.Scheme && req.URL.Host == x.base.Host {
		header[keyHeader] = []string{key}
	}
	if x.body != nil {
		header["Content-Type"] = x.header["Accept"]
		req.ContentLength = int64(len(x.body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(x.body)), nil }
		req.Body, _ = req.GetBody()
	}
	req.Header = header
	x.attempt.sent = true
	resp, err := x.transport.RoundTrip(req)
	x.attempt.interrupted = ctx.Err() != nil
	if resp != nil && resp.StatusCode/100 == 3 {
		resp.Header.Del("Location") // never followed; one that is no URL would make net/http lose the answer
	}
	return resp, err
}

// keyError is a failure of the key source. It is the caller's own error and passes through unchanged.
type keyError struct{ error }

func (e *keyError) Unwrap() error { return e.error }

// settle is the engine's CheckRetry: it reads the answer, judges the attempt and decides about the next.
func (x *exchange) settle(ctx context.Context, resp *http.Response, err error) (bool, error) {
	var v verdict
	var asked time.Duration
	if err != nil {
		v = x.judgeFailure(ctx, err)
	} else {
		v = x.judgeAnswer(resp)
		asked = retryAfter(resp.Header, time.Now())
	}
	safe := x.method == http.MethodGet || x.method == http.MethodHead || x.method == http.MethodOptions
	if v == unknown && !safe {
		reason, cause := x.err.Error(), x.err
		var api *APIError
		var failed *callError
		if errors.As(x.err, &api) {
			reason = api.summary()
		} else if errors.As(x.err, &failed) {
			reason, cause = failed.reason, failed.cause
		}
		x.doubt = &OutcomeUnknownError{Cause: cause, method: x.method, path: x.path, reason: reason}
		x.err = x.doubt
	}
	x.again = v == notSent || v == busy || v == unknown && (x.resubmit || safe && x.isPassing(resp))
	x.wait = 0
	if x.again {
		x.again = x.attempts <= x.maxRetries && ctx.Err() == nil && x.planWait(ctx, asked)
	}
	x.engine.RetryWaitMin = x.wait
	if cancel := x.attempt.cancel; cancel != nil { // not before the answer has been read
		cancel()
	}
	x.log(ctx, resp)
	return x.again, nil
}

// isPassing tells the failures that another attempt may not meet from those that it will: a broken connection, half an answer, 502, 503, 504.
func (x *exchange) isPassing(resp *http.Response) bool {
	if resp == nil {
		return true
	}
	switch resp.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	cause := errors.Unwrap(x.err)
	return cause != nil && !errors.Is(cause, ErrBodyTooLarge)
}

// judgeFailure judges an attempt that brought no answer.
func (x *exchange) judgeFailure(ctx context.Context, err error) verdict {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // its text holds the URL with the query
	}
	if x.attempt.stopped.Load() && ctx.Err() == nil {
		err = errReplayed // not the cancellation by which it was stopped
	}
	var key *keyError
	if errors.As(err, &key) {
		x.err = &callError{x.method, x.path, "API key: " + key.Error(), key.error}
		return refused
	}
	x.err = &callError{x.method, x.path, x.describe(ctx, err), err}
	var untrusted *tls.CertificateVerificationError
	switch {
	case x.attempt.mayHaveArrived(err):
		return unknown
	case errors.As(err, &untrusted), ctx.Err() != nil: // another attempt meets the same
		return refused
	default:
		return notSent
	}
}

// describe gives the reason of a failure. Once a connection was made, the text of an error can hold what the other side wrote, so then only known reasons are named.
func (x *exchange) describe(ctx context.Context, err error) string {
	var network *net.OpError
	var timeout net.Error
	var errno syscall.Errno
	switch {
	case ctx.Err() != nil:
		return ctx.Err().Error()
	case neverConnected(err), x.attempt.native && (x.own || x.attempt.traced.Load()) && !x.attempt.connected.Load():
		return err.Error()
	case errors.Is(err, errReplayed):
		return "the server refused or reset the request after it was written"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed without a whole answer"
	case errors.As(err, &network) && errors.As(err, &errno):
		return network.Op + ": " + errno.Error()
	default:
		return "the connection broke, or the answer is not HTTP"
	}
}

// judgeAnswer reads an answer to its end, within bounds, and judges it.
func (x *exchange) judgeAnswer(resp *http.Response) verdict {
	success := resp.StatusCode/100 == 2
	most := int64(maxErrorBytes)
	if success {
		most = maxAnswerBytes
	}
	body, err := readBounded(resp.Body, resp.ContentLength, most)
	_ = resp.Body.Close()
	x.answer = answer{resp.StatusCode, resp.Header, x.withoutKey(body)}
	if success {
		var reason string
		switch {
		case errors.Is(err, ErrBodyTooLarge):
			reason = "the answer is larger than 1 MiB"
		case err != nil:
			reason = "the answer broke off"
		default:
			if x.answerTo.accept(x.answer.body) == nil {
				x.err = nil
				return accepted
			}
			reason = "the answer is not the JSON that was expected"
		}
		failure := x.apiError()
		failure.reason, failure.cause = reason, err
		x.err = failure
		return unknown
	}

	failure := x.apiError()
	switch code := resp.StatusCode; code {
	case http.StatusUnauthorized:
		x.err = &AuthenticationError{failure}
		return refused
	case http.StatusTooManyRequests:
		x.err = failure.concurrencyLimit(retryAfter(resp.Header, time.Now()))
		return busy
	default:
		x.err = failure
		if code >= 300 && code < 500 {
			return refused
		}
		return unknown
	}
}

// withoutKey cuts the key out of an answer that repeats it.
func (x *exchange) withoutKey(body []byte) []byte {
	if key := []byte(x.key); bytes.Contains(body, key) {
		return bytes.ReplaceAll(body, key, []byte("[redacted]"))
	}
	return body
}

func (x *exchange) apiError() *APIError {
	ans := &x.answer
	e := &APIError{
		StatusCode: ans.status, Concurrency: concurrencyFrom(ans.header),
		method: x.method, path: x.path, body: ans.body,
	}
	e.readCodeAndMessage()
	return e
}

// planWait sets the wait before the next attempt. It reports false where the wait asked for, or the context's deadline, makes waiting pointless.
func (x *exchange) planWait(ctx context.Context, asked time.Duration) bool {
	if asked > x.maxRetryWait {
		return false
	}
	if asked > 0 { // a little later than asked, so that clients told the same do not come back together
		x.wait = asked + rand.N(asked/10+1) //nolint:gosec // jitter
	} else {
		d := firstBackoff << min(x.attempts-1, 16)
		x.wait = d/2 + rand.N(d/2+1) //nolint:gosec // jitter
	}
	x.wait = min(x.wait, x.maxRetryWait)
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > x.wait
}

// log writes the attempt's one line. What is in it is all that may ever be in it.
func (x *exchange) log(ctx context.Context, resp *http.Response) {
	if x.logger == nil || !x.logger.Enabled(ctx, slog.LevelDebug) {
		return
	}
	status := 0
	if resp != nil {
		status = resp.StatusCode
	}
	x.logger.LogAttrs(ctx, slog.LevelDebug, "helios: attempt",
		slog.String("method", x.method), slog.String("path", x.path), slog.Int("status", status),
		slog.Int("attempt", x.attempts), slog.Duration("duration", time.Since(x.started)), slog.Duration("wait", x.wait))
}

// retryAfter reads a Retry-After header, seconds or HTTP date, as a wait between 0 and 24 h; 0 if it has none or it is neither.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(longestAskedWait/time.Second))) * time.Second
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(date.Sub(now), 0), longestAskedWait)
}
