package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/heliosai/helios-go"
)

// cell is what came of one behaviour over one transport.
type cell struct {
	whole   int         // whole requests that servers got
	limited int         // of these, the ones that were answered 429
	call    helios.Call // what the client's observer saw
	err     error
	logged  string
}

// String gives the number of whole requests, the outcome, and the number of
// attempts where it is not 1.
func (c cell) String() string {
	s := fmt.Sprintf("%d %s", c.whole, c.call.Outcome)
	if c.call.Attempts != 1 {
		s += fmt.Sprintf(" (%d)", c.call.Attempts)
	}
	return s
}

// measure submits once over the column's transport to what behaves like b.
func (w *world) measure(ctx context.Context, b behaviour, col column) (c cell, err error) {
	s := w.newStage()
	defer s.close()
	b.set(s)

	var logged bytes.Buffer // the client logs on the goroutine of its caller
	logger := slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	opts := append([]helios.ClientOption{
		helios.WithAPIKey(apiKey),
		helios.WithBaseURL(s.url),
		helios.WithWebhookURL("https://hooks.customer.example/webhook/helios"),
		helios.WithTimeout(10 * time.Second), // of which no right cell needs more than 2
		helios.WithMaxRetryWait(5 * time.Millisecond),
		helios.WithLogger(logger),
		helios.WithObserver(func(_ context.Context, call helios.Call) { c.call = call }),
	}, s.options...)
	client, err := col.client(s, opts)
	if err != nil {
		return c, err
	}
	defer client.CloseIdleConnections()

	if s.ready != nil {
		if err := s.makeReady(ctx, client); err != nil {
			return c, err
		}
	}
	_, c.err = client.LabResults.Submit(ctx, s.request())
	c.whole, c.limited = int(s.whole.Load()), int(s.limited.Load())
	c.logged = logged.String()
	return c, nil
}

// makeReady makes the first of two submissions.
func (s *stage) makeReady(ctx context.Context, client *helios.Client) error {
	if _, err := client.LabResults.Submit(ctx, s.request()); err != nil {
		return fmt.Errorf("first of two submissions: %w", err)
	}
	s.whole.Store(0)

	select {
	case <-s.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
