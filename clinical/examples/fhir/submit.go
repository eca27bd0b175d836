package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"time"
	"unicode"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

// submit sends req to a fake service and shows what a real one would do: the
// steps, and in the end the result.
func submit(ctx context.Context, req any, out *bufio.Writer) error {
	fake := heliostest.NewServer(heliostest.WithStepInterval(100 * time.Millisecond))
	defer fake.Close()
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret(fake.WebhookSecret))
	if err != nil {
		return err
	}
	tracker := helios.NewTracker()
	hook := httptest.NewServer(receiver.Handler(tracker.Handle))
	defer hook.Close()

	client, err := helios.NewClient(
		helios.WithAPIKey(fake.APIKey), helios.WithBaseURL(fake.URL), helios.WithWebhookURL(hook.URL))
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()

	accepted, err := submitTo(ctx, client, req)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nRun %s accepted by a fake Helios on this machine.\n", accepted.ID)
	event, err := tracker.Wait(ctx, accepted.ID, func(e *helios.Event) {
		step := e.Progress()
		fmt.Fprintf(out, "  %d/%d %s\n", step.Step, step.Total, printable(step.Name))
		_ = out.Flush() // its error comes back from the last one
	})
	if err != nil {
		return err
	}

	result, err := event.Result()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s\n", strings.TrimSpace(printable(result.PatientResponse)))
	return nil
}

func submitTo(ctx context.Context, client *helios.Client, req any) (*helios.Run, error) {
	switch req := req.(type) {
	case *helios.LabResultsRequest:
		return client.LabResults.Submit(ctx, req)
	case *helios.AgentRequest:
		return client.Agent.Submit(ctx, req)
	default:
		return nil, fmt.Errorf("no request: %T", req)
	}
}

// printable keeps what others wrote from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' {
			return r
		}
		return -1
	}, s)
}
