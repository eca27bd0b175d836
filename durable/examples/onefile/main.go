// Onefile shows that a crash neither pays twice nor loses a result. Ten orders
// are submitted through package durable, which keeps them in one SQLite file,
// and the process that does so is killed in the middle. No server, no network,
// no key, no cost:
//
//	go run ./durable/examples/onefile
//	go run ./durable/examples/onefile -serve localhost:8080
//
// The second command also serves the dashboard, until it is interrupted.
//
// The program starts itself as process 1, and kills it with SIGKILL when one
// answer was lost, one order is being sent, two wait for a slot, and one result
// is acknowledged and not handled yet. Then it starts itself as process 2,
// which has nothing but the file, and goes on. What both do is work, in
// work.go; it is what a customer would write.
//
// The program itself is the world around them: a fake Helios, and a proxy for
// its webhooks that lets them wait while no process is there. The last line is
// counted at the fake, which knows what was accepted and so paid, and in the
// file. The exit code is 1 if a number is not what it should be.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/heliosai/helios-go"
)

const orders = 10

// record is the last order: a patient's record, where the others are lab
// results. The agent has slots of its own, so it ends while all others still
// run.
var record = key(orders)

func key(i int) string { return fmt.Sprintf("order-%02d", i) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if file := os.Getenv(fileVariable); file != "" {
		err = work(ctx, file)
	} else {
		serve := flag.String("serve", "",
			"serve the dashboard at this `address`, such as localhost:8080, until interrupted")
		flag.Parse()
		err = run(ctx, os.Stdout, *serve)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run tells the story and counts. With an address it also serves the dashboard
// there: each process does while it lives, and the program afterwards until ctx
// ends.
func run(ctx context.Context, out io.Writer, serve string) error {
	dir, err := os.MkdirTemp("", "helios-onefile-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	w := newWorld(filepath.Join(dir, "helios.db"))
	w.serve = serve
	defer w.close()

	if err := w.show(ctx, out); err != nil || serve == "" {
		return err
	}
	eng, err := w.open(ctx)
	if err != nil {
		return err
	}
	defer eng.Close()
	server, err := serveDashboard(serve, eng)
	if err != nil {
		return err
	}
	defer server.Close()
	fmt.Fprintf(out, "\nThe dashboard shows the file at http://%s/ until you press Ctrl-C.\n", serve)
	eng.HandleFunc(func(context.Context, *helios.Event) error { return nil })
	return eng.Run(ctx)
}

// show tells the story, and prints what was counted at its end.
func (w *world) show(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()

	start := time.Now()
	if err := w.tell(ctx, out); err != nil {
		return err
	}
	t, err := w.count(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nCounted at the server and in the file, after %.1f s:\n%s\n", time.Since(start).Seconds(), t)
	if !t.asPromised() {
		return errors.New("that is not what was promised")
	}
	return nil
}
