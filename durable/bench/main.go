// Bench measures package durable beside a bare INSERT, on SQLite and on
// PostgreSQL, and prints Markdown tables.
//
//	cd durable && go run ./bench          # all tables
//	cd durable && go run ./bench -tables ack -rounds 40
//
// PostgreSQL is where DATABASE_URL says, by default
// postgres://postgres@127.0.0.1:5432/test; without it only SQLite is measured.
// SQLite's files lie in the directory for temporary files, or in the current
// one where that is kept in memory. What is made, in both, is removed at the
// end.
//
// What is compared runs in turn, a slice each, round after round; a ratio is
// the median of the ratios within the rounds. Absolute times of a shared
// machine mean little.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// bench is what the tables share.
type bench struct {
	meter
	size   int // of the large stores of the table growth
	places []place
}

func main() {
	tables := flag.String("tables", "ack,handle,queue,open,size,growth", "which tables, separated by commas")
	stores := flag.String("stores", "sqlite,postgres", "which stores, separated by commas")
	rounds := flag.Int("rounds", 20, "rounds of each table")
	large := flag.Int("size", 100_000, "submissions and events in the large stores of the table growth")
	flag.Parse()
	// SIGPIPE too, which a reader that has seen enough sends: what was made is
	// to be removed even then.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	defer stop()
	if err := run(ctx, strings.Split(*tables, ","), strings.Split(*stores, ","), *rounds, *large); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("interrupted: %w", err)
		}
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, tables, stores []string, rounds, large int) (err error) {
	known := map[string]func(context.Context, *bench) error{
		"ack": ack, "handle": handle, "queue": queue, "open": open, "size": size, "growth": growth,
	}
	for _, name := range tables {
		if known[name] == nil {
			return fmt.Errorf("no table %q", name)
		}
	}
	if rounds < 1 || large < smallStore {
		return fmt.Errorf("rounds must be at least 1, size at least %d", smallStore)
	}
	b := &bench{meter: meter{rounds: rounds, slice: 150 * time.Millisecond}, size: large}
	fmt.Printf("%s, %s/%s, GOMAXPROCS %d, %d rounds.\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), rounds)
	defer func() {
		for _, p := range b.places {
			err = errors.Join(err, p.close(ctx))
		}
	}()
	finders := map[string]func(context.Context) (place, error){"sqlite": findSQLite, "postgres": findPostgres}
	for _, name := range stores {
		find := finders[name]
		if find == nil {
			return fmt.Errorf("no store %q", name)
		}
		p, err := find(ctx)
		if err != nil {
			return err
		}
		if p != nil {
			b.places = append(b.places, p)
		}
	}
	for _, name := range tables {
		if err := known[name](ctx, b); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
