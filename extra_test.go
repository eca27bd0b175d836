package helios_test

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// documented is a body of the vendor's reference: testdata/NAME.json.
func documented(tb testing.TB, name string) string {
	tb.Helper()
	b, err := os.ReadFile("testdata/" + name + ".json")
	require.NoError(tb, err)
	return string(b)
}

func encodeJSON(tb testing.TB, v any) string {
	tb.Helper()
	b, err := json.Marshal(v)
	require.NoError(tb, err)
	return string(b)
}

func TestJSON_DocumentedBodies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ value, decoded any }{
		"agent":       {documentedAgentRequest(), new(helios.AgentRequest)},
		"lab-results": {documentedLabResultsRequest(), new(helios.LabResultsRequest)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := documented(t, name)
			assert.JSONEq(t, body, encodeJSON(t, tt.value))
			require.NoError(t, json.Unmarshal([]byte(body), tt.decoded))
			assert.True(t, reflect.DeepEqual(tt.value, tt.decoded), "it is the typed request, with nothing in Extra")
		})
	}
}

// TestJSON_IsWhatIsSent: and a value encodes as its pointer does.
func TestJSON_IsWhatIsSent(t *testing.T) {
	t.Parallel()
	agent, labs := documentedAgentRequest(), documentedLabResultsRequest()
	agent.Extra, agent.Data.Extra = map[string]any{"z": "<&>"}, map[string]any{"imaging": []any{1}}
	labs.Extra, labs.PatientContext.Extra = map[string]any{"z": "<&>"}, map[string]any{"allergies": []any{"x"}}
	server := newRecorder(t, 200, acceptedBody)
	client := newClient(t, server.URL)

	_, err := client.Agent.Submit(t.Context(), agent)
	require.NoError(t, err)
	assert.Equal(t, string(server.body), encodeJSON(t, agent))
	assert.Equal(t, string(server.body), encodeJSON(t, *agent))
	_, err = client.LabResults.Submit(t.Context(), labs)
	require.NoError(t, err)
	assert.Equal(t, string(server.body), encodeJSON(t, labs))
	assert.Equal(t, string(server.body), encodeJSON(t, *labs))
}

func TestJSON_ExtraIsMerged(t *testing.T) {
	t.Parallel()
	lab := []helios.LabResult{{Name: "n", Value: "v"}}
	for name, tt := range map[string]struct {
		value any
		want  string // byte by byte
	}{
		"agent: top and data": {
			helios.AgentRequest{
				AgentType: helios.AgentDeep, Extra: map[string]any{"b": 1, "a": nil},
				Data: helios.HealthData{
					Medications: []helios.Medication{{Medication: "m"}},
					Extra:       map[string]any{"imaging": []string{"x"}, "genetics": map[string]any{"g": true}},
				},
			},
			`{"agentType":"deep","data":{"medications":[{"medication":"m"}],` +
				`"genetics":{"g":true},"imaging":["x"]},"a":null,"b":1}`,
		},
		"agent: data of Extra only": {
			helios.AgentRequest{
				AgentType: helios.AgentLight, Data: helios.HealthData{Extra: map[string]any{"imaging": 1}},
			},
			`{"agentType":"light","data":{"imaging":1}}`,
		},
		"health data": {
			helios.HealthData{Extra: map[string]any{"x": 1, "é": 2, "a\"b": 3, "": 4}}, `{"":4,"a\"b":3,"x":1,"é":2}`,
		},
		"health data: a category by hand": {
			helios.HealthData{
				PatientInfo: &helios.PatientInfo{Gender: "x"}, Extra: map[string]any{"medications": []any{"free text"}},
			},
			`{"patientInfo":{"gender":"x"},"medications":["free text"]}`,
		},
		"health data: an empty category counts as unset": {
			helios.HealthData{Medications: []helios.Medication{}, Extra: map[string]any{"medications": "m"}},
			`{"medications":"m"}`,
		},
		"labs: top and context": {
			helios.LabResultsRequest{
				LabResults: lab, Extra: map[string]any{"locale": "de"},
				PatientContext: &helios.PatientContext{Age: "58", Extra: map[string]any{"allergies": []any{}}},
			},
			`{"labResults":[{"name":"n","value":"v"}],"patientContext":{"age":"58","allergies":[]},"locale":"de"}`,
		},
		"labs: a context by hand": {
			helios.LabResultsRequest{LabResults: []helios.LabResult{}, Extra: map[string]any{
				"patientContext": map[string]any{"age": 58}, "webhookUrl": "https://h",
			}},
			`{"patientContext":{"age":58},"webhookUrl":"https://h"}`,
		},
		"context": {
			helios.PatientContext{
				Gender: "male", Extra: map[string]any{"age": 58, "z": json.RawMessage(` {"k" : 1} `)},
			},
			`{"gender":"male","age":58,"z":{"k":1}}`,
		},
		"numbers as given": {
			helios.PatientContext{Extra: map[string]any{
				"a": json.Number("1.50"), "b": json.Number("12345678901234567890123"), "c": 1e2,
			}},
			`{"a":1.50,"b":12345678901234567890123,"c":100}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 5 { // maps are in another order each time
				require.Equal(t, tt.want, encodeJSON(t, tt.value))
			}
		})
	}
}

func TestJSON_OrderOfExtraIsStable(t *testing.T) {
	t.Parallel()
	extra := map[string]any{}
	for i := range 200 {
		extra[strings.Repeat("k", 1+i%7)+string(rune('a'+i%26))+string(rune('a'+i/26))] = i
	}
	first := encodeJSON(t, helios.HealthData{Extra: extra})
	for range 20 {
		require.Equal(t, first, encodeJSON(t, helios.HealthData{Extra: maps.Clone(extra)}))
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

func TestJSON_UnsetFieldsAreNotSent(t *testing.T) {
	t.Parallel()
	lab := []helios.LabResult{{Name: "n", Value: "v"}}
	for want, value := range map[string]any{
		`{}`: helios.HealthData{},
		`{"patientInfo":{},"recentNormalLabs":[{}]}`: helios.HealthData{
			PatientInfo: &helios.PatientInfo{}, RecentNormalLabs: []helios.Lab{{}},
		},
		`{"patientInfo":{"age":0}}`: helios.HealthData{PatientInfo: &helios.PatientInfo{Age: new(0)}},
		`{"pastMedicalHistory":[{}],"medications":[{}],"vitalSigns":[{}]}`: helios.HealthData{
			PastMedicalHistory: []helios.Condition{{}},
			Medications:        []helios.Medication{{}},
			VitalSigns:         []helios.VitalSign{{}},
		},
		`{"agentType":"light","data":{}}`: helios.AgentRequest{
			AgentType: helios.AgentLight, Extra: map[string]any{},
		},
		`{"labResults":[{"name":"n","value":"v"}]}`: helios.LabResultsRequest{LabResults: lab},
		`{"labResults":[{"name":"n","value":"v"}],"patientContext":{}}`: helios.LabResultsRequest{
			LabResults: lab, PatientContext: &helios.PatientContext{},
		},
		`{"gender":"f","conditions":[{}],"medications":[{}]}`: helios.PatientContext{
			Gender: "f", Conditions: []helios.ContextCondition{{}}, Medications: []helios.ContextMedication{{}},
		},
		`{"age":"0"}`: helios.PatientContext{
			Age: "0", Conditions: []helios.ContextCondition{}, Extra: map[string]any{},
		},
		`{"recentAbnormalLabs":[{"value":"7.2"}],"medications":[{"dosage":"1"}]}`: &helios.HealthData{
			RecentAbnormalLabs: []helios.Lab{{Value: "7.2"}}, Medications: []helios.Medication{{Dosage: "1"}},
		},
	} {
		assert.Equal(t, want, encodeJSON(t, value))
	}
}

// brokenMarshaler gives what is no JSON.
type brokenMarshaler struct{}

func (brokenMarshaler) MarshalJSON() ([]byte, error) { return []byte(`{"broken`), nil }

func TestJSON_ProblemsOfExtra(t *testing.T) {
	t.Parallel()
	const (
		secret = "s3cret"
		taken  = "is set both by its field and in Extra"
		broken = "cannot be encoded as JSON"
	)
	type problems map[string]string
	meds := []helios.Medication{{Medication: secret}}
	data := func(extra map[string]any) helios.HealthData { return helios.HealthData{Extra: extra} }
	cyclic := map[string]any{"patient": secret}
	cyclic["self"] = cyclic
	for name, tt := range map[string]struct {
		value any
		want  problems
	}{
		"data.medications": {
			helios.AgentRequest{Data: helios.HealthData{
				Medications: meds, Extra: map[string]any{"medications": secret},
			}},
			problems{"data.medications": taken},
		},
		"data.patientInfo, even if empty": {
			helios.AgentRequest{Data: helios.HealthData{
				PatientInfo: &helios.PatientInfo{}, Extra: map[string]any{"patientInfo": secret},
			}},
			problems{"data.patientInfo": taken},
		},
		"webhookUrl of agent": {
			helios.AgentRequest{WebhookURL: "https://h", Extra: map[string]any{"webhookUrl": secret}},
			problems{"webhookUrl": taken},
		},
		"agentType and data": {
			helios.AgentRequest{
				AgentType: helios.AgentLight, Extra: map[string]any{"agentType": "deep", "data": secret},
			},
			problems{"agentType": taken, "data": taken},
		},
		"webhookUrl of labs": {
			helios.LabResultsRequest{WebhookURL: "https://h", Extra: map[string]any{"webhookUrl": secret}},
			problems{"webhookUrl": taken},
		},
		"labResults": {
			helios.LabResultsRequest{
				LabResults: []helios.LabResult{{}}, Extra: map[string]any{"labResults": secret},
			},
			problems{"labResults": taken},
		},
		"patientContext.age": {
			helios.LabResultsRequest{PatientContext: &helios.PatientContext{
				Age: "58", Extra: map[string]any{"age": 58, "ok": 1},
			}},
			problems{"patientContext.age": taken},
		},
		"patientContext": {
			helios.LabResultsRequest{
				PatientContext: &helios.PatientContext{}, Extra: map[string]any{"patientContext": secret},
			},
			problems{"patientContext": taken},
		},
		"data on its own": {
			helios.HealthData{Medications: meds, Extra: map[string]any{"medications": secret}},
			problems{"medications": taken},
		},
		"in another case": {
			helios.HealthData{Medications: meds, Extra: map[string]any{"Medications": secret}},
			problems{"Medications": taken},
		},
		"context on its own": {
			helios.PatientContext{Age: "58", Extra: map[string]any{"age": secret}}, problems{"age": taken},
		},
		"the same value is a collision, too": {
			helios.PatientContext{Age: "58", Extra: map[string]any{"age": "58"}}, problems{"age": taken},
		},
		"channel": {
			helios.AgentRequest{Data: data(map[string]any{"imaging": make(chan int)})},
			problems{"data.imaging": broken},
		},
		"function": {
			helios.LabResultsRequest{Extra: map[string]any{"f": func() {}}}, problems{"f": broken},
		},
		"NaN within": {
			helios.PatientContext{Extra: map[string]any{"list": []any{secret, math.NaN()}}}, problems{"list": broken},
		},
		"infinity": {data(map[string]any{"x": math.Inf(-1)}), problems{"x": broken}},
		"raw message that is no JSON": {
			data(map[string]any{"x": json.RawMessage(`{"` + secret)}), problems{"x": broken},
		},
		"raw message with more behind": {
			data(map[string]any{"x": json.RawMessage(`1,"` + secret + `":2`)}), problems{"x": broken},
		},
		"marshaler that gives no JSON": {data(map[string]any{"x": brokenMarshaler{}}), problems{"x": broken}},
		"number that is none":          {data(map[string]any{"x": json.Number(secret)}), problems{"x": broken}},
		"cyclic map":                   {data(map[string]any{"x": cyclic}), problems{"x": broken}},
		"all at once": {
			helios.AgentRequest{
				WebhookURL: "https://h", Extra: map[string]any{"webhookUrl": 1, "ok": 1, "c": make(chan int)},
				Data: helios.HealthData{
					Medications: meds, Extra: map[string]any{"medications": 1, "ok": 1, "b": func() {}},
				},
			},
			problems{"data.b": broken, "data.medications": taken, "c": broken, "webhookUrl": taken},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := json.Marshal(tt.value)
			var invalid *helios.ValidationError
			require.ErrorAs(t, err, &invalid)
			got := problems{}
			for _, f := range invalid.Fields {
				got[f.Field] = f.Message
			}
			assert.Equal(t, tt.want, got)
			assert.Len(t, invalid.Fields, len(tt.want), "each once")
			assert.NotContains(t, err.Error(), secret)
		})
	}
}

// TestJSON_NamesOfExtra: a key is named by itself where it looks like the name
// of a field, and else by its position among the sorted keys: it may be data.
func TestJSON_NamesOfExtra(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"imaging": "imaging", "family_history-2": "family_history-2", "X": "X", "7": "7", "azAZ09": "azAZ09",
		strings.Repeat("k", 64): strings.Repeat("k", 64),
		strings.Repeat("k", 65): "<key 1>",
		"":                      "<key 1>",
		"HEALTHDATA BRCA1":      "<key 1>",
		"jane@example.com":      "<key 1>",
		"a.b":                   "<key 1>",
		"Müller":                "<key 1>",
		"a\n":                   "<key 1>",
		"\xff":                  "<key 1>",
	} {
		extra := map[string]any{key: func() {}}
		_, err := json.Marshal(helios.AgentRequest{Data: helios.HealthData{Extra: extra}})
		var invalid *helios.ValidationError
		require.ErrorAs(t, err, &invalid, "%q", key)
		require.Len(t, invalid.Fields, 1)
		assert.Equal(t, "data."+want, invalid.Fields[0].Field, "%q", key)
	}
}

func TestJSON_ProblemsJoinThoseOfTheRequest(t *testing.T) {
	t.Parallel()
	req := labs()
	req.WebhookURL = "http://x.example"
	req.PatientContext = &helios.PatientContext{Age: "1", Extra: map[string]any{"age": 1}}
	assertInvalid(t, labResults(req), "webhookUrl", "patientContext.age")
}

func TestJSON_ExtraIsNotChangedByEncoding(t *testing.T) {
	t.Parallel()
	extra := map[string]any{"b": []any{1}, "a": map[string]any{"k": "v"}}
	_ = encodeJSON(t, helios.AgentRequest{
		AgentType: helios.AgentLight, Extra: extra,
		Data: helios.HealthData{Medications: []helios.Medication{{Medication: "m"}}, Extra: extra},
	})
	assert.Equal(t, map[string]any{"b": []any{1}, "a": map[string]any{"k": "v"}}, extra)
}
