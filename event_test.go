package helios_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// The completed events as documented.
const (
	sampleLight = `{"runId": "550e8400-e29b-41d4-a716-446655440000", "status": "completed", "agent": "light",
 "timestamp": "2025-01-15T12:01:30.000Z", "sequenceNumber": 7,
 "result": {
  "selectedElements": [{"item": "Hemoglobin A1c", "category": "Laboratory Value", "patient_value": "7.2%",
                        "matching_reason": "Elevated HbA1c indicates suboptimal glycemic control"}],
  ` + sampleTexts + `}}`
	sampleDeep = `{"runId": "550e8400-e29b-41d4-a716-446655440000", "status": "completed", "agent": "deep",
 "timestamp": "2025-01-15T12:01:30.000Z", "sequenceNumber": 7,
 "result": {
  "selectedElements": [{"item": "Hemoglobin A1c", "category": "Laboratory Value", "patient_value": "7.2%",
                        "matching_reason": "Elevated HbA1c indicates suboptimal glycemic control"}],
  "researchTasks": ["Review HbA1c targets", "Compare second-line agents"],
  ` + sampleTexts + `}}`
	sampleLabs = `{"runId": "550e8400-e29b-41d4-a716-446655440000", "status": "completed", "agent": "lab-results",
 "timestamp": "2025-01-15T12:01:30.000Z", "sequenceNumber": 7,
 "result": {
  "labResults": [{"name": "Creatinine", "value": "1.8", "unit": "mg/dL", "flag": "High", "referenceRange": "0.7-1.3",
                  "date": "2025-01-15", "category": "Renal"}],
  "metadata": {"labsReceived": 15, "labsAnalyzed": 14, "insightsMatched": 8},
  ` + sampleTexts + `}}`
	sampleTexts = `"patientResponse": "Your recent lab results show... [1]",
  "clinicianResponse": "The patient presents with... [1]",
  "citations": {
   "patient":   {"1": {"url": "https://pubmed.ncbi.nlm.nih.gov/12345678/", "title": "Glycemic Control in Type 2 Diabetes",
                       "metadata": {"type": "pubmed"}}},
   "clinician": {"1": {"url": "https://doi.org/10.2337/dc24-S006", "title": "ADA Standards of Care in Diabetes",
                       "metadata": {"type": "guideline", "source": "ADA", "author": "American Diabetes Association",
                                    "doi": "10.2337/dc24-S006", "pubdate": "2024-01-01",
                                    "abstract_snippet": "...", "specialties": ["Endocrinology"]}}}}`
)

// eventOf makes a body of the run with further fields.
func eventOf(fields string) string { return `{"runId":"` + hookRun + `",` + fields + `}` }

func TestEvent_Final(t *testing.T) {
	t.Parallel()
	for status, final := range map[string]bool{
		"completed": true, "error": true, "": false, "failed": false, "processing": false, "Completed": false, "ERROR": false, " error": false, "accepted": false,
	} {
		assert.Equal(t, final, hookEvent(t, eventOf(`"status":"`+status+`"`)).Final(), "status %q", status)
	}
}

func TestEvent_Failure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ fields, message, details string }{
		"object":                         {`"status":"error","error":{"message":"model overloaded"}`, "model overloaded", `{"message":"model overloaded"}`},
		"object with unknown fields":     {`"status":"error","error":{"code":"E7","message":"no labs","retryable":false}`, "no labs", `{"code":"E7","message":"no labs","retryable":false}`},
		"object without a message":       {`"status":"error","error":{"code":"E7"}`, "", `{"code":"E7"}`},
		"object, message a number":       {`"status":"error","error":{"message":7}`, "", `{"message":7}`},
		"string":                         {`"status":"error","error":"model overloaded"`, "model overloaded", `"model overloaded"`},
		"string with escapes":            {`"status":"error","error":"a\n\"b\" \u00e9"`, "a\n\"b\" é", `"a\n\"b\" \u00e9"`},
		"null":                           {`"status":"error","error":null`, "", "null"},
		"number":                         {`"status":"error","error":500`, "", "500"},
		"array":                          {`"status":"error","error":["a","b"]`, "", `["a","b"]`},
		"missing":                        {`"status":"error"`, "", ""},
		"missing, with a result":         {`"status":"error","result":{"patientResponse":"x"}`, "", ""},
		"beside fields of another type":  {`"sequenceNumber":{},"timestamp":1,"status":"error","error":{"message":"m"}`, "m", `{"message":"m"}`},
		"white space kept in Details":    {`"status":"error","error":{ "message" : "m" }`, "m", `{ "message" : "m" }`},
		"message that names the patient": {`"status":"error","error":{"message":"` + hookHealth + `"}`, hookHealth, `{"message":"` + hookHealth + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := hookEvent(t, eventOf(c.fields))
			assert.True(t, e.Final())
			failure := e.Failure()
			require.NotNil(t, failure)
			assert.Equal(t, hookRun, failure.RunID)
			assert.Equal(t, c.message, failure.Message)
			assert.Equal(t, c.details, string(failure.Details))
			assert.Contains(t, failure.Error(), hookRun)
			assertKeepsQuiet(t, failure, string(e.Raw))

			result, err := e.Result()
			assert.Nil(t, result)
			var run *helios.RunError
			require.ErrorAs(t, err, &run)
			assert.Equal(t, failure, run)
			assert.NotErrorIs(t, err, helios.ErrNoResult)
		})
	}
	t.Run("nil unless the status is error", func(t *testing.T) {
		t.Parallel()
		for _, status := range []string{"completed", "processing", "", "failed", "Error"} {
			assert.Nil(t, hookEvent(t, eventOf(`"status":"`+status+`","error":{"message":"m"}`)).Failure(), "status %q", status)
		}
	})
}

func TestEvent_Progress(t *testing.T) {
	t.Parallel()
	for i, step := range []string{
		"Processing started", "Analyzing health data", "Selecting relevant elements", "Researching medical literature",
		"Generating patient response", "Generating clinician response", "Finalizing results", "Delivering final results",
	} {
		for _, fields := range []string{
			`"status":"%s"`, // the value of status is not documented, so it is no step
			`"status":"processing","step":"%s"`, `"status":"processing","currentStep":"%s"`, `"status":"processing","stepName":"%s"`,
			`"status":"processing","message":"%s"`, `"agent":"light","progress":{"name":"%s"}`, `"step":{"title":"%s"}`,
			`"message":"please wait","step":"%s"`, `"message":"%s","name":"please wait"`, `"data":{"message":"please wait"},"step":"%s"`,
		} {
			got := hookEvent(t, eventOf(fmt.Sprintf(fields, step))).Progress()
			if strings.HasPrefix(fields, `"status":"%s"`) {
				assert.Zero(t, got, fields)
				continue
			}
			assert.Equal(t, helios.Progress{Step: i + 1, Total: 8, Name: step}, got, fields)
		}
	}
	for name, c := range map[string]struct {
		fields string
		want   helios.Progress
	}{
		"flat":                              {`"step":3,"totalSteps":9,"stepName":"Reading"`, helios.Progress{Step: 3, Total: 9, Name: "Reading"}},
		"flat, other names":                 {`"stepNumber":3,"stepCount":9,"title":"Reading"`, helios.Progress{Step: 3, Total: 9, Name: "Reading"}},
		"in progress":                       {`"progress":{"current":2,"total":5,"message":"Reading"}`, helios.Progress{Step: 2, Total: 5, Name: "Reading"}},
		"in currentStep":                    {`"currentStep":{"number":4,"of":6,"description":"Reading"}`, helios.Progress{Step: 4, Total: 6, Name: "Reading"}},
		"in step, total above":              {`"step":{"index":4,"label":"Reading"},"totalSteps":6`, helios.Progress{Step: 4, Total: 6, Name: "Reading"}},
		"in data":                           {`"data":{"step":1,"totalSteps":2}`, helios.Progress{Step: 1, Total: 2}},
		"a name in data is not taken":       {`"data":{"name":"Jane Doe","label":"Jane Doe","step":2}`, helios.Progress{Step: 2}},
		"numbers as strings":                {`"step":"3","totalSteps":"9"`, helios.Progress{Step: 3, Total: 9}},
		"a documented name of another run":  {`"agent":"deep","step":"Finalizing results"`, helios.Progress{Name: "Finalizing results"}},
		"a documented name with its number": {`"step":5,"message":"Generating patient response"`, helios.Progress{Step: 5, Total: 8, Name: "Generating patient response"}},
		"name alone, unknown":               {`"message":"Comparing guidelines"`, helios.Progress{Name: "Comparing guidelines"}},
		"a documented name, in lower case":  {`"message":"finalizing results"`, helios.Progress{Step: 7, Total: 8, Name: "finalizing results"}},
		"numbers of the event win":          {`"step":2,"totalSteps":4,"message":"Finalizing results"`, helios.Progress{Step: 2, Total: 4, Name: "Finalizing results"}},
		"step alone":                        {`"step":2`, helios.Progress{Step: 2}},
		"zero, negative, huge":              {`"step":0,"currentStep":-1,"stepNumber":1e300,"totalSteps":1001`, helios.Progress{}},
		"nothing":                           {`"status":"processing"`, helios.Progress{}},
		"fields of other types":             {`"step":true,"message":["a"],"progress":40.5,"data":"x","totalSteps":"eight","name":null`, helios.Progress{}},
		"two levels below is not looked at": {`"data":{"inner":{"step":3}}`, helios.Progress{}},
		"completed":                         {`"status":"completed","step":8,"totalSteps":8,"stepName":"Delivering final results"`, helios.Progress{}},
		"error":                             {`"status":"error","step":3,"message":"Selecting relevant elements"`, helios.Progress{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, hookEvent(t, eventOf(c.fields)).Progress())
		})
	}
	t.Run("an event without a body", func(t *testing.T) {
		t.Parallel()
		assert.Zero(t, (&helios.Event{RunID: hookRun}).Progress())
	})
}

func TestResult_DocumentedSamples(t *testing.T) {
	t.Parallel()
	elements := []helios.SelectedElement{{Item: "Hemoglobin A1c", Category: "Laboratory Value", PatientValue: "7.2%",
		MatchingReason: "Elevated HbA1c indicates suboptimal glycemic control"}}
	common := helios.Result{
		PatientResponse: "Your recent lab results show... [1]", ClinicianResponse: "The patient presents with... [1]",
		Citations: helios.Citations{
			Patient: map[string]helios.Citation{"1": {URL: "https://pubmed.ncbi.nlm.nih.gov/12345678/", Title: "Glycemic Control in Type 2 Diabetes",
				Metadata: helios.CitationMetadata{Type: "pubmed"}}},
			Clinician: map[string]helios.Citation{"1": {URL: "https://doi.org/10.2337/dc24-S006", Title: "ADA Standards of Care in Diabetes",
				Metadata: helios.CitationMetadata{Type: "guideline", Source: "ADA", Author: "American Diabetes Association", DOI: "10.2337/dc24-S006",
					PubDate: "2024-01-01", AbstractSnippet: "...", Specialties: []string{"Endocrinology"}}}},
		},
	}
	light, deep, lab := common, common, common
	light.SelectedElements = elements
	deep.SelectedElements, deep.ResearchTasks = elements, []string{"Review HbA1c targets", "Compare second-line agents"}
	lab.LabResults = []helios.LabResult{{Name: "Creatinine", Value: "1.8", Unit: "mg/dL", Flag: helios.FlagHigh, ReferenceRange: "0.7-1.3", Date: "2025-01-15", Category: "Renal"}}
	lab.Metadata = &helios.ResultMetadata{LabsReceived: 15, LabsAnalyzed: 14, InsightsMatched: 8}
	for name, c := range map[string]struct {
		body string
		want helios.Result
	}{"light": {sampleLight, light}, "deep": {sampleDeep, deep}, "lab-results": {sampleLabs, lab}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := hookEvent(t, c.body)
			assert.Nil(t, e.Failure())
			assert.Zero(t, e.Progress())
			got, err := e.Result()
			require.NoError(t, err)
			// reflect.DeepEqual, as a diff would print what must not be printed: nothing.
			assert.True(t, reflect.DeepEqual(c.want, *got), "as documented")

			got.PatientResponse, got.Citations.Patient["1"] = "changed", helios.Citation{}
			again, err := e.Result()
			require.NoError(t, err)
			assert.True(t, reflect.DeepEqual(c.want, *again), "decoded anew at each call")
			assert.Equal(t, c.body, string(e.Raw))

			// Its JSON is that of the event: nothing is lost, nothing added.
			var body struct{ Result json.RawMessage }
			require.NoError(t, json.Unmarshal(e.Raw, &body))
			encoded, err := json.Marshal(again)
			require.NoError(t, err)
			assert.JSONEq(t, string(body.Result), string(encoded))
		})
	}
}

func TestResult_UnexpectedShapes(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^helios: result of run ` + hookRun + `: not as documented at byte [1-9]\d*; see Event\.Raw$`)
	h := `"` + hookHealth + `"`
	for name, result := range map[string]string{
		"a string": h, "a number": `7`, "an array": `[` + h + `]`, "a boolean": `true`,
		"a text that is an object":    `{"patientResponse":{"text":` + h + `}}`,
		"a text that is a list":       `{"clinicianResponse":[` + h + `]}`,
		"citations a list":            `{"citations":[{"title":` + h + `}]}`,
		"citations by audience lists": `{"citations":{"patient":[{"title":` + h + `}]}}`,
		"a citation a string":         `{"citations":{"patient":{"1":` + h + `}}}`,
		"a citation's url a number":   `{"citations":{"patient":{"1":{"url":5,"title":` + h + `}}}}`,
		"elements an object":          `{"selectedElements":{"item":` + h + `}}`,
		"an element a string":         `{"selectedElements":[` + h + `]}`,
		"tasks objects":               `{"researchTasks":[{"task":` + h + `}]}`,
		"a lab's value a number":      `{"labResults":[{"name":` + h + `,"value":41.75}]}`,
		"metadata a string":           `{"metadata":` + h + `}`,
		"counts as strings":           `{"metadata":{"labsReceived":` + h + `}}`,
		"a count with a fraction":     `{"metadata":{"labsReceived":41.75}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := eventOf(`"status":"completed","result":` + result)
			e := hookEvent(t, body) // accepted
			got, err := e.Result()
			assert.Nil(t, got)
			require.Error(t, err)
			assert.Regexp(t, shape, err.Error())
			assert.NotErrorIs(t, err, helios.ErrNoResult)
			for inner := err; inner != nil; inner = errors.Unwrap(inner) {
				assertKeepsQuiet(t, inner, body)
				assert.NotContains(t, fmt.Sprintf("%+v", inner), "41.75")
			}
			assert.Equal(t, body, string(e.Raw), "all of it is in Raw")
		})
	}
	for name, c := range map[string]struct {
		fields string
		err    error
	}{
		"no result":                          {`"status":"completed"`, helios.ErrNoResult},
		"result null":                        {`"status":"completed","result":null`, helios.ErrNoResult},
		"a status update":                    {`"status":"processing"`, helios.ErrNoResult},
		"a status update with a result":      {`"status":"processing","result":{"patientResponse":"draft"}`, helios.ErrNoResult},
		"no status, with a result":           {`"result":{"patientResponse":"draft"}`, helios.ErrNoResult},
		"an empty result":                    {`"status":"completed","result":{}`, nil},
		"a result of unknown fields":         {`"status":"completed","result":{"summary":"x"}`, nil},
		"a result of nulls":                  {`"status":"completed","result":{"patientResponse":null,"citations":null,"labResults":null,"metadata":null}`, nil},
		"citations of one audience":          {`"status":"completed","result":{"citations":{"patient":{"1":{"url":"u"}}}}`, nil},
		"citation metadata of another type":  {`"status":"completed","result":{"citations":{"patient":{"1":{"metadata":["x"]}}}}`, nil},
		"envelope fields of another type":    {`"timestamp":5,"agent":{},"status":"completed","result":{}`, nil},
		"an error field beside a completion": {`"status":"completed","error":{"message":"m"},"result":{}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, err := hookEvent(t, eventOf(c.fields)).Result()
			if c.err == nil {
				assert.NoError(t, err)
				assert.NotNil(t, result)
				return
			}
			assert.ErrorIs(t, err, c.err)
			assert.Nil(t, result)
			var run *helios.RunError
			assert.NotErrorAs(t, err, &run, "not a failed run")
		})
	}
}

// An event that was stored and read back may have lost its Raw.
func TestResult_EventMadeByHand(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{"without Raw": "", "Raw cut short": `{"result":{"patientResponse":"` + hookHealth, "Raw not JSON": hookHealth} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &helios.Event{RunID: hookRun, Status: helios.StatusCompleted, Raw: json.RawMessage(raw)}
			result, err := e.Result()
			assert.Nil(t, result)
			assert.ErrorContains(t, err, "not as documented at byte")
			assertKeepsQuiet(t, err, raw)
			e.Status = helios.StatusError
			require.NotNil(t, e.Failure())
			assert.Empty(t, e.Failure().Message)
		})
	}
}

func TestResult_CitationMetadata(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in    string
		want  helios.CitationMetadata // without Extra
		extra map[string]string
	}{
		"empty":                     {`{}`, helios.CitationMetadata{}, nil},
		"all known":                 {`{"type":"pmc","url":"u","title":"t","doi":"d","specialties":["a","b"]}`, helios.CitationMetadata{Type: "pmc", URL: "u", Title: "t", DOI: "d", Specialties: []string{"a", "b"}}, nil},
		"unknown type":              {`{"type":"preprint"}`, helios.CitationMetadata{Type: "preprint"}, nil},
		"unknown keys":              {`{"type":"pubmed","journal":"NEJM","year":2024,"tags":["x",{"y":null}]}`, helios.CitationMetadata{Type: "pubmed"}, map[string]string{"journal": `"NEJM"`, "year": `2024`, "tags": `["x",{"y":null}]`}},
		"long digits":               {`{"pmid":12345678901234567890.10}`, helios.CitationMetadata{}, map[string]string{"pmid": `12345678901234567890.10`}},
		"a key in another case":     {`{"type":"a","Type":"b","DOI":"c"}`, helios.CitationMetadata{Type: "a"}, map[string]string{"Type": `"b"`, "DOI": `"c"`}},
		"a date as a number":        {`{"type":"pubmed","pubdate":2024}`, helios.CitationMetadata{Type: "pubmed"}, map[string]string{"pubdate": `2024`}},
		"authors as a list":         {`{"author":["A","B"]}`, helios.CitationMetadata{}, map[string]string{"author": `["A","B"]`}},
		"specialties as a string":   {`{"specialties":"Endocrinology"}`, helios.CitationMetadata{}, map[string]string{"specialties": `"Endocrinology"`}},
		"specialties as objects":    {`{"specialties":[{"name":"E"}]}`, helios.CitationMetadata{}, map[string]string{"specialties": `[{"name":"E"}]`}},
		"specialties of two types":  {`{"type":"pubmed","specialties":["Endocrinology",5]}`, helios.CitationMetadata{Type: "pubmed"}, map[string]string{"specialties": `["Endocrinology",5]`}},
		"type as an object":         {`{"type":{"id":1}}`, helios.CitationMetadata{}, map[string]string{"type": `{"id":1}`}},
		"an unknown key that is ''": {`{"":1}`, helios.CitationMetadata{}, map[string]string{"": `1`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, err := hookEvent(t, eventOf(`"status":"completed","result":{"citations":{"clinician":{"3":{"metadata":`+c.in+`}}}}`)).Result()
			require.NoError(t, err)
			got := result.Citations.Clinician["3"].Metadata
			extra := map[string]string(nil)
			for key, value := range got.Extra {
				if extra == nil {
					extra = map[string]string{}
				}
				extra[key] = string(value)
			}
			assert.Equal(t, c.extra, extra)
			fields := got
			fields.Extra = nil
			assert.True(t, reflect.DeepEqual(c.want, fields), "the fields")

			encoded, err := json.Marshal(got)
			require.NoError(t, err)
			assert.JSONEq(t, c.in, string(encoded))
			assert.NotContains(t, string(encoded), "Extra")
			for _, digits := range c.extra {
				assert.Contains(t, string(encoded), digits, "digits are kept")
			}
			var again helios.CitationMetadata
			require.NoError(t, json.Unmarshal(encoded, &again))
			assert.True(t, reflect.DeepEqual(got, again), "decodes to the same")
			_, err = json.Marshal(result)
			assert.NoError(t, err, "the whole result encodes")
		})
	}
	// "Nothing that is there is lost, and nothing fails the result."
	for name, in := range map[string]string{"a string": `"NEJM 2024"`, "a list": `["NEJM",2024]`, "a number": `5`} {
		t.Run("metadata that is "+name+" is kept", func(t *testing.T) {
			t.Parallel()
			var m helios.CitationMetadata
			require.NoError(t, json.Unmarshal([]byte(in), &m))
			encoded, err := json.Marshal(m)
			require.NoError(t, err)
			assert.Contains(t, string(encoded), in)
		})
	}
	t.Run("decoding replaces what was there", func(t *testing.T) {
		t.Parallel()
		m := helios.CitationMetadata{Type: "old", Source: "old", Extra: map[string]json.RawMessage{"old": json.RawMessage(`1`)}}
		require.NoError(t, json.Unmarshal([]byte(`{"type":"new"}`), &m))
		assert.True(t, reflect.DeepEqual(helios.CitationMetadata{Type: "new"}, m))
	})
	t.Run("a key both in its field and in Extra is encoded once, from the field", func(t *testing.T) {
		t.Parallel()
		encoded, err := json.Marshal(helios.CitationMetadata{Type: "a", Extra: map[string]json.RawMessage{"type": json.RawMessage(`"b"`)}})
		require.NoError(t, err)
		assert.JSONEq(t, `{"type":"a"}`, string(encoded))
	})
}

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
