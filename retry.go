package helios

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	maxAnswerBytes   = 1 << 20
	maxErrorBytes    = 64 << 10
	firstBackoff     = 500 * time.Millisecond
	longestAskedWait = 24 * time.Hour
)

// verdict is what one attempt came to. It alone decides whether a request is
// sent again.
//
//	notSent   no connection, or not written whole    sent again
//	busy      429                                    after Retry-After
//	refused   other 4xx, 3xx but 303, no key,        final
//	          an untrusted certificate
//	accepted  2xx that can be read                   final
//	unknown   all else: 5xx, 303, 2xx that cannot    final, unless asked
//	          be read, reset or timeout after the    to resubmit
//	          request was written
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

// exchange is one call: a request, and its attempts until the outcome is
// settled.
//
// go-retryablehttp drives it: it makes the body anew for each attempt, waits,
// and heeds the context. Three things are unusual, each because only a request
// that certainly was not accepted may be sent again:
//
//   - The policy, settle, reads the answer to its end before it decides, for a
//     2xx that breaks off is neither an answer nor a failure to
//     go-retryablehttp. So what Do returns is of no interest: the outcome is in
//     the exchange.
//   - settle also chooses the wait, which it must compare with the deadline and
//     with [WithMaxRetryWait]. Backoff only passes it on.
//   - The exchange stands between http.Client and the transport, to begin each
//     attempt with its own timeout, key and evidence. It has no method
//     CloseIdleConnections, which go-retryablehttp would call after every
//     failure.
type exchange struct {
	*api
	callConfig
	method, path string
	url          url.URL
	answerTo     acceptor

	// In one block of memory with it, since every call needs them.
	engine retryablehttp.Client
	http   http.Client
	first  attempt

	attempts int
	attempt  *attempt
	started  time.Time     // the attempt
	settled  time.Time     // the one before, where there is another
	waited   time.Duration // between attempts, in all

	answer answer
	again  bool // settle asked for one more attempt
	wait   time.Duration
	err    error                // of the last attempt
	doubt  *OutcomeUnknownError // of the last attempt whose outcome is unknown
}

// acceptor decodes the body of a 2xx. Its error means that the answer cannot be
// read.
type acceptor interface {
	accept(body []byte) error
}

// send is the one path that every request takes: send and judge until the
// outcome is settled, then decode.
func (x *exchange) send(ctx context.Context, body []byte) (*answer, error) {
	req, err := x.request(ctx, body)
	if err != nil {
		return nil, err
	}
	x.http = http.Client{
		Transport:     x,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Jar:           x.jar,
	}
	x.engine.HTTPClient = &x.http
	x.engine.RetryMax = x.maxRetries
	x.engine.CheckRetry = x.settle
	x.engine.Backoff = func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return x.wait }
	x.engine.ErrorHandler = retryablehttp.PassthroughErrorHandler
	if x.jar != nil || len(x.middleware) > 0 { // they write to the header of an attempt
		x.engine.PrepareRetry = func(req *http.Request) error { req.Header = x.header(body != nil); return nil }
	}

	_, err = x.engine.Do(req) //nolint:bodyclose // settle reads and closes every body

	switch {
	case x.again: // the context ended the wait for the next attempt
		x.waited += time.Since(x.settled)
		x.err = &interruptedError{why: err, last: x.err}
	case x.err == nil:
		return &x.answer, nil
	}
	if x.doubt != nil && !errors.Is(x.err, ErrOutcomeUnknown) {
		// An earlier attempt may have been accepted. That a later one was not,
		// for whatever reason, is no reason to send again.
		x.doubt.reason += "; sent again as asked: " + strings.TrimPrefix(x.err.Error(), "helios: ")
		return nil, x.doubt
	}
	return nil, x.err
}

func (x *exchange) request(ctx context.Context, body []byte) (*retryablehttp.Request, error) {
	if ctx == nil {
		return nil, &argumentError{"nil context", nil}
	}

	req, err := retryablehttp.FromRequest((&http.Request{
		Method:     x.method,
		URL:        &x.url,
		Host:       x.url.Host,
		Header:     x.header(body != nil),
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
	}).WithContext(ctx))
	if err == nil && body != nil {
		err = req.SetBody(body)
	}
	return req, err
}

// header returns the header of a request, without the key. It is the client's
// own where nobody can write to it: the watcher copies it.
func (x *exchange) header(withBody bool) http.Header {
	base := x.emptyHeader
	if withBody {
		base = x.bodyHeader
	}
	if x.jar == nil && len(x.middleware) == 0 && len(x.extraHeader) == 0 {
		return base
	}

	h := maps.Clone(base)
	maps.Copy(h, x.extraHeader)
	return h
}

// RoundTrip sends one attempt with the current key.
func (x *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	x.attempts++
	x.started = time.Now()
	if x.attempts > 1 {
		x.waited += x.started.Sub(x.settled)
	}

	// An attempt shares nothing with the one before: its transport may still be
	// at work.
	a := &x.first
	if x.attempts > 1 {
		a = new(attempt)
	}
	a.method, a.repeatable = x.method, x.resubmit || isSafe(x.method)
	x.attempt = a
	ctx := req.Context()
	if x.timeout > 0 { // not http.Client's, which takes a goroutine for a transport that it does not know
		ctx, a.cancel = context.WithTimeout(ctx, x.timeout)
	} else {
		ctx, a.cancel = context.WithCancel(ctx)
	}

	var err error
	if a.key, err = x.key(ctx); err == nil {
		err = ctx.Err()
	} else {
		err = &keyError{err}
	}
	if err != nil {
		closeBody(req)
		return nil, err
	}

	resp, err := x.pass(ctx, a, req)
	if resp != nil && resp.StatusCode/100 == 3 {
		resp.Header.Del("Location") // never followed; one that is no URL would make net/http lose the answer
	}
	return resp, err
}

// pass hands an attempt to the middleware, or straight to the watcher.
func (x *exchange) pass(ctx context.Context, a *attempt, req *http.Request) (*http.Response, error) {
	if len(x.middleware) == 0 {
		return x.watcher.send(ctx, a, req)
	}
	return x.transport.RoundTrip(req.WithContext(withAttempt(ctx, a)))
}

// isSafe reports whether a request of this method changes nothing on the
// server.
func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// settle is the engine's CheckRetry: it reads the answer, judges the attempt
// and decides about the next.
func (x *exchange) settle(ctx context.Context, resp *http.Response, err error) (bool, error) {
	var v verdict
	var asked time.Duration
	if err != nil {
		v = x.judgeFailure(ctx, err)
	} else {
		v = x.judgeAnswer(resp)
		asked = retryAfter(resp.Header, time.Now())
	}
	x.attempt.cancel() // not before the answer has been read

	safe := isSafe(x.method)
	if v == unknown && !safe {
		x.doubt = x.outcomeUnknown(x.err)
		x.err = x.doubt
	}

	x.wait = 0
	x.again = v == notSent || v == busy || v == unknown && (x.resubmit || safe && x.isPassing(resp))
	if x.again {
		x.again = x.attempts <= x.maxRetries && ctx.Err() == nil && x.planWait(ctx, asked)
		x.settled = time.Now()
	}

	x.log(ctx, resp)
	return x.again, nil
}

func (x *exchange) outcomeUnknown(err error) *OutcomeUnknownError {
	why, cause := err.Error(), err
	var api *APIError
	var failed *callError
	if errors.As(err, &api) {
		why, cause = api.summary(), api // a 401 or 429 of middleware is none of the service
	} else if errors.As(err, &failed) {
		why, cause = failed.reason, failed.cause
	}
	return &OutcomeUnknownError{Cause: cause, method: x.method, path: x.path, reason: why}
}

// isPassing reports whether another attempt may not meet the failure of this
// one: a broken connection, half an answer, 502, 503 or 504.
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

// judgeAnswer reads an answer to its end, within bounds, and judges it.
func (x *exchange) judgeAnswer(resp *http.Response) verdict {
	success := resp.StatusCode/100 == 2
	most := int64(maxErrorBytes)
	if success {
		most = maxAnswerBytes
	}
	body, err := readBounded(resp.Body, resp.ContentLength, most)
	_ = resp.Body.Close()
	x.answer = answer{resp.StatusCode, x.withoutKeyInHeader(resp.Header), x.withoutKey(body)}

	if success && err == nil && x.answerTo.accept(x.answer.body) == nil {
		x.err = nil
		return accepted
	}

	failure := x.apiError()
	x.err = failure
	switch code := resp.StatusCode; {
	case success:
		failure.reason, failure.cause = unreadable(err), err
		return unknown
	case code == http.StatusUnauthorized:
		x.err = &AuthenticationError{failure}
	case code == http.StatusTooManyRequests:
		x.err = failure.concurrencyLimit(retryAfter(resp.Header, time.Now()))
	}

	// Middleware may answer by itself, after a transmission that went wrong.
	switch {
	case mayBeAccepted(resp.StatusCode), x.attempt.inDoubt():
		return unknown
	case resp.StatusCode == http.StatusTooManyRequests:
		return busy
	default:
		return refused
	}
}

// unreadable says why a 2xx could not be read; err is that of reading it.
func unreadable(err error) string {
	switch {
	case errors.Is(err, ErrBodyTooLarge):
		return "the answer is larger than 1 MiB"
	case err != nil:
		return "the answer broke off"
	default:
		return "the answer is not the JSON that was expected"
	}
}

// withoutKey cuts the key out of an answer that repeats it.
func (x *exchange) withoutKey(body []byte) []byte {
	if key := []byte(x.attempt.key); bytes.Contains(body, key) {
		return bytes.ReplaceAll(body, key, []byte(redactedKey))
	}
	return body
}

func (x *exchange) withoutKeyInHeader(header http.Header) http.Header {
	for _, values := range header {
		for i, value := range values {
			if strings.Contains(value, x.attempt.key) {
				values[i] = strings.ReplaceAll(value, x.attempt.key, redactedKey)
			}
		}
	}
	return header
}

const redactedKey = "[redacted]"

func (x *exchange) apiError() *APIError {
	e := &APIError{
		StatusCode:  x.answer.status,
		Header:      x.answer.header,
		Concurrency: concurrencyFrom(x.answer.header),
		method:      x.method,
		path:        x.path,
		body:        x.answer.body,
	}
	e.readCodeAndMessage()
	return e
}

// planWait sets the wait before the next attempt. It reports false where the
// wait asked for, or the context's deadline, makes waiting pointless.
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

// log writes the attempt's one line. What is in it is all that may ever be in
// it.
func (x *exchange) log(ctx context.Context, resp *http.Response) {
	if x.logger == nil || !x.logger.Enabled(ctx, slog.LevelDebug) {
		return
	}

	status := 0
	if resp != nil {
		status = resp.StatusCode
	}
	x.logger.LogAttrs(ctx, slog.LevelDebug, "helios: attempt",
		slog.String("method", x.method),
		slog.String("path", x.path),
		slog.Int("status", status),
		slog.Int("attempt", x.attempts),
		slog.Duration("duration", time.Since(x.started)),
		slog.Duration("wait", x.wait))
}

// retryAfter reads a Retry-After header, seconds or HTTP date, as a wait
// between 0 and 24 h; 0 if it has none or it is neither. Fractions of a second
// are no part of the standard, but are written.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0
	}

	if strings.Trim(value, "0123456789.") == "" {
		seconds, err := strconv.ParseFloat(value, 64)
		switch {
		case seconds >= longestAskedWait.Seconds(): // infinite where it overflows
			return longestAskedWait
		case err == nil:
			return time.Duration(seconds * float64(time.Second))
		}
	}

	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(date.Sub(now), 0), longestAskedWait)
}
