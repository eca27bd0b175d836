package main

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/heliostest"
)

// encryptedStore makes a file with three submissions, whose bodies an
// application has encrypted: done is completed, lost is unknown, and waiting is
// queued.
func encryptedStore(t *testing.T) (path string, fake *heliostest.Server) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "helios.db")
	fake = heliostest.New(t, heliostest.WithStepInterval(time.Nanosecond))
	codec, err := durable.NewAESGCM(durable.Key{ID: "k", Secret: bytes.Repeat([]byte{7}, 32)})
	require.NoError(t, err)
	client, err := helios.NewClient(helios.WithAPIKey(fake.APIKey), helios.WithBaseURL(fake.URL))
	require.NoError(t, err)
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret(fake.WebhookSecret))
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	eng, err := durable.OpenSQLite(t.Context(), path, client, receiver, durable.WithCodec(codec),
		durable.WithObserver(func(_ context.Context, a durable.Activity) {
			if a.Outcome == durable.ActivityUnknown {
				cancel()
			}
		}))
	require.NoError(t, err)
	defer eng.Close()
	hook := httptest.NewServer(eng.WebhookHandler())
	defer hook.Close()
	labs := &helios.LabResultsRequest{
		WebhookURL: hook.URL, LabResults: []helios.LabResult{{Name: "Sodium", Value: "140 mmol/L"}},
	}
	eng.HandleFunc(func(ctx context.Context, event *helios.Event) error {
		if !event.Final() {
			return nil
		}
		fake.Inject(heliostest.DropAnswer(), heliostest.LoseWebhooks(), heliostest.LoseFinalWebhook())
		_, err := eng.SubmitLabResults(ctx, "lost", labs)
		return err
	})
	_, err = eng.SubmitLabResults(ctx, "done", labs)
	require.NoError(t, err)
	require.NoError(t, eng.Run(ctx))
	_, err = eng.SubmitLabResults(t.Context(), "waiting", labs)
	require.NoError(t, err)
	return path, fake
}

// typed runs one command line in this process.
func typed(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = run(t.Context(), args, strings.NewReader(""), &out, &errs, func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	})
	return code, out.String(), errs.String()
}

// What an application has encrypted is not shown, and does not keep anybody
// from deciding.
func TestEncryptedStore(t *testing.T) {
	t.Parallel()
	path, fake := encryptedStore(t)
	labs := filepath.Join(t.TempDir(), "labs.json")
	require.NoError(t, os.WriteFile(labs, []byte(`[{"name": "Sodium", "value": "140 mmol/L"}]`), 0o600))
	env := map[string]string{
		"HELIOS_DB": path, "HELIOS_BASE_URL": fake.URL, "HELIOS_API_KEY": fake.APIKey,
		"HELIOS_WEBHOOK_SECRET": fake.WebhookSecret, "HELIOS_WEBHOOK_URL": "http://localhost:1/",
	}

	for _, test := range []struct {
		line           string
		code           int
		stdout, stderr string
	}{
		{"store list", 0, "done     lab-results  completed", ""},
		{"store show waiting", 0, "state      queued", ""},
		{"store show done", 0, "event      encrypted; this command has no key\n", ""},
		{"store show done --json", 0, `"encrypted":true}`, ""},
		{"store show done --event event.json", 1, "completed", "the event of done is encrypted"},
		{"store list --dead-letters", 0, "", "There are none."},
		{"store pause deep", 0, "paused: deep", ""},
		{"store resume deep", 0, "resumed: deep", ""},
		{"store submit " + labs + " --key more --yes", 1, "", "the application encrypts what is in this store"},
		{"store serve --work --addr localhost:0 --webhook-addr localhost:0", 1, "", "this command has no key"},
		{"store resolve lost --as resubmit", 2, "", "lost is unknown. A new run costs $0.65"},
		{"store resolve lost --as fail", 0, "resolved as fail: lost", ""},
		{"store resolve lost --as resubmit --yes", 0, "resolved as resubmit: lost", "lost is failed."},
		{"store cancel lost", 0, "canceled: lost", ""},
		{"store cancel waiting", 0, "canceled: waiting", ""},
		{"store forget done --yes", 0, "forgotten: done", ""},
		{"store show done", 0, "event      deleted", ""},
	} {
		code, stdout, stderr := typed(t, env, strings.Fields(test.line)...)
		assert.Equal(t, test.code, code, "%s: %s", test.line, stderr)
		assert.Contains(t, stdout, test.stdout, test.line)
		assert.Contains(t, stderr, test.stderr, test.line)
	}
	assert.NoFileExists(t, "event.json")
	assert.Len(t, fake.Runs(), 2)
}
