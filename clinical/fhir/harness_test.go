package fhir_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

// day is the reference date of the tests.
var day = time.Date(2025, 6, 15, 0, 0, 0, 0, time.UTC)

// bundle makes a bundle of resources.
func bundle(resources ...string) string {
	var b strings.Builder
	b.WriteString(`{"resourceType":"Bundle","type":"collection","entry":[`)
	for i, r := range resources {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"resource":` + r + `}`)
	}
	b.WriteString(`]}`)
	return b.String()
}

// lab makes a laboratory result with further fields.
func lab(id, fields string) string {
	return `{"resourceType":"Observation","id":"` + id +
		`","status":"final","category":[{"coding":[{"code":"laboratory"}]}],` +
		`"code":{"coding":[{"system":"http://loinc.org","code":"2345-7","display":"Glucose"}]},` +
		`"effectiveDateTime":"2025-01-15",` + fields + `}`
}

const (
	quantity = `"valueQuantity":{"value":7.20,"unit":"mmol/L","code":"mmol/L"}`
	high     = `"interpretation":[{"coding":[{"system":"http:` +
		`//terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"H"}]}]`
	joe = `{"resourceType":"Patient","id":"joe","gender":"male","birthDate":"1980-06-16"}`
)

// results converts, and expects a request.
func results(t *testing.T, input string, opts fhir.Options) (*helios.LabResultsRequest, *clinical.Report) {
	t.Helper()
	if opts.ReferenceDate.IsZero() {
		opts.ReferenceDate = day
	}
	req, report, err := fhir.LabResults(strings.NewReader(input), opts)
	require.NoError(t, err, "%s", report)
	require.NotNil(t, req)
	return req, report
}

// record converts, and expects a request.
func record(t *testing.T, input string, opts fhir.Options) (*helios.AgentRequest, *clinical.Report) {
	t.Helper()
	if opts.ReferenceDate.IsZero() {
		opts.ReferenceDate = day
	}
	req, report, err := fhir.Agent(strings.NewReader(input), helios.AgentLight, opts)
	require.NoError(t, err, "%s", report)
	require.NotNil(t, req)
	return req, report
}

func reader(s string) *strings.Reader { return strings.NewReader(s) }

// counts compares what a report counts, but for what the caller does not name
// among the reservations about the patient.
func counts(t *testing.T, report *clinical.Report, want map[clinical.Reason]int) {
	t.Helper()
	got := map[clinical.Reason]int{}
	for _, c := range report.Counts() {
		if _, asked := want[c.Reason]; asked ||
			c.Reason != clinical.AgeUnknown && c.Reason != clinical.GenderUnknown {
			got[c.Reason] += c.N
		}
	}
	assert.Equal(t, want, got, "%s", report)
}

// version makes a result of 1 mg as one edition of it.
func version(value, fields string) string {
	return lab("1", fields+`"valueQuantity":{"value":`+value+`,"unit":"mg"},`+high)
}

func meta(number, updated string) string {
	return `"meta":{"versionId":"` + number + `","lastUpdated":"` + updated + `"},`
}

func history(entries ...string) string {
	return `{"resourceType":"Bundle","type":"history","entry":[` + strings.Join(entries, ",") + `]}`
}

func put(resource string) string { return `{"resource":` + resource + `}` }

// sentValues returns the values of lab results without their unit, sorted.
func sentValues(req *helios.LabResultsRequest) string {
	if req == nil {
		return ""
	}
	var values []string
	for _, r := range req.LabResults {
		values = append(values, strings.TrimSuffix(r.Value, " mg"))
	}
	slices.Sort(values)
	return strings.Join(values, " ")
}

func order(id, fields string) string {
	return `{"resourceType":"MedicationRequest","id":"` + id + `","status":"active","intent":"order",` + fields + `}`
}

func statement(id, fields string) string {
	return `{"resourceType":"MedicationStatement","id":"` + id + `","status":"active",` + fields + metformin + `}`
}

const metformin = `"medicationCodeableConcept":{"text":"Metformin 500mg"}`

// of makes a result about a subject.
func of(id, subject string) string {
	return lab(id, `"subject":{"reference":"`+subject+`"},"valueQuantity":{"value":`+id+`,"unit":"mg"},`+high)
}

func entry(fullURL, resource string) string {
	return `{"fullUrl":"` + fullURL + `","resource":` + resource + `}`
}

func entries(entries ...string) string {
	return `{"resourceType":"Bundle","entry":[` + strings.Join(entries, ",") + `]}`
}

func must[T, U any](value T, _ U) T { return value }

type reasons = map[clinical.Reason]int
