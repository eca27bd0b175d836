package heliosotel_test

import (
	"context"
	"fmt"
	"log"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
	heliosotel "github.com/heliosai/helios-go/otel"
)

// A Submit, its attempt, and where each of them is recorded.
func ExampleNew() {
	fake := heliostest.NewServer() // for this example; the real service needs none of it
	defer fake.Close()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)) // yours has an exporter

	tel := heliosotel.New(heliosotel.WithTracerProvider(provider))
	client, err := helios.NewClient(append(tel.ClientOptions(),
		helios.WithAPIKey(fake.APIKey), helios.WithBaseURL(fake.URL),
		helios.WithWebhookURL("http://127.0.0.1:9/webhook/helios"))...)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.LabResults.Submit(context.Background(), &helios.LabResultsRequest{
		LabResults: []helios.LabResult{{Name: "Sodium", Value: "140 mmol/L"}},
	}); err != nil {
		log.Fatal(err)
	}

	for _, span := range spans.Ended() {
		fmt.Println(span.SpanKind(), span.Name())
	}
	// Output:
	// client POST /api/v1/lab-results
	// internal helios.submit
}
