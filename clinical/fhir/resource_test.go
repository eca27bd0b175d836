package fhir_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

func TestIDsWithAnUnderscore(t *testing.T) {
	t.Parallel()
	input := bundle(strings.Replace(joe, `"joe"`, `"joe_1"`, 1),
		lab("1_2", `"subject":{"reference":"Patient/joe_1"},`+quantity+","+high))
	req, _ := results(t, input, fhir.Options{})
	assert.Len(t, req.LabResults, 1)
}

// An id that is made of a name is not in the report, nor in an error; the place
// of the resource is.
func TestIDsOfNames(t *testing.T) {
	t.Parallel()
	const patient = `{"resourceType":"Patient","id":"john-doe","name":[{"family":"Doe","given":["John"]}],` +
		`"identifier":[{"value":"881234"}]}`
	named := []string{
		lab("john-doe-hba1c", quantity),
		lab("Doe2", quantity+`,"status":"cancelled"`),
		lab("x-johndoe", `"valueString":""`),
		lab("881234-1", `"valueString":""`),
		lab("glucose-1", `"valueString":""`),
		lab("3fa85f64-5717-4562-b3fc-2c963f66afa6", `"valueString":""`),
	}
	for i, input := range []string{bundle(append([]string{patient}, named...)...),
		bundle(append(named[:len(named):len(named)], patient)...)} {
		_, report := results(t, input, fhir.Options{})
		text, err := json.Marshal(report)
		require.NoError(t, err)
		for _, out := range []string{string(text), report.String()} {
			assert.NotContains(t, strings.ToLower(out), "doe")
			assert.NotContains(t, out, "881234")
		}
		assert.Contains(t, report.Issues,
			clinical.Issue{Reason: clinical.Unclassified, Source: fmt.Sprint("entry ", 2-i), Sent: true})
		assert.Contains(t, report.Issues,
			clinical.Issue{Reason: clinical.StatusNotSent, Source: fmt.Sprint("entry ", 3-i), Detail: "cancelled"})
		assert.Contains(t, report.Issues,
			clinical.Issue{Reason: clinical.NoValue, Source: fmt.Sprint("entry ", 5-i)})
		assert.Contains(t, report.Issues, clinical.Issue{Reason: clinical.NoValue, Source: "Observation/glucose-1"})
		assert.Contains(t, report.Issues,
			clinical.Issue{Reason: clinical.NoValue, Source: "Observation/3fa85f64-5717-4562-b3fc-2c963f66afa6"})
		assert.Equal(t, 4, report.Count(clinical.NoValue))
		assert.Equal(t, 1, report.Sent["labResults"])
	}
	_, report, err := fhir.LabResults(
		reader(
			bundle(lab("john-doe-1", `"subject":{"reference":"Patient/1"},`+quantity),
				lab("maria-garcia-1", `"subject":{"reference":"Patient/2"},`+quantity)),
		),
		fhir.Options{},
	)
	require.ErrorIs(t, err, fhir.ErrMultiplePatients)
	assert.ErrorContains(t, err, "in entry 1 and entry 2:")
	assert.NotContains(t, report.String(), "garcia")
}

// The counts are the same where a name is taken out, also of what is not listed
// one by one.
func TestIDsOfNamesBeyondTheList(t *testing.T) {
	t.Parallel()
	resources := []string{`{"resourceType":"Patient","name":[{"family":"Doe"}]}`, lab("1", quantity)}
	for i := range clinical.MaxIssues + 200 {
		resources = append(resources, fmt.Sprintf(`{"resourceType":"Claim","id":"doe-%d"}`, i),
			fmt.Sprintf(`{"resourceType":"Observation","id":"doe-%d","status":"cancelled"}`, i))
	}
	_, report := results(t, bundle(resources...), fhir.Options{})
	assert.Len(t, report.Issues, clinical.MaxIssues)
	assert.Equal(t, clinical.MaxIssues+200, report.Count(clinical.StatusNotSent))
	assert.Equal(t, clinical.MaxIssues+200, report.Count(clinical.TypeNotSent))
	assert.NotContains(t, report.String(), "doe")
	for _, c := range report.Counts() {
		assert.NotContains(t, c.First, "doe")
	}
}

// What is about someone else now is not sent as it was when it was about the
// patient.
func TestMoved(t *testing.T) {
	t.Parallel()
	observation := func(fields, subject string) string {
		return version("9", fields+`"subject":{"reference":"`+subject+`"},`)
	}
	condition := func(number, subject string) string {
		return `{"resourceType":"Condition","id":"1","meta":{"versionId":"` + number +
			`"},"code":{"text":"Gout"},"subject":{"reference":"` + subject + `"}}`
	}
	drug := func(number, subject string) string {
		return order("1", `"meta":{"versionId":"`+number+`"},"subject":{"reference":"`+subject+`"},`+metformin)
	}
	for _, test := range []struct {
		name  string
		input []string // in this order and backwards, with the Patient first and last
	}{
		{"a result", []string{observation(meta("1", ""), "Patient/joe"),
			observation(meta("2", "")+`"status":"corrected",`, "Patient/bob")}},
		{"a result by its status", []string{observation("", "Patient/joe"),
			observation(`"status":"corrected",`, "Patient/bob")}},
		{"a result that was cancelled there",
			[]string{observation(meta("1", ""), "Patient/joe"),
				observation(meta("2", "")+`"status":"cancelled",`, "Patient/bob")}},
		{"a result to a group", []string{observation(meta("1", ""), "Patient/joe"),
			observation(meta("2", ""), "Group/1")}},
		{"a result without a category", []string{
			observation(meta("1", ""), "Patient/joe"),
			`{"resourceType":"Observation","id":"1","meta":{"versionId":"2"},"status":"final","code":{"text":"x"},` +
				`"valueInteger":1,"subject":{"reference":"Patient/bob"}}`,
		}},
		{"a condition", []string{condition("1", "Patient/joe"), condition("2", "Patient/bob")}},
		{"a medication", []string{drug("1", "Patient/joe"), drug("2", "Patient/bob")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for range 2 {
				for _, input := range [][]string{slices.Concat([]string{joe}, test.input),
					slices.Concat(test.input, []string{joe})} {
					_, report, err := fhir.Agent(reader(bundle(input...)), helios.AgentLight, fhir.Options{})
					require.ErrorIs(t, err, fhir.ErrNoData, "%s", report)
					assert.Equal(t, 1, report.Count(clinical.Replaced), "%s", report)
					assert.Equal(t, 1, report.Count(clinical.OtherPatient), "%s", report)
				}
				slices.Reverse(test.input)
			}
		})
	}
	back := bundle(joe, observation(meta("3", ""), "Patient/joe"), observation(meta("2", ""), "Patient/bob"))
	req, report := results(t, back, fhir.Options{})
	assert.Equal(t, "9", sentValues(req), "%s", report)
	server := "https://" + strings.Repeat("a", 200) + "/"
	far := func(resource string) string { return entry(server+"Observation/1", resource) }
	_, _, err := fhir.LabResults(
		reader(
			entries(
				put(lab("0", `"subject":{"reference":"Patient/bob"}`)),
				entry("https://b/Patient/joe", joe),
				far(observation(meta("1", ""), "https://b/Patient/joe")),
				far(observation(meta("2", ""), "Patient/bob")),
			),
		),
		fhir.Options{},
	)
	require.ErrorIs(t, err, fhir.ErrNoResults)
}

// When a server stored an edition and when a result was issued are different
// clocks.
func TestIssuedIsNoUpdate(t *testing.T) {
	t.Parallel()
	input := []string{
		version("1", `"meta":{"lastUpdated":"2025-03-01T00:00:00Z"},"status":"preliminary",`),
		version("2", `"issued":"2025-02-01T00:00:00Z","status":"corrected",`),
	}
	for range 2 {
		req, report := results(t, bundle(input...), fhir.Options{})
		assert.Equal(t, "2", sentValues(req), "%s", report)
		slices.Reverse(input)
	}
}

// Of the editions of a result the newest counts, in any order, and also where
// it is not sent.
func TestEditions(t *testing.T) {
	t.Parallel()
	const other = `{"resourceType":"Observation","id":"9","status":"final",` +
		`"category":[{"coding":[{"code":"laboratory"}]}],"code":{"text":"Iron"},"valueQuantity":{"value":9,` +
		`"unit":"mg"}}`
	const day1, day2 = "2025-01-01T10:00:00Z", "2025-01-02T09:00:00+09:00"
	const bare = `"effectiveDateTime":"2025-02-01",`
	inside := func(number, observations string) string {
		return `{"resourceType":"DiagnosticReport","id":"r","meta":{"versionId":"` + number +
			`"},"status":"final","category":[{"coding":[{"code":"LAB"}]}],"code":{"text":"P"},"contained":[` +
			observations + `]}`
	}
	for _, test := range []struct {
		name   string
		input  []string // resources, in this order and backwards
		want   string   // the values that are sent
		counts reasons
	}{
		{"numbered", []string{version("2", meta("10", "")), version("1", meta("9", ""))}, "2",
			reasons{clinical.Replaced: 1}},
		{"dated", []string{version("1", meta("5", day1)), version("2", meta("3", day2)), other}, "2 9",
			reasons{clinical.Replaced: 1}},
		{"cancelled", []string{version("1", meta("1", "")), version("2", meta("2", "")+`"status":"cancelled",`),
			other}, "9", reasons{clinical.StatusNotSent: 1, clinical.Replaced: 1}},
		{"in error", []string{version("1", meta("1", day1)),
			version("2", meta("2", day2)+`"status":"entered-in-error",`), other}, "9",
			reasons{clinical.StatusNotSent: 2}},
		{"in error, and right again", []string{version("1", meta("1", day1)+`"status":"entered-in-error",`),
			version("2", meta("2", day2)), other}, "2 9", reasons{clinical.StatusNotSent: 1}},
		{"corrected to nothing", []string{version("1", meta("1", "")),
			lab("1", meta("2", "")+`"status":"corrected"`), other}, "9",
			reasons{clinical.NoValue: 1, clinical.Replaced: 1}},
		{"corrected to a wave", []string{version("1", meta("1", "")),
			lab("1", meta("2", "")+`"valueSampledData":{}`), other}, "9",
			reasons{clinical.ValueNotSent: 1, clinical.Replaced: 1}},
		{"corrected to something large",
			[]string{version("1", meta("1", "")),
				lab("1", meta("2", "")+`"valueString":"`+strings.Repeat("a", 5000)+`"`), other}, "9",
			reasons{clinical.TooLarge: 1, clinical.Replaced: 1}},
		{"corrected to what cannot be read",
			[]string{version("1", meta("1", "")), lab("1", meta("2", "")+"\"valueString\":\"caf\xe9\""), other},
			"9", reasons{clinical.Unreadable: 1, clinical.Replaced: 1}},
		{"corrected to what has a modifier",
			[]string{version("1", meta("1", "")), lab("1", meta("2", "")+`"modifierExtension":[{}],`+quantity),
				other}, "9",
			reasons{clinical.ModifierUnknown: 1, clinical.Replaced: 1}},
		{"corrected to no JSON", []string{version("1", meta("1", "")),
			lab("1", meta("2", "")+`"valueString":"\q"`), other}, "9",
			reasons{clinical.Malformed: 1, clinical.Replaced: 1}},
		{"found to be about an implant",
			[]string{version("1", meta("1", "")), version("2", meta("2", "")+`"focus":[{}],`), other}, "9",
			reasons{clinical.OtherPatient: 1, clinical.Replaced: 1}},
		{"found to be a survey", []string{version("1", meta("1", "")),
			version("2", meta("2", "")+`"category":[{"coding":[{"code":"survey"}]}],`), other}, "9",
			reasons{clinical.CategoryNotSent: 1, clinical.Replaced: 1}},
		{"found to be a survey, by its date", []string{version("1", meta("", day1)),
			version("2", meta("", day2)+`"category":[{"coding":[{"code":"survey"}]}],`), other}, "9",
			reasons{clinical.CategoryNotSent: 1, clinical.Replaced: 1}},
		{"found to be a panel", []string{version("1", meta("1", "")), lab("1", meta("2", "")+`"hasMember":[{}]`),
			other}, "9", reasons{clinical.Panel: 1, clinical.Replaced: 1}},
		{"components", []string{
			lab("1", meta("1", "")+`"component":[{"code":{"text":"a"},"valueInteger":1},{"code":{"text":"b"},`+
				`"valueInteger":2}]`),
			lab("1", meta("2", "")+`"component":[{"code":{"text":"a"},"valueInteger":3},{"code":{"text":"b"},`+
				`"dataAbsentReason":{}}]`),
		}, "3", reasons{clinical.Replaced: 2, clinical.NoValue: 1, clinical.NoUnit: 1, clinical.Unclassified: 1}},
		{"inside of a report", []string{inside("1", version("1", "")+","+version("2", bare)),
			inside("2", version("3", ""))}, "3", reasons{clinical.TypeNotSent: 2, clinical.Replaced: 2}},
		{"no more inside of a report", []string{inside("1", version("1", "")), inside("2", ""), other}, "9",
			reasons{clinical.TypeNotSent: 2, clinical.Replaced: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for range 2 {
				req, report, err := fhir.LabResults(reader(bundle(test.input...)), fhir.Options{ResultsOnly: true})
				require.NoError(t, err, "%s", report)
				assert.Equal(t, test.want, sentValues(req), "%s", report)
				if strings.Contains(test.want, "9") {
					test.counts[clinical.Unclassified], test.counts[clinical.NoDate] = 1, 1
				}
				counts(t, report, test.counts)
				slices.Reverse(test.input)
			}
		})
	}
}

// What has no edition is ordered by its place: the first of a history is the
// newest, elsewhere the last.
func TestEditionsByPlace(t *testing.T) {
	t.Parallel()
	request := func(resource, method string) string {
		return `{"resource":` + resource + `,"request":{"method":"` + method +
			`","url":"Observation/1"},"response":{"status":"200"}}`
	}
	deleted := func(url, response string) string {
		return `{"request":{"method":"DELETE","url":"` + url + `"},"response":{` + response + `}}`
	}
	for _, test := range []struct {
		name, input, want string
		reason            clinical.Reason
		n                 int
	}{
		{"a history", history(put(version("2", "")), put(version("1", `"status":"corrected",`))), "2",
			clinical.Replaced, 1},
		{"a history whose type comes last",
			entries(request(version("2", ""), "PUT"), request(version("1", ""), "POST")), "2", clinical.Replaced, 1},
		{"a history inside", bundle(history(put(version("2", "")), put(version("1", "")))), "2", clinical.Replaced, 1},
		{"another bundle", bundle(version("1", ""), version("2", "")), "2", clinical.Replaced, 1},
		{"lines", version("1", "") + "\n" + version("2", ""), "2", clinical.Replaced, 1},
		{"a deletion", history(deleted("Observation/1", ""), put(version("1", `"status":"corrected",`))), "",
			clinical.StatusNotSent, 1},
		{"a deletion on a server", history(put(version("1", meta("1", ""))),
			deleted("https://a.org/Observation/1/_history/2", `"etag":"W/\"2\""`)), "", clinical.StatusNotSent, 1},
		{"a deletion before", history(put(version("1", meta("3", ""))),
			deleted("Observation/1", `"etag":"W/\"2\""`)), "1", clinical.StatusNotSent, 1},
		{"a deletion by its date", entries(deleted("Observation/1", `"lastModified":"2025-01-03T00:00:00Z"`),
			put(version("1", meta("", "2025-01-02T00:00:00Z")))), "", clinical.StatusNotSent, 1},
		{"a deletion with the resource",
			entries(put(version("1", "")),
				`{"resource":`+version("1", "")+`,"request":{"method":"DELETE","url":"Observation/1"}}`), "",
			clinical.StatusNotSent, 1},
		{"a deletion of something", history(deleted("Claim/1", ""), put(version("1", ""))), "1",
			clinical.StatusNotSent, 1},
		{"a deletion of what is found", history(deleted("Observation?patient=Joe", ""), put(version("1", ""))),
			"1", clinical.Unresolved, 1},
		{"one id on two servers", entries(entry("https://a.org/Observation/1", version("1", "")),
			entry("https://b.org/Observation/1", version("2", ""))), "1 2", clinical.Replaced, 0},
		{"one id in two messages", entries(entry("urn:uuid:1", version("1", "")),
			entry("urn:uuid:2", version("2", ""))), "1 2", clinical.Replaced, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req, report, err := fhir.LabResults(reader(test.input), fhir.Options{ResultsOnly: true})
			if test.want == "" {
				require.ErrorIs(t, err, fhir.ErrNoResults)
			}
			assert.Equal(t, test.want, sentValues(req), "%s", report)
			assert.Equal(t, test.n, report.Count(test.reason), "%s", report)
			assert.NotContains(t, report.String(), "Joe")
		})
	}
}

// Conditions, medications and the Patient have editions too.
func TestEditionsOfTheRecord(t *testing.T) {
	t.Parallel()
	condition := func(number, status, verification string) string {
		return `{"resourceType":"Condition","id":"1","meta":{"versionId":"` + number +
			`"},"code":{"text":"Gout"},"clinicalStatus":{"coding":[{"code":"` + status +
			`"}]},"verificationStatus":{"coding":[{"code":"` + verification + `"}]}}`
	}
	drug := func(number, status string) string {
		return order("1", `"meta":{"versionId":"`+number+`"},"status":"`+status+`",`+metformin)
	}
	person := func(number, fields string) string {
		return `{"resourceType":"Patient","id":"p","meta":{"versionId":"` + number + `"}` + fields + `}`
	}
	flu := `{"resourceType":"Condition","id":"9","code":{"text":"Flu"}}`
	for _, test := range []struct {
		name  string
		input []string // in this order and backwards
		want  string   // conditions, medications, gender
		count reasons
	}{
		{"resolved", []string{condition("1", "active", "confirmed"), condition("2", "resolved", "confirmed")},
			"Gout resolved", reasons{clinical.Replaced: 1}},
		{"refuted", []string{condition("1", "active", "confirmed"), condition("2", "active", "refuted"), flu},
			"Flu ", reasons{clinical.Replaced: 1, clinical.NotDiagnosed: 1}},
		{"refuted, and confirmed", []string{condition("1", "active", "refuted"),
			condition("2", "active", "confirmed")}, "Gout active", reasons{clinical.NotDiagnosed: 1}},
		{"in error", []string{condition("1", "active", "confirmed"),
			condition("2", "active", "entered-in-error"), flu}, "Flu ", reasons{clinical.StatusNotSent: 2}},
		{"with a modifier", []string{condition("1", "active", "confirmed"),
			strings.Replace(condition("2", "active", "confirmed"), `"code"`, `"modifierExtension":[{}],"code"`,
				1), flu}, "Flu ",
			reasons{clinical.Replaced: 1, clinical.ModifierUnknown: 1}},
		{"stopped", []string{drug("1", "active"), drug("2", "stopped"), flu}, "Flu ",
			reasons{clinical.Replaced: 1, clinical.NotTaken: 1}},
		{"stopped, and started again", []string{drug("1", "active"), drug("2", "stopped"), drug("3", "active")},
			"Metformin 500mg active", reasons{clinical.Replaced: 1, clinical.NotTaken: 1}},
		{"without a name", []string{drug("1", "active"),
			order("1", `"meta":{"versionId":"2"},"medicationReference":{"reference":"#x"}`), flu}, "Flu ",
			reasons{clinical.Replaced: 1, clinical.NoName: 1}},
		{"a Medication", []string{order("2", `"medicationReference":{"reference":"Medication/m"}`),
			`{"resourceType":"Medication","id":"m","meta":{"versionId":"1"},"code":{"text":"A"}}`,
			`{"resourceType":"Medication","id":"m","meta":{"versionId":"2"},"code":{"text":"B"}}`}, "B active",
			reasons{clinical.TypeNotSent: 1}},
		{"the Patient", []string{flu, person("2", `,"gender":"female"`), person("10", `,"gender":"male"`)},
			"Flu male", reasons{clinical.Replaced: 1}},
		{"the Patient with a modifier",
			[]string{flu, person("1", `,"gender":"female"`),
				person("2", `,"gender":"male","modifierExtension":[{}]`)}, "Flu ",
			reasons{clinical.Replaced: 1, clinical.ModifierUnknown: 1}},
		{"the Patient without an id on one server",
			[]string{history(entry("urn:uuid:1", `{"resourceType":"Patient","gender":"male","meta":{"versionId":"2"}}`),
				entry("urn:uuid:1", `{"resourceType":"Patient","id":"p","gender":"female",`+
					`"meta":{"versionId":"1"}}`)), flu}, "Flu male", reasons{clinical.Replaced: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for range 2 {
				req, report := record(t, bundle(test.input...), fhir.Options{})
				var got []string
				for _, c := range req.Data.PastMedicalHistory {
					got = append(got, c.Display+" "+c.ClinicalStatus)
				}
				for _, m := range req.Data.Medications {
					got = append(got, m.Medication+" "+m.Status)
				}
				if req.Data.PatientInfo != nil {
					got[0] += req.Data.PatientInfo.Gender
				}
				assert.Equal(t, test.want, strings.Join(got, ","), "%s", report)
				for reason, n := range test.count {
					assert.Equal(t, n, report.Count(reason), "%s: %s", reason, report)
				}
				slices.Reverse(test.input)
			}
		})
	}
	for _, kinds := range [][2]string{{"laboratory", "vital-signs"}, {"vital-signs", "laboratory"}} {
		kind := func(number, of string) string {
			return lab("1",
				`"meta":{"versionId":"`+number+`"},"category":[{"coding":[{"code":"`+of+`"}]}],`+quantity+","+high)
		}
		req, report := record(t, bundle(kind("2", kinds[1]), kind("1", kinds[0])), fhir.Options{})
		assert.Equal(t, 1, len(req.Data.VitalSigns)+len(req.Data.RecentAbnormalLabs), "%s", report)
		assert.Equal(t, 1, report.Count(clinical.Replaced))
	}
	// An edition that does not tell the id is known by that which does.
	uuid := func(fields string) string {
		return entry("urn:uuid:1", `{"resourceType":"Patient",`+fields+`}`)
	}
	named, _ := record(
		t,
		entries(uuid(`"id":"p","meta":{"versionId":"1"}`), uuid(`"gender":"male","meta":{"versionId":"2"}`),
			put(of("1", "Patient/p")), put(of("2", "urn:uuid:1"))),
		fhir.Options{},
	)
	assert.Len(t, named.Data.RecentAbnormalLabs, 2)
	req, report := record(
		t,
		history(`{"request":{"method":"DELETE","url":"Patient/p"},"response":{"etag":"2"}}`,
			put(person("1", `,"gender":"male"`)), put(flu)),
		fhir.Options{},
	)
	assert.Nil(t, req.Data.PatientInfo, "the Patient was deleted")
	assert.Contains(t, report.Issues,
		clinical.Issue{Reason: clinical.StatusNotSent, Source: "Patient", Detail: "DELETE"})
}
