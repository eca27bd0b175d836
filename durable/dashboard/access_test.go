package dashboard

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/durable/dashboard/internal/enginetest"
)

var everyPage = []string{
	"",
	"submissions",
	"submission?key=order-4701",
	"dead-letters",
	"confirm?action=cancel&key=order-4701",
	"no-such-page",
}

func TestAuthorize_Refused(t *testing.T) {
	t.Parallel()
	c := newConsole(func(o *Options) {
		o.ShowResults = true
		o.Authorize = func(*http.Request) (string, bool) { return "mallory", false }
	})
	for _, path := range everyPage {
		got := c.get(t, path)
		assert.Equal(t, http.StatusForbidden, got.StatusCode, path)
		assert.Contains(t, got.text, "You do not have access to this dashboard")
		assert.NotContains(t, got.text, "order-")
	}
	assert.Contains(
		t,
		c.log.String(),
		`msg="helios: dashboard: request refused" user=mallory remote=127.0.0.1:50000 method=GET path=/submissions`,
	)

	form := newConsole().confirmed(t, "action=cancel&key=order-4701")
	assert.Equal(t, http.StatusForbidden, c.post(t, form).StatusCode)
	assert.Empty(t, c.engine.Calls())

	assert.Equal(t, http.StatusOK, c.get(t, "style.css").StatusCode, "the refusal has its style")
}

func TestLocalOnly(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		remote, host string
		header       string
		status       int
	}{
		{"this machine", "127.0.0.1:1", "localhost:8080", "", 200},
		{"another loopback address", "127.8.9.1:1", "127.0.0.1", "", 200},
		{"this machine, IPv6", "[::1]:1", "[::1]:8080", "", 200},
		{"IPv6 without a port", "[::1]:1", "[::1]", "", 200},
		{"IPv4 in IPv6", "[::ffff:127.0.0.1]:1", "localhost", "", 200},
		{"another machine", "10.0.0.7:1", "localhost", "", 403},
		{"another machine, IPv6", "[2001:db8::7]:1", "localhost", "", 403},
		{"a name that resolves to this machine", "127.0.0.1:1", "attacker.example", "", 403},
		{"a name that begins like it", "127.0.0.1:1", "localhost.attacker.example", "", 403},
		{"the machine's own address", "127.0.0.1:1", "10.0.0.7:8080", "", 403},
		{"no address", "", "localhost", "", 403},
		{"a Unix socket", "@", "localhost", "", 403},
		{"no host", "127.0.0.1:1", "", "", 403},
		{"a proxy that says so", "127.0.0.1:1", "localhost", "X-Forwarded-For", 403},
		{"a proxy that says so in the standard's way", "127.0.0.1:1", "localhost", "Forwarded", 403},
		{"a proxy that names itself", "127.0.0.1:1", "localhost", "Via", 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newConsole(localOnly)
			r := httptest.NewRequest(http.MethodGet, "/submissions", nil)
			r.RemoteAddr, r.Host = tt.remote, tt.host
			if tt.header != "" {
				r.Header.Set(tt.header, "203.0.113.9")
			}

			got := c.ask(t, r)

			assert.Equal(t, tt.status, got.StatusCode)
			assert.Equal(t, tt.status == 200, c.log.Len() == 0, "a refusal is logged")
			if tt.status != 200 {
				assert.NotContains(t, got.text, "order-")
			}
		})
	}
}

func TestLocalOnly_IsReadOnly(t *testing.T) {
	t.Parallel()
	c := newConsole(localOnly)
	for _, path := range []string{"", "submissions?state=queued", "submission?key=order-4706", "dead-letters"} {
		got := c.get(t, path)
		assert.Equal(t, http.StatusOK, got.StatusCode)
		assert.Contains(t, got.text, "Read-only, and available on this machine only.", path)
		assert.NotContains(t, got.html, "confirm?", path)
		assert.NotContains(t, got.html, enginetest.HealthData, path)
	}
	assert.Equal(t, http.StatusForbidden, c.get(t, "confirm?action=cancel&key=order-4701").StatusCode)

	form := newConsole().confirmed(t, "action=cancel&key=order-4701")
	got := c.post(t, form)
	assert.Equal(t, http.StatusForbidden, got.StatusCode)
	assert.Contains(t, got.text, "This dashboard is read-only")
	assert.Empty(t, c.engine.Calls())
}

func TestCrossSite(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		header map[string]string
		status int
	}{
		{"a form of another site", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"a form of another port", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		{"an old browser on another site", map[string]string{"Origin": "https://attacker.example"}, 403},
		{"an old browser that hides where it is", map[string]string{"Origin": "null"}, 403},
		{"an old browser on the dashboard", map[string]string{"Origin": "http://localhost"}, 303},
		{"the dashboard", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, 303},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newConsole()
			r := newPost(c.confirmed(t, "action=cancel&key=order-4701"))
			r.Header.Del("Sec-Fetch-Site")
			for name, value := range tt.header {
				r.Header.Set(name, value)
			}

			got := c.ask(t, r)

			assert.Equal(t, tt.status, got.StatusCode)
			if tt.status == 403 {
				assert.Contains(t, got.text, "This request came from another site")
				assert.Empty(t, c.engine.Calls())
				assert.Contains(t, c.log.String(), "cross-site request refused")
			} else {
				assert.Equal(t, []string{"cancel order-4701"}, c.engine.Calls())
			}
		})
	}
}
