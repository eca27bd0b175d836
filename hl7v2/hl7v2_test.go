package hl7v2_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/hl7v2"
)

const (
	head = `MSH|^~\&|LAB|HOSP|EHR|HOSP|20240305140000||ORU^R01^ORU_R01|42|P|2.5.1`
	ada  = `PID|1||1001^^^HOSP^MR||Lovelace^Ada||19661210|F`
	cbc  = `OBR|1|P77|F88|58410-2^CBC panel^LN|||202403050800|||||||||||||||20240305120000||HM|F`
)

// message makes a message of segments.
func message(segments ...string) string { return strings.Join(segments, "\r") + "\r" }

// one makes a message with one OBX, from its second field on.
func one(obx string) string { return message(head, ada, cbc, "OBX|1|"+obx) }

func read(t *testing.T, in string, opts hl7v2.Options) ([]helios.LabResult, *clinical.Report) {
	t.Helper()
	if opts.ReferenceDate.IsZero() {
		opts.ReferenceDate = referenceDate
	}
	req, report, err := hl7v2.LabResults(strings.NewReader(in), opts)
	require.NotNil(t, report)
	if err != nil {
		require.ErrorIs(t, err, hl7v2.ErrNoResults)
		require.Nil(t, req)
		return nil, report
	}
	assert.Empty(t, req.WebhookURL)
	return req.LabResults, report
}

func TestLabResults(t *testing.T) {
	t.Parallel()
	req, report, err := hl7v2.LabResults(strings.NewReader(message(head, ada, cbc,
		`OBX|1|NM|718-7^Hemoglobin^LN||10.20|g/dL|12.0-16.0|L|||F|||20240305083000-0500`,
		`OBX|2|NM|6690-2^Leukocytes^LN||4.5|10*3/uL|4.0-11.0||||F`,
		`NTE|1||Ada was told`,
	)), hl7v2.Options{ReferenceDate: referenceDate})
	require.NoError(t, err)
	assert.Equal(t, &helios.LabResultsRequest{
		LabResults: []helios.LabResult{
			{Name: "Hemoglobin", Value: "10.20 g/dL", Unit: "g/dL", Flag: helios.FlagLow, ReferenceRange: "12.0-16.0 g/dL", Date: "2024-03-05", Category: "Hematology"},
			{Name: "Leukocytes", Value: "4.5 10*3/uL", Unit: "10*3/uL", Flag: helios.FlagNormal, ReferenceRange: "4.0-11.0 10*3/uL", Date: "2024-03-05",
				Category: "Hematology"},
		},
		PatientContext: &helios.PatientContext{Age: "58", Gender: "female"},
	}, req)
	assert.Equal(t, map[string]int{"labResults": 2}, report.Sent)
	assert.Empty(t, report.Issues)
}

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
		"structured, empty":        {"SN|1^T^L||", "has no value"},
		"structured, not equal":    {"SN|1^T^L||<>^5", "cannot be read"},
		"structured, no number":    {"SN|1^T^L||^many", "cannot be read"},
		"structured, bad sign":     {"SN|1^T^L||^5^x^6", "cannot be read"},
		"structured, only a sign":  {"SN|1^T^L||>", "cannot be read"},
		"structured, half a range": {"SN|1^T^L||^5^-", "cannot be read"},
		"text":                     {"ST|1^T^L||Negative", "Negative"},
		"text that is a number":    {"ST|1^T^L||7.2|%", "7.2 %"},
		"text with caret":          {"ST|1^T^L||a^b&c", "a^b&c"},
		"texts":                    {"ST|1^T^L||a~b~~c", "a, b, c"},
		"escaped":                  {`ST|1^T^L||A\T\B \F\ C`, "A&B | C"},
		"last line empty":          {`TX|1^T^L||Clear\.br\`, "Clear"},
		"lines":                    {`TX|1^T^L||one\.br\two`, "a longer text, not one result"},
		"repeated lines":           {`TX|1^T^L||one~two`, "a longer text, not one result"},
		"long":                     {"FT|1^T^L||" + strings.Repeat("word ", 50), "a longer text, not one result"},
		"coded":                    {"CE|1^T^L||260373001^Detected^SCT", "Detected"},
		"coded, alternate":         {"CWE|1^T^L||1^^SCT^x^Found^L", "Found"},
		"coded, original":          {"CWE|1^T^L||1^^SCT^^^^^^as written", "as written"},
		"coded, only code":         {"CWE|1^T^L||260373001^^SCT", "260373001"},
		"coded, alternate code":    {"CWE|1^T^L||^^^ABC", "ABC"},
		"coded, several":           {"CWE|1^T^L||1^One^L~2^Two^L", "One, Two"},
		"coded, a number":          {"CE|1^T^L||7.2|%", "7.2 %"},
		"coded, long":              {"CE|1^T^L||" + strings.Repeat("word ", 50), "a longer text, not one result"},
		"range":                    {"NR|1^T^L||1^5|%", "1-5"},
		"date":                     {"DT|1^T^L||20240305", "2024-03-05"},
		"date and time":            {"TS|1^T^L||202403051358", "2024-03-05 13:58"},
		"time":                     {"TM|1^T^L||1358", "13:58"},
		"no date":                  {"DT|1^T^L||soon", "cannot be read"},
		"empty date":               {"DT|1^T^L||", "has no value"},
		"no type, number":          {"|1^T^L||7.2|%", "7.2 %"},
		"no type, text":            {"|1^T^L||Negative", "Negative"},
		"no type, parts":           {"|1^T^L||^application^pdf^Base64^JVBERi0", "its kind of value is not sent"},
		"no type, no value":        {"|1^T^L||", "has no value"},
		"document":                 {"ED|1^T^L||^application^pdf^Base64^JVBERi0", "its kind of value is not sent: ED"},
		"pointer":                  {"RP|1^T^L||http://example.org/scan", "its kind of value is not sent: RP"},
		"person":                   {"XPN|1^T^L||Lovelace^Ada", "its kind of value is not sent: XPN"},
		"address":                  {"XAD|1^T^L||1 Main St", "its kind of value is not sent: XAD"},
		"identifier":               {"CX|1^T^L||1001", "its kind of value is not sent: CX"},
		"a type that is none":      {"Lovelace|1^T^L||5", "its kind of value is not sent"},
		"null":                     {`ST|1^T^L||""`, "has no value"},
		"blank":                    {`ST|1^T^L||  `, "has no value"},
		"no test":                  {`NM|||5|%`, "has no name"},
		"damaged value":            {"ST|1^T^L||5 \xb5g", "has characters that cannot be read"},
		"damaged unit":             {"NM|1^T^L||5|\xb5g/l", "has characters that cannot be read"},
		"damaged range":            {"NM|1^T^L||5|g|<9 \xb5g", "has characters that cannot be read"},
		"value too large":          {"CE|1^T^L||1^" + strings.Repeat("x", 3000) + "^SCT", "a longer text, not one result"},
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
		"text of the code":    {"NM|1^One^L^2^Two^L^^^Three||5|a^b|1-9", helios.LabResult{Name: "One", Value: "5 a", Unit: "a", ReferenceRange: "1-9 a"}},
		"alternate text":      {"NM|1^^L^2^Two^L^^^Three||5|^b|", helios.LabResult{Name: "Two", Value: "5 b", Unit: "b"}},
		"original text":       {"NM|1^^LN^^^^^^Three||5|^^^c|", helios.LabResult{Name: "Three", Value: "5 c", Unit: "c"}},
		"only a code":         {"NM|718-7^^LN||5||", helios.LabResult{Name: "718-7", Value: "5"}},
		"only a text":         {"NM|Glucose||5|null|null", helios.LabResult{Name: "Glucose", Value: "5"}},
		"name over two lines": {`NM|1^Glucose\.br\fasting^L||5||`, helios.LabResult{Name: "Glucose fasting", Value: "5"}},
		"range of dashes":     {"NM|1^T^L||5|g|---", helios.LabResult{Name: "T", Value: "5 g", Unit: "g"}},
		"range of words":      {"NM|1^T^L||5|g|see report", helios.LabResult{Name: "T", Value: "5 g", Unit: "g", ReferenceRange: "see report"}},
		"range over lines":    {`NM|1^T^L||5|g|F 1-2\.br\M 3-4`, helios.LabResult{Name: "T", Value: "5 g", Unit: "g", ReferenceRange: "F 1-2 M 3-4"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			labs, _ := read(t, one(test.obx+"||||F"), hl7v2.Options{Classify: func(clinical.Test) helios.Flag { return "" }})
			require.Len(t, labs, 1)
			test.want.Date, test.want.Category, test.want.Flag = "2024-03-05", "Hematology", labs[0].Flag
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
		labs, _ := read(t, one("NM|"+obx3+"||5|g/dL|||||F"), hl7v2.Options{Classify: func(test clinical.Test) helios.Flag {
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
		{"F", "", true, false}, {"C", "", true, false}, {"c", "", true, false}, {"A", "", true, false}, {"B", "", true, false}, {"U", "", true, false}, {"V", "", true, false},
		{"C^Partial results^HL70085", "", true, false},
		{"P", "", true, true}, {"", "", true, true}, {"Z", "", true, true}, {"Lovelace", "", true, true},
		{"D", "F", false, false}, {"I", "F", false, false}, {"N", "F", false, false}, {"O", "F", false, false}, {"R", "F", false, false}, {"S", "F", false, false},
		{"W", "F", false, false}, {"X", "F", false, false},
		{"", "F", true, false}, {"", "C", true, false}, {"", "P", true, true}, {"", "X", false, false}, {"", "S", true, true},
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
			assert.Equal(t, clinical.Issue{Reason: clinical.StatusNotSent, Source: "message 1, OBX 1", Detail: status}, report.Issues[0])
		}
		labs, report = read(t, in, hl7v2.Options{ExcludePreliminary: true})
		assert.Equal(t, test.sent && !test.preliminary, len(labs) == 1, "%+v", test)
		assert.NotContains(t, report.String(), "Lovelace")
	}
}

func TestWhatIsNoResult(t *testing.T) {
	t.Parallel()
	result := `OBX|1|NM|718-7^Hb^LN||10|g/dL|12-16|L|||F|||20240305`
	tests := map[string]struct {
		in   string
		want clinical.Issue
	}{
		"question": {message(head, ada, cbc, `OBX|1|CWE|82810-3^Pregnancy^LN||N^No^L||||||F||||||||||||||||||QST`),
			clinical.Issue{Reason: clinical.OrderQuestion, Detail: "QST"}},
		"supporting information": {message(head, ada, cbc, result+`|||||||||||||||SCI`), clinical.Issue{Reason: clinical.TypeNotSent, Detail: "SCI"}},
		"question that is not marked": {message(head, ada, cbc, `OBX|1|CWE|95419-8^Has symptoms^LN||N^No^L||||||F`),
			clinical.Issue{Reason: clinical.OrderQuestion}},
		"panel of questions": {message(head, ada, `OBR|1|||68991-9^Information^LN`, `OBX|1|ST|X^Accession^L||1-2-3||||||F`),
			clinical.Issue{Reason: clinical.OrderQuestion}},
		"radiology": {message(head, ada, `OBR|1|||1^Chest^L||||||||||||||||||||RAD|F`, result),
			clinical.Issue{Reason: clinical.CategoryNotSent, Detail: "RAD"}},
		"control specimen": {message(head, ada, cbc, result, `SPM|1|||SER||||||| Q`), clinical.Issue{Reason: clinical.QualityControl}},
		"comment":          {message(head, ada, cbc, `OBX|1|ST|8251-1^Comment^LN||short||||||F`), clinical.Issue{Reason: clinical.Narrative}},
		"too large":        {message(head, ada, cbc, `OBX|1|ST|1^T^L||`+strings.Repeat("x", 2<<20)), clinical.Issue{Reason: clinical.TooLarge}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			labs, report := read(t, test.in, hl7v2.Options{})
			assert.Empty(t, labs)
			test.want.Source = "message 1, OBX 1"
			require.NotEmpty(t, report.Issues)
			assert.Equal(t, test.want, report.Issues[0])
		})
	}
	labs, _ := read(t, message(head, ada, cbc, result, `SPM|1|||SER|||||||P`, strings.Replace(cbc, "|1|", "|2|", 1), strings.Replace(result, "718-7", "1", 1), "SPM|2||||||||||C"),
		hl7v2.Options{})
	assert.Len(t, labs, 1, "only the order of the control is left out")
}

func TestManyResultsOfAControl(t *testing.T) {
	t.Parallel()
	segments := []string{head, ada, cbc, "OBX|1|NM|0^Patient^L||5|g||N|||F", "SPM|1||||||||||P", cbc}
	for i := range 100 {
		segments = append(segments, fmt.Sprintf("OBX|%d|NM|%d^Test^L||5|g||N|||F", i+1, i+1))
	}
	labs, report := read(t, message(append(segments, "SPM|2||||||||||Q")...), hl7v2.Options{})
	require.Len(t, labs, 1)
	assert.Equal(t, "Patient", labs[0].Name)
	assert.Equal(t, 100, report.Count(clinical.QualityControl))
}

func TestMessagesThatAreNotRead(t *testing.T) {
	t.Parallel()
	result := message(ada, cbc, `OBX|1|NM|718-7^Hb^LN||10|g/dL|12-16|L|||F`)
	tests := map[string]struct {
		msh  string
		want clinical.Issue
	}{
		"admission":          {`MSH|^~\&|||||||ADT^A01|1`, clinical.Issue{Reason: clinical.TypeNotSent, Detail: "ADT"}},
		"specimen":           {`MSH|^~\&|||||||OUL^R22|1`, clinical.Issue{Reason: clinical.TypeNotSent, Detail: "OUL"}},
		"no type":            {`MSH|^~\&|||||||`, clinical.Issue{Reason: clinical.TypeNotSent}},
		"unknown type":       {`MSH|^~\&|||||||LOVELACE|1`, clinical.Issue{Reason: clinical.TypeNotSent}},
		"no separators":      {`MSH||LAB|||||||ORU^R01|1`, clinical.Issue{Reason: clinical.Malformed}},
		"letters separate":   {`MSH|ABCD|LAB|||||||ORU^R01|1`, clinical.Issue{Reason: clinical.Malformed}},
		"other characters":   {`MSH|^~\&|||||||ORU^R01|1|P|2.5||||||GB 18030-2000`, clinical.Issue{Reason: clinical.Unreadable}},
		"unknown characters": {`MSH|^~\&|||||||ORU^R01|1|P|2.5||||||Lovelace`, clinical.Issue{Reason: clinical.Unreadable}},
		"too large":          {`MSH|^~\&|||||||ORU^R01|1|` + strings.Repeat("x", 2<<20), clinical.Issue{Reason: clinical.Malformed}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.want.Source = "message 1, MSH"
			_, report, err := hl7v2.LabResults(strings.NewReader(test.msh+"\r"+result), hl7v2.Options{})
			assert.ErrorIs(t, err, hl7v2.ErrNoResults)
			assert.Equal(t, []clinical.Issue{test.want}, report.Issues)

			labs, report := read(t, test.msh+"\r"+result+head+"\r"+result, hl7v2.Options{})
			assert.Len(t, labs, 1, "the next message is read")
			assert.Equal(t, test.want, report.Issues[0])
		})
	}
	for _, kind := range []string{"ORU", "ORU^R30", "ORU^R01^ORU_R01", "oru^r01", "ORU_R01"} {
		labs, _ := read(t, `MSH|^~\&|||||||`+kind+"\r"+result, hl7v2.Options{})
		assert.Len(t, labs, 1, kind)
	}
}

func TestNothingToSend(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                            "helios: hl7v2: no lab result to send: the input has no MSH segment",
		`{"resourceType":"Bundle"}`:   "helios: hl7v2: no lab result to send: the input has no MSH segment",
		message(head, ada, cbc):       "helios: hl7v2: no lab result to send",
		message(`MSH|^~\&|||||||ADT`): "helios: hl7v2: no lab result to send: the input has no ORU message with results",
	} {
		req, report, err := hl7v2.LabResults(strings.NewReader(in), hl7v2.Options{})
		require.ErrorIs(t, err, hl7v2.ErrNoResults)
		assert.EqualError(t, err, want)
		assert.Nil(t, req)
		assert.NotNil(t, report)
	}
	_, report, _ := hl7v2.LabResults(strings.NewReader("junk"), hl7v2.Options{})
	assert.Equal(t, []clinical.Issue{{Reason: clinical.Malformed, Source: "before message 1"}}, report.Issues)
}

func TestErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	_, report, err := hl7v2.LabResults(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(one("NM|1^T^L||5")))), hl7v2.Options{})
	assert.ErrorIs(t, err, iotest.ErrTimeout)
	assert.NotNil(t, report)
	_, report, err = hl7v2.ByPatient(iotest.ErrReader(broken), hl7v2.Options{})
	assert.ErrorIs(t, err, broken)
	assert.EqualError(t, err, "helios: hl7v2: the input cannot be read after message 0")
	assert.NotNil(t, report)

	_, _, err = hl7v2.LabResults(strings.NewReader(message(head, "PID|1||"+strings.Repeat("x", 2<<20))), hl7v2.Options{})
	assert.EqualError(t, err, "helios: hl7v2: message 1, PID 1 is larger than 1 MiB")

	for _, call := range []func() error{
		func() error {
			_, _, err := hl7v2.LabResults(strings.NewReader(one("NM|1^T^L||5")), hl7v2.Options{Charset: "Lovelace"})
			return err
		},
		func() error {
			_, _, err := hl7v2.ByPatient(strings.NewReader(one("NM|1^T^L||5")), hl7v2.Options{Charset: "Lovelace"})
			return err
		},
	} {
		assert.EqualError(t, call(), "helios: hl7v2: Options.Charset is not a character set that is read")
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	var segments []string
	for i := range 250 {
		date := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i)
		segments = append(segments, fmt.Sprintf("OBX|%d|NM|%d^Test %d^L||%d.12345|g|||||F|||%s", i, i%50, i%50, i, date.Format("20060102")))
	}
	in := message(head, ada, cbc) + message(segments...)

	labs, report := read(t, in, hl7v2.Options{})
	assert.Len(t, labs, helios.MaxLabResults)
	assert.Equal(t, "2024-09-06", labs[0].Date)
	assert.Equal(t, "2024-02-20", labs[199].Date)
	assert.Equal(t, 50, report.Count(clinical.TooMany))

	labs, report = read(t, in, hl7v2.Options{LatestPerTest: true})
	assert.Len(t, labs, 50)
	assert.Equal(t, 200, report.Count(clinical.NotLatest))

	labs, report = read(t, in, hl7v2.Options{Since: time.Date(2024, 9, 1, 23, 0, 0, 0, time.FixedZone("", 7200))})
	assert.Len(t, labs, 6)
	assert.Equal(t, 244, report.Count(clinical.TooOld))

	labs, _ = read(t, in, hl7v2.Options{RoundDecimals: new(2), Category: func(test clinical.Test) string { return "of " + test.Name }})
	assert.Equal(t, "249.12 g", labs[0].Value)
	assert.Equal(t, "of Test 49", labs[0].Category)
}

func TestCharsetOption(t *testing.T) {
	t.Parallel()
	in := one("NM|1^T^L||5|\xb5g/l|||||F")
	labs, report := read(t, in, hl7v2.Options{})
	assert.Empty(t, labs)
	assert.Equal(t, 1, report.Count(clinical.Unreadable))
	labs, _ = read(t, in, hl7v2.Options{Charset: "8859/1"})
	require.Len(t, labs, 1)
	assert.Equal(t, "µg/l", labs[0].Unit)
	in = strings.Replace(in, "2.5.1", "2.5.1||||||UNICODE UTF-8", 1)
	labs, _ = read(t, in, hl7v2.Options{Charset: "8859/1"})
	assert.Empty(t, labs, "what the message says counts")
	in = strings.Replace(one("NM|1^T \xff^L||5|µg/l|||||F"), "2.5.1", "2.5.1||||||8859/1", 1)
	labs, report = read(t, in, hl7v2.Options{})
	assert.Equal(t, "µg/l", labs[0].Unit)
	assert.Equal(t, 1, report.Count(clinical.CharacterSet), "UTF-8 in a message that declares another")
}
