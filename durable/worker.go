package durable

import (
	"context"
	"time"

	"github.com/riverqueue/river"
)

// worker does River's jobs of one kind.
type worker[Args river.JobArgs] struct {
	river.WorkerDefaults[Args]
	engine  *Engine
	timeout time.Duration
	work    func(ctx context.Context, job *river.Job[Args]) error
}

// Work does one job. Its errors are what River stores and logs, so they say
// nothing but the type of what went wrong.
func (w *worker[Args]) Work(ctx context.Context, job *river.Job[Args]) error { return w.work(ctx, job) }

// Timeout is longer than a job takes. Never would mean that River does not run
// it again after its process died.
func (w *worker[Args]) Timeout(*river.Job[Args]) time.Duration { return w.timeout }

// NextRetry doubles the wait from 1 s to 1 h.
func (w *worker[Args]) NextRetry(job *river.Job[Args]) time.Time {
	return time.Now().Add(jittered(w.engine.backoff(job.Attempt)))
}
