package durable

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// TestSend_UnknownFields: what a later version has stored is sent whole by this
// one, at every depth.
func TestSend_UnknownFields(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k)
		e.HandleFunc(nothing)
		for key, request := range map[string]string{
			"labs":   `{"labResults":[{"name":"Na","value":"1","specimen":{"type":"serum"}}],"priority":"stat"}`,
			"record": `{"agentType":"deep","data":{"patientInfo":{"ethnicity":"x"},"genetics":[1]},"priority":"stat"}`,
		} {
			var err error
			if key == "labs" {
				_, err = e.SubmitLabResults(t.Context(), key, labs())
			} else {
				_, err = e.SubmitAgent(t.Context(), key, record())
			}
			require.NoError(t, err)
			change(t, e, `UPDATE {submissions} SET request = $2 WHERE key = $1`, key, []byte(request))
		}
		run(t, e)
		waitFor(t, e, "labs", Completed)
		waitFor(t, e, "record", Completed)
		for _, r := range srv.Runs() {
			var sent map[string]any
			require.NoError(t, json.Unmarshal(r.Request, &sent))
			assert.Contains(t, sent["webhookUrl"], "helios_ref=")
			assert.Equal(t, "stat", sent["priority"])
			if r.Agent == "deep" {
				assert.Contains(t, string(r.Request), `"ethnicity":"x"`)
				assert.Contains(t, string(r.Request), `"genetics":[1]`)
			} else {
				assert.Contains(t, string(r.Request), `"specimen":{"type":"serum"}`)
			}
		}
	})
}

// TestSend_UnreadableRequest: what is no request ends, and says nothing of it.
func TestSend_UnreadableRequest(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k)
		e.HandleFunc(nothing)
		for key, request := range map[string]string{"text": secretValue, "null": "null", "list": "[]",
			"URL": `{"webhookUrl":7}`, "no URL": `{"webhookUrl":"::"}`} {
			_, err := e.SubmitLabResults(t.Context(), key, labs())
			require.NoError(t, err)
			change(t, e, `UPDATE {submissions} SET request = $2 WHERE key = $1`, key, []byte(request))
		}
		run(t, e)
		for _, key := range []string{"text", "null", "list", "URL", "no URL"} {
			s := waitFor(t, e, key, Failed)
			assert.Equal(t, errStoredRequest.Error(), s.Reason)
		}
		assert.Empty(t, srv.Requests())
	})
}

// TestDefaultWebhookURL_Moves: results go to where the client's default leads
// when the submission is sent. To name the default is no other request.
func TestDefaultWebhookURL_Moves(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		before, err := helios.NewClient(helios.WithAPIKey(srv.APIKey), helios.WithBaseURL(srv.URL),
			helios.WithWebhookURL("https://dead.customer.example/webhook"))
		require.NoError(t, err)
		old := k.open(t, before, srv.receiver)
		e := srv.open(t, k)
		e.HandleFunc(nothing)
		named := labs("140")
		named.WebhookURL = "https://dead.customer.example/webhook"
		_, err = old.SubmitLabResults(t.Context(), "default", labs())
		require.NoError(t, err)
		_, err = old.SubmitLabResults(t.Context(), "named", named)
		require.NoError(t, err)
		_, err = old.SubmitLabResults(t.Context(), "named", labs("140"))
		require.NoError(t, err, "the default was named before")

		now := labs()
		now.WebhookURL = srv.hook.URL + "/webhook"
		_, err = e.SubmitLabResults(t.Context(), "default", now)
		require.NoError(t, err, "the default is named now")
		_, err = e.SubmitLabResults(t.Context(), "named", named)
		require.NoError(t, err, "the same as ever")
		now.WebhookURL = srv.hook.URL + "/another"
		_, err = e.SubmitLabResults(t.Context(), "default", now)
		require.ErrorIs(t, err, ErrKeyConflict)
		require.NoError(t, e.Cancel(t.Context(), "named"))
		run(t, e)
		waitFor(t, e, "default", Completed)
		assert.Contains(t, srv.Runs()[0].WebhookURL, srv.hook.URL+"/webhook?helios_ref=")
	})
}

// TestSend_NoWebhookURL: a process whose client has none leaves it to others.
func TestSend_NoWebhookURL(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k, idle)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		e.client, err = helios.NewClient(helios.WithAPIKey(srv.APIKey), helios.WithBaseURL(srv.URL))
		require.NoError(t, err)
		c, err := e.claim(t.Context(), agentLabResults, 1)
		require.NoError(t, err)
		out := e.post(t.Context(), c)
		assert.Equal(t, Queued, out.state)
		assert.False(t, out.refused)
		assert.Equal(t, errNoURL.Error(), out.reason)
	})
}

// TestSameRunID: two submissions that are answered with one run id. The
// second's result is not the first's.
func TestSameRunID(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k, idle)
		var sent []*claimed
		for _, key := range []string{"a", "b"} {
			_, err := e.SubmitLabResults(t.Context(), key, labs(key))
			require.NoError(t, err)
			c, err := e.claim(t.Context(), agentLabResults, 1)
			require.NoError(t, err)
			require.NoError(t, e.settle(t.Context(), c, &outcome{state: Accepted, runID: "run-1"}))
			sent = append(sent, c)
		}
		waitFor(t, e, "a", Accepted)
		s := waitFor(t, e, "b", Unknown)
		assert.Equal(t, "Helios answered with the run ID of another submission", s.Reason)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-1", "completed", 9)))
		waitFor(t, e, "a", Completed)
		waitFor(t, e, "b", Unknown)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, sent[1].reference, eventBody("run-2", "completed", 9)))
		s = waitFor(t, e, "b", Completed)
		assert.Equal(t, "run-2", s.RunID)
	})
}

// TestAnswers: what a service may answer to a submission.
func TestAnswers(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		for name, c := range map[string]struct {
			limit, body string
			want        State
			slots       int
		}{
			"an absurd limit":         {"2147483647", `{"runId":"r"}`, Accepted, 7},
			"a limit":                 {"12", `{"runId":"r"}`, Accepted, 12},
			"a field of another type": {"", `{"runId":"r","message":5}`, Accepted, 7},
			"no run id":               {"", `{"status":"accepted"}`, Unknown, 7},
			"nothing":                 {"", ``, Unknown, 7},
			"no JSON":                 {"", `<html>`, Unknown, 7},
		} {
			t.Run(name, func(t *testing.T) {
				answers := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					if c.limit != "" {
						w.Header().Set("X-Concurrent-Limit", c.limit)
					}
					_, _ = w.Write([]byte(c.body))
				}))
				t.Cleanup(answers.Close)
				client, err := helios.NewClient(helios.WithAPIKey("k"), helios.WithBaseURL(answers.URL),
					helios.WithWebhookURL("http://127.0.0.1:1/"))
				require.NoError(t, err)
				t.Cleanup(client.CloseIdleConnections)
				e := k.another(t).open(t, client, newService(t).receiver, idle)
				e.HandleFunc(nothing)
				run(t, e)
				_, err = e.SubmitLabResults(t.Context(), "k", labs())
				require.NoError(t, err)
				waitFor(t, e, "k", c.want)
				stats, err := e.Stats(t.Context())
				require.NoError(t, err)
				assert.Equal(t, c.slots, stats.Slots[agentLabResults].Limit)
			})
		}
	})
}
