package durable

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/heliosai/helios-go"
)

// childVariable makes the test binary a process of the fleet that the kill tests kill. It holds an order.
const childVariable = "HELIOS_DURABLE_CHILD"

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		if err := work(text); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	m.Run()
}

// order tells a process what it is to do.
type order struct {
	SQLite, Database, Schema string // the store
	API, APIKey, Secret      string // the fake service
	Webhooks, Reports        string // URLs of the fleet's
	Keys                     int    // how many to submit
	PostAgain                bool
}

// hello is what a process writes when it is ready.
type hello struct {
	URL    string // its webhook handler's
	Worker string
}

// slotTime is how long an unknown submission keeps its slot. It is far more than a run of the fake takes, so that no slot is given away while its run is active, and
// short enough for the test not to run out of slots.
const slotTime = 3 * time.Second

// key names the submissions of the workload, and labsOf makes their requests: the same whoever submits them.
func keyOf(i int) string { return fmt.Sprintf("order-%03d", i) }

func labsOf(key string) *helios.LabResultsRequest {
	return &helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: key, Value: secretValue}}}
}

// work is one process: it opens the engine, serves its webhooks, submits all keys again, and works until its standard input ends: because the test closes it,
// or because the test has died.
func work(text string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	e, err := o.open(ctx)
	if err != nil {
		return err
	}
	e.HandleFunc(func(ctx context.Context, ev *helios.Event) error { return o.report(ctx, ev) })

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: e.WebhookHandler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()
	if err := json.NewEncoder(os.Stdout).Encode(hello{"http://" + listener.Addr().String(), e.worker}); err != nil {
		return err
	}

	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	submitted := make(chan error, 1)
	go func() {
		err := o.submitAll(ctx, e)
		if err != nil {
			cancel()
		}
		submitted <- err
	}()
	err = e.Run(ctx)
	return errors.Join(err, <-submitted, e.Close())
}

func (o *order) open(ctx context.Context) (*Engine, error) {
	client, err := helios.NewClient(helios.WithAPIKey(o.APIKey), helios.WithBaseURL(o.API), helios.WithWebhookURL(o.Webhooks))
	if err != nil {
		return nil, err
	}
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret(o.Secret))
	if err != nil {
		return nil, err
	}
	k := kind{sqlite: o.SQLite, schema: o.Schema}
	if o.Database != "" {
		cfg, err := pgxpool.ParseConfig(o.Database)
		if err != nil {
			return nil, err
		}
		cfg.MaxConns = 8
		if k.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
			return nil, err
		}
	}
	return k.tryOpen(ctx, client, receiver,
		WithUnknownDeadline(slotTime),
		WithLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))),
		func(c *config) error {
			c.postAgain = o.PostAgain
			return nil
		})
}

// submitAll submits every key, those too that were submitted before the last crash, as a customer's code does that does not know how far it had come.
func (o *order) submitAll(ctx context.Context, e *Engine) error {
	for i := range o.Keys {
		_, err := e.SubmitLabResults(ctx, keyOf(i), labsOf(keyOf(i)))
		for errors.Is(err, helios.ErrUnavailable) && wait(ctx, tick) {
			_, err = e.SubmitLabResults(ctx, keyOf(i), labsOf(keyOf(i)))
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// report tells the test that an event was handled; it was not if the test does not know.
func (o *order) report(ctx context.Context, ev *helios.Event) error {
	body, err := json.Marshal(eventName{ev.RunID, ev.SequenceNumber, ev.Status})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.Reports, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("the report was answered with %s", resp.Status)
	}
	return nil
}

// eventName identifies an event, in the service's own terms.
type eventName struct {
	RunID          string `json:"runId"`
	SequenceNumber int    `json:"sequenceNumber"`
	Status         string `json:"status"`
}

func (n eventName) final() bool {
	return n.Status == helios.StatusCompleted || n.Status == helios.StatusError
}
