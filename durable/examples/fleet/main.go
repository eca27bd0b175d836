// Fleet shows that processes on one PostgreSQL share an account's slots, and that one takes over from another that dies. Two processes submit forty orders through package
// durable; one of them is killed with SIGKILL while it sends one order and handles the results of others.
//
//	go run ./durable/examples/fleet    # PostgreSQL at DATABASE_URL, else at postgres://postgres@127.0.0.1:5432/test
//
// The program starts itself twice; what the processes do is work, in process.go, and is what a customer would write. They have nothing in common but the database, in which
// the program makes a schema of its own and drops it at the end. It needs no key, no network and no money, and about 45 s: most of that the other process waits until the dead
// one has not said for 30 s that it lives, for only then may it take the results that were being handled.
//
// The program itself is the world around them: a fake Helios, a load balancer for its webhooks, and an archive to which the handlers give the results. The numbers at the end
// are counted at the fake, which knows what was accepted and so paid, and in the database. The exit code is 1 if one is not what it should be.
package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/heliostest"
)

const (
	orders = 40
	slots  = 7
	agent  = "lab-results"
	// stuck is the submission, counted by their arrival, that is under way when its process is killed.
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
		err = run(ctx, cmp.Or(os.Getenv("DATABASE_URL"), "postgres://postgres@127.0.0.1:5432/test"), os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, database string, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
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
	fmt.Fprintf(out, "at most %d runs in flight, %d submissions refused for want of a slot\n%s\n", t.inFlight, t.refused, t)
	if !t.asPromised() {
		return errors.New("that is not what was promised")
	}
	return nil
}

func newSchema() string { return "helios_fleet_" + strings.ToLower(rand.Text()[:8]) }

// dropSchema does so even if ctx has ended.
func dropSchema(ctx context.Context, pool *pgxpool.Pool, schema string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	_, err := pool.Exec(ctx, "DROP SCHEMA IF EXISTS "+schema+" CASCADE")
	return err
}

func ping(ctx context.Context, pool *pgxpool.Pool) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return pool.Ping(ctx)
}

// tell makes the story happen.
func (f *fleet) tell(ctx context.Context, out io.Writer) error {
	for range stuck - 1 {
		f.fake.Inject()
	}
	f.fake.Inject(heliostest.Delay(time.Hour)) // it waits for its answer until its process dies, and is accepted then
	for _, name := range []string{"process 1", "process 2"} {
		if err := f.start(ctx, name); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%d orders of one kind, of which Helios runs %d at once. Process 1 (pid %d) and process 2 (pid %d) share them in the schema %s.\n",
		orders, slots, f.processes[0].cmd.Process.Pid, f.processes[1].cmd.Process.Pid, f.schema)
	if err := f.begin(); err != nil {
		return err
	}

	// While no webhook comes no slot becomes free: then it can be seen who is sending what.
	if err := f.until(ctx, func() (bool, error) { return len(f.fake.Requests()) >= stuck, nil }); err != nil {
		return err
	}
	if err := f.standStill(ctx); err != nil {
		return err
	}
	victim, cut := f.sending()
	if victim == nil {
		return errors.New("nobody is sending the order that should be stuck")
	}
	survivor := f.processes[0]
	if victim == survivor {
		survivor = f.processes[1]
	}
	// The archive lets everyone wait, so that the victim is handling something too.
	f.change(func() { f.archiveOpen, f.webhooksOpen = false, true })
	if err := f.until(ctx, func() (bool, error) { return len(f.handling(victim)) > 0, nil }); err != nil {
		return err
	}
	if err := f.standStill(ctx); err != nil {
		return err
	}
	begun := f.handling(victim)
	fmt.Fprintf(out, "  %d are submitted. %s is sending %s and has no answer yet, and is handling the result of %s.\n",
		len(f.fake.Requests()), title(victim.name), cut, strings.Join(begun, ", "))

	killed := time.Now()
	if err := f.kill(ctx, victim); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is killed with SIGKILL. %s goes on alone.\n", title(victim.name), title(survivor.name))
	f.change(func() { f.archiveOpen, f.webhooksOpen = true, true })
	if err := f.until(ctx, f.runs(ctx, cut)); err != nil {
		return err
	}
	fmt.Fprintf(out, "  %s: was accepted, as its first webhook proves. It is not sent again.\n", cut)
	if err := f.until(ctx, func() (bool, error) { return f.archived() >= orders-len(begun), nil }); err != nil {
		return err
	}
	fmt.Fprintf(out, "  %d results are handled. Waiting for %d that %s was handling: it counts as dead after 30 s without a sign of life...\n",
		f.archived(), orders-f.archived(), victim.name)
	if err := f.until(ctx, func() (bool, error) { return f.archived() == orders, nil }); err != nil {
		return err
	}
	fmt.Fprintf(out, "  %.0f s after the kill %s has handled the rest.\n", time.Since(killed).Seconds(), survivor.name)
	if err := f.until(ctx, f.nothingPending(ctx)); err != nil {
		return err
	}
	return f.stop(ctx, survivor)
}

func title(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// standStill lets webhooks wait, and returns when nothing moves any more: all slots are taken, one submission is under way, and all results that have come are being handled.
func (f *fleet) standStill(ctx context.Context) error {
	f.change(func() { f.webhooksOpen = false })
	times := 0
	return f.until(ctx, func() (bool, error) {
		stats, err := f.eng.Stats(ctx)
		if err != nil {
			return false, err
		}
		full := stats.Queued == 0 || stats.Slots[agent].InUse == slots
		if f.passing() == 0 && full && stats.Submitting == 1 && stats.PendingEvents == f.inHand() {
			times++
		} else {
			times = 0
		}
		return times == 2, nil // the numbers of one look are not of one moment
	})
}

// runs reports whether a submission is known to have been accepted.
func (f *fleet) runs(ctx context.Context, order string) func() (bool, error) {
	return func() (bool, error) {
		s, err := f.eng.Status(ctx, order)
		return err == nil && (s.State == durable.Accepted || s.State == durable.Completed), err
	}
}

func (f *fleet) nothingPending(ctx context.Context) func() (bool, error) {
	return func() (bool, error) {
		stats, err := f.eng.Stats(ctx)
		return stats.PendingEvents == 0, err
	}
}

// tally is what the program promises something about.
type tally struct {
	orders, accepted, twice, kept, lost int

	by                map[string]int // submissions of each process that were accepted
	inFlight, refused int
}

func (t tally) String() string {
	return fmt.Sprintf("%d orders, %d runs accepted by the server, %d paid twice, %d results kept, %d lost", t.orders, t.accepted, t.twice, t.kept, t.lost)
}

func (t tally) asPromised() bool {
	return t.accepted == t.orders && t.kept == t.orders && t.twice == 0 && t.lost == 0 && t.inFlight <= slots && t.refused == 0
}

// count asks the server what it has accepted, refused and delivered, and the database what it has. A result is lost that was acknowledged and is not in the database, or was
// not handled.
func (f *fleet) count(ctx context.Context) (tally, error) {
	t := tally{orders: orders, by: map[string]int{}, inFlight: int(f.most.Load())}
	if err := f.fake.Wait(ctx); err != nil {
		return t, err
	}
	for _, r := range f.fake.Requests() {
		switch {
		case r.RunID != "":
			t.by[r.Header.Get("User-Agent")]++
		case r.StatusCode == http.StatusTooManyRequests:
			t.refused++
		}
	}
	runs, acknowledged := map[string]string{}, map[string]bool{}
	for _, r := range f.fake.Runs() {
		order := orderOf(r.Request)
		t.accepted++
		if runs[order] != "" {
			t.twice++
		}
		runs[order] = r.ID
		for _, d := range r.Deliveries {
			if d.Status == helios.StatusCompleted && d.StatusCode == http.StatusOK {
				acknowledged[order] = true
			}
		}
	}
	for i := range orders {
		order := key(i + 1)
		s, err := f.eng.Status(ctx, order)
		if err != nil {
			return t, err
		}
		_, err = s.Result()
		kept := err == nil && s.RunID == runs[order]
		if kept {
			t.kept++
		}
		if acknowledged[order] && (!kept || !f.handled(order)) {
			t.lost++
		}
	}
	return t, nil
}

// sending returns who is sending which order, and has no answer.
func (f *fleet) sending() (*process, string) {
	for _, r := range f.fake.Requests() {
		if r.StatusCode != 0 {
			continue
		}
		for _, p := range f.processes {
			if p.name == r.Header.Get("User-Agent") {
				return p, orderOf(r.Body)
			}
		}
	}
	return nil, ""
}

// orderOf reads the order from a request.
func orderOf(request []byte) string {
	var r helios.LabResultsRequest
	if json.Unmarshal(request, &r) != nil || len(r.LabResults) == 0 {
		return ""
	}
	return r.LabResults[0].Name
}

// countRuns looks at the service every millisecond, which is far less than a run takes.
func (f *fleet) countRuns(ctx context.Context) {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			f.most.Store(max(f.most.Load(), int64(f.fake.Active(agent))))
		case <-ctx.Done():
			return
		}
	}
}

// balance passes a webhook on to one of the processes, in turn.
func (f *fleet) balance(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	for f.enter(r.Context(), func() bool { return f.webhooksOpen && len(f.living) > 0 }, func() { f.delivering++ }) {
		status, err := f.pass(r, body)
		f.change(func() { f.delivering-- })
		if err == nil {
			w.WriteHeader(status)
			return
		}
	}
}

func (f *fleet) pass(r *http.Request, body []byte) (int, error) {
	f.mu.Lock()
	p := f.living[0]
	f.living = append(f.living[1:], p)
	f.mu.Unlock()
	req, err := http.NewRequestWithContext(r.Context(), r.Method, p.url+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header = r.Header.Clone()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// take takes a result into the archive.
func (f *fleet) take(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	hand := [2]string{r.URL.Query().Get("process"), r.URL.Query().Get("order")}
	f.change(func() { f.hands[hand] = true })
	taken := f.enter(r.Context(), func() bool { return f.archiveOpen }, func() { f.archive[hand[1]] = true })
	f.change(func() { delete(f.hands, hand) })
	if taken {
		w.WriteHeader(http.StatusNoContent)
	}
}

// enter waits until it may, and then does what is to be done at the same moment. It reports false if ctx ends before.
func (f *fleet) enter(ctx context.Context, may func() bool, then func()) bool {
	for {
		f.mu.Lock()
		ok, changed := may(), f.changed
		if ok {
			then()
		}
		f.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}
