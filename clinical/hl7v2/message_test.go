package hl7v2_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/hl7v2"
)

func TestMessagesThatAreNotRead(t *testing.T) {
	t.Parallel()
	result := message(ada, cbc, `OBX|1|NM|718-7^Hb^LN||10|g/dL|12-16|L|||F`)
	tests := map[string]struct {
		msh  string
		want clinical.Issue
	}{
		"admission":        {`MSH|^~\&|||||||ADT^A01|1`, clinical.Issue{Reason: clinical.TypeNotSent, Detail: "ADT"}},
		"unknown type":     {`MSH|^~\&|||||||LOVELACE|1`, clinical.Issue{Reason: clinical.TypeNotSent}},
		"no separators":    {`MSH||LAB|||||||ORU^R01|1`, clinical.Issue{Reason: clinical.Malformed}},
		"letters separate": {`MSH|ABCD|LAB|||||||ORU^R01|1`, clinical.Issue{Reason: clinical.Malformed}},
		"other characters": {`MSH|^~\&|||||||ORU^R01|1|P|2.5||||||CNS 11643-1992`,
			clinical.Issue{Reason: clinical.Unreadable}},
		"unknown characters": {`MSH|^~\&|||||||ORU^R01|1|P|2.5||||||Lovelace`,
			clinical.Issue{Reason: clinical.Unreadable}},
		"too large": {`MSH|^~\&|||||||ORU^R01|1|` + strings.Repeat("x", 2<<20),
			clinical.Issue{Reason: clinical.Malformed}},
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
	for _, kind := range []string{"ORU", "ORU^R30", "ORU^R01^ORU_R01", "oru^r01", "ORU_R01", "ORF^R04", "OUL^R22",
		"OUL^R23^OUL_R23",
		"OUL^R24", ""} {
		labs, _ := read(t, `MSH|^~\&|||||||`+kind+"\r"+result, hl7v2.Options{})
		assert.Len(t, labs, 1, kind)
	}
}

func TestSegmentsInAnotherOrder(t *testing.T) {
	t.Parallel()
	want, _ := read(t, message(head, ada, cbc, hemoglobin), hl7v2.Options{})
	for name, in := range map[string]string{
		"order before the patient": message(head, cbc, ada, hemoglobin),
		"no patient":               message(head, cbc, hemoglobin),
		"small letters": strings.NewReplacer("PID|", "pid|", "OBR|", "Obr|", "OBX|", "obx|", "MSH|",
			"msh|").Replace(message(head, ada, cbc, hemoglobin)),
	} {
		labs, _ := read(t, in, hl7v2.Options{})
		assert.Equal(t, want, labs, name)
	}
	for name, in := range map[string]string{
		"result before the patient": message(head, cbc, hemoglobin, ada, hemoglobin),
		"of the patient before":     message(head, ada, cbc, hemoglobin, "PID|2||2||B^C", hemoglobin),
	} {
		_, _, err := hl7v2.LabResults(strings.NewReader(in), hl7v2.Options{})
		require.ErrorIs(t, err, hl7v2.ErrMultiplePatients)
		patients, _, err := hl7v2.ByPatient(strings.NewReader(in), hl7v2.Options{})
		require.NoError(t, err)
		require.Len(t, patients, 2, name)
		assert.Equal(t, want, patients[0].Request.LabResults, name)
		assert.Empty(t, patients[1].Request.LabResults[0].Category, "the order is the other's")
	}
}

func TestMessageWithoutAType(t *testing.T) {
	t.Parallel()
	untyped := strings.Replace(head, "ORU^R01^ORU_R01", "", 1)
	labs, report := read(t, message(untyped, ada, cbc, hemoglobin), hl7v2.Options{})
	assert.Len(t, labs, 1)
	assert.Empty(t, report.Issues)

	for name, in := range map[string]string{
		"an admission":              message(untyped, ada, "PV1|1"),
		"an admission and a weight": message(untyped, ada, "PV1|1", hemoglobin),
	} {
		patients, report, err := hl7v2.ByPatient(strings.NewReader(in), hl7v2.Options{})
		require.NoError(t, err)
		assert.Empty(t, patients, name)
		assert.Equal(t, 1, report.Count(clinical.TypeNotSent), name)
	}
}

func TestSpecimenBeforeItsOrders(t *testing.T) {
	t.Parallel()
	oul := strings.Replace(head, "ORU^R01^ORU_R01", "OUL^R22^OUL_R22", 1)
	other := strings.Replace(hemoglobin, "718-7", "1-1", 1)
	labs, report := read(t, message(oul, ada, "SPM|1||||||||||Q", cbc, hemoglobin, cbc, hemoglobin,
		"SPM|2||||||||||P", cbc, other), hl7v2.Options{})
	assert.Len(t, labs, 1)
	assert.Equal(t, 2, report.Count(clinical.QualityControl), "both orders of the first specimen")

	labs, report = read(t, message(oul, ada, "SPM|1||||||||||Q", cbc, hemoglobin)+message(oul, ada, cbc, other),
		hl7v2.Options{})
	assert.Len(t, labs, 1, "it ends with the message")
	assert.Equal(t, 1, report.Count(clinical.QualityControl))
}

func TestInputThatIsCut(t *testing.T) {
	t.Parallel()
	whole := message(head, ada, cbc, "OBX|1|NM|718-7^Hb^LN||104|g/L|120-160|L|||F")
	for name, n := range map[string]int{
		"within the value":  strings.Index(whole, "04|g/L"),
		"behind the value":  strings.Index(whole, "|g/L"),
		"within the range":  strings.Index(whole, "60|L"),
		"before the status": strings.LastIndex(whole, "F\r"),
	} {
		labs, report := read(t, whole[:n], hl7v2.Options{})
		assert.Empty(t, labs, name)
		assert.Equal(t, []clinical.Issue{{Reason: clinical.CutOff, Source: "message 1, OBX 1"}}, report.Issues, name)
	}
	for name, in := range map[string]string{
		"only the end of the line is missing": strings.TrimSuffix(whole, "\r"),
		"the end of a frame":                  strings.TrimSuffix(whole, "\r") + "\x1c",
		"no status, but the next segment":     strings.TrimSuffix(whole, "|||F\r") + "\rNTE|1",
	} {
		labs, _ := read(t, in, hl7v2.Options{})
		assert.Len(t, labs, 1, name)
	}
}

func TestAnimals(t *testing.T) {
	t.Parallel()
	species := func(s string) string { return "PID|1||9001^^^HOSP^MR||Bello||20200101|F" + strings.Repeat("|", 27) + s }
	for _, s := range []string{"DOG", "448771007^Canis lupus subspecies familiaris^SCT", "^Feline"} {
		in := message(head, species(s), cbc, hemoglobin)
		patients, report, err := hl7v2.ByPatient(strings.NewReader(in+message(head, ada, cbc, hemoglobin)),
			hl7v2.Options{})
		require.NoError(t, err)
		require.Len(t, patients, 1, s)
		assert.Equal(t, []int{2}, patients[0].Messages)
		assert.Equal(t, []clinical.Issue{{Reason: clinical.Animal, Source: "message 1, OBX 1"}}, report.Issues)

		_, report, err = hl7v2.LabResults(strings.NewReader(in), hl7v2.Options{})
		assert.ErrorIs(t, err, hl7v2.ErrNoResults)
		assert.Equal(t, 1, report.Count(clinical.Animal))
	}
	in := message(head, species("DOG"), cbc, hemoglobin, ada, hemoglobin)
	labs, _ := read(t, in, hl7v2.Options{})
	require.Len(t, labs, 1, "the next patient of the message")
	assert.Empty(t, labs[0].Category, "whose order is not the animal's")

	for _, s := range []string{"", "HUMAN", "337915000^Homo sapiens^SCT", "^human", "^Homo sapiens (organism)",
		"UNK^Unknown^NULLFL"} {
		labs, _ := read(t, message(head, species(s), cbc, hemoglobin), hl7v2.Options{})
		assert.Len(t, labs, 1, s)
	}
}
