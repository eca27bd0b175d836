package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

const (
	bodySize = 30 << 10
	// runningSlices makes the turn of an engine that also handles its events
	// long enough for River, which fetches them by and by.
	runningSlices = 5
)

// ackGoals are the least rates of acknowledged webhooks against those of the
// bare INSERT, by how many come at once.
var ackGoals = []struct {
	atOnce int
	ratio  float64
}{{1, 0.25}, {32, 0.6}}

// ack measures acknowledged webhooks: committed to the disk, and then answered
// with 200.
func ack(ctx context.Context, b *bench) error {
	for _, p := range b.places {
		for _, goal := range ackGoals {
			if err := ackOn(ctx, b, p, goal.atOnce, goal.ratio); err != nil {
				return fmt.Errorf("%s: %w", p.name(), err)
			}
		}
	}
	return nil
}

func ackOn(ctx context.Context, b *bench, p place, atOnce int, goal float64) (err error) {
	const bare, strange, owned, worked = "bare", "strangers", "own", "working" // stores
	defer dropAll(ctx, p, &err, bare, strange, owned, worked)
	events := newBodies(bodySize, bodySize)
	insert, err := p.bare(ctx, bare)
	if err != nil {
		return err
	}
	receiver, err := newReceiver()
	if err != nil {
		return err
	}
	verified := receiver.Handler(func(ctx context.Context, ev *helios.Event) error { return insert(ctx, ev.Raw) })
	strangers, err := p.open(ctx, strange, nil)
	if err != nil {
		return err
	}
	defer closeEngine(strangers, &err)
	own, err := p.open(ctx, owned, nil)
	if err != nil {
		return err
	}
	defer closeEngine(own, &err)
	working, err := p.open(ctx, worked, nil)
	if err != nil {
		return err
	}
	defer closeEngine(working, &err)
	var handled counter
	stop := start(ctx, working, handled.handle)
	defer stop(&err)
	toWork := &source{bodies: events, label: worked, alone: true}

	fillOwn := func(ctx context.Context, runs []storedRun) error {
		return p.fill(ctx, owned, tablesOf(runs, 0)...)
	}
	// The third is what the goal is for: runs that the engine does not know.
	// Those of its own submissions carry a reference, and the last event ends
	// the submission.
	rows, err := b.compare(ctx, atOnce,
		candidate{
			name:    "bare INSERT (floor)",
			prepare: inserts(&source{bodies: events, label: bare}, insert),
		},
		candidate{
			name:    "bare INSERT behind receiver.Handler",
			prepare: webhooks(&source{bodies: events, label: "verified"}, verified, nil),
		},
		candidate{
			name:    "**durable** WebhookHandler",
			prepare: webhooks(&source{bodies: events, label: strange}, strangers.WebhookHandler(), nil),
		},
		candidate{
			name:    "**durable** WebhookHandler, runs of its own submissions",
			prepare: webhooks(&source{bodies: events, label: owned}, own.WebhookHandler(), fillOwn),
		},
		candidate{
			name:    "**durable** WebhookHandler, with Run going",
			slices:  runningSlices,
			prepare: webhooks(toWork, working.WebhookHandler(), nil),
			finish:  func(ctx context.Context) error { return handled.wait(ctx, toWork.sent) },
		},
	)
	if err != nil {
		return err
	}
	printAck(p, atOnce, goal, rows)
	return nil
}

func printAck(p place, atOnce int, goal float64, rows []row) {
	how := "one after the other"
	if atOnce > 1 {
		how = fmt.Sprintf("%d at once", atOnce)
	}
	fmt.Printf("\n### Webhooks of %d KiB on %s, %s\n\n"+
		"| | acknowledged/s | p50 | p99 | against the bare INSERT (quartiles) | against it behind receiver.Handler |\n"+
		"|---|---:|---:|---:|---:|---:|\n", bodySize>>10, p.name(), how)
	floor, verified, running := &rows[0], &rows[1], &rows[len(rows)-1]
	for i := range rows {
		r := &rows[i]
		fmt.Printf("| %s | %s | %s | %s | %s | %s |\n", r.name, grouped(int(quantile(r.rates, 0.5))),
			short(quantile(r.latencies, 0.5)), short(quantile(r.latencies, 0.99)),
			spread(ratios(r, floor)), spread(ratios(r, verified)))
	}
	reached, met := quantile(ratios(&rows[2], floor), 0.5), "missed"
	if reached >= goal {
		met = "met"
	}
	fmt.Printf("\nThe goal of %.2fx the bare INSERT is %s: %.3fx. "+
		"With Run going %s a second go all the way through the handler.\n", goal, met, reached,
		grouped(int(float64(len(running.latencies))/(running.busy+running.left).Seconds())))
}

// source makes one event after another, each of another run or number.
type source struct {
	*bodies
	label string
	alone bool // each event is of a run of its own, so that none is overtaken by a later one
	sent  int
}

func (s *source) next() (body []byte, run string) {
	perRun := eventsPerRun
	if s.alone {
		perRun = 1
	}
	run = runID(s.label, s.sent/perRun)
	body = s.write(run, s.sent%perRun+1)
	s.sent++
	return body, run
}

// preparation makes n operations ready: see candidate.
type preparation func(ctx context.Context, n int) (operation func(i int) error, err error)

func inserts(s *source, insert func(context.Context, []byte) error) preparation {
	return func(ctx context.Context, n int) (func(int) error, error) {
		ready := make([][]byte, n)
		for i := range ready {
			ready[i], _ = s.next()
		}
		return func(i int) error { return insert(ctx, ready[i]) }, nil
	}
}

// webhooks delivers events to h. If there is an accept they are of submissions,
// which it is to store, and carry their references.
func webhooks(s *source, h http.Handler, accept func(context.Context, []storedRun) error) preparation {
	return func(ctx context.Context, n int) (func(int) error, error) {
		ready := make([]*http.Request, n)
		var submitted []storedRun
		for i := range ready {
			begins := s.sent%eventsPerRun == 0
			body, run := s.next()
			reference := ""
			if accept != nil {
				key := "order-" + run
				reference = referenceOf(key)
				if begins {
					submitted = append(submitted, storedRun{
						key: key, agent: labResults, state: durable.Accepted, id: run,
					})
				}
			}
			var err error
			if ready[i], err = webhook(ctx, body, run, reference); err != nil {
				return nil, err
			}
		}
		if len(submitted) > 0 {
			if err := accept(ctx, submitted); err != nil {
				return nil, err
			}
		}
		return func(i int) error { return deliver(h, ready[i]) }, nil
	}
}

// start runs an engine.
func start(
	ctx context.Context, e *durable.Engine, handler func(context.Context, *helios.Event) error,
) (stop func(*error)) {
	e.HandleFunc(handler)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	return func(err *error) {
		cancel()
		if failed := <-done; *err == nil {
			*err = failed
		}
	}
}

// dropAll is to be deferred before the stores are made.
func dropAll(ctx context.Context, p place, err *error, stores ...string) {
	for _, store := range stores {
		if *err != nil {
			return // the rest goes at the end
		}
		*err = p.drop(ctx, store)
	}
}

func closeEngine(e *durable.Engine, err *error) {
	if failed := e.Close(); *err == nil {
		*err = failed
	}
}
