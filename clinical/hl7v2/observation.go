package hl7v2

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/codes"
	"github.com/heliosai/helios-go/clinical/internal/labs"
	"github.com/heliosai/helios-go/clinical/internal/people"
)

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

	test, sub := r.coded(at(f, 3)), bytes.TrimSpace(at(f, 4))
	if reason, detail := r.isForeign(r.code(at(f, 29)), &test); reason != "" {
		return p, reason, detail
	}

	p = pending{Result: &labs.Result{}, obx: r.obxs, order: r.order}
	p.System, p.Code = test.code()
	p.narrative = p.System == codes.LOINC && codes.Comments[p.Code]
	r.name(&p, &test)
	r.date(&p, f)

	detail, sent := r.status(&p, at(f, 11))
	r.edition(&p, test.written(), sub)
	if !sent {
		return p, clinical.StatusNotSent, detail
	}
	if reason, detail := r.measure(&p, f); reason != "" {
		return p, reason, detail
	}

	if r.order.organism == "" && p.Value.Text != "" && !p.Value.Free {
		r.remember(&test, sub, at(f, 5), p.Value.Text)
	}
	return p, "", ""
}

func (r *reader) status(p *pending, field []byte) (status string, sent bool) {
	status = cmp.Or(r.code(field), r.order.status)
	switch status { // see https://terminology.hl7.org/CodeSystem-v2-0085.html
	case "F", "B", "U", "V":
	case "A", "C":
		p.Edition.Rank = labs.IsCorrected
	case "D", "W", "X": // what came before is not to be used either
		p.Edition.Rank, p.Edition.IsWrong = labs.IsCorrected, true
		return status, false
	case "I", "N", "O", "R", "S":
		return status, false
	default:
		if status != "P" {
			status = "" // a report names none that is not known
		}
		p.Edition.Rank = labs.IsPreliminary
		p.Notes = append(p.Notes, clinical.Preliminary)
		return status, !r.opts.ExcludePreliminary
	}
	return status, true
}

func (r *reader) date(p *pending, f [][]byte) {
	var isUnread bool
	p.Date, isUnread = r.time(f, 14)
	p.observed = p.Date != ""
	isUnread = isUnread || !p.observed && r.order.collectedUnread

	p.Date = cmp.Or(p.Date, r.order.collected)
	if p.Date == "" && r.order.issued != "" {
		p.Date, p.issued = r.order.issued, true
		p.Notes = append(p.Notes, clinical.DateIssued)
	}

	if isUnread {
		p.Notes = append(p.Notes, clinical.DateUnreadable)
	}
}

// time also reports whether there is something that is no date.
func (r *reader) time(fields [][]byte, n int) (date string, isUnread bool) {
	b := bytes.TrimSpace(r.part(r.first(at(fields, n)), 1))
	date = timestamp(b)
	return date, date == "" && string(b) != null && len(bytes.Trim(b, "0")) > 0
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
		text := oneLine(r.text(r.trim(b)))
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

	known := r.knownRanges[text]
	if known == nil {
		known = []labs.Range{{Text: text}}
		if len(r.knownRanges) < maxInterned {
			r.knownRanges[text] = known
		}
	}
	return known
}

// Longer names, values, units and ranges are none.
const maxAnyText = 2000

func isLetterOrDigit(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }

// code returns LOINC's code if there is one, else the first.
func (c *coded) code() (system, code string) {
	for _, n := range [2]int{4, 1} {
		isLOINC := strings.EqualFold(c[n+2], "LN") || strings.EqualFold(c[n+2], "LOINC")
		switch {
		case c[n] == "", system == codes.LOINC && !isLOINC:
		case isLOINC:
			system, code = codes.LOINC, c[n]
		default:
			system, code = c[n+2], c[n]
		}
	}
	return limited(system), limited(code)
}

// written returns by what corrections find a test: its first code, more exact
// than LOINC's, else its text.
func (c *coded) written() string { return cmp.Or(c[1], c[4], c[2], c[5], c[9], c[3]) }

// name reads the name of a test. It is typed if it is not the text of a code.
func (r *reader) name(p *pending, c *coded) {
	s, is := c.text()
	isCodes := c[1] != "" && c[2] == s
	p.FreeName = is == people.Typed && !isCodes
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
func (r *reader) unit(field []byte) string { return r.joined(field, ", ", r.oneUnit) }

// oneUnit reads a unit: its code, which is how it is printed, else its text.
func (r *reader) oneUnit(b []byte) string {
	c := r.coded(b)
	if r.component == '^' && c.isPower() {
		return oneLine(c[1] + "^" + c[2])
	}

	if c.isUnitCode() {
		c[1], c[2] = c[2], c[1]
	}
	for _, n := range [4]int{1, 2, 4, 5} {
		if s := oneLine(c[n]); s != "" && !strings.EqualFold(s, "null") {
			return s
		}
	}
	return ""
}

// isUnitCode reports whether a code is not printed, such as SNOMED CT's "MGDL".
func (c *coded) isUnitCode() bool {
	switch system := strings.ToUpper(c[3]); {
	case system == "UCUM", strings.HasPrefix(system, "ISO"), strings.HasPrefix(system, "ANS"):
		return false
	case isTerminology(system), digits([]byte(c[1])):
		return true
	}
	return strings.ContainsAny(c[2], "/%") && !strings.ContainsAny(c[1], "/%*.^")
}

// isPower reports whether an unescaped caret cuts a unit such as 10^3/uL in
// two.
func (c *coded) isPower() bool {
	base, isTen := strings.CutSuffix(c[1], "10")
	return isTen && (base == "" || !isDigit(base[len(base)-1])) && c[2] != "" && isDigit(c[2][0])
}

// flags is not ok if they are more than can be.
func (r *reader) flags(field []byte) (flags []labs.Flag, ok bool) {
	if known, ok := r.knownFlags[string(field)]; ok {
		return known, true
	}

	for b := range r.repetitions(field) {
		c := r.coded(b)
		for _, flag := range [3]labs.Flag{
			{System: c[3], Code: c[1], Text: c[2]}, {System: c[6], Code: c[4], Text: c[5]}, {Text: c[9]},
		} {
			flag = labs.Flag{System: limited(flag.System), Code: limited(flag.Code), Text: limited(flag.Text)}
			if flag.Code+flag.Text != "" && len(flags) <= maxFlags && !slices.Contains(flags, flag) {
				flags = append(flags, flag)
			}
		}
	}

	if len(flags) > maxFlags {
		return nil, false
	}
	if len(field) <= maxInternedLength && len(r.knownFlags) < maxInterned && r.note != clinical.CharacterSet {
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
		if isFree && isOfOneTime && a.order == b.order && a.Topics == b.Topics && a.Edition.Rank == b.Edition.Rank {
			a.narrative, b.narrative = true, true
		}
	}
}
