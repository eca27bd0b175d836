package helios_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

func TestAgentService_Submit_SendsWhatTheContractSays(t *testing.T) {
	t.Parallel()
	server := newRecorder(t, 200, acceptedBody)
	run, err := newClient(t, server.URL).Agent.Submit(t.Context(), &helios.AgentRequest{
		WebhookURL: "http://localhost:8080/hook",
		AgentType:  helios.AgentDeep,
		Data:       helios.HealthData{PatientInfo: &helios.PatientInfo{Age: new(0)}},
	})
	require.NoError(t, err)
	assert.Equal(t, acceptedRun, run.ID)
	assert.Equal(t, "POST", server.method)
	assert.Equal(t, "/api/v1/agent", server.uri)
	assert.JSONEq(t, `{"webhookUrl":"http://localhost:8080/hook","agentType":"deep",
		"data":{"patientInfo":{"age":0}}}`, string(server.body))
}

func TestAgentService_Submit_Invalid(t *testing.T) {
	t.Parallel()
	metformin := []helios.Medication{{Medication: "Metformin"}}
	data := helios.HealthData{Medications: metformin}
	light := func(data helios.HealthData) *helios.AgentRequest {
		return &helios.AgentRequest{AgentType: helios.AgentLight, Data: data}
	}
	for name, tt := range map[string]struct {
		req    *helios.AgentRequest
		fields []string
	}{
		"nil request": {nil, []string{"request"}},
		"all at once": {
			&helios.AgentRequest{WebhookURL: "http://example.com"}, []string{"webhookUrl", "agentType", "data"},
		},
		"another agent type": {&helios.AgentRequest{AgentType: "medium", Data: data}, []string{"agentType"}},
		"empty items are no data": {
			light(helios.HealthData{
				RecentAbnormalLabs: []helios.Lab{{}}, Extra: map[string]any{"imaging": nil},
			}),
			[]string{"data"},
		},
		"empty patient info is no data": {
			light(helios.HealthData{PatientInfo: &helios.PatientInfo{}}), []string{"data"},
		},
		"names and Go fields that are not UTF-8": {
			light(helios.HealthData{Extra: map[string]any{
				"a": map[string]any{"k\xff": 1},
				"b": struct{ Name, Skipped string }{"\xff", ""},
				"c": []byte("\xff"),
			}}),
			[]string{"data.a.<key 1>", "data.b.Name"},
		},
		"a circle": {circle(), []string{"data.circle"}},
		"collisions": {
			&helios.AgentRequest{
				AgentType: helios.AgentLight,
				Data: helios.HealthData{
					Medications: metformin, Extra: map[string]any{"medications": 1, "imaging": func() {}},
				},
				Extra: map[string]any{"agentType": "deep"},
			},
			[]string{"data.imaging", "data.medications", "agentType"},
		},
		"JSON of the caller's own that is not UTF-8": {
			&helios.AgentRequest{
				AgentType: helios.AgentLight, Data: data, Extra: map[string]any{"x": json.RawMessage("\"\xff\"")},
			},
			[]string{"x"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertInvalid(t, agent(tt.req), tt.fields...)
		})
	}
}

// circle is a request that cannot be encoded, and that a careless walk would
// never leave.
func circle() *helios.AgentRequest {
	m := map[string]any{}
	m["a"], m["b"] = m, m
	return &helios.AgentRequest{
		AgentType: helios.AgentLight,
		Data:      helios.HealthData{Extra: map[string]any{"circle": m, "fine": "\ufffd"}},
	}
}

// TestAgentService_Submit_AnyHealthDataIsData: one category is enough, and no
// two of them make nothing.
func TestAgentService_Submit_AnyHealthDataIsData(t *testing.T) {
	t.Parallel()
	fill := []func(*helios.HealthData){
		func(d *helios.HealthData) { d.PatientInfo = &helios.PatientInfo{Gender: "female"} },
		func(d *helios.HealthData) { d.PatientInfo = &helios.PatientInfo{Age: new(0)} },
		func(d *helios.HealthData) { d.RecentAbnormalLabs = []helios.Lab{{Display: "Hemoglobin A1c"}} },
		func(d *helios.HealthData) { d.RecentNormalLabs = []helios.Lab{{Display: "Sodium"}} },
		func(d *helios.HealthData) { d.PastMedicalHistory = []helios.Condition{{Display: "Hypertension"}} },
		func(d *helios.HealthData) { d.Medications = []helios.Medication{{Medication: "Metformin"}} },
		func(d *helios.HealthData) { d.VitalSigns = []helios.VitalSign{{Display: "Blood Pressure"}} },
		func(d *helios.HealthData) { d.Extra = map[string]any{"imaging": "CT"} },
	}
	attempts := 0
	client := newClient(t, "https://api.example", withTransport(answering(&attempts, answer(200, acceptedBody))))
	for i := range fill {
		for j := range fill {
			req := &helios.AgentRequest{AgentType: helios.AgentLight}
			fill[i](&req.Data)
			fill[j](&req.Data)
			_, err := client.Agent.Submit(t.Context(), req)
			require.NoError(t, err, "categories %d and %d", i, j)
		}
	}
}

func TestAgentService_Validate(t *testing.T) {
	t.Parallel()
	client := newClient(t, "https://api.example", sendsNothing(t))
	for name, req := range map[string]*helios.AgentRequest{
		"no record":              nil,
		"a record that is empty": {},
	} {
		var invalid *helios.ValidationError
		require.ErrorAs(t, client.Agent.Validate(req), &invalid, name)
		_, err := client.Agent.Submit(t.Context(), req)
		require.EqualError(t, err, invalid.Error(), "%s: what Submit says", name)
	}

	require.NoError(t, client.Agent.Validate(&helios.AgentRequest{
		AgentType: helios.AgentDeep,
		Data:      helios.HealthData{Extra: map[string]any{"imaging": "CT"}},
	}))
}

// documentedAgentRequest is testdata/agent.json.
func documentedAgentRequest() *helios.AgentRequest {
	return &helios.AgentRequest{
		WebhookURL: "https://your-server.com/webhook/helios",
		AgentType:  helios.AgentLight,
		Data: helios.HealthData{
			PatientInfo: &helios.PatientInfo{Age: new(45), Gender: "male"},
			RecentAbnormalLabs: []helios.Lab{{
				Date: "2025-01-15", Display: "Hemoglobin A1c", Value: "7.2", Unit: "%",
				ReferenceRange: "4.0-5.6", Interpretation: "High",
			}},
			RecentNormalLabs: []helios.Lab{{
				Date: "2025-01-15", Display: "Sodium", Value: "140", Unit: "mEq/L", ReferenceRange: "136-145",
			}},
			PastMedicalHistory: []helios.Condition{{
				Display: "Type 2 Diabetes Mellitus", ClinicalStatus: "active", OnsetDate: "2020-03-15",
			}},
			Medications: []helios.Medication{{
				Medication: "Metformin 500mg", Status: "active", Dosage: "500mg", Frequency: "twice daily",
			}},
			VitalSigns: []helios.VitalSign{{
				Display: "Blood Pressure", Value: "138/88", Unit: "mmHg", Date: "2025-01-15",
			}},
		},
	}
}
