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
	r.numbers, r.specimen = [2]orderNumber{}, order{}
	r.beginOrder()
}

func (r *reader) beginOrder() {
	r.order = &order{}
	if r.specimenFirst {
		r.order.isLab, r.order.isControl = r.specimen.isLab, r.specimen.isControl
	}
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
	o.about = r.reference(parent)
	o.organism, o.freeOrganism = r.organism(parent, at(fields, 29))
	isReference := bytes.IndexByte(parent, r.component) >= 0 // and no field that is out of place
	o.isOrphan = o.organism == "" && isReference && bytes.ContainsFunc(parent, isLetterOrDigit)
}

// readSpecimen reads an SPM, which is about the order before it or, where
// specimens come first, those behind it.
func (r *reader) readSpecimen(fields [][]byte) {
	isControl := controls[r.code(at(fields, 11))]
	if r.specimenFirst {
		r.specimen = order{isLab: true, isControl: isControl}
		r.beginOrder()
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

func (r *reader) remember(test, sub, value []byte, found string) {
	code, alternate := r.part(test, 1), r.part(test, 4)
	if len(code)+len(alternate)+len(sub) > maxCompared {
		return
	}

	key := parentKey{"", string(code), string(alternate), string(sub)}
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
func (r *reader) organism(result, order []byte) (organism string, free bool) {
	result = bytes.TrimSpace(result)
	if len(result) == 0 {
		return "", false
	}
	said := string(bytes.TrimSpace(r.part(result, 3)))
	key := parentKey{"", string(r.part(result, 1, 1)), string(r.part(result, 1, 4)),
		string(bytes.TrimSpace(r.part(result, 2)))}
	if key == (parentKey{}) {
		return oneLine(r.compared(result, 3)), true
	}

	isOrderGiven := false
	for n := 2; n > 0; n-- { // the number of who fills it, then of who placed it
		number := r.compared(order, n, 1)
		isOrderGiven = isOrderGiven || number != ""
		within := key
		within.order = number
		if p := r.parents[within]; number != "" && p.found != "" {
			return p.found, false
		}
	}

	p := r.parents[key]
	isSaid := said != "" && slices.ContainsFunc(strings.Split(p.said, string(rune(r.component))),
		func(part string) bool { return strings.EqualFold(strings.TrimSpace(part), said) })
	if p.found != "" && (!isOrderGiven || isSaid) {
		return p.found, false
	}
	return oneLine(r.compared(result, 3)), true
}

// reference returns which result OBR-26 names: by code and sub-identifier,
// which stay when the result is corrected, else in words.
func (r *reader) reference(result []byte) string {
	code, sub := r.compared(result, 1, 1), r.compared(result, 2)
	switch {
	case code+sub != "":
		return "\x00" + code + "\x00" + sub
	case len(bytes.TrimSpace(result)) > 0:
		return "\x00\x00\x00" + r.compared(result, 3)
	}
	return ""
}
