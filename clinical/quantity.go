package clinical

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is how many bytes of text are parsed at most. No quantity or range
// that is only that is as long.
const maxText = 64

// Quantity is a measured value as a laboratory writes it, such as "<0.1 mg/dL".
type Quantity struct {
	// Comparator is "<", "<=", ">=", ">" or "".
	Comparator string
	// Number is the number as written, such as "7.20", and Value is what it
	// means. Value is finite.
	Number string
	Value  float64
	// Unit is the unit as written, or "".
	Unit string
}

// ParseQuantity parses a value such as "7.2", "1.8 mg/dL", "< 0.1" or "5,2 %".
//
// It reports false for anything else: a titer, a grade such as "2+", a date, a
// range, words, a number such as "1,000" that is a thousand to some and one to
// others, and a text of more than 64 bytes.
func ParseQuantity(text string) (Quantity, bool) {
	text = strings.TrimSpace(text)
	if len(text) > maxText {
		return Quantity{}, false
	}

	comparator, rest := cutComparator(text, symbols[:])
	number, value, rest := cutNumber(rest)
	if number == "" || !isUnit(rest) {
		return Quantity{}, false
	}
	return Quantity{Comparator: comparator, Number: number, Value: value, Unit: strings.TrimSpace(rest)}, true
}

// Range returns the numbers that q can stand for. Without a comparator that is
// one number. Its unit is that of q.
func (q Quantity) Range() Range {
	r := Range{Low: math.Inf(-1), High: math.Inf(1), Unit: q.Unit}
	switch q.Comparator {
	case "<":
		r.High, r.HighOpen = q.Value, true
	case "<=":
		r.High = q.Value
	case ">":
		r.Low, r.LowOpen = q.Value, true
	case ">=":
		r.Low = q.Value
	default:
		r.Low, r.High = q.Value, q.Value
	}

	return r
}

// comparator is a way to write one. Of two where one begins with the other, the
// longer stands first in its table.
type comparator struct{ written, means string }

var symbols = [...]comparator{
	{"<=", "<="}, {">=", ">="}, {"=<", "<="}, {"=>", ">="}, {"≤", "<="}, {"≥", ">="}, {"<", "<"}, {">", ">"},
}

// cutComparator cuts the comparator off the start of s. It returns "" and s if
// there is none.
func cutComparator(s string, table []comparator) (means, rest string) {
	for _, c := range table {
		if n := len(c.written); len(s) >= n && strings.EqualFold(s[:n], c.written) {
			return c.means, skipSpace(s[n:])
		}
	}
	return "", s
}

// cutNumber cuts a decimal number off the start of s: "-7.20", "5.", ".5",
// "5,2". It returns "" if there is none, or one with an exponent or with a
// comma that may separate thousands.
func cutNumber(s string) (number string, value float64, rest string) {
	n := 0
	if s != "" && (s[0] == '-' || s[0] == '+') {
		n = 1
	}
	whole := digits(s[n:])
	n += whole

	if n < len(s) && (s[n] == '.' || s[n] == ',') {
		fraction := digits(s[n+1:])
		switch {
		case s[n] == '.' && whole+fraction > 0:
			n += 1 + fraction
		case s[n] == ',' && whole > 0 && fraction > 0:
			if fraction == 3 && whole <= 3 && s[n-whole] != '0' {
				return "", 0, s
			}
			n += 1 + fraction
		}
	}

	number, rest = s[:n], s[n:]
	if hasExponent(rest) {
		return "", 0, s
	}
	value, err := strconv.ParseFloat(strings.Replace(number, ",", ".", 1), 64)
	if err != nil {
		return "", 0, s
	}
	return number, value, rest
}

func hasExponent(s string) bool {
	if s == "" || s[0]|0x20 != 'e' {
		return false
	}
	s = strings.TrimLeft(s[1:], "+-")
	return digits(s) > 0
}

func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

func skipSpace(s string) string { return strings.TrimLeftFunc(s, unicode.IsSpace) }

// isUnit reports whether what follows a number can be its unit, or is nothing.
// A single letter needs a space before it, as "1a" is a genotype, and so does
// an x, as in "0x10".
func isUnit(rest string) bool {
	unit := strings.TrimSpace(rest)
	if unit == "" {
		return true
	}
	isLetter := func(c rune) bool { return unicode.IsLetter(c) || strings.ContainsRune("%‰°", c) }
	first, size := utf8.DecodeRuneInString(unit)
	isAttached := len(rest) == len(unit)
	if isAttached && (size == len(unit) && unicode.IsLetter(first) || first|0x20 == 'x') {
		return false
	}

	joined := spaced.Replace(unit)
	switch {
	case strings.ContainsFunc(joined, unicode.IsSpace), !strings.ContainsFunc(joined, isLetter):
		return false
	case isLetter(first), strings.ContainsRune("[{*×", first):
		return true
	case first == '/':
		return digits(joined[1:]) == 0
	}
	after, isTen := strings.CutPrefix(joined, "10")
	return isTen && !isAttached && digits(after) == 0
}
