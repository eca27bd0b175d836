package helios

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// datedLabs makes results named a, b, c... of these dates.
func datedLabs(dates ...string) []LabResult {
	labs := make([]LabResult, len(dates))
	for i, date := range dates {
		labs[i] = LabResult{Name: string(rune('a' + i)), Value: "1", Date: date}
	}
	return labs
}

func labNames(labs []LabResult) string {
	var names []string
	for _, lab := range labs {
		names = append(names, lab.Name)
	}
	return strings.Join(names, "")
}

func TestNewestLabResultsOrder(t *testing.T) {
	for _, tc := range []struct {
		name  string
		dates []string
		want  string
	}{
		{"none", nil, ""},
		{"one", []string{"2025-01-15"}, "a"},
		{"newest first", []string{"2025-01-13", "2025-01-15", "2025-01-14"}, "bca"},
		{"already in order", []string{"2025-01-15", "2025-01-14", "2025-01-13"}, "abc"},
		{"undated last, in their order", []string{"", "2025-01-13", "", "2025-01-14"}, "dbac"},
		{"unreadable is undated", []string{"yesterday", "2025-13-45", "1999-12-31", "2025-02-30", "15.01.2025"}, "cabde"},
		{"all undated keep their order", []string{"", "?", "", "-"}, "abcd"},
		{"the same day keeps its order", []string{"2025-01-15", "2025-01-15", "2025-01-15"}, "abc"},
		{"a day is its first moment", []string{"2025-01-15", "2025-01-15T00:00:00Z", "2025-01-15T00:00:01Z", "2025-01-14T23:59:59Z"}, "cabd"},
		{"zones are compared as moments", []string{"2025-01-15T10:00:00+02:00", "2025-01-15T09:00:00Z", "2025-01-15T03:30:00-05:00"}, "bca"},
		{"the same moment in two zones keeps its order", []string{"2025-01-15T12:00:00+02:00", "2025-01-15T10:00:00Z", "2025-01-15T05:00:00-05:00"}, "abc"},
		{"a zone that changes the day", []string{"2025-01-15T00:30:00+14:00", "2025-01-14T12:00:00Z"}, "ba"},
		{"no zone is UTC", []string{"2025-01-15T10:00:00+01:00", "2025-01-15T09:30:00"}, "ba"},
		{"without seconds", []string{"2025-01-15T10:00", "2025-01-15T10:01Z", "2025-01-15T12:30+02:00"}, "cba"},
		{"fractions of a second", []string{"2025-01-15T10:00:00.100Z", "2025-01-15T10:00:00.2Z", "2025-01-15T10:00:00.15", "2025-01-15T10:00:00Z"}, "bcad"},
		{"month and year only", []string{"2025", "2025-02", "2025-01-31", "2024-12-31", "2026"}, "ebcad"},
		{"space around", []string{" 2025-01-14 ", "\t2025-01-15\n"}, "ba"},
		{"far past and future", []string{"1900-01-01", "9999-12-31", "", "1969-12-31"}, "bdac"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			labs := datedLabs(tc.dates...)
			newest, dropped := NewestLabResults(labs)
			assert.Equal(t, tc.want, labNames(newest))
			assert.Empty(t, dropped)
			assert.Equal(t, datedLabs(tc.dates...), labs, "the input is not changed")
		})
	}
}

func TestNewestLabResultsCounts(t *testing.T) {
	assert.Equal(t, 200, MaxLabResults)
	for _, tc := range []struct{ labs, newest, dropped int }{
		{0, 0, 0}, {1, 1, 0}, {199, 199, 0}, {200, 200, 0}, {201, 200, 1}, {400, 200, 200}, {1000, 200, 800},
	} {
		t.Run(fmt.Sprint(tc.labs), func(t *testing.T) {
			day := time.Date(2025, 1, 15, 0, 0, 0, 0, time.UTC)
			want := make([]LabResult, tc.labs) // newest first, the last fifth undated
			for i := range want {
				want[i] = LabResult{Name: fmt.Sprint("lab ", i), Value: "1"}
				if i < tc.labs*4/5 {
					want[i].Date = day.AddDate(0, 0, -i).Format([]string{time.DateOnly, time.RFC3339}[i%2])
				}
			}
			labs := slices.Clone(want)
			random := rand.New(rand.NewPCG(7, uint64(tc.labs)))
			random.Shuffle(tc.labs*4/5, func(i, j int) { labs[i], labs[j] = labs[j], labs[i] })
			before := slices.Clone(labs)

			newest, dropped := NewestLabResults(labs)
			require.Len(t, newest, tc.newest)
			require.Len(t, dropped, tc.dropped)
			assert.Equal(t, want, append(append([]LabResult{}, newest...), dropped...), "nothing lost, newest first in both")
			assert.Equal(t, before, labs)

			for i := range newest { // what is returned is the caller's
				newest[i].Name = "changed"
			}
			for i := range dropped {
				dropped[i].Name = "changed"
			}
			_ = append(newest, LabResult{Name: "appended"})
			assert.Equal(t, before, labs)
		})
	}
}

func TestNewestLabResultsNil(t *testing.T) {
	newest, dropped := NewestLabResults(nil)
	assert.Nil(t, newest)
	assert.Nil(t, dropped)
	_, dropped = NewestLabResults(make([]LabResult, MaxLabResults))
	assert.Nil(t, dropped)
}

// The tie that is cut at 200: which of equal results are dropped is decided by their order.
func TestNewestLabResultsCutsATieByOrder(t *testing.T) {
	labs := make([]LabResult, 300)
	for i := range labs {
		labs[i] = LabResult{Name: fmt.Sprint(i), Date: []string{"2025-01-15", "2025-01-15T00:00:00Z", "2025-01-15T01:00:00+01:00"}[i%3]}
	}
	newest, dropped := NewestLabResults(labs)
	assert.Equal(t, labs[:200], newest)
	assert.Equal(t, labs[200:], dropped)
}
