package hl7v2

import (
	"bytes"
	"slices"
	"strings"
	"unicode"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/codes"
	"github.com/heliosai/helios-go/clinical/internal/labs"
	"github.com/heliosai/helios-go/clinical/internal/people"
)

const loinc = "http://loinc.org"

// readObservation reads an OBX. One that is not sent is pending nevertheless if
// it replaces another.
func (r *reader) readObservation(seg segment) (p pending, reason clinical.Reason, detail string) {
	if seg.tooLarge {
		r.known.Miss() // of whom it tells
		if seg.attachment != "" {
			return p, clinical.ValueNotSent, seg.attachment
		}
		return p, clinical.TooLarge, ""
	}

	f := r.split(seg.data)
	r.learn("OBX", f)
	if seg.unended && len(at(f, 11)) == 0 { // with it, what is before it is whole
		return p, clinical.CutOff, ""
	}

	switch kind := r.code(at(f, 29)); kind {
	case "QST":
		return p, clinical.OrderQuestion, kind
	case "SCI":
		return p, clinical.TypeNotSent, kind
	}
	if codes.OtherSections[r.order.section] {
		return p, clinical.CategoryNotSent, r.order.section
	}

	if reason, detail := r.isForeign(at(f, 3)); reason != "" {
		return p, reason, detail
	}
	system, code := r.test(at(f, 3))
	isLOINC := system == loinc
	switch {
	case isLOINC && codes.Questions[code]:
		return p, clinical.OrderQuestion, ""
	case isLOINC && codes.VitalSigns[code]:
		return p, clinical.TypeNotSent, "vital-signs"
	}

	sub := bytes.TrimSpace(at(f, 4))
	p = pending{Result: &labs.Result{System: system, Code: code}, obx: r.obxs, order: r.order}
	p.narrative = isLOINC && codes.Comments[code]
	r.name(&p, at(f, 3))
	r.date(&p, f)

	detail, sent := r.status(&p, at(f, 11))
	r.edition(&p, at(f, 3), sub)
	if !sent {
		return p, clinical.StatusNotSent, detail
	}
	if seg.attachment != "" {
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

func (r *reader) date(p *pending, f [][]byte) {
	own, collected := r.timeField(f, 14), r.order.collected
	p.Date = timestamp(own)
	p.observed = p.Date != ""
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

func (r *reader) measure(p *pending, f [][]byte) (clinical.Reason, string) {
	kind := r.code(at(f, 2))
	var reason clinical.Reason
	p.Value, p.valueIs, reason = r.value(kind, at(f, 5))
	p.isText = textTypes[kind]
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
	p.Category = codes.Sections[r.order.section]

	p.evidence = r.weigh(p, kind, at(f, 5))
	r.order.isLab = r.order.isLab || p.evidence.measured && !p.evidence.asks
	return "", ""
}

// rangeText returns a range. From several nothing is concluded.
func (r *reader) rangeText(field []byte) string {
	return r.joined(field, "; ", func(b []byte) string {
		// empty components: what stands between two is a part of the text
		b = bytes.Trim(b, string([]byte{r.component, ' '}))
		text := oneLine(r.text(b))
		if !strings.ContainsFunc(text, isLetterOrDigit) || strings.EqualFold(text, "null") {
			return ""
		}
		return text
	})
}

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

// Longer names, values, units and ranges are none.
const maxAnyText = 2000

func isUnreadTime(b []byte, date string) bool {
	return date == "" && string(b) != null && len(bytes.Trim(b, "0")) > 0
}

func isLetterOrDigit(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }

// test returns LOINC's code if there is one, else the first.
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

// written returns by what corrections find a test: its first code, more exact
// than LOINC's, else its text.
func (r *reader) written(field []byte) string {
	field = r.first(field)
	for _, n := range [6]int{1, 4, 2, 5, 9, 3} {
		if s := r.compared(field, n); s != "" {
			return s
		}
	}
	return ""
}

// name reads the name of a test. It is typed if it is not the text of a code.
func (r *reader) name(p *pending, field []byte) {
	field = r.first(field)
	s, is := r.codedText(field)
	isCodes := r.componentText(field, 1) != "" && r.componentText(field, 2) == s
	p.FreeName = is == people.Typed && (s == "" || !isCodes)
	p.Name, p.nameIs = oneLine(s), max(is, people.Title)

	if r.order.organism != "" && p.Name != "" {
		p.Of = r.order.organism
		p.Name += " (" + p.Of + ")"
		if r.order.freeOrganism {
			p.FreeName, p.nameIs = true, people.Title
		}
	}
}

// unit reads OBX-6. Several values can have one each.
func (r *reader) unit(field []byte) string {
	return r.joined(field, ", ", r.oneUnit)
}

// oneUnit reads a unit: its code, which is how it is printed, else its text.
func (r *reader) oneUnit(b []byte) string {
	if r.isPower(b) {
		return oneLine(r.componentText(b, 1) + "^" + r.componentText(b, 2))
	}

	order := [4]int{1, 2, 4, 5}
	if r.isUnitCode(b) {
		order = [4]int{2, 1, 4, 5}
	}

	for _, n := range order {
		if s := oneLine(r.componentText(b, n)); s != "" && !strings.EqualFold(s, "null") {
			return s
		}
	}
	return ""
}

// isUnitCode reports whether a code is not printed, such as SNOMED CT's "MGDL".
func (r *reader) isUnitCode(b []byte) bool {
	code, text := r.componentText(b, 1), r.componentText(b, 2)
	switch system := strings.ToUpper(r.componentText(b, 3)); {
	case system == "UCUM", strings.HasPrefix(system, "ISO"), strings.HasPrefix(system, "ANS"):
		return false
	case isTerminology(system), strings.Trim(code, "0123456789") == "":
		return true
	}
	return strings.ContainsAny(text, "/%") && !strings.ContainsAny(code, "/%*.^")
}

// isPower reports whether an unescaped caret cuts a unit such as 10^3/uL in
// two.
func (r *reader) isPower(b []byte) bool {
	base, isTen := strings.CutSuffix(r.componentText(b, 1), "10")
	exponent := r.componentText(b, 2)
	return isTen && r.component == '^' && (base == "" || !isDigit(base[len(base)-1])) && exponent != "" &&
		isDigit(exponent[0])
}

// flags is not ok if they are more than can be.
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

// markNarratives finds texts that are spread over several results.
func (r *reader) markNarratives() {
	for i := 1; i < len(r.pending); i++ {
		a, b := &r.pending[i-1], &r.pending[i]
		isFree := a.isText && b.isText && a.Value.Free && b.Value.Free
		isOfOneTime := !a.observed || !b.observed || a.Date == b.Date
		if isFree && isOfOneTime && a.order == b.order && a.Refs == b.Refs &&
			a.Preliminary == b.Preliminary && a.Corrected == b.Corrected {
			a.narrative, b.narrative = true, true
		}
	}
}
