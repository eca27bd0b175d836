package durable

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"github.com/heliosai/helios-go"
)

const submitQueue = "helios_submissions"

// submitArgs wakes a worker to submit whatever is queued longest for an agent. It names no submission: the tables say what is to be done, and a job too many finds nothing.
type submitArgs struct {
	Agent string `json:"agent"`
}

// Kind is the name of such jobs in River's table.
func (submitArgs) Kind() string { return "helios_submit" }

// InsertOpts puts them into a queue of their own.
func (submitArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: submitQueue} }

type submitWorker struct {
	river.WorkerDefaults[submitArgs]
	engine *Engine
}

// Timeout is longer than the client takes. Never would mean that River does not run it again after its process died.
func (w *submitWorker) Timeout(*river.Job[submitArgs]) time.Duration { return w.engine.submitTimeout }

// NextRetry is for what the store refused.
func (w *submitWorker) NextRetry(job *river.Job[submitArgs]) time.Time {
	return time.Now().Add(jittered(w.engine.backoff(job.Attempt)))
}

// Work submits one submission, if one is due and a slot is free.
func (w *submitWorker) Work(ctx context.Context, job *river.Job[submitArgs]) error {
	e := w.engine
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
	out := e.post(ctx, c)
	if err := e.settle(ctx, c, out); err != nil {
		return err // it stays submitting, and is found by this job's next attempt, the sweep or its webhook
	}
	if out.wait > 0 {
		return river.JobSnooze(out.wait) // which uses up no attempt
	}
	return nil
}

const (
	// An update, for its lock on the row: slots are counted and taken by one transaction at a time.
	lockAgent   = `UPDATE {agents} SET agent = agent WHERE agent = $1 RETURNING slot_limit, paused_until`
	countActive = `SELECT count(*) FROM {submissions} WHERE agent = $1 AND slot_until > $2`
	selectDue   = `SELECT key, request, coalesce(reference, ''), attempts FROM {submissions}
		WHERE state = 'queued' AND agent = $1 AND due_at <= $2 ORDER BY created_at, key LIMIT 2`
	claimDue = `UPDATE {submissions} SET state = 'submitting', reference = $2, attempts = attempts + 1, reason = '', submitted_at = $3, slot_until = $4, job_id = $5, decided_at = NULL
		WHERE key = $1 AND state = 'queued'`
	unclaimDue = `UPDATE {submissions} SET state = 'queued', submitted_at = NULL, slot_until = NULL, job_id = NULL
		WHERE job_id = $1 AND submitted_at = $2 AND state = 'submitting'`
	insertReference = `INSERT INTO {references} (reference, key, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
)

// claimed is a submission that this process is to send.
type claimed struct {
	key, agent, reference string
	request               []byte // as it is stored
	attempts              int
	claimed               time.Time // of the wall clock, which a suspended machine's process does not stop
}

// claim takes a slot and the submission that is due longest, and commits that it is being submitted. It returns nil if nothing is due or no slot is free.
func (e *Engine) claim(ctx context.Context, agent string, job int64) (c *claimed, err error) {
	now := e.now()
	err = e.store.write(ctx, func(tx transaction) error {
		c = nil
		var known bool
		var limit, active int
		var paused int64
		var due []claimed
		if err := tx.run(ctx, one(&known, lockAgent, in(agent), &limit, &paused)); err != nil {
			return err
		}
		err := tx.run(ctx,
			query(func(r row) error { return r.Scan(&active) }, countActive, agent, micros(now)),
			query(func(r row) error {
				d := claimed{agent: agent}
				err := r.Scan(&d.key, &d.request, &d.reference, &d.attempts)
				due = append(due, d)
				return err
			}, selectDue, agent, micros(now)))
		if err != nil {
			return err
		}
		limit = e.capped(limit)
		if !known || paused > micros(now) || active >= limit || len(due) == 0 {
			return nil
		}
		c = &due[0]
		c.attempts++
		if c.reference == "" {
			c.reference = newReference()
		}
		claim := exec(claimDue, c.key, c.reference, micros(now), micros(now.Add(e.unknownDeadline)), job)
		if err := tx.run(ctx, claim); err != nil {
			return err
		}
		if claim.affected == 0 { // a late webhook was faster: an earlier attempt was accepted after all
			c = nil
			return e.dispatch(ctx, tx, agent)
		}
		c.claimed = now.Round(0)
		if err := tx.run(ctx, exec(insertReference, c.reference, c.key, micros(now))); err != nil {
			return err
		}
		if len(due) > 1 && active+1 < limit {
			return e.dispatch(ctx, tx, agent) // so that one job is enough to fill all slots
		}
		return nil
	})
	if err != nil {
		e.unclaim(ctx, job, now)
		return nil, err
	}
	return c, nil
}

// unclaim gives back what a claim may have taken whose commit was not answered: it was not sent. If this fails too it becomes unknown.
func (e *Engine) unclaim(ctx context.Context, job int64, claimed time.Time) {
	ctx, cancel := detached(ctx, 5*time.Second)
	defer cancel()
	err := e.store.write(ctx, func(tx transaction) error { return tx.run(ctx, exec(unclaimDue, job, micros(claimed))) })
	if err != nil {
		e.logger.WarnContext(ctx, e.storeFailed("give a submission back", err).Error())
	}
}

// newReference returns 128 random bits: nobody can guess a submission's.
func newReference() string { return randomHex(16) }

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// outcome is what a submission's attempt came to.
type outcome struct {
	state   State // that it goes to
	run     *helios.Run
	limit   int // of the account, if the answer told
	reason  string
	message string        // of the service
	pause   bool          // for all of the agent: its slots are taken by others
	wait    time.Duration // before it is sent again
}

// post sends the submission.
func (e *Engine) post(ctx context.Context, c *claimed) outcome {
	run, err := e.send(ctx, c)
	var limit *helios.ConcurrencyLimitError
	var invalid *helios.ValidationError
	var api *helios.APIError
	switch {
	case err == nil:
		return outcome{state: Accepted, run: run, limit: run.Concurrency.Limit}
	case errors.Is(err, helios.ErrOutcomeUnknown):
		return outcome{state: Unknown, reason: err.Error()}
	case errors.As(err, &limit):
		const unasked = 15 * time.Second
		after := limit.RetryAfter
		if after == 0 {
			after = unasked
		}
		return outcome{state: Queued, limit: limit.Limit, reason: err.Error(), pause: true, wait: jittered(after)}
	case errors.As(err, &invalid), errors.Is(err, errStoredRequest):
		return outcome{state: Failed, reason: err.Error()}
	case errors.As(err, new(*codecError)), errors.Is(err, errLate): // another process, or this one later, may be able to send it
		return outcome{state: Queued, reason: err.Error(), wait: min(jittered(e.backoff(c.attempts)), 5*time.Minute)}
	case errors.As(err, &api) && !errors.Is(err, helios.ErrUnauthorized):
		return outcome{state: Failed, reason: err.Error(), message: api.Message}
	default: // certainly not accepted: no connection, no key, or one that has to be corrected; others would fare no better
		return outcome{state: Queued, reason: err.Error(), pause: true, wait: min(jittered(e.backoff(c.attempts)), 5*time.Minute)}
	}
}

var (
	errStoredRequest = errors.New("helios: durable: the stored request cannot be read")
	errLate          = errors.New("helios: durable: the process was stopped before it could be sent")
)

// send posts the stored request, with its reference in the webhook URL.
func (e *Engine) send(ctx context.Context, c *claimed) (*helios.Run, error) {
	body, err := e.decode(c.request, "request", c.key)
	if err != nil {
		return nil, err
	}
	// After a suspend, others may have taken this for dead and decided about it.
	if e.now().Round(0).Sub(c.claimed) > e.submitTimeout {
		return nil, errLate
	}
	if c.agent == agentLabResults {
		var req helios.LabResultsRequest
		if err := prepare(body, &req, &req.WebhookURL, c.reference); err != nil {
			return nil, err
		}
		return e.client.LabResults.Submit(ctx, &req)
	}
	var req helios.AgentRequest
	if err := prepare(body, &req, &req.WebhookURL, c.reference); err != nil {
		return nil, err
	}
	return e.client.Agent.Submit(ctx, &req)
}

func prepare(body []byte, req any, webhookURL *string, reference string) error {
	if json.Unmarshal(body, req) != nil {
		return errStoredRequest // without its cause, whose text can hold a value
	}
	u, err := helios.WebhookURL(*webhookURL, struct {
		Reference string `url:"helios_ref"`
	}{reference})
	*webhookURL = u
	return err
}

const (
	// These change what this attempt has left, and not what another has begun since, should one of them be repeated after its commit was not answered. What is certain also ends
	// the doubt of who has taken this process for dead.
	ofAttempt     = ` WHERE key = $1 AND reference = $2 AND attempts = $3 AND state IN ('submitting', 'unknown')`
	settleUnknown = `UPDATE {submissions} SET state = 'unknown', reason = $4, job_id = NULL` + ofAttempt
	settleQueued  = `UPDATE {submissions} SET state = 'queued', reason = $4, due_at = $5, slot_until = NULL, job_id = NULL` + ofAttempt
	settleFailed  = `UPDATE {submissions} SET state = 'failed', reason = $4, message = $5, ended_at = $6, slot_until = NULL, job_id = NULL` + ofAttempt
	raiseLimit    = `UPDATE {agents} SET slot_limit = $2 WHERE agent = $1 AND slot_limit <> $2`
	pauseAgent    = `UPDATE {agents} SET paused_until = $2 WHERE agent = $1`
	selectFinal   = `SELECT discriminator FROM {events} WHERE run_id = $1 AND final = 1 ORDER BY id`
)

// settle writes the outcome down. It does so even if the job's context has ended, and tries for a minute, for an accepted run is paid; if it cannot, the submission stays
// submitting, which says the same as unknown.
func (e *Engine) settle(ctx context.Context, c *claimed, out outcome) error {
	const patience = time.Minute
	ctx, cancel := detached(ctx, patience)
	defer cancel()
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := e.store.write(ctx, func(tx transaction) error { return e.settleIn(ctx, tx, c, out) })
		if err == nil {
			e.logOutcome(ctx, c, out)
			return nil
		}
		if !wait(ctx, pause) {
			failed := e.storeFailed("settle submission "+c.key, err)
			attrs := []any{slog.String("outcome", string(out.state))}
			if out.run != nil {
				attrs = append(attrs, slog.String("run", out.run.ID))
			}
			e.logger.ErrorContext(ctx, failed.Error(), attrs...)
			return failed
		}
	}
}

func (e *Engine) settleIn(ctx context.Context, tx transaction, c *claimed, out outcome) error {
	now := e.now()
	if out.limit > 0 {
		if err := tx.run(ctx, exec(raiseLimit, c.agent, out.limit)); err != nil {
			return err
		}
	}
	var settled settlement
	switch out.state {
	case Accepted: // as its first webhook does, whichever comes first
		runID := storable(out.run.ID)
		settled.link(&attemptRow{reference: c.reference, key: c.key}, runID, now, e.unknownDeadline)
		// Its final event may have been faster, and have come without the reference. If it had the reference, ending it again changes nothing.
		found := query(func(r row) error {
			var status string
			err := r.Scan(&status)
			settled.end(c.key, runID, status == helios.StatusCompleted, now)
			return err
		}, selectFinal, runID)
		if err := tx.run(ctx, found); err != nil {
			return err
		}
		if err := tx.run(ctx, settled.statements...); err != nil {
			return err
		}
		return e.dispatch(ctx, tx, settled.freed()...)
	case Unknown:
		return tx.run(ctx, exec(settleUnknown, c.key, c.reference, c.attempts, out.reason))
	case Queued:
		statements := []*statement{exec(settleQueued, c.key, c.reference, c.attempts, out.reason, micros(now.Add(out.wait)))}
		if out.pause {
			return tx.run(ctx, append(statements, exec(pauseAgent, c.agent, micros(now.Add(out.wait))))...)
		}
		if err := tx.run(ctx, statements...); err != nil {
			return err
		}
		return e.dispatch(ctx, tx, c.agent) // others need not wait for this one
	default:
		var message []byte
		if out.message != "" {
			message = []byte(out.message)
		}
		message, err := e.encode(message, "message", c.key)
		if err != nil {
			message = nil // that it was refused matters more
		}
		if err := tx.run(ctx, exec(settleFailed, c.key, c.reference, c.attempts, out.reason, message, micros(now))); err != nil {
			return err
		}
		return e.dispatch(ctx, tx, c.agent)
	}
}

func (e *Engine) logOutcome(ctx context.Context, c *claimed, out outcome) {
	key := slog.String("key", c.key)
	switch out.state {
	case Accepted:
		e.logger.InfoContext(ctx, "helios: submission accepted", key, slog.String("run", out.run.ID))
	case Queued:
		e.logger.WarnContext(ctx, "helios: submission not accepted, will be sent again", key, slog.String("reason", out.reason), slog.Duration("wait", out.wait))
	default:
		e.logger.WarnContext(ctx, "helios: submission "+string(out.state), key, slog.String("reason", out.reason))
	}
}

const (
	abandonUnknown = `UPDATE {submissions} SET state = 'unknown', reason = $2, job_id = NULL WHERE job_id = $1 AND state = 'submitting'`
	abandonQueued  = `UPDATE {submissions} SET state = 'queued', reason = $2, job_id = NULL, slot_until = NULL WHERE job_id = $1 AND state = 'submitting'`

	reasonAbandoned = "the process stopped while it was being submitted; the run may have been accepted"
)

// abandoned is called by a job that runs again: what it was submitting when its process died may have been accepted.
func (e *Engine) abandoned(ctx context.Context, job int64) error {
	statement := exec(abandonUnknown, job, reasonAbandoned)
	if e.postAgain {
		statement = exec(abandonQueued, job, reasonAbandoned)
	}
	return e.store.write(ctx, func(tx transaction) error { return tx.run(ctx, statement) })
}
