package hl7v2

import (
	"cmp"
	"encoding/binary"
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

// How many orders and corrections of a patient are remembered.
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
	p.Refs[0] = labs.Hash(cmp.Or(filler, placer)) ^ tested
	if filler != "" && placer != "" {
		p.Refs[1] = labs.Hash(placer) ^ tested
	}
	when := p.Date
	if p.issued {
		when = ""
	}
	if o.key != 0 || len(when) > len(time.DateOnly) {
		p.Resource = string(binary.NativeEndian.AppendUint64(nil, tested^o.key^labs.Hash("", when)))
	}
}

const (
	preliminary = iota
	withdrawn
	final
	corrected
	editions
)

func (r *reader) placeEdition(p *pending) {
	is := final
	switch {
	case p.Preliminary:
		is = preliminary
	case p.withdrawn:
		is = withdrawn
	case p.Corrected:
		is = corrected
	}

	p.Edition.Place = editions*r.message + is
	if !p.Preliminary {
		p.Edition.Number = int64(p.Edition.Place)
	}

	if p.Corrected {
		r.current.corrects(p.Result)
	}
}

// corrects remembers what a correction is an edition of, by the test and each
// number of its order; "" for several.
func (p *patient) corrects(result *labs.Result) {
	if p.corrections == nil {
		p.corrections = map[uint64]string{}
	}

	for _, ref := range result.Refs {
		known, ok := p.corrections[ref]
		switch {
		case ref == 0:
		case !ok && len(p.corrections) < maxOrders:
			p.corrections[ref] = result.Resource
		case ok && known != result.Resource:
			p.corrections[ref] = ""
		}
	}
}

// noteUnclear notes two results of one edition, and those with the test and
// number of a correction of another, with the correction.
func (p *patient) noteUnclear() {
	p.set.Settle()

	several, inDoubt, rows := map[string]bool{}, map[uint64]bool{}, map[uint64]int{}
	p.set.Revise(func(result *labs.Result) clinical.Reason {
		if result.Resource != "" {
			_, isSecond := several[result.Resource]
			several[result.Resource] = isSecond
		}
		ref := result.Refs[0]
		if of, ok := p.corrections[ref]; ok {
			rows[ref]++
			inDoubt[ref] = inDoubt[ref] || of == "" || of != result.Resource
		}
		return ""
	})

	p.set.Revise(func(result *labs.Result) clinical.Reason {
		ref, other := result.Refs[0], result.Refs[1]
		isAlone := result.Corrected && rows[ref] == 1
		if several[result.Resource] || inDoubt[ref] && !isAlone || inDoubt[other] {
			result.Notes = append(result.Notes, clinical.CorrectionUnclear)
		}
		return ""
	})
}
