package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/heliosai/helios-go/durable"
)

// growthGoal is how many times as long a call may take in the large store as in
// the small one.
const growthGoal = 3

// The sizes of the stores of the table growth.
const (
	smallStore = 1_000
	perRound   = 5 // of each call
)

// growing is a store of a size, and what its calls took.
type growing struct {
	*population
	service *service
	handler http.Handler
	pages   http.Handler
	times   map[string]*taken // by the name of the call
}

type taken struct {
	all    []time.Duration
	rounds []time.Duration // the median of each
}

func (t *taken) add(times ...time.Duration) {
	t.all = append(t.all, times...)
	t.rounds = append(t.rounds, quantile(times, 0.5))
}

// growth measures how long each call takes in stores of two sizes: one in which
// all has been done, and one in which nearly all waits.
func growth(ctx context.Context, b *bench) error {
	for _, p := range b.places {
		if err := growthOn(ctx, b, p); err != nil {
			return fmt.Errorf("%s: %w", p.name(), err)
		}
	}
	return nil
}

func growthOn(ctx context.Context, b *bench, p place) (err error) {
	refusing, err := newService(http.StatusBadRequest)
	if err != nil {
		return err
	}
	defer refusing.close()

	var stores []*growing
	for _, shape := range []shape{history, waiting} {
		for _, size := range []int{smallStore, b.size} {
			name := fmt.Sprintf("growth_%s_%d", shape, size)
			defer dropAll(ctx, p, &err, name)
			g, err := grow(ctx, p, name, shape, size, refusing)
			if err != nil {
				return err
			}
			defer closeEngine(g.engine, &err)
			stores = append(stores, g)
		}
	}

	calls := slices.Concat(engineCalls, pageCalls)
	for round := -1; round < b.rounds; round++ { // one to warm up
		for k := range stores {
			g := stores[(k+round+1)%len(stores)]
			for _, c := range calls {
				if err := g.measure(ctx, &c, round >= 0); err != nil {
					return fmt.Errorf("%s, %s %d: %w", c.name, g.shape, g.size, err)
				}
			}
		}
	}
	if err := workOn(ctx, min(b.rounds, 5), stores); err != nil {
		return err
	}
	printGrowth(p, stores)
	return nil
}

// grow opens a store and fills it.
func grow(ctx context.Context, p place, name string, shape shape, size int, s *service) (*growing, error) {
	e, err := p.open(ctx, name, s.client, durable.WithRetention(retention)) // which makes the tables
	if err != nil {
		return nil, err
	}
	g := &growing{
		population: &population{
			place: p, name: name, engine: e, shape: shape, size: size, bodies: newBodies(updateSize, finalSize),
		},
		service: s, handler: e.WebhookHandler(), pages: dashboardOf(e), times: map[string]*taken{},
	}
	for _, agent := range agents {
		err = errors.Join(err, e.Pause(ctx, agent))
	}
	if err == nil {
		err = g.populate(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return g, nil
}

func (g *growing) measure(ctx context.Context, c *call, counts bool) error {
	var times []time.Duration
	for range perRound {
		do, err := c.prepare(ctx, g)
		if err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		start := time.Now()
		if err := do(); err != nil {
			return err
		}
		times = append(times, time.Since(start))
	}
	if counts {
		g.note(c.name, times...)
	}
	return nil
}

// note adds the times of a round.
func (g *growing) note(name string, times ...time.Duration) {
	if g.times[name] == nil {
		g.times[name] = new(taken)
	}
	g.times[name].add(times...)
}

func printGrowth(p place, stores []*growing) {
	large := stores[len(stores)-1].size
	fmt.Printf("\n### What one call takes on %s, with %s and with %s submissions and events\n\n",
		p.name(), grouped(smallStore), grouped(large))
	fmt.Printf("| | all done: %s | %s | | all waiting: %s | %s | |\n|---|---:|---:|---:|---:|---:|---:|\n",
		grouped(smallStore), grouped(large), grouped(smallStore), grouped(large))

	var slow []string
	row := func(name string) {
		fmt.Printf("| %s |", name)
		for i := 0; i < len(stores); i += 2 {
			small, large := stores[i].times[name], stores[i+1].times[name]
			var ratios []float64
			for round, took := range large.rounds {
				ratios = append(ratios, float64(took)/float64(small.rounds[round]))
			}
			ratio := quantile(ratios, 0.5)
			if ratio > growthGoal {
				slow = append(slow, fmt.Sprintf("%s (%s)", name, stores[i].shape))
			}
			fmt.Printf(" %s | %s | %.1fx |", short(quantile(small.all, 0.5)), short(quantile(large.all, 0.5)), ratio)
		}
		fmt.Println()
	}
	for _, c := range slices.Concat(engineCalls, pageCalls) {
		row(c.name)
	}
	for _, name := range workNames {
		row(name)
	}

	if len(slow) > 0 {
		fmt.Printf("\nMore than %dx: %s.\n", growthGoal, strings.Join(slow, ", "))
	} else {
		fmt.Printf("\nNone grows by more than %dx.\n", growthGoal)
	}
}
