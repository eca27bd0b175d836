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
	"github.com/heliosai/helios-go/hl7v2"
)

const hemoglobin = `OBX|1|NM|718-7^Hb^LN||10|g/dL|12-16|L|||F|||20240305`

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
		"on the birthday":         {"A^B||19661210|M", hl7v2.Options{ReferenceDate: now.AddDate(0, 0, 1)}, "58", "male", nil},
		"at the newest result":    {"A^B||19660306|O", hl7v2.Options{}, "57", "other", nil},
		"with time and zone":      {"A^B||196612101200-0500|U", hl7v2.Options{ReferenceDate: now}, "57", "unknown", nil},
		"newborn":                 {"A^B||20240305|A", hl7v2.Options{}, "0", "other", nil},
		"month of birth":          {"A^B||196612|f", hl7v2.Options{ReferenceDate: now}, "57", "female", []clinical.Reason{clinical.AgeApproximate}},
		"year of birth":           {"A^B||1966|F", hl7v2.Options{ReferenceDate: now}, "57", "female", []clinical.Reason{clinical.AgeApproximate}},
		"no birth date":           {"A^B|||F", hl7v2.Options{}, "", "female", []clinical.Reason{clinical.AgeUnknown}},
		"zeros":                   {"A^B||00000000|F", hl7v2.Options{}, "", "female", []clinical.Reason{clinical.AgeUnknown}},
		"born later":              {"A^B||20250101|F", hl7v2.Options{}, "", "female", []clinical.Reason{clinical.AgeUnknown}},
		"too old":                 {"A^B||18000101|F", hl7v2.Options{}, "", "female", []clinical.Reason{clinical.AgeUnknown}},
		"words for a date":        {"A^B||PIDDOB!|F", hl7v2.Options{}, "", "female", []clinical.Reason{clinical.AgeUnknown}},
		"no gender":               {"A^B||19661210|", hl7v2.Options{ReferenceDate: now}, "57", "", []clinical.Reason{clinical.GenderUnknown}},
		"word for a gender":       {"A^B||19661210|Lovelace", hl7v2.Options{ReferenceDate: now}, "57", "", []clinical.Reason{clinical.GenderUnknown}},
		"given":                   {"A^B||19661210|F", hl7v2.Options{Age: new(30), Gender: "male"}, "30", "male", nil},
		"old":                     {"A^B||19200101|F", hl7v2.Options{}, "104", "female", nil},
		"old and capped":          {"A^B||19200101|F", hl7v2.Options{CapAge: true}, "90", "female", []clinical.Reason{clinical.AgeCapped}},
		"not old and capped":      {"A^B||19350101|F", hl7v2.Options{CapAge: true}, "89", "female", nil},
		"given, old and capped":   {"A^B||19350101|F", hl7v2.Options{CapAge: true, Age: new(95)}, "90", "female", []clinical.Reason{clinical.AgeCapped}},
		"dead": {"A^B||19661210|F" + strings.Repeat("|", 21) + "20000101", hl7v2.Options{ReferenceDate: now}, "33", "female",
			[]clinical.Reason{clinical.AgeAtDeath}},
		"dies later": {"A^B||19661210|F" + strings.Repeat("|", 21) + "20300101", hl7v2.Options{ReferenceDate: now}, "57", "female", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, report, err := hl7v2.LabResults(strings.NewReader(message(head, "PID|1||77||"+test.pid, cbc, hemoglobin)), test.opts)
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
	in = message(head, "PID|1||77||A^B||20000101|F", strings.ReplaceAll(cbc, "2024", "x"), strings.ReplaceAll(hemoglobin, "20240305", ""))
	again, report, err := hl7v2.LabResults(strings.NewReader(in), hl7v2.Options{})
	require.NoError(t, err)
	assert.Equal(t, req.PatientContext, again.PatientContext, "without a date it is today too")
	assert.Equal(t, 1, report.Count(clinical.NoDate))
}

func TestOnePatientOrSeveral(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		first, second string // from PID-2 on
		same          bool
	}{
		"the same":                             {"|1^^^A||X^Y||19700101", "|1^^^A||X^Y||19700101", true},
		"same identifier, married":             {"|1^^^A||X^Y||19700101", "|1^^^A||Z^Y||19700101", true},
		"same identifier, time of birth added": {"|1^^^A||X^Y||19700101", "|1^^^A||X^Y||197001011030", true},
		"one more identifier":                  {"|1^^^A||X^Y||19700101", "|5^^^B~1^^^A||X^Y||19700101", true},
		"same identifier, born otherwise":      {"|1^^^A||X^Y||19700101", "|1^^^A||X^Y||19710101", false},
		"identifier of another place":          {"|1^^^A||X^Y||19700101", "|1^^^B||X^Y||19700101", false},
		"other identifier":                     {"|1^^^A||X^Y||19700101", "|2^^^A||X^Y||19700101", false},
		"same identifier, no birth date":       {"|1^^^A||X^Y", "|1^^^A||X^Y", true},
		"same identifier, other name":          {"|1^^^A||X^Y", "|1^^^A||Q^Y", false},
		"only an identifier":                   {"|1^^^A", "|1^^^A", true},
		"no identifier, same name and birth":   {"|||X^Y||19700101", "|||x^y^z||19700101", true},
		"one without identifier":               {"|1^^^A||X^Y||19700101", "|||X^Y||19700101", true},
		"no identifier, other birth":           {"|||X^Y||19700101", "|||X^Y||19700102", false},
		"only a name":                          {"|||X^Y", "|||X^Y", false},
		"only a birth date":                    {"|||||19700101", "|||||19700101", false},
		"nothing":                              {"", "", false},
		"external identifier":                  {"1^^^A|||X^Y||19700101", "1^^^A|||X^Y||19700101", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := message(head, "PID|1|"+test.first, cbc, hemoglobin) + message(head, "PID|1|"+test.second, cbc, strings.Replace(hemoglobin, "718-7", "1-1", 1))
			req, report, err := hl7v2.LabResults(strings.NewReader(in), hl7v2.Options{})
			patients, _, errBatch := hl7v2.ByPatient(strings.NewReader(in), hl7v2.Options{})
			require.NoError(t, errBatch)
			assert.NotNil(t, report)
			if test.same {
				require.NoError(t, err)
				assert.Len(t, req.LabResults, 2)
				require.Len(t, patients, 1)
				assert.Equal(t, []int{1, 2}, patients[0].Messages)
				assert.Equal(t, req, patients[0].Request)
				return
			}
			require.ErrorIs(t, err, hl7v2.ErrMultiplePatients)
			assert.EqualError(t, err, "helios: hl7v2: the messages are not all about one patient: message 2, PID 1 is about another, or does not say that it is not")
			assert.Nil(t, req)
			require.Len(t, patients, 2)
			for i, p := range patients {
				require.NoError(t, p.Err)
				assert.Len(t, p.Request.LabResults, 1)
				assert.Equal(t, []int{i + 1}, p.Messages)
				assert.Equal(t, map[string]int{"labResults": 1}, p.Report.Sent)
			}
		})
	}
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
	assert.Equal(t, []clinical.Issue{{Reason: clinical.TypeNotSent, Source: "message 2, MSH", Detail: "ADT"}}, rest.Issues)
}

func TestGendersThatContradict(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ first, second, want string }{{"F", "M", ""}, {"F", "U", "female"}, {"U", "F", "female"}, {"", "F", "female"}, {"F", "", "female"}} {
		in := message(head, "PID|1||1||A^B||1970|"+test.first, cbc, hemoglobin) + message(head, "PID|1||1||A^B||19700102|"+test.second, cbc, hemoglobin)
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

func TestCorrections(t *testing.T) {
	t.Parallel()
	order := func(id, status, value string) string {
		return message(head, ada, strings.Replace(cbc, "F88", id, 1), "OBX|1|NM|718-7^Hb^LN|1|"+value+"|g/dL|12-16||||"+status+"|||20240305")
	}
	tests := map[string]struct {
		in     string
		want   []string
		reason clinical.Reason
	}{
		"a correction":               {order("F88", "F", "10") + order("F88", "C", "13"), []string{"13 g/dL"}, clinical.Replaced},
		"a correction that is first": {order("F88", "C", "13") + order("F88", "F", "10"), []string{"13 g/dL"}, clinical.Replaced},
		"final after preliminary":    {order("F88", "P", "10") + order("F88", "F", "13"), []string{"13 g/dL"}, clinical.Replaced},
		"preliminary after final":    {order("F88", "F", "13") + order("F88", "P", "10"), []string{"13 g/dL"}, clinical.Replaced},
		"of another order":           {order("F88", "F", "10") + order("F89", "C", "13"), []string{"10 g/dL", "13 g/dL"}, ""},
		"without an order's number":  {strings.ReplaceAll(order("", "F", "10")+order("", "C", "13"), "P77", ""), []string{"10 g/dL", "13 g/dL"}, ""},
		"wrong":                      {order("F88", "F", "10") + order("F88", "W", "10"), nil, clinical.StatusNotSent},
		"deleted":                    {order("F88", "F", "10") + order("F88", "D", ""), nil, clinical.StatusNotSent},
		"deleted, another":           {order("F88", "F", "10") + order("F89", "D", ""), []string{"10 g/dL"}, clinical.StatusNotSent},
		"sent twice":                 {order("F88", "F", "10") + order("F88", "F", "10"), []string{"10 g/dL"}, clinical.Duplicate},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			labs, report := read(t, test.in, hl7v2.Options{})
			var values []string
			for _, lab := range labs {
				values = append(values, lab.Value)
			}
			assert.ElementsMatch(t, test.want, values)
			assert.Equal(t, 2, len(labs)+report.Dropped())
			if test.reason != "" {
				assert.NotZero(t, report.Count(test.reason))
			}
		})
	}
}

func TestResultsOfOneOrderDoNotReplaceEachOther(t *testing.T) {
	t.Parallel()
	labs, _ := read(t, message(head, ada, cbc,
		"OBX|1|ST|600-7^Bacteria^LN||Candida albicans||||||C",
		"OBX|2|ST|600-7^Bacteria^LN|2|Escherichia coli||||||C",
		"OBX|3|CE|600-7^Bacteria^LN||1^Enterococcus^L||||||C",
	), hl7v2.Options{})
	assert.Len(t, labs, 3)
}

func TestSusceptibilityNamesItsOrganism(t *testing.T) {
	t.Parallel()
	labs, report := read(t, message(head, ada,
		"OBR|1||F1|600-7^Culture^LN|||20240305",
		"OBX|1|CWE|600-7^Bacteria^LN|1|1^Candida albicans^SCT||||||F",
		"OBX|2|CWE|600-7^Bacteria^LN|2|2^Escherichia coli^SCT||||||F",
		"OBR|2||F2|50545-3^MIC^LN|||20240305|||||||||||||||||||600-7&Culture&LN^2^E COLI",
		"OBX|1|SN|28-1^Ampicillin^LN||>=^32|ug/mL||R^Resistant^HL70078|||F",
		"OBR|3||F3|50545-3^MIC^LN|||20240305|||||||||||||||||||999-9^1^SOME YEAST",
		"OBX|1|SN|29-9^Fluconazole^LN||^1|ug/mL||S|||F",
		"OBR|4||F4|50545-3^MIC^LN|||20240305|||||||||||||||||||999-9^1^LOVELACE",
		"OBX|1|SN|30-7^Other^LN||^1|ug/mL||S|||F",
	), hl7v2.Options{})
	names := map[string]helios.Flag{}
	for _, lab := range labs {
		names[lab.Name] = lab.Flag
	}
	assert.Contains(t, names, "Ampicillin (Escherichia coli)")
	assert.Contains(t, names, "Fluconazole (SOME YEAST)")
	assert.Empty(t, names["Ampicillin (Escherichia coli)"], "a resistance is not high or low")
	assert.NotContains(t, names, "Other (LOVELACE)")
	assert.Equal(t, 1, report.Count(clinical.Identifying))
}

func TestLatestPerTestIsPerOrganism(t *testing.T) {
	t.Parallel()
	in := message(head, ada)
	for i, organism := range []string{"E COLI", "CANDIDA", "E COLI"} {
		in += message(fmt.Sprintf("OBR|%d||F%d|50545-3^MIC^LN|||2024030%d|||||||||||||||||||600-7^%d^%s", i, i, i+1, i, organism),
			fmt.Sprintf("OBX|1|SN|28-1^Ampicillin^LN||>=^%d|ug/mL|||||F", i))
	}
	labs, report := read(t, in, hl7v2.Options{LatestPerTest: true})
	require.Len(t, labs, 2)
	assert.Equal(t, "Ampicillin (E COLI)", labs[0].Name)
	assert.Equal(t, "Ampicillin (CANDIDA)", labs[1].Name)
	assert.Equal(t, 1, report.Count(clinical.NotLatest))
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
		"observed is no date": {"DATE!", "20240101", "20240102", "2024-01-01", ""},
		"issued":              {"", "", "20240102", "2024-01-02", clinical.DateIssued},
		"month":               {"202403", "", "", "2024-03", clinical.DatePartial},
		"year":                {"2024", "", "", "2024", clinical.DatePartial},
		"none":                {"", "", "", "", clinical.NoDate},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			labs, report := read(t, message(head, ada, "OBR|1||F1|1^T^L|||"+test.collected+strings.Repeat("|", 15)+test.issued,
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
