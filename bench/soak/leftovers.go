package main

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	heapTolerance = 8 << 20         // what the standard library keeps for itself after its first use
	settleTime    = 5 * time.Second // for goroutines that are on their way out
)

// connections counts those that the soak's own ends hold. Every connection of
// the soak has one such end.
type connections struct {
	client   gauge // to the proxy, counted there
	server   gauge // from the proxy to the server, counted at the proxy
	receiver gauge // from the server to the receiver, counted there
}

type gauge struct{ opened, closed atomic.Int64 }

func (g *gauge) open() int { return int(g.opened.Load() - g.closed.Load()) }

func (g *gauge) add(c net.Conn) *conn {
	g.opened.Add(1)
	return &conn{TCPConn: c.(*net.TCPConn), gauge: g}
}

// conn counts its own end.
type conn struct {
	*net.TCPConn
	gauge *gauge
	once  sync.Once
}

func (c *conn) Close() error {
	err := c.TCPConn.Close()
	c.once.Do(func() { c.gauge.closed.Add(1) })
	return err
}

// countingListener counts the connections that it accepts.
type countingListener struct {
	net.Listener
	gauge *gauge
}

func (l countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.gauge.add(c), nil
}

type usage struct {
	goroutines int
	heap       uint64
}

func measure() usage {
	runtime.GC()
	runtime.GC() // a sync.Pool is empty only after the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{runtime.NumGoroutine(), m.HeapAlloc}
}

// settle measures when goroutines and connections have ended, at the latest
// after settleTime.
func settle(ctx context.Context, before usage, open *connections) usage {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for runtime.NumGoroutine() > before.goroutines || open.client.open()+open.server.open()+open.receiver.open() > 0 {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return measure()
		}
	}
	return measure()
}

func (s *sheet) addLeftovers(before, after usage, open *connections) {
	s.section("Left behind")
	s.equal("goroutines", after.goroutines, before.goroutines, "as before")
	for _, g := range []struct {
		name  string
		gauge *gauge
	}{{"client to proxy", &open.client}, {"proxy to server", &open.server}, {"server to receiver", &open.receiver}} {
		s.equal(fmt.Sprintf("connections open, %s (of %d)", g.name, g.gauge.opened.Load()), g.gauge.open(), 0, "none")
	}
	grown := int64(after.heap) - int64(before.heap)
	s.add("heap after collection, grown by", fmt.Sprintf("%.1f MiB", float64(grown)/(1<<20)),
		fmt.Sprintf("at most %d MiB", heapTolerance>>20), grown <= heapTolerance)
}
