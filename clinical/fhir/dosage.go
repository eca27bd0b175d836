package fhir

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/heliosai/helios-go/clinical"
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
}

func (d *decoder) dosage() dosage {
	var got dosage
	var direct amounts // before R4
	var text, patient string
	d.object(func(key []byte) {
		switch string(key) {
		case "sequence":
			got.sequence = d.Number()
		case "text":
			text = strings.TrimSpace(d.text())
		case "patientInstruction":
			patient = strings.TrimSpace(d.text())
		case "additionalInstruction", "additionalInstructions": // of which the second is DSTU2's
			d.concepts(func(c *concept) {
				if name := c.label(); name.name != "" && d.room(len(got.more)) {
					got.more = append(got.more, name)
				}
			})
		case "timing":
			d.timing(&got)
		case "asNeededBoolean", "asNeeded":
			is, _ := d.Bool()
			got.asNeeded = got.asNeeded || is
		case "asNeededCodeableConcept":
			c := d.concept()
			got.asNeeded, got.reason = true, c.label()
		case "asNeededFor": // R5
			d.concepts(func(c *concept) {
				got.unsent = got.unsent || got.reason.name != ""
				got.asNeeded, got.reason = true, c.label()
			})
		case "doseAndRate":
			d.List(func() {
				var amount amounts
				d.object(func(key []byte) {
					amount.read(d, key)
				})
				amount.give(&got)
			})
		case "route", "site", "method", "maxDosePerPeriod", "maxDosePerAdministration", "maxDosePerLifetime",
			"modifierExtension":
			got.unsent = got.unsent || !d.Empty()
		default:
			direct.read(d, key)
		}
	})

	direct.give(&got)
	got.text = text
	if patient != "" && patient != text {
		got.text = strings.TrimPrefix(text+"; "+patient, "; ")
	}
	return got
}

func (g *dosage) weight() int {
	n := len(g.text) + len(g.dose) + len(g.frequency) + 150
	for _, more := range g.more {
		n += len(more.name) + len(more.coded) + 50
	}
	return n
}

type amounts struct{ dose, rate value }

func (a *amounts) read(d *decoder, key []byte) {
	switch string(key) {
	case "doseQuantity", "quantityQuantity": // of which the second is DSTU2's
		a.dose = d.amount()
	case "doseRange", "quantityRange":
		a.dose = rangeValue(d.pair("low", "high"))
	case "rateQuantity":
		a.rate = d.amount()
	case "rateRange":
		a.rate = rangeValue(d.pair("low", "high"))
	case "rateRatio":
		a.rate = ratioValue(d.pair("numerator", "denominator"))
	}
}

// give takes the first of several, such as what was ordered and calculated.
func (a *amounts) give(got *dosage) {
	if got.dose != "" {
		return
	}
	got.noUnit = a.dose.String() != "" && a.dose.unit == "" && !strings.Contains(a.dose.Text, " ")
	got.dose = strings.TrimSpace(a.dose.String() + " " + a.dose.unit)
	if a.rate.String() != "" {
		got.dose = strings.TrimSpace(got.dose + " at " + strings.TrimSpace(a.rate.String()+" "+a.rate.unit))
	}
}

func (d *decoder) amount() value {
	q := d.quantity()
	if q.value == "" || !q.isComparable() {
		return value{}
	}
	return value{Value: q.number(), unit: q.unit}
}

// instructions returns dose and frequency. The text stands for what is not
// coded.
func (c *converter) instructions(m *medication, today string) (dose, frequency string) {
	note := func(reason clinical.Reason) {
		if reason != "" {
			c.main.report.Note(reason, m.source, "")
		}
	}
	var doses, frequencies []string
	for i := range m.dosages {
		got := &m.dosages[i]
		if isPast(got.ends, today) {
			note(clinical.Ended)
		}
		if c.people.Identifies(got.dose, people.Unit) {
			got.dose = ""
			note(clinical.Identifying)
		}
		often := c.often(got, note)
		doses, frequencies = append(doses, c.amount(got, often, note)), append(frequencies, often)
	}
	return joined(m.dosages, doses), joined(m.dosages, frequencies)
}

func (c *converter) often(got *dosage, note func(clinical.Reason)) string {
	often := got.frequency
	if reason := c.clearOften(&often, got.typed); reason != "" {
		often = ""
		note(reason)
	}

	add := func(before string, l *label) {
		reason, instead := c.clearLabel(l)
		note(cmp.Or(reason, instead))
		if reason == "" && l.name != "" {
			often += before + l.name
		}
	}
	if got.asNeeded && !strings.Contains(often, "as needed") {
		often += ", as needed"
		add(" for ", &got.reason)
	}
	for i := range got.more {
		add(", ", &got.more[i])
	}
	return strings.TrimPrefix(often, ", ")
}

// amount returns the dose, with the text where that says more than the codes.
func (c *converter) amount(got *dosage, often string, note func(clinical.Reason)) string {
	amount, text := got.dose, got.text
	if amount != "" && got.frequency != "" && !got.partial && text != "" && says(amount+" "+often, text) {
		text = ""
		note(clinical.TextNotSent)
	}
	if text != "" {
		switch reason := c.clear(&text, true, maxDosage, people.Typed); {
		case reason != "":
			note(reason)
		case says(text, amount):
			amount = text
		default:
			amount += " (" + text + ")"
		}
	}

	if amount != got.dose {
		return amount
	}
	if got.partial || got.unsent {
		note(clinical.InstructionPartial)
	}
	if amount != "" && got.noUnit {
		note(clinical.DosageWithoutUnit)
	}
	return amount
}

// joined joins several instructions. Where they differ each keeps its place, so
// that a dose can be told from another's frequency.
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
		if before, after := dosages[i].sequence, dosages[i+1].sequence; before != "" && after != "" &&
			before != after {
			b.WriteString("; then ")
		} else {
			b.WriteString("; ")
		}
		b.WriteString(part)
	}

	return b.String()
}

// says reports whether all that text says is in whole, in the same order.
func says(whole, text string) bool {
	rest := dosageWords(whole)
	for _, word := range dosageWords(text) {
		i := slices.Index(rest, word)
		if i < 0 {
			return false
		}
		rest = rest[i+1:]
	}
	return true
}

var dosageWord = regexp.MustCompile(`[\p{Nd}.]+|\pL+|[^\p{Nd}.\pL\s,;:()]+`)

// dosageWords returns the words and numbers that say something by themselves.
func dosageWords(s string) []string {
	var list []string
	for _, word := range dosageWord.FindAllString(strings.ToLower(s), -1) {
		if len(word) > 4 && word != "daily" {
			word = strings.TrimSuffix(word, "s")
		}
		if same, ok := dosageSynonyms[word]; ok {
			word = same
		}
		if word = strings.Trim(word, "."); word != "" {
			list = append(list, word)
		}
	}

	return list
}

// dosageSynonyms are words of one meaning; "" for those that say nothing.
var dosageSynonyms = map[string]string{
	"take": "", "taken": "", "give": "", "use": "", "a": "", "an": "", "the": "", "of": "", "per": "",
	"every": "", "each": "",
	"time": "", "once": "1", "one": "1", "twice": "2", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
	"day": "daily", "tab": "tablet", "cap": "capsule",
}

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

func timesWord(count string) string { return cmp.Or(timesWords[count], count+" times") }

var timesWords = map[string]string{"1": "once", "2": "twice", "3": "three times", "4": "four times"}

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
