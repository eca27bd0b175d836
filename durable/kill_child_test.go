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

// childVariable makes the test binary a process of the fleet that the kill
// tests kill. It holds an order.
const childVariable = "HELIOS_DURABLE_CHILD"

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		if err := obey(text); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	limitParallel()
	m.Run()
	dropSchemas()
}

// order tells a process what it is to do.
type order struct {
	SQLite, Database, Schema string // the store
	API, APIKey, Secret      string // the fake service
	Webhooks, Reports, Ends  string // URLs of the fleet's
	Keys                     int    // how many to submit
	Overlap                  bool   // with processes that say less often that they live

	// A process with a deed does nothing else, to the submission with a key,
	// and kills itself at a step of it, or of what follows the first call of
	// HandleEnd's function.
	Deed  deed
	Key   string
	DieAt int64
}

// hello is what a process writes when it is ready.
type hello struct {
	URL    string // its webhook handler's
	Worker string
}

// slotTime is how long an unknown submission keeps its slot. It is far more
// than a run of the fake takes, so that no slot is given away while its run is
// active, and short enough for the test not to run out of slots.
const slotTime = 3 * time.Second

// keyOf names the submissions of the workload, and labsOf makes their requests:
// the same whoever submits them.
func keyOf(i int) string { return fmt.Sprintf("order-%03d", i) }

func labsOf(key string) *helios.LabResultsRequest {
	return &helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: key, Value: secretValue}}}
}

// toCancel reports whether the workload withdraws a submission.
func toCancel(i int) bool { return i%5 == 4 }

func obey(text string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	if o.Deed != "" {
		return o.do(ctx)
	}
	return o.work(ctx, cancel)
}

// work is one process: it opens the engine, serves its webhooks, submits all
// keys again, and works until its standard input ends: because the test closes
// it, or because the test has died.
func (o *order) work(ctx context.Context, cancel func()) error {
	s := &steps{last: o.DieAt}
	e, err := o.open(ctx, s)
	if err != nil {
		return err
	}
	e.HandleFunc(func(ctx context.Context, ev *helios.Event) error {
		return tell(ctx, o.Reports, eventName{ev.RunID, ev.SequenceNumber, ev.Status})
	})
	e.HandleEnd(func(ctx context.Context, sub *Submission) error {
		err := tell(ctx, o.Ends, endName{sub.Key, sub.State})
		s.armed.Store(err == nil)
		return err
	})

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

// open opens the engine. It takes steps once they are armed.
func (o *order) open(ctx context.Context, s *steps) (*Engine, error) {
	client, err := helios.NewClient(helios.WithAPIKey(o.APIKey), helios.WithBaseURL(o.API),
		helios.WithWebhookURL(o.Webhooks))
	if err != nil {
		return nil, err
	}
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret(o.Secret))
	if err != nil {
		return nil, err
	}

	opts := []Option{
		WithUnknownDeadline(slotTime),
		WithLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))),
		func(c *config) error {
			// What the dead were working on is to be found by the engine's
			// sweep, and not by River.
			c.lease, c.rescueMargin = time.Second, time.Hour
			if o.Overlap {
				c.lease = 30 * time.Second // as in every release
			}
			return nil
		},
	}
	if o.SQLite != "" && o.DieAt == 0 && o.Deed == "" {
		return kind{sqlite: o.SQLite}.tryOpen(ctx, client, receiver, opts...)
	}
	if o.SQLite != "" {
		return openStepped(ctx, o.SQLite, client, receiver, s, opts...)
	}

	cfg, err := pgxpool.ParseConfig(o.Database)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = 8
	cfg.ConnConfig.Tracer = s
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return kind{pool: pool, schema: o.Schema}.tryOpen(ctx, client, receiver, opts...)
}

// submitAll submits every key, those too that were submitted before the last
// crash, as a customer's code does that does not know how far it had come. Some
// it withdraws again, if they are still queued.
func (o *order) submitAll(ctx context.Context, e *Engine) error {
	for i := range o.Keys {
		err := persist(ctx, func() error {
			_, err := e.SubmitLabResults(ctx, keyOf(i), labsOf(keyOf(i)))
			return err
		})
		if err == nil && toCancel(i) {
			err = persist(ctx, func() error { return e.Cancel(ctx, keyOf(i)) })
		}
		if err != nil && !errors.Is(err, ErrState) && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// persist does something again while the store does not answer.
func persist(ctx context.Context, do func() error) error {
	err := do()
	for errors.Is(err, helios.ErrUnavailable) && wait(ctx, tick) {
		err = do()
	}
	return err
}

// tell tells the test what was handled; it was not if the test does not know.
func tell(ctx context.Context, url string, what any) error {
	body, err := json.Marshal(what)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
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
	SequenceNumber int64  `json:"sequenceNumber"`
	Status         string `json:"status"`
}

func (n eventName) final() bool {
	return n.Status == helios.StatusCompleted || n.Status == helios.StatusError
}

// endName is what HandleEnd's function was told.
type endName struct {
	Key   string
	State State
}
