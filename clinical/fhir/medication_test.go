package fhir_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

// A Medication names no drug if it was deleted, or if it is not known which of
// several is meant.
func TestMedicationsThatNameNothing(t *testing.T) {
	t.Parallel()
	named := func(name string) string {
		return `{"resourceType":"Medication","id":"m1","meta":{"versionId":"1"},"code":{"text":"` + name + `"}}`
	}
	deleted := `{"request":{"method":"DELETE","url":"Medication/m1"},"response":{"etag":"W/\"2\""}}`
	from := func(reference string) string {
		return put(order("1", `"medicationReference":{"reference":"`+reference+`"}`))
	}
	a, b := entry("https://a.org/Medication/m1", named("A")), entry("https://b.org/Medication/m1", named("B"))
	flu := put(`{"resourceType":"Condition","id":"9","code":{"text":"Flu"}}`)
	for _, test := range []struct {
		name  string
		input []string // in this order and backwards
		want  string
	}{
		{"deleted", []string{put(named("A")), deleted, from("Medication/m1"), flu}, ""},
		{"on two servers", []string{a, b, from("Medication/m1"), flu}, ""},
		{"on two servers, of which one is told", []string{a, b, from("https://b.org/Medication/m1"), flu}, "B"},
		{"on one server", []string{a, a, from("Medication/m1"), flu}, "A"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for range 2 {
				req, report := record(t, entries(test.input...), fhir.Options{})
				got := ""
				for _, m := range req.Data.Medications {
					got += m.Medication
				}
				assert.Equal(t, test.want, got, "%s", report)
				assert.Equal(t, test.want == "", report.Count(clinical.Unresolved) == 1, "%s", report)
				slices.Reverse(test.input)
			}
		})
	}
}

// US Core writes what patients say that they take as a plan.
func TestReportedPlan(t *testing.T) {
	t.Parallel()
	flu := `{"resourceType":"Condition","id":"9","code":{"text":"Flu"}}`
	for fields, sent := range map[string]int{
		`"intent":"plan","reportedBoolean":true,`: 1, `"intent":"plan","reportedBoolean":false,`: 0,
		`"intent":"plan",`: 0, `"intent":"proposal","reportedBoolean":true,`: 0,
	} {
		req, report := record(t, bundle(flu, order("1", fields+metformin)), fhir.Options{})
		require.Len(t, req.Data.Medications, sent, fields)
		assert.Equal(t, 1-sent, report.Count(clinical.NotOrdered), fields)
	}
}

func TestMedications(t *testing.T) {
	t.Parallel()
	drug := `{"resourceType":"Medication","id":"m","code":{"coding":[{"display":"Metformin"}]}}`
	for _, test := range []struct {
		name   string
		input  []string
		opts   fhir.Options
		want   []helios.Medication
		counts reasons
	}{
		{"one", []string{order("1", metformin)}, fhir.Options{},
			[]helios.Medication{{Medication: "Metformin 500mg", Status: "active"}}, reasons{}},
		{"a statement", []string{`{"resourceType":"MedicationStatement","id":"1","status":"intended",` +
			metformin + `,"dosage":[{"text":"as told"}]}`}, fhir.Options{},
			[]helios.Medication{{Medication: "Metformin 500mg", Status: "intended", Dosage: "as told"}}, reasons{}},
		{"not taken", []string{
			order("1", `"status":"stopped",`+metformin), order("2", `"status":"completed",`+metformin),
			order("3", `"status":"cancelled",`+metformin), order("4", `"status":"draft",`+metformin),
			order("5", `"status":"entered-in-error",`+metformin), order("6", `"status":"Joe",`+metformin),
			order("7", `"status":null,`+metformin), order("8", `"intent":"plan",`+metformin),
			order("9", `"doNotPerform":true,`+metformin), order("10", `"status":"on-hold",`+metformin),
			`{"resourceType":"MedicationStatement","id":"11","status":"not-taken",` + metformin + `}`,
			order("13", `"medicationCodeableConcept":{"text" 1}`),
		}, fhir.Options{}, []helios.Medication{{Medication: "Metformin 500mg", Status: "on-hold"}},
			reasons{clinical.NotTaken: 6, clinical.StatusNotSent: 1, clinical.NoStatus: 1,
				clinical.NotOrdered: 1, clinical.DoNotPerform: 1, clinical.Malformed: 1}},
		{"in error, and before", []string{order("1", metformin),
			order("1", `"status":"entered-in-error",`+metformin),
			order("2", `"medicationCodeableConcept":{"text":"A"}`)}, fhir.Options{},
			[]helios.Medication{{Medication: "A", Status: "active"}}, reasons{clinical.StatusNotSent: 2}},
		{"an order not to give it, in other words",
			[]string{order("1", `"doNotPerform":"true",`+metformin), order("2", `"doNotPerform":{},`+metformin),
				order("3", `"doNotPerform":"false","medicationCodeableConcept":{"text":"A"}`),
				order("4", `"doNotPerform":null,"medicationCodeableConcept":{"text":"B"}`)}, fhir.Options{},
			[]helios.Medication{{Medication: "A", Status: "active"}, {Medication: "B", Status: "active"}},
			reasons{clinical.DoNotPerform: 2}},
		{"a modifier", []string{order("1", `"modifierExtension":[{"url":"urn:not"}],`+metformin),
			order("2", `"dosageInstruction":[{"modifierExtension":[{}],"text":"x"}],`+metformin),
			order("3", `"modifierExtension":[],"contained":[{"resourceType":"Practitioner",`+
				`"modifierExtension":[{}]}],"medicationCodeableConcept":{"text":"A"}`),
			order("4", `"contained":[{"resourceType":"Medication","id":"c","modifierExtension":[{}],`+
				`"code":{"text":"Inner"}}],"medicationReference":{"reference":"#c"}`)},
			fhir.Options{}, []helios.Medication{{Medication: "A", Status: "active"}},
			reasons{clinical.ModifierUnknown: 3}},
		{"a time that is over", []string{statement("1",
			`"effectivePeriod":{"start":"2025-01-01","end":"2025-06-14"},`),
			statement("2", `"effectivePeriod":{"start":"2020-01-01"},`),
			statement("3", `"effectivePeriod":{"end":"2024"},`),
			statement("4", `"effectivePeriod":{"end":"2025"},`)},
			fhir.Options{}, []helios.Medication{{Medication: "Metformin 500mg", Status: "active"}},
			reasons{clinical.Ended: 2, clinical.Duplicate: 1}},
		{"a time that is over, with what was stopped",
			[]string{statement("1", `"effectivePeriod":{"end":"2025-06-14"},`),
				statement("2", `"effectivePeriod":{"end":"2025-06-15"},`)},
			fhir.Options{IncludeStopped: true},
			[]helios.Medication{{Medication: "Metformin 500mg", Status: "active"},
				{Medication: "Metformin 500mg"}}, reasons{clinical.Ended: 1}},
		{"stopped ones too", []string{order("1", `"status":"stopped",`+metformin),
			order("2", `"status":"completed","medicationCodeableConcept":{"text":"A"}`),
			order("3", `"status":"cancelled",`+metformin)},
			fhir.Options{IncludeStopped: true},
			[]helios.Medication{{Medication: "A", Status: "completed"},
				{Medication: "Metformin 500mg", Status: "stopped"}}, reasons{clinical.NotTaken: 1}},
		{"of several the newest", []string{
			order("1", metformin+`,"authoredOn":"2024-01-01","dosageInstruction":[{"text":"one"}]`),
			order("2", metformin+`,"authoredOn":"2025-01-01","dosageInstruction":[{"text":"One"}]`),
			order("4", metformin+`,"authoredOn":"2024-01-01","dosageInstruction":[{"text":"two"}]`),
			order("3", `"medicationCodeableConcept":{"text":"A"},"authoredOn":"2023-01-01"`),
		}, fhir.Options{}, []helios.Medication{{Medication: "Metformin 500mg", Status: "active", Dosage: "One"},
			{Medication: "Metformin 500mg", Status: "active", Dosage: "two"},
			{Medication: "A", Status: "active"}}, reasons{clinical.Duplicate: 1}},
		{"for one need and another", []string{
			order("1", metformin+`,"dosageInstruction":[{"text":"one","asNeededCodeableConcept":{"text":"pain"}}]`),
			order("2", metformin+`,"dosageInstruction":[{"text":"one","asNeededCodeableConcept":{"text":"fever"}}]`),
		}, fhir.Options{}, []helios.Medication{
			{Medication: "Metformin 500mg", Status: "active", Dosage: "one", Frequency: "as needed for pain"},
			{Medication: "Metformin 500mg", Status: "active", Dosage: "one", Frequency: "as needed for fever"},
		}, reasons{}},
		{"a Medication before", []string{drug, order("1", `"medicationReference":{"reference":"Medication/m"}`)},
			fhir.Options{}, []helios.Medication{{Medication: "Metformin", Status: "active"}}, reasons{}},
		{"a Medication behind", []string{order("1",
			`"medicationReference":{"reference":"http://a.org/Medication/m"}`), drug}, fhir.Options{},
			[]helios.Medication{{Medication: "Metformin", Status: "active"}}, reasons{}},
		{"a Medication of nobody", []string{order("1", metformin), drug}, fhir.Options{},
			[]helios.Medication{{Medication: "Metformin 500mg", Status: "active"}}, reasons{clinical.TypeNotSent: 1}},
		{"one name in two ways", []string{order("1", `"medicationReference":{"reference":"Medication/m"}`), drug,
			order("2", `"medicationCodeableConcept":{"text":"metformin"},"authoredOn":"2025-01-01"`)},
			fhir.Options{}, []helios.Medication{{Medication: "metformin", Status: "active"}},
			reasons{clinical.Duplicate: 1}},
		{"inside of the order", []string{order("1",
			`"contained":[{"resourceType":"Organization","id":"o"},{"resourceType":"Medication","id":"c",`+
				`"code":{"text":"Inner"}}],"medicationReference":{"reference":"#c"}`)},
			fhir.Options{}, []helios.Medication{{Medication: "Inner", Status: "active"}}, reasons{}},
		{"inside of the order without a name",
			[]string{order("1", `"contained":[{"resourceType":"Medication","id":"c"}],`+
				`"medicationReference":{"reference":"#c","display":"Shown"}`),
				order("2", `"medicationReference":{"reference":"#d"}`)}, fhir.Options{},
			[]helios.Medication{{Medication: "Shown", Status: "active"}}, reasons{clinical.NoName: 1}},
		{"what is not there", []string{order("1",
			`"medicationReference":{"reference":"Medication/x","display":"Shown"}`),
			order("2", `"medicationReference":{"reference":"Medication/x"}`), order("3", `"note":[]`),
			order("4", `"medicationReference":{"reference":"Medication/n"}`),
			`{"resourceType":"Medication","id":"n"}`, `{"resourceType":"Medication","id":"k","code":1 2}`},
			fhir.Options{}, []helios.Medication{{Medication: "Shown", Status: "active"}},
			reasons{clinical.Unresolved: 1, clinical.NoName: 2, clinical.Malformed: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req, report := record(t, bundle(test.input...), test.opts)
			assert.Equal(t, test.want, req.Data.Medications)
			counts(t, report, test.counts)
		})
	}
}

// An order whose time is over is not active, whatever its status is.
func TestOrdersThatAreOver(t *testing.T) {
	t.Parallel()

	timed := func(ends ...string) string {
		var parts []string
		for _, end := range ends {
			parts = append(parts,
				`{"timing":{"repeat":{"frequency":1,"period":1,"periodUnit":"d","boundsPeriod":{"end":"`+end+`"}}}}`)
		}
		return `,"dosageInstruction":[` + strings.Join(parts, ",") + `]`
	}
	valid := func(end string) string { return `,"dispenseRequest":{"validityPeriod":{"end":"` + end + `"}}` }
	const before, after = "2025-06-14", "2025-06-16"
	for _, test := range []struct {
		name, fields string
		over         bool
	}{
		{"before", timed(before), true},
		{"on the day", timed("2025-06-15"), false},
		{"in an earlier month", timed("2025-05"), true},
		{"in this month", timed("2025-06"), false},
		{"all dosages before", timed(before, "2024-01-01"), true},
		{"one dosage not", timed(before, after), false},
		{"validity before", valid(before), true},
		{"validity after", valid(after), false},
		{"validity before, dosage after", valid(before) + timed(after), false},
		{"validity after, dosage before", valid(after) + timed(before), true},
		{"no end", valid("") + timed(""), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()

			input := bundle(order("1", metformin+test.fields),
				`{"resourceType":"Condition","id":"c","code":{"text":"Flu"}}`)
			req, report := record(t, input, fhir.Options{})
			assert.Equal(t, !test.over, len(req.Data.Medications) == 1)
			assert.Equal(t, test.over, report.Count(clinical.Ended) == 1 && report.Dropped() == 1)

			req, report = record(t, input, fhir.Options{IncludeStopped: true})
			require.Len(t, req.Data.Medications, 1)
			assert.Equal(t, test.over, req.Data.Medications[0].Status == "")
			if test.over {
				assert.Positive(t, report.Count(clinical.Ended))
			}

			context, _ := results(t, bundle(lab("1", quantity), order("1", metformin+test.fields)), fhir.Options{})
			assert.Equal(t, !test.over, context.PatientContext != nil && len(context.PatientContext.Medications) == 1)
		})
	}
}
