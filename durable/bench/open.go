package main

import (
	"context"
	"fmt"
	"time"
)

// open measures how long it takes until an engine can be used: where there is
// nothing yet, and where its tables are there.
func open(ctx context.Context, b *bench) error {
	fmt.Print("\n### Time to open\n\n| | median | quartiles |\n|---|---:|---:|\n")
	for _, p := range b.places {
		var made, found []time.Duration
		for round := range b.rounds {
			store := fmt.Sprintf("open_%d", round)
			for _, times := range []*[]time.Duration{&made, &found} {
				start := time.Now()
				e, err := p.open(ctx, store, nil)
				if err != nil {
					return fmt.Errorf("%s: %w", p.name(), err)
				}
				*times = append(*times, time.Since(start))
				if err := e.Close(); err != nil {
					return fmt.Errorf("%s: %w", p.name(), err)
				}
			}
			if err := p.drop(ctx, store); err != nil {
				return fmt.Errorf("%s: %w", p.name(), err)
			}
		}
		for _, row := range []struct {
			what  string
			times []time.Duration
		}{{"new", made}, {"existing", found}} {
			fmt.Printf("| %s, %s %s | %s | %s-%s |\n", p.name(), row.what, p.kind(),
				short(quantile(row.times, 0.5)), short(quantile(row.times, 0.25)), short(quantile(row.times, 0.75)))
		}
	}
	return nil
}
