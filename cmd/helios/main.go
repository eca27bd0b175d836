// Helios is the command line of helios-go: a fake service and its webhooks for
// development, checks before the first paid run, and tools for operators.
//
//	go install github.com/heliosai/helios-go/cmd/helios@latest
//
//	helios emulate     a fake service for programs in any language
//	helios trigger     sends a test delivery to a handler
//	helios verify      explains why a delivery is refused
//	helios listen      verifies, keeps and forwards webhooks
//	helios doctor      checks the setup before the first paid run
//	helios convert     converts FHIR or HL7 v2 to a request
//	helios submit      sends it and waits for the result
//	helios report      makes a report from the result
//	helios store       inspects and manages a durable store
//
// Each has examples in its help. docs/tutorial.md goes through all of them.
//
// # Configuration
//
// Settings come from flags, then from the environment: HELIOS_API_KEY,
// HELIOS_WEBHOOK_SECRET, HELIOS_BASE_URL, HELIOS_WEBHOOK_URL. Your own secrets
// are read from the environment or from files, so that they are not in the list
// of processes, and are never printed.
//
// # Output
//
// Results go to stdout, progress and questions to stderr. With --json stdout
// has one JSON value per line. There is no colour in pipes and files, and none
// where NO_COLOR is set.
//
// The exit code is 0 for success, 1 where something failed, and 2 for wrong
// use. It is 3 where a command failed although a run was accepted, or where
// nobody knows whether one was: it may be paid, and must not be sent again.
//
// # Libraries
//
// cobra parses the command line and makes completions and man pages, because
// other tools of its users (kubectl, gh, docker) look the same. go-internal's
// testscript runs the tests as scripts of a shell. x/term asks whether a
// terminal is there, and how wide it is.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(execute())
}

// execute runs the command line of this process. The first interrupt ends the
// command's context; the second one kills the process, as without a handler.
func execute() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	// A reader that goes away must not kill a process that waits for a result:
	// the write fails instead.
	signal.Ignore(syscall.SIGPIPE)

	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.LookupEnv)
}
