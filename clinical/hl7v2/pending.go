package hl7v2

import (
	"hash/maphash"
	"slices"
	"strconv"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// pending is a result of the current patient that waits for the end of its message: what comes behind it can say that it is not to be sent, or what it is beside others.
type pending struct {
	*labs.Result
	obx int
	// isText tells that the value is of a type for text, which long texts are spread over.
	isText bool
	// void tells that it is not sent, which is reported, but takes the place of another; withdrawn that it does so because that was wrong.
	void, withdrawn bool
	narrative       bool
	local           textual
	issued          bool   // Date is when it was issued
	observed        string // the date in OBX-14
	key             uint64 // of test and sub-identifier, as written
}

// What a result refers to in labs.Result.Refs.
const (
	ofOrder  = iota // order.number
	ofNumber        // order.key
)

// claim is a hash of what results have in common of which one can correct another.
func (p *pending) claim() uint64 {
	return maphash.String(seed, p.Identifier) ^ 31*maphash.String(seed, p.Test)
}

// group counts the results of a message that make one claim.
type group struct {
	all, preliminary, corrected, void int
	words                             bool // the value of one is no number
}

// isList tells that the results stand side by side, and none of them takes the place of another: a message can name two bacteria in the same place. Only a number is
// taken to be corrected by one in the same message.
func (g group) isList() bool {
	return g.words && g.preliminary > 0 && g.preliminary < g.all || g.corrected > 0 && g.all > 1 && (g.words || g.corrected > 1 || g.void > 0)
}

// observation reads an OBX.
func (r *reader) observation(seg segment) {
	p, reason, detail := r.readObservation(seg)
	isThere := p.Result != nil && !p.withdrawn && (reason != clinical.StatusNotSent || p.Preliminary)
	r.order.hasResults = r.order.hasResults || isThere && !p.narrative
	if reason != "" {
		r.current.report.Drop(reason, r.place("OBX", r.obxs), detail)
		if p.Result == nil || !p.Corrected {
			return
		}
		p.void = true
		p.Value, p.Unit, p.Ranges, p.Flags = labs.Value{}, "", nil, nil // nothing of it is sent
		if p.Test != "" {
			p.Name = "" // nor compared
		}
	}
	if len(r.pending) >= r.waiting+maxPending {
		r.flush(false)
	}
	if r.pending == nil {
		r.pending = make([]pending, 0, firstPending)
	}
	r.pending = append(r.pending, p)
}

// flush gives the results that wait to their patients' sets. Before the end of a message texts go on waiting, if they are not too many.
func (r *reader) flush(end bool) {
	r.markNarratives()
	r.group()
	kept := r.pending[:0]
	for i := range r.pending {
		p := r.pending[i]
		if !end && p.isText && len(kept) < maxWaiting {
			kept = append(kept, p)
			continue
		}
		r.give(&p)
	}
	clear(r.pending[len(kept):])
	r.pending, r.waiting = kept, len(kept)
}

// group counts the results that wait by what they claim, if they are not all final.
func (r *reader) group() {
	clear(r.groups)
	if !slices.ContainsFunc(r.pending, func(p pending) bool { return p.Corrected || p.Preliminary }) {
		return
	}
	for i := range r.pending {
		p := &r.pending[i]
		if p.Identifier == "" {
			continue
		}
		claim := p.claim()
		g := r.groups[claim]
		g.all++
		switch {
		case p.void:
			g.void++
		case p.Value.Number == "":
			g.words = true
		}
		switch {
		case p.Corrected:
			g.corrected++
		case p.Preliminary:
			g.preliminary++
		}
		r.groups[claim] = g
	}
}

// give gives a result to the set of its patient.
func (r *reader) give(p *pending) {
	r.order.given = r.order.given || p.Refs[ofOrder] == r.order.number
	p.Source = r.place("OBX", p.obx)
	r.stand(p)
	if p.void {
		r.takePlace(p)
		return
	}
	reason := clinical.QualityControl
	if !r.controls[p.Refs[ofOrder]] {
		reason = r.cleared(p)
	}
	if reason != "" {
		r.current.report.Drop(reason, p.Source, "")
		if p.Corrected {
			r.takePlace(p)
		}
		return
	}
	if day := labs.Day(p.Date); day > r.current.newest {
		r.current.newest = day
	}
	r.current.set.Take(p.Result)
	r.added++
}

// stand says which results of other messages a result takes the place of: one that corrects takes that of those with its claim. What a message has side by side is
// the newest edition of what they are together.
func (r *reader) stand(p *pending) {
	p.Edition.Place = r.message
	claim := p.claim()
	if p.Identifier == "" {
		return
	}
	g := r.groups[claim]
	if p.Corrected || g.corrected > 0 {
		p.Resource = strconv.FormatUint(claim, 16)
		if !p.issued {
			p.Resource += p.Date
		}
	}
	if !g.isList() {
		return
	}
	if p.Corrected {
		of := *p
		of.Result = new(*p.Result)
		if g.corrected > 1 {
			of.Date = "" // which of the others each is about is not known, so all of them go
		}
		r.takePlace(&of)
	}
	p.Identifier = ""
}

// takePlace leaves out what a result takes the place of, though it is not sent itself.
func (r *reader) takePlace(p *pending) {
	if p.withdrawn {
		r.current.set.Withdraw(*p.Result)
	} else {
		r.current.set.Void(*p.Result)
	}
}

// recall takes back the results of the order that are given already: its specimen is no patient's.
func (r *reader) recall() {
	if r.current == nil || !r.order.given {
		return
	}
	r.current.set.Revise(func(result *labs.Result) clinical.Reason {
		if result.Refs[ofOrder] != r.order.number {
			return ""
		}
		if result.Corrected {
			r.current.set.Void(*result)
		}
		return clinical.QualityControl
	})
}
