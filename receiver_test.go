package helios_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

func TestReceiver_DocumentedEvents(t *testing.T) {
	t.Parallel()
	for agent, body := range map[string]string{"light": sampleLight, "deep": sampleDeep, "lab-results": sampleLabs} {
		t.Run(agent, func(t *testing.T) {
			t.Parallel()
			check := func(e *helios.Event, err error) {
				t.Helper()
				require.NoError(t, err)
				assert.Equal(t, hookRun, e.RunID)
				assert.Equal(t, helios.StatusCompleted, e.Status)
				assert.Equal(t, agent, e.Agent)
				assert.EqualValues(t, 7, e.SequenceNumber)
				assert.Equal(t, time.Date(2025, 1, 15, 12, 1, 30, 0, time.UTC), e.Timestamp)
				assert.Equal(t, body, string(e.Raw))
				assert.True(t, e.Final())
			}
			r, d := hookReceiver(t), newDelivery(hookSecret, body)
			check(r.Verify(d.request()))
			check(d.verify(r))
			assert.NoError(t, r.VerifySignature([]byte(body), d.header))

			// The one-liners have the real clock.
			d.header.Set(tsHeader, strconv.FormatInt(time.Now().Unix(), 10))
			check(helios.VerifyWebhook(d.request(), hookSecret))
			check(helios.VerifyWebhookPayload([]byte(body), d.header, hookSecret))
			_, err := helios.VerifyWebhook(d.request(), hookPrevious)
			assert.ErrorIs(t, err, helios.ErrInvalidWebhook)
			_, err = helios.VerifyWebhookPayload([]byte(body), d.header, hookPrevious)
			assert.ErrorIs(t, err, helios.ErrInvalidWebhook)
		})
	}
}

func TestReceiver_MaxEventAge(t *testing.T) {
	t.Parallel()
	const layout = "2006-01-02T15:04:05.000Z07:00"
	date := func(offset time.Duration) string { return strconv.Quote(hookNow.Add(offset).Format(layout)) }
	for name, c := range map[string]struct {
		timestamp string
		ok        bool
	}{
		"now":                               {date(0), true},
		"exactly as old as allowed":         {date(-2 * time.Hour), true},
		"a millisecond older":               {date(-2*time.Hour - time.Millisecond), false},
		"ahead by exactly the tolerance":    {date(5 * time.Minute), true},
		"ahead by a millisecond more":       {date(5*time.Minute + time.Millisecond), false},
		"missing":                           {"", false},
		"null":                              {"null", false},
		"not a date":                        {`"now"`, false},
		"in the year 1":                     {`"0001-01-01T00:00:00Z"`, false},
		"in the year 9999":                  {`"9999-12-31T23:59:59Z"`, false},
		"in another zone":                   {`"2025-01-15T17:31:31+05:30"`, true},
		"in another zone that makes it old": {`"2025-01-15T12:01:31+05:30"`, false},
		"Unix seconds":                      {strconv.FormatInt(hookNow.Unix(), 10), true},
		"Unix seconds, too old":             {strconv.FormatInt(hookNow.Unix()-7201, 10), false},
		"Unix seconds in quotes":            {fmt.Sprintf(`"%d"`, hookNow.Unix()), true},
		"milliseconds":                      {strconv.FormatInt(hookNow.UnixMilli(), 10), true},
		"zone without a colon":              {`"2025-01-15T12:01:31+0000"`, true},
		"without a zone":                    {`"2025-01-15T12:01:31.5"`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := eventOf(`"status":"completed"`)
			if c.timestamp != "" {
				body = eventOf(`"status":"completed","timestamp":` + c.timestamp)
			}
			d := newDelivery(hookSecret, body)
			_, err := d.verify(hookReceiver(t))
			require.NoError(t, err, "off by default")

			e, err := d.verify(hookReceiver(t, helios.WithMaxEventAge(2*time.Hour)))
			if c.ok {
				assert.NoError(t, err)
				return
			}
			assert.ErrorIs(t, err, helios.ErrInvalidWebhook)
			assert.Nil(t, e)
		})
	}
	t.Run("missing, with the longest age there is", func(t *testing.T) {
		t.Parallel()
		d := newDelivery(hookSecret, `{"runId":"`+hookRun+`"}`)
		_, err := d.verify(hookReceiver(t, helios.WithMaxEventAge(math.MaxInt64)))
		assert.ErrorIs(t, err, helios.ErrInvalidWebhook)
	})
	t.Run("what is no event is not refused", func(t *testing.T) {
		t.Parallel()
		_, err := newDelivery(hookSecret, "[]").verify(hookReceiver(t, helios.WithMaxEventAge(time.Hour)))
		assert.ErrorIs(t, err, helios.ErrMalformedEvent)
	})
}

func TestReceiver_OptionsRefuseNonsense(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]helios.ReceiverOption{
		"WithTolerance":   {helios.WithTolerance(0), helios.WithTolerance(-1), helios.WithTolerance(math.MinInt64)},
		"WithMaxEventAge": {helios.WithMaxEventAge(0), helios.WithMaxEventAge(-1)},
		"WithMaxBodySize": {helios.WithMaxBodySize(0), helios.WithMaxBodySize(-1)},
		"WithClock":       {helios.WithClock(nil)},
	} {
		for _, opt := range opts {
			r, err := helios.NewReceiver(helios.WithWebhookSecret(hookSecret), opt)
			assert.ErrorContains(t, err, "helios: "+name)
			assert.Nil(t, r)
		}
	}

	_, err := helios.NewReceiver(nil, helios.WithWebhookSecret(hookSecret))
	require.NoError(t, err, "what follows a nil option counts")
	r := hookReceiver(t, nil,
		helios.WithReceiverLogger(nil), helios.WithReceiverObserver(nil), helios.WithMalformedHandler(nil))
	w := httptest.NewRecorder()
	r.Handler(func(context.Context, *helios.Event) error { return nil }).
		ServeHTTP(w, newDelivery(hookSecret, "[]").request())
	assert.Equal(t, http.StatusBadRequest, w.Code, "nil means nothing")
}

func TestReceiver_OfAnOptionGivenTwiceTheLaterCounts(t *testing.T) {
	t.Parallel()
	d := newDelivery(hookSecret, hookSmall)
	r := hookReceiver(t, helios.WithMaxBodySize(1), helios.WithTolerance(time.Second), helios.WithMaxEventAge(1),
		helios.WithMaxBodySize(1<<20), helios.WithTolerance(time.Hour), helios.WithMaxEventAge(time.Hour))
	d.header.Set(tsHeader, strconv.FormatInt(hookNow.Add(-time.Minute).Unix(), 10))
	_, err := d.verify(r)
	require.NoError(t, err)
}

// watchedBody records whether it was read and closed.
type watchedBody struct {
	io.Reader
	read, closed bool
}

func (b *watchedBody) Read(p []byte) (int, error) { b.read = true; return b.Reader.Read(p) }
func (b *watchedBody) Close() error               { b.closed = true; return nil }

func TestReceiver_BodyOfRequest(t *testing.T) {
	t.Parallel()
	size := int64(len(hookSmall))
	errBroken := errors.New("connection reset: " + hookHealth)
	whole := func() io.Reader { return strings.NewReader(hookSmall) }
	then := func(n int, err error) func() io.Reader {
		return func() io.Reader { return io.MultiReader(strings.NewReader(hookSmall[:n]), iotest.ErrReader(err)) }
	}
	oneByte := func() io.Reader { return iotest.OneByteReader(whole()) }
	cut, late := then(9, io.ErrUnexpectedEOF), then(9, os.ErrDeadlineExceeded)
	padded := func() io.Reader { return io.MultiReader(whole(), strings.NewReader(strings.Repeat(" ", 1<<20))) }
	for name, c := range map[string]struct {
		body   func() io.Reader
		length int64 // of the header; -1 is chunked
		limit  int64
		forged bool
		err    error
		read   bool
		status int
	}{
		"at the limit":                {whole, size, size, false, nil, true, 200},
		"at the limit, chunked":       {oneByte, -1, size, false, nil, true, 200},
		"the largest limit there is":  {whole, size, math.MaxInt64, false, nil, true, 200},
		"Content-Length one beyond":   {whole, size, size - 1, false, helios.ErrBodyTooLarge, false, 413},
		"Content-Length far beyond":   {whole, math.MaxInt64, 16 << 20, false, helios.ErrBodyTooLarge, false, 413},
		"chunked, one beyond":         {whole, -1, size - 1, false, helios.ErrBodyTooLarge, true, 413},
		"chunked, far beyond":         {padded, -1, size, false, helios.ErrBodyTooLarge, true, 413},
		"beyond, and then broken":     {then(9, errBroken), -1, 8, false, helios.ErrBodyTooLarge, true, 413},
		"forged: body not read":       {whole, size, 16 << 20, true, helios.ErrInvalidWebhook, false, 401},
		"forged and too large":        {whole, size, 1, true, helios.ErrInvalidWebhook, false, 401},
		"broken":                      {then(9, errBroken), size, 16 << 20, false, errBroken, true, 503},
		"broken behind a whole event": {then(len(hookSmall), errBroken), -1, 16 << 20, false, errBroken, true, 503},
		"cut short":                   {cut, size, 16 << 20, false, io.ErrUnexpectedEOF, true, 503},
		"read deadline":               {late, size, 16 << 20, false, os.ErrDeadlineExceeded, true, 408},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := hookReceiver(t, helios.WithMaxBodySize(c.limit))
			request := func() (*http.Request, *watchedBody) {
				d := newDelivery(hookSecret, hookSmall)
				if c.forged {
					d.header.Del(sigHeader)
				}
				req, body := d.request(), &watchedBody{Reader: c.body()}
				req.Body, req.ContentLength = body, c.length
				return req, body
			}

			req, body := request()
			event, err := r.Verify(req)
			assert.True(t, body.closed, "closed")
			assert.Equal(t, c.read, body.read, "read")
			if c.err == nil {
				require.NoError(t, err)
				assert.Equal(t, hookSmall, string(event.Raw))
			} else {
				assert.Nil(t, event)
				require.ErrorIs(t, err, c.err)
				assert.Equal(t, c.status == 408 || c.status == 503, errors.Is(err, helios.ErrIncompleteBody))
				for _, other := range []error{
					helios.ErrBodyTooLarge, helios.ErrInvalidWebhook, helios.ErrMalformedEvent,
				} {
					assert.Equal(t, other == c.err, errors.Is(err, other), "%v", other)
				}
				assertKeepsQuiet(t, err, hookSmall)
			}

			req, _ = request()
			w := httptest.NewRecorder()
			called := 0
			r.Handler(func(context.Context, *helios.Event) error { called++; return nil }).ServeHTTP(w, req)
			assert.Equal(t, c.status, w.Code)
			assert.Equal(t, c.err == nil, called == 1, "callback")
		})
	}
	t.Run("VerifyPayload has the limit too", func(t *testing.T) {
		t.Parallel()
		d := newDelivery(hookSecret, hookSmall)
		_, err := d.verify(hookReceiver(t, helios.WithMaxBodySize(size)))
		assert.NoError(t, err)
		_, err = d.verify(hookReceiver(t, helios.WithMaxBodySize(size-1)))
		assert.ErrorIs(t, err, helios.ErrBodyTooLarge)
	})
	t.Run("16 MiB by default", func(t *testing.T) {
		t.Parallel()
		large := hookSmall + strings.Repeat(" ", 16<<20-len(hookSmall))
		_, err := hookReceiver(t).Verify(newDelivery(hookSecret, large).request())
		assert.NoError(t, err)
		_, err = hookReceiver(t).Verify(newDelivery(hookSecret, large+" ").request())
		assert.ErrorIs(t, err, helios.ErrBodyTooLarge)
	})
	t.Run("no body at all", func(t *testing.T) {
		t.Parallel()
		req := newDelivery(hookSecret, "").request()
		req.Body, req.ContentLength = nil, 0
		_, err := hookReceiver(t).Verify(req)
		assert.ErrorIs(t, err, helios.ErrMalformedEvent)
	})
	t.Run("a limit around the handler is its limit", func(t *testing.T) {
		t.Parallel()
		handler := hookReceiver(t).Handler(func(context.Context, *helios.Event) error { return nil })
		for limit, status := range map[int64]int{size: http.StatusOK, size - 1: http.StatusRequestEntityTooLarge} {
			w := httptest.NewRecorder()
			http.MaxBytesHandler(handler, limit).ServeHTTP(w, newDelivery(hookSecret, hookSmall).request())
			assert.Equal(t, status, w.Code)
		}
	})
}

func TestReceiver_VerifyPayload(t *testing.T) {
	t.Parallel()
	for name, spell := range map[string]func(string) string{
		"lower case":    strings.ToLower,
		"upper case":    strings.ToUpper,
		"as documented": func(s string) string { return strings.Replace(s, "Run-Id", "Run-ID", 1) },
		"mixed case":    func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "e", "E") },
	} {
		t.Run("header names in "+name, func(t *testing.T) {
			t.Parallel()
			d := newDelivery(hookSecret, hookSmall)
			spelled := http.Header{}
			for key, values := range d.header {
				spelled[spell(key)] = values
			}
			r := hookReceiver(t)
			e, err := r.VerifyPayload([]byte(d.body), spelled)
			require.NoError(t, err)
			assert.Equal(t, hookRun, e.RunID)
			assert.NoError(t, r.VerifySignature([]byte(d.body), spelled))

			for _, twice := range []string{sigHeader, tsHeader} {
				again := spelled.Clone()
				delete(again, spell(twice))
				again["x-HELIOS"+strings.TrimPrefix(twice, "X-Helios")] = d.header[twice]
				_, err = r.VerifyPayload([]byte(d.body), again)
				require.NoError(t, err)
				again["X-hELIOS"+strings.TrimPrefix(twice, "X-Helios")] = d.header[twice]
				_, err = r.VerifyPayload([]byte(d.body), again)
				assert.ErrorIs(t, err, helios.ErrInvalidWebhook, "%s under two spellings", twice)
			}
		})
	}
	t.Run("the body is copied", func(t *testing.T) {
		t.Parallel()
		d := newDelivery(hookSecret, hookSmall)
		body := []byte(hookSmall)
		e, err := hookReceiver(t).VerifyPayload(body, d.header)
		require.NoError(t, err)
		clear(body)
		assert.Equal(t, hookSmall, string(e.Raw))
		result, err := e.Result()
		require.NoError(t, err)
		assert.Equal(t, hookHealth, result.PatientResponse)

		d, body = newDelivery(hookSecret, "[]"), []byte("[]")
		_, err = hookReceiver(t).VerifyPayload(body, d.header)
		var malformed *helios.MalformedEventError
		require.ErrorAs(t, err, &malformed)
		clear(body)
		assert.Equal(t, "[]", string(malformed.Raw))
	})
}

func TestReceiver_ConcurrentUse(t *testing.T) {
	t.Parallel()
	r := hookReceiver(t, helios.WithPreviousSecrets(hookPrevious))
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 60 {
				pad := strings.Repeat("x", i*37)
				body := eventOf(fmt.Sprintf(`"sequenceNumber":%d,"worker":%d,"pad":"%s"`, i, worker, pad))
				for _, secret := range []string{hookSecret, hookPrevious} {
					d := newDelivery(secret, body)
					e, err := r.Verify(d.request())
					if assert.NoError(t, err) {
						assert.Equal(t, body, string(e.Raw))
						assert.EqualValues(t, i, e.SequenceNumber)
					}
					assert.NoError(t, r.VerifySignature([]byte(body), d.header))
					assert.ErrorIs(t, r.VerifySignature([]byte(body+" "), d.header), helios.ErrInvalidWebhook)
				}
				_, err := newDelivery("whsec_forger", body).verify(r)
				assert.ErrorIs(t, err, helios.ErrInvalidWebhook)
			}
		})
	}
	group.Wait()
}

func TestReceiver_PrintsNothing(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	logger := helios.WithReceiverLogger(slog.New(slog.NewTextHandler(&logged, nil)))
	type exported struct {
		Receiver *helios.Receiver
		Value    helios.Receiver
	}
	type hidden struct {
		receiver *helios.Receiver
		value    helios.Receiver
	}
	for of, r := range map[string]*helios.Receiver{
		"secrets":  hookReceiver(t, helios.WithPreviousSecrets(hookPrevious), logger),
		"a source": hookReceiver(t, sourceOf(hookSecret, hookPrevious), logger),
	} {
		_, err := newDelivery(hookSecret, hookSmall).verify(r) // fills the caches
		require.NoError(t, err)
		for name, v := range map[string]any{
			"pointer":             r,
			"value":               *r,
			"slice":               []helios.Receiver{*r},
			"slice of pointers":   []*helios.Receiver{r},
			"map":                 map[string]helios.Receiver{"r": *r},
			"struct":              exported{r, *r},
			"pointer to a struct": &exported{r, *r},
			"unexported fields":   hidden{r, *r},
			"interfaces":          []any{r, *r},
		} {
			t.Run(of+", "+name, func(t *testing.T) {
				t.Parallel()
				for how, text := range printed(t, v) {
					assertHidden(t, text, hookSecret, hookPrevious)
					if name == "pointer" || name == "value" {
						const name = `helios\.Receiver\{\}`
						assert.Regexp(t, `^(`+name+`|.*\bv="?`+name+`"?\n|.*"v":"`+name+`"\}\n|\{\})$`, text, how)
					}
				}
			})
		}
	}
}

func TestReceiver_AnEventCanAlwaysBeEncoded(t *testing.T) {
	t.Parallel()
	for _, body := range nastyBodies {
		e, err := newDelivery(hookSecret, body).verify(hookReceiver(t))
		if err == nil {
			_, err = json.Marshal(e)
			assert.NoError(t, err)
		}
	}
}
