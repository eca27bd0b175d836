package labs

import (
	"math"
	"strconv"
	"strings"
)

// interval is the numbers between two bounds, which belong to it unless they are open.
type interval struct {
	low, high         float64
	lowOpen, highOpen bool
}

func all() interval { return interval{low: math.Inf(-1), high: math.Inf(1)} }

// within tells whether every number of i is in outer.
func (i interval) within(outer interval) bool {
	low := i.low > outer.low || i.low == outer.low && (i.lowOpen || !outer.lowOpen)
	high := i.high < outer.high || i.high == outer.high && (i.highOpen || !outer.highOpen)
	return low && high
}

// below tells whether every number of i is smaller than every number of other.
func (i interval) below(other interval) bool {
	return i.high < other.low || i.high == other.low && (i.highOpen || other.lowOpen)
}

func number(s string) (float64, bool) {
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
}

// bounded returns the numbers that a comparator and a number stand for.
func bounded(comparator, numeral string) (interval, bool) {
	n, ok := number(numeral)
	i := all()
	switch comparator {
	case "":
		i.low, i.high = n, n
	case "<":
		i.high, i.highOpen = n, true
	case "<=":
		i.high = n
	case ">":
		i.low, i.lowOpen = n, true
	case ">=":
		i.low = n
	default:
		return i, false
	}
	return i, ok
}

// isUnit tells whether what follows a range's numbers can be a unit, and is no prose.
func isUnit(s string) bool { return !strings.ContainsAny(s, " \t\n") && !strings.HasPrefix(s, "-") }

// normal returns the numbers that a range calls normal, and their unit, "" where it has none. It is not ok if nothing can be concluded from the range.
func (r *Range) normal() (normal interval, unit string, ok bool) {
	normal, unit, ok = r.bounds()
	if normal.low == 0 && normal.high == 0 {
		ok = false // which is how the lack of a range is written
	}
	return normal, unit, ok && !r.conditional
}

func (r *Range) bounds() (normal interval, unit string, ok bool) {
	if r.Low == "" && r.High == "" {
		normal, unit, ok = parseRange(r.Text)
		if unit == "" {
			unit = r.Unit
		}
		return normal, unit, ok
	}
	normal = all()
	if r.Low != "" {
		if normal.low, ok = number(r.Low); !ok {
			return normal, "", false
		}
	}
	if r.High != "" {
		if normal.high, ok = number(r.High); !ok {
			return normal, "", false
		}
	}
	return normal, r.Unit, true
}

// text returns the range as it is sent, without a unit of its own where it has bounds.
func (r *Range) text() string { return r.withWords(r.numbers()) }

// numbers returns the bounds, or the text if there are none.
func (r *Range) numbers() string {
	low, high := strings.TrimSpace(r.Low), strings.TrimSpace(r.High)
	switch {
	case low == "" && high == "":
		return strings.TrimSpace(r.Text)
	case high == "":
		return ">=" + low
	case low == "":
		return "<=" + high
	case strings.HasPrefix(low, "-") || strings.HasPrefix(high, "-"):
		return low + " to " + high
	default:
		return low + "-" + high
	}
}

// withWords adds what may limit the bounds, so that who reads them knows it.
func (r *Range) withWords(bounds string) string {
	if r.conditional && (r.Low != "" || r.High != "") {
		return bounds + " (" + strings.TrimSpace(r.Text) + ")"
	}
	return bounds
}

// withUnit returns a range as it is sent with the unit that its numbers are in.
func (r *Range) withUnit(valueUnit string) string {
	_, own, ok := r.bounds()
	if !ok {
		return r.text()
	}
	if r.Low == "" && r.High == "" {
		if _, inText, _ := parseRange(r.Text); inText != "" {
			return r.text()
		}
	}
	if own == "" {
		own = valueUnit
	}
	return r.withWords(strings.TrimSpace(r.numbers() + " " + own))
}
