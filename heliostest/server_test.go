package heliostest_test

import (
	"context"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

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
	assert.Eventually(t, func() bool { return runtime.NumGoroutine()-1 <= before }, 20*time.Second, time.Millisecond)
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
