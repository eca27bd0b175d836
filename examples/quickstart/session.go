package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

// session is what one run needs: a client to submit it, and a receiver that
// listens for its webhooks.
type session struct {
	client   *helios.Client
	receiver *helios.Receiver
	listener net.Listener
	archive  *archive // nil where nothing is paid
}

// demonstrate runs against a fake Helios on this machine.
func demonstrate(ctx context.Context, req *helios.LabResultsRequest, out *bufio.Writer, bar *progressBar) error {
	fake := heliostest.NewServer(heliostest.WithStepInterval(200 * time.Millisecond))
	defer fake.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()

	receiver, err := helios.NewReceiver(helios.WithWebhookSecret(fake.WebhookSecret))
	if err != nil {
		return err
	}
	client, err := helios.NewClient(helios.WithAPIKey(fake.APIKey), helios.WithBaseURL(fake.URL),
		helios.WithWebhookURL("http://"+listener.Addr().String()+"/webhook/helios"))
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()

	fmt.Fprintln(out, "Running against a fake Helios on this machine: nothing leaves it and nothing is paid.")
	if os.Getenv(helios.EnvAPIKey) != "" {
		fmt.Fprintln(out, "("+helios.EnvWebhookURL+" is not set, so "+helios.EnvAPIKey+" is not used.)")
	}
	return session{client, receiver, listener, nil}.run(ctx, req, out, bar)
}

// useRealService runs with what is in the environment.
func useRealService(ctx context.Context, req *helios.LabResultsRequest, out *bufio.Writer, bar *progressBar) error {
	client, err := helios.NewClient()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	receiver, err := helios.NewReceiver()
	if err != nil {
		return err
	}

	listener, err := net.Listen("tcp", cmp.Or(os.Getenv("ADDR"), ":8080"))
	if err != nil {
		return err
	}
	defer listener.Close()
	events, err := newArchive(".")
	if err != nil {
		return err
	}
	defer events.removeIfEmpty()

	fmt.Fprintln(out, "Running against the real service: this run is paid.")
	fmt.Fprintf(out, "Listening on %s for webhooks.\n", listener.Addr())
	return session{client, receiver, listener, events}.run(ctx, req, out, bar)
}

// run submits, waits and prints the report.
func (s session) run(ctx context.Context, req *helios.LabResultsRequest, out *bufio.Writer, bar *progressBar) error {
	// Whoever cannot be told of the result should not pay for it.
	if err := out.Flush(); err != nil {
		return fmt.Errorf("nothing was submitted, because nothing can be printed: %w", err)
	}

	// Receive before you submit: the first webhook can be faster than the
	// answer to the submission.
	tracker := helios.NewTracker()
	server := &http.Server{Handler: s.receiver.Handler(s.handle(tracker)), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(s.listener)
	defer server.Close()

	accepted, err := s.client.LabResults.Submit(ctx, req)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Run %s accepted. Lab results: %d. Concurrent runs: %d of %d.\n\n",
		accepted.ID, len(req.LabResults), accepted.Concurrency.Active, accepted.Concurrency.Limit)

	event, err := tracker.Wait(ctx, accepted.ID, bar.show)
	bar.end()
	if event == nil && ctx.Err() != nil {
		return fmt.Errorf("stopped; run %s goes on, and its result will find nobody: %w", accepted.ID, ctx.Err())
	}
	if event == nil {
		return err
	}
	return errors.Join(err, s.report(event, out))
}

// handle saves a final event before it is acknowledged: the answer 200 says
// that it is safe. If it cannot be saved the answer is 500, and Helios may send
// it again. The tracker gets it in any case.
func (s session) handle(tracker *helios.Tracker) func(context.Context, *helios.Event) error {
	return func(ctx context.Context, event *helios.Event) error {
		_, err := s.save(event)
		return errors.Join(err, tracker.Handle(ctx, event))
	}
}

// save keeps a final event, and returns the name of its file. It can be called
// again for the same event.
func (s session) save(event *helios.Event) (string, error) {
	if s.archive == nil || !event.Final() {
		return "", nil
	}
	return s.archive.save(event)
}

// report prints where the final event is, and the report that it holds.
func (s session) report(event *helios.Event, out *bufio.Writer) error {
	file, err := s.save(event)
	if file != "" {
		fmt.Fprintf(out, "\nThe final event is in %s.\n", file)
	}

	if event.Failure() == nil {
		result, unread := event.Result()
		err = errors.Join(err, unread)
		if result != nil {
			printReport(out, result)
		}
	}

	unprinted := out.Flush()
	if unprinted != nil && file != "" {
		unprinted = fmt.Errorf("the report could not be printed, but the final event is in %s: %w", file, unprinted)
	} else if unprinted != nil {
		unprinted = fmt.Errorf("the report could not be printed: %w", unprinted)
	}
	return errors.Join(err, unprinted)
}
