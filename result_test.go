package helios_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

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
			assert.ErrorContains(t, err, "Event.Raw is not a JSON object")
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
