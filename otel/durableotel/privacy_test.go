package durableotel_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/heliosai/helios-go/heliostest"
)

// TestPrivacy looks for all that was in requests and results, for keys and
// secrets, in all that a busy process exports and logs. It sets
// OpenTelemetry's global error handler, so it is not parallel.
func TestPrivacy(t *testing.T) {
	var mu sync.Mutex
	var handled strings.Builder
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(&handled, err)
	}))

	w := newWorld(t)
	p := busy(t, w)
	var all metricdata.ResourceMetrics
	require.NoError(t, p.reader.Collect(t.Context(), &all))
	p.stop()
	w.hook.Close()

	spans, err := json.Marshal(tracetest.SpanStubsFromReadOnlySpans(p.spans.Ended()))
	require.NoError(t, err)
	metrics, err := json.Marshal(all)
	require.NoError(t, err)
	require.Contains(t, string(spans), "helios.submit")
	require.Contains(t, string(metrics), "helios.durable.oldest")
	require.Contains(t, p.logged.String(), "helios: attempt")

	mu.Lock()
	exported := map[string]string{
		"spans": string(spans), "metrics": string(metrics), "errors": handled.String(),
		// The client's log names the path of a Do, as it says.
		"logs": strings.ReplaceAll(p.logged.String(), doPath, ""),
	}
	mu.Unlock()
	for secret := range secretsOf(t, w) {
		for where, text := range exported {
			assert.NotContains(t, text, secret, where)
		}
	}
	// The store's log names submissions by their keys, as it says.
	for _, where := range []string{"spans", "metrics", "errors"} {
		assert.NotContains(t, exported[where], order, "keys of submissions in %s", where)
	}
	for _, run := range w.Runs() {
		assert.NotContains(t, exported["metrics"], run.ID, "run ids in metrics")
	}
}

// secretsOf returns what must not be found: keys, secrets, queries, and every
// text in requests and results.
func secretsOf(t *testing.T, w *world) map[string]bool {
	t.Helper()
	secrets := map[string]bool{
		w.APIKey: true, w.WebhookSecret: true, urlToken: true, doQuery: true, doPath: true, "Zebrowski": true,
		handlers: true, labName: true, labValue: true, imaging: true, "helios_ref": true,
	}
	add := func(body []byte) {
		var value any
		require.NoError(t, json.Unmarshal(body, &value))
		for _, text := range textsIn(value) {
			secrets[text] = true
			if u, err := url.Parse(text); err == nil && u.Query().Has("helios_ref") {
				secrets[u.Query().Get("helios_ref")] = true
			}
		}
	}
	for _, run := range w.Runs() {
		add(run.Request)
	}
	var event struct {
		Result json.RawMessage `json:"result"`
	}
	require.NoError(t, json.Unmarshal(heliostest.CompletedEvent("r"), &event))
	add(event.Result)
	return secrets
}

// textsIn returns the texts in a JSON value that are long enough to be known
// again, but for those that attributes of metrics have too.
func textsIn(value any) (all []string) {
	switch v := value.(type) {
	case string:
		if len(v) > 3 && v != "deep" && v != "light" && v != "active" {
			all = append(all, v)
		}
	case []any:
		for _, item := range v {
			all = append(all, textsIn(item)...)
		}
	case map[string]any:
		for _, item := range v {
			all = append(all, textsIn(item)...)
		}
	}
	return all
}
