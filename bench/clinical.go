package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical/fhir"
	"github.com/heliosai/helios-go/clinical/hl7v2"
)

// fhirTable measures a bundle of FHIR, read by package fhir and, beside it, by
// encoding/json into map[string]any, which decodes all of it and converts
// nothing.
func fhirTable(m *meter) error { return compareInputs(m, fhirInputs(), fhirCandidates) }

// hl7v2Table measures messages of HL7 v2, read by package hl7v2 and, beside it,
// split into segments and fields, the least that has to be done.
func hl7v2Table(m *meter) error { return compareInputs(m, hl7v2Inputs(), hl7v2Candidates) }

func compareInputs(m *meter, inputs []clinicalInput, candidates func([]byte) []candidate) error {
	for _, input := range inputs {
		rows, err := m.compare(candidates(input.data)...)
		if err != nil {
			return err
		}
		title("%s, %d KiB", strings.ToUpper(input.name[:1])+input.name[1:], len(input.data)>>10)
		for _, r := range rows {
			r.print()
		}
		fmt.Println()
		for _, r := range rows[1:] {
			fmt.Printf("%s reads %.0f MB/s, %.2f times as fast as the floor,"+
				" and allocates %.2f times the input.\n", r.name, float64(len(input.data))/r.nanos*1e3, 1/r.ratio,
				r.bytes/float64(len(input.data)))
		}
	}
	return nil
}

// times repeats what is measured.
func times(once func() error) func(int) error {
	return func(n int) error {
		for range n {
			if err := once(); err != nil {
				return err
			}
		}
		return nil
	}
}

// recordBundle makes a bundle in the shape of Synthea's, of generated data: of
// eight resources three are Observations, and claims are most of the bytes.
func recordBundle(visits int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"resourceType":"Bundle","type":"transaction","entry":[`)
	id := func(kind, i int) string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", kind, i) }
	n := 0
	add := func(kind int, i int, resource string) {
		if n++; n > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"fullUrl":"urn:uuid:%s","resource":%s,"request":{"method":"POST","url":"x"}}`, id(kind,
			i), resource)
	}
	add(0, 0, fmt.Sprintf(`{"resourceType":"Patient","id":"%s","name":[{"family":"Doe","given":["Jo"]}],`+
		`"gender":"female","birthDate":"1950-02-03","address":[{"line":["1 Main St"]}]}`, id(0, 0)))
	subject := fmt.Sprintf(`"subject":{"reference":"urn:uuid:%s"}`, id(0, 0))
	item := `{"sequence":1,"productOrService":{"coding":[{"system":"http://snomed.info/sct","code":"185345009",` +
		`"display":"Encounter for symptom"}],"text":"Encounter for symptom"},` +
		`"adjudication":[{"category":{"coding":[` +
		`{"system":"https://bluebutton.cms.gov/resources/codesystem/adjudication",` +
		`"code":"x","display":"Line Allowed Charge"}]},"amount":{"value":129.16,"currency":"USD"}}]}`
	for v := range visits {
		date := fmt.Sprintf("20%02d-%02d-%02dT08:15:30-05:00", v/12%30, v%12+1, v%28+1)
		add(1, v, fmt.Sprintf(`{"resourceType":"Encounter","id":"%s","status":"finished","class":{"code":"AMB"},`+
			`"type":[{"text":"Check up"}],%s,"period":{"start":"%s","end":"%s"}}`, id(1, v), subject, date, date))
		for k := range 3 {
			category, unit := "laboratory", "mg/dL"
			if k == 2 {
				category, unit = "vital-signs", "kg"
			}
			i := 3*v + k
			add(2, i, fmt.Sprintf(`{"resourceType":"Observation","id":"%s","status":"final",`+
				`"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category",`+
				`"code":"%s","display":"%s"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"%d-4",`+
				`"display":"Test number %d"}],"text":"Test number %d"},%s,`+
				`"encounter":{"reference":"urn:uuid:%s"},"effectiveDateTime":"%s","issued":"%s",`+
				`"valueQuantity":{"value":%d.%04d,"unit":"%s","system":"http://unitsofmeasure.org","code":"%s"}}`,
				id(2, i), category, category, i%40, i%40, i%40, subject, id(1, v), date, date, i%200, i%10000,
				unit, unit))
		}
		add(3, v, fmt.Sprintf(`{"resourceType":"Condition","id":"%s",`+
			`"clinicalStatus":{"coding":[{"code":"resolved"}]},`+
			`"code":{"coding":[{"system":"http://snomed.info/sct","code":"%d","display":"Disease %d (disorder)"}]},`+
			`%s,"onsetDateTime":"%s"}`,
			id(3, v), v%20, v%20, subject, date))
		add(4, v, fmt.Sprintf(`{"resourceType":"MedicationRequest","id":"%s","status":"stopped","intent":"order",`+
			`"medicationCodeableConcept":{"text":"Drug %d"},%s,"authoredOn":"%s"}`, id(4, v), v%9, subject, date))
		add(5, v, fmt.Sprintf(`{"resourceType":"Claim","id":"%s","status":"active","use":"claim",%s,"created":"%s",`+
			`"item":[%s,%s]}`, id(5, v), subject, date, item, item))
		add(6, v, fmt.Sprintf(`{"resourceType":"ExplanationOfBenefit","id":"%s","status":"active",`+
			`"patient":{"reference":"urn:uuid:%s"},"created":"%s","item":[%s,%s,%s,%s,%s]}`,
			id(6, v), id(0, 0), date, item, item, item, item, item))
	}
	b.WriteString(`]}`)
	var indented bytes.Buffer // as Synthea writes it
	if err := json.Indent(&indented, b.Bytes(), "", "  "); err != nil {
		panic(err)
	}
	return indented.Bytes()
}

// resultsBundle makes a bundle of nothing but laboratory results, with ranges
// and interpretations, without white space: all of it is decoded.
func resultsBundle(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"resourceType":"Bundle","type":"searchset","entry":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"fullUrl":"https://example.org/fhir/Observation/o%d",`+
			`"resource":{"resourceType":"Observation","id":"o%d","meta":{"versionId":"1",`+
			`"lastUpdated":"2025-01-15T08:15:30.000Z"},`+
			`"identifier":[{"system":"https://example.org/results","value":"%d"}],"status":"final",`+
			`"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category",`+
			`"code":"laboratory"}]}],`+
			`"code":{"coding":[{"system":"http://loinc.org","code":"%d-4","display":"Test number %d"}]},`+
			`"subject":{"reference":"Patient/1"},"effectiveDateTime":"20%02d-%02d-%02d",`+
			`"performer":[{"reference":"Organization/1"}],`+
			`"valueQuantity":{"value":%d.%02d,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"},`+
			`"interpretation":[{"coding":[`+
			`{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"N"}]}],`+
			`"referenceRange":[{"low":{"value":1,"unit":"mg/dL","code":"mg/dL"},"high":{"value":300,"unit":"mg/dL",`+
			`"code":"mg/dL"}}]}}`,
			i, i, i, i%60, i%60, i/336%30, i%12+1, i%28+1, i%250+1, i%100)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

type clinicalInput struct {
	name string
	data []byte
}

// fhirInputs are the generated bundles and, where they are beside the checkout,
// a sample of Synthea's own.
func fhirInputs() []clinicalInput {
	inputs := []clinicalInput{{"a patient's record, generated in the shape of Synthea's", recordBundle(300)},
		{"nothing but lab results", resultsBundle(2000)}}
	if files, _ := filepath.Glob("../../shared/data/synthea-r4/*.json"); len(files) > 0 {
		if data, err := os.ReadFile(files[0]); err == nil {
			inputs = append(inputs, clinicalInput{"a record of Synthea's", data})
		}
	}
	return inputs
}

// fhirCandidates are what reads an input; the first is the floor.
func fhirCandidates(data []byte) []candidate {
	return []candidate{
		{"encoding/json into map[string]any (floor)", times(func() error {
			var v map[string]any
			return json.Unmarshal(data, &v)
		})},
		{"**fhir** LabResults", times(func() error {
			_, _, err := fhir.LabResults(bytes.NewReader(data), fhir.Options{})
			return err
		})},
		{"**fhir** Agent", times(func() error {
			_, _, err := fhir.Agent(bytes.NewReader(data), helios.AgentLight, fhir.Options{})
			return err
		})},
	}
}

// hl7v2Inputs are messages with 20 and with 2,000 results, written as
// laboratories that report to public health do.
func hl7v2Inputs() []clinicalInput {
	return []clinicalInput{{"a message with 20 results", oru(20)}, {"a message with 2,000 results", oru(2000)}}
}

func oru(results int) []byte {
	tests := []struct{ id, value, unit, low, high string }{
		{"718-7^Hemoglobin [Mass/volume] in Blood", "14.", "g/dL^gram per deciliter^UCUM", "12.0", "16.0"},
		{"6690-2^Leukocytes [#/volume] in Blood by Automated count", "6.", "10*3/uL^thousand per microliter^UCUM",
			"4.0", "11.0"},
		{"2951-2^Sodium [Moles/volume] in Serum or Plasma", "13", "mmol/L^millimole per liter^UCUM", "130", "145"},
		{"2160-0^Creatinine [Mass/volume] in Serum or Plasma", "0.7", "mg/dL^milligram per deciliter^UCUM", "0.5",
			"1.3"},
	}
	var b bytes.Buffer
	b.WriteString("MSH|^~\\&|LAB|HOSP|APP|SITE|20240305120000||ORU^R01^ORU_R01|1|P|2.5.1\r" +
		"PID|1||17^^^HOSP^MR||Doe^Jo||19500203|F|||1 Main St^^Denver^CO^80210^USA||^PRN^PH^^1^555^5550123\r" +
		"OBR|1|P77^HOSP|F88^LAB|58410-2^CBC panel^LN|||202403050800-0500|||||||||1245319599^Snow^John^^^^^^NPI|||||" +
		"|202403051200||HM|F\r")
	for i := range results {
		test := tests[i%len(tests)]
		fmt.Fprintf(&b, "OBX|%d|NM|%s^LN^^^^2.69|%[1]d|%[3]s%[4]d|%s|%s-%s|N^Normal^HL70078^^^^2.7|||F|||"+
			"202403%02d%02d%02d00-0500|12D4567890^Central Lab^CLIA||||202403051200||||"+
			"Central Lab^L^^^^CLIA&2.16.840.1.113883.4.7&ISO^XX^^^12D4567890|123 Beach Way^^Denver^CO^80210^USA\r",
			i+1, test.id, test.value, i%10, test.unit, test.low, test.high, i%28+1, i%24, i%60)
	}
	return b.Bytes()
}

func hl7v2Candidates(data []byte) []candidate {
	fields := 0
	return []candidate{
		{"strings.Split into segments and fields (floor)", times(func() error {
			for segment := range strings.SplitSeq(string(data), "\r") {
				fields += len(strings.Split(segment, "|"))
			}
			return nil
		})},
		{"**hl7v2** LabResults", times(func() error {
			_, _, err := hl7v2.LabResults(bytes.NewReader(data), hl7v2.Options{})
			return err
		})},
	}
}
