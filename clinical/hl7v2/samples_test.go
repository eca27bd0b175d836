package hl7v2_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/hl7v2"
	"github.com/heliosai/helios-go/heliostest"
)

var update = flag.Bool("update", false, "write testdata/samples.golden anew")

// converted is what became of one file.
type converted struct {
	patients []hl7v2.Patient
	report   *clinical.Report // of everything
}

func convert(t *testing.T, data []byte) converted {
	t.Helper()
	patients, rest, err := hl7v2.ByPatient(bytes.NewReader(data), hl7v2.Options{ReferenceDate: referenceDate})
	require.NoError(t, err)
	all := &clinical.Report{}
	all.Merge(rest)
	for _, p := range patients {
		all.Merge(p.Report)
	}
	return converted{patients, all}
}

func TestSamples(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	for _, file := range samples(t) {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		c := convert(t, data)
		fmt.Fprintf(&table, "%s: %d patients\n%s\n", filepath.Base(file), len(c.patients), counts(c.report))

		observations := 0
		for _, line := range bytes.FieldsFunc(data, func(r rune) bool { return r == '\r' || r == '\n' }) {
			if bytes.HasPrefix(line, []byte("OBX")) {
				observations++
			}
		}
		assert.Equal(t, observations, c.report.Sent["labResults"]+c.report.Dropped(),
			"every OBX of %s is sent or reported", filepath.Base(file))
	}
	const golden = "testdata/samples.golden"
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, []byte(table.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), table.String())
}

// counts is a report without the places.
func counts(r *clinical.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  sent %d, not sent %d\n", r.Sent["labResults"], r.Dropped())
	for _, c := range r.Counts() {
		sign := "-"
		if c.Sent {
			sign = "+"
		}
		text := string(c.Reason)
		if c.Detail != "" {
			text += ": " + c.Detail
		}
		fmt.Fprintf(&b, "  %s %3d %s\n", sign, c.N, text)
	}
	return b.String()
}

func TestSamplesOfOnePatientAreTheSameForLabResults(t *testing.T) {
	t.Parallel()
	for _, file := range samples(t) {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		c := convert(t, data)
		req, report, err := hl7v2.LabResults(bytes.NewReader(data), hl7v2.Options{ReferenceDate: referenceDate})
		if len(c.patients) > 1 {
			assert.ErrorIs(t, err, hl7v2.ErrMultiplePatients, file)
			assert.Nil(t, req)
			continue
		}
		assert.ErrorIs(t, err, c.patients[0].Err)
		assert.Equal(t, c.patients[0].Request, req)
		assert.Equal(t, c.report.String(), report.String())
	}
}

func TestSamplesAreAccepted(t *testing.T) {
	t.Parallel()
	server := heliostest.NewServer(heliostest.WithLimit(1000))
	t.Cleanup(server.Close)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
		_ *http.Request) {
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(hook.Close)
	client, err := helios.NewClient(helios.WithAPIKey(server.APIKey), helios.WithBaseURL(server.URL),
		helios.WithWebhookURL(hook.URL))
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	for _, file := range samples(t) {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, p := range convert(t, data).patients {
			if p.Err != nil {
				assert.ErrorIs(t, p.Err, hl7v2.ErrNoResults)
				continue
			}
			require.NoError(t, client.LabResults.Validate(p.Request), file)
			run, err := client.LabResults.Submit(t.Context(), p.Request)
			require.NoError(t, err, file)
			assert.NotEmpty(t, run.ID)
		}
	}
}

func TestSamplesNeverSendQuestions(t *testing.T) {
	t.Parallel()
	for _, file := range samples(t) {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		questions := map[string]bool{}
		for _, line := range strings.FieldsFunc(string(data), func(r rune) bool { return r == '\r' || r == '\n' }) {
			if fields := strings.Split(line, "|"); fields[0] == "OBX" && len(fields) > 29 && fields[29] == "QST" {
				questions[strings.Split(fields[3]+"^", "^")[1]] = true
			}
		}
		for _, p := range convert(t, data).patients {
			if p.Request == nil {
				continue
			}
			for _, lab := range p.Request.LabResults {
				assert.False(t, questions[lab.Name], file)
			}
		}
	}
}

// personal are the fields that tell of people, places and orders; 0 is every
// field of the segment.
var personal = map[string][]int{
	"PID": {2, 3, 4, 5, 6, 7, 9, 11, 12, 13, 14, 18, 19, 20, 21, 23, 26, 27, 28, 31},
	"NK1": {0},
	"PV1": {3, 5, 7, 8, 9, 17, 19, 20, 50, 52},
	"ORC": {2, 3, 4, 8, 10, 11, 12, 13, 14, 17, 18, 19, 21, 22, 23, 24},
	"OBR": {2, 3, 10, 16, 17, 18, 19, 20, 21, 28, 29, 32, 33, 34, 35},
	"OBX": {15, 16, 18, 23, 24, 25},
	"NTE": {3},
	"SPM": {2, 3, 30, 31},
	"MSH": {3, 4, 5, 6, 10},
	"SFT": {0},
}

// shortest is how long a string must be to be looked for: shorter ones, such as
// the name of a state, are in many words.
const shortest = 4

// allowed are strings of those fields that an output may hold, each for its
// reason.
var allowed = map[string]string{
	"2021": "a version of software, and the year of a date",
	"TEST": "a doctor's made-up name, and a word of LOINC's names",
	"Phil": "a doctor's name, and a part of Neutrophils",
}

// personalStrings collects what must not leave, with a reader of its own.
func personalStrings(data string) []string {
	found := map[string]bool{}
	var take func(s, separators string)
	take = func(s, separators string) {
		if s = strings.TrimSpace(s); len(s) >= shortest {
			found[s] = true
		}
		if separators == "" {
			return
		}
		if parts := strings.Split(s, separators[:1]); len(parts) > 1 {
			for _, part := range parts {
				take(part, separators[1:])
			}
		} else {
			take(s, separators[1:])
		}
	}
	for _, line := range strings.FieldsFunc(data, func(r rune) bool { return r == '\r' || r == '\n' }) {
		fields := strings.Split(line, "|")
		if fields[0] == "MSH" {
			fields = slices.Insert(fields, 1, "|")
		}
		numbers := personal[fields[0]]
		if slices.Equal(numbers, []int{0}) {
			numbers = nil
			for n := 1; n < len(fields); n++ {
				numbers = append(numbers, n)
			}
		}
		if fields[0] == "OBX" && len(fields) > 5 && (strings.HasPrefix(fields[2], "ED") ||
			strings.HasPrefix(fields[2], "RP")) {
			numbers = append(slices.Clone(numbers), 5)
		}
		for _, n := range numbers {
			if n < len(fields) {
				take(fields[n], "~^&")
			}
		}
	}
	all := make([]string, 0, len(found))
	for s := range found {
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

// outputs is all that a conversion gives out.
func outputs(t *testing.T, data []byte) string {
	t.Helper()
	c := convert(t, data)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, p := range c.patients {
		if p.Request != nil {
			require.NoError(t, enc.Encode(p.Request.LabResults))
			require.NoError(t, enc.Encode(p.Request.PatientContext))
		} else {
			b.WriteString(p.Err.Error())
		}
		require.NoError(t, enc.Encode(p.Report))
		b.WriteString(p.Report.String())
	}
	require.NoError(t, enc.Encode(c.report))
	_, report, err := hl7v2.LabResults(bytes.NewReader(data), hl7v2.Options{ReferenceDate: referenceDate})
	if err != nil {
		assert.True(t, errors.Is(err, hl7v2.ErrMultiplePatients) || errors.Is(err, hl7v2.ErrNoResults))
		b.WriteString(err.Error())
	}
	b.WriteString(report.String())
	return strings.ToLower(b.String())
}

func TestSamplesLeakNothingPersonal(t *testing.T) {
	t.Parallel()
	searched := 0
	for _, file := range samples(t) {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		out := outputs(t, data)
		for _, s := range personalStrings(string(data)) {
			if _, ok := allowed[s]; ok {
				continue
			}
			searched++
			if strings.Contains(out, strings.ToLower(s)) {
				t.Errorf("%s: %q", filepath.Base(file), s)
			}
		}
	}
	assert.Greater(t, searched, 1000)
	t.Logf("%d strings searched", searched)
}
