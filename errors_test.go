package helios_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

func TestAPIError_AnyBody(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, code, message, text string }{
		{"as documented", `{"error":"Bad thing","message":"labResults[0].value 41.7"}`, "Bad thing", "labResults[0].value 41.7", "422 Unprocessable Entity: the service's reason is in APIError.Message"},
		{"code repeats the status", `{"error":"Unprocessable entity","message":"m"}`, "Unprocessable entity", "m", "422 Unprocessable Entity: the service's reason is in APIError.Message"},
		{"code holds a value", `{"error":"value 41.7 is bad"}`, "value 41.7 is bad", "", "422 Unprocessable Entity"},
		{"code is long", `{"error":"this is a sentence that goes on for longer than a code would"}`, "this is a sentence that goes on for longer than a code would", "", "422 Unprocessable Entity"},
		{"nested", `{"error":{"code":"invalid_request","message":"m"}}`, "invalid_request", "m", "422 Unprocessable Entity: the service's reason is in APIError.Message"},
		{"other types", `{"error":5,"message":["a"]}`, "", "", "422 Unprocessable Entity"},
		{"array", `[1,2]`, "", "", "422 Unprocessable Entity"},
		{"string", `"x"`, "", "", "422 Unprocessable Entity"},
		{"HTML", `<html></html>`, "", "", "422 Unprocessable Entity"},
		{"empty", ``, "", "", "422 Unprocessable Entity"},
		{"repeats the key", `{"error":"Denied","message":"key ` + testKey + ` is bad"}`, "Denied", "key [redacted] is bad", "422 Unprocessable Entity: the service's reason is in APIError.Message"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := newClient(t, newRecorder(t, 422, tt.body).URL).LabResults.Submit(t.Context(), labs())
			var api *helios.APIError
			require.ErrorAs(t, err, &api)
			assert.Equal(t, 422, api.StatusCode)
			assert.Equal(t, tt.code, api.Code)
			assert.Equal(t, tt.message, api.Message)
			assert.Equal(t, helios.Concurrency{Limit: 7, Active: 3, Remaining: 4}, api.Concurrency)
			require.EqualError(t, err, "helios: POST /api/v1/lab-results: "+tt.text)
			assert.NotContains(t, string(api.Body()), testKey)
			encoded, jsonErr := json.Marshal(api)
			require.NoError(t, jsonErr)
			assert.NotContains(t, string(encoded), "41.7")
		})
	}
}

func TestAuthenticationError(t *testing.T) {
	t.Parallel()
	_, err := newClient(t, newRecorder(t, 401, `{"error": "Unauthorized", "message": "Invalid or missing API key"}`).URL).LabResults.Submit(t.Context(), labs())
	require.ErrorIs(t, err, helios.ErrUnauthorized)
	var auth *helios.AuthenticationError
	require.ErrorAs(t, err, &auth)
	assert.Equal(t, "Invalid or missing API key", auth.Message)
	var api *helios.APIError
	require.ErrorAs(t, err, &api)
	assert.Equal(t, 401, api.StatusCode)
	require.EqualError(t, err, "helios: POST /api/v1/lab-results: 401 Unauthorized")
	assert.Equal(t, err.Error(), fmt.Sprintf("%#v", err))
}

func TestConcurrencyLimitError(t *testing.T) {
	t.Parallel()
	submit := func(t *testing.T, f func(*http.Request) (*http.Response, error)) (*helios.ConcurrencyLimitError, error) {
		_, err := newClient(t, "https://api.example", helios.WithMaxRetries(0), withTransport(f)).LabResults.Submit(t.Context(), labs())
		require.ErrorIs(t, err, helios.ErrConcurrencyLimit)
		var limit *helios.ConcurrencyLimitError
		require.ErrorAs(t, err, &limit)
		var api *helios.APIError
		require.ErrorAs(t, err, &api)
		assert.Equal(t, 429, api.StatusCode)
		return limit, err
	}
	t.Run("as documented", func(t *testing.T) {
		t.Parallel()
		limit, err := submit(t, tooMany("60"))
		assert.Equal(t, 7, limit.ActiveCount)
		assert.Equal(t, 7, limit.Limit)
		assert.Equal(t, time.Minute, limit.RetryAfter)
		require.EqualError(t, err, "helios: POST /api/v1/lab-results: 429 Too Many Requests: 7 of 7 concurrent runs are active: retry after 1m0s")
		assert.Equal(t, err.Error(), fmt.Sprintf("%#v", err))
	})
	t.Run("counts from the headers", func(t *testing.T) {
		t.Parallel()
		limit, _ := submit(t, answer(429, "<html>", "X-Concurrent-Limit", "9", "X-Concurrent-Active", "8"))
		assert.Equal(t, 8, limit.ActiveCount)
		assert.Equal(t, 9, limit.Limit)
		assert.Zero(t, limit.RetryAfter)
	})
	t.Run("nothing known", func(t *testing.T) {
		t.Parallel()
		limit, err := submit(t, answer(429, `{"activeCount":-1,"limit":-1}`, "X-Concurrent-Limit", "-3", "Retry-After", "99999999999999999999"))
		assert.Zero(t, limit.ActiveCount)
		assert.Zero(t, limit.Limit)
		assert.Equal(t, 24*time.Hour, limit.RetryAfter, "clamped")
		require.EqualError(t, err, "helios: POST /api/v1/lab-results: 429 Too Many Requests: retry after 24h0m0s")
	})
}

func TestOutcomeUnknownError(t *testing.T) {
	t.Parallel()
	_, err := newClient(t, newRecorder(t, 503, "").URL).LabResults.Submit(t.Context(), labs())
	var unknown *helios.OutcomeUnknownError
	require.ErrorAs(t, err, &unknown)
	var api *helios.APIError
	require.ErrorAs(t, unknown.Cause, &api)
	assert.Same(t, unknown.Cause, errors.Unwrap(err))
	require.EqualError(t, err, "helios: POST /api/v1/lab-results: outcome unknown, the run may have been accepted: 503 Service Unavailable")
	assert.Equal(t, err.Error(), fmt.Sprintf("%#v", err))
}
