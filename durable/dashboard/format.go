package dashboard

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// instant is a time as a page shows it.
type instant struct{ at, now time.Time }

// Known reports whether there is such a time.
func (i instant) Known() bool { return !i.at.IsZero() }

// Machine is the time for the datetime attribute.
func (i instant) Machine() string { return i.at.Format(time.RFC3339) }

// Text is the time for people.
func (i instant) Text() string { return i.at.Format("2006-01-02 15:04:05 UTC") }

// Relative is how long ago that is, or how far ahead.
func (i instant) Relative() string {
	switch d := i.now.Sub(i.at); {
	case d >= time.Second:
		return age(d) + " ago"
	case d <= -time.Second:
		return "in " + age(-d)
	default:
		return "now"
	}
}

// age is d in its two largest units: "3 min 20 s".
func age(d time.Duration) string {
	units := []struct {
		name string
		size time.Duration
	}{
		{"d", 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second},
	}
	for i, unit := range units {
		if d < unit.size {
			continue
		}
		text := fmt.Sprintf("%d %s", d/unit.size, unit.name)
		if i+1 < len(units) {
			if rest := d % unit.size / units[i+1].size; rest > 0 {
				text += fmt.Sprintf(" %d %s", rest, units[i+1].name)
			}
		}
		return text
	}
	return "0 s"
}

// period is d in whole hours, if it is some, as people say "24 h".
func period(d time.Duration) string {
	if d%time.Hour == 0 && d <= 72*time.Hour {
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return age(d)
}

// number is n with commas: "12,000".
func number(n int) string {
	digits := strconv.Itoa(n)
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// usd is an amount of US dollars: "$1,234.50".
func usd(amount float64) string {
	cents := int(amount*100 + 0.5)
	return fmt.Sprintf("$%s.%02d", number(cents/100), cents%100)
}

// counted is n of a noun: "1 event", "2 events".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(n) + " " + noun + "s"
}

// capitalized is an ASCII word at the start of a line.
func capitalized(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}
