package hl7v2_test

import (
	"fmt"
	"strings"

	"github.com/heliosai/helios-go/clinical/hl7v2"
)

// An invented message. Segments end in a carriage return; a line feed will do.
const example = `MSH|^~\&|LAB|HOSPITAL|||20240305140000||ORU^R01^ORU_R01|1|P|2.5.1
PID|1||1001^^^HOSPITAL^MR||Lovelace^Ada||19661210|F
OBR|1||F88|24323-8^Metabolic panel^LN|||20240305080000|||||||||||||||||CH|F
OBX|1|NM|2160-0^Creatinine^LN||1.80|mg/dL|0.7-1.3|H|||F
OBX|2|NM|2951-2^Sodium^LN||140|mmol/L|136-145||||F
OBX|3|CWE|82810-3^Pregnancy status^LN||N^No^HL70136||||||F||||||||||||||||||QST
OBX|4|ED|11502-2^Report^LN||^application^pdf^Base64^JVBERi0xLjQK||||||F
`

func ExampleLabResults() {
	labs, _, err := hl7v2.LabResults(strings.NewReader(example), hl7v2.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, lab := range labs.LabResults {
		fmt.Printf("%s %s: %s (%s) %s\n", lab.Date, lab.Name, lab.Value, lab.ReferenceRange, lab.Flag)
	}
	fmt.Println(labs.PatientContext.Age, labs.PatientContext.Gender)
	// Output:
	// 2024-03-05 Creatinine: 1.80 mg/dL (0.7-1.3 mg/dL) High
	// 2024-03-05 Sodium: 140 mmol/L (136-145 mmol/L) Normal
	// 57 female
}

func ExampleLabResults_report() {
	_, report, _ := hl7v2.LabResults(strings.NewReader(example), hl7v2.Options{})
	fmt.Print(report)
	// Output:
	// sent
	//   2  labResults
	// not sent
	//   1  an order question, not a result: QST  message 1, OBX 3
	//   1  this type of value is not sent: ED    message 1, OBX 4
}

func ExampleByPatient() {
	batch := example + strings.NewReplacer("1001", "2002", "Lovelace^Ada", "Hopper^Grace", "19661210",
		"19061209").Replace(example) + example
	patients, _, err := hl7v2.ByPatient(strings.NewReader(batch), hl7v2.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range patients {
		if p.Err != nil { // nothing to send: p.Report says why
			continue
		}
		fmt.Println("messages", p.Messages, "results", len(p.Request.LabResults))
	}
	// Output:
	// messages [1 3] results 2
	// messages [2] results 2
}
