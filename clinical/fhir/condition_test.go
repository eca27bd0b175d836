package fhir_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

func TestVerificationInOtherForms(t *testing.T) {
	t.Parallel()
	for status, sent := range map[string]bool{
		`"refuted"`: false, `{"text":"Refuted"}`: false, `{"coding":[{"code":"ruled-out"}]}`: false,
		`{"text":"perhaps"}`: false,
		`"confirmed"`:        true, `{"text":"Confirmed"}`: true,
		`{"coding":[{"code":"x"},{"code":"confirmed"}]}`: true, `null`: true, `{}`: true,
	} {
		condition := `{"resourceType":"Condition","id":"c","verificationStatus":` + status + `,"code":{"text":"Gout"}}`
		req, report := record(t, bundle(joe, lab("1", quantity+","+high), condition), fhir.Options{})
		assert.Equal(t, sent, len(req.Data.PastMedicalHistory) == 1, status)
		assert.Equal(t, !sent, report.Count(clinical.NotDiagnosed) == 1, status)
	}
}

// SNOMED CT reports whether a condition is a finding also where someone typed
// its name.
func TestTypedFinding(t *testing.T) {
	t.Parallel()
	input := bundle(
		lab("1", quantity+","+high),
		`{"resourceType":"Condition","id":"c","code":{"text":"Stress",`+
			`"coding":[{"system":"http://snomed.info/sct","code":"73595000","display":"Stress (finding)"}]}}`,
	)
	req, report := record(t, input, fhir.Options{SkipFindings: true})
	assert.Empty(t, req.Data.PastMedicalHistory)
	assert.Equal(t, 1, report.Count(clinical.NotADisease))
	req, _ = record(t, input, fhir.Options{})
	assert.Equal(t, "Stress", req.Data.PastMedicalHistory[0].Display)
}

func TestConditions(t *testing.T) {
	t.Parallel()
	condition := func(id, fields string) string {
		return `{"resourceType":"Condition","id":"` + id + `",` +
			fields + `}`
	}
	coded := func(code, name, status, more string) string {
		return `"code":{"coding":[{"system":"http://snomed.info/sct","code":"` + code + `","display":"` + name +
			`"}]},"clinicalStatus":{"coding":[{"code":"` + status + `"}]}` + more
	}
	for _, test := range []struct {
		name   string
		input  []string
		opts   fhir.Options
		want   []helios.Condition
		counts reasons
	}{
		{"one", []string{condition("1",
			coded("44054006", "Diabetes (disorder)", "active", `,"onsetDateTime":"2020-03-15T10:00:00+09:00"`))},
			fhir.Options{},
			[]helios.Condition{{Display: "Diabetes", ClinicalStatus: "active", OnsetDate: "2020-03-15"}}, reasons{}},
		{"of several the newest", []string{
			condition("1", coded("1", "Asthma", "resolved", `,"onsetPeriod":{"start":"2024-01-01"}`)),
			condition("2", coded("1", "Asthma", "active", `,"onsetDateTime":"2019"`)),
			condition("3", coded("1", "Asthma", "active", `,"onsetDateTime":"2018-01-01"`)),
			condition("4", coded("2", "Gout", "remission", `,"onsetDateTime":"2025-01-01"`)),
			condition("5", `"code":{"text":"Flu"}`),
		}, fhir.Options{}, []helios.Condition{{Display: "Flu"},
			{Display: "Gout", ClinicalStatus: "remission", OnsetDate: "2025-01-01"},
			{Display: "Asthma", ClinicalStatus: "resolved", OnsetDate: "2024-01-01"}},
			reasons{clinical.Duplicate: 2, clinical.NoDate: 1}},
		{"what was recorded last counts", []string{
			condition("1", coded("1", "Asthma", "active",
				`,"onsetDateTime":"2024-01-01","recordedDate":"2024-01-02"`)),
			condition("2", coded("1", "Asthma", "resolved",
				`,"onsetDateTime":"2020-01-01","recordedDate":"2025-01-01"`)),
			condition("3", coded("2", "Gout", "resolved", `,"recordedDate":"2025-01-01"`)),
			condition("4", coded("2", "Gout", "active", "")),
		}, fhir.Options{}, []helios.Condition{{Display: "Gout", ClinicalStatus: "active"},
			{Display: "Asthma", ClinicalStatus: "resolved", OnsetDate: "2020-01-01"}},
			reasons{clinical.Duplicate: 2, clinical.NoDate: 1}},
		{"an age is no date", []string{condition("1", coded("1", "Asthma", "Joe", `,"onsetAge":{"value":52}`))},
			fhir.Options{}, []helios.Condition{{Display: "Asthma"}},
			reasons{clinical.DateNotSent: 1, clinical.StatusOmitted: 1}},
		{"findings", []string{condition("1", coded("1", "Stress (finding)", "active", "")),
			condition("2", coded("2", "Asthma", "active", ""))}, fhir.Options{},
			[]helios.Condition{{Display: "Asthma", ClinicalStatus: "active"},
				{Display: "Stress", ClinicalStatus: "active"}}, reasons{clinical.NoDate: 2}},
		{"findings left out", []string{condition("1", coded("1", "Stress (finding)", "active", "")),
			condition("2", coded("2", "Asthma", "active", ""))}, fhir.Options{SkipFindings: true},
			[]helios.Condition{{Display: "Asthma", ClinicalStatus: "active"}},
			reasons{clinical.NotADisease: 1, clinical.NoDate: 1}},
		{"not diagnosed", []string{
			condition("1", coded("1", "A", "active", `,"verificationStatus":{"coding":[{"code":"refuted"}]}`)),
			condition("2", coded("2", "B", "active", `,"verificationStatus":{"coding":[{"code":"provisional"}]}`)),
			condition("3", coded("3", "C", "active",
				`,"verificationStatus":{"coding":[{"code":"entered-in-error"}]}`)),
			condition("4", coded("4", "D", "active", `,"verificationStatus":{"coding":[{"code":"confirmed"}]}`)),
			condition("5", `"clinicalStatus":{}`),
		}, fhir.Options{}, []helios.Condition{{Display: "D", ClinicalStatus: "active"}},
			reasons{clinical.NotDiagnosed: 2, clinical.StatusNotSent: 1, clinical.NoName: 1, clinical.NoDate: 1}},
		{"in error, before and behind",
			[]string{condition("1", coded("1", "A", "active", "")),
				condition("1", `"verificationStatus":{"coding":[{"code":"entered-in-error"}]}`),
				condition("2", `"verificationStatus":{"coding":[{"code":"entered-in-error"}]}`),
				condition("2", coded("2", "B", "active", "")), condition("3", `"code":{"text":"C"}`)},
			fhir.Options{}, []helios.Condition{{Display: "C"}}, reasons{clinical.StatusNotSent: 4, clinical.NoDate: 1}},
		{"cannot be read", []string{condition("1", `"code":{"text":1 2}`),
			condition("2", `"code":{"text":"`+strings.Repeat("a", 70_000)+`"}`), condition("3", `"code":{"text":"A"}`)},
			fhir.Options{}, []helios.Condition{{Display: "A"}},
			reasons{clinical.Malformed: 1, clinical.TooLarge: 1, clinical.NoDate: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req, report := record(t, bundle(test.input...), test.opts)
			assert.Equal(t, test.want, req.Data.PastMedicalHistory)
			counts(t, report, test.counts)
			assert.Equal(t, map[string]int{"pastMedicalHistory": len(test.want)}, report.Sent)
		})
	}
}
