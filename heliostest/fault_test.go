package heliostest_test

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

func TestDropAnswer(t *testing.T) {
	t.Parallel()
	srv, hook := newServer(t), newReceiver(t, nil)
	srv.Inject(heliostest.DropAnswer())
	_, err := client.Do(newRequest(t, srv, labsPath, labsBody(hook.URL)))
	assert.ErrorIs(t, err, io.EOF)
	assert.Equal(t, 1, srv.Accepted(hook.URL))
	wait(t, srv)
	assert.Len(t, hook.received(), 9, "the run goes on")
	seen := srv.Requests()[0]
	assert.Zero(t, seen.StatusCode)
	assert.Equal(t, srv.Runs()[0].ID, seen.RunID)
}

func TestReset(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	srv.Inject(heliostest.Reset())
	_, err := client.Do(newRequest(t, srv, labsPath, labsBody("https://example.com/hook")))
	assert.ErrorIs(t, err, syscall.ECONNRESET)
	assert.Empty(t, srv.Runs())
	require.Len(t, srv.Requests(), 1, "it was read to its end")
	assert.Equal(t, labsBody("https://example.com/hook"), string(srv.Requests()[0].Body))
	assert.Zero(t, srv.Requests()[0].StatusCode)
}

func TestHalfAnswer(t *testing.T) {
	t.Parallel()
	srv := idleServer(t)
	srv.Inject(heliostest.HalfAnswer())
	resp, err := client.Do(newRequest(t, srv, labsPath, labsBody("https://example.com/hook")))
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, 200, resp.StatusCode)
	body, err := io.ReadAll(resp.Body)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.EqualValues(t, resp.ContentLength/2, len(body))
	assert.Equal(t, 1, srv.Accepted("https://example.com/hook"))
}

func TestDelay(t *testing.T) {
	t.Parallel()
	srv := idleServer(t)
	srv.Inject(heliostest.Delay(30 * time.Millisecond))
	begin := time.Now()
	submit(t, srv, labsPath, labsBody("https://example.com/hook"))
	assert.GreaterOrEqual(t, time.Since(begin), 30*time.Millisecond)
}

// A client that gives up has submitted nevertheless.
func TestDelayEndsWithTheClient(t *testing.T) {
	t.Parallel()
	srv := idleServer(t)
	srv.Inject(heliostest.Delay(time.Hour))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	r := newRequest(t, srv, labsPath, labsBody("https://example.com/hook")).WithContext(ctx)
	go func() {
		_, err := client.Do(r)
		done <- err
	}()
	assert.Eventually(t, func() bool { return len(srv.Requests()) == 1 }, time.Minute, time.Millisecond)
	assert.Zero(t, srv.Accepted("https://example.com/hook"))
	cancel()
	assert.ErrorIs(t, <-done, context.Canceled)
	assert.Eventually(t, func() bool { return srv.Accepted("https://example.com/hook") == 1 }, time.Minute,
		time.Millisecond)
}

func TestDelayEndsWithTheServer(t *testing.T) {
	t.Parallel()
	srv := idleServer(t)
	srv.Inject(heliostest.Delay(time.Hour))
	done := make(chan error)
	r := newRequest(t, srv, labsPath, labsBody("https://example.com/hook"))
	go func() {
		_, err := client.Do(r)
		done <- err
	}()
	assert.Eventually(t, func() bool { return len(srv.Requests()) == 1 }, time.Minute, time.Millisecond)
	srv.Close()
	assert.Error(t, <-done)
	assert.Empty(t, srv.Runs())
}

func TestStatus(t *testing.T) {
	t.Parallel()
	for code, body := range map[int]string{
		503: `{"error": "Service Unavailable", "message": "injected by the test"}`,
		599: `{"error": "Error", "message": "injected by the test"}`,
		401: `{"error": "Unauthorized", "message": "Invalid or missing API key"}`,
		429: tooMany("deep"),
		204: ``,
	} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			t.Parallel()
			srv := newServer(t)
			srv.Inject(heliostest.Status(code))
			a := post(t, srv, agentPath, agentBody("deep", "https://example.com/hook"))
			assert.Equal(t, code, a.status)
			assert.Equal(t, body, a.body)
			assert.Equal(t, "7", a.header.Get("X-Concurrent-Limit"))
			if code == 429 {
				assert.Equal(t, "60", a.header.Get("Retry-After"))
				assert.Equal(t, "0", a.header.Get("X-Concurrent-Remaining"))
			}
			assert.Empty(t, srv.Runs())
			assert.Equal(t, code, srv.Requests()[0].StatusCode)
		})
	}
	assert.PanicsWithValue(t, "heliostest: status 42 is not in 200 to 599", func() { heliostest.Status(42) })
}

func TestRedirect(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	srv.Inject(heliostest.Redirect(307, "https://example.com/elsewhere"))
	a := post(t, srv, agentPath, agentBody("light", "https://example.com/hook"))
	assert.Equal(t, 307, a.status)
	assert.Equal(t, "https://example.com/elsewhere", a.header.Get("Location"))
	assert.Empty(t, srv.Runs())
	assert.PanicsWithValue(t, "heliostest: status 200 is not in 300 to 399", func() { heliostest.Redirect(200, "/") })
}

func TestWebhookFaults(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		faults []heliostest.Fault
		want   []int
	}{
		"none": {nil, []int{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		"duplicate": {[]heliostest.Fault{heliostest.DuplicateWebhooks()},
			[]int{1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9}},
		"reorder":    {[]heliostest.Fault{heliostest.ReorderWebhooks()}, []int{2, 1, 4, 3, 6, 5, 8, 7, 9}},
		"lose":       {[]heliostest.Fault{heliostest.LoseWebhooks()}, []int{9}},
		"lose final": {[]heliostest.Fault{heliostest.LoseFinalWebhook()}, []int{1, 2, 3, 4, 5, 6, 7, 8}},
		"lose all":   {[]heliostest.Fault{heliostest.LoseWebhooks(), heliostest.LoseFinalWebhook()}, []int{}},
		"duplicate, reorder": {[]heliostest.Fault{heliostest.DuplicateWebhooks(), heliostest.ReorderWebhooks()},
			[]int{2, 2, 1, 1, 4, 4, 3, 3, 6, 6, 5, 5, 8, 8, 7, 7, 9, 9}},
		"duplicate the final": {[]heliostest.Fault{heliostest.DuplicateWebhooks(), heliostest.LoseWebhooks()},
			[]int{9, 9}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, hook := newServer(t), newReceiver(t, nil)
			srv.Inject(tc.faults...)
			submit(t, srv, labsPath, labsBody(hook.URL))
			wait(t, srv)
			assert.Equal(t, tc.want, hook.sequence())
			assert.True(t, srv.Runs()[0].Ended)
			assert.Zero(t, srv.Active("lab-results"))
			for _, e := range hook.received() {
				assert.Equal(t, signature(srv.WebhookSecret, e.raw), e.header.Get("X-Helios-Signature"))
			}
		})
	}
}

func TestWrongSignature(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	hook := newReceiver(t, func(w http.ResponseWriter, _ event) { w.WriteHeader(http.StatusUnauthorized) })
	srv.Inject(heliostest.WrongSignature())
	submit(t, srv, labsPath, labsBody(hook.URL))
	wait(t, srv)
	assert.Equal(t, []int{1, 2, 3, 4, 5, 6, 7, 8, 9}, hook.sequence(), "not redelivered")
	for _, e := range hook.received() {
		assert.NotEqual(t, signature(srv.WebhookSecret, e.raw), e.header.Get("X-Helios-Signature"))
		assert.Regexp(t, `^sha256=[0-9a-f]{64}$`, e.header.Get("X-Helios-Signature"), "wrong, but well-formed")
	}
}

func TestLateWebhooks(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	hook := newReceiver(t, func(w http.ResponseWriter, _ event) { w.WriteHeader(http.StatusUnauthorized) })
	srv.Inject(heliostest.LateWebhooks(time.Hour))
	submit(t, srv, labsPath, labsBody(hook.URL))
	wait(t, srv)
	assert.Len(t, hook.received(), 9, "not redelivered")
	for _, e := range hook.received() {
		sent, err := strconv.ParseInt(e.header.Get("X-Helios-Timestamp"), 10, 64)
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now().Add(-time.Hour), time.Unix(sent, 0), time.Minute)
		assert.Equal(t, signature(srv.WebhookSecret, e.raw), e.header.Get("X-Helios-Signature"))
	}
}

func TestFailRun(t *testing.T) {
	t.Parallel()
	srv, hook := newServer(t), newReceiver(t, nil)
	srv.Inject(heliostest.FailRun("the model is unwell"))
	submit(t, srv, agentPath, agentBody("deep", hook.URL))
	wait(t, srv)
	assert.Len(t, hook.received(), 9)
	last := hook.final(t)
	assert.Equal(t, "error", last.Status)
	assert.Equal(t, "the model is unwell", last.Error.Message)
	assert.Empty(t, last.Result)
	assert.Zero(t, srv.Active("deep"))
}

func TestEachInjectArmsOneSubmission(t *testing.T) {
	t.Parallel()
	srv := idleServer(t)
	srv.Inject(heliostest.Delay(time.Millisecond), heliostest.Status(500))
	srv.Inject()
	srv.Inject(heliostest.Status(502), nil)
	body := labsBody("https://example.com/hook")

	unarmed := newRequest(t, srv, labsPath, body)
	unarmed.Header.Set("X-Api-Key", "wrong")
	assert.Equal(t, 401, do(t, unarmed).status, "no submission without the key")
	assert.Equal(t, 404, post(t, srv, "/", body).status, "no submission to elsewhere")
	for i, want := range []int{500, 200, 502, 200} {
		assert.Equal(t, want, post(t, srv, labsPath, body).status, i)
	}
}
