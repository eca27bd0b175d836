package durable

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/heliosai/helios-go"
)

// The store's own clock tells who is alive, so that the machines' need not
// agree.
const (
	seeWorker = `INSERT INTO {workers} (id, seen_at) VALUES ($1, {now})
		ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at`
	deleteWorker = `DELETE FROM {workers} WHERE id = $1 OR seen_at <= {now} - $2`
)

// beat says that this process lives.
func (e *Engine) beat(ctx context.Context) error {
	return e.store.write(ctx, func(tx transaction) error { return tx.run(ctx, exec(seeWorker, e.worker)) })
}

// keepBeating says so until ctx ends. It does nothing else, or something slow
// could make this process seem dead.
func (e *Engine) keepBeating(ctx context.Context) {
	interval := e.lease / leaseBeats
	for wait(ctx, jittered(interval)) {
		beating, cancel := context.WithTimeout(ctx, interval)
		if err := e.beat(beating); err != nil && ctx.Err() == nil {
			e.logger.ErrorContext(ctx, e.storeFailed("heartbeat", err).Error())
		}
		cancel()
	}
}

// leave says that this process works on nothing any more, and forgets those
// that have not been seen for long.
func (e *Engine) leave(ctx context.Context) {
	ctx, cancel := detached(ctx, 2*time.Second)
	defer cancel()
	err := e.store.write(ctx, func(tx transaction) error {
		return tx.run(ctx, exec(deleteWorker, e.worker, (24*time.Hour).Microseconds()))
	})
	if err != nil {
		e.logger.WarnContext(ctx, e.storeFailed("sign off", err).Error())
	}
}

// keepSweeping sweeps until ctx ends. River's own maintenance belongs to a
// leader, which takes up to 20 s to be replaced after a crash; this belongs to
// whoever is there.
func (e *Engine) keepSweeping(ctx context.Context) {
	for {
		sweeping, cancel := context.WithTimeout(ctx, time.Minute)
		if err := e.sweep(sweeping); err != nil && ctx.Err() == nil {
			e.logger.ErrorContext(ctx, e.storeFailed("sweep", err).Error())
		}
		cancel()
		if !wait(ctx, jittered(e.sweepInterval)) {
			return
		}
	}
}

const claimSweep = `UPDATE {sweeps} SET swept_at = {now}
	WHERE name = 'all' AND (swept_at <= {now} - $1 OR swept_at > {now})`

// When nobody has swept for a lease, either no process was there or the store
// was not. After an outage all processes seem dead that only could not say that
// they live, so each is granted a lease, from now on, to do so.
const grantLease = `INSERT INTO {sweeps} (name, swept_at) SELECT 'returned', {now} FROM {sweeps}
	WHERE name = 'all' AND swept_at > 0 AND swept_at <= {now} - $1
	ON CONFLICT (name) DO UPDATE SET swept_at = excluded.swept_at`

// sweep finds what no job works on: after a crash, after rows of River's were
// deleted, or because time has passed. One process at a time does it; two at
// once would do no harm.
func (e *Engine) sweep(ctx context.Context) error {
	claim := exec(claimSweep, (e.sweepInterval / 2).Microseconds())
	grant := exec(grantLease, e.lease.Microseconds())
	err := e.store.write(ctx, func(tx transaction) error { return tx.run(ctx, grant, claim) })
	if err != nil || claim.affected == 0 {
		return err
	}
	now := e.now()
	for _, step := range []func(context.Context, time.Time) error{
		e.sweepClocks, e.sweepEvents, e.sweepEnds, e.sweepAbandoned, e.sweepFinals, e.sweepOverdue, e.sweepUnknown,
		e.sweepSlots, e.sweepRetention,
	} {
		err = errors.Join(err, step(ctx, now)) // one that fails does not keep the others from their work
	}
	return err
}

const (
	// abandonedJob is a River job whose process has died.
	abandonedJob = `j.state = 'running' AND NOT EXISTS
			(SELECT 1 FROM {workers} w WHERE w.id = {worker} AND w.seen_at > {now} - $1)
		AND NOT EXISTS (SELECT 1 FROM {sweeps} g WHERE g.name = 'returned' AND g.swept_at > {now} - $1)`

	// sweepLimit is how many rows one step changes in one transaction.
	sweepLimit = 500
)

func (e *Engine) sweepEvents(ctx context.Context, _ time.Time) error {
	return e.sweepBacklog(ctx, eventBacklog)
}
func (e *Engine) sweepEnds(ctx context.Context, _ time.Time) error {
	return e.sweepBacklog(ctx, endBacklog)
}

// sweepAbandoned finds submissions whose process died while it sent them.
func (e *Engine) sweepAbandoned(ctx context.Context, now time.Time) error {
	made, err := e.transit(ctx, abandonLost,
		e.lease.Microseconds(), reasonAbandoned, micros(now.Add(-e.submitTimeout)))
	if err == nil && len(made) > 0 {
		e.logger.WarnContext(ctx, "helios: submissions with an unknown outcome were found",
			slog.Int("submissions", len(made)))
	}
	return err
}

// sweepOverdue finds accepted submissions whose result has not come in time.
func (e *Engine) sweepOverdue(ctx context.Context, now time.Time) error {
	for {
		made, err := e.transit(ctx, expire, micros(now.Add(-e.resultDeadline)), reasonOverdue, micros(now), sweepLimit)
		if err != nil {
			return err
		}
		for _, m := range made {
			e.logger.WarnContext(ctx, "helios: the result of a submission is overdue", slog.String("key", m.key))
		}
		if len(made) < sweepLimit {
			return nil
		}
	}
}

// A final event that came without a reference, while the answer with its run id
// was being written down, can have missed it. Each submission's is looked up:
// a join may read through all events.
const selectMissed = `SELECT key, run_id, status FROM
	(SELECT s.key, s.run_id, (SELECT e.discriminator FROM {events} e WHERE e.run_id = s.run_id AND e.final = 1
			ORDER BY CASE e.discriminator WHEN 'completed' THEN 0 ELSE 1 END LIMIT 1) AS status
		FROM {submissions} s WHERE s.state IN ('accepted', 'overdue')) missed
	WHERE status IS NOT NULL`

func (e *Engine) sweepFinals(ctx context.Context, now time.Time) error {
	var c changes
	err := e.store.read(ctx, query(func(r row) error {
		var key, runID, status string
		err := r.Scan(&key, &runID, &status)
		c.addEnd(key, runID, status == helios.StatusCompleted, now)
		return err
	}, selectMissed))
	if err != nil || len(c.statements) == 0 {
		return err
	}
	return e.store.write(ctx, func(tx transaction) error {
		c.made = nil
		return e.apply(ctx, tx, &c)
	})
}

const (
	freeSlots  = `UPDATE {submissions} SET slot_until = NULL WHERE slot_until <= $1`
	selectIdle = `SELECT agent FROM {agents} a WHERE EXISTS
		(SELECT 1 FROM {submissions} s WHERE s.agent = a.agent AND s.state = 'queued' AND s.due_at <= $1)`
)

// sweepSlots frees the slots of runs that cannot be running any more, and wakes
// a worker for whatever is due.
func (e *Engine) sweepSlots(ctx context.Context, now time.Time) error {
	return e.store.write(ctx, func(tx transaction) error {
		var agents []string
		err := tx.run(ctx, exec(freeSlots, micros(now)), query(func(r row) error {
			var agent string
			err := r.Scan(&agent)
			agents = append(agents, agent)
			return err
		}, selectIdle, micros(now)))
		if err != nil {
			return err
		}
		return e.dispatch(ctx, tx, agents...)
	})
}
