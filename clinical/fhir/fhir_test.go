package fhir_test

import (
	"encoding/json"
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

// The context of lab results has no status, so that a drug in it is one that is
// taken.
func TestContext(t *testing.T) {
	t.Parallel()
	input := bundle(joe, lab("1", quantity+","+high), order("1", metformin+`,"dosageInstruction":[{"text":"1000mg"}]`),
		order("2", `"status":"on-hold","medicationCodeableConcept":{"text":"A"}`),
		order("3", `"status":"stopped","medicationCodeableConcept":{"text":"B"}`),
		`{"resourceType":"Condition","id":"c","code":{"text":"Gout"},"clinicalStatus":{"coding":[{"code":"active"}]}}`)
	req, report := results(t, input, fhir.Options{IncludeStopped: true})
	assert.Equal(
		t,
		&helios.PatientContext{
			Age:         "44",
			Gender:      "male",
			Conditions:  []helios.ContextCondition{{Name: "Gout", Status: "active"}},
			Medications: []helios.ContextMedication{{Name: "Metformin 500mg", Dosage: "1000mg"}},
		},
		req.PatientContext,
	)
	counts(t, report, reasons{clinical.NotTaken: 2})
	assert.Equal(t, map[string]int{"labResults": 1, "patientContext.conditions": 1, "patientContext.medications": 1},
		report.Sent)
	req, report = results(t, input, fhir.Options{ResultsOnly: true})
	assert.Nil(t, req.PatientContext)
	counts(t, report, reasons{clinical.TypeNotSent: 4})
}

func TestSinceAndLatest(t *testing.T) {
	t.Parallel()
	on := func(id, date, value string) string {
		return strings.Replace(lab(id, `"valueQuantity":{"value":`+value+`,"unit":"mg"},`+high), "2025-01-15", date, 1)
	}
	input := bundle(on("1", "2025-01-15", "1"), on("2", "2025-03-15T23:00:00-08:00", "2"), on("3", "2024-12-31", "3"),
		lab("4", `"effectiveDateTime":null,`+quantity))
	values := func(opts fhir.Options) string {
		req, _ := results(t, input, opts)
		var got []string
		for _, r := range req.LabResults {
			got = append(got, strings.Fields(r.Value)[0])
		}
		return strings.Join(got, " ")
	}
	assert.Equal(t, "2 1 3 7.20", values(fhir.Options{}))
	assert.Equal(t, "2 7.20", values(fhir.Options{LatestPerTest: true}), "the last has no date")
	east := time.FixedZone("", 12*60*60)
	assert.Equal(t, "2 1 7.20", values(fhir.Options{Since: time.Date(2025, 1, 15, 0, 0, 0, 0, east)}),
		"the day in its own location")
	_, report := results(t, input, fhir.Options{LatestPerTest: true})
	assert.Equal(t, 2, report.Count(clinical.NotLatest))
}

func TestMany(t *testing.T) {
	t.Parallel()
	resources := []string{joe}
	for i := range 500 {
		resources = append(
			resources,
			strings.Replace(lab(fmt.Sprint(i), fmt.Sprintf(`"valueInteger":%d`, i)), "2025-01-15",
				fmt.Sprintf("20%02d-01-15", i%100), 1),
		)
	}
	req, report := results(t, bundle(resources...), fhir.Options{})
	require.Len(t, req.LabResults, helios.MaxLabResults)
	assert.Equal(t, "2099-01-15", req.LabResults[0].Date)
	assert.Equal(t, "2060-01-15", req.LabResults[199].Date)
	assert.Equal(t, 300, report.Count(clinical.TooMany))
	assert.Equal(t, 200, report.Sent["labResults"])
}

func TestUnclassified(t *testing.T) {
	t.Parallel()
	input := bundle(joe, lab("1", quantity), lab("2", `"valueString":"7.2",`+high))
	req, report := record(t, input, fhir.Options{})
	assert.Len(t, req.Data.RecentAbnormalLabs, 1)
	assert.Equal(t, 1, report.Dropped())
	req, report = record(t, input, fhir.Options{Unclassified: "recentLabs"})
	assert.Equal(t, []helios.Lab{{Date: "2025-01-15", Display: "Glucose", Value: "7.2", Interpretation: "High"}},
		req.Data.RecentAbnormalLabs)
	assert.Empty(t, req.Data.RecentNormalLabs)
	assert.Equal(
		t,
		map[string]any{
			"recentLabs": []helios.Lab{{Date: "2025-01-15", Display: "Glucose", Value: "7.20", Unit: "mmol/L"}},
		},
		req.Data.Extra,
	)
	assert.Zero(t, report.Dropped())
	assert.Equal(t, map[string]int{"recentAbnormalLabs": 1, "recentLabs": 1}, report.Sent)

	body, err := json.Marshal(req)
	require.NoError(t, err)
	assert.Contains(t, string(body),
		`"recentLabs":[{"date":"2025-01-15","display":"Glucose","value":"7.20","unit":"mmol/L"}]`)
	req, _ = record(t, lab("1", quantity), fhir.Options{Unclassified: "recentLabs"})
	assert.Len(t, req.Data.Extra["recentLabs"], 1, "also where there is nothing else")

	var asked []clinical.Test
	req, _ = record(t, input, fhir.Options{Classify: func(test clinical.Test) helios.Flag {
		asked = append(asked, test)
		return helios.FlagNormal
	}})
	assert.Equal(
		t,
		[]clinical.Test{
			{
				System: "http://loinc.org",
				Code:   "2345-7",
				Name:   "Glucose",
				Value:  "7.20",
				Unit:   "mmol/L",
				Age:    new(44),
				Gender: "male",
			},
		},
		asked,
	)
	assert.Equal(t, []helios.Lab{{Date: "2025-01-15", Display: "Glucose", Value: "7.20", Unit: "mmol/L"}},
		req.Data.RecentNormalLabs)
}

func TestPreliminary(t *testing.T) {
	t.Parallel()
	input := bundle(lab("1", `"status":"preliminary",`+quantity), lab("2", `"status":"Joe",`+quantity),
		lab("3", `"valueInteger":1`))
	req, report := results(t, input, fhir.Options{ExcludePreliminary: true})
	assert.Len(t, req.LabResults, 1)
	assert.Contains(t, report.Issues,
		clinical.Issue{Reason: clinical.StatusNotSent, Source: "Observation/1", Detail: "preliminary"})
	assert.Contains(t, report.Issues,
		clinical.Issue{Reason: clinical.StatusNotSent, Source: "Observation/2", Detail: "unknown code"})
}

// Another version of a resource takes its place. Another resource stands beside
// it, also one with the same identifier.
func TestCorrected(t *testing.T) {
	t.Parallel()
	with := func(id, status, identifier, value string) string {
		return lab(
			id,
			`"status":"`+status+`","identifier":[{"system":"urn:lab","value":"`+identifier+`"}],"valueQuantity":{`+
				`"value":`+value+`,"unit":"mg"}`,
		)
	}
	version := func(status, value string) string {
		return lab("1", `"status":"`+status+`","valueQuantity":{"value":`+value+`,"unit":"mg"}`)
	}
	for _, test := range []struct {
		name, input, want string
		counts            reasons
	}{
		{"of one identifier", bundle(with("1", "final", "a", "1"), with("2", "corrected", "a", "2")), "1 2",
			reasons{clinical.Unclassified: 2, clinical.CorrectionUnclear: 2}},
		{"versions", bundle(version("preliminary", "1"), version("final", "2")), "2",
			reasons{clinical.Replaced: 1, clinical.Unclassified: 1}},
		{"withdrawn", bundle(version("final", "1"), lab("2", `"valueInteger":5`),
			version("entered-in-error", "1")), "5",
			reasons{clinical.StatusNotSent: 2, clinical.NoUnit: 1, clinical.Unclassified: 1}},
		{"withdrawn before", bundle(version("entered-in-error", "1"), lab("2", `"valueInteger":5`),
			version("final", "1")), "5",
			reasons{clinical.StatusNotSent: 2, clinical.NoUnit: 1, clinical.Unclassified: 1}},
		{"the same twice", bundle(version("final", "1"), version("final", "1")), "1",
			reasons{clinical.Replaced: 1, clinical.Unclassified: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req, report := results(t, test.input, fhir.Options{})
			var got []string
			for _, r := range req.LabResults {
				got = append(got, strings.TrimSuffix(r.Value, " mg"))
			}
			assert.ElementsMatch(t, strings.Fields(test.want), got)
			counts(t, report, test.counts)
		})
	}
}

func TestRound(t *testing.T) {
	t.Parallel()
	pressure := `{"resourceType":"Observation","id":"bp","status":"final",
		"category":[{"coding":[{"code":"vital-signs"}]}],"effectiveDateTime":"2025-01-15","component":[
		{"code":{"coding":[{"code":"8480-6"}]},"valueQuantity":{"value":138.456,"unit":"mmHg"}},
			{"code":{"coding":[{"code":"8462-4"}]},"valueQuantity":{"value":88.5,"unit":"mmHg"}}]}`
	input := bundle(lab("1", `"valueQuantity":{"value":7.25001,"unit":"mmol/L"},`+high), pressure)
	req, report := record(t, input, fhir.Options{RoundDecimals: new(1)})
	assert.Equal(t, "7.3", req.Data.RecentAbnormalLabs[0].Value)
	assert.Equal(t, "138.5/88.5", req.Data.VitalSigns[0].Value)
	assert.Equal(t, 2, report.Count(clinical.Rounded))
	req, _ = record(t, input, fhir.Options{})
	assert.Equal(t, "7.25001", req.Data.RecentAbnormalLabs[0].Value)
	assert.Equal(t, "138.456/88.5", req.Data.VitalSigns[0].Value)
}

func TestCategoryAndRedact(t *testing.T) {
	t.Parallel()
	input := bundle(
		lab(
			"1",
			`"code":{"text":"Typed name","coding":[{"display":"Coded name"}]},"valueString":"typed value",`+
				`"referenceRange":[{"text":"typed range"}]`,
		),
		lab("2", `"valueString":"secret"`),
		lab("3", `"code":{"text":"secret","coding":[{"display":"Coded"}]},`+quantity),
		order(
			"m",
			`"medicationCodeableConcept":{"text":"Typed drug"},"dosageInstruction":[{"text":"typed dose",`+
				`"timing":{"code":{"text":"secret"}}}]`,
		),
		`{"resourceType":"Condition","id":"c","code":{"text":"secret"}}`,
		`{"resourceType":"DiagnosticReport","id":"r","status":"final","code":{"text":"Typed panel"},`+
			`"result":[{"reference":"Observation/1"}]}`,
	)
	var seen []string
	opts := fhir.Options{
		Redact: func(s string) string {
			seen = append(seen, s)
			if s == "secret" {
				return ""
			}
			return strings.ToUpper(s)
		},
		Category: func(test clinical.Test) string { return strings.TrimPrefix(test.Code, "x") },
	}
	req, report := results(t, input, opts)
	assert.Equal(
		t,
		[]helios.LabResult{
			{
				Name:           "TYPED NAME",
				Value:          "TYPED VALUE",
				ReferenceRange: "TYPED RANGE",
				Date:           "2025-01-15",
				Category:       "TYPED PANEL",
			},
		},
		req.LabResults,
	)
	assert.Equal(t,
		&helios.PatientContext{Medications: []helios.ContextMedication{{Name: "TYPED DRUG", Dosage: "TYPED DOSE"}}},
		req.PatientContext)
	counts(t, report,
		reasons{clinical.Withheld: 4, clinical.TypeNotSent: 1, clinical.FreeText: 1, clinical.Unclassified: 1})
	assert.NotContains(t, seen, "Coded name")
	opts.Redact = nil
	req, _ = results(t, bundle(lab("1", quantity)), opts)
	assert.Equal(t, "2345-7", req.LabResults[0].Category)
}

func TestOptionsThatAreWrong(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string]fhir.Options{
		"helios: fhir: Options.Age is not between 0 and 130":                      {Age: new(131)},
		"helios: fhir: Options.Gender is none of male, female, other and unknown": {Gender: "M"},
		"helios: fhir: Options.Unclassified is a field that has another meaning":  {Unclassified: "recentNormalLabs"},
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
	_, _, err = fhir.LabResults(reader(lab("1", quantity)),
		fhir.Options{Age: new(130), Gender: "unknown", RoundDecimals: new(0)})
	require.NoError(t, err)
}
