package helios_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

func TestClient_PrintsNothingSecret(t *testing.T) {
	t.Parallel()
	client := newClient(t, "https://api.example/v", helios.WithWebhookURL("https://hook.example?token="+testKey))
	for _, v := range []any{
		client, *client, client.Agent, *client.LabResults,
		&struct{ C *helios.Client }{client}, struct{ C helios.Client }{*client},
	} {
		for how, text := range printed(t, v) {
			assert.NotContains(t, text, "sk_live", how)
		}
	}
	assert.Equal(t, "helios.Client{https://api.example/v}", fmt.Sprintf("%+v", client))
	assert.Equal(t, "helios.Client{}", fmt.Sprint(helios.Client{}))
}

func TestClient_AnswersPrintNoData(t *testing.T) {
	t.Parallel()
	body := `{"runId":"r-1","status":"accepted","message":"` + secretValue + testKey + `"}`
	client := newClient(t, newRecorder(t, 200, body).URL)

	resp, err := client.Do(t.Context(), "GET", "/a", nil, nil, nil)
	require.NoError(t, err)
	assert.Contains(t, string(resp.Body), secretValue)
	assert.NotContains(t, string(resp.Body), testKey, "a key that the answer repeats")
	run, err := client.LabResults.Submit(t.Context(), labs())
	require.NoError(t, err)
	assert.Contains(t, run.Message, secretValue)
	_, err = client.Do(t.Context(), "POST", "/a", nil, map[string]any{"v": json.Number(secretValue)}, nil)
	assertErrorHides(t, err, secretValue)

	for _, v := range []any{resp, *resp, run, *run, err} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
			assert.NotContains(t, fmt.Sprintf(verb, v), secretValue, verb)
		}
		var out bytes.Buffer
		slog.New(slog.NewTextHandler(&out, nil)).Info("", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("", "v", v)
		assert.NotContains(t, out.String(), secretValue)
	}
	b, err := json.Marshal(resp)
	require.NoError(t, err)
	assert.NotContains(t, string(b), "runId")
}

func TestClient_ReportsItsSettings(t *testing.T) {
	t.Parallel()
	client := newClient(t, "https://api.example")
	assert.Equal(t, testHook, client.WebhookURL())
	assert.False(t, client.ResubmitsOnUnknownOutcome())

	client = newClient(t, "https://api.example", helios.WithResubmitOnUnknownOutcome(),
		helios.WithWebhookURL(" https://other.example/h\n"))
	assert.Equal(t, "https://other.example/h", client.WebhookURL(), "without the white space")
	assert.True(t, client.ResubmitsOnUnknownOutcome())
}

func TestClient_ConcurrentUse(t *testing.T) {
	t.Parallel()
	server := newRecorder(t, 200, acceptedBody)
	client := newClient(t, server.URL, helios.WithLogger((&attemptLog{}).logger()),
		helios.WithObserver(func(context.Context, helios.Call) {}))
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 10 {
				_, err := client.LabResults.Submit(t.Context(), labs())
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
}
