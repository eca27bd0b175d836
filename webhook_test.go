package helios_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
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
