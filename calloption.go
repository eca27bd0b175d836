package helios

import (
	"net/http"
	"strings"
	"time"
)

// A CallOption changes one Submit or [Client.Do]. It overrides the client's
// options; of two that set the same thing, the later one wins. A nil option
// does nothing.
type CallOption func(*callConfig) error

type callConfig struct {
	timeout     time.Duration
	maxRetries  int
	extraHeader http.Header
}

// CallTimeout bounds each attempt of this call, as [WithTimeout] does for all
// calls.
func CallTimeout(d time.Duration) CallOption {
	return func(c *callConfig) error {
		if d < 0 {
			return &argumentError{"CallTimeout: negative duration", nil}
		}
		c.timeout = d
		return nil
	}
}

// CallMaxRetries limits how often this call is retried, as [WithMaxRetries]
// does for all calls.
func CallMaxRetries(n int) CallOption {
	return func(c *callConfig) error {
		if n < 0 {
			return &argumentError{"CallMaxRetries: negative number", nil}
		}
		c.maxRetries = n
		return nil
	}
}

// CallHeader adds a header to each attempt of this call; if it is given several
// times for one key, each value is sent. Put no health data there: headers end
// up in logs. Headers that this package or net/http sets are refused, and so is
// Idempotency-Key: the API does not support it, and net/http resends requests
// that carry one on its own.
func CallHeader(key, value string) CallOption {
	return func(c *callConfig) error {
		key := http.CanonicalHeaderKey(key)
		switch {
		case !isHeaderName(key):
			return &argumentError{"CallHeader: the key is not a header name", nil}
		case !isHeaderValue(value):
			return &argumentError{"CallHeader: " + key + ": not a header value", nil}
		}
		for _, reserved := range reservedHeaders {
			if key == reserved {
				return &argumentError{"CallHeader: " + key + ": cannot be set by a call", nil}
			}
		}

		if c.extraHeader == nil {
			c.extraHeader = make(http.Header)
		}
		c.extraHeader.Add(key, value)
		return nil
	}
}

var reservedHeaders = []string{
	keyHeader, "Idempotency-Key", "X-Idempotency-Key",
	"Accept", "Content-Type", "User-Agent", "Cookie", "Authorization",
	"Host", "Content-Length", "Transfer-Encoding", "Content-Encoding", "Accept-Encoding",
	"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Te", "Trailer", "Upgrade", "Expect",
}

const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// isHeaderName reports whether s is a token of RFC 9110.
func isHeaderName(s string) bool {
	return s != "" && strings.Trim(s, alphanumeric+"!#$%&'*+-.^_`|~") == ""
}

// newCallConfig returns the client's settings with the call's own over them.
func (a *api) newCallConfig(opts []CallOption) (callConfig, error) {
	c := callConfig{timeout: a.timeout, maxRetries: a.maxRetries}
	if len(opts) == 0 {
		return c, nil
	}
	return c.with(opts)
}

func (c callConfig) with(opts []CallOption) (callConfig, error) {
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt(&c); err != nil {
			return callConfig{}, err
		}
	}
	return c, nil
}
