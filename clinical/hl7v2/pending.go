package hl7v2

import (
	"slices"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
	"github.com/heliosai/helios-go/clinical/internal/people"
)

// pending is a result that what comes behind it can still refuse.
type pending struct {
	*labs.Result
	obx      int
	order    *order
	evidence evidence
	// nameIs and valueIs are what kind of text they are.
	nameIs, valueIs people.Text
	// isText is set for types that long texts are spread over.
	isText    bool
	void      bool // it only replaces another
	narrative bool
	issued    bool // Date is when it was issued
	observed  bool // Date is that of OBX-14
}

func (r *reader) observation(seg segment) {
	p, reason, detail := r.readObservation(seg)
	if reason != "" {
		r.current.report.Drop(reason, r.place("OBX", r.obxs), detail)
		if p.Result == nil || p.Edition.Rank != labs.IsCorrected {
			return
		}
		p.void = true
		p.Value, p.Unit, p.Ranges, p.Flags = labs.Value{}, "", nil, nil // nothing of it is sent
	}

	if len(r.pending) >= maxPending {
		r.flush()
	}
	if len(r.pending) == cap(r.pending) { // twice as many: append grows by less
		r.pending = slices.Grow(r.pending, max(firstPending, len(r.pending)))
	}
	r.pending = append(r.pending, p)
}

func (r *reader) flush() {
	r.markNarratives()
	for i := range r.pending {
		r.give(&r.pending[i])
	}
	clear(r.pending)
	r.pending = r.pending[:0]
}

func (r *reader) give(p *pending) {
	p.Source = r.place("OBX", p.obx)
	r.placeEdition(&p.Edition)
	set, isCorrected := r.current.set, p.Edition.Rank == labs.IsCorrected
	if p.void {
		set.Void(p.Result)
		return
	}

	reason := clinical.QualityControl
	if !p.order.isControl {
		reason = p.notResult()
	}
	if reason != "" {
		r.current.report.Drop(reason, p.Source, "")
		return
	}
	if reason = r.cleared(p); reason == "" && p.Value.String() == "" && !isCorrected { // takes no place either
		reason = clinical.NoValue
	}
	if reason != "" {
		r.current.report.Drop(reason, p.Source, "")
		if isCorrected {
			set.Void(p.Result)
		}
		return
	}

	if day := labs.Day(p.Date); day > r.current.newest {
		r.current.newest = day
	}
	set.Add(p.Result)
	r.added++
}
