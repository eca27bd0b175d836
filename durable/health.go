package durable

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/heliosai/helios-go"
)

var (
	// ErrPaused means that no submission of an agent type is sent: because of
	// [Engine.Pause], a refusal of the service or the spend limit.
	ErrPaused = errors.New("helios: durable: submissions are paused")
	// ErrNotRunning means that no process has Run under way.
	ErrNotRunning = errors.New("helios: durable: no process is running the engine")
)

const writeHealth = `UPDATE {sweeps} SET swept_at = {now} WHERE name = 'health'`

// Health returns nil if nothing keeps webhooks from being stored or submissions
// from being sent. It commits a small change, so that a store that is read-only
// or full does not pass. Otherwise the error matches one or more of
//
//   - [helios.ErrUnavailable]: the store failed. Webhooks are answered with
//     503.
//   - [ErrPaused]: the service refuses what is sent, because of the key, say;
//     or somebody has paused an agent type; or the spend limit is reached. The
//     text says why.
//   - [ErrNotRunning]: no process has Run under way, or none has given a sign
//     of life in the last 30 s.
//
// A readiness check of what receives webhooks should look at the first only:
// with the others, webhooks can still be received, and must be.
func (e *Engine) Health(ctx context.Context) error {
	err := e.store.write(ctx, func(tx transaction) error { return tx.run(ctx, exec(writeHealth)) })
	if err != nil {
		return e.storeFailed("health", err)
	}

	stats, err := e.obstacles(ctx)
	if err != nil {
		return e.storeFailed("health", err)
	}

	var problems error
	for _, agent := range slices.Sorted(maps.Keys(stats.Paused)) {
		if p := stats.Paused[agent]; p.Refused || p.ByHand || p.SpendLimit { // a 429 is no fault
			problems = errors.Join(problems, fmt.Errorf("%w: %s: %s", ErrPaused, agent, p.Reason))
		}
	}
	if stats.Workers == 0 {
		problems = errors.Join(problems, ErrNotRunning)
	}
	return problems
}

// StatusCode returns the HTTP status with which your own server can answer what
// a method of [Engine] returned:
//
//	200  nil
//	400  a [helios.ValidationError]: the request, key or argument is wrong
//	404  ErrNotFound, and [helios.ErrNoResult]
//	409  ErrKeyConflict, ErrState
//	410  ErrDeleted
//	503  [helios.ErrUnavailable]: it can be repeated
//	500  all others, such as ErrUndecodable
//
// The server's client need not see the text of a 500 or a 503.
func StatusCode(err error) int {
	var invalid *helios.ValidationError
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &invalid):
		return http.StatusBadRequest
	case errors.Is(err, ErrNotFound), errors.Is(err, helios.ErrNoResult):
		return http.StatusNotFound
	case errors.Is(err, ErrKeyConflict), errors.Is(err, ErrState):
		return http.StatusConflict
	case errors.Is(err, ErrDeleted):
		return http.StatusGone
	case errors.Is(err, helios.ErrUnavailable):
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// invalid is an argument that cannot be used.
func invalid(field, problem string) error {
	return &helios.ValidationError{Fields: []helios.FieldError{{Field: field, Message: problem}}}
}
