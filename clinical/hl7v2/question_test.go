package hl7v2_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/hl7v2"
)

// plain is an order that says nothing of a laboratory.
const plain = "OBR|1|P77|F88|X1^Request^L|||202403050800"

func TestCaseNotification(t *testing.T) {
	t.Parallel()
	for _, order := range []string{
		"NOTF^Individual Case Notification^2.16.840.1.114222.4.5.274", "NOTF^Individual Case Notification^CDCPHINVS",
		"PERSUBJ^Person Subject^2.16.840.1.114222.4.5.274", "68991-9^Epidemiologic Information^LN",
		"78000-7^Case notification^LN", "C1^Case^L^NOTF^Individual Case Notification^CDCPHINVS",
	} {
		in := message(head, "PID|1||1001^^^HOSP^MR||||19661210|F|||^^^KY^40601", "OBR|1||C1|"+order+"|||20240305",
			"OBX|1|ST|INV173^State Case Identifier^2.16.840.1.114222.4.5.232||KY00112233||||||F",
			"OBX|2|CWE|INV178^Pregnant^PHINQUESTION||N^No^HL70136||||||F",
			"OBX|3|ST|DEM161^County^L||Franklin||||||F",
			"OBX|4|ST|77968-6^ZIP^LN||40601||||||F",
			"OBX|5|SN|77998-3^Age at onset^LN||^57|a^year^UCUM|||||F",
			"OBX|6|NM|LAB628^Numeric result^PHINQUESTION||12|mg/dL|1-9|H|||F")
		labs, report := read(t, in, hl7v2.Options{})
		assert.Empty(t, labs, order)
		assert.Equal(t, 6, report.Count(clinical.OrderQuestion), order)
	}
}

func TestWhatMakesAnObservationAResult(t *testing.T) {
	t.Parallel()
	const question, other = clinical.OrderQuestion, clinical.CategoryNotSent
	laboratory := strings.TrimSuffix(cbc, "|F") + "|F"
	specimen := "SPM|1|||BLD"
	tests := map[string]struct {
		segments []string
		want     clinical.Reason // of the first OBX; "" if it is sent
	}{
		// What is asked, in the order of a laboratory.
		"employed": {[]string{laboratory,
			"OBX|1|CWE|E1^Employed in health care^L||Y^Yes^HL70136||||||F"}, question},
		"complaint":             {[]string{laboratory, "OBX|1|ST|C1^Chief complaint^L||cough||||||F"}, question},
		"fasting":               {[]string{laboratory, "OBX|1|ST|F1^Patient fasting^L||unknown||||||F"}, question},
		"tobacco":               {[]string{laboratory, "OBX|1|CE|T1^Tobacco use^L||2^Former^L||||||F"}, question},
		"last menstrual period": {[]string{laboratory, "OBX|1|DT|L1^LMP^L||20240101||||||F"}, question},
		"a date":                {[]string{laboratory, "OBX|1|DT|X2^Collected^L||20240101||||||F"}, question},
		"yes, by table 0136":    {[]string{laboratory, "OBX|1|CWE|X2^Diabetic^L||Y^Ja^HL70136||||||F"}, question},
		"PHIN question": {[]string{laboratory, "OBX|1|NM|LAB628^Numeric result^PHINQUESTION||12|mg/dL|1-9|H|||F"},
			question},
		"PHIN question, a local code first": {[]string{laboratory,
			"OBX|1|ST|X1^State Case ID^L^INV173^State Case Identifier^PHINQUESTION||KY0011||||||F"}, question},
		"yes, by SNOMED": {[]string{laboratory, "OBX|1|CWE|X2^Diabetic^L||373066001^Yes^SCT||||||F"}, question},
		"no, as text":    {[]string{laboratory, "OBX|1|ST|X2^Diabetic^L||no||||||F"}, question},
		"age":            {[]string{laboratory, "OBX|1|NM|X2^Age of patient^L||57|a|||||F"}, question},
		"ZIP code":       {[]string{laboratory, "OBX|1|NM|X2^ZIP^L||40601||||||F"}, question},

		// What has a word of a question and is a result.
		"glucose fasting":       {[]string{plain, "OBX|1|NM|G1^Glucose fasting^L||90|mg/dL|||||F"}, ""},
		"glucose fasting, bare": {[]string{laboratory, "OBX|1|NM|G1^Glucose fasting^L||90||||||F"}, ""},
		"pregnancy test":        {[]string{laboratory, "OBX|1|ST|P1^Pregnancy test^L||Negative||||||F"}, ""},
		"yes, with a range":     {[]string{plain, "OBX|1|ST|X2^Sickling^L||No||No||||F"}, ""},
		"sex hormone":           {[]string{plain, "OBX|1|NM|X2^Sex hormone binding globulin^L||40||||||F"}, ""},

		// What says so itself, in an order that does not.
		"number":            {[]string{plain, "OBX|1|NM|X2^INR^L||1.1||||||F"}, ""},
		"unit":              {[]string{plain, "OBX|1|ST|X2^Sodium^L||140|mmol/L|||||F"}, ""},
		"range":             {[]string{plain, "OBX|1|ST|X2^Colour^L||straw||yellow||||F"}, ""},
		"flag":              {[]string{plain, "OBX|1|ST|X2^Colour^L||straw|||N|||F"}, ""},
		"a word of results": {[]string{plain, "OBX|1|ST|X2^RPR^L||Non reactive, not detected||||||F"}, ""},
		"LOINC": {[]string{plain, "OBX|1|CWE|600-7^Bacteria^LN||112283007^Escherichia coli^SCT||||||F"},
			""},
		"LOINC and a text": {[]string{plain, "OBX|1|ST|5778-6^Color^LN||straw||||||F"}, ""},
		"LOINC and a report": {[]string{plain,
			"OBX|1|TX|36643-5^XR Chest^LN||The heart is of usual size and shape||||||F"}, other},
		"a text":       {[]string{plain, "OBX|1|TX|X2^Chest^L||The heart is of usual size||||||F"}, other},
		"a local code": {[]string{plain, "OBX|1|CE|X2^Ward^L||7^North^L||||||F"}, other},

		// What its order says.
		"section":            {[]string{laboratory, "OBX|1|CE|X2^Colour^L||7^straw^L||||||F"}, ""},
		"specimen":           {[]string{plain, "OBX|1|CE|X2^Colour^L||7^straw^L||||||F", specimen}, ""},
		"source of specimen": {[]string{plain + "||||||||BLD", "OBX|1|CE|X2^Colour^L||7^straw^L||||||F"}, ""},
		"laboratory in CPT": {[]string{"OBR|1||F|81001^Urinalysis^C4", "OBX|1|CE|X2^Colour^L||7^straw^L||||||F"},
			""},
		"radiology in CPT": {[]string{"OBR|1||F|71020^Chest^C4", "OBX|1|CE|X2^Heart^L||7^usual^L||||||F"}, other},
		"another result": {[]string{plain, "OBX|1|CE|X2^Colour^L||7^straw^L||||||F",
			"OBX|2|NM|X3^pH^L||7|1|||||F"}, ""},
		"section of no section": {[]string{plain + strings.Repeat("|", 17) + "RAD", "OBX|1|NM|X2^Size^L||7|mm|||||F"},
			other},
		"an image":           {[]string{plain, "OBX|1|TX|X2^Chest X-ray^L||Normal||||||F"}, other},
		"an image, by LOINC": {[]string{plain, "OBX|1|TX|36643-5^XR Chest 2 Views^LN||Normal||||||F"}, other},
		"device and LOINC": {[]string{plain,
			"OBX|1|NM|149514^MDC_PULS_RATE^MDC^8889-8^Heart rate^LN||60|/min|||||F"}, other},
		"device behind LOINC": {[]string{plain,
			"OBX|1|NM|8889-8^Heart rate^LN^149514^MDC_PULS_RATE^MDC||60|/min|||||F"}, other},
		"device": {[]string{laboratory, "OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC||97|%|||||F"}, other},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			labs, report := read(t, message(append([]string{head, ada}, test.segments...)...), hl7v2.Options{})
			if test.want == "" {
				require.NotEmpty(t, labs)
				assert.Zero(t, report.Dropped())
				return
			}
			assert.Empty(t, labs)
			require.NotEmpty(t, report.Issues)
			assert.Equal(t, test.want, report.Issues[0].Reason)
			assert.Equal(t, "message 1, OBX 1", report.Issues[0].Source)
		})
	}
}
