package labs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestEdition_Before(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ older, newer Edition }{
		"by time":               {Edition{Updated: 1, Number: 2}, Edition{Updated: 2, Number: 1}},
		"by number":             {Edition{Updated: 2, Number: 1}, Edition{Number: 2}},
		"by when it was issued": {Edition{Issued: 1, Rank: IsCorrected}, Edition{Issued: 2}},
		"by status":             {Edition{Issued: 1, Place: 2}, Edition{Rank: IsCorrected, Place: 1}},
		"preliminary":           {Edition{Rank: IsPreliminary, Place: 2}, Edition{Place: 1}},
		"deleted":               {Edition{Rank: IsCorrected, Place: 1}, Edition{Rank: IsDeleted, Place: 2}},
		"and there again":       {Edition{Rank: IsDeleted, Place: 1}, Edition{Place: 2}},
		"by place":              {Edition{Updated: 1, Place: 1}, Edition{Number: 1, Place: 2}},
	} {
		assert.True(t, tc.older.Before(&tc.newer), name)
		assert.False(t, tc.newer.Before(&tc.older), name)
		assert.False(t, tc.older.Before(&tc.older), name)
	}
}

func TestEditions(t *testing.T) {
	t.Parallel()
	gone := Editions{}
	gone.Add(1, Edition{Number: 2})
	gone.Add(1, Edition{Number: 1})
	gone.Add(0, Edition{Number: 9})
	assert.Len(t, gone, 1, "0 is no resource")
	assert.True(t, gone.Supersede(1, &Edition{Number: 1}), "the newest counts")
	assert.False(t, gone.Supersede(1, &Edition{Number: 2}))
	assert.False(t, gone.Supersede(2, &Edition{Number: 1}))
}
