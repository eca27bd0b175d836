package hl7v2_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/hl7v2"
)

// Two numbers of which the same characters cannot be read are not one.
func TestUnreadableIdentifier(t *testing.T) {
	t.Parallel()
	const declared = head + "||||||UNICODE UTF-8"
	in := message(declared, "PID|1||\xff1^^^A||X^Y||19700101", cbc, hemoglobin) +
		message(declared, "PID|1||\xfe1^^^A||X^Y||19700101", cbc, hemoglobin)
	_, _, err := hl7v2.LabResults(strings.NewReader(in), hl7v2.Options{})
	require.ErrorIs(t, err, hl7v2.ErrMultiplePatients)
}

func TestOnePatientOrSeveral(t *testing.T) {
	t.Parallel()
	type pair struct {
		first, second string // from PID-2 on
		same          bool
	}
	tests := map[string]pair{
		"the same":                             {"|1^^^A||X^Y||19700101", "|1^^^A||X^Y||19700101", true},
		"same identifier, married":             {"|1^^^A||X^Y||19700101", "|1^^^A||Z^Y||19700101", true},
		"same identifier, second name added":   {"|1^^^A||X^Y||19700101", "|1^^^A||X^Y Q||19700101", true},
		"same identifier, time of birth added": {"|1^^^A||X^Y||19700101", "|1^^^A||X^Y||197001011030", true},
		"one more identifier":                  {"|1^^^A||X^Y||19700101", "|5^^^B~1^^^A||X^Y||19700101", true},
		"same identifier, born otherwise":      {"|1^^^A||X^Y||19700101", "|1^^^A||X^Y||19710101", false},
		"same identifier, birth in words":      {"|1^^^A||X^Y||10 May 1970", "|1^^^A||X^Y||10 May 1971", false},
		"same identifier, other first name":    {"|1^^^A||X^Y||19700101", "|1^^^A||X^Q||19700101", false},
		"same identifier, longer first name":   {"|1^^^A||X^Ada||19700101", "|1^^^A||X^Adam||19700101", false},
		"identifier of another place":          {"|1^^^A||X^Y||19700101", "|1^^^B||X^Y||19700101", false},
		"place known by more":                  {"|1^^^A&1.2&ISO||X^Y", "|1^^^A||X^Y", true},
		"place known by its number":            {"|1^^^&1.2&ISO||X^Y", "|1^^^A&1.2&ISO||X^Y", true},
		"place of the same name":               {"|1^^^A&1.2&ISO||X^Y", "|1^^^A&1.3&ISO||X^Y", false},
		"place named in one":                   {"|1^^^A||X^Y||19700101", "|1||X^Y||19700101", true},
		"place named in one, no birth date":    {"|1^^^A||X^Y", "|1||X^Y", false},
		"place named in one, no name":          {"|1^^^A||||19700101", "|1||||19700101", false},
		"kind named in one":                    {"|1^^^A^MR||X^Y||19700101", "|1^^^A||X^Y||19700101", true},
		"kind named in one, no birth date":     {"|1^^^A^MR||X^Y", "|1^^^A||X^Y", false},
		"the same kind, in another word":       {"|1^^^A^MR||X^Y||19700101", "|1^^^A^MRN||X^Y||19700101", true},
		"a number of a group of hospitals":     {"|1^^^A^CMRN||X^Y||19700101", "|1^^^A^CMRN||X^Y||19700101", true},
		"other kind":                           {"|1^^^A^MR||X^Y||19700101", "|1^^^A^PI||X^Y||19700101", false},
		"other identifier":                     {"|1^^^A||X^Y||19700101", "|2^^^A||X^Y||19700101", false},
		"same identifier, no birth date":       {"|1^^^A||X^Y", "|1^^^A||X^Y", true},
		"same identifier, one birth date":      {"|1^^^A||X^Y", "|1^^^A||X^Y||19700101", true},
		"same identifier, other name":          {"|1^^^A||X^Y", "|1^^^A||Q^Y", false},
		"only an identifier":                   {"|1^^^A", "|1^^^A", true},
		"no identifier, same name and birth":   {"|||X^Y||19700101", "|||X^Y||19700101", false},
		"one without identifier":               {"|1^^^A||X^Y||19700101", "|||X^Y||19700101", false},
		"only a name":                          {"|||X^Y", "|||X^Y", false},
		"only a birth date":                    {"|||||19700101", "|||||19700101", false},
		"nothing":                              {"", "", false},
		"external identifier":                  {"1^^^A|||X^Y||19700101", "1^^^A|||X^Y||19700101", true},
		"an initial":                           {"|1^^^A||X^Y||19700101", "|1^^^A||X^Yvonne||19700101", true},
		"an initial, of two names":             {"|1^^^A||X^Yvonne Q||19700101", "|1^^^A||X^Y Quinn||19700101", true},
		"another initial":                      {"|1^^^A||X^Q||19700101", "|1^^^A||X^Yvonne||19700101", false},
		"an initial, place named in one":       {"|1^^^A||X^Y||19700101", "|1||X^Yvonne||19700101", true},
		"only insured, number in PID-2": {"8^^^A|7^^^I^MB||X^Y||19700101", "8^^^A|7^^^I^MB||X^Y||19700101",
			true},
		"insured together": {"|1^^^A~7^^^I^MB||X^Y||19700101", "|2^^^A~7^^^I^MB||X^Y||19700101",
			false},
		"damaged identifier": {"|\xff1^^^A||X^Y||19700101", "|\xfe1^^^A||X^Y||19700101", false},
		"long identifier": {"|" + strings.Repeat("1", 300) + "2^^^A||X^Y||19700101", "|" + strings.Repeat("1", 300) +
			"3^^^A||X^Y||19700101",
			false},
	}
	kinds := []string{"NI", "NH", "INS", "SS", "NNxxx", "NNGBR", "NNNLD", "PN", "HC", "JHN", "MB", "MC", "MA", "PPN",
		"DL", "SN", "AN", "VN", "WC", "XX", "x"}
	for _, kind := range kinds {
		number := "|12345^^^A^" + kind
		for name, test := range map[string]pair{
			"all agrees":          {number + "||Curie^Marie||18671107|F", number + "||Curie^Marie||18671107|F", true},
			"an initial":          {number + "||Curie^M||18671107|F", number + "||Curie^Marie||18671107|F", true},
			"no sex":              {number + "||Curie^Marie||18671107", number + "||Curie^Marie||18671107", false},
			"no birth date":       {number + "||Curie^Marie|||F", number + "||Curie^Marie|||F", false},
			"no first name":       {number + "||Curie||18671107|F", number + "||Curie||18671107|F", false},
			"other sex":           {number + "||Curie^Marie||18671107|F", number + "||Curie^Marie||18671107|M", false},
			"other family":        {number + "||Curie^Marie||18671107|F", number + "||Joliot^Marie||18671107|F", false},
			"daughter":            {number + "||Curie^Marie||18671107|F", number + "||Curie^Irene||18970912|F", false},
			"twins without names": {number + "||Curie^Baby A||18971107|F", number + "||Curie^Baby||18971107|F", false},
			"twins called girls":  {number + "||Curie^Girl||18971107|F", number + "||Curie^Girl||18971107|F", false},
			"other authority": {number + "||Curie^Marie||18671107|F", "|12345^^^B^" + kind +
				"||Curie^Marie||18671107|F", false},
			"other kind": {number + "||Curie^Marie||18671107|F", number + "2||Curie^Marie||18671107|F", false},
			"another number too": {"|1^^^H^MR~12345^^^A^" + kind + "||Curie^Marie||18671107|F",
				"|2^^^H^MR~12345^^^A^" + kind + "||Curie^Marie||18671107|F", true},
		} {
			tests[kind+": "+name] = test
		}
	}
	for _, id := range []string{"0", "000000", "UNKNOWN", "Unk", "TEMP", "N/A", "none", "9999", "xxxx", "--",
		"123456789", "No ID"} {
		tests["placeholder "+id] = pair{"|" + id + "^^^A^MR||X^Y||19700101", "|" + id + "^^^A^MR||X^Y||19700101", false}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := message(head, "PID|1|"+test.first, cbc, hemoglobin) +
				message(head, "PID|1|"+test.second, cbc, strings.Replace(hemoglobin, "718-7", "1-1", 1))
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
			assert.EqualError(t, err,
				"helios: hl7v2: the messages are not all about one patient: "+
					"message 2, PID 1 is about another, or does not say that it is not")
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

// from makes a message about whom a PID says, from its third field on, with a
// result of its own.
func from(sender, pid string, n int) string {
	return message(fmt.Sprintf(`MSH|^~\&|LIS|%s|||20240305||ORU^R01|%d|P|2.5.1`, sender, n), "PID|1||"+pid, cbc,
		fmt.Sprintf("OBX|1|NM|%d^T^L||%d|g||N|||F", n, n))
}

// groups returns which messages ByPatient takes together, and of which it sends
// nothing.
func groups(t *testing.T, senders []string, pids ...string) (all [][]int, notSent []int) {
	t.Helper()
	var in strings.Builder
	for i, pid := range pids {
		sender := "HOSP"
		if i < len(senders) {
			sender = senders[i]
		}
		in.WriteString(from(sender, pid, i+1))
	}
	patients, _, err := hl7v2.ByPatient(strings.NewReader(in.String()), hl7v2.Options{})
	require.NoError(t, err)
	for i, p := range patients {
		all = append(all, p.Messages)
		if p.Err != nil {
			require.ErrorIs(t, p.Err, hl7v2.ErrNoResults)
			assert.Equal(t, len(p.Messages), p.Report.Count(clinical.NoPatient))
			notSent = append(notSent, i)
		}
	}
	return all, notSent
}

func TestWhoIsWhoInABatch(t *testing.T) {
	t.Parallel()
	const (
		ada   = "1^^^A||X^Ada||19700101"
		grace = "1^^^A||X^Grace||19700101"
	)
	tests := map[string]struct {
		senders []string
		pids    []string
		want    [][]int
		notSent []int
	}{
		"an identifier learned from another message": {nil, []string{"1^^^A||X^Y||1970", "1^^^A~2^^^B||X^Y||1970",
			"2^^^B||X^Y||1970"}, [][]int{{1, 2, 3}}, nil},
		"it may be either of two": {nil, []string{"1^^^A||X^Y||1970", "2^^^B||X^Y||1970",
			"1^^^A~2^^^B||X^Y||1970"}, [][]int{{1}, {2}, {3}}, nil},
		"it stays alone": {nil, []string{ada, grace, "1^^^A", "1^^^A"},
			[][]int{{1}, {2}, {3}, {4}}, nil},
		"others stay together": {nil, []string{ada, grace, "1^^^A", grace, ada},
			[][]int{{1, 5}, {2, 4}, {3}}, nil},
		"taken for one before the other came": {nil, []string{"1^^^A", ada, grace}, [][]int{{1, 2}, {3}},
			[]int{0}},
		"the same in another order": {nil, []string{ada, "1^^^A", grace}, [][]int{{1, 2}, {3}},
			[]int{0}},
		"taken by birth date, not by name": {nil, []string{ada, "1^^^A||||19700101", grace},
			[][]int{{1, 2}, {3}}, []int{0}},
		"taken by name, and not born so": {nil, []string{ada, "1^^^A||X^Ada", "1^^^A||X^Ada||1980"},
			[][]int{{1, 2}, {3}}, []int{0}},
		"taken by name, which the other has not": {nil, []string{ada, "1^^^A||X^Ada", grace},
			[][]int{{1, 2}, {3}}, nil},
		"a shorter name of both": {nil, []string{"1^^^A||X^Ada||1970", "1^^^A||X^Ada B||1970",
			"1^^^A||X^Ada C||1970"}, [][]int{{1, 2}, {3}}, []int{0}},
		"numbers of two senders": {[]string{"A", "B"}, []string{"1||X^Y", "1||X^Y"},
			[][]int{{1}, {2}}, nil},
		"numbers of two senders, all the same": {[]string{"A", "B"},
			[]string{"1||X^Y||19700101", "1||X^Y||19700101"}, [][]int{{1, 2}}, nil},
		"twins that are insured together": {nil, []string{"1^^^A^MR~7^^^I^HC||X^Ada||1970",
			"2^^^A^MR~7^^^I^HC||X^Eve||1970"}, [][]int{{1}, {2}}, nil},
		"a family with one insurance": {nil, []string{"7^^^I^HC||Curie^Marie||18671107|F",
			"7^^^I^HC||Curie^Irene||18970912|F",
			"7^^^I^HC||Curie^Marie||18671107|F"}, [][]int{{1, 3}, {2}}, nil},
		"twins with one number": {nil, []string{ada, grace}, [][]int{{1}, {2}}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, notSent := groups(t, test.senders, test.pids...)
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.notSent, notSent)
		})
	}
}

func TestANumberOfManyIsNobodys(t *testing.T) {
	t.Parallel()
	var pids []string
	for i := range 70 {
		pids = append(pids, fmt.Sprintf("1^^^A||X^Y||%d", 1900+i))
	}
	got, _ := groups(t, nil, append(pids, pids[0], pids[69])...)
	assert.Len(t, got, 71)
	assert.Equal(t, []int{1, 71}, got[0])
	assert.Equal(t, []int{70}, got[69], "it is not known that this is the last message's too")
}

// A number from a sender who does not say who they are is nobody's for certain:
// then name and birth date have to agree too.
func TestANumberOfAnUnknownSender(t *testing.T) {
	t.Parallel()
	from := func(pid string) string {
		return message(`MSH|^~\&|||APP|SITE|20240305120000||ORU^R01|1|P|2.5.1`, "PID|1||"+pid, cbc,
			"OBX|1|NM|718-7^Hb^LN||10|g/dL|||||F")
	}
	_, _, err := hl7v2.LabResults(strings.NewReader(from("17|||||M")+from("17|||||F")), hl7v2.Options{})
	assert.ErrorIs(t, err, hl7v2.ErrMultiplePatients)
	req, _, err := hl7v2.LabResults(strings.NewReader(from("17||X^Y||19700101|M")+from("17||X^Y||19700101|M")),
		hl7v2.Options{})
	assert.NoError(t, err)
	assert.Len(t, req.LabResults, 1, "the same twice")
}
