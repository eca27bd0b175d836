package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/heliosai/helios-go/durable"
)

const (
	updateSize = 512 // of the status updates, seven in a run; the eighth event is the result
	perRound   = 10  // of each operation
)

// growing is a store of a size.
type growing struct {
	runs    int
	engine  *durable.Engine
	handler http.Handler
	fresh   source  // of webhooks that are not stored yet
	times   []taken // by operation
}

type taken struct {
	all    []time.Duration
	rounds []time.Duration // the median of each
}

// operation is something that is measured.
type operation struct {
	name string
	// prepare makes one ready, before the clock starts.
	prepare func(ctx context.Context, g *growing) (func() error, error)
}

var operations = []operation{
	{"Status", func(ctx context.Context, g *growing) (func() error, error) {
		key := keyOf(rand.IntN(g.runs))
		return func() error {
			s, err := g.engine.Status(ctx, key)
			if err == nil && (s.State != durable.Completed || s.Event() == nil) {
				err = fmt.Errorf("%s is %s without its result", key, s.State)
			}
			return err
		}, nil
	}},
	{"duplicate webhook", func(ctx context.Context, g *growing) (func() error, error) {
		run := runID("stored", rand.IntN(g.runs))
		body := g.fresh.write(run, 1+rand.IntN(eventsPerRun-1))
		return g.delivery(ctx, body, run)
	}},
	{"new webhook", func(ctx context.Context, g *growing) (func() error, error) {
		run := runID("new", g.fresh.sent)
		g.fresh.sent++
		return g.delivery(ctx, g.fresh.write(run, 1), run)
	}},
	{"Stats", func(ctx context.Context, g *growing) (func() error, error) {
		return func() error { _, err := g.engine.Stats(ctx); return err }, nil
	}},
}

func (g *growing) delivery(ctx context.Context, body []byte, run string) (func() error, error) {
	r, err := webhook(ctx, body, run, "")
	return func() error { return deliver(g.handler, r) }, err
}

func keyOf(run int) string { return fmt.Sprintf("order-%07d", run) }

// growth measures how long single operations take in stores of different sizes.
func growth(ctx context.Context, b *bench) error {
	for _, p := range b.places {
		if err := growthOn(ctx, b, p); err != nil {
			return fmt.Errorf("%s: %w", p.name(), err)
		}
	}
	return nil
}

func growthOn(ctx context.Context, b *bench, p place) (err error) {
	var stores []*growing
	for _, events := range []int{b.events / 100, b.events / 10, b.events} {
		store := fmt.Sprintf("growth_%d", events)
		defer dropAll(ctx, p, &err, store)
		g, err := grow(ctx, p, store, events/eventsPerRun)
		if err != nil {
			return err
		}
		defer closeEngine(g.engine, &err)
		stores = append(stores, g)
	}
	for round := -1; round < b.rounds; round++ { // one to warm up
		for k := range stores {
			g := stores[(k+round+1)%len(stores)]
			for i := range operations {
				if err := g.measure(ctx, i, round >= 0); err != nil {
					return fmt.Errorf("%s: %w", operations[i].name, err)
				}
			}
		}
	}
	for _, g := range stores {
		stats, err := g.engine.Stats(ctx)
		if err != nil {
			return err
		}
		if stats.PendingEvents != g.fresh.sent {
			return fmt.Errorf("%d events wait for the handler, of %d that were new: a duplicate was taken for a new one", stats.PendingEvents, g.fresh.sent)
		}
	}
	printGrowth(p, stores)
	return nil
}

// grow opens a store with so many completed runs.
func grow(ctx context.Context, p place, store string, runs int) (*growing, error) {
	const atATime = 200
	e, err := p.open(ctx, store) // which makes the tables
	if err != nil {
		return nil, err
	}
	g := &growing{runs: runs, engine: e, handler: e.WebhookHandler(), fresh: source{bodies: newBodies(updateSize, bodySize)}, times: make([]taken, len(operations))}
	for first := 0; first < runs && err == nil; first += atATime {
		var batch []storedRun
		for i := first; i < min(runs, first+atATime); i++ {
			run := storedRun{key: keyOf(i), id: runID("stored", i)}
			for number := 1; number <= eventsPerRun; number++ {
				run.events = append(run.events, g.fresh.write(run.id, number))
			}
			batch = append(batch, run)
		}
		err = p.fill(ctx, store, tablesOf(batch, first)...)
	}
	if err == nil {
		err = p.settle(ctx, store)
	}
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return g, nil
}

func (g *growing) measure(ctx context.Context, operation int, counts bool) error {
	var times []time.Duration
	for range perRound {
		do, err := operations[operation].prepare(ctx, g)
		if err != nil {
			return err
		}
		start := time.Now()
		if err := do(); err != nil {
			return err
		}
		times = append(times, time.Since(start))
	}
	if counts {
		t := &g.times[operation]
		t.all = append(t.all, times...)
		t.rounds = append(t.rounds, quantile(times, 0.5))
	}
	return nil
}

func printGrowth(p place, stores []*growing) {
	fmt.Printf("\n### What one operation takes on %s as the store grows\n\n| stored events |", p.name())
	for _, o := range operations {
		fmt.Printf(" %s |", o.name)
	}
	fmt.Print("\n|---:|")
	for range operations {
		fmt.Print("---:|")
	}
	fmt.Println()
	for _, g := range stores {
		fmt.Printf("| %s |", grouped(g.runs*eventsPerRun))
		for i := range operations {
			var ratios []float64
			for round, took := range g.times[i].rounds {
				ratios = append(ratios, float64(took)/float64(stores[0].times[i].rounds[round]))
			}
			fmt.Printf(" %s, %.2fx |", short(quantile(g.times[i].all, 0.5)), quantile(ratios, 0.5))
		}
		fmt.Println()
	}
}
