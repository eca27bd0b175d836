package fhir

import (
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

const (
	// maxPending is how many results a record keeps of which only a report that comes later can say that they are laboratory results.
	maxPending = 2048
	// maxRow is how many characters a result can have, with its ranges and interpretations.
	maxRow = 4 << 10
	// About how many bytes the parts of a record take beside their characters.
	rowOverhead, itemOverhead, sourceOverhead = 768, 512, 64
)

// record is what is known of one patient.
type record struct {
	report                            *clinical.Report
	labs                              *labs.Set
	vitals                            *labs.Set
	both                              bool // both are sent
	pending                           []labs.Result
	conditions                        []condition
	medications                       []medication
	conditionWeight, medicationWeight int    // characters in the lists
	newest                            string // day of anything in it

	// In case that it is not the patient's: how many resources it is of, and the sources of the first ones.
	resources int
	sources   []string
	size      int // about how many bytes it takes, at most
}

func (c *converter) newRecord() *record {
	r := &record{report: &clinical.Report{}, both: c.kind == labs.ForRecord}
	r.labs = labs.NewSet(c.kind, c.labs, r.report)
	r.vitals = labs.NewSet(labs.ForVitalSigns, c.labs, r.report)
	return r
}

// absorb adds what another record has.
func (r *record) absorb(other *record) {
	r.report.Merge(other.report)
	r.labs.Absorb(other.labs)
	r.vitals.Absorb(other.vitals)
	r.pending = append(r.pending, other.pending...)
	r.conditions = append(r.conditions, other.conditions...)
	r.medications = append(r.medications, other.medications...)
	r.conditionWeight += other.conditionWeight
	r.medicationWeight += other.medicationWeight
	r.seen(other.newest)
}

// of counts a resource that the record is of.
func (r *record) of(source string) {
	r.resources++
	if len(r.sources) < clinical.MaxIssues {
		r.sources = append(r.sources, source)
		r.size += 2 * sourceOverhead // it may be in the report too
	}
}

// measure counts anew how many bytes the record takes.
func (r *record) measure() {
	r.size = r.conditionWeight + r.medicationWeight + (len(r.conditions)+len(r.medications))*itemOverhead + (len(r.sources)+len(r.report.Issues))*sourceOverhead
	add := func(row *labs.Result) clinical.Reason {
		r.size += size(row) + rowOverhead
		return ""
	}
	r.labs.Revise(add)
	r.vitals.Revise(add)
	for i := range r.pending {
		add(&r.pending[i])
	}
}

// add adds a result of a kind. It may have to wait for a report that tells what it is.
func (r *record) add(row labs.Result, is category) {
	r.size += size(&row) + rowOverhead
	changed := mayBeLater(&row.Edition) && r.both // an older edition can be of the other kind
	switch {
	case is == labResult:
		r.labs.Add(row)
		if changed {
			r.vitals.Void(row)
		}
	case is == vitalSign:
		r.vitals.Add(row)
		if changed {
			r.labs.Void(row)
		}
	case len(r.pending) >= maxPending:
		r.pass(clinical.CategoryNotSent, &row, "")
	default:
		r.pending = append(r.pending, row)
	}
}

// drop reports a result that is not sent. It takes the place of its older editions all the same.
func (r *record) drop(reason clinical.Reason, row *labs.Result, detail string) {
	r.report.Drop(reason, row.Source, detail)
	r.void(row)
}

// pass reports a result of a kind that is not sent. Older editions are likely of that kind too, and these are many, so they are remembered only if there are any.
func (r *record) pass(reason clinical.Reason, row *labs.Result, detail string) {
	r.report.Drop(reason, row.Source, detail)
	if mayBeLater(&row.Edition) {
		r.void(row)
	}
}

// void lets a result that is not sent take the place of others.
func (r *record) void(row *labs.Result) {
	if row.Edition.Number == 1 && row.Edition.Updated == 0 && !row.Corrected { // the first edition, before which there is none
		return
	}
	r.labs.Void(*row)
	if r.both {
		r.vitals.Void(*row)
	}
}

// mayBeLater tells whether an edition can have older ones, as far as its number tells, or the time where it has none.
func mayBeLater(e *labs.Edition) bool {
	return e.Number > 1 || e.Number == 0 && (e.Updated != 0 || e.Issued != 0)
}

// How many bytes a flag and a range have, besides their texts.
const (
	flagSize  = 48
	rangeSize = 128
)

// size returns about how many bytes of memory a result needs for what is in it.
func size(row *labs.Result) int {
	n := len(row.Name) + len(row.CodedName) + len(row.System) + len(row.Code) + len(row.Value.Text) + len(row.Unit) + len(row.UnitCode)
	for _, flag := range row.Flags {
		n += flagSize + len(flag.System) + len(flag.Code) + len(flag.Text)
	}
	for i := range row.Ranges {
		n += rangeSize + len(row.Ranges[i].Text) + len(row.Ranges[i].Unit) + len(row.Ranges[i].Low) + len(row.Ranges[i].High)
	}
	return n
}

// seen remembers the newest date with a day.
func (r *record) seen(date string) {
	const day = len("2006-01-02")
	if len(date) >= day && date[:day] > r.newest {
		r.newest = date[:day]
	}
}
