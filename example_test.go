package helios_test

import (
	"context"
	"errors"
	"expvar"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

// newService starts a fake Helios, a receiver for its webhooks and a client, so
// that the examples run by themselves. A real program takes all settings from
// the environment.
func newService(opts ...helios.ClientOption) (
	client *helios.Client, tracker *helios.Tracker, fake *heliostest.Server, stop func(),
) {
	fake = heliostest.NewServer(heliostest.WithStepInterval(time.Millisecond))
	receiver, _ := helios.NewReceiver(helios.WithWebhookSecret(fake.WebhookSecret))
	tracker = helios.NewTracker()
	hook := httptest.NewServer(receiver.Handler(tracker.Handle))
	client, _ = helios.NewClient(append([]helios.ClientOption{
		helios.WithAPIKey(fake.APIKey), helios.WithBaseURL(fake.URL), helios.WithWebhookURL(hook.URL),
	}, opts...)...)

	return client, tracker, fake, func() {
		client.CloseIdleConnections()
		fake.Close()
		hook.Close()
	}
}

// sodium is a request that is valid.
func sodium() *helios.LabResultsRequest {
	return &helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "Sodium", Value: "140 mmol/L"}}}
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

// A wrong setting is found when the service starts, not when the first run is
// paid and its result lost.
func ExampleNewClient_settings() {
	_, err := helios.NewClient(
		helios.WithAPIKey("sk_live_example"),
		helios.WithWebhookURL("https://10.0.0.5/webhook/helios"),
	)
	fmt.Println(err)
	// Output: helios: WithWebhookURL: its host is a private address, which the service cannot reach over the internet
}

func ExampleAgentService_Submit() {
	client, tracker, _, stop := newService()
	defer stop()

	ctx := context.Background()
	run, err := client.Agent.Submit(ctx, &helios.AgentRequest{
		AgentType: helios.AgentLight,
		Data: helios.HealthData{
			PatientInfo: &helios.PatientInfo{Age: new(45), Gender: "male"},
			RecentAbnormalLabs: []helios.Lab{{
				Date: "2025-01-15", Display: "Hemoglobin A1c", Value: "7.2", Unit: "%",
				ReferenceRange: "4.0-5.6", Interpretation: "High",
			}},
			Extra: map[string]any{ // a category without a field
				"imaging": []map[string]string{{"display": "Chest X-ray", "date": "2025-01-10"}},
			},
		},
	})
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
			Name: "Creatinine", Value: "1.8 mg/dL", Flag: helios.FlagHigh, ReferenceRange: "0.7-1.3 mg/dL",
			Date: "2025-01-15", Category: "Renal",
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

// labsSubmitter is what an application needs of [helios.LabResultsService]. The
// service has the method; so has a mock.
type labsSubmitter interface {
	Submit(context.Context, *helios.LabResultsRequest, ...helios.CallOption) (*helios.Run, error)
}

// busyLabs is a mock of a service whose slots are all taken.
type busyLabs struct{}

func (busyLabs) Submit(context.Context, *helios.LabResultsRequest, ...helios.CallOption) (*helios.Run, error) {
	return nil, &helios.ConcurrencyLimitError{RetryAfter: time.Minute}
}

// order is a part of the application under test.
func order(ctx context.Context, labs labsSubmitter, req *helios.LabResultsRequest) string {
	run, err := labs.Submit(ctx, req)
	if errors.Is(err, helios.ErrConcurrencyLimit) {
		return "queued: " + err.Error()
	}
	if err != nil {
		return "failed: " + err.Error()
	}
	return "ordered as " + run.Status
}

// An application that takes an interface of one method can be tested without a
// server. Errors are made by hand.
func ExampleLabResultsService_mock() {
	client, _, _, stop := newService()
	defer stop()

	fmt.Println(order(context.Background(), client.LabResults, sodium()))
	fmt.Println(order(context.Background(), busyLabs{}, sodium()))
	// Output:
	// ordered as accepted
	// queued: helios: 429 Too Many Requests: retry after 1m0s
}

// Middleware sees each attempt, without the API key. With OpenTelemetry:
//
//	helios.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
//		return otelhttp.NewTransport(next)
//	})
func ExampleWithMiddleware() {
	logging := func(next http.RoundTripper) http.RoundTripper {
		return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if err != nil {
				return nil, err
			}
			fmt.Printf("%s %s: %d, key %q\n", req.Method, req.URL.Path, resp.StatusCode, req.Header.Get("x-api-key"))
			return resp, nil
		})
	}
	client, _, _, stop := newService(helios.WithMiddleware(logging))
	defer stop()

	run, err := client.LabResults.Submit(context.Background(), sodium())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(run.Status)
	// Output:
	// POST /api/v1/lab-results: 200, key ""
	// accepted
}

type roundTripperFunc func(*http.Request) (*http.Response, error)

func (f roundTripperFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// An observer counts what calls came to. Outcome has few values, so that it can
// be a label of a metric; expvar.Map and Prometheus counters are safe for
// concurrent use, as an observer must be.
func ExampleWithObserver() {
	calls := new(expvar.Map)
	client, _, fake, stop := newService(
		helios.WithObserver(func(_ context.Context, call helios.Call) {
			calls.Add(call.Agent+" "+string(call.Outcome), 1)
		}))
	defer stop()

	ctx := context.Background()
	_, _ = client.LabResults.Submit(ctx, sodium())
	_, _ = client.LabResults.Submit(ctx, nil)
	fake.Inject(heliostest.DropAnswer())
	_, _ = client.LabResults.Submit(ctx, sodium())

	fmt.Println(calls)
	// Output: {"lab-results accepted": 1, "lab-results invalid": 1, "lab-results unknown": 1}
}

// Options of one call win over those of the client: a user who waits gets an
// answer soon.
func ExampleCallOption() {
	client, _, fake, stop := newService()
	defer stop()
	fake.Inject(heliostest.Status(http.StatusTooManyRequests))

	_, err := client.LabResults.Submit(context.Background(), sodium(),
		helios.CallTimeout(5*time.Second),
		helios.CallMaxRetries(0),
		helios.CallHeader("X-Request-Id", "req-17"),
	)
	fmt.Println(err)
	// Output: helios: POST /api/v1/lab-results: 429 Too Many Requests: 7 of 7 concurrent runs are active: retry after 1m0s
}

// In a network of one's own, as between the containers of a development setup,
// neither side needs a certificate or a name on the internet.
func ExampleWithPlainHTTP() {
	client, err := helios.NewClient(
		helios.WithPlainHTTP(),
		helios.WithAPIKey("sk_live_example"),
		helios.WithBaseURL("http://helios-emulator:8080"),
		helios.WithWebhookURL("http://app:9090/webhook/helios"),
	)
	fmt.Println(client, err)
	// Output: helios.Client{http://helios-emulator:8080} <nil>
}

// The whole error handling of a submission.
func ExampleOutcomeUnknownError() {
	client, _, fake, stop := newService()
	defer stop()
	fake.Inject(heliostest.DropAnswer()) // accepted, but the answer is lost

	_, err := client.LabResults.Submit(context.Background(), sodium())

	var invalid *helios.ValidationError
	var limit *helios.ConcurrencyLimitError
	switch {
	case err == nil:
	case errors.Is(err, helios.ErrOutcomeUnknown): // first: it may hold a 401 or 429 from a later attempt
		fmt.Println("it may run: wait for its webhook, do not send it again")
	case errors.As(err, &invalid):
		fmt.Println("not sent:", invalid.Fields)
	case errors.Is(err, helios.ErrUnauthorized):
		fmt.Println("check HELIOS_API_KEY")
	case errors.As(err, &limit):
		fmt.Println("again in", limit.RetryAfter)
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
	// webhookUrl must be https (http only between loopback hosts, or with WithPlainHTTP)
	// labResults[1].name is required
}

func ExampleConcurrencyLimitError() {
	client, _, fake, stop := newService()
	defer stop()
	fake.Inject(heliostest.Status(http.StatusTooManyRequests))

	_, err := client.LabResults.Submit(context.Background(), sodium())

	var limit *helios.ConcurrencyLimitError
	if errors.As(err, &limit) {
		fmt.Println(limit.ActiveCount, "of", limit.Limit, "again in", limit.RetryAfter)
	}
	// Output: 7 of 7 again in 1m0s
}

func ExampleTracker_Wait() {
	client, tracker, _, stop := newService()
	defer stop()

	ctx := context.Background()
	run, err := client.LabResults.Submit(ctx, sodium())
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
	run, err := client.LabResults.Submit(ctx, sodium())
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

func ExampleLabResultsService_Validate() {
	client, err := helios.NewClient(
		helios.WithAPIKey("sk_live_example"),
		helios.WithWebhookURL("https://api.customer.example/webhook/helios"),
	)
	if err != nil {
		fmt.Println(err)
		return
	}

	req := &helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "Sodium"}}}
	fmt.Println(client.LabResults.Validate(req))
	// Output: helios: invalid request: labResults[0].value: is required
}

func ExampleNewestLabResults() {
	labs := make([]helios.LabResult, 0, 201)
	for i := range 201 {
		day := time.Date(2024, 1, 1+i, 0, 0, 0, 0, time.UTC)
		labs = append(labs, helios.LabResult{Name: "Glucose", Value: "5.4", Date: day.Format(time.DateOnly)})
	}

	newest, dropped := helios.NewestLabResults(labs)
	fmt.Println(len(newest), newest[0].Date, len(dropped), dropped[0].Date)
	// Output: 200 2024-07-19 1 2024-01-01
}

func ExampleClient_Do() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"asked": %q}`, r.URL)
	}))
	defer api.Close()

	client, err := helios.NewClient(helios.WithAPIKey("sk_live_example"), helios.WithBaseURL(api.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdleConnections()

	query := struct {
		Page int `url:"page"`
	}{2}
	var out struct{ Asked string }
	resp, err := client.Do(context.Background(), http.MethodGet, "/api/v1/new-endpoint", query, nil, &out)
	if err != nil {
		fmt.Println(err)
		return
	}

	fmt.Println(resp.StatusCode, out.Asked)
	// Output: 200 /api/v1/new-endpoint?page=2
}
