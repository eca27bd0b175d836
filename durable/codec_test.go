package durable

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	oldKey = Key{"2025", bytes.Repeat([]byte{1}, 32)}
	newKey = Key{"2026", bytes.Repeat([]byte{2}, 16)}
)

func newCodec(t testing.TB, current Key, previous ...Key) *AESGCM {
	t.Helper()
	c, err := NewAESGCM(current, previous...)
	require.NoError(t, err)
	return c
}

func TestAESGCM(t *testing.T) {
	t.Parallel()
	before := newCodec(t, oldKey)
	rotating := newCodec(t, newKey, oldKey)
	after := newCodec(t, newKey)
	for _, body := range [][]byte{{}, []byte(secretValue), bytes.Repeat([]byte("x"), 1<<20)} {
		stored, err := before.Encode(body, []byte("here"))
		require.NoError(t, err)
		if len(body) > 0 {
			assert.NotContains(t, string(stored), secretValue)
		}
		twice, err := before.Encode(body, []byte("here"))
		require.NoError(t, err)
		assert.NotEqual(t, stored, twice, "equal bodies do not look equal")
		for _, c := range []*AESGCM{before, rotating} {
			decoded, err := c.Decode(stored, []byte("here"))
			require.NoError(t, err)
			assert.True(t, bytes.Equal(body, decoded))
		}
		for name, decode := range map[string]func() ([]byte, error){
			"another place":   func() ([]byte, error) { return before.Decode(stored, []byte("there")) },
			"the key is gone": func() ([]byte, error) { return after.Decode(stored, []byte("here")) },
			"another key of that id": func() ([]byte, error) {
				return newCodec(t, Key{oldKey.ID, newKey.Secret}).Decode(stored, []byte("here"))
			},
			"cut short": func() ([]byte, error) { return before.Decode(stored[:10], []byte("here")) },
			"changed": func() ([]byte, error) {
				changed := bytes.Clone(stored)
				changed[len(changed)-1] ^= 1
				return before.Decode(changed, []byte("here"))
			},
			"plain":   func() ([]byte, error) { return before.Decode([]byte(`{"runId":"x"}`), []byte("here")) },
			"nothing": func() ([]byte, error) { return before.Decode(nil, []byte("here")) },
		} {
			_, err := decode()
			require.ErrorIs(t, err, ErrUndecodable, name)
			assert.NotContains(t, err.Error(), secretValue)
		}
	}
	stored, err := rotating.Encode([]byte("body"), nil)
	require.NoError(t, err)
	_, err = after.Decode(stored, nil)
	require.NoError(t, err, "the new key encrypts")
}

func TestNewAESGCM_Refuses(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]Key{
		"no id":        {{"", oldKey.Secret}},
		"a long id":    {{strings.Repeat("k", 256), oldKey.Secret}},
		"no secret":    {{"k", nil}},
		"a short one":  {{"k", oldKey.Secret[:15]}},
		"one id twice": {oldKey, {oldKey.ID, newKey.Secret}},
	} {
		_, err := NewAESGCM(keys[0], keys[1:]...)
		require.Error(t, err, name)
		assert.True(t, strings.HasPrefix(err.Error(), "helios: durable: NewAESGCM: "), err.Error())
	}
	newCodec(t, Key{strings.Repeat("k", 255), oldKey.Secret})
}

func TestKeysAreNotPrinted(t *testing.T) {
	t.Parallel()
	secret := Key{"2026", []byte("correct horse battery staple....")}
	for _, v := range []any{secret, &secret, []Key{secret}, newCodec(t, secret),
		struct{ C Codec }{newCodec(t, secret)}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
			printed := fmt.Sprintf(verb, v)
			assert.NotContains(t, printed, "battery")
			assert.NotContains(t, printed, "62617474", "in hex")
			assert.NotContains(t, printed, "0x62, 0x61", "as bytes")
		}
	}
	assert.Equal(t, "durable.Key{2026}", secret.LogValue().String())
}

// FuzzAESGCM_Decode: what lies in the store may have been changed by anybody.
func FuzzAESGCM_Decode(f *testing.F) {
	c, err := NewAESGCM(newKey, oldKey)
	require.NoError(f, err)
	sealed, err := c.Encode([]byte(`{"runId":"x"}`), []byte("here"))
	require.NoError(f, err)
	for _, seed := range [][]byte{nil, {1}, {1, 255}, {1, 4, '2', '0', '2', '6'}, sealed, sealed[:20],
		[]byte(`{"runId":"x"}`)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		body, err := c.Decode(stored, []byte("here"))
		if bytes.Equal(stored, sealed) || err == nil { // as sealed by another process, whose nonce differs
			require.NoError(t, err)
			require.Len(t, stored, len(sealed))
			require.Equal(t, `{"runId":"x"}`, string(body), "only what the codec made can be decoded")
			return
		}
		require.ErrorIs(t, err, ErrUndecodable)
	})
}

// FuzzStorable: both stores take and index what it returns, and it does not
// change what they take already.
func FuzzStorable(f *testing.F) {
	for _, seed := range []string{"", "550e8400-e29b-41d4-a716-446655440000", "a\x00b", "\xff",
		strings.Repeat("r", 201), strings.Repeat("ä", 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		stored := storable(s)
		require.Equal(t, stored, storable(stored))
		require.LessOrEqual(t, len(stored), 200)
		require.NotContains(t, stored, "\x00")
		require.True(t, strings.ToValidUTF8(stored, "") == stored)
	})
}
