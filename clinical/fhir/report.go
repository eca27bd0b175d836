package fhir

import (
	"slices"
	"strings"
	"unicode"

	"github.com/heliosai/helios-go/clinical"
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
	for word := range strings.FieldsFuncSeq(strings.ToLower(t.code.label().name),
		func(r rune) bool { return !unicode.IsLetter(r) }) {
		if imagingWords[word] != "" {
			return false
		}
	}
	return true
}

// imagingWords are in names of reports that are no laboratory's.
var imagingWords = words(
	`ct mr mri xr us pet nm dxa dexa ecg ekg eeg emg echo echocardiogram electrocardiogram ray radiology
	radiograph radiography imaging image images ultrasound tomography mammogram mammography sonogram scan angiography
	endoscopy colonoscopy spirometry polysomnography audiogram survey questionnaire assessment screening`,
)

func (t *diagnosticReport) keep(c *converter, r *resource, _ *record) error {
	r.isLab = t.is == labResult
	switch r.status {
	case "entered-in-error", "cancelled":
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
	members map[uint64]membership
	names   []label
	index   map[string]int32 // of names
}

type membership struct {
	name  int32 // in reports.names
	isLab bool
	maybe bool // it is not said, but likely
}

func newReports() reports {
	return reports{members: map[uint64]membership{}, names: make([]label, 1), index: map[string]int32{"": 0}}
}

// remember returns the key for results that are inside of the report.
func (c *converter) remember(t *diagnosticReport, r *resource) uint64 {
	all := &c.reports
	member := membership{name: all.name(&t.code), isLab: r.isLab, maybe: t.isLikelyLab()}
	add := func(key uint64) {
		known, ok := all.members[key]
		if key == 0 || !ok && len(all.members) >= maxReferences || ok && !all.precedes(member, known) {
			return
		}
		all.members[key] = member
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
func (t *reports) precedes(member, known membership) bool {
	if member.isLab != known.isLab {
		return member.isLab
	}
	return t.names[member.name].name < t.names[known.name].name
}

func (t *reports) name(code *concept) int32 {
	name := code.label()
	if best := code.best(); name.name == best.code {
		return 0 // a code is no name
	}
	if i, ok := t.index[name.name]; ok {
		return i
	}
	if len(t.names) == maxStrings {
		return 0 // no name
	}

	i := int32(len(t.names)) //nolint:gosec // it is below maxStrings
	t.names = append(t.names, name)
	t.index[name.name] = i
	return i
}

func (t *reports) of(row *labs.Result) (membership, bool) {
	for _, key := range row.Refs {
		if member, ok := t.members[key]; ok && key != 0 {
			return member, true
		}
	}
	return membership{}, false
}

func (c *converter) categorize(row *labs.Result, member membership) {
	name := c.reports.names[member.name]
	reason, instead := c.clearLabel(&name)
	if reason != "" {
		row.Note(reason)
		return
	}
	if instead != "" {
		row.Note(instead)
	}
	row.Category = name.name
}
