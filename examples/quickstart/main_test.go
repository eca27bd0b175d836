package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
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
		"sample":   {nil, []string{"Lab results: 4. Slots in use: 1 of 7.", "8/8 Delivering final results", "## Summary", "Creatinine", "Sources\n  [1] "}},
		"own file": {[]string{own}, []string{"Lab results: 1.", "Ferritin", "9 ng/mL"}},
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
		{"too many", "[" + strings.Repeat("{\"name\":\"a\",\"value\":\"b\"},\n", 200) + "{\"name\":\"a\",\"value\":\"b\"}]", ":201: labResults: holds 201 lab results; a run takes 200"},
		{"Latin-1", "[{\"name\":\"a\",\n\"value\":\"\xe9\"}]", ":2: the text is not UTF-8"},
		{"a name that steers the terminal", "[{\"\\u001b[31m\":1}]", ":1: labResults[0].[31m: unknown field; known are name, value, flag, referenceRange, date, unit, category"},
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
	t.Run("a flag", func(t *testing.T) {
		t.Parallel()
		var out, errs bytes.Buffer
		assert.Equal(t, 2, run(t.Context(), []string{"-h"}, &out, &errs))
		assert.Contains(t, errs.String(), "usage")
	})
	t.Run("two files", func(t *testing.T) {
		t.Parallel()
		var out, errs bytes.Buffer
		assert.Equal(t, 2, run(t.Context(), []string{"a", "b"}, &out, &errs))
		assert.Contains(t, errs.String(), "usage")
	})
}

func TestRun_SaysWhatTheServiceSays(t *testing.T) {
	t.Setenv(helios.EnvAPIKey, "")
	file := filepath.Join(t.TempDir(), "labs.json")
	require.NoError(t, os.WriteFile(file, []byte("\ufeff[{\"name\":\"a\",\"value\":\"b\",\"flag\":\"high\"}]"), 0o600))
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

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

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
