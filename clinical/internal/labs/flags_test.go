package labs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/clinical"
)

const v3 = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"

func TestJudge(t *testing.T) {
	t.Parallel()
	code := func(codes ...string) []Flag {
		var flags []Flag
		for _, c := range codes {
			flags = append(flags, Flag{System: v3, Code: c})
		}
		return flags
	}
	for _, tc := range []struct {
		flags []Flag
		want  normality
		notes []clinical.Reason
	}{
		{nil, unknown, nil},
		{code("N"), normal, nil},
		{code("H"), high, nil},
		{code("HU"), high, nil},
		{code("HX"), high, nil},
		{code(">"), high, nil},
		{code("L"), low, nil},
		{code("L<"), low, nil},
		{code("HH"), criticalHigh, nil},
		{code("LL"), criticalLow, nil},
		{code("AA"), critical, nil},
		{code("A"), abnormal, nil},
		{code("h"), high, nil},
		{code("A", "H"), high, nil},
		{code("AA", "L"), criticalLow, nil},
		{code("H", "HH"), criticalHigh, nil},
		{code("A", "AA"), critical, nil},
		{code("N", "N"), normal, nil},
		{code("H", "U"), high, nil},
		{code("U"), unknown, nil},
		{code("null"), unknown, nil},
		{code("POS"), unknown, []clinical.Reason{clinical.NotANormality}},
		{code("S"), unknown, []clinical.Reason{clinical.NotANormality}},
		{[]Flag{{System: v3, Code: "POS", Text: "N"}}, unknown, []clinical.Reason{clinical.NotANormality}},
		{code("POS", "A"), abnormal, nil},
		{code("N", "H"), unknown, []clinical.Reason{clinical.SeveralFlags}},
		{code("H", "N", "H"), unknown, []clinical.Reason{clinical.SeveralFlags}},
		{code("H", "L"), abnormal, []clinical.Reason{clinical.SeveralFlags}},
		{code("HH", "L"), critical, []clinical.Reason{clinical.SeveralFlags}},
		{[]Flag{{System: "HL70078", Code: "H"}}, high, nil},
		{[]Flag{{System: "urn:oid:2.16.840.1.113883.5.83", Code: "H"}}, high, nil},
		{[]Flag{{Code: "L"}}, low, nil},
		{[]Flag{{System: "http://example.org/own", Code: "H"}}, unknown, []clinical.Reason{clinical.FlagUnknown}},
		{[]Flag{{System: "http://example.org/own", Code: "99", Text: "High"}}, high, nil},
		{[]Flag{{Text: "Critically high"}}, criticalHigh, nil},
		{[]Flag{{Text: "within normal limits"}}, normal, nil},
		{[]Flag{{Text: "HH"}}, criticalHigh, nil},
		{[]Flag{{Text: "n"}}, normal, nil},
		{[]Flag{{Text: "POS"}}, unknown, []clinical.Reason{clinical.NotANormality}},
		{[]Flag{{Text: "Not detected"}}, unknown, []clinical.Reason{clinical.NotANormality}},
		{[]Flag{{Text: "null"}}, unknown, nil},
		{[]Flag{{Text: "not normal"}}, unknown, []clinical.Reason{clinical.FlagUnknown}},
		{[]Flag{{Text: "high school"}}, unknown, []clinical.Reason{clinical.FlagUnknown}},
		{[]Flag{{Code: "*"}}, unknown, []clinical.Reason{clinical.FlagUnknown}},
		{[]Flag{{Code: "**"}}, unknown, []clinical.Reason{clinical.FlagUnknown}},
		{[]Flag{{Code: "H*"}}, high, nil},
		{[]Flag{{Code: "(H)"}}, high, nil},
		{[]Flag{{Text: "[L]"}}, low, nil},
		{[]Flag{{Code: "H", Text: "*"}}, high, nil},
		{[]Flag{{Code: "Low Panic"}}, criticalLow, nil},
		{[]Flag{{Text: "High Panic"}}, criticalHigh, nil},
		{[]Flag{{System: "http://hl7.org/fhir/ValueSet/observation-interpretation", Code: "H"}}, high, nil},
		{[]Flag{{System: "http://hl7.org/fhir/v2/0078/", Code: "L"}}, low, nil},
		{[]Flag{{System: "urn:oid:2.16.840.1.113883.12.78", Code: "L"}}, low, nil},
		{[]Flag{{System: "http://example.org/own", Code: "H", Text: "H"}}, high, nil},
		{[]Flag{{System: "http://example.org/own", Code: "N", Text: "N"}}, normal, nil},
		{[]Flag{{System: "http://example.org/own", Code: "*", Text: "*"}}, unknown,
			[]clinical.Reason{clinical.FlagUnknown}},
		{[]Flag{{Code: "PH"}}, criticalHigh, nil},
		{[]Flag{{Code: "HIGH"}}, high, nil},
		{[]Flag{{Code: "Normal"}}, normal, nil},
		{[]Flag{{Code: "Critical High"}}, criticalHigh, nil},
		{[]Flag{{Code: "CRIT"}}, critical, nil},
		{[]Flag{{System: "http://example.org/own", Code: "high"}}, unknown, []clinical.Reason{clinical.FlagUnknown}},
		{[]Flag{{System: "HL70078", Code: "N", Text: "Abnormal"}}, unknown, []clinical.Reason{clinical.SeveralFlags}},
		{[]Flag{{System: "HL70078", Code: "A", Text: "High"}}, high, nil},
		{[]Flag{{System: "HL70078", Code: "N", Text: "Normal (applies to non-numeric results)"}}, normal, nil},
		{[]Flag{{Text: "!"}}, unknown, []clinical.Reason{clinical.FlagUnknown}},
		{[]Flag{{System: v3, Code: "N", Text: "Normal"}, {Text: "High"}}, unknown,
			[]clinical.Reason{clinical.SeveralFlags}},
		{[]Flag{{System: v3, Code: "H", Text: "High"}, {Text: "erhöht"}}, high, nil},
		{[]Flag{{System: v3, Code: "POS", Text: "Positive"}, {Text: "positiv"}}, unknown,
			[]clinical.Reason{clinical.NotANormality}},
	} {
		said := judge(tc.flags)
		assert.Equal(t, tc.want, said.is, "%+v", tc.flags)
		assert.Equal(t, tc.notes, said.notes, "%+v", tc.flags)
		assert.False(t, said.isUnusable)
	}
	for _, c := range []string{"QCF", "HM"} {
		assert.True(t, judge(code("N", c)).isUnusable, c)
		assert.True(t, judge([]Flag{{Text: c}}).isUnusable, c)
	}
}

// Every code of HL7's two lists is either one that says how normal a result is,
// or known to say something else, or to say nothing that is sent.
func TestJudge_KnowsEveryCodeOfHL7(t *testing.T) {
	t.Parallel()
	type concept struct {
		Code    string
		Concept []json.RawMessage
	}
	var check func(t *testing.T, raw json.RawMessage)
	check = func(t *testing.T, raw json.RawMessage) {
		var c concept
		require.NoError(t, json.Unmarshal(raw, &c))
		for _, child := range c.Concept {
			check(t, child)
		}
		if len(c.Concept) > 0 && c.Code[0] == '_' || len(c.Code) > 10 {
			return // a group of codes
		}
		_, known := interpretations[strings.ToUpper(c.Code)]
		assert.True(t, known, c.Code)
	}
	for _, name := range []string{"CodeSystem-v3-ObservationInterpretation.json", "CodeSystem-v2-0078.json"} {
		b, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "data", "terminology", name))
		if err != nil {
			require.NotEqual(t, "true", os.Getenv("CI"), "CI needs the terminology")
			t.Skip("HL7's code lists are not here")
		}
		var list struct{ Concept []json.RawMessage }
		require.NoError(t, json.Unmarshal(b, &list))
		require.NotEmpty(t, list.Concept)
		for _, raw := range list.Concept {
			check(t, raw)
		}
	}
}
