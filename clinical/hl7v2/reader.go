package hl7v2

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
	"github.com/heliosai/helios-go/clinical/internal/people"
)

const (
	// maxPatients is how many patients one input can be about.
	maxPatients = 10_000
	// Of several patients. Those of one are bounded by package labs.
	maxResults   = 500_000
	maxPending   = 4096
	firstPending = 8
)

type reader struct {
	syntax
	opts *Options
	scan *scanner
	// report is what is found before a patient is known, or without one.
	report *clinical.Report
	// one is set for input about one patient, with one report.
	one      bool
	patients []*patient
	byID     map[string][]*patient // by the number alone
	added    int

	message int // number, from 1
	within

	pending []pending
	parents parents

	knownFlags  map[string][]labs.Flag
	knownRanges map[string][]labs.Range

	known     people.Screen
	ofPatient bool              // what learn reads
	said      map[*place][]byte // what it read last of a field
}

// within is what is known within a message.
type within struct {
	// sender is the authority of numbers that name none.
	sender string
	// skipped is set if the message is not read.
	skipped bool
	// untyped is set where MSH-9 is missing. Such a message is read from its
	// first OBR on, behind which its PID is held.
	untyped bool
	held    []byte
	// animal is set behind the PID of one.
	animal             bool
	current            *patient
	to                 *clinical.Report // the current patient's, else the reader's
	pids, orders, obxs int

	order   *order
	numbers [2]orderNumber // of the order that comes, as an ORC says
	// specimen is of the last SPM, where these come before their orders.
	specimen      order
	specimenFirst bool
}

func newReader(r io.Reader, opts *Options, one bool) *reader {
	texts := make(map[string]string, 50) // as a short message has
	return &reader{syntax: syntax{charset: undeclared, interned: texts}, opts: opts, one: one, scan: newScanner(r),
		known:  people.Screen{Set: people.Set{Max: maxKnown}, Redact: opts.Redact},
		report: &clinical.Report{}, byID: map[string][]*patient{}, parents: parents{}, said: map[*place][]byte{},
		knownFlags: map[string][]labs.Flag{}, knownRanges: map[string][]labs.Range{}}
}

func (r *reader) place(segment string, n int) string {
	b := append(make([]byte, 0, 32), "message "...)
	b = append(strconv.AppendInt(b, int64(r.message), 10), ", "...)
	b = append(b, segment...)
	if n > 0 {
		b = strconv.AppendInt(append(b, ' '), int64(n), 10)
	}
	return string(b)
}

func (r *reader) all() error {
	seg, err := r.scan.next()
	for ; err == nil; seg, err = r.scan.next() {
		if err := r.segment(seg); err != nil {
			return err
		}
	}

	r.endMessage()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return labs.ReadError("hl7v2", "message "+strconv.Itoa(r.message), err)
}

func (r *reader) segment(seg segment) error {
	switch {
	case seg.stray:
		r.report.Drop(clinical.Malformed, "before message "+strconv.Itoa(r.message+1), "")
		return nil
	case seg.kind == "MSH":
		r.endMessage()
		r.message++
		r.beginMessage(seg)
		return nil
	case r.skipped || r.message == 0:
		return nil
	}

	var ok bool
	if seg.data, ok = r.readable(seg.data); !ok {
		r.refuse()
		return nil
	}

	switch seg.kind {
	case "":
		return nil
	case "PID":
		return r.patientSegment(seg)
	case "OBX":
		return r.resultSegment(seg)
	case "OBR":
		if err := r.orderSegment(seg); err != nil {
			return err
		}
	}
	if seg.tooLarge {
		r.known.Miss()
		return nil
	}

	fields := r.split(seg.data)
	r.learn(seg.kind, fields)
	switch seg.kind {
	case "ORC":
		r.numbers = r.orderNumbers(fields)
	case "OBR":
		r.readOrder(fields)
	case "SPM":
		r.readSpecimen(fields)
	}
	return nil
}

func (r *reader) patientSegment(seg segment) error {
	r.pids++
	switch {
	case seg.tooLarge:
		return r.errorAt("PID", r.pids, "is larger than 1 MiB")
	case r.untyped && r.orders == 0:
		r.held = bytes.Clone(seg.data)
		return nil
	}
	return r.newPatient(r.split(seg.data))
}

func (r *reader) orderSegment(seg segment) error {
	r.orders++
	if r.held != nil {
		if err := r.newPatient(r.split(r.held)); err != nil {
			return err
		}
		r.held = nil
	}

	r.order = new(r.specimen)
	if seg.tooLarge {
		r.to.Drop(clinical.Malformed, r.place("OBR", r.orders), "")
	}
	return nil
}

func (r *reader) resultSegment(seg segment) error {
	r.obxs++
	switch {
	case r.animal:
		r.report.Drop(clinical.Animal, r.place("OBX", r.obxs), "")
		return nil
	case r.untyped && r.orders == 0:
		r.report.Drop(clinical.TypeNotSent, r.place("OBX", r.obxs), "")
		return nil
	case r.current == nil:
		if err := r.newPatient(nil); err != nil {
			return err
		}
	}

	r.observation(seg)
	if !r.one && r.added > maxResults {
		return r.errorAt("OBX", r.obxs, fmt.Sprintf("is one of more than %d results", maxResults))
	}
	return nil
}

func (r *reader) newPatient(fields [][]byte) error {
	r.flush()
	if r.current != nil || r.animal {
		r.forgetOrders()
	}
	if r.animal = r.isAnimal(at(fields, 35)); r.animal {
		r.current, r.to = nil, r.report
		return nil
	}

	who := r.identify(fields)
	p, ambiguous := r.find(&who)
	if p == nil {
		source := r.place("PID", r.pids)
		if r.pids == 0 {
			source = r.place("MSH", 0)
		}
		if r.one && len(r.patients) > 0 {
			return fmt.Errorf("%w: %s is about another, or does not say that it is not", ErrMultiplePatients, source)
		}
		if len(r.patients) >= maxPatients {
			return r.errorAt("PID", r.pids, fmt.Sprintf("is about more than %d patients", maxPatients))
		}
		p = &patient{source: source, report: r.report}
		if !r.one {
			p.report = &clinical.Report{}
		}
		p.set = labs.NewSet(labs.ForLabResults, r.opts.labs(), p.report, labs.Editions{})
		r.patients = append(r.patients, p)
	}
	p.join(&who)
	for i := range p.ids {
		key := p.ids[i].value
		if sharing := r.byID[key]; !ambiguous && len(sharing) < maxSharing && !slices.Contains(sharing, p) {
			r.byID[key] = append(sharing, p)
		}
	}
	if n := len(p.messages); n == 0 || !r.one && p.messages[n-1] != r.message {
		p.messages = append(p.messages, r.message)
	}
	r.current, r.to = p, p.report
	r.learn("PID", fields)
	p.describe(r, fields)
	return nil
}

func (r *reader) isAnimal(species []byte) bool {
	c := r.coded(species)
	name, _ := c.text()
	switch strings.TrimSuffix(strings.ToLower(name), " (organism)") {
	case "", "human", "human being", "homo sapiens", "unknown":
		return false
	}
	return c[1] != "337915000" // Homo sapiens
}

func (r *reader) find(who *identity) (found *patient, ambiguous bool) {
	for i := range who.ids {
		for _, p := range r.byID[who.ids[i].value] {
			switch l, contradicted := p.like(who); {
			case contradicted:
				p.contest(who)
			case l == same:
				ambiguous = ambiguous || found != nil && found != p
				found = p
			}
		}
	}

	if ambiguous {
		return nil, true
	}
	return found, false
}

func (r *reader) errorAt(segment string, n int, what string) error {
	return fmt.Errorf("helios: hl7v2: %s %s", r.place(segment, n), what)
}

func (r *reader) beginMessage(seg segment) {
	r.within = within{skipped: true, to: r.report}
	r.forgetOrders()

	delimiters, charset := r.delimiters, r.charset
	if seg.tooLarge || !r.readDelimiters(seg.data) {
		r.report.Drop(clinical.Malformed, r.place("MSH", 0), "")
		return
	}
	data, ok := r.declare(seg.data)
	if r.delimiters != delimiters || r.charset != charset {
		clear(r.interned)
		clear(r.knownFlags)
	}
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

	r.charset = charset
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
	r.to.Drop(clinical.Unreadable, r.place("MSH", 0), "")
	r.skipped = true
}

func (r *reader) endMessage() {
	r.flush()
	if r.untyped && r.obxs == 0 {
		r.report.Drop(clinical.TypeNotSent, r.place("MSH", 0), "")
	}
	r.untyped = false

	if r.note != "" && !r.skipped {
		r.to.Note(r.note, r.place("MSH", 0), "")
	}

	r.note = ""
	r.known.Reset()
	for p, field := range r.said {
		r.said[p] = field[:0]
	}
}
