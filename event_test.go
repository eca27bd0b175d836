package helios_test

import (
	"fmt"
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
		"in progress":                       {`"progress":{"current":2,"total":5,"name":"Reading"}`, helios.Progress{Step: 2, Total: 5, Name: "Reading"}},
		"in currentStep":                    {`"currentStep":{"number":4,"of":6,"title":"Reading"}`, helios.Progress{Step: 4, Total: 6, Name: "Reading"}},
		"in step, total above":              {`"step":{"index":4,"label":"Reading"},"totalSteps":6`, helios.Progress{Step: 4, Total: 6, Name: "Reading"}},
		"in data":                           {`"data":{"step":1,"totalSteps":2}`, helios.Progress{Step: 1, Total: 2}},
		"a name in data is not taken":       {`"data":{"name":"Jane Doe","label":"Jane Doe","step":2}`, helios.Progress{Step: 2}},
		"free text is not taken":            {`"message":"Analyzing Jane Doe","description":"Jane Doe","step":{"message":"Jane Doe","description":"Jane Doe"}`, helios.Progress{}},
		"numbers as strings":                {`"step":"3","totalSteps":"9"`, helios.Progress{Step: 3, Total: 9}},
		"a documented name of another run":  {`"agent":"deep","step":"Finalizing results"`, helios.Progress{Name: "Finalizing results"}},
		"a documented name with its number": {`"step":5,"message":"Generating patient response"`, helios.Progress{Step: 5, Total: 8, Name: "Generating patient response"}},
		"name alone, unknown":               {`"title":"Comparing guidelines"`, helios.Progress{Name: "Comparing guidelines"}},
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

// TestParseEvent: a body that was verified and stored gives the same event again.
func TestParseEvent(t *testing.T) {
	t.Parallel()
	d := newDelivery(hookSecret, hookSmall)
	received, err := hookReceiver(t).Verify(d.request())
	require.NoError(t, err)
	again, err := helios.ParseEvent([]byte(string(received.Raw)))
	require.NoError(t, err)
	assert.Equal(t, received, again)
	for _, bad := range []string{"", "[]", `{"status":"completed"}`, `{"runId":7}`} {
		_, err := helios.ParseEvent([]byte(bad))
		require.ErrorIs(t, err, helios.ErrMalformedEvent, bad)
	}
}
