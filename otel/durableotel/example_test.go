package durableotel_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/heliostest"
	heliosotel "github.com/heliosai/helios-go/otel"
	"github.com/heliosai/helios-go/otel/durableotel"
)

// An engine whose store is measured: one submission waits in it.
func Example() {
	ctx := context.Background()
	fake := heliostest.NewServer() // for this example; the real service needs none of it
	defer fake.Close()
	dir, err := os.MkdirTemp("", "durableotel-")
	check(err)
	defer os.RemoveAll(dir)
	reader := sdkmetric.NewManualReader() // yours is an exporter's

	tel := heliosotel.New(heliosotel.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))))
	client, err := helios.NewClient(append(tel.ClientOptions(), helios.WithAPIKey(fake.APIKey),
		helios.WithBaseURL(fake.URL), helios.WithWebhookURL("http://127.0.0.1:9/webhook/helios"))...)
	check(err)
	receiver, err := helios.NewReceiver(append(tel.ReceiverOptions(), helios.WithWebhookSecret(fake.WebhookSecret))...)
	check(err)
	eng, err := durable.OpenSQLite(ctx, filepath.Join(dir, "helios.db"), client, receiver, durableotel.Options(tel)...)
	check(err)
	defer eng.Close()
	registration, err := durableotel.RegisterStats(tel, eng)
	check(err)
	defer func() { _ = registration.Unregister() }()

	_, err = eng.SubmitLabResults(ctx, "order-4711", &helios.LabResultsRequest{
		LabResults: []helios.LabResult{{Name: "Sodium", Value: "140 mmol/L"}},
	})
	check(err)

	var collected metricdata.ResourceMetrics
	check(reader.Collect(ctx, &collected))
	for _, m := range collected.ScopeMetrics[0].Metrics {
		if gauge, ok := m.Data.(metricdata.Gauge[int64]); ok && m.Name == "helios.durable.submissions" {
			for _, point := range gauge.DataPoints {
				if state, _ := point.Attributes.Value("state"); state.String() == "queued" {
					fmt.Println(m.Name, state.String(), point.Value)
				}
			}
		}
	}
	// Output:
	// helios.durable.submissions queued 1
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
