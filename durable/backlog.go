package durable

import (
	"context"
	"log/slog"
	"strings"

	"github.com/riverqueue/river"
)

// backlog is a table of what waits for a function of the caller's: events, or
// the ends of submissions. A River job hands each row over.
type backlog struct {
	of    string // for the log
	table string
	args  func(id int64) river.JobArgs
}

var (
	eventBacklog = &backlog{"events", "{events}", func(id int64) river.JobArgs { return eventArgs{id} }}
	endBacklog   = &backlog{"end notifications", "{ends}", func(id int64) river.JobArgs { return endArgs{id} }}
)

const (
	// Their jobs are gone, have ended without them, were being worked on by a
	// process that died, or were put off by a clock that was ahead. A row at
	// which processes died as often as the handler may fail is a dead letter,
	// or it would bring down one process after another.
	selectOrphans = `SELECT e.id, e.job_id, e.attempts,
			CASE WHEN j.state = 'discarded' OR e.attempts >= $3 AND (` + lateJob + `) IS NOT TRUE THEN 1 ELSE 0 END
		FROM {backlog} e LEFT JOIN {river_job} j ON j.id = e.job_id
		WHERE e.state = 'pending' AND e.state IN ('pending', 'dead') AND 
			(j.id IS NULL OR j.state IN ('completed', 'cancelled', 'discarded')
			OR ` + abandonedJob + ` OR ` + lateJob + `)
		ORDER BY e.id LIMIT $2`
	lateJob = `j.state IN ('scheduled', 'retryable') AND j.scheduled_at > {in $4}`
	buryRow = `UPDATE {backlog} SET state = 'dead', settled_at = $3, attempts = $4, failure = $5
		WHERE id = $1 AND job_id = $2 AND state = 'pending'`
	reviveRow = `UPDATE {backlog} SET state = 'pending', job_id = $2,
			attempts = CASE WHEN state = 'dead' THEN 0 ELSE attempts + 1 END, settled_at = NULL, failure = NULL
		WHERE id = $1 AND job_id = $3 AND state = $4`
	selectDeadJob = `SELECT job_id FROM {backlog} WHERE id = $1 AND state = 'dead'`
)

// sql returns a statement about the backlog's table.
func (b *backlog) sql(statement string) string {
	return strings.ReplaceAll(statement, "{backlog}", b.table)
}

// orphan is a pending row that no job works on, or not for long.
type orphan struct {
	id, job  int64
	attempts int
	dead     int
}

// sweepBacklog gives orphans new jobs, or makes dead letters of them. It looks
// for them outside of any transaction, since that may take long where much
// waits, and SQLite has one writer.
func (e *Engine) sweepBacklog(ctx context.Context, b *backlog) error {
	for {
		var orphans []orphan
		err := e.store.read(ctx, query(func(r row) error {
			var o orphan
			err := r.Scan(&o.id, &o.job, &o.attempts, &o.dead)
			orphans = append(orphans, o)
			return err
		}, b.sql(selectOrphans), e.lease.Microseconds(), sweepLimit, e.maxAttempts,
			longestBackoff.Seconds()))
		if err == nil && len(orphans) > 0 {
			err = e.adopt(ctx, b, orphans)
		}
		if err != nil || len(orphans) < sweepLimit {
			return err
		}
	}
}

// adopt does so with orphans that still are.
func (e *Engine) adopt(ctx context.Context, b *backlog, orphans []orphan) error {
	now := e.now()
	err := e.store.write(ctx, func(tx transaction) error {
		for _, o := range orphans {
			var err error
			if o.dead == 1 {
				err = tx.run(ctx, exec(b.sql(buryRow), o.id, o.job, micros(now), o.attempts, string(FailureCrash)))
			} else {
				_, err = e.revive(ctx, tx, b, o.id, o.job, rowPending)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		e.logger.WarnContext(ctx, "helios: "+b.of+" without a job were recovered", slog.Int("number", len(orphans)))
	}
	return err
}

// revive gives a row, pending or dead, a new job in place of the old one. It
// reports false if another process has done so, or has handled the row; then
// the new job finds nothing.
func (e *Engine) revive(ctx context.Context, tx transaction, b *backlog, id, old int64, state string) (bool, error) {
	ids, err := tx.enqueue(ctx, river.InsertManyParams{Args: b.args(id)})
	if err != nil {
		return false, err
	}
	revived := exec(b.sql(reviveRow), id, ids[0], old, state)
	err = tx.run(ctx, revived)
	return revived.affected == 1, err
}
