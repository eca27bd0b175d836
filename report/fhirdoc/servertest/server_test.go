// Package servertest files reports at a FHIR server.
package servertest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/report"
	"github.com/heliosai/helios-go/report/fhirdoc"
)

type resource struct {
	ID     string
	Target []struct{ Reference string }
	Agent  []struct {
		Who struct{ Reference string }
	}
}

// A report that is filed twice is one document of each kind, with one
// Provenance that names it and the one Device.
func TestFiledTwice(t *testing.T) {
	if _, err := os.Stat("node_modules"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("the server is not installed: npm ci")
		}
		t.Skip("the server is not installed: npm ci")
	}

	result := &helios.Result{ClinicianResponse: "Creatinine 1.8 mg/dL."}
	page := report.New(result, report.Clinician, report.Options{})
	opts := fhirdoc.Options{Subject: "Patient/1", Encounter: "Encounter/7", RunID: "run_a1b2"}
	document, err := fhirdoc.DocumentReference(page, opts)
	require.NoError(t, err)
	diagnostic, err := fhirdoc.DiagnosticReport(page, opts)
	require.NoError(t, err)

	found := post(t, document, diagnostic, document, diagnostic)

	assert.Equal(t, [][]string{
		{"201", "201", "201"}, {"200", "201", "201"}, {"200", "200", "200"}, {"200", "200", "200"},
	}, found.Statuses, "201 is created, 200 was there")
	device, diagnosed := found.Held["Device"], found.Held["DiagnosticReport"]
	reference := found.Held["DocumentReference"]
	require.Len(t, device, 1)
	require.Len(t, reference, 1)
	require.Len(t, diagnosed, 1)
	require.Len(t, found.Held["Provenance"], 2)
	assert.Equal(t, "DocumentReference/"+reference[0].ID, found.Held["Provenance"][0].Target[0].Reference)
	assert.Equal(t, "DiagnosticReport/"+diagnosed[0].ID, found.Held["Provenance"][1].Target[0].Reference)
	assert.Equal(t, "Device/"+device[0].ID, found.Held["Provenance"][0].Agent[0].Who.Reference)
}

type answer struct {
	Statuses [][]string
	Held     map[string][]resource
}

// post sends Bundles to a server, one after the other.
func post(t *testing.T, bundles ...json.RawMessage) answer {
	t.Helper()
	input, err := json.Marshal(bundles)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "node", "server.js")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), os.Stderr
	output, err := cmd.Output()
	require.NoError(t, err)

	var found answer
	require.NoError(t, json.Unmarshal(output, &found))
	return found
}
