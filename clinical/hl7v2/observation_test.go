package hl7v2_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/hl7v2"
)

func TestValues(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		obx  string // OBX-2 to -6
		want string // the value, or the reason
	}{
		"number":                   {"NM|1^T^L||7.20|%", "7.20 %"},
		"number with sign":         {"NM|1^T^L||-2|mmol/L", "-2 mmol/L"},
		"number with comparator":   {"NM|1^T^L||<0.01|%", "<0.01 %"},
		"text in a number":         {"NM|1^T^L||none found|%", "none found"},
		"numbers":                  {"NM|1^T^L||5~6|%", "5, 6"},
		"number with a comma":      {"NM|1^T^L||7,2|%", "7,2 %"},
		"number with a space":      {"NM|1^T^L||1 200|%", "1 200"},
		"lower case type":          {"nm|1^T^L||5|%", "5 %"},
		"type of a type":           {"CWE^^HL70125|1^T^L||N^Negative^L", "Negative"},
		"structured":               {"SN|1^T^L||^182|mg/dl", "182 mg/dl"},
		"structured, equal":        {"SN|1^T^L||=^0.5|mg/dl", "0.5 mg/dl"},
		"structured, greater":      {"SN|1^T^L||>=^32|mg/dl", ">=32 mg/dl"},
		"structured, range":        {"SN|1^T^L||^1^-^2|mg/dl", "1-2"},
		"structured, below zero":   {"SN|1^T^L||^-2^-^2|mg/dl", "-2 to 2"},
		"structured, ratio":        {"SN|1^T^L||^1^:^128", "1:128"},
		"structured, more ratio":   {"SN|1^T^L||>^1^:^640", ">1:640"},
		"structured, plus":         {"SN|1^T^L||^2^+", "2+"},
		"structured, no caret":     {"SN|1^T^L||182|mg/dl", "182 mg/dl"},
		"structured, as written":   {"SN|1^T^L||<=0.5|mg/dl", "<=0.5 mg/dl"},
		"structured, as a ratio":   {"SN|1^T^L||1:128", "1:128"},
		"structured, as a word":    {"SN|1^T^L||Negative", "Negative"},
		"structured, sign inside":  {"SN|1^T^L||^>32|mg/dl", ">32 mg/dl"},
		"structured, sign twice":   {"SN|1^T^L||<^>32|mg/dl", "cannot be read"},
		"structured, empty":        {"SN|1^T^L||", "has no value"},
		"structured, not equal":    {"SN|1^T^L||<>^5", "cannot be read"},
		"structured, no number":    {"SN|1^T^L||^many", "cannot be read"},
		"structured, bad sign":     {"SN|1^T^L||^5^x^6", "cannot be read"},
		"structured, only a sign":  {"SN|1^T^L||>", "cannot be read"},
		"structured, half a range": {"SN|1^T^L||^5^-", "cannot be read"},
		"structured, comma":        {"SN|1^T^L||^7,2|%", "7,2 %"},
		"structured, two":          {"SN|1^T^L||^5~>^6|mg/dl", "5, >6"},
		"structured, two, one not": {"SN|1^T^L||^5~^many|mg/dl", "cannot be read"},
		"structured, many": {"SN|1^T^L||" + strings.Repeat("^5~", 5000) + "^6|mg/dl",
			"a longer text, not one result"},
		"text":                    {"ST|1^T^L||Negative", "Negative"},
		"text that is a number":   {"ST|1^T^L||7.2|%", "7.2 %"},
		"text with caret":         {"ST|1^T^L||a^b&c", "a^b&c"},
		"texts":                   {"ST|1^T^L||a~b~~c", "a, b, c"},
		"escaped":                 {`ST|1^T^L||A\T\B \F\ C`, "A&B | C"},
		"last line empty":         {`TX|1^T^L||Clear\.br\`, "Clear"},
		"lines":                   {`TX|1^T^L||one\.br\two`, "a longer text, not one result"},
		"repeated lines":          {`TX|1^T^L||one~two`, "a longer text, not one result"},
		"long":                    {"FT|1^T^L||" + strings.Repeat("word ", 50), "a longer text, not one result"},
		"coded":                   {"CE|1^T^L||260373001^Detected^SCT", "Detected"},
		"coded, alternate":        {"CWE|1^T^L||1^^SCT^x^Found^L", "Found"},
		"coded, original":         {"CWE|1^T^L||1^^SCT^^^^^^as written", "as written"},
		"coded, only code":        {"CWE|1^T^L||260373001^^SCT", "260373001"},
		"coded, alternate code":   {"CWE|1^T^L||^^^ABC", "ABC"},
		"coded, several":          {"CWE|1^T^L||1^One^L~2^Two^L", "One, Two"},
		"coded, a number":         {"CE|1^T^L||7.2|%", "7.2 %"},
		"coded, long":             {"CE|1^T^L||" + strings.Repeat("word ", 50), "a longer text, not one result"},
		"range":                   {"NR|1^T^L||1^5|%", "1-5"},
		"ranges":                  {"NR|1^T^L||1^5~7^9|%", "1-5, 7-9"},
		"dates":                   {"DT|1^T^L||20240305~20240306||early", "2024-03-05, 2024-03-06"},
		"date":                    {"DT|1^T^L||20240305||early", "2024-03-05"},
		"date, an answer":         {"DT|1^T^L||20240305", "an order question, not a result"},
		"date and time":           {"TS|1^T^L||202403051358||early", "2024-03-05 13:58"},
		"time":                    {"TM|1^T^L||1358||early", "13:58"},
		"no date":                 {"DT|1^T^L||soon", "cannot be read"},
		"empty date":              {"DT|1^T^L||", "has no value"},
		"no type, number":         {"|1^T^L||7.2|%", "7.2 %"},
		"no type, text":           {"|1^T^L||Negative", "Negative"},
		"no type, coded":          {"|1^T^L||260373001^Detected^SCT", "Detected"},
		"no type, local code":     {"|1^T^L||D^Detected^99LAB", "Detected"},
		"no type, L":              {"|1^T^L||D^Detected^L", "Detected"},
		"no type, an initial":     {"|1^T^L||1001^Lovelace^L", "this type of value is not sent"},
		"no type, a person":       {"|1^T^L||1001^Lovelace^Ada", "this type of value is not sent"},
		"no type, out of place":   {"|1^T^L||^^Detected", "Detected"},
		"text out of its place":   {"ST|1^T^L||^^Detected", "Detected"},
		"coded, out of its place": {"CWE|1^T^L||^^Detected", "Detected"},
		"coded, only a system":    {"CWE|1^T^L||^^SCT", "has no value"},
		"no type, parts":          {"|1^T^L||^application^pdf^Base64^JVBERi0", "this type of value is not sent"},
		"no type, no value":       {"|1^T^L||", "has no value"},
		"document":                {"ED|1^T^L||^application^pdf^Base64^JVBERi0", "this type of value is not sent: ED"},
		"pointer":                 {"RP|1^T^L||http://example.org/scan", "this type of value is not sent: RP"},
		"person":                  {"XPN|1^T^L||Lovelace^Ada", "this type of value is not sent: XPN"},
		"address":                 {"XAD|1^T^L||1 Main St", "this type of value is not sent: XAD"},
		"identifier":              {"CX|1^T^L||1001", "this type of value is not sent: CX"},
		"a type that is none":     {"Lovelace|1^T^L||5", "this type of value is not sent"},
		"null":                    {`ST|1^T^L||""`, "has no value"},
		"blank":                   {`ST|1^T^L||  `, "has no value"},
		"no test":                 {`NM|||5|%`, "has no name"},
		"damaged value":           {"ST|1^T^L||5 üü\xb5g", "has characters that cannot be read"},
		"damaged unit":            {"NM|1^T^L||5|üü\xb5g/l", "has characters that cannot be read"},
		"damaged range":           {"NM|1^T^L||5|g|<9 üü\xb5g", "has characters that cannot be read"},
		"value too large": {"CE|1^T^L||1^" + strings.Repeat("x", 3000) + "^SCT",
			"a longer text, not one result"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			labs, report := read(t, one(test.obx+"||||||F"), hl7v2.Options{})
			if strings.Count(test.obx, "|") >= 5 { // has a range
				labs, report = read(t, one(test.obx+"|||||F"), hl7v2.Options{})
			} else if strings.Count(test.obx, "|") == 3 {
				labs, report = read(t, one(test.obx+"|||||||F"), hl7v2.Options{})
			}
			if len(labs) == 1 {
				assert.Equal(t, test.want, labs[0].Value)
				assert.Zero(t, report.Count(clinical.Preliminary), "the fields are where they should be")
				return
			}
			require.Len(t, report.Issues, 1)
			got := string(report.Issues[0].Reason)
			if report.Issues[0].Detail != "" {
				got += ": " + report.Issues[0].Detail
			}
			assert.Equal(t, test.want, got)
			assert.Equal(t, "message 1, OBX 1", report.Issues[0].Source)
			assert.False(t, report.Issues[0].Sent)
		})
	}
}

func TestNamesUnitsAndRanges(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		obx  string
		want helios.LabResult
	}{
		"text of the code": {"NM|1^One^L^2^Two^L^^^Three||5|a^b|1-9",
			helios.LabResult{Name: "One", Value: "5 a", Unit: "a", ReferenceRange: "1-9 a", Flag: helios.FlagNormal}},
		"alternate text": {"NM|1^^L^2^Two^L^^^Three||5|^b|",
			helios.LabResult{Name: "Two", Value: "5 b", Unit: "b"}},
		"original text": {"NM|1^^LN^^^^^^Three||5|^^^c|",
			helios.LabResult{Name: "Three", Value: "5 c", Unit: "c"}},
		"only a code": {"NM|718-7^^LN||5||", helios.LabResult{Name: "718-7", Value: "5"}},
		"only a text": {"NM|Glucose||5|null|null", helios.LabResult{Name: "Glucose", Value: "5"}},
		"name over two lines": {`NM|1^Glucose\.br\fasting^L||5||`,
			helios.LabResult{Name: "Glucose fasting", Value: "5"}},
		"unit with a power": {"NM|1^T^L||5|10^3/uL|1-9",
			helios.LabResult{Name: "T", Value: "5 10^3/uL", Unit: "10^3/uL", ReferenceRange: "1-9 10^3/uL",
				Flag: helios.FlagNormal}},
		"unit with a power, named": {"NM|1^T^L||5|x10^9/L^L|",
			helios.LabResult{Name: "T", Value: "5 x10^9/L", Unit: "x10^9/L"}},
		"unit by a number": {"NM|1^T^L||5|258797006^mg/dL^SCT|1-9",
			helios.LabResult{Name: "T", Value: "5 mg/dL", Unit: "mg/dL", ReferenceRange: "1-9 mg/dL",
				Flag: helios.FlagNormal}},
		"unit by a local number": {"NM|1^T^L||5|17^mg/dL^L|",
			helios.LabResult{Name: "T", Value: "5 mg/dL", Unit: "mg/dL"}},
		"unit by a local code": {"NM|1^T^L||5|MGDL^mg/dL^L|",
			helios.LabResult{Name: "T", Value: "5 mg/dL", Unit: "mg/dL"}},
		"unit of UCUM": {"NM|1^T^L||5|mg/dL^milligram per deciliter^UCUM|",
			helios.LabResult{Name: "T", Value: "5 mg/dL", Unit: "mg/dL"}},
		"unit of UCUM with a slash": {"NM|1^T^L||5|fL^fL/cell^UCUM|",
			helios.LabResult{Name: "T", Value: "5 fL", Unit: "fL"}},
		"name out of its place": {"NM|^^Glucose||5||", helios.LabResult{Name: "Glucose", Value: "5"}},
		"unit whose code ends in ten": {"NM|1^T^L||5|110^3 g^L|",
			helios.LabResult{Name: "T", Value: "5 3 g", Unit: "3 g"}},
		"ranges": {"NM|1^T^L||5|g|1-9~2-8",
			helios.LabResult{Name: "T", Value: "5 g", Unit: "g", ReferenceRange: "1-9; 2-8"}},
		"range and nothing": {"NM|1^T^L||5|g|1-9~~null",
			helios.LabResult{Name: "T", Value: "5 g", Unit: "g", ReferenceRange: "1-9 g", Flag: helios.FlagNormal}},
		"range, empty parts": {"NM|1^T^L||5|g|^1-4^^",
			helios.LabResult{Name: "T", Value: "5 g", Unit: "g", ReferenceRange: "1-4 g", Flag: helios.FlagHigh}},
		"range of two parts": {"NM|1^T^L||5|g|1^9", helios.LabResult{Name: "T", Value: "5 g", Unit: "g",
			ReferenceRange: "1^9"}},
		"range with powers": {"NM|1^T^L||5|g|10^3-10^4",
			helios.LabResult{Name: "T", Value: "5 g", Unit: "g", ReferenceRange: "10^3-10^4"}},
		"two units": {"NM|1^T^L||90~5.0|mg/dL~mmol/L|",
			helios.LabResult{Name: "T", Value: "90, 5.0", Unit: "mg/dL, mmol/L"}},
		"range of dashes": {"NM|1^T^L||5|g|---", helios.LabResult{Name: "T", Value: "5 g", Unit: "g"}},
		"range of words": {"NM|1^T^L||5|g|see report",
			helios.LabResult{Name: "T", Value: "5 g", Unit: "g", ReferenceRange: "see report"}},
		"range over lines": {`NM|1^T^L||5|g|F 1-2\.br\M 3-4`,
			helios.LabResult{Name: "T", Value: "5 g", Unit: "g", ReferenceRange: "F 1-2 M 3-4"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			labs, _ := read(t, one(test.obx+"||||F"),
				hl7v2.Options{Classify: func(clinical.Test) helios.Flag { return "" }})
			require.Len(t, labs, 1)
			test.want.Date, test.want.Category = "2024-03-05", "Hematology"
			assert.Equal(t, test.want, labs[0])
		})
	}
}

func TestLOINCIsToldToTheCaller(t *testing.T) {
	t.Parallel()
	for obx3, want := range map[string][2]string{
		"718-7^Hb^LN":        {"http://loinc.org", "718-7"},
		"718-7^Hb^LOINC":     {"http://loinc.org", "718-7"},
		"HB^Hb^L^718-7^x^LN": {"http://loinc.org", "718-7"},
		"HB^Hb^99LAB":        {"99LAB", "HB"},
		"HB":                 {"", "HB"},
		"^Hb":                {"", ""},
	} {
		var got clinical.Test
		labs, _ := read(t, one("NM|"+obx3+"||5|g/dL|||||F"),
			hl7v2.Options{Classify: func(test clinical.Test) helios.Flag {
				got = test
				return helios.FlagHigh
			}})
		require.Len(t, labs, 1)
		assert.Equal(t, want, [2]string{got.System, got.Code})
		assert.Equal(t, "5", got.Value)
		assert.Equal(t, "g/dL", got.Unit)
		assert.Equal(t, 58, *got.Age)
		assert.Equal(t, "female", got.Gender)
		assert.Equal(t, helios.FlagHigh, labs[0].Flag)
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		result, order string
		sent          bool
		preliminary   bool
	}{
		{"F", "", true, false}, {"C", "", true, false}, {"c", "", true, false}, {"A", "", true, false}, {"B", "",
			true, false}, {"U", "", true, false}, {"V", "", true, false},
		{"C^Partial results^HL70085", "", true, false},
		{"P", "", true, true}, {"", "", true, true}, {"Z", "", true, true}, {"Lovelace", "", true, true},
		{"D", "F", false, false}, {"I", "F", false, false}, {"N", "F", false, false}, {"O", "F", false, false}, {"R",
			"F", false, false}, {"S", "F", false, false},
		{"W", "F", false, false}, {"X", "F", false, false},
		{"", "F", true, false}, {"", "C", true, false}, {"", "P", true, true}, {"", "X", false, false}, {"", "S",
			true, true},
	} {
		order := strings.TrimSuffix(cbc, "F") + test.order
		in := message(head, ada, order, "OBX|1|NM|1^T^L||5|g|1-9|N|||"+test.result)
		labs, report := read(t, in, hl7v2.Options{})
		assert.Equal(t, test.sent, len(labs) == 1, "%+v", test)
		assert.Equal(t, test.preliminary, report.Count(clinical.Preliminary) == 1, "%+v", test)
		if !test.sent {
			status := test.result
			if status == "" {
				status = test.order
			}
			assert.Equal(t, clinical.Issue{Reason: clinical.StatusNotSent, Source: "message 1, OBX 1",
				Detail: status}, report.Issues[0])
		}
		labs, report = read(t, in, hl7v2.Options{ExcludePreliminary: true})
		assert.Equal(t, test.sent && !test.preliminary, len(labs) == 1, "%+v", test)
		assert.NotContains(t, strings.ToLower(report.String()), "lovelace")
	}
}

func TestVitalSignsAreNoLabResults(t *testing.T) {
	t.Parallel()
	for _, obx3 := range []string{"8867-4^Heart rate^LN", "8480-6^Systolic^LN", "BP^Pressure^L^85354-9^x^LN"} {
		labs, report := read(t, one("NM|"+obx3+"||60|/min|||||F"), hl7v2.Options{})
		assert.Empty(t, labs)
		assert.Equal(t, []clinical.Issue{{Reason: clinical.TypeNotSent, Source: "message 1, OBX 1",
			Detail: "vital-signs"}}, report.Issues)
	}
	for _, obx3 := range []string{"8867-4^Heart rate^L", "2708-6^Oxygen saturation^LN"} {
		labs, _ := read(t, one("NM|"+obx3+"||60|%|||||F"), hl7v2.Options{})
		assert.Len(t, labs, 1)
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for obx8, want := range map[string]struct {
		flag   helios.Flag
		reason clinical.Reason
	}{
		"":                              {helios.FlagNormal, ""},
		"null":                          {helios.FlagNormal, ""},
		"^^^^^^2.7":                     {helios.FlagNormal, ""},
		"H":                             {helios.FlagHigh, clinical.FlagContradicted},
		"^High":                         {helios.FlagHigh, clinical.FlagContradicted},
		"^H":                            {helios.FlagHigh, clinical.FlagContradicted},
		"^^^H^^HL70078":                 {helios.FlagHigh, clinical.FlagContradicted},
		"^^^^^^^^High":                  {helios.FlagHigh, clinical.FlagContradicted},
		"x^High^L":                      {helios.FlagHigh, clinical.FlagContradicted},
		"~~HH":                          {helios.FlagCritical, clinical.DirectionLost},
		"*":                             {helios.FlagNormal, clinical.FlagUnknown},
		"!":                             {"", clinical.FlagUnknown},
		"PH":                            {helios.FlagCritical, clinical.DirectionLost},
		"^see comment":                  {"", clinical.FlagUnknown},
		"^^^^^^^^out of bounds":         {"", clinical.FlagUnknown},
		strings.Repeat("N~", 20) + "N":  {helios.FlagNormal, ""},
		strings.Repeat("A~", 20) + "LL": {helios.FlagCritical, clinical.FlagContradicted},
	} {
		labs, report := read(t, one("NM|1^T^L||5|g|1-9|"+obx8+"|||F"), hl7v2.Options{})
		require.Len(t, labs, 1, obx8)
		assert.Equal(t, want.flag, labs[0].Flag, obx8)
		if want.reason != "" {
			assert.Equal(t, 1, report.Count(want.reason), obx8)
		} else {
			assert.Empty(t, report.Issues, obx8)
		}
	}
}

func TestTextsOfSeveralTimesAreSeveralResults(t *testing.T) {
	t.Parallel()
	obx := func(n int, text, time string) string {
		return fmt.Sprintf("OBX|%d|ST|1^T^L||%s||||||F|||%s", n, text, time)
	}
	for name, test := range map[string]struct {
		in   []string
		want int
	}{
		"two days":          {[]string{obx(1, "Negative", "20240305"), obx(2, "Positive", "20240306")}, 2},
		"two times":         {[]string{obx(1, "Negative", "202403050800"), obx(2, "Positive", "202403051400")}, 2},
		"one time":          {[]string{obx(1, "Seen are", "202403050800"), obx(2, "leukocytes", "202403050800")}, 0},
		"time of the first": {[]string{obx(1, "Seen are", "202403050900"), obx(2, "leukocytes", "")}, 0},
	} {
		labs, report := read(t, message(append([]string{head, ada, cbc}, test.in...)...), hl7v2.Options{})
		assert.Len(t, labs, test.want, name)
		assert.Equal(t, 2-test.want, report.Count(clinical.Narrative), name)
	}
}

// A preliminary text and the final one are no lines of one text.
func TestPreliminaryAndFinalText(t *testing.T) {
	t.Parallel()
	labs, report := read(t, message(head, ada, cbc, "OBX|1|ST|600-7^Blood culture^LN||No growth after 1 day||||||P",
		"OBX|2|ST|600-7^Blood culture^LN||No growth after 2 days||||||F"), hl7v2.Options{})
	require.Len(t, labs, 1)
	assert.Equal(t, "No growth after 2 days", labs[0].Value)
	assert.Equal(t, 1, report.Count(clinical.Replaced))
}

func TestPointOfCare(t *testing.T) {
	t.Parallel()
	for _, section := range []string{"RC", "NRS"} {
		order := "OBR|1|P77^HOSP|F88^LAB|1^Panel^L|||20240305|||||||||||||||||" + section + "|F"
		labs, _ := read(t, message(head, ada, order, "OBX|1|NM|2744-1^pH of Arterial blood^LN||7.4||7.35-7.45||||F"),
			hl7v2.Options{})
		assert.Len(t, labs, 1, section)
	}
}
