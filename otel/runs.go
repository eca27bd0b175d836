package heliosotel

import (
	"sync"

	"go.opentelemetry.io/otel/trace"
)

// keptRuns is how many runs a process remembers: about 1.5 MB, and more than an
// account has under way.
const keptRuns = 10_000

// runs remembers which span submitted a run. The oldest run makes room for the
// newest.
type runs struct {
	mu    sync.Mutex
	spans map[string]trace.SpanContext
	ring  []string // the runs in the order in which they came
	next  int
}

func newRuns(most int) *runs {
	return &runs{spans: map[string]trace.SpanContext{}, ring: make([]string, most)}
}

// keep remembers a run. A span that nobody records is not worth a link.
func (r *runs) keep(runID string, span trace.SpanContext) {
	if runID == "" || len(runID) > longestRunID || !span.IsSampled() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()

	if _, known := r.spans[runID]; !known {
		delete(r.spans, r.ring[r.next])
		r.ring[r.next] = runID
		r.next = (r.next + 1) % len(r.ring)
	}
	r.spans[runID] = span
}

func (r *runs) find(runID string) (trace.SpanContext, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()

	span, ok := r.spans[runID]
	return span, ok
}
