package helios_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
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
