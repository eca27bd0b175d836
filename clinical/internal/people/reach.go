package people

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

var address = regexp.MustCompile(
	`(?i)[\pL\d_]@[\pL\d]|[\pL\d_] ?@ ?[\pL\d-]*\pL[\pL\d-]*\.\pL{2}|` +
		`\b(?:https?|ftp)://|\bmailto:|\bwww\.|` +
		`[a-z][a-z\d-]+\.(?:com|org|net|edu|gov)\b`)

const (
	before = `(?:^|[^\w.,:]|\pL[.:])`
	after  = `(?:$|[^\w.,]|[.,](?:$|\D))`
)

// number is a telephone or US social security number. Ranges, dates, titers and
// counts are not.
var number = regexp.MustCompile(strings.Join([]string{
	`(?:^|[^\d.]|\D\.)\(?\d{3}\)?[-. /]{1,2}\d{3}[-. ]\d{4}(?:$|[^\d.]|\.(?:$|\D))`, // (555) 987-6543, 555.987.6543
	`\(\d{3}\)[-. /]{0,2}\d{3}[-. ]?\d{4}` + after,                                  // (555)987-6543
	before + `1[-. ]\d{3}[-. ]\d{3}[-. ]\d{4}` + after,                              // 1.555.987.6543
	before + `1?[2-9]\d{2}[2-9]\d{6}` + after,                                       // 5559876543
	`(?:^|[^\d+])\+[1-9](?:[ ()/.-]{0,2}\d){7,14}`,                                  // +4930123456, +44 (0)20 7946 0999
	before + `00[1-9](?:[ ()/-]{0,2}\d){7,13}` + after,                              // 0049 30 123456
	before + `\(?0[1-9]\d{0,4}[ )/-]{1,3}\d{5,8}` + after,                           // 0171/1234567, (030) 123456
	before + `\(?0[1-9]\d{1,3}\)?(?:[ -]\d{2,4}){2,3}` + after,                      // 020 7946 0999
	before + `0[1-9](?:[ .-]\d\d){4}` + after,                                       // 01 42 68 53 00
	before + `0[1-9]\d{7,12}` + after,                                               // 07700900123
	`(?i)\b(?:tel|telephone|phone|phoned|fax|call|called|pager)\b\D{0,8}\d{3}[-. ]?\d{4}\b`,
	`\b\d{3}-\d{2}-\d{4}\b`, // social security
}, "|"))

const minReach = 7

// Reaches reports whether a text has a way to reach someone: an e-mail or web
// address, a telephone number or one of the US social security.
func Reaches(text string) bool {
	text, digits, special := plainly(text)
	return special && address.MatchString(text) || digits >= minReach && !isRange(text) && number.MatchString(text)
}

// isRange spares ranges, of which there are many, the slow expression.
func isRange(text string) bool {
	low, high, ok := strings.Cut(text, "-")
	return ok && isBound(strings.TrimSuffix(low, " ")) && isBound(strings.TrimPrefix(high, " "))
}

func isBound(s string) bool {
	whole, fraction, _ := strings.Cut(s, ".")
	return (whole == "0" || strings.TrimLeft(whole, "0") == whole) && len(whole) > 0 && len(whole) < minReach &&
		strings.Trim(whole, "0123456789") == "" && strings.Trim(fraction, "0123456789") == ""
}

// plainly writes hyphens, spaces and digits as ASCII, counts digits, and
// reports whether there may be an address.
func plainly(text string) (_ string, digits int, special bool) {
	ascii := true
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '@' || c == ':' || c == '.' && i+1 < len(text) &&
			(text[i+1]|0x20 >= 'a' || text[i+1] >= utf8.RuneSelf):
			special = true
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}

	if ascii {
		return text, digits, special
	}
	digits = 0
	text = strings.Map(func(r rune) rune {
		switch {
		case r >= utf8.RuneSelf && unicode.IsDigit(r):
			r = digit(r)
		case r == '\uff20' || r == '\ufe6b':
			r = '@'
		case r == '\u00ad' || r >= '\u200b' && r <= '\u200f' || r == '\u2060' || r == '\ufeff':
			return -1
		case unicode.Is(unicode.Pd, r) || r == '\u2212':
			r = '-'
		case unicode.Is(unicode.Zs, r):
			r = ' '
		}
		if r >= '0' && r <= '9' {
			digits++
		}
		special = special || r == '@'
		return r
	}, text)

	return text, digits, special
}
