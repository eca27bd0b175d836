package heliostest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

// FuzzSubmit submits anything. The answer is never 5xx and always JSON, and a
// run that was accepted ends with an event that is JSON as well.
func FuzzSubmit(f *testing.F) {
	for _, lab := range []bool{false, true} {
		for _, body := range []string{
			``, `null`, `{}`, `[]`, `{"webhookUrl":`, "{\"a\": \"\xff\"}",
			agentBody("light", "https://example.com/hook"),
			agentBody("deep", "http://localhost:1/hook"),
			labsBody("https://example.com/hook"),
			`{"webhookUrl": "https://a", "agentType": "deep",
				"data": {"medications": [{}, {"dosage": "1"}], "vitalSigns": [{"display": "\u0000*"}]}}`,
			`{"webhookUrl": "https://a",
				"labResults": [{"name": "\ud800", "value": "[1]"}], "patientContext": {"age": ""}}`,
		} {
			f.Add(lab, body)
		}
	}
	var (
		srv    *heliostest.Server
		broken atomic.Int32 // events that are not JSON
		sent   atomic.Int32
		client = &http.Client{Transport: &http.Transport{}}
	)
	// Nothing may leave the process: the fuzzer makes up webhook URLs.
	deliver := roundTripper(func(r *http.Request) (*http.Response, error) {
		sent.Add(1)
		if err := json.NewDecoder(r.Body).Decode(&struct{}{}); err != nil {
			broken.Add(1)
		}
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	})
	hook := heliostest.WithWebhookClient(&http.Client{Transport: deliver})
	closeServer := func() {
		if srv != nil {
			srv.Close()
		}
	}
	f.Cleanup(closeServer)
	n := 0
	f.Fuzz(func(t *testing.T, lab bool, body string) {
		// A server keeps what it saw, so it cannot serve for ever; nor can each
		// submission have its own, because ports run out.
		if n%200 == 0 {
			closeServer()
			srv = heliostest.NewServer(hook, heliostest.WithStepInterval(0))
		}
		n++
		sent.Store(0)
		path := agentPath
		if lab {
			path = labsPath
		}
		resp, err := client.Do(newRequest(t, srv, path, body))
		require.NoError(t, err)
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Contains(t, []int{200, 400, 413}, resp.StatusCode, string(answer))
		assert.True(t, json.Valid(answer))
		wait(t, srv)
		assert.Zero(t, broken.Load(), "events that are not JSON")
		if resp.StatusCode == 200 {
			assert.EqualValues(t, 9, sent.Load())
		}
	})
}
