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
	"github.com/heliosai/helios-go/clinical/hl7v2"
)

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
			{Name: "Hemoglobin", Value: "10.20 g/dL", Unit: "g/dL", Flag: helios.FlagLow,
				ReferenceRange: "12.0-16.0 g/dL", Date: "2024-03-05", Category: "Hematology"},
			{Name: "Leukocytes", Value: "4.5 10*3/uL", Unit: "10*3/uL", Flag: helios.FlagNormal,
				ReferenceRange: "4.0-11.0 10*3/uL", Date: "2024-03-05",
				Category: "Hematology"},
		},
		PatientContext: &helios.PatientContext{Age: "58", Gender: "female"},
	}, req)
	assert.Equal(t, map[string]int{"labResults": 2}, report.Sent)
	assert.Empty(t, report.Issues)
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
		"supporting information": {message(head, ada, cbc, result+`|||||||||||||||SCI`),
			clinical.Issue{Reason: clinical.TypeNotSent, Detail: "SCI"}},
		"question that is not marked": {message(head, ada, cbc, `OBX|1|CWE|95419-8^Has symptoms^LN||N^No^L||||||F`),
			clinical.Issue{Reason: clinical.OrderQuestion}},
		"panel of questions": {message(head, ada, `OBR|1|||68991-9^Information^LN`,
			`OBX|1|ST|X^Accession^L||1-2-3||||||F`),
			clinical.Issue{Reason: clinical.OrderQuestion}},
		"radiology": {message(head, ada, `OBR|1|||1^Chest^L||||||||||||||||||||RAD|F`, result),
			clinical.Issue{Reason: clinical.CategoryNotSent, Detail: "RAD"}},
		"control specimen": {message(head, ada, cbc, result, `SPM|1|||SER||||||| Q`),
			clinical.Issue{Reason: clinical.QualityControl}},
		"comment": {message(head, ada, cbc, `OBX|1|ST|8251-1^Comment^LN||short||||||F`),
			clinical.Issue{Reason: clinical.Narrative}},
		"too large": {message(head, ada, cbc, `OBX|1|ST|1^T^L||`+strings.Repeat("x", 2<<20)),
			clinical.Issue{Reason: clinical.TooLarge}},
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
	labs, _ := read(t, message(head, ada, cbc, result, `SPM|1|||SER|||||||P`, strings.Replace(cbc, "|1|", "|2|", 1),
		strings.Replace(result, "718-7", "1", 1), "SPM|2||||||||||C"),
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

func TestControlsOfOnePatientAreNotAnothers(t *testing.T) {
	t.Parallel()
	in := message(head, ada, hemoglobin, "SPM|1||||||||||Q", "PID|2||2||B^C", hemoglobin)
	patients, _, err := hl7v2.ByPatient(strings.NewReader(in), hl7v2.Options{})
	require.NoError(t, err)
	require.Len(t, patients, 2)
	assert.ErrorIs(t, patients[0].Err, hl7v2.ErrNoResults)
	assert.Len(t, patients[1].Request.LabResults, 1)
}

func TestNothingToSend(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                          "helios: hl7v2: no lab result to send: the input has no MSH segment",
		`{"resourceType":"Bundle"}`: "helios: hl7v2: no lab result to send: the input has no MSH segment",
		message(head, ada, cbc):     "helios: hl7v2: no lab result to send",
		message(`MSH|^~\&|||||||ADT`): "helios: hl7v2: no lab result to send: " +
			"the input has no ORU message with results",
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
	in := iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(one("NM|1^T^L||5"))))
	_, report, err := hl7v2.LabResults(in, hl7v2.Options{})
	assert.ErrorIs(t, err, iotest.ErrTimeout)
	assert.NotNil(t, report)
	_, report, err = hl7v2.ByPatient(iotest.ErrReader(broken), hl7v2.Options{})
	assert.ErrorIs(t, err, broken)
	assert.EqualError(t, err, "helios: hl7v2: the input cannot be read after message 0")
	assert.NotNil(t, report)

	_, _, err = hl7v2.LabResults(strings.NewReader(message(head, "PID|1||"+strings.Repeat("x", 2<<20))),
		hl7v2.Options{})
	assert.EqualError(t, err, "helios: hl7v2: message 1, PID 1 is larger than 1 MiB")

	for want, opts := range map[string]hl7v2.Options{
		"helios: hl7v2: Options.Age is not between 0 and 130":                      {Age: new(-1)},
		"helios: hl7v2: Options.Age is not between 0 and 130 ":                     {Age: new(131)},
		"helios: hl7v2: Options.Gender is none of male, female, other and unknown": {Gender: "F"},
		"helios: hl7v2: Options.RoundDecimals is negative":                         {RoundDecimals: new(-1)},
		"helios: hl7v2: Options.Charset is not a character set that is read":       {Charset: "Lovelace"},
	} {
		req, report, err := hl7v2.LabResults(strings.NewReader(one("NM|1^T^L||5")), opts)
		assert.EqualError(t, err, strings.TrimSpace(want))
		assert.Nil(t, req)
		assert.NotNil(t, report)
		patients, report, err := hl7v2.ByPatient(strings.NewReader(one("NM|1^T^L||5")), opts)
		assert.EqualError(t, err, strings.TrimSpace(want))
		assert.Nil(t, patients)
		assert.NotNil(t, report)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	var segments []string
	for i := range 250 {
		date := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i)
		segments = append(segments, fmt.Sprintf("OBX|%d|NM|%d^Test %d^L||%d.12345|g|||||F|||%s", i, i%50, i%50, i,
			date.Format("20060102")))
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

	labs, _ = read(t, in, hl7v2.Options{RoundDecimals: new(2),
		Category: func(test clinical.Test) string { return "of " + test.Name }})
	assert.Equal(t, "249.12 g", labs[0].Value)
	assert.Equal(t, "of Test 49", labs[0].Category)
}
