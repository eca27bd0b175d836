package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// candidate is one implementation; run does the measured thing n times.
type candidate struct {
	name string
	run  func(n int) error
}

type meter struct {
	rounds int
	slice  time.Duration
	// now is the time that passes, or with -cpu what the process has used.
	now func() (time.Duration, error)
}

// took measures run(n).
func (m *meter) took(run func(n int) error, n int) (time.Duration, error) {
	start, err := m.now()
	if err != nil {
		return 0, err
	}
	if err := run(n); err != nil {
		return 0, err
	}
	end, err := m.now()
	return end - start, err
}

// row is what was measured of one candidate. Its ratios are to the first of the
// table.
type row struct {
	name             string
	nanos            float64 // median per operation
	ratio, low, high float64 // median and quartiles of the ratios within the rounds
	allocs, bytes    float64 // per operation, of the whole process
	perRound         []float64
}

// compare measures the candidates in turn. The first is the floor.
func (m *meter) compare(candidates ...candidate) ([]row, error) {
	rows := make([]row, len(candidates))
	counts := make([]int, len(candidates))

	for i, c := range candidates {
		rows[i].name = c.name
		n := 1
		for {
			took, err := m.took(c.run, n)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if took >= m.slice/2 {
				counts[i] = max(1, int(float64(n)*float64(m.slice)/float64(took)))
				break
			}
			n *= 2
		}
	}

	var before, after runtime.MemStats
	operations := make([]int, len(candidates))
	for round := range m.rounds {
		for k := range candidates {
			i := (k + round) % len(candidates) // nobody is always first
			runtime.GC()
			runtime.ReadMemStats(&before)
			took, err := m.took(candidates[i].run, counts[i])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", candidates[i].name, err)
			}
			runtime.ReadMemStats(&after)

			rows[i].perRound = append(rows[i].perRound, float64(took)/float64(counts[i]))
			rows[i].allocs += float64(after.Mallocs - before.Mallocs)
			rows[i].bytes += float64(after.TotalAlloc - before.TotalAlloc)
			operations[i] += counts[i]
		}
	}

	for i := range rows {
		r := &rows[i]
		ratios := make([]float64, m.rounds)
		for round := range ratios {
			ratios[round] = r.perRound[round] / rows[0].perRound[round]
		}
		r.low, r.ratio, r.high = quantile(ratios, 0.25), quantile(ratios, 0.5), quantile(ratios, 0.75)

		r.nanos = quantile(r.perRound, 0.5)
		r.allocs /= float64(operations[i])
		r.bytes /= float64(operations[i])
	}
	return rows, nil
}

// between is the median over the rounds of a's time over b's.
func between(a, b row) float64 {
	ratios := make([]float64, len(a.perRound))
	for i := range ratios {
		ratios[i] = a.perRound[i] / b.perRound[i]
	}
	return quantile(ratios, 0.5)
}

func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}

func title(format string, args ...any) {
	fmt.Printf("\n### "+format+"\n\n", args...)
	fmt.Print("| | time/op | ratio (quartiles) | allocs/op | B/op |\n|---|---:|---:|---:|---:|\n")
}

func (r row) print() {
	fmt.Printf("| %s | %s | %.2f (%.2f-%.2f) | %.0f | %.0f |\n",
		r.name, time.Duration(r.nanos).Round(time.Duration(max(1, r.nanos/1000))),
		r.ratio, r.low, r.high, r.allocs, r.bytes)
}
