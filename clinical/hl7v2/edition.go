package hl7v2

import (
	"cmp"
	"time"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// Results of one order, test, sub-identifier and time are editions of each
// other: see docs/hl7v2-mapping.md.

// The authority is "" where it is the sender.
type orderNumber struct{ value, authority string }

func (n orderNumber) key(sender string) uint64 {
	if n.value == "" {
		return 0
	}
	return labs.Hash(n.value, cmp.Or(n.authority, sender))
}

// How many orders of a patient are remembered.
const maxOrders = 1 << 14

// orderKey returns the filler's number, else that which came with the same
// placer's, else the placer's.
func (p *patient) orderKey(filler, placer uint64) uint64 {
	if p.fillers == nil {
		p.fillers = map[uint64]uint64{}
	}

	known, ok := p.fillers[placer]
	switch {
	case placer == 0:
	case filler == 0:
		return cmp.Or(known, placer)
	case !ok && len(p.fillers) < maxOrders:
		p.fillers[placer] = filler
	case ok && known != filler:
		p.fillers[placer] = 0 // placed once, filled several times
	}
	return filler
}

func (r *reader) edition(p *pending, test string, sub []byte) {
	if test == "" || len(sub) > maxCompared {
		return
	}
	test += p.order.about
	o := p.order
	if o.key == 0 {
		o.key = r.current.orderKey(o.numbers[0].key(r.sender), o.numbers[1].key(r.sender))
	}

	tested := labs.Hash(test, string(sub))
	filler, placer := o.numbers[0].value, o.numbers[1].value
	p.Topics[0] = labs.Hash(cmp.Or(filler, placer)) ^ tested
	if filler != "" && placer != "" {
		p.Topics[1] = labs.Hash(placer) ^ tested
	}
	when := p.Date
	if p.issued {
		when = ""
	}
	if o.key != 0 || len(when) > len(time.DateOnly) {
		p.Resource = tested ^ o.key ^ labs.Hash("", when)
	}
}

// Within a message the last of these counts.
const (
	preliminary = iota
	withdrawn
	final
	corrected
	editions
)

func (r *reader) placeEdition(e *labs.Edition) {
	is := final
	switch {
	case e.Rank == labs.IsPreliminary:
		is = preliminary
	case e.IsWrong:
		is = withdrawn
	case e.Rank == labs.IsCorrected:
		is = corrected
	}

	e.Place = editions*r.message + is
	if e.Rank != labs.IsPreliminary {
		e.Number = int64(e.Place)
	}
}

// noteUnclear notes corrections that may be of others, and two results of one
// edition.
func (p *patient) noteUnclear() {
	p.set.NoteCorrections()

	count := map[uint64]int{}
	p.set.Revise(func(result *labs.Result) clinical.Reason {
		count[result.Resource]++
		return ""
	})
	p.set.Revise(func(result *labs.Result) clinical.Reason {
		if result.Resource != 0 && count[result.Resource] > 1 {
			result.Note(clinical.CorrectionUnclear)
		}
		return ""
	})
}
