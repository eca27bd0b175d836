// Fhir makes a request from a patient's FHIR data and says what of it is sent, what is not, and why.
//
//	go run ./clinical/examples/fhir                           # a sample: an invented patient
//	go run ./clinical/examples/fhir patient.json              # your own Bundle, resource, array or NDJSON
//	go run ./clinical/examples/fhir -agent light patient.json # the whole record, for the EHR agent, instead of lab results
//	go run ./clinical/examples/fhir -json patient.json        # print the request too, which is health data
//	go run ./clinical/examples/fhir -submit patient.json      # submit it, to a fake Helios on this machine
//
// Nothing leaves the machine, and nothing is paid. The report holds no health data, so it can be logged.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/signal"
	"strings"
	"time"
	"unicode"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
	"github.com/heliosai/helios-go/heliostest"
)

//go:embed patient.json
var sample []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit code: 0, 1 if the run did not succeed, 2 if there is nothing that can be sent.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("fhir", flag.ContinueOnError)
	flags.SetOutput(stderr)
	agent := flags.String("agent", "", `"light" or "deep": make a request for this agent instead of one for lab results`)
	latest := flags.Bool("latest", false, "send only the latest result of each test")
	show := flags.Bool("json", false, "print the request")
	submit := flags.Bool("submit", false, "submit the request to a fake Helios on this machine, and wait for the result")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	switch *agent {
	case "", string(helios.AgentLight), string(helios.AgentDeep):
	default:
		fmt.Fprintf(stderr, "-agent must be %q or %q\n", helios.AgentLight, helios.AgentDeep)
		return 2
	}
	input, name, err := open(flags.Args())
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	defer input.Close()

	req, report, err := convert(input, helios.AgentType(*agent), fhir.Options{LatestPerTest: *latest})
	fmt.Fprint(stdout, report)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return 2
	}
	if *show {
		if err := printJSON(stdout, req); err != nil {
			fmt.Fprintln(stderr, err)
			return 1
		}
	}
	if *submit {
		if err := submitToFake(ctx, req, stdout); err != nil {
			fmt.Fprintln(stderr, err)
			return 1
		}
	}
	return 0
}

func open(args []string) (io.ReadCloser, string, error) {
	switch len(args) {
	case 0:
		return io.NopCloser(bytes.NewReader(sample)), "the sample", nil
	case 1:
		file, err := os.Open(args[0])
		return file, args[0], err
	default:
		return nil, "", errors.New("one file at a time; for several resources of one patient use a Bundle, an array or NDJSON")
	}
}

// convert returns a *helios.LabResultsRequest, or a *helios.AgentRequest if an agent is named.
func convert(input io.Reader, agent helios.AgentType, opts fhir.Options) (any, *clinical.Report, error) {
	if agent == "" {
		return fhir.LabResults(input, opts)
	}
	return fhir.Agent(input, agent, opts)
}

func printJSON(out io.Writer, req any) error {
	text, err := json.MarshalIndent(req, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\n%s\n", text)
	return err
}

// submitToFake submits to a fake service, and shows what a real one would do: the steps, and in the end the result.
func submitToFake(ctx context.Context, req any, out io.Writer) error {
	fake := heliostest.NewServer(heliostest.WithStepInterval(100 * time.Millisecond))
	defer fake.Close()
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret(fake.WebhookSecret))
	if err != nil {
		return err
	}
	tracker := helios.NewTracker()
	hook := httptest.NewServer(receiver.Handler(tracker.Handle))
	defer hook.Close()
	client, err := helios.NewClient(helios.WithAPIKey(fake.APIKey), helios.WithBaseURL(fake.URL), helios.WithWebhookURL(hook.URL))
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()

	var accepted *helios.Run
	switch req := req.(type) {
	case *helios.LabResultsRequest:
		accepted, err = client.LabResults.Submit(ctx, req)
	case *helios.AgentRequest:
		accepted, err = client.Agent.Submit(ctx, req)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nRun %s accepted by a fake Helios on this machine.\n", accepted.ID)
	event, err := tracker.Wait(ctx, accepted.ID, func(e *helios.Event) {
		fmt.Fprintf(out, "  %d/%d %s\n", e.Progress().Step, e.Progress().Total, printable(e.Progress().Name))
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

// printable keeps what others wrote from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' {
			return r
		}
		return -1
	}, s)
}
