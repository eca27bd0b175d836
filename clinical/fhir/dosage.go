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
