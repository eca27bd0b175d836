package labs

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
)

// maxKept is how many results a set for lab results keeps at most, more than are sent, until half of them are left out as too old. So its memory is bounded.
const maxKept = 4096

// Set collects results and gives those that are sent, newest first. What it leaves out, or sends with a reservation, it reports.
type Set struct {
	kind   Kind
	opts   Options
	report *clinical.Report

	seed         maphash.Seed
	rows         []*row
	removed      int // of rows
	added        int
	byContent    map[uint64]*row
	byIdentifier map[uint64]*row
	byTest       map[uint64]*row // the latest of each, for LatestPerTest
}

type row struct {
	*Result
	order int // of its coming, to sort by
	out   bool
	peer  *row // the one before it of the same test and the same date

	content, identifier, test uint64
}

// NewSet returns an empty set that reports to report.
func NewSet(kind Kind, opts Options, report *clinical.Report) *Set {
	s := &Set{kind: kind, opts: opts, report: report, seed: maphash.MakeSeed()}
	s.index()
	return s
}

// Add adds a result, or reports why it does not. Duplicates are left out; a corrected one replaces that with the same identifier.
func (s *Set) Add(r Result) { s.Take(&r) }

// Take is Add for a result that the caller does not use again.
func (s *Set) Take(r *Result) {
	if reason := s.prepare(r); reason != "" {
		s.report.Drop(reason, r.Source, "")
		return
	}
	s.added++
	row := &row{Result: r, order: s.added}
	row.content = s.hash(r.System, r.Code, r.Name, r.Date, r.Value.String(), r.Unit)
	row.test = s.hash(r.testKey()...)
	if r.Identifier != "" {
		row.identifier = s.hash(append(r.testKey(), r.Identifier)...)
	}
	if s.byContent[row.content] != nil {
		s.report.Drop(clinical.Duplicate, r.Source, "")
		return
	}
	if !s.replaces(row) || !s.isLatest(row) {
		return
	}
	s.rows = append(s.rows, row)
	s.remember(row)
	if s.removed > maxKept/2 {
		s.compact()
	}
	if s.kind == ForLabResults && len(s.rows) >= maxKept {
		s.prune()
	}
}

// testKey tells tests apart.
func (r *Result) testKey() []string {
	if r.Code != "" {
		return []string{r.System, r.Code, r.Of}
	}
	return []string{"", "", r.Name}
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
	if r.Date != "" && Day(r.Date) < s.opts.Since {
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

func (s *Set) hash(parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	for _, part := range parts {
		_, _ = h.WriteString(part)
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

// replaces lets a corrected result take the place of that with its identifier, whichever comes first. It returns false if r is the one that goes.
func (s *Set) replaces(r *row) bool {
	if r.identifier == 0 {
		return true
	}
	other := s.byIdentifier[r.identifier]
	switch {
	case other == nil || r.rank() == other.rank() && !r.Corrected:
		return true
	case r.rank() < other.rank() || r.Corrected && other.Corrected && r.Date < other.Date:
		s.report.Drop(clinical.Replaced, r.Source, "")
		return false
	}
	s.remove(other, clinical.Replaced)
	return true
}

// rank orders results with one identifier: what is of a higher rank takes the place of what is of a lower one.
func (r *Result) rank() int {
	switch {
	case r.Corrected:
		return 2
	case r.Preliminary:
		return 0
	}
	return 1
}

// Withdraw leaves out the result that was added with the identifier of r and for the same test: its source says that it was wrong.
func (s *Set) Withdraw(r Result) {
	if r.Identifier == "" {
		return
	}
	if other := s.byIdentifier[s.hash(append(r.testKey(), r.Identifier)...)]; other != nil {
		s.remove(other, clinical.StatusNotSent)
	}
}

// Void says that r is not sent, which the caller has reported, but takes the place of what came before it: older editions of its resource and, if it is Corrected,
// results with its identifier and test. They are left out, whether they come before or after.
func (s *Set) Void(r Result) {
	if r.Corrected {
		s.Withdraw(r)
	}
}

// Absorb adds what another set has, whose report the caller merges.
func (s *Set) Absorb(other *Set) {
	for _, r := range other.rows {
		if !r.out {
			s.Add(*r.Result)
		}
	}
}

// isLatest keeps only the latest of each test if that was asked for. What has the same date is all kept: none of it is later.
func (s *Set) isLatest(r *row) bool {
	if !s.opts.LatestPerTest {
		return true
	}
	other := s.byTest[r.test]
	if other == nil {
		return true
	}
	switch {
	case r.Date < other.Date:
		s.report.Drop(clinical.NotLatest, r.Source, "")
		return false
	case r.Date == other.Date:
		return true
	}
	for older := other; older != nil; older = older.peer {
		if !older.out {
			s.remove(older, clinical.NotLatest)
		}
	}
	return true
}

func (s *Set) remove(r *row, reason clinical.Reason) {
	s.report.Drop(reason, r.Source, "")
	r.out = true
	s.removed++
	for _, index := range []struct {
		rows map[uint64]*row
		key  uint64
	}{{s.byContent, r.content}, {s.byIdentifier, r.identifier}, {s.byTest, r.test}} {
		if index.rows[index.key] == r {
			delete(index.rows, index.key)
		}
	}
	for peer := r.peer; peer != nil && s.byTest[r.test] == nil; peer = peer.peer {
		if !peer.out {
			s.byTest[r.test] = peer
		}
	}
}

func (s *Set) remember(r *row) {
	s.byContent[r.content] = r
	if r.identifier != 0 {
		s.byIdentifier[r.identifier] = r
	}
	if s.opts.LatestPerTest {
		if other := s.byTest[r.test]; other != r {
			r.peer = other // all that are kept of a test have one date
		}
		s.byTest[r.test] = r
	}
}

// index makes the indices of what is kept anew.
func (s *Set) index() {
	s.byContent, s.byIdentifier, s.byTest = map[uint64]*row{}, map[uint64]*row{}, map[uint64]*row{}
	for _, r := range s.rows {
		s.remember(r)
	}
}

// compact forgets what was removed.
func (s *Set) compact() {
	s.rows = slices.DeleteFunc(s.rows, func(r *row) bool { return r.out })
	s.removed = 0
}

// prune leaves out the older half.
func (s *Set) prune() {
	s.compact()
	if len(s.rows) < maxKept {
		return
	}
	slices.SortStableFunc(s.rows, newestFirst)
	for _, r := range s.rows[maxKept/2:] {
		s.report.Drop(clinical.TooMany, r.Source, "")
	}
	clear(s.rows[maxKept/2:])
	s.rows = s.rows[:maxKept/2]
	slices.SortFunc(s.rows, func(a, b *row) int { return cmp.Compare(a.order, b.order) })
	s.index()
}

func newestFirst(a, b *row) int { return cmp.Compare(b.Date, a.Date) }

// judged is a row with its verdict.
type judged struct {
	*row
	verdict
}

// judgeAll classifies what is kept and sorts it: the newest first, of one moment the abnormal first, and then by name.
func (s *Set) judgeAll(p Patient) []judged {
	s.compact()
	all := make([]judged, len(s.rows))
	for i, r := range s.rows {
		all[i].row = r
		if s.kind != ForVitalSigns {
			all[i].verdict = s.classify(r.Result, p)
		}
	}
	slices.SortStableFunc(all, func(a, b judged) int {
		return cmp.Or(newestFirst(a.row, b.row), cmp.Compare(b.is.urgency(), a.is.urgency()), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// urgency orders results of one moment.
func (n normality) urgency() int {
	switch {
	case n.isCritical():
		return 2
	case n.isAbnormal():
		return 1
	}
	return 0
}

// note reports the reservations with which a result is sent.
func (s *Set) note(j *judged, more ...clinical.Reason) {
	reasons := slices.Concat(j.Notes, j.notes, more)
	if j.Value.Number == "" && j.Value.Free {
		reasons = append(reasons, clinical.FreeText)
	}
	if j.Value.Number != "" && j.Unit == "" {
		reasons = append(reasons, clinical.NoUnit)
	}
	switch len(Day(j.Date)) {
	case 0:
		reasons = append(reasons, clinical.NoDate)
	case 4, 7:
		reasons = append(reasons, clinical.DatePartial)
	}
	for _, reason := range reasons {
		s.report.Note(reason, j.Source, "")
	}
}

// number returns a value as it is sent, rounded if that was asked for.
func (s *Set) number(r *row) (string, []clinical.Reason) {
	value := r.Value
	rounded, ok := Round(value.Number, s.opts.RoundDecimals)
	if !ok {
		return value.String(), nil
	}
	value.Number = rounded
	return value.String(), []clinical.Reason{clinical.Rounded}
}

// LabResults returns the newest helios.MaxLabResults.
func (s *Set) LabResults(p Patient) []helios.LabResult {
	all := s.judgeAll(p)
	if len(all) > helios.MaxLabResults {
		for _, j := range all[helios.MaxLabResults:] {
			s.report.Drop(clinical.TooMany, j.Source, "")
		}
		all = all[:helios.MaxLabResults]
	}
	results := make([]helios.LabResult, 0, len(all))
	for i := range all {
		j := &all[i]
		value, rounded := s.number(j.row)
		flag, lost := j.is.flag()
		result := helios.LabResult{Name: j.Name, Value: value, Flag: flag, Date: Day(j.Date), Unit: j.Unit, Category: j.Category}
		if j.Value.Number != "" {
			result.Value = strings.TrimSpace(value + " " + j.Unit)
		}
		if j.rng != nil {
			result.ReferenceRange = j.rng.withUnit(j.Unit)
		}
		if s.opts.Category != nil {
			if category := s.opts.Category(j.asTest(p, j.rng)); category != "" {
				result.Category = category
			}
		}
		s.note(j, slices.Concat(rounded, lost)...)
		results = append(results, result)
	}
	s.report.AddSent("labResults", len(results))
	return results
}

// Labs returns those that are abnormal and normal. Those of which nobody says are left out, or come among the abnormal without an interpretation if that was asked for.
func (s *Set) Labs(p Patient) (abnormal, normal []helios.Lab) {
	all := s.judgeAll(p)
	for i := range all {
		j := &all[i]
		if j.is == unknown && !s.opts.IncludeUnclassified {
			s.report.Drop(clinical.Unclassified, j.Source, "")
			continue
		}
		value, notes := s.number(j.row)
		lab := helios.Lab{Date: Day(j.Date), Display: j.Name, Value: value, Unit: j.Unit}
		if j.rng != nil {
			lab.ReferenceRange = j.rng.text()
			if _, unit, ok := j.rng.normal(); ok && !j.hasUnit(unit) {
				lab.ReferenceRange = j.rng.withUnit(j.Unit)
			}
		}
		if j.is.isAbnormal() || j.is == unknown {
			lab.Interpretation = j.is.interpretation()
			abnormal = append(abnormal, lab)
		} else {
			normal = append(normal, lab)
		}
		if j.is == unknown {
			notes = append(notes, clinical.Unclassified)
		}
		s.note(j, notes...)
	}
	s.report.AddSent("recentAbnormalLabs", len(abnormal))
	s.report.AddSent("recentNormalLabs", len(normal))
	return abnormal, normal
}

// VitalSigns returns all as vital signs.
func (s *Set) VitalSigns() []helios.VitalSign {
	all := s.judgeAll(Patient{})
	signs := make([]helios.VitalSign, 0, len(all))
	for i := range all {
		j := &all[i]
		value, notes := s.number(j.row)
		signs = append(signs, helios.VitalSign{Display: j.Name, Value: value, Unit: j.Unit, Date: Day(j.Date)})
		s.note(j, notes...)
	}
	s.report.AddSent("vitalSigns", len(signs))
	return signs
}
