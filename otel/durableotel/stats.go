package durableotel

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/heliosai/helios-go/durable"
	heliosotel "github.com/heliosai/helios-go/otel"
)

// Counter counts what is in a store. A [*durable.Engine] does.
type Counter interface {
	Stats(ctx context.Context) (durable.Stats, error)
}

// RegisterStats makes the metrics helios.durable.submissions, .oldest and
// .dead_letters, for which it asks the store at each collection. If the store
// cannot be read they are missing, and the error goes to OpenTelemetry's error
// handler: let an alert watch for their absence.
//
// Each process that registers the same store reports the same numbers. Let one
// do it, or take the maximum over all.
func RegisterStats(tel *heliosotel.Telemetry, store Counter) (metric.Registration, error) {
	meter := tel.Meter()
	submissions, err := meter.Int64ObservableGauge("helios.durable.submissions", metric.WithUnit("{submission}"),
		metric.WithDescription("Submissions in the store that are not completed."))
	if err != nil {
		return nil, err
	}
	oldest, err := meter.Float64ObservableGauge("helios.durable.oldest", metric.WithUnit("s"),
		metric.WithDescription("Age of what has been in its state longest; 0 where nothing is."))
	if err != nil {
		return nil, err
	}
	deadLetters, err := meter.Int64ObservableGauge("helios.durable.dead_letters", metric.WithUnit("{dead_letter}"),
		metric.WithDescription("Events and ends whose attempts are used up."))
	if err != nil {
		return nil, err
	}

	return meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		stats, err := store.Stats(ctx)
		if err != nil {
			return err
		}
		for state, count := range counts(&stats) {
			o.ObserveInt64(submissions, int64(count), metric.WithAttributes(attribute.String("state", state)))
		}
		for state, age := range ages(&stats) {
			o.ObserveFloat64(oldest, age.Seconds(), metric.WithAttributes(attribute.String("state", state)))
		}
		o.ObserveInt64(deadLetters, int64(stats.DeadLetters))
		return nil
	}, submissions, oldest, deadLetters)
}

func counts(s *durable.Stats) map[string]int {
	return map[string]int{
		string(durable.Queued):     s.Queued,
		string(durable.Submitting): s.Submitting,
		string(durable.Accepted):   s.Running,
		string(durable.Unknown):    s.Unknown,
		string(durable.Overdue):    s.Overdue,
		string(durable.Failed):     s.Failed,
		string(durable.Canceled):   s.Canceled,
	}
}

// ages has the states of submissions, and what of them waits for a handler.
func ages(s *durable.Stats) map[string]time.Duration {
	return map[string]time.Duration{
		string(durable.Queued):     s.OldestQueued,
		string(durable.Submitting): s.OldestSubmitting,
		string(durable.Accepted):   s.OldestRunning,
		string(durable.Unknown):    s.OldestUnknown,
		string(durable.Overdue):    s.OldestOverdue,
		"event":                    s.OldestEvent,
		"end":                      s.OldestEnd,
		"dead_letter":              s.OldestDeadLetter,
	}
}
