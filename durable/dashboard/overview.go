package dashboard

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/heliosai/helios-go/durable"
)

// overview is the first page: what waits, and for whom.
type overview struct {
	Problems  []string // why the engine is not ready
	Workers   int
	Decisions []decision
	States    []stateCount
	Agents    []agentRow
	Events    []eventCount
	Spend     *spendText
}

// decision is something that needs someone's attention.
type decision struct{ Count, Text, Link string }

type stateCount struct {
	stateText
	Count   int
	Counted bool // what has completed is not counted: it would cost too much
	Oldest  time.Duration
}

type agentRow struct {
	Agent  string
	Price  string
	Slots  durable.Slots
	Paused bool
	Pause  durable.Pause
	Until  instant

	Pausable bool // a pause by hand would change something
}

type eventCount struct {
	Name, Meaning string
	Link          string
	Count         int
	Oldest        time.Duration
}

type spendText struct {
	durable.Spend
	Per     string
	Percent float64 // of the limit, at most 100
}

func (h *handler) overview(r *http.Request) (*page, error) {
	stats, err := h.engine.Stats(r.Context())
	if err != nil {
		return nil, err
	}

	body := &overview{
		Problems:  h.problems(r),
		Workers:   stats.Workers,
		Decisions: decisions(&stats),
		States:    stateCounts(&stats),
		Agents:    h.agentRows(&stats),
		Events: []eventCount{
			{
				Name: "Events", Meaning: "waiting for the handler or its next attempt",
				Count: stats.PendingEvents, Oldest: stats.OldestEvent,
			},
			{
				Name: "End notifications", Meaning: "ended submissions not yet passed to HandleEnd",
				Count: stats.PendingEnds, Oldest: stats.OldestEnd,
			},
			{
				Name: "Dead letters", Meaning: "the handler failed on every attempt",
				Link: "dead-letters", Count: stats.DeadLetters, Oldest: stats.OldestDeadLetter,
			},
		},
	}
	if limit := stats.Spend; limit.Limit > 0 {
		body.Spend = &spendText{limit, period(limit.Per), min(100, 100*limit.Spent/limit.Limit)}
	}
	return &page{template: "overview", Title: "Overview", Body: body}, nil
}

// problems says why the engine is not ready, or nothing.
func (h *handler) problems(r *http.Request) []string {
	err := h.engine.Health(r.Context())
	if err == nil {
		return nil
	}

	var all []string
	if errors.Is(err, durable.ErrNotRunning) {
		all = append(all, "No process is running the engine, so nothing is being sent or handled.")
	}
	if errors.Is(err, durable.ErrPaused) {
		all = append(all, "At least one agent type is paused; see below.")
	}
	if len(all) == 0 {
		all = append(all, h.storeFailed(r, err).Title+". See the log for details.")
	}
	return all
}

// decisions lists what waits for someone.
func decisions(stats *durable.Stats) []decision {
	var all []decision
	add := func(n int, noun, text, link string) {
		if n > 0 {
			all = append(all, decision{counted(n, noun), text, link})
		}
	}
	add(stats.Unknown, "unknown submission", "may or may not have been accepted", "submissions?state=unknown")
	add(stats.Overdue, "overdue submission", "accepted, but the result is late", "submissions?state=overdue")
	add(stats.DeadLetters, "dead letter", "the handler failed on every attempt", "dead-letters")
	add(held(stats), "paused agent type", "sending is stopped", "#agents")
	add(stats.Spend.Waiting, "submission", "held back by the spend limit", "#spend")
	return all
}

func stateCounts(stats *durable.Stats) []stateCount {
	counts := map[durable.State]stateCount{
		durable.Queued:     {Count: stats.Queued, Oldest: stats.OldestQueued},
		durable.Submitting: {Count: stats.Submitting, Oldest: stats.OldestSubmitting},
		durable.Accepted:   {Count: stats.Running, Oldest: stats.OldestRunning},
		durable.Unknown:    {Count: stats.Unknown, Oldest: stats.OldestUnknown},
		durable.Overdue:    {Count: stats.Overdue, Oldest: stats.OldestOverdue},
		durable.Failed:     {Count: stats.Failed},
		durable.Canceled:   {Count: stats.Canceled},
	}

	rows := make([]stateCount, len(states))
	for i, state := range states {
		rows[i], rows[i].Counted = counts[state.State], state.State != durable.Completed
		rows[i].stateText = state
	}
	return rows
}

// agentRows lists the agent types of the store.
func (h *handler) agentRows(stats *durable.Stats) []agentRow {
	var rows []agentRow
	for _, agent := range slices.Sorted(maps.Keys(stats.Slots)) {
		pause, paused := stats.Paused[agent]
		rows = append(rows, agentRow{
			Agent: agent, Price: price(agent), Slots: stats.Slots[agent],
			Paused: paused, Pause: pause, Until: instant{pause.Until.UTC(), h.now().UTC()},
			Pausable: !pause.ByHand,
		})
	}
	return rows
}

// Why says what has paused it, in a word or two; its reason has the rest.
func (a agentRow) Why() string {
	var why []string
	if a.Pause.ByHand {
		why = append(why, "manually")
	}
	if a.Pause.Refused {
		why = append(why, "refused by Helios")
	}
	if a.Pause.SpendLimit {
		why = append(why, "spend limit")
	}
	return strings.Join(why, ", ")
}

// held counts the agent types that do not go on by themselves.
func held(stats *durable.Stats) int {
	n := 0
	for _, pause := range stats.Paused {
		if pause.Refused || pause.ByHand || pause.SpendLimit {
			n++
		}
	}
	return n
}
