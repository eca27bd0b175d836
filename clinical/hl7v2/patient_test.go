package hl7v2_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/hl7v2"
)

func TestAgeAndGender(t *testing.T) {
	t.Parallel()
	now := time.Date(2024, 12, 9, 23, 30, 0, 0, time.FixedZone("", -5*3600))
	tests := map[string]struct {
		pid         string // from PID-5 on
		opts        hl7v2.Options
		age, gender string
		issues      []clinical.Reason
	}{
		"day before the birthday": {"A^B||19661210|F", hl7v2.Options{ReferenceDate: now}, "57", "female", nil},
		"on the birthday": {"A^B||19661210|M", hl7v2.Options{ReferenceDate: now.AddDate(0, 0, 1)}, "58",
			"male", nil},
		"at the newest result": {"A^B||19660306|O", hl7v2.Options{}, "57", "other", nil},
		"with time and zone": {"A^B||196612101200-0500|U", hl7v2.Options{ReferenceDate: now}, "57", "unknown",
			nil},
		"newborn": {"A^B||20240305|A", hl7v2.Options{}, "0", "other", nil},
		"month of birth": {"A^B||196612|f", hl7v2.Options{ReferenceDate: now}, "57", "female",
			[]clinical.Reason{clinical.AgeApproximate}},
		"year of birth": {"A^B||1966|F", hl7v2.Options{ReferenceDate: now}, "57", "female",
			[]clinical.Reason{clinical.AgeApproximate}},
		"no birth date": {"A^B|||F", hl7v2.Options{}, "", "female", []clinical.Reason{clinical.AgeUnknown}},
		"zeros": {"A^B||00000000|F", hl7v2.Options{}, "", "female",
			[]clinical.Reason{clinical.AgeUnknown}},
		"born later": {"A^B||20250101|F", hl7v2.Options{}, "", "female",
			[]clinical.Reason{clinical.AgeUnknown}},
		"too old": {"A^B||18000101|F", hl7v2.Options{}, "", "female",
			[]clinical.Reason{clinical.AgeUnknown}},
		"words for a date": {"A^B||PIDDOB!|F", hl7v2.Options{}, "", "female",
			[]clinical.Reason{clinical.AgeUnknown}},
		"no gender": {"A^B||19661210|", hl7v2.Options{ReferenceDate: now}, "57", "",
			[]clinical.Reason{clinical.GenderUnknown}},
		"word for a gender": {"A^B||19661210|Lovelace", hl7v2.Options{ReferenceDate: now}, "57", "",
			[]clinical.Reason{clinical.GenderUnknown}},
		"given": {"A^B||19661210|F", hl7v2.Options{Age: new(30), Gender: "male"}, "30", "male", nil},
		"old":   {"A^B||19200101|F", hl7v2.Options{}, "104", "female", nil},
		"old and capped": {"A^B||19200101|F", hl7v2.Options{CapAge: true}, "90", "female",
			[]clinical.Reason{clinical.AgeCapped}},
		"not old and capped": {"A^B||19350101|F", hl7v2.Options{CapAge: true}, "89", "female", nil},
		"given, old and capped": {"A^B||19350101|F", hl7v2.Options{CapAge: true, Age: new(95)}, "90", "female",
			[]clinical.Reason{clinical.AgeCapped}},
		"dead": {"A^B||19661210|F" + strings.Repeat("|", 21) + "20000101", hl7v2.Options{ReferenceDate: now}, "33",
			"female",
			[]clinical.Reason{clinical.AgeAtDeath}},
		"dies later": {"A^B||19661210|F" + strings.Repeat("|", 21) + "20300101", hl7v2.Options{ReferenceDate: now},
			"57", "female", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, report, err := hl7v2.LabResults(strings.NewReader(message(head, "PID|1||77||"+test.pid, cbc,
				hemoglobin)), test.opts)
			require.NoError(t, err)
			want := &helios.PatientContext{Age: test.age, Gender: test.gender}
			assert.Equal(t, want, req.PatientContext)
			var reasons []clinical.Reason
			for _, issue := range report.Issues {
				assert.Equal(t, "message 1, PID 1", issue.Source)
				reasons = append(reasons, issue.Reason)
			}
			assert.Equal(t, test.issues, reasons)
		})
	}
}

func TestNothingIsKnownOfThePatient(t *testing.T) {
	t.Parallel()
	req, report, err := hl7v2.LabResults(strings.NewReader(message(head, cbc, hemoglobin)), hl7v2.Options{})
	require.NoError(t, err)
	assert.Nil(t, req.PatientContext)
	assert.Equal(t, "message 1, MSH", report.Issues[0].Source)
}

func TestReferenceDateIsNotInTheFuture(t *testing.T) {
	t.Parallel()
	in := message(head, "PID|1||77||A^B||20000101|F", cbc, strings.ReplaceAll(hemoglobin, "20240305", "20990101"))
	req, _, err := hl7v2.LabResults(strings.NewReader(in), hl7v2.Options{})
	require.NoError(t, err)
	assert.NotEqual(t, "99", req.PatientContext.Age)
	in = message(head, "PID|1||77||A^B||20000101|F", strings.ReplaceAll(cbc, "2024", "x"),
		strings.ReplaceAll(hemoglobin, "20240305", ""))
	again, report, err := hl7v2.LabResults(strings.NewReader(in), hl7v2.Options{})
	require.NoError(t, err)
	assert.Equal(t, req.PatientContext, again.PatientContext, "without a date it is today too")
	assert.Equal(t, 1, report.Count(clinical.DateUnreadable))
}

func TestSeveralPatientsInOneMessage(t *testing.T) {
	t.Parallel()
	in := message(head, ada, cbc, hemoglobin, "PID|2||2002||Hopper^Grace||19061209|F", cbc, hemoglobin, hemoglobin)
	_, _, err := hl7v2.LabResults(strings.NewReader(in), hl7v2.Options{})
	assert.ErrorIs(t, err, hl7v2.ErrMultiplePatients)
	patients, rest, err := hl7v2.ByPatient(strings.NewReader(in+message(`MSH|^~\&|||||||ADT^A08`)), hl7v2.Options{})
	require.NoError(t, err)
	require.Len(t, patients, 2)
	assert.Equal(t, 1, patients[1].Report.Count(clinical.Duplicate))
	assert.Equal(t, "message 1, OBX 3", patients[1].Report.Issues[0].Source)
	assert.Equal(t, []clinical.Issue{{Reason: clinical.TypeNotSent, Source: "message 2, MSH", Detail: "ADT"}},
		rest.Issues)
}

func TestGendersThatContradict(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ first, second, want string }{{"F", "M", ""}, {"F", "U", "female"},
		{"U", "F", "female"}, {"", "F", "female"}, {"F", "", "female"}} {
		in := message(head, "PID|1||1||A^B||1970|"+test.first, cbc, hemoglobin) +
			message(head, "PID|1||1||A^B||19700102|"+test.second, cbc, hemoglobin)
		req, _, err := hl7v2.LabResults(strings.NewReader(in), hl7v2.Options{})
		if err != nil { // 1970 and 19700102 are not the same birth date
			require.ErrorIs(t, err, hl7v2.ErrMultiplePatients)
			in = strings.ReplaceAll(in, "||1970|", "||19700102|")
			req, _, err = hl7v2.LabResults(strings.NewReader(in), hl7v2.Options{})
		}
		require.NoError(t, err)
		assert.Equal(t, test.want, req.PatientContext.Gender, "%+v", test)
	}
}

func TestTooManyPatients(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 10_001 {
		fmt.Fprintf(&b, "MSH|^~\\&|||||||ORU\rPID|1||%d\r", i)
	}
	patients, report, err := hl7v2.ByPatient(strings.NewReader(b.String()), hl7v2.Options{})
	assert.EqualError(t, err, "helios: hl7v2: message 10001, PID 1 is about more than 10000 patients")
	assert.Nil(t, patients)
	assert.NotNil(t, report)
}

func TestDates(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		observed, collected, issued string
		want                        string
		reason                      clinical.Reason
	}{
		"observed":            {"20240305233000-0500", "20240101", "20240102", "2024-03-05", ""},
		"collected":           {"", "20240101", "20240102", "2024-01-01", ""},
		"observed is no date": {"DATE!", "20240101", "20240102", "2024-01-01", clinical.DateUnreadable},
		"observed is zero":    {"00000000", "20240101", "20240102", "2024-01-01", ""},
		"observed is null":    {`""`, "20240101", "20240102", "2024-01-01", ""},
		"collected is none":   {"", "01/01/2024", "20240102", "2024-01-02", clinical.DateUnreadable},
		"issued":              {"", "", "20240102", "2024-01-02", clinical.DateIssued},
		"month":               {"202403", "", "", "2024-03", clinical.DatePartial},
		"year":                {"2024", "", "", "2024", clinical.DatePartial},
		"none":                {"", "", "", "", clinical.NoDate},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			labs, report := read(t, message(head, ada, "OBR|1||F1|1^T^L|||"+test.collected+strings.Repeat("|",
				15)+test.issued,
				"OBX|1|NM|1^T^L||5|g|1-9|N|||F|||"+test.observed), hl7v2.Options{})
			require.Len(t, labs, 1)
			assert.Equal(t, test.want, labs[0].Date)
			if test.reason == "" {
				assert.Empty(t, report.Issues)
			} else {
				assert.Equal(t, 1, report.Count(test.reason))
			}
		})
	}
}
