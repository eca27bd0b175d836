package helios

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptrace"
	"sync/atomic"
)

// transmission is the evidence of one request handed to the transport. Its
// hooks run on the transport's goroutines.
//
// Over HTTP/1, net/http sends a request again by itself only where it wrote
// nothing to the first connection. It returns an error only after its writer
// has ended, so WroteRequest has been called by then if the request was
// written. (For a small request it is called even if the last flush then
// fails.)
//
// Over HTTP/2 neither holds: net/http sends again what a server has refused or
// reset, however much was written, and does not wait for the writer when the
// context ends.
type transmission struct {
	hooks httptrace.ClientTrace
	stop  context.CancelFunc
	body  *requestBody // nil without one, and where net/http's hooks say it all

	native bool // the transport is net/http's
	known  bool // it is, and what it speaks is known
	open   bool // may be accepted; guarded by attempt.mu
	status int  // of the answer, 0 without one; guarded by attempt.mu

	traced      atomic.Bool // the transport reports through httptrace
	connected   atomic.Bool // a connection was made
	multiplexed atomic.Bool // the request goes over HTTP/2
	header      atomic.Bool // a header was written
	key         atomic.Bool // with the API key in it
	written     atomic.Bool // the request was written, as far as is known
	failed      atomic.Bool // writing it failed
	stopped     atomic.Bool // the transport was about to write it once more
}

func (t *transmission) trace() *httptrace.ClientTrace {
	t.hooks = httptrace.ClientTrace{
		GetConn:      t.getConn,
		GotConn:      t.gotConn,
		WroteRequest: t.wroteRequest,
	}
	// net/http allocates for each field that it reports, so they are asked for
	// only where they tell something new.
	if !t.known {
		t.hooks.WroteHeaderField = t.wroteHeaderField
	}
	return &t.hooks
}

func (t *transmission) getConn(string) {
	t.traced.Store(true)
	t.nextConnection()
}

func (t *transmission) gotConn(info httptrace.GotConnInfo) {
	t.nextConnection()
	secure, ok := info.Conn.(interface{ ConnectionState() tls.ConnectionState })
	if ok && secure.ConnectionState().NegotiatedProtocol == "h2" {
		t.multiplexed.Store(true)
	}
	t.connected.Store(true)
}

// nextConnection is called when the transport turns to a connection, which can
// be one more than the first.
func (t *transmission) nextConnection() {
	switch {
	case !t.written.Load():
		t.multiplexed.Store(false)
	case t.multiplexed.Load():
		t.stopped.Store(true)
		t.stop() // it would send again what may have arrived
	case t.native:
		t.connected.Store(false)
		t.written.Store(false)
	}
}

// wroteHeaderField finds out HTTP/2, whatever it goes over, and which request
// is ours.
func (t *transmission) wroteHeaderField(name string, _ []string) {
	t.header.Store(true)
	switch name {
	case keyHeader, "x-api-key":
		t.key.Store(true)
	case ":method":
		t.multiplexed.Store(true)
	}
}

func (t *transmission) wroteRequest(info httptrace.WroteRequestInfo) {
	// A transport may make requests of its own under this context, for a token
	// say. Ours has the key.
	ours := t.key.Swap(false)
	if t.header.Swap(false) && !ours {
		return
	}

	if info.Err != nil {
		t.failed.Store(true)
	} else {
		t.written.Store(true)
	}
}

// mayHaveArrived reports whether the server may have got the whole request,
// although the transport returned err. False is a certainty, true is not.
// interrupted says that the context had ended by then.
func (t *transmission) mayHaveArrived(err error, interrupted bool) bool {
	if t.native && (t.known || t.traced.Load()) {
		return t.connected.Load() && (t.written.Load() || t.multiplexed.Load() && interrupted)
	}

	// Another transport, which may wrap net/http's, several of them, or none.
	switch {
	case t.body != nil && !t.body.seal():
		return false // nobody has read it, so nobody has sent it
	case t.written.Load():
		return true
	case t.body == nil && neverConnected(err):
		return false
	case isJoined(err):
		return true // one of several ways may have reported nothing
	default:
		return !t.failed.Load() && (!t.traced.Load() || t.connected.Load())
	}
}

// mayReadAgain reports whether the transport may have the body once more: not
// where it has read it to its end, unless it reports that it has not written
// it.
func (t *transmission) mayReadAgain() bool {
	return !t.body.wasRead() || t.traced.Load() && !t.written.Load()
}

// mayHaveConnected reports whether there may have been a connection, so that
// the text of err can hold what the other side wrote.
func (t *transmission) mayHaveConnected(err error) bool {
	isSilent := !t.traced.Load() && !t.known
	return t.connected.Load() || isSilent && !neverConnected(err)
}

// neverConnected reports whether err itself says that no connection was made,
// in each of its branches if it joins several.
func neverConnected(err error) bool {
	switch e := err.(type) { //nolint:errorlint // each layer is looked at in turn
	case *net.OpError:
		return e.Op == "dial" || e.Op == "proxyconnect" || e.Op == "socks connect"
	case *net.DNSError, *tls.CertificateVerificationError:
		return true
	case interface{ Unwrap() []error }:
		for _, branch := range e.Unwrap() {
			if !neverConnected(branch) {
				return false
			}
		}
		return len(e.Unwrap()) > 0
	case interface{ Unwrap() error }:
		return neverConnected(e.Unwrap())
	}
	return false
}

// isJoined reports whether err joins several errors, as that of a transport
// which tried several ways does.
func isJoined(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if _, ok := err.(interface{ Unwrap() []error }); ok {
			return true
		}
	}
	return false
}
