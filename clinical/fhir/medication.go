package fhir

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// medication is also a MedicationOrder of DSTU2 and a MedicationStatement. See
// https://hl7.org/fhir/R4/medicationrequest.html and
// https://hl7.org/fhir/R4/medicationstatement.html
type medication struct {
	origin
	status   string
	intent   string
	reported bool // it is what someone said that the patient takes
	never    bool // an order not to give the drug
	notTaken bool
	unsure   bool // it is not known whether it is taken
	// adherence is the status that follows from it, in R5.
	adherence string
	until     string // when a statement is no longer true
	valid     string // when an order is no longer valid
	drug      labs.Label
	// ref is where the drug is if it is elsewhere, and shown its display.
	ref      reference
	shown    string
	authored string
	dosages  []dosage
	rendered string // all dosages in words
	taken    string // what is the same for the same dosages
}

// recorded is R5's, which does not say whether the drug is taken.
const recorded = "recorded"

func newMedication(*converter) item { return &medication{} }

func (m *medication) read(d *decoder, key []byte) bool {
	switch string(key) {
	case "intent":
		m.intent = d.string()
	case "reportedBoolean":
		m.reported, _ = d.Bool()
	case "doNotPerform":
		m.never = d.mayBeTrue()
	case "wasNotTaken": // DSTU2
		m.notTaken = d.mayBeTrue()
	case "taken": // STU3
		switch taken := d.string(); taken {
		case "n":
			m.notTaken = true
		case "unk":
			m.unsure = true
		default:
			d.modified = d.modified || taken != "" && taken != "y" && taken != "na"
		}
	case "adherence": // R5
		d.object(func(key []byte) {
			if string(key) == "code" {
				m.adherence = oneOf(d, adherences)
				d.modified = d.modified || m.adherence == unknownWord
			}
		})
	case "medication": // R5
		d.object(func(key []byte) {
			if string(key) == "concept" || string(key) == "reference" {
				m.read(d, key)
			}
		})
	case "medicationCodeableConcept", "concept": // of which the second is in R5's medication
		code := d.concept()
		m.drug = code.label()
	case "medicationReference", "reference":
		m.ref, m.shown = d.reference()
		m.shown = strings.TrimSpace(m.shown)
	case "dateEnded":
		m.until = d.date()
	case "dispenseRequest":
		d.object(func(key []byte) {
			if string(key) == "validityPeriod" {
				m.valid = d.period().end
			}
		})
	case "renderedDosageInstruction":
		m.rendered = strings.TrimSpace(d.text())
	case "authoredOn", "dateWritten", "effectiveDateTime", "dateAsserted":
		if date := d.date(); string(key) != "dateAsserted" || m.authored == "" {
			m.authored = date
		}
	case "effectivePeriod":
		period := d.period()
		m.authored, m.until = period.start, period.end
	case "dosageInstruction", "dosage":
		d.List(func() {
			if got := d.dosage(); d.room(len(m.dosages)) {
				m.dosages = append(m.dosages, got)
			}
		})
	default:
		return false
	}

	return true
}

func (m *medication) keep(c *converter, r *resource, rec *record) error {
	m.status = r.status
	switch {
	case m.status == enteredInError:
	case m.notTaken:
		m.status = "not-taken"
	case m.status == recorded && m.adherence != "":
		m.status = adherences[m.adherence]
	case m.status == "active" && m.unsure:
		m.status = "unknown"
	}

	if len(m.dosages) == 0 && m.rendered != "" {
		m.dosages = []dosage{{text: m.rendered}}
	}
	m.rendered = ""
	if reason, detail := m.unfit(c); reason != "" {
		return c.refuse(rec, &m.origin, reason, detail)
	}

	if m.drug.Name == "" && m.ref.kind == contained {
		m.drug = c.drugInside(r, m.ref.text)
		m.ref = reference{}
		switch {
		case c.unreadable(r):
			return nil
		case m.drug.Name == "" && m.shown == "":
			return c.refuse(rec, &m.origin, clinical.NoName, "")
		}
	}

	m.taken = taken(m.dosages)
	rec.seen(m.authored)
	addTo(c, rec, "medications", m)
	return nil
}

func (c *converter) drugInside(r *resource, id string) labs.Label {
	var got drug
	for _, part := range r.inside {
		if part.kind == "Medication" && part.id == id {
			c.d.Within(part.data, func() { c.d.object(func(key []byte) { got.read(&c.d, key) }) })
		}
	}
	return got.Label
}

func (m *medication) unfit(c *converter) (reason clinical.Reason, detail string) {
	switch m.intent {
	case "proposal", "plan", "option":
		// US Core writes what patients say that they take as a reported plan.
		if m.intent != "plan" || !m.reported {
			return clinical.NotOrdered, m.intent
		}
	}

	if m.never {
		return clinical.DoNotPerform, ""
	}

	switch m.status {
	case "active", recorded:
		return "", ""
	case "on-hold", "intended", "unknown", "stopped", "completed":
		isStopped := m.status == "stopped" || m.status == "completed"
		if c.kind == labs.ForRecord && (c.opts.IncludeStopped || !isStopped) {
			return "", ""
		}
	case enteredInError:
		return clinical.StatusNotSent, m.status
	case "":
		return clinical.NoStatus, ""
	}

	return clinical.NotTaken, known(orderStatuses, m.status)
}

func (m *medication) key() string {
	name := strings.ToLower(m.drug.Name)
	if name == "" {
		name = "\x00" + m.ref.base + m.ref.tail + m.ref.text + m.shown
	}
	return m.status + "\x00" + name + "\x00" + m.taken
}

// taken returns how a drug is taken, which is the same for what says the same.
func taken(dosages []dosage) string {
	var b strings.Builder
	for i := range dosages {
		got := &dosages[i]
		fmt.Fprintf(&b, "%q %q %q %t %q %#v;",
			got.text, got.dose, got.frequency, got.asNeeded, got.reason.Name, got.more)
	}
	return strings.ToLower(b.String())
}

func (m *medication) weight() int {
	return len(m.source) + len(m.drug.Name) + len(m.drug.CodedName) + len(m.ref.text) + len(m.shown) +
		2*len(m.taken) + 150*len(m.dosages)
}

func (m *medication) settle(c *converter, day string) bool {
	if m.drug.Name == "" && !c.resolve(m) {
		return false
	}
	if m.status != "active" && m.status != recorded || !m.isOver(day) {
		return true
	}
	if c.kind != labs.ForRecord || !c.opts.IncludeStopped {
		c.main.report.Drop(clinical.Ended, m.source, "")
		return false
	}

	m.status = ""
	c.main.report.Note(clinical.Ended, m.source, "")
	return true
}

// isOver reports whether a drug was taken in a time before day.
func (m *medication) isOver(day string) bool {
	mayGoOn := func(g dosage) bool { return !isPast(g.ends, day) }
	goesOn := func(g dosage) bool { return g.ends != "" && mayGoOn(g) }
	return isPast(m.until, day) || len(m.dosages) > 0 && !slices.ContainsFunc(m.dosages, mayGoOn) ||
		isPast(m.valid, day) && !slices.ContainsFunc(m.dosages, goesOn)
}

func (m *medication) first(all []*medication) *medication {
	return slices.MaxFunc(all, func(a, b *medication) int { return cmp.Compare(a.authored, b.authored) })
}

func (m *medication) compare(other *medication) int {
	return cmp.Or(cmp.Compare(activeFirst[m.status], activeFirst[other.status]),
		cmp.Compare(other.authored, m.authored), cmp.Compare(m.drug.Name, other.drug.Name))
}

var activeFirst = map[string]int{"active": -1}

func (m *medication) label() *labs.Label { return &m.drug }

func (m *medication) send(c *converter, day string, data *helios.HealthData) {
	if m.status == recorded {
		m.status = ""
		if c.kind == labs.ForRecord { // the context has no status
			c.note(&m.origin, clinical.StatusOmitted)
		}
	}

	sent := helios.Medication{Medication: m.drug.Name, Status: m.status}
	sent.Dosage, sent.Frequency = c.instructions(m, day)
	data.Medications = append(data.Medications, sent)
}

func isPast(date, day string) bool {
	got := labs.Day(date)
	return got != "" && got < day[:min(len(day), len(got))]
}

// See https://hl7.org/fhir/R4/medication.html
type drug struct {
	origin
	labs.Label
	server string // "" if it does not tell
	used   bool
}

type drugs struct {
	known  map[uint64]*drug
	list   []*drug
	weight int
}

// severalDrugs stands for Medications of one id on several servers.
var severalDrugs drug

const maxDrugs = 16384

func newDrug(*converter) item { return &drug{} }

func (g *drug) read(d *decoder, key []byte) bool {
	if string(key) != "code" {
		return false
	}
	code := d.concept()
	g.Label = code.label()
	return true
}

func (g *drug) keep(c *converter, r *resource, _ *record) error {
	all := &c.drugs
	if all.weight += len(g.Name) + len(g.CodedName); all.weight > maxWeight || len(all.list) >= maxDrugs {
		c.report.Drop(clinical.TooMany, r.source, "")
		return nil
	}

	all.list = append(all.list, g)

	literal, other := r.self()
	g.server = literal.base
	for _, reference := range []reference{literal, other} {
		for _, key := range reference.keys() {
			known := all.known[key]
			switch {
			case key == 0 || known == &severalDrugs:
			case known != nil && known.server != g.server && known.server != "" && g.server != "":
				all.known[key] = &severalDrugs
			case known == nil:
				all.known[key] = g
			case known.edition.Before(&g.edition):
				g.server = cmp.Or(g.server, known.server)
				all.known[key] = g
			}
		}
	}

	return nil
}

func (c *converter) resolve(m *medication) bool {
	keys := m.ref.lookups()
	known := cmp.Or(c.drugs.known[keys[0]], c.drugs.known[keys[1]])
	if known == &severalDrugs || known != nil && c.gone.Supersede(known.resource, &known.edition) {
		known = nil
	}

	reason := clinical.NoName
	if known != nil {
		known.used = true
		m.drug = known.Label
	} else if m.ref.kind != noReference {
		reason = clinical.Unresolved
	}

	if m.drug.Name == "" {
		m.drug = labs.Label{Name: m.shown, FreeName: true}
	}
	if m.drug.Name == "" {
		c.main.report.Drop(reason, m.source, "")
	}
	return m.drug.Name != ""
}

func (c *converter) skipUnused() {
	for _, drug := range c.drugs.list {
		if !drug.used {
			c.skipped.Drop(clinical.TypeNotSent, drug.source, "Medication")
		}
	}
}
