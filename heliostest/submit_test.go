package heliostest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

const uuidV4 = `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`

func TestAcceptedAnswerIsTheDocumentedOne(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ path, body string }{
		{agentPath, agentBody("light", "https://example.com/hook")},
		{agentPath, agentBody("deep", "https://example.com/hook")},
		{labsPath, labsBody("https://example.com/hook")},
	} {
		a := post(t, idleServer(t), tc.path, tc.body)
		assert.Equal(t, 200, a.status)
		assert.Regexp(t, `^\{"runId": "`+uuidV4+`", "status": "accepted", `+
			`"message": "Request accepted\. Results will be delivered to your webhook\."\}$`, a.body)
		assert.Equal(t, "application/json", a.header.Get("Content-Type"))
		assertSlots(t, a, "7", "1", "6")
	}
}

func assertSlots(t *testing.T, a answer, limit, active, remaining string) {
	t.Helper()
	assert.Equal(t, limit, a.header.Get("X-Concurrent-Limit"), "limit")
	assert.Equal(t, active, a.header.Get("X-Concurrent-Active"), "active")
	assert.Equal(t, remaining, a.header.Get("X-Concurrent-Remaining"), "remaining")
}

func TestWrongKeyIsRefused(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	for name, keys := range map[string][]string{"missing": nil, "empty": {""}, "wrong": {"sk_live_wrong"},
		"two": {srv.APIKey, srv.APIKey}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRequest(t, srv, agentPath, agentBody("light", "https://example.com/hook"))
			r.Header["X-Api-Key"] = keys
			a := do(t, r)
			assert.Equal(t, 401, a.status)
			assert.Equal(t, `{"error": "Unauthorized", "message": "Invalid or missing API key"}`, a.body)
			assertSlots(t, a, "7", "0", "7")
			assert.Zero(t, srv.Accepted("https://example.com/hook"))
		})
	}
}

func TestRefusalsThatNeedNoBody(t *testing.T) {
	t.Parallel()
	srv := idleServer(t)
	for name, tc := range map[string]struct {
		method, path, contentType string
		status                    int
		body                      string
	}{
		"unknown path": {"POST", "/api/v1/agents", "application/json", 404,
			`{"error": "Not Found", "message": "no such endpoint"}`},
		"trailing slash": {"POST", "/api/v1/agent/", "application/json", 404,
			`{"error": "Not Found", "message": "no such endpoint"}`},
		"get": {"GET", agentPath, "application/json", 405,
			`{"error": "Method Not Allowed", "message": "this endpoint takes POST only"}`},
		"put": {"PUT", labsPath, "application/json", 405,
			`{"error": "Method Not Allowed", "message": "this endpoint takes POST only"}`},
		"no type": {"POST", agentPath, "", 415,
			`{"error": "Unsupported Media Type", "message": "Content-Type must be application/json"}`},
		"text": {"POST", labsPath, "text/plain", 415,
			`{"error": "Unsupported Media Type", "message": "Content-Type must be application/json"}`},
		"latin1": {"POST", labsPath, "application/json; charset=iso-8859-1", 415,
			`{"error": "Unsupported Media Type", "message": "Content-Type must be application/json"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRequest(t, srv, tc.path, agentBody("light", "https://example.com/hook"))
			r.Method = tc.method
			r.Header.Set("Content-Type", tc.contentType)
			a := do(t, r)
			assert.Equal(t, tc.status, a.status)
			assert.Equal(t, tc.body, a.body)
			assertSlots(t, a, "7", "0", "7")
			if tc.status == 405 {
				assert.Equal(t, "POST", a.header.Get("Allow"))
			}
		})
	}
}

func TestContentTypeMayNameUTF8(t *testing.T) {
	t.Parallel()
	r := newRequest(t, idleServer(t), agentPath, agentBody("light", "https://example.com/hook"))
	r.Header.Set("Content-Type", "application/json; charset=UTF-8")
	assert.Equal(t, 200, do(t, r).status)
}

func TestLargeBodyIsRefused(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	r := newRequest(t, srv, labsPath, "")
	r.Body = io.NopCloser(io.LimitReader(endless{}, 17<<20))
	r.ContentLength = 17 << 20
	a := do(t, r)
	assert.Equal(t, 413, a.status)
	assert.Equal(t, `{"error": "Request Entity Too Large", "message": "the request body is larger than 16 MiB"}`,
		a.body)
	assert.Empty(t, srv.Requests())
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestEachAgentTypeHasItsOwnSlots(t *testing.T) {
	t.Parallel()
	srv := idleServer(t)
	for _, tc := range []struct{ agent, path, body string }{
		{"light", agentPath, agentBody("light", "https://example.com/hook")},
		{"deep", agentPath, agentBody("deep", "https://example.com/hook")},
		{"lab-results", labsPath, labsBody("https://example.com/hook")},
	} {
		for i := range 7 {
			a := post(t, srv, tc.path, tc.body)
			require.Equal(t, 200, a.status)
			assertSlots(t, a, "7", string(rune('1'+i)), string(rune('6'-i)))
		}
		a := post(t, srv, tc.path, tc.body)
		assert.Equal(t, 429, a.status)
		assert.Equal(t, tooMany(tc.agent), a.body)
		assert.Equal(t, "60", a.header.Get("Retry-After"))
		assertSlots(t, a, "7", "7", "0")
		assert.Equal(t, 7, srv.Active(tc.agent))
	}
	assert.Equal(t, 21, srv.Accepted("https://example.com/hook"))
}

func TestLimitAndRetryAfterCanBeSet(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{0: "0", time.Millisecond: "1", time.Second: "1",
		1500 * time.Millisecond: "2"} {
		srv := idleServer(t, heliostest.WithLimit(0), heliostest.WithRetryAfter(d))
		a := post(t, srv, labsPath, labsBody("https://example.com/hook"))
		assert.Equal(t, 429, a.status)
		assert.Equal(t, want, a.header.Get("Retry-After"))
		assertSlots(t, a, "0", "0", "0")
	}
}

// Whoever holds the final event can submit again at once.
func TestSlotIsFreeWhenTheFinalEventArrives(t *testing.T) {
	t.Parallel()
	srv := newServer(t, heliostest.WithLimit(1))
	finals := make(chan struct{}, 1)
	hook := newReceiver(t, func(_ http.ResponseWriter, e event) {
		if e.Status == "completed" {
			finals <- struct{}{}
		}
	})
	for range 5 {
		submit(t, srv, labsPath, labsBody(hook.URL))
		<-finals
	}
	wait(t, srv)
	assert.Zero(t, srv.Active("lab-results"))
}

// A slow receiver is no reason for the run to go on.
func TestSlotDoesNotWaitForTheReceiver(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	release := make(chan struct{})
	hook := newReceiver(t, func(http.ResponseWriter, event) { <-release })
	submit(t, srv, labsPath, labsBody(hook.URL))
	assert.Eventually(t, func() bool { return srv.Runs()[0].Ended }, time.Minute, time.Millisecond)
	assert.Zero(t, srv.Active("lab-results"))
	assert.Empty(t, srv.Runs()[0].Deliveries)
	close(release)
	wait(t, srv)
	assert.Len(t, srv.Runs()[0].Deliveries, 9)
}

func TestConcurrentSubmissionsNeverExceedTheLimit(t *testing.T) {
	t.Parallel()
	srv := idleServer(t)
	var mu sync.Mutex
	statuses, active := map[int]int{}, map[string]int{}
	var wg sync.WaitGroup
	for range 40 {
		r := newRequest(t, srv, agentPath, agentBody("deep", "https://example.com/hook"))
		wg.Go(func() {
			resp, err := client.Do(r)
			if !assert.NoError(t, err) {
				return
			}
			defer resp.Body.Close()
			mu.Lock()
			defer mu.Unlock()
			statuses[resp.StatusCode]++
			if resp.StatusCode == 200 {
				active[resp.Header.Get("X-Concurrent-Active")]++
			}
			srv.Runs() // must be safe meanwhile
			srv.Requests()
		})
	}
	wg.Wait()
	assert.Equal(t, map[int]int{200: 7, 429: 33}, statuses)
	assert.Equal(t, map[string]int{"1": 1, "2": 1, "3": 1, "4": 1, "5": 1, "6": 1, "7": 1}, active)
	assert.Equal(t, 7, srv.Active("deep"))
}

func TestRequestsAreRecordedWithoutTheKey(t *testing.T) {
	t.Parallel()
	srv := idleServer(t)
	body := labsBody("https://example.com/hook?order=1")
	id := submit(t, srv, labsPath, body)
	post(t, srv, "/api/v1/other?x=1", "?")

	seen := srv.Requests()
	require.Len(t, seen, 2)
	assert.Equal(t, "POST", seen[0].Method)
	assert.Equal(t, labsPath, seen[0].Path)
	assert.Equal(t, []string{"[redacted]"}, seen[0].Header["X-Api-Key"])
	assert.Equal(t, "application/json", seen[0].Header.Get("Content-Type"))
	assert.Equal(t, body, string(seen[0].Body))
	assert.Equal(t, 200, seen[0].StatusCode)
	assert.Equal(t, id, seen[0].RunID)
	assert.Equal(t, "/api/v1/other", seen[1].Path)
	assert.Equal(t, "x=1", seen[1].RawQuery)
	assert.Equal(t, 404, seen[1].StatusCode)
	assert.Empty(t, seen[1].RunID)
	all, err := json.Marshal(seen)
	require.NoError(t, err)
	assert.NotContains(t, string(all), srv.APIKey)

	seen[0].Body[0], seen[0].Header["X-Api-Key"] = '!', nil
	srv.Runs()[0].Request[0] = '!'
	assert.Equal(t, body, string(srv.Requests()[0].Body), "what is returned is a copy")
	assert.Equal(t, body, string(srv.Runs()[0].Request), "what is returned is a copy")
}

func TestRunsAndAccepted(t *testing.T) {
	t.Parallel()
	srv := idleServer(t)
	light := submit(t, srv, agentPath, agentBody("light", "https://example.com/hook?order=1"))
	deep := submit(t, srv, agentPath, agentBody("deep", "https://example.com/hook?order=2"))
	labs := submit(t, srv, labsPath, labsBody("https://example.com/hook?order=1"))

	runs := srv.Runs()
	require.Len(t, runs, 3)
	for i, want := range []struct{ id, agent string }{{light, "light"}, {deep, "deep"}, {labs, "lab-results"}} {
		assert.Equal(t, want.id, runs[i].ID)
		assert.Equal(t, want.agent, runs[i].Agent)
		assert.False(t, runs[i].Ended)
		assert.WithinDuration(t, time.Now(), runs[i].Accepted, time.Minute)
	}
	assert.Equal(t, "https://example.com/hook?order=2", runs[1].WebhookURL)
	assert.Equal(t, 2, srv.Accepted("https://example.com/hook?order=1"))
	assert.Equal(t, 1, srv.Accepted("https://example.com/hook?order=2"))
	assert.Zero(t, srv.Accepted("https://example.com/hook"))
}

func TestKeyAndSecretCanBeSet(t *testing.T) {
	t.Parallel()
	hook := newReceiver(t, nil)
	srv := newServer(t, heliostest.WithAPIKey("sk_live_mine"), heliostest.WithWebhookSecret("mine"))
	assert.Equal(t, "sk_live_mine", srv.APIKey)
	assert.Equal(t, "mine", srv.WebhookSecret)
	submit(t, srv, labsPath, labsBody(hook.URL))
	wait(t, srv)
	last := hook.final(t)
	assert.Equal(t, signature("mine", last.raw), last.header.Get("X-Helios-Signature"))

	a, b := newServer(t), newServer(t)
	assert.True(t, strings.HasPrefix(a.APIKey, "sk_live_heliostest"))
	assert.NotEqual(t, a.APIKey, b.APIKey)
	assert.NotEqual(t, a.WebhookSecret, b.WebhookSecret)
}
