// Fleet shows that processes on one PostgreSQL share an account's slots, and
// that one takes over from another that dies. Two processes submit forty orders
// through package durable; one of them is killed with SIGKILL while it sends
// one order and handles the results of others.
//
//	go run ./durable/examples/fleet
//	go run ./durable/examples/fleet -serve localhost:8080
//
// It uses the PostgreSQL at DATABASE_URL, or else at
// postgres://postgres@127.0.0.1:5432/test. The second command also serves the
// dashboard, until it is interrupted.
//
// The program starts itself twice; what the processes do is work, in work.go,
// and is what a customer would write. They have nothing in common but the
// database, in which the program makes a schema of its own and drops it at the
// end. It needs no key, no network and no money, and takes about 45 s: for most
// of that the other process waits until the dead one has given no sign of life
// for 30 s, for only then may it take over the results that were being handled.
//
// The program itself is the world around them: a fake Helios, a load balancer
// for its webhooks, and an archive to which the handlers give the results. The
// numbers at the end are counted at the fake, which knows what was accepted and
// so paid, and in the database. The exit code is 1 if any of them is not what
// it should be.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/heliosai/helios-go"
)

const (
	orders = 40
	slots  = 7
	agent  = "lab-results"
	// stuck is the submission, counted by their arrival, that is under way when
	// its process is killed.
	stuck = 17
)

func key(i int) string { return fmt.Sprintf("order-%02d", i) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if name := os.Getenv(nameVariable); name != "" {
		err = work(ctx, name)
	} else {
		serve := flag.String("serve", "",
			"serve the dashboard at this `address`, such as localhost:8080, until interrupted")
		flag.Parse()
		database := cmp.Or(os.Getenv("DATABASE_URL"), "postgres://postgres@127.0.0.1:5432/test")
		err = run(ctx, database, os.Stdout, *serve)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run tells the story and counts. With an address it also serves the dashboard
// there, until ctx ends.
func run(ctx context.Context, database string, out io.Writer, serve string) (err error) {
	pool, err := pgxpool.New(ctx, database)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := ping(ctx, pool); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fmt.Fprintf(out, `This example needs PostgreSQL, and finds none that it can use: %v

To start one, for this machine only:

    docker run --rm -d -p 127.0.0.1:5432:5432 -e POSTGRES_HOST_AUTH_METHOD=trust -e POSTGRES_DB=test postgres:17

Or set DATABASE_URL. The SQLite example needs nothing: go run ./durable/examples/onefile
`, err)
		return nil
	}

	schema := newSchema()
	defer func() { err = errors.Join(err, dropSchema(ctx, pool, schema)) }()
	f, err := newFleet(ctx, pool, database, schema)
	if err != nil {
		return err
	}
	defer f.close()

	if serve == "" {
		return f.show(ctx, out)
	}
	server, err := serveDashboard(serve, f.eng)
	if err != nil {
		return err
	}
	defer server.Close()
	fmt.Fprintf(out, "The dashboard shows the schema at http://%s/ until you press Ctrl-C.\n", serve)
	if err := f.show(ctx, out); err != nil {
		return err
	}
	f.eng.HandleFunc(func(context.Context, *helios.Event) error { return nil })
	return f.eng.Run(ctx)
}

// show tells the story, and prints what was counted at its end.
func (f *fleet) show(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()

	if err := f.tell(ctx, out); err != nil {
		return err
	}
	t, err := f.count(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nCounted at the server and in the database:\n")
	for _, p := range f.processes {
		fmt.Fprintf(out, "%s submitted %d\n", p.name, t.by[p.name])
	}
	fmt.Fprintf(out, "at most %d runs in flight, %d submissions refused for want of a slot\n%s\n", t.inFlight,
		t.refused, t)
	if !t.asPromised() {
		return errors.New("that is not what was promised")
	}
	return nil
}

func newSchema() string { return "helios_fleet_" + strings.ToLower(rand.Text()[:8]) }

// dropSchema does so even if ctx has ended.
func dropSchema(ctx context.Context, pool *pgxpool.Pool, schema string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	_, err := pool.Exec(ctx, "DROP SCHEMA IF EXISTS "+schema+" CASCADE")
	return err
}

func ping(ctx context.Context, pool *pgxpool.Pool) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return pool.Ping(ctx)
}
