package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/heliostest"
)

// world is what survives the processes: the service, the proxy for its
// webhooks, the file, and what they told of results that they handled.
type world struct {
	fake    *heliostest.Server
	proxy   *proxy
	front   *httptest.Server
	file    string
	serve   string // where the dashboard is served; empty: nowhere
	handled map[string]bool
	started []*process
}

func newWorld(file string) *world {
	w := &world{
		fake:    heliostest.NewServer(heliostest.WithStepInterval(15 * time.Millisecond)),
		proxy:   &proxy{changed: make(chan struct{})},
		file:    file,
		handled: map[string]bool{},
	}
	w.front = httptest.NewServer(w.proxy)
	return w
}

func (w *world) close() {
	for _, p := range w.started {
		_ = p.cmd.Process.Kill() // if it has not ended
		for range p.messages {
		}
	}
	w.fake.Close() // before the proxy, where its deliveries wait
	w.front.Close()
}

// open opens the file, which no process has open any more.
func (w *world) open(ctx context.Context) (*durable.SQLiteEngine, error) {
	client, err := helios.NewClient(helios.WithAPIKey(w.fake.APIKey), helios.WithBaseURL(w.fake.URL))
	if err != nil {
		return nil, err
	}
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret(w.fake.WebhookSecret))
	if err != nil {
		return nil, err
	}
	return durable.OpenSQLite(ctx, w.file, client, receiver)
}

// states are those of the orders.
type states map[string]durable.State

// describe counts them: "2 queued, 1 submitting".
func describe(s states) string {
	var parts []string
	for _, state := range []durable.State{
		durable.Queued, durable.Submitting, durable.Accepted, durable.Unknown, durable.Completed, durable.Failed,
	} {
		if n := len(s.keys(state)); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return strings.Join(parts, ", ")
}

func (s states) keys(state durable.State) []string {
	var keys []string
	for key, is := range s {
		if is == state {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
