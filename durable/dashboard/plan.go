package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/heliosai/helios-go/durable"
)

// planSubmission starts the plan of an action on one submission, which must be
// in one of the states.
func (h *handler) planSubmission(
	r *http.Request,
	c command,
	in ...durable.State,
) (*plan, *durable.Submission, error) {
	s, err := h.find(r, c.Key)
	if err != nil {
		return nil, nil, err
	}
	if !slices.Contains(in, s.State) {
		return nil, nil, changed(s.Key, s.State)
	}

	// An attempt more is another payment to decide about.
	c.Seen, c.Agent = fmt.Sprintf("%s %d", s.State, s.Attempts), s.Agent
	p := &plan{command: c, Back: submissionLink(s.Key, ""), done: submissionLink(s.Key, c.Action)}
	p.Facts = []fact{
		{"Key", s.Key},
		{"Agent type", s.Agent},
		{"State", string(s.State)},
		{"Attempts", number(s.Attempts)},
	}
	if s.RunID != "" {
		p.Facts = append(p.Facts, fact{"Run ID", s.RunID})
	}
	if s.Reason != "" {
		p.Facts = append(p.Facts, fact{"Reason", s.Reason})
	}
	return p, s, nil
}

func submissionLink(key, done string) string {
	query := url.Values{"key": {key}}
	if done != "" {
		query.Set("done", done)
	}
	return "submission?" + query.Encode()
}

func (h *handler) planCancel(r *http.Request, c command) (*plan, error) {
	p, s, err := h.planSubmission(r, c, durable.Queued)
	if err != nil {
		return nil, err
	}

	p.Question, p.Label = "Cancel this submission?", "Cancel the submission"
	p.Effects = []string{"It will not be sent, and its key cannot be reused."}
	p.Cost = "Costs nothing. The run would have cost " + price(s.Agent) + "."
	p.do = func(ctx context.Context) error { return h.engine.Cancel(ctx, s.Key) }
	return p, nil
}

func (h *handler) planResubmit(r *http.Request, c command) (*plan, error) {
	p, s, err := h.planSubmission(r, c, durable.Unknown, durable.Overdue, durable.Failed)
	if err != nil {
		return nil, err
	}

	p.Question, p.Label, p.Costly = "Send this submission again?", "Send it again", true
	p.Effects = []string{"It goes back into the queue and is sent when a slot is free."}
	p.Cost = resubmitCost(s)
	p.unless = "If nothing has changed, its request was deleted and it can no longer be sent."
	p.do = func(ctx context.Context) error { return h.engine.Resolve(ctx, s.Key, durable.Resubmit) }
	return p, nil
}

// resubmitCost says what sending a submission again may cost.
func resubmitCost(s *durable.Submission) string {
	amount := price(s.Agent)
	switch {
	case s.State == durable.Unknown:
		return "May cost " + amount + " a second time: it is not known whether it was accepted before."
	case s.RunID != "":
		return "Costs " + amount + " a second time: it was already accepted as run " + s.RunID + "."
	default:
		return "Costs " + amount + ". If it was accepted before, you pay a second time; see the reason above."
	}
}

func (h *handler) planFail(r *http.Request, c command) (*plan, error) {
	p, s, err := h.planSubmission(r, c, waitsForDecision...)
	if err != nil {
		return nil, err
	}

	p.Question, p.Label = "Give up on this submission?", "Give up"
	p.Effects = []string{
		"It is marked as failed. It is sent again only if someone decides so.",
		"If a webhook for its run arrives later, the result still counts.",
	}
	p.Cost = "Costs nothing more. If Helios accepted it, the run stays paid: giving up does not stop it."
	p.do = func(ctx context.Context) error { return h.engine.Resolve(ctx, s.Key, durable.Fail) }
	return p, nil
}

func (h *handler) planHold(r *http.Request, c command) (*plan, error) {
	p, s, err := h.planSubmission(r, c, waitsForDecision...)
	if err != nil {
		return nil, err
	}

	p.Question, p.Label = "Keep waiting for this submission?", "Keep waiting"
	p.Effects = []string{"It stays " + string(s.State) + " until a webhook arrives or someone decides otherwise."}
	p.Cost = "Costs nothing."
	p.do = func(ctx context.Context) error { return h.engine.Resolve(ctx, s.Key, durable.Hold) }
	return p, nil
}

func (h *handler) planForget(r *http.Request, c command) (*plan, error) {
	p, s, err := h.planSubmission(r, c, durable.Completed, durable.Failed, durable.Canceled)
	if err != nil {
		return nil, err
	}

	p.Question, p.Label, p.Costly = "Erase the data of this submission?", "Erase the data", true
	p.Effects = []string{
		"Its request, result, messages and dead letters and the contents of its events are erased. " +
			"This cannot be undone.",
		"Its key, run IDs, states and times are kept, so that the same key is never paid twice.",
	}
	p.Cost = "Costs nothing now. To get the result again, you would have to pay for a new run."
	p.unless = "If nothing has changed, some of its events are still waiting for the handler."
	p.do = func(ctx context.Context) error { return h.engine.Forget(ctx, s.Key) }
	return p, nil
}

// planAgent starts the plan of an action on an agent type.
func (h *handler) planAgent(r *http.Request, c command) (*plan, *durable.Stats, error) {
	stats, err := h.engine.Stats(r.Context())
	if err != nil {
		return nil, nil, err
	}
	if _, known := stats.Slots[c.Agent]; !known {
		return nil, nil, &pageError{Status: http.StatusNotFound, Title: "There is no such agent type"}
	}

	c.Seen = ""
	slots := stats.Slots[c.Agent]
	p := &plan{command: c, Back: "./#agents", done: "./#agents", Facts: []fact{
		{"Agent type", c.Agent},
		{"Slots in use", fmt.Sprintf("%d of %d", slots.InUse, slots.Limit)},
	}}
	if reason := stats.Paused[c.Agent].Reason; reason != "" {
		p.Facts = append(p.Facts, fact{"Reason", reason})
	}
	return p, &stats, nil
}

func (h *handler) planPause(r *http.Request, c command) (*plan, error) {
	p, stats, err := h.planAgent(r, c)
	if err != nil {
		return nil, err
	}
	if stats.Paused[c.Agent].ByHand {
		return nil, changed("", "")
	}

	p.Question, p.Label = "Pause "+c.Agent+"?", "Pause "+c.Agent
	p.Effects = []string{
		"No process sends submissions of type " + c.Agent + " until someone resumes it.",
		"Runs that were already accepted continue, and their results are received.",
	}
	p.Cost = "Costs nothing."
	p.do = func(ctx context.Context) error { return h.engine.Pause(ctx, c.Agent) }
	return p, nil
}

func (h *handler) planResume(r *http.Request, c command) (*plan, error) {
	p, stats, err := h.planAgent(r, c)
	if err != nil {
		return nil, err
	}
	pause, paused := stats.Paused[c.Agent]
	if !paused {
		return nil, changed("", "")
	}
	p.Seen = pause.Reason // another reason is another thing to decide

	queued, err := h.engine.Submissions(
		r.Context(),
		durable.Filter{State: durable.Queued, Agent: c.Agent, Limit: mostCanceled},
	)
	if err != nil {
		return nil, err
	}

	p.Question, p.Label, p.Costly = "Resume "+c.Agent+"?", "Resume "+c.Agent, len(queued) > 0
	p.Effects = []string{"Queued submissions are sent as slots become free. Queued now: " + several(queued) + "."}
	p.Cost = "Sending what is queued costs " + total(queued) + " at the documented prices."
	if pause.SpendLimit {
		p.Effects = append(p.Effects, "The spend limit still applies: submissions that would exceed it stay queued.")
	}
	if len(queued) == 0 {
		p.Cost = "Costs nothing now, as nothing is queued. Each later submission costs " + price(c.Agent) + "."
	}
	p.do = func(ctx context.Context) error { return h.engine.Resume(ctx, c.Agent) }
	return p, nil
}

func (h *handler) planReplay(r *http.Request, c command) (*plan, error) {
	letter, err := h.findLetter(r, c.ID)
	if err != nil {
		return nil, err
	}

	c.Seen, c.Key = letter.DiedAt.UTC().Format("2006-01-02T15:04:05.000000Z"), letter.Key
	p := &plan{command: c, Back: "dead-letters", done: "dead-letters?done=replay", Facts: []fact{
		{"Dead letter", strconv.FormatInt(letter.ID, 10)}, {"Attempts", number(letter.Attempts)},
	}}
	for _, f := range []fact{{"Key", letter.Key}, {"Run ID", letter.RunID}, {"Ended as", string(letter.EndedAs)}} {
		if f.Value != "" {
			p.Facts = append(p.Facts, f)
		}
	}
	p.Question, p.Label = "Replay this dead letter?", "Replay it"
	p.Effects = []string{
		"The handler is called with it again, and its attempts start over.",
		"Anything that the handler did before it failed, it may do a second time.",
	}
	p.Cost = "Costs nothing: nothing is sent to Helios."
	p.do = func(ctx context.Context) error { return h.engine.Replay(ctx, letter.ID) }
	return p, nil
}
