package durable

import (
	"context"
	"time"

	"github.com/riverqueue/river"

	"github.com/heliosai/helios-go"
)

// State is how far a submission has come.
//
//	           +------------- 429, no connection -----------+
//	           v                                            |
//	queued --> submitting --> accepted --> completed | failed
//	           |                 ^
//	           +---> unknown ----+  a webhook with its reference comes
//	                    |
//	                    +---> what WithOnUnknown says: hold, failed, or queued again
//
// The final webhook ends it from any state.
type State string

// The states.
const (
	Queued     State = "queued"     // waits for a slot, or to be sent again after it certainly was not accepted
	Submitting State = "submitting" // is being sent; after a crash it stays so until it is found
	Accepted   State = "accepted"   // runs, and is paid
	Unknown    State = "unknown"    // may have been accepted; it is not sent again by itself
	Completed  State = "completed"  // the result is in the store
	Failed     State = "failed"     // was refused, failed, or was given up: see Reason
)

// Decision is what happens to a submission of unknown outcome.
type Decision int

// The decisions.
const (
	Hold     Decision = iota // leave it unknown, for [Engine.Resolve] or a late webhook
	Fail                     // give it up
	Resubmit                 // send it again; if it had been accepted after all it is paid twice
)

// A submission is linked to its run by the first webhook that has its reference, or by the answer to its POST, whichever comes first. Both write the run id to the
// reference's row, so that one waits for the other.
const (
	linkReference = `UPDATE {references} SET run_id = $2 WHERE reference = $1 AND run_id IS NULL`
	linkAccepted  = `UPDATE {submissions} SET state = 'accepted', run_id = $2, reason = '', job_id = NULL, accepted_at = $3, ended_at = NULL, slot_until = coalesce(slot_until, $4)
		WHERE key = $1 AND state IN ('queued', 'submitting', 'unknown', 'failed')`
	endCompleted = `UPDATE {submissions} SET state = 'completed', run_id = $2, reason = '', accepted_at = coalesce(accepted_at, $3), ended_at = $3, slot_until = NULL
		WHERE key = $1 AND state <> 'completed' RETURNING agent`
	endFailed = `UPDATE {submissions} SET state = 'failed', run_id = $2, reason = $4, accepted_at = coalesce(accepted_at, $3), ended_at = $3, slot_until = NULL
		WHERE key = $1 AND state IN ('submitting', 'accepted', 'unknown') AND run_id = $2 RETURNING agent`
)

const reasonRunFailed = "the run failed; the event says why"

// settlement gathers what events do to their submissions.
type settlement struct {
	statements []*statement
	agents     []*string
}

func (s *settlement) add(a *attemptRow, runID string, ev *helios.Event, now time.Time, slot time.Duration) {
	s.link(a, runID, now, slot)
	if ev.Final() {
		s.end(a.key, runID, ev.Status == helios.StatusCompleted, now)
	}
}

// link makes the submission of an attempt whose run was not known an accepted one. One that was given up comes back: it is paid, and its result is on the way.
func (s *settlement) link(a *attemptRow, runID string, now time.Time, slot time.Duration) {
	if a.runID == "" {
		s.statements = append(s.statements,
			exec(linkReference, a.reference, runID),
			exec(linkAccepted, a.key, runID, micros(now), micros(now.Add(slot))))
	}
}

func (s *settlement) end(key, runID string, completed bool, now time.Time) {
	agent := new(string)
	s.agents = append(s.agents, agent)
	freed := func(r row) error { return r.Scan(agent) }
	if completed {
		s.statements = append(s.statements, query(freed, endCompleted, key, runID, micros(now)))
	} else {
		s.statements = append(s.statements, query(freed, endFailed, key, runID, micros(now), reasonRunFailed))
	}
}

// freed returns the agents of which a slot is free now, once for each slot.
func (s *settlement) freed() []string {
	var agents []string
	for _, agent := range s.agents {
		if *agent != "" {
			agents = append(agents, *agent)
		}
	}
	return agents
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
