package hl7v2

import (
	"bytes"
	"strings"

	"github.com/heliosai/helios-go/clinical"
)

func (r *reader) beginMessage(seg segment) {
	r.skipped, r.current, r.pids, r.orders, r.obxs = true, nil, 0, 0, 0
	r.held, r.animal = nil, false
	r.mismatch, r.guessed = false, false
	r.forgetOrders()

	before := r.delimiters
	if seg.tooLarge || !r.readDelimiters(seg.data) {
		r.report.Drop(clinical.Malformed, r.place("MSH", 0), "")
		return
	}
	if r.delimiters != before {
		r.forgetTexts()
	}

	data, ok := r.declare(seg.data)
	if !ok {
		r.report.Drop(clinical.Unreadable, r.place("MSH", 0), "")
		return
	}

	fields := r.split(data) // MSH-1 is the separator itself, so the field with number n is at n-1
	name, _, _ := strings.Cut(r.code(at(fields, 8)), "_")
	if name != "" && name != "ORU" && name != "ORF" && name != "OUL" {
		r.report.Drop(clinical.TypeNotSent, r.place("MSH", 0), listed(name, messageTypes))
		return
	}

	r.untyped, r.specimenFirst = name == "", name == "OUL"
	r.sender = ""
	if application, facility := r.compared(at(fields, 2), 1), r.compared(at(fields, 3), 1); application+facility != "" {
		r.sender = application + "\x00" + facility
	}
	r.skipped = false
}

// declare reads the character set, and returns the MSH so that it can be split.
func (r *reader) declare(msh []byte) ([]byte, bool) {
	declared := bytes.Clone(at(r.split(msh), 17))
	charset, ok := charsetOf(r.opts.Charset)
	if r.opts.Charset == "" {
		charset, ok = r.readCharset(declared)
	}
	if !ok {
		return nil, false
	}
	if charset != r.charset {
		r.charset = charset
		r.forgetTexts()
	}

	msh, ok = r.readable(msh)
	return msh, ok && bytes.Equal(at(r.split(msh), 17), declared)
}

func (r *reader) refuse() {
	for i := range r.pending {
		if p := &r.pending[i]; !p.void {
			r.current.report.Drop(clinical.Unreadable, r.place("OBX", p.obx), "")
		}
	}
	clear(r.pending)
	r.pending = r.pending[:0]
	r.toReport().Drop(clinical.Unreadable, r.place("MSH", 0), "")
	r.skipped = true
}

func (r *reader) forgetTexts() {
	clear(r.interned)
	clear(r.knownFlags)
}

func (r *reader) endMessage() {
	r.flush()
	if r.untyped && r.obxs == 0 {
		r.report.Drop(clinical.TypeNotSent, r.place("MSH", 0), "")
	}
	r.untyped = false

	if r.mismatch && !r.skipped {
		r.toReport().Note(clinical.CharacterSet, r.place("MSH", 0), "")
	}
	if r.guessed && !r.skipped {
		r.toReport().Note(clinical.CharacterSetGuessed, r.place("MSH", 0), "")
	}

	r.mismatch, r.guessed = false, false
	r.forget()
}
