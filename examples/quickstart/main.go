// Quickstart submits a panel of lab results, shows the run's steps as they come, and prints the report for the patient.
//
//	go run ./examples/quickstart              # a sample panel, to a fake Helios on this machine: no key, no network, no cost
//	go run ./examples/quickstart labs.json    # your own panel, in the form of labs.json beside this file
//
// With HELIOS_API_KEY and HELIOS_WEBHOOK_URL it uses the real service, and the run is paid. It then also wants HELIOS_WEBHOOK_SECRET, and
// listens on ADDR (":8080" if unset), at every path, for what arrives at HELIOS_WEBHOOK_URL.
package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

//go:embed labs.json
var sample []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit code: 0, 1 if the run did not succeed, 2 if the input is bad.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	req, err := readRequest(args)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	if err := submitAndWait(ctx, req, stdout); err != nil {
		fmt.Fprintln(stderr, explain(err))
		if ctx.Err() != nil {
			return 130
		}
		return 1
	}
	return 0
}

// explain adds what the service wrote, which errors leave out because it can repeat health data. This is the user's own terminal; a log should not have it.
func explain(err error) string {
	var api *helios.APIError
	var failed *helios.RunError
	switch {
	case errors.As(err, &api) && api.Message != "":
		return err.Error() + ": " + printable(api.Message)
	case errors.As(err, &failed):
		return "run " + failed.RunID + " failed: " + printable(failed.Message)
	}
	return err.Error()
}

func readRequest(args []string) (*helios.LabResultsRequest, error) {
	switch len(args) {
	case 0:
		return parseRequest("labs.json", sample)
	case 1:
		if strings.HasPrefix(args[0], "-") {
			return nil, errUsage
		}
		data, err := os.ReadFile(args[0])
		if err != nil {
			return nil, err
		}
		return parseRequest(args[0], data)
	default:
		return nil, errUsage
	}
}

var errUsage = errors.New("usage: quickstart [labs.json]")

func submitAndWait(ctx context.Context, req *helios.LabResultsRequest, out io.Writer) error {
	live := os.Getenv(helios.EnvAPIKey) != "" && os.Getenv(helios.EnvWebhookURL) != ""
	var (
		clientOptions   []helios.ClientOption
		receiverOptions []helios.ReceiverOption
		addr            = cmp.Or(os.Getenv("ADDR"), ":8080")
	)
	if !live {
		fake := heliostest.NewServer(heliostest.WithStepInterval(200 * time.Millisecond))
		defer fake.Close()
		clientOptions = append(clientOptions, helios.WithAPIKey(fake.APIKey), helios.WithBaseURL(fake.URL))
		receiverOptions = append(receiverOptions, helios.WithWebhookSecret(fake.WebhookSecret))
		addr = "127.0.0.1:0"
	}

	// Receive before you submit: the first webhook can be faster than the answer to the submission.
	receiver, err := helios.NewReceiver(receiverOptions...)
	if err != nil {
		return err
	}
	tracker := helios.NewTracker()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: receiver.Handler(tracker.Handle), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	defer server.Close()

	if live {
		fmt.Fprintf(out, "Running against the real service: this run is paid. Listening on %s for webhooks.\n", listener.Addr())
	} else {
		clientOptions = append(clientOptions, helios.WithWebhookURL("http://"+listener.Addr().String()+"/webhook/helios"))
		fmt.Fprintln(out, "Running against a fake Helios on this machine: nothing leaves it and nothing is paid.")
		if os.Getenv(helios.EnvAPIKey) != "" {
			fmt.Fprintln(out, "("+helios.EnvWebhookURL+" is not set, so "+helios.EnvAPIKey+" is not used.)")
		}
	}
	client, err := helios.NewClient(clientOptions...)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()

	accepted, err := client.LabResults.Submit(ctx, req)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Run %s accepted. Lab results: %d. Slots in use: %d of %d.\n\n",
		accepted.ID, len(req.LabResults), accepted.Concurrency.Active, accepted.Concurrency.Limit)

	bar := newProgressBar(out)
	event, err := tracker.Wait(ctx, accepted.ID, bar.show)
	bar.end()
	if ctx.Err() != nil {
		return fmt.Errorf("stopped; run %s goes on, and its result will find nobody: %w", accepted.ID, ctx.Err())
	}
	if err != nil {
		return err
	}
	result, err := event.Result()
	if err != nil {
		return err
	}
	printReport(out, result)
	return nil
}
