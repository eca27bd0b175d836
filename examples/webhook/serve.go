package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/heliosai/helios-go"
)

const (
	webhookPath = "/webhook/helios"
	gracePeriod = 20 * time.Second // less than what a container is given to stop, 30s in Kubernetes
)

func newReceiver(log *slog.Logger, opts ...helios.ReceiverOption) (*helios.Receiver, error) {
	return helios.NewReceiver(append(opts,
		helios.WithReceiverLogger(log),
		helios.WithMalformedHandler(func(ctx context.Context, malformed *helios.MalformedEventError) error {
			return storeMalformed(ctx, log, malformed)
		}))...)
}

// serve receives until ctx ends and the last delivery has been answered. It
// calls handled after each event.
func serve(ctx context.Context, log *slog.Logger, listener net.Listener, receiver *helios.Receiver,
	handled func(*helios.Event)) error {
	mux := http.NewServeMux()
	mux.Handle("POST "+webhookPath, receiver.Handler(func(ctx context.Context, event *helios.Event) error {
		if err := store(ctx, log, event); err != nil {
			return err
		}
		handled(event)
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

	log.InfoContext(ctx, "listening", "addr", listener.Addr().String())
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}

	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), gracePeriod)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	<-failed
	return err
}

// storeMalformed is where malformed.Raw is kept for a person to look at: it is
// signed by Helios and may be a result in a shape that this program does not
// know.
func storeMalformed(ctx context.Context, log *slog.Logger, malformed *helios.MalformedEventError) error {
	log.ErrorContext(ctx, "no event, kept", "reason", malformed.Error(), "bytes", len(malformed.Raw))
	return nil
}

// store is where event.Raw is written to a database, with a unique key over run
// id, sequence number and status, and committed. Only then it returns nil:
// Helios sends a result once, and the answer 200 says that it is safe. An error
// makes the answer 500.
func store(ctx context.Context, log *slog.Logger, event *helios.Event) error {
	attrs := []any{"run", event.RunID, "number", event.SequenceNumber, "status", event.Status, "bytes", len(event.Raw)}
	if step := event.Progress(); step.Name != "" {
		attrs = append(attrs, "step", step.Name)
	}
	log.InfoContext(ctx, "event", attrs...)
	return nil
}
