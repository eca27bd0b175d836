package helios_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

type webhookParams struct {
	Order string    `url:"order"`
	Page  int       `url:"page,omitempty"`
	Tags  []string  `url:"tag,omitempty"`
	At    time.Time `url:"at,omitempty"`
}

func TestWebhookURL(t *testing.T) {
	t.Parallel()
	order := webhookParams{Order: "o-17"}
	midnight := time.Date(2025, 1, 15, 0, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		base   string
		params any
		want   string
	}{
		"adds": {
			"https://api.customer.com/webhook/helios", order, "https://api.customer.com/webhook/helios?order=o-17",
		},
		"a pointer": {"https://h/p", &order, "https://h/p?order=o-17"},
		"no path":   {"https://h", order, "https://h?order=o-17"},
		"all kinds": {
			"https://h/p", webhookParams{"a", 2, []string{"x", "y"}, midnight},
			"https://h/p?at=2025-01-15T00%3A00%3A00Z&order=a&page=2&tag=x&tag=y",
		},
		"escapes": {
			"https://h/p", webhookParams{Order: "a&b=c#d é/?+%"}, "https://h/p?order=a%26b%3Dc%23d+%C3%A9%2F%3F%2B%25",
		},
		"keeps the query in front, verbatim": {
			"https://h/p?z=1&a=%7e+x&a=b", order, "https://h/p?z=1&a=%7e+x&a=b&order=o-17",
		},
		"keeps even what is no query": {"https://h/p?a;b=%zz&&=", order, "https://h/p?a;b=%zz&&=&order=o-17"},
		"keeps a parameter of the same name": {
			"https://h/p?order=old", order, "https://h/p?order=old&order=o-17",
		},
		"an empty query":           {"https://h/p?", order, "https://h/p?order=o-17"},
		"white space around it":    {" https://h/p\n", order, "https://h/p?order=o-17"},
		"keeps an escaped path":    {"https://h/a%2Fb/%7e", order, "https://h/a%2Fb/%7e?order=o-17"},
		"no parameters":            {"https://h/p?z=1&a=%7e", nil, "https://h/p?z=1&a=%7e"},
		"nil pointer":              {"https://h/p?z=1", (*webhookParams)(nil), "https://h/p?z=1"},
		"empty struct":             {"https://h/p?z=1", struct{}{}, "https://h/p?z=1"},
		"empty struct, no query":   {"https://h/p", struct{}{}, "https://h/p"},
		"with a port":              {"https://h:8443/p", order, "https://h:8443/p?order=o-17"},
		"upper-case scheme":        {"HTTPS://h/p", order, "https://h/p?order=o-17"},
		"http, for WithPlainHTTP":  {"http://h/p", order, "http://h/p?order=o-17"},
		"http to localhost":        {"http://localhost:8080/p", order, "http://localhost:8080/p?order=o-17"},
		"http to LOCALHOST":        {"http://LOCALHOST/p", nil, "http://LOCALHOST/p"},
		"http to 127.0.0.1":        {"http://127.0.0.1/p", order, "http://127.0.0.1/p?order=o-17"},
		"http to all of 127/8":     {"http://127.8.9.10:1/p", nil, "http://127.8.9.10:1/p"},
		"http to ::1":              {"http://[::1]:8080/p", order, "http://[::1]:8080/p?order=o-17"},
		"all parameters left out":  {"https://h/p", webhookParamsOmitted{}, "https://h/p"},
		"a password stays with it": {"https://u:p@h/p", order, "https://u:p@h/p?order=o-17"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := helios.WebhookURL(tt.base, tt.params)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

type webhookParamsOmitted struct {
	A string `url:"a,omitempty"`
}

func TestWebhookURL_ParsesBack(t *testing.T) {
	t.Parallel()
	want := webhookParams{
		Order: "o 17/ü&=?#%", Page: 3, Tags: []string{"a,b", "", "c;d"},
		At: time.Date(2025, 1, 15, 1, 2, 3, 0, time.FixedZone("", 3600)),
	}
	got, err := helios.WebhookURL("https://h/p?tenant=7", want)
	require.NoError(t, err)
	u, err := url.Parse(got)
	require.NoError(t, err)
	assert.Equal(t, url.Values{
		"tenant": {"7"}, "order": {want.Order}, "page": {"3"}, "tag": want.Tags, "at": {"2025-01-15T01:02:03+01:00"},
	}, u.Query())
}

func TestWebhookURL_Refuses(t *testing.T) {
	t.Parallel()
	for _, base := range []string{
		"", "s3cret", "/s3cret", "//s3cret/p", "https:", "https://", "https:///s3cret", "https://:443/s3cret",
		"https:s3cret", "https://?s3cret=1", "https://h/s3cret#f", "https://h/s3cret#", "https://h:0/s3cret",
		"https://h:99999/s3cret", "https://$HOST/s3cret", "https://h/s3cret'", "https://127.1/s3cret",
		"https://0x7f.1/s3cret", "https://2130706433/s3cret", "https://h..x/s3cret", "https://s3crét/",
		"ftp://localhost/s3cret", "ws://localhost/s3cret", "wss://h/s3cret", "file:///s3cret", "javascript:s3cret",
		"https://h:s3cret/p", "https://h/%zz/s3cret", "https://[::1/s3cret", "https://h/s3cret\x00",
		"https://h/s3cret\nx", "https://s3 cret/",
	} {
		for name, params := range map[string]any{"nil": nil, "struct": webhookParams{Order: "o-s3cret"}} {
			got, err := helios.WebhookURL(base, params)
			require.Error(t, err, "%q with %s", base, name)
			assert.Empty(t, got, "%q with %s", base, name)
			assert.True(t, strings.HasPrefix(err.Error(), "helios: webhook URL: "), err)
			assert.NotContains(t, err.Error(), "s3", base)
		}
	}
}

type badParam struct{}

var errBadParam = errors.New("bad parameter")

func (badParam) EncodeValues(string, *url.Values) error { return errBadParam }

func TestWebhookURL_RefusesParameters(t *testing.T) {
	t.Parallel()
	number := 7
	for name, params := range map[string]any{
		"string": "o-s3cret", "int": 7, "pointer to int": &number, "slice": []string{"o-s3cret"},
		"map": map[string]string{"order": "o-s3cret"}, "url.Values": url.Values{"order": {"o-s3cret"}},
		"function": func() {},
	} {
		got, err := helios.WebhookURL("https://h/p", params)
		require.Error(t, err, name)
		assert.Empty(t, got, name)
		assert.True(t, strings.HasPrefix(err.Error(), "helios: "), err)
		assert.NotContains(t, err.Error(), "s3cret", name)
	}
	_, err := helios.WebhookURL("https://h/p", struct{ B badParam }{})
	require.ErrorIs(t, err, errBadParam)
}

// Webhook URLs as they arrive from variables, shells and templates, and what is
// wrong with them. (Hosts have a table of their own: TestWebhookHosts.)
var spoiledWebhooks = map[string]string{
	`https://x.example/hook"`:         "is in quotes, or ends in one; remove them",
	`"https://x.example/hook"`:        "is in quotes, or ends in one; remove them",
	`'https://x.example/hook'`:        "is in quotes, or ends in one; remove them",
	`https://x.example/ho"ok`:         `holds '"', which no URL may`,
	"https://x.example/ho`ok":         "holds '`', which no URL may",
	"https://x.example/ho'ok":         `holds '\'', which no URL may`,
	"https://x.example/hook#frag":     "must not hold a fragment (#)",
	"https://x.example/hook#":         "must not hold a fragment (#)",
	"https://x.example/a b?c=d":       "holds a space; write %20",
	"https://x.example/hook?c=d e":    "holds a space; write %20",
	"https://x.example/$TENANT/hook":  unset,
	"https://x.example/hook?t=$(id)":  unset,
	"https://x.example/{{ .Tenant }}": `holds '{', which no URL may`,
	"https://x.example/<tenant>":      `holds '<', which no URL may`,
	"https://x.example/a|b":           `holds '|', which no URL may`,
	"https://x.example/hook\u200b":    "holds an invisible character (U+200B)",
	"\ufeffhttps://x.example/hook":    "holds a byte order mark (U+FEFF); save the file without it",
	"https://x.example/hook\x00":      "holds a NUL byte",
	"https://x.example/ho\nok":        "holds a control character (U+000A)",
	"https://x.example/ho\tok":        "holds a control character (U+0009)",
	"https://x.example/hook\x7f":      "holds a control character (U+007F)",
	"https://x.example/ho\xffok":      "is not UTF-8",
	"https://x.example/größe":         notASCII,
	"https://x.example/%zz":           "is not a URL",
	"https:x.example/hook":            "is not a URL",
	"x.example/hook":                  "must be https",
	"/hook":                           "must be https",
	"//x.example/hook":                "must be https",
	"ftp://x.example/hook":            "must be https",
	"wss://x.example/hook":            "must be https",
	"mailto:ops@x.example":            "is not a URL",
	"http://x.example/hook":           "must be https (http only between loopback hosts, or with WithPlainHTTP)",
	"HTTP://x.example/hook":           "must be https (http only between loopback hosts, or with WithPlainHTTP)",
	"https//x.example/hook":           "must be https",
	"https:/x.example/hook":           "must have a host",
	"https:///x.example":              "must have a host",
	"https://us er@x/y.test":          "holds a space; write %20",
}

// TestWithWebhookURL_Spoiled: such a run would be paid and its result lost, so
// NewClient refuses the setting and Submit the request.
func TestWithWebhookURL_Spoiled(t *testing.T) {
	client := newClient(t, "https://api.example", sendsNothing(t))
	for webhook, problem := range spoiledWebhooks {
		_, err := helios.NewClient(helios.WithAPIKey(testKey), helios.WithWebhookURL(webhook))
		require.EqualError(t, err, "helios: WithWebhookURL: "+problem, "%q", webhook)
		assertWebhookProblem(t, client, webhook, problem)

		if strings.Contains(webhook, "\x00") {
			continue // the environment cannot hold it
		}
		t.Setenv(helios.EnvWebhookURL, webhook)
		_, err = helios.NewClient(helios.WithAPIKey(testKey))
		require.EqualError(t, err, "helios: HELIOS_WEBHOOK_URL: "+problem, "%q", webhook)
	}
}

func TestWebhookURL_WhiteSpaceIsCutOff(t *testing.T) {
	t.Parallel()
	server := newRecorder(t, 200, acceptedBody)
	for _, webhook := range []string{testHook + " ", "\t" + testHook, testHook + "\r\n", "\u00a0" + testHook} {
		client := newClient(t, server.URL, helios.WithWebhookURL(webhook))
		assert.Equal(t, testHook, client.WebhookURL(), "%q", webhook)
		require.NoError(t, submitLabs(t, client))
		assert.Contains(t, string(server.body), `"webhookUrl":"`+testHook+`"`)

		req := labs()
		req.WebhookURL = webhook
		_, err := newClient(t, server.URL).LabResults.Submit(t.Context(), req)
		require.NoError(t, err)
		assert.Contains(t, string(server.body), `"webhookUrl":"`+testHook+`"`)
		assert.Equal(t, webhook, req.WebhookURL, "the caller's request is not changed")
	}
}

func TestSubmit_NoWebhookURLAnywhere(t *testing.T) {
	clearEnvironment(t)
	client, err := helios.NewClient(helios.WithAPIKey(testKey), sendsNothing(t))
	require.NoError(t, err)
	require.EqualError(t, submitLabs(t, client), "helios: invalid request: webhookUrl: is required: "+
		"set it in the request, with WithWebhookURL or in HELIOS_WEBHOOK_URL")
}

// TestWebhookURL_Schemes: http is for servers on one machine, or for those who
// ask for it.
func TestWebhookURL_Schemes(t *testing.T) {
	t.Parallel()
	const mustBeHTTPS = "must be https (http only between loopback hosts, or with WithPlainHTTP)"
	for name, tt := range map[string]struct {
		base, webhook string
		opts          []helios.ClientOption
		problem       string
	}{
		"loopback to loopback": {base: "http://127.0.0.1:1", webhook: "http://localhost:8080/hook"},
		"https to loopback":    {base: "https://localhost:1", webhook: "http://[::1]:8080/hook"},
		"loopback to a network": {
			base: "http://localhost:1", webhook: "http://10.0.0.5/hook", problem: mustBeHTTPS,
		},
		"loopback to a network over TLS": {base: "http://localhost:1", webhook: "https://10.0.0.5/hook"},
		"loopback to the internet": {
			base: "http://localhost:1", webhook: "http://x.example/hook", problem: mustBeHTTPS,
		},
		"the internet": {base: "https://api.example", webhook: "http://x.example/hook", problem: mustBeHTTPS},
		"the internet, as asked": {
			base: "https://api.example", webhook: "http://x.example/hook",
			opts: []helios.ClientOption{helios.WithPlainHTTP()},
		},
		"between containers, as asked": {
			base: "http://helios:8080", webhook: "http://app:9090/hook",
			opts: []helios.ClientOption{helios.WithPlainHTTP()},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, tt.base, append(tt.opts, sendsNothing(t))...)
			assertWebhookProblem(t, client, tt.webhook, tt.problem)
		})
	}
}

func FuzzWebhookURL(f *testing.F) {
	for _, base := range []string{
		"https://h/p", "https://h/p?a=1&b=%7e#f", "https://h?", "http://localhost:1/", "http://evil/",
		"https://[::1]:8/%2F?a;b", "https://ü/%zz", "https://u:p@h//x?&&", "x", "https://h/a b",
	} {
		f.Add(base, "o-17")
		f.Add(base, "&=?#%+ ü\xff\x00")
	}
	f.Fuzz(func(t *testing.T, base, order string) {
		got, err := helios.WebhookURL(base, struct {
			Order string `url:"order"`
		}{order})
		plain, plainErr := helios.WebhookURL(base, nil)
		if err != nil {
			require.Error(t, plainErr)
			require.Empty(t, got)
			if len(base) > 8 { // shorter ones may stand in the text by chance
				require.NotContains(t, err.Error(), base)
			}
			return
		}

		require.NoError(t, plainErr)
		was, err := url.Parse(strings.TrimSpace(base))
		require.NoError(t, err)
		require.Equal(t, was.String(), plain)
		is, err := url.Parse(got)
		require.NoError(t, err, got)
		require.Equal(t, []any{was.Scheme, was.Host, was.Path, was.Fragment, was.User.String()},
			[]any{is.Scheme, is.Host, is.Path, is.Fragment, is.User.String()})

		added, ok := strings.CutPrefix(is.RawQuery, was.RawQuery)
		require.True(t, ok, "the query that was there stays in front: %q", got)
		values, err := url.ParseQuery(strings.TrimPrefix(added, "&"))
		require.NoError(t, err)
		require.Equal(t, url.Values{"order": {order}}, values)
		orders := is.Query()["order"] // what its handler sees, however bad the rest is
		require.Equal(t, order, orders[len(orders)-1])
	})
}

// FuzzWebhookHost: what Validate lets through leads to the internet, by the
// rules of net/netip.
func FuzzWebhookHost(f *testing.F) {
	for host := range webhookHosts {
		f.Add(host)
	}
	client := newClient(f, "https://api.example", sendsNothing(f))
	f.Fuzz(func(t *testing.T, host string) {
		req := labs()
		req.WebhookURL = "https://" + host + "/hook"
		if client.LabResults.Validate(req) != nil {
			return
		}
		u, err := url.Parse(strings.TrimSpace(req.WebhookURL))
		require.NoError(t, err)
		require.Empty(t, u.Fragment)
		requireReachable(t, u.Hostname())
	})
}
