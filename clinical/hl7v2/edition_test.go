package hl7v2_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/hl7v2"
)

// TestEditions has what is sent of results that are editions of each other, and
// of how many it is noted that this is not certain.
func TestEditions(t *testing.T) {
	t.Parallel()
	type test struct {
		in       []string
		want     []string
		replaced int
		unclear  int
	}
	f := func(results ...string) string { return order("F88", results...) }
	const eight, nine = "202403050800", "202403050900"
	tests := map[string]test{
		"negative, then positive": {[]string{f("CE|1^Negative^L|F"), f("CE|2^Positive^L|C")},
			[]string{"Positive"}, 1, 0},
		"both in one message": {[]string{f("CE|1^Negative^L|F", "CE|2^Positive^L|C")},
			[]string{"Positive"}, 1, 0},
		"5, then 6, both final":     {[]string{f("NM|5|F"), f("NM|6|F")}, []string{"6 g/dL"}, 1, 0},
		"both final in one message": {[]string{f("NM|5|F", "NM|6|F")}, []string{"5 g/dL", "6 g/dL"}, 0, 2},
		"a correction":              {[]string{f("NM|10|F"), f("NM|13|C")}, []string{"13 g/dL"}, 1, 0},
		"a final result behind it":  {[]string{f("NM|13|C"), f("NM|10|F")}, []string{"10 g/dL"}, 1, 0},
		"final after preliminary":   {[]string{f("NM|10|P"), f("NM|13|F")}, []string{"13 g/dL"}, 1, 0},
		"preliminary after final":   {[]string{f("NM|13|F"), f("NM|10|P")}, []string{"13 g/dL"}, 1, 0},
		"preliminary, in one message": {[]string{f("CE|1^Cocci^L|P", "CE|2^Staphylococcus^L|F")},
			[]string{"Staphylococcus"}, 1, 0},
		"preliminary twice": {[]string{f("NM|10|P"), f("NM|11|P")}, []string{"11 g/dL"}, 1, 0},
		"corrected twice": {[]string{f("NM|10|F"), f("NM|11|C"), f("NM|12|C")}, []string{"12 g/dL"}, 2,
			0},
		"two corrections in one message": {[]string{f("NM|10|F"), f("NM|11|C", "NM|12|C")},
			[]string{"11 g/dL", "12 g/dL"}, 1, 2},
		"sent twice": {[]string{f("NM|10|F"), f("NM|10|F")}, []string{"10 g/dL"}, 1, 0},
		"another order": {[]string{f("NM|10|F"), order("F89", "NM|13|C")},
			[]string{"10 g/dL", "13 g/dL"}, 0, 0},
		"another time": {[]string{f("NM|10|F|" + eight), f("NM|13|F|" + nine)},
			[]string{"10 g/dL", "13 g/dL"}, 0, 0},
		"corrected at another time": {[]string{f("NM|10|F|" + eight), f("NM|13|C|" + nine)},
			[]string{"10 g/dL", "13 g/dL"}, 0, 2},
		"withdrawn at another time": {[]string{f("NM|10|F|" + eight), f("NM||W|" + nine)}, []string{"10 g/dL"},
			0, 1},
		"one of two times": {[]string{f("NM|10|F|"+eight, "NM|11|F|"+nine), f("NM|13|C|" + nine)},
			[]string{"10 g/dL", "13 g/dL"}, 1, 2},
		"restated beside what is withdrawn": {[]string{f("NM|10|F"), f("NM|10|W", "NM|11|F")}, []string{"11 g/dL"}, 1,
			0},
	}
	for _, status := range []string{"W", "D", "X"} {
		tests[status] = test{[]string{f("NM|10|F"), f("NM||" + status)}, nil, 0, 0}
		tests[status+", then corrected"] = test{[]string{f("NM|10|F"), f("NM||" + status), f("NM|11|C")},
			[]string{"11 g/dL"}, 1, 0}
		tests[status+", then sent again"] = test{[]string{f("NM||" + status), f("NM|10|F")}, []string{"10 g/dL"}, 0, 0}
		tests[status+" of another order"] = test{[]string{f("NM|10|F"), order("F89", "NM||"+status)},
			[]string{"10 g/dL"}, 0, 0}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := strings.Join(test.in, "")
			got, report := values(t, in, hl7v2.Options{})
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.replaced, report.Count(clinical.Replaced))
			assert.Equal(t, test.unclear, report.Count(clinical.CorrectionUnclear))
			assert.Equal(t, strings.Count(in, "OBX|"), len(got)+report.Dropped())
		})
	}
}

// TestOrderNumbers has pairs of a result, 10, and a correction of it, 13, which
// give their order by other numbers.
func TestOrderNumbers(t *testing.T) {
	t.Parallel()
	// from makes a message of a sender, whose ORC and OBR begin as they are
	// given.
	from := func(sender, orc, obr, result string) string {
		segments := []string{strings.Replace(head, "|LAB|", "|"+sender+"|", 1), ada}
		if orc != "" {
			segments = append(segments, "ORC|RE|"+orc)
		}
		return message(append(segments, "OBR|1|"+obr+"|58410-2^CBC^LN|||20240305|||||||||||||||||HM|F",
			"OBX|1|NM|718-7^Hb^LN||"+result)...)
	}
	const was, is = "10|g/dL|||||F", "13|g/dL|||||C"
	one, both := []string{"13 g/dL"}, []string{"10 g/dL", "13 g/dL"}
	tests := map[string]struct {
		in      string
		want    []string
		unclear int
	}{
		"both numbers":          {from("LAB", "", "P77|F88", was) + from("LAB", "", "P77|F88", is), one, 0},
		"the filler's":          {from("LAB", "", "P77|F88", was) + from("LAB", "", "|F88", is), one, 0},
		"the placer's":          {from("LAB", "", "P77^HIS|F88^LIS", was) + from("LAB", "", "P77^HIS|", is), one, 0},
		"the placer's at first": {from("LAB", "", "P77^HIS|", was) + from("LAB", "", "P77^HIS|F88^LIS", is), both, 2},
		"in ORC": {from("LAB", "P77^HIS|F88^LIS", "|", was) + from("LAB", "", "P77^HIS|F88^LIS", is),
			one, 0},
		"the namespace in ORC": {from("LAB", "P77^HIS|F88^LIS", "P77|F88", was) +
			from("LAB", "", "P77^HIS|F88^LIS", is), one, 0},
		"by another sender": {from("LAB", "", "|F88^LIS", was) + from("HUB", "", "|F88^LIS", is), one, 0},
		"another laboratory's": {from("LAB", "", "P77|F88^LISA", was) + from("LAB", "", "P77|F88^LISB", is), both,
			2},
		"another sender's":        {from("LAB", "", "|F88", was) + from("LAB2", "", "|F88", is), both, 2},
		"namespace only at first": {from("LAB", "", "|F88^LIS", was) + from("LAB", "", "|F88", is), both, 2},
		"placed once, filled twice": {from("LAB", "", "P77|F88", was) + from("LAB", "", "P77|F89", was) +
			from("LAB", "", "P77|", is),
			[]string{"10 g/dL", "13 g/dL"}, 0},
		"a correction alone": {from("LAB", "", "|", is), one, 0},
		"a correction twice": {from("LAB", "", "|", is) + from("LAB", "", "|", is), one, 0},
		"no number":          {from("LAB", "", "|", was) + from("LAB", "", "|", is), both, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, report := values(t, test.in, hl7v2.Options{})
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.unclear, report.Count(clinical.CorrectionUnclear))
		})
	}
}

// Of many corrections some are not remembered, but none is lost.
func TestManyCorrections(t *testing.T) {
	t.Parallel()
	var in strings.Builder
	for i := range 20_000 {
		in.WriteString(order(fmt.Sprint("F", i), "NM|10|C"))
	}
	_, report := values(t, in.String(), hl7v2.Options{})
	assert.Equal(t, 20_000, report.Sent["labResults"]+report.Dropped())
}

// TestCorrectedByWhatIsNotSent has a result, and a correction of it that is not
// sent for a reason: then neither is what it corrects.
func TestCorrectedByWhatIsNotSent(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		obx    string // from OBX-2 on, with % for the status
		reason clinical.Reason
		opts   hl7v2.Options
	}{
		"no value": {"NM|718-7^Hb^LN|1||g/dL|||||%", clinical.NoValue, hl7v2.Options{}},
		"null":     {`NM|718-7^Hb^LN|1|""|g/dL|||||%`, clinical.NoValue, hl7v2.Options{}},
		"document": {"ED|718-7^Hb^LN|1|^application^pdf^Base64^QUJD||||||%", clinical.ValueNotSent,
			hl7v2.Options{}},
		"document over lines": {"ED|718-7^Hb^LN|1|^application^pdf^Base64^" + strings.Repeat("QUJD\n", 1<<14) +
			"||||||%", clinical.ValueNotSent, hl7v2.Options{}},
		"pointer":        {"RP|718-7^Hb^LN|1|//server/file||||||%", clinical.ValueNotSent, hl7v2.Options{}},
		"another type":   {"XPN|718-7^Hb^LN|1|Lovelace||||||%", clinical.ValueNotSent, hl7v2.Options{}},
		"cannot be read": {"SN|718-7^Hb^LN|1|^many||||||%", clinical.Malformed, hl7v2.Options{}},
		"damaged":        {"ST|718-7^Hb^LN|1|üü\xff||||||%", clinical.Unreadable, hl7v2.Options{}},
		"too long": {"ST|718-7^Hb^LN|1|" + strings.Repeat("word", 1000) + "||||||%", clinical.Narrative,
			hl7v2.Options{}},
		"of many lines": {`ST|718-7^Hb^LN|1|one\.br\two||||||%`, clinical.Narrative, hl7v2.Options{}},
		"names someone": {"ST|718-7^Hb^LN|1|as Lovelace said||||||%", clinical.Identifying, hl7v2.Options{}},
		"withheld": {"ST|718-7^Hb^LN|1|some text||||||%", clinical.Withheld,
			hl7v2.Options{Redact: func(string) string { return "" }}},
		"too many flags": {"NM|718-7^Hb^LN|1|5|g/dL||A~B~C~D~E~F~G~H~I~J~K~L~M~N~O~P~Q|||%",
			clinical.Malformed, hl7v2.Options{}},
		"no test but its code": {"NM|718-7^^LN|1||g/dL|||||%", clinical.NoValue, hl7v2.Options{}},
		"preliminary otherwise": {"NM|718-7^Hb^LN|1||g/dL|||||%", clinical.NoValue,
			hl7v2.Options{ExcludePreliminary: true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			correction := func(status string) string {
				return message(head, ada, cbc, "OBX|1|"+strings.Replace(test.obx, "%", status, 1))
			}
			was := order("F88", "NM|10|F")
			got, report := values(t, was+correction("C"), test.opts)
			assert.Empty(t, got)
			assert.Equal(t, 1, report.Count(test.reason))
			assert.Equal(t, 1, report.Count(clinical.Replaced))
			assert.Equal(t, 2, report.Dropped())

			got, _ = values(t, correction("C")+was, test.opts)
			assert.Equal(t, []string{"10 g/dL"}, got, "the last edition counts")
			got, report = values(t, was+correction("F"), test.opts)
			assert.Equal(t, []string{"10 g/dL"}, got, "it is no correction")
			assert.Equal(t, 1, report.Dropped())
		})
	}
}

func TestCorrectionsOfTestsWithoutACode(t *testing.T) {
	t.Parallel()
	was, wrong := "OBX|1|NM|Hb of Bo||10|g/dL|12-16||||F", "OBX|1|NM|Hb of Bo||||||||W"
	redact := func(s string) string { return strings.ReplaceAll(s, " of Bo", "") }
	for _, in := range []string{
		message(head, ada, strings.Replace(cbc, "|F88|", "||", 1), was) +
			message(head, ada, strings.Replace(cbc, "|F88|", "||", 1), wrong),
		message(head, ada, strings.Replace(cbc, "|P77|F88|", "|||", 1), was) +
			message(head, ada, strings.Replace(cbc, "|P77|F88|", "|||", 1), wrong), // same time
		message(head, ada, "ORC|RE|P77|F88", strings.Replace(cbc, "|P77|F88|", "|||", 1), was) +
			message(head, ada, cbc, wrong),
	} {
		got, report := values(t, in, hl7v2.Options{Redact: redact})
		assert.Empty(t, got)
		assert.Equal(t, 2, report.Count(clinical.StatusNotSent))
	}
}

func TestWithoutANumberOrTimeNothingIsCorrected(t *testing.T) {
	t.Parallel()
	in := strings.ReplaceAll(order("", "NM|10|F|20240305")+order("", "NM|13|C|20240305"), "P77", "")
	got, _ := values(t, in, hl7v2.Options{})
	assert.Equal(t, []string{"10 g/dL", "13 g/dL"}, got)
}

func TestWhichTestIsCorrected(t *testing.T) {
	t.Parallel()
	const (
		fasting = "OBX|1|NM|GLU0^Glucose fasting^L^2345-7^Glucose^LN||90|mg/dL|||||"
		later   = "OBX|2|NM|GLU2^Glucose 2h^L^2345-7^Glucose^LN||180|mg/dL|||||"
	)
	tests := map[string]struct {
		in       string
		want     []string
		replaced int
	}{
		"another of one LOINC": {message(head, ada, cbc, fasting+"F", later+"C"),
			[]string{"Glucose fasting: 90 mg/dL", "Glucose 2h: 180 mg/dL"}, 0},
		"LOINC in one message": {message(head, ada, cbc, "OBX|1|NM|HGB^Hb^L||10|g/dL|||||F") +
			message(head, ada, cbc,
				"OBX|1|NM|HGB^Hb^L^718-7^Hemoglobin^LN||13|g/dL|||||C"), []string{"Hb: 13 g/dL"}, 1},
		"only an alternate code": {message(head, ada, cbc, "OBX|1|NM|^^^HGB^Hb^L||10|g/dL|||||F",
			"OBX|2|NM|^^^HGB^Hb^L||13|g/dL|||||C"), []string{"Hb: 13 g/dL"}, 1},
		"only texts": {message(head, ada, cbc, "OBX|1|NM|^Hb||10|g/dL|||||F", "OBX|2|NM|^Hct||40|%|||||F",
			"OBX|3|NM|^Hb||13|g/dL|||||C"),
			[]string{"Hb: 13 g/dL", "Hct: 40 %"}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, report := rows(t, test.in)
			assert.ElementsMatch(t, test.want, got)
			assert.Equal(t, test.replaced, report.Count(clinical.Replaced))
		})
	}
}
