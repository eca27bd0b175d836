package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

// logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu      sync.Mutex
	text    bytes.Buffer
	written chan struct{} // closed and replaced at each write
}

func newLogBuffer() *logBuffer { return &logBuffer{written: make(chan struct{})} }

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.written)
	b.written = make(chan struct{})
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// find waits until the log matches, and returns the first group.
func (b *logBuffer) find(t *testing.T, pattern string) string {
	t.Helper()
	matches := regexp.MustCompile(pattern)
	for {
		b.mu.Lock()
		found, written := matches.FindStringSubmatch(b.text.String()), b.written
		b.mu.Unlock()
		if found != nil {
			return found[1]
		}
		select {
		case <-written:
		case <-t.Context().Done():
			t.Fatal("not in the log: " + pattern)
		}
	}
}

func TestDemonstration(t *testing.T) {
	t.Setenv(helios.EnvWebhookSecret, "")
	var out, errs bytes.Buffer
	require.Equal(t, 0, run(t.Context(), &out, &errs), errs.String())

	log := out.String()
	assert.Equal(t, 9, strings.Count(log, "msg=event "))
	assert.Contains(t, log, `number=1 status=processing`)
	assert.Contains(t, log, `step="Processing started"`)
	assert.Contains(t, log, `number=9 status=completed`)
	assert.Contains(t, log, "stopping")
	assert.Less(t, strings.Index(log, "msg=listening"), strings.Index(log, "msg=event "))
	assert.NotContains(t, log, "Creatinine")
	assert.Empty(t, errs.String())
}

func TestALostLogIsAnError(t *testing.T) {
	t.Setenv(helios.EnvWebhookSecret, "")
	var errs bytes.Buffer
	assert.Equal(t, 1, run(t.Context(), fullDisk{}, &errs))
	assert.Equal(t, "the log has gaps: no space left\n", errs.String())
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// startReceiver runs the program as in production. It returns where it listens,
// what stops it, and its exit code.
func startReceiver(t *testing.T, log io.Writer, find func(*testing.T, string) string) (string, func(), <-chan int) {
	t.Helper()
	t.Setenv(helios.EnvWebhookSecret, "whsec")
	t.Setenv("ADDR", "127.0.0.1:0")
	ctx, stop := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() { code <- run(ctx, log, io.Discard) }()
	t.Cleanup(stop)
	return "http://" + find(t, `msg=listening addr=(\S+)`), stop, code
}

func TestReceiver(t *testing.T) {
	log := newLogBuffer()
	url, stop, code := startReceiver(t, log, log.find)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

	event := heliostest.CompletedEvent("r-1")
	for _, tt := range []struct {
		name    string
		request *http.Request
		want    int
	}{
		{"an event", heliostest.NewWebhookRequest(url+webhookPath, "whsec", event, time.Now()), 200},
		{"a forgery", heliostest.NewWebhookRequest(url+webhookPath, "other", event, time.Now()), 401},
		{"another path", heliostest.NewWebhookRequest(url+"/", "whsec", event, time.Now()), 404},
		{"a probe", newProbe(t, url+"/healthz"), 200},
	} {
		resp, err := client.Do(tt.request)
		require.NoError(t, err, tt.name)
		resp.Body.Close()
		assert.Equal(t, tt.want, resp.StatusCode, tt.name)
	}

	stop()
	assert.Equal(t, 0, <-code)
	assert.Equal(t, 1, strings.Count(log.String(), "msg=event "))
	assert.NotContains(t, log.String(), "Creatinine")
}

func newProbe(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	return r
}

func TestReceiver_NeedsAPort(t *testing.T) {
	t.Setenv(helios.EnvWebhookSecret, "whsec")
	t.Setenv("ADDR", strings.TrimPrefix(heliostest.New(t).URL, "http://"))
	var errs bytes.Buffer
	assert.Equal(t, 1, run(t.Context(), io.Discard, &errs))
	assert.Contains(t, errs.String(), "listen tcp 127.0.0.1:")
}
