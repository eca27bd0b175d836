// Rotate changes the API key and the webhook secret of a running service,
// without a restart and without losing a webhook.
//
//	go run ./examples/rotate
//
// It runs against a fake Helios on this machine. The order is the vendor's:
// create the new one, switch, verify, revoke the old one.
//
// See https://docs.heliosai.health/authentication
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

func main() {
	if err := rotate(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func rotate(ctx context.Context, stdout io.Writer) error {
	out := bufio.NewWriter(stdout) // keeps its first error, which Flush returns
	if err := rotateKey(ctx, out); err != nil {
		return err
	}
	if err := rotateSecret(out); err != nil {
		return err
	}

	if err := out.Flush(); err != nil {
		return fmt.Errorf("cannot print: %w", err)
	}
	return nil
}

// rotateKey switches to a new key under a client in use, which asks its source
// before each attempt.
func rotateKey(ctx context.Context, out io.Writer) error {
	// Where the key comes from: a file that an operator rewrites, a secret
	// manager, here a variable.
	var key atomic.Value
	key.Store("sk_live_the_old_key")
	source := func(context.Context) (string, error) { return key.Load().(string), nil }

	fake := heliostest.NewServer(heliostest.WithAPIKey("sk_live_the_new_key"))
	defer fake.Close()
	client, err := helios.NewClient(helios.WithAPIKeySource(source), helios.WithBaseURL(fake.URL),
		helios.WithWebhookURL("http://localhost/webhook/helios"))
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	request := &helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "Sodium", Value: "140 mmol/L"}}}

	fmt.Fprintln(out, "API key, with one client:")
	_, refused := client.LabResults.Submit(ctx, request)
	fmt.Fprintf(out, "  the old one, revoked: %v\n", refused)

	key.Store("sk_live_the_new_key")
	if _, err := client.LabResults.Submit(ctx, request); err != nil {
		return err
	}
	fmt.Fprintln(out, "  the new one: accepted")
	return nil
}

// rotateSecret switches to a new webhook secret under a receiver in use, which
// asks its source for each delivery. Regenerating the secret invalidates the
// old one, while deliveries that were signed with it may still be under way. So
// the source gives both for as long as that can be, then drops the old one.
func rotateSecret(out io.Writer) error {
	const before, after = "the old webhook secret", "the new webhook secret"
	var secrets atomic.Value
	source := func(context.Context) ([]string, error) { return secrets.Load().([]string), nil }
	receiver, err := helios.NewReceiver(helios.WithWebhookSecretSource(source))
	if err != nil {
		return err
	}
	handler := receiver.Handler(func(context.Context, *helios.Event) error { return nil })

	fmt.Fprintln(out, "\nWebhook secret, with one receiver, and how deliveries are answered:")
	fmt.Fprintf(out, "  %-16s%-20s%s\n", "", "signed with the old", "with the new")
	for _, phase := range []struct {
		name  string
		valid []string
	}{
		{"before", []string{before}},
		{"in between", []string{after, before}},
		{"after", []string{after}},
	} {
		secrets.Store(phase.valid)
		fmt.Fprintf(out, "  %-16s%-20d%d\n", phase.name, deliver(handler, before), deliver(handler, after))
	}
	return nil
}

// deliver returns the status of the answer to a delivery.
func deliver(handler http.Handler, secret string) int {
	body := heliostest.CompletedEvent("550e8400-e29b-41d4-a716-446655440000")
	answer := &statusRecorder{header: make(http.Header)}
	handler.ServeHTTP(answer, heliostest.NewWebhookRequest("/webhook/helios", secret, body, time.Now()))
	return answer.status
}

// statusRecorder keeps the status of an answer. Tests would use
// net/http/httptest.
type statusRecorder struct {
	header http.Header
	status int
}

func (r *statusRecorder) Header() http.Header         { return r.header }
func (r *statusRecorder) Write(b []byte) (int, error) { return len(b), nil }
func (r *statusRecorder) WriteHeader(status int)      { r.status = status }
