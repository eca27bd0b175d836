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
		p.Facts = append(p.Facts, fact{"Run", s.RunID})
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
	p.Effects = []string{"It is not sent, now or later. Its key stays used."}
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
	p.Effects = []string{"It is queued, and sent when a slot is free."}
	p.Cost = resubmitCost(s)
	p.unless = "Or its request was deleted, so that it cannot be sent."
	p.do = func(ctx context.Context) error { return h.engine.Resolve(ctx, s.Key, durable.Resubmit) }
	return p, nil
}

// resubmitCost says what sending a submission again may cost.
func resubmitCost(s *durable.Submission) string {
	amount := price(s.Agent)
	switch {
	case s.State == durable.Unknown:
		return "May pay " + amount + " a second time: nobody knows whether it was accepted."
	case s.RunID != "":
		return "Pays " + amount + " a second time: it was accepted as run " + s.RunID + "."
	default:
		return "Pays " + amount + ". If it was accepted before, that is a second time; see its reason."
	}
}

func (h *handler) planFail(r *http.Request, c command) (*plan, error) {
	p, s, err := h.planSubmission(r, c, waitsForDecision...)
	if err != nil {
		return nil, err
	}

	p.Question, p.Label = "Give up this submission?", "Give it up"
	p.Effects = []string{
		"It counts as failed and is not sent again by itself.",
		"If a webhook of its run comes later, that has the last word.",
	}
	p.Cost = "Costs nothing more. What was paid is not paid back."
	p.do = func(ctx context.Context) error { return h.engine.Resolve(ctx, s.Key, durable.Fail) }
	return p, nil
}

func (h *handler) planHold(r *http.Request, c command) (*plan, error) {
	p, s, err := h.planSubmission(r, c, waitsForDecision...)
	if err != nil {
		return nil, err
	}

	p.Question, p.Label = "Keep waiting for this submission?", "Keep waiting"
	p.Effects = []string{"It stays " + string(s.State) + " until a webhook comes or someone decides otherwise."}
	p.Cost = "Costs nothing."
	p.do = func(ctx context.Context) error { return h.engine.Resolve(ctx, s.Key, durable.Hold) }
	return p, nil
}

func (h *handler) planForget(r *http.Request, c command) (*plan, error) {
	p, s, err := h.planSubmission(r, c, durable.Completed, durable.Failed, durable.Canceled)
	if err != nil {
		return nil, err
	}

	p.Question, p.Label, p.Costly = "Forget this submission?", "Erase it", true
	p.Effects = []string{
		"Its request, its result, its messages, its dead letters and the bodies of its events are erased. " +
			"This cannot be undone.",
		"Its key, run ids, states and times stay, so that the same key is not paid again.",
	}
	p.Cost = "Costs nothing. To get the result again, a new run must be paid."
	p.unless = "Some of its events may still wait for the handler."
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
		"No process sends anything of " + c.Agent + " until someone resumes it.",
		"What runs goes on, and its results are received.",
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
	p.Effects = []string{"What is queued is sent as slots become free: " + several(queued) + "."}
	p.Cost = "Pays for what is queued: " + total(queued) + " at the documented prices."
	if pause.SpendLimit {
		p.Effects = append(p.Effects, "The spend limit is not lifted: what would pass it goes on waiting.")
	}
	if len(queued) == 0 {
		p.Cost = "Costs nothing now. What is submitted later is sent at " + price(c.Agent) + " a run."
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
	for _, f := range []fact{{"Key", letter.Key}, {"Run", letter.RunID}, {"Ended as", string(letter.EndedAs)}} {
		if f.Value != "" {
			p.Facts = append(p.Facts, f)
		}
	}
	p.Question, p.Label = "Replay this dead letter?", "Replay it"
	p.Effects = []string{
		"The handler is called with it again, with all attempts anew.",
		"What the handler had done before it failed, it may do a second time.",
	}
	p.Cost = "Costs nothing: nothing is sent to the service."
	p.do = func(ctx context.Context) error { return h.engine.Replay(ctx, letter.ID) }
	return p, nil
}
