package helios_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

func sourceOf(secrets ...string) helios.ReceiverOption {
	return helios.WithWebhookSecretSource(func(context.Context) ([]string, error) { return secrets, nil })
}

func TestSecrets_Previous(t *testing.T) {
	t.Parallel()
	current, previous := newDelivery(hookSecret, hookSmall), newDelivery(hookPrevious, hookSmall)
	foreign := newDelivery("whsec_other", hookSmall)
	type options = []helios.ReceiverOption
	for name, c := range map[string]struct {
		opts         options
		old, foreign bool
	}{
		"none":                    {nil, false, false},
		"an empty list":           {options{helios.WithPreviousSecrets()}, false, false},
		"one":                     {options{helios.WithPreviousSecrets(hookPrevious)}, true, false},
		"several":                 {options{helios.WithPreviousSecrets("a", hookPrevious, "whsec_other")}, true, true},
		"with white space around": {options{helios.WithPreviousSecrets("\t" + hookPrevious + "\r\n")}, true, false},
		"twice, the later counts": {
			options{helios.WithPreviousSecrets("whsec_other"), helios.WithPreviousSecrets(hookPrevious)}, true, false},
		"beside a source": {options{sourceOf(hookSecret), helios.WithPreviousSecrets(hookPrevious)}, true, false},
		"of a source":     {options{sourceOf(hookSecret, hookPrevious)}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := hookReceiver(t, c.opts...)
			_, err := r.Verify(current.request())
			assert.NoError(t, err, "current secret")
			for d, ok := range map[*delivery]bool{previous: c.old, foreign: c.foreign} {
				_, err := d.verify(r)
				if ok {
					assert.NoError(t, err)
					continue
				}
				assert.ErrorIs(t, err, helios.ErrInvalidWebhook)
				assertKeepsQuiet(t, err, d.body)
			}
		})
	}
}

func TestSecrets_AnEmptyOneIsRefused(t *testing.T) {
	t.Parallel()
	d := newDelivery("", hookSmall) // what a forger would send
	d.header.Set(tsHeader, strconv.FormatInt(time.Now().Unix(), 10))
	for name, empty := range map[string]string{"empty": "", "a space": " ", "white space": " \t\r\n\v\f\u00a0\u2003"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			good := helios.WithWebhookSecret(hookSecret)
			for place, opts := range map[string][]helios.ReceiverOption{
				"secret":                   {helios.WithWebhookSecret(empty)},
				"secret, after a good one": {good, helios.WithWebhookSecret(empty)},
				"secret, after a source":   {sourceOf(hookSecret), helios.WithWebhookSecret(empty)},
				"secret, previous given":   {helios.WithWebhookSecret(empty), helios.WithPreviousSecrets(hookPrevious)},
				"the only previous":        {good, helios.WithPreviousSecrets(empty)},
				"the last of several":      {good, helios.WithPreviousSecrets(hookPrevious, empty)},
				"the first of several":     {helios.WithPreviousSecrets(empty, hookPrevious), good},
				"previous beside a source": {helios.WithPreviousSecrets(empty), sourceOf(hookSecret)},
			} {
				r, err := helios.NewReceiver(opts...)
				assert.ErrorIs(t, err, helios.ErrMissingWebhookSecret, place)
				assert.Nil(t, r, place)
				assert.NotContains(t, err.Error(), helios.EnvWebhookSecret, "the option is wrong, not the environment")
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
	t.Run("the text names the place", func(t *testing.T) {
		t.Parallel()
		_, err := helios.NewReceiver(helios.WithWebhookSecret(hookSecret), helios.WithPreviousSecrets(hookPrevious, ""))
		require.EqualError(t, err, "helios: WithPreviousSecrets: secret 2: is empty")
		_, err = helios.VerifyWebhook(d.request(), "")
		require.EqualError(t, err, "helios: VerifyWebhook: secret: is empty")
	})
	t.Run("a Receiver that NewReceiver did not make", func(t *testing.T) {
		t.Parallel()
		var r helios.Receiver
		_, err := r.Verify(d.request())
		assert.ErrorIs(t, err, helios.ErrMissingWebhookSecret)
		_, err = d.verify(&r)
		assert.ErrorIs(t, err, helios.ErrMissingWebhookSecret)
		assert.ErrorIs(t, r.VerifySignature([]byte(d.body), d.header), helios.ErrMissingWebhookSecret)

		w := httptest.NewRecorder()
		r.Handler(func(context.Context, *helios.Event) error {
			assert.Fail(t, "callback called")
			return nil
		}).ServeHTTP(w, d.request())
		assert.Equal(t, http.StatusInternalServerError, w.Code)
	})
}

// What a copy and paste or docker --env-file leaves in a secret.
func TestSecrets_Hygiene(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ secret, problem string }{
		"quotes":           {`"` + hookSecret + `"`, "is in quotes, or ends in one; remove them"},
		"zero width space": {hookSecret + "\u200b", "holds an invisible character (U+200B)"},
		"byte order mark":  {"\ufeff" + hookSecret, "holds a byte order mark (U+FEFF); save the file without it"},
		"NUL":              {hookSecret + "\x00", "holds a NUL byte"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for from, opts := range map[string][]helios.ReceiverOption{
				"WithWebhookSecret":             {helios.WithWebhookSecret(c.secret)},
				"WithPreviousSecrets: secret 2": {sourceOf("a"), helios.WithPreviousSecrets("a", c.secret)},
			} {
				_, err := helios.NewReceiver(opts...)
				require.EqualError(t, err, "helios: "+from+": "+c.problem)
				assertKeepsQuiet(t, err, "")
			}

			_, err := newDelivery(hookSecret, hookSmall).verify(hookReceiver(t, sourceOf(c.secret)))
			require.EqualError(t, err, "helios: WithWebhookSecretSource: secret 1: "+c.problem)
			require.ErrorIs(t, err, helios.ErrUnavailable)
			assertKeepsQuiet(t, err, "")
		})
	}
}

// Not parallel: it sets the environment.
func TestSecrets_Environment(t *testing.T) {
	clock := helios.WithClock(func() time.Time { return hookNow })
	d := newDelivery(hookSecret, hookSmall)
	for _, value := range []string{"", " ", "\n"} {
		t.Setenv(helios.EnvWebhookSecret, value)
		_, err := helios.NewReceiver(clock)
		require.ErrorIs(t, err, helios.ErrMissingWebhookSecret)
		require.ErrorContains(t, err, "set HELIOS_WEBHOOK_SECRET")

		r, err := helios.NewReceiver(clock, sourceOf(hookSecret))
		require.NoError(t, err, "a source needs no environment")
		_, err = d.verify(r)
		require.NoError(t, err)
	}

	t.Setenv("HELIOS_WEBHOOK_SECRET", `"`+hookSecret+`"`)
	_, err := helios.NewReceiver(clock)
	require.EqualError(t, err, "helios: HELIOS_WEBHOOK_SECRET: is in quotes, or ends in one; remove them")
	_, err = helios.NewReceiver(clock, sourceOf(hookSecret))
	require.NoError(t, err, "it is not read beside a source")

	t.Setenv("HELIOS_WEBHOOK_SECRET", hookSecret+"\n")
	r, err := helios.NewReceiver(clock)
	require.NoError(t, err)
	_, err = d.verify(r)
	require.NoError(t, err)

	_, err = helios.NewReceiver(clock, helios.WithWebhookSecret(""))
	require.ErrorIs(t, err, helios.ErrMissingWebhookSecret, "an option wins, even where it is empty")
	r, err = helios.NewReceiver(clock, helios.WithWebhookSecret(hookPrevious))
	require.NoError(t, err)
	_, err = d.verify(r)
	require.ErrorIs(t, err, helios.ErrInvalidWebhook, "the environment does not count beside an option")
}

func TestSecrets_SourceRotates(t *testing.T) {
	t.Parallel()
	valid := []string{hookSecret}
	asked := 0
	r := hookReceiver(t, helios.WithWebhookSecretSource(func(context.Context) ([]string, error) {
		asked++
		return valid, nil
	}))
	check := func(secret string, want error) {
		t.Helper()
		_, err := newDelivery(secret, hookSmall).verify(r)
		assert.ErrorIs(t, err, want)
	}
	check(hookSecret, nil)
	check(hookPrevious, helios.ErrInvalidWebhook)

	valid = []string{" " + hookPrevious + "\n", hookSecret} // white space is cut off
	check(hookSecret, nil)
	check(hookPrevious, nil)

	valid[1] = "whsec_other" // in the slice that was given before
	check(hookSecret, helios.ErrInvalidWebhook)
	check(hookPrevious, nil)
	check("whsec_other", nil)
	assert.Equal(t, 7, asked, "asked for each delivery")

	_, err := r.VerifyPayload([]byte(hookSmall), nil)
	require.ErrorIs(t, err, helios.ErrInvalidWebhook)
	assert.Equal(t, 7, asked, "not asked for a delivery without headers")
}

func TestSecrets_TheLaterOfSecretAndSourceCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		opts  []helios.ReceiverOption
		valid string
	}{
		{[]helios.ReceiverOption{helios.WithWebhookSecret(hookSecret), sourceOf(hookPrevious)}, hookPrevious},
		{[]helios.ReceiverOption{sourceOf(hookPrevious), helios.WithWebhookSecret(hookSecret)}, hookSecret},
		{[]helios.ReceiverOption{sourceOf(hookPrevious), sourceOf(hookSecret)}, hookSecret},
	} {
		r := hookReceiver(t, c.opts...)
		for _, secret := range []string{hookSecret, hookPrevious} {
			_, err := newDelivery(secret, hookSmall).verify(r)
			assert.Equal(t, secret == c.valid, err == nil)
		}
	}
	_, err := helios.NewReceiver(helios.WithWebhookSecretSource(nil))
	require.EqualError(t, err, "helios: WithWebhookSecretSource: nil source")
}

// A delivery that cannot be judged is never refused as a forgery: it may be the
// only one of a result.
func TestSecrets_SourceFails(t *testing.T) {
	t.Parallel()
	errVault := fmt.Errorf("%w: GET https://vault.example/?token=%s", helios.ErrInvalidWebhook, hookSecret)
	for name, c := range map[string]struct {
		source func(context.Context) ([]string, error)
		text   string
		cause  error
	}{
		"an error": {func(context.Context) ([]string, error) { return []string{hookSecret}, errVault },
			"helios: WithWebhookSecretSource: the source failed", errVault},
		"no secret": {func(context.Context) ([]string, error) { return nil, nil },
			"helios: WithWebhookSecretSource: the source gave no secret", helios.ErrMissingWebhookSecret},
		"an empty secret": {func(context.Context) ([]string, error) { return []string{hookSecret, " "}, nil },
			"helios: WithWebhookSecretSource: secret 2: is empty", helios.ErrMissingWebhookSecret},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDelivery(hookSecret, hookSmall)
			seen := []helios.Delivery{}
			r := hookReceiver(t, helios.WithWebhookSecretSource(c.source),
				helios.WithReceiverObserver(func(_ context.Context, d helios.Delivery) { seen = append(seen, d) }))

			_, err := r.Verify(d.request())
			require.EqualError(t, err, c.text)
			require.ErrorIs(t, err, helios.ErrUnavailable)
			require.ErrorIs(t, err, c.cause)
			assertKeepsQuiet(t, err, d.body)
			require.ErrorIs(t, r.VerifySignature([]byte(d.body), d.header), helios.ErrUnavailable)

			w := httptest.NewRecorder()
			r.Handler(func(context.Context, *helios.Event) error { return nil }).ServeHTTP(w, d.request())
			assert.Equal(t, http.StatusServiceUnavailable, w.Code)
			require.Len(t, seen, 1)
			assert.Equal(t, helios.ReasonSecrets, seen[0].Reason)
		})
	}
}

func TestSecrets_SourceGetsTheContextOfTheRequest(t *testing.T) {
	t.Parallel()
	type key struct{}
	var got context.Context
	r := hookReceiver(t, helios.WithWebhookSecretSource(func(ctx context.Context) ([]string, error) {
		got = ctx
		return []string{hookSecret}, ctx.Err()
	}))
	d := newDelivery(hookSecret, hookSmall)
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "of the request"))
	_, err := r.Verify(d.request().WithContext(ctx))
	require.NoError(t, err)
	assert.Equal(t, "of the request", got.Value(key{}))

	cancel()
	_, err = r.Verify(d.request().WithContext(ctx))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, helios.ErrUnavailable)

	_, err = d.verify(r)
	require.NoError(t, err)
	assert.Equal(t, context.Background(), got)
}

func TestSecrets_SourceIsUsedConcurrently(t *testing.T) {
	t.Parallel()
	var turn atomic.Int64
	r := hookReceiver(t, helios.WithWebhookSecretSource(func(context.Context) ([]string, error) {
		if turn.Add(1)%2 == 0 {
			return []string{hookSecret, hookPrevious}, nil
		}
		return []string{hookPrevious, hookSecret}, nil
	}))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				for secret, want := range map[string]error{
					hookSecret: nil, hookPrevious: nil, "whsec_forger": helios.ErrInvalidWebhook,
				} {
					_, err := newDelivery(secret, hookSmall).verify(r)
					assert.ErrorIs(t, err, want)
				}
			}
		})
	}
	group.Wait()
}
