package helios_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// TestSubmit_FailuresAreNamed: before a connection in the words of what failed,
// after it in words that the other side cannot have written.
func TestSubmit_FailuresAreNamed(t *testing.T) {
	t.Parallel()
	after := func(err error) http.RoundTripper {
		return transportFunc(func(req *http.Request) (*http.Response, error) {
			write(req)
			return nil, err
		})
	}
	dialing := func(err error) http.RoundTripper {
		return &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, err }}
	}
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	lookup := func(e net.DNSError) error { e.Name = "api.example"; return dial(&e) }
	untrusted := func(err error) http.RoundTripper { return dialing(&tls.CertificateVerificationError{Err: err}) }
	for name, tt := range map[string]struct {
		transport http.RoundTripper
		text      string
	}{
		"a dialer of the caller's own": {
			dialing(errors.New("no route with secret")),
			submitPath + "no connection was made; unwrap this error for its cause",
		},
		"a dial that the system refused": {
			dialing(dial(syscall.ECONNREFUSED)), submitPath + "dial tcp: " + syscall.ECONNREFUSED.Error(),
		},
		"a dial in time":    {dialing(dial(context.DeadlineExceeded)), submitPath + "dial tcp: no answer in time"},
		"a dial of another": {dialing(dial(errors.New("secret"))), submitPath + "dial tcp: failed"},
		"no such host": {
			dialing(lookup(net.DNSError{Err: "secret", IsNotFound: true})),
			submitPath + "lookup api.example: no such host",
		},
		"no answer of the resolver": {
			dialing(lookup(net.DNSError{Err: "secret", IsTimeout: true})),
			submitPath + "lookup api.example: no answer in time",
		},
		"a resolver that fails": {
			dialing(lookup(net.DNSError{Err: "secret", Server: "secret"})), submitPath + "lookup api.example: failed",
		},

		"a certificate of another host": {
			untrusted(x509.HostnameError{Certificate: new(x509.Certificate), Host: "secret"}),
			submitPath + "the server's certificate is not trusted: it is for another host",
		},
		"a certificate that has expired": {
			untrusted(x509.CertificateInvalidError{Reason: x509.Expired, Detail: "secret"}),
			submitPath + "the server's certificate is not trusted: it has expired or is not yet valid",
		},
		"a certificate that may not sign": {
			untrusted(x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign, Detail: "secret"}),
			submitPath + "the server's certificate is not trusted: it is not valid",
		},

		"a read that the system ended": {
			after(&net.OpError{Op: "read", Err: syscall.ECONNRESET}),
			openOutcome + "read: " + syscall.ECONNRESET.Error(),
		},
		"a read that ended otherwise": {
			after(&net.OpError{Op: "read", Err: errors.New("secret")}),
			openOutcome + "the connection broke, or the answer is not HTTP",
		},
		"a number of the system's only": {
			after(syscall.ECONNRESET), openOutcome + "the connection broke, or the answer is not HTTP",
		},
		"a close":                {after(io.EOF), openOutcome + "the connection was closed without a whole answer"},
		"a wait":                 {after(context.DeadlineExceeded), openOutcome + "no answer in time"},
		"a wait of a connection": {after(os.ErrDeadlineExceeded), openOutcome + "no answer in time"},
		"a wait for a handshake": {dialing(os.ErrDeadlineExceeded), submitPath + "no connection in time"},
		"words of HTTP after a connection": {
			after(errors.New("Forbidden")), openOutcome + "the connection broke, or the answer is not HTTP",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, "https://api.example", helios.WithMaxRetries(0),
				helios.WithHTTPClient(&http.Client{Transport: tt.transport}))
			err := submitLabs(t, client)
			require.EqualError(t, err, tt.text)
			assertErrorHides(t, err, "secret")
		})
	}
}

func TestSubmit_ProxyThatCannotBeAskedFor(t *testing.T) {
	t.Parallel()
	noProxy := errors.New(`invalid proxy address "http://user:hunter2@proxy"`)
	transport := &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return nil, noProxy }}
	client := newClient(t, "https://api.example", helios.WithHTTPClient(&http.Client{Transport: transport}))
	err := submitLabs(t, client)
	require.ErrorIs(t, err, noProxy)
	assertErrorHides(t, err, "hunter2")
}

// newProxy answers each CONNECT with answer, which is an HTTP response as it is
// written.
func newProxy(t *testing.T, answer string) *url.URL {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	serveConns(t, listener, func(conn net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			_, _ = io.WriteString(conn, answer)
			closeWrite(conn)
		}
	})
	return &url.URL{Scheme: "http", User: url.UserPassword("user", "hunter2"), Host: listener.Addr().String()}
}

// closeWrite ends what the client reads, and reads what it still writes: a
// plain close would reset the connection.
func closeWrite(conn net.Conn) {
	_ = conn.(interface{ CloseWrite() error }).CloseWrite()
	_, _ = io.Copy(io.Discard, conn)
}

// deadProxy is the address of a proxy that has ended.
func deadProxy(t *testing.T) *url.URL {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return &url.URL{Scheme: "http", User: url.UserPassword("user", "hunter2"), Host: listener.Addr().String()}
}

// TestSubmit_Proxies: a proxy that is down or refuses has sent nothing on, so
// the request is tried again. The error says that it was the proxy, and never
// its password.
func TestSubmit_Proxies(t *testing.T) {
	t.Parallel()
	refusal := func(status string) string { return "HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n" }
	for name, tt := range map[string]struct {
		proxy *url.URL
		text  string
	}{
		"down": {deadProxy(t), submitPath + "proxyconnect tcp: dial tcp "},
		"wants a login": {
			newProxy(t, refusal("407 Proxy Authentication Required")),
			submitPath + "the proxy refused to connect: 407 Proxy Authentication Required",
		},
		"forbids": {
			newProxy(t, refusal("403 Forbidden")), submitPath + "the proxy refused to connect: 403 Forbidden",
		},
		"cannot connect": {
			newProxy(t, refusal("502 Bad Gateway")), submitPath + "the proxy refused to connect: 502 Bad Gateway",
		},
		"has words of its own": {
			newProxy(t, refusal("403 user:hunter2 may not")),
			submitPath + "no connection was made; unwrap this error for its cause",
		},
		"closes": {newProxy(t, ""), submitPath + "the connection was closed before the request was sent"},
		"does not speak HTTP": {
			newProxy(t, "hunter2\r\n\r\n"), submitPath + "no connection was made; unwrap this error for its cause",
		},
		"closes after CONNECT": {
			newProxy(t, "HTTP/1.1 200 OK\r\n\r\n"),
			submitPath + "the connection was closed before the request was sent",
		},
	} {
		for how, wrap := range map[string]func(http.RoundTripper) helios.ClientOption{
			"": func(rt http.RoundTripper) helios.ClientOption {
				return helios.WithHTTPClient(&http.Client{Transport: rt})
			},
			" wrapped": func(rt http.RoundTripper) helios.ClientOption { return withTransport(rt.RoundTrip) },
		} {
			t.Run(name+how, func(t *testing.T) {
				t.Parallel()
				transport := &http.Transport{Proxy: http.ProxyURL(tt.proxy)}
				t.Cleanup(transport.CloseIdleConnections)
				var call helios.Call
				client := newClient(t, "https://api.example", helios.WithMaxRetries(1), quickly(), wrap(transport),
					helios.WithObserver(func(_ context.Context, c helios.Call) { call = c }))
				err := submitLabs(t, client)
				require.NotErrorIs(t, err, helios.ErrOutcomeUnknown)
				assert.True(t, strings.HasPrefix(err.Error(), tt.text), "%v", err)
				assertErrorHides(t, err, "hunter2", "user:")
				assert.Equal(t, 2, call.Attempts)
				assert.Equal(t, helios.OutcomeNotSent, call.Outcome)
			})
		}
	}
}

// TestSubmit_TLSFailures: nothing was sent where no secure connection was made.
func TestSubmit_TLSFailures(t *testing.T) {
	t.Parallel()
	http1 := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(http1.Close)
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = discardLog()
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.Config.ErrorLog = discardLog()
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11}
	old.StartTLS()
	t.Cleanup(old.Close)
	silent := newSocketServer(t, func(c *socketConn) { closeWrite(c) })
	https := func(url string) string { return strings.Replace(url, "http:", "https:", 1) }
	for name, tt := range map[string]struct {
		base, text string
		attempts   int
	}{
		"an http port": {https(http1.URL), "the server speaks http, not https", 2},
		"a certificate of nobody": {
			untrusted.URL, "the server's certificate is not trusted: it is signed by an unknown authority", 1,
		},
		"a version that is too old": {
			old.URL, "the server refused the TLS handshake: tls: protocol version not supported", 2,
		},
		"a port that closes": {https(silent.url), "the connection was closed before the request was sent", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := &attemptLog{}
			client := newClient(t, tt.base, helios.WithMaxRetries(1), quickly(), helios.WithLogger(lines.logger()))
			err := submitLabs(t, client)
			require.EqualError(t, err, submitPath+tt.text)
			require.NotErrorIs(t, err, helios.ErrOutcomeUnknown)
			assert.Len(t, lines.all(), tt.attempts)
		})
	}
}

// TestErrors_HideWhatTheyWrap: the query of a URL, however deep it is wrapped,
// stays out of every text.
func TestErrors_HideWhatTheyWrap(t *testing.T) {
	t.Parallel()
	const secret = "token=hunter2"
	inner := &url.Error{Op: "Get", URL: "https://sts.example/?" + secret, Err: errors.New(secret)}
	deep := fmt.Errorf("refresh with %s: %w", secret, &url.Error{
		Op: "Post", URL: "https://u:hunter2@api.example/?" + secret, Err: inner,
	})
	fails := func(read bool) helios.ClientOption {
		return withTransport(func(req *http.Request) (*http.Response, error) {
			if read {
				_, _ = io.Copy(io.Discard, req.Body)
			}
			return nil, deep
		})
	}
	for name, opts := range map[string][]helios.ClientOption{
		"a transport that calls http.Client.Do":                  {fails(false)},
		"a transport that calls http.Client.Do, outcome unknown": {fails(true)},
		"middleware": {helios.WithMiddleware(middleware(func(http.RoundTripper, *http.Request) (*http.Response, error) {
			return nil, deep
		}).wrap)},
		"a key source": {helios.WithAPIKeySource(func(context.Context) (string, error) { return "", deep })},
		"an answer that breaks off": {withTransport(func(req *http.Request) (*http.Response, error) {
			resp, err := answer(200, "")(req)
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), errReader{deep}))
			return resp, err
		})},
		"sent again as asked": {fails(true), helios.WithResubmitOnUnknownOutcome()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := &attemptLog{}
			err := submitLabs(t, newClient(t, "https://api.example",
				append(opts, helios.WithMaxRetries(1), quickly(), helios.WithLogger(lines.logger()))...))
			require.ErrorIs(t, err, inner, "the cause is there for who looks for it")
			assertErrorHides(t, err, "hunter2", "token")
			assert.NotContains(t, lines.String(), "hunter2")
		})
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }
