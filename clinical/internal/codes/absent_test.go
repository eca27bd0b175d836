package codes_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/clinical/internal/codes"
)

// Every code and display of HL7's list is known.
func TestIsAbsentReason(t *testing.T) {
	t.Parallel()
	assert.True(t, codes.IsAbsentReason("Masked"))
	assert.False(t, codes.IsAbsentReason("Not detected"))
	assert.Equal(t, "masked", codes.AbsentReason("masked"))
	assert.Equal(t, "unknown", codes.AbsentReason("Joe"))
	assert.True(t, codes.DeniesValue("masked"))
	assert.False(t, codes.DeniesValue("as-text"))

	data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "data", "terminology",
		"CodeSystem-data-absent-reason.json"))
	if err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "CI needs the terminology")
		t.Skip("HL7's code lists are not here")
	}
	var list struct {
		Concept []struct{ Code, Display string }
	}
	require.NoError(t, json.Unmarshal(data, &list))
	require.NotEmpty(t, list.Concept)
	for _, c := range list.Concept {
		assert.True(t, codes.IsAbsentReason(c.Code), c.Code)
		assert.Equal(t, c.Code, codes.AbsentReason(c.Code))
		assert.True(t, codes.IsAbsentReason(c.Display), c.Display)
	}
}
