package dashboard

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

// submissionView is the page of one submission.
type submissionView struct {
	*durable.Submission
	Text    stateText
	Paid    string
	Steps   []step
	Actions []offer
	Outcome *outcome // nil unless Options.ShowResults
}

// step is one event of a submission's history.
type step struct {
	Name, Detail string
	At           time.Time // zero: it has not happened, or when is not known
}

// offer is an action that the page leads to.
type offer struct{ Name, Label, Text string }

// outcome is health data: what the service answered.
type outcome struct {
	Message            string
	Patient, Clinician string
	Missing            string // why there is no result
}

func (h *handler) submission(r *http.Request) (*page, error) {
	key := r.URL.Query().Get("key")
	s, err := h.find(r, key)
	if err != nil {
		return nil, err
	}

	view := &submissionView{Submission: s, Text: stateOf(s.State), Paid: paid(s), Steps: history(s)}
	if !h.readOnly() {
		view.Actions = offers(s)
	}
	if h.options.ShowResults {
		view.Outcome = outcomeOf(s)
	}
	if view.Outcome.Shows() {
		h.logger.InfoContext(r.Context(), "helios: dashboard: result shown",
			append(about(r), slog.String("key", s.Key))...)
	}
	return &page{
		template: "submission", Title: s.Key, Search: s.Key, Body: view, Notice: notices[r.URL.Query().Get("done")],
	}, nil
}

// find returns a submission, or the page that says that there is none.
func (h *handler) find(r *http.Request, key string) (*durable.Submission, error) {
	if key == "" {
		return nil, &pageError{
			Status: http.StatusBadRequest,
			Title:  "No key was given",
			Text:   "Enter the key of a submission in the search field.",
		}
	}
	s, err := h.engine.Status(r.Context(), key)
	if errors.Is(err, durable.ErrNotFound) {
		return nil, &pageError{
			Status: http.StatusNotFound, Title: "No submission has this key", search: key, After: key,
			Text: "Keys must match exactly, including upper and lower case.",
		}
	}
	return s, err
}

// history lists what has happened to a submission, and what is still to come.
func history(s *durable.Submission) []step {
	steps := []step{{Name: "Created", At: s.CreatedAt}}
	if s.Attempts > 0 || !s.SubmittedAt.IsZero() {
		name := "Sent"
		if s.Attempts > 1 {
			name = "Last sent"
		}
		steps = append(steps, step{name, fmt.Sprintf("attempt %d", max(s.Attempts, 1)), s.SubmittedAt})
	}
	if !s.AcceptedAt.IsZero() {
		steps = append(steps, step{"Accepted", "run " + s.RunID, s.AcceptedAt})
	}

	switch {
	case !s.EndedAt.IsZero() && (ended(s.State) || s.State == durable.Overdue):
		steps = append(steps, step{capitalized(string(s.State)), stateOf(s.State).Meaning, s.EndedAt})
	case s.State == durable.Accepted && s.Progress.Step > 0:
		steps = append(steps, step{Name: "Running", Detail: progress(s.Progress)})
	default:
		steps = append(steps, step{Name: "Now " + string(s.State), Detail: stateOf(s.State).Meaning})
	}
	return steps
}

// progress is a status update without its text.
func progress(p helios.Progress) string {
	if p.Total > 0 {
		return fmt.Sprintf("step %d of %d", p.Step, p.Total)
	}
	return fmt.Sprintf("step %d", p.Step)
}

// offers are the actions that a submission's state allows.
func offers(s *durable.Submission) []offer {
	var all []offer
	if s.State == durable.Queued {
		all = append(all, offer{"cancel", "Cancel", "Remove it from the queue. Costs nothing."})
	}
	if resolvable(s.State) {
		all = append(
			all,
			offer{"resubmit", "Send again", "Costs " + price(s.Agent) + ", and you may be paying a second time."},
		)
	}
	if resolvable(s.State) && s.State != durable.Failed {
		all = append(all,
			offer{"fail", "Give up", "Mark it as failed. A result that arrives later still counts."},
			offer{"hold", "Keep waiting", "Leave it as it is. Costs nothing."})
	}
	if ended(s.State) {
		all = append(all, offer{"forget", "Erase data", "Delete its request and result. This cannot be undone."})
	}
	return all
}

// Shows reports whether there is any health data in it.
func (o *outcome) Shows() bool { return o != nil && o.Message+o.Patient+o.Clinician != "" }

// outcomeOf is what the service answered, or nil if it has not.
func outcomeOf(s *durable.Submission) *outcome {
	o := &outcome{Message: s.Message}
	result, err := s.Result()
	switch {
	case errors.Is(err, helios.ErrNoResult) && o.Message == "":
		return nil
	case errors.Is(err, durable.ErrDeleted):
		o.Missing = "The result was deleted."
	case errors.Is(err, helios.ErrNoResult), errors.As(err, new(*helios.RunError)): // the message says why
	case err != nil:
		o.Missing = "Part of the result could not be read."
	}

	if result != nil {
		o.Patient, o.Clinician = result.PatientResponse, result.ClinicianResponse
	}
	return o
}
