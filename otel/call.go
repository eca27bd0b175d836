package heliosotel

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/heliosai/helios-go"
)

const (
	labResultsPath = "/api/v1/lab-results"
	agentPath      = "/api/v1/agent"
)

// endpoints are the paths that a submission is posted to.
var endpoints = []string{labResultsPath, agentPath}

// The values of the attributes agent and outcome.
var (
	agents   = []string{"light", "deep", "lab-results"}
	outcomes = []string{
		string(helios.OutcomeAccepted), string(helios.OutcomeInvalid), string(helios.OutcomeNotSent),
		string(helios.OutcomeLimited), string(helios.OutcomeUnauthorized), string(helios.OutcomeRefused),
		string(helios.OutcomeUnknown),
	}
)

// isSubmission reports whether a call could start a run. A Do to the same
// endpoint can.
func isSubmission(c *helios.Call) bool {
	return c.Method == http.MethodPost && (c.Path == labResultsPath || c.Path == agentPath)
}

// agentOf returns the agent type of a submission. A Do does not say it, but one
// endpoint has only one.
func agentOf(c *helios.Call) string {
	if c.Agent == "" && c.Path == labResultsPath {
		return "lab-results"
	}
	return bounded(c.Agent, agents)
}

// traceCall makes the span of a call, and counts it when it has ended.
func (t *Telemetry) traceCall(ctx context.Context, begun helios.Call) (context.Context, func(helios.Call)) {
	stored := restoredFrom(ctx)
	name := "helios.do"
	var attributes []attribute.KeyValue
	if isSubmission(&begun) {
		name = "helios.submit"
		attributes = []attribute.KeyValue{attribute.String("helios.agent", agentOf(&begun))}
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithAttributes(attributes...))

	return ctx, func(c helios.Call) {
		if stored == nil || c.Agent != "" || !isSubmission(&c) {
			t.endCall(ctx, span, &c)
			span.End()
			return
		}
		ended := time.Now()
		stored.hold(func(agent, runID string) {
			c.Agent, c.RunID = agent, runID
			span.SetAttributes(attribute.String("helios.agent", agentOf(&c)))
			t.endCall(ctx, span, &c)
			span.End(trace.WithTimestamp(ended))
		})
	}
}

// endCall writes down what a call came to. It does not end the span.
func (t *Telemetry) endCall(ctx context.Context, span trace.Span, c *helios.Call) {
	outcome := bounded(string(c.Outcome), outcomes)
	if span.IsRecording() {
		span.SetAttributes(attribute.String("helios.outcome", outcome), attribute.Int("helios.attempts", c.Attempts))
		if c.RunID != "" {
			span.SetAttributes(runID(c.RunID))
		}
		if c.Outcome != helios.OutcomeAccepted {
			span.SetStatus(codes.Error, outcome)
		}
	}

	t.runs.keep(c.RunID, span.SpanContext())
	if isSubmission(c) {
		t.metrics.countCall(ctx, agentOf(c), outcome, c)
	}
}

// longestRunID bounds what the service can put into a span. A UUID has 36
// bytes.
const longestRunID = 128

// runID is the attribute of spans that names a run.
func runID(id string) attribute.KeyValue {
	if len(id) > longestRunID {
		id = other
	}
	return attribute.String("helios.run_id", id)
}
