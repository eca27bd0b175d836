package heliostest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

// In a test heliostest.New(t) takes the place of the first two lines.
func ExampleNewServer() {
	srv := heliostest.NewServer()
	defer srv.Close()

	receiver, _ := helios.NewReceiver(helios.WithWebhookSecret(srv.WebhookSecret))
	tracker := helios.NewTracker()
	hook := httptest.NewServer(receiver.Handler(tracker.Handle))
	defer hook.Close()
	client, _ := helios.NewClient(helios.WithAPIKey(srv.APIKey), helios.WithBaseURL(srv.URL),
		helios.WithWebhookURL(hook.URL))
	defer client.CloseIdleConnections()

	ctx := context.Background()
	run, err := client.LabResults.Submit(ctx,
		&helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "Sodium", Value: "140 mmol/L"}}})
	if err != nil {
		fmt.Println(err)
		return
	}

	event, err := tracker.Wait(ctx, run.ID, nil)
	fmt.Println(event.Status, err, len(srv.Runs()))
	// Output: completed <nil> 1
}

func ExampleServer_Inject() {
	srv := heliostest.NewServer(heliostest.WithStepInterval(time.Millisecond))
	defer srv.Close()

	hook := httptest.NewServer(http.NotFoundHandler())
	defer hook.Close()
	client, _ := helios.NewClient(helios.WithAPIKey(srv.APIKey), helios.WithBaseURL(srv.URL),
		helios.WithWebhookURL(hook.URL))
	defer client.CloseIdleConnections()

	srv.Inject(heliostest.DropAnswer()) // the next submission is accepted, and its answer is lost
	_, err := client.LabResults.Submit(context.Background(),
		&helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "Sodium", Value: "140 mmol/L"}}})
	fmt.Println(errors.Is(err, helios.ErrOutcomeUnknown), "paid:", srv.Accepted(hook.URL))
	// Output: true paid: 1
}

func ExampleWithAddr() {
	// A port of its own, so that a program in another terminal can be set to
	// it: HELIOS_BASE_URL=http://127.0.0.1:8080. Port 0 takes any that is free.
	srv := heliostest.NewServer(heliostest.WithAddr("127.0.0.1:0"), heliostest.WithAPIKey("sk_live_local"))
	defer srv.Close()

	fmt.Println(strings.HasPrefix(srv.URL, "http://127.0.0.1:"), srv.APIKey)
	// Output: true sk_live_local
}

func ExampleCompletedEvent() {
	receiver, _ := helios.NewReceiver(helios.WithWebhookSecret("whsec"))
	handler := receiver.Handler(func(_ context.Context, e *helios.Event) error {
		result, err := e.Result()
		if err != nil {
			return err
		}
		fmt.Println("run", e.RunID, "has labs:", len(result.LabResults))
		return nil
	})

	body := heliostest.CompletedEvent("r-1")
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, heliostest.NewWebhookRequest("/webhook/helios", "whsec", body, time.Now()))

	fmt.Println(answer.Code)
	// Output:
	// run r-1 has labs: 2
	// 200
}

func ExampleNewWebhookRequest() {
	receiver, _ := helios.NewReceiver(helios.WithWebhookSecret("whsec"))
	handler := receiver.Handler(func(_ context.Context, e *helios.Event) error {
		fmt.Println("got", e.Status)
		return nil
	})

	// Any body can be signed, here that of a status nobody knows yet.
	body := []byte(`{"runId":"r-1","status":"paused","sequenceNumber":9}`)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, heliostest.NewWebhookRequest("/webhook/helios", "whsec", body, time.Now()))

	fmt.Println(answer.Code)
	// Output:
	// got paused
	// 200
}
