package durable

import (
	"context"
	"sync"
	"time"
)

const (
	// defaultPatience is how long a delivery waits for a store that cannot be
	// reached, before it is answered with 503: the sender may not come again.
	defaultPatience = 5 * time.Second
	// commitTimeout is for a delivery whose patience was used up while it
	// waited for others.
	commitTimeout = time.Second

	// What is in one transaction at the most.
	mostGrouped      = 128
	mostGroupedBytes = 32 << 20
)

// groupCommit puts items that come at the same time into one transaction, for
// one sync to the disk. It has no goroutine of its own: the first caller leads,
// commits for all that wait, and hands the lead on.
type groupCommit[T any] struct {
	commit func(ctx context.Context, items []T) error
	size   func(item T) int // in bytes
	lanes  int              // how many transactions there may be at once

	// A group that has failed is tried again, one by one, until the patience
	// of its leader has passed; without patience once. In any case it has the
	// time of timeout.
	patience, timeout time.Duration

	mu      sync.Mutex
	waiting []*groupMember[T]
	busy    int
}

type groupMember[T any] struct {
	item    T
	arrived time.Time
	turn    chan turn
}

// turn is what a waiting member is told.
type turn struct {
	lead bool  // the lead is handed on to it
	err  error // its item is committed, or not
}

// newIntake commits deliveries.
func (e *Engine) newIntake() *groupCommit[*delivery] {
	return &groupCommit[*delivery]{
		commit: e.commit, size: func(d *delivery) int { return len(d.body) },
		lanes: e.store.lanes(), patience: e.patience, timeout: commitTimeout,
	}
}

// newSettles commits single statements. What one does must not depend on
// another's that may come at the same time.
func newSettles(s store, timeout time.Duration) *groupCommit[*statement] {
	commit := func(ctx context.Context, statements []*statement) error {
		return s.write(ctx, func(tx transaction) error { return tx.run(ctx, statements...) })
	}
	return &groupCommit[*statement]{
		commit: commit, size: func(*statement) int { return 0 },
		lanes: s.lanes(), timeout: timeout,
	}
}

// add returns when the item is committed, or has failed. It does not end with
// ctx: it leads for others too, and is bounded by patience and timeout.
func (g *groupCommit[T]) add(ctx context.Context, item T) error {
	m := &groupMember[T]{item: item, arrived: time.Now(), turn: make(chan turn, 1)}
	g.mu.Lock()
	if g.busy == g.lanes {
		g.waiting = append(g.waiting, m)
		g.mu.Unlock()
		if told := <-m.turn; !told.lead {
			return told.err
		}
		g.mu.Lock()
	} else {
		g.busy++
	}
	group := g.take(m)
	g.mu.Unlock()

	errs := g.commitAll(ctx, group)

	for i, other := range group[1:] {
		other.turn <- turn{err: errs[i+1]}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) > 0 {
		g.waiting[0].turn <- turn{lead: true}
		g.waiting = g.waiting[1:]
	} else {
		g.busy--
	}
	return errs[0]
}

// take returns the leader and those that wait, as many as belong into one
// transaction.
func (g *groupCommit[T]) take(leader *groupMember[T]) []*groupMember[T] {
	group, size := []*groupMember[T]{leader}, g.size(leader.item)
	for len(g.waiting) > 0 && len(group) < mostGrouped {
		next := g.waiting[0]
		if size += g.size(next.item); size > mostGroupedBytes {
			break
		}
		group = append(group, next)
		g.waiting = g.waiting[1:]
	}
	return group
}

// commitAll commits all at once; if that fails each alone, so that one that the
// store does not take cannot keep the others out. A commit whose answer was
// lost is met again: it must change nothing then.
func (g *groupCommit[T]) commitAll(ctx context.Context, group []*groupMember[T]) []error {
	ctx, cancel := detached(ctx, max(time.Until(group[0].arrived.Add(g.patience)), g.timeout))
	defer cancel()
	errs := make([]error, len(group))
	items := make([]T, len(group))
	for i, m := range group {
		items[i] = m.item
	}
	if len(items) > 1 && g.commit(ctx, items) == nil {
		return errs
	}

	done := make([]bool, len(group))
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		all := true
		for i := range items {
			if !done[i] {
				errs[i] = g.commit(ctx, items[i:i+1])
				done[i] = errs[i] == nil
				all = all && done[i]
			}
		}
		if all || g.patience == 0 || !wait(ctx, pause) {
			return errs
		}
	}
}
