package codes_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
	"github.com/heliosai/helios-go/clinical/hl7v2"
	"github.com/heliosai/helios-go/clinical/internal/codes"
)

// verdict returns why nothing is sent, "" if something is.
func verdict(report *clinical.Report) clinical.Reason {
	for _, issue := range report.Issues {
		if !issue.Sent {
			return issue.Reason
		}
	}
	return ""
}

// viaFHIR converts an Observation with a code of LOINC.
func viaFHIR(code, value string) clinical.Reason {
	_, report, _ := fhir.LabResults(strings.NewReader(fmt.Sprintf(`{
		"resourceType":"Observation","id":"1","status":"final",
		"subject":{"reference":"Patient/1"},"code":{"coding":[{"system":%q,"code":%q,"display":"Test"}]},%s}`,
		codes.LOINC, code, value)), fhir.Options{})
	return verdict(report)
}

// viaHL7 converts an OBX with a code of LOINC.
func viaHL7(code, value string) clinical.Reason {
	_, report, _ := hl7v2.LabResults(strings.NewReader("MSH|^~\\&|L|L|H|H|20250101||ORU^R01|1|P|2.5.1\r"+
		"PID|1||1^^^H^MR\rOBR|1||1|1^Panel^L\rOBX|1|"+value+"|||F\r"), hl7v2.Options{})
	return verdict(report)
}

// The same code is sent, or not sent for the same reason, in either format.
func TestFormatsAgree(t *testing.T) {
	t.Parallel()
	labs := map[string]bool{"2345-7": true, "718-7": true, "2708-6": true, "4548-4": true}
	for _, list := range []map[string]bool{labs, codes.VitalSigns, codes.Questions} {
		for _, code := range slices.Sorted(maps.Keys(list)) {
			inFHIR := viaFHIR(code, `"valueQuantity":{"value":5,"unit":"g/L"},"referenceRange":[{"text":"1-9"}]`)
			inHL7 := viaHL7(code, "NM|"+code+"^Test^LN||5|g/L|1-9|N")
			assert.Equal(t, inHL7, inFHIR, code)
			assert.Equal(t, labs[code], inFHIR == "", code)
		}
	}
	for _, code := range slices.Sorted(maps.Keys(codes.Comments)) {
		inFHIR := viaFHIR(code, `"category":[{"coding":[{"code":"laboratory"}]}],"valueString":"seen again"`)
		inHL7 := viaHL7(code, "TX|"+code+"^Test^LN||seen again|||")
		assert.Equal(t, clinical.Narrative, inFHIR, code)
		assert.Equal(t, inHL7, inFHIR, code)
	}
}
