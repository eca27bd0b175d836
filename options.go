package helios

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	defaultBaseURL      = "https://api.heliosai.health"
	defaultTimeout      = 30 * time.Second
	defaultMaxRetries   = 3
	defaultMaxRetryWait = 30 * time.Second
)

// ClientOption configures a [Client]. An option wins over the environment, and of two for the same thing the later.
type ClientOption func(*clientConfig) error

type clientConfig struct {
	key          func(context.Context) (string, error)
	baseURL      string
	webhookURL   func() string // may hold a token of the customer's, so it is kept from printers like the key
	httpClient   *http.Client
	timeout      time.Duration
	timeoutSet   bool
	maxRetries   int
	maxRetryWait time.Duration
	resubmit     bool
	logger       *slog.Logger
	userAgent    string
}

// WithAPIKey sets the API key instead of HELIOS_API_KEY. White space around it is cut off.
// An empty key makes [NewClient] return [ErrMissingAPIKey].
//
// See https://docs.heliosai.health/authentication
func WithAPIKey(key string) ClientOption {
	return func(c *clientConfig) error {
		key, err := cleanAPIKey(key)
		if err != nil {
			return err
		}
		c.key = func(context.Context) (string, error) { return key, nil }
		return nil
	}
}

// WithAPIKeySource asks source for the key before every attempt, so that a key can be rotated without a restart.
// source must be safe for concurrent use and should cache: it delays the request. Its error ends the call, is found by
// errors.Is, and means that nothing was sent by that attempt.
func WithAPIKeySource(source func(context.Context) (string, error)) ClientOption {
	return func(c *clientConfig) error {
		if source == nil {
			return errors.New("helios: WithAPIKeySource: nil source")
		}
		c.key = func(ctx context.Context) (string, error) {
			key, err := source(ctx)
			if err != nil {
				return "", err
			}
			return cleanAPIKey(key)
		}
		return nil
	}
}

// WithBaseURL sets where the API is, instead of HELIOS_BASE_URL or https://api.heliosai.health. It must be https, or http to a loopback host,
// without userinfo, query or fragment. A path in it is kept and stands before every endpoint's path.
func WithBaseURL(base string) ClientOption {
	return func(c *clientConfig) error { c.baseURL = base; return nil }
}

// WithWebhookURL sets where results go if a request does not say, instead of HELIOS_WEBHOOK_URL.
// Like every webhook URL it must be https, or http to a loopback host; this is checked when a request uses it.
func WithWebhookURL(webhook string) ClientOption {
	return func(c *clientConfig) error { c.webhookURL = func() string { return webhook }; return nil }
}

// WithHTTPClient sends through a copy of hc: its Transport and Jar, and its Timeout unless [WithTimeout] is given too. The copy follows no redirect.
// A nil Transport means the default one of this package. The Transport sees the key; one that sends requests again by itself breaks the
// promise to pay once.
func WithHTTPClient(hc *http.Client) ClientOption {
	return func(c *clientConfig) error {
		if hc == nil {
			return errors.New("helios: WithHTTPClient: nil client")
		}
		own := *hc
		c.httpClient = &own
		return nil
	}
}

// WithTimeout bounds one attempt, from the connection to the last byte of the answer; 30 s by default. With 0 only the
// context bounds it, and the default transport's 30 s for the answer's header.
// The whole call, attempts and waits together, is bounded by its context.
func WithTimeout(d time.Duration) ClientOption {
	return func(c *clientConfig) error {
		if d < 0 {
			return errors.New("helios: WithTimeout: negative duration")
		}
		c.timeout, c.timeoutSet = d, true
		return nil
	}
}

// WithMaxRetries sets how often a request is sent again at the most, in the cases that the package doc lists under Retries; 3 by default, 0 for never.
func WithMaxRetries(n int) ClientOption {
	return func(c *clientConfig) error {
		if n < 0 {
			return errors.New("helios: WithMaxRetries: negative number")
		}
		c.maxRetries = n
		return nil
	}
}

// WithMaxRetryWait sets the longest wait between two attempts; 30 s by default. A Retry-After beyond it is not waited for: the 429 is
// returned at once. The service's documented Retry-After is 60 s, so the default leaves it to the caller; WithMaxRetryWait(2*time.Minute) waits.
func WithMaxRetryWait(d time.Duration) ClientOption {
	return func(c *clientConfig) error {
		if d < 0 {
			return errors.New("helios: WithMaxRetryWait: negative duration")
		}
		c.maxRetryWait = d
		return nil
	}
}

// WithResubmitOnUnknownOutcome also sends a request again when its outcome is unknown. Each time may start, and cost, another run.
// Use it where a missing result costs more than a second run.
func WithResubmitOnUnknownOutcome() ClientOption {
	return func(c *clientConfig) error { c.resubmit = true; return nil }
}

// WithLogger logs one line per attempt at debug level: method, path, status, attempt, duration, and the wait before the next. Nothing else is ever logged.
func WithLogger(l *slog.Logger) ClientOption {
	return func(c *clientConfig) error { c.logger = l; return nil }
}

// WithUserAgent replaces the User-Agent header, which is "helios-go/" and the version by default.
func WithUserAgent(ua string) ClientOption {
	return func(c *clientConfig) error {
		if ua == "" || !isHeaderValue(ua) {
			return errors.New("helios: WithUserAgent: not a header value")
		}
		c.userAgent = ua
		return nil
	}
}

func newClientConfig(opts []ClientOption) (*clientConfig, error) {
	c := &clientConfig{
		baseURL:      os.Getenv(EnvBaseURL),
		timeout:      defaultTimeout,
		maxRetries:   defaultMaxRetries,
		maxRetryWait: defaultMaxRetryWait,
		userAgent:    "helios-go/" + Version,
	}
	if c.baseURL == "" {
		c.baseURL = defaultBaseURL
	}
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt(c); err != nil {
			return nil, err
		}
	}
	if c.webhookURL == nil {
		_ = WithWebhookURL(os.Getenv(EnvWebhookURL))(c)
	}
	if c.key == nil {
		if err := WithAPIKey(os.Getenv(EnvAPIKey))(c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func cleanAPIKey(key string) (string, error) {
	key = strings.TrimSpace(key)
	if key == "" {
		return "", ErrMissingAPIKey
	}
	if !isHeaderValue(key) {
		return "", errors.New("helios: the API key holds characters that a header cannot carry")
	}
	return key, nil
}

func isHeaderValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// parseBaseURL checks base. Its errors do not repeat it, for it may hold a password.
func parseBaseURL(base string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(base))
	switch {
	case err != nil || u.Opaque != "":
		return nil, errors.New("helios: base URL: not a URL")
	case u.User != nil:
		return nil, errors.New("helios: base URL: must not hold userinfo")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("helios: base URL: must not hold a query or a fragment")
	}
	if problem := checkHTTPS(u); problem != "" {
		return nil, fmt.Errorf("helios: base URL: %s", problem)
	}
	return u, nil
}

// checkHTTPS says what keeps u from being https, or http to a loopback host; "" if nothing does.
func checkHTTPS(u *url.URL) string {
	switch {
	case u.Hostname() == "":
		return "must have a host"
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return ""
	default:
		return "must be https (http only to a loopback host)"
	}
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// newTransport is the transport of a client that was given none. Idle connections end after 15 s, before servers commonly
// close them (60 s): a submit on a connection that is just being closed has an unknown outcome.
func newTransport(timeout time.Duration) http.RoundTripper {
	base, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport // somebody put their own there, and means it
	}
	t := base.Clone()
	t.DialContext = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext
	t.TLSHandshakeTimeout = 10 * time.Second
	if timeout == 0 { // else the attempt's timeout bounds this too
		t.ResponseHeaderTimeout = defaultTimeout
	}
	t.IdleConnTimeout = 15 * time.Second
	t.MaxIdleConnsPerHost = 32
	return t
}
