package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun_Sample(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{nil, []string{
			"5  labResults",
			"its status says not to use it: entered-in-error",
			"Observation/potassium-wrong",
		}},
		{[]string{"-agent", "light"}, []string{
			"2  recentAbnormalLabs",
			"2  recentNormalLabs",
			"1  vitalSigns",
			"not classified as normal or abnormal by the data",
		}},
		{[]string{"-json"}, []string{`"name": "Hemoglobin A1c"`, `"value": "7.2 %"`, `"age": "58"`}},
		{[]string{"-submit"}, []string{
			"accepted by a fake Helios",
			"8/8 Delivering final results",
			"## Summary",
			"Creatinine",
		}},
		{[]string{"-submit", "-agent", "deep"}, []string{"accepted by a fake Helios", "## Summary"}},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			require.Equal(t, 0, run(t.Context(), tt.args, &out, &errs), errs.String())
			for _, want := range tt.want {
				assert.Contains(t, out.String(), want)
			}
			assert.Empty(t, errs.String())
			for _, secret := range []string{"Lovelace", "Ada", "MRN-0042", "555-0142", "James", "London"} {
				assert.NotContains(t, out.String(), secret)
			}
		})
	}
}

func TestRun_OwnFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "own.json")
	require.NoError(t, os.WriteFile(file, []byte(`{
		"resourceType": "Observation", "id": "o1", "status": "final",
		"category": [{"coding": [{"code": "laboratory"}]}],
		"code": {"text": "Ferritin"}, "valueQuantity": {"value": 9, "unit": "ng/mL"}
	}`), 0o600))

	var out, errs bytes.Buffer
	assert.Equal(t, 0, run(t.Context(), []string{"-json", file}, &out, &errs), errs.String())
	assert.Contains(t, out.String(), `"value": "9 ng/mL"`)
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestRun_LostOutputIsAnError(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"-json"}, {"-submit"}} {
		var errs bytes.Buffer
		assert.Equal(t, 1, run(t.Context(), args, fullDisk{}, &errs), args)
		assert.Contains(t, errs.String(), syscall.ENOSPC.Error())
	}
}

func TestRun_BadInput(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken.json")
	require.NoError(t, os.WriteFile(broken, []byte(`{"resourceType": "Bundle", "entry": [`), 0o600))
	for want, args := range map[string][]string{
		"no such file":                {"missing.json"},
		"one file at a time":          {"a", "b"},
		`-agent must be "light"`:      {"-agent", "x"},
		"flag provided but not defin": {"-x"},
		broken + ": helios: fhir: ":   {broken},
	} {
		var out, errs bytes.Buffer
		assert.Equal(t, 2, run(t.Context(), args, &out, &errs), want)
		assert.Contains(t, errs.String(), want)
	}
}
