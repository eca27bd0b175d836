package helios_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// watchedBody tells whether it was read and closed.
type watchedBody struct {
	io.Reader
	read, closed bool
}

func (b *watchedBody) Read(p []byte) (int, error) { b.read = true; return b.Reader.Read(p) }
func (b *watchedBody) Close() error               { b.closed = true; return nil }

func TestReceiver_BodyOfRequest(t *testing.T) {
	t.Parallel()
	size := int64(len(hookSmall))
	errBroken := errors.New("connection reset")
	whole := func() io.Reader { return strings.NewReader(hookSmall) }
	then := func(n int, err error) func() io.Reader {
		return func() io.Reader { return io.MultiReader(strings.NewReader(hookSmall[:n]), iotest.ErrReader(err)) }
	}
	for name, c := range map[string]struct {
		body   func() io.Reader
		length int64 // of the header; -1 is chunked
		limit  int64
		forged bool
		err    error
		read   bool
		status int
	}{
		"at the limit":               {whole, size, size, false, nil, true, 200},
		"at the limit, chunked":      {func() io.Reader { return iotest.OneByteReader(whole()) }, -1, size, false, nil, true, 200},
		"the largest limit there is": {whole, size, math.MaxInt64, false, nil, true, 200},
		"Content-Length one beyond":  {whole, size, size - 1, false, helios.ErrBodyTooLarge, false, 413},
		"Content-Length far beyond":  {whole, math.MaxInt64, 16 << 20, false, helios.ErrBodyTooLarge, false, 413},
		"chunked, one beyond":        {whole, -1, size - 1, false, helios.ErrBodyTooLarge, true, 413},
		"chunked, far beyond": {func() io.Reader { return io.MultiReader(whole(), strings.NewReader(strings.Repeat(" ", 1<<20))) },
			-1, size, false, helios.ErrBodyTooLarge, true, 413},
		"beyond, and then broken": {then(9, errBroken), -1, 8, false, helios.ErrBodyTooLarge, true, 413},
		"forged: body not read":   {whole, size, 16 << 20, true, helios.ErrInvalidWebhook, false, 401},
		"forged and too large":    {whole, size, 1, true, helios.ErrInvalidWebhook, false, 401},
		"reading breaks":          {then(9, errBroken), size, 16 << 20, false, errBroken, true, 400},
		"reading breaks at its end, although the whole event is there": {then(len(hookSmall), errBroken), -1, 16 << 20, false, errBroken, true, 400},
		"cut short by the other side":                                  {then(9, io.ErrUnexpectedEOF), size, 16 << 20, false, io.ErrUnexpectedEOF, true, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := hookReceiver(t, helios.WithMaxBodySize(c.limit))
			request := func() (*http.Request, *watchedBody) {
				d := newDelivery(hookSecret, hookSmall)
				if c.forged {
					d.header.Del("X-Helios-Signature")
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
				for _, other := range []error{helios.ErrBodyTooLarge, helios.ErrInvalidWebhook, helios.ErrMalformedEvent} {
					if other != c.err {
						assert.NotErrorIs(t, err, other)
					}
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
		_, err := hookReceiver(t, helios.WithMaxBodySize(size)).VerifyPayload([]byte(d.body), d.header)
		assert.NoError(t, err)
		_, err = hookReceiver(t, helios.WithMaxBodySize(size-1)).VerifyPayload([]byte(d.body), d.header)
		assert.ErrorIs(t, err, helios.ErrBodyTooLarge)
	})
	t.Run("16 MiB by default", func(t *testing.T) {
		t.Parallel()
		padded := hookSmall + strings.Repeat(" ", 16<<20-len(hookSmall))
		_, err := hookReceiver(t).Verify(newDelivery(hookSecret, padded).request())
		assert.NoError(t, err)
		_, err = hookReceiver(t).Verify(newDelivery(hookSecret, padded+" ").request())
		assert.ErrorIs(t, err, helios.ErrBodyTooLarge)
	})
	t.Run("no body at all", func(t *testing.T) {
		t.Parallel()
		req := newDelivery(hookSecret, "").request()
		req.Body, req.ContentLength = nil, 0
		_, err := hookReceiver(t).Verify(req)
		assert.ErrorIs(t, err, helios.ErrMalformedEvent)
	})
}

// Over a real connection, where net/http frames the body and the headers.
func TestReceiver_OverTheWire(t *testing.T) {
	t.Parallel()
	var got []string
	var mu sync.Mutex
	r := hookReceiver(t, helios.WithMaxBodySize(int64(len(hookSmall))))
	server := httptest.NewServer(r.Handler(func(_ context.Context, e *helios.Event) error {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, string(e.Raw))
		return nil
	}))
	t.Cleanup(server.Close)
	send := func(body string, chunked bool) int {
		d := newDelivery(hookSecret, body)
		var reader io.Reader = strings.NewReader(body)
		if chunked {
			reader = struct{ io.Reader }{reader}
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, reader)
		require.NoError(t, err)
		req.Header = d.header
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
	assert.Equal(t, []string{hookSmall, hookSmall, hookSmall}, got)
}

func TestReceiver_VerifyPayload(t *testing.T) {
	t.Parallel()
	for name, spell := range map[string]func(string) string{
		"lower case": strings.ToLower, "upper case": strings.ToUpper, "as documented": func(s string) string { return strings.Replace(s, "Run-Id", "Run-ID", 1) },
		"mixed": func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "e", "E") },
	} {
		t.Run("header names in "+name, func(t *testing.T) {
			t.Parallel()
			d := newDelivery(hookSecret, hookSmall)
			spelled := http.Header{}
			for key, values := range d.header {
				spelled[spell(key)] = values
			}
			e, err := hookReceiver(t).VerifyPayload([]byte(d.body), spelled)
			require.NoError(t, err)
			assert.Equal(t, hookRun, e.RunID)
			for _, twice := range []string{"X-Helios-Signature", "X-Helios-Timestamp", "X-Helios-Run-Id"} {
				again := spelled.Clone()
				delete(again, spell(twice))
				again["x-HELIOS"+strings.TrimPrefix(twice, "X-Helios")] = d.header[twice]
				_, err = hookReceiver(t).VerifyPayload([]byte(d.body), again)
				require.NoError(t, err)
				again["X-hELIOS"+strings.TrimPrefix(twice, "X-Helios")] = d.header[twice]
				_, err = hookReceiver(t).VerifyPayload([]byte(d.body), again)
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
	})
}

func TestReceiver_AnAuthenticEventIsNeverRefused(t *testing.T) {
	t.Parallel()
	const run = `"runId":"` + hookRun + `"`
	for name, c := range map[string]struct {
		body  string
		final bool
	}{
		"no status":                         {`{` + run + `}`, false},
		"unknown status":                    {`{` + run + `,"status":"contemplating"}`, false},
		"status in upper case":              {`{` + run + `,"status":"COMPLETED"}`, false},
		"status with a space":               {`{` + run + `,"status":"completed "}`, false},
		"unknown fields":                    {`{"zebra":{"a":[1,null,{}]},` + run + `,"status":"completed","x":1e99}`, true},
		"duplicate keys":                    {`{"x":1,"x":2,` + run + `,"status":"processing","status":"completed","x":3}`, true},
		"white space, escapes, long digits": {" \r\n\t{ " + run + ",\n\"status\" : \"completed\", \"u\":\"\\u00e9\\/\\u2028é\", \"n\":0.10000000000000000000000000001 } \n", true},
		"invalid UTF-8":                     {`{` + run + `,"status":"completed","x":"` + "\xff\xfe" + `"}`, true},
		"unknown agent":                     {`{` + run + `,"status":"completed","agent":"imaging"}`, true},
		"status of another type":            {`{"status":5,` + run + `}`, false},
		"status an object":                  {`{"status":{"code":"completed"},` + run + `}`, false},
		"agent of another type":             {`{"agent":["light"],` + run + `,"status":"completed"}`, true},
		"timestamp a number":                {`{"timestamp":1736942490,` + run + `,"status":"completed"}`, true},
		"timestamp not a date":              {`{"timestamp":"yesterday",` + run + `,"status":"completed"}`, true},
		"timestamp in a zone of 24 hours":   {`{"timestamp":"2025-01-15T12:01:30+24:00",` + run + `,"status":"completed"}`, true},
		"number a boolean":                  {`{"sequenceNumber":true,` + run + `,"status":"completed"}`, true},
		"number an object":                  {`{"sequenceNumber":{"n":1},` + run + `,"status":"completed"}`, true},
		"number null":                       {`{"sequenceNumber":null,` + run + `,"status":"completed"}`, true},
		"number beyond any float":           {`{"sequenceNumber":1e400,` + run + `,"status":"completed"}`, true},
		"number beyond 64 bits":             {`{"sequenceNumber":99999999999999999999,` + run + `,"status":"completed"}`, true},
		"number a word":                     {`{"sequenceNumber":"seven",` + run + `,"status":"completed"}`, true},
		"number an empty string":            {`{"sequenceNumber":"",` + run + `,"status":"completed"}`, true},
		"everything of another type":        {`{"status":[],"agent":1,"timestamp":{},"sequenceNumber":[],"result":7,"error":true,` + run + `}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDelivery(hookSecret, c.body)
			e, err := hookReceiver(t).Verify(d.request())
			require.NoError(t, err)
			assert.Equal(t, hookRun, e.RunID)
			assert.Equal(t, c.final, e.Final())
			assert.Equal(t, c.body, string(e.Raw), "Raw is the body byte for byte")
			assert.Zero(t, e.SequenceNumber)
			assert.Nil(t, e.Failure())
			_, err = json.Marshal(e)
			assert.NoError(t, err, "an event can always be encoded")
		})
	}
	for body, number := range map[string]int{
		`7`: 7, `"7"`: 7, `7.0`: 7, `7e0`: 7, `0`: 0, `9007199254740993`: 9007199254740993, `9223372036854775807`: math.MaxInt64,
	} {
		assert.Equal(t, number, hookEvent(t, `{`+run+`,"sequenceNumber":`+body+`}`).SequenceNumber, body)
	}
}

func TestReceiver_MalformedEvents(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty": "", "white space": " \n", "not JSON": "status=completed", "null": "null", "string": `"` + hookRun + `"`, "number": "7", "true": "true",
		"array": "[]", "array of an event": "[" + hookSmall + "]", "no fields": "{}", "cut short": hookSmall[:len(hookSmall)-1], "two events": hookSmall + hookSmall,
		"text after the event": hookSmall + "x", "byte order mark": "\ufeff" + hookSmall, "single quotes": strings.ReplaceAll(hookSmall, `"`, `'`),
		"trailing comma": `{"runId":"` + hookRun + `",}`, "no runId": `{"status":"completed","result":{"patientResponse":"` + hookHealth + `"}}`,
		"runId a number": `{"runId":7,"status":"` + hookHealth + `"}`, "runId null": `{"runId":null}`, "runId empty": `{"runId":""}`,
		"runId an object": `{"runId":{"id":"` + hookRun + `"}}`, "runId one level below": `{"event":` + hookSmall + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, d := hookReceiver(t), newDelivery(hookSecret, body)
			require.NoError(t, r.VerifySignature([]byte(body), d.header), "authentic")
			for _, verify := range []func() (*helios.Event, error){
				func() (*helios.Event, error) { return r.Verify(d.request()) },
				func() (*helios.Event, error) { return r.VerifyPayload([]byte(body), d.header) },
			} {
				e, err := verify()
				assert.Nil(t, e)
				assert.ErrorIs(t, err, helios.ErrMalformedEvent)
				assert.NotErrorIs(t, err, helios.ErrInvalidWebhook)
				assertKeepsQuiet(t, err, body)
			}
			d.header.Set("X-Helios-Signature", "sha256="+hookSum(hookPrevious, body))
			_, err := r.VerifyPayload([]byte(body), d.header)
			assert.ErrorIs(t, err, helios.ErrInvalidWebhook, "forged and malformed is forged")
		})
	}
}
