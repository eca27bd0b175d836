package durable

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// lease is after how long without a sign of life a process counts as dead.
func (c *config) lease() time.Duration { return leaseBeats * c.sweepInterval }

// The store's own clock tells who is alive, so that the machines' need not agree.
const (
	seeWorker    = `INSERT INTO {workers} (id, seen_at) VALUES ($1, {now}) ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at`
	deleteWorker = `DELETE FROM {workers} WHERE id = $1 OR seen_at <= {now} - $2`
)

// beat says that this process lives.
func (e *Engine) beat(ctx context.Context) error {
	return e.store.write(ctx, func(tx transaction) error { return tx.run(ctx, exec(seeWorker, e.worker)) })
}

// keepBeating says so until ctx ends. It does nothing else, or something slow could make this process seem dead.
func (e *Engine) keepBeating(ctx context.Context) {
	for wait(ctx, jittered(e.sweepInterval)) {
		beating, cancel := context.WithTimeout(ctx, e.sweepInterval)
		if err := e.beat(beating); err != nil && ctx.Err() == nil {
			e.logger.ErrorContext(ctx, e.storeFailed("heartbeat", err).Error())
		}
		cancel()
	}
}

// leave says that this process works on nothing any more, and forgets those that have not been seen for long.
func (e *Engine) leave(ctx context.Context) {
	ctx, cancel := detached(ctx, 2*time.Second)
	defer cancel()
	err := e.store.write(ctx, func(tx transaction) error {
		return tx.run(ctx, exec(deleteWorker, e.worker, (24*time.Hour).Microseconds()))
	})
	if err != nil {
		e.logger.WarnContext(ctx, e.storeFailed("leave", err).Error())
	}
}

// keepSweeping sweeps until ctx ends. River's own maintenance belongs to a leader, which takes up to 20 s to be replaced after a crash; this belongs to whoever is there.
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

const claimSweep = `UPDATE {sweeps} SET swept_at = {now} WHERE name = 'all' AND (swept_at <= {now} - $1 OR swept_at > {now})`

// sweep finds what no job works on: after a crash, after rows of River's were deleted, or because time has passed. One process at a time does it; two at once would do no harm.
func (e *Engine) sweep(ctx context.Context) error {
	claim := exec(claimSweep, (e.sweepInterval / 2).Microseconds())
	err := e.store.write(ctx, func(tx transaction) error { return tx.run(ctx, claim) })
	if err != nil || claim.affected == 0 {
		return err
	}
	now := e.now()
	for _, step := range []func(context.Context, time.Time) error{
		e.sweepEvents, e.sweepAbandoned, e.sweepFinals, e.sweepUnknown, e.sweepSlots, e.sweepRetention,
	} {
		err = errors.Join(err, step(ctx, now)) // one that fails does not keep the others from their work
	}
	return err
}

const (
	// abandonedJob is a River job whose process has died.
	abandonedJob = `j.state = 'running' AND NOT EXISTS (SELECT 1 FROM {workers} w WHERE w.id = {worker} AND w.seen_at > {now} - $1)`
	// Their jobs are gone, have ended without them, or were being worked on by a process that died. An event at whose handling processes died as often as the handler may
	// fail is a dead letter, or it would bring down one process after another.
	selectOrphans = `SELECT e.id, e.job_id, CASE WHEN j.state = 'discarded' OR e.attempts >= $3 THEN 1 ELSE 0 END FROM {events} e LEFT JOIN {river_job} j ON j.id = e.job_id
		WHERE e.state = 'pending' AND (j.id IS NULL OR j.state IN ('completed', 'cancelled', 'discarded') OR ` + abandonedJob + `) ORDER BY e.id LIMIT $2`
	buryEvent = `UPDATE {events} SET state = 'dead', settled_at = $3 WHERE id = $1 AND job_id = $2 AND state = 'pending'`
)

// sweepLimit is how many rows one step changes in one transaction.
const sweepLimit = 500

func (e *Engine) sweepEvents(ctx context.Context, now time.Time) error {
	type orphan struct {
		id, job int64
		dead    int
	}
	lease := e.lease().Microseconds()
	for {
		var orphans []orphan
		err := e.store.write(ctx, func(tx transaction) error {
			orphans = nil
			err := tx.run(ctx, query(func(r row) error {
				var o orphan
				err := r.Scan(&o.id, &o.job, &o.dead)
				orphans = append(orphans, o)
				return err
			}, selectOrphans, lease, sweepLimit, e.maxAttempts))
			if err != nil {
				return err
			}
			for _, o := range orphans {
				if o.dead == 1 {
					err = tx.run(ctx, exec(buryEvent, o.id, o.job, micros(now)))
				} else {
					_, err = e.revive(ctx, tx, o.id, o.job, eventPending)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(orphans) > 0 {
			e.logger.WarnContext(ctx, "helios: events without a job found", slog.Int("events", len(orphans)))
		}
		if len(orphans) < sweepLimit {
			return nil
		}
	}
}

const (
	whereAbandoned = ` WHERE state = 'submitting' AND (submitted_at <= $3 OR job_id IN (SELECT j.id FROM {river_job} j WHERE ` + abandonedJob + `))`
	sweepToUnknown = `UPDATE {submissions} SET state = 'unknown', reason = $2, job_id = NULL` + whereAbandoned
	sweepToQueued  = `UPDATE {submissions} SET state = 'queued', reason = $2, job_id = NULL, slot_until = NULL` + whereAbandoned
)

// sweepAbandoned finds submissions whose process died while it sent them.
func (e *Engine) sweepAbandoned(ctx context.Context, now time.Time) error {
	statement := sweepToUnknown
	if e.postAgain {
		statement = sweepToQueued
	}
	abandoned := exec(statement, e.lease().Microseconds(), reasonAbandoned, micros(now.Add(-e.submitTimeout)))
	err := e.store.write(ctx, func(tx transaction) error { return tx.run(ctx, abandoned) })
	if err == nil && abandoned.affected > 0 {
		e.logger.WarnContext(ctx, "helios: submissions of unknown outcome found", slog.Int64("submissions", abandoned.affected))
	}
	return err
}

// A final event that came without a reference, while the answer with its run id was being written down, can have missed it.
const selectMissed = `SELECT s.key, s.run_id, e.discriminator FROM {submissions} s JOIN {events} e ON e.run_id = s.run_id AND e.final = 1
	WHERE s.state = 'accepted' ORDER BY e.id`

func (e *Engine) sweepFinals(ctx context.Context, now time.Time) error {
	return e.store.write(ctx, func(tx transaction) error {
		var settled settlement
		err := tx.run(ctx, query(func(r row) error {
			var key, runID, status string
			err := r.Scan(&key, &runID, &status)
			settled.end(key, runID, status == "completed", now)
			return err
		}, selectMissed))
		if err != nil || len(settled.statements) == 0 {
			return err
		}
		if err := tx.run(ctx, settled.statements...); err != nil {
			return err
		}
		return e.dispatch(ctx, tx, settled.freed()...)
	})
}

const (
	selectOverdue = `SELECT key FROM {submissions} WHERE state = 'unknown' AND decided_at IS NULL AND submitted_at <= $1 ORDER BY submitted_at LIMIT $2`
	claimOverdue  = `UPDATE {submissions} SET decided_at = $2 WHERE key = $1 AND state = 'unknown' AND decided_at IS NULL`
	askAgain      = `UPDATE {submissions} SET decided_at = NULL WHERE key = $1 AND state = 'unknown' AND decided_at = $2`
	decideFail    = `UPDATE {submissions} SET state = 'failed', reason = $2, ended_at = $3, slot_until = NULL WHERE key = $1 AND state = 'unknown' RETURNING agent`
	// Its old reference stays known: should the first attempt's webhook come after all, it is not sent again, or at least its result finds the submission.
	decideResubmit = `UPDATE {submissions} SET state = 'queued', reason = $2, reference = NULL, run_id = NULL, ended_at = NULL, message = NULL, due_at = $3, slot_until = NULL
		WHERE key = $1 AND request IS NOT NULL AND (state = 'unknown' OR state = 'failed' AND $4 = 1) RETURNING agent`
)

// sweepUnknown asks WithOnUnknown about submissions whose webhook has not come. It takes each one first, so that it is asked about once; if the process dies
// before it has the answer, the submission is held.
func (e *Engine) sweepUnknown(ctx context.Context, now time.Time) error {
	var keys []string
	err := e.store.read(ctx, query(func(r row) error {
		var key string
		err := r.Scan(&key)
		keys = append(keys, key)
		return err
	}, selectOverdue, micros(now.Add(-e.unknownDeadline)), sweepLimit))
	if err != nil {
		return err
	}
	var failed error
	for _, key := range keys {
		if err := e.decideOverdue(ctx, key, now); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

func (e *Engine) decideOverdue(ctx context.Context, key string, now time.Time) error {
	claim := exec(claimOverdue, key, micros(now))
	if err := e.store.write(ctx, func(tx transaction) error { return tx.run(ctx, claim) }); err != nil || claim.affected == 0 {
		return err
	}
	err := e.askAndDecide(ctx, key)
	switch {
	case err == nil, errors.Is(err, ErrNotFound): // its webhook came meanwhile
		return nil
	case errors.Is(err, errNoDecision):
		return err // it was asked, and is held
	}
	ctx, cancel := detached(ctx, 5*time.Second)
	defer cancel()
	return errors.Join(err, e.store.write(ctx, func(tx transaction) error { return tx.run(ctx, exec(askAgain, key, micros(now))) }))
}

func (e *Engine) askAndDecide(ctx context.Context, key string) error {
	s, err := e.Status(ctx, key)
	if err != nil {
		return err
	}
	decision := e.decideSafely(ctx, s)
	e.logger.WarnContext(ctx, "helios: submission still unknown at its deadline", slog.String("key", key), slog.String("decision", decision.String()))
	return e.decide(ctx, key, decision, false)
}

// decideSafely holds the submission if the caller's function panics.
func (e *Engine) decideSafely(ctx context.Context, s *Submission) (decision Decision) {
	defer func() {
		if v := recover(); v != nil {
			e.logger.ErrorContext(ctx, "helios: WithOnUnknown's function panicked", slog.String("key", s.Key), slog.String("panic", fmt.Sprintf("%T", v)))
			decision = Hold
		}
	}()
	return e.onUnknown(ctx, s)
}

// String returns "hold", "fail" or "resubmit".
func (d Decision) String() string {
	switch d {
	case Hold:
		return "hold"
	case Fail:
		return "fail"
	case Resubmit:
		return "resubmit"
	default:
		return fmt.Sprintf("Decision(%d)", int(d))
	}
}

var errNoDecision = errors.New("helios: durable: no such decision")

// Resolve decides about a submission that is unknown, at any time: [Fail] gives it up, [Resubmit] sends it again and may pay twice, [Hold] does nothing. Resubmit also sends one again that has
// failed. The error is [ErrNotFound] if the key was not used or its submission is in another state.
func (e *Engine) Resolve(ctx context.Context, key string, decision Decision) error {
	return e.decide(ctx, key, decision, true)
}

func (e *Engine) decide(ctx context.Context, key string, decision Decision, failedToo bool) error {
	now, also := e.now(), 0
	if failedToo {
		also = 1
	}
	var agent string
	freed := func(r row) error { return r.Scan(&agent) }
	var st *statement
	switch decision {
	case Hold:
		return nil
	case Fail:
		st = query(freed, decideFail, key, "given up: whether it was accepted is not known", micros(now))
	case Resubmit:
		st = query(freed, decideResubmit, key, "to be sent again: whether it was accepted is not known", micros(now), also)
	default:
		return fmt.Errorf("%w: %d", errNoDecision, int(decision))
	}
	err := e.store.write(ctx, func(tx transaction) error {
		agent = ""
		if err := tx.run(ctx, st); err != nil || agent == "" {
			return err
		}
		return e.dispatch(ctx, tx, agent)
	})
	if err != nil {
		return e.storeFailed("resolve submission "+key, err)
	}
	if agent == "" {
		return fmt.Errorf("%w: %s, in a state that can be resolved", ErrNotFound, key)
	}
	return nil
}

const (
	freeSlots  = `UPDATE {submissions} SET slot_until = NULL WHERE slot_until <= $1`
	selectIdle = `SELECT DISTINCT agent FROM {submissions} WHERE state = 'queued' AND due_at <= $1`
)

// sweepSlots frees the slots of runs that cannot be running any more, and wakes a worker for whatever is due.
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

const (
	deleteBodies = `UPDATE {events} SET body = NULL WHERE id IN
		(SELECT id FROM {events} WHERE state IN ('handled', 'skipped') AND body IS NOT NULL AND settled_at <= $1 ORDER BY settled_at LIMIT $2)
		AND state IN ('handled', 'skipped')`
	deleteRequests = `UPDATE {submissions} SET request = NULL, message = NULL WHERE key IN
		(SELECT key FROM {submissions} WHERE request IS NOT NULL AND ended_at <= $1 ORDER BY ended_at LIMIT $2)
		AND ended_at <= $1` // again, for who has resubmitted one meanwhile
)

// sweepRetention deletes what WithRetention says.
func (e *Engine) sweepRetention(ctx context.Context, now time.Time) error {
	if e.retention == 0 {
		return nil
	}
	for _, sql := range []string{deleteBodies, deleteRequests} {
		for {
			deleted := exec(sql, micros(now.Add(-e.retention)), sweepLimit)
			if err := e.store.write(ctx, func(tx transaction) error { return tx.run(ctx, deleted) }); err != nil {
				return err
			}
			if deleted.affected < sweepLimit {
				break
			}
		}
	}
	return nil
}
