// Fhir makes a request from a patient's FHIR data and says what of it is sent,
// what is not, and why.
//
//	cd clinical/examples/fhir
//	go run .                            # an invented patient
//	go run . patient.json               # a file of your own
//	go run . -agent light patient.json  # the whole record
//	go run . -json patient.json         # print the request too
//	go run . -submit patient.json       # to a fake Helios
//
// The file is a Bundle, a resource, an array of them or NDJSON. Nothing leaves
// the machine, and nothing is paid. The report holds no health data, so it can
// be logged; the request is health data.
package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

//go:embed patient.json
var sample []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// settings are what the command line says.
type settings struct {
	agent      string
	latest     bool
	show, send bool
	files      []string
}

// run returns the exit code: 0, 1 if the run did not succeed or its output was
// lost, 2 if there is nothing that can be sent.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	set, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 2
	}
	if err == nil {
		err = demonstrate(ctx, set, stdout)
	}

	var unusable *unusableError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &unusable):
		fmt.Fprintln(stderr, err)
		return 2
	default:
		fmt.Fprintln(stderr, err)
		return 1
	}
}

// unusableError is a command line or an input that gives nothing to send.
type unusableError struct{ error }

func parse(args []string, stderr io.Writer) (set settings, err error) {
	flags := flag.NewFlagSet("fhir", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&set.agent, "agent", "", `make a request for this agent, "light" or "deep", instead of lab results`)
	flags.BoolVar(&set.latest, "latest", false, "send only the latest result of each test")
	flags.BoolVar(&set.show, "json", false, "print the request")
	flags.BoolVar(&set.send, "submit", false, "submit the request to a fake Helios on this machine")
	if flags.Parse(args) != nil {
		return set, flag.ErrHelp // it has been said
	}

	set.files = flags.Args()
	switch set.agent {
	case "", string(helios.AgentLight), string(helios.AgentDeep):
		return set, nil
	default:
		return set, &unusableError{fmt.Errorf("-agent must be %q or %q", helios.AgentLight, helios.AgentDeep)}
	}
}

// demonstrate writes to a buffer that keeps its first error, which Flush
// returns.
func demonstrate(ctx context.Context, set settings, stdout io.Writer) error {
	input, name, err := open(set.files)
	if err != nil {
		return &unusableError{err}
	}
	defer input.Close()
	out := bufio.NewWriter(stdout)

	req, report, err := convert(input, helios.AgentType(set.agent), fhir.Options{LatestPerTest: set.latest})
	fmt.Fprint(out, report)
	if err != nil {
		return errors.Join(&unusableError{fmt.Errorf("%s: %w", name, err)}, out.Flush())
	}

	if set.show {
		if err := printJSON(out, req); err != nil {
			return err
		}
	}
	if set.send {
		if err := submit(ctx, req, out); err != nil {
			return errors.Join(err, out.Flush())
		}
	}
	return out.Flush()
}

func open(files []string) (io.ReadCloser, string, error) {
	switch len(files) {
	case 0:
		return io.NopCloser(bytes.NewReader(sample)), "the sample", nil
	case 1:
		file, err := os.Open(files[0])
		return file, files[0], err
	default:
		return nil, "", errors.New("one file at a time; for several resources use a Bundle, an array or NDJSON")
	}
}

// convert returns a *helios.LabResultsRequest, or a *helios.AgentRequest if an
// agent is named.
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
