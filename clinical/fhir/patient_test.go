package fhir_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

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

func TestWhoseResults(t *testing.T) {
	t.Parallel()
	amy := `{"resourceType":"Patient","id":"amy","gender":"female","identifier":[{"system":"urn:mrn","value":"4711"}]}`
	inside := func(id, person string) string {
		return lab(id, `"subject":{"reference":"#p"},"contained":[`+person+`],"valueQuantity":{"value":`+id+`,"unit":"mg"},`+high)
	}
	const p1 = `{"resourceType":"Patient","id":"p","gender":"female","birthDate":"2000"}`
	const p2 = `{"resourceType":"Patient","id":"p","identifier":[{"system":"urn:mrn","value":"4711"}]}`
	logical := lab("9", `"subject":{"identifier":{"system":"urn:mrn","value":"4711"}},"valueQuantity":{"value":9,"unit":"mg"},`+high)
	none := lab("7", `"valueQuantity":{"value":7,"unit":"mg"},`+high)
	display := lab("8", `"subject":{"display":"Amy"},"valueQuantity":{"value":8,"unit":"mg"},`+high)
	for _, test := range []struct {
		name, input, patient string
		want                 string // the values of the results that are sent
		dropped              reasons
	}{
		{"one patient, then the results", bundle(amy, of("1", "Patient/amy"), of("2", "Patient/joe"), none), "", "1", reasons{clinical.OtherPatient: 1, clinical.NoPatient: 1}},
		{"the patient last", bundle(of("1", "Patient/amy"), of("2", "Patient/joe"), none, amy), "", "1", reasons{clinical.OtherPatient: 1, clinical.NoPatient: 1}},
		{"first what has no subject", bundle(none, of("1", "Patient/amy"), amy, of("2", "Patient/joe")), "", "1", reasons{clinical.OtherPatient: 1, clinical.NoPatient: 1}},
		{"first what has no subject, and nobody else", bundle(none, of("1", "Patient/amy"), amy), "", "1 7", reasons{}},
		{"something that is no patient", bundle(none, of("1", "Patient/amy"), of("2", "Location/1"), amy), "", "1", reasons{clinical.OtherPatient: 1, clinical.NoPatient: 1}},
		{"no patient but one subject", bundle(of("1", "Patient/x"), none, of("2", "Patient/x/_history/2")), "", "1 2 7", reasons{}},
		{"no patient and no subject", bundle(none), "", "7", reasons{}},
		{"an absolute and a relative reference", bundle(of("1", "http://a.org/Patient/x"), of("2", "Patient/x")), "", "1 2", reasons{}},
		{"by fullUrl", entries(entry("urn:uuid:1", amy), entry("urn:uuid:2", of("1", "urn:uuid:1")), entry("urn:uuid:3", of("2", "urn:uuid:9")), entry("", of("3", "Patient/amy"))),
			"", "1 3", reasons{clinical.OtherPatient: 1}},
		{"by absolute fullUrl", entries(entry("http://a.org/Patient/amy", amy), entry("", of("1", "http://a.org/Patient/amy")), entry("", of("2", "http://b.org/Patient/amy")),
			entry("", of("3", "Patient/amy"))), "", "1", reasons{clinical.OtherPatient: 1, clinical.NoPatient: 1}},
		{"by absolute fullUrl, and by no other", entries(entry("http://a.org/Patient/amy", amy), entry("", of("1", "http://a.org/Patient/amy")), entry("", of("3", "Patient/amy"))), "", "1 3", reasons{}},
		{"an absolute reference where no fullUrl is", bundle(amy, of("1", "http://a.org/Patient/amy")), "", "1", reasons{}},
		{"an id that is a uuid", bundle(`{"resourceType":"Patient","id":"0a"}`, of("1", "urn:uuid:0A"), of("2", "urn:uuid:0b")), "", "1", reasons{clinical.OtherPatient: 1}},
		{"a patient without an id", entries(entry("Patient/amy", `{"resourceType":"Patient"}`), entry("", of("1", "Patient/amy")), entry("", of("2", "Patient/joe"))),
			"", "1", reasons{clinical.OtherPatient: 1}},
		{"by identifier", bundle(amy, logical, of("1", "Patient/amy")), "", "1 9", reasons{}},
		{"by identifier, the patient last", bundle(logical, amy), "", "9", reasons{}},
		{"by name only", bundle(amy, display, of("1", "Patient/amy")), "", "1", reasons{clinical.Unresolved: 1}},
		{"contained", bundle(inside("1", p1), inside("2", p1)), "", "1 2", reasons{}},
		{"contained, with the identifier of the patient", bundle(amy, inside("1", p1), inside("2", p2)), "", "2", reasons{clinical.OtherPatient: 1}},
		{"contained, the patient last", bundle(inside("1", p1), inside("2", p2), amy), "", "2", reasons{clinical.OtherPatient: 1}},
		{"two patients, one chosen", bundle(amy, joe, of("1", "Patient/amy"), of("2", "Patient/joe"), none), "Patient/joe", "2",
			reasons{clinical.OtherPatient: 2, clinical.NoPatient: 1}},
		{"two patients, the chosen one last", bundle(of("1", "Patient/amy"), of("2", "Patient/joe"), none, amy, joe), "Patient/joe", "2",
			reasons{clinical.OtherPatient: 2, clinical.NoPatient: 1}},
		{"two subjects, one chosen", bundle(of("1", "Patient/amy"), of("2", "Patient/joe")), "Patient/joe", "2", reasons{clinical.OtherPatient: 1}},
		{"two subjects by unlike references, one chosen", bundle(of("1", "urn:uuid:1"), of("2", "http://a.org/Patient/joe"), none), "Patient/joe", "2",
			reasons{clinical.OtherPatient: 1, clinical.NoPatient: 1}},
		{"chosen by fullUrl", entries(entry("urn:uuid:1", amy), entry("urn:uuid:2", joe), entry("", of("1", "Patient/amy")), entry("", of("2", "Patient/joe"))), "urn:uuid:2", "2",
			reasons{clinical.OtherPatient: 2}},
		{"chosen where there is one", bundle(amy, of("1", "Patient/amy"), none), "Patient/amy", "1 7", reasons{}},
		{"two versions of the patient", bundle(amy, amy, of("1", "Patient/amy")), "", "1", reasons{clinical.Duplicate: 1}},
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
		{"two subjects", bundle(of("1", "Patient/amy"), of("2", "Patient/joe")), "in Observation/1 and Observation/2"},
		{"many subjects", bundle(many...), "in Observation/0 and Observation/1"},
		{"two contained", bundle(
			lab("1", `"subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p","gender":"male"}]`),
			lab("2", `"subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p","gender":"female"}]`)), "in Observation/1 and Observation/2"},
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

func TestAgeAndGender(t *testing.T) {
	t.Parallel()
	person := func(fields string) string { return `{"resourceType":"Patient","id":"x"` + fields + `}` }
	for _, test := range []struct {
		name, patient string
		opts          fhir.Options
		age, gender   string
		counts        reasons
	}{
		{"the day before the birthday", person(`,"gender":"male","birthDate":"1980-06-16"`), fhir.Options{}, "44", "male", reasons{}},
		{"on the birthday", person(`,"gender":"other","birthDate":"1980-06-15"`), fhir.Options{}, "45", "other", reasons{}},
		{"a newborn", person(`,"gender":"unknown","birthDate":"2025-06-15"`), fhir.Options{}, "0", "unknown", reasons{}},
		{"a year", person(`,"gender":"female","birthDate":"1980"`), fhir.Options{}, "44", "female", reasons{clinical.AgeApproximate: 1}},
		{"dead", person(`,"gender":"female","birthDate":"1980-01-01","deceasedDateTime":"2020-03-01T10:00:00Z"`), fhir.Options{}, "40", "female", reasons{clinical.AgeAtDeath: 1}},
		{"not dead yet", person(`,"gender":"female","birthDate":"1980-01-01","deceasedDateTime":"2026"`), fhir.Options{}, "45", "female", reasons{}},
		{"nothing", person(``), fhir.Options{}, "", "", reasons{clinical.AgeUnknown: 1, clinical.GenderUnknown: 1}},
		{"not born yet", person(`,"gender":"m","birthDate":"2030-01-01"`), fhir.Options{}, "", "", reasons{clinical.AgeUnknown: 1, clinical.GenderUnknown: 1}},
		{"too old", person(`,"gender":"male","birthDate":"1880-01-01"`), fhir.Options{}, "", "male", reasons{clinical.AgeUnknown: 1}},
		{"very old", person(`,"gender":"male","birthDate":"1930-01-01"`), fhir.Options{CapAge: true}, "90", "male", reasons{clinical.AgeCapped: 1}},
		{"very old and sent as such", person(`,"gender":"male","birthDate":"1930-01-01"`), fhir.Options{}, "95", "male", reasons{}},
		{"old enough", person(`,"gender":"male","birthDate":"1936-01-01"`), fhir.Options{CapAge: true}, "89", "male", reasons{}},
		{"as the caller says", person(`,"gender":"male","birthDate":"1936-01-01"`), fhir.Options{Age: new(91), Gender: "female", CapAge: true}, "90", "female",
			reasons{clinical.AgeCapped: 1}},
		{"as the caller says of nobody", `{"resourceType":"Claim","id":"1"}`, fhir.Options{Age: new(7), Gender: "female"}, "7", "female", reasons{clinical.TypeNotSent: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			input := bundle(test.patient, lab("1", quantity+","+high))
			req, report := results(t, input, test.opts)
			if test.age+test.gender == "" {
				assert.Nil(t, req.PatientContext)
			} else {
				assert.Equal(t, &helios.PatientContext{Age: test.age, Gender: test.gender}, req.PatientContext)
			}
			if test.counts[clinical.AgeUnknown] == 0 {
				assert.Zero(t, report.Count(clinical.AgeUnknown))
			}
			counts(t, report, test.counts)
			agent, _ := record(t, input, test.opts)
			if test.age == "" {
				assert.True(t, agent.Data.PatientInfo == nil || agent.Data.PatientInfo.Age == nil)
			} else {
				assert.Equal(t, test.age, fmt.Sprint(*agent.Data.PatientInfo.Age))
			}
			assert.Nil(t, must(results(t, input, fhir.Options{ResultsOnly: true})).PatientContext)
		})
	}
}

func must[T, U any](value T, _ U) T { return value }

// Without a reference date the age is that at the newest date of the patient's data that is not in the future.
func TestReferenceDate(t *testing.T) {
	t.Parallel()
	age := func(resources ...string) string {
		req, _, err := fhir.LabResults(reader(bundle(append(resources, joe)...)), fhir.Options{})
		require.NoError(t, err)
		return req.PatientContext.Age
	}
	result := func(date string) string { return lab("1", `"effectiveDateTime":"`+date+`",`+quantity) }
	assert.Equal(t, "40", age(result("2021-06-15T23:00:00-08:00")))
	assert.Equal(t, "41", age(result("2020"), `{"resourceType":"Condition","id":"c","code":{"text":"x"},"recordedDate":"2021-06-16"}`))
	assert.Equal(t, "42", age(result("2020-01-01"), `{"resourceType":"MedicationRequest","id":"m","status":"active","medicationCodeableConcept":{"text":"x"},"authoredOn":"2022-06-16"}`))
	born := time.Date(1980, 6, 16, 0, 0, 0, 0, time.UTC)
	now := time.Now().UTC()
	years := now.Year() - born.Year()
	if now.YearDay() < time.Date(now.Year(), 6, 16, 0, 0, 0, 0, time.UTC).YearDay() {
		years--
	}
	assert.Equal(t, fmt.Sprint(years), age(result("2999-01-01")))
	assert.Equal(t, fmt.Sprint(years), age(result("2020")), "a year is no day")
}

func TestReaderError(t *testing.T) {
	t.Parallel()
	secret := errors.New("open /data/joe-smith.json")
	_, report, err := fhir.LabResults(iotest.ErrReader(secret), fhir.Options{})
	assert.ErrorIs(t, err, secret)
	assert.EqualError(t, err, "helios: fhir: the input cannot be read after entry 0")
	assert.NotNil(t, report)
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	for _, input := range []string{"Joe Smith", `{"resourceType":"Bundle","entry":[{"resource":{"id":"Joe Smith`, `[{"a":"Joe Smith"]`} {
		_, report, err := fhir.LabResults(reader(input), fhir.Options{})
		assert.ErrorIs(t, err, fhir.ErrMalformed)
		assert.ErrorContains(t, err, "helios: fhir: the input is no FHIR JSON: entry 1: ")
		assert.NotContains(t, err.Error(), "Joe")
		assert.NotNil(t, report)
	}
	for _, input := range []string{"", "{}", "[]", `{"resourceType":"Bundle"}`, "null\n{}", `{"resourceType":"Joe Smith","id":"Joe Smith"}`} {
		_, report, err := fhir.LabResults(reader(input), fhir.Options{})
		assert.Error(t, err)
		assert.NotContains(t, report.String(), "Joe")
		_, report, err = fhir.Agent(reader(input), helios.AgentDeep, fhir.Options{})
		assert.Error(t, err)
		assert.NotContains(t, report.String(), "Joe")
	}
	_, report, err := fhir.LabResults(reader(bundle(`{"resourceType":"Joe Smith","id":"Joe Smith"}`)), fhir.Options{})
	assert.ErrorIs(t, err, fhir.ErrNoResults)
	assert.Contains(t, report.Issues, clinical.Issue{Reason: clinical.TypeNotSent, Source: "entry 1", Detail: "unknown type"})
}
