// Webhook is a receiver as it runs in production: bounded timeouts, structured logs without health data, and a graceful stop on SIGTERM that
// lets deliveries under way finish.
//
//	go run ./examples/webhook
//
// With HELIOS_WEBHOOK_SECRET it listens on ADDR (":8080" if unset) until it is stopped. Without, it shows itself: it submits one run to a fake Helios on
// this machine, receives its events and stops.
package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stdout, nil))
	var err error
	if os.Getenv(helios.EnvWebhookSecret) != "" {
		err = listenAndServe(ctx, log)
	} else {
		err = demonstrate(ctx, log)
	}
	if err != nil {
		log.Error("stopped", "err", err)
		os.Exit(1)
	}
}

func listenAndServe(ctx context.Context, log *slog.Logger) error {
	receiver, err := helios.NewReceiver(helios.WithReceiverLogger(log))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cmp.Or(os.Getenv("ADDR"), ":8080"))
	if err != nil {
		return err
	}
	return serve(ctx, log, listener, receiver, func(*helios.Event) {})
}

// serve runs until ctx ends and the last delivery has been answered.
func serve(ctx context.Context, log *slog.Logger, listener net.Listener, receiver *helios.Receiver, handled func(*helios.Event)) error {
	mux := http.NewServeMux()
	mux.Handle("POST /webhook/helios", receiver.Handler(func(ctx context.Context, e *helios.Event) error {
		// Here e.Raw is written to a store, with a unique key over run id, sequence number and status, and committed. Only then return nil:
		// Helios sends a result once, and a 200 says that it is safe. An error makes the answer 500.
		log.InfoContext(ctx, "event", "run", e.RunID, "number", e.SequenceNumber, "status", e.Status, "step", e.Progress().Name, "bytes", len(e.Raw))
		handled(e)
		return nil
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		stopped <- server.Shutdown(grace)
	}()
	log.InfoContext(ctx, "listening", "addr", listener.Addr().String())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

func demonstrate(ctx context.Context, log *slog.Logger) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	fake := heliostest.NewServer(heliostest.WithStepInterval(50 * time.Millisecond))
	defer fake.Close()
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret(fake.WebhookSecret), helios.WithReceiverLogger(log))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	client, err := helios.NewClient(helios.WithAPIKey(fake.APIKey), helios.WithBaseURL(fake.URL),
		helios.WithWebhookURL("http://"+listener.Addr().String()+"/webhook/helios"))
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	run, err := client.LabResults.Submit(ctx, &helios.LabResultsRequest{LabResults: []helios.LabResult{
		{Name: "Creatinine", Value: "1.8 mg/dL", Flag: helios.FlagHigh, ReferenceRange: "0.7-1.3 mg/dL", Date: "2025-01-15"},
	}})
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "submitted", "run", run.ID)
	return serve(ctx, log, listener, receiver, func(e *helios.Event) {
		if e.Final() {
			log.InfoContext(ctx, "final event received, stopping")
			stop()
		}
	})
}
