package hl7v2_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical/hl7v2"
)

// seeds have the shapes that real messages have.
var seeds = []string{
	"",
	message(head, ada, cbc, hemoglobin),
	people,
	"\x0b" + message(head, ada, cbc, hemoglobin) + "\x1c\r",
	"\xef\xbb\xbf" + strings.ReplaceAll(message(head, ada, cbc, hemoglobin), "\r", "\r\n"),
	"FHS|^~\\&|A\nBHS|^~\\&|A\n" + message(head, ada) + message(head, "PID|1||2", cbc, hemoglobin) + "BTS|2\nFTS|1",
	`MSH|^~\&#|A|B|C|D|20240305140000.0000+0000||ORU^R01^ORU_R01|42|P|2.5.1||||||8859/1` +
		"\rPID|1\rOBR|1|||1^T\rOBX|1|NM|1^T||5|\xb5g\r",
	"MSH*:;?!*A*******ORU:R01\rPID*1\rOBX*1*SN*1:T**>:5:-:6\r",
	message(head, ada, cbc, `OBX|1|TX|1^T^L||one\.br\two\XC2B5\`, "three||||||F",
		`OBX|2|ED|1^T^L||^application^pdf^Base64^QUJD`,
		`OBX|3|CWE|^^^1^T^L|1^1|1^A^SCT^^^^1~2^B||<5 = no|A^Abnormal^HL70078~^^^^^^2.7|||C`),
	message(head, ada, "OBR|1||F1|600-7^Culture^LN", "OBX|1|CWE|600-7^B^LN|1|1^E coli^SCT||||||F",
		"SPM|1|||||||||||Q", "OBR|2||F2|5^MIC^LN||||||||||||||||||||MB|P|600-7&B&LN^1^E COLI",
		"OBX|1|SN|28-1^Amp^LN||>=^32|ug/mL||R|||P||||||||||||||||||QST"),
	`{"resourceType":"Bundle"}`,
}

func FuzzLabResults(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	client, err := helios.NewClient(helios.WithAPIKey("sk_live_x"), helios.WithWebhookURL("https://example.org/hook"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		opts := hl7v2.Options{ReferenceDate: referenceDate}
		req, report, err := hl7v2.LabResults(bytes.NewReader(in), opts)
		if report == nil || (req == nil) == (err == nil) {
			t.Fatalf("request, report and error do not fit: %v %v %v", req, report, err)
		}
		if err == nil {
			if err := client.LabResults.Validate(req); err != nil {
				t.Fatal(err)
			}
			if report.Sent["labResults"] != len(req.LabResults) {
				t.Fatal("the report counts otherwise")
			}
		}
		_ = report.String()
		again, _, _ := hl7v2.LabResults(iotest.OneByteReader(bytes.NewReader(in)), opts)
		one, _ := json.Marshal(req)
		two, _ := json.Marshal(again)
		if !bytes.Equal(one, two) {
			t.Fatal("it depends on how the input is read")
		}
		patients, rest, err := hl7v2.ByPatient(bytes.NewReader(in), opts)
		if rest == nil || err != nil && patients != nil {
			t.Fatal("patients, report and error do not fit")
		}
		for _, p := range patients {
			if (p.Request == nil) == (p.Err == nil) || p.Report == nil || len(p.Messages) == 0 {
				t.Fatal("a patient's request, report and error do not fit")
			}
		}
	})
}

// FuzzPrivacy puts a text into each field of people, and the same text as a
// result.
func FuzzPrivacy(f *testing.F) {
	for _, seed := range []string{"Lovelace", "O'Neil-Smith", "MRN 8801", "5 Devonshire St", "Ğüler", "x", "a|b",
		"12345678"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(strings.TrimSpace(s)) < 4 || strings.ContainsAny(s, "|^~\\&\r\n\x0b\x1c") {
			t.Skip()
		}
		in := message(head, "PID|1||77||"+s, cbc, "OBX|1|ST|1^T^L||seen by "+s+" today||||||F", hemoglobin, "NTE|1||"+s)
		req, report, err := hl7v2.LabResults(strings.NewReader(in), hl7v2.Options{ReferenceDate: referenceDate})
		if err != nil {
			t.Skip() // the text broke the message
		}
		for _, lab := range req.LabResults {
			if strings.Contains(lab.Value, "seen by") && hasWord(s) {
				t.Fatalf("%q is sent", lab.Value)
			}
		}
		if strings.Contains(report.String(), s) && len(s) > 8 {
			t.Fatal("it is in the report")
		}
	})
}

// hasWord reports whether there is enough in s to be looked for.
func hasWord(s string) bool {
	n := 0
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			n++
		}
	}
	return n >= 4
}
