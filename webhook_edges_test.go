package helios_test

import (
	"strconv"
	"testing"
	"time"

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
