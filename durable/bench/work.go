package main

import (
	"context"
	"fmt"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

const (
	sweepName = "Run: a sweep that deletes what 20 submissions held"
	claimName = "Run: to claim, send and settle one submission"

	expired = 20
	claimed = 50

	// sweepPause is how soon after a sweep another one may follow.
	sweepPause = 6 * time.Second
)

var workNames = []string{sweepName, claimName}

// workOn runs the engines in turn: each sweeps and sends.
func workOn(ctx context.Context, rounds int, stores []*growing) error {
	for _, g := range stores {
		g.engine.HandleFunc(func(context.Context, *helios.Event) error { return nil })
		if err := g.engine.Pause(ctx, "light"); err != nil { // which a call has resumed
			return err
		}
	}
	last := make([]time.Time, len(stores))
	for round := -1; round < rounds; round++ { // one to warm up
		for i, g := range stores {
			if err := pause(ctx, time.Until(last[i].Add(sweepPause))); err != nil {
				return err
			}
			if err := g.work(ctx, round >= 0); err != nil {
				return fmt.Errorf("the work of Run, %s %d: %w", g.shape, g.size, err)
			}
			last[i] = time.Now()
		}
	}
	return nil
}

// work runs the engine once.
func (g *growing) work(ctx context.Context, counts bool) (err error) {
	old := storedRun{
		state: durable.Completed, number: eventsPerRun, event: handled, ended: time.Now().Add(-4 * retention),
	}
	var keys []string
	for range expired {
		i, err := g.add(ctx, old)
		if err != nil {
			return err
		}
		keys = append(keys, keyOf(i))
	}
	for range claimed {
		if _, err := g.add(ctx, storedRun{state: durable.Queued}); err != nil {
			return err
		}
	}

	began := time.Now()
	stop := start(ctx, g.engine, func(context.Context, *helios.Event) error { return nil })
	defer stop(&err)
	for _, key := range keys {
		if err := g.await(ctx, key, func(s *durable.Submission) bool { return s.Deleted }); err != nil {
			return err
		}
	}
	swept := time.Since(began)

	sent, _ := g.service.since(0)
	before := len(sent)
	if err := g.engine.Resume(ctx, labResults); err != nil {
		return err
	}
	for {
		later, next := g.service.since(before)
		if len(later) >= claimed {
			if counts {
				g.note(sweepName, swept)
				g.note(claimName, later[claimed-1].at.Sub(later[0].at)/(claimed-1))
			}
			return g.engine.Pause(ctx, labResults)
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// await polls a submission.
func (g *growing) await(ctx context.Context, key string, done func(*durable.Submission) bool) error {
	for {
		s, err := g.engine.Status(ctx, key)
		if err != nil || done(s) {
			return err
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

// pause waits, if d is not negative.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
