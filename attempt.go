package helios

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptrace"
	"sync/atomic"
)

// attempt is what is known of the way of one request to the server. The hooks run on the transport's goroutines.
type attempt struct {
	hooks       httptrace.ClientTrace
	reporting   bool
	sent        bool // given to the transport
	interrupted bool // the context or the attempt's timeout ended before the transport returned

	traced      atomic.Bool // the transport reports through httptrace
	connected   atomic.Bool // a connection was made
	multiplexed atomic.Bool // it may be HTTP/2
	written     atomic.Bool // the request was written, as far as its transport knows
}

func (a *attempt) trace() *httptrace.ClientTrace {
	a.hooks = httptrace.ClientTrace{
		GetConn: func(string) {
			a.traced.Store(true)
			if a.reporting { // net/http takes another connection by itself only if it wrote nothing to the first
				a.connected.Store(false)
				a.written.Store(false)
			}
		},
		GotConn: func(info httptrace.GotConnInfo) {
			secure, ok := info.Conn.(*tls.Conn)
			a.multiplexed.Store(!a.reporting || ok && secure.ConnectionState().NegotiatedProtocol == "h2")
			a.connected.Store(true)
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				a.written.Store(true)
			}
		},
	}
	return &a.hooks
}

// mayHaveArrived reports whether the server may have got the whole request. False is a certainty, true is not.
//
// Over HTTP/1 net/http returns an error only after its writer has ended, so that WroteRequest has been called if the request was written; for a small
// request it is called even if the last flush then fails. Over HTTP/2 it does not wait for the writer when the context ends.
func (a *attempt) mayHaveArrived(err error) bool {
	switch {
	case !a.sent:
		return false
	case a.connected.Load():
		return a.written.Load() || a.multiplexed.Load() && a.interrupted
	case a.traced.Load(), a.reporting:
		return false
	default: // a transport that does not report: only a failed dial is certain
		var network *net.OpError
		return !errors.As(err, &network) || network.Op != "dial"
	}
}
