package labs

import (
	"hash/maphash"
	"slices"
	"strings"

	"github.com/heliosai/helios-go/clinical"
)

// maxKept is how many results a set for lab results keeps at most, more than are sent, until half of them are left out as too old. So its memory is bounded.
const maxKept = 4096

// seed is that of all sets, so that one can absorb another.
var seed = maphash.MakeSeed()

// Set collects results and gives those that are sent, newest first. What it leaves out, or sends with a reservation, it reports.
type Set struct {
	kind   Kind
	opts   Options
	report *clinical.Report

	rows    []*row
	limit   int // of rows, at which it settles
	order   int
	settled int // the order up to which it is
	// voids and corrections are not sent, but take the place of results: by resource, and by identifier.
	voids       map[uint64]claim
	corrections map[uint64][]claim
	corrected   int // of corrections
}

// row is a result that is kept, with what it is compared by. The hashes are 0 where there is nothing to compare.
type row struct {
	*Result
	order int // of its coming
	out   bool
	// renewed tells that what it takes the place of was there: an older edition of its resource, or a result of its moment.
	renewed bool
	series  bool // there was another with its identifier, of another moment
	span    span

	content, test, resource, identifier uint64
}

// NewSet returns an empty set that reports to report.
func NewSet(kind Kind, opts Options, report *clinical.Report) *Set {
	return &Set{kind: kind, opts: opts, report: report, limit: maxKept}
}

// Add adds a result, or reports why it does not.
func (s *Set) Add(r Result) { s.Take(&r) }

// Take is Add for a result that the caller does not use again.
func (s *Set) Take(r *Result) {
	if reason := s.prepare(r); reason != "" {
		s.report.Drop(reason, r.Source, "")
		s.Void(*r)
		return
	}
	s.order++
	row := &row{Result: r, order: s.order, span: spanOf(r.Date)}
	row.content = hash(r.System, r.Code, r.Of, r.Name, r.Date, r.Value.String(), r.Unit)
	row.test = r.testHash("")
	row.resource, row.identifier = keys(r)
	s.rows = append(s.rows, row)
	if len(s.rows) >= s.limit {
		s.Settle()
		s.prune()
		s.limit = max(maxKept, 2*len(s.rows))
	}
}

// Void says that r is not sent, which the caller has reported, but takes the place of what came before it: older editions of its resource, and results with its
// identifier and test, of which a final one replaces those that are Preliminary, and a Corrected one all. They are left out, whether they come before or after. Of such,
// 65,536 are remembered.
func (s *Set) Void(r Result) { s.void(&r, false) }

// Withdraw is Void for a result that its source says was wrong, so that what came before it with its identifier and test is not to be used either.
func (s *Set) Withdraw(r Result) {
	r.Corrected = true
	s.void(&r, true)
}

func (s *Set) void(r *Result, withdrawn bool) {
	s.order++
	c := claim{edition: r.Edition, rank: r.rank(), order: s.order, span: spanOf(r.Date), withdrawn: withdrawn}
	resource, identifier := keys(r)
	s.standForResource(resource, c)
	if !r.Preliminary {
		s.standForIdentifier(identifier, c)
	}
}

// Absorb adds what another set has, whose report the caller merges.
func (s *Set) Absorb(other *Set) {
	for _, r := range other.rows {
		if !r.out {
			s.Take(r.Result)
		}
	}
	for key, c := range other.voids {
		s.standForResource(key, c)
	}
	for key, all := range other.corrections {
		for _, c := range all {
			c.order += s.order
			s.standForIdentifier(key, c)
		}
	}
	s.order += other.order
}

// testHash tells tests apart, and within a test what has different identifiers.
func (r *Result) testHash(identifier string) uint64 {
	if r.Code != "" {
		return hash(r.System, r.Code, r.Of, identifier)
	}
	return hash("", "", r.Name, identifier)
}

// prepare brings a result into the form in which it is sent.
func (s *Set) prepare(r *Result) clinical.Reason {
	if s.kind != ForVitalSigns {
		if _, _, usable := judge(r.Flags); !usable {
			return clinical.QualityControl
		}
	}
	r.Name, r.Unit, r.Value.Text = strings.TrimSpace(r.Name), strings.TrimSpace(r.Unit), strings.TrimSpace(r.Value.Text)
	if r.Value.String() == "" {
		return clinical.NoValue
	}
	if s.opts.Redact != nil {
		if r.FreeName && r.Name != "" {
			if r.Name = strings.TrimSpace(s.opts.Redact(r.Name)); r.Name == "" {
				return clinical.Withheld
			}
		}
		if r.Value.Number == "" && r.Value.Free {
			r.Value.Text = strings.TrimSpace(s.opts.Redact(r.Value.Text))
		}
		if r.Value.String() == "" {
			return clinical.Withheld
		}
	}
	if r.Name == "" {
		return clinical.NoName
	}
	if !ValidDate(r.Date) {
		r.Date = ""
	}
	if day := Day(r.Date); day != "" && day < s.opts.Since[:min(len(day), len(s.opts.Since))] {
		return clinical.TooOld
	}
	if s.kind == ForRecord && !s.opts.IncludeUnclassified && s.opts.Classify == nil && r.isSilent() {
		return clinical.Unclassified // now rather than at the end, so that it takes no memory
	}
	return ""
}

// isSilent tells that neither flags nor ranges can say how normal a result is, whoever the patient is.
func (r *Result) isSilent() bool {
	if is, _, _ := judge(r.Flags); is != unknown {
		return false
	}
	_, numeric := bounded(r.Value.Comparator, r.Value.Number)
	return !numeric || !slices.ContainsFunc(r.Ranges, func(r Range) bool { return !r.Other })
}

func hash(parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, part := range parts {
		_, _ = h.WriteString(part)
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}
