// Rotate changes the API key and the webhook secret of a running service, without a restart and without losing a webhook.
//
//	go run ./examples/rotate
//
// It runs against a fake on this machine. The order is the vendor's: create the new one, switch, verify, revoke
// the old one.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

func main() {
	if err := rotate(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func rotate(ctx context.Context) error {
	// Where the key comes from: a file that an operator rewrites, a secret manager, here a variable.
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

	_, err = client.LabResults.Submit(ctx, request)
	fmt.Println("old key, revoked:", err)
	key.Store("sk_live_the_new_key")
	if _, err = client.LabResults.Submit(ctx, request); err != nil {
		return err
	}
	fmt.Println("new key, same client: accepted")

	// The webhook secret: regenerating it invalidates the old one, while deliveries signed with the old one may still be under way. Accept both
	// for as long as they can be, then drop the previous one. The receiver is replaced atomically, behind one handler.
	const before, after = "the old webhook secret", "the new webhook secret"
	var handler atomic.Pointer[http.Handler]
	use := func(opts ...helios.ReceiverOption) error {
		receiver, err := helios.NewReceiver(opts...)
		if err != nil {
			return err
		}
		h := receiver.Handler(func(context.Context, *helios.Event) error { return nil })
		handler.Store(&h)
		return nil
	}
	deliver := func(secret string) int {
		body := []byte(`{"runId":"550e8400-e29b-41d4-a716-446655440000","status":"completed","sequenceNumber":9}`)
		answer := &statusRecorder{header: http.Header{}}
		(*handler.Load()).ServeHTTP(answer, heliostest.NewWebhookRequest("/webhook/helios", secret, body, time.Now()))
		return answer.status
	}
	for _, phase := range []struct {
		name string
		opts []helios.ReceiverOption
	}{
		{"before", []helios.ReceiverOption{helios.WithWebhookSecret(before)}},
		{"during", []helios.ReceiverOption{helios.WithWebhookSecret(after), helios.WithPreviousSecrets(before)}},
		{"after", []helios.ReceiverOption{helios.WithWebhookSecret(after)}},
	} {
		if err := use(phase.opts...); err != nil {
			return err
		}
		fmt.Printf("%-7s signed with the old secret: %d, with the new one: %d\n", phase.name+":", deliver(before), deliver(after))
	}
	return nil
}

// statusRecorder keeps the status of an answer. (Tests would use net/http/httptest.)
type statusRecorder struct {
	header http.Header
	status int
}

func (r *statusRecorder) Header() http.Header         { return r.header }
func (r *statusRecorder) Write(b []byte) (int, error) { return len(b), nil }
func (r *statusRecorder) WriteHeader(status int)      { r.status = status }
