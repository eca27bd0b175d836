package helios

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/go-querystring/query"
)

// Client submits runs to the Helios API. Make it with [NewClient], once, and share it; the zero value is not usable. It is safe for concurrent use
// and keeps its connections. It holds the API key where no printer, encoder or logger finds it.
type Client struct {
	// Agent submits patients' records for an EHR summary.
	Agent *AgentService
	// LabResults submits lab results for interpretation.
	LabResults *LabResultsService

	api *api
}

// api is what both services share: where to send, and how. It never changes after NewClient.
type api struct {
	clientConfig
	base      url.URL
	header    http.Header // of every request, but for the key
	transport http.RoundTripper
	native    bool // the transport is net/http's
	own       bool // and is this package's
}

// NewClient makes a client from the environment (HELIOS_API_KEY, HELIOS_BASE_URL, HELIOS_WEBHOOK_URL) and opts, which win.
// It sends nothing. Without a key it returns [ErrMissingAPIKey].
//
// See https://docs.heliosai.health/quickstart
func NewClient(opts ...ClientOption) (*Client, error) {
	cfg, err := newClientConfig(opts)
	if err != nil {
		return nil, err
	}
	base, err := parseBaseURL(cfg.baseURL)
	if err != nil {
		return nil, err
	}
	a := &api{clientConfig: *cfg, base: *base}
	a.header = http.Header{
		"Accept":     {"application/json"},
		"User-Agent": {cfg.userAgent},
	}
	if hc := cfg.httpClient; hc != nil {
		a.transport = hc.Transport
		if hc.Timeout > 0 && !cfg.timeoutSet {
			a.timeout = hc.Timeout
		}
	} else {
		a.httpClient = &http.Client{}
	}
	if a.transport == nil {
		a.transport = newTransport(a.timeout)
		a.own = true
	}
	_, a.native = a.transport.(*http.Transport)
	return &Client{Agent: &AgentService{a}, LabResults: &LabResultsService{a}, api: a}, nil
}

// CloseIdleConnections closes the client's connections that are not in use. They also end by themselves after 15 s without use.
// A Transport given by [WithHTTPClient] is left alone: its owner closes it.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.api.transport.(*http.Transport); ok && c.api.own {
		t.CloseIdleConnections()
	}
}

// WebhookURL returns where results go if a request does not say: what [WithWebhookURL] or HELIOS_WEBHOOK_URL gave, or "". It may hold a token of yours.
func (c *Client) WebhookURL() string { return c.api.webhookURL() }

// ResubmitsOnUnknownOutcome reports whether the client was made with [WithResubmitOnUnknownOutcome], and so may pay twice.
func (c *Client) ResubmitsOnUnknownOutcome() bool { return c.api.resubmit }

// Format prints where the client sends to and nothing else, whatever the verb.
func (c Client) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.describe())) }

// LogValue logs where the client sends to and nothing else.
func (c Client) LogValue() slog.Value { return slog.StringValue(c.describe()) }

func (c Client) describe() string {
	if c.api == nil {
		return "helios.Client{}"
	}
	return "helios.Client{" + c.api.base.Scheme + "://" + c.api.base.Host + c.api.base.Path + "}"
}

// Concurrency is the account's use of its run slots for one agent type, as the X-Concurrent-* headers of an answer give it.
// All are 0 if the answer had no such headers.
//
// See https://docs.heliosai.health/rate-limits
type Concurrency struct {
	Limit     int // the most runs at once
	Active    int // the runs under way, the one just accepted included
	Remaining int // the runs that could be submitted now
}

func concurrencyFrom(h http.Header) Concurrency {
	number := func(key string) int {
		if v := h[key]; len(v) > 0 {
			if n, err := strconv.Atoi(v[0]); err == nil && n > 0 {
				return n
			}
		}
		return 0
	}
	return Concurrency{
		Limit:     number("X-Concurrent-Limit"),
		Active:    number("X-Concurrent-Active"),
		Remaining: number("X-Concurrent-Remaining"),
	}
}

// Run is an accepted submission. It is paid; its events and its result arrive at the webhook URL.
type Run struct {
	// ID is the run's id; its events carry it.
	ID string `json:"runId"`
	// Status is "accepted".
	Status string `json:"status"`
	// Message is a sentence of the service; it may be empty.
	Message string `json:"message"`
	// Concurrency is the account's use of its slots for this agent type, this run included.
	Concurrency Concurrency `json:"-"`
}

// Format prints the run's id and leaves out Message, which the service wrote.
func (r Run) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.describe()) }

// LogValue logs the run's id.
func (r Run) LogValue() slog.Value { return slog.StringValue(r.describe()) }

func (r Run) describe() string {
	return fmt.Sprintf("helios.Run{%s, slots %d of %d}", r.ID, r.Concurrency.Active, r.Concurrency.Limit)
}

// Response is a 2xx answer to [Client.Do]. Printing, logging or encoding it shows the status only.
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

// Do sends a request to an endpoint that this package has no method for, in the same way as the others: same key, same retries, same errors.
//
// method is in upper case. path starts with "/" and is appended to the base URL; it holds no query. query is a struct with `url` tags for go-querystring, or nil.
// in is encoded as JSON, unless nil. The answer is decoded into out, unless out is nil or the answer is empty.
//
// GET, HEAD and OPTIONS change nothing on the server, so they are also sent again after a broken connection, 502, 503 and 504, and never
// return [ErrOutcomeUnknown]. All other methods are treated like a submission.
func (c *Client) Do(ctx context.Context, method, path string, query, in, out any) (*Response, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, &encodeError{err}
		}
	}
	if method == "" || strings.ContainsFunc(method, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		return nil, errors.New("helios: method must be upper-case letters")
	}
	u, err := c.api.endpoint(path, query)
	if err != nil {
		return nil, err
	}
	ans, err := c.api.call(ctx, method, path, u, body, decodeInto{out})
	if err != nil {
		return nil, err
	}
	return &Response{StatusCode: ans.status, Header: ans.header, Body: ans.body, Concurrency: concurrencyFrom(ans.header)}, nil
}

// decodeInto accepts a 2xx whose body is empty or can be decoded.
type decodeInto struct{ out any }

func (d decodeInto) accept(body []byte) error {
	if d.out == nil || len(body) == 0 {
		return nil
	}
	return json.Unmarshal(body, d.out)
}

// accept decodes the acceptance of a run: any 2xx with a run id. A field of another type does not hide it.
func (r *Run) accept(body []byte) error {
	*r = Run{}
	err := json.Unmarshal(body, r)
	if r.ID != "" {
		return nil
	}
	return cmp.Or(err, errors.New("no runId"))
}

// submit posts a run to one of the vendor's endpoints.
func (a *api) submit(ctx context.Context, path string, body []byte) (*Run, error) {
	run := new(Run)
	ans, err := a.call(ctx, http.MethodPost, path, a.join(path, path), body, run)
	if err != nil {
		return nil, err
	}
	run.Concurrency = concurrencyFrom(ans.header)
	return run, nil
}

// endpoint joins path and params to the base URL. What would lead elsewhere is refused.
func (a *api) endpoint(path string, params any) (u url.URL, err error) {
	rel, err := url.Parse(path)
	switch {
	case err != nil || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//"):
		return u, errors.New(`helios: path must start with one "/" and be a URL path`)
	case strings.ContainsAny(path, "?#"):
		return u, errors.New("helios: path must not hold a query or a fragment; pass the query as a struct")
	}
	for segment := range strings.SplitSeq(rel.Path, "/") {
		if segment == "." || segment == ".." {
			return u, errors.New(`helios: path must not hold "." or ".." segments`)
		}
	}
	u = a.join(rel.Path, rel.EscapedPath())
	if params != nil {
		values, err := query.Values(params)
		if err != nil {
			return u, fmt.Errorf("helios: query: %w", err)
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
