// Webhook is a receiver as it runs in production: bounded timeouts, structured
// logs without health data, and a graceful stop on SIGTERM that lets deliveries
// under way finish.
//
//	go run ./examples/webhook
//
// With HELIOS_WEBHOOK_SECRET it listens on ADDR (":8080" if unset) until it is
// stopped. Without it, it demonstrates itself: it submits one run to a fake
// Helios on this machine, receives its events and stops.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

func main() {
	// A log that nobody reads any more must not end the receiver.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	os.Exit(run(ctx, os.Stdout, os.Stderr))
}

// run returns the exit code: 1 if the receiver failed, or its log was lost.
func run(ctx context.Context, stdout, stderr io.Writer) int {
	out := &logWriter{out: stdout}
	log := slog.New(slog.NewTextHandler(out, nil))
	serve := demonstrate
	if os.Getenv(helios.EnvWebhookSecret) != "" {
		serve = listenAndServe
	}

	if err := serve(ctx, log); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	if err := out.firstError(); err != nil {
		fmt.Fprintln(stderr, "the log has gaps:", err)
		return 1
	}
	return 0
}

// listenAndServe receives until ctx ends.
func listenAndServe(ctx context.Context, log *slog.Logger) error {
	receiver, err := newReceiver(log)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cmp.Or(os.Getenv("ADDR"), ":8080"))
	if err != nil {
		return err
	}

	return serve(ctx, log, listener, receiver, func(*helios.Event) {})
}

// demonstrate receives the events of one run of a fake Helios.
func demonstrate(ctx context.Context, log *slog.Logger) error {
	fake := heliostest.NewServer(heliostest.WithStepInterval(50 * time.Millisecond))
	defer fake.Close()
	receiver, err := newReceiver(log, helios.WithWebhookSecret(fake.WebhookSecret))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	client, err := helios.NewClient(helios.WithAPIKey(fake.APIKey), helios.WithBaseURL(fake.URL),
		helios.WithWebhookURL("http://"+listener.Addr().String()+webhookPath))
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()

	// Receive before you submit: the first webhook can be faster than the
	// answer to the submission.
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() {
		served <- serve(ctx, log, listener, receiver, func(event *helios.Event) {
			if event.Final() {
				log.InfoContext(ctx, "that was the final event, stopping")
				stop()
			}
		})
	}()

	accepted, err := client.LabResults.Submit(ctx, &helios.LabResultsRequest{LabResults: []helios.LabResult{
		{Name: "Creatinine", Value: "1.8 mg/dL", Flag: helios.FlagHigh, Date: "2025-01-15"},
	}})
	if err != nil {
		stop()
		<-served
		return err
	}
	log.InfoContext(ctx, "submitted", "run", accepted.ID)
	return <-served
}

// logWriter keeps the first error of a log, which slog ignores.
type logWriter struct {
	out io.Writer

	mu  sync.Mutex
	err error
}

func (w *logWriter) Write(p []byte) (int, error) {
	n, err := w.out.Write(p)

	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = cmp.Or(w.err, err)
	return n, err
}

func (w *logWriter) firstError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}
