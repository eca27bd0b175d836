package durable

import (
	"context"
	"fmt"
	"time"
)

const (
	deleteBodies = `UPDATE {events} SET body = NULL WHERE id IN
		(SELECT id FROM {events} WHERE state IN ('handled', 'skipped') AND body IS NOT NULL AND settled_at <= $1
			ORDER BY settled_at LIMIT $2)
		AND state IN ('handled', 'skipped')`
	// The time is compared again, for one that was resubmitted meanwhile.
	deleteRequests = `UPDATE {submissions} SET request = NULL, message = NULL, trace = NULL WHERE key IN
		(SELECT key FROM {submissions} WHERE request IS NOT NULL AND ended_at <= $1 AND state <> 'overdue'
			ORDER BY ended_at LIMIT $2)
		AND ended_at <= $1`
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
	return e.store.erase(ctx) // also of what a process deleted that died before it could
}

const (
	ofKey = `run_id IN (SELECT r.run_id FROM {references} r WHERE r.key = $1
		UNION SELECT d.run_id FROM {references} d WHERE d.duplicate_of = $1
		UNION SELECT s.run_id FROM {submissions} s WHERE s.key = $1)`
	forgetRequest = `UPDATE {submissions} SET request = NULL, message = NULL, trace = NULL, digest = $2
		WHERE key = $1 AND state IN ('completed', 'failed', 'canceled')`
	selectState = `SELECT state FROM {submissions} WHERE key = $1`
	// What still waits for a handler.
	countWaiting = `SELECT (SELECT count(*) FROM {events} WHERE ` + ofKey + ` AND state = 'pending')
		+ (SELECT count(*) FROM {ends} WHERE key = $1 AND state = 'pending')`
	forgetEvents = `UPDATE {events} SET body = NULL, state = CASE WHEN state = 'dead' THEN 'skipped' ELSE state END
		WHERE ` + ofKey + ` AND state <> 'pending'`
	forgetEnds = `DELETE FROM {ends} WHERE key = $1 AND state <> 'pending'`
)

// Forget erases the data of a submission that is completed, failed or canceled:
// its request, what the service wrote, and the bodies of its events, dead
// letters included. It cannot be undone.
//
// A row stays, so that the key cannot be paid again and duplicates are
// recognised: key, agent type, state, run ids, times, numbers and reasons. A
// Submit with the key returns [ErrDeleted]. What comes later is stored like any
// event. If the service has started two runs for one request, the events of
// both are erased.
//
// The error is [ErrNotFound] if the key was not used, [ErrState] if the
// submission has not ended or something of it still waits for a handler, and
// [helios.ErrUnavailable] if the store failed.
func (e *Engine) Forget(ctx context.Context, key string) error {
	var state State
	var waiting int
	erased := exec(forgetRequest, key, []byte{})
	err := e.store.write(ctx, func(tx transaction) error {
		state, waiting = "", 0
		err := tx.run(ctx,
			query(func(r row) error { return r.Scan(&state) }, selectState, key),
			query(func(r row) error { return r.Scan(&waiting) }, countWaiting, key))
		if err != nil || state == "" || waiting > 0 {
			return err
		}
		if err := tx.run(ctx, erased); err != nil || erased.affected == 0 {
			return err
		}
		return tx.run(ctx, exec(forgetEvents, key), exec(forgetEnds, key))
	})

	switch {
	case err != nil:
		return e.storeFailed("forget submission "+key, err)
	case state == "":
		return fmt.Errorf("%w: %s", ErrNotFound, key)
	case waiting > 0:
		return fmt.Errorf("%w: forget %s: %d of its events still wait for a handler", ErrState, key, waiting)
	case erased.affected == 0:
		return fmt.Errorf("%w: forget %s: it is %s and has not ended", ErrState, key, state)
	}

	if err := e.store.erase(ctx); err != nil {
		return e.storeFailed("forget submission "+key, err)
	}
	return nil
}
