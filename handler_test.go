package helios_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// observed collects what the observer of a receiver is told.
type observed struct{ deliveries []helios.Delivery }

func (o *observed) option() helios.ReceiverOption {
	return helios.WithReceiverObserver(func(_ context.Context, d helios.Delivery) {
		o.deliveries = append(o.deliveries, d)
	})
}

// only returns the one delivery that was observed, without its duration.
func (o *observed) only(t testing.TB) helios.Delivery {
	t.Helper()
	require.Len(t, o.deliveries, 1, "observed once")
	d := o.deliveries[0]
	assert.GreaterOrEqual(t, d.Duration, time.Duration(0))
	d.Duration = 0
	return d
}

func TestHandler(t *testing.T) {
	t.Parallel()
	good := newDelivery(hookSecret, sampleLight)
	forged := newDelivery(hookPrevious, sampleLight)
	large := newDelivery(hookSecret, sampleLight+strings.Repeat(" ", 6000))
	old := newDelivery(hookSecret, eventOf(`"timestamp":"2024-01-15T12:01:30Z"`))
	bare := newDelivery(hookSecret, sampleLight)
	bare.header.Del(sigHeader)
	stale := newDelivery(hookSecret, sampleLight)
	stale.header.Set(tsHeader, "1")
	errCallback := errors.New("insert failed: " + hookHealth)
	errDown := fmt.Errorf("insert failed: %w", helios.ErrUnavailable)
	errForeign := fmt.Errorf("insert failed: %w", helios.ErrInvalidWebhook)
	size := int64(len(sampleLight))

	for name, c := range map[string]struct {
		method   string
		delivery *delivery
		callback error
		status   int
		reason   helios.Reason
		bytes    int64
		level    string
	}{
		"handled":          {"POST", good, nil, 200, helios.ReasonAccepted, size, ""},
		"callback failed":  {"POST", good, errCallback, 500, helios.ReasonFailed, size, "ERROR"},
		"store is down":    {"POST", good, errDown, 503, helios.ReasonUnavailable, size, "ERROR"},
		"not ours":         {"POST", good, errForeign, 401, helios.ReasonRejected, size, "ERROR"},
		"forged":           {"POST", forged, nil, 401, helios.ReasonSignature, size, "WARN"},
		"no signature":     {"POST", bare, nil, 401, helios.ReasonHeaders, 0, "WARN"},
		"stale":            {"POST", stale, nil, 401, helios.ReasonStale, 0, "WARN"},
		"an old event":     {"POST", old, nil, 401, helios.ReasonEventAge, int64(len(old.body)), "WARN"},
		"too large":        {"POST", large, nil, 413, helios.ReasonTooLarge, 0, "WARN"},
		"GET":              {"GET", good, nil, 405, helios.ReasonMethod, 0, ""},
		"HEAD":             {"HEAD", good, nil, 405, helios.ReasonMethod, 0, ""},
		"PUT":              {"PUT", good, nil, 405, helios.ReasonMethod, 0, ""},
		"OPTIONS":          {"OPTIONS", good, nil, 405, helios.ReasonMethod, 0, ""},
		"post, lower case": {"post", good, nil, 405, helios.ReasonMethod, 0, ""},
		"no method":        {"", good, nil, 405, helios.ReasonMethod, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var logged bytes.Buffer
			var seen observed
			type key struct{}
			logger := slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
			r := hookReceiver(t, seen.option(), helios.WithReceiverLogger(logger),
				helios.WithMaxBodySize(6000), helios.WithMaxEventAge(time.Hour))
			calls := 0
			handler := r.Handler(func(ctx context.Context, e *helios.Event) error {
				calls++
				assert.Equal(t, "of the request", ctx.Value(key{}), "the request's context is passed on")
				assert.Equal(t, sampleLight, string(e.Raw))
				return c.callback
			})
			req := c.delivery.request()
			req.Method = c.method
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, req.WithContext(context.WithValue(req.Context(), key{}, "of the request")))

			want := helios.Delivery{StatusCode: c.status, Reason: c.reason, Bytes: c.bytes}
			called := c.callback != nil || c.status == 200
			if called {
				want.RunID, want.Agent, want.Final = hookRun, "light", true
			}
			assert.Equal(t, c.status, w.Code)
			assert.Equal(t, called, calls == 1)
			assert.Equal(t, want, seen.only(t))
			if c.status == http.StatusMethodNotAllowed {
				assert.Equal(t, []string{"POST"}, w.Header()["Allow"])
			}

			expected := hookSum(hookSecret, c.delivery.body)
			private := []string{hookSecret, hookHealth, "Hemoglobin", expected, "insert failed"}
			assertHidden(t, w.Body.String()+fmt.Sprint(w.Header()), private...)
			assertHidden(t, logged.String(), append(private, hookSum(hookPrevious, sampleLight))...)
			if c.status != http.StatusOK {
				assert.NotEmpty(t, w.Body.String())
				assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
			}
			if c.level == "" {
				assert.Empty(t, logged.String())
				return
			}
			var line map[string]any
			require.NoError(t, json.Unmarshal(logged.Bytes(), &line), "one line: %s", logged.String())
			assert.Equal(t, c.level, line["level"])
			if called {
				assert.Equal(t, hookRun, line["runId"])
				return
			}
			assert.NotEmpty(t, line["reason"])
			assert.EqualValues(t, c.bytes, line["bytes"])
		})
	}
	t.Run("without a logger and an observer", func(t *testing.T) {
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

// What is authentic and no event may be a paid result: its bytes must not be
// gone.
func TestHandler_MalformedEvent(t *testing.T) {
	t.Parallel()
	body := "[" + hookSmall + "]"
	for name, c := range map[string]struct {
		handler func() error // nil: none is set
		status  int
		level   string
	}{
		"no handler":       {nil, 400, "WARN"},
		"stored":           {func() error { return nil }, 200, ""},
		"store failed":     {func() error { return errors.New("disk full: " + hookHealth) }, 500, "ERROR"},
		"store is down":    {func() error { return fmt.Errorf("ping: %w", helios.ErrUnavailable) }, 503, "ERROR"},
		"refused as alien": {func() error { return fmt.Errorf("no: %w", helios.ErrInvalidWebhook) }, 401, "ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var logged bytes.Buffer
			var seen observed
			opts := []helios.ReceiverOption{
				seen.option(), helios.WithReceiverLogger(slog.New(slog.NewJSONHandler(&logged, nil))),
			}
			var got []string
			type key struct{}
			if c.handler != nil {
				handle := func(ctx context.Context, e *helios.MalformedEventError) error {
					assert.Equal(t, "of the request", ctx.Value(key{}))
					got = append(got, string(e.Raw))
					return c.handler()
				}
				opts = append(opts, helios.WithMalformedHandler(handle))
			}
			handler := hookReceiver(t, opts...).Handler(func(context.Context, *helios.Event) error {
				assert.Fail(t, "the callback is for events")
				return nil
			})
			req := newDelivery(hookSecret, body).request()
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, req.WithContext(context.WithValue(req.Context(), key{}, "of the request")))

			assert.Equal(t, c.status, w.Code)
			want := helios.Delivery{StatusCode: c.status, Reason: helios.ReasonMalformed, Bytes: int64(len(body))}
			assert.Equal(t, want, seen.only(t))
			if c.handler != nil {
				assert.Equal(t, []string{body}, got, "byte for byte, once")
			}
			assertHidden(t, w.Body.String()+logged.String(), hookHealth, hookSecret)
			if c.level == "" {
				assert.Empty(t, logged.String())
				return
			}
			var line map[string]any
			require.NoError(t, json.Unmarshal(logged.Bytes(), &line))
			assert.Equal(t, c.level, line["level"])
			assert.EqualValues(t, len(body), line["bytes"], "how much was refused")
		})
	}
	t.Run("a forgery never reaches it", func(t *testing.T) {
		t.Parallel()
		r := hookReceiver(t, helios.WithMalformedHandler(func(context.Context, *helios.MalformedEventError) error {
			assert.Fail(t, "forged")
			return nil
		}))
		w := httptest.NewRecorder()
		r.Handler(func(context.Context, *helios.Event) error { return nil }).
			ServeHTTP(w, newDelivery(hookPrevious, body).request())
		assert.Equal(t, http.StatusUnauthorized, w.Code)
	})
}

func TestHandler_APanicIsObservedAndPassedOn(t *testing.T) {
	t.Parallel()
	boom := func() error { panic(http.ErrAbortHandler) }
	exit := func() error { runtime.Goexit(); return nil }
	for name, c := range map[string]struct {
		body string
		end  func() error
		want helios.Delivery
	}{
		"callback":           {hookSmall, boom, helios.Delivery{RunID: hookRun, Final: true}},
		"malformed handler":  {"[]", boom, helios.Delivery{}},
		"a goroutine's exit": {hookSmall, exit, helios.Delivery{RunID: hookRun, Final: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen observed
			malformed := func(context.Context, *helios.MalformedEventError) error { return c.end() }
			r := hookReceiver(t, seen.option(), helios.WithMalformedHandler(malformed))
			handler := r.Handler(func(context.Context, *helios.Event) error { return c.end() })
			w := httptest.NewRecorder()
			var value any
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer func() { value = recover() }()
				handler.ServeHTTP(w, newDelivery(hookSecret, c.body).request())
			}()
			<-done

			if name != "a goroutine's exit" {
				assert.Equal(t, http.ErrAbortHandler, value, "the panic goes on")
			}
			c.want.Reason, c.want.Bytes = helios.ReasonPanic, int64(len(c.body))
			assert.Equal(t, c.want, seen.only(t))
		})
	}
}

// Over a real connection, where net/http frames the body and the headers.
func TestHandler_OverTheWire(t *testing.T) {
	t.Parallel()
	got := make(chan string, 10)
	r := hookReceiver(t, helios.WithMaxBodySize(int64(len(hookSmall))))
	server := httptest.NewServer(r.Handler(func(_ context.Context, e *helios.Event) error {
		got <- string(e.Raw)
		return nil
	}))
	t.Cleanup(server.Close)
	send := func(body string, chunked bool) int {
		var reader io.Reader = strings.NewReader(body)
		if chunked {
			reader = struct{ io.Reader }{reader}
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, reader)
		require.NoError(t, err)
		req.Header = newDelivery(hookSecret, body).header
		res, err := server.Client().Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		_, err = io.Copy(io.Discard, res.Body)
		require.NoError(t, err)
		return res.StatusCode
	}
	assert.Equal(t, 200, send(hookSmall, false))
	assert.Equal(t, 200, send(hookSmall, true))
	assert.Equal(t, 413, send(hookSmall+" ", false))
	assert.Equal(t, 413, send(hookSmall+" ", true))
	assert.Equal(t, 200, send(hookSmall, true), "the receiver goes on after a refusal")
	for range 3 {
		assert.Equal(t, hookSmall, <-got)
	}
	assert.Empty(t, got)
}

// Real sockets: half a body, and then silence, or the end of the connection.
func TestHandler_BodyBreaksOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end    func(*net.TCPConn)
		status int
	}{
		"silence until the read deadline": {func(*net.TCPConn) {}, http.StatusRequestTimeout},
		"the sender closes its side":      {func(c *net.TCPConn) { _ = c.CloseWrite() }, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := make(chan helios.Delivery, 1)
			r := hookReceiver(t, helios.WithReceiverObserver(func(_ context.Context, d helios.Delivery) { seen <- d }))
			handler := r.Handler(func(context.Context, *helios.Event) error { return nil })
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if c.status == http.StatusRequestTimeout {
					// It has passed when the rest of the body is awaited.
					_ = http.NewResponseController(w).SetReadDeadline(time.Now())
				}
				handler.ServeHTTP(w, req)
			}))
			t.Cleanup(server.Close)

			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			d := newDelivery(hookSecret, hookSmall)
			var request bytes.Buffer
			fmt.Fprintf(&request, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n", len(hookSmall))
			require.NoError(t, d.header.Write(&request))
			request.WriteString("\r\n" + hookSmall[:len(hookSmall)/2])
			_, err = conn.Write(request.Bytes())
			require.NoError(t, err)
			c.end(conn.(*net.TCPConn))

			answer, err := io.ReadAll(conn)
			require.NoError(t, err)
			assert.Contains(t, string(answer), fmt.Sprintf("HTTP/1.1 %d ", c.status))
			got := <-seen
			assert.Equal(t, helios.ReasonIncomplete, got.Reason)
			assert.Equal(t, c.status, got.StatusCode)
		})
	}
}
