package fhir_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

func TestAgeAndGender(t *testing.T) {
	t.Parallel()
	person := func(fields string) string { return `{"resourceType":"Patient","id":"x"` + fields + `}` }
	for _, test := range []struct {
		name, patient string
		opts          fhir.Options
		age, gender   string
		counts        reasons
	}{
		{"the day before the birthday", person(`,"gender":"male","birthDate":"1980-06-16"`), fhir.Options{},
			"44", "male", reasons{}},
		{"on the birthday", person(`,"gender":"other","birthDate":"1980-06-15"`), fhir.Options{}, "45", "other",
			reasons{}},
		{"a newborn", person(`,"gender":"unknown","birthDate":"2025-06-15"`), fhir.Options{}, "0", "unknown",
			reasons{}},
		{"a year", person(`,"gender":"female","birthDate":"1980"`), fhir.Options{}, "44", "female",
			reasons{clinical.AgeApproximate: 1}},
		{"dead", person(`,"gender":"female","birthDate":"1980-01-01","deceasedDateTime":"2020-03-01T10:00:00Z"`),
			fhir.Options{}, "40", "female", reasons{clinical.AgeAtDeath: 1}},
		{"not dead yet", person(`,"gender":"female","birthDate":"1980-01-01","deceasedDateTime":"2026"`),
			fhir.Options{}, "45", "female", reasons{}},
		{"nothing", person(``), fhir.Options{}, "", "", reasons{clinical.AgeUnknown: 1, clinical.GenderUnknown: 1}},
		{"not born yet, and a code of HL7 v2 for the gender", person(`,"gender":"m","birthDate":"2030-01-01"`),
			fhir.Options{}, "", "male", reasons{clinical.AgeUnknown: 1}},
		{"too old", person(`,"gender":"male","birthDate":"1880-01-01"`), fhir.Options{}, "", "male",
			reasons{clinical.AgeUnknown: 1}},
		{"very old", person(`,"gender":"male","birthDate":"1930-01-01"`), fhir.Options{CapAge: true}, "90",
			"male", reasons{clinical.AgeCapped: 1}},
		{"very old and sent as such", person(`,"gender":"male","birthDate":"1930-01-01"`), fhir.Options{}, "95",
			"male", reasons{}},
		{"old enough", person(`,"gender":"male","birthDate":"1936-01-01"`), fhir.Options{CapAge: true}, "89",
			"male", reasons{}},
		{"as the caller says", person(`,"gender":"male","birthDate":"1936-01-01"`),
			fhir.Options{Age: new(91), Gender: "female", CapAge: true}, "90", "female",
			reasons{clinical.AgeCapped: 1}},
		{"as the caller says of nobody", `{"resourceType":"Claim","id":"1"}`,
			fhir.Options{Age: new(7), Gender: "female"}, "7", "female", reasons{clinical.TypeNotSent: 1}},
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

// Without a reference date the age is that at the newest date of the patient's
// data that is not in the future.
func TestReferenceDate(t *testing.T) {
	t.Parallel()
	age := func(resources ...string) string {
		req, _, err := fhir.LabResults(reader(bundle(append(resources, joe)...)), fhir.Options{})
		require.NoError(t, err)
		return req.PatientContext.Age
	}
	result := func(date string) string { return lab("1", `"effectiveDateTime":"`+date+`",`+quantity) }
	assert.Equal(t, "40", age(result("2021-06-15T23:00:00-08:00")))
	assert.Equal(t, "41",
		age(result("2020"), `{"resourceType":"Condition","id":"c","code":{"text":"x"},"recordedDate":"2021-06-16"}`))
	assert.Equal(
		t,
		"42",
		age(
			result("2020-01-01"),
			`{"resourceType":"MedicationRequest","id":"m","status":"active",`+
				`"medicationCodeableConcept":{"text":"x"},"authoredOn":"2022-06-16"}`,
		),
	)
	born := time.Date(1980, 6, 16, 0, 0, 0, 0, time.UTC)
	now := time.Now().UTC()
	years := now.Year() - born.Year()
	if now.YearDay() < time.Date(now.Year(), 6, 16, 0, 0, 0, 0, time.UTC).YearDay() {
		years--
	}
	assert.Equal(t, fmt.Sprint(years), age(result("2999-01-01")))
	assert.Equal(t, fmt.Sprint(years), age(result("2020")), "a year is no day")
}

// What the input says of people does not leave in a text, even if it stands
// where texts are read.
func TestPeople(t *testing.T) {
	t.Parallel()
	people := []string{
		`{"resourceType":"Patient","id":"x","name":[{"family":"White","given":["Zoë","Ann"]}],
			"telecom":[{"value":"x 4711"}],"identifier":[{"value":"MRN-0815"}],
			"address":[{"line":["12 Elm Street"],"city":"Springfield"}],"contact":[{"name":{"family":"Gruber"},
				"address":{"city":"Graz"}}]}`,
		`{"resourceType":"Practitioner","id":"y","name":[{"family":"Bell","given":["Iron"]}]}`,
	}
	for _, test := range []struct {
		name, fields string
		sent         string // name and value, "" if it is not sent
	}{
		{"a value", `"valueString":"seen by ms white"`, ""},
		{"a given name", `"valueString":"ZOË: positive"`, ""},
		{"a contact", `"valueString":"told Gruber"`, ""},
		{"a city", `"valueString":"Springfield strain"`, ""},
		{"an identifier", `"valueString":"see mrn 0815"`, ""},
		{"a physician", `"valueString":"asked Dr. Bell"`, ""},
		{"nobody", `"valueString":"whitening"`, "Glucose whitening"},
		{"coded", `"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"371251000",` +
			`"display":"White"}]}`, "Glucose White"},
		{"a name that a terminology has too",
			`"code":{"text":"White cells","coding":[{"system":"http://loinc.org","code":"6690-2",` +
				`"display":"Leukocytes"}]},"valueInteger":1`, "Leukocytes 1"},
		{"a name that it has not", `"code":{"text":"White cells"},"valueInteger":1`, ""},
		{"a physician's single name in that of a test", `"code":{"text":"Serum iron"},"valueInteger":1`,
			"Serum iron 1"},
		{"a physician's whole name in that of a test", `"code":{"text":"Iron Bell score"},"valueInteger":1`, ""},
		{"a range", `"valueInteger":1,"referenceRange":[{"text":"as Dr. Bell says"},{"text":"<5"}]`,
			"Glucose 1"}, // without the other too, which it may have limited
		{"a component", `"code":{"text":"Panel of White","coding":[{"system":"http://loinc.org","code":"1",` +
			`"display":"Panel"}]},"component":[{"code":{"text":"Part"},"valueInteger":1},` +
			`{"code":{"coding":[{"system":"http://loinc.org","code":"2","display":"Other"}]},"valueInteger":2}]`,
			"Panel: Other 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, resources := range [][]string{append(people[:2:2], lab("1", test.fields)),
				{lab("1", test.fields), people[1], people[0]}} {
				req, report, err := fhir.LabResults(reader(bundle(resources...)), fhir.Options{ResultsOnly: true})
				if test.sent == "" {
					assert.ErrorIs(t, err, fhir.ErrNoResults)
					assert.Equal(t, 1, report.Count(clinical.Identifying))
					continue
				}
				require.NoError(t, err)
				sent := req.LabResults[0]
				assert.Equal(t, test.sent, strings.TrimSpace(sent.Name+" "+sent.Value+" "+sent.ReferenceRange))
			}
		})
	}
	// Nor in the name of a report, without which the result is sent.
	panel := `{"resourceType":"DiagnosticReport","id":"r","status":"final","code":{"text":"Panel of White"},` +
		`"result":[{"reference":"Observation/1"}]}`
	req, report := results(t, bundle(lab("1", quantity), panel, people[0]), fhir.Options{})
	assert.Empty(t, req.LabResults[0].Category)
	assert.Contains(t, report.Issues, clinical.Issue{Reason: clinical.Identifying, Source: "Observation/1", Sent: true})
	_, report, err := fhir.LabResults(reader(lab("1", `"subject":{"display":"Donald Duck"},"valueString":"duck: ill"`)),
		fhir.Options{})
	assert.ErrorIs(t, err, fhir.ErrNoResults)
	assert.Equal(t, 1, report.Count(clinical.Identifying))
}

// Names are learned wherever a resource tells of people.
func TestPeopleAreLearned(t *testing.T) {
	t.Parallel()
	observation := func(fields string) string { return lab("2", `"valueInteger":3,`+fields) }
	for name, people := range map[string]string{
		"Practitioner":  `{"resourceType":"Practitioner","name":[{"text":"Iron Learned"}]}`,
		"RelatedPerson": `{"resourceType":"RelatedPerson","name":[{"family":"Learned"}]}`,
		"Person":        `{"resourceType":"Person","name":{"family":"Learned"}}`,
		"contact":       `{"resourceType":"Patient","contact":[{"name":{"given":"Learned"}}]}`,
		"performer":     observation(`"performer":[{"reference":"Practitioner/1","display":"Iron Learned"}]`),
		"performer with a title": observation(`"performer":[{"display":"Learned, Iron, M.D."},` +
			`{"display":"Dr. Learned"}]`),
		"contained": observation(`"contained":[{"resourceType":"Person","name":[{"family":"Learned"}]}]`),
		"report's performer": `{"resourceType":"DiagnosticReport","status":"final","code":{"text":"x"},` +
			`"resultsInterpreter":[{"type":"Practitioner","display":"Iron Learned"}]}`,
		"report's contained": `{"resourceType":"DiagnosticReport","status":"final","code":{"text":"x"},` +
			`"contained":[{"resourceType":"Practitioner","name":[{"family":"Learned"}]}]}`,
		"asserter": `{"resourceType":"Condition","code":{"text":"x"},` +
			`"asserter":{"reference":"urn:uuid:1","display":"Dr. Iron Learned"}}`,
		"recorder": `{"resourceType":"Condition","code":{"text":"x"},` +
			`"recorder":{"reference":"Practitioner/1","display":"Iron Learned"}}`,
		"condition's contained": `{"resourceType":"Condition","code":{"text":"x"},` +
			`"contained":[{"resourceType":"Practitioner","name":[{"family":"Learned"}]}]}`,
		"requester": order("m", metformin+`,"requester":{"display":"Mrs. Learned"}`),
		"informationSource": `{"resourceType":"MedicationStatement","status":"active",` + metformin +
			`,"informationSource":{"reference":"RelatedPerson/1","display":"Iron Learned"}}`,
		"medication's contained": order("m",
			metformin+`,"contained":[{"resourceType":"Practitioner","name":[{"family":"Learned"}]}]`),
	} {
		req, report := results(t,
			bundle(people, lab("1", `"valueString":"told learned"`), lab("3", `"valueInteger":4`)), fhir.Options{})
		for _, r := range req.LabResults {
			assert.NotContains(t, r.Value, "learned", name)
		}
		assert.Equal(t, 1, report.Count(clinical.Identifying), name)
	}
	// Who is no person is known by all of the name.
	lab1 := observation(
		`"performer":[{"reference":"Organization/1","display":"Central Culture Ltd"},{"display":"Quest Growth"}]`,
	)
	for text, sent := range map[string]bool{"no growth in culture": true, "at central culture ltd": false,
		"Quest Growth says": false} {
		req, _ := results(t, bundle(lab1, lab("1", `"valueString":"`+text+`"`)), fhir.Options{})
		assert.Equal(t, sent, len(req.LabResults) == 2, text)
	}
}

// If something of people is not known, nothing that someone typed is sent.
func TestPeopleThatAreNotKnown(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	many.WriteString(`{"resourceType":"Practitioner","name":[{"given":["a"`)
	for i := range 1 << 18 {
		fmt.Fprintf(&many, `,"name%x"`, i)
	}
	many.WriteString(`]}]}`)
	typed := bundle("%", lab("1", `"valueString":"seen by Ada"`),
		lab("2", `"code":{"text":"Panel of Ada"},"valueInteger":1`),
		lab("3", `"valueQuantity":{"value":5,"unit":"mg of Ada"}`),
		lab("4", `"valueQuantity":{"value":5,"unit":"mmol/L"}`), lab("5", `"valueString":"Negative"`))
	for name, people := range map[string]string{
		"too many": many.String(),
		"a name that is too long": `{"resourceType":"Practitioner","name":[{"family":"` +
			strings.Repeat("x", 2000) + `"}]}`,
		"a name that is no JSON":         `{"resourceType":"Practitioner","name":[{"family":"\x"}]}`,
		"a Practitioner that is no JSON": `{"resourceType":"Practitioner","name":[{"family" "Ada"}]}`,
		"a Patient that is no JSON":      `{"resourceType":"Patient","name":[{"family" "Ada"}]}`,
		"a Practitioner without a comma": `{"resourceType":"Practitioner" "name":[{"family":"Ada"}]}`,
		"an entry without a comma":       `{"resourceType":"Patient","name":[{"family":"Ada"}]} "x":1`,
		"a Patient too large": `{"resourceType":"Patient","photo":[{"data":"` +
			strings.Repeat("x", 17<<20) + `"}]}`,
		"a Person too large": `{"resourceType":"RelatedPerson","photo":[{"data":"` +
			strings.Repeat("x", 17<<20) + `"}]}`,
		"a mention too long": lab("6",
			`"valueInteger":null,"performer":[{"display":"`+strings.Repeat("x", 2000)+`"}]`),
	} {
		req, report, err := fhir.LabResults(reader(strings.Replace(typed, "%", people, 1)),
			fhir.Options{ReferenceDate: day})
		require.NoError(t, err, name)
		var values []string
		for _, r := range req.LabResults {
			values = append(values, r.Value)
		}
		assert.ElementsMatch(t, []string{"5 mmol/L", "Negative"}, values, name)
		assert.Equal(t, 3, report.Count(clinical.Identifying), name)
	}
}
