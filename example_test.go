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

// newService starts a fake Helios, a receiver for its webhooks and a client, so that the examples run by themselves. A real program takes
// all settings from the environment.
func newService() (client *helios.Client, tracker *helios.Tracker, fake *heliostest.Server, stop func()) {
	fake = heliostest.NewServer(heliostest.WithStepInterval(time.Millisecond))
	receiver, _ := helios.NewReceiver(helios.WithWebhookSecret(fake.WebhookSecret))
	tracker = helios.NewTracker()
	hook := httptest.NewServer(receiver.Handler(tracker.Handle))
	client, _ = helios.NewClient(helios.WithAPIKey(fake.APIKey), helios.WithBaseURL(fake.URL), helios.WithWebhookURL(hook.URL))
	return client, tracker, fake, func() { client.CloseIdleConnections(); fake.Close(); hook.Close() }
}

func ExampleNewClient() {
	client, err := helios.NewClient( // without options: HELIOS_API_KEY and HELIOS_WEBHOOK_URL
		helios.WithAPIKey("sk_live_example"),
		helios.WithWebhookURL("https://api.customer.example/webhook/helios"),
		helios.WithMaxRetryWait(2*time.Minute), // long enough for the Retry-After of a 429
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%+v\n", client) // never prints the key
	// Output: helios.Client{https://api.heliosai.health}
}

func ExampleAgentService_Submit() {
	client, tracker, _, stop := newService()
	defer stop()
	ctx := context.Background()
	run, err := client.Agent.Submit(ctx, &helios.AgentRequest{AgentType: helios.AgentLight, Data: helios.HealthData{
		PatientInfo: &helios.PatientInfo{Age: new(45), Gender: "male"},
		RecentAbnormalLabs: []helios.Lab{{
			Date: "2025-01-15", Display: "Hemoglobin A1c", Value: "7.2", Unit: "%", ReferenceRange: "4.0-5.6", Interpretation: "High",
		}},
		Extra: map[string]any{"imaging": []map[string]string{{"display": "Chest X-ray", "date": "2025-01-10"}}}, // a category without a field
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	event, err := tracker.Wait(ctx, run.ID, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := event.Result()
	fmt.Println(event.Agent, event.Status, result.SelectedElements[0].Item, err)
	// Output: light completed Hemoglobin A1c <nil>
}

func ExampleLabResultsService_Submit() {
	client, tracker, _, stop := newService()
	defer stop()
	ctx := context.Background()
	run, err := client.LabResults.Submit(ctx, &helios.LabResultsRequest{
		LabResults: []helios.LabResult{{
			Name: "Creatinine", Value: "1.8 mg/dL", Flag: helios.FlagHigh, ReferenceRange: "0.7-1.3 mg/dL", Date: "2025-01-15", Category: "Renal",
		}},
		PatientContext: &helios.PatientContext{Age: "58", Gender: "male"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(run.Status, run.Concurrency.Active, "of", run.Concurrency.Limit)
	event, err := tracker.Wait(ctx, run.ID, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := event.Result()
	fmt.Println(result.Metadata.LabsAnalyzed, "analyzed", err)
	// Output:
	// accepted 1 of 7
	// 1 analyzed <nil>
}

// The whole error handling of a submission.
func ExampleOutcomeUnknownError() {
	client, _, fake, stop := newService()
	defer stop()
	fake.Inject(heliostest.DropAnswer()) // accepted, but the answer is lost

	_, err := client.LabResults.Submit(context.Background(), &helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "Sodium", Value: "140"}}})
	var invalid *helios.ValidationError
	var limit *helios.ConcurrencyLimitError
	switch {
	case err == nil:
	case errors.As(err, &invalid):
		fmt.Println("not sent:", invalid.Fields)
	case errors.Is(err, helios.ErrUnauthorized):
		fmt.Println("check HELIOS_API_KEY")
	case errors.As(err, &limit):
		fmt.Println("again in", limit.RetryAfter)
	case errors.Is(err, helios.ErrOutcomeUnknown):
		fmt.Println("it may run: wait for its webhook, do not send it again")
	default:
		fmt.Println("not accepted:", err)
	}
	// Output: it may run: wait for its webhook, do not send it again
}

func ExampleValidationError() {
	client, _, _, stop := newService()
	defer stop()
	_, err := client.LabResults.Submit(context.Background(), &helios.LabResultsRequest{
		WebhookURL: "http://api.customer.example/hook",
		LabResults: []helios.LabResult{{Name: "Sodium", Value: "140"}, {Value: "4.4"}},
	})
	var invalid *helios.ValidationError
	if errors.As(err, &invalid) {
		for _, f := range invalid.Fields {
			fmt.Println(f.Field, f.Message)
		}
	}
	// Output:
	// webhookUrl must be https (http only to a loopback host)
	// labResults[1].name is required
}

func ExampleConcurrencyLimitError() {
	client, _, fake, stop := newService()
	defer stop()
	fake.Inject(heliostest.Status(http.StatusTooManyRequests))
	_, err := client.LabResults.Submit(context.Background(), &helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "Sodium", Value: "140"}}})
	var limit *helios.ConcurrencyLimitError
	if errors.As(err, &limit) {
		fmt.Println(limit.ActiveCount, "of", limit.Limit, "again in", limit.RetryAfter)
	}
	// Output: 7 of 7 again in 1m0s
}

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
	// While a new secret is being rolled out, deliveries signed with the old one are still accepted.
	_, err := helios.NewReceiver(helios.WithWebhookSecret("new"), helios.WithPreviousSecrets("old"))
	fmt.Println(err)
	_, err = helios.NewReceiver(helios.WithWebhookSecret(""))
	fmt.Println(errors.Is(err, helios.ErrMissingWebhookSecret))
	// Output:
	// <nil>
	// true
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
	handler.ServeHTTP(httptest.NewRecorder(), heliostest.NewWebhookRequest("/", "another secret", body, time.Now())) // prints nothing
	// Output:
	// r-1 completed
	// 200
}

func ExampleVerifyWebhookPayload() {
	// An AWS Lambda gets a body and a map of headers, whose names are in lower case.
	body := []byte(`{"runId":"r-1","status":"processing","sequenceNumber":2}`)
	signed := heliostest.Sign("whsec", body, time.Now())
	header := http.Header{
		"x-helios-signature": signed["X-Helios-Signature"],
		"x-helios-timestamp": signed["X-Helios-Timestamp"],
		"x-helios-run-id":    {"r-1"},
	}
	event, err := helios.VerifyWebhookPayload(body, header, "whsec")
	fmt.Println(event.RunID, event.Final(), err)
	// Output: r-1 false <nil>
}

func ExampleTracker_Wait() {
	client, tracker, _, stop := newService()
	defer stop()
	ctx := context.Background()
	run, err := client.LabResults.Submit(ctx, &helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "Sodium", Value: "140"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	event, err := tracker.Wait(ctx, run.ID, func(e *helios.Event) {
		step := e.Progress()
		fmt.Printf("%d/%d %s\n", step.Step, step.Total, step.Name)
	})
	fmt.Println(event.Status, err)
	// Output:
	// 1/8 Processing started
	// 2/8 Analyzing health data
	// 3/8 Selecting relevant elements
	// 4/8 Researching medical literature
	// 5/8 Generating patient response
	// 6/8 Generating clinician response
	// 7/8 Finalizing results
	// 8/8 Delivering final results
	// completed <nil>
}

func ExampleRunError() {
	client, tracker, fake, stop := newService()
	defer stop()
	fake.Inject(heliostest.FailRun("the model gave up"))
	ctx := context.Background()
	run, err := client.LabResults.Submit(ctx, &helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "Sodium", Value: "140"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = tracker.Wait(ctx, run.ID, nil)
	var failed *helios.RunError
	if errors.As(err, &failed) {
		fmt.Println(failed.RunID == run.ID, failed.Message)
	}
	// Output: true the model gave up
}

func ExampleWebhookURL() {
	u, err := helios.WebhookURL("https://api.customer.example/webhook/helios?tenant=a", struct {
		Order string `url:"order"`
	}{"o-17"})
	fmt.Println(u, err)
	// Output: https://api.customer.example/webhook/helios?tenant=a&order=o-17 <nil>
}

func ExampleParseEvent() {
	stored := []byte(`{"runId": "550e8400-e29b-41d4-a716-446655440000", "status": "completed", "sequenceNumber": 7, "result": {"patientResponse": "All is well."}}`)
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

func ExampleLabResultsService_Validate() {
	client, err := helios.NewClient(helios.WithAPIKey("sk_live_example"), helios.WithWebhookURL("https://api.customer.example/webhook/helios"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(client.LabResults.Validate(&helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "Sodium"}}}))
	// Output: helios: invalid request: labResults[0].value: is required
}

func ExampleNewestLabResults() {
	labs := make([]helios.LabResult, 0, 201)
	for i := range 201 {
		labs = append(labs, helios.LabResult{Name: "Glucose", Value: "5.4", Date: time.Date(2024, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)})
	}
	newest, dropped := helios.NewestLabResults(labs)
	fmt.Println(len(newest), newest[0].Date, len(dropped), dropped[0].Date)
	// Output: 200 2024-07-19 1 2024-01-01
}

func ExampleClient_Do() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, `{"asked": %q}`, r.URL) }))
	defer api.Close()
	client, err := helios.NewClient(helios.WithAPIKey("sk_live_example"), helios.WithBaseURL(api.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdleConnections()
	var out struct{ Asked string }
	resp, err := client.Do(context.Background(), http.MethodGet, "/api/v1/new-endpoint", struct {
		Page int `url:"page"`
	}{2}, nil, &out)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(resp.StatusCode, out.Asked)
	// Output: 200 /api/v1/new-endpoint?page=2
}
