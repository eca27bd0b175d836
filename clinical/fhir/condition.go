package fhir

import (
	"cmp"
	"slices"
	"strings"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// See https://hl7.org/fhir/R4/condition.html
type condition struct {
	origin
	label
	code         concept
	id           string // of what it is: its system and code, or its name
	status       string
	verification string
	onset        string
	misdated     bool // the onset cannot be read
	undated      bool // the onset is something else than a date, such as an age
	recorded     string
}

func newCondition(*converter) item { return &condition{} }

func (n *condition) read(d *decoder, key []byte) bool {
	switch string(key) {
	case "code":
		n.code = d.concept()
	case "clinicalStatus":
		n.status = d.oneOf(clinicalStatuses)
	case "verificationStatus":
		n.verification = d.oneOf(verifications)
	case "onsetDateTime", "onsetPeriod":
		n.onset, _, n.misdated = d.when(string(key) == "onsetPeriod")
	case "onsetAge", "onsetQuantity", "onsetRange", "onsetString":
		n.undated = true
	case "recordedDate", "assertedDate", "dateRecorded":
		n.recorded = d.date()
	default:
		return false
	}

	return true
}

// oneOf returns the first code of a concept that is one of the words, else its
// text, else unknownWord; "" for nothing.
func (d *decoder) oneOf(words map[string]string) string {
	var text string
	if d.Kind() == '"' {
		text = d.string()
	} else {
		c := d.concept()
		for _, coding := range c.codings {
			if word, ok := words[coding.code]; ok {
				return word
			}
		}
		if c.isEmpty() {
			return ""
		}
		text = c.text
	}

	return cmp.Or(words[strings.ToLower(strings.TrimSpace(text))], unknownWord)
}

// unknownWord stands for a code that the standard does not have.
const unknownWord = "unknown code"

// The semantic tags of SNOMED CT that can end the name of a condition.
const (
	tagFinding   = " (finding)"
	tagSituation = " (situation)"
)

var conditionTags = [...]string{" (disorder)", tagFinding, tagSituation, " (event)", " (morphologic abnormality)"}

func (n *condition) keep(c *converter, r *resource, rec *record) error {
	n.origin = r.origin()
	n.label = n.code.label()
	n.id = n.name
	if best := n.code.best(); best.code != "" {
		n.id = best.system + "|" + best.code
	}
	n.code = concept{} // its memory is used again

	isFinding := isFinding(n.name) || isFinding(n.coded)
	for _, tag := range conditionTags {
		n.name = strings.TrimSpace(strings.TrimSuffix(n.name, tag))
		n.coded = strings.TrimSpace(strings.TrimSuffix(n.coded, tag))
	}

	switch n.verification {
	case "", "confirmed":
	case "entered-in-error":
		return c.refuse(rec, &n.origin, clinical.StatusNotSent, n.verification)
	default:
		return c.refuse(rec, &n.origin, clinical.NotDiagnosed, n.verification)
	}

	switch {
	case n.name == "":
		return c.refuse(rec, &n.origin, clinical.NoName, "")
	case isFinding && c.opts.SkipFindings:
		return c.refuse(rec, &n.origin, clinical.NotADisease, "")
	}

	rec.seen(n.onset)
	rec.seen(n.recorded)
	addTo(c, rec, "pastMedicalHistory", n)
	return nil
}

func isFinding(name string) bool {
	return strings.HasSuffix(name, tagFinding) || strings.HasSuffix(name, tagSituation)
}

func (n *condition) key() string { return n.id }

func (n *condition) weight() int {
	return len(n.source) + len(n.id) + len(n.name) + len(n.coded) + len(n.onset) +
		len(n.recorded)
}

func (n *condition) stated() string { return cmp.Or(n.recorded, n.onset) }

func (n *condition) settle(*converter, string) bool { return true }

// first returns the one told last or, where a date is missing, the most active.
func (n *condition) first(all []*condition) *condition {
	undated := slices.ContainsFunc(all, func(n *condition) bool { return n.stated() == "" })
	return slices.MinFunc(all, func(a, b *condition) int {
		mostActive := cmp.Compare(activity[a.status], activity[b.status])
		latest := cmp.Or(cmp.Compare(b.stated(), a.stated()), cmp.Compare(b.onset, a.onset))
		if undated {
			return cmp.Or(mostActive, latest)
		}
		return cmp.Or(latest, mostActive)
	})
}

func (n *condition) compare(other *condition) int {
	return cmp.Or(cmp.Compare(activity[n.status], activity[other.status]), cmp.Compare(other.onset, n.onset),
		cmp.Compare(n.name, other.name))
}

// activity orders the clinical statuses. Without one it may be active.
var activity = map[string]int{"active": -3, "recurrence": -3, "relapse": -3, "": -2, "inactive": -1, "remission": -1}

func (n *condition) send(c *converter, _ string, data *helios.HealthData) {
	reason, instead := c.clearLabel(&n.label)
	if reason != "" {
		c.main.report.Drop(reason, n.source, "")
		return
	}

	note := func(reason clinical.Reason) { c.main.report.Note(reason, n.source, "") }
	if instead != "" {
		note(instead)
	}
	if n.status == unknownWord {
		n.status = ""
		note(clinical.StatusOmitted)
	}

	day := labs.Day(n.onset)
	switch {
	case c.kind != labs.ForRecord: // which takes no date
	case day == "" && n.undated:
		note(clinical.DateNotSent)
	case day == "" && n.misdated:
		note(clinical.DateUnreadable)
	case day == "":
		note(clinical.NoDate)
	case len(day) < len("2006-01-02"):
		note(clinical.DatePartial)
	}

	sent := helios.Condition{Display: n.name, ClinicalStatus: n.status, OnsetDate: day}
	data.PastMedicalHistory = append(data.PastMedicalHistory, sent)
}
