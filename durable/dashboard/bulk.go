package dashboard

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/heliosai/helios-go/durable"
)

// mostCanceled is how many submissions one confirmation cancels: the largest
// page of a list.
const mostCanceled = 1000

// bulk is the cancellation of what is queued.
type bulk struct {
	agent    string // empty: any
	before   time.Time
	canceled int
	more     bool // it has stopped at mostCanceled
}

func (h *handler) planCancelQueued(r *http.Request, c command) (*plan, error) {
	// What is submitted after the reader was asked is not what they meant.
	before := h.now().UTC()
	if c.Seen != "" {
		seen, err := time.Parse(time.RFC3339Nano, c.Seen)
		if err != nil {
			return nil, &pageError{
				Status: http.StatusBadRequest,
				Title:  "The form could not be read",
				Text:   "Nothing was done.",
			}
		}
		before = seen
	}
	list := submissionList{State: durable.Queued, Agent: c.Agent}
	if err := list.check(); err != nil {
		return nil, err
	}
	rows, err := h.engine.Submissions(
		r.Context(),
		durable.Filter{State: durable.Queued, Agent: c.Agent, Limit: mostCanceled},
	)
	if err != nil {
		return nil, err
	}

	c.Seen = before.Format(time.RFC3339Nano)
	what := "all queued submissions"
	if c.Agent != "" {
		what += " of type " + c.Agent
	}
	b := &bulk{agent: c.Agent, before: before}
	return &plan{
		command: c, Question: "Cancel " + what + "?", Label: "Cancel the submissions",
		Effects: []string{
			"They will not be sent, and their keys cannot be reused.",
			"At most " + number(mostCanceled) + " are canceled at a time, in order of key.",
			"Submissions created from now on are not canceled. To keep those from being sent, pause the agent type.",
		},
		Cost:   "Costs nothing. The runs would have cost " + total(rows) + " at the documented prices.",
		Costly: true,
		Facts:  []fact{{"Queued", several(rows)}, {"Created before", instant{at: before}.Text()}},
		Back:   list.link(""),
		do:     func(ctx context.Context) error { return h.cancelQueued(ctx, b) },
		bulk:   b,
	}, nil
}

// cancelQueued cancels what is queued, and counts. What has left the queue in
// the meantime is left out.
func (h *handler) cancelQueued(ctx context.Context, b *bulk) error {
	filter := durable.Filter{State: durable.Queued, Agent: b.agent, Limit: mostCanceled}
	for {
		rows, err := h.engine.Submissions(ctx, filter)
		if err != nil {
			return err
		}
		for i := range rows {
			if rows[i].CreatedAt.After(b.before) {
				continue
			}
			if b.canceled == mostCanceled {
				b.more = true
				return nil
			}
			err := h.engine.Cancel(ctx, rows[i].Key)
			switch {
			case errors.Is(err, durable.ErrNotFound), errors.Is(err, durable.ErrState):
			case err != nil:
				return err
			default:
				b.canceled++
			}
		}
		if len(rows) < filter.Limit {
			return nil
		}
		filter.After = rows[len(rows)-1].Key
	}
}

// report is the page that says how many were canceled.
func (b *bulk) report() *page {
	title := counted(b.canceled, "submission") + " canceled"
	text := "The queue no longer holds any submission created before you were asked."
	if b.more {
		text = "More are still queued. Cancel again to continue."
	}
	return &page{template: "error", Title: title, Body: &pageError{Title: title, Text: text, Queue: b.link()}}
}

// interrupted is the page of a failure in the middle.
func (b *bulk) interrupted(cause *pageError) *pageError {
	interrupted := *cause
	interrupted.Text = "Canceled before the error: " + counted(b.canceled, "submission") + ". " + cause.Text
	interrupted.Queue = b.link()
	return &interrupted
}

func (b *bulk) link() string {
	list := submissionList{State: durable.Queued, Agent: b.agent}
	return list.link("")
}

// several counts a list that may have been cut.
func several(rows []durable.Submission) string {
	text := counted(len(rows), "submission")
	if len(rows) == mostCanceled {
		text += " or more"
	}
	return text
}

// total is what a list of submissions would cost at the documented prices.
func total(rows []durable.Submission) string {
	sum := 0.0
	for i := range rows {
		amount, _ := durable.Price(rows[i].Agent)
		sum += amount
	}
	text := usd(sum)
	if len(rows) == mostCanceled {
		text += " or more"
	}
	return text
}
