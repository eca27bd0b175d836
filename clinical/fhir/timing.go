package fhir

import "strings"

// See https://hl7.org/fhir/R4/datatypes.html#Timing
type repeat struct {
	frequency, frequencyMax, period, periodMax, unit string
	when, times, days                                []string
	long                                             value // how long it goes on
	partial                                          bool  // there is more than what is read
	unread                                           bool  // how often cannot be told
}

func (d *decoder) timing(got *dosage) {
	var r repeat
	var code concept
	d.object(func(key []byte) {
		switch string(key) {
		case "code":
			code = d.concept()
		case "repeat":
			d.repeat(&r, got)
		}
	})

	name := code.label()
	for _, coding := range code.codings {
		if phrase := timingCodes[strings.ToUpper(coding.code)]; phrase != "" {
			name = label{name: phrase}
			break
		}
	}

	often := r.often()
	r.unread = r.unread || often == "" && name.name == "" && r.frequency+r.frequencyMax+r.period != ""
	got.partial = got.partial || r.partial || r.unread
	if often == "" {
		often, got.typed = name.name, name.typed
	}
	got.frequency = strings.TrimPrefix(often+r.rest(), ", ")
}

// See https://hl7.org/fhir/R4/valueset-timing-abbreviation.html
var timingCodes = map[string]string{
	"QD": "once daily", "BID": "twice daily", "TID": "three times daily", "QID": "four times daily",
	"QOD": "every other day", "AM": "every morning", "PM": "every afternoon", "BED": "at bedtime",
	"WK": "once weekly", "MO": "once monthly", "Q1H": "every hour", "Q2H": "every 2 hours", "Q3H": "every 3 hours",
	"Q4H": "every 4 hours", "Q6H": "every 6 hours", "Q8H": "every 8 hours",
}

func (d *decoder) repeat(r *repeat, got *dosage) {
	number := func(into *string) {
		n, unread := d.number()
		*into, r.unread = n, r.unread || unread
	}

	strings := func(into *[]string, read func() string) {
		d.each(func() {
			s := read()
			if s == "" {
				r.partial = true
			} else if d.room(len(*into)) {
				*into = append(*into, s)
			}
		})
	}

	d.object(func(key []byte) {
		switch string(key) {
		case "frequency":
			number(&r.frequency)
		case "frequencyMax":
			number(&r.frequencyMax)
		case "period":
			number(&r.period)
		case "periodMax":
			number(&r.periodMax)
		case "periodUnit", "periodUnits": // of which the second is DSTU2's
			empty := d.Empty()
			r.unit = periodUnits[d.string()]
			r.unread = r.unread || !empty && r.unit == ""
		case "when":
			strings(&r.when, func() string { return eventTimes[d.string()] })
		case "timeOfDay":
			strings(&r.times, d.time)
		case "dayOfWeek":
			strings(&r.days, func() string { return weekdays[d.string()] })
		case "boundsDuration", "boundsQuantity": // of which the second is DSTU2's
			empty := d.Empty()
			r.long = d.amount()
			r.partial = r.partial || !empty && r.long.String() == ""
		case "boundsPeriod":
			_, got.ends = d.period()
		case "boundsRange", "count", "countMax", "duration", "durationMax", "offset":
			r.partial = r.partial || !d.Empty()
		}
	})
}

// See https://hl7.org/fhir/R4/valueset-event-timing.html
var eventTimes = map[string]string{
	"MORN": "in the morning", "MORN.early": "early in the morning", "MORN.late": "late in the morning",
	"NOON": "at noon", "AFT": "in the afternoon", "AFT.early": "early in the afternoon",
	"AFT.late": "late in the afternoon", "EVE": "in the evening", "EVE.early": "early in the evening",
	"EVE.late": "late in the evening", "NIGHT": "at night", "PHS": "after sleep", "HS": "before sleep",
	"WAKE": "on waking", "C": "with meals", "CM": "with breakfast", "CD": "with lunch", "CV": "with dinner",
	"AC": "before meals", "ACM": "before breakfast", "ACD": "before lunch", "ACV": "before dinner",
	"PC": "after meals", "PCM": "after breakfast", "PCD": "after lunch", "PCV": "after dinner",
}

var weekdays = map[string]string{
	"mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday", "sat": "Saturday",
	"sun": "Sunday",
}

var periodUnits = map[string]string{
	"s": "second", "min": "minute", "h": "hour", "d": "day", "wk": "week", "mo": "month", "a": "year",
}

// rest says in words when, and for how long: ", in the morning, for 10 days".
func (r *repeat) rest() string {
	var b strings.Builder
	add := func(part string) { b.WriteString(", " + part) }
	if len(r.days) > 0 {
		add("on " + strings.Join(r.days, ", "))
	}
	for _, when := range r.when {
		add(when)
	}
	if len(r.times) > 0 {
		add("at " + strings.Join(r.times, ", "))
	}
	if r.long.String() != "" {
		add(strings.TrimSpace("for " + r.long.String() + " " + r.long.unit))
	}
	return b.String()
}

// often says how often: "twice daily", "every 4-6 hours", "3 times per week".
func (r *repeat) often() string {
	unit := r.unit
	if unit == "" || r.period == "" || r.unread {
		return ""
	}
	count := span(r.frequency, r.frequencyMax)
	if count == "" {
		count = "1" // FHIR's default
	}
	period := span(r.period, r.periodMax)
	switch {
	case period == "1" && unit == "day":
		return timesWord(count) + " daily"
	case period == "1" && count == "1":
		return "once per " + unit
	case period == "1":
		return timesWord(count) + " per " + unit
	case count == "1":
		return "every " + period + " " + unit + "s"
	}

	return timesWord(count) + " every " + period + " " + unit + "s"
}

func timesWord(count string) string {
	switch count {
	case "1":
		return "once"
	case "2":
		return "twice"
	case "3":
		return "three times"
	case "4":
		return "four times"
	}
	return count + " times"
}

func span(low, high string) string {
	low, high = strings.TrimSuffix(low, ".0"), strings.TrimSuffix(high, ".0")
	if high == "" || high == low {
		return low
	}
	if low == "" {
		return "up to " + high
	}
	return low + "-" + high
}
