package helios_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

func TestResult_DocumentedSamples(t *testing.T) {
	t.Parallel()
	elements := []helios.SelectedElement{{
		Item: "Hemoglobin A1c", Category: "Laboratory Value", PatientValue: "7.2%",
		MatchingReason: "Elevated HbA1c indicates suboptimal glycemic control",
	}}
	common := helios.Result{
		PatientResponse:   "Your recent lab results show... [1]",
		ClinicianResponse: "The patient presents with... [1]",
		Citations: helios.Citations{
			Patient: map[string]helios.Citation{"1": {
				URL: "https://pubmed.ncbi.nlm.nih.gov/12345678/", Title: "Glycemic Control in Type 2 Diabetes",
				Metadata: helios.CitationMetadata{Type: "pubmed"},
			}},
			Clinician: map[string]helios.Citation{"1": {
				URL: "https://doi.org/10.2337/dc24-S006", Title: "ADA Standards of Care in Diabetes",
				Metadata: helios.CitationMetadata{
					Type: "guideline", Source: "ADA", Author: "American Diabetes Association", DOI: "10.2337/dc24-S006",
					PubDate: "2024-01-01", AbstractSnippet: "...", Specialties: []string{"Endocrinology"},
				},
			}},
		},
	}
	light, deep, lab := common, common, common
	light.SelectedElements = elements
	deep.SelectedElements, deep.ResearchTasks = elements, []string{"Review HbA1c targets", "Compare second-line agents"}
	lab.LabResults = []helios.LabResult{{
		Name: "Creatinine", Value: "1.8", Unit: "mg/dL", Flag: helios.FlagHigh, ReferenceRange: "0.7-1.3",
		Date: "2025-01-15", Category: "Renal",
	}}
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
			// reflect.DeepEqual, as a diff would print what must not be
			// printed: nothing.
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

// A result of another shape is worth what can be read of it. want is the JSON
// of that, without what is empty.
func TestResult_OtherShapes(t *testing.T) {
	t.Parallel()
	const p = `"patientResponse":"p"`
	h := `"` + hookHealth + `"`
	for name, c := range map[string]struct {
		result, want string
		fields       []helios.FieldError
	}{
		// Numbers and booleans are text where text is documented.
		"a lab's value a number": {`{` + p + `,"labResults":[{"name":"x","value":7.2}]}`,
			`{` + p + `,"labResults":[{"name":"x","value":"7.2"}]}`, nil},
		"long digits are kept": {`{"labResults":[{"name":true,"value":0.10000000000000000000001,"unit":null}]}`,
			`{"labResults":[{"name":"true","value":"0.10000000000000000000001"}]}`, nil},
		"responses as numbers": {`{"patientResponse":7,"clinicianResponse":false}`,
			`{"patientResponse":"7","clinicianResponse":"false"}`, nil},
		"a citation's url a number": {`{"citations":{"patient":{"1":{"url":5,"title":"t"}}}}`,
			`{"citations":{"patient":{"1":{"url":"5","title":"t"}}}}`, nil},
		"tasks as numbers": {`{"researchTasks":["a",7]}`, `{"researchTasks":["a","7"]}`, nil},
		"counts as strings": {`{"metadata":{"labsReceived":"15","labsAnalyzed":"many"}}`,
			`{"metadata":{"labsReceived":15}}`,
			[]helios.FieldError{{Field: "metadata.labsAnalyzed", Message: "is a string, not a whole number"}}},
		"counts with a point": {`{"metadata":{"labsReceived":15.0,"labsAnalyzed":1.4e1}}`,
			`{"metadata":{"labsReceived":15,"labsAnalyzed":14}}`, nil},
		"a key in another case": {`{"PatientResponse":7}`, `{"patientResponse":"7"}`, nil},
		"nulls beside another shape": {`{` + p + `,"labResults":null,"citations":null,"clinicianResponse":7}`,
			`{` + p + `,"clinicianResponse":"7"}`, nil},

		// What cannot be read is left out, and its place is named.
		"a text an object": {`{` + p + `,"clinicianResponse":{"text":` + h + `}}`, `{` + p + `}`,
			[]helios.FieldError{{Field: "clinicianResponse", Message: "is an object, not text"}}},
		"a text a list": {`{` + p + `,"clinicianResponse":[` + h + `]}`, `{` + p + `}`,
			[]helios.FieldError{{Field: "clinicianResponse", Message: "is a list, not text"}}},
		"citations a list": {`{` + p + `,"citations":[{"title":` + h + `}]}`, `{` + p + `}`,
			[]helios.FieldError{{Field: "citations", Message: "is a list, not an object"}}},
		"one audience's citations a list": {
			`{"citations":{"patient":[{"title":` + h + `}],"clinician":{"2":{"title":"t"}}}}`,
			`{"citations":{"clinician":{"2":{"title":"t"}}}}`,
			[]helios.FieldError{{Field: "citations.patient", Message: "is a list, not an object"}}},
		"one citation a string": {
			`{"citations":{"patient":{"1":{"title":"t"},` + h + `:` + h + `,"3":{"url":[],"title":"u"}}}}`,
			`{"citations":{"patient":{"1":{"title":"t"},"3":{"title":"u"}}}}`,
			[]helios.FieldError{
				{Field: "citations.patient[1]", Message: "is a string, not an object"},
				{Field: "citations.patient[2].url", Message: "is a list, not text"},
			}},
		"elements an object": {`{` + p + `,"selectedElements":{"item":` + h + `}}`, `{` + p + `}`,
			[]helios.FieldError{{Field: "selectedElements", Message: "is an object, not a list"}}},
		"one element a string": {`{"selectedElements":[{"item":"a"},` + h + `,{"item":"b"}]}`,
			`{"selectedElements":[{"item":"a"},{"item":"b"}]}`,
			[]helios.FieldError{{Field: "selectedElements[1]", Message: "is a string, not an object"}}},
		"tasks objects": {`{` + p + `,"researchTasks":[{"task":` + h + `},"b"]}`, `{` + p + `,"researchTasks":["b"]}`,
			[]helios.FieldError{{Field: "researchTasks[0]", Message: "is an object, not text"}}},
		"metadata a string": {`{` + p + `,"metadata":` + h + `}`, `{` + p + `}`,
			[]helios.FieldError{{Field: "metadata", Message: "is a string, not an object"}}},
		"a count with a fraction": {`{` + p + `,"metadata":{"labsReceived":41.75,"labsAnalyzed":3}}`,
			`{` + p + `,"metadata":{"labsAnalyzed":3}}`,
			[]helios.FieldError{{Field: "metadata.labsReceived", Message: "is a number, not a whole number"}}},
		"a count beyond any int": {`{"metadata":{"labsReceived":1e40,"labsAnalyzed":99999999999999999999}}`, `{}`,
			[]helios.FieldError{
				{Field: "metadata.labsReceived", Message: "is a number, not a whole number"},
				{Field: "metadata.labsAnalyzed", Message: "is a number, not a whole number"},
			}},
		"broken inside": {`{` + p + `,"labResults":[{"name":` + h + `,}],"researchTasks":["a"]}`,
			`{` + p + `,"labResults":[{"name":` + h + `}],"researchTasks":["a"]}`,
			[]helios.FieldError{{Field: "labResults[0]", Message: "is broken JSON"}}},
		"a broken escape": {`{` + p + `,"clinicianResponse":"\x ` + hookHealth + `"}`, `{` + p + `}`,
			[]helios.FieldError{{Field: "clinicianResponse", Message: "is broken JSON"}}},
		"broken citation metadata": {`{"citations":{"patient":{"1":{"title":"t","metadata":{"type":}}}}}`,
			`{"citations":{"patient":{"1":{"title":"t"}}}}`,
			[]helios.FieldError{{Field: "citations.patient[0].metadata", Message: "is broken JSON"}}},

		// Nothing can be read of what is no object.
		"a string":  {h, "", []helios.FieldError{{Field: "result", Message: "is a string, not an object"}}},
		"a number":  {`41.75`, "", []helios.FieldError{{Field: "result", Message: "is a number, not an object"}}},
		"a list":    {`[` + h + `]`, "", []helios.FieldError{{Field: "result", Message: "is a list, not an object"}}},
		"a boolean": {`true`, "", []helios.FieldError{{Field: "result", Message: "is a boolean, not an object"}}},
		"an object in a string": {`"{\"patientResponse\":\"p\"}"`, "",
			[]helios.FieldError{{Field: "result", Message: "is a string, not an object"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := eventOf(`"status":"completed","result":` + c.result)
			e := hookEvent(t, body)
			got, err := e.Result()
			if c.want == "" {
				assert.Nil(t, got)
			} else {
				require.NotNil(t, got)
				var want helios.Result
				require.NoError(t, json.Unmarshal([]byte(c.want), &want))
				gotJSON, wantJSON := withoutEmpty(t, got), withoutEmpty(t, want)
				assert.Equal(t, wantJSON, gotJSON)
			}
			assert.Equal(t, body, string(e.Raw), "all of it is in Raw")
			if c.fields == nil {
				require.NoError(t, err)
				return
			}

			var shape *helios.ResultError
			require.ErrorAs(t, err, &shape)
			assert.Equal(t, hookRun, shape.RunID)
			assert.Equal(t, c.fields, shape.Fields)
			assert.NotErrorIs(t, err, helios.ErrNoResult)
			assertKeepsQuiet(t, err, body)
			for how, text := range printed(t, shape) {
				assert.NotContains(t, text, hookHealth, how)
				assert.NotContains(t, text, "41.75", how)
			}
		})
	}
}

// withoutEmpty is v in JSON without the fields that are empty.
func withoutEmpty(t *testing.T, v any) string {
	t.Helper()
	var strip func(v any) any
	strip = func(v any) any {
		object, ok := v.(map[string]any)
		if !ok {
			return v
		}
		for key, value := range object {
			value = strip(value)
			object[key] = value
			inner, isObject := value.(map[string]any)
			if isObject && len(inner) == 0 || value == nil || value == "" || value == 0.0 {
				delete(object, key)
			}
		}
		return object
	}

	b, err := json.Marshal(v)
	require.NoError(t, err)
	var decoded any
	require.NoError(t, json.Unmarshal(b, &decoded))
	b, err = json.Marshal(strip(decoded))
	require.NoError(t, err)
	return string(b)
}

func TestResultError_IsBounded(t *testing.T) {
	t.Parallel()
	many := strings.TrimSuffix(strings.Repeat(`[],`, 1000), ",")
	body := eventOf(`"status":"completed","result":{"patientResponse":"p","researchTasks":[` + many + `]}`)
	result, err := hookEvent(t, body).Result()
	assert.Equal(t, "p", result.PatientResponse)
	var shape *helios.ResultError
	require.ErrorAs(t, err, &shape)
	assert.Len(t, shape.Fields, 100)
	assert.Regexp(t, `researchTasks\[9\]: is a list, not text; and 90 more; see Event\.Raw$`, err.Error())

	_, err = hookEvent(t, eventOf(`"status":"completed","result":[]`)).Result()
	assert.EqualError(t, err, "helios: result of run "+hookRun+
		": not as documented: result: is a list, not an object; see Event.Raw")
}

func TestResult_WithoutOne(t *testing.T) {
	t.Parallel()
	completed := func(result string) string { return `"status":"completed","result":` + result }
	for name, c := range map[string]struct {
		fields string
		err    error
	}{
		"no result":                          {`"status":"completed"`, helios.ErrNoResult},
		"result null":                        {completed(`null`), helios.ErrNoResult},
		"a status update":                    {`"status":"processing"`, helios.ErrNoResult},
		"a status update with a result":      {`"status":"processing","result":{}`, helios.ErrNoResult},
		"no status, with a result":           {`"result":{"patientResponse":"draft"}`, helios.ErrNoResult},
		"an empty result":                    {completed(`{}`), nil},
		"a result of unknown fields":         {completed(`{"summary":"x"}`), nil},
		"a result of nulls":                  {completed(`{"patientResponse":null,"citations":null}`), nil},
		"citations of one audience":          {completed(`{"citations":{"patient":{"1":{"url":"u"}}}}`), nil},
		"citation metadata of another type":  {completed(`{"citations":{"patient":{"1":{"metadata":["x"]}}}}`), nil},
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
	for name, raw := range map[string]string{
		"without Raw":   "",
		"Raw cut short": `{"result":{"patientResponse":"` + hookHealth,
		"Raw not JSON":  hookHealth,
	} {
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

func TestCitationMetadata(t *testing.T) {
	t.Parallel()
	type metadata = helios.CitationMetadata
	type extra = map[string]string
	for name, c := range map[string]struct {
		in    string
		want  metadata // without Extra
		extra extra
		out   string // "" for in
	}{
		"empty": {`{}`, metadata{}, nil, ""},
		"all known": {`{"type":"pmc","url":"u","title":"t","doi":"d","specialties":["a","b"]}`,
			metadata{Type: "pmc", URL: "u", Title: "t", DOI: "d", Specialties: []string{"a", "b"}}, nil, ""},
		"unknown type": {`{"type":"preprint"}`, metadata{Type: "preprint"}, nil, ""},
		"unknown keys": {`{"type":"pubmed","journal":"NEJM","year":2024,"tags":["x",{"y":null}]}`,
			metadata{Type: "pubmed"}, extra{"journal": `"NEJM"`, "year": `2024`, "tags": `["x",{"y":null}]`}, ""},
		"long digits": {`{"pmid":12345678901234567890.10}`, metadata{}, extra{"pmid": `12345678901234567890.10`}, ""},
		"a key in another case": {`{"type":"a","Type":"b","DOI":"c"}`, metadata{Type: "a"},
			extra{"Type": `"b"`, "DOI": `"c"`}, ""},
		"a date as a number": {`{"type":"pubmed","pubdate":2024}`, metadata{Type: "pubmed", PubDate: "2024"}, nil,
			`{"type":"pubmed","pubdate":"2024"}`},
		"authors as a list": {`{"author":["A","B"]}`, metadata{}, extra{"author": `["A","B"]`}, ""},
		"specialties as a string": {`{"specialties":"Endocrinology"}`, metadata{},
			extra{"specialties": `"Endocrinology"`}, ""},
		"specialties as objects": {`{"specialties":[{"name":"E"}]}`, metadata{},
			extra{"specialties": `[{"name":"E"}]`}, ""},
		"specialties of two types": {`{"type":"pubmed","specialties":["Endocrinology",[5]]}`, metadata{Type: "pubmed"},
			extra{"specialties": `["Endocrinology",[5]]`}, ""},
		"type as an object":         {`{"type":{"id":1}}`, metadata{}, extra{"type": `{"id":1}`}, ""},
		"an unknown key that is ''": {`{"":1}`, metadata{}, extra{"": `1`}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := eventOf(`"status":"completed","result":{"citations":{"clinician":{"3":{"metadata":` + c.in + `}}}}`)
			result, err := hookEvent(t, body).Result()
			require.NoError(t, err)
			got := result.Citations.Clinician["3"].Metadata
			others := extra(nil)
			for key, value := range got.Extra {
				if others == nil {
					others = extra{}
				}
				others[key] = string(value)
			}
			assert.Equal(t, c.extra, others)
			fields := got
			fields.Extra = nil
			assert.True(t, reflect.DeepEqual(c.want, fields), "the fields")

			encoded, err := json.Marshal(got)
			require.NoError(t, err)
			if c.out == "" {
				c.out = c.in
			}
			assert.JSONEq(t, c.out, string(encoded))
			assert.NotContains(t, string(encoded), "Extra")
			for _, digits := range c.extra {
				assert.Contains(t, string(encoded), digits, "digits are kept")
			}
			var again metadata
			require.NoError(t, json.Unmarshal(encoded, &again))
			assert.True(t, reflect.DeepEqual(got, again), "decodes to the same")
			_, err = json.Marshal(result)
			assert.NoError(t, err, "the whole result encodes")
		})
	}
	for name, in := range map[string]string{"a string": `"NEJM 2024"`, "a list": `["NEJM",2024]`, "a number": `5`} {
		t.Run("metadata that is "+name+" is kept", func(t *testing.T) {
			t.Parallel()
			var m metadata
			require.NoError(t, json.Unmarshal([]byte(in), &m))
			encoded, err := json.Marshal(m)
			require.NoError(t, err)
			assert.Equal(t, in, string(encoded))
		})
	}
	t.Run("decoding replaces what was there", func(t *testing.T) {
		t.Parallel()
		m := metadata{Type: "old", Source: "old", Extra: map[string]json.RawMessage{"old": json.RawMessage(`1`)}}
		require.NoError(t, json.Unmarshal([]byte(`{"type":"new"}`), &m))
		assert.True(t, reflect.DeepEqual(metadata{Type: "new"}, m))
	})
	t.Run("a key both in its field and in Extra is encoded once, from the field", func(t *testing.T) {
		t.Parallel()
		m := metadata{Type: "a", Extra: map[string]json.RawMessage{"type": json.RawMessage(`"b"`)}}
		encoded, err := json.Marshal(m)
		require.NoError(t, err)
		assert.JSONEq(t, `{"type":"a"}`, string(encoded))
	})
}

func FuzzResult(f *testing.F) {
	for _, body := range nastyBodies {
		f.Add(body)
	}
	for _, sample := range []string{sampleLight, sampleDeep, sampleLabs} {
		_, result, _ := strings.Cut(sample, `"result":`)
		f.Add(strings.TrimSuffix(result, "}"))
	}
	for _, result := range []string{
		"null", "7", `"x"`, `[]`, `{}`, `{"citations":[]}`, `{"citations":{"patient":null,"clinician":{"1":null}}}`,
		`{"patientResponse":7}`, `{"patientResponse":"p","labResults":[{"name":"x","value":7.2}]}`,
		`{"citations":{"patient":{"1":{"metadata":{"type":null,"specialties":[],"Type":1,"<b>":"</b>"}}}}}`,
		`{"metadata":{"labsReceived":1.5}}`, `{"metadata":{"labsReceived":1e400,"labsAnalyzed":"7"}}`,
		`{"selectedElements":[null,{},7],"researchTasks":[null,[]]}`, `{"result":{},"RESULT":[]}`,
		`{"patientResponse":"p","labResults":[{"name":"x",}]}`, `{"patientResponse":"\x"}`,
		`{"citations":{"patient":{"` + "\xb9" + `":{"url":[]}}}}`,
	} {
		f.Add(result)
	}

	const place = `[a-zA-Z_]+(\[\d+\])?(\.[a-zA-Z_]+(\[\d+\])?)*`
	const problem = place + `: (is broken JSON|is (an object|a list|a number|a boolean|a string), ` +
		`not (text|an object|a list|a whole number))`
	refusals := regexp.MustCompile(`\Ahelios: result of run ` + hookRun + `: (Event\.Raw is not a JSON object|` +
		`not as documented: ` + problem + `(; ` + problem + `)*(; and \d+ more)?; see Event\.Raw)\z`)
	nothing := regexp.MustCompile(`Event\.Raw is not|not as documented: result: is an? `)
	f.Fuzz(func(t *testing.T, data string) {
		e := &helios.Event{RunID: hookRun, Status: helios.StatusCompleted}
		e.Raw = json.RawMessage(`{"status":"completed","runId":"` + hookRun + `","result":` + data + `}`)
		result, err := e.Result()
		switch {
		case errors.Is(err, helios.ErrNoResult):
			require.Nil(t, result)
			return
		case err != nil:
			require.Regexp(t, refusals, err.Error(), "an error that holds no value")
			require.Equal(t, nothing.MatchString(err.Error()), result == nil)
		}
		require.True(t, result != nil || err != nil)
		if result == nil {
			return
		}

		// What decodes can be stored, and read again as it was.
		once, err := json.Marshal(result)
		require.NoError(t, err)
		var again helios.Result
		require.NoError(t, json.Unmarshal(once, &again))
		twice, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
		require.Equal(t, len(result.Citations.Patient), len(again.Citations.Patient), fmt.Sprint(result))
	})
}
