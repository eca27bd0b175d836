package helios

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
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

// Event is one verified webhook: a status update, or the final event of a run.
// Printing, logging or encoding it shows no health data.
//
// See https://docs.heliosai.health/webhooks
type Event struct {
	// RunID is the run that the event belongs to; never empty.
	RunID string `json:"runId"`
	// Status is StatusCompleted, StatusError or anything else, which is
	// progress. The first two may arrive in upper or lower case and surrounded
	// by white space. The values of status updates are not documented.
	Status string `json:"status"`
	// Agent is "light", "deep", "lab-results", or empty where the event does
	// not say.
	Agent string `json:"agent,omitempty"`
	// Timestamp is when the event was made, as signed, in UTC; zero where the
	// event does not say.
	Timestamp time.Time `json:"timestamp,omitzero"`
	// SequenceNumber rises within a run; 0 where the event does not say.
	SequenceNumber int64 `json:"sequenceNumber"`
	// Raw is the body exactly as it arrived, unknown fields included. Its outer
	// object is JSON; what is inside is not checked. It holds health data, and
	// is therefore left out when the event is encoded: store Raw itself. It
	// must not be changed.
	Raw json.RawMessage `json:"-"`
}

// ParseEvent returns the event in a body that was verified before, such as a
// stored [Event.Raw]. It verifies nothing: pass what comes from outside through
// a [Receiver]. It keeps raw, which must not be changed afterwards. The error
// is a [*MalformedEventError].
func ParseEvent(raw []byte) (*Event, error) { return parseEvent(raw) }

// parseEvent reads the envelope. A field of another type than documented stays
// zero: an authentic event is never refused for its content.
func parseEvent(body []byte) (*Event, error) {
	e := &Event{Raw: body}
	object := walkEnvelope(body, func(key, value []byte) {
		switch string(key) {
		case "runId":
			e.RunID = readID(value)
		case "status":
			e.Status = readString(value)
		case "agent":
			e.Agent = readString(value)
		case "timestamp":
			e.Timestamp = readTime(value)
		case "sequenceNumber":
			e.SequenceNumber = readNumber(value)
		}
	})

	if !object {
		return nil, &MalformedEventError{body, "the body is not a JSON object"}
	}
	if e.RunID == "" {
		return nil, &MalformedEventError{body, "the body has no runId"}
	}
	if final := finalStatus(e.Status); final != "" {
		e.Status = final
	}
	return e, nil
}

// finalStatus returns the constant that status equals but for case and white
// space, or "" if it ends no run. A result is delivered once: it must not be
// taken for progress because of its spelling.
func finalStatus(status string) string {
	status = strings.TrimSpace(status)
	for _, final := range [...]string{StatusCompleted, StatusError} {
		if strings.EqualFold(status, final) {
			return final
		}
	}
	return ""
}

// readString returns a JSON string's value, or "" for anything else.
func readString(value []byte) (s string) {
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

// readID also returns a number, as its text.
func readID(value []byte) string {
	if isNumber(value) {
		return string(value)
	}
	return readString(value)
}

func isNumber(value []byte) bool {
	return len(value) > 0 && (value[0] == '-' || value[0] >= '0' && value[0] <= '9')
}

// readNumber returns a whole number, also one in quotes or written with a
// point, or 0 for anything else. A fraction is no sequence number: cut short,
// it would make two events look like one.
func readNumber(value []byte) int64 {
	number := strings.Trim(string(value), `"`)
	if n, err := strconv.ParseInt(number, 10, 64); err == nil {
		return n
	}

	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return 0
	}
	return int64(f)
}

// readTime returns the time of a date, or of seconds or milliseconds since
// 1970, or zero for anything else. A date without a zone is in UTC.
func readTime(value []byte) time.Time {
	if isNumber(value) {
		return unixTime(string(value))
	}

	text := strings.Replace(strings.TrimSpace(readString(value)), " ", "T", 1)
	for _, layout := range [...]string{
		time.RFC3339,
		"2006-01-02T15:04:05Z0700",
		"2006-01-02T15:04:05Z07",
		"2006-01-02T15:04:05",
	} {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if t = t.UTC(); t.Year() < 1 || t.Year() > 9999 { // encoding/json refuses it
			return time.Time{}
		}
		return t
	}
	return unixTime(text)
}

// unixTime takes a number for seconds or milliseconds, whichever of the two is
// in this century.
func unixTime(number string) time.Time {
	const first, last = 1e9, 4102444800 // 2001-09-09, 2100-01-01
	seconds, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return time.Time{}
	}

	if seconds > last {
		seconds /= 1000
	}
	if !(seconds >= first && seconds <= last) {
		return time.Time{}
	}
	return time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC()
}

// Final reports whether the event ends its run: completed or error.
func (e *Event) Final() bool { return finalStatus(e.Status) != "" }

// Failure returns why the run failed, or nil if the event's status is not
// error.
func (e *Event) Failure() *RunError {
	if finalStatus(e.Status) != StatusError {
		return nil
	}

	details, _ := envelopeField(e.Raw, "error")
	message := readString(details)
	if message == "" {
		field, _ := envelopeField(details, "message")
		message, _ = readText(field)
	}
	return &RunError{RunID: e.RunID, Message: message, Details: details}
}

// Format prints what identifies the event, and none of its data.
func (e Event) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.describe()) }

// LogValue logs what identifies the event, and none of its data.
func (e Event) LogValue() slog.Value { return slog.StringValue(e.describe()) }

func (e Event) describe() string {
	return fmt.Sprintf("helios.Event{run %s, number %d, final %t, %d bytes}",
		e.RunID, e.SequenceNumber, e.Final(), len(e.Raw))
}
