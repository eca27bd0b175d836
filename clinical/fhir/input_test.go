package fhir_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

func deflated(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, s)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

// The error says what the input is if it is no JSON.
func TestInputOfAnotherKind(t *testing.T) {
	t.Parallel()

	const patient = `<Patient xmlns="http://hl7.org/fhir"/>`
	for input, want := range map[string]string{
		patient: "FHIR as XML, not as JSON",
		"\ufeff<?xml version=\"1.0\"?>\n<ClinicalDocument xmlns=\"urn:hl7-org:v3\">": "a C-CDA document",
		"<a/>":                              "XML",
		"<!DOCTYPE html><HTML lang=en>":     "HTML",
		"id,name,value\n1,Joe,2\n":          "CSV",
		"\"id\";\"name\";\"value\"\n":       "CSV",
		"\xff\xfe{\x00}\x00":                "UTF-16 text, not UTF-8",
		"{\x00}\x00":                        "UTF-16 text, not UTF-8",
		"MSH|^~\\&|A":                       "an HL7 v2 message, which package hl7v2 reads",
		"PK\x03\x04":                        "a ZIP archive",
		"%PDF-1.7":                          "PDF",
		"@prefix fhir: <http://hl7.org/f/>": "FHIR as Turtle, not as JSON",
		deflated(t, patient):                "FHIR as XML, not as JSON",
		deflated(t, deflated(t, "{}")):      "compressed twice",
	} {
		for _, r := range []io.Reader{strings.NewReader(input), iotest.OneByteReader(strings.NewReader(input))} {
			_, report, err := fhir.LabResults(r, fhir.Options{})
			assert.ErrorIs(t, err, fhir.ErrMalformed)
			assert.EqualError(t, err, "helios: fhir: the input is no FHIR JSON: it is "+want)
			assert.NotNil(t, report)
		}
		_, _, err := fhir.Agent(strings.NewReader(input), helios.AgentLight, fhir.Options{})
		assert.ErrorContains(t, err, want)
	}
}

// What gzip has compressed is read as what it was, and what is cut off is not.
func TestInputThatIsCompressed(t *testing.T) {
	t.Parallel()

	input := deflated(t, bundle(joe, of("1", "Patient/joe")))
	req, _ := results(t, input, fhir.Options{})
	assert.Equal(t, "1", sentValues(req))

	_, _, err := fhir.LabResults(strings.NewReader(input[:len(input)-12]), fhir.Options{})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	_, _, err = fhir.LabResults(strings.NewReader("\x1f\x8b\x00\x00\x00\x00\x00\x00\x00\x00"), fhir.Options{})
	require.ErrorIs(t, err, fhir.ErrMalformed)
	require.ErrorIs(t, err, gzip.ErrHeader)
}

// An answer of a server that is an error is named.
func TestOperationOutcome(t *testing.T) {
	t.Parallel()

	const outcome = `{"resourceType":"OperationOutcome","issue":[{"severity":"error","diagnostics":"Joe"}]}`
	for _, input := range []string{outcome, bundle(outcome), deflated(t, outcome)} {
		_, _, err := fhir.LabResults(strings.NewReader(input), fhir.Options{})
		require.ErrorIs(t, err, fhir.ErrNoResults)
		assert.ErrorContains(t, err, "the input is an OperationOutcome")
		_, _, err = fhir.Agent(strings.NewReader(input), helios.AgentLight, fhir.Options{})
		require.ErrorIs(t, err, fhir.ErrNoData)
		assert.ErrorContains(t, err, "the input is an OperationOutcome")
	}
	_, _, err := fhir.LabResults(reader(bundle(outcome, joe)), fhir.Options{})
	assert.EqualError(t, err, fhir.ErrNoResults.Error())
}

type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, nil }

func TestReaderThatReadsNothing(t *testing.T) {
	t.Parallel()

	_, _, err := fhir.LabResults(emptyReader{}, fhir.Options{})
	require.ErrorIs(t, err, io.ErrNoProgress)
}

// A date that is written otherwise is not a missing one.
func TestDatesWrittenOtherwise(t *testing.T) {
	t.Parallel()

	for _, date := range []string{"01/15/2025", "20250115", "2025-1-5", "yesterday"} {
		req, report := results(t, strings.Replace(lab("1", quantity), "2025-01-15", date, 1),
			fhir.Options{ResultsOnly: true})
		assert.Empty(t, req.LabResults[0].Date)
		counts(t, report, reasons{clinical.DateUnreadable: 1, clinical.Unclassified: 1})

		agent, report := record(t,
			`{"resourceType":"Condition","id":"1","code":{"text":"Flu"},"onsetDateTime":"`+date+`"}`, fhir.Options{})
		assert.Empty(t, agent.Data.PastMedicalHistory[0].OnsetDate)
		counts(t, report, reasons{clinical.DateUnreadable: 1})
	}
	req, report := results(t,
		strings.Replace(lab("1", `"issued":"2025-01-16T10:00:00Z",`+quantity), "2025-01-15", "15.1.2025", 1),
		fhir.Options{ResultsOnly: true})
	assert.Equal(t, "2025-01-16", req.LabResults[0].Date)
	counts(t, report, reasons{clinical.DateUnreadable: 1, clinical.DateIssued: 1, clinical.Unclassified: 1})
}
