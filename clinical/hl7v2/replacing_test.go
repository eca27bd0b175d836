package hl7v2_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/hl7v2"
)

// rows are the names and values that are sent, sorted by neither.
func rows(t *testing.T, in string) (rows []string, report *clinical.Report) {
	t.Helper()
	labs, report := read(t, in, hl7v2.Options{})
	for _, lab := range labs {
		rows = append(rows, lab.Name+": "+lab.Value)
	}
	assert.Equal(t, strings.Count(in, "OBX|"), len(rows)+report.Dropped())
	return rows, report
}

func TestWhichTestIsCorrected(t *testing.T) {
	t.Parallel()
	const (
		fasting = "OBX|1|NM|GLU0^Glucose fasting^L^2345-7^Glucose^LN||90|mg/dL|||||"
		later   = "OBX|2|NM|GLU2^Glucose 2h^L^2345-7^Glucose^LN||180|mg/dL|||||"
	)
	tests := map[string]struct {
		in       string
		want     []string
		replaced int
	}{
		"another of one LOINC": {message(head, ada, cbc, fasting+"F", later+"C"), []string{"Glucose fasting: 90 mg/dL", "Glucose 2h: 180 mg/dL"}, 0},
		"LOINC in one message": {message(head, ada, cbc, "OBX|1|NM|HGB^Hb^L||10|g/dL|||||F") +
			message(head, ada, cbc, "OBX|1|NM|HGB^Hb^L^718-7^Hemoglobin^LN||13|g/dL|||||C"), []string{"Hb: 13 g/dL"}, 1},
		"only an alternate code": {message(head, ada, cbc, "OBX|1|NM|^^^HGB^Hb^L||10|g/dL|||||F", "OBX|2|NM|^^^HGB^Hb^L||13|g/dL|||||C"), []string{"Hb: 13 g/dL"}, 1},
		"only texts": {message(head, ada, cbc, "OBX|1|NM|^Hb||10|g/dL|||||F", "OBX|2|NM|^Hct||40|%|||||F", "OBX|3|NM|^Hb||13|g/dL|||||C"),
			[]string{"Hb: 13 g/dL", "Hct: 40 %"}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, report := rows(t, test.in)
			assert.ElementsMatch(t, test.want, got)
			assert.Equal(t, test.replaced, report.Count(clinical.Replaced))
		})
	}
}
