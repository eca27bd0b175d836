package fhir_test

import (
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

// Resources of several servers can have the same ids.
func TestServers(t *testing.T) {
	t.Parallel()
	const a, b = "https://a.org/fhir/", "https://b.org/fhir/"
	amy, bob := `{"resourceType":"Patient","id":"1","gender":"female"}`, `{"resourceType":"Patient","id":"1","gender":"male"}`
	on := func(server, id string) string {
		return entry(server+"Observation/"+id, of(id, "Patient/1"))
	}
	for _, test := range []struct {
		name    string
		entries []string // in this order and backwards
		patient string
		want    string
		dropped reasons
	}{
		{"a relative reference is to the own server", []string{entry(a+"Patient/1", amy), on(a, "1"), on(b, "2")}, "", "1", reasons{clinical.OtherPatient: 1}},
		{"two Patients, one chosen", []string{entry(a+"Patient/1", amy), entry(b+"Patient/1", bob), on(a, "1"), on(b, "2")}, b + "Patient/1", "2", reasons{clinical.OtherPatient: 2}},
		{"what does not tell its server, where there are two", []string{entry(a+"Patient/1", amy), entry(b+"Patient/1", bob), on(a, "1"), put(of("3", "Patient/1"))}, a + "Patient/1", "1",
			reasons{clinical.OtherPatient: 1, clinical.NoPatient: 1}},
		{"what does not tell its server, where there is one", []string{entry(a+"Patient/1", amy), on(a, "1"), put(of("3", "Patient/1"))}, "", "1 3", reasons{}},
		{"no Patient, one chosen", []string{on(a, "1"), on(b, "2"), put(of("3", "Patient/2"))}, a + "Patient/1", "1", reasons{clinical.OtherPatient: 2}},
		{"no Patient, one server", []string{on(a, "1"), put(of("2", "Patient/1")), put(of("3", a+"Patient/1"))}, "", "1 2 3", reasons{}},
		{"a Patient that does not tell its server", []string{put(amy), on(a, "1"), put(of("2", "Patient/1"))}, "", "1 2", reasons{}},
		{"two uuids, one id", []string{entry("urn:uuid:1", amy), entry("urn:uuid:2", bob), put(of("1", "urn:uuid:1")), put(of("2", "Patient/1"))}, "urn:uuid:1", "1",
			reasons{clinical.OtherPatient: 1, clinical.NoPatient: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for range 2 {
				req, report := results(t, entries(test.entries...), fhir.Options{Patient: test.patient, ResultsOnly: true})
				assert.Equal(t, test.want, sentValues(req), "%s", report)
				counts(t, report, test.dropped)
				slices.Reverse(test.entries)
			}
		})
	}
	for _, input := range []string{
		entries(entry(a+"Patient/1", amy), entry(b+"Patient/1", bob), on(a, "1")), entries(on(a, "1"), on(b, "2")), entries(put(amy), on(a, "1"), on(b, "2")),
		entries(on(a, "1"), on(b, "2"), put(of("3", "Patient/1"))),
	} {
		for _, patient := range []string{"", "Patient/1"} {
			_, _, err := fhir.LabResults(reader(input), fhir.Options{Patient: patient})
			assert.ErrorIs(t, err, fhir.ErrMultiplePatients, input)
		}
	}
}

// A report and its results, and an order and its drug, are found by their type and id unless they are on different servers.
func TestServersOfReferences(t *testing.T) {
	t.Parallel()
	panel := func(ref string) string {
		return `{"resourceType":"DiagnosticReport","id":"r","status":"final","code":{"text":"Panel"},"result":[{"reference":"` + ref + `"}]}`
	}
	medication := `{"resourceType":"Medication","id":"m","code":{"text":"A"}}`
	for _, test := range []struct {
		name, result, report string // fullUrls
		ref                  string // of the report
		found                bool
	}{
		{"neither tells its server", "", "", "", true},
		{"the report does", "", "", "https://a.org/", true},
		{"the result does", "https://a.org/", "", "", true},
		{"the same", "https://a.org/", "", "https://a.org/", true},
		{"the same, relative", "https://a.org/", "https://a.org/", "", true},
		{"others", "https://a.org/", "", "https://b.org/", false},
		{"others, relative", "https://a.org/", "https://b.org/", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			full := func(server, name string) string {
				if server == "" {
					return ""
				}
				return server + name
			}
			input := entries(entry(full(test.result, "Observation/1"), lab("1", quantity)), entry(full(test.report, "DiagnosticReport/r"), panel(test.ref+"Observation/1")))
			req, _ := results(t, input, fhir.Options{ResultsOnly: true})
			assert.Equal(t, test.found, req.LabResults[0].Category == "Panel")
			input = entries(entry(full(test.result, "Medication/m"), medication), put(`{"resourceType":"Condition","id":"c","code":{"text":"Flu"}}`),
				entry(full(test.report, "MedicationRequest/1"), order("1", `"medicationReference":{"reference":"`+test.ref+`Medication/m"}`)))
			agent, report := record(t, input, fhir.Options{})
			assert.Equal(t, test.found, len(agent.Data.Medications) == 1)
			assert.Equal(t, test.found, report.Count(clinical.Unresolved) == 0)
		})
	}
}

// A subject in words is a patient if there is nobody else.
func TestNamedSubject(t *testing.T) {
	t.Parallel()
	named := func(id, name string) string {
		return lab(id, `"subject":{"display":"`+name+`"},"valueQuantity":{"value":`+id+`,"unit":"mg"},`+high)
	}
	none := lab("3", `"valueQuantity":{"value":3,"unit":"mg"},`+high)
	req, report := results(t, bundle(named("1", "Amy Duck"), named("2", "Amy Duck"), none), fhir.Options{})
	assert.Equal(t, "1 2 3", sentValues(req))
	assert.Zero(t, report.Dropped())
	_, _, err := fhir.LabResults(reader(bundle(named("1", "Amy Duck"), named("2", "Joe Duck"))), fhir.Options{})
	assert.ErrorIs(t, err, fhir.ErrMultiplePatients)
	req, report = results(t, bundle(named("1", "Amy Duck"), of("2", "Patient/joe"), none, joe), fhir.Options{})
	assert.Equal(t, "2", sentValues(req))
	counts(t, report, reasons{clinical.Unresolved: 1, clinical.NoPatient: 1})
}

// Whoever is chosen, it is no error that there are others, wherever they stand.
func TestChosenPatient(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 50 {
		many = append(many, of(fmt.Sprint(i), fmt.Sprintf("urn:uuid:%d", i)), of(fmt.Sprint(100+i), fmt.Sprintf("https://a.org/Patient/p%d", i)))
	}
	last := entry("urn:uuid:7", `{"resourceType":"Patient","id":"p7"}`)
	input := strings.TrimSuffix(bundle(many...), "]}") + "," + last + "]}"
	for _, patient := range []string{"urn:uuid:7", "Patient/p7", "p7"} {
		req, report := results(t, input, fhir.Options{Patient: patient, ResultsOnly: true})
		assert.Equal(t, "107 7", sentValues(req), patient)
		assert.Equal(t, 98, report.Count(clinical.OtherPatient))
	}
	req, _ := results(t, input, fhir.Options{ResultsOnly: true, Patient: "https://a.org/Patient/p7"})
	assert.Equal(t, "107 7", sentValues(req))

	many = many[:0]
	for i := range 100 {
		many = append(many, of(fmt.Sprint(i), fmt.Sprintf("urn:uuid:%d", i)))
	}
	_, _, err := fhir.LabResults(reader(bundle(many...)), fhir.Options{Patient: "Patient/p7"})
	assert.ErrorIs(t, err, fhir.ErrUndecided)
	_, _, err = fhir.LabResults(reader(bundle(many...)), fhir.Options{})
	assert.ErrorIs(t, err, fhir.ErrMultiplePatients)
}

func TestOptionsThatAreWrong(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string]fhir.Options{
		"helios: fhir: Options.Age is not between 0 and 130":                      {Age: new(131)},
		"helios: fhir: Options.Gender is none of male, female, other and unknown": {Gender: "M"},
		"helios: fhir: Options.RoundDecimals is negative":                         {RoundDecimals: new(-1)},
	} {
		labs, report, err := fhir.LabResults(reader(lab("1", quantity)), opts)
		assert.EqualError(t, err, want)
		assert.Nil(t, labs)
		assert.NotNil(t, report)
		agent, report, err := fhir.Agent(reader(lab("1", quantity+","+high)), helios.AgentLight, opts)
		assert.EqualError(t, err, want)
		assert.Nil(t, agent)
		assert.NotNil(t, report)
	}
	_, _, err := fhir.LabResults(reader(lab("1", quantity)), fhir.Options{Age: new(-1)})
	assert.Error(t, err)
	_, _, err = fhir.LabResults(reader(lab("1", quantity)), fhir.Options{Age: new(130), Gender: "unknown", RoundDecimals: new(0)})
	require.NoError(t, err)
}

// What is kept of several subjects is bounded, however many results there are, and what can be left out of them is not counted.
func TestManyResultsOfSeveralSubjects(t *testing.T) {
	t.Parallel()
	var large, small strings.Builder
	for i := range 20_000 {
		subject := fmt.Sprintf(`"subject":{"reference":"urn:uuid:%d"},`, i%2)
		fmt.Fprintln(&large, lab(fmt.Sprint(i), subject+fmt.Sprintf(`"valueString":"%d %s","effectiveDateTime":"20%02d-01-01"`, i, strings.Repeat("x", 3500), i%100)))
		fmt.Fprintln(&small, lab(fmt.Sprint(i), subject+fmt.Sprintf(`"valueInteger":%d,"effectiveDateTime":"20%02d-01-01"`, i, i%100)))
	}
	last := "\n" + `{"resourceType":"Bundle","entry":[` + entry("urn:uuid:1", `{"resourceType":"Patient","id":"p"}`) + "]}"
	_, _, err := fhir.LabResults(reader(large.String()+last), fhir.Options{Patient: "Patient/p"})
	require.ErrorIs(t, err, fhir.ErrUndecided)
	_, _, err = fhir.LabResults(reader(large.String()+last), fhir.Options{})
	require.ErrorIs(t, err, fhir.ErrMultiplePatients)
	req, report, err := fhir.LabResults(reader(small.String()+last), fhir.Options{Patient: "Patient/p"})
	require.NoError(t, err)
	assert.Len(t, req.LabResults, helios.MaxLabResults)
	assert.Equal(t, 10_000, report.Count(clinical.OtherPatient))
	assert.Equal(t, 9_800, report.Count(clinical.TooMany))
}
