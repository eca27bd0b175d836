package fhir

import (
	"strings"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
	"github.com/heliosai/helios-go/clinical/internal/people"
)

// dosage is what is read of a Dosage. See https://hl7.org/fhir/R4/dosage.html
type dosage struct {
	sequence  string // instructions of different numbers follow one another, others hold at the same time
	text      string
	dose      string
	noUnit    bool
	frequency string
	typed     bool   // whether someone typed the frequency
	ends      string // when it is over
	asNeeded  bool
	reason    label   // what it is taken for as needed
	more      []label // additional instructions, such as "with food"
	partial   bool    // of when it is taken, something is not sent or cannot be read
	unsent    bool    // of other things, such as the route, something is not sent
	narrative bool    // the text is too long to be kept
}

func (d *decoder) dosage() dosage {
	var got dosage
	var text, patient string
	d.object(func(key []byte) {
		switch string(key) {
		case "sequence":
			got.sequence = d.number()
		case "text":
			text = strings.TrimSpace(d.text())
		case "patientInstruction":
			patient = strings.TrimSpace(d.text())
		case "additionalInstruction":
			d.concepts(func(c *concept) {
				if name := c.label(); name.name != "" && d.room(len(got.more)) {
					got.more = append(got.more, name)
				}
			})
		case "timing":
			d.timing(&got)
		case "asNeededBoolean":
			is, _ := d.isTrue()
			got.asNeeded = got.asNeeded || is
		case "asNeededCodeableConcept":
			c := d.concept()
			got.asNeeded, got.reason = true, c.label()
		case "doseAndRate":
			d.list(func() { d.doseAndRate(&got) })
		case "route", "site", "method", "maxDosePerPeriod", "maxDosePerAdministration", "maxDosePerLifetime", "modifierExtension":
			got.unsent = got.unsent || d.isThere()
			d.skip()
		default:
			d.skip()
		}
	})
	got.text = text
	if patient != "" && patient != text {
		got.text = strings.TrimPrefix(text+"; "+patient, "; ")
	}
	if len(got.text) > 4*maxDosage { // as bytes
		got.text, got.narrative = "", true
	}
	return got
}

// doseAndRate reads how much is taken, and how fast. Of several, such as what was ordered and what was calculated, the first is sent.
func (d *decoder) doseAndRate(got *dosage) {
	var dose, rate value
	d.object(func(key []byte) {
		switch string(key) {
		case "doseQuantity":
			dose = amount(d.quantity())
		case "doseRange":
			dose = rangeValue(d.pair("low", "high"))
		case "rateQuantity":
			rate = amount(d.quantity())
		case "rateRange":
			rate = rangeValue(d.pair("low", "high"))
		case "rateRatio":
			rate = ratioValue(d.pair("numerator", "denominator"))
		default:
			d.skip()
		}
	})
	if got.dose != "" {
		return
	}
	got.noUnit = dose.String() != "" && dose.unit == "" && !strings.Contains(dose.Text, " ")
	got.dose = strings.TrimSpace(dose.String() + " " + dose.unit)
	if rate.String() != "" {
		got.dose = strings.TrimSpace(got.dose + " at " + strings.TrimSpace(rate.String()+" "+rate.unit))
	}
}

func amount(q quantity) value {
	if q.value == "" || !q.isComparable() {
		return value{}
	}
	return value{Value: q.number(), unit: q.unit}
}

// repeat is what is read of Timing.repeat. See https://hl7.org/fhir/R4/datatypes.html#Timing
type repeat struct {
	frequency, frequencyMax, period, periodMax, unit string
	when, times, days                                []string
	long                                             value // how long it goes on
	partial                                          bool  // there is more than what is read
	unread                                           bool  // how often cannot be told
}

// timing reads a Timing: how often and when.
func (d *decoder) timing(got *dosage) {
	var r repeat
	var code concept
	d.object(func(key []byte) {
		switch string(key) {
		case "code":
			code = d.concept()
		case "repeat":
			d.repeat(&r, got)
		default:
			d.skip()
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

// timingCodes are those of FHIR for how often something is taken. See https://hl7.org/fhir/R4/valueset-timing-abbreviation.html
var timingCodes = map[string]string{
	"QD": "once daily", "BID": "twice daily", "TID": "three times daily", "QID": "four times daily", "QOD": "every other day", "AM": "every morning",
	"PM": "every afternoon", "BED": "at bedtime", "WK": "once weekly", "MO": "once monthly", "Q1H": "every hour", "Q2H": "every 2 hours", "Q3H": "every 3 hours",
	"Q4H": "every 4 hours", "Q6H": "every 6 hours", "Q8H": "every 8 hours",
}

func (d *decoder) repeat(r *repeat, got *dosage) {
	number := func(into *string) {
		there := d.isThere()
		*into = d.number()
		r.unread = r.unread || there && *into == ""
	}
	strings := func(into *[]string, read func() string) {
		d.list(func() {
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
		case "periodUnit":
			there := d.isThere()
			r.unit = periodUnits[d.string()]
			r.unread = r.unread || there && r.unit == ""
		case "when":
			strings(&r.when, func() string { return eventTimes[d.string()] })
		case "timeOfDay":
			strings(&r.times, d.time)
		case "dayOfWeek":
			strings(&r.days, func() string { return weekdays[d.string()] })
		case "boundsDuration":
			there := d.isThere()
			r.long = amount(d.quantity())
			r.partial = r.partial || there && r.long.String() == ""
		case "boundsPeriod":
			got.ends = d.period().end
		case "boundsRange", "count", "countMax", "duration", "durationMax", "offset":
			r.partial = r.partial || d.isThere()
			d.skip()
		default:
			d.skip()
		}
	})
}

// eventTimes are the codes of FHIR for times of day. See https://hl7.org/fhir/R4/valueset-event-timing.html
var eventTimes = map[string]string{
	"MORN": "in the morning", "MORN.early": "early in the morning", "MORN.late": "late in the morning", "NOON": "at noon", "AFT": "in the afternoon",
	"AFT.early": "early in the afternoon", "AFT.late": "late in the afternoon", "EVE": "in the evening", "EVE.early": "early in the evening",
	"EVE.late": "late in the evening", "NIGHT": "at night", "PHS": "after sleep", "HS": "before sleep", "WAKE": "on waking", "C": "with meals",
	"CM": "with breakfast", "CD": "with lunch", "CV": "with dinner", "AC": "before meals", "ACM": "before breakfast", "ACD": "before lunch",
	"ACV": "before dinner", "PC": "after meals", "PCM": "after breakfast", "PCD": "after lunch", "PCV": "after dinner",
}

var weekdays = map[string]string{"mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday", "sat": "Saturday", "sun": "Sunday"}

var periodUnits = map[string]string{"s": "second", "min": "minute", "h": "hour", "d": "day", "wk": "week", "mo": "month", "a": "year"}

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

// instructions returns how much is taken and how often, and reports what there is to say of it. The text that someone typed stands for what is not coded.
func (c *converter) instructions(m *medication, today string) (dose, frequency string) {
	note := func(reason clinical.Reason) { c.main.report.Note(reason, m.source, "") }
	var doses, frequencies []string
	for i := range m.dosages {
		got := &m.dosages[i]
		if isPast(got.ends, today) {
			note(clinical.Ended)
		}
		often := got.frequency
		if reason := c.clearOften(&often, got.typed); reason != "" {
			often = ""
			note(reason)
		}
		if got.asNeeded && !strings.Contains(often, "as needed") {
			often = strings.TrimPrefix(often+", as needed", ", ")
			reason, instead := c.clearLabel(&got.reason)
			if instead != "" {
				note(instead)
			}
			if reason != "" {
				note(reason)
			} else if got.reason.name != "" {
				often += " for " + got.reason.name
			}
		}
		for _, more := range got.more {
			reason, instead := c.clearLabel(&more)
			if reason != "" {
				note(reason)
				continue
			}
			if instead != "" {
				note(instead)
			}
			often = strings.TrimPrefix(often+", "+more.name, ", ")
		}
		if c.d.people.Identifies(got.dose, people.Unit) {
			got.dose = ""
			note(clinical.Identifying)
		}
		amount := got.dose
		if got.narrative {
			note(clinical.Narrative)
		}
		switch {
		case got.text == "":
		case amount != "" && got.frequency != "" && !got.partial:
			note(clinical.TextNotSent)
		default:
			amount = got.text
			if reason := c.clear(&amount, true, maxDosage, people.Typed); reason != "" {
				amount = got.dose
				note(reason)
			}
		}
		if (got.partial || got.unsent) && amount == got.dose {
			note(clinical.InstructionPartial)
		}
		if amount != "" && amount == got.dose && got.noUnit {
			note(clinical.DosageWithoutUnit)
		}
		doses, frequencies = append(doses, amount), append(frequencies, often)
	}
	return joined(m.dosages, doses), joined(m.dosages, frequencies)
}

// isPast tells whether a date was before a day.
func isPast(date, day string) bool {
	got := labs.Day(date)
	return got != "" && got < day[:min(len(day), len(got))]
}

// joined puts several instructions one behind the other. Where they differ each keeps its place, so that a dose can be told from another's frequency.
func joined(dosages []dosage, parts []string) string {
	some, differ := false, false
	for i, s := range parts {
		some = some || s != ""
		differ = differ || s != parts[0]
		if s == "" {
			parts[i] = "-"
		}
	}
	switch {
	case !some:
		return ""
	case !differ:
		return parts[0]
	}
	var b strings.Builder
	b.WriteString(parts[0])
	for i, part := range parts[1:] {
		if before, after := dosages[i].sequence, dosages[i+1].sequence; before != "" && after != "" && before != after {
			b.WriteString("; then ")
		} else {
			b.WriteString("; ")
		}
		b.WriteString(part)
	}
	return b.String()
}
