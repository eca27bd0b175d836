package durable

import (
	"context"
	"sync"
	"time"
)

const (
	// defaultPatience is how long a delivery waits for a store that cannot be reached, before it is answered with 503: the sender may not come again.
	defaultPatience = 5 * time.Second
	// commitTimeout is for a delivery whose patience was used up while it waited for others.
	commitTimeout = time.Second

	maxIntakeEvents = 64
	maxIntakeBytes  = 32 << 20
)

// intake puts deliveries that come at the same time into one transaction, for one sync to the disk. It has no goroutine of its own: a delivery that finds too few at
// work commits, for itself and all that wait, then passes the work on to the first that has come meanwhile.
type intake struct {
	commit   func(ctx context.Context, deliveries []*delivery) error
	patience time.Duration
	lanes    int // how many transactions there may be at once

	mu      sync.Mutex
	waiting []*delivery
	busy    int
}

// turn is what a waiting delivery is told.
type turn struct {
	lead bool  // the work is passed on to it
	err  error // it is committed, or not
}

// add returns when d is committed, or the store has failed for good. It does not look at the request's context: what has arrived whole is kept, even if the sender has
// hung up. It is bounded by patience instead.
func (in *intake) add(d *delivery) error {
	d.arrived = time.Now()
	d.turn = make(chan turn, 1)
	in.mu.Lock()
	if in.busy == in.lanes {
		in.waiting = append(in.waiting, d)
		in.mu.Unlock()
		if told := <-d.turn; !told.lead {
			return told.err
		}
		in.mu.Lock()
	} else {
		in.busy++
	}
	batch := in.take(d)
	in.mu.Unlock()

	errs := in.commitAll(batch)

	in.mu.Lock()
	defer in.mu.Unlock()
	for i, other := range batch[1:] {
		other.turn <- turn{err: errs[i+1]}
	}
	if len(in.waiting) > 0 {
		next := in.waiting[0]
		in.waiting = in.waiting[1:]
		next.turn <- turn{lead: true}
	} else {
		in.busy--
	}
	return errs[0]
}

// take returns d and those that wait, as many as belong into one transaction.
func (in *intake) take(d *delivery) []*delivery {
	batch, size := []*delivery{d}, len(d.body)
	for len(in.waiting) > 0 && len(batch) < maxIntakeEvents {
		next := in.waiting[0]
		if size += len(next.body); size > maxIntakeBytes {
			break
		}
		batch = append(batch, next)
		in.waiting = in.waiting[1:]
	}
	return batch
}

// commitAll commits all at once; if that fails each alone, so that one that the store does not take cannot keep the others out. What fails is tried again as long as the first
// one's patience lasts; a commit whose answer was lost is met again as a duplicate.
func (in *intake) commitAll(batch []*delivery) []error {
	errs := make([]error, len(batch))
	left := max(time.Until(batch[0].arrived.Add(in.patience)), commitTimeout)
	ctx, cancel := context.WithTimeout(context.Background(), left)
	defer cancel()
	if len(batch) > 1 && in.commit(ctx, batch) == nil {
		return errs
	}
	done := make([]bool, len(batch))
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		all := true
		for i, d := range batch {
			if !done[i] {
				errs[i] = in.commit(ctx, []*delivery{d})
				done[i] = errs[i] == nil
				all = all && done[i]
			}
		}
		if all || !wait(ctx, pause) {
			return errs
		}
	}
}
