package heliosotel

import (
	"context"

	"github.com/heliosai/helios-go"
)

// ObserveCall is what a client does with a call that ends at once.
func (t *Telemetry) ObserveCall(ctx context.Context, c helios.Call) {
	_, end := t.traceCall(ctx, c)
	end(c)
}
