package emulator

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseFault(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"drop-answer", "half-answer=0.5", "reset=0", "status:503", "redirect:302=1", "delay:2s", "late:10m=0.1",
		"fail-run", "duplicate", "reorder", "lose-updates", "lose-final", "wrong-signature", " drop-answer ",
	} {
		_, err := ParseFault(text)
		require.NoError(t, err, text)
	}

	for text, want := range map[string]string{
		"":                "there are drop-answer, half-answer",
		"drop":            `there is no fault "drop"`,
		"drop-answer=2":   "from 0 to 1",
		"drop-answer=NaN": "from 0 to 1",
		"drop-answer:1":   "takes no value after a colon",
		"status":          "write status:CODE",
		"status:99":       "not a status",
		"redirect:200":    "not a status from 300",
		"delay:-1s":       "not a time",
		"late:soon":       "not a time",
	} {
		_, err := ParseFault(text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestDraw(t *testing.T) {
	t.Parallel()
	always, err := ParseFault("duplicate")
	require.NoError(t, err)
	never, err := ParseFault("reset=0")
	require.NoError(t, err)
	for range 100 {
		drawn := draw([]Fault{always, never})
		require.Len(t, drawn, 1)
		assert.Equal(t, "duplicate", drawn[0].String())
	}
}

func TestKindsHaveHelp(t *testing.T) {
	t.Parallel()
	for _, row := range rows() {
		_, err := ParseFault(row.Value)
		require.NoError(t, err, "the control page offers %q", row.Value)
		assert.Contains(t, Kinds(), row.Text)
	}
}

func FuzzParseFault(f *testing.F) {
	f.Add("status:503=0.1")
	f.Add("delay:1h")
	f.Fuzz(func(t *testing.T, text string) {
		if fault, err := ParseFault(text); err == nil && fault.inject == nil {
			t.Errorf("%q makes no fault", text)
		}
	})
}
