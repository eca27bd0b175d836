package helios_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

func TestJSON_DecodeKeepsUnknownFields(t *testing.T) {
	t.Parallel()
	var r helios.AgentRequest
	require.NoError(t, json.Unmarshal([]byte(`{"agentType":"light","n":12345678901234567890,
		"data":{"genetics":[1.50,{"e":1E2}],"medications":[{"medication":"m"}],"none":null}}`), &r))
	assert.Equal(t, map[string]any{"n": json.Number("12345678901234567890")}, r.Extra)
	assert.Equal(t, map[string]any{
		"genetics": []any{json.Number("1.50"), map[string]any{"e": json.Number("1E2")}}, "none": nil,
	}, r.Data.Extra)
	assert.Equal(t, []helios.Medication{{Medication: "m"}}, r.Data.Medications)

	var labs helios.LabResultsRequest
	require.NoError(t, json.Unmarshal([]byte(`{"labResults":[{"name":"n","value":"v"}],"x":-0.0,
		"patientContext":{"age":"58","smoker":false}}`), &labs))
	assert.Equal(t, map[string]any{"x": json.Number("-0.0")}, labs.Extra)
	assert.Equal(t, map[string]any{"smoker": false}, labs.PatientContext.Extra)
	assert.Equal(t, "58", labs.PatientContext.Age)
}

// TestJSON_DecodeGivesEachKeyOnePlace: encoding/json fills a field whatever the
// case of the key, so such a key is not unknown. Sent from Extra as well, it
// would be there twice.
func TestJSON_DecodeGivesEachKeyOnePlace(t *testing.T) {
	t.Parallel()
	var r helios.AgentRequest
	require.NoError(t, json.Unmarshal([]byte(`{"AGENTTYPE":"deep","WebhookURL":"https://h",
		"data":{"Medications":[{"medication":"m"}],"medication":1}}`), &r))
	assert.Equal(t, helios.AgentDeep, r.AgentType)
	assert.Nil(t, r.Extra)
	assert.Equal(t, map[string]any{"medication": json.Number("1")}, r.Data.Extra)
	assert.Equal(t, `{"webhookUrl":"https://h","agentType":"deep",`+
		`"data":{"medications":[{"medication":"m"}],"medication":1}}`, encodeJSON(t, r))
}

func TestJSON_DecodeReplacesExtra(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `{"medications":[]}`} {
		d := helios.HealthData{Extra: map[string]any{"old": 1}}
		c := helios.PatientContext{Extra: map[string]any{"old": 1}}
		require.NoError(t, json.Unmarshal([]byte(body), &d))
		require.NoError(t, json.Unmarshal([]byte(body), &c))
		assert.Nil(t, d.Extra, "nil, not an empty map")
		assert.Nil(t, c.Extra)
	}

	d := helios.HealthData{Extra: map[string]any{"a": 1}}
	require.NoError(t, json.Unmarshal([]byte(`null`), &d))
	assert.Len(t, d.Extra, 1, "null changes nothing")
}

func TestJSON_DecodeKeepsADash(t *testing.T) {
	t.Parallel()
	var d helios.HealthData
	require.NoError(t, json.Unmarshal([]byte(`{"-":1}`), &d))
	assert.JSONEq(t, `{"-":1}`, encodeJSON(t, d))
}

// TestJSON_DecodeErrors: an error names the place of what cannot be read, and
// not what stands there.
func TestJSON_DecodeErrors(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		``, `{`, `[]`, `1`, `"s3cret"`, `{}{}`, `{"data":1,"labResults":1}`, `{"webhookUrl":1}`,
		`{"data":{"medications":{}},"patientContext":{"age":58}}`,
		`{"data":{"patientInfo":{"age":"s3cret"}},"labResults":[{"name":1}]}`,
		`{"data":{"patientInfo":{"age":1.5}},"patientContext":[]}`,
	} {
		for _, target := range []any{new(helios.AgentRequest), new(helios.LabResultsRequest)} {
			err := json.Unmarshal([]byte(body), target)
			require.Error(t, err, body)
			assert.NotContains(t, err.Error(), "s3cret")
		}
	}
	for _, body := range []string{``, `{} {}`, `{}]`, `[]`} { // called by hand, nobody has checked the JSON before
		assert.Error(t, new(helios.HealthData).UnmarshalJSON([]byte(body)), body)
		assert.Error(t, new(helios.PatientContext).UnmarshalJSON([]byte(body)), body)
	}
	for body, text := range map[string]string{
		`{"agentType":5}`: "agentType: not as documented at byte 14",
		`[]`:              "not as documented at byte 1",
		`{"agentType"`:    "not as documented at byte 12",
	} {
		require.EqualError(t, new(helios.AgentRequest).UnmarshalJSON([]byte(body)), "helios: decode request: "+text)
	}
}

func TestJSON_RoundTrips(t *testing.T) {
	t.Parallel()
	agent, labs := documentedAgentRequest(), documentedLabResultsRequest()
	agent.Extra = map[string]any{
		"priority": 3, "big": json.Number("9007199254740993"),
		"nested": map[string]any{"z": 1.5, "a": []any{"<b>", nil, true}},
	}
	agent.Data.Extra = map[string]any{
		"imaging": []any{map[string]any{"modality": "CT\u2028", "n": 1e21}},
		"empty":   map[string]any{}, "list": []any{},
	}
	agent.Data.PatientInfo.Age = new(0)
	labs.Extra = map[string]any{"locale": "de-DE", "é": "ü", "\U0001F600": 1}
	labs.PatientContext.Extra = map[string]any{"weight": json.Number("70.50"), "null": nil}
	byHand := helios.HealthData{Extra: map[string]any{"medications": []helios.Medication{{Medication: "m"}}}}
	for name, tt := range map[string]struct{ value, one, two any }{
		"AgentRequest":      {agent, new(helios.AgentRequest), new(helios.AgentRequest)},
		"HealthData":        {agent.Data, new(helios.HealthData), new(helios.HealthData)},
		"LabResultsRequest": {labs, new(helios.LabResultsRequest), new(helios.LabResultsRequest)},
		"PatientContext":    {*labs.PatientContext, new(helios.PatientContext), new(helios.PatientContext)},
		"by hand":           {byHand, new(helios.HealthData), new(helios.HealthData)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := encodeJSON(t, tt.value)
			require.NoError(t, json.Unmarshal([]byte(first), tt.one))
			second := encodeJSON(t, tt.one)
			assert.Equal(t, first, second)
			require.NoError(t, json.Unmarshal([]byte(second), tt.two))
			assert.True(t, reflect.DeepEqual(tt.one, tt.two))
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

// isField reports whether encoding/json gives the key to a field.
func isField(t reflect.Type, key string) bool {
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "-" && strings.EqualFold(name, key) {
			return true
		}
	}
	return false
}

// FuzzExtra: whatever decodes encodes again, the same each time, and no key
// without a field is lost or changed.
func FuzzExtra(f *testing.F) {
	for _, seed := range []string{
		documented(f, "agent"), documented(f, "lab-results"), `{}`, `null`, `{"-":1}`,
		`{"data":null,"patientContext":null,"labResults":null}`,
		`{"data":{"medications":[],"imaging":[1.50,1E400,-0]},"x":{"a":"\ud800","\u0000":"<>&"}}`,
		`{"patientContext":{"AGE":"1","b":{}},"LABRESULTS":[{}]}`,
		`{"a":1,"a":2,"data":{"x":1},"data":{"y":2}}`,
		`{"":"","é":[[[[]]]],"agentTYPE":"ſ","ſ":1}`,
		`{"data":{"patientInfo":{"age":0}}}`,
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
		check(t, body, new(helios.AgentRequest), new(helios.AgentRequest), new(helios.AgentRequest))
		check(t, body, new(helios.LabResultsRequest), new(helios.LabResultsRequest), new(helios.LabResultsRequest))
		check(t, body, new(helios.HealthData), new(helios.HealthData), new(helios.HealthData))
		check(t, body, new(helios.PatientContext), new(helios.PatientContext), new(helios.PatientContext))
	})
}
