package durable

import (
	"context"
	"encoding/json"
	"errors"
)

// WithTraceContext keeps the trace of who submits: extract takes what is to be
// stored from the context of the Submit call, a W3C traceparent say, and
// restore puts it into the context of the POST, of the handlers' calls and, at
// the price of a read, of what [WithObserver] sees of a delivery. What it holds
// is stored as bodies are: through the codec, and deleted with the request.
// Both must be safe for concurrent use and quick.
//
// With OpenTelemetry, extract injects into a propagation.MapCarrier, and
// restore extracts from one.
func WithTraceContext(
	extract func(context.Context) map[string]string,
	restore func(context.Context, map[string]string) context.Context,
) Option {
	return func(c *config) error {
		if extract == nil || restore == nil {
			return errors.New("helios: durable: WithTraceContext: nil function")
		}
		c.extractTrace, c.restoreTrace = extract, restore
		return nil
	}
}

const selectTrace = `SELECT trace FROM {submissions} WHERE key = $1 AND trace IS NOT NULL`

// encodeTrace returns the trace of ctx as it is stored with the submission of
// key; nil if there is none.
func (c *config) encodeTrace(ctx context.Context, key string) ([]byte, error) {
	if c.extractTrace == nil {
		return nil, nil
	}
	carried := c.extractTrace(ctx)
	if len(carried) == 0 {
		return nil, nil
	}

	encoded, err := json.Marshal(carried)
	if err != nil {
		return nil, err
	}
	return c.encode(encoded, "trace", key)
}

// withTrace returns ctx with a stored trace. One that cannot be read is left
// out: it must not keep a submission from being sent.
func (c *config) withTrace(ctx context.Context, stored []byte, key string) context.Context {
	if c.restoreTrace == nil || stored == nil {
		return ctx
	}
	encoded, err := c.decode(stored, "trace", key)
	if err != nil {
		return ctx
	}
	var carried map[string]string
	if json.Unmarshal(encoded, &carried) != nil {
		return ctx
	}
	return c.restoreTrace(ctx, carried)
}

// withTraceOf returns ctx with the trace of the submission of key.
func (e *Engine) withTraceOf(ctx context.Context, key string) context.Context {
	if e.restoreTrace == nil || key == "" {
		return ctx
	}
	var stored []byte
	if e.store.read(ctx, query(func(r row) error { return r.Scan(&stored) }, selectTrace, key)) != nil {
		return ctx
	}
	return e.withTrace(ctx, stored, key)
}
