package main

import (
	"fmt"
	"time"

	"github.com/heliosai/helios-go/durable"
)

// table is rows for a table.
type table struct {
	name    string
	columns []string
	rows    [][]any
}

// storedRun is a submission with at most one event and one end, as it is filled
// in. What is zero is left out.
type storedRun struct {
	key, agent string
	state      durable.State
	id         string // of the run
	due        time.Time
	ended      time.Time

	number int // of its event; eventsPerRun is the final one
	body   []byte
	event  string // the state of the event's row
	end    string // the state of the end's row
}

// A job that is filled in has the id of its row and this much, so that River
// never gives the same.
const firstJob = 1 << 40

// tablesOf are the rows that an engine would have written for runs, of which
// the first has the number first. Of its River jobs there are those that hand
// over what is pending, after a while. Nobody is asked about what is unknown.
func tablesOf(runs []storedRun, first int) []table {
	now := time.Now()
	submissions := table{name: "helios_submissions", columns: []string{
		"key", "agent", "state", "digest", "request", "reference", "run_id", "attempts",
		"created_at", "due_at", "submitted_at", "accepted_at", "ended_at", "decided_at", "reason",
	}}
	references := table{name: "helios_references", columns: []string{"reference", "key", "run_id", "created_at"}}
	events := table{name: "helios_events", columns: []string{
		"id", "run_id", "sequence_number", "discriminator", "final", "state", "body", "job_id",
		"received_at", "settled_at",
	}}
	ends := table{name: "helios_ends", columns: []string{
		"id", "key", "ended_as", "state", "job_id", "ended_at", "settled_at",
	}}
	jobs := table{name: "river_job", columns: []string{
		"id", "args", "kind", "max_attempts", "queue", "state", "scheduled_at",
	}}
	addJob := func(id, row int64, of string) {
		jobs.rows = append(jobs.rows, []any{
			id, fmt.Appendf(nil, `{%q:%d}`, of, row), "helios_" + of, 30_000, "helios_" + of + "s", "scheduled",
			now.Add(aWhile),
		})
	}

	digest := make([]byte, 48)
	request := fmt.Appendf(nil, `{"labResults":[{"name":"Creatinine","value":"%01000d"}]}`, 1)
	for i := range runs {
		run := &runs[i]
		created := now.UnixMicro()
		due, ended, accepted := created, any(nil), any(nil)
		if !run.due.IsZero() {
			due = run.due.UnixMicro()
		}
		if !run.ended.IsZero() {
			ended = run.ended.UnixMicro()
		}
		runID := any(nil)
		if run.id != "" {
			runID, accepted = run.id, created
		}
		reference := referenceOf(run.key)
		submissions.rows = append(submissions.rows, []any{
			run.key, run.agent, string(run.state), digest, request, reference, runID, 1,
			created, due, created, accepted, ended, created, "",
		})
		references.rows = append(references.rows, []any{reference, run.key, runID, created})

		id := int64(first + i + 1) // below those that an engine gives, and rising as they do
		settled := ended
		if settled == nil {
			settled = created
		}
		if run.body != nil {
			final := 0
			if run.number == eventsPerRun {
				final = 1
			}
			events.rows = append(events.rows, []any{
				id, run.id, run.number, status(run.number), final, run.event, run.body, firstJob + id, created,
				unlessPending(run.event, settled),
			})
			if run.event == pending {
				addJob(firstJob+id, id, "event")
			}
		}
		if run.end != "" {
			ends.rows = append(ends.rows, []any{
				id, run.key, string(run.state), run.end, firstJob<<1 + id, created, unlessPending(run.end, settled),
			})
			if run.end == pending {
				addJob(firstJob<<1+id, id, "end")
			}
		}
	}
	return []table{submissions, references, events, ends, jobs}
}

// aWhile is longer than this program runs, and no longer than an engine makes
// anything wait.
const aWhile = 50 * time.Minute

// The states of an event or an end.
const (
	pending = "pending"
	handled = "handled"
	dead    = "dead"
)

func unlessPending(state string, settled any) any {
	if state == pending {
		return nil
	}
	return settled
}
