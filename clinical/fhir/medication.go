package fhir

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// medication is what is read of a MedicationRequest or a MedicationStatement.
// See https://hl7.org/fhir/R4/medicationrequest.html and https://hl7.org/fhir/R4/medicationstatement.html
type medication struct {
	source   string
	resource string
	edition  labs.Edition
	subject  reference
	status   string
	intent   string
	reported bool   // it tells what someone said that the patient takes
	never    bool   // an order not to give the drug
	until    string // when a statement is no longer true
	drug     label
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

func (d *decoder) medication(r *resource, seed maphash.Seed) medication {
	m := medication{edition: r.edition}
	d.object(func(key []byte) {
		switch string(key) {
		case "meta":
			d.meta(&m.edition)
		case "status":
			m.status = d.string()
		case "intent":
			m.intent = d.string()
		case "reportedBoolean":
			m.reported, _ = d.isTrue()
		case "doNotPerform":
			there := d.isThere()
			is, known := d.isTrue()
			m.never = is || there && !known // what cannot be read may say it
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
			p := d.period()
			m.authored, m.until = p.start, p.end
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
				m.containeds = append(m.containeds, containedDrug{id, d.containedDrug(&labs.Edition{})})
			})
		default:
			d.skip()
		}
	})
	return m
}

func (m *medication) weight() int {
	n := len(m.source) + len(m.resource) + len(m.drug.name) + len(m.drug.coded) + len(m.ref.text) + len(m.shown)
	for i := range m.dosages {
		n += len(m.dosages[i].text) + len(m.dosages[i].dose) + len(m.dosages[i].frequency) + 150
		for _, more := range m.dosages[i].more {
			n += len(more.name) + len(more.coded) + 50
		}
	}
	return n
}

// containedDrug reads a Medication. See https://hl7.org/fhir/R4/medication.html
func (d *decoder) containedDrug(edition *labs.Edition) label {
	var got label
	d.object(func(key []byte) {
		switch string(key) {
		case "meta":
			d.meta(edition)
		case "code":
			got = d.label()
		default:
			d.skip()
		}
	})
	return got
}

// knownDrug is a Medication of the input.
type knownDrug struct {
	drug    label
	source  string
	edition labs.Edition
	used    bool

	resource string
}

// severalDrugs stands for Medications of one id on several servers, of which it is not known which is meant where none is told.
var severalDrugs knownDrug

// maxDrugs is how many Medications are kept for the orders that refer to them.
const maxDrugs = 16384

// addDrug remembers a Medication.
func (c *converter) addDrug(r *resource) {
	got := &knownDrug{source: sourceOf(r), edition: r.edition}
	got.drug = c.d.containedDrug(&got.edition)
	if c.unreadable(r, &got.edition) {
		return
	}
	if c.drugWeight += len(got.drug.name) + len(got.drug.coded); c.drugWeight > maxWeight || len(c.drugList) >= maxDrugs {
		c.report.Drop(clinical.TooMany, got.source, "")
		return
	}
	got.resource = c.identity(r, &got.edition)
	c.drugList = append(c.drugList, got)
	literal, other := r.self()
	for _, reference := range []reference{literal, other} {
		for i, key := range reference.keys(c.seed) {
			known := c.drugs[key]
			switch {
			case key == 0 || known == &severalDrugs:
			case i == 1 && c.onSeveralServers(key, literal.base):
				c.drugs[key] = &severalDrugs
			case known == nil || isNewer(&got.edition, &known.edition):
				c.drugs[key] = got
			}
		}
	}
}

// onSeveralServers tells whether Medications with a key were on another server too.
func (c *converter) onSeveralServers(key uint64, server string) bool {
	if server == "" {
		return false
	}
	is := keyOf(c.seed, server, "")
	was, ok := c.drugServers[key]
	if !ok {
		c.drugServers[key] = is
	}
	return ok && was != is
}

// addMedication keeps a medication that is taken, or reports why not.
func (c *converter) addMedication(r *resource) error {
	got := c.d.medication(r, c.seed)
	if c.unreadable(r, &got.edition) {
		return nil
	}
	got.source, got.resource = sourceOf(r), c.identity(r, &got.edition)
	rec, err := c.recordFor(&got.subject, got.source, nil)
	if rec == nil {
		c.move(got.resource, last{Edition: got.edition})
		return err
	}
	if reason, detail := c.notTaken(&got); reason != "" {
		rec.report.Drop(reason, got.source, detail)
		c.gone.add(got.resource, last{Edition: got.edition, inError: got.status == "entered-in-error"})
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
			c.gone.add(got.resource, last{Edition: got.edition})
			return nil
		}
	}
	got.containeds = nil
	rec.seen(got.authored)
	rec.medications = append(rec.medications, got)
	rec.size += got.weight() + itemOverhead
	if rec.medicationWeight += got.weight(); isHeavy(len(rec.medications), rec.medicationWeight) {
		rec.medications = c.uniqueMedications(rec)
		rec.weigh()
	}
	return nil
}

// notTaken returns why a medication is not one that the patient takes or should take.
func (c *converter) notTaken(m *medication) (reason clinical.Reason, detail string) {
	switch m.intent {
	case "proposal", "plan", "option":
		if m.intent != "plan" || !m.reported { // a plan that is reported is how US Core writes what patients say that they take
			return clinical.NotOrdered, m.intent
		}
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

// uniqueMedications keeps one of each drug, status and dosage, the newest; the active first.
func (c *converter) uniqueMedications(rec *record) []medication {
	items := newest(c, rec.report, rec.medications, func(m *medication) (string, string, *labs.Edition) { return m.resource, m.source, &m.edition })
	slices.SortStableFunc(items, func(a, b medication) int {
		active := func(m *medication) int {
			if m.status == "active" {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(active(&a), active(&b)), cmp.Compare(b.authored, a.authored), cmp.Compare(a.drug.name, b.drug.name))
	})
	items = unique(rec.report, items, func(m *medication) (key, source string) {
		name := strings.ToLower(m.drug.name)
		if name == "" {
			name = "\x00" + m.ref.base + m.ref.tail + m.ref.text + m.shown
		}
		return m.status + "\x00" + name + "\x00" + m.taken(), m.source
	})
	return limited(rec.report, items, func(m *medication) (source string, weight int) { return m.source, m.weight() })
}

// taken tells dosages apart.
func (m *medication) taken() string {
	if len(m.dosages) == 0 {
		return ""
	}
	var h maphash.Hash
	h.SetSeed(dosageSeed)
	for i := range m.dosages {
		got := &m.dosages[i]
		for _, part := range []string{got.text, got.dose, got.frequency, strconv.FormatBool(got.asNeeded)} {
			_, _ = h.WriteString(strings.ToLower(part))
			_ = h.WriteByte(0)
		}
		for _, more := range got.more {
			_, _ = h.WriteString(more.name)
			_ = h.WriteByte(1)
		}
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

var dosageSeed = maphash.MakeSeed()

// medications returns the medications that are sent.
func (c *converter) medications(reference string) []helios.Medication {
	rec := c.main
	rec.medications = newest(c, rec.report, rec.medications, func(m *medication) (string, string, *labs.Edition) { return m.resource, m.source, &m.edition })
	kept := rec.medications[:0]
	for i := range rec.medications {
		m := &rec.medications[i]
		if m.drug.name == "" && !c.resolve(m) {
			continue
		}
		if m.isOver(reference) {
			if c.kind != labs.ForRecord || !c.opts.IncludeStopped {
				rec.report.Drop(clinical.Ended, m.source, "")
				continue
			}
			m.status = ""
			rec.report.Note(clinical.Ended, m.source, "")
		}
		kept = append(kept, *m)
	}
	rec.medications = kept
	var sent []helios.Medication
	for _, m := range c.uniqueMedications(rec) {
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

// isOver tells that a statement calls a drug active that was taken in a time that is over.
func (m *medication) isOver(today string) bool {
	return m.status == "active" && isPast(m.until, today)
}

// resolve finds the name of a drug that is elsewhere, or reports that there is none.
func (c *converter) resolve(m *medication) bool {
	var known *knownDrug
	for _, key := range m.ref.lookups(c.seed) {
		if known == nil && key != 0 {
			known = c.drugs[key]
		}
	}
	if known == &severalDrugs {
		known = nil
	}
	if known != nil && known.resource != "" {
		if gone, ok := c.gone[known.resource]; ok && gone.supersedes(&known.edition) {
			known = nil
		}
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
