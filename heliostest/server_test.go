package heliostest_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

func TestNewClosesWithTheTest(t *testing.T) {
	var srv *heliostest.Server

	t.Run("a test", func(t *testing.T) {
		srv = heliostest.New(t, heliostest.WithAPIKey("sk_live_of_the_test"))
		a := post(t, srv, labsPath, labsBody("https://example.com/hook"))
		assert.Equal(t, http.StatusOK, a.status)
		assert.Equal(t, "sk_live_of_the_test", srv.APIKey)
	})

	_, err := client.Do(newRequest(t, srv, labsPath, "{}"))
	assert.Error(t, err, "nobody listens")
}

func TestWithAddr(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ addr, url string }{
		"loopback":             {"127.0.0.1:0", `^http://127\.0\.0\.1:[1-9]\d*$`},
		"empty":                {"", `^http://127\.0\.0\.1:[1-9]\d*$`},
		"a name":               {"localhost:0", `^http://(127\.0\.0\.1|\[::1\]):[1-9]\d*$`},
		"every interface":      {":0", `^http://127\.0\.0\.1:[1-9]\d*$`},
		"every IPv4 interface": {"0.0.0.0:0", `^http://127\.0\.0\.1:[1-9]\d*$`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newServer(t, heliostest.WithAddr(tc.addr))
			assert.Regexp(t, tc.url, srv.URL)

			a := post(t, srv, labsPath, labsBody("https://example.com/hook"))
			assert.Equal(t, http.StatusOK, a.status)
		})
	}
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	addr := heliostest.WithAddr(strings.TrimPrefix(newServer(t).URL, "http://"))
	const message = `^heliostest: cannot listen: listen tcp 127\.0\.0\.1:\d+: .+`

	t.Run("NewServer panics", func(t *testing.T) {
		t.Parallel()
		defer func() { assert.Regexp(t, message, recover()) }()
		heliostest.NewServer(addr)
	})

	t.Run("New fails the test", func(t *testing.T) {
		t.Parallel()
		failing := &failingTest{TB: t}
		var ended sync.WaitGroup
		ended.Go(func() { heliostest.New(failing, addr) })
		ended.Wait()
		assert.Regexp(t, message, failing.fatal)
	})
}

// failingTest keeps what ended it. Fatal ends its goroutine, as that of a test.
type failingTest struct {
	testing.TB
	fatal string
}

func (f *failingTest) Helper() {}

func (f *failingTest) Fatal(args ...any) {
	f.fatal = fmt.Sprint(args...)
	runtime.Goexit()
}

// It is not parallel, so that no other test runs beside it and the goroutines
// that it counts are its own.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	stuck := make(chan struct{})
	arrived := make(chan struct{}, 100)
	hook := newReceiver(t, func(http.ResponseWriter, event) {
		arrived <- struct{}{}
		<-stuck
	})
	transport := &http.Transport{} // keeps connections open, as customers' clients do
	idle := &http.Client{Transport: transport}

	srv := heliostest.NewServer(heliostest.WithStepInterval(time.Millisecond))
	srv.Inject(heliostest.DropAnswer())
	srv.Inject(heliostest.Reset())
	for range 3 {
		if resp, err := idle.Do(newRequest(t, srv, labsPath, labsBody(hook.URL))); err == nil {
			resp.Body.Close()
		}
	}
	submit(t, srv, agentPath, agentBody("light", "http://127.0.0.1:1/nobody-listens")) // in its redelivery waits
	<-arrived
	<-arrived // two deliveries are under way

	srv.Inject(heliostest.Delay(time.Hour))
	delayed := make(chan error)
	r := newRequest(t, srv, labsPath, labsBody(hook.URL))
	go func() {
		_, err := idle.Do(r)
		delayed <- err
	}()
	require.Eventually(t, func() bool { return len(srv.Requests()) == 5 }, time.Minute, time.Millisecond)

	srv.Close()
	assert.Error(t, <-delayed)
	srv.Close() // again
	_, err := idle.Do(newRequest(t, srv, labsPath, "{}"))
	assert.Error(t, err, "nobody listens")

	close(stuck)
	hook.Close()
	transport.CloseIdleConnections()
	// The condition runs in a goroutine of its own.
	assert.Eventually(t, func() bool { return runtime.NumGoroutine()-1 <= before }, time.Minute, time.Millisecond)
}

func TestCloseWhileSubmissionsCome(t *testing.T) {
	t.Parallel()
	var sent atomic.Int32
	srv := newServer(t, heliostest.WithLimit(1000), heliostest.WithWebhookClient(&http.Client{
		Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			sent.Add(1)
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		}),
	}))
	answered := make(chan struct{}, 1)
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for {
				resp, err := client.Do(newRequest(t, srv, labsPath, labsBody("https://example.com/hook")))
				if err != nil {
					return // the server is closed
				}
				resp.Body.Close()
				select {
				case answered <- struct{}{}:
				default:
				}
			}
		})
	}
	<-answered
	clients.Go(srv.Close) // at once with the other
	srv.Close()
	runs, deliveries := len(srv.Runs()), sent.Load()
	clients.Wait()
	assert.Len(t, srv.Runs(), runs, "nothing is accepted after Close")
	assert.Equal(t, deliveries, sent.Load(), "nothing is delivered after Close")
}

func TestCloseFromAReceiver(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	closed := make(chan struct{})
	hook := newReceiver(t, func(_ http.ResponseWriter, e event) {
		if e.SequenceNumber == 1 {
			srv.Close()
			close(closed)
		}
	})
	submit(t, srv, labsPath, labsBody(hook.URL))
	<-closed
}

func TestWait(t *testing.T) {
	t.Parallel()
	srv := idleServer(t)
	require.NoError(t, srv.Wait(t.Context()), "there is nothing to wait for")
	submit(t, srv, labsPath, labsBody("https://example.com/hook"))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, srv.Wait(ctx), context.Canceled)

	result := make(chan error)
	go func() { result <- srv.Wait(t.Context()) }()
	srv.Close()
	const message = "heliostest: the server was closed before its runs had ended"
	assert.EqualError(t, <-result, message)
	assert.EqualError(t, srv.Wait(t.Context()), message)
}
