package heliostest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

const runID = "550e8400-e29b-41d4-a716-446655440000"

func TestCompletedEvent(t *testing.T) {
	t.Parallel()
	body := heliostest.CompletedEvent(runID)

	assert.Equal(t, []string{"runId", "status", "agent", "timestamp", "sequenceNumber", "result"}, keys(t, body))
	var e event
	require.NoError(t, json.Unmarshal(body, &e))
	assert.Equal(t, runID, e.RunID)
	assert.Equal(t, "completed", e.Status)
	assert.Equal(t, "lab-results", e.Agent)
	assert.Equal(t, "2025-01-15T12:01:30.000Z", e.Timestamp)
	assert.Equal(t, 9, e.SequenceNumber)

	assert.Equal(t, []string{"labResults", "metadata", "patientResponse", "clinicianResponse", "citations"},
		keys(t, e.Result))
	var r result
	require.NoError(t, json.Unmarshal(e.Result, &r))
	assertWellFormed(t, r)
	assert.Equal(t, "Creatinine", r.LabResults[0]["name"])
	assert.Equal(t, map[string]int{"labsReceived": 2, "labsAnalyzed": 2, "insightsMatched": 2}, r.Metadata)
}

func TestErrorEvent(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `{"runId":"`+runID+`","status":"error","agent":"lab-results",`+
		`"timestamp":"2025-01-15T12:01:30.000Z","sequenceNumber":9,"error":{"message":"a < b"}}`,
		string(heliostest.ErrorEvent(runID, "a < b")))
}

func TestUpdateEvent(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `{"runId":"`+runID+`","status":"processing","agent":"lab-results",`+
		`"timestamp":"2025-01-15T12:01:30.000Z","sequenceNumber":2,"step":2,"totalSteps":8,`+
		`"stepName":"Analyzing health data"}`,
		string(heliostest.UpdateEvent(runID, 2)))

	for _, step := range []int{-1, 0, 9} {
		assert.Panics(t, func() { heliostest.UpdateEvent(runID, step) })
	}
}

func TestEventsAreTheSameBytesEachTime(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]func(runID string) []byte{
		"completed": heliostest.CompletedEvent,
		"error":     func(runID string) []byte { return heliostest.ErrorEvent(runID, "no labs") },
		"update":    func(runID string) []byte { return heliostest.UpdateEvent(runID, 8) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := body("r-1")
			assert.Equal(t, string(first), string(body("r-1")))
			assert.NotEqual(t, string(first), string(body("r-2")))

			first[0] = 'x' // the caller's own copy
			assert.True(t, json.Valid(body("r-1")))
		})
	}
}

// The SDK reads these events as its users' tests expect.
func TestEventsAreReadByTheSDK(t *testing.T) {
	t.Parallel()
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret("secret"))
	require.NoError(t, err)
	var got []*helios.Event
	handler := receiver.Handler(func(_ context.Context, e *helios.Event) error {
		got = append(got, e)
		return nil
	})

	for _, body := range [][]byte{
		heliostest.UpdateEvent(runID, 3),
		heliostest.CompletedEvent(runID),
		heliostest.ErrorEvent(runID, "the model is overloaded"),
	} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, heliostest.NewWebhookRequest("/hook", "secret", body, time.Now()))
		require.Equal(t, http.StatusOK, answer.Code)
	}

	require.Len(t, got, 3)
	assert.Equal(t, helios.Progress{Step: 3, Total: 8, Name: "Selecting relevant elements"}, got[0].Progress())
	assert.False(t, got[0].Final())
	result, err := got[1].Result()
	require.NoError(t, err)
	assert.Len(t, result.LabResults, 2)
	assert.Equal(t, "the model is overloaded", got[2].Failure().Message)
}
