package fhirdoc_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/samply/golang-fhir-models/fhir-models/fhir"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/report"
	"github.com/heliosai/helios-go/report/fhirdoc"
)

const asserted = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue|AIAST"

var completed = time.Date(2026, 1, 15, 9, 30, 0, 0, time.UTC)

func page(audience report.Audience) *report.Report {
	return report.New(&helios.Result{
		PatientResponse:   "Your creatinine is **high** [1].",
		ClinicianResponse: "Creatinine 1.8 mg/dL [1].",
		Citations: helios.Citations{
			Patient:   map[string]helios.Citation{"1": {Title: "Creatinine", URL: "https://example.org/1"}},
			Clinician: map[string]helios.Citation{"1": {Title: "Creatinine", URL: "https://example.org/1"}},
		},
	}, audience, report.Options{})
}

func options() fhirdoc.Options {
	return fhirdoc.Options{Subject: "Patient/1", Encounter: "Encounter/7", RunID: "run_a1b2", Time: completed}
}

// transaction is a Bundle as R4's definitions have it. What they do not know is
// an error.
type transaction struct {
	bundle     fhir.Bundle
	document   json.RawMessage
	device     fhir.Device
	provenance fhir.Provenance
}

func parse(t *testing.T, encoded []byte) transaction {
	t.Helper()
	var tx transaction
	strictly(t, encoded, &tx.bundle)
	require.Equal(t, fhir.BundleTypeTransaction, tx.bundle.Type)
	require.Len(t, tx.bundle.Entry, 3)
	strictly(t, tx.bundle.Entry[0].Resource, &tx.device)
	tx.document = tx.bundle.Entry[1].Resource
	strictly(t, tx.bundle.Entry[2].Resource, &tx.provenance)
	return tx
}

// strictly decodes JSON into a model that is generated from HL7's definitions.
// The models of resources do not have resourceType.
func strictly(t *testing.T, encoded []byte, model any) {
	t.Helper()
	elements := map[string]json.RawMessage{}
	require.NoError(t, json.Unmarshal(encoded, &elements))
	delete(elements, "resourceType")
	encoded, err := json.Marshal(elements)
	require.NoError(t, err)
	d := json.NewDecoder(bytes.NewReader(encoded))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(model))
}

func TestDocumentReference(t *testing.T) {
	t.Parallel()
	encoded, err := fhirdoc.DocumentReference(page(report.Clinician), options())
	require.NoError(t, err)
	tx := parse(t, encoded)
	var document fhir.DocumentReference
	strictly(t, tx.document, &document)

	assert.Equal(t, fhir.DocumentReferenceStatusCurrent, document.Status)
	assert.Equal(t, fhir.CompositionStatusPreliminary, *document.DocStatus)
	assert.Equal(t, []string{asserted}, codes(document.Meta.Security))
	assert.Equal(t, "Patient/1", *document.Subject.Reference)
	assert.Equal(t, "Encounter/7", *document.Context.Encounter[0].Reference)
	assert.Equal(t, "run_a1b2.clinician", *document.Identifier[0].Value)
	assert.Equal(t, "2026-01-15T09:30:00.000Z", *document.Date)
	assert.Equal(t, page(report.Clinician).Title(), *document.Type.Text)
	assert.Equal(t, *tx.bundle.Entry[0].FullUrl, *document.Author[0].Reference, "the author is the Device")

	attachments := make([]fhir.Attachment, 0, 2)
	for _, content := range document.Content {
		attachments = append(attachments, content.Attachment)
	}
	assertPage(t, page(report.Clinician), attachments)
}

func TestDiagnosticReport(t *testing.T) {
	t.Parallel()
	opts := options()
	opts.Category = fhirdoc.Coding{System: "http://terminology.hl7.org/CodeSystem/v2-0074", Code: "LAB"}
	opts.Type = fhirdoc.Coding{System: "http://loinc.org", Code: "11502-2", Display: "Laboratory report"}
	encoded, err := fhirdoc.DiagnosticReport(page(report.Patient), opts)
	require.NoError(t, err)
	tx := parse(t, encoded)
	var document fhir.DiagnosticReport
	strictly(t, tx.document, &document)

	assert.Equal(t, fhir.DiagnosticReportStatusPreliminary, document.Status)
	assert.Equal(t, []string{asserted}, codes(document.Meta.Security))
	assert.Equal(t, "Patient/1", *document.Subject.Reference)
	assert.Equal(t, "Encounter/7", *document.Encounter.Reference)
	assert.Equal(t, "run_a1b2.patient", *document.Identifier[0].Value)
	assert.Equal(t, []string{"http://loinc.org|11502-2"}, codes(document.Code.Coding))
	assert.Equal(t, []string{"http://terminology.hl7.org/CodeSystem/v2-0074|LAB"}, codes(document.Category[0].Coding))
	assertPage(t, page(report.Patient), document.PresentedForm)
}

// assertPage checks that the page is attached whole, as HTML and as text.
func assertPage(t *testing.T, r *report.Report, attachments []fhir.Attachment) {
	t.Helper()
	var html, text bytes.Buffer
	require.NoError(t, r.WriteHTML(&html))
	require.NoError(t, r.WriteText(&text, 80))

	require.Len(t, attachments, 2)
	for i, want := range []struct{ contentType, data string }{
		{"text/html; charset=utf-8", html.String()}, {"text/plain; charset=utf-8", text.String()},
	} {
		got := attachments[i]
		assert.Equal(t, want.contentType, *got.ContentType)
		data := decoded(t, *got.Data)
		assert.Equal(t, want.data, string(data))
		assert.Equal(t, len(data), *got.Size)
		hash := sha1.Sum(data)
		assert.Equal(t, hash[:], decoded(t, *got.Hash))
		assert.Equal(t, r.Title(), *got.Title)
	}
}

func TestProvenance_says_that_the_Device_is_the_author(t *testing.T) {
	t.Parallel()
	encoded, err := fhirdoc.DocumentReference(page(report.Clinician), options())
	require.NoError(t, err)
	tx := parse(t, encoded)

	const kind = "http://hl7.org/fhir/uv/aitransparency/CodeSystem/AIdeviceTypeCS|Artificial-Intelligence"
	assert.Equal(t, "Helios agent", tx.device.DeviceName[0].Name)
	assert.Equal(t, []string{kind}, codes(tx.device.Type.Coding))
	assert.Equal(t, *tx.bundle.Entry[1].FullUrl, *tx.provenance.Target[0].Reference)
	assert.Equal(t, *tx.bundle.Entry[0].FullUrl, *tx.provenance.Agent[0].Who.Reference)
	assert.Equal(t, []string{kind}, codes(tx.provenance.Agent[0].Role[0].Coding))
	assert.Equal(t, []string{asserted}, codes(tx.provenance.Reason[0].Coding))
	assert.Equal(t, "2026-01-15T09:30:00.000Z", tx.provenance.Recorded)
}

func TestFiledTwice_is_one_document(t *testing.T) {
	t.Parallel()
	first, err := fhirdoc.DocumentReference(page(report.Clinician), options())
	require.NoError(t, err)
	again, err := fhirdoc.DocumentReference(page(report.Clinician), options())
	require.NoError(t, err)
	assert.Equal(t, string(first), string(again))

	conditions := func(encoded []byte) (all []string) {
		for _, entry := range parse(t, encoded).bundle.Entry {
			assert.Equal(t, fhir.HTTPVerbPOST, entry.Request.Method)
			condition, err := url.QueryUnescape(*entry.Request.IfNoneExist)
			require.NoError(t, err)
			all = append(all, entry.Request.Url+"?"+condition)
		}
		return all
	}
	const system = "https://github.com/heliosai/helios-go/run|"
	assert.Equal(t, []string{
		"Device?identifier=https://github.com/heliosai/helios-go/device|helios-agent",
		"DocumentReference?identifier=" + system + "run_a1b2.clinician",
		"Provenance?_tag=" + system + "DocumentReference.run_a1b2.clinician",
	}, conditions(first))

	other, err := fhirdoc.DocumentReference(page(report.Patient), options())
	require.NoError(t, err)
	assert.NotEqual(t, conditions(first)[1:], conditions(other)[1:], "the other audience's is another document")
}

func TestOptions_zero_but_for_the_subject(t *testing.T) {
	t.Parallel()
	before := time.Now().Add(-time.Second)
	encoded, err := fhirdoc.DocumentReference(page(report.Patient), fhirdoc.Options{Subject: "Patient/1"})
	require.NoError(t, err)
	var document fhir.DocumentReference
	strictly(t, parse(t, encoded).document, &document)

	assert.Regexp(t, `\Asha256-[0-9a-f]{64}\.patient\z`, *document.Identifier[0].Value)
	assert.Nil(t, document.Context)
	date, err := time.Parse(time.RFC3339, *document.Date)
	require.NoError(t, err)
	assert.True(t, date.After(before))
}

// Without a run id, equal pages of two patients are two documents.
func TestOptions_without_run_id_two_patients(t *testing.T) {
	t.Parallel()
	var ids []string
	for _, subject := range []string{"Patient/1", "Patient/2"} {
		encoded, err := fhirdoc.DocumentReference(page(report.Patient), fhirdoc.Options{Subject: subject})
		require.NoError(t, err)
		ids = append(ids, *parse(t, encoded).bundle.Entry[1].Request.IfNoneExist)
	}
	assert.NotEqual(t, ids[0], ids[1])
}

func TestOptions_run_id_is_escaped_in_the_search(t *testing.T) {
	t.Parallel()
	opts := options()
	opts.RunID = `a,b|c$d\e`
	encoded, err := fhirdoc.DocumentReference(page(report.Patient), opts)
	require.NoError(t, err)
	condition, err := url.QueryUnescape(*parse(t, encoded).bundle.Entry[1].Request.IfNoneExist)
	require.NoError(t, err)
	assert.Contains(t, condition, `|a\,b\|c\$d\\e.patient`)
}

func TestOptions_subjects(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{
		"Patient/1", "Patient/a.b-C", "https://ehr.example/fhir/Patient/1",
		"https://ehr.example:8443/tenant;a/Patient/1", "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
	} {
		_, err := fhirdoc.DiagnosticReport(page(report.Patient), fhirdoc.Options{Subject: subject})
		assert.NoError(t, err, subject)
	}
}

func TestOptions_refused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 300)
	const subject, encounter = "Options.Subject is no reference", "Options.Encounter is no reference"
	coding := func(c fhirdoc.Coding) fhirdoc.Options { return fhirdoc.Options{Subject: "Patient/1", Type: c} }
	for name, test := range map[string]struct {
		opts fhirdoc.Options
		want string
	}{
		"no subject":        {fhirdoc.Options{}, "Options.Subject is missing"},
		"a name":            {fhirdoc.Options{Subject: "Rose Iron"}, subject},
		"another type":      {fhirdoc.Options{Subject: "Group/1"}, subject},
		"clear http":        {fhirdoc.Options{Subject: "http://ehr.example/Patient/1"}, subject},
		"a query":           {fhirdoc.Options{Subject: "https://ehr.example/Patient/1?a=b"}, subject},
		"user and password": {fhirdoc.Options{Subject: "https://a:b@ehr.example/Patient/1"}, subject},
		"no host":           {fhirdoc.Options{Subject: "https:///Patient/1"}, subject},
		"a step up":         {fhirdoc.Options{Subject: "https://ehr.example/a/../Patient/1"}, subject},
		"a hidden step up":  {fhirdoc.Options{Subject: "https://ehr.example/a/%2e%2e/Patient/1"}, subject},
		"a hidden slash":    {fhirdoc.Options{Subject: "https://ehr.example/Patient%2F1"}, subject},
		"a step to itself":  {fhirdoc.Options{Subject: "https://ehr.example/./Patient/1"}, subject},
		"an empty step":     {fhirdoc.Options{Subject: "https://ehr.example//Patient/1"}, subject},
		"an id of dots":     {fhirdoc.Options{Subject: "Patient/.."}, subject},
		"a space":           {fhirdoc.Options{Subject: "https://ehr.example/a b/Patient/1"}, subject},
		"an empty query":    {fhirdoc.Options{Subject: "https://ehr.example/Patient/1?"}, subject},
		"a fragment":        {fhirdoc.Options{Subject: "https://ehr.example/Patient/1#a"}, subject},
		"a long id":         {fhirdoc.Options{Subject: "Patient/" + long}, subject},
		"no Encounter":      {fhirdoc.Options{Subject: "Patient/1", Encounter: "Patient/1"}, encounter},
		"a long run":        {fhirdoc.Options{Subject: "Patient/1", RunID: long}, "Options.RunID"},
		"a run of lines":    {fhirdoc.Options{Subject: "Patient/1", RunID: "a\nb"}, "Options.RunID"},
		"no system":         {coding(fhirdoc.Coding{Code: "11502-2"}), "Options.Type needs"},
		"no code":           {coding(fhirdoc.Coding{System: "http://loinc.org"}), "Options.Type needs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := fhirdoc.DocumentReference(page(report.Patient), test.opts)
			require.ErrorContains(t, err, "helios: report: "+test.want)
			_, again := fhirdoc.DiagnosticReport(page(report.Patient), test.opts)
			require.EqualError(t, again, err.Error())
			assert.NotContains(t, err.Error(), "Rose")
			assert.NotContains(t, err.Error(), long)
		})
	}

	_, err := fhirdoc.DocumentReference(nil, options())
	require.ErrorContains(t, err, "helios: report: there is no report to file")
}

func codes(codings []fhir.Coding) (all []string) {
	for _, c := range codings {
		all = append(all, *c.System+"|"+*c.Code)
	}
	return all
}

func decoded(t *testing.T, encoded string) []byte {
	t.Helper()
	var data []byte
	require.NoError(t, json.Unmarshal([]byte(`"`+encoded+`"`), &data))
	return data
}
