package heliosotel

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/trace"
)

func TestRuns_keeps_the_newest(t *testing.T) {
	t.Parallel()
	r := newRuns(3)
	for i := range 10 {
		id := strconv.Itoa(i)
		r.keep(id, spanOf(i))
		r.keep(id, spanOf(i+100)) // of the same run: takes no further place
	}

	assert.Len(t, r.spans, 3)
	for i := range 10 {
		span, known := r.find(strconv.Itoa(i))
		assert.Equal(t, i >= 7, known, i)
		if known {
			assert.Equal(t, spanOf(i+100), span)
		}
	}
}

func TestRuns_keeps_nothing_that_is_no_use(t *testing.T) {
	t.Parallel()
	r := newRuns(3)

	r.keep("", spanOf(1))
	r.keep(strings.Repeat("x", longestRunID+1), spanOf(1))
	r.keep("not sampled", spanOf(1).WithTraceFlags(0))

	assert.Empty(t, r.spans)
}

func spanOf(n int) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1, byte(n)}, TraceFlags: trace.FlagsSampled,
	})
}
