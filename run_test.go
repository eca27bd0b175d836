package helios_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

func TestRun_AnyAcceptanceWithAnID(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]*helios.Run{
		`{"runId":"r-1"}`: {ID: "r-1"},
		`{"runId":"r-1","status":"queued","message":"m","new":[1]}`: {ID: "r-1", Status: "queued", Message: "m"},
		`{"runId":"r-1","status":7,"message":{}}`:                   {ID: "r-1"},
		" \n{\"RUNID\":\"r-1\"}\n":                                  {ID: "r-1"},
		`{"status":"accepted"}`:                                     nil,
		`{"runId":""}`:                                              nil,
		`{"runId":7}`:                                               nil,
		`{"runId":null}`:                                            nil,
		`["r-1"]`:                                                   nil,
		`"r-1"`:                                                     nil,
		`{"runId":"r-1"`:                                            nil,
		`{"runId":"r-1"}{}`:                                         nil,
		"\ufeff" + `{"runId":"r-1"}`:                                nil,
		"":                                                          nil,
	} {
		attempts := 0
		client := newClient(t, "https://api.example", withTransport(answering(&attempts, answer(201, body))))
		run, err := client.LabResults.Submit(t.Context(), labs())
		assert.Equal(t, 1, attempts, body)
		if want == nil {
			require.ErrorIs(t, err, helios.ErrOutcomeUnknown, body)
			assert.Nil(t, run)
			continue
		}
		require.NoError(t, err, body)
		run.Header = nil
		assert.Equal(t, want, run, body)
	}
}

func TestRun_Header(t *testing.T) {
	t.Parallel()
	attempts := 0
	client := newClient(t, "https://api.example", withTransport(answering(&attempts, answer(200, acceptedBody,
		"X-Request-Id", "req-17", "X-Debug", "key="+testKey+" data="+secretValue))))
	run, err := client.LabResults.Submit(t.Context(), labs())
	require.NoError(t, err)
	assert.Equal(t, "req-17", run.Header.Get("X-Request-Id"))
	assert.Equal(t, "key=[redacted] data="+secretValue, run.Header.Get("X-Debug"), "the key is cut out")

	for how, text := range printed(t, run) {
		assertHidden(t, text, secretValue, "req-17", "X-Debug")
		if how != "json.Marshal" { // which has the fields that stand in the answer's body
			assertHidden(t, text, run.Message)
		}
	}
	for how, text := range printed(t, *run) {
		assertHidden(t, text, secretValue, "req-17", "X-Debug")
		if how == "%+v" {
			assert.Equal(t, "helios.Run{"+acceptedRun+", slots 0 of 0}", text)
		}
	}
}

func TestRun_Concurrency(t *testing.T) {
	t.Parallel()
	const limit, active, remaining = "X-Concurrent-Limit", "X-Concurrent-Active", "X-Concurrent-Remaining"
	for name, tt := range map[string]struct {
		header http.Header
		want   helios.Concurrency
	}{
		"as documented": {
			http.Header{limit: {"7"}, active: {"3"}, remaining: {"4"}},
			helios.Concurrency{Limit: 7, Active: 3, Remaining: 4},
		},
		"none":       {http.Header{}, helios.Concurrency{}},
		"one":        {http.Header{active: {"3"}}, helios.Concurrency{Active: 3}},
		"no numbers": {http.Header{limit: {"many"}, active: {"3.5"}, remaining: {""}}, helios.Concurrency{}},
		"negative":   {http.Header{limit: {"-7"}, active: {"3"}}, helios.Concurrency{Active: 3}},
		"too large":  {http.Header{limit: {"99999999999999999999"}}, helios.Concurrency{}},
		"twice":      {http.Header{limit: {"7", "9"}}, helios.Concurrency{Limit: 7}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, "https://api.example",
				withTransport(func(req *http.Request) (*http.Response, error) {
					resp, err := answer(200, acceptedBody)(req)
					resp.Header = tt.header
					return resp, err
				}))
			run, err := client.LabResults.Submit(t.Context(), labs())
			require.NoError(t, err)
			assert.Equal(t, tt.want, run.Concurrency)
		})
	}
}
