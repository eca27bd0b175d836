package hl7v2

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// seed is for hashes that are compared within one message.
var seed = maphash.MakeSeed()

const loinc = "http://loinc.org"

// readObservation reads an OBX. What is not sent, for a reason, is pending nevertheless if it takes the place of a result that came before.
func (r *reader) readObservation(seg segment) (p pending, reason clinical.Reason, detail string) {
	if seg.data == nil {
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
	switch {
	case isLOINC && questions[code] || r.order.questionsPanel:
		return p, clinical.OrderQuestion, ""
	case isLOINC && vitalSigns[code]:
		return p, clinical.TypeNotSent, "vital-signs"
	}
	sub := bytes.TrimSpace(at(f, 4))
	p = pending{Result: &labs.Result{System: system, Code: code, Test: r.written(at(f, 3)) + r.order.about, Refs: [2]uint64{ofOrder: r.order.number, ofNumber: r.order.key}}, obx: r.obxs}
	p.key = maphash.Bytes(seed, at(f, 3)) ^ 31*maphash.Bytes(seed, sub)
	p.narrative = isLOINC && comments[code]
	p.local = r.textual(f)
	r.name(&p, at(f, 3))
	r.date(&p, f)
	r.number(&p, sub)
	if detail, sent := r.status(&p, at(f, 11)); !sent {
		return p, clinical.StatusNotSent, detail
	}
	switch {
	case seg.tooLarge:
		return p, clinical.TooLarge, ""
	case seg.attachment != "":
		return p, clinical.ValueNotSent, seg.attachment
	}
	if reason, detail := r.measure(&p, f); reason != "" {
		return p, reason, detail
	}
	if r.order.organism == "" && p.Value.Text != "" && !p.Value.Free {
		r.remember(at(f, 3), sub, at(f, 5), p.Value.Text)
	}
	return p, "", ""
}

// status reads what may become of a result, which is told by its order if it has no status of its own.
func (r *reader) status(p *pending, field []byte) (status string, sent bool) {
	table, status := statuses, r.code(field)
	if status == "" {
		table, status = orderStatuses, r.order.status
	}
	use, known := table[status]
	if !known {
		status = ""
	}
	switch use {
	case useNone:
		return status, false
	case useWithdrawn:
		p.Corrected, p.withdrawn = true, true
		return status, false
	case usePreliminary, useUnknown:
		p.Preliminary = true
		p.Notes = append(p.Notes, clinical.Preliminary)
		return status, !r.opts.ExcludePreliminary
	case useCorrected:
		p.Corrected = true
	case useFinal:
	}
	return status, true
}

// number gives a result that by which a message can correct what another says: the number of the order and OBX-4, else the time at which the specimen was taken.
func (r *reader) number(p *pending, sub []byte) {
	if len(sub) > maxCompared {
		return
	}
	switch o := &r.order; {
	case o.id != "" && o.ofResult != "" && o.ofResult[len(o.id)+1:] == string(sub): // most results of an order have the same or none
		p.Identifier = o.ofResult
	case o.id != "":
		o.ofResult = o.id + "\x00" + string(sub)
		p.Identifier = o.ofResult
	case len(p.Date) > len(time.DateOnly):
		p.Identifier = "\x00" + p.Date + "\x00" + string(sub)
	}
}

// date reads when something was found.
func (r *reader) date(p *pending, f [][]byte) {
	own, collected := r.timeField(f, 14), r.order.collected
	p.Date = r.observed(own)
	p.observed = p.Date
	unread := isUnreadTime(own, p.Date)
	if p.Date == "" {
		p.Date = collected
		unread = unread || r.order.collectedUnread
	}
	if p.Date == "" {
		if p.Date = r.order.issued; p.Date != "" {
			p.issued = true
			p.Notes = append(p.Notes, clinical.DateIssued)
		}
	}
	if unread {
		p.Notes = append(p.Notes, clinical.DateUnreadable)
	}
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
	text := r.rangeText(at(f, 7))
	if max(len(p.Name), len(p.Value.String()), len(p.Unit), len(text)) > maxAnyText {
		return clinical.Narrative, ""
	}
	if unreadable(p.Value.String()) || unreadable(p.Unit) || unreadable(text) {
		return clinical.Unreadable, ""
	}
	if unreadable(p.Name) {
		p.Notes = append(p.Notes, clinical.Unreadable)
	}
	if r.order.isOrphan {
		p.Notes = append(p.Notes, clinical.Unresolved)
	}
	p.Ranges = r.ranges(text)
	var ok bool
	if p.Flags, ok = r.flags(at(f, 8)); !ok {
		return clinical.Malformed, ""
	}
	p.Category = sections[r.order.section]
	return "", ""
}

// rangeText returns a reference range. Several are one text, from which nothing is concluded.
func (r *reader) rangeText(field []byte) string {
	return r.joined(field, "; ", func(b []byte) string {
		b = bytes.Trim(b, string([]byte{r.component, ' '})) // empty components: what stands between two is a part of the text
		text := oneLine(r.text(b))
		if !strings.ContainsFunc(text, isLetterOrDigit) || strings.EqualFold(text, "null") {
			return ""
		}
		return text
	})
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

// isUnreadTime tells whether there is something from which no date could be read.
func isUnreadTime(b []byte, date string) bool {
	return date == "" && string(b) != null && len(bytes.Trim(b, "0")) > 0
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

// written returns by what corrections find a test: its first code, or its text where it has none. A sender's codes are often more exact than the LOINC beside them,
// which can be missing in another message.
func (r *reader) written(field []byte) string {
	field = r.first(field)
	for _, n := range [5]int{1, 4, 2, 5, 9} {
		if s := r.compared(field, n); s != "" {
			return s
		}
	}
	return ""
}

// name reads the name of a test. It is free if it is not the text of a code.
func (r *reader) name(p *pending, field []byte) {
	field = r.first(field)
	s, coded := r.codedText(field)
	if !coded {
		coded = r.componentText(field, 1) != "" && r.componentText(field, 2) == s && s != ""
	}
	p.Name, p.FreeName = oneLine(s), !coded
	if r.order.organism != "" && p.Name != "" {
		p.Of = r.order.organism
		p.Name += " (" + p.Of + ")"
		p.FreeName = p.FreeName || r.order.freeOrganism
	}
}

// unit reads OBX-6. Several values can have one each.
func (r *reader) unit(field []byte) string {
	first := ""
	return r.joined(field, ", ", func(b []byte) string {
		for _, n := range [4]int{1, 2, 4, 5} {
			if n == 1 && r.isPower(b) {
				return oneLine(r.componentText(b, 1) + "^" + r.componentText(b, 2))
			}
			if s := oneLine(r.componentText(b, n)); s != "" && !strings.EqualFold(s, "null") {
				if s == first {
					return ""
				}
				first = cmp.Or(first, s)
				return s
			}
		}
		return ""
	})
}

// isPower tells whether a unit is written with a power such as 10^3/uL, of which the caret is not escaped and cuts it in two.
func (r *reader) isPower(b []byte) bool {
	base, isTen := strings.CutSuffix(r.componentText(b, 1), "10")
	exponent := r.componentText(b, 2)
	return isTen && r.component == '^' && (base == "" || !isDigit(base[len(base)-1])) && exponent != "" && isDigit(exponent[0])
}

// flags reads the flags of a result, the same for the same field. It returns false if they are more than can be.
func (r *reader) flags(field []byte) (flags []labs.Flag, ok bool) {
	if len(field) == 0 {
		return nil, true
	}
	if known, ok := r.knownFlags[string(field)]; ok {
		return known, true
	}
	r.repetitions(field, func(b []byte) {
		for _, n := range [3]int{1, 4, 9} {
			flag := labs.Flag{Code: r.compared(b, n), Text: r.compared(b, n+1), System: r.compared(b, n+2)}
			if n == 9 {
				flag = labs.Flag{Text: flag.Code} // the original text
			}
			if flag.Code+flag.Text != "" && len(flags) <= maxFlags && !slices.Contains(flags, flag) {
				flags = append(flags, flag)
			}
		}
	})
	if len(flags) > maxFlags {
		return nil, false
	}
	if len(field) <= maxInternedLength && len(r.knownFlags) < maxInterned && !r.mismatch {
		r.knownFlags[string(field)] = flags
	}
	return flags, true
}

const maxFlags = 16

// markNarratives finds texts that are spread over several results, a line in each.
func (r *reader) markNarratives() {
	for i := 1; i < len(r.pending); i++ {
		a, b := &r.pending[i-1], &r.pending[i]
		if a.isText && b.isText && a.Value.Free && b.Value.Free && a.Refs == b.Refs && a.key == b.key && a.Preliminary == b.Preliminary && a.Corrected == b.Corrected &&
			(a.observed == b.observed || a.observed == "" || b.observed == "") {
			a.narrative, b.narrative = true, true
		}
	}
}
