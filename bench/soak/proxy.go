package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
)

// proxy stands between the client and the server, forwards bytes as they come,
// and breaks connections as its plan says. Each client connection has one of
// its own to the server, so that nothing of one request can end in another.
type proxy struct {
	target string
	plan   plan
	open   *connections
	seed   uint64
	broken [breakages][2]atomic.Int64
	late   atomic.Int64

	outages *outages
	fail    context.CancelCauseFunc
	stopped sync.Once
	work    sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener
	clients  map[*conn]struct{}
	closed   bool
}

func newProxy(cfg config, target string, open *connections) *proxy {
	return &proxy{
		target:  strings.TrimPrefix(target, "http://"),
		plan:    plan{rng: newRand(cfg.seed, streamProxy)},
		open:    open,
		seed:    cfg.seed,
		outages: newOutages(min(max(cfg.runs/20, 150), cfg.runs/2)),
		clients: map[*conn]struct{}{},
	}
}

func (p *proxy) start(ctx context.Context, fail context.CancelCauseFunc) error {
	p.fail = fail
	l, err := listen(ctx)
	if err != nil {
		return err
	}
	p.serve(ctx, l)
	p.outages.start(ctx, newRand(p.seed, streamProxyOutages), fail, p.down, func() error {
		l, err := listenAgain(context.WithoutCancel(ctx), p.address())
		if err == nil {
			p.serve(ctx, l)
		}
		return err
	})
	return nil
}

func (p *proxy) address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.listener.Addr().String()
}

// stop returns when every request that was forwarded whole has been answered by
// the server.
func (p *proxy) stop() {
	p.stopped.Do(func() {
		p.outages.stop()
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.down()
		p.work.Wait()
	})
}

// down closes the listener and all client connections, whatever they are at.
// The server still gets to answer what it has.
func (p *proxy) down() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.listener.Close()
	for c := range p.clients {
		_ = c.Close()
	}
}

func (p *proxy) serve(ctx context.Context, l net.Listener) {
	p.mu.Lock()
	p.listener = l
	p.mu.Unlock()
	p.work.Go(func() {
		for {
			accepted, err := l.Accept()
			if err != nil {
				if !errors.Is(err, net.ErrClosed) {
					p.fail(err)
				}
				return
			}
			c := p.open.client.add(accepted)
			if p.keep(c) {
				p.work.Go(func() { p.forward(ctx, c) })
			}
		}
	})
}

func (p *proxy) keep(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
		return false
	}
	p.clients[c] = struct{}{}
	return true
}

// link is a client connection with its own to the server.
type link struct {
	client, server    *conn
	requests, answers *bufio.Reader
}

// forward serves one client connection.
func (p *proxy) forward(ctx context.Context, client *conn) {
	defer func() {
		_ = client.Close()
		p.mu.Lock()
		delete(p.clients, client)
		p.mu.Unlock()
	}()
	requests := bufio.NewReader(client)
	if _, err := requests.Peek(1); err != nil {
		return
	}
	var dialer net.Dialer
	dialled, err := dialer.DialContext(ctx, "tcp", p.target)
	if err != nil {
		p.fail(err)
		return
	}
	server := p.open.server.add(dialled)
	defer func() { _ = server.Close() }()
	l := link{client, server, requests, bufio.NewReader(server)}
	for p.exchange(ctx, l) {
	}
}

// exchange forwards one request and its answer. It reports whether there may be
// another on the same connections.
func (p *proxy) exchange(ctx context.Context, l link) bool {
	request, err := readHead(l.requests)
	if err != nil {
		p.check(err)
		return false
	}
	p.outages.tick()
	f := p.plan.next(request.length)
	p.delay(ctx, f)
	switch f.at {
	case beforeRequest:
		p.breakOff(f, l.client)
		return false
	case withinRequest:
		if _, err := l.server.Write(request.raw); err == nil {
			_, _ = io.CopyN(l.server, l.requests, int64(f.part*float64(request.length)))
		}
		p.breakOff(f, l.client, l.server)
		return false
	default:
	}
	if _, err := l.server.Write(request.raw); err != nil {
		return false
	}
	if _, err := io.CopyN(l.server, l.requests, request.length); err != nil {
		return false
	}
	if f.at == beforeAnswer {
		p.breakOff(f, l.client)
	}
	// Read it even if nobody wants it any more: stop must know that the server
	// is done.
	answer, err := readMessage(l.answers)
	if err != nil {
		p.check(err)
		return false
	}
	if f.at == beforeAnswer {
		return false
	}
	p.delay(ctx, f)
	if f.at == withinAnswer {
		_, _ = l.client.Write(answer.raw[:int(f.part*float64(len(answer.raw)))])
		p.breakOff(f, l.client)
		return false
	}
	_, err = l.client.Write(answer.raw)
	return err == nil && !answer.last && !request.last
}

// check tells what the proxy cannot do from what the network may do.
func (p *proxy) check(err error) {
	if errors.Is(err, errNotForwarded) {
		p.fail(err)
	}
}

func (p *proxy) delay(ctx context.Context, f fault) {
	if f.delays > 0 {
		p.late.Add(1)
		pause(ctx, f.delays)
	}
}

func (p *proxy) breakOff(f fault, conns ...*conn) {
	how := 0
	if f.reset {
		how = 1
	}
	p.broken[f.at][how].Add(1)
	for _, c := range conns {
		if f.reset {
			_ = c.SetLinger(0)
		}
		_ = c.Close()
	}
}
