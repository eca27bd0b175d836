package hl7v2

import (
	"bytes"
	"cmp"
)

type order struct {
	numbers [2]orderNumber // of who fills it and who placed it
	key     uint64         // see patient.orderKey

	collected       string
	collectedUnread bool // there is something that is no date
	issued          string
	section         string
	status          string

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
	r.beginOrder()
	o, collected := r.order, r.timeField(fields, 7)
	o.collected, o.issued = timestamp(collected), timestamp(r.timeField(fields, 22))
	o.collectedUnread = isUnreadTime(collected, o.collected)
	o.section, o.status = r.code(at(fields, 24)), r.code(at(fields, 25))

	o.numbers = r.orderNumbers(fields)
	for i, number := range r.numbers {
		if own := o.numbers[i]; own.value == "" || own.value == number.value && own.authority == "" {
			o.numbers[i] = number
		}
	}
	r.numbers = [2]orderNumber{}
	o.isForm = r.isForm(at(fields, 4))
	o.isLab = o.isLab || r.isLaboratory(o, fields)

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
		value := nth(b, r.component, 1)
		if len(value) > maxCompared {
			continue
		}
		numbers[i] = orderNumber{value: r.textOnce(value), authority: cmp.Or(r.compared(b, 2), r.compared(b, 3))}
	}
	return numbers
}
