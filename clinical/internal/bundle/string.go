package bundle

import (
	"bytes"
	"encoding/json"
	"strings"
)

func isNumber(b []byte) bool {
	if len(b) == 0 || b[0] != '-' && !isDigit(b[0]) || !isDigit(b[len(b)-1]) {
		return false
	}
	return json.Valid(b)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// unescape returns what the inside of a string stands for.
func unescape(raw []byte) (string, bool) {
	for _, c := range raw {
		if c < ' ' {
			return "", false
		}
	}

	if bytes.IndexByte(raw, '\\') < 0 {
		return strings.ToValidUTF8(string(raw), "\ufffd"), true
	}

	var s string
	quoted := append(append(append(make([]byte, 0, len(raw)+2), '"'), raw...), '"')
	if json.Unmarshal(quoted, &s) != nil {
		return "", false
	}
	return s, true
}
