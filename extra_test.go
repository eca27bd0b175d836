package helios

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The two bodies as documented.
const (
	documentedAgentBody = `{"webhookUrl": "https://your-server.com/webhook/helios",
 "agentType": "light",
 "data": {
  "patientInfo": {"age": 45, "gender": "male"},
  "recentAbnormalLabs": [{"date": "2025-01-15", "display": "Hemoglobin A1c", "value": "7.2", "unit": "%",
                          "referenceRange": "4.0-5.6", "interpretation": "High"}],
  "recentNormalLabs":   [{"date": "2025-01-15", "display": "Sodium", "value": "140", "unit": "mEq/L",
                          "referenceRange": "136-145"}],
  "pastMedicalHistory": [{"display": "Type 2 Diabetes Mellitus", "clinicalStatus": "active", "onsetDate": "2020-03-15"}],
  "medications":        [{"medication": "Metformin 500mg", "status": "active", "dosage": "500mg", "frequency": "twice daily"}],
  "vitalSigns":         [{"display": "Blood Pressure", "value": "138/88", "unit": "mmHg", "date": "2025-01-15"}]}}`

	documentedLabResultsBody = `{"webhookUrl": "https://your-server.com/webhook/helios",
 "labResults": [
  {"name": "Creatinine", "value": "1.8 mg/dL", "flag": "High", "referenceRange": "0.7-1.3 mg/dL",
   "date": "2025-01-15", "category": "Renal"},
  {"name": "eGFR", "value": "38 mL/min/1.73m2", "flag": "Low", "referenceRange": ">60 mL/min/1.73m2",
   "date": "2025-01-15", "category": "Renal"}],
 "patientContext": {
  "age": "58", "gender": "male",
  "conditions":  [{"name": "Type 2 Diabetes Mellitus", "status": "active"}],
  "medications": [{"name": "Metformin", "dosage": "1000mg", "frequency": "twice daily"}]}}`
)

func documentedAgentRequest() *AgentRequest {
	return &AgentRequest{
		WebhookURL: "https://your-server.com/webhook/helios",
		AgentType:  AgentLight,
		Data: HealthData{
			PatientInfo: &PatientInfo{Age: new(45), Gender: "male"},
			RecentAbnormalLabs: []Lab{{Date: "2025-01-15", Display: "Hemoglobin A1c", Value: "7.2", Unit: "%",
				ReferenceRange: "4.0-5.6", Interpretation: "High"}},
			RecentNormalLabs:   []Lab{{Date: "2025-01-15", Display: "Sodium", Value: "140", Unit: "mEq/L", ReferenceRange: "136-145"}},
			PastMedicalHistory: []Condition{{Display: "Type 2 Diabetes Mellitus", ClinicalStatus: "active", OnsetDate: "2020-03-15"}},
			Medications:        []Medication{{Medication: "Metformin 500mg", Status: "active", Dosage: "500mg", Frequency: "twice daily"}},
			VitalSigns:         []VitalSign{{Display: "Blood Pressure", Value: "138/88", Unit: "mmHg", Date: "2025-01-15"}},
		},
	}
}

func documentedLabResultsRequest() *LabResultsRequest {
	return &LabResultsRequest{
		WebhookURL: "https://your-server.com/webhook/helios",
		LabResults: []LabResult{
			{Name: "Creatinine", Value: "1.8 mg/dL", Flag: FlagHigh, ReferenceRange: "0.7-1.3 mg/dL", Date: "2025-01-15", Category: "Renal"},
			{Name: "eGFR", Value: "38 mL/min/1.73m2", Flag: FlagLow, ReferenceRange: ">60 mL/min/1.73m2", Date: "2025-01-15", Category: "Renal"},
		},
		PatientContext: &PatientContext{
			Age: "58", Gender: "male",
			Conditions:  []ContextCondition{{Name: "Type 2 Diabetes Mellitus", Status: "active"}},
			Medications: []ContextMedication{{Name: "Metformin", Dosage: "1000mg", Frequency: "twice daily"}},
		},
	}
}

func encodeJSON(tb testing.TB, v any) string {
	tb.Helper()
	b, err := json.Marshal(v)
	require.NoError(tb, err)
	return string(b)
}

func TestJSONOfTheDocumentedBodies(t *testing.T) {
	for _, tc := range []struct {
		name       string
		body       string
		value, new any
	}{
		{"agent", documentedAgentBody, documentedAgentRequest(), new(AgentRequest)},
		{"lab results", documentedLabResultsBody, documentedLabResultsRequest(), new(LabResultsRequest)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			assert.JSONEq(t, tc.body, encodeJSON(t, tc.value))
			require.NoError(t, json.Unmarshal([]byte(tc.body), tc.new))
			assert.True(t, reflect.DeepEqual(tc.value, tc.new), "decoded, it is the typed request, with nothing in Extra")
		})
	}
}

// What is sent is what MarshalJSON gives, and a value encodes as its pointer does.
func TestJSONIsWhatIsSent(t *testing.T) {
	agent, labs := documentedAgentRequest(), documentedLabResultsRequest()
	agent.Extra, agent.Data.Extra = map[string]any{"z": "<&>"}, map[string]any{"imaging": []any{1}}
	labs.Extra, labs.PatientContext.Extra = map[string]any{"z": "<&>"}, map[string]any{"allergies": []any{"x"}}
	body, err := agent.encode(nil)
	require.NoError(t, err)
	assert.Equal(t, string(body), encodeJSON(t, agent))
	assert.Equal(t, string(body), encodeJSON(t, *agent))
	body, err = labs.encode(nil)
	require.NoError(t, err)
	assert.Equal(t, string(body), encodeJSON(t, labs))
	assert.Equal(t, string(body), encodeJSON(t, *labs))
}

func TestJSONExtraIsMerged(t *testing.T) {
	for _, tc := range []struct {
		name  string
		value any
		want  string // byte by byte
	}{
		{"agent: top and data", AgentRequest{AgentType: AgentDeep, Extra: map[string]any{"b": 1, "a": nil},
			Data: HealthData{Medications: []Medication{{Medication: "m"}}, Extra: map[string]any{"imaging": []string{"x"}, "genetics": map[string]any{"g": true}}}},
			`{"agentType":"deep","data":{"medications":[{"medication":"m"}],"genetics":{"g":true},"imaging":["x"]},"a":null,"b":1}`},
		{"agent: data of Extra only", AgentRequest{AgentType: AgentLight, Data: HealthData{Extra: map[string]any{"imaging": 1}}},
			`{"agentType":"light","data":{"imaging":1}}`},
		{"health data", HealthData{Extra: map[string]any{"x": 1, "é": 2, "a\"b": 3, "": 4}}, `{"":4,"a\"b":3,"x":1,"é":2}`},
		{"health data: a category by hand", HealthData{PatientInfo: &PatientInfo{Gender: "x"}, Extra: map[string]any{"medications": []any{"free text"}}},
			`{"patientInfo":{"gender":"x"},"medications":["free text"]}`},
		{"health data: an empty category counts as unset", HealthData{Medications: []Medication{}, Extra: map[string]any{"medications": "m"}}, `{"medications":"m"}`},
		{"labs: top and context", LabResultsRequest{LabResults: []LabResult{{Name: "n", Value: "v"}}, Extra: map[string]any{"locale": "de"},
			PatientContext: &PatientContext{Age: "58", Extra: map[string]any{"allergies": []any{}}}},
			`{"labResults":[{"name":"n","value":"v"}],"patientContext":{"age":"58","allergies":[]},"locale":"de"}`},
		{"labs: a context by hand", LabResultsRequest{LabResults: []LabResult{}, Extra: map[string]any{"patientContext": map[string]any{"age": 58}, "webhookUrl": "https://h"}},
			`{"patientContext":{"age":58},"webhookUrl":"https://h"}`},
		{"context", PatientContext{Gender: "male", Extra: map[string]any{"age": 58, "z": json.RawMessage(` {"k" : 1} `)}},
			`{"gender":"male","age":58,"z":{"k":1}}`},
		{"numbers as given", PatientContext{Extra: map[string]any{"a": json.Number("1.50"), "b": json.Number("12345678901234567890123"), "c": 1e2}},
			`{"a":1.50,"b":12345678901234567890123,"c":100}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for range 5 { // maps are in another order each time
				require.Equal(t, tc.want, encodeJSON(t, tc.value))
			}
		})
	}
}

func TestJSONExtraOrderIsStable(t *testing.T) {
	extra := map[string]any{}
	for i := range 200 {
		extra[strings.Repeat("k", 1+i%7)+string(rune('a'+i%26))+string(rune('a'+i/26))] = i
	}
	first := encodeJSON(t, HealthData{Extra: extra})
	for range 20 {
		require.Equal(t, first, encodeJSON(t, HealthData{Extra: maps.Clone(extra)}))
	}
	dec := json.NewDecoder(strings.NewReader(first))
	_, _ = dec.Token()
	var keys []string
	for dec.More() {
		key, err := dec.Token()
		require.NoError(t, err)
		_, err = dec.Token()
		require.NoError(t, err)
		keys = append(keys, key.(string))
	}
	assert.Len(t, keys, len(extra))
	assert.True(t, slices.IsSorted(keys))
}

func TestJSONUnsetFieldsAreNotSent(t *testing.T) {
	for want, value := range map[string]any{
		`{}`: HealthData{},
		`{"patientInfo":{},"recentNormalLabs":[{}]}`:                       HealthData{PatientInfo: &PatientInfo{}, RecentNormalLabs: []Lab{{}}},
		`{"patientInfo":{"age":0}}`:                                        HealthData{PatientInfo: &PatientInfo{Age: new(0)}},
		`{"pastMedicalHistory":[{}],"medications":[{}],"vitalSigns":[{}]}`: HealthData{PastMedicalHistory: []Condition{{}}, Medications: []Medication{{}}, VitalSigns: []VitalSign{{}}},
		`{"agentType":"light","data":{}}`:                                  AgentRequest{AgentType: AgentLight, Extra: map[string]any{}},
		`{"labResults":[{"name":"n","value":"v"}]}`:                        LabResultsRequest{LabResults: []LabResult{{Name: "n", Value: "v"}}},
		`{"labResults":[{"name":"n","value":"v"}],"patientContext":{}}`:    LabResultsRequest{LabResults: []LabResult{{Name: "n", Value: "v"}}, PatientContext: &PatientContext{}},
		`{"gender":"f","conditions":[{}],"medications":[{}]}`:              PatientContext{Gender: "f", Conditions: []ContextCondition{{}}, Medications: []ContextMedication{{}}},
		`{"age":"0"}`: PatientContext{Age: "0", Conditions: []ContextCondition{}, Extra: map[string]any{}},
		`{"recentAbnormalLabs":[{"value":"7.2"}],"medications":[{"dosage":"1"}]}`: &HealthData{RecentAbnormalLabs: []Lab{{Value: "7.2"}}, Medications: []Medication{{Dosage: "1"}}},
	} {
		assert.Equal(t, want, encodeJSON(t, value))
	}
}

type panickyText struct{}

func (panickyText) MarshalJSON() ([]byte, error) { return []byte(`{"broken`), nil }

func TestJSONProblemsOfExtra(t *testing.T) {
	const secret = "s3cret"
	meds := []Medication{{Medication: secret}}
	cyclic := map[string]any{"patient": secret}
	cyclic["self"] = cyclic
	const taken, broken = "is set both by its field and in Extra", "cannot be encoded as JSON"
	for _, tc := range []struct {
		name  string
		value any
		want  []FieldError
	}{
		{"data.medications", AgentRequest{Data: HealthData{Medications: meds, Extra: map[string]any{"medications": secret}}}, []FieldError{{"data.medications", taken}}},
		{"data.patientInfo, even if empty", AgentRequest{Data: HealthData{PatientInfo: &PatientInfo{}, Extra: map[string]any{"patientInfo": secret}}}, []FieldError{{"data.patientInfo", taken}}},
		{"webhookUrl of agent", AgentRequest{WebhookURL: "https://h", Extra: map[string]any{"webhookUrl": secret}}, []FieldError{{"webhookUrl", taken}}},
		{"agentType and data", AgentRequest{AgentType: AgentLight, Extra: map[string]any{"agentType": "deep", "data": secret}}, []FieldError{{"agentType", taken}, {"data", taken}}},
		{"webhookUrl of labs", LabResultsRequest{WebhookURL: "https://h", Extra: map[string]any{"webhookUrl": secret}}, []FieldError{{"webhookUrl", taken}}},
		{"labResults", LabResultsRequest{LabResults: []LabResult{{}}, Extra: map[string]any{"labResults": secret}}, []FieldError{{"labResults", taken}}},
		{"patientContext.age", LabResultsRequest{PatientContext: &PatientContext{Age: "58", Extra: map[string]any{"age": 58, "ok": 1}}}, []FieldError{{"patientContext.age", taken}}},
		{"patientContext", LabResultsRequest{PatientContext: &PatientContext{}, Extra: map[string]any{"patientContext": secret}}, []FieldError{{"patientContext", taken}}},
		{"data on its own", HealthData{Medications: meds, Extra: map[string]any{"medications": secret}}, []FieldError{{"medications", taken}}},
		{"context on its own", PatientContext{Age: "58", Extra: map[string]any{"age": secret}}, []FieldError{{"age", taken}}},
		{"the same value is a collision, too", PatientContext{Age: "58", Extra: map[string]any{"age": "58"}}, []FieldError{{"age", taken}}},
		{"channel", AgentRequest{Data: HealthData{Extra: map[string]any{"imaging": make(chan int)}}}, []FieldError{{"data.imaging", broken}}},
		{"function", LabResultsRequest{Extra: map[string]any{"f": func() {}}}, []FieldError{{"f", broken}}},
		{"NaN within", PatientContext{Extra: map[string]any{"list": []any{secret, math.NaN()}}}, []FieldError{{"list", broken}}},
		{"infinity", HealthData{Extra: map[string]any{"x": math.Inf(-1)}}, []FieldError{{"x", broken}}},
		{"raw message that is no JSON", HealthData{Extra: map[string]any{"x": json.RawMessage(`{"` + secret)}}, []FieldError{{"x", broken}}},
		{"raw message with more behind", HealthData{Extra: map[string]any{"x": json.RawMessage(`1,"` + secret + `":2`)}}, []FieldError{{"x", broken}}},
		{"marshaler that gives no JSON", HealthData{Extra: map[string]any{"x": panickyText{}}}, []FieldError{{"x", broken}}},
		{"number that is none", HealthData{Extra: map[string]any{"x": json.Number(secret)}}, []FieldError{{"x", broken}}},
		{"cyclic map", HealthData{Extra: map[string]any{"x": cyclic}}, []FieldError{{"x", broken}}},
		{"all at once", AgentRequest{WebhookURL: "https://h", Extra: map[string]any{"webhookUrl": 1, "ok": 1, "c": make(chan int)},
			Data: HealthData{Medications: meds, Extra: map[string]any{"medications": 1, "ok": 1, "b": func() {}}}},
			[]FieldError{{"data.b", broken}, {"data.medications", taken}, {"c", broken}, {"webhookUrl", taken}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := json.Marshal(tc.value)
			var invalid *ValidationError
			require.ErrorAs(t, err, &invalid)
			assert.ElementsMatch(t, tc.want, invalid.Fields)
			assert.NotContains(t, err.Error(), secret)
		})
	}
}

func TestJSONProblemsJoinThoseOfTheRequest(t *testing.T) {
	first := FieldError{"webhookUrl", "is required"}
	_, err := (&LabResultsRequest{PatientContext: &PatientContext{Age: "1", Extra: map[string]any{"age": 1}}}).encode([]FieldError{first})
	var invalid *ValidationError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, []string{"webhookUrl", "patientContext.age"}, []string{invalid.Fields[0].Field, invalid.Fields[1].Field})
	_, err = (&AgentRequest{}).encode([]FieldError{first})
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, []FieldError{first}, invalid.Fields)
}

func TestJSONExtraIsNotChangedByEncoding(t *testing.T) {
	extra := map[string]any{"b": []any{1}, "a": map[string]any{"k": "v"}}
	d := HealthData{Medications: []Medication{{Medication: "m"}}, Extra: extra}
	_ = encodeJSON(t, AgentRequest{AgentType: AgentLight, Data: d, Extra: extra})
	assert.Equal(t, map[string]any{"b": []any{1}, "a": map[string]any{"k": "v"}}, extra)
}

func TestJSONDecodeKeepsUnknownFields(t *testing.T) {
	var r AgentRequest
	require.NoError(t, json.Unmarshal([]byte(`{"agentType":"light","n":12345678901234567890,"data":{"genetics":[1.50,{"e":1E2}],"medications":[{"medication":"m"}],"none":null}}`), &r))
	assert.Equal(t, map[string]any{"n": json.Number("12345678901234567890")}, r.Extra)
	assert.Equal(t, map[string]any{"genetics": []any{json.Number("1.50"), map[string]any{"e": json.Number("1E2")}}, "none": nil}, r.Data.Extra)
	assert.Equal(t, []Medication{{Medication: "m"}}, r.Data.Medications)

	var labs LabResultsRequest
	require.NoError(t, json.Unmarshal([]byte(`{"labResults":[{"name":"n","value":"v"}],"x":-0.0,"patientContext":{"age":"58","smoker":false}}`), &labs))
	assert.Equal(t, map[string]any{"x": json.Number("-0.0")}, labs.Extra)
	assert.Equal(t, map[string]any{"smoker": false}, labs.PatientContext.Extra)
	assert.Equal(t, "58", labs.PatientContext.Age)
}

// encoding/json fills a field whatever the case of the key, so such a key is not unknown: sent from Extra as well, it would be there twice.
func TestJSONDecodeGivesEachKeyOnePlace(t *testing.T) {
	var r AgentRequest
	require.NoError(t, json.Unmarshal([]byte(`{"AGENTTYPE":"deep","WebhookURL":"https://h","data":{"Medications":[{"medication":"m"}],"medication":1}}`), &r))
	assert.Equal(t, AgentDeep, r.AgentType)
	assert.Nil(t, r.Extra)
	assert.Equal(t, map[string]any{"medication": json.Number("1")}, r.Data.Extra)
	assert.Equal(t, `{"webhookUrl":"https://h","agentType":"deep","data":{"medications":[{"medication":"m"}],"medication":1}}`, encodeJSON(t, r))
}

func TestJSONDecodeReplacesExtra(t *testing.T) {
	for _, body := range []string{`{}`, `{"medications":[]}`} {
		d, c := HealthData{Extra: map[string]any{"old": 1}}, PatientContext{Extra: map[string]any{"old": 1}}
		require.NoError(t, json.Unmarshal([]byte(body), &d))
		require.NoError(t, json.Unmarshal([]byte(body), &c))
		assert.Nil(t, d.Extra, "nil, not an empty map")
		assert.Nil(t, c.Extra)
	}
}

func TestJSONDecodeErrors(t *testing.T) {
	for _, body := range []string{
		``, `{`, `[]`, `1`, `"x"`, `{}{}`, `{"data":1,"labResults":1}`, `{"webhookUrl":1}`, `{"data":{"medications":{}},"patientContext":{"age":58}}`,
		`{"data":{"patientInfo":{"age":"45"}},"labResults":[{"name":1}]}`, `{"data":{"patientInfo":{"age":1.5}},"patientContext":[]}`,
	} {
		assert.Error(t, json.Unmarshal([]byte(body), new(AgentRequest)), body)
		assert.Error(t, json.Unmarshal([]byte(body), new(LabResultsRequest)), body)
	}
	for _, body := range []string{``, `{} {}`, `{}]`, `[]`} { // called by hand, nobody has checked the JSON before
		assert.Error(t, new(HealthData).UnmarshalJSON([]byte(body)), body)
		assert.Error(t, new(PatientContext).UnmarshalJSON([]byte(body)), body)
	}
}

func TestJSONRoundTrips(t *testing.T) {
	agent, labs := documentedAgentRequest(), documentedLabResultsRequest()
	agent.Extra = map[string]any{"priority": 3, "big": json.Number("9007199254740993"), "nested": map[string]any{"z": 1.5, "a": []any{"<b>", nil, true}}}
	agent.Data.Extra = map[string]any{"imaging": []any{map[string]any{"modality": "CT\u2028", "n": 1e21}}, "empty": map[string]any{}, "list": []any{}}
	agent.Data.PatientInfo.Age = new(0)
	labs.Extra = map[string]any{"locale": "de-DE", "é": "ü", "\U0001F600": 1}
	labs.PatientContext.Extra = map[string]any{"weight": json.Number("70.50"), "null": nil}
	for _, tc := range []struct {
		name            string
		value, one, two any
	}{
		{"AgentRequest", agent, new(AgentRequest), new(AgentRequest)},
		{"HealthData", agent.Data, new(HealthData), new(HealthData)},
		{"LabResultsRequest", labs, new(LabResultsRequest), new(LabResultsRequest)},
		{"PatientContext", *labs.PatientContext, new(PatientContext), new(PatientContext)},
		{"by hand", HealthData{Extra: map[string]any{"medications": []Medication{{Medication: "m"}}}}, new(HealthData), new(HealthData)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			first := encodeJSON(t, tc.value)
			require.NoError(t, json.Unmarshal([]byte(first), tc.one))
			second := encodeJSON(t, tc.one)
			assert.Equal(t, first, second)
			require.NoError(t, json.Unmarshal([]byte(second), tc.two))
			assert.True(t, reflect.DeepEqual(tc.one, tc.two))
		})
	}
}

// decodeAny decodes into maps; numbers keep their digits.
func decodeAny(tb testing.TB, b []byte) (v map[string]any) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	require.NoError(tb, dec.Decode(&v), "%s", b)
	return v
}

// isField reports whether encoding/json gives the key to a field. Known defect: the tag of Extra itself makes decoding lose a key "-";
// it counts as a field here until that is mended.
func isField(t reflect.Type, key string) bool {
	for f := range t.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); strings.EqualFold(name, key) {
			return true
		}
	}
	return false
}

// Whatever decodes encodes again, the same each time, and no key without a field is lost or changed.
func FuzzExtra(f *testing.F) {
	for _, seed := range []string{
		documentedAgentBody, documentedLabResultsBody, `{}`, `null`, `{"data":null,"patientContext":null,"labResults":null}`,
		`{"data":{"medications":[],"imaging":[1.50,1E400,-0]},"x":{"a":"\ud800","\u0000":"<>&"}}`, `{"patientContext":{"AGE":"1","b":{}},"LABRESULTS":[{}]}`,
		`{"a":1,"a":2,"data":{"x":1},"data":{"y":2}}`, `{"":"","é":[[[[]]]],"agentTYPE":"ſ","ſ":1}`, `{"-":1}`, `{"data":{"patientInfo":{"age":0}}}`,
	} {
		f.Add([]byte(seed))
	}
	check := func(t *testing.T, body []byte, first, second, third any) {
		if json.Unmarshal(body, first) != nil {
			return
		}
		one := encodeJSON(t, first)
		require.NoError(t, json.Unmarshal([]byte(one), second), one)
		two := encodeJSON(t, second)
		require.Equal(t, one, two)
		require.NoError(t, json.Unmarshal([]byte(two), third))
		require.True(t, reflect.DeepEqual(second, third), one)

		sent, fields := decodeAny(t, []byte(one)), reflect.TypeOf(first).Elem()
		for key, value := range decodeAny(t, body) {
			if !isField(fields, key) {
				got, ok := sent[key]
				require.True(t, ok, "%q is lost", key)
				require.Equal(t, value, got, key)
			}
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		check(t, body, new(AgentRequest), new(AgentRequest), new(AgentRequest))
		check(t, body, new(LabResultsRequest), new(LabResultsRequest), new(LabResultsRequest))
		check(t, body, new(HealthData), new(HealthData), new(HealthData))
		check(t, body, new(PatientContext), new(PatientContext), new(PatientContext))
	})
}

func TestJSONExtraKeepsADash(t *testing.T) {
	var d HealthData
	require.NoError(t, json.Unmarshal([]byte(`{"-":1}`), &d))
	b, err := json.Marshal(d)
	require.NoError(t, err)
	require.JSONEq(t, `{"-":1}`, string(b))
}

func TestJSONExtraClashesWithoutCase(t *testing.T) {
	_, err := json.Marshal(HealthData{Medications: []Medication{{Medication: "m"}}, Extra: map[string]any{"Medications": "other"}})
	require.Error(t, err)
}

func TestJSONExtraSurvivesNull(t *testing.T) {
	d := HealthData{Extra: map[string]any{"a": 1}}
	require.NoError(t, json.Unmarshal([]byte(`null`), &d))
	require.Len(t, d.Extra, 1)
}

func TestJSONExtraNamesAreUTF8(t *testing.T) {
	_, err := json.Marshal(HealthData{Extra: map[string]any{"\xff": 1}})
	var invalid *ValidationError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, []FieldError{{"?", "is not a UTF-8 name"}}, invalid.Fields)
}
