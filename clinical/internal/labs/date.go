package labs

import (
	"math"
	"strings"
	"time"
)

// ValidDate reports whether s begins as a date of FHIR does: YYYY, YYYY-MM or
// YYYY-MM-DD, and a time behind the last.
func ValidDate(s string) bool {
	_, _, ok := period(s)
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
	_, after, isBirth := period(birth)
	now, _, ok := period(at)
	if !isBirth || !ok {
		return 0, false, false
	}

	born := after.AddDate(0, 0, -1)
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

// period reads a date: its first day and the one after its last. It can lack a
// month and a day.
func period(s string) (first, after time.Time, ok bool) {
	if len(s) > len(time.DateOnly) && (s[len(time.DateOnly)] == 'T' || s[len(time.DateOnly)] == ' ') {
		s = s[:len(time.DateOnly)]
	}
	first, err := time.Parse(time.DateOnly[:min(len(s), len(time.DateOnly))], s)
	ok = err == nil
	switch len(s) {
	case len("2006-01-02"):
		after = first.AddDate(0, 0, 1)
	case len("2006-01"):
		after = first.AddDate(0, 1, 0)
	case len("2006"):
		after = first.AddDate(1, 0, 0)
	default:
		ok = false
	}
	return first, after, ok
}

type span struct {
	from, to int64
	zoned    bool // so that it can be compared with any other such
}

// spanOf reads a date that is valid or "", which can be any time.
func spanOf(date string) span {
	from, after, ok := period(date)
	if !ok {
		return span{from: math.MinInt64, to: math.MaxInt64}
	}
	if moment, zoned, ok := moment(date); ok {
		return span{moment.UnixMicro(), moment.UnixMicro(), zoned}
	}
	return span{from: from.UnixMicro(), to: after.UnixMicro() - 1}
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

func moment(date string) (t time.Time, zoned, ok bool) {
	const minutes, seconds, zone = "2006-01-02T15:04", ":05", "Z07:00"
	if len(date) < len(minutes) {
		return t, false, false
	}

	zoned = strings.ContainsAny(date[len(time.DateOnly)+1:], "Z+-")
	layout := minutes
	switch isExact := strings.HasPrefix(date[len(minutes):], ":"); {
	case isExact && zoned:
		layout = minutes + seconds + zone
	case isExact: // with any fraction of a second
		layout = minutes + seconds
	case zoned:
		layout = minutes + zone
	}
	t, err := time.Parse(layout, strings.Replace(date, " ", "T", 1))
	return t, zoned, err == nil
}
