package hl7v2

import (
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
	// maxResults is how many results of several patients are kept. Those of one patient are bounded by package labs.
	maxResults = 500_000
	// maxPending is how many results of a message wait for what comes behind them; with more, only texts wait, and maxWaiting of these at most.
	maxPending   = 1024
	firstPending = 8
	maxWaiting   = 1024
	// maxCancelled is how many cancelled orders of a patient are remembered until what came before is taken back.
	maxCancelled = 1 << 12
	// maxControls is how many orders of a message are known to be about no patient.
	maxControls = 1 << 10
)

// reader reads messages, and gives each result to its patient.
type reader struct {
	encoding
	opts *Options
	scan *scanner
	// report is what is found before a patient is known, or without one.
	report *clinical.Report
	// one is set if the input may be about one patient only. Then all has one report.
	one      bool
	patients []*patient
	byID     map[string][]*patient // by the number alone
	added    int

	message int // number, from 1
	// sender is who sends the message: what numbers are without another authority are that one's.
	sender string
	// skipped is set within a message that is not read.
	skipped bool
	current *patient
	pids    int
	order   order
	orders  int       // of the message
	numbers [2]string // of the order that comes, as an ORC says
	serial  uint64    // of the last order, in the input
	obxs    int

	pending  []pending
	waiting  int             // of pending, those that waited at the last flush
	controls map[uint64]bool // orders of this message whose specimen is no patient's
	parents  parents
	groups   map[uint64]group

	knownFlags  map[string][]labs.Flag
	knownRanges map[string][]labs.Range
	lastTime    []byte
	lastDate    string

	known     people.Set
	ofPatient bool // what is read of a mention
	mentions  []mention
	mentioned []byte
	read      int
}

func newReader(r io.Reader, opts *Options, one bool) *reader {
	return &reader{opts: opts, known: people.Set{Max: maxKnown}, scan: newScanner(r), report: &clinical.Report{}, one: one, byID: map[string][]*patient{},
		controls: map[uint64]bool{}, parents: parents{}, groups: map[uint64]group{}, knownFlags: map[string][]labs.Flag{}, knownRanges: map[string][]labs.Range{}}
}

// place returns where something is, for the report and for errors.
func (r *reader) place(segment string, n int) string {
	b := append(make([]byte, 0, 32), "message "...)
	b = append(strconv.AppendInt(b, int64(r.message), 10), ", "...)
	b = append(b, segment...)
	if n > 0 {
		b = strconv.AppendInt(append(b, ' '), int64(n), 10)
	}
	return string(b)
}

// all reads the input to its end.
func (r *reader) all() error {
	for {
		seg, err := r.scan.next()
		switch {
		case errors.Is(err, io.EOF):
			r.endMessage()
			return nil
		case err != nil:
			r.endMessage()
			return &readError{r.message, err}
		}
		if err := r.segment(seg); err != nil {
			return err
		}
	}
}

// readError is an error of the caller's reader. Its text leaves out the reader's, which can name a file by a patient.
type readError struct {
	message int
	err     error
}

func (e *readError) Error() string {
	return "helios: hl7v2: the input cannot be read after message " + strconv.Itoa(e.message)
}

func (e *readError) Unwrap() error { return e.err }

func (r *reader) segment(seg segment) error {
	switch {
	case seg.stray:
		r.report.Drop(clinical.Malformed, "before message "+strconv.Itoa(r.message+1), "")
		return nil
	case seg.kind == msh:
		r.endMessage()
		r.message++
		r.beginMessage(seg)
		return nil
	case r.skipped || r.message == 0:
		return nil
	case seg.kind == obx:
		r.obxs++
	}
	switch seg.kind {
	case pid:
		r.pids++
		if seg.tooLarge {
			return r.errorAt("PID", r.pids, "is larger than 1 MiB")
		}
		return r.newPatient(r.split(seg.data))
	case pd1, mrg, nk1, gt1, in1, pv1, orc, ctd, prt, rol, spm:
		if seg.tooLarge {
			r.known.Miss()
			return nil
		}
		fields := r.split(seg.data)
		r.learn(seg.kind, fields)
		switch {
		case seg.kind == orc:
			r.numbers = r.orderNumbers(fields)
		case seg.kind == spm && controls[r.code(at(fields, 11))] && !r.controls[r.order.number]:
			if len(r.controls) >= maxControls {
				r.flush(true)
				clear(r.controls)
			}
			r.controls[r.order.number] = true
			r.recall()
		}
	case obr:
		r.orders++
		if seg.tooLarge {
			r.beginOrder()
			r.known.Miss()
			r.toReport().Drop(clinical.Malformed, r.place("OBR", r.orders), "")
			return nil
		}
		fields := r.split(seg.data)
		r.learn(obr, fields)
		r.readOrder(fields)
	case obx:
		if r.current == nil {
			if err := r.newPatient(nil); err != nil {
				return err
			}
		}
		r.observation(seg)
		if !r.one && r.added > maxResults {
			return r.errorAt("OBX", r.obxs, fmt.Sprintf("is one of more than %d results", maxResults))
		}
	case other, msh:
	}
	return nil
}

// toReport is where what belongs to the current patient is reported.
func (r *reader) toReport() *clinical.Report {
	if r.current != nil {
		return r.current.report
	}
	return r.report
}

// beginMessage reads an MSH.
func (r *reader) beginMessage(seg segment) {
	r.skipped, r.current, r.pids, r.orders, r.obxs = true, nil, 0, 0, 0
	r.mismatch = false
	clear(r.controls)
	r.forgetOrders()
	before := r.delimiters
	if seg.tooLarge || !r.readDelimiters(seg.data) {
		r.report.Drop(clinical.Malformed, r.place("MSH", 0), "")
		return
	}
	if r.delimiters != before {
		r.forgetTexts()
	}
	fields := r.split(seg.data) // MSH-1 is the separator itself, so the field with number n is at n-1
	if name := r.code(at(fields, 8)); name != "ORU" && !strings.HasPrefix(name, "ORU_") {
		r.report.Drop(clinical.TypeNotSent, r.place("MSH", 0), listed(name, messageTypes))
		return
	}
	r.sender = ""
	if application, facility := r.compared(at(fields, 2), 1), r.compared(at(fields, 3), 1); application+facility != "" {
		r.sender = application + "\x00" + facility
	}
	declared := r.compared(r.first(at(fields, 17)), 1)
	if declared == "" {
		declared = r.opts.Charset
	}
	charset, ok := charsetOf(declared)
	if !ok {
		r.report.Drop(clinical.Unreadable, r.place("MSH", 0), "")
		return
	}
	if charset != r.charset {
		r.charset = charset
		r.forgetTexts()
	}
	r.skipped = false
}

// forgetTexts ends what holds for one encoding only.
func (r *reader) forgetTexts() {
	clear(r.interned)
	clear(r.knownFlags)
}

// endMessage gives the results of a message to their patients.
func (r *reader) endMessage() {
	r.flush(true)
	r.endOrder()
	if r.mismatch && !r.skipped {
		r.toReport().Note(clinical.CharacterSet, r.place("MSH", 0), "")
	}
	r.mismatch = false
	r.forget()
}

// newPatient finds the patient of a PID, or of results without one.
func (r *reader) newPatient(fields [][]byte) error {
	r.flush(true)
	if r.current != nil {
		r.forgetOrders()
	}
	who := r.identify(fields)
	p, ambiguous := r.find(&who)
	if p == nil {
		source := r.place("PID", max(1, r.pids))
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
		p.set = labs.NewSet(labs.ForLabResults, r.opts.forLabs(), p.report)
		r.patients = append(r.patients, p)
	}
	p.join(&who)
	if !ambiguous {
		r.index(p)
	}
	if n := len(p.messages); n == 0 || !r.one && p.messages[n-1] != r.message {
		p.messages = append(p.messages, r.message)
	}
	r.current = p
	if fields != nil {
		r.learn(pid, fields)
		p.describe(r, fields)
	}
	return nil
}

// index lets a patient be found by number.
func (r *reader) index(p *patient) {
	for i := range p.ids {
		key := p.ids[i].value
		if sharing := r.byID[key]; len(sharing) < maxSharing && !slices.Contains(sharing, p) {
			r.byID[key] = append(sharing, p)
		}
	}
}

// find returns the patient who is the same. If it could be several of them it is none.
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
