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
