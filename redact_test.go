package helios_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// healthTypes has a value of every type that has a Format method in redact.go,
// and an event, all fields filled.
func healthTypes(t testing.TB) []any {
	const z = hookHealth
	extra := map[string]any{"zebra": z}

	lab := helios.Lab{Date: z, Display: z, Value: z, Unit: z, ReferenceRange: z, Interpretation: z}
	condition := helios.Condition{Display: z, ClinicalStatus: z, OnsetDate: z}
	medication := helios.Medication{Medication: z, Status: z, Dosage: z, Frequency: z}
	vital := helios.VitalSign{Display: z, Value: z, Unit: z, Date: z}
	info := helios.PatientInfo{Age: new(975310864), Gender: z}
	data := helios.HealthData{
		PatientInfo:        &info,
		RecentAbnormalLabs: []helios.Lab{lab},
		RecentNormalLabs:   []helios.Lab{lab},
		PastMedicalHistory: []helios.Condition{condition},
		Medications:        []helios.Medication{medication},
		VitalSigns:         []helios.VitalSign{vital},
		Extra:              extra,
	}

	labResult := helios.LabResult{Name: z, Value: z, Flag: z, ReferenceRange: z, Date: z, Unit: z, Category: z}
	ctxCondition := helios.ContextCondition{Name: z, Status: z}
	ctxMedication := helios.ContextMedication{Name: z, Dosage: z, Frequency: z}
	patient := helios.PatientContext{
		Age: z, Gender: z, Extra: extra,
		Conditions:  []helios.ContextCondition{ctxCondition},
		Medications: []helios.ContextMedication{ctxMedication},
	}

	meta := helios.CitationMetadata{
		Type: z, Source: z, Author: z, DOI: z, PubDate: z, AbstractSnippet: z, URL: z, Title: z,
		Specialties: []string{z},
		Extra:       map[string]json.RawMessage{"zebra": json.RawMessage(`"` + z + `"`)},
	}
	citation := helios.Citation{URL: z, Title: z, Metadata: meta}
	citations := helios.Citations{
		Patient:   map[string]helios.Citation{"1": citation},
		Clinician: map[string]helios.Citation{z: citation},
	}
	element := helios.SelectedElement{Item: z, Category: z, PatientValue: z, MatchingReason: z}

	return []any{
		*hookEvent(t, hookSmall),
		helios.Result{
			PatientResponse: z, ClinicianResponse: z, Citations: citations,
			SelectedElements: []helios.SelectedElement{element}, ResearchTasks: []string{z},
			LabResults: []helios.LabResult{labResult}, Metadata: &helios.ResultMetadata{LabsReceived: 1},
		},
		helios.AgentRequest{
			WebhookURL: "https://a.example/h", AgentType: helios.AgentLight, Data: data, Extra: extra,
		},
		helios.LabResultsRequest{
			WebhookURL: "https://a.example/h", LabResults: []helios.LabResult{labResult}, PatientContext: &patient,
			Extra: extra,
		},
		data, info, lab, condition, medication, vital, labResult, patient, ctxCondition, ctxMedication, element,
		citations, citation, meta,
	}
}

// inEveryForm has v itself, and v inside other values.
func inEveryForm(v any) map[string]any {
	typ := reflect.TypeOf(v)
	value := reflect.New(typ).Elem()
	value.Set(reflect.ValueOf(v))
	pointer := value.Addr()

	slice := reflect.Append(reflect.MakeSlice(reflect.SliceOf(typ), 0, 1), value)
	pointers := reflect.Append(reflect.MakeSlice(reflect.SliceOf(pointer.Type()), 0, 1), pointer)
	mapped := reflect.MakeMap(reflect.MapOf(reflect.TypeFor[string](), typ))
	mapped.SetMapIndex(reflect.ValueOf("key"), value)

	nested := reflect.New(reflect.StructOf([]reflect.StructField{
		{Name: "Value", Type: typ},
		{Name: "Pointer", Type: pointer.Type()},
		{Name: "Slice", Type: slice.Type()},
		{Name: "Pointers", Type: pointers.Type()},
		{Name: "Map", Type: mapped.Type()},
		{Name: "Any", Type: reflect.TypeFor[any]()},
	})).Elem()
	for i, field := range []reflect.Value{value, pointer, slice, pointers, mapped, value} {
		nested.Field(i).Set(field)
	}
	return map[string]any{
		"value": v, "pointer": pointer.Interface(), "slice": slice.Interface(),
		"slice of pointers": pointers.Interface(), "map": mapped.Interface(), "struct": nested.Interface(),
		"pointer to a struct": nested.Addr().Interface(), "in an error": fmt.Errorf("x: %w: %v", helios.ErrNoResult, v),
	}
}

func TestHealthTypes_PrintAndLogNoValue(t *testing.T) {
	t.Parallel()
	for _, v := range healthTypes(t) {
		name := reflect.TypeOf(v).Name()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, isEvent := v.(helios.Event)
			for form, x := range inEveryForm(v) {
				isItself := form == "value" || form == "pointer"
				for how, text := range printed(t, x) {
					// JSON is what is sent and stored, and slog's JSON handler
					// encodes what is nested with it. An event keeps its data
					// even then.
					isJSON := how == "json.Marshal" || how == "slog JSON" && !isItself
					if isJSON && !isEvent {
						continue
					}
					assertHidden(t, text, hookHealth, "975310864")
					assert.NotContains(t, text, "zebra", "%s, %s: a key of Extra", form, how)
					if form == "value" && how != "json.Marshal" {
						assert.Contains(t, text, "helios."+name+"{", "%s: names the type", how)
					}
				}
			}
		})
	}
}

// TestRunError_PrintsNoValue: it holds what the service wrote of the patient's
// data.
func TestRunError_PrintsNoValue(t *testing.T) {
	t.Parallel()
	failure := hookEvent(t, eventOf(`"status":"error","error":{"message":"`+hookHealth+`"}`)).Failure()
	for name, v := range map[string]any{
		"pointer":           failure,
		"value":             *failure,
		"slice of pointers": []*helios.RunError{failure},
		"struct":            struct{ Err error }{failure},
		"value in a struct": struct{ Err helios.RunError }{*failure},
		"wrapped":           fmt.Errorf("x: %w", failure),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var by []string
			for how, text := range printed(t, v) {
				// An error that fmt wraps answers for itself. Of the verbs that
				// make no sense for an error, fmt then prints what it finds.
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
	want := fmt.Sprintf("helios.Event{run %s, number 7, final true, %d bytes}", hookRun, len(sampleLight))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		assert.Equal(t, want, fmt.Sprintf(verb, e))
		assert.Equal(t, want, fmt.Sprintf(verb, *e))
	}
	assert.Contains(t, printed(t, e)["slog JSON"], hookRun)
	assert.Equal(t, "<nil>", fmt.Sprintf("%v", (*helios.Event)(nil)))
}

func TestEvent_JSONLeavesRawOut(t *testing.T) {
	t.Parallel()
	e := hookEvent(t, sampleLight)
	encoded := encodeJSON(t, e)
	assert.JSONEq(t, `{"runId":"`+hookRun+`","status":"completed","agent":"light",
		"timestamp":"2025-01-15T12:01:30Z","sequenceNumber":7}`, encoded)
	for _, v := range []any{*e, []*helios.Event{e}, map[string]any{"Event": e}} {
		assert.NotContains(t, encodeJSON(t, v), "Hemoglobin")
		assert.NotContains(t, strings.ToLower(encodeJSON(t, v)), "raw")
	}

	var back helios.Event
	require.NoError(t, json.Unmarshal([]byte(encoded), &back))
	assert.Equal(t, e.SequenceNumber, back.SequenceNumber)
	assert.True(t, e.Timestamp.Equal(back.Timestamp))
	assert.Empty(t, back.Raw)

	encoded = encodeJSON(t, hookEvent(t, `{"runId":"`+hookRun+`"}`))
	assert.JSONEq(t, `{"runId":"`+hookRun+`","status":"","sequenceNumber":0}`, encoded, "no invented timestamp")
}
