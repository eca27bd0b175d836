package durable

import (
	"context"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"github.com/heliosai/helios-go"
)

// State is how far a submission has come. These are all the transitions:
//
//	queued     -> submitting, accepted, unknown, completed, canceled
//	submitting -> queued, accepted, unknown, completed, failed
//	accepted   -> overdue, completed, failed
//	unknown    -> queued, accepted, completed, failed
//	overdue    -> queued, completed, failed
//	failed     -> queued, accepted, completed
//	canceled   -> accepted, completed
//
// A submission begins as queued. The final event of its run ends it from any
// state.
type State string

// The states.
const (
	Queued     State = "queued"     // waits for a slot, or to be sent again after it certainly was not accepted
	Submitting State = "submitting" // is being sent; after a crash it stays so until it is found
	Accepted   State = "accepted"   // runs, and is paid
	Unknown    State = "unknown"    // may have been accepted; it is not resent automatically
	Overdue    State = "overdue"    // was accepted, and its result has not come in time: see WithResultDeadline
	Completed  State = "completed"  // the result is in the store
	Failed     State = "failed"     // was refused, failed, or was given up: see Reason
	Canceled   State = "canceled"   // was taken out of the queue before it was sent
)

// anyState is every state that is no zero value.
var anyState = []State{Queued, Submitting, Accepted, Unknown, Overdue, Completed, Failed, Canceled}

// holdsSlot reports whether a submission in this state may be one of the
// account's concurrent runs.
func (s State) holdsSlot() bool { return s == Submitting || s == Accepted || s == Unknown }

// ended reports whether HandleEnd is told of this state.
func (s State) ended() bool {
	return s == Completed || s == Failed || s == Canceled || s == Overdue
}

// insertSubmission is how a submission begins.
const insertSubmission = `INSERT INTO {submissions}
		(key, agent, state, digest, request, created_at, due_at, reference, trace)
	VALUES ($1, $2, 'queued', $3, $4, $5, $5, $6, $7) ON CONFLICT (key) DO NOTHING`

// transition is one way for submissions to change their state. No other
// statement of this package changes it.
type transition struct {
	from []State
	to   State
	sql  string
}

// transitions holds every transition, for the test that compares them with the
// documentation of State.
var transitions []*transition

// transitionTo makes a transition of the submissions that match where and are
// in one of the states from. set names the columns that change beside the
// state.
func transitionTo(to State, from []State, set, where string) *transition {
	states := make([]string, len(from))
	for i, s := range from {
		states[i] = "'" + string(s) + "'"
	}

	t := &transition{from: from, to: to, sql: "UPDATE {submissions} SET state = '" + string(to) + "', " + set +
		" WHERE " + where + " AND state IN (" + strings.Join(states, ", ") + ") RETURNING key, agent"}
	transitions = append(transitions, t)
	return t
}

// What a worker does.
var (
	// claim: $1 key, $2 reference, $3 now, $4 end of the slot, $5 job.
	claimDue = transitionTo(Submitting, []State{Queued},
		`reference = $2, attempts = attempts + 1, reason = '', submitted_at = $3, slot_until = $4, job_id = $5,
			decided_at = NULL`,
		`key = $1`)
	// The commit of the claim was not answered: $1 key, $2 reference, $3 time
	// of the claim, $4 job. The claim may have been taken for abandoned
	// meanwhile. Any other claim of the same submission is another job's.
	unclaimDue = transitionTo(Queued, []State{Submitting, Unknown},
		`reason = '', submitted_at = NULL, slot_until = NULL, job_id = NULL`,
		`key = $1 AND reference = $2 AND submitted_at = $3 AND coalesce(job_id, $4) = $4`)

	// The outcome of one attempt: $1 key, $2 reference, $3 attempt, $4 reason.
	// Such a transition can be repeated after its commit was not answered: it
	// does not touch what another attempt has begun since. A certain outcome
	// also ends the doubt of a process that took this one for dead.
	ofAttempt     = `key = $1 AND reference = $2 AND attempts = $3`
	settleUnknown = transitionTo(Unknown, []State{Submitting, Unknown},
		`reason = $4, job_id = NULL`, ofAttempt)
	settleQueued = transitionTo(Queued, []State{Submitting, Unknown},
		`reason = $4, due_at = $5, slot_until = NULL, job_id = NULL`, ofAttempt)
	settleFailed = transitionTo(Failed, []State{Submitting, Unknown},
		`reason = $4, message = $5, ended_at = $6, slot_until = NULL, job_id = NULL`, ofAttempt)

	// The process died while it was sending. $2 is the reason; $1 is the job of
	// the submission, or the lease that its process has lost, and $3 the time
	// before which whatever was claimed has ended.
	abandonOfJob = transitionTo(Unknown, []State{Submitting},
		`reason = $2, job_id = NULL`, `job_id = $1`)
	abandonLost = transitionTo(Unknown, []State{Submitting},
		`reason = $2, job_id = NULL`,
		`(submitted_at <= $3 OR job_id IN (SELECT j.id FROM {river_job} j WHERE `+abandonedJob+`))`)
)

// What the service tells, in the answer to the submission or in an event:
// $1 key, $2 run, $3 now.
var (
	// A submission that was given up comes back: it is paid, and its result is
	// on the way. $4 is the end of the slot.
	accept = transitionTo(Accepted, []State{Queued, Submitting, Unknown, Failed, Canceled},
		`run_id = $2, reason = '', job_id = NULL, accepted_at = $3, ended_at = NULL,
			slot_until = coalesce(slot_until, $4)`,
		`key = $1`)
	complete = transitionTo(Completed, []State{Queued, Submitting, Accepted, Unknown, Overdue, Failed, Canceled},
		`run_id = $2, reason = '', accepted_at = coalesce(accepted_at, $3), ended_at = $3, slot_until = NULL`,
		`key = $1`)
	// The error of an earlier run says nothing of the present one. $4 is the
	// reason.
	runFailed = transitionTo(Failed, []State{Submitting, Accepted, Unknown, Overdue},
		`run_id = $2, reason = $4, accepted_at = coalesce(accepted_at, $3), ended_at = $3, slot_until = NULL`,
		`key = $1 AND run_id = $2`)
)

// What a person, the caller's code or time decides: $1 key, $2 reason, $3 now.
var (
	giveUp = transitionTo(Failed, []State{Unknown, Overdue},
		`reason = $2, ended_at = $3, slot_until = NULL`, `key = $1`)
	// The old reference stays known: should the first attempt's webhook come
	// after all, it is not sent again, or at least its result finds the
	// submission. $4 is 1 if a submission may be sent again of which it is
	// known that it was refused, failed or accepted.
	resubmit = transitionTo(Queued, []State{Unknown, Overdue, Failed},
		`reason = $2, reference = NULL, run_id = NULL, ended_at = NULL, message = NULL, due_at = $3, slot_until = NULL`,
		`key = $1 AND request IS NOT NULL AND (state = 'unknown' OR $4 = 1)`)
	cancel = transitionTo(Canceled, []State{Queued},
		`reason = $2, ended_at = $3, slot_until = NULL, job_id = NULL`, `key = $1`)
	// $1 is the time of acceptance before which a result is overdue, $4 how
	// many to change at the most.
	expire = transitionTo(Overdue, []State{Accepted},
		`reason = $2, ended_at = $3, slot_until = NULL`,
		`key IN (SELECT key FROM {submissions} WHERE state = 'accepted' AND accepted_at <= $1
			ORDER BY accepted_at LIMIT $4)`)
	// The store is a restored backup: $1 reason, $2 now. WithOnUnknown is not
	// asked about it: a person decides.
	holdRestored = transitionTo(Unknown, []State{Queued},
		`reason = $1, job_id = NULL, submitted_at = coalesce(submitted_at, created_at), decided_at = $2`, `1 = 1`)
)

const (
	// linkReference makes a run known as the one of an attempt. The answer to
	// the POST does so, or the first webhook with the reference, whichever
	// comes first; both write this row, so that one waits for the other.
	linkReference = `UPDATE {references} SET run_id = $2 WHERE reference = $1 AND run_id IS NULL`

	reasonCanceled  = "canceled before it was sent"
	reasonOverdue   = "no result within the deadline; it may still arrive"
	reasonAbandoned = "the process stopped while sending it; the run may have been accepted"
	reasonRunFailed = "the run failed at Helios; its final event says why"
)

// changed is one submission that a transition has changed.
type changed struct {
	key, agent string
	to         State
}

// changes collects the transitions of one database transaction, and what they
// changed.
type changes struct {
	statements []*statement
	made       []changed
	ending     bool // one of them may end a submission
}

// add appends a transition.
func (c *changes) add(t *transition, args ...any) {
	c.ending = c.ending || !t.to.holdsSlot()
	c.statements = append(c.statements, query(func(r row) error {
		made := changed{to: t.to}
		err := r.Scan(&made.key, &made.agent)
		c.made = append(c.made, made)
		return err
	}, t.sql, args...))
}

// addEvent appends what an event does to the submission of its attempt.
func (c *changes) addEvent(a *attemptRow, runID string, ev *helios.Event, now time.Time, slot time.Duration) {
	c.addAccepted(a, runID, now, slot)
	if ev.Final() {
		c.addEnd(a.key, runID, ev.Status == helios.StatusCompleted, now)
	}
}

// addAccepted appends the acceptance of an attempt whose run was not known.
func (c *changes) addAccepted(a *attemptRow, runID string, now time.Time, slot time.Duration) {
	if a.runID == "" {
		c.statements = append(c.statements, exec(linkReference, a.reference, runID))
		c.add(accept, a.key, runID, micros(now), micros(now.Add(slot)))
	}
}

// addEnd appends the end of a run.
func (c *changes) addEnd(key, runID string, completed bool, now time.Time) {
	if completed {
		c.add(complete, key, runID, micros(now))
	} else {
		c.add(runFailed, key, runID, micros(now), reasonRunFailed)
	}
}

// apply makes the transitions in tx, and queues there what follows from them.
func (e *Engine) apply(ctx context.Context, tx transaction, c *changes) error {
	if err := tx.run(ctx, c.statements...); err != nil {
		return err
	}
	return e.follow(ctx, tx, c)
}

// follow queues the call of HandleEnd for each submission that has ended, and
// wakes a worker for each slot that is free now, in case something is queued.
func (e *Engine) follow(ctx context.Context, tx transaction, c *changes) error {
	now := e.now()
	var jobs []river.InsertManyParams
	var ended []changed
	var ids []int64
	for _, made := range c.made {
		if made.to.ended() {
			ended, ids = append(ended, made), append(ids, newID(now))
			jobs = append(jobs, river.InsertManyParams{Args: endArgs{ids[len(ids)-1]}})
		}
	}
	for _, made := range c.made {
		if !made.to.holdsSlot() {
			jobs = append(jobs, river.InsertManyParams{Args: submitArgs{made.agent}})
		}
	}
	if len(jobs) == 0 {
		return nil
	}

	jobIDs, err := tx.enqueue(ctx, jobs...)
	if err != nil {
		return err
	}
	inserts := make([]*statement, len(ended))
	for i, made := range ended {
		inserts[i] = exec(insertEnd, ids[i], made.key, string(made.to), jobIDs[i], micros(now))
	}
	return tx.run(ctx, inserts...)
}

// transit makes one transition in a transaction of its own, and returns what it
// changed.
func (e *Engine) transit(ctx context.Context, t *transition, args ...any) ([]changed, error) {
	var c *changes
	err := e.store.write(ctx, func(tx transaction) error {
		c = new(changes)
		c.add(t, args...)
		return e.apply(ctx, tx, c)
	})
	if err != nil {
		return nil, err
	}
	return c.made, nil
}

// dispatch wakes a worker for each of agents, in case something is queued.
func (e *Engine) dispatch(ctx context.Context, tx transaction, agents ...string) error {
	if len(agents) == 0 {
		return nil
	}
	jobs := make([]river.InsertManyParams, len(agents))
	for i, agent := range agents {
		jobs[i] = river.InsertManyParams{Args: submitArgs{Agent: agent}}
	}
	_, err := tx.enqueue(ctx, jobs...)
	return err
}
