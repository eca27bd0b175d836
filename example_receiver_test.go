package helios_test

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

func ExampleReceiver_Handler() {
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret("whsec")) // without options: HELIOS_WEBHOOK_SECRET
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("POST /webhook/helios", receiver.Handler(func(_ context.Context, e *helios.Event) error {
		fmt.Println(e.Status, e.Final()) // store e.Raw under e.RunID and e.SequenceNumber before you return nil
		return nil
	}))

	body := []byte(`{"runId":"r-1","status":"completed","sequenceNumber":9,"result":{}}`)
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, heliostest.NewWebhookRequest("/webhook/helios", "whsec", body, time.Now()))
	fmt.Println(answer.Code)
	// Output:
	// completed true
	// 200
}

func ExampleNewReceiver() {
	// While a new secret is being rolled out, deliveries signed with the old
	// one are still accepted.
	_, err := helios.NewReceiver(helios.WithWebhookSecret("new"), helios.WithPreviousSecrets("old"))
	fmt.Println(err)
	_, err = helios.NewReceiver(helios.WithWebhookSecret(""))
	fmt.Println(errors.Is(err, helios.ErrMissingWebhookSecret))
	// Output:
	// <nil>
	// true
}

// A secret that is rotated without a restart.
func ExampleWithWebhookSecretSource() {
	secrets := []string{"old"} // a real source asks a vault, and caches its answer
	receiver, err := helios.NewReceiver(helios.WithWebhookSecretSource(func(context.Context) ([]string, error) {
		return secrets, nil
	}))
	if err != nil {
		fmt.Println(err)
		return
	}

	body := []byte(`{"runId":"r-1","status":"completed","sequenceNumber":9,"result":{}}`)
	fmt.Println(receiver.VerifySignature(body, heliostest.Sign("new", body, time.Now())))
	secrets = []string{"new", "old"} // the current one first
	fmt.Println(receiver.VerifySignature(body, heliostest.Sign("new", body, time.Now())))
	// Output:
	// helios: invalid webhook: the signature does not match
	// <nil>
}

// Metrics without a dependency, and a place for bodies that are no event.
func ExampleWithReceiverObserver() {
	receiver, err := helios.NewReceiver(
		helios.WithWebhookSecret("whsec"),
		helios.WithReceiverObserver(func(_ context.Context, d helios.Delivery) {
			fmt.Println(d.StatusCode, d.Reason, d.Bytes, "bytes")
		}),
		helios.WithMalformedHandler(func(_ context.Context, e *helios.MalformedEventError) error {
			fmt.Println(e) // store e.Raw before you return nil
			return nil
		}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := receiver.Handler(func(context.Context, *helios.Event) error { return nil })

	for _, body := range []string{`{"runId":"r-1","status":"completed","result":{}}`, `[]`} {
		req := heliostest.NewWebhookRequest("/", "whsec", []byte(body), time.Now())
		handler.ServeHTTP(httptest.NewRecorder(), req)
	}
	handler.ServeHTTP(httptest.NewRecorder(), heliostest.NewWebhookRequest("/", "forger", []byte(`{}`), time.Now()))
	// Output:
	// 200 accepted 48 bytes
	// helios: malformed event: the body is not a JSON object
	// 200 malformed 2 bytes
	// 401 signature 2 bytes
}

func ExampleVerifyWebhook() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, err := helios.VerifyWebhook(r, "whsec")
		if err != nil {
			http.Error(w, "refused", http.StatusUnauthorized)
			return
		}
		fmt.Println(event.RunID, event.Status)
	})

	body := []byte(`{"runId":"r-1","status":"completed","sequenceNumber":9,"result":{}}`)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, heliostest.NewWebhookRequest("/", "whsec", body, time.Now()))
	fmt.Println(answer.Code)

	answer = httptest.NewRecorder()
	handler.ServeHTTP(answer, heliostest.NewWebhookRequest("/", "another secret", body, time.Now()))
	fmt.Println(answer.Code)
	// Output:
	// r-1 completed
	// 200
	// 401
}

func ExampleVerifyWebhookPayload() {
	// An AWS Lambda gets a body and a map of headers, whose names are in lower
	// case.
	body := []byte(`{"runId":"r-1","status":"processing","sequenceNumber":2}`)
	signed := heliostest.Sign("whsec", body, time.Now())
	header := http.Header{
		"x-helios-signature": signed["X-Helios-Signature"],
		"x-helios-timestamp": signed["X-Helios-Timestamp"],
	}
	event, err := helios.VerifyWebhookPayload(body, header, "whsec")
	fmt.Println(event.RunID, event.Final(), err)
	// Output: r-1 false <nil>
}

func ExampleParseEvent() {
	stored := []byte(`{"runId": "r-1", "status": "completed", "sequenceNumber": 7,
		"result": {"patientResponse": "All is well."}}`)
	event, err := helios.ParseEvent(stored)
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := event.Result()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(event.SequenceNumber, result.PatientResponse)
	// Output: 7 All is well.
}

// A result of another shape than documented gives what can be read.
func ExampleResultError() {
	event, err := helios.ParseEvent([]byte(`{"runId": "r-1", "status": "completed", "sequenceNumber": 7,
		"result": {
			"patientResponse": "All is well.",
			"labResults": [{"name": "Sodium", "value": 140}],
			"researchTasks": {}
		}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := event.Result()
	var shape *helios.ResultError
	if !errors.As(err, &shape) {
		fmt.Println(err)
		return
	}
	fmt.Println(result.PatientResponse, result.LabResults[0].Value)
	for _, f := range shape.Fields {
		fmt.Println(f.Field, f.Message)
	}
	// Output:
	// All is well. 140
	// researchTasks is an object, not a list
}
