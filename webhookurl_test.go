package helios

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type webhookParams struct {
	Order string    `url:"order"`
	Page  int       `url:"page,omitempty"`
	Tags  []string  `url:"tag,omitempty"`
	At    time.Time `url:"at,omitempty"`
}

func TestWebhookURL(t *testing.T) {
	order := webhookParams{Order: "o-17"}
	for _, tc := range []struct {
		name, base string
		params     any
		want       string
	}{
		{"adds", "https://api.customer.com/webhook/helios", order, "https://api.customer.com/webhook/helios?order=o-17"},
		{"a pointer", "https://h/p", &order, "https://h/p?order=o-17"},
		{"no path", "https://h", order, "https://h?order=o-17"},
		{"all kinds", "https://h/p", webhookParams{"a", 2, []string{"x", "y"}, time.Date(2025, 1, 15, 0, 0, 0, 0, time.UTC)},
			"https://h/p?at=2025-01-15T00%3A00%3A00Z&order=a&page=2&tag=x&tag=y"},
		{"escapes", "https://h/p", webhookParams{Order: "a&b=c#d é/?+%"}, "https://h/p?order=a%26b%3Dc%23d+%C3%A9%2F%3F%2B%25"},
		{"keeps the query in front, verbatim", "https://h/p?z=1&a=%7e+x&a=b", order, "https://h/p?z=1&a=%7e+x&a=b&order=o-17"},
		{"keeps even what is no query", "https://h/p?a;b=%zz&&=", order, "https://h/p?a;b=%zz&&=&order=o-17"},
		{"keeps a parameter of the same name", "https://h/p?order=old", order, "https://h/p?order=old&order=o-17"},
		{"an empty query", "https://h/p?", order, "https://h/p?order=o-17"},
		{"before a fragment", "https://h/p?a=1#f", order, "https://h/p?a=1&order=o-17#f"},
		{"keeps an escaped path", "https://h/a%2Fb/%7e", order, "https://h/a%2Fb/%7e?order=o-17"},
		{"no parameters", "https://h/p?z=1&a=%7e", nil, "https://h/p?z=1&a=%7e"},
		{"nil pointer", "https://h/p?z=1", (*webhookParams)(nil), "https://h/p?z=1"},
		{"empty struct", "https://h/p?z=1", struct{}{}, "https://h/p?z=1"},
		{"empty struct, no query", "https://h/p", struct{}{}, "https://h/p"},
		{"all omitted", "https://h/p", struct {
			A string `url:"a,omitempty"`
		}{}, "https://h/p"},
		{"with a port", "https://h:8443/p", order, "https://h:8443/p?order=o-17"},
		{"upper-case scheme", "HTTPS://h/p", order, "https://h/p?order=o-17"},
		{"http to localhost", "http://localhost:8080/p", order, "http://localhost:8080/p?order=o-17"},
		{"http to LOCALHOST", "http://LOCALHOST/p", nil, "http://LOCALHOST/p"},
		{"http to 127.0.0.1", "http://127.0.0.1/p", order, "http://127.0.0.1/p?order=o-17"},
		{"http to all of 127/8", "http://127.8.9.10:1/p", nil, "http://127.8.9.10:1/p"},
		{"http to ::1", "http://[::1]:8080/p", order, "http://[::1]:8080/p?order=o-17"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := WebhookURL(tc.base, tc.params)
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestWebhookURLParsesBack(t *testing.T) {
	want := webhookParams{Order: "o 17/ü&=?#%", Page: 3, Tags: []string{"a,b", "", "c;d"}, At: time.Date(2025, 1, 15, 1, 2, 3, 0, time.FixedZone("", 3600))}
	got, err := WebhookURL("https://h/p?tenant=7", want)
	require.NoError(t, err)
	u, err := url.Parse(got)
	require.NoError(t, err)
	assert.Equal(t, url.Values{"tenant": {"7"}, "order": {want.Order}, "page": {"3"}, "tag": want.Tags, "at": {"2025-01-15T01:02:03+01:00"}}, u.Query())
	assert.Empty(t, checkWebhookURL(got, ""), "and a request takes it")
}

func TestWebhookURLRefuses(t *testing.T) {
	for _, base := range []string{
		"", "s3cret", "/s3cret", "//s3cret/p", "https:", "https://", "https:///s3cret", "https://:443/s3cret", "https:s3cret", "https://?s3cret=1",
		"http://s3cret.example/p", "http://localhost.s3cret.example/", "http://s3cret-localhost/", "http://127.0.0.1.s3cret.example/",
		"http://127.0.0.1@s3cret.example/", "http://s3cret@10.0.0.1/", "http://[::2]/s3cret", "http://0.0.0.0/s3cret", "http://[::]/s3cret",
		"http://128.0.0.1/s3cret", "ftp://localhost/s3cret", "ws://localhost/s3cret", "wss://h/s3cret", "file:///s3cret", "javascript:s3cret",
		"https://h:s3cret/p", "https://h/%zz/s3cret", "https://[::1/s3cret", "https://h/s3cret\x00", "https://h/s3cret\n", " https://h/s3cret", "https://s3 cret/",
	} {
		for name, params := range map[string]any{"nil": nil, "struct": webhookParams{Order: "o-s3cret"}} {
			got, err := WebhookURL(base, params)
			require.Error(t, err, "%q with %s", base, name)
			assert.Empty(t, got, "%q with %s", base, name)
			assert.True(t, strings.HasPrefix(err.Error(), "helios: webhook URL: "), err)
			assert.NotContains(t, err.Error(), "s3", base)
			assert.Len(t, checkWebhookURL(base, ""), 1, "a request refuses it as well: %q", base)
		}
	}
}

type badParam struct{}

var errBadParam = errors.New("bad parameter")

func (badParam) EncodeValues(string, *url.Values) error { return errBadParam }

func TestWebhookURLRefusesParameters(t *testing.T) {
	number := 7
	for name, params := range map[string]any{
		"string": "o-s3cret", "int": 7, "pointer to int": &number, "slice": []string{"o-s3cret"}, "map": map[string]string{"order": "o-s3cret"},
		"url.Values": url.Values{"order": {"o-s3cret"}}, "function": func() {},
	} {
		got, err := WebhookURL("https://h/p", params)
		require.Error(t, err, name)
		assert.Empty(t, got, name)
		assert.True(t, strings.HasPrefix(err.Error(), "helios: "), err)
		assert.NotContains(t, err.Error(), "s3cret", name)
	}
	_, err := WebhookURL("https://h/p", struct{ B badParam }{})
	require.ErrorIs(t, err, errBadParam)
}

func FuzzWebhookURL(f *testing.F) {
	for _, base := range []string{
		"https://h/p", "https://h/p?a=1&b=%7e#f", "https://h?", "http://localhost:1/", "http://evil/", "https://[::1]:8/%2F?a;b", "https://ü/%zz", "https://u:p@h//x?&&", "x", "https://h/a b",
	} {
		f.Add(base, "o-17")
		f.Add(base, "&=?#%+ ü\xff\x00")
	}
	f.Fuzz(func(t *testing.T, base, order string) {
		got, err := WebhookURL(base, struct {
			Order string `url:"order"`
		}{order})
		plain, plainErr := WebhookURL(base, nil)
		if err != nil {
			require.Error(t, plainErr)
			require.Empty(t, got)
			if len(base) > 8 { // shorter ones may stand in the text by chance
				require.NotContains(t, err.Error(), base)
			}
			return
		}
		require.NoError(t, plainErr)
		was, err := url.Parse(base)
		require.NoError(t, err)
		require.Equal(t, was.String(), plain)
		is, err := url.Parse(got)
		require.NoError(t, err, got)
		require.True(t, is.Scheme == "https" || is.Scheme == "http" && isLoopback(is.Hostname()), got)
		require.Equal(t, []any{was.Scheme, was.Host, was.Path, was.Fragment, was.User.String()}, []any{is.Scheme, is.Host, is.Path, is.Fragment, is.User.String()})
		added, ok := strings.CutPrefix(is.RawQuery, was.RawQuery)
		require.True(t, ok, "the query that was there stays in front: %q", got)
		values, err := url.ParseQuery(strings.TrimPrefix(added, "&"))
		require.NoError(t, err)
		require.Equal(t, url.Values{"order": {order}}, values)
		orders := is.Query()["order"] // what its handler sees, however bad the rest is
		require.Equal(t, order, orders[len(orders)-1])
	})
}
