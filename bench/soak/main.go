// Soak submits thousands of runs through a proxy that breaks connections, to a
// fake service that turns away, repeats and reorders, and then draws up a
// balance: what was paid for, what the callers know of, and what is left
// behind.
//
//	GOWORK=off go run ./soak              # 10,000 runs
//	GOWORK=off go run -race ./soak -short # 1,000 runs
//
// Run it in the directory of this module, which is no part of the workspace.
// It ends with exit code 1 and one line per imbalance if a run was paid for
// twice, if a result was lost or handed out twice, or if anything leaked. The
// seed settles what goes wrong and how often; which submission it happens to is
// up to the scheduler.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

const (
	usualRuns  = 10_000
	shortRuns  = 1_000
	fewestRuns = 200 // with fewer some fault might never happen

	longest = 10 * time.Minute // of a whole soak: one that hangs must end too
)

type config struct {
	runs, callers int
	seed          uint64

	// transport goes between the SDK and the network; nil for the SDK's own.
	// The base is closed when the soak ends.
	transport func(base *http.Transport) http.RoundTripper
}

func main() {
	os.Exit(run())
}

func run() int {
	runs := flag.Int("runs", usualRuns, "how many runs to submit")
	callers := flag.Int("callers", 64, "how many goroutines submit them")
	seed := flag.Uint64("seed", 0, "seed of all that goes wrong; 0 for a new one")
	short := flag.Bool("short", false, fmt.Sprintf("submit %d runs, unless -runs is given", shortRuns))
	flag.Parse()

	cfg := config{runs: *runs, callers: *callers, seed: *seed}
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "runs" })
	if *short && !given {
		cfg.runs = shortRuns
	}
	if cfg.runs < fewestRuns || cfg.callers < 1 {
		fmt.Fprintf(os.Stderr, "soak: -runs must be at least %d, -callers at least 1\n", fewestRuns)
		return 2
	}
	for cfg.seed == 0 {
		cfg.seed = uint64(rand.Uint32()) // short enough to be typed
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s, err := soakAndMeasure(ctx, cfg)
	if err != nil {
		fmt.Fprintf(os.Stderr, "soak: seed %d: %v\n", cfg.seed, err)
		return 1
	}
	fmt.Print(s)
	if len(s.imbalances) > 0 {
		return 1
	}
	return 0
}

// soakAndMeasure adds to the balance what the soak left behind.
func soakAndMeasure(ctx context.Context, cfg config) (*sheet, error) {
	var open connections
	before := measure()
	s, err := soak(ctx, cfg, &open)
	if err != nil {
		return nil, err
	}
	s.addLeftovers(before, settle(ctx, before, &open), &open)
	return s, nil
}

// soak returns nothing but the sheet, so that all else can be collected before
// the memory is measured.
func soak(ctx context.Context, cfg config, open *connections) (*sheet, error) {
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)

	srv := heliostest.NewServer(
		heliostest.WithLimit(100_000), // a 429 comes when it is injected
		heliostest.WithRetryAfter(0),
		heliostest.WithStepInterval(time.Millisecond),
		heliostest.WithRedelivery(14, 2*time.Millisecond), // 16 s in all, far longer than the receiver is ever down
	)
	defer srv.Close()
	armServer(srv, cfg)

	tracker := helios.NewTracker()
	orders := newOrders(cfg.runs)
	hooks, err := newReceiver(cfg, srv.WebhookSecret, tracker, orders, &open.receiver)
	if err != nil {
		return nil, err
	}
	if err := hooks.start(ctx, fail); err != nil {
		return nil, err
	}
	defer hooks.stop()

	between := newProxy(cfg, srv.URL, open)
	if err := between.start(ctx, fail); err != nil {
		return nil, err
	}
	defer between.stop()

	c, err := newCallers(cfg, srv.APIKey, between.address(), hooks.url(), tracker, orders)
	if err != nil {
		return nil, err
	}
	c.submitAll(ctx)
	c.closeConnections()

	// From here on nothing reaches the server: what is on its way is either
	// with it, or lost.
	between.stop()
	if err := srv.Wait(ctx); err != nil {
		return nil, fmt.Errorf("waiting for the server's runs: %w", context.Cause(ctx))
	}
	c.settle()
	hooks.stop()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}

	s := &sheet{title: fmt.Sprintf("helios soak: seed %d, %d runs, %d callers, %s",
		cfg.seed, cfg.runs, cfg.callers, time.Since(started).Round(10*time.Millisecond))}
	balance(s, orders, readLedger(srv), hooks, between)
	return s, nil
}
