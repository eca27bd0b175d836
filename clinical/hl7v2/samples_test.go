package hl7v2_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/heliostest"
	"github.com/heliosai/helios-go/clinical/hl7v2"
)

var update = flag.Bool("update", false, "write testdata/samples.golden anew")

// referenceDate keeps the ages of the samples' patients from changing.
var referenceDate = time.Date(2025, 1, 15, 0, 0, 0, 0, time.UTC)

// samples returns the files of shared sample data, which are no part of the project.
func samples(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../../shared/data/hl7v2-oru/*.hl7")
	require.NoError(t, err)
	if len(files) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("no sample messages beside the checkout")
		}
		t.Skip("no sample messages beside the checkout")
	}
	return files
}

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
		assert.Equal(t, observations, c.report.Sent["labResults"]+c.report.Dropped(), "every OBX of %s is sent or reported", filepath.Base(file))
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
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	t.Cleanup(hook.Close)
	client, err := helios.NewClient(helios.WithAPIKey(server.APIKey), helios.WithBaseURL(server.URL), helios.WithWebhookURL(hook.URL))
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
