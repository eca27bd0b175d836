package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"strings"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical/fhir"
	"github.com/heliosai/helios-go/clinical/hl7v2"
	"github.com/heliosai/helios-go/durable"
)

// The exit codes.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitUnknown = 3 // a run was accepted, or nobody knows whether: it must not be sent again
)

// usageError is a command line that cannot be carried out.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// failf returns an error whose text says what to do already.
func failf(format string, args ...any) error { return &plainError{fmt.Errorf(format, args...)} }

// plainError is printed as it is, without a hint.
type plainError struct{ error }

func (e *plainError) Unwrap() error { return e.error }

// acceptedError is a failure of this command after a run was accepted. Its exit
// code is no invitation to send the run again.
type acceptedError struct{ error }

// acceptedf returns one whose text says where the result is, or will come.
func acceptedf(format string, args ...any) error { return &acceptedError{failf(format, args...)} }

func (e *acceptedError) Unwrap() error { return e.error }

// exitCode returns the exit code for a command that ended with err.
func exitCode(err error) int {
	var usage *usageError
	var accepted *acceptedError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, helios.ErrOutcomeUnknown), errors.As(err, &accepted):
		return exitUnknown
	case errors.As(err, &usage):
		return exitUsage
	default:
		return exitFailed
	}
}

// hints say what to do about errors of which the text does not, the first that
// matches. A function is asked where the error has details.
var hints = []struct {
	is   func(error) bool
	text string
}{
	{is(helios.ErrOutcomeUnknown), "the run may exist and be paid: do not send it again, " +
		"but watch the webhook URL for as long as a run takes"},
	{is(helios.ErrUnauthorized), "the API refuses the key: set HELIOS_API_KEY or --api-key-file to a valid one"},
	{is(helios.ErrConcurrencyLimit), "nothing is paid: send it again when a run has ended"},
	{answered(http.StatusNotFound, http.StatusNotFound), "is HELIOS_BASE_URL (or --base-url) right?"},
	{answered(300, 399), "redirects are not followed: set HELIOS_BASE_URL (or --base-url) to the address itself"},
	{is(errAddressInUse), "another process listens there: use --addr with another port, such as localhost:0"},
	{cannotListen, "use --addr with an address of this machine and a port that it may use, such as localhost:0"},
	{is(errRefused), "nothing listens there: is the process running, and the port right?"},
	{is(fhir.ErrMultiplePatients), "say which one with --patient, such as --patient Patient/123"},
	{is(hl7v2.ErrMultiplePatients), "one run is about one patient: split the file by patient"},
	{is(durable.ErrOtherAccount), "set --base-url (or HELIOS_BASE_URL) and --account to those of the store"},
	{is(durable.ErrNotFound), "helios store list shows the keys, and helios store list --dead-letters the ids"},
	{is(context.DeadlineExceeded), "it took too long"},
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// answered reports whether the API answered with a status from low to high.
func answered(low, high int) func(error) bool {
	return func(err error) bool {
		var refused *helios.APIError
		return errors.As(err, &refused) && refused.StatusCode >= low && refused.StatusCode <= high
	}
}

// cannotListen reports whether a socket could not be opened.
func cannotListen(err error) bool {
	var socket *net.OpError
	return errors.As(err, &socket) && socket.Op == "listen"
}

// describe returns one line for err: what went wrong, and what to do.
func describe(err error) string {
	var plain *plainError
	var usage *usageError
	var invalid *helios.ValidationError
	var path *fs.PathError
	text := oneLine(err.Error())

	switch {
	case errors.Is(err, helios.ErrMissingAPIKey):
		return "missing API key: set HELIOS_API_KEY, or give a file with --api-key-file"
	case errors.Is(err, helios.ErrMissingWebhookSecret):
		return "missing webhook secret: set HELIOS_WEBHOOK_SECRET, or give a file with --webhook-secret-file"
	case errors.Is(err, context.Canceled) && !errors.Is(err, helios.ErrOutcomeUnknown) && !errors.As(err, &plain):
		return "interrupted"
	case errors.As(err, &plain), errors.As(err, &usage), errors.As(err, &invalid):
		return text
	case errors.As(err, &path):
		return oneLine(fmt.Sprintf("%s: %v", path.Path, path.Err))
	}

	for _, hint := range hints {
		if hint.is(err) {
			return text + ": " + hint.text
		}
	}
	return text
}

// flagNames are what the packages' errors call by the names of the Go API, and
// what they say to programmers alone.
var flagNames = strings.NewReplacer(
	": helios: ", ": ",
	"durable: ", "",
	"OpenSQLite: ", "",
	"OpenPostgres: ", "",
	"MigratePostgres: ", "",
	"MigratePostgres or the SQL of PostgresSchemaSQL", "helios store migrate",
	"WithWebhookURL: ", "--webhook-url or HELIOS_WEBHOOK_URL: ",
	"WithBaseURL: ", "--base-url or HELIOS_BASE_URL: ",
	"WithAPIKey: ", "--api-key-file or HELIOS_API_KEY: ",
	"WithWebhookSecret: ", "--webhook-secret-file or HELIOS_WEBHOOK_SECRET: ",
	"WithPreviousSecrets: ", "--webhook-secret-file: ",
	"WithWebhookURL", "--webhook-url",
	"WithBaseURL", "--base-url",
	"WithPlainHTTP", "--plain-http",
	"; see WithAccount", "",
	"WithAccount", "--account",
	"WithSchema", "--schema",
	"Options.Language", "--language",
	"Options.Words", "--language",
	"Options.Subject", "--subject",
	"Options.RunID", "the event's runId",
	": say which in Options.Patient", "",
	": the service's reason is in APIError.Message", "",
	": the service's reason is in RunError.Message", ": its event has the reason in error.message",
	"; unwrap this error for its cause", "",
	"; see Event.Raw", "",
	"Event.Raw is not", "its event is not",
)

// oneLine makes one line of an error's text, in the words of this command line.
func oneLine(text string) string {
	text = flagNames.Replace(strings.TrimPrefix(text, "helios: "))
	return printable(strings.Join(strings.Fields(text), " "))
}
