package durable

import (
	"context"
	"database/sql"
	"time"
)

// Stats counts submissions and events. What is completed or handled is not
// counted, so Stats costs little however much of it there is.
type Stats struct {
	// Submissions that wait, are being sent, run, have an unknown outcome, or
	// whose result has not come in time.
	Queued     int `json:"queued"`
	Submitting int `json:"submitting"`
	Running    int `json:"running"`
	Unknown    int `json:"unknown"`
	Overdue    int `json:"overdue"`
	// Submissions that have ended without a result, since the store was made.
	Failed   int `json:"failed"`
	Canceled int `json:"canceled"`
	// PendingEvents wait for the handler or for their next attempt, PendingEnds
	// for HandleEnd's function; DeadLetters of either have used their attempts
	// up.
	PendingEvents int `json:"pendingEvents"`
	PendingEnds   int `json:"pendingEnds"`
	DeadLetters   int `json:"deadLetters"`

	// The ages of what has been in its state longest; 0 where nothing is. A
	// queued submission's age counts from when it was stored.
	OldestQueued     time.Duration `json:"oldestQueued"`
	OldestSubmitting time.Duration `json:"oldestSubmitting"`
	OldestRunning    time.Duration `json:"oldestRunning"`
	OldestUnknown    time.Duration `json:"oldestUnknown"`
	OldestOverdue    time.Duration `json:"oldestOverdue"`
	OldestEvent      time.Duration `json:"oldestEvent"`
	OldestEnd        time.Duration `json:"oldestEnd"`
	OldestDeadLetter time.Duration `json:"oldestDeadLetter"`

	// Slots are the account's for each agent type: "light", "deep" and
	// "lab-results".
	Slots map[string]Slots `json:"slots"`
	// Paused are the agent types of which nothing is sent at present.
	Paused map[string]Pause `json:"paused"`
	// Spend is what runs have cost; see [WithSpendLimit].
	Spend Spend `json:"spend"`
	// Workers is how many processes run the engine.
	Workers int `json:"workers"`
}

// Slots are the account's run slots for one agent type, as the engine counts
// them.
type Slots struct {
	InUse int `json:"inUse"`
	Limit int `json:"limit"`
}

const (
	// Two statements, each in the order of an index, so that PostgreSQL need
	// not hash. What is completed is not counted.
	countUnderWay = `SELECT state, count(*), min(CASE state
			WHEN 'submitting' THEN submitted_at WHEN 'unknown' THEN submitted_at
			WHEN 'accepted' THEN accepted_at WHEN 'overdue' THEN ended_at ELSE created_at END)
		FROM {submissions} WHERE state IN ('queued', 'submitting', 'accepted', 'unknown', 'overdue') GROUP BY state`
	countEnded = `SELECT state, count(*), 0 FROM {submissions}
		WHERE state IN ('failed', 'canceled') GROUP BY state`
	countQueued = `SELECT agent, count(*) FROM {submissions}
		WHERE agent IN ('light', 'deep', 'lab-results') AND state = 'queued' GROUP BY agent`
	countEvents = `SELECT state, count(*), min(received_at) FROM {events}
		WHERE state IN ('pending', 'dead') GROUP BY state`
	countEnds   = `SELECT state, count(*), min(ended_at) FROM {ends} GROUP BY state`
	countAgents = `SELECT a.agent, a.slot_limit, a.paused_until, a.refusals, a.reason,
			(SELECT count(*) FROM {submissions} s WHERE s.agent = a.agent AND s.slot_until > $1)
		FROM {agents} a`
	countWorkers = `SELECT count(*) FROM {workers} WHERE seen_at > {now} - $1`
	selectQueued = `SELECT agent FROM {agents} a WHERE EXISTS
		(SELECT 1 FROM {submissions} s WHERE s.agent = a.agent AND s.state = 'queued')`
)

// Stats counts what is under way, for metrics. The error is
// [helios.ErrUnavailable].
func (e *Engine) Stats(ctx context.Context) (Stats, error) {
	now, stats, queued := e.now(), newStats(), map[string]int{}
	statements := []*statement{
		query(func(r row) error { return stats.addSubmissions(r, now) }, countUnderWay),
		query(func(r row) error { return stats.addSubmissions(r, now) }, countEnded),
		query(func(r row) error {
			return stats.addBacklog(r, now, &stats.PendingEvents, &stats.OldestEvent)
		}, countEvents),
		query(func(r row) error {
			return stats.addBacklog(r, now, &stats.PendingEnds, &stats.OldestEnd)
		}, countEnds),
	}
	if e.spendLimit > 0 { // nothing else asks for it by agent type
		statements = append(statements, query(func(r row) error {
			var agent string
			var count int
			err := r.Scan(&agent, &count)
			queued[agent] = count
			return err
		}, countQueued))
	}

	if err := e.readStats(ctx, &stats, queued, now, statements...); err != nil {
		return Stats{}, e.storeFailed("stats", err)
	}
	return stats, nil
}

func newStats() Stats { return Stats{Slots: map[string]Slots{}, Paused: map[string]Pause{}} }

// obstacles are those of the Stats that say what keeps submissions from being
// sent. To read them takes equally long however much there is.
func (e *Engine) obstacles(ctx context.Context) (Stats, error) {
	stats, queued := newStats(), map[string]int{}
	err := e.readStats(ctx, &stats, queued, e.now(), query(func(r row) error {
		var agent string
		err := r.Scan(&agent)
		queued[agent] = 1 // at least
		return err
	}, selectQueued))
	return stats, err
}

// readStats reads agents, workers and spending, and runs statements that count
// more: into queued what is queued, by agent type.
func (e *Engine) readStats(
	ctx context.Context, stats *Stats, queued map[string]int, now time.Time, statements ...*statement,
) error {
	statements = append(statements,
		query(func(r row) error { return e.addAgent(r, now, stats) }, countAgents, micros(now)),
		query(func(r row) error { return r.Scan(&stats.Workers) }, countWorkers, e.lease.Microseconds()))
	var spent int64
	if e.spendLimit > 0 {
		statements = append(statements, e.countSpent(&spent, now))
	}
	if err := e.store.read(ctx, statements...); err != nil {
		return err
	}

	if e.spendLimit > 0 {
		stats.Spend = Spend{Limit: float64(e.spendLimit) / dollar, Spent: float64(spent) / dollar, Per: e.spendPer}
		stats.addLimited(queued, func(agent string) bool { return spent+prices[agent] > e.spendLimit })
	}
	return nil
}

// addLimited adds what the spend limit keeps from being sent.
func (s *Stats) addLimited(queued map[string]int, limited func(agent string) bool) {
	for agent := range s.Slots {
		if !limited(agent) {
			continue
		}
		s.Spend.Waiting += queued[agent]
		pause, paused := s.Paused[agent]
		switch {
		case pause.Reason == reasonSpend, !paused && queued[agent] > 0:
			s.Paused[agent] = Pause{Reason: reasonSpend, SpendLimit: true}
		case paused:
			pause.SpendLimit = true
			s.Paused[agent] = pause
		}
	}
}

// addSubmissions adds how many submissions are in a state, and since when the
// oldest of those under way is.
func (s *Stats) addSubmissions(r row, now time.Time) error {
	var state State
	var count int
	var oldest sql.NullInt64
	if err := r.Scan(&state, &count, &oldest); err != nil {
		return err
	}

	switch since := age(oldest, now); state {
	case Queued:
		s.Queued, s.OldestQueued = count, since
	case Submitting:
		s.Submitting, s.OldestSubmitting = count, since
	case Accepted:
		s.Running, s.OldestRunning = count, since
	case Unknown:
		s.Unknown, s.OldestUnknown = count, since
	case Overdue:
		s.Overdue, s.OldestOverdue = count, since
	case Failed:
		s.Failed = count
	case Canceled:
		s.Canceled = count
	case Completed: // not asked for: it would cost too much
	}
	return nil
}

// addBacklog adds a count of events or ends, and their dead letters.
func (s *Stats) addBacklog(r row, now time.Time, pending *int, oldestPending *time.Duration) error {
	var state string
	var count int
	var oldest sql.NullInt64
	if err := r.Scan(&state, &count, &oldest); err != nil {
		return err
	}
	if state == rowDead {
		s.DeadLetters += count
		s.OldestDeadLetter = max(s.OldestDeadLetter, age(oldest, now))
		return nil
	}
	*pending, *oldestPending = count, age(oldest, now)
	return nil
}

func (e *Engine) addAgent(r row, now time.Time, stats *Stats) error {
	var agent, reason string
	var slots Slots
	var paused int64
	var refusals int
	if err := r.Scan(&agent, &slots.Limit, &paused, &refusals, &reason, &slots.InUse); err != nil {
		return err
	}
	slots.Limit = e.capped(slots.Limit)
	stats.Slots[agent] = slots

	switch {
	case paused == byHand:
		stats.Paused[agent] = Pause{Reason: reason, ByHand: true}
	case paused > micros(now) || refusals > 0:
		stats.Paused[agent] = Pause{Reason: reason, Until: moment(&paused), Refused: refusals > 0}
	}
	return nil
}

// age is how long ago a stored time is; 0 for none, and for one in the future.
func age(stored sql.NullInt64, now time.Time) time.Duration {
	if !stored.Valid || stored.Int64 == 0 {
		return 0
	}
	return max(now.Sub(moment(&stored.Int64)), 0)
}

// capped is the limit that the caller leaves to the engine.
func (c *config) capped(limit int) int {
	if c.maxSlots > 0 {
		return min(limit, c.maxSlots)
	}
	return limit
}
