package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/heliostest"
)

const (
	nameVariable    = "FLEET_PROCESS" // makes the program a process of this name
	schemaVariable  = "FLEET_SCHEMA"
	archiveVariable = "FLEET_ARCHIVE"
)

// work is process 1 and process 2. It ends when its standard input does: because the program says so, or has died.
func work(ctx context.Context, name string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client, err := helios.NewClient(helios.WithUserAgent(name)) // for the program to count by
	if err != nil {
		return err
	}
	receiver, err := helios.NewReceiver()
	if err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer pool.Close()
	eng, err := durable.OpenPostgres(ctx, pool, client, receiver, durable.WithSchema(os.Getenv(schemaVariable)))
	if err != nil {
		return err
	}
	defer eng.Close()
	eng.HandleFunc(func(ctx context.Context, ev *helios.Event) error {
		if !ev.Final() {
			return nil
		}
		return handIn(ctx, os.Getenv(archiveVariable), name, ev)
	})
	// Each process submits all orders: the same key is the same submission, wherever it comes from.
	for i := range orders {
		if _, err := eng.SubmitLabResults(ctx, key(i+1), order(i+1)); err != nil {
			return err
		}
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: eng.WebhookHandler(), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	defer server.Close()
	fmt.Println("http://" + listener.Addr().String())

	input := bufio.NewReader(os.Stdin)
	if _, err := input.ReadString('\n'); err != nil { // all begin together
		return err
	}
	go func() {
		io.Copy(io.Discard, input)
		cancel()
	}()
	return eng.Run(ctx)
}

// order makes the request of an order, which names it, for the program to count by.
func order(i int) *helios.LabResultsRequest {
	return &helios.LabResultsRequest{LabResults: []helios.LabResult{
		{Name: key(i), Value: "1.8 mg/dL", Flag: helios.FlagHigh, ReferenceRange: "0.7-1.3 mg/dL", Date: "2025-01-15"},
	}}
}

// handIn gives a result to the archive. If the archive does not take it, the handler fails, and is called again.
func handIn(ctx context.Context, archive, name string, ev *helios.Event) error {
	query := url.Values{"process": {name}, "order": {durable.KeyFrom(ctx)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, archive+"?"+query.Encode(), bytes.NewReader(ev.Raw))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("the archive answers %s", resp.Status)
	}
	return nil
}

// fleet is the processes, and what survives them: the service, a load balancer for its webhooks, and the archive.
type fleet struct {
	fake      *heliostest.Server
	front     *httptest.Server
	eng       *durable.PostgresEngine // only looks
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

// process is a child.
type process struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	url    string
	stderr bytes.Buffer // to be read when it has ended, as is err
	err    error
	ended  chan struct{}
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

// start starts a process, which has stored all orders when start returns.
func (f *fleet) start(ctx context.Context, name string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p := &process{name: name, cmd: exec.CommandContext(ctx, self), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), nameVariable+"="+name, "DATABASE_URL="+f.database, schemaVariable+"="+f.schema, archiveVariable+"="+f.front.URL+"/archive",
		helios.EnvAPIKey+"="+f.fake.APIKey, helios.EnvBaseURL+"="+f.fake.URL,
		helios.EnvWebhookSecret+"="+f.fake.WebhookSecret, helios.EnvWebhookURL+"="+f.front.URL+"/webhook/helios")
	p.cmd.Stderr = &p.stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	f.processes = append(f.processes, p)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	if err != nil {
		<-p.ended
		return fmt.Errorf("%s did not start: %w: %s", name, p.err, &p.stderr)
	}
	p.url = line[:len(line)-1]
	f.change(func() { f.living = append(f.living, p) })
	return nil
}

// begin lets all processes work.
func (f *fleet) begin() error {
	for _, p := range f.processes {
		if _, err := io.WriteString(p.stdin, "begin\n"); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// kill kills a process, and returns when its connections to the archive have been noticed to be gone.
func (f *fleet) kill(ctx context.Context, p *process) error {
	f.leave(p)
	if err := p.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	<-p.ended
	return f.until(ctx, func() (bool, error) { return len(f.handling(p)) == 0, nil })
}

// stop lets a process end as it should.
func (f *fleet) stop(ctx context.Context, p *process) error {
	f.leave(p)
	if err := p.stdin.Close(); err != nil {
		return err
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	if p.err != nil {
		return fmt.Errorf("%s: %w: %s", p.name, p.err, &p.stderr)
	}
	return nil
}

func (f *fleet) leave(p *process) {
	f.change(func() { f.living = slices.DeleteFunc(f.living, func(other *process) bool { return other == p }) })
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
