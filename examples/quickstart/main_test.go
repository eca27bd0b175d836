package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

func TestRun_PrintsTheReport(t *testing.T) {
	t.Setenv(helios.EnvAPIKey, "")
	own := filepath.Join(t.TempDir(), "own.json")
	require.NoError(t, os.WriteFile(own, []byte(`[{"name":"Ferritin","value":"9 ng/mL","flag":"Low"}]`), 0o600))
	for name, tt := range map[string]struct {
		args []string
		want []string
	}{
		"sample":   {nil, []string{"4 lab results, 1 of 7 slots in use", "8/8 Delivering final results", "## Summary", "Creatinine", "Sources\n  [1] "}},
		"own file": {[]string{own}, []string{"1 lab results", "Ferritin", "9 ng/mL"}},
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

func TestRun_BadInputNamesFileLineAndField(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, content, want string }{
		{"empty file", "", ":1: the JSON ends too early"},
		{"empty list", "[]", ":1: labResults: holds no lab results"},
		{"empty list in an object", "{\n\"labResults\": []\n}", ":3: labResults: holds no lab results"},
		{"empty object", "{}", ":1: labResults: holds no lab results"},
		{"null", "null", ":1: must be an object"},
		{"unknown field", "{\"labResults\":[\n{\"name\":\"a\",\"valeu\":\"1\"}]}", ":2: labResults[0].valeu: unknown field; known are name, value, flag, referenceRange, date, unit, category"},
		{"unknown field above", "{\n\n\"labs\":[]}", ":3: labs: unknown field; known are labResults, patientContext"},
		{"unknown field in the context", "{\"labResults\":[{\"name\":\"a\",\"value\":\"b\"}],\n\"patientContext\":{\"sex\":\"m\"}}", ":2: patientContext.sex: unknown field; known are age, gender, conditions, medications"},
		{"number for a string", "[{\"name\":\"a\",\n\"value\":1}]", ":2: labResults[0].value: must be a string"},
		{"list for an object", "[[]]", ":1: labResults[0]: must be an object"},
		{"object for a list", "{\"labResults\":{}}", ":1: labResults: must be a list"},
		{"missing value", "[\n{\"name\":\"a\"\n}]", ":2: labResults[0].value: is missing"},
		{"blank name", "[{\"name\":\" \",\"value\":\"1\"}]", ":1: labResults[0].name: is empty"},
		{"field twice", "[{\"name\":\"a\",\"name\":\"b\",\"value\":\"1\"}]", ":1: labResults[0].name: is there twice"},
		{"cut off", "[{\"name\":\"a\",\n", ":1: labResults[0]: the JSON ends too early"},
		{"broken", "[{\"name\":\"a\"\n\"value\":\"1\"}]", ":2: labResults[0]: broken JSON: invalid character '\"' after object key:value pair"},
		{"more after the end", "[{\"name\":\"a\",\"value\":\"b\"}]\nx", ":2: text after the end of the JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "labs.json")
			require.NoError(t, os.WriteFile(file, []byte(tt.content), 0o600))
			var out, errs bytes.Buffer
			assert.Equal(t, 2, run(t.Context(), []string{file}, &out, &errs))
			assert.Equal(t, file+tt.want+"\n", errs.String())
			assert.Empty(t, out.String())
		})
	}
	t.Run("no file", func(t *testing.T) {
		t.Parallel()
		var out, errs bytes.Buffer
		assert.Equal(t, 2, run(t.Context(), []string{"missing.json"}, &out, &errs))
		assert.Contains(t, errs.String(), "missing.json")
	})
	t.Run("two files", func(t *testing.T) {
		t.Parallel()
		var out, errs bytes.Buffer
		assert.Equal(t, 2, run(t.Context(), []string{"a", "b"}, &out, &errs))
		assert.Contains(t, errs.String(), "usage")
	})
}

func FuzzParseRequest(f *testing.F) {
	f.Add(sample)
	f.Add([]byte(`[{"name":"a","value":"b"}]`))
	f.Add([]byte(`{"labResults":[{"name":"a","value":1}],"patientContext":{"conditions":[{}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		req, err := parseRequest("f.json", data)
		if err != nil {
			assert.Contains(t, err.Error(), "f.json:")
			return
		}
		assert.NotEmpty(t, req.LabResults)
	})
}
