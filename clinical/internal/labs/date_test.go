package labs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAge(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		birth, at   string
		years       int
		approximate bool
		ok          bool
	}{
		{"1980-05-17", "2025-05-16", 44, false, true},
		{"1980-05-17", "2025-05-17", 45, false, true},
		{"1980-05-17", "2025-05-17T23:30:00-08:00", 45, false, true},
		{"1980-05-17T10:00:00Z", "2025-05-17", 45, false, true},
		{"2004-02-29", "2025-02-28", 20, false, true},
		{"2004-02-29", "2025-03-01", 21, false, true},
		{"1980", "2025-12-30", 44, true, true},
		{"1980", "2025-12-31", 45, true, true},
		{"1980-02", "2025-02-27", 44, true, true},
		{"1980-02", "2025-03-01", 45, true, true},
		{"2025", "2025-03-01", 0, true, true},
		{"2025-01-15", "2025-01-15", 0, false, true},
		{"2025-01-16", "2025-01-15", -1, false, false},
		{"1890-01-01", "2025-01-15", 135, false, false},
		{"", "2025-01-15", 0, false, false},
		{"1980-13-01", "2025-01-15", 0, false, false},
		{"1980-05-17", "", 0, false, false},
	} {
		years, approximate, ok := Age(tc.birth, tc.at)
		assert.Equal(t, tc.ok, ok, "%s at %s", tc.birth, tc.at)
		if tc.ok {
			assert.Equal(t, tc.years, years, "%s at %s", tc.birth, tc.at)
			assert.Equal(t, tc.approximate, approximate, "%s at %s", tc.birth, tc.at)
		}
	}
}

func TestValidDate(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"2025", "2025-01", "2025-01-15", "2025-01-15T10:00:00Z", "2025-01-15 10:00"} {
		assert.True(t, ValidDate(s), s)
	}
	for _, s := range []string{"", "25", "2025-1-5", "20250115", "2025-02-30", "2025-01-15x", "2025-01x", "2025x",
		"yesterday"} {
		assert.False(t, ValidDate(s), s)
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		a, b   string
		before bool
	}{
		{"2025-01-15", "2025-01-16", true},
		{"2025-01-15", "2025-01-15", false},
		{"2024", "2025-01-15", true},
		{"2025", "2025-01-15", false},
		{"2025-01-15", "2025", false},
		{"", "2025", false},
		{"2025", "", false},
		{"2025-01-15T10:00:00Z", "2025-01-15T10:00:00.5Z", true},
		{"2025-01-15T12:00:00+02:00", "2025-01-15T10:00:01Z", true},
		{"2025-01-15T10:00Z", "2025-01-15T10:01Z", true},
		{"2025-01-15 10:00", "2025-01-15 10:01", true},
		{"2025-01-15T10", "2025-01-15T11", false},
		{"2025-01-15", "2025-01-16T10:00:00Z", false},
		{"2025-01-15", "2025-01-16T15:00:00Z", true},
	} {
		assert.Equal(t, tc.before, spanOf(tc.a).before(spanOf(tc.b)), "%s before %s", tc.a, tc.b)
		assert.False(t, tc.before && spanOf(tc.b).before(spanOf(tc.a)), "%s before %s", tc.b, tc.a)
	}
}
