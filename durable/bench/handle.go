package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/heliosai/helios-go"
)

// backlogSize is how many events wait when the clock starts. They are enough
// for a few seconds, in which starting and the first fetch count for little.
const backlogSize = 4000

// counter counts what the handler was handed, so that nobody has to ask the
// store, which has enough to do.
type counter struct {
	mu      sync.Mutex
	handled int
	goal    int
	reached chan struct{}
}

func (c *counter) handle(context.Context, *helios.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handled++
	if c.reached != nil && c.handled >= c.goal {
		close(c.reached)
		c.reached = nil
	}
	return nil
}

// wait returns when so many events were handled in all.
func (c *counter) wait(ctx context.Context, goal int) error {
	reached := make(chan struct{})
	c.mu.Lock()
	if c.handled >= goal {
		close(reached)
	} else {
		c.goal, c.reached = goal, reached
	}
	c.mu.Unlock()

	select {
	case <-reached:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// handle measures how many stored events a second reach a handler that does
// nothing, and are settled.
func handle(ctx context.Context, b *bench) error {
	fmt.Printf("\n### Events handled, %d of %d KiB that wait\n\n| | handled/s, median | quartiles |\n|---|---:|---:|\n",
		backlogSize, bodySize>>10)
	for _, p := range b.places {
		var rates []float64
		for round := range min(b.rounds, 5) {
			rate, err := handleOn(ctx, p, fmt.Sprintf("handle_%d", round))
			if err != nil {
				return fmt.Errorf("%s: %w", p.name(), err)
			}
			rates = append(rates, rate)
		}
		fmt.Printf("| %s | %s | %s-%s |\n", p.name(), grouped(int(quantile(rates, 0.5))),
			grouped(int(quantile(rates, 0.25))), grouped(int(quantile(rates, 0.75))))
	}
	return nil
}

func handleOn(ctx context.Context, p place, store string) (rate float64, err error) {
	defer dropAll(ctx, p, &err, store)
	e, err := p.open(ctx, store, nil)
	if err != nil {
		return 0, err
	}
	defer closeEngine(e, &err)
	events := &source{bodies: newBodies(bodySize, bodySize), label: store, alone: true}
	prepare := webhooks(events, e.WebhookHandler(), nil)
	for events.sent < backlogSize {
		deliver, err := prepare(ctx, 32)
		if err != nil {
			return 0, err
		}
		var senders sync.WaitGroup
		failed := make([]error, 32)
		for i := range failed {
			senders.Go(func() { failed[i] = deliver(i) })
		}
		senders.Wait()
		for _, err := range failed {
			if err != nil {
				return 0, err
			}
		}
	}

	var handled counter
	began := time.Now()
	stop := start(ctx, e, handled.handle)
	defer stop(&err)
	if err := handled.wait(ctx, events.sent); err != nil {
		return 0, err
	}
	return float64(events.sent) / time.Since(began).Seconds(), nil
}
