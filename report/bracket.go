package report

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

// farBeyond separates a range of sources that are missing from a reference
// range in brackets, such as [136-145]: that begins so far beyond the last
// source that nobody meant one.
const farBeyond = 20

// maxBeside bounds how much text beside a marker is looked at, in bytes.
const maxBeside = 64

// unitPattern holds the units that a value in a text is likely to have. Those
// of one letter need a slash: "[1-3] M. tuberculosis" is no range in mol/L.
const unitPattern = `(?:%|‰|°[CF]|mm ?Hg|mm\[Hg\]|kPa|bpm|mcg|` +
	`(?:[cdkmnpµμu]?g|[fdmµμu]L|[mnpµμu]?mol|m?Eq|mOsm|[mkµμu]?IU|[cmn]m)(?:/unitTail)?|` +
	`(?:(?:[xX×] ?)?10(?:\*{1,2}|\^)?[0-9⁰¹²³⁴⁵⁶⁷⁸⁹]{1,2}|K|M|cells|copies|L|[md]?l|[mkµμu]?(?:U|IE|UI)|[µμn]?kat)` +
	`/unitTail)`

var (
	unitText     = strings.ReplaceAll(unitPattern, "unitTail", `[a-zA-Zµμ0-9²³.*^()/]{1,20}`)
	unitAfter    = regexp.MustCompile(`^[ \x{a0}]?` + unitText + `(?:[^\pL\pN]|$)`)
	valuePattern = regexp.MustCompile(`^-?([0-9]{1,6}(?:[.,][0-9]{1,4})?)[ \x{a0}]?(` + unitText + `)?$`)
)

// isReferenceRange reports whether a marker with a range, such as [3-5], is a
// range of values and not of sources. It looks at the unit behind it, and at
// the value in front of it:
//
//	4.1 [3-5] mmol/L     a range
//	4.1 mmol/L [3-5]     a range: the value lies in it
//	20 % [3-5]           sources
//	stage 4 [3-5]        sources
//
// What could be either is reported.
func (s *state) isReferenceRange(numbers []int, marker, before, after []byte) bool {
	first, last := numbers[0], numbers[len(numbers)-1]
	found := 0
	for _, n := range numbers {
		if s.sources.numbered[n] != nil {
			found++
		}
	}

	if found == 0 && first > s.sources.last+farBeyond {
		return true
	}
	if bytes.ContainsAny(marker, ",;") {
		return false
	}
	if unitAfter.Match(after[:min(len(after), maxBeside)]) {
		s.report(DoubtfulMarker)
		return true
	}

	value, hasDecimals, hasUnit, ok := valueBefore(before)
	if !ok {
		return false
	}
	isMeasured := hasDecimals || hasUnit

	isInside := value >= float64(first) && value <= float64(last)
	isNear := value >= float64(first)/2 && value <= float64(last)*2
	isRange := isMeasured && (isInside || isNear && !hasUnit || found < len(numbers))
	if isRange || isMeasured && isNear || isInside {
		s.report(DoubtfulMarker)
	}
	return isRange
}

// valueBefore returns the value at the end of a text, or false if there is
// none.
func valueBefore(text []byte) (value float64, hasDecimals, hasUnit, ok bool) {
	text = text[max(0, len(text)-maxBeside):]
	text = bytes.TrimRight(text[bytes.LastIndexByte(text, '\n')+1:], " *_`\u00a0")
	if len(text) == 0 || strings.IndexByte(".,;:!?)]", text[len(text)-1]) >= 0 {
		return 0, false, false, false
	}

	start := len(text)
	for range 3 { // words, as in "120 mm Hg"
		start = bytes.LastIndexAny(text[:max(0, start-1)], " \t(|") + 1
		words := bytes.TrimLeft(text[start:], "<>=≥≤~:")
		match := valuePattern.FindSubmatch(words)
		if match == nil {
			continue
		}
		number := strings.Replace(string(match[1]), ",", ".", 1)
		value, err := strconv.ParseFloat(number, 64)
		return value, strings.Contains(number, "."), len(match[2]) > 0, err == nil
	}
	return 0, false, false, false
}
