package helios_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// clearEnvironment unsets what NewClient reads, so that the test is not
// parallel.
func clearEnvironment(t *testing.T) {
	for _, name := range []string{helios.EnvAPIKey, helios.EnvBaseURL, helios.EnvWebhookURL} {
		t.Setenv(name, "")
	}
}

func TestNewClient_Environment(t *testing.T) {
	t.Run("missing key", func(t *testing.T) {
		clearEnvironment(t)
		_, err := helios.NewClient()
		require.ErrorIs(t, err, helios.ErrMissingAPIKey)
		t.Setenv(helios.EnvAPIKey, " \n")
		_, err = helios.NewClient()
		require.ErrorIs(t, err, helios.ErrMissingAPIKey)
		t.Setenv(helios.EnvAPIKey, testKey)
		_, err = helios.NewClient(helios.WithAPIKey(""))
		require.ErrorIs(t, err, helios.ErrMissingAPIKey, "an empty option does not fall back")
	})
	t.Run("everything from the environment", func(t *testing.T) {
		clearEnvironment(t)
		server := newRecorder(t, 200, acceptedBody)
		t.Setenv(helios.EnvAPIKey, "\t"+testKey+"\r\n")
		t.Setenv(helios.EnvBaseURL, " "+server.URL+"/prefix/\n")
		t.Setenv(helios.EnvWebhookURL, testHook+" ")
		client, err := helios.NewClient()
		require.NoError(t, err)
		t.Cleanup(client.CloseIdleConnections)

		require.NoError(t, submitLabs(t, client))
		assert.Equal(t, "/prefix/api/v1/lab-results", server.uri)
		assert.Equal(t, testKey, server.header.Get("x-api-key"))
		assert.Contains(t, string(server.body), `"`+testHook+`"`)
	})
	t.Run("options win", func(t *testing.T) {
		clearEnvironment(t)
		server := newRecorder(t, 200, acceptedBody)
		t.Setenv(helios.EnvAPIKey, "sk_live_other")
		t.Setenv(helios.EnvBaseURL, "https://other.example")
		t.Setenv(helios.EnvWebhookURL, "https://other.example")
		client := newClient(t, server.URL, nil, helios.WithUserAgent("app/1"))

		require.NoError(t, submitLabs(t, client))
		assert.Equal(t, testKey, server.header.Get("x-api-key"))
		assert.Equal(t, "app/1", server.header.Get("User-Agent"))
		assert.Contains(t, string(server.body), testHook)
	})
	t.Run("options win over bad variables", func(t *testing.T) {
		clearEnvironment(t)
		t.Setenv(helios.EnvAPIKey, `"sk_live_other"`)
		t.Setenv(helios.EnvBaseURL, "http://other.example")
		t.Setenv(helios.EnvWebhookURL, "http://localhost")
		newClient(t, "https://api.example")
	})
	t.Run("default base URL", func(t *testing.T) {
		clearEnvironment(t)
		client, err := helios.NewClient(helios.WithAPIKey(testKey))
		require.NoError(t, err)
		assert.Equal(t, "helios.Client{https://api.heliosai.health}", fmt.Sprint(client))
	})
}

// Keys and addresses as files, shells and word processors spoil them.
var spoiled = map[string]struct{ before, after, problem string }{
	"in quotes, as docker --env-file keeps them": {`"`, `"`, "quotes"},
	"in single quotes":                           {`'`, `'`, "quotes"},
	"in backquotes":                              {"`", "`", "quotes"},
	"ending in a quote":                          {"", `"`, "quote"},
	"in quotes, with white space around":         {"\t\"", "\" \n", "quotes"},
	"ending in a zero-width space":               {"", "\u200b", "U+200B"},
	"beginning with a byte order mark":           {"\ufeff", "", "U+FEFF"},
	"beginning with a mark of direction":         {"\u202a", "", "U+202A"},
	"ending in NUL":                              {"", "\x00", "NUL"},
	"with a line break":                          {"", "\nsecret", "U+000A"},
	"with a carriage return":                     {"", "\rsecret", "U+000D"},
	"with a tab":                                 {"", "\tsecret", "U+0009"},
	"with DEL":                                   {"", "\x7fsecret", "U+007F"},
	"not UTF-8":                                  {"", "\xff", "UTF-8"},
}

// spoiledSettings are the options and the variables that hold a key or an
// address.
var spoiledSettings = []struct {
	name, value string
	option      func(string) helios.ClientOption // nil: a variable
}{
	{"WithAPIKey", "sk_live_secret", helios.WithAPIKey},
	{"WithBaseURL", "https://secret.example", helios.WithBaseURL},
	{"WithWebhookURL", "https://hooks.example/secret", helios.WithWebhookURL},
	{helios.EnvAPIKey, "sk_live_secret", nil},
	{helios.EnvBaseURL, "https://secret.example", nil},
	{helios.EnvWebhookURL, "https://hooks.example/secret", nil},
}

// TestNewClient_SpoiledSettings: NewClient says which setting is wrong and what
// is wrong with it, and never repeats the value.
func TestNewClient_SpoiledSettings(t *testing.T) {
	for how, tt := range spoiled {
		for _, setting := range spoiledSettings {
			if setting.option == nil && tt.after == "\x00" {
				continue // the environment cannot hold it
			}
			t.Run(setting.name+" "+how, func(t *testing.T) {
				clearEnvironment(t)
				t.Setenv(helios.EnvAPIKey, testKey)
				value := tt.before + setting.value + tt.after
				var opts []helios.ClientOption
				if setting.option != nil {
					opts = append(opts, setting.option(value))
				} else {
					t.Setenv(setting.name, value)
				}

				client, err := helios.NewClient(opts...)
				require.Error(t, err)
				assert.Nil(t, client)
				assert.Contains(t, err.Error(), "helios: "+setting.name+": ")
				assert.Contains(t, err.Error(), tt.problem)
				assertErrorHides(t, err, "secret")
			})
		}
	}
}

func TestNewClient_RefusesBadOptions(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]helios.ClientOption{
		"key that is not ASCII":    helios.WithAPIKey("sk_live_secret\u00e9"),
		"nil key source":           helios.WithAPIKeySource(nil),
		"plain http":               helios.WithBaseURL("http://api.example"),
		"host that begins well":    helios.WithBaseURL("http://localhost.evil.example"),
		"address that seems near":  helios.WithBaseURL("http://128.0.0.1"),
		"no host":                  helios.WithBaseURL("https://"),
		"no host, but a port":      helios.WithBaseURL("https://:443"),
		"no scheme":                helios.WithBaseURL("api.example"),
		"empty":                    helios.WithBaseURL(" "),
		"opaque":                   helios.WithBaseURL("https:api.example"),
		"another scheme":           helios.WithBaseURL("ftp://api.example"),
		"userinfo":                 helios.WithBaseURL("https://user:sk_live_secret@api.example"),
		"broken userinfo":          helios.WithBaseURL("https://user:sk_live_secret%zz@api.example"),
		"query":                    helios.WithBaseURL("https://api.example?key=sk_live_secret"),
		"empty query":              helios.WithBaseURL("https://api.example?"),
		"fragment":                 helios.WithBaseURL("https://api.example#sk_live_secret"),
		"variable in the host":     helios.WithBaseURL("https://$SECRET.secret.example"),
		"space in the host":        helios.WithBaseURL("https://secret example"),
		"port 0":                   helios.WithBaseURL("https://api.example:0"),
		"port 65536":               helios.WithBaseURL("https://api.example:65536"),
		"port without a number":    helios.WithBaseURL("https://api.example:secret"),
		"host with empty label":    helios.WithBaseURL("https://secret..example"),
		"IPv4 in short":            helios.WithBaseURL("http://127.1"),
		"nil HTTP client":          helios.WithHTTPClient(nil),
		"nil middleware":           helios.WithMiddleware(nil),
		"middleware that is empty": helios.WithMiddleware(func(http.RoundTripper) http.RoundTripper { return nil }),
		"negative timeout":         helios.WithTimeout(-1),
		"negative retries":         helios.WithMaxRetries(-1),
		"negative wait":            helios.WithMaxRetryWait(-1),
		"empty user agent":         helios.WithUserAgent(""),
		"user agent with a break":  helios.WithUserAgent("a\r\nb"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := helios.NewClient(helios.WithAPIKey(testKey), opt)
			require.Error(t, err)
			assert.Nil(t, client)
			assertErrorHides(t, err, "secret", "SECRET")
		})
	}
}

func TestWithBaseURL_Accepts(t *testing.T) {
	t.Parallel()
	for _, base := range []string{
		"https://api.example", "HTTPS://API.example", " https://api.example\n", "https://api.example:8443/v1",
		"https://10.0.0.5", "https://helios", "https://[fe80::1%25eth0]", "http://localhost:1", "http://api.localhost",
		"http://127.0.0.2", "http://[::1]:80/x", "http://[::ffff:127.0.0.1]",
	} {
		_, err := helios.NewClient(helios.WithAPIKey(testKey), helios.WithBaseURL(base))
		assert.NoError(t, err, base)
	}
}

func TestWithPlainHTTP(t *testing.T) {
	t.Parallel()
	var sent *http.Request
	client, err := helios.NewClient(helios.WithAPIKey(testKey), helios.WithPlainHTTP(),
		helios.WithBaseURL("http://helios:8080"), helios.WithWebhookURL("http://app:9090/hook"),
		withTransport(func(req *http.Request) (*http.Response, error) {
			sent = req
			return answer(200, acceptedBody)(req)
		}))
	require.NoError(t, err)
	require.NoError(t, submitLabs(t, client))
	assert.Equal(t, "http://helios:8080/api/v1/lab-results", sent.URL.String())
	assert.Equal(t, testKey, sent.Header.Get("x-api-key"))

	for name, opt := range map[string]helios.ClientOption{
		"another scheme":      helios.WithBaseURL("ftp://helios"),
		"a spoiled base URL":  helios.WithBaseURL("http://helios:99999"),
		"a spoiled webhook":   helios.WithWebhookURL("http://$HOST/hook"),
		"a webhook's port":    helios.WithWebhookURL("http://app:0/hook"),
		"a webhook's scheme":  helios.WithWebhookURL("ws://app/hook"),
		"a webhook's address": helios.WithWebhookURL("http://127.1/hook"),
	} {
		_, err := helios.NewClient(helios.WithAPIKey(testKey), helios.WithPlainHTTP(), opt)
		assert.Error(t, err, "%s is still refused", name)
	}
}

func TestWithAPIKeySource(t *testing.T) {
	t.Parallel()
	t.Run("asked for every attempt", func(t *testing.T) {
		t.Parallel()
		var seen []string
		attempts := 0
		source := func(context.Context) (string, error) { return fmt.Sprintf(" key-%d\n", attempts), nil }
		client := newClient(t, "https://api.example", quickly(), helios.WithAPIKeySource(source),
			withTransport(func(req *http.Request) (*http.Response, error) {
				seen = append(seen, req.Header.Get("x-api-key"))
				return answering(&attempts, tooMany("0"), answer(200, acceptedBody))(req)
			}))
		require.NoError(t, submitLabs(t, client))
		assert.Equal(t, []string{"key-0", "key-1"}, seen)
	})

	const problem = submitPath + "API key: "
	broken := errors.New("vault is sealed, the secret is lost")
	inner := &url.Error{Op: "Get", URL: "https://vault.example/?token=secret", Err: broken}
	for name, tt := range map[string]struct {
		key    string
		err    error
		target error
		text   string
	}{
		"its error":   {"", broken, broken, problem + "its source failed; unwrap this error for its cause"},
		"a URL's":     {"", inner, broken, problem + "its source failed; unwrap this error for its cause"},
		"no key":      {" ", nil, helios.ErrMissingAPIKey, problem + "it is missing"},
		"a bad key":   {"a\nsk_live_secret", nil, nil, problem + "holds a control character (U+000A)"},
		"in quotes":   {`"secret"`, nil, nil, problem + "is in quotes, or ends in one; remove them"},
		"its context": {"", context.Canceled, context.Canceled, problem + "its source was interrupted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			client := newClient(t, "https://api.example", sendsNothing(t),
				helios.WithAPIKeySource(func(context.Context) (string, error) { asked++; return tt.key, tt.err }))
			err := submitLabs(t, client)
			require.EqualError(t, err, tt.text)
			if tt.target != nil {
				require.ErrorIs(t, err, tt.target)
			}
			require.NotErrorIs(t, err, helios.ErrOutcomeUnknown)
			assertErrorHides(t, err, "secret")
			assert.Equal(t, 1, asked, "asked once, not again after its error")
		})
	}

	t.Run("a context that ends meanwhile sends nothing", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		client := newClient(t, "https://api.example", sendsNothing(t),
			helios.WithAPIKeySource(func(context.Context) (string, error) { cancel(); return testKey, nil }))
		_, err := client.LabResults.Submit(ctx, labs())
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, helios.ErrOutcomeUnknown, "no connection was asked for")
	})
}

func TestWithHTTPClient(t *testing.T) {
	t.Parallel()
	t.Run("is copied", func(t *testing.T) {
		t.Parallel()
		hc := &http.Client{Timeout: time.Minute}
		client := newClient(t, newRecorder(t, 200, acceptedBody).URL, helios.WithHTTPClient(hc))
		require.NoError(t, submitLabs(t, client))
		assert.Nil(t, hc.Transport)
		assert.Nil(t, hc.CheckRedirect)
		assert.Equal(t, time.Minute, hc.Timeout)
	})
	t.Run("its timeout holds unless WithTimeout is given", func(t *testing.T) {
		t.Parallel()
		for _, opts := range [][]helios.ClientOption{nil, {helios.WithTimeout(10 * time.Millisecond)}} {
			hc := &http.Client{Timeout: 20 * time.Millisecond}
			if opts != nil {
				hc.Timeout = time.Hour
			}
			server := newSocketServer(t, func(c *socketConn) { c.read(); c.read() })
			err := submitLabs(t, newClient(t, server.url, append(opts, helios.WithHTTPClient(hc))...))
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
	})
	t.Run("without a timeout the default holds", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var left time.Duration
			transport := withTransport(func(req *http.Request) (*http.Response, error) {
				deadline, ok := req.Context().Deadline()
				require.True(t, ok, "an attempt is bounded")
				left = time.Until(deadline)
				return answer(200, acceptedBody)(req)
			})
			client := newClient(t, "https://api.example", transport)
			require.NoError(t, submitLabs(t, client))
			assert.Equal(t, 30*time.Second, left)
		})
	})
	t.Run("its idle connections stay open, of whatever type it is", func(t *testing.T) {
		t.Parallel()
		closer := &idleCloser{RoundTripper: transportFunc(refusedDial)}
		client := newClient(t, "https://api.example",
			helios.WithHTTPClient(&http.Client{Transport: closer}), helios.WithMaxRetries(0))
		require.Error(t, submitLabs(t, client))
		client.CloseIdleConnections()
		assert.Zero(t, closer.closed.Load())
	})
	t.Run("its idle connections stay open, the client's own do not", func(t *testing.T) {
		t.Parallel()
		for _, tt := range []struct {
			opts        []helios.ClientOption
			connections int32
		}{
			{nil, 2},
			{[]helios.ClientOption{helios.WithHTTPClient(&http.Client{Transport: new(http.Transport)})}, 1},
		} {
			var connections atomic.Int32
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, acceptedBody)
			}))
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					connections.Add(1)
				}
			}
			server.Start()
			t.Cleanup(server.Close)
			client := newClient(t, server.URL, tt.opts...)
			require.NoError(t, submitLabs(t, client))
			client.CloseIdleConnections()
			require.NoError(t, submitLabs(t, client))
			assert.Equal(t, tt.connections, connections.Load())
		}
	})
	t.Run("its cookies stay with their call", func(t *testing.T) {
		t.Parallel()
		var mu sync.Mutex
		var seen []string
		note := transportFunc(func(req *http.Request) (*http.Response, error) {
			mu.Lock()
			seen = append(seen, req.Header.Get("Cookie"))
			mu.Unlock()
			return answer(200, acceptedBody)(req)
		})
		with := newClient(t, "https://api.example",
			helios.WithHTTPClient(&http.Client{Transport: note, Jar: jar{}}))
		without := newClient(t, "https://api.example", withTransport(note))
		for _, client := range []*helios.Client{with, with, without} {
			require.NoError(t, submitLabs(t, client))
		}
		assert.Equal(t, []string{"a=b", "a=b", ""}, seen)
	})
	t.Run("its cookies are sent once with each attempt", func(t *testing.T) {
		t.Parallel()
		var seen []string
		note := transportFunc(func(req *http.Request) (*http.Response, error) {
			seen = append(seen, req.Header.Get("Cookie"))
			return refusedDial(req)
		})
		client := newClient(t, "https://api.example", quickly(), helios.WithMaxRetries(1),
			helios.WithHTTPClient(&http.Client{Transport: note, Jar: jar{}}))
		require.ErrorIs(t, submitLabs(t, client), errRefused)
		assert.Equal(t, []string{"a=b", "a=b"}, seen)
	})
}

type idleCloser struct {
	http.RoundTripper
	closed atomic.Int32
}

func (c *idleCloser) CloseIdleConnections() { c.closed.Add(1) }

// jar has one cookie for every request.
type jar struct{ http.CookieJar }

func (jar) Cookies(*url.URL) []*http.Cookie     { return []*http.Cookie{{Name: "a", Value: "b"}} }
func (jar) SetCookies(*url.URL, []*http.Cookie) {}

func TestWithTimeout_ZeroBoundsNoAttempt(t *testing.T) {
	t.Parallel()
	client := newClient(t, "https://api.example", helios.WithTimeout(0),
		withTransport(func(req *http.Request) (*http.Response, error) {
			_, bounded := req.Context().Deadline()
			assert.False(t, bounded)
			return answer(200, acceptedBody)(req)
		}))
	require.NoError(t, submitLabs(t, client))
}

func TestWithLogger_OneLinePerAttemptByAllowList(t *testing.T) {
	t.Parallel()
	lines := &attemptLog{}
	attempts := 0
	client := newClient(t, "https://api.example/prefix", quickly(), helios.WithLogger(lines.logger()),
		withTransport(answering(&attempts, refusedDial, tooMany("0"), answer(200, acceptedBody))))
	require.NoError(t, submitLabs(t, client))

	all := lines.all()
	require.Len(t, all, 3)
	allowed := []string{"time", "level", "msg", "method", "path", "status", "attempt", "duration", "wait"}
	for i, line := range all {
		assert.ElementsMatch(t, allowed, keys(line))
		assert.Equal(t, "DEBUG", line["level"])
		assert.Equal(t, "POST", line["method"])
		assert.Equal(t, "/api/v1/lab-results", line["path"])
		assert.EqualValues(t, i+1, line["attempt"])
		assert.EqualValues(t, []int{0, 429, 200}[i], line["status"])
	}
	assert.NotZero(t, all[0]["wait"])
	assert.Zero(t, all[2]["wait"])
	for _, secret := range []string{testKey, secretValue, testHook} {
		assert.NotContains(t, lines.String(), secret)
	}
}

func keys(m map[string]any) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	return all
}
