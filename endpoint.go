package helios

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-querystring/query"
)

// Response is a 2xx answer to [Client.Do]. Printing, logging or encoding it
// shows the status only.
type Response struct {
	StatusCode  int
	Header      http.Header `json:"-"`
	Body        []byte      `json:"-"` // at most 1 MiB
	Concurrency Concurrency
}

// Format prints the status and no data.
func (r Response) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.describe()) }

// LogValue logs the status and no data.
func (r Response) LogValue() slog.Value { return slog.StringValue(r.describe()) }

func (r Response) describe() string {
	return fmt.Sprintf("helios.Response{status %d, %d bytes}", r.StatusCode, len(r.Body))
}

// Do sends a request to an endpoint that this package has no method for, in the
// same way as the others: same key, same retries, same errors.
//
// method is in upper case. path starts with "/" and is appended to the base
// URL; it holds no query. query is a struct with `url` tags for go-querystring,
// or nil. in is encoded as JSON, unless nil. The answer is decoded into out,
// unless out is nil or the answer is empty.
//
// GET, HEAD and OPTIONS change nothing on the server, so they are also sent
// again after a broken connection, 502, 503 and 504, and never return
// [ErrOutcomeUnknown]. All other methods are treated like a submission.
func (c *Client) Do(
	ctx context.Context, method, path string, query, in, out any, opts ...CallOption,
) (*Response, error) {
	start := time.Now()
	x := &exchange{api: c.api, method: method, path: path, answerTo: decodeInto{out}}
	ctx, end := c.api.beginCall(ctx, x, "")
	resp, err := x.do(ctx, query, in, opts)
	c.api.observeCall(ctx, x, "", start, nil, err, end)
	return resp, err
}

func (x *exchange) do(ctx context.Context, query, in any, opts []CallOption) (*Response, error) {
	var body []byte
	var err error
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return nil, &encodeError{err}
		}
	}
	if x.method == "" || strings.ContainsFunc(x.method, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		return nil, &argumentError{"method must be upper-case letters", nil}
	}
	if x.url, err = x.endpoint(x.path, query); err != nil {
		x.path = "" // for the observer: it can hold a query
		return nil, err
	}
	if x.callConfig, err = x.newCallConfig(opts); err != nil {
		return nil, err
	}

	ans, err := x.send(ctx, body)
	if err != nil {
		return nil, err
	}
	return &Response{
		StatusCode:  ans.status,
		Header:      ans.header,
		Body:        ans.body,
		Concurrency: concurrencyFrom(ans.header),
	}, nil
}

// decodeInto accepts a 2xx whose body is empty or can be decoded.
type decodeInto struct{ out any }

func (d decodeInto) accept(body []byte) error {
	if d.out == nil || len(body) == 0 {
		return nil
	}
	return json.Unmarshal(body, d.out)
}

// endpoint joins path and params to the base URL. What would lead elsewhere is
// refused.
func (a *api) endpoint(path string, params any) (u url.URL, err error) {
	rel, err := url.Parse(path)
	switch {
	case err != nil || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//"):
		return u, &argumentError{`path must start with one "/" and be a URL path`, nil}
	case strings.ContainsAny(path, "?#"):
		return u, &argumentError{"path must not hold a query or a fragment; pass the query as a struct", nil}
	}
	for segment := range strings.SplitSeq(rel.Path, "/") {
		if segment == "." || segment == ".." {
			return u, &argumentError{`path must not hold "." or ".." segments`, nil}
		}
	}

	u = a.join(rel.Path, rel.EscapedPath())
	if params != nil {
		values, err := query.Values(params)
		if err != nil {
			return u, &argumentError{"query: cannot be encoded", err}
		}
		u.RawQuery = values.Encode()
	}
	return u, nil
}

// join appends a path to the base URL's, which may have escapes of its own.
func (a *api) join(path, escaped string) url.URL {
	u := a.base
	u.RawPath = strings.TrimSuffix(u.EscapedPath(), "/") + escaped
	u.Path = strings.TrimSuffix(u.Path, "/") + path
	return u
}

// argumentError is an argument of a call that cannot be used. Nothing was sent.
type argumentError struct {
	problem string
	cause   error // its text may hold what was passed
}

func (e *argumentError) Error() string { return "helios: " + e.problem }
func (e *argumentError) Unwrap() error { return e.cause }
