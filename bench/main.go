// Bench measures the SDK beside its floors and its peers, and prints Markdown
// tables.
//
//	cd bench && go run .                       # all tables, some minutes
//	cd bench && go run . -tables verify,submit -rounds 20
//
// The implementations of a table run in turn, a slice each, round after round.
// A ratio is the median of the ratios within the rounds. Running one
// implementation many times in a row and then the next would measure the
// machine's mood as much as the code.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

var tables = map[string]func(*meter) error{
	"verify":    verify,
	"handler":   handler,
	"submit":    submit,
	"telemetry": telemetry,
	"tracker":   tracker,
	"fhir":      fhirTable,
	"hl7v2":     hl7v2Table,
	"footprint": footprint,
}

func main() {
	names := flag.String("tables", "verify,handler,submit,telemetry,tracker,fhir,hl7v2,footprint",
		"which tables, separated by commas")
	rounds := flag.Int("rounds", 40, "rounds of each table")
	slice := flag.Duration("slice", 25*time.Millisecond, "how long one implementation runs in one round, about")
	cpu := flag.Bool("cpu", false,
		"measure the processor time of the process, servers included, which other processes disturb less")
	flag.Parse()

	began := time.Now()
	m := &meter{rounds: *rounds, slice: *slice, now: func() (time.Duration, error) { return time.Since(began), nil }}
	if *cpu {
		m.now = cpuTime
	}
	fmt.Printf("%s, %s/%s, GOMAXPROCS %d, %d rounds of %s\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), *rounds, *slice)

	for name := range strings.SplitSeq(*names, ",") {
		table, ok := tables[name]
		if !ok {
			fmt.Fprintf(os.Stderr, "bench: no table %q\n", name)
			os.Exit(2)
		}
		if err := table(m); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", name, err)
			os.Exit(1)
		}
	}
}
