// Prometheus serves the metrics of heliosotel to Prometheus, by OpenTelemetry's
// own exporter.
//
//	cd otel/examples/prometheus && GOWORK=off go run .
//
// It submits to a fake Helios on this machine, makes everything go wrong that
// can, prints what a scrape gets, and stops. With -serve localhost:9464 it
// serves the scrape until it is interrupted. It needs neither a key nor a
// network.
//
// Beside it, alerts.yml has alert rules and dashboard.json a Grafana dashboard
// for these metrics.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	heliosotel "github.com/heliosai/helios-go/otel"
)

func main() {
	serve := flag.String("serve", "", "address to serve the metrics at, such as localhost:9464, until interrupted")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	if err := run(ctx, os.Stdout, *serve); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, serve string) error {
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return err
	}
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter))
	defer func() { _ = provider.Shutdown(context.WithoutCancel(ctx)) }()

	svc, err := newService(ctx, heliosotel.New(heliosotel.WithMeterProvider(provider)))
	if err != nil {
		return err
	}
	defer svc.close()
	if err := svc.work(ctx); err != nil {
		return err
	}

	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	if err := printScrape(out, metrics); err != nil {
		return err
	}
	if serve == "" {
		return nil
	}
	fmt.Fprintf(out, "\nServing http://%s/metrics until interrupted.\n", serve)
	return listen(ctx, serve, metrics)
}

// printScrape prints what Prometheus gets of heliosotel.
func printScrape(out io.Writer, metrics http.Handler) error {
	answer := httptest.NewRecorder()
	metrics.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if answer.Code != http.StatusOK {
		return fmt.Errorf("the scrape was answered with %d: %s", answer.Code, answer.Body)
	}

	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if !strings.Contains(lines.Text(), "helios_") {
			continue
		}
		if _, err := fmt.Fprintln(out, lines.Text()); err != nil {
			return err
		}
	}
	return nil
}

// listen serves the metrics until ctx ends.
func listen(ctx context.Context, address string, metrics http.Handler) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 5 * time.Second}

	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := server.Shutdown(ctx)
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		return served
	}
	return err
}
