package clinical

import "strings"

// Range is a reference range in numbers: all from Low to High. A bound belongs
// to the range unless it is open.
type Range struct {
	// Low is -Inf and High is +Inf where the range has no such bound.
	Low, High         float64
	LowOpen, HighOpen bool
	// Unit is the unit as written, or "" where the text names none.
	Unit string
}

// ParseRange parses the text of a reference range as laboratories print it:
// "4.0-5.6 %", "-2 to 2", "<=5 mmol/L", "> or = 60", "up to 4", "[1][4]",
// "(83 - 100)", "Normal: 1,0-4,0". A number may have a decimal comma.
//
// It reports false for anything else, so that nothing is concluded from half a
// text: other words, such as whom the range is for; several ranges; a low bound
// above the high one; a number such as "1,000" that is a thousand to some and
// one to others; a text of more than 64 bytes. If it reports true, Low is at
// most High and one of them is finite.
func ParseRange(text string) (Range, bool) {
	text = strings.TrimSpace(text)
	if len(text) > maxText {
		return Range{}, false
	}

	text = withoutLabel(text)
	if text != "" && (text[0] == '(' || text[0] == '[') {
		return parseEnclosed(text)
	}
	return parseBounds(text)
}

// Contains reports whether value is in the range.
func (r Range) Contains(value float64) bool {
	return (value > r.Low || value == r.Low && !r.LowOpen) && (value < r.High || value == r.High && !r.HighOpen)
}

// Below reports whether value is lower than all that is in the range.
func (r Range) Below(value float64) bool {
	return value < r.Low || value == r.Low && r.LowOpen
}

// Above reports whether value is higher than all that is in the range.
func (r Range) Above(value float64) bool {
	return value > r.High || value == r.High && r.HighOpen
}

// phrases are what is printed instead of a comparator.
var phrases = append([]comparator{
	{"less than or equal to", "<="}, {"greater than or equal to", ">="},
	{"less than", "<"}, {"below", "<"}, {"under", "<"},
	{"greater than", ">"}, {"more than", ">"}, {"above", ">"}, {"over", ">"},
	{"up to", "<="}, {"at most", "<="}, {"at least", ">="},
	{"< or =", "<="}, {"<or=", "<="}, {"> or =", ">="}, {">or=", ">="},
}, symbols[:]...)

// separators stand between the two bounds.
var separators = [...]string{"-", "–", "—", "−", "~", "to"}

// labels are words before a range that say only that it is one.
var labels = [...]string{"normal", "reference", "ref", "range", "interval", "limits", "values", "value"}

// withoutLabel cuts "Normal range:" and the like off the start of s.
func withoutLabel(s string) string {
	for i := 0; i < len(labels); i++ {
		if n := len(labels[i]); len(s) > n && strings.EqualFold(s[:n], labels[i]) &&
			strings.IndexByte(" .:=", s[n]) >= 0 {
			s = skipSpace(strings.TrimLeft(s[n:], " .:="))
			i = -1
		}
	}
	return s
}

// parseEnclosed parses "(1-4)", "[1-4] mg/dL" and "[1][4]".
func parseEnclosed(s string) (Range, bool) {
	closing := ")"
	if s[0] == '[' {
		closing = "]"
	}
	inner, rest, closed := strings.Cut(s[1:], closing)
	if !closed {
		return Range{}, false
	}

	rest = skipSpace(rest)
	if second, isTwo := strings.CutPrefix(rest, "["); isTwo {
		if high, after, closed := strings.Cut(second, "]"); closed && digits(inner) > 0 && digits(high) > 0 {
			inner, rest = inner+"-"+high, after
		}
	}

	r, ok := parseBounds(withoutLabel(strings.TrimSpace(inner)))
	unit := strings.TrimSpace(rest)
	if !ok || unit == "" {
		return r, ok
	}
	if r.Unit != "" || !isUnit(" "+unit) {
		return Range{}, false
	}
	r.Unit = unit
	return r, true
}

// parseBounds parses "4.0-5.6 %" and "<= 5 mmol/L".
func parseBounds(s string) (Range, bool) {
	if means, rest := cutComparator(s, phrases); means != "" {
		number, value, rest := cutNumber(rest)
		if number == "" || !isUnit(rest) {
			return Range{}, false
		}
		return Quantity{Comparator: means, Value: value, Unit: strings.TrimSpace(rest)}.Range(), true
	}

	first, low, rest := cutNumber(s)
	second, high, rest := cutNumber(cutSeparator(skipSpace(rest)))
	if first == "" || second == "" || low > high || !isUnit(rest) {
		return Range{}, false
	}
	return Range{Low: low, High: high, Unit: strings.TrimSpace(rest)}, true
}

// cutSeparator returns what follows the separator at the start of s, or "" if
// there is none.
func cutSeparator(s string) string {
	for _, separator := range separators {
		if n := len(separator); len(s) > n && strings.EqualFold(s[:n], separator) {
			return skipSpace(s[n:])
		}
	}
	return ""
}
