package helios

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// cleanSetting cuts white space off a key, a secret or a URL that was set by
// hand, and refuses what can only be a mistake: quotes around it, as docker
// --env-file keeps them, and characters that nobody sees. source names the
// option or the variable. The error never repeats the value.
func cleanSetting(source, value string) (string, error) {
	value = strings.TrimSpace(value)

	if problem := settingProblem(value); problem != "" {
		return "", &settingError{source, problem}
	}
	return value, nil
}

// settingProblem returns what is wrong with value, or "".
func settingProblem(value string) string {
	if value == "" {
		return ""
	}
	if strings.ContainsAny(value[:1]+value[len(value)-1:], "\"'`") {
		return "is in quotes, or ends in one; remove them"
	}
	if isHeaderValue(value) { // printable ASCII, as nearly all are
		return ""
	}
	if !utf8.ValidString(value) {
		return "is not UTF-8"
	}

	for _, r := range value {
		switch {
		case r == 0:
			return "holds a NUL byte"
		case r == '\ufeff':
			return "holds a byte order mark (U+FEFF); save the file without it"
		case unicode.IsControl(r):
			return fmt.Sprintf("holds a control character (U+%04X)", r)
		case unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co):
			return fmt.Sprintf("holds an invisible character (U+%04X)", r)
		}
	}
	return ""
}

// settingError is a key, a secret or a URL that cannot be right.
type settingError struct{ source, problem string }

func (e *settingError) Error() string { return "helios: " + e.source + ": " + e.problem }
