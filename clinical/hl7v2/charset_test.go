package hl7v2_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/hl7v2"
)

// encoded returns a message with one result in a character set.
func encoded(t *testing.T, set encoding.Encoding, declared, obx string) string {
	t.Helper()
	in, err := set.NewEncoder().String(message(head+"||||||"+declared, ada, cbc, obx))
	require.NoError(t, err)
	return in
}

// TestCharactersOfTwoBytes has texts of which the second byte of a character is
// a separator.
func TestCharactersOfTwoBytes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		set      encoding.Encoding
		declared string
		name     string
	}{
		"Shift-JIS":       {japanese.ShiftJIS, "Shift_JIS", "ボソミゼ"},
		"JIS":             {japanese.ISO2022JP, "~ISO IR87", "血糖ボ総"},
		"JIS after ASCII": {japanese.ISO2022JP, "ASCII~ISO IR87", "血糖ボ総"},
		"EUC":             {japanese.EUCJP, "EUC-JP", "血糖ボ"},
		"GBK":             {simplifiedchinese.GBK, "GB 18030-2000", "血糖黿苅"},
		"GB18030":         {simplifiedchinese.GB18030, "~GB 18030-2000", "血糖黿"},
		"Big5":            {traditionalchinese.Big5, "BIG-5", "四功血糖"},
		"Korean":          {korean.EUCKR, "KS X 1001", "혈당"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			obx := "OBX|1|NM|X^" + test.name + "^L|1|90|mg/dL|70-105|N|||F"
			want := []helios.LabResult{{Name: test.name, Value: "90 mg/dL", Unit: "mg/dL", Flag: helios.FlagNormal,
				ReferenceRange: "70-105 mg/dL", Date: "2024-03-05", Category: "Hematology"}}

			labs, report := read(t, encoded(t, test.set, test.declared, obx), hl7v2.Options{})
			assert.Equal(t, want, labs)
			assert.Empty(t, report.Issues)

			labs, report = read(t, encoded(t, test.set, "", obx), hl7v2.Options{})
			assert.Empty(t, labs, "nobody says which set it is")
			assert.Equal(t, 1, report.Count(clinical.Unreadable))
			assert.Equal(t, "message 1, MSH", report.Issues[0].Source)

			option := test.declared[strings.LastIndexByte(test.declared, '~')+1:]
			labs, _ = read(t, encoded(t, test.set, "", obx), hl7v2.Options{Charset: option})
			assert.Equal(t, want, labs, "the caller says it")
		})
	}
}

func TestMessagesThatCannotBeSplit(t *testing.T) {
	t.Parallel()
	kana := "OBX|1|NM|X^\x83{^L|1|90|mg/dL|70-105|N|||F"
	for name, in := range map[string]string{
		"a kana":              message(head, ada, cbc, kana),
		"with results before": message(head, ada, cbc, hemoglobin, kana, hemoglobin),
		"said to be Latin 1":  message(head+"||||||8859/1", ada, cbc, kana),
		"said to be ASCII":    message(head+"||||||ASCII", ada, cbc, kana),
		"half a character":    message(head+"||||||Shift_JIS", ada, cbc, "OBX|1|NM|X^T|1|90|mg/dL\x83"),
		"a change of set":     message(head+"||||||UNICODE UTF-8", ada, cbc, "OBX|1|NM|X^\x1b$B%\\\x1b(B^L|1|90|mg/dL"),
		"in the patient":      message(head, "PID|1||1001^^^HOSP^MR||\x8e\x52\x93\x63^\x91\xbe\x98Y", cbc, hemoglobin),
		"in the header":       message(strings.Replace(head, "HOSP", "\x95a\x89@", 1), ada, cbc, hemoglobin),
	} {
		in = strings.ReplaceAll(in, "\x83{", "\x83|")
		labs, report := read(t, in+message(head, ada, cbc, strings.Replace(hemoglobin, "718-7", "1-1", 1)),
			hl7v2.Options{})
		require.Len(t, labs, 1, name)
		assert.Equal(t, "10 g/dL", labs[0].Value, "the next message is read")
		assert.Contains(t, report.String(), "has characters that cannot be read", name)
		assert.Contains(t, report.String(), "message 1", name)
	}
}

func TestCharactersOfOneByte(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		declared, unit string
		want           string // "" if it is not sent
		note           clinical.Reason
	}{
		"undeclared":              {"", "\xb5g/l", "µg/l", clinical.CharacterSetGuessed},
		"undeclared, two small":   {"", "fl\xfc\xdfig", "", ""},
		"undeclared, a letter":    {"", "Sant\xe9", "Santé", clinical.CharacterSetGuessed},
		"undeclared, Windows":     {"", "\x93g\x94", "“g”", clinical.CharacterSetGuessed},
		"undeclared UTF-8":        {"", "µg/l", "µg/l", ""},
		"undeclared, damaged":     {"", "µµg/l \xb5", "", ""},
		"8859/1":                  {"8859/1", "\xb5g/l", "µg/l", ""},
		"8859/1, with a year":     {"ISO_8859-1:1987", "\xb5g/l", "µg/l", ""},
		"8859/1, second":          {"~8859/1", "\xb5g/l", "µg/l", ""},
		"8859/1 that is UTF-8":    {"8859/1", "µg/l", "µg/l", clinical.CharacterSet},
		"Shift-JIS that is UTF-8": {"Shift_JIS", "血糖", "血糖", clinical.CharacterSet},
		"8859/5":                  {"8859/5", "\xd3/\xdb", "г/л", ""},
		"WINDOWS-1252":            {"WINDOWS-1252", "\x80", "€", ""},
		"ASCII":                   {"ASCII", "\xb5g/l", "", ""},
		"UTF-8, damaged":          {"UNICODE UTF-8", "\xb5g/l", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := message(head+"||||||"+test.declared, ada, cbc, "OBX|1|NM|1^T^L||5|"+test.unit+"|1-9|N|||F")
			labs, report := read(t, in, hl7v2.Options{})
			if test.want == "" {
				assert.Empty(t, labs)
				assert.Equal(t, 1, report.Count(clinical.Unreadable))
				return
			}
			require.Len(t, labs, 1)
			assert.Equal(t, test.want, labs[0].Unit)
			if test.note == "" {
				assert.Empty(t, report.Issues)
			} else {
				assert.Equal(t, 1, report.Count(test.note))
			}
		})
	}
}

func TestCharsetOption(t *testing.T) {
	t.Parallel()
	in := strings.Replace(one("NM|1^T^L||5|\xb5g/l|||||F"), "2.5.1", "2.5.1||||||ASCII", 1)
	labs, report := read(t, in, hl7v2.Options{})
	assert.Empty(t, labs)
	assert.Equal(t, 1, report.Count(clinical.Unreadable))

	labs, _ = read(t, in, hl7v2.Options{Charset: "8859/1"})
	require.Len(t, labs, 1, "it counts whatever the message says")
	assert.Equal(t, "µg/l", labs[0].Unit)

	in = strings.Replace(in, "\xb5", `\XB5\`, 1)
	labs, _ = read(t, in, hl7v2.Options{Charset: "8859/1"})
	require.Len(t, labs, 1)
	assert.Equal(t, "µg/l", labs[0].Unit, "an escape is in it too")
	labs, _ = read(t, strings.Replace(in, "XB5", "X8C8C", 1), hl7v2.Options{Charset: "Shift_JIS"})
	require.Len(t, labs, 1)
	assert.Equal(t, "血g/l", labs[0].Unit)
}
