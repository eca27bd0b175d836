package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// candidate is one of several things that are compared.
type candidate struct {
	name string
	// prepare makes n operations ready, before the clock starts; the one that
	// it returns is called once for each number below n, by several goroutines.
	prepare preparation
	// finish, if there is one, waits for work that the operations have left
	// behind, so that it does not run on the next candidate's time.
	finish func(ctx context.Context) error
	// slices is how many slices long its turn is; 0 is 1.
	slices int
}

type meter struct {
	rounds int
	slice  time.Duration
}

// row is what was measured of one candidate.
type row struct {
	name       string
	rates      []float64       // operations per second of each round
	latencies  []time.Duration // of all operations
	busy, left time.Duration   // in operations, and in finish
}

// compare measures the candidates in turn, with so many operations at once.
func (m *meter) compare(ctx context.Context, atOnce int, candidates ...candidate) ([]row, error) {
	rows := make([]row, len(candidates))
	counts := make([]int, len(candidates))
	for i, c := range candidates {
		turn := m.slice * time.Duration(max(c.slices, 1))
		for n := 2 * atOnce; ; n *= 2 {
			var once row
			if err := once.measure(ctx, c, n, atOnce); err != nil {
				return nil, err
			}
			if once.busy >= turn/2 {
				counts[i] = max(2*atOnce, int(float64(n)*float64(turn)/float64(once.busy)))
				break
			}
		}
		rows[i].name = c.name
	}
	for round := range m.rounds {
		for k := range candidates {
			i := (k + round) % len(candidates) // nobody is always first
			if err := rows[i].measure(ctx, candidates[i], counts[i], atOnce); err != nil {
				return nil, err
			}
		}
	}
	return rows, nil
}

// measure runs n operations of a candidate.
func (r *row) measure(ctx context.Context, c candidate, n, atOnce int) error {
	operation, err := c.prepare(ctx, n)
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	latencies := make([]time.Duration, n)
	var next atomic.Int64
	var failed atomic.Pointer[error]
	work := func() {
		for failed.Load() == nil && ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			start := time.Now()
			if err := operation(i); err != nil {
				failed.Store(&err)
				return
			}
			latencies[i] = time.Since(start)
		}
	}
	runtime.GC() // what the one before has left behind is not this one's to collect
	start := time.Now()
	if atOnce == 1 {
		work()
	} else {
		var workers sync.WaitGroup
		for range atOnce {
			workers.Go(work)
		}
		workers.Wait()
	}
	took := time.Since(start)
	if err := failed.Load(); err != nil {
		return fmt.Errorf("%s: %w", c.name, *err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r.rates = append(r.rates, float64(n)/took.Seconds())
	r.latencies = append(r.latencies, latencies...)
	r.busy += took
	if c.finish == nil {
		return nil
	}
	start = time.Now()
	if err := c.finish(ctx); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	r.left += time.Since(start)
	return nil
}

// ratios are a's rates against b's in the same round.
func ratios(a, b *row) []float64 {
	ratios := make([]float64, len(a.rates))
	for i := range ratios {
		ratios[i] = a.rates[i] / b.rates[i]
	}
	return ratios
}

// spread prints the median and the quartiles.
func spread(ratios []float64) string {
	return fmt.Sprintf("%.2f (%.2f-%.2f)", quantile(ratios, 0.5), quantile(ratios, 0.25), quantile(ratios, 0.75))
}

func quantile[T float64 | time.Duration](values []T, q float64) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}

// short prints three digits of a duration: more are noise.
func short(d time.Duration) string {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit).String()
}

// grouped prints a number with commas.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
