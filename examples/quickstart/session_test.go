package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

// realService sets up a fake in the place of the real service, with an empty
// working directory. The writer tells it where the program listens.
func realService(t *testing.T, out io.Writer) (*heliostest.Server, io.Writer) {
	t.Helper()
	t.Chdir(t.TempDir())

	listening := regexp.MustCompile(`Listening on (\S+) for webhooks`)
	addr := make(chan string, 1)
	hook := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			where := <-addr
			addr <- where
			return new(net.Dialer).DialContext(ctx, network, where)
		},
	}

	fake := heliostest.New(t, heliostest.WithStepInterval(0),
		heliostest.WithWebhookClient(&http.Client{Transport: hook}))
	t.Setenv(helios.EnvAPIKey, fake.APIKey)
	t.Setenv(helios.EnvWebhookSecret, fake.WebhookSecret)
	t.Setenv(helios.EnvBaseURL, fake.URL)
	t.Setenv(helios.EnvWebhookURL, "http://127.0.0.1:1/webhook/helios")
	t.Setenv("ADDR", "127.0.0.1:0")

	return fake, writerFunc(func(p []byte) (int, error) {
		if found := listening.FindSubmatch(p); found != nil {
			addr <- string(found[1])
		}
		return out.Write(p)
	})
}

// onlyFile returns the name of the one file below the working directory.
func onlyFile(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("helios-events-*/*")
	require.NoError(t, err)
	require.Len(t, files, 1)
	return files[0]
}

func TestRealService_KeepsTheEventAndPrintsTheReport(t *testing.T) {
	var out, errs bytes.Buffer
	fake, stdout := realService(t, &out)
	require.Equal(t, 0, run(t.Context(), nil, stdout, &errs), errs.String())

	file := onlyFile(t)
	assert.Contains(t, out.String(), "this run is paid")
	assert.Contains(t, out.String(), "The final event is in "+file+".")
	assert.Contains(t, out.String(), "## Summary")
	assert.Len(t, fake.Runs(), 1)
	assertWholeEvent(t, file, fake.Runs()[0].ID)
}

func assertWholeEvent(t *testing.T, file, runID string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	event, err := helios.ParseEvent(raw)
	require.NoError(t, err)
	assert.Equal(t, runID, event.RunID)
	result, err := event.Result()
	require.NoError(t, err)
	assert.NotEmpty(t, result.PatientResponse)

	if runtime.GOOS != "windows" { // which has no such permissions
		info, err := os.Stat(file)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode())
	}
}

func TestRealService_OutputThatIsLostLosesNoResult(t *testing.T) {
	for name, at := range map[string]string{"on the way": "accepted", "at the report": "## Summary"} {
		t.Run(name, func(t *testing.T) {
			var errs bytes.Buffer
			fake, stdout := realService(t, fullAt(at))
			assert.Equal(t, 1, run(t.Context(), nil, stdout, &errs))

			file := onlyFile(t)
			want := "the report could not be printed, but the final event is in " + file + ": no space left\n"
			assert.Equal(t, want, errs.String())
			assertWholeEvent(t, file, fake.Runs()[0].ID)
		})
	}
}

func TestRealService_NothingIsPaidIfNothingCanBePrinted(t *testing.T) {
	var errs bytes.Buffer
	fake, stdout := realService(t, fullAt("Running"))
	assert.Equal(t, 1, run(t.Context(), nil, stdout, &errs))
	assert.Contains(t, errs.String(), "nothing was submitted")
	assert.Empty(t, fake.Runs())
	assertNoDirectory(t)
}

func TestRealService_NothingIsPaidIfNothingCanBeSaved(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("may write everywhere")
	}
	var out, errs bytes.Buffer
	fake, stdout := realService(t, &out)
	require.NoError(t, os.Chmod(".", 0o500))
	assert.Equal(t, 1, run(t.Context(), nil, stdout, &errs))
	assert.Contains(t, errs.String(), "there is no place for the result")
	assert.Empty(t, fake.Runs())
}

func TestRealService_AFailedRunIsKeptToo(t *testing.T) {
	var out, errs bytes.Buffer
	fake, stdout := realService(t, &out)
	fake.Inject(heliostest.FailRun("no \x1b[31mlabs"))
	assert.Equal(t, 1, run(t.Context(), nil, stdout, &errs))

	assert.Contains(t, errs.String(), fake.Runs()[0].ID)
	assert.Contains(t, errs.String(), "no [31mlabs")
	raw, err := os.ReadFile(onlyFile(t))
	require.NoError(t, err)
	assert.True(t, json.Valid(raw))
	assert.Contains(t, out.String(), onlyFile(t))
}

func TestRealService_ARefusedRunLeavesNoDirectory(t *testing.T) {
	var out, errs bytes.Buffer
	fake, stdout := realService(t, &out)
	fake.Inject(heliostest.Status(http.StatusUnauthorized))
	assert.Equal(t, 1, run(t.Context(), nil, stdout, &errs))
	assert.Contains(t, errs.String(), "401")
	assertNoDirectory(t)
}

func TestRealService_NeedsTheWebhookSecret(t *testing.T) {
	var out, errs bytes.Buffer
	fake, stdout := realService(t, &out)
	t.Setenv(helios.EnvWebhookSecret, "")
	assert.Equal(t, 1, run(t.Context(), nil, stdout, &errs))
	assert.Contains(t, errs.String(), helios.EnvWebhookSecret)
	assert.Empty(t, fake.Runs())
	assertNoDirectory(t)
}

func assertNoDirectory(t *testing.T) {
	t.Helper()
	left, err := filepath.Glob("helios-events-*")
	require.NoError(t, err)
	assert.Empty(t, left)
}
