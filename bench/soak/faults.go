package main

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/heliosai/helios-go/heliostest"
)

// Each use of chance has a stream of its own, so that one more draw here does
// not change what happens there.
const (
	streamServer = 1<<32 + iota // below are the numbers of the submissions
	streamProxy
	streamProxyOutages
	streamReceiverOutages
)

func newRand(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }

// armServer injects what goes wrong at the server and with its webhooks. Each
// kind is among the first submissions, so that none is missing from a short
// soak.
func armServer(srv *heliostest.Server, cfg config) {
	duplicate, reorder := heliostest.DuplicateWebhooks(), heliostest.ReorderWebhooks()
	busy := heliostest.Status(http.StatusTooManyRequests)
	srv.Inject(duplicate)
	srv.Inject(reorder)
	srv.Inject(duplicate, reorder)
	for _, code := range []int{500, 502, 503, 504} {
		srv.Inject(busy)
		srv.Inject(heliostest.Status(code))
	}
	rng := newRand(cfg.seed, streamServer)
	for range 2 * cfg.runs { // more than will come, retries included
		var list []heliostest.Fault
		switch p := rng.IntN(100); {
		case p < 3:
			list = append(list, busy)
		case p < 6:
			list = append(list, heliostest.Status(500+[]int{0, 2, 3, 4}[rng.IntN(4)]))
		default:
			if rng.IntN(100) < 5 {
				list = append(list, duplicate)
			}
			if rng.IntN(100) < 5 {
				list = append(list, reorder)
			}
		}
		srv.Inject(list...)
	}
}

// breakage is where the proxy breaks a connection.
type breakage int

const (
	none          breakage = iota
	beforeRequest          // nothing of the request is forwarded
	withinRequest          // a part of it is
	beforeAnswer           // all of it is, and the answer is lost
	withinAnswer           // a part of the answer comes through
	breakages
)

// fault is what happens to one request on its way through the proxy.
type fault struct {
	at     breakage
	reset  bool          // with a reset rather than a close
	part   float64       // how much still passes of what breaks off, above 0 and below 1
	delays time.Duration // before the request, and again before the answer
}

// plan deals out the proxy's faults.
type plan struct {
	mu   sync.Mutex
	rng  *rand.Rand
	seen int
	huge int
}

// next returns what happens to a request with a body of this length.
func (p *plan) next(length int64) fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := fault{reset: p.rng.IntN(2) == 0, part: 0.05 + 0.9*p.rng.Float64()}
	if p.rng.IntN(100) < 5 {
		f.delays = milliseconds(p.rng, 1, 8)
	}
	chance := p.rng.IntN(100)
	switch {
	case length >= hugeBody:
		p.huge++
		if p.huge <= 4 || chance < 40 { // what else is long enough to break off while the client is still writing?
			f.at = beforeRequest + breakage((p.huge-1)%2)
		}
		return f
	case p.seen < 2*int(breakages): // each kind once with a close and once with a reset
		f.at, f.reset = breakage(p.seen/2), p.seen%2 == 1
	case chance < 8: // two per cent each
		f.at = beforeRequest + breakage(chance/2)
	}
	p.seen++
	return f
}
