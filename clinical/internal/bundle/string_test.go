package bundle

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
)

func unquote(raw string) (string, bool) {
	var r Reader
	r.Reset([]byte(`"` + raw + `"`))
	s := r.String(100)
	return s, !r.Bad
}

func TestString(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		``, `plain`, `a\"b\\c\/d`, `\b\f\n\r\t`, `\u00e9\u20ac`, `\ud83d\ude00`, `\ud83d`, `\ud83dx`,
		`\ud83d\u0041`, `\ude00`, "é€😀", "\xff", "a\xc3", `\u0000`,
		`\ud83d\ud83d\ude00`, "\\u00E9\xff",
	} {
		var want string
		assert.NoError(t, json.Unmarshal([]byte(`"`+raw+`"`), &want))
		got, ok := unquote(raw)
		assert.True(t, ok, "%q", raw)
		assert.Equal(t, want, got, "%q", raw)
	}
	for _, raw := range []string{"\n", "a\x00", `\`, `\x`, `\u`, `\u12`, `\u12g4`, "\\\x01"} {
		_, ok := unquote(raw)
		assert.False(t, ok, "%q", raw)
	}
}

func TestIsNumber(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"0", "-0", "7.20", "1e3", "1E+3", "-1.5e-10", "100", "0.0"} {
		assert.True(t, isNumber([]byte(s)), s)
	}
	for _, s := range []string{"", "-", "01", "-01", "1.", ".5", "1e", "1e+", "+1", "1x", "NaN", "0x1", "1.2.3",
		"true"} {
		assert.False(t, isNumber([]byte(s)), s)
	}
}
