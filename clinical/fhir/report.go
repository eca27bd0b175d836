package fhir

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/codes"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// See https://hl7.org/fhir/R4/diagnosticreport.html
type diagnosticReport struct {
	is      category
	code    concept
	results []reference
	images  bool // it has some
}

// How many results are known to be in reports.
const maxReferences = 1 << 18

func newReport(*converter) item { return &diagnosticReport{} }

func (t *diagnosticReport) read(d *decoder, key []byte) bool {
	switch string(key) {
	case "category":
		d.concepts(func(c *concept) {
			if is, _ := categoryOf(c); is > t.is {
				t.is = is
			}
		})
	case "code":
		t.code = d.concept()
	case "result":
		d.List(func() {
			if ref, _ := d.reference(); len(t.results) < maxReferences {
				t.results = append(t.results, ref)
			}
		})
	case "imagingStudy", "study", "media", "image":
		t.images = t.images || !d.Empty()
	default:
		return false
	}

	return true
}

func (t *diagnosticReport) isLikelyLab() bool {
	if t.is != uncategorised || t.images {
		return false
	}
	for word := range strings.FieldsFuncSeq(strings.ToLower(t.code.label().Name),
		func(r rune) bool { return !unicode.IsLetter(r) }) {
		if imagingWords[word] {
			return false
		}
	}
	return true
}

// imagingWords are in names of reports that are no laboratory's.
var imagingWords = codes.Words(
	`ct mr mri xr us pet nm dxa dexa ecg ekg eeg emg echo echocardiogram electrocardiogram ray radiology
	radiograph radiography imaging image images ultrasound tomography mammogram mammography sonogram scan angiography
	endoscopy colonoscopy spirometry polysomnography audiogram survey questionnaire assessment screening`,
)

func (t *diagnosticReport) keep(c *converter, r *resource, _ *record) error {
	r.isLab = t.is == labResult
	switch r.status {
	case enteredInError, "cancelled":
		c.report.Drop(clinical.StatusNotSent, r.source, r.status)
		r.refused = r.status
	default:
		c.skip(r)
		r.refs[0] = c.remember(t, r)
	}

	if r.refused != "" || !r.holdsObservations() && r.edition.Number > 1 { // an older edition can have others inside
		c.gone.Add(r.name, r.edition)
	}
	return nil
}

func (r *resource) holdsObservations() bool {
	return slices.ContainsFunc(r.inside, func(p part) bool { return p.kind == "Observation" })
}

type reports struct {
	members map[uint64]*membership
	known   map[membership]*membership // each once, as many results are in one report
}

type membership struct {
	labs.Label
	isLab bool
	maybe bool // it is not said, but likely
}

// remember returns the key for results that are inside of the report.
func (c *converter) remember(t *diagnosticReport, r *resource) uint64 {
	all := &c.reports
	member := membership{t.code.label(), r.isLab, t.isLikelyLab()}
	isFull := all.known[member] == nil && len(all.known) >= maxStrings
	if isFull || member.Name == t.code.best().code { // a code is no name
		member.Label = labs.Label{}
	}
	if all.known[member] == nil {
		all.known[member] = &member
	}
	add := func(key uint64) {
		known := all.members[key]
		if key == 0 || known == nil && len(all.members) >= maxReferences || known != nil && !member.precedes(known) {
			return
		}
		all.members[key] = all.known[member]
	}

	if t.is <= uncategorised || r.isLab {
		for i := range t.results {
			for _, key := range t.results[i].keys() {
				add(key)
			}
		}
	}

	if !r.holdsObservations() {
		return 0
	}

	inside := labs.Hash("#", entry(r.place))
	add(inside)
	return inside
}

// precedes decides between two reports of one result, in any order.
func (m *membership) precedes(known *membership) bool {
	if m.isLab != known.isLab {
		return m.isLab
	}
	return m.Name < known.Name
}

func (t *reports) of(row *labs.Result) membership {
	for _, key := range row.Refs {
		if member := t.members[key]; member != nil {
			return *member
		}
	}
	return membership{}
}

// categorize gives a result what the report says that it is in.
func (c *converter) categorize(row *labs.Result) {
	member := c.reports.of(row)
	reason, instead := c.clearLabel(&member.Label)
	if reason == "" {
		row.Category = member.Name
	}
	if note := cmp.Or(reason, instead); note != "" {
		row.Note(note)
	}
	if member.isLab {
		row.Notes = slices.DeleteFunc(slices.Clone(row.Notes),
			func(n clinical.Reason) bool { return n == clinical.CategoryInferred })
	}
}
