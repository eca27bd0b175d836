package fhir_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
	"github.com/heliosai/helios-go/heliostest"
)

var update = flag.Bool("update", false, "write testdata/samples.golden anew")

// sample is a file of the shared sample data, which is no part of the project.
type sample struct {
	name string // without what a file is named after: a patient
	data []byte
}

func samples(t *testing.T) []sample {
	t.Helper()
	var all []sample
	for _, folder := range []string{"synthea-r4", "hl7-r4-examples", "us-core", "cdc-fhir", "fhir-stu3",
		"fhir-r5", "us-core-3.0"} {
		files, err := filepath.Glob("../../../shared/data/" + folder + "/*.json")
		require.NoError(t, err)
		if len(files) == 0 {
			if os.Getenv("CI") == "true" {
				t.Fatal("no samples of FHIR beside the checkout")
			}
			t.Skip("no samples of FHIR beside the checkout")
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			name := filepath.Base(file)
			if folder == "synthea-r4" {
				name = name[strings.LastIndexByte(name, '_')+1:]
			}
			all = append(all, sample{folder + "/" + name, data})
		}
	}
	return all
}

// converted is what becomes of a sample.
type converted struct {
	labs                      *helios.LabResultsRequest
	agent                     *helios.AgentRequest
	labsReport, agentReport   *clinical.Report
	labsFailure, agentFailure error
}

// convert converts a sample. If it is about several patients, the first is
// chosen.
func (s sample) convert(opts fhir.Options) converted {
	opts.ReferenceDate = day
	var c converted
	c.labs, c.labsReport, c.labsFailure = fhir.LabResults(bytes.NewReader(s.data), opts)
	c.agent, c.agentReport, c.agentFailure = fhir.Agent(bytes.NewReader(s.data), helios.AgentDeep, opts)
	return c
}

// summary is a report without the places.
func summary(b *strings.Builder, title string, r *clinical.Report, err error) {
	fmt.Fprintf(b, "  %s", title)
	if err != nil {
		fmt.Fprintf(b, ": %v", err)
	}
	for _, list := range []string{"labResults", "recentAbnormalLabs", "recentNormalLabs", "vitalSigns",
		"pastMedicalHistory", "medications", "patientContext.conditions", "patientContext.medications"} {
		if n := r.Sent[list]; n > 0 {
			fmt.Fprintf(b, " %s %d", list, n)
		}
	}
	b.WriteByte('\n')
	for _, c := range r.Counts() {
		sign := "-"
		if c.Sent {
			sign = "+"
		}
		text := string(c.Reason)
		if c.Detail != "" {
			text += ": " + c.Detail
		}
		fmt.Fprintf(b, "    %s %3d %s\n", sign, c.N, text)
	}
}

// What is sent and dropped of each sample, and why, is in
// testdata/samples.golden: counts only. Samples of which the same is said stand
// together.
func TestSamples(t *testing.T) {
	t.Parallel()
	var said []string
	names := map[string]string{}
	for _, s := range samples(t) {
		c := s.convert(fhir.Options{})
		var b strings.Builder
		summary(&b, "lab results:", c.labsReport, c.labsFailure)
		summary(&b, "agent:", c.agentReport, c.agentFailure)
		if names[b.String()] == "" {
			said = append(said, b.String())
		}
		names[b.String()] += s.name + "\n"
	}
	var table strings.Builder
	for _, text := range said {
		table.WriteString(names[text] + text + "\n")
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

// object is a decoded JSON object, read by encoding/json and so independently
// of the package.
type object = map[string]any

// resources returns the resources of a sample.
func (s sample) resources(t *testing.T) []object {
	t.Helper()
	var root object
	require.NoError(t, json.Unmarshal(s.data, &root))
	if root["resourceType"] != "Bundle" {
		return []object{root}
	}
	var all []object
	for _, e := range root["entry"].([]any) {
		if r, ok := e.(object)["resource"].(object); ok {
			all = append(all, r)
		}
	}
	return all
}

// Every resource is sent, in part at least, or reported.
func TestSamplesLoseNothing(t *testing.T) {
	t.Parallel()
	for _, s := range samples(t) {
		c := s.convert(fhir.Options{})
		atLeast, drugs := 0, 0
		for _, r := range s.resources(t) {
			switch r["resourceType"] {
			case "Patient":
			case "Medication":
				drugs++
			default:
				atLeast++
			}
		}
		for name, r := range map[string]*clinical.Report{"lab results": c.labsReport, "agent": c.agentReport} {
			sent := 0
			for _, n := range r.Sent {
				sent += n
			}
			assert.GreaterOrEqual(t, sent+r.Dropped(), atLeast, "%s of %s", name, s.name)
			assert.LessOrEqual(t, r.Count(clinical.Malformed)+r.Count(clinical.TooLarge), 0, s.name)
		}
		if drugs == 1 && len(s.resources(t)) == 1 {
			assert.Equal(t, 1, c.agentReport.Count(clinical.TypeNotSent), s.name)
		}
	}
}

// What is sent is what the SDK and the fake service take.
func TestSamplesAreAccepted(t *testing.T) {
	t.Parallel()
	server := heliostest.NewServer(heliostest.WithLimit(1000))
	t.Cleanup(server.Close)
	hook := httptest.NewServer(
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }),
	)
	t.Cleanup(hook.Close)
	client, err := helios.NewClient(helios.WithAPIKey(server.APIKey), helios.WithBaseURL(server.URL),
		helios.WithWebhookURL(hook.URL))
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	accepted := 0
	for _, s := range samples(t) {
		c := s.convert(fhir.Options{Unclassified: "recentLabs"})
		if c.labs != nil {
			require.NoError(t, client.LabResults.Validate(c.labs), s.name)
			_, err := client.LabResults.Submit(t.Context(), c.labs)
			require.NoError(t, err, s.name)
			accepted++
		}
		if c.agent != nil {
			require.NoError(t, client.Agent.Validate(c.agent), s.name)
			_, err := client.Agent.Submit(t.Context(), c.agent)
			require.NoError(t, err, s.name)
			accepted++
		}
	}
	assert.Positive(t, accepted)
}

// HL7's and US Core's examples that are interpreted by their authors come into
// the list, and with the word, that the interpretation says.
func TestSamplesByInterpretation(t *testing.T) {
	t.Parallel()
	words := map[string]string{"H": "High", "L": "Low", "HH": "Critical High", "LL": "Critical Low", "N": ""}
	checked := map[string]int{}
	for _, s := range samples(t) {
		for _, r := range s.resources(t) {
			code := interpretation(r)
			word, ok := words[code]
			if r["resourceType"] != "Observation" || !ok || r["valueQuantity"] == nil ||
				strings.HasPrefix(s.name, "cdc-fhir") {
				continue
			}
			data, err := json.Marshal(r)
			require.NoError(t, err)
			c := sample{s.name, data}.convert(fhir.Options{})
			require.NoError(t, c.agentFailure, "%s %s\n%s", s.name, r["id"], c.agentReport)
			list := c.agent.Data.RecentAbnormalLabs
			if code == "N" {
				list = c.agent.Data.RecentNormalLabs
			}
			require.Len(t, list, 1, "%s %s", s.name, r["id"])
			assert.Equal(t, word, list[0].Interpretation, "%s %s", s.name, r["id"])
			checked[code]++
		}
	}
	for code := range words {
		assert.Positive(t, checked[code], "no sample is interpreted as %s", code)
	}
}

// interpretation returns the only code of an Observation's interpretation.
func interpretation(r object) string {
	list, _ := r["interpretation"].([]any)
	if len(list) != 1 {
		return ""
	}
	codings, _ := list[0].(object)["coding"].([]any)
	if len(codings) != 1 {
		return ""
	}
	code, _ := codings[0].(object)["code"].(string)
	return code
}
