package durable

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"github.com/heliosai/helios-go"
)

// submitQueue is the queue of an agent type: a run of one waits for no other's.
func submitQueue(agent string) string { return "helios_submit_" + agent }

// submitArgs wakes a worker to submit whatever is queued longest for an agent.
// It names no submission: the tables say what is to be done, and a job too many
// finds nothing.
type submitArgs struct {
	Agent string `json:"agent"`
}

// Kind is the name of such jobs in River's table.
func (submitArgs) Kind() string { return "helios_submit" }

// InsertOpts puts them into the queue of their agent type.
func (a submitArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: submitQueue(a.Agent)}
}

// workSubmission submits one submission, if one is due and a slot is free.
func (e *Engine) workSubmission(ctx context.Context, job *river.Job[submitArgs]) error {
	if job.Attempt > 1 {
		if err := e.abandoned(ctx, job.ID); err != nil {
			return e.storeFailed("submit", err)
		}
	}
	c, err := e.claim(ctx, job.Args.Agent, job.ID)
	if err != nil {
		return e.storeFailed("submit", err)
	}
	if c == nil {
		return nil
	}

	ctx = e.withTrace(ctx, c.trace, c.key)
	begun := e.now()
	out := e.post(ctx, c)
	took := e.now().Sub(begun)
	err = e.settle(ctx, c, &out)
	e.observe(ctx, Activity{
		Kind: ActivitySubmission, Outcome: outcomeOfSending(out.state), Agent: c.agent, Key: c.key, RunID: out.runID,
		Attempt: c.attempts, Waited: max(begun.Sub(c.created), 0), Duration: took,
	})
	if err != nil {
		return err // it stays submitting, and is found by this job's next attempt, the sweep or its webhook
	}
	if out.wait > 0 {
		return river.JobSnooze(out.wait) // which uses up no attempt
	}
	return nil
}

const (
	// An update, for its lock on the row: slots are counted and taken by one
	// transaction at a time.
	lockAgent    = `UPDATE {agents} SET agent = agent WHERE agent = $1 RETURNING slot_limit, paused_until, refusals`
	countActive  = `SELECT count(*) FROM {submissions} WHERE agent = $1 AND slot_until > $2`
	countSending = `SELECT count(*) FROM {submissions} WHERE agent = $1 AND state = 'submitting'`
	// Why the one that is due longest waits.
	explainQueued = `UPDATE {submissions} SET reason = $2 WHERE key = $1 AND state = 'queued'`

	selectDue = `SELECT key, request, trace, coalesce(reference, ''), attempts, created_at FROM {submissions}
		WHERE state = 'queued' AND agent = $1 AND due_at <= $2 ORDER BY created_at, key LIMIT 2`
	// While the service refuses what is sent, another one is tried each time:
	// it may be the one submission that is refused.
	selectProbe = `SELECT key, request, trace, coalesce(reference, ''), attempts, created_at FROM {submissions}
		WHERE state = 'queued' AND agent = $1 AND due_at <= $2 ORDER BY attempts, created_at, key LIMIT 1`
)

// claimed is a submission that this process is to send.
type claimed struct {
	key, agent, reference string
	request, trace        []byte // as they are stored
	attempts              int
	created               time.Time
	claimed               time.Time // of the wall clock, which a suspended machine's process does not stop
}

// agentRow is what the store knows of an agent type.
type agentRow struct {
	known        bool
	limit        int
	paused       int64
	refusals     int
	active, busy int // submissions that hold a slot, and that are being sent
}

// claim takes a slot and the submission that is due longest, and commits that
// it is being submitted. It returns nil if nothing is due or nothing may be
// sent.
func (e *Engine) claim(ctx context.Context, agent string, job int64) (c *claimed, err error) {
	now := e.now()
	current, sends := true, int64(0)
	err = e.store.write(ctx, func(tx transaction) error {
		c, current = nil, true
		var a agentRow
		var due []claimed
		if err := e.readQueue(ctx, tx, agent, now, &a, &due); err != nil {
			return err
		}
		switch {
		case !a.known, a.paused > micros(now), a.active >= e.capped(a.limit), len(due) == 0:
			return nil
		case a.refusals > 0 && a.busy > 0: // one at a time
			return nil
		}

		var err error
		if current, err = e.isCurrent(ctx, tx.run); err != nil || !current {
			return err
		}
		affordable, err := e.affordable(ctx, tx, agent, now)
		if err != nil {
			return err
		}
		if !affordable { // the next sweep looks again
			return tx.run(ctx,
				exec(pauseAgent, agent, micros(now.Add(e.sweepInterval/2)), reasonSpend, int64(byHand)),
				exec(explainQueued, due[0].key, reasonSpend))
		}

		c = &due[0]
		c.claimed = now.Round(0)
		c.attempts++
		if c.reference == "" {
			c.reference = newReference()
		}
		var taken changes
		taken.add(claimDue, c.key, c.reference, micros(now), micros(now.Add(e.unknownDeadline)), job)
		if err := tx.run(ctx, taken.statements...); err != nil {
			return err
		}
		if len(taken.made) == 0 { // a late webhook was faster: an earlier attempt was accepted after all
			c = nil
			return e.dispatch(ctx, tx, agent)
		}

		err = tx.run(ctx,
			exec(spend, c.reference, c.key, micros(now), agent),
			query(func(r row) (err error) { sends, err = scanSends(r); return err }, countSend))
		if err != nil {
			return err
		}
		if len(due) > 1 && a.active+1 < e.capped(a.limit) {
			return e.dispatch(ctx, tx, agent) // so that one job is enough to fill all slots
		}
		return nil
	})
	if err == nil && c != nil {
		err = e.store.noteSent(sends)
	}
	if err != nil {
		if c != nil {
			e.unclaim(ctx, c, job)
		}
		return nil, err
	}
	if !current {
		return nil, e.checkGeneration(ctx)
	}
	return c, nil
}

// readQueue reads what the queue of an agent type looks like, and keeps others
// from claiming meanwhile. Of what is due, it reads two at the most.
func (e *Engine) readQueue(
	ctx context.Context, tx transaction, agent string, now time.Time, a *agentRow, due *[]claimed,
) error {
	err := tx.run(ctx, one(&a.known, lockAgent, in(agent), &a.limit, &a.paused, &a.refusals))
	if err != nil {
		return err
	}
	selection := selectDue
	if a.refusals > 0 {
		selection = selectProbe
	}
	return tx.run(ctx,
		query(func(r row) error { return r.Scan(&a.active) }, countActive, agent, micros(now)),
		query(func(r row) error { return r.Scan(&a.busy) }, countSending, agent),
		query(func(r row) error {
			d := claimed{agent: agent}
			var created int64
			err := r.Scan(&d.key, &d.request, &d.trace, &d.reference, &d.attempts, &created)
			d.created = moment(&created)
			*due = append(*due, d)
			return err
		}, selection, agent, micros(now)))
}

// unclaim gives back what a claim may have taken whose commit was not answered.
// Nothing was sent, and only this process knows it: so it tries until the store
// answers. If the job's time ends before, the submission becomes unknown.
func (e *Engine) unclaim(ctx context.Context, c *claimed, job int64) {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := e.giveBack(ctx, c, job)
		if err == nil {
			return
		}
		if !wait(ctx, pause) {
			e.logger.WarnContext(ctx, e.storeFailed("return submission "+c.key+" to the queue", err).Error())
			return
		}
	}
}

func (e *Engine) giveBack(ctx context.Context, c *claimed, job int64) error {
	ctx, cancel := detached(ctx, 5*time.Second)
	defer cancel()
	return e.store.write(ctx, func(tx transaction) error {
		waiting := query(func(row) error { return nil }, lockAgent, c.agent) // for a commit that is still under way
		given := changes{statements: []*statement{waiting}}
		given.add(unclaimDue, c.key, c.reference, micros(c.claimed), job)
		return e.applyUnsent(ctx, tx, &given, c)
	})
}

// newReference returns 128 random bits: nobody can guess a submission's.
func newReference() string { return randomHex(16) }

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

const (
	raiseLimit     = `UPDATE {agents} SET slot_limit = $2 WHERE agent = $1 AND slot_limit <> $2`
	selectRunOwner = `SELECT reference, key FROM {references} WHERE run_id = $1`
	selectFinal    = `SELECT discriminator FROM {events} WHERE run_id = $1 AND final = 1 ORDER BY id`
)

// settle writes the outcome down. It does so even if the job's context has
// ended, and tries for a minute, for an accepted run is paid; if it cannot, the
// submission stays submitting, which says the same as unknown.
func (e *Engine) settle(ctx context.Context, sent *claimed, out *outcome) error {
	const patience = time.Minute
	ctx, cancel := detached(ctx, patience)
	defer cancel()
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := e.store.write(ctx, func(tx transaction) error { return e.settleIn(ctx, tx, sent, out) })
		if err == nil {
			e.logOutcome(ctx, sent, out)
			return nil
		}
		if !wait(ctx, pause) {
			failed := e.storeFailed("record the outcome of submission "+sent.key, err)
			attrs := []any{slog.String("outcome", string(out.state))}
			if out.runID != "" {
				attrs = append(attrs, slog.String("run", out.runID))
			}
			e.logger.ErrorContext(ctx, failed.Error(), attrs...)
			return failed
		}
	}
}

// settleIn writes the outcome down in a transaction. It completes out where the
// store knows more than the answer.
func (e *Engine) settleIn(ctx context.Context, tx transaction, sent *claimed, out *outcome) error {
	if out.limit > 0 {
		if err := tx.run(ctx, exec(raiseLimit, sent.agent, out.limit)); err != nil {
			return err
		}
	}
	if out.state == Accepted || out.state == Failed { // the service takes what is sent
		cleared := exec(clearRefusals, sent.agent, int64(byHand))
		if err := tx.run(ctx, cleared); err != nil {
			return err
		}
		if cleared.affected > 0 {
			if err := e.dispatch(ctx, tx, sent.agent); err != nil {
				return err
			}
		}
	}

	switch out.state {
	case Accepted:
		return e.settleAccepted(ctx, tx, sent, out)
	case Queued:
		return e.settleNotSent(ctx, tx, sent, out)
	case Failed:
		return e.settleRefused(ctx, tx, sent, out)
	default:
		var c changes
		c.add(settleUnknown, sent.key, sent.reference, sent.attempts, out.reason)
		return e.apply(ctx, tx, &c)
	}
}

// settleAccepted does what the first webhook of the run does, whichever comes
// first.
func (e *Engine) settleAccepted(ctx context.Context, tx transaction, sent *claimed, out *outcome) error {
	now, runID := e.now(), storable(out.runID)
	var c changes

	var owner attemptRow
	owned := query(func(r row) error { return r.Scan(&owner.reference, &owner.key) }, selectRunOwner, runID)
	if err := tx.run(ctx, owned); err != nil {
		return err
	}
	if owner.key != "" && owner.key != sent.key {
		// The result of another's run must not become this one's.
		out.state, out.reason = Unknown, "Helios answered with the run ID of another submission"
		c.add(settleUnknown, sent.key, sent.reference, sent.attempts, out.reason)
		return e.apply(ctx, tx, &c)
	}

	if owner.reference == "" || owner.reference == sent.reference {
		c.statements = append(c.statements, exec(linkReference, sent.reference, runID))
	}
	c.add(accept, sent.key, runID, micros(now), micros(now.Add(e.unknownDeadline)))
	// Its final event may have been faster, and have come without the
	// reference. If it had the reference, ending it again changes nothing.
	err := tx.run(ctx, query(func(r row) error {
		var status string
		err := r.Scan(&status)
		c.addEnd(sent.key, runID, status == helios.StatusCompleted, now)
		return err
	}, selectFinal, runID))
	if err != nil {
		return err
	}
	return e.apply(ctx, tx, &c)
}

// settleNotSent puts a submission back into the queue that certainly was not
// accepted. What others of its agent type would meet too pauses them all.
func (e *Engine) settleNotSent(ctx context.Context, tx transaction, sent *claimed, out *outcome) error {
	now := e.now()
	if out.refused {
		var refusals int
		err := tx.run(ctx, query(func(r row) error { return r.Scan(&refusals) },
			countRefusal, sent.agent, micros(sent.claimed)))
		if err != nil {
			return err
		}
		out.wait = e.pauseAfter(refusals)
	}
	due := now.Add(out.wait)
	if out.refused {
		due = now.Add(e.pauseAfter(sent.attempts))
	}

	var c changes
	c.add(settleQueued, sent.key, sent.reference, sent.attempts, out.reason, micros(due))
	if !out.refused && !out.limited {
		return e.applyUnsent(ctx, tx, &c, sent) // others need not wait for this one
	}
	// No worker is woken: none would fare better now.
	c.statements = append(c.statements,
		exec(pauseAgent, sent.agent, micros(now.Add(out.wait)), out.reason, int64(byHand)))
	if err := tx.run(ctx, c.statements...); err != nil || len(c.made) == 0 {
		return err
	}
	return tx.run(ctx, exec(unspend, sent.reference))
}

// settleRefused ends a submission that the service refuses for what is in it.
func (e *Engine) settleRefused(ctx context.Context, tx transaction, sent *claimed, out *outcome) error {
	var message []byte
	if out.message != "" {
		message = []byte(out.message)
	}
	message, err := e.encode(message, "message", sent.key)
	if err != nil {
		message = nil // that it was refused matters more
	}

	var c changes
	c.add(settleFailed, sent.key, sent.reference, sent.attempts, out.reason, message, micros(e.now()))
	return e.applyUnsent(ctx, tx, &c, sent)
}

// applyUnsent is apply for an attempt that certainly costs nothing.
func (e *Engine) applyUnsent(ctx context.Context, tx transaction, c *changes, sent *claimed) error {
	if err := e.apply(ctx, tx, c); err != nil || len(c.made) == 0 {
		return err
	}
	return tx.run(ctx, exec(unspend, sent.reference))
}

func (e *Engine) logOutcome(ctx context.Context, sent *claimed, out *outcome) {
	key := slog.String("key", sent.key)
	switch out.state {
	case Accepted:
		e.logger.InfoContext(ctx, "helios: submission accepted", key, slog.String("run", out.runID))
	case Queued:
		e.logger.WarnContext(ctx, "helios: submission not accepted, will be sent again",
			key, slog.String("reason", out.reason), slog.Duration("wait", out.wait))
	default:
		e.logger.WarnContext(ctx, "helios: submission "+string(out.state), key, slog.String("reason", out.reason))
	}
}

// abandoned is called by a job that runs again: what it was submitting when its
// process died may have been accepted.
func (e *Engine) abandoned(ctx context.Context, job int64) error {
	_, err := e.transit(ctx, abandonOfJob, job, reasonAbandoned)
	return err
}
