package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInput_ErrorsNameFileLineAndField(t *testing.T) {
	t.Parallel()
	const (
		knownFields  = "unknown field; known are name, value, flag, referenceRange, date, unit, category"
		knownContext = "unknown field; known are age, gender, conditions, medications"
		oneLab       = `{"name":"a","value":"b"}`
	)
	tests := []struct{ name, content, want string }{
		{"empty file", "", ":1: the JSON ends too early"},
		{"empty list", "[]", ":1: labResults: holds no lab results"},
		{"empty list in an object", "{\n" + `"labResults": []` + "\n}", ":3: labResults: holds no lab results"},
		{"empty object", "{}", ":1: labResults: holds no lab results"},
		{"null", "null", ":1: must be an object"},
		{
			"unknown field", `{"labResults":[` + "\n" + `{"name":"a","valeu":"1"}]}`,
			":2: labResults[0].valeu: " + knownFields,
		},
		{
			"unknown field above", "{\n\n" + `"labs":[]}`,
			":3: labs: unknown field; known are labResults, patientContext",
		},
		{
			"unknown field in the context",
			`{"labResults":[` + oneLab + "],\n" + `"patientContext":{"sex":"m"}}`,
			":2: patientContext.sex: " + knownContext,
		},
		{"number for a string", `[{"name":"a",` + "\n" + `"value":1}]`, ":2: labResults[0].value: must be a string"},
		{"list for an object", "[[]]", ":1: labResults[0]: must be an object"},
		{"object for a list", `{"labResults":{}}`, ":1: labResults: must be a list"},
		{"missing value", "[\n" + `{"name":"a"` + "\n}]", ":2: labResults[0].value: is missing"},
		{"blank name", `[{"name":" ","value":"1"}]`, ":1: labResults[0].name: is empty"},
		{"field twice", `[{"name":"a","name":"b","value":"1"}]`, ":1: labResults[0].name: is there twice"},
		{"cut off", `[{"name":"a",` + "\n", ":1: labResults[0]: the JSON ends too early"},
		{"cut off behind empty lines", "\n\n" + `[{"name":"a",` + "\n", ":3: labResults[0]: the JSON ends too early"},
		{
			"broken", `[{"name":"a"` + "\n" + `"value":"1"}]`,
			`:2: labResults[0]: broken JSON: invalid character '"' after object key:value pair`,
		},
		{
			"too many", "[" + strings.Repeat(oneLab+",\n", 200) + oneLab + "]",
			":201: labResults: holds 201 lab results; a run takes 200",
		},
		{"Latin-1", `[{"name":"a",` + "\n\"value\":\"\xe9\"}]", ":2: the text is not UTF-8"},
		{"a name that steers the terminal", `[{"\u001b[31m":1}]`, ":1: labResults[0].[31m: " + knownFields},
		{"more after the end", "[" + oneLab + "]\nx", ":2: text after the end of the JSON"},
		{"a vertical tab after the end", "[" + oneLab + "]\n\v", ":2: text after the end of the JSON"},
		{
			"too large", "[" + strings.Repeat(" ", maxFileSize) + "]",
			": larger than 1048576 bytes; a run takes 200 lab results",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := writeFile(t, tt.content)
			var out, errs bytes.Buffer
			assert.Equal(t, 2, run(t.Context(), []string{file}, &out, &errs))
			assert.Equal(t, file+tt.want+"\n", errs.String())
			assert.Empty(t, out.String())
		})
	}
}

func TestInput_Arguments(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no such file": {[]string{filepath.Join(t.TempDir(), "missing.json")}, "missing.json"},
		"a directory":  {[]string{t.TempDir()}, "directory"},
		"a flag":       {[]string{"-h"}, "usage: quickstart [labs.json]"},
		"two files":    {[]string{"a", "b"}, "usage: quickstart [labs.json]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			assert.Equal(t, 2, run(t.Context(), tt.args, &out, &errs))
			assert.Contains(t, errs.String(), tt.want)
			assert.Empty(t, out.String())
		})
	}
}

// A device that never ends is read as far as a file may go, and no further.
func TestInput_ReadsNoFurtherThanItMust(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/zero"); err != nil {
		t.Skip("no /dev/zero here")
	}
	_, err := readFile("/dev/zero")
	assert.ErrorContains(t, err, "/dev/zero: larger than 1048576 bytes")
}

func TestInput_AHundredThousandResults(t *testing.T) {
	t.Parallel()
	const n = 100_000
	data := manyResults(n)
	_, err := parseRequest("labs.json", data)
	assert.EqualError(t, err, fmt.Sprintf("labs.json:%d: labResults: holds %d lab results; a run takes 200", n+1, n))

	// The counter has gone through the file once, and holds what is left of it.
	c := newChecker("labs.json", data)
	require.NoError(t, c.document(true))
	assert.Equal(t, n+1, c.line())
	assert.Empty(t, c.lines.rest)
}

func TestLineCounter_DropsWhatItHasCounted(t *testing.T) {
	t.Parallel()
	const text = "a\nbb\n\nc"
	counter := &lineCounter{rest: []byte(text), line: 1}
	for _, tt := range []struct {
		offset, line int
		rest         string
	}{
		{0, 1, text},
		{1, 1, "\nbb\n\nc"},
		{5, 3, "\nc"},
		{5, 3, "\nc"},
		{2, 3, "\nc"}, // behind: the line of the last offset
		{6, 4, "c"},
		{99, 4, ""},
	} {
		assert.Equal(t, tt.line, counter.at(tt.offset), "line of offset %d", tt.offset)
		assert.Equal(t, tt.rest, string(counter.rest), "left after offset %d", tt.offset)
	}
}

func manyResults(n int) []byte {
	return []byte("[" + strings.Repeat(`{"name":"a","value":"b"},`+"\n", n-1) + `{"name":"a","value":"b"}` + "\n]")
}

func BenchmarkParseRequest(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			data := manyResults(n)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				_, _ = parseRequest("labs.json", data)
			}
		})
	}
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
