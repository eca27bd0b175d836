package clinical_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/clinical"
)

func ExampleReport() {
	var report clinical.Report
	report.AddSent("labResults", 12)
	report.Drop(clinical.StatusNotSent, "Observation/17", "cancelled")
	report.Drop(clinical.TypeNotSent, "Procedure/2", "Procedure")
	report.Drop(clinical.TypeNotSent, "Procedure/3", "Procedure")
	report.Note(clinical.NoUnit, "Observation/4", "")
	fmt.Print(&report)
	fmt.Println(report.Count(clinical.TypeNotSent), "of a kind that is not sent")
	// Output:
	// sent
	//   12  labResults
	// not sent
	//    2  this kind is not sent: Procedure          Procedure/2
	//    1  its status says not to use it: cancelled  Observation/17
	// sent with a reservation
	//    1  a number without a unit                   Observation/4
	// 2 of a kind that is not sent
}

func TestReport_Empty(t *testing.T) {
	t.Parallel()
	var report clinical.Report
	assert.Equal(t, "sent: nothing\n", report.String())
	assert.Zero(t, report.Count(clinical.NoName))
	assert.Zero(t, report.Dropped())
}

func TestReport_CountsMoreThanItLists(t *testing.T) {
	t.Parallel()
	var report clinical.Report
	for i := range clinical.MaxIssues + 5 {
		report.Drop(clinical.Duplicate, fmt.Sprintf("Observation/%d", i), "")
	}
	assert.Len(t, report.Issues, clinical.MaxIssues)
	assert.Equal(t, clinical.MaxIssues+5, report.Count(clinical.Duplicate))
	assert.Equal(t, clinical.MaxIssues+5, report.Dropped())
}

func TestReport_Merge(t *testing.T) {
	t.Parallel()
	var a, b clinical.Report
	a.AddSent("vitalSigns", 1)
	a.Drop(clinical.NoName, "Observation/1", "")
	b.AddSent("vitalSigns", 2)
	b.Drop(clinical.NoName, "Observation/2", "")
	b.Note(clinical.NoDate, "Observation/3", "")
	a.Merge(&b)
	a.Merge(nil)
	assert.Equal(t, map[string]int{"vitalSigns": 3}, a.Sent)
	assert.Equal(t, []clinical.Count{
		{Reason: clinical.NoName, N: 2, First: "Observation/1"},
		{Reason: clinical.NoDate, N: 1, First: "Observation/3", Sent: true},
	}, a.Counts())
	assert.Len(t, a.Issues, 3)
	assert.Equal(t, 2, a.Dropped())
}

func TestReport_MergeKeepsTheLimit(t *testing.T) {
	t.Parallel()
	var a, b clinical.Report
	for range clinical.MaxIssues - 1 {
		a.Drop(clinical.NoName, "entry 1", "")
		b.Drop(clinical.NoName, "entry 2", "")
	}
	a.Merge(&b)
	assert.Len(t, a.Issues, clinical.MaxIssues)
	assert.Equal(t, 2*clinical.MaxIssues-2, a.Count(clinical.NoName))
}

func TestReport_JSON(t *testing.T) {
	t.Parallel()
	var report clinical.Report
	report.AddSent("labResults", 1)
	report.Drop(clinical.NoValue, "Observation/1", "")
	assert.Equal(t, report.String(), fmt.Sprint(report), "a copy prints like the report itself")
	b, err := json.Marshal(report)
	require.NoError(t, err)
	assert.JSONEq(t, `{"sent": {"labResults": 1},
		"counts": [{"reason": "has no value", "sent": false, "n": 1, "first": "Observation/1"}],
		"issues": [{"reason": "has no value", "source": "Observation/1", "sent": false}]}`, string(b))
}
