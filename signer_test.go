package helios

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The test cases of RFC 4231, section 4. Case 5 is about truncated output,
// which Helios does not use. Most of the keys are no text, which an option
// refuses; hence the signer itself.
func TestSigner_AgreesWithRFC4231(t *testing.T) {
	t.Parallel()
	sequence := make([]byte, 25)
	for i := range sequence {
		sequence[i] = byte(i + 1)
	}
	for name, c := range map[string]struct{ key, data, sum string }{
		"case 1, key of white space": {strings.Repeat("\x0b", 20), "Hi There",
			"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		"case 2, key shorter than the sum": {"Jefe", "what do ya want for nothing?",
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		"case 3, key and data above 64 bytes together": {strings.Repeat("\xaa", 20), strings.Repeat("\xdd", 50),
			"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
		"case 4, key of 25 bytes": {string(sequence), strings.Repeat("\xcd", 50),
			"82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
		"case 6, key of 131 bytes": {strings.Repeat("\xaa", 131),
			"Test Using Larger Than Block-Size Key - Hash Key First",
			"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
		"case 7, key of 131 bytes and long data": {strings.Repeat("\xaa", 131),
			"This is a test using a larger than block-size key and a larger than block-size data. " +
				"The key needs to be hashed before being used by the HMAC algorithm.",
			"9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sum signature
			raw, err := hex.DecodeString(c.sum)
			require.NoError(t, err)
			require.Equal(t, len(sum), copy(sum[:], raw))

			s := newSigner(c.key)
			for range 3 { // a pooled hash that was used before gives the same sum
				assert.True(t, s.signed([]byte(c.data), &sum))
				assert.False(t, s.signed([]byte(c.data+"."), &sum), "other data")
				assert.False(t, s.signed(nil, &sum), "no data")
			}
			assert.False(t, newSigner(c.key+"\x01").signed([]byte(c.data), &sum), "other key")

			for i := range sum {
				forged := sum
				forged[i] ^= 0x10
				assert.False(t, s.signed([]byte(c.data), &forged), "byte %d of the sum changed", i)
			}
		})
	}
}

// Every byte there is, in either place of a pair, against encoding/hex.
func TestSignature_IsLowerCaseHex(t *testing.T) {
	t.Parallel()
	valid := signaturePrefix + strings.Repeat("0", 64)
	for c := range 256 {
		for _, at := range []int{0, 1, 62, 63} {
			s := []byte(valid)
			s[len(signaturePrefix)+at] = byte(c)
			var got signature
			lower := bytes.IndexByte([]byte("0123456789abcdef"), byte(c)) >= 0
			require.Equal(t, lower, got.decode(string(s)), "byte %#x at %d", c, at)
			if !lower {
				continue
			}
			want, err := hex.DecodeString(string(s[len(signaturePrefix):]))
			require.NoError(t, err)
			require.Equal(t, want, got[:])
		}
	}
}
