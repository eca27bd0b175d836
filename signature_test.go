package helios_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math"
	"math/big"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

const (
	sigHeader = "X-Helios-Signature"
	tsHeader  = "X-Helios-Timestamp"
	runHeader = "X-Helios-Run-Id"
)

// Vectors that others published for the same scheme: GitHub for
// X-Hub-Signature-256, and RFC 4231 where the key can be a secret.
func TestSignature_PublishedVectors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ secret, body, sum string }{
		"GitHub": {"It's a Secret to Everybody", "Hello, World!",
			"757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
		"RFC 4231 case 2": {"Jefe", "what do ya want for nothing?",
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := hookReceiver(t, helios.WithWebhookSecret(c.secret))
			d := newDelivery("ignored", c.body)
			d.header.Set(sigHeader, "sha256="+c.sum)
			assert.NoError(t, r.VerifySignature([]byte(c.body), d.header))
			assert.ErrorIs(t, r.VerifySignature([]byte(c.body+"\n"), d.header), helios.ErrInvalidWebhook)

			err := hookReceiver(t).VerifySignature([]byte(c.body), d.header)
			assert.ErrorIs(t, err, helios.ErrInvalidWebhook, "another secret")
			_, err = d.verify(r)
			assert.ErrorIs(t, err, helios.ErrMalformedEvent, "authentic, but no event")
		})
	}
}

func TestSignature_Forgeries(t *testing.T) {
	t.Parallel()
	good := hookSum(hookSecret, hookSmall)
	sum := sha256.Sum256([]byte(hookSmall))
	inBase64 := base64.StdEncoding.EncodeToString([]byte(good))
	shorter := hookSecret[:len(hookSecret)-1]
	zeros := strings.Repeat("0", 64)
	now := strconv.FormatInt(hookNow.Unix(), 10)
	const noSignature, mismatch = "X-Helios-Signature", "does not match"

	signature := func(values ...string) func(*delivery) {
		return func(d *delivery) { d.header[sigHeader] = values }
	}
	body := func(s string) func(*delivery) { return func(d *delivery) { d.body = s } }

	for name, c := range map[string]struct {
		spoil  func(*delivery)
		reason string
	}{
		"no headers at all":         {func(d *delivery) { d.header = nil }, noSignature},
		"no signature":              {func(d *delivery) { d.header.Del(sigHeader) }, noSignature},
		"header without values":     {signature(), noSignature},
		"empty":                     {signature(""), noSignature},
		"prefix alone":              {signature("sha256="), noSignature},
		"the same twice":            {signature("sha256="+good, "sha256="+good), noSignature},
		"a bad one, then the good":  {signature("sha256="+zeros, "sha256="+good), noSignature},
		"the good one, then a bad":  {signature("sha256="+good, "sha256="+zeros), noSignature},
		"an empty one, then a good": {signature("", "sha256="+good), noSignature},
		"joined by a comma":         {signature("sha256=" + good + ",sha256=" + good), noSignature},
		"joined by comma space":     {signature("sha256=" + good + ", sha256=" + good), noSignature},
		"in the style of Stripe":    {signature("t=" + now + ",v1=" + good), noSignature},
		"one digit short":           {signature("sha256=" + good[:63]), noSignature},
		"one byte short":            {signature("sha256=" + good[:62]), noSignature},
		"one digit long":            {signature("sha256=" + good + "0"), noSignature},
		"one byte long":             {signature("sha256=" + good + "00"), noSignature},
		"twice in one value":        {signature("sha256=" + good + good), noSignature},
		"not hex at its start":      {signature("sha256=g" + good[1:]), noSignature},
		"not hex at its end":        {signature("sha256=" + good[:63] + "/"), noSignature},
		"not ASCII":                 {signature("sha256=" + good[:62] + "é"), noSignature},
		"with a zero byte":          {signature("sha256=" + good[:63] + "\x00"), noSignature},
		"in upper case":             {signature("sha256=" + strings.ToUpper(good)), noSignature},
		"in base64":                 {signature("sha256=" + inBase64), noSignature},
		"prefix in upper case":      {signature("SHA256=" + good), noSignature},
		"prefix of another hash":    {signature("sha512=" + good), noSignature},
		"prefix with a colon":       {signature("sha256:" + good), noSignature},
		"no prefix":                 {signature(good), noSignature},
		"no prefix, of its length":  {signature("0000000" + good), noSignature},
		"space before":              {signature(" sha256=" + good), noSignature},
		"space after":               {signature("sha256=" + good + " "), noSignature},
		"space instead of a digit":  {signature("sha256= " + good[1:]), noSignature},
		"newline after":             {signature("sha256=" + good + "\n"), noSignature},

		"under another secret":    {signature("sha256=" + hookSum(hookPrevious, hookSmall)), mismatch},
		"under an empty secret":   {signature("sha256=" + hookSum("", hookSmall)), mismatch},
		"under secret and space":  {signature("sha256=" + hookSum(hookSecret+" ", hookSmall)), mismatch},
		"under a shorter secret":  {signature("sha256=" + hookSum(shorter, hookSmall)), mismatch},
		"without a secret":        {signature("sha256=" + hex.EncodeToString(sum[:])), mismatch},
		"of the empty body":       {signature("sha256=" + hookSum(hookSecret, "")), mismatch},
		"of timestamp and body":   {signature("sha256=" + hookSum(hookSecret, now+"."+hookSmall)), mismatch},
		"of zeros":                {signature("sha256=" + zeros), mismatch},
		"body gone":               {body(""), "the signature does not match: the body is empty, was it read before?"},
		"newline after the body":  {body(hookSmall + "\n"), mismatch},
		"zero byte in the body":   {body(hookSmall + "\x00"), mismatch},
		"body cut short":          {body(hookSmall[:len(hookSmall)-1]), mismatch},
		"body twice":              {body(hookSmall + hookSmall), mismatch},
		"byte order mark added":   {body("\ufeff" + hookSmall), mismatch},
		"same JSON, other spaces": {body(strings.Replace(hookSmall, ":", ": ", 1)), mismatch},
		"body of another run":     {body(strings.Replace(hookSmall, "550e8400", "550e8401", 1)), mismatch},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDelivery(hookSecret, hookSmall)
			c.spoil(d)
			assertForged(t, d, c.reason)
		})
	}
}

func TestSignature_Timestamps(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) string { return strconv.FormatInt(hookNow.Add(d).Unix(), 10) }
	now := at(0)
	wrapped := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 64), big.NewInt(hookNow.Unix())).String() // modulo 2^64
	const noTimestamp, outside = "X-Helios-Timestamp", "tolerance"

	for name, c := range map[string]struct {
		values []string
		reason string
	}{
		"none":                     {nil, noTimestamp},
		"empty":                    {[]string{""}, noTimestamp},
		"the same twice":           {[]string{now, now}, noTimestamp},
		"a stale one, then a good": {[]string{"1", now}, noTimestamp},
		"joined by a comma":        {[]string{now + "," + now}, noTimestamp},
		"plus sign":                {[]string{"+" + now}, noTimestamp},
		"minus sign":               {[]string{"-" + now}, noTimestamp},
		"space before":             {[]string{" " + now}, noTimestamp},
		"space after":              {[]string{now + " "}, noTimestamp},
		"newline after":            {[]string{now + "\n"}, noTimestamp},
		"fraction":                 {[]string{now + ".0"}, noTimestamp},
		"exponent":                 {[]string{"1736942491e0"}, noTimestamp},
		"hex":                      {[]string{"0x" + strconv.FormatInt(hookNow.Unix(), 16)}, noTimestamp},
		"underscores":              {[]string{"1_736_942_491"}, noTimestamp},
		"date":                     {[]string{hookNow.Format(time.RFC3339)}, noTimestamp},
		"Arabic digits":            {[]string{"١٧٣٦٩٤٢٤٩١"}, noTimestamp},
		"beyond 64 bits":           {[]string{strings.Repeat("9", 40)}, noTimestamp},
		"wraps to now":             {[]string{wrapped}, noTimestamp},
		"just beyond 63 bits":      {[]string{"9223372036854775808"}, noTimestamp},
		"the largest 64 bits":      {[]string{strconv.FormatInt(math.MaxInt64, 10)}, noTimestamp},
		"18 nines":                 {[]string{strings.Repeat("9", 18)}, outside},
		"milliseconds":             {[]string{strconv.FormatInt(hookNow.UnixMilli(), 10)}, outside},
		"zero":                     {[]string{"0"}, outside},
		"one second too old":       {[]string{at(-301 * time.Second)}, outside},
		"one second too far":       {[]string{at(301 * time.Second)}, outside},
		"yesterday":                {[]string{at(-24 * time.Hour)}, outside},
		"tomorrow":                 {[]string{at(24 * time.Hour)}, outside},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDelivery(hookSecret, hookSmall)
			d.header[tsHeader] = c.values
			assertForged(t, d, c.reason)
		})
	}
}

// assertForged checks that nothing takes the delivery, and that the reason is
// given without a secret.
func assertForged(t *testing.T, d *delivery, reason string) {
	t.Helper()
	r := hookReceiver(t)
	verifiers := map[string]func() (*helios.Event, error){
		"Verify":          func() (*helios.Event, error) { return r.Verify(d.request()) },
		"VerifyPayload":   func() (*helios.Event, error) { return d.verify(r) },
		"VerifySignature": func() (*helios.Event, error) { return nil, r.VerifySignature([]byte(d.body), d.header) },
	}
	for by, verify := range verifiers {
		e, err := verify()
		assert.Nil(t, e, by)
		assert.ErrorIs(t, err, helios.ErrInvalidWebhook, by)
		assert.NotErrorIs(t, err, helios.ErrMalformedEvent, by)
		assert.ErrorContains(t, err, reason, by)
		assertKeepsQuiet(t, err, d.body)
	}

	w := httptest.NewRecorder()
	r.Handler(func(context.Context, *helios.Event) error {
		assert.Fail(t, "callback called")
		return nil
	}).ServeHTTP(w, d.request())
	assert.Equal(t, http.StatusUnauthorized, w.Code)
	assertHidden(t, w.Body.String(), hookSecret, hookHealth, hookSum(hookSecret, d.body))
}

// Only the body is signed, so the header of the run id proves nothing.
func TestSignature_RunIDHeaderIsNotRead(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"missing":              nil,
		"empty":                {""},
		"twice":                {hookRun, hookRun},
		"another run's":        {"11111111-2222-4333-8444-555555555555"},
		"in upper case":        {strings.ToUpper(hookRun)},
		"padded":               {hookRun + " "},
		"two joined by commas": {hookRun + "," + hookRun},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDelivery(hookSecret, hookSmall)
			d.header[runHeader] = values
			r := hookReceiver(t)
			e, err := r.Verify(d.request())
			require.NoError(t, err)
			assert.Equal(t, hookRun, e.RunID)
			assert.NoError(t, r.VerifySignature([]byte(d.body), d.header))
		})
	}
}

func TestSignature_EveryBitCounts(t *testing.T) {
	t.Parallel()
	r, d := hookReceiver(t), newDelivery(hookSecret, hookSmall)
	body := []byte(hookSmall)
	for i := range body {
		for bit := range 8 {
			body[i] ^= 1 << bit
			err := r.VerifySignature(body, d.header)
			require.ErrorIs(t, err, helios.ErrInvalidWebhook, "bit %d of byte %d of the body", bit, i)
			body[i] ^= 1 << bit
		}
	}

	good := d.header.Get(sigHeader)
	for i := len("sha256="); i < len(good); i++ {
		for _, digit := range []byte("0123456789abcdef") {
			if digit == good[i] {
				continue
			}
			d.header.Set(sigHeader, good[:i]+string(digit)+good[i+1:])
			err := r.VerifySignature(body, d.header)
			require.ErrorIs(t, err, helios.ErrInvalidWebhook, "digit %d of the signature", i)
		}
	}
	d.header.Set(sigHeader, good)
	require.NoError(t, r.VerifySignature(body, d.header))
}

func TestSignature_Tolerance(t *testing.T) {
	t.Parallel()
	within := func(d time.Duration) []helios.ReceiverOption {
		return []helios.ReceiverOption{helios.WithTolerance(d)}
	}
	for name, c := range map[string]struct {
		opts   []helios.ReceiverOption
		offset time.Duration
		ok     bool
	}{
		"default, exactly 5 min old":         {nil, -300 * time.Second, true},
		"default, one second older":          {nil, -301 * time.Second, false},
		"default, exactly 5 min ahead":       {nil, 300 * time.Second, true},
		"default, one second further ahead":  {nil, 301 * time.Second, false},
		"10 s, exactly at it":                {within(10 * time.Second), -10 * time.Second, true},
		"10 s, one second older":             {within(10 * time.Second), -11 * time.Second, false},
		"10 s, one second further ahead":     {within(10 * time.Second), 11 * time.Second, false},
		"an hour, 59 minutes old":            {within(time.Hour), -59 * time.Minute, true},
		"the longest there is, 50 years old": {within(math.MaxInt64), -50 * 365 * 24 * time.Hour, true},

		// The header has whole seconds, so a fraction is rounded up.
		"1 ns, now":                  {within(time.Nanosecond), 0, true},
		"1 ns, one second old":       {within(time.Nanosecond), -time.Second, true},
		"1 ns, two seconds old":      {within(time.Nanosecond), -2 * time.Second, false},
		"1.5 s, two seconds old":     {within(1500 * time.Millisecond), -2 * time.Second, true},
		"1.5 s, two seconds ahead":   {within(1500 * time.Millisecond), 2 * time.Second, true},
		"1.5 s, three seconds old":   {within(1500 * time.Millisecond), -3 * time.Second, false},
		"1.5 s, three seconds ahead": {within(1500 * time.Millisecond), 3 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDelivery(hookSecret, hookSmall)
			d.header.Set(tsHeader, strconv.FormatInt(hookNow.Add(c.offset).Unix(), 10))
			_, err := d.verify(hookReceiver(t, c.opts...))
			if c.ok {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, helios.ErrInvalidWebhook)
			}
		})
	}
}

// Not parallel: testing.AllocsPerRun counts those of the whole process.
func TestSignature_VerifyingAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items under the race detector")
	}
	secrets := []string{hookSecret, hookPrevious}
	receivers := map[string]*helios.Receiver{
		"secrets": hookReceiver(t, helios.WithPreviousSecrets(hookPrevious)),
		"a source": hookReceiver(t, helios.WithWebhookSecretSource(func(context.Context) ([]string, error) {
			return secrets, nil
		})),
	}

	for _, size := range []int{1 << 10, 16 << 10, 64 << 10} {
		body := bytes.Repeat([]byte("x"), size)
		good := newDelivery(hookSecret, string(body)).header
		stale := good.Clone()
		stale.Set(tsHeader, "1")
		for name, c := range map[string]struct {
			header http.Header
			err    error
		}{
			"authentic":       {good, nil},
			"previous secret": {newDelivery(hookPrevious, string(body)).header, nil},
			"forged":          {newDelivery("other", string(body)).header, helios.ErrInvalidWebhook},
			"stale":           {stale, helios.ErrInvalidWebhook},
		} {
			for of, r := range receivers {
				err := r.VerifySignature(body, c.header)
				require.True(t, err == nil && c.err == nil || errors.Is(err, c.err), "%s: %v", name, err)
				allocs := testing.AllocsPerRun(100, func() { _ = r.VerifySignature(body, c.header) })
				assert.Zero(t, allocs, "%s, %s, %d bytes", name, of, size)
			}
		}
	}
}

func FuzzHeaders(f *testing.F) {
	good, now := "sha256="+hookSum(hookSecret, hookSmall), strconv.FormatInt(hookNow.Unix(), 10)
	for _, signature := range []string{
		good, "", "sha256=", good + "," + good, strings.ToUpper(good), "sha256=" + strings.ToUpper(good[7:]),
		good[:70], good + "0", " " + good, "sha1=" + good[7:47], "sha256=" + hookSum(hookPrevious, hookSmall),
		"sha256=" + hookSum("", hookSmall), strings.Repeat("\xff", 71),
	} {
		f.Add(signature, now, hookRun, "", uint8(0))
	}
	for _, timestamp := range []string{
		"", "0", "-1", "+" + now, now + " ", now + ".0", "1736942191", "1736942190", "1736942791", "1736942792",
		"9223372036854775807", "9223372036854775808", "18446744075446494107", "999999999999999999",
		"000000001736942491", "0000000001736942491", "1e9", "٣",
	} {
		f.Add(good, timestamp, hookRun, "", uint8(0))
	}
	for choice := range uint8(8) {
		f.Add(good, now, "another run", good, choice)
	}

	signedForm := regexp.MustCompile(`\Asha256=[0-9a-f]{64}\z`)
	timestampForm := regexp.MustCompile(`\A[0-9]{1,18}\z`)
	f.Fuzz(func(t *testing.T, signature, timestamp, run, second string, choice uint8) {
		header := http.Header{sigHeader: {signature}, tsHeader: {timestamp}, runHeader: {run}}
		names := []string{sigHeader, tsHeader, runHeader}
		single := true
		if i := int(choice & 3); i > 0 { // a second value of one of them
			header[names[i-1]] = append(header[names[i-1]], second)
			single = names[i-1] == runHeader
		}
		if choice&4 != 0 {
			for _, name := range names {
				header[strings.ToLower(name)] = header[name]
				delete(header, name)
			}
		}

		// The same rules, from the contract, by other means.
		signed := signedForm.MatchString(signature)
		if signed {
			sum, err := hex.DecodeString(signature[len("sha256="):])
			require.NoError(t, err)
			m := hmac.New(sha256.New, []byte(hookSecret))
			m.Write([]byte(hookSmall))
			signed = hmac.Equal(m.Sum(nil), sum)
		}
		fresh := false
		if timestampForm.MatchString(timestamp) {
			sent, ok := new(big.Int).SetString(timestamp, 10)
			require.True(t, ok)
			off := sent.Sub(sent, big.NewInt(hookNow.Unix()))
			fresh = off.CmpAbs(big.NewInt(300)) <= 0
		}
		authentic := single && signed && fresh

		r := hookReceiver(t)
		e, err := r.VerifyPayload([]byte(hookSmall), header)
		require.Equal(t, authentic, r.VerifySignature([]byte(hookSmall), header) == nil)
		if authentic {
			require.NoError(t, err)
			require.Equal(t, hookSmall, string(e.Raw))
			return
		}
		require.ErrorIs(t, err, helios.ErrInvalidWebhook)
		require.Nil(t, e)
		assertKeepsQuiet(t, err, hookSmall)
	})
}
