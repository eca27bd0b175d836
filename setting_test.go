package helios

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCleanSetting(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ value, want, problem string }{
		"plain":                {"whsec_a1", "whsec_a1", ""},
		"empty":                {"", "", ""},
		"white space":          {" \t\r\n\v\f\u00a0\u2003", "", ""},
		"white space around":   {"\u00a0 whsec_a1\r\n", "whsec_a1", ""},
		"spaces inside":        {"It's a Secret", "It's a Secret", ""},
		"a quote inside":       {`a"b`, `a"b`, ""},
		"letters beyond ASCII": {"пароль-é", "пароль-é", ""},

		"quotes":               {`"whsec_a1"`, "", "is in quotes, or ends in one; remove them"},
		"single quotes":        {`'whsec_a1'`, "", "is in quotes, or ends in one; remove them"},
		"backquotes":           {"`whsec_a1`", "", "is in quotes, or ends in one; remove them"},
		"a quote before it":    {`"whsec_a1`, "", "is in quotes, or ends in one; remove them"},
		"a quote after it":     {`whsec_a1"`, "", "is in quotes, or ends in one; remove them"},
		"quotes and a newline": {"\"whsec_a1\"\n", "", "is in quotes, or ends in one; remove them"},
		"nothing but quotes":   {`""`, "", "is in quotes, or ends in one; remove them"},
		"zero width space":     {"whsec_a1\u200b", "", "holds an invisible character (U+200B)"},
		"line separator":       {"whsec\u2028a1", "", "holds an invisible character (U+2028)"},
		"byte order mark":      {"\ufeffwhsec_a1", "", "holds a byte order mark (U+FEFF); save the file without it"},
		"NUL":                  {"whsec_a1\x00", "", "holds a NUL byte"},
		"newline inside":       {"whsec\na1", "", "holds a control character (U+000A)"},
		"DEL":                  {"whsec_a1\x7f", "", "holds a control character (U+007F)"},
		"not UTF-8":            {"whsec_a1\xaa", "", "is not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := cleanSetting("HELIOS_WEBHOOK_SECRET", c.value)
			assert.Equal(t, c.want, got)
			if c.problem == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, "helios: HELIOS_WEBHOOK_SECRET: "+c.problem)
		})
	}
}
