package labs

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
)

// in makes a result that changes keep apart: its source is its name in the
// tests.
func in(source, value string, change func(*Result)) Result {
	return hba1c(func(r *Result) {
		r.Source, r.Value.Number = source, value
		if change != nil {
			change(r)
		}
	})
}

// orders calls f for every order of items.
func orders[T any](items []T, f func([]T)) {
	var permute func(int)
	permute = func(n int) {
		if n == len(items) {
			f(slices.Clone(items))
		}
		for i := n; i < len(items); i++ {
			items[n], items[i] = items[i], items[n]
			permute(n + 1)
			items[n], items[i] = items[i], items[n]
		}
	}
	permute(0)
}

// arrival is a result that is added or, if void, one that is not sent but takes
// the place of others.
type arrival struct {
	Result
	come func(*Set, *Result)
}

func add(r Result) arrival  { return arrival{r, (*Set).Add} }
func void(r Result) arrival { return arrival{r, (*Set).Void} }

func withdrawn(r Result) arrival {
	r.Edition.Rank, r.Edition.IsWrong = IsCorrected, true
	return void(r)
}

// TestSet_Settles: which results stay does not depend on the order in which
// they come.
func TestSet_Settles(t *testing.T) {
	t.Parallel()
	corrected := func(r *Result) { r.Edition.Rank = IsCorrected }
	edition := func(number int64, place int) func(*Result) {
		return func(r *Result) { r.Resource, r.Edition = 17, Edition{Number: number, Place: place} }
	}
	updated := func(at int64, number int64, place int) func(*Result) {
		return func(r *Result) {
			r.Resource, r.Edition = 17, Edition{Updated: at, Number: number, Place: place}
		}
	}
	and := func(changes ...func(*Result)) func(*Result) {
		return func(r *Result) {
			for _, change := range changes {
				change(r)
			}
		}
	}
	test := func(code string) func(*Result) { return func(r *Result) { r.Code = code } }
	normal := func(r *Result) { r.Flags = []Flag{{System: v3, Code: "N"}} }
	unflagged := func(r *Result) { r.Flags, r.Ranges = nil, nil }
	for _, tc := range []struct {
		name     string
		arrivals []arrival
		sent     []string
		dropped  map[string]clinical.Reason // by source; nil if it differs by the order
	}{
		{"the same twice", []arrival{add(in("a", "7", nil)), add(in("b", "7", nil))}, []string{"7 %"}, nil},
		{"the same, called high and normal", []arrival{add(in("a", "7", nil)), add(in("b", "7", normal))},
			[]string{"7 %", "7 %"}, nil},
		{"the same, flagged and not", []arrival{add(in("a", "7", nil)), add(in("b", "7", unflagged))}, []string{"7 %"},
			map[string]clinical.Reason{"b": clinical.Duplicate}},

		{"the same, with a range and without", []arrival{add(in("a", "7", func(r *Result) { r.Flags = nil })),
			add(in("b", "7", unflagged))}, []string{"7 %"},
			map[string]clinical.Reason{"b": clinical.Duplicate}},

		{"two editions", []arrival{add(in("a", "7", edition(1, 1))), add(in("b", "8", edition(2, 2)))}, []string{"8 %"},
			map[string]clinical.Reason{"a": clinical.Replaced}},
		{"two editions, the newer one first", []arrival{add(in("a", "7", edition(10, 1))),
			add(in("b", "8", edition(9, 2)))}, []string{"7 %"},
			map[string]clinical.Reason{"b": clinical.Replaced}},
		{"two editions, by time", []arrival{add(in("a", "7", updated(5, 1, 1))), add(in("b", "8", updated(4, 2, 2)))},
			[]string{"7 %"}, map[string]clinical.Reason{"b": clinical.Replaced}},
		{"two editions of the same time", []arrival{add(in("a", "7", updated(5, 1, 2))),
			add(in("b", "8", updated(5, 2, 1)))}, []string{"8 %"},
			map[string]clinical.Reason{"a": clinical.Replaced}},
		{"two editions without a number", []arrival{add(in("a", "7", edition(0, 1))), add(in("b", "8", edition(0, 2)))},
			[]string{"8 %"}, map[string]clinical.Reason{"a": clinical.Replaced}},
		{"two editions without a number, one corrected", []arrival{add(in("a", "7", and(edition(0, 1), corrected))),
			add(in("b", "8", edition(0, 2)))}, []string{"7 %"},
			map[string]clinical.Reason{"b": clinical.Replaced}},
		{"the parts of one edition", []arrival{add(in("a", "7", edition(1, 1))), add(in("b", "8", edition(1, 1)))},
			[]string{"7 %", "8 %"}, map[string]clinical.Reason{}},
		{"an edition with fewer parts", []arrival{add(in("a", "7", edition(1, 1))),
			add(in("b", "8", and(edition(1, 1), test("2")))), add(in("c", "9", edition(2, 2)))}, []string{"9 %"},
			map[string]clinical.Reason{"a": clinical.Replaced, "b": clinical.Replaced}},
		{"a newer edition without a value", []arrival{add(in("a", "7", edition(1, 1))),
			add(in("b", "", edition(2, 2)))}, nil,
			map[string]clinical.Reason{"a": clinical.Replaced, "b": clinical.NoValue}},
		{"an edition of which one part has no value", []arrival{add(in("a", "7", edition(2, 2))),
			add(in("b", "", edition(2, 2))), add(in("c", "8", edition(1, 1)))}, []string{"7 %"},
			map[string]clinical.Reason{"b": clinical.NoValue, "c": clinical.Replaced}},
		{"a newer edition that is void", []arrival{add(in("a", "7", edition(1, 1))), void(in("b", "8", edition(2, 2)))},
			nil, map[string]clinical.Reason{"a": clinical.Replaced}},
		{"an older edition that is void", []arrival{add(in("a", "7", edition(3, 1))),
			void(in("b", "8", edition(2, 2)))}, []string{"7 %"}, map[string]clinical.Reason{}},
		{"void after void", []arrival{add(in("a", "7", edition(3, 3))), void(in("b", "8", edition(2, 2))),
			void(in("b", "8", edition(4, 4)))}, nil,
			map[string]clinical.Reason{"a": clinical.Replaced}},

		{"a twin of one that is replaced", []arrival{add(in("a", "7", edition(1, 1))), add(in("b", "7", nil)),
			void(in("c", "", edition(2, 2)))}, []string{"7 %"},
			map[string]clinical.Reason{"a": clinical.Replaced}},
		{"a newest edition that is withdrawn", []arrival{add(in("a", "7", edition(1, 1))),
			withdrawn(in("b", "", edition(2, 2)))}, nil,
			map[string]clinical.Reason{"a": clinical.StatusNotSent}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			orders(tc.arrivals, func(arrivals []arrival) {
				s, report := collect(ForLabResults, Options{})
				apartReport := &clinical.Report{}
				apart := NewSet(ForLabResults, Options{}, apartReport, s.gone)
				for i, a := range arrivals {
					a.come([]*Set{s, apart}[i%2], &a.Result)
				}
				s.Absorb(apart)
				report.Merge(apartReport)
				s.Settle()
				s.unsettled = true // as if there were more than are kept
				var sent []string
				for _, r := range s.LabResults(Patient{}) {
					sent = append(sent, r.Value)
				}
				assert.ElementsMatch(t, tc.sent, sent)
				if tc.dropped != nil {
					dropped := map[string]clinical.Reason{}
					for _, issue := range report.Issues {
						if !issue.Sent {
							dropped[issue.Source] = issue.Reason
						}
					}
					assert.Equal(t, tc.dropped, dropped)
				}
			})
		})
	}
}

// TestSet_VoidsAreBounded: the memory for what is not sent has a limit, and the
// first are remembered.
func TestSet_VoidsAreBounded(t *testing.T) {
	t.Parallel()
	s, _ := collect(ForLabResults, Options{})
	for i := range 1<<16 + 10 {
		s.Void(&Result{Resource: uint64(i + 1), Edition: Edition{Number: 2}})
	}
	assert.Len(t, s.gone, maxEditions)
	s.Void(&Result{Resource: 1, Edition: Edition{Number: 4, Place: 1}})
	r := in("a", "7", func(r *Result) { r.Resource, r.Edition = 1, Edition{Number: 3} })
	s.Add(&r)
	assert.Empty(t, s.LabResults(Patient{}))
}

// TestSet_ManyDuplicates: a patient's record does not grow by what comes again.
func TestSet_ManyDuplicates(t *testing.T) {
	t.Parallel()
	s, report := collect(ForRecord, Options{})
	for i := range 5 * maxKept {
		r := in("a", fmt.Sprint(i%10), nil)
		s.Add(&r)
		assert.LessOrEqual(t, len(s.results), maxKept)
	}
	abnormal, normal, _ := s.Labs(Patient{})
	assert.Len(t, abnormal, 10)
	assert.Empty(t, normal)
	assert.Equal(t, 5*maxKept-10, report.Count(clinical.Duplicate))
}

func TestSet_LatestPerTest(t *testing.T) {
	t.Parallel()
	day := func(n int) string { return time.Date(1990, 1, 1+n, 0, 0, 0, 0, time.UTC).Format(time.DateOnly) }
	var results []Result
	for i := range 3 * maxKept {
		results = append(results, hba1c(func(r *Result) {
			r.Date, r.Value.Number = day(i), fmt.Sprint(i)
			r.Code = fmt.Sprint(i % 3)
		}))
	}
	for _, kind := range []Kind{ForLabResults, ForRecord} {
		s, report := collect(kind, Options{LatestPerTest: true}, results...)
		assert.LessOrEqual(t, len(s.results), maxKept)
		assert.Len(t, s.judgeAll(Patient{}, false), 3)
		for i, r := range s.results {
			assert.Equal(t, day(3*maxKept-3+i), r.Date)
		}
		assert.Equal(t, len(results)-3, report.Count(clinical.NotLatest))
	}
}

func TestSet_LatestPerTest_OfTheSameDate(t *testing.T) {
	t.Parallel()
	of := func(value, date string) Result {
		return hba1c(func(r *Result) { r.Value.Number, r.Date = value, date })
	}
	for _, tc := range []struct {
		name    string
		results []Result
		want    []string
		dropped int
	}{
		{"none of them is later", []Result{of("1", "2025-01-15"), of("2", "2025-01-15")}, []string{"1 %", "2 %"}, 0},
		{"a later one replaces both", []Result{of("1", "2025-01-15"), of("2", "2025-01-15"), of("4", "2025-01-16")},
			[]string{"4 %"}, 2},
		{"an older one comes last", []Result{of("1", "2025-01-15"), of("2", "2025-01-15"), of("4", "2025-01-14")},
			[]string{"1 %", "2 %"}, 1},
		{"one without a date may be later", []Result{of("1", "2025-01-15"), of("2", "")}, []string{"1 %", "2 %"}, 0},
		{"a month may be later", []Result{of("1", "2025-01-15"), of("2", "2025-01")}, []string{"1 %", "2 %"}, 0},
		{"a month is earlier", []Result{of("1", "2025-01-15"), of("2", "2024-12")}, []string{"1 %"}, 1},
		{"zones are heeded", []Result{of("1", "2025-01-15T23:00:00-08:00"), of("2", "2025-01-16T06:00:00Z")},
			[]string{"1 %"}, 1},
		{"a day in no zone may be later", []Result{of("1", "2025-01-15T23:00:00-08:00"), of("2", "2025-01-15")},
			[]string{"1 %", "2 %"}, 0},
		{"an earlier hour of no zone", []Result{of("1", "2025-01-15T09:00"), of("2", "2025-01-15T08:59:59")},
			[]string{"1 %"}, 1},
	} {
		s, report := collect(ForLabResults, Options{LatestPerTest: true}, tc.results...)
		var sent []string
		for _, r := range s.LabResults(Patient{}) {
			sent = append(sent, r.Value)
		}
		assert.Equal(t, tc.want, sent, tc.name)
		assert.Equal(t, tc.dropped, report.Dropped(), tc.name)
	}
}

func TestSet_TheNewestAreKept(t *testing.T) {
	t.Parallel()
	const many = 2*maxKept + 100
	s, report := collect(ForLabResults, Options{})
	for i := range many {
		r := hba1c(func(r *Result) {
			n := i * 7919 % many // any order
			r.Source, r.Value.Number, r.Date = fmt.Sprintf("Observation/%d",
				n), fmt.Sprint(n), fmt.Sprintf("%04d-01-01", 1000+n)
		})
		s.Add(&r)
		assert.LessOrEqual(t, len(s.results), maxKept)
	}
	results := s.LabResults(Patient{})
	assert.Len(t, results, helios.MaxLabResults)
	for i, r := range results {
		assert.Equal(t, fmt.Sprintf("%04d-01-01", 1000+many-1-i), r.Date)
	}
	assert.Equal(t, many-helios.MaxLabResults, report.Count(clinical.TooMany))
}

// TestSet_NoteCorrections: a correction of no known result may be one of any
// other of its test and time.
func TestSet_NoteCorrections(t *testing.T) {
	t.Parallel()
	of := func(resource uint64, rank Rank) func(*Result) {
		return func(r *Result) { r.Resource, r.Edition.Rank = resource, rank }
	}
	undated := func(resource uint64, rank Rank) func(*Result) {
		return func(r *Result) { r.Resource, r.Edition.Rank, r.Date = resource, rank, "" }
	}
	about := func(resource uint64, rank Rank, topics ...uint64) func(*Result) {
		return func(r *Result) {
			r.Resource, r.Edition.Rank = resource, rank
			copy(r.Topics[:], topics)
		}
	}
	for name, tt := range map[string]struct {
		results []Result
		noted   int
	}{
		"nothing corrected":  {[]Result{in("a", "1", of(1, IsFinal)), in("b", "2", of(2, IsFinal))}, 0},
		"beside another":     {[]Result{in("a", "1", of(1, IsFinal)), in("b", "2", of(2, IsCorrected))}, 2},
		"parts of one":       {[]Result{in("a", "1", of(1, IsCorrected)), in("a", "2", of(1, IsCorrected))}, 0},
		"two without a time": {[]Result{in("a", "1", undated(1, IsFinal)), in("b", "2", undated(2, IsCorrected))}, 0},
		"of one topic": {[]Result{
			in("a", "1", about(1, IsFinal, 7)), in("b", "2", about(2, IsCorrected, 7))}, 2},
		"of two topics": {[]Result{
			in("a", "1", about(1, IsFinal, 7)), in("b", "2", about(2, IsCorrected, 8))}, 0},
		"by the second topic": {[]Result{
			in("a", "1", about(1, IsFinal, 7)), in("b", "2", about(2, IsCorrected, 8, 7))}, 2},
		"of no resource":      {[]Result{in("a", "1", of(0, IsFinal)), in("b", "2", of(0, IsCorrected))}, 2},
		"a correction alone":  {[]Result{in("b", "2", of(0, IsCorrected))}, 0},
		"its earlier edition": {[]Result{in("a", "1", of(1, IsFinal)), in("b", "2", of(1, IsCorrected))}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			orders(tt.results, func(results []Result) {
				for i := range results {
					results[i].Edition.Place = 1
					if name == "its earlier edition" {
						results[i].Edition.Place = i + 1
					}
				}
				s, report := collect(ForLabResults, Options{}, results...)
				s.NoteCorrections()
				s.LabResults(Patient{})
				assert.Equal(t, tt.noted, report.Count(clinical.CorrectionUnclear))
			})
		})
	}
}

// TestSet_NoteCorrections_NotSent: what a correction that is not sent may be of
// is noted too.
func TestSet_NoteCorrections_NotSent(t *testing.T) {
	t.Parallel()
	of := func(resource, topic uint64) func(*Result) {
		return func(r *Result) { r.Resource, r.Topics[0] = resource, topic }
	}
	s, report := collect(ForLabResults, Options{}, in("a", "1", of(1, 7)), in("b", "2", of(2, 8)))
	s.Void(&Result{Resource: 3, Topics: [2]uint64{7}, Edition: Edition{Rank: IsCorrected}})
	s.Void(&Result{Resource: 3, Topics: [2]uint64{8}})
	s.NoteCorrections()
	s.LabResults(Patient{})
	assert.Equal(t, 1, report.Count(clinical.CorrectionUnclear))
}
