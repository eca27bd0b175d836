package hl7v2_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/hl7v2"
)

// order is a message about the order with a number; each result is its OBX-2, OBX-5, OBX-11 and OBX-14.
func order(id string, results ...string) string {
	segments := []string{head, ada, strings.Replace(cbc, "F88", id, 1)}
	for i, result := range results {
		f := strings.Split(result+"|||", "|")
		segments = append(segments, fmt.Sprintf("OBX|%d|%s|718-7^Hb^LN|1|%s|g/dL|12-16||||%s|||%s", i+1, f[0], f[1], f[2], f[3]))
	}
	return message(segments...)
}

// values are those that are sent, sorted.
func values(t *testing.T, in string, opts hl7v2.Options) (values []string, report *clinical.Report) {
	t.Helper()
	labs, report := read(t, in, opts)
	for _, lab := range labs {
		values = append(values, lab.Value)
	}
	slices.Sort(values)
	return values, report
}

func TestCorrections(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   []string
		want []string
		// reasons why something is not sent, besides that of what the last message withdraws
		reasons map[clinical.Reason]int
	}{
		"a correction":               {[]string{order("F88", "NM|10|F"), order("F88", "NM|13|C")}, []string{"13 g/dL"}, count(clinical.Replaced, 1)},
		"a correction that is first": {[]string{order("F88", "NM|13|C"), order("F88", "NM|10|F")}, []string{"13 g/dL"}, count(clinical.Replaced, 1)},
		"final after preliminary":    {[]string{order("F88", "NM|10|P"), order("F88", "NM|13|F")}, []string{"13 g/dL"}, count(clinical.Replaced, 1)},
		"preliminary after final":    {[]string{order("F88", "NM|13|F"), order("F88", "NM|10|P")}, []string{"13 g/dL"}, count(clinical.Replaced, 1)},
		"of another order":           {[]string{order("F88", "NM|10|F"), order("F89", "NM|13|C")}, []string{"10 g/dL", "13 g/dL"}, nil},
		"sent twice":                 {[]string{order("F88", "NM|10|F"), order("F88", "NM|10|F")}, []string{"10 g/dL"}, count(clinical.Duplicate, 1)},
		"corrected twice": {[]string{order("F88", "NM|10|F"), order("F88", "NM|11|C||"), order("F88", "NM|12|C")}, []string{"12 g/dL"},
			count(clinical.Replaced, 2)},
		"deleted, another order": {[]string{order("F88", "NM|10|F"), order("F89", "NM||D")}, []string{"10 g/dL"}, count(clinical.StatusNotSent, 1)},
		"corrected at another time": {[]string{order("F88", "NM|10|F|202403050800"), order("F88", "NM|13|C|202403050900")}, []string{"13 g/dL"},
			count(clinical.Replaced, 1)},
		"one of two times": {[]string{order("F88", "NM|10|F|202403050800", "NM|11|F|202403050900"), order("F88", "NM|13|C|202403050900")},
			[]string{"10 g/dL", "13 g/dL"}, count(clinical.Replaced, 1)},
		"final after a correction, at another time": {[]string{order("F88", "NM|10|F|202403050800"), order("F88", "NM|11|C|202403050800"),
			order("F88", "NM|12|F|202403050900")}, []string{"11 g/dL", "12 g/dL"}, count(clinical.Replaced, 1)},
		"one of two times, withdrawn": {[]string{order("F88", "NM|10|F|202403050800", "NM|11|F|202403050900"), order("F88", "NM||W|202403050900")},
			[]string{"10 g/dL"}, count(clinical.StatusNotSent, 2)},
		"all of two times, withdrawn": {[]string{order("F88", "NM|10|F|202403050800", "NM|11|F|202403050900"),
			order("F88", "NM||W|202403050800", "NM||W|202403050900")}, nil, count(clinical.StatusNotSent, 4)},
		"both of two times": {[]string{order("F88", "NM|10|F|202403050800", "NM|11|F|202403050900"),
			order("F88", "NM|12|C|202403050800", "NM|13|C|202403050900")}, []string{"12 g/dL", "13 g/dL"}, count(clinical.Replaced, 2)},
		"in one message":          {[]string{order("F88", "NM|10|F", "NM|13|C")}, []string{"13 g/dL"}, count(clinical.Replaced, 1)},
		"two and two":             {[]string{order("F88", "NM|10|F", "NM|11|F"), order("F88", "NM|12|C", "NM|13|C")}, []string{"12 g/dL", "13 g/dL"}, count(clinical.Replaced, 2)},
		"two, one is the same":    {[]string{order("F88", "NM|10|F", "NM|11|F"), order("F88", "NM|10|C", "NM|13|C")}, []string{"10 g/dL", "13 g/dL"}, count(clinical.Replaced, 2)},
		"two, and one of them":    {[]string{order("F88", "NM|10|F", "NM|11|F"), order("F88", "NM|13|C")}, []string{"13 g/dL"}, count(clinical.Replaced, 2)},
		"one, and two of it":      {[]string{order("F88", "NM|10|F"), order("F88", "NM|12|C", "NM|13|C")}, []string{"12 g/dL", "13 g/dL"}, count(clinical.Replaced, 1)},
		"two, and one withdrawn":  {[]string{order("F88", "NM|10|F", "NM|11|F"), order("F88", "NM|10|W")}, nil, count(clinical.StatusNotSent, 3)},
		"two, and the other left": {[]string{order("F88", "NM|10|F", "NM|11|F"), order("F88", "NM|10|W", "NM|11|F")}, []string{"11 g/dL"}, count(clinical.StatusNotSent, 3)},
		"withdrawn and corrected": {[]string{order("F88", "NM|10|F"), order("F88", "NM|10|D", "NM|11|C")}, []string{"11 g/dL"}, count(clinical.StatusNotSent, 1, clinical.Replaced, 1)},
		"texts side by side, corrected": {[]string{order("F88", "CE|1^Candida^L|F", "CE|2^E. coli^L|F"), order("F88", "CE|1^Candida^L|F", "CE|3^Klebsiella^L|C")},
			[]string{"Candida", "Klebsiella"}, count(clinical.Replaced, 2)},
		"texts side by side, one more": {[]string{order("F88", "CE|1^Candida^L|F"), order("F88", "CE|1^Candida^L|F", "CE|3^Klebsiella^L|P")},
			[]string{"Candida", "Klebsiella"}, count(clinical.Duplicate, 1)},
		"texts side by side, in the end": {[]string{order("F88", "CE|1^Cocci^L|P"), order("F88", "CE|2^Candida^L|F", "CE|1^Cocci^L|P"),
			order("F88", "CE|2^Candida^L|F", "CE|3^Klebsiella^L|F")}, []string{"Candida", "Cocci", "Klebsiella"}, count(clinical.Replaced, 1, clinical.Duplicate, 1)},
		"corrected again, side by side": {[]string{order("F88", "CE|1^Candida^L|C", "CE|2^E. coli^L|C"), order("F88", "CE|3^Klebsiella^L|C")},
			[]string{"Klebsiella"}, count(clinical.Replaced, 2)},
		"final after corrections side by side": {[]string{order("F88", "CE|1^Candida^L|C", "CE|2^E. coli^L|C"), order("F88", "CE|3^Klebsiella^L|F")},
			[]string{"Candida", "E. coli"}, count(clinical.Replaced, 1)},
	}
	for _, status := range []string{"W", "D", "X"} {
		tests[status] = struct {
			in      []string
			want    []string
			reasons map[clinical.Reason]int
		}{[]string{order("F88", "NM|10|F"), order("F88", "NM||"+status)}, nil, count(clinical.StatusNotSent, 2)}
		tests[status+", then corrected"] = struct {
			in      []string
			want    []string
			reasons map[clinical.Reason]int
		}{[]string{order("F88", "NM|10|F"), order("F88", "NM||"+status), order("F88", "NM|11|C")}, []string{"11 g/dL"}, nil}
		tests[status+", then sent again"] = struct {
			in      []string
			want    []string
			reasons map[clinical.Reason]int
		}{[]string{order("F88", "NM||"+status), order("F88", "NM|10|F")}, nil, count(clinical.StatusNotSent, 2)}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, report := values(t, strings.Join(test.in, ""), hl7v2.Options{})
			assert.Equal(t, test.want, got)
			assert.Equal(t, strings.Count(strings.Join(test.in, ""), "OBX|"), len(got)+report.Dropped())
			for reason, n := range test.reasons {
				assert.Equal(t, n, report.Count(reason), reason)
			}
		})
	}
}

func count(pairs ...any) map[clinical.Reason]int {
	all := map[clinical.Reason]int{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i].(clinical.Reason)] = pairs[i+1].(int)
	}
	return all
}

// TestCorrectedByWhatIsNotSent has a result, and a correction of it that is not sent for a reason: then neither is what it corrects.
func TestCorrectedByWhatIsNotSent(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("QUJD", 1<<19)
	tests := map[string]struct {
		obx    string // from OBX-2 on, with % for the status
		reason clinical.Reason
		opts   hl7v2.Options
	}{
		"no value":              {"NM|718-7^Hb^LN|1||g/dL|||||%", clinical.NoValue, hl7v2.Options{}},
		"null":                  {`NM|718-7^Hb^LN|1|""|g/dL|||||%`, clinical.NoValue, hl7v2.Options{}},
		"document":              {"ED|718-7^Hb^LN|1|^application^pdf^Base64^QUJD||||||%", clinical.ValueNotSent, hl7v2.Options{}},
		"large document":        {"ED|718-7^Hb^LN|1|^application^pdf^Base64^" + large + "||||||%", clinical.ValueNotSent, hl7v2.Options{}},
		"document over lines":   {"ED|718-7^Hb^LN|1|^application^pdf^Base64^" + strings.Repeat("QUJD\n", 1<<14) + "||||||%", clinical.ValueNotSent, hl7v2.Options{}},
		"pointer":               {"RP|718-7^Hb^LN|1|//server/file||||||%", clinical.ValueNotSent, hl7v2.Options{}},
		"another type":          {"XPN|718-7^Hb^LN|1|Lovelace||||||%", clinical.ValueNotSent, hl7v2.Options{}},
		"cannot be read":        {"SN|718-7^Hb^LN|1|^many||||||%", clinical.Malformed, hl7v2.Options{}},
		"damaged":               {"ST|718-7^Hb^LN|1|\xff||||||%", clinical.Unreadable, hl7v2.Options{}},
		"too large":             {"ST|718-7^Hb^LN|1|" + large + "||||||%", clinical.TooLarge, hl7v2.Options{}},
		"too long":              {"ST|718-7^Hb^LN|1|" + large[:3000] + "||||||%", clinical.Narrative, hl7v2.Options{}},
		"of many lines":         {`ST|718-7^Hb^LN|1|one\.br\two||||||%`, clinical.Narrative, hl7v2.Options{}},
		"names someone":         {"ST|718-7^Hb^LN|1|as Lovelace said||||||%", clinical.Identifying, hl7v2.Options{}},
		"withheld":              {"ST|718-7^Hb^LN|1|some text||||||%", clinical.Withheld, hl7v2.Options{Redact: func(string) string { return "" }}},
		"too many flags":        {"NM|718-7^Hb^LN|1|5|g/dL||A~B~C~D~E~F~G~H~I~J~K~L~M~N~O~P~Q|||%", clinical.Malformed, hl7v2.Options{}},
		"failed its control":    {"NM|718-7^Hb^LN|1|5|g/dL||QCF|||%", clinical.QualityControl, hl7v2.Options{}},
		"a quality control":     {"NM|718-7^Hb^LN|1|5|g/dL|||||%\rSPM|1||||||||||Q", clinical.QualityControl, hl7v2.Options{}},
		"no test but its code":  {"NM|718-7^^LN|1||g/dL|||||%", clinical.NoValue, hl7v2.Options{}},
		"preliminary otherwise": {"NM|718-7^Hb^LN|1||g/dL|||||%", clinical.NoValue, hl7v2.Options{ExcludePreliminary: true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			correction := func(status string) string {
				return message(head, ada, cbc, "OBX|1|"+strings.Replace(test.obx, "%", status, 1))
			}
			was := order("F88", "NM|10|F")
			for _, in := range []string{was + correction("C"), correction("C") + was} {
				got, report := values(t, in, test.opts)
				assert.Empty(t, got)
				assert.Equal(t, 1, report.Count(test.reason))
				assert.Equal(t, 1, report.Count(clinical.Replaced))
				assert.Equal(t, 2, report.Dropped())
			}
			got, report := values(t, was+correction("F"), test.opts)
			assert.Equal(t, []string{"10 g/dL"}, got, "it is no correction")
			assert.Equal(t, 1, report.Dropped())
		})
	}
}

func TestAControlThatIsAlreadyGivenCorrects(t *testing.T) {
	t.Parallel()
	segments := []string{head, ada, cbc, "OBX|1|NM|718-7^Hb^LN|1|13|g/dL|12-16||||C"}
	for i := range 2000 {
		segments = append(segments, fmt.Sprintf("OBX|%d|NM|%d^Test^L||5|g||N|||F", i+2, i))
	}
	got, report := values(t, order("F88", "NM|10|F")+message(append(segments, "SPM|1||||||||||Q")...), hl7v2.Options{})
	assert.Empty(t, got)
	assert.Equal(t, 2001, report.Count(clinical.QualityControl))
	assert.Equal(t, 1, report.Count(clinical.Replaced))
}

func TestCorrectionsOfTestsWithoutACode(t *testing.T) {
	t.Parallel()
	was, wrong := "OBX|1|NM|Hb of Bo||10|g/dL|12-16||||F", "OBX|1|NM|Hb of Bo||||||||W"
	redact := func(s string) string { return strings.ReplaceAll(s, " of Bo", "") }
	for _, in := range []string{
		message(head, ada, strings.Replace(cbc, "|F88|", "||", 1), was) + message(head, ada, strings.Replace(cbc, "|F88|", "||", 1), wrong),
		message(head, ada, strings.Replace(cbc, "|P77|F88|", "|||", 1), was) + message(head, ada, strings.Replace(cbc, "|P77|F88|", "|||", 1), wrong), // same time
		message(head, ada, "ORC|RE|P77|F88", strings.Replace(cbc, "|P77|F88|", "|||", 1), was) + message(head, ada, cbc, wrong),
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

func TestResultsOfOneOrderDoNotReplaceEachOther(t *testing.T) {
	t.Parallel()
	labs, _ := read(t, message(head, ada, cbc,
		"OBX|1|ST|600-7^Bacteria^LN||Candida albicans||||||C",
		"OBX|2|ST|600-7^Bacteria^LN|2|Escherichia coli||||||C",
		"OBX|3|CE|600-7^Bacteria^LN||1^Enterococcus^L||||||C",
	), hl7v2.Options{})
	assert.Len(t, labs, 3)
}

func TestCancelledOrders(t *testing.T) {
	t.Parallel()
	cancelled := strings.TrimSuffix(cbc, "F") + "X"
	was := order("F88", "NM|10|F")
	tests := map[string]struct {
		in   string
		want []string
	}{
		"cancelled":                        {was + message(head, ada, cancelled), nil},
		"and another order":                {was + message(head, ada, cancelled, strings.Replace(cbc, "F88", "F99", 1)), nil},
		"before it was done":               {message(head, ada, cancelled) + was, []string{"10 g/dL"}},
		"done again":                       {was + message(head, ada, cancelled) + order("F88", "NM|11|F"), []string{"11 g/dL"}},
		"another order":                    {was + message(head, ada, strings.Replace(cancelled, "F88", "F89", 1)), []string{"10 g/dL"}},
		"another test of the number":       {was + message(head, ada, strings.Replace(cancelled, "58410-2", "2951-2", 1)), []string{"10 g/dL"}},
		"with a comment that is withdrawn": {was + message(head, ada, cancelled, "OBX|1|ST|48767-8^Comment^LN||Wrong patient||||||X"), nil},
		"with a comment without a status":  {was + message(head, ada, cancelled, "OBX|1|ST|48767-8^Comment^LN||Wrong patient||||||"), nil},
		"with a comment":                   {was + message(head, ada, cancelled, "OBX|1|ST|48767-8^Comment^LN||Wrong patient||||||F"), nil},
		"with a question":                  {was + message(head, ada, cancelled, "OBX|1|ST|82810-3^Pregnancy^LN||No||||||F"), nil},
		"with what is not there":           {was + message(head, ada, cancelled, "OBX|1|NM|2^U^L||||||||N"), nil},
		"with a result of its own":         {was + message(head, ada, cancelled, "OBX|1|NM|1^T^L||5|g||N|||F"), []string{"10 g/dL", "5 g"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, report := values(t, test.in, hl7v2.Options{})
			assert.Equal(t, test.want, got)
			assert.Equal(t, strings.Count(test.in, "OBX|"), len(got)+report.Dropped())
		})
	}
	var many strings.Builder
	many.WriteString(was)
	for i := range 5000 {
		many.WriteString(message(head, ada, strings.Replace(cancelled, "F88", fmt.Sprintf("F%d", 88+i), 1)))
	}
	_, report, err := hl7v2.LabResults(strings.NewReader(many.String()), hl7v2.Options{})
	require.ErrorIs(t, err, hl7v2.ErrNoResults)
	assert.Equal(t, 1, report.Count(clinical.StatusNotSent))
}
