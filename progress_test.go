package helios_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go"
)

func TestProgress_OfTheDocumentedSteps(t *testing.T) {
	t.Parallel()
	for i, step := range []string{
		"Processing started",
		"Analyzing health data",
		"Selecting relevant elements",
		"Researching medical literature",
		"Generating patient response",
		"Generating clinician response",
		"Finalizing results",
		"Delivering final results",
	} {
		for _, fields := range []string{
			`"status":"processing","step":"%s"`,
			`"status":"processing","currentStep":"%s"`,
			`"status":"processing","stepName":"%s"`,
			`"status":"processing","message":"%s"`,
			`"agent":"light","progress":{"name":"%s"}`,
			`"step":{"title":"%s"}`,
			`"message":"please wait","step":"%s"`,
			`"message":"%s","name":"please wait"`,
			`"data":{"message":"please wait"},"step":"%s"`,
		} {
			got := hookEvent(t, eventOf(fmt.Sprintf(fields, step))).Progress()
			assert.Equal(t, helios.Progress{Step: i + 1, Total: 8, Name: step}, got, fields)
		}

		// The value of status is not documented, so it is no step.
		assert.Zero(t, hookEvent(t, eventOf(`"status":"`+step+`"`)).Progress())
	}
}

func TestProgress_OfOtherShapes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fields string
		want   helios.Progress
	}{
		"flat": {
			`"step":3,"totalSteps":9,"stepName":"Reading"`,
			helios.Progress{Step: 3, Total: 9, Name: "Reading"}},
		"flat, other names": {
			`"stepNumber":3,"stepCount":9,"title":"Reading"`,
			helios.Progress{Step: 3, Total: 9, Name: "Reading"}},
		"in progress": {
			`"progress":{"current":2,"total":5,"name":"Reading"}`,
			helios.Progress{Step: 2, Total: 5, Name: "Reading"}},
		"in currentStep": {
			`"currentStep":{"number":4,"of":6,"title":"Reading"}`,
			helios.Progress{Step: 4, Total: 6, Name: "Reading"}},
		"in step, total above": {
			`"step":{"index":4,"label":"Reading"},"totalSteps":6`,
			helios.Progress{Step: 4, Total: 6, Name: "Reading"}},
		"in data": {`"data":{"step":1,"totalSteps":2}`, helios.Progress{Step: 1, Total: 2}},
		"a name in data is not taken": {
			`"data":{"name":"Jane Doe","label":"Jane Doe","step":2}`,
			helios.Progress{Step: 2}},
		"free text is not taken": {
			`"message":"Analyzing Jane Doe","description":"Jane Doe","step":{"message":"Jane Doe"}`,
			helios.Progress{}},
		"numbers as strings": {`"step":"3","totalSteps":"9"`, helios.Progress{Step: 3, Total: 9}},
		"a documented name of another run": {
			`"agent":"deep","step":"Finalizing results"`,
			helios.Progress{Name: "Finalizing results"}},
		"a documented name with its number": {
			`"step":5,"message":"Generating patient response"`,
			helios.Progress{Step: 5, Total: 8, Name: "Generating patient response"}},
		"name alone, unknown": {`"title":"Comparing guidelines"`, helios.Progress{Name: "Comparing guidelines"}},
		"a documented name, in lower case": {
			`"message":"finalizing results"`,
			helios.Progress{Step: 7, Total: 8, Name: "finalizing results"}},
		"of several names, a documented one": {
			`"agent":"deep","stepName":"Reading","step":"Comparing","label":"Finalizing results"`,
			helios.Progress{Name: "Finalizing results"}},
		"of several names, a documented one that comes first": {
			`"agent":"deep","stepName":"Finalizing results","step":"Processing started","label":"Reading"`,
			helios.Progress{Name: "Finalizing results"}},
		"of several names, none documented": {
			`"stepName":"","title":"Reading","label":"Comparing"`,
			helios.Progress{Name: "Reading"}},
		"numbers of the event win": {
			`"step":2,"totalSteps":4,"message":"Finalizing results"`,
			helios.Progress{Step: 2, Total: 4, Name: "Finalizing results"}},
		"step alone": {`"step":2`, helios.Progress{Step: 2}},
		"the most":   {`"step":1000,"totalSteps":1000`, helios.Progress{Step: 1000, Total: 1000}},
		"zero, negative, huge": {
			`"step":0,"currentStep":-1,"stepNumber":1e300,"totalSteps":1001`,
			helios.Progress{}},
		"nothing": {`"status":"processing"`, helios.Progress{}},
		"fields of other types": {
			`"step":true,"message":["a"],"progress":40.5,"data":"x","totalSteps":"eight","name":null`,
			helios.Progress{}},
		"two levels below is not looked at": {`"data":{"inner":{"step":3}}`, helios.Progress{}},
		"completed": {
			`"status":"completed","step":8,"totalSteps":8,"stepName":"Delivering final results"`,
			helios.Progress{}},
		"error": {`"status":"error","step":3,"message":"Selecting relevant elements"`, helios.Progress{}},
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
