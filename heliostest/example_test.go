package heliostest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

func ExampleNewServer() {
	srv := heliostest.NewServer()
	defer srv.Close()
	receiver, _ := helios.NewReceiver(helios.WithWebhookSecret(srv.WebhookSecret))
	tracker := helios.NewTracker()
	hook := httptest.NewServer(receiver.Handler(tracker.Handle))
	defer hook.Close()
	client, _ := helios.NewClient(helios.WithAPIKey(srv.APIKey), helios.WithBaseURL(srv.URL), helios.WithWebhookURL(hook.URL))
	defer client.CloseIdleConnections()

	ctx := context.Background()
	run, err := client.LabResults.Submit(ctx, &helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "Sodium", Value: "140 mmol/L"}}})
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
	client, _ := helios.NewClient(helios.WithAPIKey(srv.APIKey), helios.WithBaseURL(srv.URL), helios.WithWebhookURL(hook.URL))
	defer client.CloseIdleConnections()

	srv.Inject(heliostest.DropAnswer()) // the next submission is accepted, and its answer is lost
	_, err := client.LabResults.Submit(context.Background(), &helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "Sodium", Value: "140 mmol/L"}}})
	fmt.Println(errors.Is(err, helios.ErrOutcomeUnknown), "paid:", srv.Accepted(hook.URL))
	// Output: true paid: 1
}

func ExampleNewWebhookRequest() {
	receiver, _ := helios.NewReceiver(helios.WithWebhookSecret("whsec"))
	handler := receiver.Handler(func(_ context.Context, e *helios.Event) error {
		fmt.Println("got", e.Status)
		return nil
	})
	answer := httptest.NewRecorder()
	body := []byte(`{"runId":"r-1","status":"completed","sequenceNumber":9,"result":{}}`)
	handler.ServeHTTP(answer, heliostest.NewWebhookRequest("/webhook/helios", "whsec", body, time.Now()))
	fmt.Println(answer.Code)
	// Output:
	// got completed
	// 200
}
