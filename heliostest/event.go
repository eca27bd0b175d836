package heliostest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// steps are the documented steps of a light run. What the steps of a deep or a
// lab-results run are called is not known; the fake uses the same for them.
var steps = []string{
	"Processing started",
	"Analyzing health data",
	"Selecting relevant elements",
	"Researching medical literature",
	"Generating patient response",
	"Generating clinician response",
	"Finalizing results",
	"Delivering final results",
}

// event is the body of a webhook.
type event struct {
	RunID          string      `json:"runId"`
	Status         string      `json:"status"`
	Agent          string      `json:"agent"`
	Timestamp      string      `json:"timestamp"`
	SequenceNumber int         `json:"sequenceNumber"`
	Step           int         `json:"step,omitempty"`
	TotalSteps     int         `json:"totalSteps,omitempty"`
	StepName       string      `json:"stepName,omitempty"`
	Result         *result     `json:"result,omitempty"`
	Error          *eventError `json:"error,omitempty"`
}

type eventError struct {
	Message string `json:"message"`
}

// CompletedEvent returns the body of a completed event: of a lab-results run
// with two results, in the documented shape. A test of a webhook handler signs
// it with [NewWebhookRequest].
//
// The same runID always gives the same bytes, so that a duplicate is one. The
// timestamp inside is 2025-01-15T12:01:30Z: a receiver that refuses old events
// needs a clock that is near it.
func CompletedEvent(runID string) []byte {
	sub := &submission{agent: agentLabResults, fields: object{
		"labResults": []any{
			object{
				"name": "Creatinine", "value": "1.8 mg/dL", "flag": "High", "referenceRange": "0.7-1.3 mg/dL",
				"date": "2025-01-15", "category": "Renal",
			},
			object{
				"name": "eGFR", "value": "38 mL/min/1.73m2", "flag": "Low", "referenceRange": ">60 mL/min/1.73m2",
				"date": "2025-01-15", "category": "Renal",
			},
		},
		"patientContext": object{"age": "58", "gender": "male"},
	}}
	return newCompleted(runID, sub).encode(sampleTime)
}

// ErrorEvent returns the body of the error event of a run that failed with this
// message. It is otherwise like [CompletedEvent]. Of its error object only the
// message is documented.
func ErrorEvent(runID, message string) []byte {
	return newFailed(runID, agentLabResults, message).encode(sampleTime)
}

// UpdateEvent returns the body of a status update: step 1 to 8, which is its
// sequence number as well. It is otherwise like [CompletedEvent], and comes
// before it. The shape of a status update is not documented; this one is
// invented. It panics if there is no such step.
func UpdateEvent(runID string, step int) []byte {
	if step < 1 || step > len(steps) {
		panic(fmt.Sprintf("heliostest: step %d is not in 1 to %d", step, len(steps)))
	}
	return newUpdate(runID, agentLabResults, step).encode(sampleTime)
}

// sampleTime is the time of events that no server has sent.
var sampleTime = time.Date(2025, time.January, 15, 12, 1, 30, 0, time.UTC)

// newUpdate returns the status update at the beginning of a step, counted from
// 1.
func newUpdate(runID, agent string, step int) event {
	return event{
		RunID: runID, Status: "processing", Agent: agent, SequenceNumber: step,
		Step: step, TotalSteps: len(steps), StepName: steps[step-1],
	}
}

// newCompleted returns the final event of a run that succeeded.
func newCompleted(runID string, sub *submission) event {
	return event{
		RunID: runID, Status: "completed", Agent: sub.agent, SequenceNumber: len(steps) + 1, Result: newResult(sub),
	}
}

// newFailed returns the final event of a run that failed.
func newFailed(runID, agent, message string) event {
	return event{
		RunID: runID, Status: "error", Agent: agent, SequenceNumber: len(steps) + 1, Error: &eventError{message},
	}
}

// encode returns the body of an event that was made at this time.
func (e event) encode(at time.Time) []byte {
	e.Timestamp = at.UTC().Format("2006-01-02T15:04:05.000Z")

	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // only Go escapes <, > and &
	if err := enc.Encode(e); err != nil {
		panic("heliostest: cannot encode an event: " + err.Error())
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}
