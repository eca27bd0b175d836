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
	labs.Label
	id           string // of what it is: its system and code, or its name
	status       string
	verification string
	onset        period
	undated      bool // the onset is something else than a date, such as an age
	recorded     string
}

func newCondition(*converter) item { return &condition{} }

func (n *condition) read(d *decoder, key []byte) bool {
	switch string(key) {
	case "code":
		code := d.concept()
		n.Label = code.label()
		n.id = n.Name
		if best := code.best(); best.code != "" {
			n.id = best.system + "|" + best.code
		}
	case "clinicalStatus":
		n.status = oneOf(d, clinicalStatuses)
	case "verificationStatus":
		n.verification = oneOf(d, verifications)
	case "onsetDateTime", "onsetPeriod":
		n.onset = d.period()
	case "onsetAge", "onsetQuantity", "onsetRange", "onsetString":
		n.undated = true
	case "recordedDate", "assertedDate", "dateRecorded":
		n.recorded = d.date()
	default:
		return false
	}

	return true
}

// The semantic tags of SNOMED CT that can end the name of a condition.
const (
	tagFinding   = " (finding)"
	tagSituation = " (situation)"
)

var conditionTags = [...]string{" (disorder)", tagFinding, tagSituation, " (event)", " (morphologic abnormality)"}

func (n *condition) keep(c *converter, _ *resource, rec *record) error {
	isFinding := isFinding(n.Name) || isFinding(n.CodedName)
	for _, tag := range conditionTags {
		n.Name = strings.TrimSpace(strings.TrimSuffix(n.Name, tag))
		n.CodedName = strings.TrimSpace(strings.TrimSuffix(n.CodedName, tag))
	}

	switch {
	case n.verification == enteredInError:
		return c.refuse(rec, &n.origin, clinical.StatusNotSent, n.verification)
	case n.verification != "" && n.verification != "confirmed":
		return c.refuse(rec, &n.origin, clinical.NotDiagnosed, n.verification)
	case n.Name == "":
		return c.refuse(rec, &n.origin, clinical.NoName, "")
	case isFinding && c.opts.SkipFindings:
		return c.refuse(rec, &n.origin, clinical.NotADisease, "")
	}

	rec.seen(n.onset.start)
	rec.seen(n.recorded)
	addTo(c, rec, "pastMedicalHistory", n)
	return nil
}

func isFinding(name string) bool {
	return strings.HasSuffix(name, tagFinding) || strings.HasSuffix(name, tagSituation)
}

func (n *condition) key() string { return n.id }

func (n *condition) weight() int {
	return len(n.source) + len(n.id) + len(n.Name) + len(n.CodedName) + len(n.onset.start) +
		len(n.recorded)
}

func (n *condition) stated() string { return cmp.Or(n.recorded, n.onset.start) }

func (n *condition) settle(*converter, string) bool { return true }

// first returns the one told last or, where a date is missing, the most active.
func (n *condition) first(all []*condition) *condition {
	undated := slices.ContainsFunc(all, func(n *condition) bool { return n.stated() == "" })
	return slices.MinFunc(all, func(a, b *condition) int {
		mostActive := cmp.Compare(activity[a.status], activity[b.status])
		latest := cmp.Or(cmp.Compare(b.stated(), a.stated()), cmp.Compare(b.onset.start, a.onset.start))
		if undated {
			return cmp.Or(mostActive, latest)
		}
		return cmp.Or(latest, mostActive)
	})
}

func (n *condition) compare(other *condition) int {
	return cmp.Or(cmp.Compare(activity[n.status], activity[other.status]),
		cmp.Compare(other.onset.start, n.onset.start), cmp.Compare(n.Name, other.Name))
}

// activity orders the clinical statuses. Without one it may be active.
var activity = map[string]int{"active": -3, "recurrence": -3, "relapse": -3, "": -2, "inactive": -1, "remission": -1}

func (n *condition) label() *labs.Label { return &n.Label }

func (n *condition) send(c *converter, _ string, data *helios.HealthData) {
	note := func(reason clinical.Reason) { c.note(&n.origin, reason) }
	if n.status == unknownWord {
		n.status = ""
		note(clinical.StatusOmitted)
	}

	day := labs.Day(n.onset.start)
	switch {
	case c.kind != labs.ForRecord: // which takes no date
	case day == "" && n.undated:
		note(clinical.DateNotSent)
	case day == "" && n.onset.misdated:
		note(clinical.DateUnreadable)
	case day == "":
		note(clinical.NoDate)
	case len(day) < len("2006-01-02"):
		note(clinical.DatePartial)
	}

	sent := helios.Condition{Display: n.Name, ClinicalStatus: n.status, OnsetDate: day}
	data.PastMedicalHistory = append(data.PastMedicalHistory, sent)
}
