package heliostest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

// printed returns v as each verb, logger and encoder shows it.
func printed(t *testing.T, v any) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, verb := range strings.Fields("%v %+v %#v %s %q %d %x %X %#x %10.3v %t %c %U %e %b %o") {
		texts[verb] = fmt.Sprintf(verb, v)
	}

	var text, jsonText bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).With("w", v).Info("m", "v", v)
	slog.New(slog.NewJSONHandler(&jsonText, nil)).Info("m", "v", v)
	texts["slog text"], texts["slog JSON"] = text.String(), jsonText.String()

	encoded, err := json.Marshal(v)
	require.NoError(t, err)
	texts["JSON"] = string(encoded)
	return texts
}

func TestPrintsWhatIdentifiesItAndNothingElse(t *testing.T) {
	t.Parallel()
	srv := newServer(t, heliostest.WithAPIKey("sk_live_"+private), heliostest.WithWebhookSecret(private))
	run := heliostest.Run{
		ID: "r-1", Agent: "light", WebhookURL: "https://example.com/hook?token=" + private, Ended: true,
		Request: []byte(private), Deliveries: []heliostest.Delivery{{SequenceNumber: 9}},
	}
	delivery := heliostest.Delivery{SequenceNumber: 9, Status: "completed", Attempt: 2, Err: errors.New(private)}
	answered := heliostest.Delivery{SequenceNumber: 1, Status: "processing", Attempt: 1, StatusCode: 503}
	request := heliostest.Request{
		Method: "POST", Path: "/api/v1/agent\nx", RawQuery: "token=" + private, Header: http.Header{"X": {private}},
		Body: []byte(private), StatusCode: 200, RunID: "r-1",
	}

	for _, tc := range []struct {
		name, want string
		values     []any
	}{
		{"server", "heliostest.Server{" + srv.URL + "}", []any{srv}},
		{"run", "heliostest.Run{r-1, light, ended true, deliveries: 1}", []any{run, &run}},
		{"delivery", "heliostest.Delivery{event 9 completed, attempt 2, no answer}", []any{delivery, &delivery}},
		{
			"answered delivery", "heliostest.Delivery{event 1 processing, attempt 1, answer 503}",
			[]any{answered, &answered},
		},
		{
			"request", "heliostest.Request{POST /api/v1/agent%0Ax, 7 bytes, answer 200, run r-1}",
			[]any{request, &request},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, v := range tc.values {
				for how, text := range printed(t, v) {
					assertNotShown(t, how, text)
					if how != "JSON" {
						assert.Contains(t, text, tc.want, how)
					}
				}
				// As a field, in a list and in a map.
				for how, text := range printed(t, struct {
					Field any
					List  []any
					Map   map[string]any
				}{v, []any{v}, map[string]any{"key": v}}) {
					assertNotShown(t, how, text)
				}
			}
		})
	}
}

// assertNotShown finds private as text, in hex, in base64 and as numbers.
func assertNotShown(t *testing.T, how, text string) {
	t.Helper()
	for _, form := range []string{
		private, fmt.Sprintf("%x", private), fmt.Sprintf("%X", private), fmt.Sprint([]byte(private)), "UFJJVkFURQ",
	} {
		assert.NotContains(t, text, strings.Trim(form, "[]"), how)
	}
}

func TestPrintsRealRunsAndRequests(t *testing.T) {
	t.Parallel()
	srv, hook := newServer(t), newReceiver(t, nil)
	body := strings.Replace(labsBody(hook.URL+"?token="+private), "Creatinine", private, 1)
	id := submit(t, srv, labsPath, body)
	wait(t, srv)

	for _, v := range []any{srv, srv.Runs(), srv.Requests()} {
		for how, text := range printed(t, v) {
			assertNotShown(t, how, text)
			assert.NotContains(t, text, srv.APIKey, how)
			assert.NotContains(t, text, srv.WebhookSecret, how)
		}
	}
	assert.Equal(t, "[heliostest.Run{"+id+", lab-results, ended true, deliveries: 9}]", fmt.Sprint(srv.Runs()))
	assert.Contains(t, string(srv.Requests()[0].Body), private, "kept for tests")
	assert.WithinRange(t, srv.Runs()[0].Accepted, time.Now().Add(-time.Hour), time.Now())
}
