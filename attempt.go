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
	plain       bool // and speaks HTTP/1 on a connection without TLS
	sent        bool // given to the transport
	interrupted bool // the context or the attempt's timeout ended before the transport returned

	traced      atomic.Bool // the transport reports through httptrace
	connected   atomic.Bool // a connection was made
	multiplexed atomic.Bool // which may be HTTP/2
	written     atomic.Bool // the request was written to it, as far as the transport knows
	failed      atomic.Bool // writing failed
}

func (a *attempt) trace() *httptrace.ClientTrace {
	a.hooks = httptrace.ClientTrace{
		GetConn: func(string) {
			a.traced.Store(true)
			a.another()
		},
		GotConn: func(info httptrace.GotConnInfo) {
			a.another()
			secure, ok := info.Conn.(*tls.Conn)
			http1 := a.plain || ok && secure.ConnectionState().NegotiatedProtocol != "h2"
			a.multiplexed.Store(!http1)
			a.connected.Store(true)
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err != nil {
				a.failed.Store(true)
			} else {
				a.written.Store(true)
			}
		},
	}
	return &a.hooks
}

// another is called when the transport turns to another connection by itself.
func (a *attempt) another() {
	switch {
	case !a.written.Load():
	case a.multiplexed.Load():
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
