package helios

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"time"
)

// Client submits runs to the Helios API. Make it with [NewClient], once, and
// share it: it is safe for concurrent use and keeps its connections. The zero
// value is not usable. It holds the API key where no printer, encoder or logger
// can find it.
type Client struct {
	// Agent submits patients' records for an EHR summary.
	Agent *AgentService
	// LabResults submits lab results for interpretation.
	LabResults *LabResultsService

	api *api
}

// api is what both services share: where to send, and how. It never changes
// after NewClient.
type api struct {
	clientConfig
	base      url.URL
	jar       http.CookieJar
	transport http.RoundTripper // the middleware, and beneath it the watcher
	watcher   *watcher
	own       *http.Transport // beneath the watcher; nil if it is somebody else's

	// Of every request, but for the key: without and with a body.
	emptyHeader, bodyHeader http.Header
}

// NewClient makes a client from the environment (HELIOS_API_KEY,
// HELIOS_BASE_URL, HELIOS_WEBHOOK_URL) and opts, which take precedence. It
// sends nothing. What can be checked is checked here, so that a service with a
// bad setting fails when it starts. Without a key the error is
// [ErrMissingAPIKey].
//
// See https://docs.heliosai.health/quickstart
func NewClient(opts ...ClientOption) (*Client, error) {
	cfg, err := newClientConfig(opts)
	if err != nil {
		return nil, err
	}
	base, err := parseBaseURL(cfg.baseURL.source, cfg.baseURL.value, cfg.plainHTTP)
	if err != nil {
		return nil, err
	}
	a := &api{clientConfig: *cfg, base: *base}
	a.emptyHeader = http.Header{"Accept": {"application/json"}, "User-Agent": {cfg.userAgent}}
	a.bodyHeader = maps.Clone(a.emptyHeader)
	a.bodyHeader["Content-Type"] = a.emptyHeader["Accept"]

	if webhook := a.webhookURL(); webhook != "" {
		webhook, err := a.checkWebhookURL(webhook)
		if err != nil {
			return nil, fmt.Errorf("helios: %s: %w", cfg.webhookSource, err)
		}
		a.webhookURL = func() string { return webhook }
	}
	if err := a.setTransport(); err != nil {
		return nil, err
	}
	return &Client{Agent: &AgentService{a}, LabResults: &LabResultsService{a}, api: a}, nil
}

func (a *api) setTransport() error {
	var base http.RoundTripper
	if hc := a.httpClient; hc != nil {
		base, a.jar = hc.Transport, hc.Jar
		if hc.Timeout > 0 && !a.timeoutSet {
			a.timeout = hc.Timeout
		}
	}

	a.watcher = newWatcher(base, &a.base, a.timeout)
	if base == nil {
		a.own, _ = a.watcher.base.(*http.Transport)
	}
	a.transport = a.watcher
	for i := len(a.middleware) - 1; i >= 0; i-- {
		if a.transport = a.middleware[i](a.transport); a.transport == nil {
			return errors.New("helios: WithMiddleware: middleware returned no transport")
		}
	}
	return nil
}

// CloseIdleConnections closes the client's connections that are not in use.
// They also close on their own after 15 s without use. A Transport given by
// [WithHTTPClient] is left alone: its owner closes it.
func (c *Client) CloseIdleConnections() {
	if c.api.own != nil {
		c.api.own.CloseIdleConnections()
	}
}

// WebhookURL returns where results go unless a request says otherwise: what
// [WithWebhookURL] or HELIOS_WEBHOOK_URL gave, or "". It may hold a token of
// yours.
func (c *Client) WebhookURL() string { return c.api.webhookURL() }

// BaseURL returns where the client sends to: what [WithBaseURL] or
// HELIOS_BASE_URL gave, or the service's own.
func (c *Client) BaseURL() string { return c.api.base.String() }

// ResubmitsOnUnknownOutcome reports whether the client was made with
// [WithResubmitOnUnknownOutcome], and so may pay twice.
func (c *Client) ResubmitsOnUnknownOutcome() bool { return c.api.resubmit }

// Format prints where the client sends to and nothing else.
func (c Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.describe()) }

// LogValue logs where the client sends to and nothing else.
func (c Client) LogValue() slog.Value { return slog.StringValue(c.describe()) }

func (c Client) describe() string {
	if c.api == nil {
		return "helios.Client{}"
	}
	return "helios.Client{" + c.api.base.Scheme + "://" + c.api.base.Host + c.api.base.Path + "}"
}

// submit posts a run to one of the vendor's endpoints. invalid is why there is
// no body.
func (a *api) submit(
	ctx context.Context, agent, path string, body []byte, invalid error, opts []CallOption,
) (*Run, error) {
	start := time.Now()
	x := &exchange{api: a, method: http.MethodPost, path: path}
	ctx, end := a.beginCall(ctx, x, agent)
	run, err := (*Run)(nil), invalid
	if err == nil {
		run, err = x.submit(ctx, body, opts)
	}
	a.observeCall(ctx, x, agent, start, run, err, end)
	return run, err
}

func (x *exchange) submit(ctx context.Context, body []byte, opts []CallOption) (run *Run, err error) {
	if x.callConfig, err = x.newCallConfig(opts); err != nil {
		return nil, err
	}

	run = new(Run)
	x.answerTo, x.url = run, x.join(x.path, x.path)
	ans, err := x.send(ctx, body)
	if err != nil {
		return nil, err
	}
	run.Header, run.Concurrency = ans.header, concurrencyFrom(ans.header)
	return run, nil
}
