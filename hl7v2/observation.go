package hl7v2

import (
	"bytes"
	"hash/maphash"
	"strings"
	"unicode"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/internal/labs"
)

// seed is for hashes that are compared within one message.
var seed = maphash.MakeSeed()

const loinc = "http://loinc.org"

// pending is a result that waits for the end of its message: what comes behind it can say that it is not to be sent.
type pending struct {
	*labs.Result
	patient *patient
	order   int
	obx     int
	// isText tells that the value is of a type for text, which long texts are spread over.
	isText    bool
	withdrawn bool
	narrative bool
	local     textual
	key       uint64 // of test and sub-identifier, as written
}

// observation reads an OBX.
func (r *reader) observation(seg segment) {
	p, reason, detail := r.readObservation(seg)
	if reason != "" {
		r.current.report.Drop(reason, r.place("OBX", r.obxs), detail)
	}
	if reason != "" && !p.withdrawn {
		return
	}
	if len(r.pending) >= r.waiting+maxPending {
		r.flush(false)
	}
	if r.pending == nil {
		r.pending = make([]pending, 0, firstPending)
	}
	r.pending = append(r.pending, p)
}

func (r *reader) readObservation(seg segment) (p pending, reason clinical.Reason, detail string) {
	switch {
	case seg.attachment != "":
		return p, clinical.ValueNotSent, seg.attachment
	case seg.tooLarge:
		return p, clinical.TooLarge, ""
	}
	f := r.split(seg.data)
	r.learn(obx, f)
	switch kind := r.code(at(f, 29)); kind {
	case "QST":
		return p, clinical.OrderQuestion, kind
	case "SCI":
		return p, clinical.TypeNotSent, kind
	}
	if otherSections[r.order.section] {
		return p, clinical.CategoryNotSent, r.order.section
	}
	system, code := r.test(at(f, 3))
	isLOINC := system == loinc
	if isLOINC && questions[code] || r.order.questionsPanel {
		return p, clinical.OrderQuestion, ""
	}
	name, freeName := r.name(at(f, 3))
	p = pending{patient: r.current, order: r.order.number, obx: r.obxs}
	p.Result = &labs.Result{System: system, Code: code, Name: name, FreeName: freeName}
	status, use := r.status(at(f, 11))
	sub := bytes.TrimSpace(at(f, 4))
	if p.Identifier = r.order.id; p.Identifier != "" && len(sub) > 0 {
		p.Identifier += "\x00" + string(sub[:min(len(sub), maxCompared)])
	}
	switch use {
	case useNone:
		return p, clinical.StatusNotSent, status
	case useWithdrawn:
		p.withdrawn = true
		return p, clinical.StatusNotSent, status
	case usePreliminary, useUnknown:
		if r.opts.ExcludePreliminary {
			return p, clinical.StatusNotSent, status
		}
		p.Notes = append(p.Notes, clinical.Preliminary)
		p.Preliminary = true
	case useCorrected:
		p.Corrected = true
	case useFinal:
	}
	if reason, detail := r.measure(&p, f); reason != "" {
		return p, reason, detail
	}
	p.key = maphash.Bytes(seed, at(f, 3)) ^ 31*maphash.Bytes(seed, sub)
	p.narrative = isLOINC && comments[code]
	p.local = r.textual(f)
	if r.order.organism == "" && p.Value.Text != "" && !p.Value.Free && len(r.parents) < maxParents {
		r.parents[parentKey(nth(at(f, 3), r.component, 1), nth(at(f, 3), r.component, 4), sub)] = p.Value.Text
	}
	return p, "", ""
}

// measure reads what was found.
func (r *reader) measure(p *pending, f [][]byte) (clinical.Reason, string) {
	kind := r.code(at(f, 2))
	var reason clinical.Reason
	p.Value, p.isText, reason = r.value(kind, at(f, 5))
	if reason != "" {
		return reason, listed(kind, valueTypes)
	}
	p.Unit = r.unit(at(f, 6))
	text := oneLine(r.text(r.first(at(f, 7))))
	if !strings.ContainsFunc(text, isLetterOrDigit) || strings.EqualFold(text, "null") {
		text = ""
	}
	if max(len(p.Name), len(p.Value.String()), len(p.Unit), len(text)) > maxAnyText {
		return clinical.Narrative, ""
	}
	if unreadable(p.Value.String()) || unreadable(p.Unit) || unreadable(text) {
		return clinical.Unreadable, ""
	}
	if unreadable(p.Name) {
		p.Notes = append(p.Notes, clinical.Unreadable)
	}
	p.Ranges = r.ranges(text)
	p.Flags = r.flags(at(f, 8))
	p.Category = sections[r.order.section]
	if r.order.organism != "" {
		p.Of = r.order.organism
		p.Name += " (" + p.Of + ")"
		p.FreeName = p.FreeName || r.order.freeOrganism
	}
	switch {
	case r.dated(p, r.observed(r.timeField(f, 14))), r.dated(p, r.order.collected):
	case r.dated(p, r.order.issued):
		p.Notes = append(p.Notes, clinical.DateIssued)
	}
	return "", ""
}

// ranges returns a reference range, the same for the same text.
func (r *reader) ranges(text string) []labs.Range {
	if text == "" {
		return nil
	}
	known, ok := r.knownRanges[text]
	if !ok {
		known = []labs.Range{{Text: text}}
		if len(r.knownRanges) < maxInterned {
			r.knownRanges[text] = known
		}
	}
	return known
}

// maxAnyText is how long a name, value, unit or range can be, in bytes: longer ones are not what they should be. Shorter limits hold for free text.
const maxAnyText = 2000

// observed reads OBX-14, which is often the same as in the result before.
func (r *reader) observed(b []byte) string {
	if !bytes.Equal(b, r.lastTime) {
		r.lastTime = append(r.lastTime[:0], b[:min(len(b), maxTimestamp+1)]...)
		r.lastDate = timestamp(b)
	}
	return r.lastDate
}

func (r *reader) dated(p *pending, date string) bool {
	p.Date = date
	return date != ""
}

func isLetterOrDigit(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }

// test returns the code of OBX-3 or OBR-4: LOINC's if there is one, else the first.
func (r *reader) test(field []byte) (system, code string) {
	field = r.first(field)
	for _, n := range [2]int{1, 4} {
		if s := r.componentText(field, n+2); strings.EqualFold(s, "LN") || strings.EqualFold(s, "LOINC") {
			if code = r.compared(field, n); code != "" {
				return loinc, code
			}
		}
	}
	for _, n := range [2]int{1, 4} {
		if code = r.compared(field, n); code != "" {
			return r.compared(field, n+2), code
		}
	}
	return "", ""
}

// name returns the name of a test. It is free if it is not the text of a code.
func (r *reader) name(field []byte) (name string, free bool) {
	field = r.first(field)
	s, coded := r.codedText(field)
	if !coded {
		coded = r.componentText(field, 1) != "" && r.componentText(field, 2) == s && s != ""
	}
	return oneLine(s), !coded
}

func (r *reader) unit(field []byte) string {
	field = r.first(field)
	for _, n := range [4]int{1, 2, 4, 5} {
		if s := oneLine(r.componentText(field, n)); s != "" && !strings.EqualFold(s, "null") {
			return s
		}
	}
	return ""
}

// flags returns the flags of a result, the same for the same field.
func (r *reader) flags(field []byte) []labs.Flag {
	if len(field) == 0 {
		return nil
	}
	if known, ok := r.knownFlags[string(field)]; ok {
		return known
	}
	var flags []labs.Flag
	r.repetitions(field, func(b []byte) {
		for _, n := range [2]int{1, 4} {
			flag := labs.Flag{Code: r.compared(b, n), Text: r.compared(b, n+1), System: r.compared(b, n+2)}
			if (flag.Code != "" || flag.Text != "") && len(flags) < maxFlags {
				flags = append(flags, flag)
			}
		}
	})
	if len(field) <= maxInternedLength && len(r.knownFlags) < maxInterned && !r.mismatch {
		r.knownFlags[string(field)] = flags
	}
	return flags
}

const maxFlags = 16

// status tells what may become of a result. A result that has no status has that of its order.
func (r *reader) status(field []byte) (string, use) {
	status := r.code(field)
	if status == "" {
		return listedStatus(orderStatuses, r.order.status)
	}
	return listedStatus(statuses, status)
}

func listedStatus(table map[string]use, status string) (string, use) {
	if u, ok := table[status]; ok {
		return status, u
	}
	return "", useUnknown
}

// flush gives the results that wait to their patients' sets. Before the end of a message texts go on waiting, if they are not too many.
func (r *reader) flush(end bool) {
	if len(r.pending) == 0 {
		return
	}
	r.markNarratives()
	r.countIdentifiers()
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

func (r *reader) give(p *pending) {
	r.order.given = r.order.given || p.order == r.order.number
	p.Source = r.place("OBX", p.obx)
	switch {
	case p.withdrawn:
		p.patient.set.Withdraw(*p.Result)
		return
	case r.controls[p.order]:
		p.patient.report.Drop(clinical.QualityControl, p.Source, "")
		return
	case p.Identifier != "" && r.identifiers[p.identifier()] != 1:
		p.Identifier = "" // several results of the message have it, so they are no corrections of each other
	}
	if reason := r.cleared(p); reason != "" {
		p.patient.report.Drop(reason, p.Source, "")
		return
	}
	if day := labs.Day(p.Date); day > p.patient.newest {
		p.patient.newest = day
	}
	p.patient.set.Take(p.Result)
	r.added++
}

// recall takes back the results of the order that are given already: its specimen is no patient's.
func (r *reader) recall() {
	if r.current == nil || !r.order.given {
		return
	}
	places := make(map[string]bool, r.obxs-r.order.before)
	for n := r.order.before + 1; n <= r.obxs; n++ {
		places[r.place("OBX", n)] = true
	}
	r.current.set.Revise(func(result *labs.Result) clinical.Reason {
		if places[result.Source] {
			return clinical.QualityControl
		}
		return ""
	})
}

// identifier is a hash of what a correction has in common with what it corrects.
func (p *pending) identifier() uint64 {
	return maphash.String(seed, p.Code) ^ 31*maphash.String(seed, p.System) ^ 37*maphash.String(seed, p.Identifier) ^ 41*maphash.String(seed, p.Name)
}

// countIdentifiers counts how many results of the message have an identifier.
func (r *reader) countIdentifiers() {
	for i := range r.pending[r.waiting:] {
		p := &r.pending[r.waiting+i]
		if p.Identifier == "" || p.withdrawn {
			continue
		}
		if id := p.identifier(); len(r.identifiers) < maxIdentifiers || r.identifiers[id] > 0 {
			r.identifiers[id]++
		}
	}
}

// markNarratives finds texts that are spread over several results, a line in each.
func (r *reader) markNarratives() {
	for i := 1; i < len(r.pending); i++ {
		a, b := &r.pending[i-1], &r.pending[i]
		if a.isText && b.isText && a.Value.Free && b.Value.Free && a.order == b.order && a.key == b.key && a.patient == b.patient {
			a.narrative, b.narrative = true, true
		}
	}
}
