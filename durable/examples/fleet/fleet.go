package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/heliostest"
)

// fleet is the processes, and what survives them: the service, a load balancer
// for its webhooks, and the archive.
type fleet struct {
	fake      *heliostest.Server
	front     *httptest.Server
	eng       *durable.PostgresEngine // looks, and serves the dashboard
	database  string
	schema    string
	processes []*process
	most      atomic.Int64 // runs in flight
	stopCount context.CancelFunc
	counting  sync.WaitGroup

	mu           sync.Mutex
	changed      chan struct{} // closed when one of the next three changes
	webhooksOpen bool          // the load balancer passes them on, else they wait
	archiveOpen  bool          // the archive takes results, else they wait
	living       []*process
	delivering   int
	hands        map[[2]string]bool // process and order: handlers that are at the archive
	archive      map[string]bool    // orders
}

func newFleet(ctx context.Context, pool *pgxpool.Pool, database, schema string) (*fleet, error) {
	f := &fleet{
		fake:     heliostest.NewServer(heliostest.WithStepInterval(50*time.Millisecond), heliostest.WithLimit(slots)),
		database: database, schema: schema, changed: make(chan struct{}), webhooksOpen: true, archiveOpen: true,
		hands: map[[2]string]bool{}, archive: map[string]bool{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /webhook/helios", f.balance)
	mux.HandleFunc("POST /archive", f.take)
	f.front = httptest.NewServer(mux)
	counting, stop := context.WithCancel(ctx)
	f.stopCount = stop
	f.counting.Go(func() { f.countRuns(counting) })

	client, err := helios.NewClient(helios.WithAPIKey(f.fake.APIKey), helios.WithBaseURL(f.fake.URL))
	if err != nil {
		f.close()
		return nil, err
	}
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret(f.fake.WebhookSecret))
	if err != nil {
		f.close()
		return nil, err
	}
	if f.eng, err = durable.OpenPostgres(ctx, pool, client, receiver, durable.WithSchema(schema)); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func (f *fleet) close() {
	for _, p := range f.processes {
		_ = p.cmd.Process.Kill() // if it has not ended
		<-p.ended
	}
	f.stopCount()
	f.counting.Wait()
	f.fake.Close() // before the load balancer, where its deliveries wait
	f.front.Close()
}

// until waits until done, as long as all processes live that should.
func (f *fleet) until(ctx context.Context, done func() (bool, error)) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		for _, p := range f.alive() {
			select {
			case <-p.ended:
				return fmt.Errorf("%s has ended: %w: %s", p.name, p.err, &p.stderr)
			default:
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *fleet) change(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	close(f.changed)
	f.changed = make(chan struct{})
}

// enter waits until it may, and then does what is to be done at the same
// moment. It reports false if ctx ends before.
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

func (f *fleet) alive() []*process {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.living)
}

// passing is how many webhooks are being passed on.
func (f *fleet) passing() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.delivering
}

// inHand is how many results are being handled.
func (f *fleet) inHand() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.hands)
}

// handling returns the orders whose results a process is handling.
func (f *fleet) handling(p *process) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var orders []string
	for hand := range f.hands {
		if hand[0] == p.name {
			orders = append(orders, hand[1])
		}
	}
	slices.Sort(orders)
	return orders
}

func (f *fleet) archived() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.archive)
}

func (f *fleet) handled(order string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.archive[order]
}
