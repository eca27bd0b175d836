package durable

import (
	"context"
	"fmt"
	"math"
	"time"
)

// byHand is the end of a pause that only Resume ends.
const byHand = math.MaxInt64

const reasonPaused = "paused until it is resumed"

const (
	pauseByHand = `UPDATE {agents} SET paused_until = $2, reason = $3 WHERE agent = $1`
	resumeAgent = `UPDATE {agents} SET paused_until = 0, refusals = 0, reason = '' WHERE agent = $1`
	// What waits to be sent again need not wait any longer.
	resumeQueued = `UPDATE {submissions} SET due_at = $2 WHERE agent = $1 AND state = 'queued' AND due_at > $2`

	// The service has refused a submission, and would refuse others: $2 is when
	// it was claimed. Of several that were under way at once only the first
	// counts.
	countRefusal = `UPDATE {agents} SET refusals = refusals + CASE WHEN paused_until <= $2 THEN 1 ELSE 0 END
		WHERE agent = $1 RETURNING refusals`
	pauseAgent    = `UPDATE {agents} SET paused_until = $2, reason = $3 WHERE agent = $1 AND paused_until < $4`
	clearRefusals = `UPDATE {agents} SET refusals = 0, paused_until = 0, reason = ''
		WHERE agent = $1 AND refusals > 0 AND paused_until < $2`
)

// Pause keeps every process from sending submissions of an agent type, "light",
// "deep" or "lab-results", until [Engine.Resume] is called. What is being sent
// goes on, and events are received and handled as usual. [Engine.Stats] shows
// it.
//
// The error is [ErrNotFound] for another agent type, and
// [helios.ErrUnavailable] if the store failed.
func (e *Engine) Pause(ctx context.Context, agent string) error {
	return e.setPause(ctx, "pause "+agent, agent, false,
		exec(pauseByHand, agent, int64(byHand), reasonPaused))
}

// Resume ends a pause of an agent type: one made by [Engine.Pause], or by the
// engine after a 429 or a refusal, however much of it is left. It does nothing
// where there is none. Its errors are those of Pause.
func (e *Engine) Resume(ctx context.Context, agent string) error {
	return e.setPause(ctx, "resume "+agent, agent, true,
		exec(resumeAgent, agent), exec(resumeQueued, agent, micros(e.now())))
}

// setPause runs statements of which the first changes the agent's row.
func (e *Engine) setPause(ctx context.Context, doing, agent string, wake bool, statements ...*statement) error {
	err := e.store.write(ctx, func(tx transaction) error {
		err := tx.run(ctx, statements...)
		if err != nil || statements[0].affected == 0 || !wake {
			return err
		}
		return e.dispatch(ctx, tx, agent)
	})
	switch {
	case err != nil:
		return e.storeFailed(doing, err)
	case statements[0].affected == 0:
		return fmt.Errorf("%w: agent type %q", ErrNotFound, agent)
	}
	return nil
}

// Pause is why submissions of an agent type are not sent.
type Pause struct {
	// Reason says why, without patient data.
	Reason string `json:"reason"`
	// Until is when it ends by itself; zero after [Engine.Pause], and for the
	// spend limit. Where it is set and Refused is not, the service had no slot
	// left.
	Until time.Time `json:"until,omitzero"`
	// ByHand reports whether only [Engine.Resume] ends it.
	ByHand bool `json:"byHand"`
	// Refused reports whether the service refuses all that is sent: once Until
	// has come, one submission at a time is tried.
	Refused bool `json:"refused"`
	// SpendLimit reports whether [WithSpendLimit] keeps the next run from being
	// sent, whatever else does.
	SpendLimit bool `json:"spendLimit"`
}
