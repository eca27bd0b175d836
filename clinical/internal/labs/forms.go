package labs

import "strings"

// maxForm is how long a text can be that has one of the forms.
const maxForm = 64

// numeral returns how long the decimal number at the start of s is, 0 if there is none: "-7.20", "5.", ".5".
func numeral(s string) int {
	n := 0
	if n < len(s) && (s[n] == '-' || s[n] == '+') {
		n++
	}
	whole := digitsOf(s[n:])
	n += whole
	if n < len(s) && s[n] == '.' {
		if fraction := digitsOf(s[n+1:]); whole+fraction > 0 {
			return n + 1 + fraction
		}
	}
	if whole == 0 {
		return 0
	}
	return n
}

func digitsOf(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// isPlainNumber tells whether s is a decimal number and nothing else.
func isPlainNumber(s string) bool { return s != "" && numeral(s) == len(s) }

// comparators are the ways to write one; the longer come first.
var comparators = [...]struct{ written, means string }{
	{"<=", "<="}, {">=", ">="}, {"=<", "<="}, {"=>", ">="}, {"≤", "<="}, {"≥", ">="}, {"<", "<"}, {">", ">"},
}

// separators stand between the two numbers of a range.
var separators = [...]string{"-", "–", "to"}

func skipSpace(s string) string { return strings.TrimLeft(s, " \t\n\f\r") }

// between reads "4.0-5.6 %", "-2 to 2".
func between(s string) (low, high, rest string, ok bool) {
	n := numeral(s)
	if n == 0 {
		return "", "", "", false
	}
	low, s = s[:n], skipSpace(s[n:])
	for _, separator := range separators {
		if after, found := strings.CutPrefix(s, separator); found {
			after = skipSpace(after)
			if n = numeral(after); n > 0 {
				return low, after[:n], skipSpace(after[n:]), true
			}
		}
	}
	return "", "", "", false
}

// compared reads "<= 5 mmol/L".
func compared(s string) (comparator, number, rest string, ok bool) {
	for _, c := range comparators {
		if after, found := strings.CutPrefix(s, c.written); found {
			after = skipSpace(after)
			if n := numeral(after); n > 0 {
				return c.means, after[:n], skipSpace(after[n:]), true
			}
		}
	}
	return "", "", "", false
}

// ParseValue reads a text such as "7.2" or "< 5" as a number; any other is kept as text.
func ParseValue(s string) Value {
	s = strings.TrimSpace(s)
	if len(s) > maxForm {
		return Value{Text: s}
	}
	if isPlainNumber(s) {
		return Value{Number: s}
	}
	if comparator, number, rest, ok := compared(s); ok && rest == "" {
		return Value{Comparator: comparator, Number: number}
	}
	return Value{Text: s}
}

// parseRange reads a text such as "4.0-5.6", "-2 to 2" or "<=5 mmol/L". Its unit is "" where it has none.
func parseRange(text string) (normal interval, unit string, ok bool) {
	text = strings.TrimSpace(text)
	if len(text) > maxForm {
		return interval{}, "", false
	}
	if one, two, rest, ok := between(text); ok && isUnit(rest) {
		low, okLow := number(one)
		high, okHigh := number(two)
		return interval{low: low, high: high}, rest, okLow && okHigh
	}
	if comparator, one, rest, ok := compared(text); ok && isUnit(rest) {
		normal, ok = bounded(comparator, one)
		return normal, rest, ok
	}
	return interval{}, "", false
}
