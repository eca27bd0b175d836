// Command overlap is a process of an older release, which the test of
// overlapping releases builds from that release's source and runs beside
// processes of this one. It uses what every release exports.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

// order is the test's, as far as it concerns this process.
type order struct {
	SQLite, Database, Schema string
	API, APIKey, Secret      string
	Webhooks, Reports, Ends  string
	Keys                     int
}

type engine interface {
	HandleFunc(fn func(context.Context, *helios.Event) error)
	WebhookHandler() http.Handler
	SubmitLabResults(context.Context, string, *helios.LabResultsRequest) (*durable.Submission, error)
	Run(context.Context) error
	Close() error
}

// teller is an engine of a release that has HandleEnd.
type teller interface {
	HandleEnd(fn func(context.Context, *durable.Submission) error)
}

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := work(ctx, cancel, []byte(os.Args[1])); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func work(ctx context.Context, cancel func(), text []byte) error {
	var o order
	if err := json.Unmarshal(text, &o); err != nil {
		return err
	}
	eng, err := o.open(ctx)
	if err != nil {
		return err
	}
	eng.HandleFunc(func(ctx context.Context, ev *helios.Event) error {
		return tell(ctx, o.Reports, map[string]any{
			"runId": ev.RunID, "sequenceNumber": ev.SequenceNumber, "status": ev.Status,
		})
	})
	if t, ok := eng.(teller); ok {
		t.HandleEnd(func(ctx context.Context, s *durable.Submission) error {
			return tell(ctx, o.Ends, map[string]any{"Key": s.Key, "State": s.State})
		})
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: eng.WebhookHandler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{"URL": "http://" + listener.Addr().String()}); err != nil {
		return err
	}

	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	submitted := make(chan error, 1)
	go func() {
		err := o.submit(ctx, eng)
		if err != nil {
			cancel()
		}
		submitted <- err
	}()
	err = eng.Run(ctx)
	return errors.Join(err, <-submitted, eng.Close())
}

func (o *order) open(ctx context.Context) (engine, error) {
	client, err := helios.NewClient(helios.WithAPIKey(o.APIKey), helios.WithBaseURL(o.API),
		helios.WithWebhookURL(o.Webhooks))
	if err != nil {
		return nil, err
	}
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret(o.Secret))
	if err != nil {
		return nil, err
	}
	if o.SQLite != "" {
		return durable.OpenSQLite(ctx, o.SQLite, client, receiver)
	}
	pool, err := pgxpool.New(ctx, o.Database)
	if err != nil {
		return nil, err
	}
	return durable.OpenPostgres(ctx, pool, client, receiver, durable.WithSchema(o.Schema))
}

// submit submits all keys, as the processes of this release do meanwhile.
func (o *order) submit(ctx context.Context, eng engine) error {
	for i := range o.Keys {
		key := fmt.Sprintf("order-%03d", i)
		req := &helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: key, Value: "41.7 squirrels/dL"}}}
		for {
			_, err := eng.SubmitLabResults(ctx, key, req)
			if ctx.Err() != nil {
				return nil
			}
			if err != nil && !errors.Is(err, helios.ErrUnavailable) {
				return err
			}
			if err == nil {
				break
			}
		}
	}
	return nil
}

// tell tells the test what was handled.
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
		return errors.New(resp.Status)
	}
	return nil
}
