package heliosotel

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/heliosai/helios-go"
)

// The values of the attributes answer and reason. An answer of "none" is that
// of a callback that panicked.
var (
	answers = []string{"200", "400", "401", "405", "408", "413", "500", "503"}
	reasons = []string{
		string(helios.ReasonAccepted), string(helios.ReasonMethod), string(helios.ReasonHeaders),
		string(helios.ReasonStale), string(helios.ReasonSignature), string(helios.ReasonEventAge),
		string(helios.ReasonTooLarge), string(helios.ReasonIncomplete), string(helios.ReasonMalformed),
		string(helios.ReasonSecrets), string(helios.ReasonRejected), string(helios.ReasonUnavailable),
		string(helios.ReasonFailed), string(helios.ReasonPanic),
	}
)

const noAnswer = "none"

// ObserveDelivery counts a delivery and makes its span, with the time at which
// it came. It is what [Telemetry.ReceiverOptions] gives to
// [helios.WithReceiverObserver], of which a receiver has one. If the
// application has an observer of its own, call this from it.
func (t *Telemetry) ObserveDelivery(ctx context.Context, d helios.Delivery) {
	ended := time.Now()
	answer := noAnswer
	if d.StatusCode != 0 {
		answer = bounded(strconv.Itoa(d.StatusCode), answers)
	}
	reason := bounded(string(d.Reason), reasons)

	attributes := []attribute.KeyValue{
		attribute.String("helios.reason", reason),
		semconv.HTTPRequestBodySize(int(d.Bytes)),
	}
	if d.StatusCode != 0 {
		attributes = append(attributes, semconv.HTTPResponseStatusCode(d.StatusCode))
	}
	if d.RunID != "" { // authentic
		attributes = append(attributes, runID(d.RunID), attribute.Bool("helios.final", d.Final),
			attribute.String("helios.agent", bounded(d.Agent, agents)))
	}

	ctx, span := t.tracer.Start(ctx, "helios.delivery", trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithTimestamp(ended.Add(-d.Duration)), trace.WithAttributes(attributes...),
		trace.WithLinks(t.Links(ctx, d.RunID)...))
	if d.StatusCode == 0 || d.StatusCode >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, reason)
	}
	t.metrics.countDelivery(ctx, answer, reason, d.Bytes)
	span.End(trace.WithTimestamp(ended))
}
