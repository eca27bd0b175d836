package main

import (
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patient returns a doctor for a service and a webhook, which trusts roots.
func newDoctor(t *testing.T, base, webhook string, roots *x509.CertPool) (*doctor, *strings.Builder) {
	t.Helper()
	var text strings.Builder
	env := map[string]string{
		"HELIOS_API_KEY": "sk_live_1", "HELIOS_WEBHOOK_SECRET": "whsec_1",
		"HELIOS_BASE_URL": base, "HELIOS_WEBHOOK_URL": webhook,
	}
	lookup := func(name string) (string, bool) { value, ok := env[name]; return value, ok }
	a := &app{out: newOutput(&text, io.Discard, lookup), settings: settings{env: lookup}}
	return &doctor{app: a, resolver: net.DefaultResolver, dialer: &net.Dialer{}, roots: roots, size: 4096}, &text
}

func TestDoctorOverTLS(t *testing.T) { //nolint:tparallel // its subtests share a server
	t.Parallel()
	var asked http.Header
	service := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Header.Clone()
		http.Redirect(w, r, "https://elsewhere.invalid/", http.StatusFound)
	}))
	defer service.Close()
	roots := x509.NewCertPool()
	roots.AddCert(service.Certificate())

	t.Run("trusted", func(t *testing.T) {
		d, text := newDoctor(t, service.URL, service.URL+"/hook", roots)
		require.Error(t, d.run(t.Context()))
		assert.Contains(t, text.String(), "answers over TLS 1.3")
		assert.Contains(t, text.String(), "ok  certificate:      is trusted")
		assert.Contains(t, text.String(), "302: the URL redirects")
		assert.Empty(t, asked.Get("X-Api-Key"), "the key was sent")
	})

	t.Run("not trusted", func(t *testing.T) {
		d, text := newDoctor(t, service.URL, service.URL+"/hook", x509.NewCertPool())
		require.Error(t, d.run(t.Context()))
		assert.Contains(t, text.String(), "NO  certificate:      its certificate is not trusted")
		assert.Contains(t, text.String(), "NO  API:              127.0.0.1:")
	})
}

func TestDoctorKey(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"sk_live_1": "is set and well-formed", "whsec_1": "does not start with sk_live_", "": "missing API key",
	} {
		d, _ := newDoctor(t, "", "", nil)
		d.app.env = func(string) (string, bool) { return key, true }
		d.app.baseURL = defaultBaseURL
		assert.Contains(t, d.checkKey(t.Context()).Text, want)
	}
}

// A base URL that is wrong is not reported as a wrong webhook URL.
func TestDoctorBaseURL(t *testing.T) {
	t.Parallel()
	d, _ := newDoctor(t, "https://user:hunter2@localhost", "https://api.example.com/", nil)
	api, hook := d.checkAPI(t.Context()), d.checkWebhookURL(t.Context())
	assert.Contains(t, api.Text, "must not hold userinfo")
	assert.True(t, hook.Skipped, hook.Text)
	assert.NotContains(t, api.Text+hook.Text, "hunter2")
}

func TestDoctorProxyLimit(t *testing.T) {
	t.Parallel()
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > 2048 {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
	}))
	defer hook.Close()

	d, text := newDoctor(t, hook.URL, hook.URL, nil)
	require.Error(t, d.run(t.Context()))
	assert.Contains(t, text.String(),
		"413: a proxy or the handler does not accept a body of 4096 bytes: in nginx set client_max_body_size 16m;")
}

func TestClockCheck(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		ahead, took time.Duration
		want        string
		ok          bool
	}{
		"right":         {300 * time.Millisecond, 100 * time.Millisecond, "is right to within 1s", true},
		"a little off":  {-20 * time.Second, 0, "is right to within 20s", true},
		"ahead":         {7 * time.Minute, 0, "this clock is 7m0s ahead", false},
		"behind":        {-2 * time.Minute, 0, "this clock is 2m0s behind", false},
		"a slow answer": {33 * time.Second, 10 * time.Second, "is right", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := clockCheck(test.ahead, test.took)
			assert.Equal(t, test.ok, got.OK)
			assert.Contains(t, got.Text, test.want)
		})
	}
}

func TestPublic(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1::1": true, "10.0.0.1": false, "127.0.0.1": false, "::1": false,
		"192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "203.0.113.9": false, "fd00::1": false,
		"::ffff:10.0.0.1": false, "224.0.0.1": false, "0.0.0.0": false, "fe80::1": false, "2001:db8::1": false,
	} {
		assert.Equal(t, want, public(netip.MustParseAddr(addr)), addr)
	}
}
