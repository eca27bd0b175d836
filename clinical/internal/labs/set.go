package labs

import (
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/codes"
	"github.com/heliosai/helios-go/clinical/internal/people"
)

// maxKept is how many results a set for lab results keeps at most, more than
// are sent, until half of them are left out as too old. So its memory is
// bounded.
const maxKept = 4096

// seed is that of all sets, so that one can absorb another.
var seed = maphash.MakeSeed()

// Set collects results and gives those that are sent, newest first. What it
// leaves out, or sends with a reservation, it reports.
type Set struct {
	kind   Kind
	opts   Options
	since  string // the day of opts.Since, or "" for all
	report *clinical.Report

	results   []*Result
	limit     int // of results, at which it settles
	unsettled bool
	gone      Editions
	// corrections are by topic, those that are not sent from the beginning.
	corrections map[uint64]correction
}

// NewSet returns an empty set that reports to report. What is gone replaces
// older editions; the set adds to it what it does not keep.
func NewSet(kind Kind, opts Options, report *clinical.Report, gone Editions) *Set {
	s := &Set{kind: kind, opts: opts, report: report, limit: maxKept, gone: gone}
	if !opts.Since.IsZero() {
		s.since = opts.Since.Format(time.DateOnly)
	}
	return s
}

// Add adds a result, which the caller does not use again, or reports why it
// does not.
func (s *Set) Add(r *Result) {
	if reason := s.prepare(r); reason != "" {
		s.report.Drop(reason, r.Source, "")
		s.Void(r)
		return
	}

	s.unsettled = true
	r.span = spanOf(r.Date)
	r.content = Hash(r.System, r.Code, r.Of, r.Name, r.Date, r.Value.String(), r.Unit)
	r.test = r.testKey()
	if r.IsVitalSign { // which is another list
		r.content, r.test = ^r.content, ^r.test
	}

	s.results = append(s.results, r)
	if len(s.results) >= s.limit {
		s.Settle()
		s.prune()
		s.limit = max(maxKept, 2*len(s.results))
	}
}

// Void replaces older editions of the resource of r by nothing. They are left
// out whether they come before or after. The caller has reported r itself.
func (s *Set) Void(r *Result) {
	s.unsettled = true
	s.gone.Add(r.Resource, r.Edition)
	if r.Edition.Rank == IsCorrected {
		s.correct(r.Topics, correction{resource: r.Resource})
	}
}

// Absorb adds the results of another set, which shares what is gone. The caller
// merges its report.
func (s *Set) Absorb(other *Set) {
	for _, r := range other.results {
		s.Add(r)
	}
}

func (r *Result) testKey() uint64 {
	if r.Code == "" {
		return Hash("", "", r.Name)
	}
	return Hash(r.System, r.Code, r.Of)
}

func (s *Set) prepare(r *Result) clinical.Reason {
	if r.said = judge(r.Flags); !r.IsVitalSign && r.said.isUnusable {
		return clinical.QualityControl
	}

	r.Name, r.Unit, r.Value.Text = strings.TrimSpace(r.Name), strings.TrimSpace(r.Unit), strings.TrimSpace(r.Value.Text)
	if r.Value.String() == "" || codes.IsAbsentReason(r.Value.Text) {
		return clinical.NoValue
	}
	if r.Name == "" {
		return clinical.NoName
	}

	if !ValidDate(r.Date) {
		r.Date = ""
	}
	if day := Day(r.Date); day != "" && day < s.since[:min(len(day), len(s.since))] {
		return clinical.TooOld
	}

	if s.kind == ForRecord && !r.IsVitalSign && !s.opts.IncludeUnclassified && s.opts.Classify == nil && r.isSilent() {
		return clinical.Unclassified // now rather than at the end, so that it takes no memory
	}
	return ""
}

// isSilent reports whether neither flags nor ranges can classify r for any
// patient.
func (r *Result) isSilent() bool {
	if r.said.is != unknown {
		return false
	}
	_, isNumber := r.Value.numbers()
	return !isNumber && findingOf(r.Value.Text) == noFinding ||
		!slices.ContainsFunc(r.Ranges, func(r Range) bool { return !r.Other })
}

// Hash returns the hash of some texts, which is compared within one process and
// is never 0.
func Hash(parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, part := range parts {
		_, _ = h.WriteString(part)
		_ = h.WriteByte(0)
	}
	return h.Sum64() | 1
}

// Revise calls f for each result that is kept, with which the source's reader
// adds what it learned later: a category, notes, a cleared text. If f returns a
// reason the result is left out. f must not change the fields that results are
// compared by.
func (s *Set) Revise(f func(*Result) clinical.Reason) {
	for _, r := range s.results {
		if reason := f(r); reason != "" {
			s.remove(r, reason)
		}
	}
	s.compact()
}

// Note adds a reservation, once. The notes that are there are shared with
// others.
func (r *Result) Note(reason clinical.Reason) {
	if !slices.Contains(r.Notes, reason) {
		r.Notes = append(slices.Clip(r.Notes), reason)
	}
}

// Clear looks through the texts of a result, and returns why it is not sent. A
// name or a unit that cannot be sent gives way to its code, and a range is left
// out.
func (r *Result) Clear(screen *people.Screen, name, coded, value people.Text) clinical.Reason {
	reason, instead := screen.Name(&r.Name, r.FreeName, name, r.CodedName, coded)
	if reason != "" {
		return reason
	}
	if instead != "" {
		r.Note(instead)
	}

	switch v := &r.Value; {
	case v.Number == "":
		reason = screen.Text(&v.Text, v.Free, people.MaxPhrase, value)
	case v.Comparator == "" && screen.HasNumber(v.Number, r.Unit):
		reason = clinical.Identifying
	}
	if reason != "" {
		return reason
	}

	if reason := screen.Unit(r.Unit); reason != "" {
		if r.UnitCode == "" || screen.Unit(r.UnitCode) != "" {
			return reason
		}
		r.Unit = r.UnitCode
		r.Note(reason)
	}

	r.clearRanges(screen)
	return ""
}

func (r *Result) clearRanges(screen *people.Screen) {
	for i := range r.Ranges {
		text := r.Ranges[i].Text
		reason := screen.Range(&text)
		if reason == "" && screen.Identifies(r.Ranges[i].Unit, people.Unit) {
			reason = clinical.Identifying
		}
		switch {
		case reason != "":
			r.Ranges = nil // the others too: it may have limited them
			r.Note(reason)
			return
		case text != r.Ranges[i].Text:
			r.Ranges = slices.Clone(r.Ranges) // other results share them
			r.Ranges[i].Text = text
		}
	}
}
