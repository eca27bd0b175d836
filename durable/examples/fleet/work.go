package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

const (
	nameVariable    = "FLEET_PROCESS" // makes the program a process of this name
	schemaVariable  = "FLEET_SCHEMA"
	archiveVariable = "FLEET_ARCHIVE"
)

// work is process 1 and process 2. It ends when its standard input does:
// because the program says so, or has died.
func work(ctx context.Context, name string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client, err := helios.NewClient(helios.WithUserAgent(name)) // for the program to count by
	if err != nil {
		return err
	}
	receiver, err := helios.NewReceiver()
	if err != nil {
		return err
	}

	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer pool.Close()
	eng, err := durable.OpenPostgres(ctx, pool, client, receiver, durable.WithSchema(os.Getenv(schemaVariable)))
	if err != nil {
		return err
	}
	defer eng.Close()

	eng.HandleFunc(func(ctx context.Context, ev *helios.Event) error {
		if !ev.Final() {
			return nil
		}
		return handIn(ctx, os.Getenv(archiveVariable), name, ev)
	})

	// Each process submits all orders: the same key is the same submission,
	// wherever it comes from.
	for i := range orders {
		if _, err := eng.SubmitLabResults(ctx, key(i+1), order(i+1)); err != nil {
			return err
		}
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: eng.WebhookHandler(), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	defer server.Close()
	fmt.Println("http://" + listener.Addr().String())

	input := bufio.NewReader(os.Stdin)
	if _, err := input.ReadString('\n'); err != nil { // all begin together
		return err
	}
	go func() {
		io.Copy(io.Discard, input)
		cancel()
	}()
	return eng.Run(ctx)
}

// order makes the request of an order, which names it, for the program to count
// by.
func order(i int) *helios.LabResultsRequest {
	return &helios.LabResultsRequest{LabResults: []helios.LabResult{{
		Name: key(i), Value: "1.8 mg/dL", Flag: helios.FlagHigh, ReferenceRange: "0.7-1.3 mg/dL", Date: "2025-01-15",
	}}}
}

// handIn gives a result to the archive. If the archive does not take it, the
// handler fails, and is called again.
func handIn(ctx context.Context, archive, name string, ev *helios.Event) error {
	query := url.Values{"process": {name}, "order": {durable.KeyFrom(ctx)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, archive+"?"+query.Encode(), bytes.NewReader(ev.Raw))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("the archive answers %s", resp.Status)
	}
	return nil
}
