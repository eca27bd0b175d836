package fhir_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

// seeds have the shapes that sources of FHIR write, each small and made up.
func seeds() []string {
	const cuff = `{"resourceType":"Observation","id":"bp","status":"final",
		"category":[{"coding":[{"code":"vital-signs"}]}],"code":{"text":"BP"},"component":[
		{"code":{"coding":[{"code":"8480-6"}]},"valueQuantity":{"value":138,"unit":"mmHg"}},
			{"code":{"coding":[{"code":"8462-4"}]},"valueQuantity":{"value":88,"unit":"mmHg"}}]}`
	report := `{"resourceType":"DiagnosticReport","id":"r","status":"final","category":[{"coding":[{"code":"LAB"}]}],
		"code":{"text":"Panel"},"result":[{"reference":"Observation/1"},{"reference":"#in"}],
		"contained":[` + lab(
		"in",
		quantity,
	) + `],"presentedForm":[{"data":"U0VDUkVU"}]}`
	ranges := lab(
		"2",
		quantity+`,"interpretation":[{"text":"normal"}],"referenceRange":[{"low":{"value":1},"high":{"value":2},`+
			`"type":{"coding":[{"code":"normal"}]},"appliesTo":[{"text":"male"}],"age":{"low":{"value":18,`+
			`"unit":"a"}}},{"text":"<5"}]`,
	)
	values := make([]string, 0, 12)
	for _, value := range []string{`"valueString":"<5"`, `"valueBoolean":true`, `"valueInteger":-3`,
		`"valueRange":{"low":{"value":1},"high":{"value":2}}`,
		`"valueRatio":{"numerator":{"value":1},"denominator":{"value":128}}`,
		`"valueDateTime":"2025-01"`, `"valueTime":"10:00:00"`, `"valuePeriod":{}`, `"valueSampledData":{}`,
		`"valueCodeableConcept":{"text":"a\u00e9\ud83d\ude00"}`, `"dataAbsentReason":{"coding":[{"code":"masked"}]}`} {
		values = append(values, lab("v", value))
	}
	drugs := []string{
		order(
			"m",
			`"medicationReference":{"reference":"#d"},"contained":[{"resourceType":"Medication","id":"d",`+
				`"code":{"text":"A"}}],"dosageInstruction":[{"text":"x","asNeededBoolean":true,`+
				`"timing":{"repeat":{"frequency":1,"period":4,"periodMax":6,"periodUnit":"h","when":["HS"],`+
				`"timeOfDay":["09:00:00"],"boundsPeriod":{"end":"2025-01-01"}}},`+
				`"doseAndRate":[{"doseQuantity":{"value":1}}]}]`,
		),
		order(
			"n",
			`"medicationReference":{"reference":"Medication/k"}`,
		), `{"resourceType":"Medication","id":"k","code":{"coding":[{"display":"B"}]}}`,
		`{"resourceType":"MedicationStatement","id":"s","status":"active",` + metformin + `}`,
		`{"resourceType":"Condition","id":"c","code":{"coding":[{"system":"http://snomed.info/sct","code":"1",` +
			`"display":"A (disorder)"}]},"clinicalStatus":{"coding":[{"code":"active"}]},"onsetDateTime":"2020-01-01"}`,
	}
	person := `{"resourceType":"Patient","id":"p","name":[{"family":"SECRET","given":["A"]}],"gender":"female",` +
		`"birthDate":"1980-06","deceasedDateTime":"2030-01-01","identifier":[{"value":"4711"}]}`
	return []string{
		bundle(append([]string{person, cuff, report, ranges}, append(values, drugs...)...)...),
		"[" + strings.Join(drugs, ",") + "]", strings.Join(values, "\n"), ranges,
		entries(entry("urn:uuid:1", of("1", "urn:uuid:2")), entry("urn:uuid:2", person),
			`{"request":{"method":"DELETE"}}`, "null"),
		`{"resourceType":"Bundle","entry":[{"resource":` + bundle(person, report) + `}]}`,
		lab(
			"9",
			`"subject":{"reference":"#p"},"contained":[`+person+`],"extension":[{"url":"x",`+
				`"extension":[{"url":"OBX.29","valueId":"QST"}]}],`+quantity,
		),
		bundle(joe, person), "", "{}", "[", "\ufeff{}", `{"resourceType":"Patient"`, "{}\n{broken\n{}",
		`{"entry":[{"resource":{"resourceType":"Claim","id":"1"}}],"resourceType":"Bundle"}`,
	}
}

var (
	sourceForm = regexp.MustCompile(`^(entry [0-9]+|[A-Z][A-Za-z]+(/[A-Za-z0-9._-]{1,64}(#[A-Za-z0-9._-]{1,64})?)?)?$`)
	detailForm = regexp.MustCompile(`^[A-Za-z -]{0,40}$`)
)

// checkReport checks that a report holds nothing but reasons, places and words.
func checkReport(t *testing.T, r *clinical.Report) {
	t.Helper()
	require.NotNil(t, r)
	for _, issue := range r.Issues {
		require.Regexp(t, sourceForm, issue.Source)
		require.Regexp(t, detailForm, issue.Detail)
	}
	for _, c := range r.Counts() {
		require.Regexp(t, sourceForm, c.First)
		require.Regexp(t, detailForm, c.Detail)
		require.Positive(t, c.N)
	}
	require.NotEmpty(t, r.String())
}

var errorForm = regexp.MustCompile(`^helios: fhir: [a-zA-Z0-9 ,.:/-]*$`)

// Whatever comes in, what goes out is a request that the SDK takes, or an
// error; and it does not depend on how the input is cut into reads.
func FuzzConvert(f *testing.F) {
	for i, seed := range seeds() {
		f.Add([]byte(seed), uint8(i*37))
	}
	client, err := helios.NewClient(helios.WithAPIKey("sk_live_x"), helios.WithWebhookURL("https://example.org/"))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, input []byte, flags uint8) {
		on := func(bit int) bool { return flags>>bit&1 == 1 }
		opts := fhir.Options{
			ReferenceDate:  day,
			LatestPerTest:  on(0),
			IncludeStopped: on(2),
			SkipFindings:   on(3),
			CapAge:         on(4),
			ResultsOnly:    on(5),
		}
		if on(1) {
			opts.Unclassified = "recentLabs"
		}
		if on(6) {
			opts.Patient = "Patient/p"
		}
		if on(7) {
			opts.RoundDecimals = new(1)
			opts.Redact = strings.ToUpper
		}
		labs, report, err := fhir.LabResults(bytes.NewReader(input), opts)
		checkReport(t, report)
		if err != nil {
			require.Nil(t, labs)
			require.Regexp(t, errorForm, err.Error())
		} else {
			require.NoError(t, client.LabResults.Validate(labs))
		}
		again, reportAgain, errAgain := fhir.LabResults(iotest.OneByteReader(bytes.NewReader(input)), opts)
		require.Equal(t, err == nil, errAgain == nil)
		require.Equal(t, report.String(), reportAgain.String())
		require.Equal(t, labs, again)

		agent, report, err := fhir.Agent(iotest.HalfReader(bytes.NewReader(input)), helios.AgentLight, opts)
		checkReport(t, report)
		if err != nil {
			require.Nil(t, agent)
			require.Regexp(t, errorForm, err.Error())
		} else {
			require.NoError(t, client.Agent.Validate(agent))
		}
	})
}

// What encoding/json can read as a bundle is read as the same resources.
func FuzzBundle(f *testing.F) {
	for _, seed := range seeds() {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		var root struct {
			ResourceType string                       `json:"resourceType"`
			Entry        []map[string]json.RawMessage `json:"entry"`
		}
		if json.Unmarshal(input, &root) != nil || root.ResourceType != "Bundle" {
			return
		}
		wanted := 0
		for _, e := range root.Entry {
			var r map[string]any
			if json.Unmarshal(e["resource"], &r) == nil && r["resourceType"] == "Claim" {
				wanted++
			}
		}
		_, report, err := fhir.LabResults(bytes.NewReader(input), fhir.Options{})
		if err != nil {
			require.NotErrorIs(t, err, fhir.ErrMalformed)
		}
		claims := 0
		for _, c := range report.Counts() {
			if c.Reason == clinical.TypeNotSent && c.Detail == "Claim" {
				claims += c.N
			}
		}
		if err == nil || !strings.Contains(err.Error(), "several") {
			require.GreaterOrEqual(t, claims, wanted)
		}
	})
}
