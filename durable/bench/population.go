package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

const (
	updateSize = 512     // of the status updates
	finalSize  = 4 << 10 // of the results: a hundred thousand of them must fit on a laptop

	retention = 12 * time.Hour // what is filled in has ended now, or two days ago

	labResults = "lab-results"

	few = 105 // a multiple of the number of states
)

var agents = []string{string(helios.AgentLight), string(helios.AgentDeep), labResults}

// shape says what most submissions of a store are.
type shape string

const (
	// history: nearly all are completed and their events handled. The last few
	// are as in waiting.
	history shape = "done"
	// waiting: as many in each state; of the events a third each is pending,
	// dead and handled, and the ends wait or are dead.
	waiting shape = "waiting"
)

// population is a store with so many submissions, each with an event.
type population struct {
	place  place
	name   string
	engine *durable.Engine
	shape  shape
	size   int
	added  int // beside the first ones
	*bodies
}

func keyOf(i int) string { return fmt.Sprintf("order-%08d", i) }

// eachState is what so many submissions can be in: being sent are a few at a
// time.
var eachState = []durable.State{
	durable.Completed, durable.Queued, durable.Accepted, durable.Unknown, durable.Overdue, durable.Failed,
	durable.Canceled,
}

// populate fills the store.
func (p *population) populate(ctx context.Context) error {
	const atATime = 500
	for first := 0; first < p.size; first += atATime {
		var batch []storedRun
		for i := first; i < min(p.size, first+atATime); i++ {
			batch = append(batch, p.original(i))
		}
		if err := p.place.fill(ctx, p.name, tablesOf(batch, first)...); err != nil {
			return err
		}
	}
	return p.place.settle(ctx, p.name)
}

// original is the submission with a number.
func (p *population) original(i int) storedRun {
	now := time.Now()
	run := storedRun{
		key: keyOf(i), agent: agents[i/len(eachState)%len(agents)], state: durable.Completed, id: runID("stored", i),
		event: handled, number: eventsPerRun, ended: now,
	}
	if p.shape == waiting || i >= p.size-few {
		run.state = eachState[i%len(eachState)]
		run.event = []string{handled, pending, dead}[i%3]
		switch run.state {
		case durable.Queued:
			// Half of them were tried before, and wait for their next turn.
			if i/len(eachState)%2 == 0 {
				run.due = now.Add(aWhile)
			}
			run.ended = time.Time{}
		case durable.Submitting, durable.Accepted, durable.Unknown:
			run.ended = time.Time{}
		case durable.Completed, durable.Failed, durable.Canceled, durable.Overdue:
			run.end = []string{pending, dead}[i/len(eachState)%2]
		}
		// A final event of a run that is accepted or overdue would end it.
		if run.state != durable.Completed && run.state != durable.Failed {
			run.number = 1
		}
	}
	run.body = p.write(run.id, run.number)
	return run
}

// some is the number of one of the first submissions in a state.
func (p *population) some(state durable.State) int {
	if p.shape == history && state == durable.Completed {
		return rand.IntN(p.size - few)
	}
	first := 0
	if p.shape == history {
		first = p.size - few
	}
	for {
		i := first + rand.IntN(p.size-first)
		if eachState[i%len(eachState)] == state {
			return i
		}
	}
}

// add fills in one more submission, and returns its number.
func (p *population) add(ctx context.Context, run storedRun) (i int, err error) {
	p.added++
	i = p.size + p.added
	run.key = keyOf(i)
	if run.agent == "" {
		run.agent = labResults
	}
	if run.event != "" {
		run.id, run.body = runID("stored", i), p.write(runID("stored", i), run.number)
	}
	return i, p.place.fill(ctx, p.name, tablesOf([]storedRun{run}, i)...)
}
