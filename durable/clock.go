package durable

import (
	"context"
	"log/slog"
	"math"
	"time"
)

// Times are written by the clocks of many machines. One that was ahead, by days
// say, leaves times that would keep things waiting for as long. What lies
// further ahead than the engine ever writes is therefore brought back.
const (
	// longestWait is more than any submission waits: the longest Retry-After
	// that is believed, a day, and its jitter.
	longestWait = 27 * time.Hour
	// longestBackoff is more than an event waits for its next attempt.
	longestBackoff = 2 * time.Hour
	// clockSkew is how far clocks may differ without any harm.
	clockSkew = 5 * time.Minute
)

const (
	capWorkers = `UPDATE {workers} SET seen_at = {now} WHERE seen_at > {now}`
	capSweeps  = `UPDATE {sweeps} SET swept_at = {now} WHERE swept_at > {now}`
	capDue     = `UPDATE {submissions} SET due_at = $1 WHERE state = 'queued' AND due_at > $2`
	// Not a pause without an end.
	capPauses  = `UPDATE {agents} SET paused_until = $1 WHERE paused_until > $2 AND paused_until < $3`
	capSlots   = `UPDATE {submissions} SET slot_until = $1 WHERE slot_until > $2`
	capSubmits = `UPDATE {submissions} SET submitted_at = $1 WHERE state = 'unknown' AND submitted_at > $2`
	capAccepts = `UPDATE {submissions} SET accepted_at = $1 WHERE state = 'accepted' AND accepted_at > $2`
	// Nothing but retention reads it, of what has a body.
	capSettled = `UPDATE {events} SET settled_at = $1 WHERE body IS NOT NULL AND settled_at > $2`
)

// sweepClocks brings back what a clock that was ahead has put off. Jobs of
// events and ends are found by sweepBacklog.
func (e *Engine) sweepClocks(ctx context.Context, now time.Time) error {
	present, skew := micros(now), micros(now.Add(clockSkew))
	statements := []*statement{
		exec(capWorkers),
		exec(capSweeps),
		exec(capDue, present, micros(now.Add(longestWait))),
		exec(capPauses, present, micros(now.Add(longestWait)), int64(math.MaxInt64)),
		exec(capSlots, micros(now.Add(e.unknownDeadline)), micros(now.Add(e.unknownDeadline+clockSkew))),
		exec(capSubmits, present, skew),
		exec(capAccepts, present, skew),
		exec(capSettled, present, skew),
	}
	err := e.store.write(ctx, func(tx transaction) error { return tx.run(ctx, statements...) })

	var changed int64
	for _, st := range statements {
		changed += st.affected
	}
	if err == nil && changed > 0 {
		e.logger.WarnContext(ctx, "helios: due times far in the future were reset; a machine's clock was ahead",
			slog.Int64("rows", changed))
	}
	return err
}
