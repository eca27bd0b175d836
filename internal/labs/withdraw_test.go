package labs

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/clinical"
)

func TestSet_Withdraw(t *testing.T) {
	t.Parallel()
	result := Result{Source: "message 1, OBX 1", Code: "1", Name: "T", Value: Value{Number: "5"}, Identifier: "F8"}
	for name, test := range map[string]struct {
		withdrawn Result
		left      int
	}{
		"the same":           {Result{Code: "1", Identifier: "F8"}, 0},
		"another test":       {Result{Code: "2", Identifier: "F8"}, 1},
		"another identifier": {Result{Code: "1", Identifier: "F9"}, 1},
		"of something else":  {Result{Code: "1", Of: "E. coli", Identifier: "F8"}, 1},
		"no identifier":      {Result{Code: "1"}, 1},
	} {
		s, report := collect(ForLabResults, Options{}, result)
		s.Withdraw(test.withdrawn)
		assert.Len(t, s.LabResults(Patient{}), test.left, name)
		assert.Equal(t, 1-test.left, report.Count(clinical.StatusNotSent), name)
	}
}

func TestSet_FinalReplacesPreliminary(t *testing.T) {
	t.Parallel()
	preliminary := Result{Source: "1", Code: "1", Name: "T", Value: Value{Number: "5"}, Identifier: "F8", Preliminary: true}
	final := Result{Source: "2", Code: "1", Name: "T", Value: Value{Number: "6"}, Identifier: "F8"}
	for _, order := range [][]Result{{preliminary, final}, {final, preliminary}} {
		s, report := collect(ForLabResults, Options{}, order...)
		results := s.LabResults(Patient{})
		assert.Len(t, results, 1)
		assert.Equal(t, "6", results[0].Value)
		assert.Equal(t, "1", report.Issues[0].Source)
		assert.Equal(t, 1, report.Count(clinical.Replaced))
	}
}
