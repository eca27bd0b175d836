package helios_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// TestSubmit_AnyHealthDataIsData: one category is enough, and no two of them make nothing.
func TestSubmit_AnyHealthDataIsData(t *testing.T) {
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

// TestValidate: what Submit refuses, Validate refuses with the same words, and it sends nothing.
func TestValidate(t *testing.T) {
	t.Parallel()
	attempts := 0
	client := newClient(t, "https://api.example", withTransport(answering(&attempts, answer(200, acceptedBody))))
	for name, c := range map[string]struct{ submit, validate func() error }{
		"labs without a value": {
			func() error {
				_, err := client.LabResults.Submit(t.Context(), &helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "Sodium"}}})
				return err
			},
			func() error {
				return client.LabResults.Validate(&helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "Sodium"}}})
			},
		},
		"no labs":   {func() error { _, err := client.LabResults.Submit(t.Context(), nil); return err }, func() error { return client.LabResults.Validate(nil) }},
		"no record": {func() error { _, err := client.Agent.Submit(t.Context(), nil); return err }, func() error { return client.Agent.Validate(nil) }},
		"an agent's record that is empty": {
			func() error { _, err := client.Agent.Submit(t.Context(), &helios.AgentRequest{}); return err },
			func() error { return client.Agent.Validate(&helios.AgentRequest{}) },
		},
	} {
		var refused *helios.ValidationError
		require.ErrorAs(t, c.validate(), &refused, name)
		require.EqualError(t, c.submit(), refused.Error(), name)
	}
	require.NoError(t, client.LabResults.Validate(labs()))
	require.NoError(t, client.Agent.Validate(&helios.AgentRequest{AgentType: helios.AgentDeep, Data: helios.HealthData{Extra: map[string]any{"imaging": "CT"}}}))
	require.Zero(t, attempts, "nothing was sent")
	_, err := client.LabResults.Submit(t.Context(), labs())
	require.NoError(t, err)
	require.Equal(t, 1, attempts)
}

func TestClientTellsItsSettings(t *testing.T) {
	t.Parallel()
	client := newClient(t, "https://api.example")
	require.Equal(t, testHook, client.WebhookURL())
	require.False(t, client.ResubmitsOnUnknownOutcome())
	require.True(t, newClient(t, "https://api.example", helios.WithResubmitOnUnknownOutcome()).ResubmitsOnUnknownOutcome())
}
