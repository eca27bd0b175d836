package labs

import (
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOptions_Check(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string]Options{
		"":                             {Age: new(maxAge), Gender: "female", RoundDecimals: new(0)},
		"Age is not between 0 and 130": {Age: new(-1)},
		"Gender is none of male, female, other and unknown": {Gender: "m"},
		"RoundDecimals is negative":                         {RoundDecimals: new(-1)},
	} {
		err := opts.Check("fhir")
		if want == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, "helios: fhir: Options."+want)
		}
	}
	require.Error(t, (&Options{Age: new(maxAge + 1)}).Check("hl7v2"))
}

// TestReadError: the cause can be found, and is not printed.
func TestReadError(t *testing.T) {
	t.Parallel()
	err := ReadError("hl7v2", "message 2", io.ErrUnexpectedEOF)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.EqualError(t, err, "helios: hl7v2: the input cannot be read after message 2")
}
