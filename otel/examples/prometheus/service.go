package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/heliostest"
	heliosotel "github.com/heliosai/helios-go/otel"
	"github.com/heliosai/helios-go/otel/durableotel"
)

// service is an application with a durable store, and the fake Helios that it
// talks to.
type service struct {
	fake     *heliostest.Server
	hook     *httptest.Server
	client   *helios.Client
	receiver *helios.Receiver
	engine   *durable.SQLiteEngine
	store    string
	stop     context.CancelFunc
	done     chan error
}

func newService(ctx context.Context, tel *heliosotel.Telemetry) (*service, error) {
	s := &service{fake: heliostest.NewServer(), stop: func() {}}
	mux := http.NewServeMux()
	s.hook = httptest.NewServer(mux)
	if err := s.open(ctx, tel); err != nil {
		s.close()
		return nil, err
	}
	mux.Handle("POST /webhook/helios", s.engine.WebhookHandler())

	ctx, s.stop = context.WithCancel(ctx)
	s.done = make(chan error, 1)
	go func() { s.done <- s.engine.Run(ctx) }()
	return s, nil
}

// open is what an application does.
func (s *service) open(ctx context.Context, tel *heliosotel.Telemetry) (err error) {
	s.client, err = helios.NewClient(append(tel.ClientOptions(),
		helios.WithAPIKey(s.fake.APIKey), helios.WithBaseURL(s.fake.URL),
		helios.WithWebhookURL(s.hook.URL+"/webhook/helios"))...)
	if err != nil {
		return err
	}
	s.receiver, err = helios.NewReceiver(append(tel.ReceiverOptions(),
		helios.WithWebhookSecret(s.fake.WebhookSecret))...)
	if err != nil {
		return err
	}

	if s.store, err = os.MkdirTemp("", "helios-prometheus-"); err != nil {
		return err
	}
	s.engine, err = durable.OpenSQLite(ctx, filepath.Join(s.store, "helios.db"), s.client, s.receiver,
		append(durableotel.Options(tel), durable.WithMaxAttempts(1))...)
	if err != nil {
		return err
	}
	s.engine.HandleFunc(func(_ context.Context, ev *helios.Event) error {
		if ev.Failure() != nil {
			return errors.New("the handler takes no failed runs")
		}
		return nil
	})
	_, err = durableotel.RegisterStats(tel, s.engine)
	return err
}

func (s *service) close() {
	s.stop()
	if s.done != nil {
		<-s.done
	}
	if s.engine != nil {
		_ = s.engine.Close()
	}
	s.hook.Close()
	s.fake.Close()
	_ = os.RemoveAll(s.store)
}

// work submits, and lets go wrong what costs money.
func (s *service) work(ctx context.Context) error {
	for _, order := range []struct {
		key   string
		state durable.State
		fault heliostest.Fault
	}{
		{"order-1", durable.Completed, nil},
		{"order-2", durable.Completed, heliostest.DropAnswer()}, // its webhook proves that it was accepted
		{"order-3", durable.Unknown, heliostest.Reset()},
		{"order-4", durable.Failed, heliostest.FailRun("no insight")}, // a dead letter
	} {
		s.fake.Inject(order.fault)
		if _, err := s.engine.SubmitLabResults(ctx, order.key, labs()); err != nil {
			return err
		}
		if err := s.await(ctx, func() (bool, error) {
			job, err := s.engine.Status(ctx, order.key)
			return err == nil && job.State == order.state, err
		}); err != nil {
			return err
		}
	}
	if err := s.await(ctx, func() (bool, error) {
		stats, err := s.engine.Stats(ctx)
		return stats.DeadLetters == 1 && stats.PendingEvents == 0, err
	}); err != nil {
		return err
	}

	for _, status := range []int{http.StatusTooManyRequests, http.StatusUnauthorized} {
		s.fake.Inject(heliostest.Status(status))
		if _, err := s.client.LabResults.Submit(ctx, labs()); err == nil {
			return fmt.Errorf("a submission that was answered with %d was accepted", status)
		}
	}
	s.deliver("a stranger's secret", s.engine.WebhookHandler())
	s.deliver(s.fake.WebhookSecret, s.receiver.Handler(func(context.Context, *helios.Event) error {
		return helios.ErrUnavailable // as if the store were down
	}))
	return nil
}

// deliver sends a webhook that is not taken.
func (s *service) deliver(secret string, handler http.Handler) {
	event := heliostest.CompletedEvent("run-1")
	request := heliostest.NewWebhookRequest("/webhook/helios", secret, event, time.Now())
	handler.ServeHTTP(httptest.NewRecorder(), request)
}

// await returns when the store is as it should be.
func (s *service) await(ctx context.Context, ready func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()

	for {
		if ok, err := ready(); ok || err != nil {
			return err
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("the store has not come so far: %w", ctx.Err())
		}
	}
}

func labs() *helios.LabResultsRequest {
	return &helios.LabResultsRequest{LabResults: []helios.LabResult{{
		Name: "Creatinine", Value: "1.8 mg/dL", Flag: helios.FlagHigh, Date: "2025-01-15",
	}}}
}
