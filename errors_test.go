package helios_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// TestSubmit_ErrorTexts are whole texts: what a user reads, and nothing else.
func TestSubmit_ErrorTexts(t *testing.T) {
	t.Parallel()
	resubmit := []helios.ClientOption{
		helios.WithResubmitOnUnknownOutcome(), helios.WithMaxRetries(1), quickly(),
	}
	once := []helios.ClientOption{helios.WithMaxRetries(0)}
	for name, tt := range map[string]struct {
		answers []roundTrip
		opts    []helios.ClientOption
		req     *helios.LabResultsRequest // nil: labs
		text    string
	}{
		"an answer that is no JSON": {
			answers: list(answer(200, "<html>")),
			text:    openOutcome + "200 OK: the answer is not the JSON that was expected",
		},
		"half an answer":          {answers: list(halfAnswer), text: openOutcome + "200 OK: the answer broke off"},
		"a status without a name": {answers: list(answer(599, "")), text: openOutcome + "599"},
		"303":                     {answers: list(answer(303, "")), text: openOutcome + "303 See Other"},
		"429 that says nothing": {
			answers: list(answer(429, "")), opts: once, text: submitPath + "429 Too Many Requests",
		},
		"a proxy on the way that wants a login": {
			answers: list(answer(407, "")), text: submitPath + "407 Proxy Authentication Required",
		},
		"sent again as asked, then refused": {
			answers: list(answer(503, ""), answer(401, "")), opts: resubmit,
			text: openOutcome + "503 Service Unavailable; sent again as asked: " +
				"POST /api/v1/lab-results: 401 Unauthorized",
		},
		"sent again as asked, unknown again": {
			answers: list(answer(503, ""), answer(502, "")), opts: resubmit, text: openOutcome + "502 Bad Gateway",
		},
		"more than ten problems": {
			req: &helios.LabResultsRequest{LabResults: make([]helios.LabResult, 6)},
			text: "helios: invalid request: labResults[0].name: is required; labResults[0].value: is required; " +
				"labResults[1].name: is required; labResults[1].value: is required; " +
				"labResults[2].name: is required; labResults[2].value: is required; " +
				"labResults[3].name: is required; labResults[3].value: is required; " +
				"labResults[4].name: is required; labResults[4].value: is required; and 2 more",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.req == nil {
				tt.req = labs()
			}
			attempts := 0
			client := newClient(t, "https://api.example",
				append(tt.opts, withTransport(answering(&attempts, tt.answers...)))...)
			_, err := client.LabResults.Submit(t.Context(), tt.req)
			require.EqualError(t, err, tt.text)
		})
	}
}

func TestAPIError_AnyBody(t *testing.T) {
	t.Parallel()
	const (
		bare = "422 Unprocessable Entity"
		more = bare + ": the service's reason is in APIError.Message"
		long = "this is a sentence that goes on for longer than a code would"
	)
	for name, tt := range map[string]struct{ body, code, message, text string }{
		"as documented": {
			`{"error":"Bad thing","message":"labResults[0].value 41.7"}`, "Bad thing", "labResults[0].value 41.7", more,
		},
		"code repeats the status": {
			`{"error":"Unprocessable entity","message":"m"}`, "Unprocessable entity", "m", more,
		},
		"code holds a value": {`{"error":"value 41.7 is bad"}`, "value 41.7 is bad", "", bare},
		"code is long":       {`{"error":"` + long + `"}`, long, "", bare},
		"nested":             {`{"error":{"code":"invalid_request","message":"m"}}`, "invalid_request", "m", more},
		"other types":        {`{"error":5,"message":["a"]}`, "", "", bare},
		"array":              {`[1,2]`, "", "", bare},
		"string":             {`"x"`, "", "", bare},
		"HTML":               {`<html></html>`, "", "", bare},
		"empty":              {``, "", "", bare},
		"repeats the key": {
			`{"error":"Denied","message":"key ` + testKey + ` is bad"}`, "Denied", "key [redacted] is bad", more,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := submitLabs(t, newClient(t, newRecorder(t, 422, tt.body).URL))
			var api *helios.APIError
			require.ErrorAs(t, err, &api)
			assert.Equal(t, 422, api.StatusCode)
			assert.Equal(t, tt.code, api.Code)
			assert.Equal(t, tt.message, api.Message)
			assert.Equal(t, helios.Concurrency{Limit: 7, Active: 3, Remaining: 4}, api.Concurrency)
			require.EqualError(t, err, submitPath+tt.text)
			assert.NotContains(t, string(api.Body()), testKey)
			assertErrorHides(t, err, "41.7", testKey)
		})
	}
}

// TestAPIError_Header: it is there for the caller, without the key, and no text
// of the error has it.
func TestAPIError_Header(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 422, 429, 503} {
		attempts := 0
		client := newClient(t, "https://api.example", helios.WithMaxRetries(0),
			withTransport(answering(&attempts, answer(status, "",
				"X-Request-Id", "req-17", "X-Debug", testKey+" "+secretValue))))
		err := submitLabs(t, client)
		var api *helios.APIError
		require.ErrorAs(t, err, &api)
		assert.Equal(t, "req-17", api.Header.Get("X-Request-Id"))
		assert.Equal(t, "[redacted] "+secretValue, api.Header.Get("X-Debug"), "the key is cut out")
		assertErrorHides(t, err, "req-17", secretValue, testKey)
		for how, text := range printed(t, *api) {
			assert.NotContains(t, text, "req-17", how)
		}
	}
}

func TestAuthenticationError(t *testing.T) {
	t.Parallel()
	body := `{"error": "Unauthorized", "message": "Invalid or missing API key"}`
	err := submitLabs(t, newClient(t, newRecorder(t, 401, body).URL))
	require.ErrorIs(t, err, helios.ErrUnauthorized)
	var auth *helios.AuthenticationError
	require.ErrorAs(t, err, &auth)
	assert.Equal(t, "Invalid or missing API key", auth.Message)
	var api *helios.APIError
	require.ErrorAs(t, err, &api)
	assert.Equal(t, 401, api.StatusCode)
	require.EqualError(t, err, submitPath+"401 Unauthorized")
	assert.Equal(t, err.Error(), fmt.Sprintf("%#v", err))
}

func TestConcurrencyLimitError(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer        roundTrip
		active, limit int
		retryAfter    time.Duration
		text          string
	}{
		"as documented": {
			tooMany("60"), 7, 7, time.Minute, ": 7 of 7 concurrent runs are active: retry after 1m0s",
		},
		"counts from the headers": {
			answer(429, "<html>", "X-Concurrent-Limit", "9", "X-Concurrent-Active", "8"), 8, 9, 0,
			": 8 of 9 concurrent runs are active",
		},
		"a wait with decimals": {
			answer(429, "", "Retry-After", "45.5"), 0, 0, 45500 * time.Millisecond, ": retry after 45.5s",
		},
		"nothing known, and a wait beyond all bounds": {
			answer(429, `{"activeCount":-1,"limit":-1}`,
				"X-Concurrent-Limit", "-3", "Retry-After", "99999999999999999999"),
			0, 0, 24 * time.Hour, ": retry after 24h0m0s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, "https://api.example", helios.WithMaxRetries(0), withTransport(tt.answer))
			err := submitLabs(t, client)
			require.ErrorIs(t, err, helios.ErrConcurrencyLimit)
			var limit *helios.ConcurrencyLimitError
			require.ErrorAs(t, err, &limit)
			assert.Equal(t, tt.active, limit.ActiveCount)
			assert.Equal(t, tt.limit, limit.Limit)
			assert.Equal(t, tt.retryAfter, limit.RetryAfter)
			var api *helios.APIError
			require.ErrorAs(t, err, &api)
			assert.Equal(t, 429, api.StatusCode)
			require.EqualError(t, err, submitPath+"429 Too Many Requests"+tt.text)
			assert.Equal(t, err.Error(), fmt.Sprintf("%#v", err))
		})
	}
}

func TestOutcomeUnknownError(t *testing.T) {
	t.Parallel()
	err := submitLabs(t, newClient(t, newRecorder(t, 503, "").URL))
	var unknown *helios.OutcomeUnknownError
	require.ErrorAs(t, err, &unknown)
	var api *helios.APIError
	require.ErrorAs(t, unknown.Cause, &api)
	assert.Same(t, unknown.Cause, errors.Unwrap(err))
	require.EqualError(t, err, openOutcome+"503 Service Unavailable")
	assert.Equal(t, err.Error(), fmt.Sprintf("%#v", err))
}

// TestErrors_MadeByAMock: a test of an application makes these errors by hand.
func TestErrors_MadeByAMock(t *testing.T) {
	t.Parallel()
	api := &helios.APIError{StatusCode: http.StatusTooManyRequests}
	for name, tt := range map[string]struct {
		err  error
		text string
		is   []error
	}{
		"APIError":                  {api, "helios: 429 Too Many Requests", nil},
		"APIError without a status": {&helios.APIError{}, "helios: 0", nil},
		"APIError with a message": {
			&helios.APIError{StatusCode: 400, Code: "c", Message: secretValue, Header: http.Header{"X": {secretValue}}},
			"helios: 400 Bad Request: the service's reason is in APIError.Message", nil,
		},
		"AuthenticationError": {
			&helios.AuthenticationError{APIError: &helios.APIError{StatusCode: 401}}, "helios: 401 Unauthorized",
			[]error{helios.ErrUnauthorized},
		},
		"AuthenticationError of nothing": {
			&helios.AuthenticationError{}, "helios: 401 Unauthorized", []error{helios.ErrUnauthorized},
		},
		"ConcurrencyLimitError": {
			&helios.ConcurrencyLimitError{APIError: api, ActiveCount: 7, Limit: 7, RetryAfter: time.Minute},
			"helios: 429 Too Many Requests: 7 of 7 concurrent runs are active: retry after 1m0s",
			[]error{helios.ErrConcurrencyLimit, api},
		},
		"ConcurrencyLimitError of nothing": {
			&helios.ConcurrencyLimitError{}, "helios: 429 Too Many Requests", []error{helios.ErrConcurrencyLimit},
		},
		"OutcomeUnknownError": {
			&helios.OutcomeUnknownError{Cause: api}, "helios: outcome unknown, the run may have been accepted",
			[]error{helios.ErrOutcomeUnknown, api},
		},
		"OutcomeUnknownError of nothing": {
			&helios.OutcomeUnknownError{}, "helios: outcome unknown, the run may have been accepted",
			[]error{helios.ErrOutcomeUnknown},
		},
		"ValidationError": {
			&helios.ValidationError{Fields: []helios.FieldError{{Field: "data", Message: "holds no health data"}}},
			"helios: invalid request: data: holds no health data", nil,
		},
		"ValidationError of nothing": {&helios.ValidationError{}, "helios: invalid request: ", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.EqualError(t, tt.err, tt.text)
			for _, target := range tt.is {
				require.ErrorIs(t, tt.err, target)
			}
			var answer *helios.APIError
			if errors.As(tt.err, &answer) {
				assert.Empty(t, answer.Body())
			}
			assertErrorHides(t, tt.err, secretValue)
			if _, invalid := tt.err.(*helios.ValidationError); !invalid {
				assert.Equal(t, tt.text, fmt.Sprintf("%+v", tt.err))
				assert.Equal(t, tt.text, fmt.Sprintf("%#v", tt.err))
			}
		})
	}
}

// TestErrors_JSON: whoever encodes an error gets what is in its text and no
// more.
func TestErrors_JSON(t *testing.T) {
	t.Parallel()
	err := submitLabs(t, newClient(t, newRecorder(t, 503, `{"message":"`+secretValue+`"}`).URL))
	for want, v := range map[string]any{
		`{}`: err,
		`{"StatusCode":422,"Concurrency":{"Limit":0,"Active":0,"Remaining":0}}`: &helios.APIError{
			StatusCode: 422, Code: secretValue, Message: secretValue, Header: http.Header{"X": {secretValue}},
		},
	} {
		b, jsonErr := json.Marshal(v)
		require.NoError(t, jsonErr)
		assert.JSONEq(t, want, string(b))
	}
}

// FuzzAnswer: whatever the service answers, a submission is accepted, certainly
// not accepted or of unknown outcome, by its status and its run id alone, and
// the error repeats nothing of the answer.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		acceptedBody, tooManyBody, "", "{}", "null", `{"runId":7}`, `{"error":{"code":1}}`, "<html>", "\xff", testKey,
	} {
		for _, status := range []uint16{200, 204, 302, 303, 401, 422, 429, 500, 599} {
			f.Add(status, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, status uint16, body []byte) {
		code := 200 + int(status)%400
		client := newClient(t, "https://api.example", helios.WithMaxRetries(0),
			withTransport(answer(code, string(body))))
		run, err := client.LabResults.Submit(t.Context(), labs())
		if err == nil {
			require.Equal(t, 2, code/100)
			require.NotEmpty(t, run.ID)
			return
		}

		require.Nil(t, run)
		open := code < 300 || code == 303 || code >= 500
		require.Equal(t, open, errors.Is(err, helios.ErrOutcomeUnknown))
		require.Equal(t, code == 401, errors.Is(err, helios.ErrUnauthorized))
		require.Equal(t, code == 429, errors.Is(err, helios.ErrConcurrencyLimit))
		var api *helios.APIError
		require.ErrorAs(t, err, &api)
		require.NotContains(t, string(api.Body()), testKey)
		if len(body) > 40 && !strings.Contains(acceptedBody, string(body)) {
			require.NotContains(t, fmt.Sprintf("%+v", err), string(body))
		}
	})
}
