package helios

import (
	"context"
	"net/http"
	"slices"
	"sync"
)

// attempt is one try to get a request accepted. It hands one request to the
// transport, unless there is middleware that sends again, or that asks other
// services first.
type attempt struct {
	method     string
	key        string
	repeatable bool // may be sent again whatever became of it
	cancel     context.CancelFunc

	mu    sync.Mutex
	first transmission    // most attempts need no other
	ours  []*transmission // of the request itself
	other []*transmission // of middleware's own requests
}

// begin records that a request is about to be sent. It reports false for a
// request that must not be: an earlier one may have been accepted.
func (a *attempt) begin(w *watcher, ours bool) (*transmission, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()

	if ours && !a.repeatable && anyOpen(a.ours) {
		return nil, false
	}

	t := &a.first
	if len(a.ours)+len(a.other) > 0 {
		t = new(transmission)
	}
	t.native, t.known, t.stop, t.open = w.native, w.known, a.cancel, true
	if ours {
		a.ours = append(a.ours, t)
	} else {
		a.other = append(a.other, t)
	}
	return t, true
}

// end records what became of a transmission.
func (a *attempt) end(ctx context.Context, t *transmission, resp *http.Response, err error) {
	var open bool
	if err != nil || resp == nil { // a broken transport gives neither
		open = t.mayHaveArrived(err, ctx.Err() != nil)
	} else {
		open = mayBeAccepted(resp.StatusCode)
	}

	a.mu.Lock()
	defer a.mu.Unlock()
	t.open = open
	if resp != nil {
		t.status = resp.StatusCode
	}
}

// inDoubt reports whether the request may have been accepted: one that was
// handed to the transport is under way, was answered so, or may have arrived
// without an answer. Middleware can hide the request among its own by changing
// its address, so without one that is ours all count.
func (a *attempt) inDoubt() bool {
	a.mu.Lock()
	defer a.mu.Unlock()

	if len(a.ours) > 0 {
		return anyOpen(a.ours)
	}
	return anyOpen(a.other)
}

// wasRefused reports whether the request was answered, but for a 429.
// Middleware can make an error of such an answer, by following a redirect say.
func (a *attempt) wasRefused() bool {
	a.mu.Lock()
	defer a.mu.Unlock()

	for _, t := range a.ours {
		if t.status != 0 && t.status != http.StatusTooManyRequests {
			return true
		}
	}
	return false
}

// last returns the latest transmission, or nil where nothing was handed to the
// transport.
func (a *attempt) last() *transmission {
	a.mu.Lock()
	defer a.mu.Unlock()

	switch {
	case len(a.ours) > 0:
		return a.ours[len(a.ours)-1]
	case len(a.other) > 0:
		return a.other[len(a.other)-1]
	}
	return nil
}

func anyOpen(transmissions []*transmission) bool {
	return slices.ContainsFunc(transmissions, func(t *transmission) bool { return t.open })
}

// mayBeAccepted reports whether an answer with this status leaves it open
// whether a submission was accepted, or says that it was. 303 does: it names
// the place of what the request has made.
func mayBeAccepted(status int) bool {
	return status < 300 || status == http.StatusSeeOther || status >= 500
}
