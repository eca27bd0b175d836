package helios_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

type hookKey struct{}

func TestReceiver_Handler(t *testing.T) {
	t.Parallel()
	forged := newDelivery(hookPrevious, hookSmall)
	good := newDelivery(hookSecret, hookSmall)
	large := newDelivery(hookSecret, hookSmall+strings.Repeat(" ", 600))
	malformed := newDelivery(hookSecret, `["`+hookHealth+`"]`)
	errCallback := errors.New("insert failed: " + hookHealth)
	for name, c := range map[string]struct {
		method   string
		delivery *delivery
		callback error
		status   int
		called   bool
		level    string
	}{
		"handled":           {http.MethodPost, good, nil, 200, true, ""},
		"forged":            {http.MethodPost, forged, nil, 401, false, "WARN"},
		"malformed":         {http.MethodPost, malformed, nil, 400, false, "WARN"},
		"too large":         {http.MethodPost, large, nil, 413, false, "WARN"},
		"callback failed":   {http.MethodPost, good, errCallback, 500, true, "ERROR"},
		"store is down":     {http.MethodPost, good, fmt.Errorf("insert failed: %w", helios.ErrUnavailable), 503, true, "ERROR"},
		"not ours":          {http.MethodPost, good, fmt.Errorf("insert failed: %w", helios.ErrInvalidWebhook), 401, true, "ERROR"},
		"GET":               {http.MethodGet, good, nil, 405, false, ""},
		"HEAD":              {http.MethodHead, good, nil, 405, false, ""},
		"PUT":               {http.MethodPut, good, nil, 405, false, ""},
		"OPTIONS":           {http.MethodOptions, good, nil, 405, false, ""},
		"post, lower case":  {"post", good, nil, 405, false, ""},
		"no method is POST": {"", good, nil, 405, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var logged bytes.Buffer
			r := hookReceiver(t, helios.WithMaxBodySize(512), helios.WithPreviousSecrets("whsec_older"),
				helios.WithReceiverLogger(slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))))
			calls := 0
			handler := r.Handler(func(ctx context.Context, e *helios.Event) error {
				calls++
				assert.Equal(t, "of the request", ctx.Value(hookKey{}), "the request's context is passed on")
				assert.Equal(t, hookSmall, string(e.Raw))
				return c.callback
			})
			req := c.delivery.request()
			req.Method = c.method
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, req.WithContext(context.WithValue(req.Context(), hookKey{}, "of the request")))

			assert.Equal(t, c.status, w.Code)
			assert.Equal(t, c.called, calls == 1)
			if c.status == http.StatusMethodNotAllowed {
				assert.Equal(t, []string{"POST"}, w.Header()["Allow"])
			} else {
				assert.Empty(t, w.Header()["Allow"])
			}
			private := []string{hookSecret, hookHealth, hookSum(hookSecret, c.delivery.body), "insert failed"}
			assertHidden(t, w.Body.String()+fmt.Sprint(w.Header()), private...)
			if c.status != http.StatusOK {
				assert.NotEmpty(t, w.Body.String())
				assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
			}

			assertHidden(t, logged.String(), append(private, hookSum(hookPrevious, hookSmall))...)
			if c.level == "" {
				assert.Empty(t, logged.String())
				return
			}
			var line map[string]any
			require.NoError(t, json.Unmarshal(logged.Bytes(), &line), "one line: %s", logged.String())
			assert.Equal(t, c.level, line["level"])
			if c.called {
				assert.Equal(t, hookRun, line["runId"])
			} else {
				assert.NotEmpty(t, line["reason"])
			}
		})
	}
	t.Run("without a logger", func(t *testing.T) {
		t.Parallel()
		handler := hookReceiver(t).Handler(func(context.Context, *helios.Event) error { return errCallback })
		for d, status := range map[*delivery]int{good: 500, forged: 401} {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, d.request())
			assert.Equal(t, status, w.Code)
		}
	})
	t.Run("a nil callback panics when the handler is made", func(t *testing.T) {
		t.Parallel()
		assert.Panics(t, func() { hookReceiver(t).Handler(nil) })
	})
	t.Run("a duplicate is handed on and answered with 200 again", func(t *testing.T) {
		t.Parallel()
		calls := 0
		handler := hookReceiver(t).Handler(func(context.Context, *helios.Event) error { calls++; return nil })
		for range 2 {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, good.request())
			assert.Equal(t, 200, w.Code)
		}
		assert.Equal(t, 2, calls)
	})
}

// Not parallel: testing.AllocsPerRun counts those of the whole process.
func TestReceiver_VerifySignatureAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items under the race detector")
	}
	r := hookReceiver(t, helios.WithPreviousSecrets(hookPrevious))
	for _, size := range []int{1 << 10, 64 << 10} {
		body := bytes.Repeat([]byte("x"), size)
		good, old, forged := newDelivery(hookSecret, string(body)).header, newDelivery(hookPrevious, string(body)).header, newDelivery("other", string(body)).header
		stale := good.Clone()
		stale.Set("X-Helios-Timestamp", "1")
		for name, c := range map[string]struct {
			header http.Header
			err    error
		}{
			"authentic": {good, nil}, "previous secret": {old, nil},
			"forged": {forged, helios.ErrInvalidWebhook}, "stale": {stale, helios.ErrInvalidWebhook},
		} {
			err := r.VerifySignature(body, c.header)
			require.True(t, err == nil && c.err == nil || errors.Is(err, c.err), "%s: %v", name, err)
			allocs := testing.AllocsPerRun(100, func() { _ = r.VerifySignature(body, c.header) })
			assert.Zero(t, allocs, "%s, %d bytes", name, size)
		}
	}
}

func TestReceiver_ConcurrentUse(t *testing.T) {
	t.Parallel()
	r := hookReceiver(t, helios.WithPreviousSecrets(hookPrevious))
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 60 {
				body := fmt.Sprintf(`{"runId":"%s","status":"processing","sequenceNumber":%d,"worker":%d,"pad":"%s"}`, hookRun, i, worker, strings.Repeat("x", i*37))
				for _, secret := range []string{hookSecret, hookPrevious} {
					d := newDelivery(secret, body)
					e, err := r.Verify(d.request())
					if assert.NoError(t, err) {
						assert.Equal(t, body, string(e.Raw))
						assert.Equal(t, i, e.SequenceNumber)
					}
					assert.NoError(t, r.VerifySignature([]byte(body), d.header))
					assert.ErrorIs(t, r.VerifySignature([]byte(body+" "), d.header), helios.ErrInvalidWebhook)
				}
				_, err := r.VerifyPayload([]byte(body), newDelivery("whsec_forger", body).header)
				assert.ErrorIs(t, err, helios.ErrInvalidWebhook)
			}
		})
	}
	group.Wait()
}

func TestReceiver_PrintsNothing(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	r := hookReceiver(t, helios.WithPreviousSecrets(hookPrevious), helios.WithReceiverLogger(slog.New(slog.NewTextHandler(&logged, nil))))
	require.NoError(t, r.VerifySignature([]byte(hookSmall), newDelivery(hookSecret, hookSmall).header)) // a hash is in the pool
	type exported struct {
		Receiver *helios.Receiver
		Value    helios.Receiver
	}
	type hidden struct {
		receiver *helios.Receiver
		value    helios.Receiver
	}
	for name, v := range map[string]any{
		"pointer": r, "value": *r, "slice": []helios.Receiver{*r}, "slice of pointers": []*helios.Receiver{r}, "map": map[string]helios.Receiver{"r": *r},
		"struct": exported{r, *r}, "pointer to a struct": &exported{r, *r}, "unexported fields": hidden{r, *r}, "interfaces": []any{r, *r},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for how, text := range printed(t, v) {
				assertHidden(t, text, hookSecret, hookPrevious)
				if name == "pointer" || name == "value" {
					assert.Regexp(t, `^(helios\.Receiver\{\}|.*\bv="?helios\.Receiver\{\}"?\n|.*"v":"helios\.Receiver\{\}"\}\n|\{\})$`, text, how)
				}
			}
		})
	}
}

// printed is v in every way that a program may print or log it.
func printed(t testing.TB, v any) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "% x", "%#x", "%10.3v", "%t", "%c", "%U", "%e", "%b", "%o"} {
		texts[verb] = fmt.Sprintf(verb, v)
	}
	var text, asJSON bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).With("w", v).Info("m", "v", v)
	slog.New(slog.NewJSONHandler(&asJSON, nil)).Info("m", "v", v)
	texts["slog text"], texts["slog JSON"] = text.String(), asJSON.String()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	texts["json.Marshal"] = string(b)
	return texts
}
