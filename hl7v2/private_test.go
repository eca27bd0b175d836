package hl7v2_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/hl7v2"
)

// people is a message that says of people all that it can, with a result whose free text is %.
const people = `MSH|^~\&|LAB|HOSP|||20240305||ORU^R01|CTRL4711|P|2.5.1
PID|1|EXT555|MRN8801^^^HOSP~SSN-9^^^US|ALT777|Lovelace^Ada^Augusta|Byron|19661210|F|Countess^Enchantress||12 Ockham Park^Flat 9^Horsley^^KT246^UK||^PRN^PH^^44^20^7946018|07700900123||||ACC6601||DLN5502
NK1|1|Babbage^Charles||5 Devonshire St^^Marylebone||020 7946 0999
PV1|1|I|WARD77||||D100^Snow^John|D101^Nightingale^Florence|||||||||||VN3303
ORC|RE|PLACER1|FILLER1|||||||E9^Clerk^Enid||D100^Snow^John||^^^^^555^0100200|||||||Ockham Clinic|9 Clinic Rd^^Guildford
OBR|1|PLACER1|FILLER1|1^T^L|||20240305|||CO1^Collector^Carl||||||D100^Snow^John|555-0100|||||||||||C1^Copy^Cora||||I1&Interpreter&Ida
OBX|1|ST|1^T^L||%||||||F|||||OB1^Observer^Olga|||||||Central Labs Ltd|1 Lab Way^^Labtown|DIR1^Director^Dora
NTE|1||Ada fainted
SPM|1|SPECPL^SPECFI`

func withText(text string) string {
	return strings.ReplaceAll(strings.Replace(people, "%", text, 1), "\n", "\r")
}

func TestFreeTextThatNamesSomeone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"LOVELACE, A", "seen by Ada", "augusta", "Byron", "Enchantress", "MRN8801", "ssn 9", "EXT555", "ALT777", "ACC6601", "DLN5502",
		"12 Ockham Park", "Flat 9", "Horsley", "KT246", "call 7946018", "07700900123", "Babbage", "Devonshire St: 5 Devonshire St", "Marylebone", "020-7946-0999",
		"WARD77", "Dr Snow", "Nightingale", "VN3303", "order PLACER1", "FILLER1", "Enid", "0100200", "Ockham Clinic", "9 Clinic Rd.", "Guildford", "Collector",
		"Cora", "Interpreter", "told Olga", "Central Labs Ltd", "1 Lab Way", "Labtown", "Director", "SPECPL", "SPECFI", "born 19661210",
		"mail a@b.org", "see https://x.org", "see www.x.org", "call (510) 231-1790", "call 651-201-3548", "call 651.201.3548", "call +44 20 1234 5678", "123-45-6789",
	} {
		labs, report := read(t, withText(text), hl7v2.Options{})
		assert.Empty(t, labs, text)
		assert.Equal(t, 1, report.Count(clinical.Identifying), text)
	}
	for _, text := range []string{
		"Negative", "Not seen", "adapted", "Snowy", "1:128", "ratio 12-34-56", "5 x 10-3", "2024-03-05", "10 000 000 copies", "555", "lab", "see comment", "high",
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
		out, err := json.Marshal(struct{ A, B, C, D any }{patients[0].Request, patients[0].Report, patients[0].Report.String(), rest})
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
	assert.Equal(t, []clinical.Issue{{Reason: clinical.Identifying, Source: "message 1, OBX 1", Sent: true}}, report.Issues)
	labs, report = read(t, message(head, ada, cbc, "OBX|1|NM|1^T^L||5|g|"+strings.Repeat("words ", 50)+"|N|||F"), hl7v2.Options{})
	require.Len(t, labs, 1)
	assert.Empty(t, labs[0].ReferenceRange)
	assert.Equal(t, 1, report.Count(clinical.Narrative))
	labs, _ = read(t, message(head, ada, "PV1|1||||||1^White^John", cbc, "OBX|1|NM|White cells||5|g||N|||F"), hl7v2.Options{})
	assert.Len(t, labs, 1, "a physician's name is looked for in values only")
	labs, _ = read(t, message(head, ada, cbc, "OBX|1|CE|1^Lovelace antigen^L||1^Lovelace^L|||N|||F"), hl7v2.Options{})
	assert.Len(t, labs, 1, "what has a code is no free text")
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
	), hl7v2.Options{Redact: redact})
	require.Len(t, labs, 3)
	assert.Equal(t, "Coded", labs[0].Name)
	assert.Equal(t, "seen by X", labs[1].Value)
	assert.Equal(t, "of X", labs[2].Name)
	assert.Equal(t, 1, report.Count(clinical.Identifying))
	assert.Equal(t, 2, report.Count(clinical.Withheld))
}

func TestTooMuchIsKnownOfPeople(t *testing.T) {
	t.Parallel()
	free := "OBX|1|ST|1^T^L||Negative|||N|||F"
	for name, segment := range map[string]string{
		"names":             "NK1|1|" + strings.Repeat("~", 5000),
		"bytes":             "NK1|1|" + strings.Repeat("x", 300<<10),
		"a segment":         "PV1|1|" + strings.Repeat("x", 2<<20),
		"an order":          "OBR|1|" + strings.Repeat("x", 2<<20),
		"a result":          "OBX|1|ST|1^T^L||" + strings.Repeat("x", 2<<20),
		"different persons": "NK1|1|" + many(3000),
	} {
		labs, report := read(t, message(head, ada, cbc, segment, free, hemoglobin), hl7v2.Options{})
		if name == "names" || name == "a result" {
			assert.Len(t, labs, 2, "empty names are none, and a report that is too large tells little of people")
			continue
		}
		assert.Len(t, labs, 1, name)
		assert.Equal(t, 1, report.Count(clinical.Identifying), name)
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("name" + strings.Repeat("x", i%50) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676%26)) + "~")
	}
	return b.String()
}
