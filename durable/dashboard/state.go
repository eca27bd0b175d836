package dashboard

import (
	"slices"

	"github.com/heliosai/helios-go/durable"
)

// stateText is what a page says of a state.
type stateText struct {
	State   durable.State
	Meaning string
	Paid    string
}

// states are all states, in the order of a submission's life.
var states = []stateText{
	{durable.Queued, "waiting to be sent", "no"},
	{durable.Submitting, "being sent to Helios", "possibly"},
	{durable.Accepted, "running at Helios", "yes"},
	{durable.Unknown, "Helios may have accepted it; not resent automatically", "possibly"},
	{durable.Overdue, "accepted, but no result within the deadline", "yes"},
	{durable.Completed, "the result is stored", "yes"},
	{durable.Failed, "refused by Helios, failed there, or given up", "see the reason"},
	{durable.Canceled, "removed from the queue before it was sent", "no"},
}

// stateOf returns the text of a state, also of one that a later version added.
func stateOf(state durable.State) stateText {
	i := slices.IndexFunc(states, func(s stateText) bool { return s.State == state })
	if i < 0 {
		return stateText{State: state, Paid: "unclear"}
	}
	return states[i]
}

// resolvable reports whether someone can decide about a submission.
func resolvable(s durable.State) bool {
	return slices.Contains(waitsForDecision, s) || s == durable.Failed
}

// waitsForDecision are the states that do not end by themselves.
var waitsForDecision = []durable.State{durable.Unknown, durable.Overdue}

// ended reports whether nothing more happens to a submission by itself.
func ended(s durable.State) bool {
	return s == durable.Completed || s == durable.Failed || s == durable.Canceled
}

// paid says whether a submission was paid. What is queued or canceled after an
// attempt may have been sent by someone who had to decide.
func paid(s *durable.Submission) string {
	again := s.State == durable.Queued || s.State == durable.Canceled
	if again && s.Attempts > 0 {
		return "no, unless an earlier attempt was"
	}
	return stateOf(s.State).Paid
}

// agentTypes are the agent types of the service.
var agentTypes = []string{"light", "deep", "lab-results"}

// price is what a run of an agent type costs, in words.
func price(agent string) string {
	if amount, known := durable.Price(agent); known {
		return usd(amount)
	}
	return "the price of one run"
}
