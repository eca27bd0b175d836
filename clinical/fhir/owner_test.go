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

// A report can have the Patient inside whom the Observations inside are about.
func TestPatientInsideOfReport(t *testing.T) {
	t.Parallel()
	report := func(patients, subject string) string {
		return `{"resourceType":"DiagnosticReport","id":"r","status":"final","subject":{"reference":"#p"},` +
			`"contained":[` + patients + lab(
			"o",
			subject+quantity+","+high,
		) + `]}`
	}
	const inside = `{"resourceType":"Patient","id":"p","gender":"female"},`
	for _, subject := range []string{"", `"subject":{"reference":"#p"},`} {
		req, got := results(t, report(inside, subject), fhir.Options{})
		assert.Len(t, req.LabResults, 1)
		assert.Equal(t, "female", req.PatientContext.Gender)
		assert.Zero(t, got.Count(clinical.Unresolved))
	}
	_, _, err := fhir.LabResults(reader(report("", "")), fhir.Options{})
	require.ErrorIs(t, err, fhir.ErrNoResults)
	_, _, err = fhir.LabResults(reader(bundle(joe, report(inside, ""))), fhir.Options{})
	require.ErrorIs(t, err, fhir.ErrNoResults, "it is nobody that is known")
}

func TestWhoseResults(t *testing.T) {
	t.Parallel()
	amy := `{"resourceType":"Patient","id":"amy","gender":"female","identifier":[{"system":"urn:mrn","value":"4711"}]}`
	inside := func(id, person string) string {
		return lab(id,
			`"subject":{"reference":"#p"},"contained":[`+person+`],"valueQuantity":{"value":`+id+`,"unit":"mg"},`+high)
	}
	const p1 = `{"resourceType":"Patient","id":"p","gender":"female","birthDate":"2000"}`
	const p2 = `{"resourceType":"Patient","id":"p","identifier":[{"system":"urn:mrn","value":"4711"}]}`
	logical := lab("9",
		`"subject":{"identifier":{"system":"urn:mrn","value":"4711"}},"valueQuantity":{"value":9,"unit":"mg"},`+high)
	none := lab("7", `"valueQuantity":{"value":7,"unit":"mg"},`+high)
	display := lab("8", `"subject":{"display":"Amy"},"valueQuantity":{"value":8,"unit":"mg"},`+high)
	for _, test := range []struct {
		name, input, patient string
		want                 string // the values of the results that are sent
		dropped              reasons
	}{
		{"one patient, then the results", bundle(amy, of("1", "Patient/amy"), of("2", "Patient/joe"), none), "",
			"1", reasons{clinical.OtherPatient: 1, clinical.NoPatient: 1}},
		{"the patient last", bundle(of("1", "Patient/amy"), of("2", "Patient/joe"), none, amy), "", "1",
			reasons{clinical.OtherPatient: 1, clinical.NoPatient: 1}},
		{"first what has no subject", bundle(none, of("1", "Patient/amy"), amy, of("2", "Patient/joe")), "", "1",
			reasons{clinical.OtherPatient: 1, clinical.NoPatient: 1}},
		{"first what has no subject, and nobody else", bundle(none, of("1", "Patient/amy"), amy), "", "1 7", reasons{}},
		{"something that is no patient", bundle(none, of("1", "Patient/amy"), of("2", "Location/1"), amy), "",
			"1", reasons{clinical.OtherPatient: 1, clinical.NoPatient: 1}},
		{"no patient but one subject", bundle(of("1", "Patient/x"), none, of("2", "Patient/x/_history/2")), "",
			"1 2 7", reasons{}},
		{"no patient and no subject", bundle(none), "", "7", reasons{}},
		{"an absolute and a relative reference", bundle(of("1", "http://a.org/Patient/x"), of("2", "Patient/x")),
			"", "1 2", reasons{}},
		{"by fullUrl", entries(entry("urn:uuid:1", amy), entry("urn:uuid:2", of("1", "urn:uuid:1")),
			entry("urn:uuid:3", of("2", "urn:uuid:9")), entry("", of("3", "Patient/amy"))),
			"", "1 3", reasons{clinical.OtherPatient: 1}},
		{"by absolute fullUrl", entries(entry("http://a.org/Patient/amy", amy),
			entry("", of("1", "http://a.org/Patient/amy")), entry("", of("2", "http://b.org/Patient/amy")),
			entry("", of("3", "Patient/amy"))), "", "1", reasons{clinical.OtherPatient: 1, clinical.NoPatient: 1}},
		{"by absolute fullUrl, and by no other",
			entries(entry("http://a.org/Patient/amy", amy), entry("", of("1", "http://a.org/Patient/amy")),
				entry("", of("3", "Patient/amy"))), "", "1 3", reasons{}},
		{"an absolute reference where no fullUrl is", bundle(amy, of("1", "http://a.org/Patient/amy")), "", "1",
			reasons{}},
		{"an id that is a uuid", bundle(`{"resourceType":"Patient","id":"0a"}`, of("1", "urn:uuid:0A"),
			of("2", "urn:uuid:0b")), "", "1", reasons{clinical.OtherPatient: 1}},
		{"a patient without an id", entries(entry("Patient/amy", `{"resourceType":"Patient"}`),
			entry("", of("1", "Patient/amy")), entry("", of("2", "Patient/joe"))),
			"", "1", reasons{clinical.OtherPatient: 1}},
		{"by identifier", bundle(amy, logical, of("1", "Patient/amy")), "", "1 9", reasons{}},
		{"by identifier, the patient last", bundle(logical, amy), "", "9", reasons{}},
		{"by name only", bundle(amy, display, of("1", "Patient/amy")), "", "1", reasons{clinical.Unresolved: 1}},
		{"contained", bundle(inside("1", p1), inside("2", p1)), "", "1 2", reasons{}},
		{"contained, with the identifier of the patient", bundle(amy, inside("1", p1), inside("2", p2)), "", "2",
			reasons{clinical.OtherPatient: 1}},
		{"contained, the patient last", bundle(inside("1", p1), inside("2", p2), amy), "", "2",
			reasons{clinical.OtherPatient: 1}},
		{"two patients, one chosen", bundle(amy, joe, of("1", "Patient/amy"), of("2", "Patient/joe"), none),
			"Patient/joe", "2",
			reasons{clinical.OtherPatient: 2, clinical.NoPatient: 1}},
		{"two patients, the chosen one last",
			bundle(of("1", "Patient/amy"), of("2", "Patient/joe"), none, amy, joe), "Patient/joe", "2",
			reasons{clinical.OtherPatient: 2, clinical.NoPatient: 1}},
		{"two subjects, one chosen", bundle(of("1", "Patient/amy"), of("2", "Patient/joe")), "Patient/joe", "2",
			reasons{clinical.OtherPatient: 1}},
		{"two subjects by unlike references, one chosen",
			bundle(of("1", "urn:uuid:1"), of("2", "http://a.org/Patient/joe"), none), "Patient/joe", "2",
			reasons{clinical.OtherPatient: 1, clinical.NoPatient: 1}},
		{"chosen by fullUrl", entries(entry("urn:uuid:1", amy), entry("urn:uuid:2", joe),
			entry("", of("1", "Patient/amy")), entry("", of("2", "Patient/joe"))), "urn:uuid:2", "2",
			reasons{clinical.OtherPatient: 2}},
		{"chosen where there is one", bundle(amy, of("1", "Patient/amy"), none), "Patient/amy", "1 7", reasons{}},
		{"two versions of the patient", bundle(amy, amy, of("1", "Patient/amy")), "", "1",
			reasons{clinical.Duplicate: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req, report := results(t, test.input, fhir.Options{Patient: test.patient, ResultsOnly: true})
			var got []string
			for _, r := range req.LabResults {
				got = append(got, strings.TrimSuffix(r.Value, " mg"))
			}
			assert.ElementsMatch(t, strings.Fields(test.want), got, "%s", report)
			counts(t, report, test.dropped)
		})
	}
}

func TestMultiplePatients(t *testing.T) {
	t.Parallel()
	amy := `{"resourceType":"Patient","id":"amy"}`
	var many []string
	for i := range 20 {
		many = append(many, of(fmt.Sprint(i), fmt.Sprintf("Patient/p%d", i)))
	}
	for _, test := range []struct{ name, input, places string }{
		{"two Patients", bundle(amy, of("1", "Patient/amy"), joe), "in entry 1 and entry 3"},
		{"two subjects", bundle(of("1", "Patient/amy"), of("2", "Patient/joe")), "in entry 1 and entry 2"},
		{"many subjects", bundle(many...), "in entry 1 and entry 2"},
		{"two contained", bundle(
			lab("1", `"subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p","gender":"male"}]`),
			lab("2", `"subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p",`+
				`"gender":"female"}]`)), "in entry 1 and entry 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req, report, err := fhir.LabResults(reader(test.input), fhir.Options{})
			assert.ErrorIs(t, err, fhir.ErrMultiplePatients)
			assert.ErrorContains(t, err, test.places)
			assert.Nil(t, req)
			assert.NotNil(t, report)
			agent, report, err := fhir.Agent(reader(test.input), helios.AgentLight, fhir.Options{})
			assert.ErrorIs(t, err, fhir.ErrMultiplePatients)
			assert.Nil(t, agent)
			assert.NotNil(t, report)
		})
	}
}

// Resources of several servers can have the same ids.
func TestServers(t *testing.T) {
	t.Parallel()
	const a, b = "https://a.org/fhir/", "https://b.org/fhir/"
	amy, bob := `{"resourceType":"Patient","id":"1","gender":"female"}`,
		`{"resourceType":"Patient","id":"1","gender":"male"}`
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
		{"a relative reference is to the own server",
			[]string{entry(a+"Patient/1", amy), on(a, "1"), on(b, "2")}, "", "1", reasons{clinical.OtherPatient: 1}},
		{"two Patients, one chosen", []string{entry(a+"Patient/1", amy), entry(b+"Patient/1", bob), on(a, "1"),
			on(b, "2")}, b + "Patient/1", "2", reasons{clinical.OtherPatient: 2}},
		{"what does not tell its server, where there are two",
			[]string{entry(a+"Patient/1", amy), entry(b+"Patient/1", bob), on(a, "1"),
				put(of("3", "Patient/1"))}, a + "Patient/1", "1",
			reasons{clinical.OtherPatient: 1, clinical.NoPatient: 1}},
		{"what does not tell its server, where there is one",
			[]string{entry(a+"Patient/1", amy), on(a, "1"), put(of("3", "Patient/1"))}, "", "1 3", reasons{}},
		{"no Patient, one chosen", []string{on(a, "1"), on(b, "2"), put(of("3", "Patient/2"))}, a + "Patient/1",
			"1", reasons{clinical.OtherPatient: 2}},
		{"no Patient, one server", []string{on(a, "1"), put(of("2", "Patient/1")), put(of("3", a+"Patient/1"))},
			"", "1 2 3", reasons{}},
		{"a Patient that does not tell its server", []string{put(amy), on(a, "1"), put(of("2", "Patient/1"))},
			"", "1 2", reasons{}},
		{"two uuids, one id", []string{entry("urn:uuid:1", amy), entry("urn:uuid:2", bob),
			put(of("1", "urn:uuid:1")), put(of("2", "Patient/1"))}, "urn:uuid:1", "1",
			reasons{clinical.OtherPatient: 1, clinical.NoPatient: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for range 2 {
				req, report := results(t, entries(test.entries...),
					fhir.Options{Patient: test.patient, ResultsOnly: true})
				assert.Equal(t, test.want, sentValues(req), "%s", report)
				counts(t, report, test.dropped)
				slices.Reverse(test.entries)
			}
		})
	}
	for _, input := range []string{
		entries(entry(a+"Patient/1", amy), entry(b+"Patient/1", bob), on(a, "1")),
		entries(on(a, "1"), on(b, "2")), entries(put(amy), on(a, "1"), on(b, "2")),
		entries(on(a, "1"), on(b, "2"), put(of("3", "Patient/1"))),
	} {
		for _, patient := range []string{"", "Patient/1"} {
			_, _, err := fhir.LabResults(reader(input), fhir.Options{Patient: patient})
			assert.ErrorIs(t, err, fhir.ErrMultiplePatients, input)
		}
	}
}

// A report and its results, and an order and its drug, are found by their type
// and id unless they are on different servers.
func TestServersOfReferences(t *testing.T) {
	t.Parallel()
	panel := func(ref string) string {
		return `{"resourceType":"DiagnosticReport","id":"r","status":"final","code":{"text":"Panel"},` +
			`"result":[{"reference":"` + ref + `"}]}`
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
			input := entries(entry(full(test.result, "Observation/1"), lab("1", quantity)),
				entry(full(test.report, "DiagnosticReport/r"), panel(test.ref+"Observation/1")))
			req, _ := results(t, input, fhir.Options{ResultsOnly: true})
			assert.Equal(t, test.found, req.LabResults[0].Category == "Panel")
			input = entries(
				entry(full(test.result, "Medication/m"), medication),
				put(`{"resourceType":"Condition","id":"c","code":{"text":"Flu"}}`),
				entry(full(test.report, "MedicationRequest/1"),
					order("1", `"medicationReference":{"reference":"`+test.ref+`Medication/m"}`)),
			)
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
		many = append(
			many,
			of(fmt.Sprint(i), fmt.Sprintf("urn:uuid:%d", i)),
			of(fmt.Sprint(100+i), fmt.Sprintf("https://a.org/Patient/p%d", i)),
		)
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

// What is kept of several subjects is bounded, however many results there are.
func TestManyResultsOfSeveralSubjects(t *testing.T) {
	t.Parallel()
	var large strings.Builder
	for i := range 6_000 {
		subject := fmt.Sprintf(`"subject":{"reference":"urn:uuid:%d"},`, i%2)
		fmt.Fprintln(
			&large,
			lab(
				fmt.Sprint(i),
				subject+fmt.Sprintf(`"valueString":"%d %s","effectiveDateTime":"20%02d-01-01"`, i,
					strings.Repeat("x", 3500), i%100),
			),
		)
	}
	last := "\n" + `{"resourceType":"Bundle","entry":[` + entry(
		"urn:uuid:1",
		`{"resourceType":"Patient","id":"p"}`,
	) + "]}"
	_, _, err := fhir.LabResults(reader(large.String()+last), fhir.Options{Patient: "Patient/p"})
	require.ErrorIs(t, err, fhir.ErrUndecided)
	_, _, err = fhir.LabResults(reader(large.String()+last), fhir.Options{})
	require.ErrorIs(t, err, fhir.ErrMultiplePatients)
}
