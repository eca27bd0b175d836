package hl7v2

import (
	"bytes"
	"cmp"
	"hash/maphash"
)

// order is what an OBR says of the results behind it.
type order struct {
	number          uint64    // among all in the input; results without an OBR have one too
	given           bool      // some of its results are given to their patient's set
	id              string    // the number of who fills it, else of who placed it
	numbers         [2]string // of who fills it and who placed it
	ofResult        string    // id and OBX-4 of its last result
	key             uint64    // a hash of its number and what was ordered; 0 without a number
	hasResults      bool
	collected       string
	collectedUnread bool // there is something that is no date
	issued          string
	section         string
	status          string
	organism        string
	about           string // what OBR-26 refers to, to tell apart tests that have one code
	freeOrganism    bool
	isOrphan        bool // it is about a result that is not there
	questionsPanel  bool
}

// forgetOrders ends what holds for one patient of a message only.
func (r *reader) forgetOrders() {
	clear(r.parents)
	r.numbers = [2]string{}
	r.beginOrder()
}

// beginOrder begins an order of which nothing is known.
func (r *reader) beginOrder() {
	r.endOrder()
	r.serial++
	r.order = order{number: r.serial}
}

// endOrder takes back what earlier messages say of an order that is cancelled without a result.
func (r *reader) endOrder() {
	if o := &r.order; r.current != nil && o.key != 0 && !o.hasResults && orderStatuses[o.status] == useWithdrawn {
		r.current.cancel(o.key, r.message)
	}
}

// readOrder reads an OBR.
func (r *reader) readOrder(fields [][]byte) {
	r.beginOrder()
	o, collected := &r.order, r.timeField(fields, 7)
	o.collected, o.issued = timestamp(collected), timestamp(r.timeField(fields, 22))
	o.collectedUnread = isUnreadTime(collected, o.collected)
	o.section, o.status = r.code(at(fields, 24)), r.code(at(fields, 25))
	o.numbers = r.orderNumbers(fields)
	for i, number := range r.numbers {
		o.numbers[i] = cmp.Or(o.numbers[i], number)
	}
	r.numbers = [2]string{}
	o.id = cmp.Or(o.numbers[0], o.numbers[1])
	_, code := r.test(at(fields, 4))
	o.questionsPanel = panelsOfQuestions[code]
	if o.id != "" {
		o.key = maphash.String(seed, o.id) ^ 31*maphash.String(seed, code)
	}
	parent := at(fields, 26)
	o.about = r.reference(parent)
	o.organism, o.freeOrganism = r.organism(parent, at(fields, 29))
	isReference := bytes.IndexByte(parent, r.component) >= 0 // and no field that is out of place
	o.isOrphan = o.organism == "" && isReference && bytes.ContainsFunc(parent, isLetterOrDigit)
}

// orderNumbers reads the numbers of who fills an order and who placed it, which are in the same fields of ORC and OBR. One that cannot be compared whole is none.
func (r *reader) orderNumbers(fields [][]byte) (numbers [2]string) {
	for i := range numbers {
		if b := nth(r.first(at(fields, 3-i)), r.component, 1); len(b) <= maxCompared {
			numbers[i] = r.textOnce(b)
		}
	}
	return numbers
}
