package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/heliosai/helios-go"
)

// longestRun is how long to wait for a result. A lab-results run takes 3 to 6
// minutes, a deep run 10 to 13.
const longestRun = 15 * time.Minute

// batch is the orders on their way. The fields from mu on change, under it.
type batch struct {
	client  *helios.Client
	webhook string
	tracker *helios.Tracker
	ended   chan struct{} // a run has ended, so a slot is free

	mu         sync.Mutex
	out        *bufio.Writer
	runs       map[string]chan string // by order: its run id, once known
	inFlight   int
	slots      int // how many of them the service has for this program
	completed  int
	failed     int
	turnedAway int
	resolved   int
}

func newBatch(client *helios.Client, webhook string, out *bufio.Writer) *batch {
	return &batch{
		client:  client,
		webhook: webhook,
		tracker: helios.NewTracker(),
		ended:   make(chan struct{}, 1),
		out:     out,
		runs:    make(map[string]chan string),
	}
}

// handle returns the handler for the webhooks of an order. The query of a
// webhook URL is not signed: use it to find an order, never to trust one.
func (b *batch) handle(order string) func(context.Context, *helios.Event) error {
	return func(ctx context.Context, event *helios.Event) error {
		b.saw(order, event.RunID)
		return b.tracker.Handle(ctx, event)
	}
}

// submitAll submits one order after the other, which is fast: the answer only
// says that a run was accepted. It returns when all runs have ended.
func (b *batch) submitAll(ctx context.Context) error {
	var waiting sync.WaitGroup
	defer waiting.Wait()
	for i := range orders {
		for b.full() {
			if err := b.awaitSlot(ctx, longestRun); err != nil {
				return err
			}
		}

		order := fmt.Sprintf("order-%03d", i+1)
		run, err := b.submit(ctx, order)
		if err != nil && !errors.Is(err, helios.ErrOutcomeUnknown) {
			return fmt.Errorf("%s: %w", order, err)
		}

		b.started(run)
		waiting.Go(func() { b.wait(ctx, order, run) })
	}
	return nil
}

// full reports whether all slots are taken that the last answer left to this
// program.
func (b *batch) full() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.inFlight > 0 && b.inFlight >= b.slots
}

// started counts a run. One with an unknown outcome may hold a slot too.
func (b *batch) started(run *helios.Run) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inFlight++
	if run != nil {
		// The service may have seen more runs end than this program has, which
		// are in Remaining and still in flight here.
		b.slots = min(b.inFlight+run.Concurrency.Remaining, run.Concurrency.Limit)
	}
}

// submit sends one order until it is accepted or refused, or its outcome is
// unknown.
func (b *batch) submit(ctx context.Context, order string) (*helios.Run, error) {
	webhook, err := helios.WebhookURL(b.webhook, struct {
		Order string `url:"order"`
	}{order})
	if err != nil {
		return nil, err
	}
	request := &helios.LabResultsRequest{WebhookURL: webhook, LabResults: []helios.LabResult{
		{Name: "Creatinine", Value: "1.8 mg/dL", Flag: helios.FlagHigh, Date: "2025-01-15"},
	}}

	b.expect(order)
	for {
		run, err := b.client.LabResults.Submit(ctx, request)
		var limit *helios.ConcurrencyLimitError
		if !errors.As(err, &limit) {
			return run, err
		}

		b.count(&b.turnedAway)
		if err := b.awaitSlot(ctx, limit.RetryAfter); err != nil {
			return nil, err
		}
	}
}

// awaitSlot waits until a run ends, or for at most d.
func (b *batch) awaitSlot(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-b.ended:
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// wait waits for an order's result. Without a run it first waits for the
// webhook that proves that there is one.
func (b *batch) wait(ctx context.Context, order string, run *helios.Run) {
	defer b.release()
	ctx, cancel := context.WithTimeoutCause(ctx, longestRun, fmt.Errorf("nothing came in %s", longestRun))
	defer cancel()

	var id string
	if run != nil {
		id = run.ID
	} else {
		var err error
		if id, err = b.runOf(ctx, order); err != nil {
			b.printf("%s: the answer was lost, and whether it runs is not known yet: %v\n", order, err)
			return
		}
		b.count(&b.resolved)
		b.printf("%s: the answer was lost, but a webhook shows that run %s was accepted\n", order, id)
	}

	_, err := b.tracker.Wait(ctx, id, nil)
	var failed *helios.RunError
	switch {
	case errors.As(err, &failed):
		b.count(&b.failed)
		b.printf("%s: run %s failed\n", order, id)
	case ctx.Err() != nil:
		b.printf("%s: run %s goes on: %v\n", order, id, context.Cause(ctx))
	case err != nil:
		b.printf("%s: the result of run %s was not received: %v\n", order, id, err)
	default:
		if n := b.count(&b.completed); n%20 == 0 {
			b.printf("%3d of %d completed\n", n, orders)
		}
	}
}

// release gives an order's slot back.
func (b *batch) release() {
	b.mu.Lock()
	b.inFlight--
	b.mu.Unlock()

	select {
	case b.ended <- struct{}{}:
	default: // the submitter has been told already
	}
}

// expect makes room for the run of an order, before its first webhook can come.
func (b *batch) expect(order string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.runs[order] = make(chan string, 1)
}

// saw notes which run an order's webhooks are of.
func (b *batch) saw(order, runID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.runs[order] <- runID:
	default: // known, or no order of ours
	}
}

// runOf waits for the webhook that names the run of an order.
func (b *batch) runOf(ctx context.Context, order string) (string, error) {
	b.mu.Lock()
	known := b.runs[order]
	b.mu.Unlock()

	select {
	case id := <-known:
		return id, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func (b *batch) count(n *int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	*n++
	return *n
}

// printf ignores an error: the run is paid by now, so its result is awaited
// even if nobody can watch. The last Flush returns the error.
func (b *batch) printf(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprintf(b.out, format, args...)
	_ = b.out.Flush()
}
