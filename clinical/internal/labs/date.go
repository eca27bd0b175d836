package labs

import (
	"math"
	"strings"
	"time"
)

// ValidDate reports whether s begins as a date of FHIR does: YYYY, YYYY-MM or
// YYYY-MM-DD, and a time behind the last.
func ValidDate(s string) bool {
	_, ok := day(s, false)
	return ok
}

// Day returns what of a valid date is sent: at most its first 10 characters, as
// they are written.
func Day(date string) string { return date[:min(len(date), 10)] }

// Age returns the age in whole years of who was born on birth at a moment; both
// are dates of FHIR. If birth has no day or month, the age is the lowest
// possible and approximate. It is not ok if a date is missing or wrong, or the
// age is below 0 or above 130.
func Age(birth, at string) (years int, approximate, ok bool) {
	born, ok := day(birth, true)
	if !ok {
		return 0, false, false
	}
	now, ok := day(at, false)
	if !ok {
		return 0, false, false
	}

	years = now.Year() - born.Year()
	if now.Month() < born.Month() || now.Month() == born.Month() && now.Day() < born.Day() {
		years--
	}

	approximate = len(birth) < len(time.DateOnly)
	if approximate && years < 0 && now.Year() == born.Year() {
		years = 0 // born earlier in the same year
	}
	return years, approximate, years >= 0 && years <= maxAge
}

// day reads a date, which can lack the first or the last day of a time.
func day(s string, last bool) (time.Time, bool) {
	for _, layout := range [3]string{time.DateOnly, "2006-01", "2006"} {
		if len(s) < len(layout) {
			continue
		}
		if len(s) > len(layout) && (layout != time.DateOnly || s[len(layout)] != 'T' && s[len(layout)] != ' ') {
			return time.Time{}, false
		}

		t, err := time.Parse(layout, s[:len(layout)])
		if err != nil {
			return time.Time{}, false
		}
		if last {
			switch layout {
			case "2006-01":
				t = t.AddDate(0, 1, -1)
			case "2006":
				t = t.AddDate(1, 0, -1)
			}
		}
		return t, true
	}
	return time.Time{}, false
}

type span struct {
	from, to int64
	zoned    bool // so that it can be compared with any other such
}

// spanOf reads a date that is valid or "", which can be any time.
func spanOf(date string) span {
	from, ok := day(date, false)
	if !ok {
		return span{from: math.MinInt64, to: math.MaxInt64}
	}
	if len(date) > len(time.DateOnly) {
		date = strings.Replace(date, " ", "T", 1)
		zone := ""
		if strings.ContainsAny(date[len(time.DateOnly):], "Z+-") {
			zone = "Z07:00"
		}
		for _, clock := range [2]string{"T15:04:05", "T15:04"} { // with any fraction of a second
			if t, err := time.Parse(time.DateOnly+clock+zone, date); err == nil {
				return span{t.UnixMicro(), t.UnixMicro(), zone != ""}
			}
		}
	}
	last, _ := day(date, true)
	return span{from: from.UnixMicro(), to: last.AddDate(0, 0, 1).UnixMicro() - 1}
}

func (s span) before(other span) bool {
	if s.to == math.MaxInt64 {
		return false
	}
	slack := 14 * time.Hour // the farthest that a zone's clocks are ahead
	if s.zoned == other.zoned {
		slack = 0
	}
	return s.to+slack.Microseconds() < other.from
}
