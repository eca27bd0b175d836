package helios_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// Every type with a Format method in redact.go, all fields filled.
func healthTypes(t testing.TB) []any {
	const z = hookHealth
	age := 975310864
	extra := map[string]any{"zebra": z}
	meta := helios.CitationMetadata{Type: z, Source: z, Author: z, DOI: z, PubDate: z, AbstractSnippet: z, Specialties: []string{z}, URL: z, Title: z,
		Extra: map[string]json.RawMessage{"zebra": json.RawMessage(`"` + z + `"`)}}
	citation := helios.Citation{URL: z, Title: z, Metadata: meta}
	citations := helios.Citations{Patient: map[string]helios.Citation{"1": citation}, Clinician: map[string]helios.Citation{z: citation}}
	info := helios.PatientInfo{Age: &age, Gender: z}
	lab := helios.Lab{Date: z, Display: z, Value: z, Unit: z, ReferenceRange: z, Interpretation: z}
	condition := helios.Condition{Display: z, ClinicalStatus: z, OnsetDate: z}
	medication := helios.Medication{Medication: z, Status: z, Dosage: z, Frequency: z}
	vital := helios.VitalSign{Display: z, Value: z, Unit: z, Date: z}
	data := helios.HealthData{PatientInfo: &info, RecentAbnormalLabs: []helios.Lab{lab}, RecentNormalLabs: []helios.Lab{lab},
		PastMedicalHistory: []helios.Condition{condition}, Medications: []helios.Medication{medication}, VitalSigns: []helios.VitalSign{vital}, Extra: extra}
	labResult := helios.LabResult{Name: z, Value: z, Flag: z, ReferenceRange: z, Date: z, Unit: z, Category: z}
	ctxCondition := helios.ContextCondition{Name: z, Status: z}
	ctxMedication := helios.ContextMedication{Name: z, Dosage: z, Frequency: z}
	patient := helios.PatientContext{Age: z, Gender: z, Conditions: []helios.ContextCondition{ctxCondition}, Medications: []helios.ContextMedication{ctxMedication}, Extra: extra}
	element := helios.SelectedElement{Item: z, Category: z, PatientValue: z, MatchingReason: z}
	return []any{
		*hookEvent(t, hookSmall),
		helios.Result{PatientResponse: z, ClinicianResponse: z, Citations: citations, SelectedElements: []helios.SelectedElement{element}, ResearchTasks: []string{z},
			LabResults: []helios.LabResult{labResult}, Metadata: &helios.ResultMetadata{LabsReceived: 1}},
		helios.AgentRequest{WebhookURL: "https://a.example/h", AgentType: helios.AgentLight, Data: data, Extra: extra},
		helios.LabResultsRequest{WebhookURL: "https://a.example/h", LabResults: []helios.LabResult{labResult}, PatientContext: &patient, Extra: extra},
		data, info, lab, condition, medication, vital, labResult, patient, ctxCondition, ctxMedication, element, citations, citation, meta,
	}
}

func TestEvent_HealthTypesPrintAndLogNoValue(t *testing.T) {
	t.Parallel()
	for _, v := range healthTypes(t) {
		typ := reflect.TypeOf(v)
		t.Run(typ.Name(), func(t *testing.T) {
			t.Parallel()
			pointer := reflect.New(typ)
			pointer.Elem().Set(reflect.ValueOf(v))
			slice := reflect.Append(reflect.MakeSlice(reflect.SliceOf(typ), 0, 1), pointer.Elem())
			pointers := reflect.Append(reflect.MakeSlice(reflect.SliceOf(pointer.Type()), 0, 1), pointer)
			mapped := reflect.MakeMap(reflect.MapOf(reflect.TypeFor[string](), typ))
			mapped.SetMapIndex(reflect.ValueOf("key"), pointer.Elem())
			nested := reflect.New(reflect.StructOf([]reflect.StructField{
				{Name: "Value", Type: typ}, {Name: "Pointer", Type: pointer.Type()}, {Name: "Slice", Type: slice.Type()}, {Name: "Pointers", Type: pointers.Type()},
				{Name: "Map", Type: mapped.Type()}, {Name: "Any", Type: reflect.TypeFor[any]()},
			})).Elem()
			for i, field := range []reflect.Value{pointer.Elem(), pointer, slice, pointers, mapped, pointer.Elem()} {
				nested.Field(i).Set(field)
			}
			_, isEvent := v.(helios.Event)
			for form, x := range map[string]any{
				"value": v, "pointer": pointer.Interface(), "slice": slice.Interface(), "slice of pointers": pointers.Interface(), "map": mapped.Interface(),
				"struct": nested.Interface(), "pointer to a struct": nested.Addr().Interface(), "in an error": fmt.Errorf("x: %w: %v", helios.ErrNoResult, v),
			} {
				for how, text := range printed(t, x) {
					// JSON is what is sent and stored, and slog's JSON handler encodes what is nested with it. An event keeps its data even then.
					if !isEvent && (how == "json.Marshal" || how == "slog JSON" && form != "value" && form != "pointer") {
						continue
					}
					assertHidden(t, text, hookHealth, "975310864")
					assert.NotContains(t, text, "zebra", "%s, %s: a key of Extra", form, how)
					if form == "value" && how != "json.Marshal" {
						assert.Contains(t, text, "helios."+typ.Name()+"{", "%s: names the type", how)
					}
				}
			}
		})
	}
}

// A RunError holds what the service wrote of the patient's data.
func TestEvent_RunErrorPrintsNoValue(t *testing.T) {
	t.Parallel()
	failure := hookEvent(t, eventOf(`"status":"error","error":{"message":"`+hookHealth+`"}`)).Failure()
	for name, v := range map[string]any{
		"pointer": failure, "slice of pointers": []*helios.RunError{failure}, "struct": struct{ Err error }{failure}, "wrapped": fmt.Errorf("x: %w", failure),
		"value": *failure, "value in a struct": struct{ Err helios.RunError }{*failure},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var by []string
			for how, text := range printed(t, v) {
				// An error that fmt wraps answers for itself; of the verbs that make no sense for an error, fmt then prints what it finds.
				if name == "wrapped" && strings.Contains("%t %c %U %e", how) {
					continue
				}
				if leaked(text, hookHealth) != nil {
					by = append(by, how)
				}
			}
			assert.Empty(t, by, "shown by")
		})
	}
}

func TestEvent_PrintsWhatIdentifiesIt(t *testing.T) {
	t.Parallel()
	e := hookEvent(t, sampleLight)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		want := fmt.Sprintf("helios.Event{run %s, number 7, final true, %d bytes}", hookRun, len(sampleLight))
		assert.Equal(t, want, fmt.Sprintf(verb, e))
		assert.Equal(t, want, fmt.Sprintf(verb, *e))
	}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("m", "event", e)
	assert.Contains(t, logged.String(), hookRun)
	assert.Equal(t, "<nil>", fmt.Sprintf("%v", (*helios.Event)(nil)))
}

func TestEvent_JSONLeavesRawOut(t *testing.T) {
	t.Parallel()
	e := hookEvent(t, sampleLight)
	b, err := json.Marshal(e)
	require.NoError(t, err)
	want := `{"runId":"` + hookRun + `","status":"completed","agent":"light","timestamp":"2025-01-15T12:01:30Z","sequenceNumber":7}`
	assert.JSONEq(t, want, string(b))
	for _, v := range []any{*e, []*helios.Event{e}, map[string]any{"Event": e}} {
		b, err := json.Marshal(v)
		require.NoError(t, err)
		assert.NotContains(t, string(b), "Hemoglobin")
		assert.NotContains(t, strings.ToLower(string(b)), "raw")
	}
	var back helios.Event
	require.NoError(t, json.Unmarshal(b, &back))
	assert.Equal(t, e.SequenceNumber, back.SequenceNumber)
	assert.True(t, e.Timestamp.Equal(back.Timestamp))
	assert.Empty(t, back.Raw)
	b, err = json.Marshal(hookEvent(t, `{"runId":"`+hookRun+`"}`))
	require.NoError(t, err)
	assert.JSONEq(t, `{"runId":"`+hookRun+`","status":"","sequenceNumber":0}`, string(b), "no invented timestamp")
}
