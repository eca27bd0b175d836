package fhir

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/internal/labs"
)

// medication is what is read of a MedicationRequest or a MedicationStatement.
// See https://hl7.org/fhir/R4/medicationrequest.html and https://hl7.org/fhir/R4/medicationstatement.html
type medication struct {
	source  string
	subject reference
	status  string
	intent  string
	never   bool // an order not to give the drug
	drug    label
	// ref is where the drug is if it is elsewhere, and shown what is written for it.
	ref        reference
	shown      string
	authored   string
	dosages    []dosage
	containeds []containedDrug
}

type containedDrug struct {
	id   string
	drug label
}

func (d *decoder) label() label {
	code := d.concept()
	return code.label()
}

func (d *decoder) medication(seed maphash.Seed) medication {
	var m medication
	d.object(func(key []byte) {
		switch string(key) {
		case "status":
			m.status = d.string()
		case "intent":
			m.intent = d.string()
		case "doNotPerform":
			m.never, _ = d.isTrue()
		case "medicationCodeableConcept":
			m.drug = d.label()
		case "medicationReference":
			m.ref, m.shown = d.reference(seed)
		case "subject":
			m.subject = d.subject(seed)
		case "requester", "recorder", "performer", "informationSource":
			d.mention()
		case "authoredOn", "effectiveDateTime", "dateAsserted":
			if date := d.date(); string(key) != "dateAsserted" || m.authored == "" {
				m.authored = date
			}
		case "effectivePeriod":
			m.authored = d.period().start
		case "dosageInstruction", "dosage":
			d.list(func() {
				if got := d.dosage(); d.room(len(m.dosages)) {
					m.dosages = append(m.dosages, got)
				}
			})
		case "contained":
			d.list(func() {
				kind, id := d.peekType()
				if kind != "Medication" || !d.room(len(m.containeds)) {
					d.containedPerson(kind)
					return
				}
				m.containeds = append(m.containeds, containedDrug{id, d.containedDrug()})
			})
		default:
			d.skip()
		}
	})
	return m
}

func (m *medication) weight() int {
	n := len(m.drug.name) + len(m.drug.coded) + len(m.ref.text) + len(m.shown)
	for i := range m.dosages {
		n += len(m.dosages[i].text) + len(m.dosages[i].dose) + len(m.dosages[i].frequency) + 100
	}
	return n
}

// containedDrug reads a Medication. See https://hl7.org/fhir/R4/medication.html
func (d *decoder) containedDrug() label {
	var got label
	d.object(func(key []byte) {
		if string(key) == "code" {
			got = d.label()
		} else {
			d.skip()
		}
	})
	return got
}

// knownDrug is a Medication of the input.
type knownDrug struct {
	drug   label
	source string
	used   bool
}

// maxDrugs is how many Medications are kept for the orders that refer to them.
const maxDrugs = 16384

// addDrug remembers a Medication.
func (c *converter) addDrug(r *resource) {
	got := &knownDrug{drug: c.d.containedDrug(), source: sourceOf(r)}
	if c.unreadable(r) {
		return
	}
	if c.drugWeight += len(got.drug.name) + len(got.drug.coded); c.drugWeight > maxWeight || len(c.drugList) >= maxDrugs {
		c.report.Drop(clinical.TooMany, got.source, "")
		return
	}
	c.drugList = append(c.drugList, got)
	for _, key := range keysOf(c.seed, r) {
		if key != 0 {
			c.drugs[key] = got
		}
	}
}

// addMedication keeps a medication that is taken, or reports why not.
func (c *converter) addMedication(r *resource) error {
	got := c.d.medication(c.seed)
	if c.unreadable(r) {
		return nil
	}
	got.source = sourceOf(r)
	rec, err := c.recordFor(&got.subject, got.source, nil)
	if rec == nil {
		return err
	}
	if reason, detail := c.notTaken(&got); reason != "" {
		if got.status == "entered-in-error" {
			c.withdraw(r, got.source)
		}
		rec.report.Drop(reason, got.source, detail)
		return nil
	}
	if got.drug.name == "" && got.ref.kind == contained {
		for _, inside := range got.containeds {
			if inside.id == got.ref.text {
				got.drug = inside.drug
			}
		}
		got.ref = reference{}
		if got.drug.name == "" {
			got.drug = label{name: strings.TrimSpace(got.shown), typed: true}
		}
		if got.drug.name == "" {
			rec.report.Drop(clinical.NoName, got.source, "")
			return nil
		}
	}
	got.containeds = nil
	rec.seen(got.authored)
	rec.medications = append(rec.medications, got)
	if rec.weight += got.weight(); rec.isHeavy(len(rec.medications)) {
		rec.medications = uniqueMedications(rec)
		rec.weigh()
	}
	return nil
}

// notTaken returns why a medication is not one that the patient takes or should take.
func (c *converter) notTaken(m *medication) (reason clinical.Reason, detail string) {
	switch m.intent {
	case "proposal", "plan", "option":
		return clinical.NotOrdered, m.intent
	}
	if m.never {
		return clinical.DoNotPerform, ""
	}
	switch m.status {
	case "active":
		return "", ""
	case "on-hold", "intended", "unknown":
		if c.kind == labs.ForRecord {
			return "", ""
		}
	case "stopped", "completed":
		if c.kind == labs.ForRecord && c.opts.IncludeStopped {
			return "", ""
		}
	case "entered-in-error":
		return clinical.StatusNotSent, m.status
	case "":
		return clinical.StatusNotSent, "no status"
	}
	return clinical.NotTaken, known(orderStatuses, m.status, unknownWord)
}

// uniqueMedications keeps one of each drug and status, the newest; the active first.
func uniqueMedications(rec *record) []medication {
	slices.SortStableFunc(rec.medications, func(a, b medication) int {
		active := func(m *medication) int {
			if m.status == "active" {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(active(&a), active(&b)), cmp.Compare(b.authored, a.authored), cmp.Compare(a.drug.name, b.drug.name))
	})
	return unique(rec.report, rec.medications, func(m *medication) (key, source string, weight int) {
		name := strings.ToLower(m.drug.name)
		if name == "" {
			name = "\x00" + m.ref.text + m.shown
		}
		return m.status + "\x00" + name, m.source, m.weight()
	})
}

// medications returns the medications that are sent.
func (c *converter) medications(reference string) []helios.Medication {
	rec := c.main
	kept := rec.medications[:0]
	for i := range rec.medications {
		m := &rec.medications[i]
		if c.withdrawn[m.source] {
			rec.report.Drop(clinical.StatusNotSent, m.source, "entered-in-error")
			continue
		}
		if m.drug.name == "" && !c.resolve(m) {
			continue
		}
		kept = append(kept, *m)
	}
	rec.medications = kept
	var sent []helios.Medication
	for _, m := range uniqueMedications(rec) {
		reason, instead := c.clearLabel(&m.drug)
		if reason != "" {
			rec.report.Drop(reason, m.source, "")
			continue
		}
		if instead != "" {
			rec.report.Note(instead, m.source, "")
		}
		dosage, frequency := c.instructions(&m, reference)
		sent = append(sent, helios.Medication{Medication: m.drug.name, Status: m.status, Dosage: dosage, Frequency: frequency})
	}
	for _, drug := range c.drugList {
		if !drug.used {
			c.skipped.Drop(clinical.TypeNotSent, drug.source, "Medication")
		}
	}
	return sent
}

// resolve finds the name of a drug that is elsewhere, or reports that there is none.
func (c *converter) resolve(m *medication) bool {
	known := c.drugs[m.ref.key(c.seed)]
	if known == nil && m.ref.kind == absolute {
		tail := parseReference(m.ref.tail)
		known = c.drugs[tail.key(c.seed)]
	}
	if known != nil {
		known.used = true
		m.drug = known.drug
	}
	if m.drug.name == "" {
		m.drug = label{name: strings.TrimSpace(m.shown), typed: true}
	}
	switch {
	case m.drug.name != "":
		return true
	case known == nil && m.ref.kind != noReference:
		c.main.report.Drop(clinical.Unresolved, m.source, "")
	default:
		c.main.report.Drop(clinical.NoName, m.source, "")
	}
	return false
}
