package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/heliosai/helios-go"
)

const (
	timeout      = 10 * time.Second // of one attempt
	maxRetryWait = 5 * time.Millisecond
	longestRun   = 30 * time.Second // nothing is ever that slow here: a result that has not come by then is lost

	// A body of this size does not fit into the buffers between a client that
	// keeps its own small and a proxy that reads nothing. Only then does a
	// connection break before the client has written all of its request.
	hugeBody    = 512 << 10
	smallBuffer = 16 << 10
)

// callers submit the orders and wait for their results.
type callers struct {
	cfg     config
	usual   clients
	huge    clients         // for huge requests
	narrow  *http.Transport // of these
	webhook string
	tracker *helios.Tracker
	orders  []*order

	settled chan struct{}  // no run is under way any more, and every webhook has come
	parked  sync.WaitGroup // orders with an unknown outcome, and late ones
}

// clients differ in who sends again what was certainly not accepted.
type clients struct{ patient, plain *helios.Client }

func newClients(options ...helios.ClientOption) (c clients, err error) {
	if c.patient, err = helios.NewClient(options...); err != nil {
		return c, err
	}
	c.plain, err = helios.NewClient(append(options, helios.WithMaxRetries(0))...) // leaves it to its caller
	return c, err
}

// narrowTransport keeps little of a request in the socket.
func narrowTransport() *http.Transport {
	var dialer net.Dialer
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return c, c.(*net.TCPConn).SetWriteBuffer(smallBuffer)
	}
	return &http.Transport{MaxIdleConnsPerHost: 32, DialContext: dial}
}

func newCallers(cfg config, key, address, webhook string, tracker *helios.Tracker, orders []*order) (*callers, error) {
	c := &callers{
		cfg:     cfg,
		narrow:  narrowTransport(),
		webhook: webhook,
		tracker: tracker,
		orders:  orders,
		settled: make(chan struct{}),
	}
	options := []helios.ClientOption{
		helios.WithAPIKey(key), helios.WithBaseURL("http://" + address),
		helios.WithTimeout(timeout), helios.WithMaxRetryWait(maxRetryWait),
	}
	var transport http.RoundTripper = c.narrow
	if cfg.transport != nil {
		transport = cfg.transport(c.narrow)
	}
	var err error
	narrow := helios.WithHTTPClient(&http.Client{Transport: transport})
	if c.huge, err = newClients(append(options, narrow)...); err != nil {
		return nil, err
	}
	if cfg.transport != nil {
		c.usual = c.huge
		return c, nil
	}
	c.usual, err = newClients(options...)
	return c, err
}

func (c *callers) closeConnections() {
	c.usual.patient.CloseIdleConnections()
	c.usual.plain.CloseIdleConnections()
	c.narrow.CloseIdleConnections()
}

// submitAll returns when every order has an outcome or is parked.
func (c *callers) submitAll(ctx context.Context) {
	var next atomic.Int64
	var working sync.WaitGroup
	for range c.cfg.callers {
		working.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(c.orders) {
					return
				}
				o := c.orders[i]
				switch c.submit(ctx, o); {
				case o.unusual != nil:
				case o.unknown: // its caller has better to do than to wait for all the others
					c.parked.Go(func() { c.resolve(ctx, o) })
				case o.late:
					c.parked.Go(func() { c.awaitLate(ctx, o) })
				default:
					c.await(ctx, o)
				}
			}
		})
	}
	working.Wait()
}

// settle tells those that are parked that no webhook will come any more.
func (c *callers) settle() {
	close(c.settled)
	c.parked.Wait()
}

// submit sends an order until it is accepted or its outcome is unknown. What
// was certainly not accepted costs nothing, so it is sent again.
func (c *callers) submit(ctx context.Context, o *order) {
	rng := newRand(c.cfg.seed, uint64(o.number))
	// The first orders meet the first 429s, which surface without retries.
	from, plain, huge := c.usual, o.number < 32 || rng.IntN(4) == 0, o.number%100 == 0
	if huge {
		from, plain = c.huge, o.number%200 == 0
	}
	client := from.patient
	if plain {
		client = from.plain
	}
	for {
		o.tries++
		req, err := o.request(c.webhook, huge)
		if err != nil {
			o.unusual = err
			return
		}
		run, err := client.LabResults.Submit(ctx, req)
		var api *helios.APIError
		var network *net.OpError
		switch {
		case err == nil:
			o.runID = run.ID
			return
		case errors.Is(err, helios.ErrOutcomeUnknown):
			o.unknown = true
			return
		case errors.Is(err, helios.ErrConcurrencyLimit):
			o.busy = append(o.busy, o.tries)
		case ctx.Err() != nil, errors.As(err, &api): // no other answer is ever given to a request that came through
			o.unusual = err
			return
		case errors.As(err, &network) && network.Op == "dial":
			o.refused = append(o.refused, o.tries)
		default:
			o.cut = append(o.cut, o.tries)
		}
		pause(ctx, milliseconds(rng, 1, 10))
	}
}

// resolve finds out what became of an order with an unknown outcome: a webhook
// proves that it was accepted. That none has come proves the contrary only when
// none can come any more.
func (c *callers) resolve(ctx context.Context, o *order) {
	select {
	case o.runID = <-o.first:
	case <-c.settled:
		select {
		case o.runID = <-o.first:
		default:
			return
		}
	case <-ctx.Done():
		o.unusual = ctx.Err()
		return
	}
	c.await(ctx, o)
}

// awaitLate finds in the tracker what came while nobody waited.
func (c *callers) awaitLate(ctx context.Context, o *order) {
	select {
	case <-c.settled:
		c.await(ctx, o)
	case <-ctx.Done():
		o.unusual = ctx.Err()
	}
}

// await takes the result of an order whose run is known, and checks what Wait
// hands out.
func (c *callers) await(ctx context.Context, o *order) {
	ctx, cancel := context.WithTimeout(ctx, longestRun)
	defer cancel()
	last := int64(0)
	inOrder := func(e *helios.Event) {
		if e.SequenceNumber <= last {
			o.misordered++
		}
		last = e.SequenceNumber
		if e.RunID != o.runID {
			o.foreign = true
		}
	}
	final, err := c.tracker.Wait(ctx, o.runID, func(e *helios.Event) {
		o.updates++
		inOrder(e)
	})
	if err != nil {
		o.unusual = err
		return
	}
	inOrder(final)
	result, err := final.Result()
	if err != nil {
		o.unusual = err
		return
	}
	o.completed = true
	if len(result.LabResults) != 1 || result.LabResults[0].Name != o.lab() {
		o.foreign = true
	}
}
