package fhir

import (
	"cmp"
	"regexp"
	"slices"
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
	reason    labs.Label   // what it is taken for as needed
	more      []labs.Label // additional instructions, such as "with food"
	partial   bool         // of when it is taken, something is not sent or cannot be read
	unsent    bool         // of other things, such as the route, something is not sent
}

func (d *decoder) dosage() dosage {
	var got dosage
	var direct amounts // before R4
	var patient string
	d.object(func(key []byte) {
		switch string(key) {
		case "sequence":
			got.sequence = d.Number()
		case "text":
			got.text = strings.TrimSpace(d.text())
		case "patientInstruction":
			patient = strings.TrimSpace(d.text())
		case "additionalInstruction", "additionalInstructions": // of which the second is DSTU2's
			d.concepts(func(c *concept) {
				if name := c.label(); name.Name != "" && d.room(len(got.more)) {
					got.more = append(got.more, name)
				}
			})
		case "timing":
			d.timing(&got)
		case "asNeededBoolean", "asNeeded":
			is, _ := d.Bool()
			got.asNeeded = got.asNeeded || is
		case "asNeededCodeableConcept", "asNeededFor": // of which the second is R5's, and a list
			d.concepts(func(c *concept) {
				got.unsent = got.unsent || got.reason.Name != ""
				got.asNeeded, got.reason = true, c.label()
			})
		case "doseAndRate":
			d.List(func() {
				var amount amounts
				d.object(func(key []byte) { amount.read(d, key) })
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
	if patient != "" && patient != got.text {
		got.text = strings.TrimPrefix(got.text+"; "+patient, "; ")
	}
	return got
}

type amounts struct{ dose, rate value }

func (a *amounts) read(d *decoder, key []byte) {
	switch string(key) {
	case "doseQuantity", "doseRange":
		a.dose = d.value(key[len("dose"):])
	case "quantityQuantity", "quantityRange": // DSTU2
		a.dose = d.value(key[len("quantity"):])
	case "rateQuantity", "rateRange", "rateRatio":
		a.rate = d.value(key[len("rate"):])
	}
}

// give takes the first of several, such as what was ordered and calculated.
func (a *amounts) give(got *dosage) {
	if got.dose != "" {
		return
	}
	got.dose = a.dose.withUnit()
	got.noUnit = got.dose != "" && a.dose.unit == "" && !strings.Contains(a.dose.Text, " ")
	if rate := a.rate.withUnit(); rate != "" {
		got.dose = strings.TrimSpace(got.dose + " at " + rate)
	}
}

// instructions returns dose and frequency. The text stands for what is not
// coded.
func (c *converter) instructions(m *medication, today string) (dose, frequency string) {
	note := func(reason clinical.Reason) { c.note(&m.origin, reason) }
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
	is := people.Unit // which codes of a timing have
	if got.typed {
		is = people.Typed
	}
	often := got.frequency
	if reason := c.people.Text(&often, got.typed, people.MaxPhrase, is); reason != "" {
		often = ""
		note(reason)
	}

	add := func(before string, l *labs.Label) {
		reason, instead := c.clearLabel(l)
		note(cmp.Or(reason, instead))
		if reason == "" && l.Name != "" {
			often += before + l.Name
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
		switch reason := c.people.Text(&text, true, maxDosage, people.Typed); {
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
	if same := slices.Compact(slices.Clone(parts)); len(same) < 2 {
		return strings.Join(same, "")
	}

	var b strings.Builder
	for i, part := range parts {
		if i > 0 {
			b.WriteString("; ")
			if before, after := dosages[i-1].sequence, dosages[i].sequence; before != "" && after != "" &&
				before != after {
				b.WriteString("then ")
			}
		}
		b.WriteString(cmp.Or(part, "-"))
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

func (d *decoder) timing(got *dosage) {
	var r repeat
	var name labs.Label
	d.object(func(key []byte) {
		switch string(key) {
		case "code":
			code := d.concept()
			name = code.label()
			for _, coding := range slices.Backward(code.codings) {
				if known := timingCodes[strings.ToUpper(coding.code)]; known != "" {
					name = labs.Label{Name: known}
				}
			}
		case "repeat":
			d.repeat(&r, got)
		}
	})

	often := r.often()
	r.unread = r.unread || often == "" && name.Name == "" && r.frequency+r.frequencyMax+r.period != ""
	got.partial = got.partial || r.unread
	if often == "" {
		often, got.typed = name.Name, name.FreeName
	}
	got.frequency = strings.TrimPrefix(often+r.days+r.when+r.times+r.long, ", ")
}

// See https://hl7.org/fhir/R4/valueset-timing-abbreviation.html
var timingCodes = map[string]string{
	"QD": "once daily", "BID": "twice daily", "TID": "three times daily", "QID": "four times daily",
	"QOD": "every other day", "AM": "every morning", "PM": "every afternoon", "BED": "at bedtime",
	"WK": "once weekly", "MO": "once monthly", "Q1H": "every hour", "Q2H": "every 2 hours", "Q3H": "every 3 hours",
	"Q4H": "every 4 hours", "Q6H": "every 6 hours", "Q8H": "every 8 hours",
}

// See https://hl7.org/fhir/R4/datatypes.html#Timing
type repeat struct {
	frequency, frequencyMax, period, periodMax, unit string
	days, when, times, long                          string // in words: ", on Monday"
	unread                                           bool   // how often cannot be told
}

func (d *decoder) repeat(r *repeat, got *dosage) {
	words := func(before string, read func() string) string {
		var list []string
		d.each(func() {
			if word := checked(d, read, &got.partial); word != "" && d.room(len(list)) {
				list = append(list, word)
			}
		})
		return phrase(before, strings.Join(list, ", "))
	}

	d.object(func(key []byte) {
		switch string(key) {
		case "frequency":
			r.frequency = checked(d, d.Number, &r.unread)
		case "frequencyMax":
			r.frequencyMax = checked(d, d.Number, &r.unread)
		case "period":
			r.period = checked(d, d.Number, &r.unread)
		case "periodMax":
			r.periodMax = checked(d, d.Number, &r.unread)
		case "periodUnit", "periodUnits": // of which the second is DSTU2's
			r.unit = checked(d, func() string { return periodUnits[d.string()] }, &r.unread)
		case "when":
			r.when = words(", ", func() string { return eventTimes[d.string()] })
		case "timeOfDay":
			r.times = words(", at ", d.time)
		case "dayOfWeek":
			r.days = words(", on ", func() string { return weekdays[d.string()] })
		case "boundsDuration", "boundsQuantity": // of which the second is DSTU2's
			long := func() string { return d.value([]byte("Quantity")).withUnit() }
			r.long = phrase(", for ", checked(d, long, &got.partial))
		case "boundsPeriod":
			got.ends = d.period().end
		case "boundsRange", "count", "countMax", "duration", "durationMax", "offset":
			got.partial = got.partial || !d.Empty()
		}
	})
}

func phrase(before, words string) string {
	if words == "" {
		return ""
	}
	return before + words
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

// often says how often: "twice daily", "every 4-6 hours", "3 times per week".
func (r *repeat) often() string {
	if r.unit == "" || r.period == "" || r.unread {
		return ""
	}
	count := cmp.Or(span(r.frequency, r.frequencyMax), "1") // FHIR's default
	times := cmp.Or(timesWords[count], count+" times")
	period := span(r.period, r.periodMax)
	every := "every " + period + " " + r.unit + "s"
	switch {
	case period == "1" && r.unit == "day":
		return times + " daily"
	case period == "1":
		return times + " per " + r.unit
	case count == "1":
		return every
	}
	return times + " " + every
}

var timesWords = map[string]string{"1": "once", "2": "twice", "3": "three times", "4": "four times"}

func span(low, high string) string {
	low, high = strings.TrimSuffix(low, ".0"), strings.TrimSuffix(high, ".0")
	switch {
	case high == "" || high == low:
		return low
	case low == "":
		return "up to " + high
	}
	return low + "-" + high
}
