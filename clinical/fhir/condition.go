package fhir

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// condition is what is read of a Condition. See https://hl7.org/fhir/R4/condition.html
type condition struct {
	source   string
	resource string
	edition  labs.Edition
	subject  reference
	key      string // what tells conditions apart
	label
	status       string
	verification string
	onset        string
	undated      bool // the onset is something else than a date, such as an age
	recorded     string
}

func (d *decoder) condition(r *resource, seed maphash.Seed) condition {
	c := condition{edition: r.edition}
	var code concept
	d.object(func(key []byte) {
		switch string(key) {
		case "meta":
			d.meta(&c.edition)
		case "code":
			code = d.concept()
		case "clinicalStatus":
			c.status = d.oneOf(clinicalStatuses)
		case "verificationStatus":
			c.verification = d.oneOf(verifications)
		case "subject":
			c.subject = d.subject(seed)
		case "recorder", "asserter":
			d.mention()
		case "contained":
			d.containedPeople()
		case "onsetDateTime":
			c.onset = d.date()
		case "onsetPeriod":
			c.onset = d.period().start
		case "onsetAge", "onsetRange", "onsetString":
			d.skip()
			c.undated = true
		case "recordedDate":
			c.recorded = d.date()
		default:
			d.skip()
		}
	})
	c.label = code.label()
	if best := code.best(); best.code != "" {
		c.key = best.system + "|" + best.code
	} else {
		c.key = c.name
	}
	return c
}

// oneOf reads a concept and returns its first code that is one of the words, else its text if that is one; "" if there is nothing, and unknownWord if there is something else.
func (d *decoder) oneOf(words map[string]string) string {
	var text string
	if d.next() == '"' {
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

// addCondition keeps a condition, or reports why not.
func (c *converter) addCondition(r *resource) error {
	got := c.d.condition(r, c.seed)
	if c.unreadable(r, &got.edition) {
		return nil
	}
	got.source, got.resource = sourceOf(r), c.identity(r, &got.edition)
	rec, err := c.recordFor(&got.subject, got.source, nil)
	if rec == nil {
		c.move(got.resource, last{Edition: got.edition})
		return err
	}
	drop := func(reason clinical.Reason, detail string) {
		rec.report.Drop(reason, got.source, detail)
		c.gone.add(got.resource, last{Edition: got.edition, inError: got.verification == "entered-in-error"})
	}
	switch got.verification {
	case "entered-in-error":
		drop(clinical.StatusNotSent, got.verification)
		return nil
	case "refuted", "unconfirmed", "provisional", "differential", unknownWord:
		drop(clinical.NotDiagnosed, got.verification)
		return nil
	}
	isFinding := slices.ContainsFunc([]string{got.name, got.coded}, func(name string) bool {
		return strings.HasSuffix(name, tagFinding) || strings.HasSuffix(name, tagSituation)
	})
	for _, tag := range conditionTags {
		got.name = strings.TrimSpace(strings.TrimSuffix(got.name, tag))
		got.coded = strings.TrimSpace(strings.TrimSuffix(got.coded, tag))
	}
	switch {
	case got.name == "":
		drop(clinical.NoName, "")
	case isFinding && c.opts.SkipFindings:
		drop(clinical.NotADisease, "")
	default:
		rec.seen(got.onset)
		rec.seen(got.recorded)
		rec.conditions = append(rec.conditions, got)
		rec.size += got.weight() + itemOverhead
		if rec.conditionWeight += got.weight(); isHeavy(len(rec.conditions), rec.conditionWeight) {
			rec.conditions = c.uniqueConditions(rec)
			rec.weigh()
		}
	}
	return nil
}

const (
	// maxListed is how many conditions, or medications, are kept before those that repeat others are left out; half as many are sent at most.
	maxListed = 8192
	// maxWeight is how many characters they can have before that, and half as many can be sent.
	maxWeight = 4 << 20
)

func (c *condition) weight() int {
	return len(c.source) + len(c.resource) + len(c.key) + len(c.name) + len(c.coded) + len(c.onset) + len(c.recorded)
}

// isHeavy tells that a list has to be made shorter.
func isHeavy(listed, weight int) bool { return listed >= maxListed || weight >= maxWeight }

// weigh counts anew how many characters the lists have.
func (r *record) weigh() {
	r.conditionWeight, r.medicationWeight = 0, 0
	for i := range r.conditions {
		r.conditionWeight += r.conditions[i].weight()
	}
	for i := range r.medications {
		r.medicationWeight += r.medications[i].weight()
	}
}

// stated is when a condition was told of.
func (c *condition) stated() string { return cmp.Or(c.recorded, c.onset) }

// uniqueConditions keeps one of each condition, that which was told last, and sorts them: the active first, and of these the newest. Where it is not known which was
// told last, the most active counts.
func (c *converter) uniqueConditions(rec *record) []condition {
	items := newest(c, rec.report, rec.conditions, func(got *condition) (string, string, *labs.Edition) { return got.resource, got.source, &got.edition })
	undated := map[string]bool{}
	for i := range items {
		if items[i].stated() == "" {
			undated[items[i].key] = true
		}
	}
	slices.SortStableFunc(items, func(a, b condition) int {
		mostActive := cmp.Compare(activity(a.status), activity(b.status))
		last := cmp.Or(cmp.Compare(b.stated(), a.stated()), cmp.Compare(b.onset, a.onset))
		if undated[a.key] {
			return cmp.Or(cmp.Compare(a.key, b.key), mostActive, last)
		}
		return cmp.Or(cmp.Compare(a.key, b.key), last, mostActive)
	})
	items = unique(rec.report, items, func(got *condition) (key, source string) { return got.key, got.source })
	slices.SortStableFunc(items, func(a, b condition) int {
		return cmp.Or(cmp.Compare(activity(a.status), activity(b.status)), cmp.Compare(b.onset, a.onset), cmp.Compare(a.name, b.name))
	})
	return limited(rec.report, items, func(got *condition) (source string, weight int) { return got.source, got.weight() })
}

// unique leaves out what repeats what comes before it.
func unique[T any](report *clinical.Report, items []T, identity func(*T) (key, source string)) []T {
	seen := make(map[string]bool, len(items))
	return slices.DeleteFunc(items, func(item T) bool {
		key, source := identity(&item)
		if seen[key] {
			report.Drop(clinical.Duplicate, source, "")
			return true
		}
		seen[key] = true
		return false
	})
}

// limited leaves out what is too much.
func limited[T any](report *clinical.Report, items []T, measure func(*T) (source string, weight int)) []T {
	total, n := 0, 0
	return slices.DeleteFunc(items, func(item T) bool {
		source, weight := measure(&item)
		if n == maxListed/2 || total+weight > maxWeight/2 {
			report.Drop(clinical.TooMany, source, "")
			return true
		}
		n++
		total += weight
		return false
	})
}

// activity orders the clinical statuses of a condition. Where none is given the condition may be active.
func activity(status string) int {
	switch status {
	case "active", "recurrence", "relapse":
		return 0
	case "":
		return 1
	case "inactive", "remission":
		return 2
	}
	return 3
}

// pastMedicalHistory returns the conditions that are sent.
func (c *converter) pastMedicalHistory() []helios.Condition {
	report := c.main.report
	var sent []helios.Condition
	for _, got := range c.uniqueConditions(c.main) {
		reason, instead := c.clearLabel(&got.label)
		if reason != "" {
			report.Drop(reason, got.source, "")
			continue
		}
		note := func(reason clinical.Reason) { report.Note(reason, got.source, "") }
		if instead != "" {
			note(instead)
		}
		if got.status == unknownWord {
			got.status = ""
			note(clinical.StatusOmitted)
		}
		switch day := labs.Day(got.onset); {
		case c.kind != labs.ForRecord: // which takes no date
		case day == "" && got.undated:
			note(clinical.DateNotSent)
		case day == "":
			note(clinical.NoDate)
		case len(day) < len("2006-01-02"):
			note(clinical.DatePartial)
		}
		sent = append(sent, helios.Condition{Display: got.name, ClinicalStatus: got.status, OnsetDate: labs.Day(got.onset)})
	}
	return sent
}
