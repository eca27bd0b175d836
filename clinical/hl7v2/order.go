package hl7v2

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

type order struct {
	numbers [2]orderNumber // of who fills it and who placed it
	key     uint64         // see patient.orderKey

	collected       string
	collectedUnread bool // there is something that is no date
	issued          string
	section         string
	status          string // as OBX-11 has it

	organism     string
	freeOrganism bool
	isOrphan     bool   // it is about a result that is not there
	about        string // what OBR-26 refers to, to tell apart tests that have one code

	isForm    bool // it asks, and what answers is no result
	isLab     bool // something says that it is a laboratory's
	isControl bool // its specimen is no patient's
}

func (r *reader) forgetOrders() {
	clear(r.parents)
	r.numbers, r.specimen, r.order = [2]orderNumber{}, order{}, &order{}
}

func (r *reader) readOrder(fields [][]byte) {
	o := r.order
	o.collected, o.collectedUnread = r.time(fields, 7)
	o.issued, _ = r.time(fields, 22)
	o.section, o.status = r.code(at(fields, 24)), orderStatuses[r.code(at(fields, 25))]

	o.numbers = r.orderNumbers(fields)
	for i, number := range r.numbers {
		if own := o.numbers[i]; own.value == "" || own.value == number.value && own.authority == "" {
			o.numbers[i] = number
		}
	}
	r.numbers = [2]orderNumber{}
	service := r.coded(at(fields, 4))
	o.isForm = service.isForm()
	o.isLab = o.isLab || r.isLaboratory(&service, fields)

	parent := at(fields, 26)
	key := parentKey{code: r.compared(parent, 1, 1), alternate: r.compared(parent, 1, 4), sub: r.compared(parent, 2)}
	said := r.compared(parent, 3)
	switch {
	case key.code+key.sub != "":
		o.about = "\x00" + key.code + "\x00" + key.sub // which stay when the result is corrected
	case said != "":
		o.about = "\x00\x00\x00" + said
	}
	o.organism, o.freeOrganism = r.organism(key, said, at(fields, 29))
	isReference := bytes.IndexByte(parent, r.component) >= 0 // and no field that is out of place
	o.isOrphan = o.organism == "" && isReference && bytes.ContainsFunc(parent, isLetterOrDigit)
}

// readSpecimen reads an SPM, which is about the order before it or, where
// specimens come first, those behind it.
func (r *reader) readSpecimen(fields [][]byte) {
	isControl := controls[r.code(at(fields, 11))]
	if r.specimenFirst {
		r.specimen = order{isLab: true, isControl: isControl}
		r.order = new(r.specimen)
		return
	}
	r.order.isLab = true
	r.order.isControl = r.order.isControl || isControl
}

func (r *reader) orderNumbers(fields [][]byte) (numbers [2]orderNumber) {
	for i := range numbers {
		b := r.first(at(fields, 3-i))
		value := r.part(b, 1)
		if len(value) > maxCompared {
			continue
		}
		numbers[i] = orderNumber{value: r.textOnce(value), authority: cmp.Or(r.compared(b, 2), r.compared(b, 3))}
	}
	return numbers
}

const maxParents = 1024

// parents are results that other orders are about, such as bacteria.
type parents map[parentKey]parent

type parentKey struct{ order, code, alternate, sub string }

type parent struct {
	found string // "" if it can be one of several results
	said  string // the value as written
}

func (r *reader) remember(test *coded, sub, value []byte, found string) {
	key := parentKey{code: limited(test[1]), alternate: limited(test[4]), sub: r.compared(sub)}
	p := parent{found: found, said: string(value[:min(len(value), maxCompared)])}
	r.parents.add(key, p)
	for _, number := range r.order.numbers {
		if key.order = number.value; key.order != "" {
			r.parents.add(key, p)
		}
	}
}

func (all parents) add(key parentKey, p parent) {
	known, ok := all[key]
	switch {
	case !ok && len(all) < maxParents:
		all[key] = p
	case ok && known.found != p.found:
		all[key] = parent{}
	}
}

// organism returns the result that OBR-26 and OBR-29 name or, if that is not
// certain, what OBR-26 says of it.
func (r *reader) organism(key parentKey, said string, order []byte) (organism string, free bool) {
	if key == (parentKey{}) {
		return oneLine(said), true
	}

	isOrderGiven := false
	for n := 2; n > 0; n-- { // the number of who fills it, then of who placed it
		key.order = r.compared(order, n, 1)
		isOrderGiven = isOrderGiven || key.order != ""
		if p := r.parents[key]; key.order != "" && p.found != "" {
			return p.found, false
		}
	}

	key.order = ""
	p := r.parents[key]
	isSaid := said != "" && slices.ContainsFunc(strings.Split(p.said, string(rune(r.component))),
		func(part string) bool { return strings.EqualFold(strings.TrimSpace(part), said) })
	if p.found != "" && (!isOrderGiven || isSaid) {
		return p.found, false
	}
	return oneLine(said), true
}
