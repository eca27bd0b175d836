package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/heliosai/helios-go"
)

// receiver takes the webhooks, counts them and passes them on to the tracker.
// It is down now and then.
type receiver struct {
	verifier *helios.Receiver
	tracker  *helios.Tracker
	orders   []*order
	gauge    *gauge
	seed     uint64
	address  string
	outages  *outages
	stopped  sync.Once
	work     sync.WaitGroup

	mu         sync.Mutex
	server     *http.Server
	runs       map[string]*received
	deliveries int
	duplicates int
	refused    int // by the tracker
	foreign    int // with a number that no run has
}

// received is what has come of one run.
type received struct {
	first  [eventsOfRun + 1]time.Time // by sequence number
	finals int
}

// overtaken counts the updates that came so long after one of a higher number
// that the tracker may have stopped waiting for them.
func (r *received) overtaken() int {
	const (
		window = 500 * time.Millisecond // the tracker's
		margin = 100 * time.Millisecond // between its clock readings and the ones here
	)
	n := 0
	for number, at := range r.first[:eventsOfRun] {
		for _, higher := range r.first[number+1 : eventsOfRun] {
			if at.Sub(higher) > window-margin && !higher.IsZero() {
				n++
				break
			}
		}
	}
	return n
}

func newReceiver(cfg config, secret string, tracker *helios.Tracker, orders []*order, g *gauge) (*receiver, error) {
	verifier, err := helios.NewReceiver(helios.WithWebhookSecret(secret))
	if err != nil {
		return nil, err
	}
	return &receiver{
		verifier: verifier, tracker: tracker, orders: orders, gauge: g, seed: cfg.seed,
		outages: newOutages(max(cfg.runs*9/20, 200)),
		runs:    make(map[string]*received, cfg.runs),
	}, nil
}

func (r *receiver) start(ctx context.Context, fail context.CancelCauseFunc) error {
	l, err := listen(ctx)
	if err != nil {
		return err
	}
	r.address = l.Addr().String()
	r.serve(l, fail)
	r.outages.start(ctx, newRand(r.seed, streamReceiverOutages), fail, r.down, func() error {
		l, err := listenAgain(context.WithoutCancel(ctx), r.address)
		if err == nil {
			r.serve(l, fail)
		}
		return err
	})
	return nil
}

func (r *receiver) url() string { return "http://" + r.address + "/webhook/helios" }

func (r *receiver) serve(l net.Listener, fail context.CancelCauseFunc) {
	server := &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	r.mu.Lock()
	r.server = server
	r.mu.Unlock()
	r.work.Go(func() {
		if err := server.Serve(countingListener{l, r.gauge}); !errors.Is(err, http.ErrServerClosed) {
			fail(err)
		}
	})
}

// down closes the listener and all connections. A delivery under way is
// handled, but its answer is lost.
func (r *receiver) down() {
	r.mu.Lock()
	server := r.server
	r.mu.Unlock()
	_ = server.Close()
}

func (r *receiver) stop() {
	r.stopped.Do(func() {
		r.outages.stop()
		r.down()
		r.work.Wait()
	})
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.outages.tick()
	number, err := strconv.Atoi(req.URL.Query().Get("submission"))
	if err != nil || number < 0 || number >= len(r.orders) {
		http.Error(w, "no such submission", http.StatusNotFound)
		return
	}
	r.verifier.Handler(func(ctx context.Context, e *helios.Event) error {
		r.orders[number].saw(e.RunID)
		err := r.tracker.Handle(ctx, e)
		r.count(e, err)
		return err
	}).ServeHTTP(w, req)
}

func (r *receiver) count(e *helios.Event, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	run := r.runs[e.RunID]
	if run == nil {
		run = new(received)
		r.runs[e.RunID] = run
	}
	r.deliveries++
	if err != nil {
		r.refused++
	}
	if e.Final() {
		run.finals++
	}
	if number := e.SequenceNumber; number < 0 || number > eventsOfRun {
		r.foreign++
	} else if !run.first[number].IsZero() {
		r.duplicates++
	} else {
		run.first[number] = time.Now()
	}
}
