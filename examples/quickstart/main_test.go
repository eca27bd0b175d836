package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

func TestRun_PrintsTheReport(t *testing.T) {
	t.Setenv(helios.EnvAPIKey, "")
	for name, tt := range map[string]struct {
		args []string
		want []string
	}{
		"sample": {nil, []string{
			"Lab results: 4. Concurrent runs: 1 of 7.", "8/8 Delivering final results", "## Summary", "Creatinine",
			"Sources\n  [1] ",
		}},
		"own file": {
			[]string{writeFile(t, `[{"name":"Ferritin","value":"9 ng/mL","flag":"Low"}]`)},
			[]string{"Lab results: 1.", "Ferritin", "9 ng/mL"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			require.Equal(t, 0, run(t.Context(), tt.args, &out, &errs), errs.String())
			for _, want := range tt.want {
				assert.Contains(t, out.String(), want)
			}
			assert.Empty(t, errs.String())
		})
	}
}

func TestRun_SaysWhatTheServiceSays(t *testing.T) {
	t.Setenv(helios.EnvAPIKey, "")
	file := writeFile(t, "\ufeff"+`[{"name":"a","value":"b","flag":"high"}]`)
	var out, errs bytes.Buffer
	assert.Equal(t, 1, run(t.Context(), []string{file}, &out, &errs))
	assert.Contains(t, errs.String(), "400 Bad Request")
	assert.Contains(t, errs.String(), "labResults[0].flag")
}

func TestRun_Interrupted(t *testing.T) {
	t.Setenv(helios.EnvAPIKey, "")
	ctx, cancel := context.WithCancel(t.Context())
	out := writerFunc(func(p []byte) (int, error) {
		if bytes.Contains(p, []byte("1/8")) {
			cancel()
		}
		return len(p), nil
	})
	var errs bytes.Buffer
	assert.Equal(t, 130, run(ctx, nil, out, &errs))
	assert.Contains(t, errs.String(), "goes on")
}

func TestRun_OutputThatIsLostIsAnError(t *testing.T) {
	t.Setenv(helios.EnvAPIKey, "")
	for name, tt := range map[string]struct {
		failsAt string
		want    string
	}{
		"from the start": {"Running", "nothing was submitted, because nothing can be printed: no space left\n"},
		"on the way":     {"3/8", "the report could not be printed: no space left\n"},
		"at the report":  {"## Summary", "the report could not be printed: no space left\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var errs bytes.Buffer
			assert.Equal(t, 1, run(t.Context(), nil, fullAt(tt.failsAt), &errs))
			assert.Equal(t, tt.want, errs.String())
		})
	}
}

func writeFile(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "labs.json")
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	return name
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// fullAt returns a writer that fails from the first write with this text on, as
// a disk does that is full.
func fullAt(text string) io.Writer {
	full := false
	return writerFunc(func(p []byte) (int, error) {
		full = full || bytes.Contains(p, []byte(text))
		if full {
			return 0, errors.New("no space left")
		}
		return len(p), nil
	})
}
