package helios

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The statuses that end a run. Any other status is progress.
//
// See https://docs.heliosai.health/webhooks
const (
	StatusCompleted = "completed"
	StatusError     = "error"
)

// Event is one verified webhook: a status update, or the final event of a run. Printing, logging or encoding it shows no health data.
//
// See https://docs.heliosai.health/webhooks
type Event struct {
	// RunID is the run that the event is of; never empty.
	RunID string `json:"runId"`
	// Status is StatusCompleted, StatusError or anything else, which is progress. Its values during a run are not documented.
	Status string `json:"status"`
	// Agent is "light", "deep", "lab-results", or empty where the event does not say.
	Agent string `json:"agent,omitempty"`
	// Timestamp is when the event was made, as signed; zero where the event does not say.
	Timestamp time.Time `json:"timestamp,omitzero"`
	// SequenceNumber rises within a run; 0 where the event does not say.
	SequenceNumber int `json:"sequenceNumber"`
	// Raw is the body exactly as it arrived, unknown fields included; its outer object is JSON, what is inside is not checked. It holds health data, and is therefore left out when the event is
	// encoded: store Raw itself. It must not be changed.
	Raw json.RawMessage `json:"-"`
}

// ParseEvent makes the event of a body that was verified before: of a stored [Event.Raw]. It verifies nothing; what comes from outside
// goes through a [Receiver]. It keeps raw, which must not be changed afterwards. The error is [ErrMalformedEvent].
func ParseEvent(raw []byte) (*Event, error) { return parseEvent(raw) }

// parseEvent reads the envelope. A field of another type than documented stays zero: an authentic event is never refused for its content.
func parseEvent(body []byte) (*Event, error) {
	e := &Event{Raw: body}
	var timestamp string
	object := walkEnvelope(body, func(key, value []byte) {
		switch string(key) {
		case "runId":
			e.RunID = readString(value)
		case "status":
			e.Status = readString(value)
		case "agent":
			e.Agent = readString(value)
		case "timestamp":
			timestamp = readString(value)
		case "sequenceNumber":
			e.SequenceNumber = readNumber(value)
		}
	})
	if !object {
		return nil, errNotAnEvent
	}
	if e.RunID == "" {
		return nil, errEventWithoutID
	}
	if t, err := time.Parse(time.RFC3339, timestamp); err == nil {
		e.Timestamp = t.UTC()
	}
	return e, nil
}

// readString returns a JSON string's value, or "" for anything else.
func readString(value []byte) (s string) {
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

// readNumber returns a whole number, also one in quotes or with a point, or 0 for anything else.
func readNumber(value []byte) int {
	number := strings.Trim(string(value), `"`)
	if n, err := strconv.Atoi(number); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(number, 64); err == nil && f >= 0 && f < 1<<53 {
		return int(f)
	}
	return 0
}

// Final reports whether the event ends its run: completed or error.
func (e *Event) Final() bool { return e.Status == StatusCompleted || e.Status == StatusError }

// Failure returns why the run failed, or nil if the event is not of status error.
func (e *Event) Failure() *RunError {
	if e.Status != StatusError {
		return nil
	}
	details, _ := envelopeField(e.Raw, "error")
	failure := &RunError{RunID: e.RunID, Details: details}
	if failure.Message = readString(details); failure.Message == "" {
		message, _ := envelopeField(details, "message")
		failure.Message = readString(message)
	}
	return failure
}

// Result decodes the result of a completed run, anew at each call.
//
// Errors: the [*RunError] of a run that failed, [ErrNoResult] for an event that is not final, or an error that names
// the position where the result has another shape than documented; then use Raw.
func (e *Event) Result() (*Result, error) {
	if failure := e.Failure(); failure != nil {
		return nil, failure
	}
	if !e.Final() {
		return nil, ErrNoResult
	}
	value, object := envelopeField(e.Raw, "result")
	if !object {
		return nil, fmt.Errorf("helios: result of run %s: Event.Raw is not a JSON object", e.RunID)
	}
	if value == nil || string(value) == "null" {
		return nil, fmt.Errorf("%w: run %s completed without one; see Event.Raw", ErrNoResult, e.RunID)
	}
	result := new(Result)
	if err := json.Unmarshal(value, result); err != nil {
		return nil, fmt.Errorf("helios: result of run %s: not as documented%s; see Event.Raw", e.RunID, position(err))
	}
	return result, nil
}

// position says where decoding failed. The text of encoding/json can hold a value, so it is not passed on.
func position(err error) string {
	var mismatch *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &mismatch):
		return fmt.Sprintf(" at byte %d", mismatch.Offset)
	case errors.As(err, &syntax):
		return fmt.Sprintf(" at byte %d", syntax.Offset)
	default:
		return ""
	}
}

// Progress is how far a run has come.
type Progress struct {
	Step  int    // from 1; 0 if unknown
	Total int    // number of steps; 0 if unknown
	Name  string // such as "Analyzing health data"; empty if unknown
}

// lightSteps are the steps of a light run as documented. The vendor does not document those of other runs, nor the fields that carry a step.
//
// See https://docs.heliosai.health/api-reference/ehr-agent-webhook
var lightSteps = [...]string{
	"Processing started", "Analyzing health data", "Selecting relevant elements", "Researching medical literature",
	"Generating patient response", "Generating clinician response", "Finalizing results", "Delivering final results",
}

// Progress reads the step of a status update, as well as can be: the fields that carry it are not documented. It looks for the documented step
// names of a light run and for fields with the usual names, in the event and one level below. What it does not find is zero.
func (e *Event) Progress() Progress {
	var p Progress
	var fields map[string]any
	if e.Final() || json.Unmarshal(e.Raw, &fields) != nil {
		return p
	}
	names := []string{"stepName", "step", "currentStep", "title", "label"}
	for _, key := range []string{"step", "currentStep", "progress"} {
		if nested, ok := fields[key].(map[string]any); ok {
			p.read(nested, append(names, "name")...)
		}
	}
	p.read(fields, names...)
	for _, key := range []string{"message", "description"} { // free text, so taken only where it is a documented name
		if s, ok := fields[key].(string); ok && lightStep(s) > 0 && lightStep(p.Name) == 0 {
			p.Name = s
		}
	}
	if nested, ok := fields["data"].(map[string]any); ok {
		p.read(nested) // no names: what is called so in data may be a patient's
	}
	if i := lightStep(p.Name); i > 0 && (e.Agent == "" || e.Agent == string(AgentLight)) {
		if p.Step == 0 {
			p.Step = i
		}
		if p.Total == 0 {
			p.Total = len(lightSteps)
		}
	}
	return p
}

// lightStep returns the number of a documented step, or 0.
func lightStep(name string) int {
	for i, known := range lightSteps {
		if strings.EqualFold(name, known) {
			return i + 1
		}
	}
	return 0
}

// read fills what is still unknown. A step can be a number, or a string that is one or is a name.
func (p *Progress) read(fields map[string]any, names ...string) {
	number := func(keys ...string) int {
		for _, key := range keys {
			f, ok := fields[key].(float64)
			if s, isString := fields[key].(string); isString {
				n, err := strconv.Atoi(s)
				f, ok = float64(n), err == nil
			}
			if ok && f >= 1 && f <= 1000 {
				return int(f)
			}
		}
		return 0
	}
	if p.Step == 0 {
		p.Step = number("step", "currentStep", "stepNumber", "current", "number", "index")
	}
	if p.Total == 0 {
		p.Total = number("totalSteps", "stepCount", "total", "of")
	}
	for _, key := range names {
		s, ok := fields[key].(string)
		if _, err := strconv.Atoi(s); !ok || s == "" || err == nil {
			continue
		}
		if p.Name == "" || lightStep(p.Name) == 0 && lightStep(s) > 0 { // a documented name wins
			p.Name = s
		}
	}
}
