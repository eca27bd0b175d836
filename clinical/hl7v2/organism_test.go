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
		in += message(fmt.Sprintf("OBR|%d||F%d|50545-3^MIC^LN|||2024030%d|||||||||||||||||||600-7^%d^%s", i, i, i+1,
			i, organism),
			fmt.Sprintf("OBX|1|SN|28-1^Ampicillin^LN||>=^%d|ug/mL|||||F", i))
	}
	labs, report := read(t, in, hl7v2.Options{LatestPerTest: true})
	require.Len(t, labs, 2)
	assert.Equal(t, "Ampicillin (E COLI)", labs[0].Name)
	assert.Equal(t, "Ampicillin (CANDIDA)", labs[1].Name)
	assert.Equal(t, 1, report.Count(clinical.NotLatest))
}

// culture is an order in which bacteria were found.
func culture(number string, found ...string) string {
	segments := []string{"OBR|1|P" + number + "|F" + number + "|600-7^Culture^LN|||20240305"}
	for i, name := range found {
		segments = append(segments, fmt.Sprintf("OBX|%d|CWE|600-7^Bacteria^LN|1|%d^%s^SCT^X%s^local^L||||||F", i+1,
			i+1, name, name[:3]))
	}
	return message(segments...)
}

// resistance is an order of what was found in another, with OBR-26 and OBR-29.
func resistance(result, order string) string {
	return message("OBR|9||F9|50545-3^MIC^LN|||20240305|||||||||||||||||||"+result+"|||"+order,
		"OBX|1|SN|28-1^Ampicillin^LN||>=^32|ug/mL||R|||F")
}

func TestWhichOrganismWasTested(t *testing.T) {
	t.Parallel()
	const key = "600-7&Culture&LN^1"
	tests := map[string]struct{ in, want string }{
		"one culture": {culture("1", "Klebsiella") + resistance(key, ""), "Klebsiella"},
		"by its order": {culture("1", "Klebsiella") + culture("2", "Candida") +
			resistance(key, "P1&HOSP^F1&LAB"), "Klebsiella"},
		"by who placed it": {culture("1", "Klebsiella") + culture("2", "Candida") +
			resistance(key, "P2"), "Candida"},
		"two cultures": {culture("1", "Klebsiella") + culture("2", "Candida") +
			resistance(key, ""), ""},
		"two cultures, in words": {culture("1", "Klebsiella") + culture("2", "Candida") +
			resistance(key+"^KLEB", ""), "KLEB"},
		"two cultures of the same": {culture("1", "Klebsiella") + culture("2", "Klebsiella") +
			resistance(key, ""), "Klebsiella"},
		"two in one culture": {culture("1", "Klebsiella", "Candida") + resistance(key, "^F1"), ""},
		"order of another message": {culture("1", "Klebsiella") + resistance(key+"^Yeast", "^F7"),
			"Yeast"},
		"order written otherwise, but the same": {culture("1", "Klebsiella") + resistance(key+"^XKle", "^F1-a"),
			"Klebsiella"},
		"before the culture": {resistance(key, "") + culture("1", "Klebsiella"), ""},
		"only in words":      {culture("1", "Klebsiella") + resistance("^^Yeast", ""), "Yeast"},
		"another patient's": {culture("1", "Klebsiella") +
			message("PID|2||1001^^^HOSP^MR||Lovelace^Ada||19661210|F") + resistance(key, ""),
			""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := "Ampicillin"
			if test.want != "" {
				want += " (" + test.want + ")"
			}
			labs, report := read(t, message(head, ada)+test.in, hl7v2.Options{})
			assert.Equal(t, test.want == "", report.Count(clinical.Unresolved) == 1)
			var names []string
			for _, lab := range labs {
				if strings.HasPrefix(lab.Name, "Ampicillin") {
					names = append(names, lab.Name)
				}
			}
			assert.Equal(t, []string{want}, names)
		})
	}
}

func TestCorrectedResistance(t *testing.T) {
	t.Parallel()
	const key = "600-7&Culture&LN^1"
	in := message(head, ada) + culture("1", "Klebsiella") + resistance(key, "")
	labs, report := read(t, in+message(head, ada)+culture("1", "Klebsiella")+strings.Replace(resistance(key, ""),
		"|||F", "|||W", 1), hl7v2.Options{})
	require.Len(t, labs, 1)
	assert.Equal(t, "Bacteria", labs[0].Name)
	assert.Equal(t, 2, report.Count(clinical.StatusNotSent))
}

func TestResistanceOfACorrectedOrganism(t *testing.T) {
	t.Parallel()
	in := func(organism, mic, flag, status string) string {
		return message(head, ada, "OBR|1|P1|F1|600-7^Culture^LN|||20240305",
			"OBX|1|CWE|600-7^Bacteria^LN|1|1^"+organism+"^SCT||||||"+status,
			"OBR|2|P2|F2|50545-3^MIC^LN|||20240305|||||||||||||||||||600-7&Culture&LN^1^"+organism,
			"OBX|1|NM|28-1^Ampicillin^LN||"+mic+"|ug/mL||"+flag+"|||"+status)
	}
	got, report := rows(t, in("E. coli", "4", "S", "F")+in("Klebsiella", "16", "R", "C"))
	assert.ElementsMatch(t, []string{"Bacteria: Klebsiella", "Ampicillin (Klebsiella): 16 ug/mL"}, got)
	assert.Equal(t, 2, report.Count(clinical.Replaced))

	words := func(organism, status string) string {
		return message(head, ada, "OBR|2|P2|F2|50545-3^MIC^LN|||20240305|||||||||||||||||||^^"+organism,
			"OBX|1|NM|28-1^Ampicillin^LN||4|ug/mL|||||"+status)
	}
	got, _ = rows(t, words("E. coli", "F")+words("Klebsiella", "C"))
	assert.Len(t, got, 2, "each is about an organism of its own")
}
