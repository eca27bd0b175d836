package helios_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
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

const (
	hookSecret   = "whsec_Correct-Horse-4f9d1b6e"
	hookPrevious = "whsec_Battery-Staple-77aa01c2"
	hookRun      = "550e8400-e29b-41d4-a716-446655440000"
	otherRun     = "11111111-2222-4333-8444-555555555555"
	// hookHealth stands in bodies and must stand nowhere else.
	hookHealth = "7.2-percent-of-Zebra"
)

var hookNow = time.Date(2025, 1, 15, 12, 1, 31, 0, time.UTC)

// hookSum is what the vendor documents: lower-case hex of HMAC-SHA256(secret, body).
func hookSum(secret, body string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(body))
	return hex.EncodeToString(m.Sum(nil))
}

// delivery is a webhook before it is sent; the tests spoil it.
type delivery struct {
	body   string
	header http.Header
}

func newDelivery(secret, body string) *delivery {
	return &delivery{body, http.Header{
		"X-Helios-Signature": {"sha256=" + hookSum(secret, body)},
		"X-Helios-Timestamp": {strconv.FormatInt(hookNow.Unix(), 10)},
		"X-Helios-Run-Id":    {hookRun},
		"Content-Type":       {"application/json"},
	}}
}

func (d *delivery) request() *http.Request {
	req := httptest.NewRequest(http.MethodPost, "/webhook/helios", strings.NewReader(d.body))
	req.Header = d.header
	return req
}

func hookReceiver(t testing.TB, opts ...helios.ReceiverOption) *helios.Receiver {
	t.Helper()
	r, err := helios.NewReceiver(append([]helios.ReceiverOption{
		helios.WithWebhookSecret(hookSecret), helios.WithClock(func() time.Time { return hookNow }),
	}, opts...)...)
	require.NoError(t, err)
	return r
}

// hookEvent is the event of a body that was signed and delivered properly.
func hookEvent(t testing.TB, body string) *helios.Event {
	t.Helper()
	e, err := hookReceiver(t).VerifyPayload([]byte(body), newDelivery(hookSecret, body).header)
	require.NoError(t, err)
	return e
}

// secretForms are a secret as it may be printed: as text, hex, base64 or a list of bytes.
func secretForms(s string) []string {
	return []string{
		s, hex.EncodeToString([]byte(s)), strings.ToUpper(hex.EncodeToString([]byte(s))), base64.StdEncoding.EncodeToString([]byte(s)),
		strings.Trim(fmt.Sprint([]byte(s)), "[]"), strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(s)), "[]byte{"), "}"),
	}
}

// leaked are those of values that text shows in any form.
func leaked(text string, values ...string) (found []string) {
	for _, value := range values {
		if slices.ContainsFunc(secretForms(value), func(form string) bool { return strings.Contains(text, form) }) {
			found = append(found, value)
		}
	}
	return found
}

func assertHidden(t testing.TB, text string, values ...string) {
	t.Helper()
	assert.Empty(t, leaked(text, values...), "shown by %q", text)
}

// assertKeepsQuiet checks that an error, however printed, holds neither secret nor expected signature nor body.
func assertKeepsQuiet(t testing.TB, err error, body string) {
	t.Helper()
	require.Error(t, err)
	text := fmt.Sprintf("%v|%+v|%#v|%s|%q|%x", err, err, err, err.Error(), err, err)
	assertHidden(t, text, hookSecret, hookPrevious, hookHealth, hookSum(hookSecret, body), hookSum(hookPrevious, body))
	assert.True(t, strings.HasPrefix(err.Error(), "helios: "), err.Error())
}

const hookSmall = `{"runId":"` + hookRun + `","status":"completed","timestamp":"2025-01-15T12:01:30.000Z","sequenceNumber":7,"result":{"patientResponse":"` + hookHealth + `"}}`

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
				assert.Equal(t, 7, e.SequenceNumber)
				assert.True(t, time.Date(2025, 1, 15, 12, 1, 30, 0, time.UTC).Equal(e.Timestamp), "%s", e.Timestamp)
				assert.Equal(t, body, string(e.Raw))
				assert.True(t, e.Final())
			}
			r, d := hookReceiver(t), newDelivery(hookSecret, body)
			check(r.Verify(d.request()))
			check(r.VerifyPayload([]byte(body), d.header))
			assert.NoError(t, r.VerifySignature([]byte(body), d.header))

			// The one-liners have the real clock.
			d.header.Set("X-Helios-Timestamp", strconv.FormatInt(time.Now().Unix(), 10))
			check(helios.VerifyWebhook(d.request(), hookSecret))
			check(helios.VerifyWebhookPayload([]byte(body), d.header, hookSecret))
			_, err := helios.VerifyWebhook(d.request(), hookPrevious)
			assert.ErrorIs(t, err, helios.ErrInvalidWebhook)
			_, err = helios.VerifyWebhookPayload([]byte(body), d.header, hookPrevious)
			assert.ErrorIs(t, err, helios.ErrInvalidWebhook)
		})
	}
}

// Vectors that others published for the same scheme: GitHub for X-Hub-Signature-256, and RFC 4231 where the key survives trimming.
func TestReceiver_PublishedVectors(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("\xaa", 131)
	for name, c := range map[string]struct{ secret, body, sum string }{
		"GitHub":          {"It's a Secret to Everybody", "Hello, World!", "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
		"RFC 4231 case 2": {"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		"RFC 4231 case 6": {long, "Test Using Larger Than Block-Size Key - Hash Key First", "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := hookReceiver(t, helios.WithWebhookSecret(c.secret))
			d := newDelivery("ignored", c.body)
			d.header.Set("X-Helios-Signature", "sha256="+c.sum)
			assert.NoError(t, r.VerifySignature([]byte(c.body), d.header))
			assert.ErrorIs(t, r.VerifySignature([]byte(c.body+"\n"), d.header), helios.ErrInvalidWebhook)
			assert.ErrorIs(t, hookReceiver(t).VerifySignature([]byte(c.body), d.header), helios.ErrInvalidWebhook, "another secret")
			_, err := r.VerifyPayload([]byte(c.body), d.header)
			assert.ErrorIs(t, err, helios.ErrMalformedEvent, "authentic, but no event")
		})
	}
}

func TestReceiver_Forgeries(t *testing.T) {
	t.Parallel()
	const sig, ts, run = "X-Helios-Signature", "X-Helios-Timestamp", "X-Helios-Run-Id"
	good := hookSum(hookSecret, hookSmall)
	require.NotEqual(t, good, strings.ToUpper(good))
	set := func(name string, values ...string) func(*delivery) {
		return func(d *delivery) { d.header[name] = values }
	}
	drop := func(name string) func(*delivery) { return func(d *delivery) { delete(d.header, name) } }
	body := func(s string) func(*delivery) { return func(d *delivery) { d.body = s } }
	at := func(d time.Duration) string { return strconv.FormatInt(hookNow.Add(d).Unix(), 10) }
	now := at(0)
	wrapped := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 64), big.NewInt(hookNow.Unix())).String() // now, modulo 2^64
	sum := sha256.Sum256([]byte(hookSmall))
	const (
		noSignature, mismatch = "X-Helios-Signature", "does not match"
		noTimestamp, outside  = "X-Helios-Timestamp", "tolerance"
		noRun, anotherRun     = "X-Helios-Run-ID header", "not the body's"
	)
	for name, c := range map[string]struct {
		spoil  func(*delivery)
		reason string
	}{
		"no signature":                     {drop(sig), noSignature},
		"signature header without values":  {set(sig), noSignature},
		"empty signature":                  {set(sig, ""), noSignature},
		"prefix alone":                     {set(sig, "sha256="), noSignature},
		"the same signature twice":         {set(sig, "sha256="+good, "sha256="+good), noSignature},
		"a bad signature, then the good":   {set(sig, "sha256="+strings.Repeat("0", 64), "sha256="+good), noSignature},
		"the good signature, then a bad":   {set(sig, "sha256="+good, "sha256="+strings.Repeat("0", 64)), noSignature},
		"an empty signature, then a good":  {set(sig, "", "sha256="+good), noSignature},
		"signatures joined by a comma":     {set(sig, "sha256="+good+",sha256="+good), noSignature},
		"signatures joined by comma space": {set(sig, "sha256="+good+", sha256="+good), noSignature},
		"signature in the style of Stripe": {set(sig, "t="+now+",v1="+good), noSignature},
		"signature one digit short":        {set(sig, "sha256="+good[:63]), noSignature},
		"signature one byte short":         {set(sig, "sha256="+good[:62]), noSignature},
		"signature one digit long":         {set(sig, "sha256="+good+"0"), noSignature},
		"signature one byte long":          {set(sig, "sha256="+good+"00"), noSignature},
		"signature twice in one value":     {set(sig, "sha256="+good+good), noSignature},
		"signature not hex at its start":   {set(sig, "sha256=g"+good[1:]), noSignature},
		"signature not hex at its end":     {set(sig, "sha256="+good[:63]+"/"), noSignature},
		"signature not ASCII":              {set(sig, "sha256="+good[:62]+"é"), noSignature},
		"signature with a zero byte":       {set(sig, "sha256="+good[:63]+"\x00"), noSignature},
		"signature in upper case":          {set(sig, "sha256="+strings.ToUpper(good)), noSignature},
		"signature in base64":              {set(sig, "sha256="+base64.StdEncoding.EncodeToString([]byte(good))), noSignature},
		"prefix in upper case":             {set(sig, "SHA256="+good), noSignature},
		"prefix of another hash":           {set(sig, "sha512="+good), noSignature},
		"prefix with a colon":              {set(sig, "sha256:"+good), noSignature},
		"no prefix":                        {set(sig, good), noSignature},
		"no prefix, but of its length":     {set(sig, "0000000"+good), noSignature},
		"space before the signature":       {set(sig, " sha256="+good), noSignature},
		"space after the signature":        {set(sig, "sha256="+good+" "), noSignature},
		"space instead of a digit":         {set(sig, "sha256= "+good[1:]), noSignature},
		"newline after the signature":      {set(sig, "sha256="+good+"\n"), noSignature},
		"signature under another secret":   {set(sig, "sha256="+hookSum(hookPrevious, hookSmall)), mismatch},
		"signature under an empty secret":  {set(sig, "sha256="+hookSum("", hookSmall)), mismatch},
		"signature under secret and space": {set(sig, "sha256="+hookSum(hookSecret+" ", hookSmall)), mismatch},
		"signature under a shorter secret": {set(sig, "sha256="+hookSum(hookSecret[:len(hookSecret)-1], hookSmall)), mismatch},
		"signature without a secret":       {set(sig, "sha256="+hex.EncodeToString(sum[:])), mismatch},
		"signature of the empty body":      {set(sig, "sha256="+hookSum(hookSecret, "")), mismatch},
		"signature of timestamp and body":  {set(sig, "sha256="+hookSum(hookSecret, now+"."+hookSmall)), mismatch},
		"signature of zeros":               {set(sig, "sha256="+strings.Repeat("0", 64)), mismatch},
		"body gone":                        {body(""), mismatch},
		"newline after the body":           {body(hookSmall + "\n"), mismatch},
		"zero byte after the body":         {body(hookSmall + "\x00"), mismatch},
		"body cut short":                   {body(hookSmall[:len(hookSmall)-1]), mismatch},
		"body twice":                       {body(hookSmall + hookSmall), mismatch},
		"same JSON, other white space":     {body(strings.Replace(hookSmall, ":", ": ", 1)), mismatch},
		"body of another run":              {body(strings.Replace(hookSmall, hookRun, otherRun, 1)), mismatch},

		"no timestamp":                      {drop(ts), noTimestamp},
		"timestamp header without values":   {set(ts), noTimestamp},
		"empty timestamp":                   {set(ts, ""), noTimestamp},
		"the same timestamp twice":          {set(ts, now, now), noTimestamp},
		"a stale timestamp, then a good":    {set(ts, "1", now), noTimestamp},
		"timestamps joined by a comma":      {set(ts, now+","+now), noTimestamp},
		"timestamp with a plus sign":        {set(ts, "+"+now), noTimestamp},
		"timestamp with a minus sign":       {set(ts, "-"+now), noTimestamp},
		"space before the timestamp":        {set(ts, " "+now), noTimestamp},
		"space after the timestamp":         {set(ts, now+" "), noTimestamp},
		"newline after the timestamp":       {set(ts, now+"\n"), noTimestamp},
		"timestamp with a fraction":         {set(ts, now+".0"), noTimestamp},
		"timestamp with an exponent":        {set(ts, "1736942491e0"), noTimestamp},
		"timestamp in hex":                  {set(ts, "0x"+strconv.FormatInt(hookNow.Unix(), 16)), noTimestamp},
		"timestamp with underscores":        {set(ts, "1_736_942_491"), noTimestamp},
		"timestamp as a date":               {set(ts, hookNow.Format(time.RFC3339)), noTimestamp},
		"timestamp in Arabic digits":        {set(ts, "١٧٣٦٩٤٢٤٩١"), noTimestamp},
		"timestamp beyond 64 bits":          {set(ts, strings.Repeat("9", 40)), noTimestamp},
		"timestamp that wraps to now":       {set(ts, wrapped), noTimestamp},
		"timestamp just beyond 63 bits":     {set(ts, "9223372036854775808"), noTimestamp},
		"timestamp of the largest 64 bits":  {set(ts, strconv.FormatInt(math.MaxInt64, 10)), noTimestamp},
		"timestamp of 18 nines":             {set(ts, strings.Repeat("9", 18)), outside},
		"timestamp in milliseconds":         {set(ts, strconv.FormatInt(hookNow.UnixMilli(), 10)), outside},
		"timestamp zero":                    {set(ts, "0"), outside},
		"timestamp one second too old":      {set(ts, at(-301*time.Second)), outside},
		"timestamp one second too far":      {set(ts, at(301*time.Second)), outside},
		"timestamp of yesterday":            {set(ts, at(-24*time.Hour)), outside},
		"timestamp of tomorrow":             {set(ts, at(24*time.Hour)), outside},
		"no run id":                         {drop(run), noRun},
		"run id header without values":      {set(run), noRun},
		"empty run id":                      {set(run, ""), noRun},
		"the same run id twice":             {set(run, hookRun, hookRun), noRun},
		"a differing run id, then the good": {set(run, otherRun, hookRun), noRun},
		"the good run id, then a differing": {set(run, hookRun, otherRun), noRun},
		"run id of another run":             {set(run, otherRun), anotherRun},
		"run id in upper case":              {set(run, strings.ToUpper(hookRun)), anotherRun},
		"run id padded":                     {set(run, hookRun+" "), anotherRun},
		"run id cut short":                  {set(run, hookRun[:35]), anotherRun},
		"run ids joined by a comma":         {set(run, hookRun+","+hookRun), anotherRun},
		"no headers at all":                 {func(d *delivery) { d.header = nil }, noSignature},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := hookReceiver(t)
			d := newDelivery(hookSecret, hookSmall)
			_, err := r.Verify(d.request())
			require.NoError(t, err, "refused before it was spoiled")
			c.spoil(d)

			e, err := r.Verify(d.request())
			assert.Nil(t, e)
			assert.ErrorIs(t, err, helios.ErrInvalidWebhook)
			assert.NotErrorIs(t, err, helios.ErrMalformedEvent)
			assert.ErrorContains(t, err, c.reason)
			assertKeepsQuiet(t, err, d.body)

			e, err = r.VerifyPayload([]byte(d.body), d.header)
			assert.Nil(t, e)
			assert.ErrorIs(t, err, helios.ErrInvalidWebhook)
			assert.ErrorContains(t, err, c.reason)
			assertKeepsQuiet(t, err, d.body)

			err = r.VerifySignature([]byte(d.body), d.header)
			if c.reason == anotherRun {
				assert.NoError(t, err, "VerifySignature leaves the body's run id to Verify")
			} else {
				assert.ErrorIs(t, err, helios.ErrInvalidWebhook)
			}

			w := httptest.NewRecorder()
			r.Handler(func(context.Context, *helios.Event) error {
				assert.Fail(t, "callback called")
				return nil
			}).ServeHTTP(w, d.request())
			assert.Equal(t, http.StatusUnauthorized, w.Code)
			assertHidden(t, w.Body.String(), hookSecret, hookHealth, hookSum(hookSecret, d.body))
		})
	}
}

func TestReceiver_EveryBitCounts(t *testing.T) {
	t.Parallel()
	r, d := hookReceiver(t), newDelivery(hookSecret, hookSmall)
	body := []byte(hookSmall)
	for i := range body {
		for bit := range 8 {
			body[i] ^= 1 << bit
			require.ErrorIs(t, r.VerifySignature(body, d.header), helios.ErrInvalidWebhook, "bit %d of byte %d of the body", bit, i)
			body[i] ^= 1 << bit
		}
	}
	good := d.header.Get("X-Helios-Signature")
	for i := len("sha256="); i < len(good); i++ {
		for _, digit := range []byte("0123456789abcdef") {
			if digit == good[i] {
				continue
			}
			d.header.Set("X-Helios-Signature", good[:i]+string(digit)+good[i+1:])
			require.ErrorIs(t, r.VerifySignature(body, d.header), helios.ErrInvalidWebhook, "digit %d of the signature", i)
		}
	}
	d.header.Set("X-Helios-Signature", good)
	require.NoError(t, r.VerifySignature(body, d.header))
}

func TestReceiver_Tolerance(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opts   []helios.ReceiverOption
		offset time.Duration
		ok     bool
	}{
		"default, exactly 5 min old":         {nil, -300 * time.Second, true},
		"default, one second older":          {nil, -301 * time.Second, false},
		"default, exactly 5 min ahead":       {nil, 300 * time.Second, true},
		"default, one second further ahead":  {nil, 301 * time.Second, false},
		"10 s, exactly at it":                {[]helios.ReceiverOption{helios.WithTolerance(10 * time.Second)}, -10 * time.Second, true},
		"10 s, one second older":             {[]helios.ReceiverOption{helios.WithTolerance(10 * time.Second)}, -11 * time.Second, false},
		"10 s, one second further ahead":     {[]helios.ReceiverOption{helios.WithTolerance(10 * time.Second)}, 11 * time.Second, false},
		"an hour, 59 minutes old":            {[]helios.ReceiverOption{helios.WithTolerance(time.Hour)}, -59 * time.Minute, true},
		"the longest there is, 50 years old": {[]helios.ReceiverOption{helios.WithTolerance(math.MaxInt64)}, -50 * 365 * 24 * time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDelivery(hookSecret, hookSmall)
			d.header.Set("X-Helios-Timestamp", strconv.FormatInt(hookNow.Add(c.offset).Unix(), 10))
			_, err := hookReceiver(t, c.opts...).VerifyPayload([]byte(d.body), d.header)
			if c.ok {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, helios.ErrInvalidWebhook)
			}
		})
	}
}

func TestReceiver_MaxEventAge(t *testing.T) {
	t.Parallel()
	const layout = "2006-01-02T15:04:05.000Z07:00"
	signed := func(offset time.Duration) string { return `"timestamp":"` + hookNow.Add(offset).Format(layout) + `",` }
	for name, c := range map[string]struct {
		timestamp string
		ok        bool
	}{
		"now":                               {signed(0), true},
		"exactly as old as allowed":         {signed(-2 * time.Hour), true},
		"a millisecond older":               {signed(-2*time.Hour - time.Millisecond), false},
		"ahead by exactly the tolerance":    {signed(5 * time.Minute), true},
		"ahead by a millisecond more":       {signed(5*time.Minute + time.Millisecond), false},
		"missing":                           {"", false},
		"null":                              {`"timestamp":null,`, false},
		"a number":                          {fmt.Sprintf(`"timestamp":%d,`, hookNow.Unix()), false},
		"not a date":                        {`"timestamp":"now",`, false},
		"in the year 1":                     {`"timestamp":"0001-01-01T00:00:00Z",`, false},
		"in the year 9999":                  {`"timestamp":"9999-12-31T23:59:59Z",`, false},
		"in another zone":                   {`"timestamp":"` + hookNow.In(time.FixedZone("", 5*3600+1800)).Format(layout) + `",`, true},
		"in another zone that makes it old": {`"timestamp":"2025-01-15T12:01:31+05:30",`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDelivery(hookSecret, `{`+c.timestamp+`"runId":"`+hookRun+`","status":"completed"}`)
			_, err := hookReceiver(t).VerifyPayload([]byte(d.body), d.header)
			require.NoError(t, err, "off by default")
			e, err := hookReceiver(t, helios.WithMaxEventAge(2*time.Hour)).VerifyPayload([]byte(d.body), d.header)
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
		_, err := hookReceiver(t, helios.WithMaxEventAge(math.MaxInt64)).VerifyPayload([]byte(d.body), d.header)
		assert.ErrorIs(t, err, helios.ErrInvalidWebhook)
	})
}

func TestReceiver_PreviousSecrets(t *testing.T) {
	t.Parallel()
	current, previous, foreign := newDelivery(hookSecret, hookSmall), newDelivery(hookPrevious, hookSmall), newDelivery("whsec_other", hookSmall)
	for name, c := range map[string]struct {
		opts         []helios.ReceiverOption
		old, foreign bool
	}{
		"none":                     {nil, false, false},
		"one":                      {[]helios.ReceiverOption{helios.WithPreviousSecrets(hookPrevious)}, true, false},
		"several":                  {[]helios.ReceiverOption{helios.WithPreviousSecrets("whsec_older", hookPrevious, "whsec_other")}, true, true},
		"with white space around":  {[]helios.ReceiverOption{helios.WithPreviousSecrets("\t" + hookPrevious + "\r\n")}, true, false},
		"the option's list, empty": {[]helios.ReceiverOption{helios.WithPreviousSecrets()}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := hookReceiver(t, c.opts...)
			_, err := r.Verify(current.request())
			assert.NoError(t, err, "current secret")
			for d, ok := range map[*delivery]bool{previous: c.old, foreign: c.foreign} {
				if _, err := r.VerifyPayload([]byte(d.body), d.header); ok {
					assert.NoError(t, err)
				} else {
					assert.ErrorIs(t, err, helios.ErrInvalidWebhook)
					assertKeepsQuiet(t, err, d.body)
				}
			}
		})
	}
	t.Run("white space around the secret is cut off", func(t *testing.T) {
		t.Parallel()
		_, err := hookReceiver(t, helios.WithWebhookSecret(" "+hookSecret+"\n")).Verify(current.request())
		assert.NoError(t, err)
	})
}

func TestReceiver_EmptySecrets(t *testing.T) {
	t.Parallel()
	d := newDelivery("", hookSmall) // what a forger would send
	d.header.Set("X-Helios-Timestamp", strconv.FormatInt(time.Now().Unix(), 10))
	for name, empty := range map[string]string{"empty": "", "a space": " ", "white space": " \t\r\n\v\f\u00a0\u2003"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for place, opts := range map[string][]helios.ReceiverOption{
				"secret":                       {helios.WithWebhookSecret(empty)},
				"secret, after a good one":     {helios.WithWebhookSecret(hookSecret), helios.WithWebhookSecret(empty)},
				"secret, previous given":       {helios.WithWebhookSecret(empty), helios.WithPreviousSecrets(hookPrevious)},
				"the only previous":            {helios.WithWebhookSecret(hookSecret), helios.WithPreviousSecrets(empty)},
				"the last of several":          {helios.WithWebhookSecret(hookSecret), helios.WithPreviousSecrets(hookPrevious, empty)},
				"the first, before the secret": {helios.WithPreviousSecrets(empty, hookPrevious), helios.WithWebhookSecret(hookSecret)},
			} {
				r, err := helios.NewReceiver(opts...)
				assert.ErrorIs(t, err, helios.ErrMissingWebhookSecret, place)
				assert.Nil(t, r, place)
				assertKeepsQuiet(t, err, d.body)
			}
			e, err := helios.VerifyWebhook(d.request(), empty)
			assert.ErrorIs(t, err, helios.ErrMissingWebhookSecret)
			assert.Nil(t, e)
			e, err = helios.VerifyWebhookPayload([]byte(d.body), d.header, empty)
			assert.ErrorIs(t, err, helios.ErrMissingWebhookSecret)
			assert.Nil(t, e)
		})
	}
	t.Run("a Receiver that NewReceiver did not make", func(t *testing.T) {
		t.Parallel()
		var r helios.Receiver
		_, err := r.Verify(d.request())
		assert.ErrorIs(t, err, helios.ErrMissingWebhookSecret)
		_, err = r.VerifyPayload([]byte(d.body), d.header)
		assert.ErrorIs(t, err, helios.ErrMissingWebhookSecret)
		assert.ErrorIs(t, r.VerifySignature([]byte(d.body), d.header), helios.ErrMissingWebhookSecret)
		w := httptest.NewRecorder()
		r.Handler(func(context.Context, *helios.Event) error { assert.Fail(t, "callback called"); return nil }).ServeHTTP(w, d.request())
		assert.GreaterOrEqual(t, w.Code, 400)
	})
}

// Not parallel: it sets the environment.
func TestReceiver_Environment(t *testing.T) {
	clock := helios.WithClock(func() time.Time { return hookNow })
	d := newDelivery(hookSecret, hookSmall)
	for _, value := range []string{"", " ", "\n"} {
		t.Setenv(helios.EnvWebhookSecret, value)
		_, err := helios.NewReceiver(clock)
		assert.ErrorIs(t, err, helios.ErrMissingWebhookSecret)
	}
	assert.Equal(t, "HELIOS_WEBHOOK_SECRET", helios.EnvWebhookSecret)
	t.Setenv("HELIOS_WEBHOOK_SECRET", hookSecret+"\n")
	r, err := helios.NewReceiver(clock)
	require.NoError(t, err)
	_, err = r.Verify(d.request())
	assert.NoError(t, err)
	_, err = helios.NewReceiver(clock, helios.WithWebhookSecret(""))
	assert.ErrorIs(t, err, helios.ErrMissingWebhookSecret, "an option wins, even where it is empty")
	r, err = helios.NewReceiver(clock, helios.WithWebhookSecret(hookPrevious))
	require.NoError(t, err)
	_, err = r.Verify(d.request())
	assert.ErrorIs(t, err, helios.ErrInvalidWebhook, "the environment's secret does not count beside an option")
}

func TestReceiver_OptionsRefuseNonsense(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]helios.ReceiverOption{
		"WithTolerance":   {helios.WithTolerance(0), helios.WithTolerance(-time.Second), helios.WithTolerance(math.MinInt64)},
		"WithMaxEventAge": {helios.WithMaxEventAge(0), helios.WithMaxEventAge(-1)},
		"WithMaxBodySize": {helios.WithMaxBodySize(0), helios.WithMaxBodySize(-1), helios.WithMaxBodySize(math.MinInt64)},
		"WithClock":       {helios.WithClock(nil)},
	} {
		for _, opt := range opts {
			r, err := helios.NewReceiver(helios.WithWebhookSecret(hookSecret), opt)
			assert.ErrorContains(t, err, "helios: "+name)
			assert.Nil(t, r)
		}
	}
	_, err := hookReceiver(t, nil, helios.WithReceiverLogger(nil)).Verify(newDelivery(hookSecret, hookSmall).request())
	assert.NoError(t, err, "a nil option and a nil logger mean nothing")
}

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
		stale, lower := good.Clone(), http.Header{}
		stale.Set("X-Helios-Timestamp", "1")
		for key, values := range good {
			lower[strings.ToLower(key)] = values
		}
		for name, c := range map[string]struct {
			header http.Header
			err    error
		}{
			"authentic": {good, nil}, "previous secret": {old, nil}, "names in lower case": {lower, nil},
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
