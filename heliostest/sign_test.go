package heliostest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

const signedBody = `{"runId":"550e8400-e29b-41d4-a716-446655440000","status":"completed"}`

func TestSign(t *testing.T) {
	t.Parallel()
	assert.Equal(t, http.Header{
		"Content-Type":       {"application/json"},
		"X-Helios-Signature": {signature("secret", []byte(signedBody))},
		"X-Helios-Timestamp": {"1736942490"},
		"X-Helios-Run-Id":    {"550e8400-e29b-41d4-a716-446655440000"},
	}, heliostest.Sign("secret", []byte(signedBody), time.Unix(1736942490, 999)))

	// Computed with: printf 'not json' | openssl dgst -sha256 -hmac secret
	h := heliostest.Sign("secret", []byte("not json"), time.Unix(0, 0))
	assert.Equal(t, "sha256=19e44cefdf4796e0dc616e940e49c2ecd3fc476343e40c7c95d39a75dc10e958",
		h.Get("X-Helios-Signature"))
	assert.NotContains(t, h, "X-Helios-Run-Id")
}

func TestOddBodiesAreSignedAsTheyAre(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ body, runID string }{
		"nothing":                  {"", ""},
		"a list":                   {`[{"runId":"r-1"}]`, ""},
		"behind a byte order mark": {"\ufeff" + `{"runId":"r-1"}`, ""},
		"a number as run id":       {`{"runId":17}`, ""},
		"an empty run id":          {`{"runId":""}`, ""},
		"several lines":            {`{"runId":"r-1"}` + "\n" + `{"runId":"r-1"}`, ""},
		"a trailing comma":         {`{"runId":"r-1",}`, ""},
		"not UTF-8":                {"{\"runId\":\"r-1\",\"x\":\"\xff\"}", "r-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := heliostest.NewWebhookRequest("/hook", "secret", []byte(tc.body), time.Now())
			assert.Equal(t, signature("secret", []byte(tc.body)), r.Header.Get("X-Helios-Signature"))
			assert.Equal(t, tc.runID, r.Header.Get("X-Helios-Run-ID"))

			body, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			assert.Equal(t, tc.body, string(body))
		})
	}
}

func TestNewWebhookRequestWorksForHandlersAndClients(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Equal(t, signedBody, string(body))
		assert.Equal(t, signature("secret", body), r.Header.Get("X-Helios-Signature"))
		assert.NotEmpty(t, r.Host)
		assert.NotEmpty(t, r.RemoteAddr)
		assert.Equal(t, "o-17", r.FormValue("order"))
		w.WriteHeader(http.StatusAccepted)
	})
	mux := http.NewServeMux()
	mux.Handle("POST /webhook/helios", handler)

	w := httptest.NewRecorder()
	mux.ServeHTTP(w,
		heliostest.NewWebhookRequest("/webhook/helios?order=o-17", "secret", []byte(signedBody), time.Now()))
	assert.Equal(t, http.StatusAccepted, w.Code)

	hook := httptest.NewServer(mux)
	t.Cleanup(hook.Close)
	resp, err := hook.Client().Do(heliostest.NewWebhookRequest(hook.URL+"/webhook/helios?order=o-17", "secret",
		[]byte(signedBody), time.Now()))
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, http.StatusAccepted, resp.StatusCode)

	assert.PanicsWithValue(t, `heliostest: bad webhook request: invalid URL escape "%zz"`, func() {
		heliostest.NewWebhookRequest("http://%zz?token=PRIVATE", "secret", nil, time.Now())
	})
}
