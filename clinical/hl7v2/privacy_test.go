package hl7v2_test

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/hl7v2"
)

// people is a message that says of people all that it can, with a result whose
// free text is %.
//
//go:embed testdata/people.hl7
var people string

func withText(text string) string {
	return strings.ReplaceAll(strings.Replace(people, "%", text, 1), "\n", "\r")
}

func TestFreeTextThatNamesSomeone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"LOVELACE, A", "seen by Ada", "augusta", "Byron", "Enchantress", "MRN8801", "ssn 9", "EXT555", "ALT777",
		"ACC6601", "DLN5502",
		"12 Ockham Park", "Flat 9", "Horsley", "KT246", "call 7946018", "07700900123", "Babbage",
		"Devonshire St: 5 Devonshire St", "Marylebone", "020-7946-0999",
		"WARD77", "Dr Snow", "Nightingale", "VN3303", "order PLACER1", "FILLER1", "Enid", "0100200", "Ockham Clinic",
		"9 Clinic Rd.", "Guildford", "Collector",
		"Cora", "Interpreter", "told Olga", "Central Labs Ltd", "1 Lab Way", "Labtown", "Director", "SPECPL",
		"SPECFI", "born 19661210",
		"mail a@b.org", "see https://x.org", "see www.x.org", "call (510) 231-1790", "call 651-201-3548",
		"call 651.201.3548", "call +44 20 1234 5678", "123-45-6789",
	} {
		labs, report := read(t, withText(text), hl7v2.Options{})
		assert.Empty(t, labs, text)
		assert.Equal(t, 1, report.Count(clinical.Identifying), text)
	}
	for _, text := range []string{
		"Negative", "Not seen", "adapted", "Snowy", "1:128", "ratio 12-34-56", "5 x 10-3", "2024-03-05",
		"10 000 000 copies", "555", "lab", "see comment", "high",
		"no growth after 48 h", "1.234.567 cells", "3 / 4", "7946", "210000",
	} {
		labs, report := read(t, withText(text), hl7v2.Options{})
		assert.Len(t, labs, 1, text)
		assert.Zero(t, report.Count(clinical.Identifying), text)
	}
}

func TestNothingOfPeopleLeaves(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"Negative", "Lovelace"} {
		in := withText(text)
		patients, rest, err := hl7v2.ByPatient(strings.NewReader(in), hl7v2.Options{ReferenceDate: referenceDate})
		require.NoError(t, err)
		out, err := json.Marshal(struct{ A, B, C, D any }{patients[0].Request, patients[0].Report,
			patients[0].Report.String(), rest})
		require.NoError(t, err)
		for _, s := range personalStrings(strings.ReplaceAll(in, "\r", "\n")) {
			assert.NotContains(t, strings.ToLower(string(out)), strings.ToLower(s))
		}
	}
}

func TestNamesAndRangesAreLookedThroughToo(t *testing.T) {
	t.Parallel()
	labs, report := read(t, message(head, ada, cbc, "OBX|1|NM|Test of Lovelace||5|g|1-9|N|||F"), hl7v2.Options{})
	assert.Empty(t, labs)
	assert.Equal(t, 1, report.Count(clinical.Identifying))
	labs, report = read(t, message(head, ada, cbc, "OBX|1|NM|1^T^L||5|g|as for Lovelace|N|||F"), hl7v2.Options{})
	require.Len(t, labs, 1)
	assert.Empty(t, labs[0].ReferenceRange)
	assert.Equal(t, []clinical.Issue{{Reason: clinical.Identifying, Source: "message 1, OBX 1", Sent: true}},
		report.Issues)
	labs, report = read(t, message(head, ada, cbc, "OBX|1|NM|1^T^L||5|g|"+strings.Repeat("words ", 50)+"|N|||F"),
		hl7v2.Options{})
	require.Len(t, labs, 1)
	assert.Empty(t, labs[0].ReferenceRange)
	assert.Equal(t, 1, report.Count(clinical.Narrative))
	labs, _ = read(t, message(head, ada, "PV1|1||||||1^White^John", cbc, "OBX|1|NM|White cells||5|g||N|||F"),
		hl7v2.Options{})
	assert.Len(t, labs, 1, "a physician's name is looked for in values only")
}

// All texts that are sent are looked through, and how depends on whether
// someone can have typed them.
func TestTextsAreLookedThrough(t *testing.T) {
	t.Parallel()
	const white = "PID|1||20817443^^^H||White^Zoe^Ann||19800616|F|||12 Elm St^^Boston||^^^^^555^9870100"
	for name, test := range map[string]struct{ obx, sent string }{
		"a unit":                            {"NM|1^T^LN||5|mg of White", ""},
		"a unit with a telephone number":    {"NM|1^T^LN||5|mg 0171/1234567", ""},
		"a long unit":                       {"NM|1^T^LN||5|" + strings.Repeat("mg ", 100), ""},
		"units":                             {"NM|1^T^LN||5|10*3 cells/uL", "T 5 10*3 cells/uL"},
		"a value of a terminology":          {"CE|1^T^LN||1^White^SCT", "T White"},
		"a value of an alternate one":       {"CE|1^T^LN||^^^1^White^HL70136", "T White"},
		"a whole name in it":                {"CE|1^T^LN||1^White Zoe^SCT", ""},
		"an identifier in it":               {"CE|1^T^LN||1^see 20817443^SCT", ""},
		"a value of a local system":         {"CE|1^T^LN||1^White^L", ""},
		"one of several of a local system":  {"CE|1^T^LN||1^Yellow^SCT~1^White^99LAB", ""},
		"a value of a system like HL7's":    {"CE|1^T^LN||1^White^HL7ABCD", ""},
		"an original text":                  {"CWE|1^T^LN||^^SCT^^^^^^White", ""},
		"the ends of a range":               {"NR|1^T^LN||White^5", ""},
		"a name of a terminology":           {"NM|6690-2^White blood cells^LN||5|g", "White blood cells 5 g"},
		"a whole name in a terminology's":   {"NM|6690-2^Cells of Zoe White^LN||5|g", "6690-2 5 g"},
		"a name of a local system":          {"NM|WBC^White blood cells^L||5|g", "WBC 5 g"},
		"a name and code of a local system": {"NM|WHITE1 ZOE^White blood cells^L||5|g", ""},
		"a name without a code":             {"NM|White blood cells||5|g", ""},
		"a local name beside LOINC's code":  {"NM|1^White blood cells^L^6690-2^Leukocytes^LN||5|g", "6690-2 5 g"},
		"a long name":                       {"NM|^" + strings.Repeat("long ", 50) + "||5|g", ""},
		"a number that is the patient's":    {"NM|1^T^LN||20817443|g", ""},
		"a telephone number":                {"ST|1^T^LN||5559876543", ""},
		"a number":                          {"ST|1^T^LN||210000", "T 210000"},
		"the same with a unit":              {"NM|1^T^LN||5559876543|/L", "T 5559876543 /L"},
		"a range of digits":                 {"NM|1^T^LN||5|g|20817443", "T 5 g"},
		"a telephone number as a range":     {"NM|1^T^LN||5|g|(555)987-6543", "T 5 g"},
		"a range":                           {"NM|1^T^LN||5|g|150000-400000", "T 5 g 150000-400000 g"},
		"the birth date":                    {"ST|1^T^LN||born 06/16/1980", ""},
		"the birth date as a value":         {"DT|1^T^LN||19800616", ""},
		"a middle name":                     {"ST|1^T^LN||told Ann", ""},
	} {
		labs, report := read(t, message(head, white, cbc, "OBX|1|"+test.obx), hl7v2.Options{})
		sent := ""
		if len(labs) == 1 {
			sent = strings.TrimSpace(labs[0].Name + " " + labs[0].Value + " " + labs[0].ReferenceRange)
		}
		assert.Equal(t, test.sent, sent, name)
		assert.Equal(t, test.sent == "", report.Dropped() == 1, name)
	}
	_, report := read(t, message(head, white, cbc, "OBX|1|NM|WBC^White blood cells^L||5|g||N|||F"), hl7v2.Options{})
	assert.Equal(t, []clinical.Issue{{Reason: clinical.Identifying, Source: "message 1, OBX 1", Sent: true}},
		report.Issues, "what stands in place of a name is reported")
}

// A patient called Rose Iron keeps her iron, and her name stays here.
func TestAPatientCalledIron(t *testing.T) {
	t.Parallel()
	const rose = "PID|1||1001^^^HOSP^MR||Iron^Rose||19661210|F"
	in := message(head, rose, cbc,
		"OBX|1|NM|2498-4^Iron^LN||90|ug/dL|60-170||||F",
		"OBX|2|NM|FE^Iron^L^2498-4^Iron^LN||91|ug/dL|60-170||||F",
		"OBX|3|NM|FE2^Iron of Rose Iron^L||92|ug/dL|60-170||||F",
		"OBX|4|ST|2499-2^Comment on iron^LN||seen with Rose Iron||||||F",
		"OBX|5|CE|2500-7^Supplement^LN||1^Iron^SCT||||||F",
		"OBX|6|CE|2501-5^Iron of Iron, Rose^LN||1^given^SCT||||||F")
	labs, report := read(t, in, hl7v2.Options{})

	var got []string
	for _, lab := range labs {
		got = append(got, lab.Name+": "+lab.Value)
	}
	assert.ElementsMatch(t, []string{"Iron: 90 ug/dL", "2498-4: 91 ug/dL", "FE2: 92 ug/dL", "Supplement: Iron",
		"2501-5: given"}, got)
	assert.Equal(t, 4, report.Count(clinical.Identifying), "three names gave way to their codes, a text is not sent")
	assert.NotContains(t, strings.ToLower(fmt.Sprint(got, report)), "rose")
}

// Names are learned from every segment that tells of people.
func TestPeopleAreLearned(t *testing.T) {
	t.Parallel()
	for _, segment := range []string{
		"PD1|1||Learned Clinic|1^Learned^Iron", "MRG|1||||||Learned^Iron", "GT1|1||Learned^Iron",
		"IN1|1|||||||||||||||Learned^Iron", "CTD|1|Learned^Iron",
		"PRT|1||||1^Learned^Iron", "ROL|1|||1^Learned^Iron", "NK1|1|Learned", "PV1|1||||||1^Learned^Iron",
		"PV1|1||||||1^&&Learned^Iron",
		"ORC|RE|||||||||1^^Learned", "OBR|1|||1^T" + strings.Repeat("|", 28) + "1&Iron&Learned",
	} {
		labs, report := read(t, message(head, ada, segment, cbc, "OBX|1|ST|1^T^L||told learned||||||F", hemoglobin),
			hl7v2.Options{})
		assert.Len(t, labs, 1, segment)
		assert.Equal(t, 1, report.Count(clinical.Identifying), segment)
	}
}

func TestTextSpreadOverResults(t *testing.T) {
	t.Parallel()
	labs, report := read(t, message(head, ada, cbc,
		"OBX|1|TX|1^Report^L||The patient was||||||F",
		"OBX|2|TX|1^Report^L||here||||||F",
		"OBX|3|TX|1^Report^L|2|Another||||||F",
		"OBX|4|NM|1^Report^L|2|5||||||F",
		strings.Replace(cbc, "|1|", "|2|", 1),
		"OBX|1|TX|1^Report^L|2|Negative||||||F",
	), hl7v2.Options{})
	assert.Equal(t, 2, report.Count(clinical.Narrative))
	assert.Len(t, labs, 3)
}

func TestRedact(t *testing.T) {
	t.Parallel()
	redact := func(s string) string {
		assert.NotContains(t, s, "Coded")
		if s == "secret" {
			return " "
		}
		return strings.ReplaceAll(s, "Lovelace", "X")
	}
	labs, report := read(t, message(head, ada, cbc,
		"OBX|1|ST|1^T^L|1|seen by Lovelace|||N|||F",
		"OBX|2|ST|1^T^L|2|seen by Ada|||N|||F",
		"OBX|3|ST|1^T^L|3|secret|||N|||F",
		"OBX|4|NM|of Lovelace|4|5|g||N|||F",
		"OBX|5|NM|secret|5|5|g||N|||F",
		"OBX|6|CE|1^Coded^L|6|1^Coded^L|||N|||F",
		"OBX|7|NM|1^Coded^L|7|7|g|for Lovelace|N|||F",
		"OBX|8|NM|1^Coded^L|8|8|g|secret|N|||F",
	), hl7v2.Options{Redact: redact})
	require.Len(t, labs, 5)
	assert.Equal(t, "for X", labs[1].ReferenceRange)
	assert.Empty(t, labs[2].ReferenceRange)
	labs = append(labs[:1], labs[3:]...)
	assert.Equal(t, "Coded", labs[0].Name)
	assert.Equal(t, "seen by X", labs[1].Value)
	assert.Equal(t, "of X", labs[2].Name)
	assert.Equal(t, 1, report.Count(clinical.Identifying))
	assert.Equal(t, 3, report.Count(clinical.Withheld))
}

func TestTooMuchIsKnownOfPeople(t *testing.T) {
	t.Parallel()
	free := "OBX|1|ST|1^T^L||seen|||N|||F"
	for name, segment := range map[string]string{
		"names":             "NK1|1|" + strings.Repeat("~", 5000),
		"a segment":         "PV1|1|" + strings.Repeat("x", 2<<20),
		"an order":          "OBR|1|" + strings.Repeat("x", 2<<20),
		"a document":        "OBX|1|ED|1^T^L||" + strings.Repeat("x", 2<<20),
		"a result":          "OBX|1|ST|1^T^L||" + strings.Repeat("x", 2<<20),
		"different persons": "NK1|1|" + many(10000),
	} {
		labs, report := read(t, message(head, ada, cbc, segment, free, hemoglobin), hl7v2.Options{})
		if name == "names" {
			assert.Len(t, labs, 2, "empty names are none")
			continue
		}
		assert.Len(t, labs, 1, name)
		assert.Equal(t, 1, report.Count(clinical.Identifying), name)
	}
}

// Whom a document names is looked for in other texts of the message.
func TestPeopleOfADocument(t *testing.T) {
	t.Parallel()
	labs, report := read(t, message(head, ada, cbc,
		"OBX|1|ED|PDF^Report^L||^application^pdf^Base64^QUJD||||||F|||||1^Learned^Iron",
		"OBX|2|ST|1^T^L||told learned||||||F", hemoglobin), hl7v2.Options{})
	assert.Len(t, labs, 1)
	assert.Equal(t, 1, report.Count(clinical.Identifying))
}

// many returns the names of many persons.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "name%x~", i)
	}
	return b.String()
}
