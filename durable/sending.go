package durable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/heliosai/helios-go"
)

// The endpoints that submissions are posted to.
const (
	agentPath      = "/api/v1/agent"
	labResultsPath = "/api/v1/lab-results"
)

// mostSlots is the highest limit of concurrent runs that is believed: the
// documented one is 7.
const mostSlots = 1000

// outcome is what one attempt to send a submission came to.
type outcome struct {
	state   State // that it goes to
	runID   string
	limit   int    // of the account, if the answer said
	reason  string // without data
	message string // of the service
	// refused means that the service would refuse any submission of the agent
	// type.
	refused bool
	// limited means that the account's slots are taken by others.
	limited bool
	wait    time.Duration // before it is sent again
}

// post sends the submission and classifies the answer.
func (e *Engine) post(ctx context.Context, c *claimed) outcome {
	answer, err := e.send(ctx, c)

	var limit *helios.ConcurrencyLimitError
	var api *helios.APIError
	switch {
	case err == nil:
		return outcome{state: Accepted, runID: answer.runID, limit: believed(answer.concurrency.Limit)}
	case errors.Is(err, helios.ErrOutcomeUnknown):
		return outcome{state: Unknown, reason: reasonOf(err)}
	case errors.As(err, &limit):
		const unasked = 15 * time.Second
		after := limit.RetryAfter
		if after == 0 {
			after = unasked
		}
		return outcome{
			state: Queued, limit: believed(limit.Limit), reason: reasonOf(err), limited: true, wait: jittered(after),
		}
	case errors.Is(err, errStoredRequest):
		return outcome{state: Failed, reason: err.Error()}
	case errors.As(err, new(*codecError)), errors.Is(err, errLate), errors.Is(err, errNoURL):
		// Another process, or this one later, may be able to send it.
		return outcome{state: Queued, reason: err.Error(), wait: e.pauseAfter(c.attempts)}
	case errors.As(err, &api) && aboutTheRequest(api.StatusCode):
		return outcome{state: Failed, reason: reasonOf(err), message: api.Message}
	default:
		// Certainly not accepted: no connection, no key, or a refusal of
		// whatever is sent. Others would fare no better.
		return outcome{state: Queued, reason: reasonOf(err), refused: true, wait: e.pauseAfter(c.attempts)}
	}
}

// aboutTheRequest reports whether a status refuses this one request for what is
// in it. Any other refuses whatever is sent: a key, an address, an account or a
// proxy has to be put right.
func aboutTheRequest(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge ||
		status == http.StatusUnprocessableEntity
}

// pauseAfter is the wait after so many attempts in vain.
func (e *Engine) pauseAfter(attempts int) time.Duration {
	const longest = 5 * time.Minute
	return min(jittered(e.backoff(attempts)), longest)
}

// believed returns a limit that a service may have, or 0.
func believed(limit int) int {
	if limit > mostSlots {
		return 0
	}
	return limit
}

// reasonOf says what went wrong, for a reader who does not know the types of
// package helios.
func reasonOf(err error) string {
	var api *helios.APIError
	if !errors.As(err, &api) || api.StatusCode/100 == 2 { // a 2xx that cannot be read says why
		return err.Error()
	}

	reason := fmt.Sprintf("Helios answered %d %s", api.StatusCode, http.StatusText(api.StatusCode))
	var limit *helios.ConcurrencyLimitError
	switch {
	case errors.As(err, &limit) && limit.Limit > 0:
		reason += fmt.Sprintf(": %d of %d concurrent runs are active", limit.ActiveCount, limit.Limit)
	case errors.Is(err, helios.ErrUnauthorized):
		reason += ": the API key was refused"
	case errors.Is(err, helios.ErrOutcomeUnknown):
		reason += ": the run may have been accepted"
	}
	return reason
}

var (
	errStoredRequest = errors.New("helios: durable: the stored request cannot be read")
	errLate          = errors.New("helios: durable: the process was suspended before it could be sent")
	errNoURL         = errors.New("helios: durable: neither the request nor this process's client has a webhook URL")
)

// acceptance is the answer to a submission.
type acceptance struct {
	runID       string
	concurrency helios.Concurrency
}

// UnmarshalJSON takes the run id, whatever else the answer holds.
func (a *acceptance) UnmarshalJSON(body []byte) error {
	var run struct {
		ID string `json:"runId"`
	}
	err := json.Unmarshal(body, &run) // a field of another type does not hide the id
	if a.runID = run.ID; a.runID != "" {
		return nil
	}
	if err == nil {
		err = errors.New("no runId")
	}
	return err
}

// send posts the stored request as it is, with the reference in its webhook
// URL: a field that this version does not know is sent too.
func (e *Engine) send(ctx context.Context, c *claimed) (*acceptance, error) {
	stored, err := e.decode(c.request, "request", c.key)
	if err != nil {
		return nil, err
	}
	body, err := e.withReference(stored, c.reference)
	if err != nil {
		return nil, err
	}
	// After a suspend, others may have taken this for dead and decided about
	// it.
	if e.now().Round(0).Sub(c.claimed) > e.submitTimeout {
		return nil, errLate
	}

	path := agentPath
	if c.agent == agentLabResults {
		path = labResultsPath
	}
	answer := new(acceptance)
	resp, err := e.client.Do(ctx, http.MethodPost, path, nil, body, answer)
	if err != nil {
		return nil, err
	}
	if answer.runID == "" { // an empty body is not decoded
		return nil, &helios.OutcomeUnknownError{Cause: errors.New("helios: durable: the answer has no run ID")}
	}
	answer.concurrency = resp.Concurrency
	return answer, nil
}

const webhookField = "webhookUrl"

// withReference puts the webhook URL, or the client's present default, with the
// reference into a stored request.
func (e *Engine) withReference(stored []byte, reference string) (json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(stored, &fields) != nil || fields == nil {
		return nil, errStoredRequest // without its cause, whose text can hold a value
	}
	webhookURL := ""
	if raw, ok := fields[webhookField]; ok && json.Unmarshal(raw, &webhookURL) != nil {
		return nil, errStoredRequest
	}
	if webhookURL == "" {
		webhookURL = e.client.WebhookURL()
	}
	if webhookURL == "" {
		return nil, errNoURL
	}

	webhookURL, err := helios.WebhookURL(webhookURL, struct {
		Reference string `url:"helios_ref"`
	}{reference})
	if err != nil {
		return nil, errStoredRequest
	}
	if fields[webhookField], err = json.Marshal(webhookURL); err != nil {
		return nil, errStoredRequest
	}
	return json.Marshal(fields)
}
