package main

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/report"
	"github.com/heliosai/helios-go/report/fhirdoc"
)

// Errors are in the words of the command line, and not of the Go API.
func TestDescribe(t *testing.T) {
	t.Parallel()
	client := func(opts ...helios.ClientOption) error {
		_, err := helios.NewClient(append([]helios.ClientOption{helios.WithAPIKey("sk")}, opts...)...)
		return err
	}
	_, subject := fhirdoc.DocumentReference(
		report.New(&helios.Result{}, report.Patient, report.Options{}), fhirdoc.Options{Subject: "nobody"})

	for _, test := range []struct {
		err  error
		want string
	}{
		{client(helios.WithAPIKey("\"sk\"")), "--api-key-file or HELIOS_API_KEY: is in quotes"},
		{client(helios.WithBaseURL("http://h.example.com")), "--base-url or HELIOS_BASE_URL: must be https " +
			"(http only to a loopback host, or with --plain-http)"},
		{client(helios.WithWebhookURL("nonsense")), "--webhook-url or HELIOS_WEBHOOK_URL: must be https"},
		{subject, `report: --subject is no reference such as "Patient/1"`},
		{&helios.RunError{RunID: "r-1"}, "run r-1 failed: its event has the reason in error.message"},
		{fmt.Errorf("%w: o-1", durable.ErrNotFound), "not found: o-1: helios store list shows the keys"},
		{errors.New("helios: durable: make the tables: run MigratePostgres or the SQL of PostgresSchemaSQL first"),
			"make the tables: run helios store migrate first"},
	} {
		assert.Contains(t, describe(test.err), test.want)
	}
}

// Only what is certain not to be paid ends with a code that allows another try.
func TestExitCode(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, exitOK},
		{failf("no"), exitFailed},
		{usagef("no"), exitUsage},
		{&helios.OutcomeUnknownError{}, exitUnknown},
		{acceptedf("kept in a file: %w", syscall.EPIPE), exitUnknown},
	} {
		assert.Equal(t, test.want, exitCode(test.err), "%v", test.err)
	}
}
