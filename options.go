package helios

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"time"
)

const (
	defaultBaseURL      = "https://api.heliosai.health"
	defaultTimeout      = 30 * time.Second
	defaultMaxRetries   = 3
	defaultMaxRetryWait = 30 * time.Second
)

// A ClientOption configures a [Client]. It overrides the environment; of two
// that set the same thing, the later one wins. A nil option does nothing.
type ClientOption func(*clientConfig) error

type clientConfig struct {
	key           func(context.Context) (string, error)
	baseURL       setting
	webhookURL    func() string // a function, so that no printer finds a token in it
	webhookSource string
	httpClient    *http.Client
	middleware    []func(http.RoundTripper) http.RoundTripper
	timeout       time.Duration
	timeoutSet    bool
	maxRetries    int
	maxRetryWait  time.Duration
	resubmit      bool
	plainHTTP     bool
	logger        *slog.Logger
	observe       func(context.Context, Call)
	traceCall     func(context.Context, Call) (context.Context, func(Call))
	userAgent     string
}

// setting is a value together with the option or the variable that gave it.
type setting struct{ source, value string }

// WithAPIKey sets the API key instead of HELIOS_API_KEY. Surrounding white
// space is trimmed; quotes, line breaks and invisible characters are refused.
// With an empty key, [NewClient] returns [ErrMissingAPIKey].
//
// See https://docs.heliosai.health/authentication
func WithAPIKey(key string) ClientOption {
	return func(c *clientConfig) error { return c.setKey("WithAPIKey", key) }
}

func (c *clientConfig) setKey(source, key string) error {
	key, err := cleanAPIKey(source, key)
	if err != nil {
		return err
	}
	c.key = func(context.Context) (string, error) { return key, nil }
	return nil
}

// WithAPIKeySource asks source for the key before every attempt, so that a key
// can be rotated without a restart. source must be safe for concurrent use and
// should cache, since the request waits for it. Its error ends the call, and
// errors.Is finds it; that attempt has sent nothing.
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
			return cleanAPIKey("WithAPIKeySource", key)
		}
		return nil
	}
}

// WithBaseURL sets where the API is, instead of HELIOS_BASE_URL or
// https://api.heliosai.health. It must be https, or http to a loopback host
// (see [WithPlainHTTP]), without userinfo, query or fragment. A path in it is
// kept, before every endpoint's path.
func WithBaseURL(base string) ClientOption {
	return func(c *clientConfig) error { c.baseURL = setting{"WithBaseURL", base}; return nil }
}

// WithWebhookURL sets where results go unless a request says otherwise, instead
// of HELIOS_WEBHOOK_URL. [NewClient] checks it, since a run whose webhook
// arrives nowhere is paid and its result lost: it must be https, with the name
// or the address of a host that can be reached from the internet, and hold no
// fragment, space, quote or $. Where the base URL is a loopback host, as in
// tests, loopback and private hosts are allowed, and http to loopback hosts.
// [WithPlainHTTP] allows http and every host.
func WithWebhookURL(webhook string) ClientOption {
	return func(c *clientConfig) error {
		c.webhookURL, c.webhookSource = func() string { return webhook }, "WithWebhookURL"
		return nil
	}
}

// WithHTTPClient sends through a copy of hc: its Transport and Jar, and its
// Timeout unless [WithTimeout] is given too. The copy follows no redirect. A
// nil Transport means the default one of this package.
//
// The Transport sees the key. A Transport that resends requests on its own
// breaks the promise to pay once. One that wraps another, to trace, log or
// limit, belongs in [WithMiddleware] instead, where this package sees beneath
// it whether a request was sent. With a wrapper given here, it has to rely on
// what the wrapper reports.
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

// WithMiddleware wraps the transport, the first mw outermost: for tracing,
// logs, metrics or limits. If the option is given several times, the later
// middleware is inside. Each attempt passes through it once, without the API
// key, which is added beneath it.
//
// Beneath the middleware this package watches what is really sent, so
// middleware costs none of the certainty that the package doc promises under
// Retries. It must send only through the transport that it wraps, and with the
// context of its request. Middleware that sends again what may have been
// accepted gets an error instead.
func WithMiddleware(mw ...func(http.RoundTripper) http.RoundTripper) ClientOption {
	return func(c *clientConfig) error {
		for _, m := range mw {
			if m == nil {
				return errors.New("helios: WithMiddleware: nil middleware")
			}
		}
		c.middleware = append(c.middleware, mw...)
		return nil
	}
}

// WithPlainHTTP allows http to any host, and webhook URLs with http, loopback
// and private hosts. It is for development against a service in your own
// network, as between containers: the API key and health data then travel
// unencrypted.
func WithPlainHTTP() ClientOption {
	return func(c *clientConfig) error { c.plainHTTP = true; return nil }
}

// WithTimeout bounds one attempt, from the connection to the last byte of the
// answer; 30 s by default. With 0 it is bounded only by the context and by the
// default transport's 30 s for the answer's header. The whole call, attempts
// and waits together, is bounded by its context.
func WithTimeout(d time.Duration) ClientOption {
	return func(c *clientConfig) error {
		if d < 0 {
			return errors.New("helios: WithTimeout: negative duration")
		}
		c.timeout, c.timeoutSet = d, true
		return nil
	}
}

// WithMaxRetries limits how often a request is retried, in the cases that the
// package doc lists under Retries; 3 by default, 0 for never.
func WithMaxRetries(n int) ClientOption {
	return func(c *clientConfig) error {
		if n < 0 {
			return errors.New("helios: WithMaxRetries: negative number")
		}
		c.maxRetries = n
		return nil
	}
}

// WithMaxRetryWait sets the longest wait between two attempts; 30 s by default.
// A Retry-After beyond it is not waited for: the 429 is returned at once. The
// service's documented Retry-After is 60 s, so the default leaves the wait to
// the caller; with WithMaxRetryWait(2*time.Minute) the client waits.
func WithMaxRetryWait(d time.Duration) ClientOption {
	return func(c *clientConfig) error {
		if d < 0 {
			return errors.New("helios: WithMaxRetryWait: negative duration")
		}
		c.maxRetryWait = d
		return nil
	}
}

// WithResubmitOnUnknownOutcome also sends a request again when its outcome is
// unknown. Each time may start, and cost, another run. Use it where a missing
// result costs more than a second run.
func WithResubmitOnUnknownOutcome() ClientOption {
	return func(c *clientConfig) error { c.resubmit = true; return nil }
}

// WithLogger logs one line per attempt at debug level: method, path, status,
// attempt, duration, and the wait before the next. Nothing else is ever logged.
func WithLogger(l *slog.Logger) ClientOption {
	return func(c *clientConfig) error { c.logger = l; return nil }
}

// WithObserver calls fn once after each Submit and [Client.Do], on the caller's
// goroutine and with its context, before the method returns: for metrics. fn
// must be safe for concurrent use, and should be quick.
func WithObserver(fn func(context.Context, Call)) ClientOption {
	return func(c *clientConfig) error { c.observe = fn; return nil }
}

// WithCallTracing calls begin when a Submit or [Client.Do] begins, with what is
// known of the call by then: its Agent, Method and Path. begin returns a
// context for the attempts and the observer, which must be derived from its
// own, and a function that is called once, with the whole Call, right before
// the observer. Use it for a span that is the parent of the attempts' spans.
// Both functions must be quick and safe for concurrent use.
func WithCallTracing(begin func(context.Context, Call) (context.Context, func(Call))) ClientOption {
	return func(c *clientConfig) error {
		if begin == nil {
			return errors.New("helios: WithCallTracing: nil function")
		}
		c.traceCall = begin
		return nil
	}
}

// WithUserAgent replaces the User-Agent header, which is "helios-go/" and the
// version by default.
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
		baseURL:      setting{EnvBaseURL, os.Getenv(EnvBaseURL)},
		timeout:      defaultTimeout,
		maxRetries:   defaultMaxRetries,
		maxRetryWait: defaultMaxRetryWait,
		userAgent:    "helios-go/" + Version,
	}
	if c.baseURL.value == "" {
		c.baseURL.value = defaultBaseURL
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
		c.webhookSource = EnvWebhookURL
	}
	if c.key == nil {
		if err := c.setKey(EnvAPIKey, os.Getenv(EnvAPIKey)); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// cleanAPIKey checks the key that source gave.
func cleanAPIKey(source, key string) (string, error) {
	key, err := cleanSetting(source, key)
	switch {
	case err != nil:
		return "", err
	case key == "":
		return "", ErrMissingAPIKey
	case !isHeaderValue(key):
		return "", &settingError{source, "holds characters that a header cannot carry"}
	}
	return key, nil
}

// isHeaderValue reports whether s consists of printable ASCII.
func isHeaderValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// sameOrigin reports whether two URLs name the same scheme, host and port as
// they are written.
func sameOrigin(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }
