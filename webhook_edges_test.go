package helios_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// TestReceiver_ToleranceOfAFractionIsRoundedUp: X-Helios-Timestamp has whole seconds only.
func TestReceiver_ToleranceOfAFractionIsRoundedUp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		tolerance, offset time.Duration
		ok                bool
	}{
		{time.Nanosecond, 0, true},
		{time.Nanosecond, -time.Second, true},
		{time.Nanosecond, -2 * time.Second, false},
		{1500 * time.Millisecond, -2 * time.Second, true},
		{1500 * time.Millisecond, 2 * time.Second, true},
		{1500 * time.Millisecond, -3 * time.Second, false},
		{1500 * time.Millisecond, 3 * time.Second, false},
	} {
		d := newDelivery(hookSecret, hookSmall)
		d.header.Set("X-Helios-Timestamp", strconv.FormatInt(hookNow.Add(tt.offset).Unix(), 10))
		_, err := hookReceiver(t, helios.WithTolerance(tt.tolerance)).VerifyPayload([]byte(d.body), d.header)
		if tt.ok {
			require.NoError(t, err, "%s within %s", tt.offset, tt.tolerance)
		} else {
			require.ErrorIs(t, err, helios.ErrInvalidWebhook, "%s beyond %s", tt.offset, tt.tolerance)
		}
	}
}

func TestReceiver_AnEmptyBodyIsNamedAsTheReason(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ body, text string }{
		"read before":  {"", "helios: invalid webhook: the signature does not match: the body is empty, was it read before?"},
		"another body": {hookSmall + " ", "helios: invalid webhook: the signature does not match"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDelivery(hookSecret, hookSmall)
			d.body = tt.body
			_, err := hookReceiver(t).Verify(d.request())
			require.EqualError(t, err, tt.text)
		})
	}
}

func TestNewReceiver_ANilOptionMeansNothing(t *testing.T) {
	t.Parallel()
	r, err := helios.NewReceiver(nil, helios.WithWebhookSecret(hookSecret), nil, helios.WithClock(func() time.Time { return hookNow }))
	require.NoError(t, err)
	_, err = r.Verify(newDelivery(hookSecret, hookSmall).request())
	require.NoError(t, err)
}

// TestReceiver_ALimitAroundTheHandlerIsItsLimit: http.MaxBytesHandler, or a reader of it, ends the body before the receiver does.
func TestReceiver_ALimitAroundTheHandlerIsItsLimit(t *testing.T) {
	t.Parallel()
	r := hookReceiver(t)
	handler := r.Handler(func(context.Context, *helios.Event) error { return nil })
	for limit, status := range map[int64]int{int64(len(hookSmall)): http.StatusOK, int64(len(hookSmall)) - 1: http.StatusRequestEntityTooLarge} {
		w := httptest.NewRecorder()
		http.MaxBytesHandler(handler, limit).ServeHTTP(w, newDelivery(hookSecret, hookSmall).request())
		assert.Equal(t, status, w.Code)
	}
	req := newDelivery(hookSecret, hookSmall).request()
	req.Body = http.MaxBytesReader(httptest.NewRecorder(), req.Body, 10)
	_, err := r.Verify(req)
	require.EqualError(t, err, helios.ErrBodyTooLarge.Error())
	require.ErrorIs(t, err, helios.ErrBodyTooLarge)
}
