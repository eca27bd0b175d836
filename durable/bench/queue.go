package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

const (
	queuedLabs = 10_000
	// latest is the goal: how late a deep run may be behind them.
	latest = time.Second
)

// queue measures how soon a deep run is sent that is submitted when lab results
// are queued, and all of those are being sent that can be.
func queue(ctx context.Context, b *bench) error {
	fmt.Printf("\n### A deep run behind %s queued lab results\n\n"+
		"| | sent after, median | longest | with nothing queued, median |\n|---|---:|---:|---:|\n", grouped(queuedLabs))
	var late []string
	for _, p := range b.places {
		alone, err := queueOn(ctx, p, "queue_none", 0, b.rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name(), err)
		}
		behind, err := queueOn(ctx, p, "queue_labs", queuedLabs, b.rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name(), err)
		}
		longest := quantile(behind, 1)
		fmt.Printf("| %s | %s | %s | %s |\n", p.name(),
			short(quantile(behind, 0.5)), short(longest), short(quantile(alone, 0.5)))
		if longest > latest {
			late = append(late, p.name())
		}
	}
	if len(late) > 0 {
		fmt.Printf("\nThe goal of at most %s is missed on %s.\n", latest, strings.Join(late, " and "))
	} else {
		fmt.Printf("\nThe goal of at most %s is met.\n", latest)
	}
	return nil
}

// queueOn submits one deep run after the other, while so many lab results are
// sent and refused.
func queueOn(ctx context.Context, p place, store string, labs, runs int) (took []time.Duration, err error) {
	s, err := newService(http.StatusBadRequest) // which frees the slot, so that the queue goes on
	if err != nil {
		return nil, err
	}
	defer s.close()
	defer dropAll(ctx, p, &err, store)
	e, err := p.open(ctx, store, s.client)
	if err != nil {
		return nil, err
	}
	defer closeEngine(e, &err)
	var batch []storedRun
	for i := range labs {
		batch = append(batch, storedRun{key: keyOf(i), agent: labResults, state: durable.Queued})
	}
	if err := p.fill(ctx, store, tablesOf(batch, 0)...); err != nil {
		return nil, err
	}
	if err := p.settle(ctx, store); err != nil {
		return nil, err
	}

	stop := start(ctx, e, func(context.Context, *helios.Event) error { return nil })
	defer stop(&err)
	if labs > 0 {
		if err := e.Resume(ctx, labResults); err != nil { // which wakes a worker
			return nil, err
		}
		if err := s.await(ctx, labResultsPath, 10); err != nil {
			return nil, err
		}
	}
	for i := range runs {
		req := &helios.AgentRequest{AgentType: helios.AgentDeep, Data: helios.HealthData{
			RecentAbnormalLabs: []helios.Lab{{Display: "Creatinine", Value: "1.8", Unit: "mg/dL", Date: "2025-01-15"}},
		}}
		begun := time.Now()
		if _, err := e.SubmitAgent(ctx, fmt.Sprintf("deep-%d", i), req); err != nil {
			return nil, err
		}
		if err := s.await(ctx, agentPath, i+1); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begun))
	}
	if labs > 0 {
		stats, err := e.Stats(ctx)
		if err == nil && stats.Queued == 0 {
			err = fmt.Errorf("the queue was empty before the last deep run was sent")
		}
		return took, err
	}
	return took, nil
}
