package helios

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptrace"
	"sync/atomic"
)

// attempt is what is known of the way of one request to the server. The hooks run on the transport's goroutines.
//
// Over HTTP/1, net/http sends a request again by itself only where it wrote nothing to the first connection, and it returns an error only after its writer
// has ended, so that WroteRequest has been called if the request was written. (For a small request it is called even if the last flush then fails.) Over
// HTTP/2 neither holds: net/http sends again what a server has refused or reset, however much was written, and does not wait for the writer when the context ends.
type attempt struct {
	hooks  httptrace.ClientTrace
	cancel context.CancelFunc

	native      bool // the transport is net/http's
	own         bool // and is this package's, so that nobody has put other protocols into it
	sent        bool // given to the transport
	interrupted bool // the context or the attempt's timeout ended before the transport returned

	traced      atomic.Bool // the transport reports through httptrace
	connected   atomic.Bool // a connection was made
	multiplexed atomic.Bool // the request goes over HTTP/2
	header      atomic.Bool // a header was written
	key         atomic.Bool // with our key in it
	written     atomic.Bool // the request was written, as far as the transport knows
	failed      atomic.Bool // writing it failed
	stopped     atomic.Bool // the transport was about to write it once more
}

func (a *attempt) trace() *httptrace.ClientTrace {
	a.hooks = httptrace.ClientTrace{
		GetConn: func(string) {
			a.traced.Store(true)
			a.another()
		},
		GotConn: func(info httptrace.GotConnInfo) {
			a.another()
			if secure, ok := info.Conn.(*tls.Conn); ok && secure.ConnectionState().NegotiatedProtocol == "h2" {
				a.multiplexed.Store(true)
			}
			a.connected.Store(true)
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			// A transport may make requests of its own under this context, for a token say. Ours has the key.
			ours := a.key.Swap(false)
			switch {
			case a.header.Swap(false) && !ours:
			case info.Err != nil:
				a.failed.Store(true)
			default:
				a.written.Store(true)
			}
		},
	}
	if !a.own { // whose connections tell all; net/http allocates for each field that it reports
		a.hooks.WroteHeaderField = a.wroteHeaderField
	}
	return &a.hooks
}

// wroteHeaderField tells HTTP/2, whatever it goes over, and which request is ours.
func (a *attempt) wroteHeaderField(name string, _ []string) {
	a.header.Store(true)
	switch name {
	case keyHeader, "x-api-key":
		a.key.Store(true)
	case ":method":
		a.multiplexed.Store(true)
	}
}

// another is called when the transport turns to a connection, which can be one more than the first.
func (a *attempt) another() {
	switch {
	case !a.written.Load():
		a.multiplexed.Store(false)
	case a.multiplexed.Load():
		a.stopped.Store(true)
		a.cancel() // it would send again what may have arrived
	case a.native:
		a.connected.Store(false)
		a.written.Store(false)
	}
}

// mayHaveArrived reports whether the server may have got the whole request. False is a certainty, true is not.
func (a *attempt) mayHaveArrived(err error) bool {
	switch {
	case !a.sent:
		return false
	case a.native && a.connected.Load():
		return a.written.Load() || a.multiplexed.Load() && a.interrupted
	case a.native && (a.own || a.traced.Load()):
		return false
	default: // a transport around net/http, or another: that it reports nothing proves nothing
		return a.written.Load() || !a.failed.Load() && !neverConnected(err)
	}
}

// neverConnected reports whether err says so itself.
func neverConnected(err error) bool {
	var network *net.OpError
	var untrusted *tls.CertificateVerificationError
	return errors.As(err, &network) && network.Op == "dial" || errors.As(err, &untrusted)
}
