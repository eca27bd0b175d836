// Soak runs package durable for a while on both stores at once, each with
// several engines, against a fake Helios that refuses, limits, loses and
// duplicates, and then draws up a balance.
//
//	cd durable && go run ./bench/soak            # 20 minutes
//	cd durable && go run ./bench/soak -for 20s
//
// PostgreSQL is where DATABASE_URL says, by default
// postgres://postgres@127.0.0.1:5432/test; without it only SQLite is soaked.
// What is made is removed at the end.
//
// It ends with exit code 1 and one line per fault if a run was paid for twice,
// if a run, a result or an end was lost, or if anything was left behind. The
// seed settles what goes wrong and how often; which submission it happens to is
// up to the scheduler.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

type config struct {
	length  time.Duration
	rate    int // submissions a second, to each store
	engines int // on each store
	seed    uint64
}

func main() {
	var c config
	flag.DurationVar(&c.length, "for", 20*time.Minute, "how long to submit")
	flag.IntVar(&c.rate, "rate", 10, "submissions a second to each store")
	flag.IntVar(&c.engines, "engines", 3, "engines on each store")
	flag.Uint64Var(&c.seed, "seed", 0, "seed of all that goes wrong; 0 for a new one")
	flag.Parse()
	for c.seed == 0 {
		c.seed = uint64(rand.Uint32()) // short enough to be typed
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, c); err != nil {
		fmt.Fprintf(os.Stderr, "soak: seed %d: %v\n", c.seed, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, c config) error {
	if c.length <= 0 || c.rate < 1 || c.engines < 2 {
		return errors.New("-for must be positive, -rate at least 1, -engines at least 2")
	}
	url := cmp.Or(os.Getenv("DATABASE_URL"), "postgres://postgres@127.0.0.1:5432/test")
	before := measure(ctx, url)

	// What hangs must end too.
	ctx, cancel := context.WithTimeout(ctx, c.length+settleTime)
	defer cancel()
	stores := []store{&sqliteStore{}}
	if before.connections >= 0 {
		stores = append(stores, &postgresStore{url: url})
	} else if os.Getenv("CI") == "true" {
		return errors.New("CI needs PostgreSQL")
	} else {
		fmt.Println("PostgreSQL is left out, since none can be reached; set DATABASE_URL.")
	}

	balances, failed := make([]*balance, len(stores)), make([]error, len(stores))
	var soaks sync.WaitGroup
	for i, s := range stores {
		soaks.Go(func() { balances[i], failed[i] = soak(ctx, c, s) })
	}
	soaks.Wait()
	if err := errors.Join(failed...); err != nil {
		return err
	}

	fmt.Printf("%s, %d engines on each store, seed %d.\n", c.length, c.engines, c.seed)
	faults := 0
	for i, b := range balances {
		faults += b.write(stores[i].name())
	}
	faults += compare(ctx, url, before).write("Left behind")
	if faults > 0 {
		return fmt.Errorf("%d faults", faults)
	}
	return nil
}
