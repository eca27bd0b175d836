// Quickstart submits a panel of lab results, shows the run's steps as they
// come, and prints the report for the patient.
//
//	go run ./examples/quickstart             # a sample panel
//	go run ./examples/quickstart own.json    # your own, like labs.json here
//
// It talks to a fake Helios on this machine, which needs no key and no network,
// and costs nothing.
//
// With HELIOS_API_KEY and HELIOS_WEBHOOK_URL it uses the real service, and the
// run is paid. It then needs HELIOS_WEBHOOK_SECRET too, and listens on ADDR
// (":8080" if unset), at every path, for what arrives at HELIOS_WEBHOOK_URL. A
// result is sent once and cannot be fetched, so it is written to a file in a
// new directory, helios-events-*, before anything else is done with it. From
// such a file, report/examples/report makes a page.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/heliosai/helios-go"
)

func main() {
	// A pipe that its reader has closed must not end the process while it waits
	// for a result that is paid. The write fails then, as any other does.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit code: 0, 1 if no report was printed, 2 if the input is
// bad, 130 if it was interrupted.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	req, err := readRequest(args)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}

	// It keeps its first error, which Flush returns from then on.
	out := bufio.NewWriter(stdout)
	submit := demonstrate
	if os.Getenv(helios.EnvAPIKey) != "" && os.Getenv(helios.EnvWebhookURL) != "" {
		submit = useRealService
	}
	if err := submit(ctx, req, out, newProgressBar(out, isTerminal(stdout))); err != nil {
		fmt.Fprintln(stderr, explain(err))
		if ctx.Err() != nil {
			return 130
		}
		return 1
	}
	return 0
}

// explain adds what the service wrote. Errors leave that out, because it can
// repeat health data. This is the user's own terminal; a log should not have
// it.
func explain(err error) string {
	var api *helios.APIError
	var failed *helios.RunError
	switch {
	case errors.As(err, &api) && api.Message != "":
		return err.Error() + ": " + printable(api.Message)
	case errors.As(err, &failed):
		return err.Error() + ": " + printable(failed.Message)
	}
	return err.Error()
}
