package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// outages takes a listener down after every so many requests, for some
// milliseconds.
type outages struct {
	every int64
	seen  atomic.Int64
	due   chan struct{}
	count atomic.Int64

	cancel context.CancelFunc
	done   chan struct{}
}

func newOutages(every int) *outages {
	return &outages{every: int64(max(every, 1)), due: make(chan struct{}, 1), done: make(chan struct{})}
}

// tick counts a request.
func (o *outages) tick() {
	if o.seen.Add(1)%o.every == 0 {
		select {
		case o.due <- struct{}{}:
		default: // it is down already
		}
	}
}

// start lets the outages happen. up must have been called once; it is called
// again after each down, also after the last.
func (o *outages) start(
	ctx context.Context, rng *rand.Rand, fail context.CancelCauseFunc, down func(), up func() error,
) {
	ctx, o.cancel = context.WithCancel(ctx)
	go func() {
		defer close(o.done)
		for {
			select {
			case <-o.due:
			case <-ctx.Done():
				return
			}
			down()
			pause(ctx, milliseconds(rng, 5, 30))
			if err := up(); err != nil {
				fail(err)
				return
			}
			o.count.Add(1)
		}
	}()
}

func (o *outages) stop() {
	o.cancel()
	<-o.done
}

// listen takes a port below those that outgoing connections get: one of these
// could otherwise take the port while its listener is down.
func listen(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	for {
		l, err := lc.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(10_000)))
		if !errors.Is(err, syscall.EADDRINUSE) {
			return l, err
		}
	}
}

// listenAgain takes the same port once more.
func listenAgain(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp", address)
}

func milliseconds(rng *rand.Rand, low, high int) time.Duration {
	return time.Duration(low)*time.Millisecond + time.Duration(rng.Int64N(int64(high-low)*int64(time.Millisecond)))
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
