// Onefile shows that a crash neither pays twice nor loses a result. Ten orders are submitted through package durable, which keeps them in one SQLite file, and
// the process that does so is killed in the middle. No server, no network, no key, no cost:
//
//	go run ./durable/examples/onefile
//
// The program starts itself as process 1, and kills it with SIGKILL when one answer was lost, one order is being sent, two wait for a slot, and one result is acknowledged and
// not handled yet. Then it starts itself as process 2, which has nothing but the file, and goes on. What both do is work, in process.go; it is what a customer would write.
//
// The program itself is the world around them: a fake Helios, and a proxy for its webhooks that lets them wait while no process is there. The last line is counted at the fake,
// which knows what was accepted and so paid, and in the file. The exit code is 1 if a number is not what it should be.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/heliostest"
)

const orders = 10

// record is the last order: a patient's record, where the others are lab results. The agent has slots of its own, so it ends while all others still run.
var record = key(orders)

func key(i int) string { return fmt.Sprintf("order-%02d", i) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if file := os.Getenv(fileVariable); file != "" {
		err = work(ctx, file)
	} else {
		err = run(ctx, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "helios-onefile-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	w := newWorld(filepath.Join(dir, "helios.db"))
	defer w.close()

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

// tell makes the story happen.
func (w *world) tell(ctx context.Context, out io.Writer) error {
	w.fake.Inject(heliostest.DropAnswer())     // the first order to arrive is accepted, and its answer is lost
	w.fake.Inject(heliostest.Delay(time.Hour)) // the second waits for its answer until its process dies, and is accepted then
	w.proxy.admit(func(d delivery) bool { return d.order == record && !d.final })

	first, err := w.start(ctx, "process 1", busyVariable+"=yes")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Process 1 (pid %d) stores %d orders in one SQLite file and submits them; Helios runs 7 of a kind at once.\n", first.cmd.Process.Pid, orders)
	const whenKilled = "2 queued, 1 submitting, 6 accepted, 1 unknown"
	if err := w.await(ctx, first, func() bool { return describe(first.states) == whenKilled }); err != nil {
		return err
	}
	unanswered, cut := first.in(durable.Unknown), first.in(durable.Submitting)
	fmt.Fprintf(out, "  %s: its answer was lost. Unknown whether it was accepted, so it is not sent again.\n", unanswered)

	w.proxy.admit(func(d delivery) bool { return (d.order == record || d.order == unanswered) && !d.final })
	if err := w.await(ctx, first, func() bool { return first.states[unanswered] == durable.Accepted }); err != nil {
		return err
	}
	fmt.Fprintf(out, "  %s: accepted. Its first webhook carries its reference, and proves it.\n", unanswered)
	fmt.Fprintf(out, "  %s: is being sent, and has no answer yet.\n", cut)

	w.proxy.killOnFinal(first)
	w.proxy.admit(func(d delivery) bool { return d.order == record })
	if err := w.awaitDeath(ctx, first); err != nil {
		return err
	}
	if w.handled[record] {
		return errors.New("process 1 has handled the result before it was killed")
	}
	fmt.Fprintf(out, "  %s: its result has come, and is acknowledged with 200. The handler is busy, and has not seen it.\n", record)
	fmt.Fprintln(out, "Process 1 is killed with SIGKILL.")

	w.proxy.admit(func(delivery) bool { return true })
	second, err := w.start(ctx, "process 2")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Process 2 (pid %d) opens the file and finds: %s. It submits all %d again, under the same keys.\n",
		second.cmd.Process.Pid, describe(second.found), orders)
	if err := w.await(ctx, second, func() bool { return w.handled[record] }); err != nil {
		return err
	}
	fmt.Fprintf(out, "  %s: the result that process 1 had acknowledged is handled.\n", record)
	if err := w.await(ctx, second, func() bool { return second.states[cut] != durable.Submitting }); err != nil {
		return err
	}
	fmt.Fprintf(out, "  %s: was accepted after all, as its first webhook proves.\n", cut)
	if err := w.await(ctx, second, func() bool { return len(w.handled) == orders && len(second.states.keys(durable.Completed)) == orders }); err != nil {
		return err
	}
	fmt.Fprintln(out, "  All results are handled.")
	return second.stop()
}

// world is what survives the processes: the service, the proxy for its webhooks, the file, and what they told of results that they handled.
type world struct {
	fake    *heliostest.Server
	proxy   *proxy
	front   *httptest.Server
	file    string
	handled map[string]bool
	started []*process
}

func newWorld(file string) *world {
	w := &world{
		fake:    heliostest.NewServer(heliostest.WithStepInterval(15 * time.Millisecond)),
		proxy:   &proxy{changed: make(chan struct{})},
		file:    file,
		handled: map[string]bool{},
	}
	w.front = httptest.NewServer(w.proxy)
	return w
}

func (w *world) close() {
	for _, p := range w.started {
		_ = p.cmd.Process.Kill() // if it has not ended
		for range p.messages {
		}
	}
	w.fake.Close() // before the proxy, where its deliveries wait
	w.front.Close()
}

// states are those of the orders.
type states map[string]durable.State

// describe counts them: "2 queued, 1 submitting".
func describe(s states) string {
	var parts []string
	for _, state := range []durable.State{durable.Queued, durable.Submitting, durable.Accepted, durable.Unknown, durable.Completed, durable.Failed} {
		if n := len(s.keys(state)); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return strings.Join(parts, ", ")
}

func (s states) keys(state durable.State) []string {
	var keys []string
	for key, is := range s {
		if is == state {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// tally is what the program promises something about.
type tally struct{ orders, accepted, twice, kept, lost int }

func (t tally) String() string {
	return fmt.Sprintf("%d orders, %d runs accepted by the server, %d paid twice, %d results kept, %d lost", t.orders, t.accepted, t.twice, t.kept, t.lost)
}

func (t tally) asPromised() bool {
	return t == tally{orders: t.orders, accepted: t.orders, kept: t.orders}
}

// count asks the server what it has accepted and delivered, and the file what it has. A result is lost that was acknowledged and is not in the file, or was not handled.
func (w *world) count(ctx context.Context) (tally, error) {
	t := tally{orders: orders}
	if err := w.fake.Wait(ctx); err != nil {
		return t, err
	}
	runs, acknowledged := map[string]string{}, map[string]bool{}
	for _, r := range w.fake.Runs() {
		order := orderOf(r.WebhookURL)
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

	client, err := helios.NewClient(helios.WithAPIKey(w.fake.APIKey), helios.WithBaseURL(w.fake.URL))
	if err != nil {
		return t, err
	}
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret(w.fake.WebhookSecret))
	if err != nil {
		return t, err
	}
	eng, err := durable.OpenSQLite(ctx, w.file, client, receiver)
	if err != nil {
		return t, err
	}
	defer eng.Close()
	for i := range orders {
		order := key(i + 1)
		s, err := eng.Status(ctx, order)
		if err != nil {
			return t, err
		}
		_, err = s.Result()
		kept := err == nil && s.RunID == runs[order]
		if kept {
			t.kept++
		}
		if acknowledged[order] && (!kept || !w.handled[order]) {
			t.lost++
		}
	}
	return t, nil
}

// orderOf reads the order from a run's webhook URL.
func orderOf(webhookURL string) string {
	u, err := url.Parse(webhookURL)
	if err != nil {
		return ""
	}
	return u.Query().Get("order")
}

// proxy stands before the processes, and lets deliveries wait until they are admitted and a process is there, as a load balancer can: the service may not come again, and what
// reaches nobody nobody can keep.
type proxy struct {
	mu       sync.Mutex
	changed  chan struct{} // closed at each change
	url      string        // of the process, "" if there is none
	admitted func(delivery) bool
	victim   *process // is killed when it has acknowledged a result
}

// delivery is what the proxy sees of a webhook.
type delivery struct {
	order string
	final bool
}

func (p *proxy) change(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *proxy) admit(admitted func(delivery) bool) { p.change(func() { p.admitted = admitted }) }
func (p *proxy) passTo(url string)                  { p.change(func() { p.url = url }) }
func (p *proxy) killOnFinal(victim *process)        { p.change(func() { p.victim = victim }) }

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var event struct{ Status string }
	_ = json.Unmarshal(body, &event)
	d := delivery{order: r.URL.Query().Get("order"), final: event.Status == helios.StatusCompleted}
	for {
		url, ok := p.await(r.Context(), d)
		if !ok {
			return
		}
		status, err := forward(r, url, body)
		if err != nil { // it has just died
			p.leave(url)
			continue
		}
		if d.final && status == http.StatusOK {
			p.kill(url)
		}
		w.WriteHeader(status)
		return
	}
}

// await waits until d is admitted and a process is there. It reports false if the service has given up.
func (p *proxy) await(ctx context.Context, d delivery) (string, bool) {
	for {
		p.mu.Lock()
		url, changed, pass := p.url, p.changed, p.url != "" && p.admitted(d)
		p.mu.Unlock()
		if pass {
			return url, true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", false
		}
	}
}

func (p *proxy) leave(url string) {
	p.change(func() {
		if p.url == url {
			p.url = ""
		}
	})
}

// kill kills the victim, if there is one and it has not been killed.
func (p *proxy) kill(url string) {
	p.mu.Lock()
	victim := p.victim
	p.victim = nil
	p.mu.Unlock()
	if victim != nil {
		_ = victim.cmd.Process.Kill()
		p.leave(url)
	}
}

func forward(r *http.Request, url string, body []byte) (int, error) {
	req, err := http.NewRequestWithContext(r.Context(), r.Method, url+r.URL.RequestURI(), bytes.NewReader(body))
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
