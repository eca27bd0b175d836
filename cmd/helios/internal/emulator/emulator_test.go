package emulator

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// harness is an emulator with a handler that takes everything.
type harness struct {
	*Emulator
	t    *testing.T
	hook string
	mu   sync.Mutex
	seen []Happening
	all  chan Happening // as they happen
}

func newHarness(t *testing.T, config Config) *harness {
	t.Helper()
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(hook.Close)

	h := &harness{t: t, hook: hook.URL, all: make(chan Happening, 1000)}
	config.Addr, config.APIKey, config.StepInterval = "127.0.0.1:0", "sk_live_1", time.Nanosecond
	config.Observe = func(happening Happening) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.seen = append(h.seen, happening)
		h.all <- happening
	}
	e, err := New(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(e.Close)
	h.Emulator = e
	return h
}

func (h *harness) submit(webhook string) (*http.Response, []byte, error) {
	h.t.Helper()
	body := `{"webhookUrl": "` + webhook + `", "labResults": [{"name": "Sodium", "value": "140 mmol/L"}]}`
	req, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost,
		h.URL+"/api/v1/lab-results", strings.NewReader(body))
	require.NoError(h.t, err)
	req.Header.Set("X-Api-Key", "sk_live_1")
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, text, err
}

func (h *harness) wait() []Happening {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	require.NoError(h.t, h.Wait(ctx))
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.seen)
}

func fault(t *testing.T, text string) []Fault {
	t.Helper()
	f, err := ParseFault(text)
	require.NoError(t, err)
	return []Fault{f}
}

func TestFaultsReachTheClient(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		accepted int
		check    func(t *testing.T, resp *http.Response, body []byte, err error)
	}{
		"drop-answer": {1, func(t *testing.T, _ *http.Response, _ []byte, err error) {
			require.ErrorIs(t, err, io.EOF)
		}},
		"half-answer": {1, func(t *testing.T, _ *http.Response, _ []byte, err error) {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		}},
		"reset": {0, func(t *testing.T, _ *http.Response, _ []byte, err error) {
			require.Error(t, err)
			assert.NotErrorIs(t, err, io.EOF)
			assert.True(t, errors.Is(err, syscall.ECONNRESET) || strings.Contains(err.Error(), "forcibly"), err)
		}},
		"status:429": {0, func(t *testing.T, resp *http.Response, body []byte, err error) {
			require.NoError(t, err)
			assert.Equal(t, "60", resp.Header.Get("Retry-After"))
			assert.Equal(t, "7", resp.Header.Get("X-Concurrent-Limit"))
			assert.Contains(t, string(body), `"limit": 7`)
		}},
		"redirect:302": {0, func(t *testing.T, _ *http.Response, _ []byte, err error) {
			require.ErrorContains(t, err, "redirected.invalid")
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, Config{Faults: fault(t, name)})
			resp, body, err := h.submit(h.hook)
			test.check(t, resp, body, err)
			h.wait()
			assert.Equal(t, test.accepted, h.Accepted())
		})
	}
}

func TestHappenings(t *testing.T) {
	t.Parallel()
	h := newHarness(t, Config{})
	_, body, err := h.submit(h.hook + "/?order=hidden")
	require.NoError(t, err)
	assert.Contains(t, string(body), "accepted")

	seen := h.wait()
	require.NotEmpty(t, seen)
	i := slices.IndexFunc(seen, func(h Happening) bool { return h.Type == "request" })
	require.GreaterOrEqual(t, i, 0)
	assert.Equal(t, 200, seen[i].StatusCode)
	assert.NotEmpty(t, seen[i].RunID)
	last := seen[len(seen)-1]
	assert.Equal(t, "completed", last.Event)
	assert.Equal(t, seen[i].RunID, last.RunID)
	assert.NotContains(t, last.String(), "hidden")
}

func TestNothingLeavesTheMachine(t *testing.T) {
	t.Parallel()
	h := newHarness(t, Config{})
	_, _, err := h.submit("https://192.0.2.1/hook")
	require.NoError(t, err)

	for happening := range h.all { // the first delivery is enough: each is tried again
		if happening.Type == "delivery" {
			assert.Equal(t, errNotLoopback.Error(), happening.Error)
			return
		}
	}
}

func TestWrongKeyUsesUpNoFault(t *testing.T) {
	t.Parallel()
	h := newHarness(t, Config{Faults: fault(t, "status:503")})
	resp, err := http.Post(h.URL+"/api/v1/lab-results", "application/json", strings.NewReader("{}"))
	require.NoError(t, err)
	_ = resp.Body.Close()
	assert.Equal(t, http.StatusUnauthorized, resp.StatusCode)

	again, _, err := h.submit(h.hook)
	require.NoError(t, err)
	assert.Equal(t, http.StatusServiceUnavailable, again.StatusCode)
}

func TestControl(t *testing.T) { //nolint:tparallel // its subtests follow one another
	t.Parallel()
	h := newHarness(t, Config{})
	do := func(method, path string, form url.Values, change func(*http.Request)) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, h.URL+ControlPath+path,
			bytes.NewBufferString(form.Encode()))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if change != nil {
			change(req)
		}
		resp, err := http.DefaultTransport.RoundTrip(req) // follows no redirect
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(text)
	}
	with := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	ask := url.Values{"fault": {"status:503"}, "count": {"2"}}

	t.Run("asked for", func(t *testing.T) {
		code, _ := do("POST", "faults", ask, nil)
		assert.Equal(t, http.StatusSeeOther, code)
		_, page := do("GET", "", nil, nil)
		assert.Equal(t, 2, strings.Count(page, "<li>status:503</li>"))

		resp, _, err := h.submit(h.hook)
		require.NoError(t, err)
		assert.Equal(t, 503, resp.StatusCode)
		_, page = do("GET", "", nil, nil)
		assert.Equal(t, 1, strings.Count(page, "<li>status:503</li>"))
		assert.Contains(t, page, "503 Service Unavailable")
		assert.NotContains(t, page, "sk_live_1")
	})

	t.Run("forgotten", func(t *testing.T) {
		code, _ := do("POST", "faults", nil, nil)
		assert.Equal(t, http.StatusSeeOther, code)
		_, page := do("GET", "", nil, nil)
		assert.Contains(t, page, "No faults are queued.")
	})

	t.Run("refused", func(t *testing.T) {
		for name, test := range map[string]struct {
			form   url.Values
			change func(*http.Request)
			want   int
		}{
			"no such fault":   {url.Values{"fault": {"x"}}, nil, http.StatusBadRequest},
			"count":           {url.Values{"fault": {"reset"}, "count": {"0"}}, nil, http.StatusBadRequest},
			"too many":        {url.Values{"fault": {"reset"}, "count": {"1001"}}, nil, http.StatusBadRequest},
			"another site":    {ask, with("Origin", "https://example.com"), http.StatusForbidden},
			"cross-site":      {ask, with("Sec-Fetch-Site", "cross-site"), http.StatusForbidden},
			"a rebound name":  {ask, func(r *http.Request) { r.Host = "rebound.example.com:80" }, http.StatusForbidden},
			"the same origin": {ask, with("Origin", h.URL), http.StatusSeeOther},
			"a container":     {ask, func(r *http.Request) { r.Host = "helios:8088" }, http.StatusSeeOther},
		} {
			code, _ := do("POST", "faults", test.form, test.change)
			assert.Equal(t, test.want, code, name)
		}
	})

	t.Run("style", func(t *testing.T) {
		code, text := do("GET", "style.css", nil, nil)
		assert.Equal(t, http.StatusOK, code)
		assert.Contains(t, text, "main")
	})
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	h := newHarness(t, Config{})
	_, err := New(t.Context(), Config{Addr: strings.TrimPrefix(h.URL, "http://")})
	require.Error(t, err)
}
