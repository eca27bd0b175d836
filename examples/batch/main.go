// Batch sends a hundred panels through the account's slots, seven at a time, as fast as the service takes them and no faster.
//
//	go run ./examples/batch
//
// It runs against a fake on this machine that also loses an answer and turns a submission away, to show what to do then:
//
//   - The X-Concurrent headers of every answer say how many slots are left. With those and no more are runs started; then wait until one ends.
//   - A 429 costs nothing. Wait as long as it says, or until a run ends, and send again.
//   - After an unknown outcome the run may exist. Never send again at once: every order has a parameter of its own in its webhook URL, and the first webhook with it
//     proves that the run exists. When none has come after the longest time a run takes, it probably does not, and a person or a rule of yours decides.
//
// A process that dies in the middle forgets what it has sent. Where that matters keep the orders in a database, written before each submission.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

const (
	orders      = 100
	webhookPath = "/webhook/helios"
	longestRun  = 15 * time.Minute // of a deep run, with some reserve
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := demonstrate(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func demonstrate(ctx context.Context) error {
	fake := heliostest.NewServer(heliostest.WithStepInterval(5*time.Millisecond), heliostest.WithRetryAfter(time.Second))
	defer fake.Close()
	for i := range orders {
		switch i {
		case 20:
			fake.Inject(heliostest.DropAnswer())
		case 40:
			fake.Inject(heliostest.Status(http.StatusTooManyRequests))
		default:
			fake.Inject()
		}
	}

	receiver, err := helios.NewReceiver(helios.WithWebhookSecret(fake.WebhookSecret))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	client, err := helios.NewClient(helios.WithAPIKey(fake.APIKey), helios.WithBaseURL(fake.URL), helios.WithMaxRetries(0)) // this program does the waiting
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()

	b := &batch{
		client:  client,
		webhook: "http://" + listener.Addr().String() + webhookPath,
		tracker: helios.NewTracker(),
		ended:   make(chan struct{}, 1),
		runs:    map[string]chan string{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+webhookPath, func(w http.ResponseWriter, r *http.Request) {
		order := r.URL.Query().Get("order")
		receiver.Handler(func(ctx context.Context, e *helios.Event) error {
			b.saw(order, e.RunID)
			return b.tracker.Handle(ctx, e)
		}).ServeHTTP(w, r)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	defer server.Close()

	if err := b.submitAll(ctx); err != nil {
		return err
	}
	paid := len(fake.Runs())
	fmt.Printf("%d orders: %d completed, %d failed; %d runs paid, %d turned away by a 429, %d unknown outcomes resolved\n",
		orders, b.completed, b.failed, paid, b.turnedAway, b.resolved)
	return nil
}

type batch struct {
	client  *helios.Client
	webhook string
	tracker *helios.Tracker
	ended   chan struct{} // a run has ended, so a slot is free

	mu                                      sync.Mutex
	runs                                    map[string]chan string // by order: its run id, once known
	inFlight, slots                         int
	completed, failed, turnedAway, resolved int
}

// submitAll submits one order after the other, which is fast: the answer only says that a run was accepted. It returns when all runs have ended.
func (b *batch) submitAll(ctx context.Context) error {
	var waiting sync.WaitGroup
	defer waiting.Wait()
	for i := range orders {
		for b.full() {
			if err := b.awaitSlot(ctx, longestRun); err != nil {
				return err
			}
		}
		order := fmt.Sprintf("order-%03d", i+1)
		run, err := b.submit(ctx, order)
		if err != nil && !errors.Is(err, helios.ErrOutcomeUnknown) {
			return err
		}
		b.started(run)
		waiting.Go(func() { b.wait(ctx, order, run) })
	}
	return nil
}

// full reports whether all slots are taken that the last answer left to this program.
func (b *batch) full() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.inFlight > 0 && b.inFlight >= b.slots
}

// started counts a run; one with an unknown outcome may hold a slot too. The account's other programs count in Remaining.
func (b *batch) started(run *helios.Run) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inFlight++
	if run != nil {
		b.slots = b.inFlight + run.Concurrency.Remaining
	}
}

// submit sends one order until it is accepted, refused, or its outcome is unknown.
func (b *batch) submit(ctx context.Context, order string) (*helios.Run, error) {
	webhook, err := helios.WebhookURL(b.webhook, struct {
		Order string `url:"order"`
	}{order})
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	b.runs[order] = make(chan string, 1)
	b.mu.Unlock()
	request := &helios.LabResultsRequest{WebhookURL: webhook, LabResults: []helios.LabResult{
		{Name: "Creatinine", Value: "1.8 mg/dL", Flag: helios.FlagHigh, ReferenceRange: "0.7-1.3 mg/dL", Date: "2025-01-15"},
	}}
	for {
		run, err := b.client.LabResults.Submit(ctx, request)
		var limit *helios.ConcurrencyLimitError
		if !errors.As(err, &limit) {
			return run, err
		}
		b.count(&b.turnedAway)
		if err := b.awaitSlot(ctx, limit.RetryAfter); err != nil {
			return nil, err
		}
	}
}

// awaitSlot waits until a run ends, or for at most d.
func (b *batch) awaitSlot(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-b.ended:
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// wait waits for an order's result. Without a run it first waits for the webhook that proves that there is one.
func (b *batch) wait(ctx context.Context, order string, run *helios.Run) {
	defer b.release()
	var id string
	if run != nil {
		id = run.ID
	} else {
		var err error
		if id, err = b.runOf(ctx, order); err != nil {
			fmt.Printf("%s: the answer was lost, and whether it runs is not known yet: %v\n", order, err)
			return
		}
		b.count(&b.resolved)
		fmt.Printf("%s: the answer was lost, a webhook shows that run %s was accepted\n", order, id)
	}
	_, err := b.tracker.Wait(ctx, id, nil)
	var failed *helios.RunError
	switch {
	case errors.As(err, &failed):
		b.count(&b.failed)
		return
	case err != nil:
		fmt.Printf("%s: run %s goes on: %v\n", order, id, err)
		return
	}
	if n := b.count(&b.completed); n%20 == 0 {
		fmt.Printf("%3d of %d completed\n", n, orders)
	}
}

// release gives an order's slot back.
func (b *batch) release() {
	b.mu.Lock()
	b.inFlight--
	b.mu.Unlock()
	select {
	case b.ended <- struct{}{}:
	default: // the submitter has been told already
	}
}

// saw notes which run an order's webhooks are of. The query of a webhook is not signed: use it to find an order, never to trust one.
func (b *batch) saw(order, runID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.runs[order] <- runID:
	default: // known, or no order of ours
	}
}

// runOf waits for the webhook that names the run of an order.
func (b *batch) runOf(ctx context.Context, order string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, longestRun, fmt.Errorf("no webhook in %s", longestRun))
	defer cancel()
	b.mu.Lock()
	known := b.runs[order]
	b.mu.Unlock()
	select {
	case id := <-known:
		return id, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func (b *batch) count(n *int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	*n++
	return *n
}
