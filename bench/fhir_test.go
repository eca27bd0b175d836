package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/fhir"
)

// A patient's record as a bundle of FHIR, read by package fhir and, beside it, by encoding/json into map[string]any, which decodes all of it and converts nothing.
//
//	GOWORK=off go test -run xxx -bench FHIR -cpu 1 .       # absolute
//	GOWORK=off go test -run FHIRRatios -v .                # in turns, as ratios

// recordBundle makes a bundle in the shape of Synthea's, of generated data: of eight resources three are Observations, and claims are most of the bytes.
func recordBundle(visits int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"resourceType":"Bundle","type":"transaction","entry":[`)
	id := func(kind, i int) string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", kind, i) }
	n := 0
	add := func(kind int, i int, resource string) {
		if n++; n > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"fullUrl":"urn:uuid:%s","resource":%s,"request":{"method":"POST","url":"x"}}`, id(kind, i), resource)
	}
	add(0, 0, fmt.Sprintf(`{"resourceType":"Patient","id":"%s","name":[{"family":"Doe","given":["Jo"]}],"gender":"female","birthDate":"1950-02-03","address":[{"line":["1 Main St"]}]}`, id(0, 0)))
	subject := fmt.Sprintf(`"subject":{"reference":"urn:uuid:%s"}`, id(0, 0))
	item := `{"sequence":1,"productOrService":{"coding":[{"system":"http://snomed.info/sct","code":"185345009","display":"Encounter for symptom"}],"text":"Encounter for symptom"},` +
		`"adjudication":[{"category":{"coding":[{"system":"https://bluebutton.cms.gov/resources/codesystem/adjudication","code":"x","display":"Line Allowed Charge"}]},"amount":{"value":129.16,"currency":"USD"}}]}`
	for v := range visits {
		date := fmt.Sprintf("20%02d-%02d-%02dT08:15:30-05:00", v/12%30, v%12+1, v%28+1)
		add(1, v, fmt.Sprintf(`{"resourceType":"Encounter","id":"%s","status":"finished","class":{"code":"AMB"},"type":[{"text":"Check up"}],%s,"period":{"start":"%s","end":"%s"}}`, id(1, v), subject, date, date))
		for k := range 3 {
			category, unit := "laboratory", "mg/dL"
			if k == 2 {
				category, unit = "vital-signs", "kg"
			}
			i := 3*v + k
			add(2, i, fmt.Sprintf(`{"resourceType":"Observation","id":"%s","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category",`+
				`"code":"%s","display":"%s"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"%d-4","display":"Test number %d"}],"text":"Test number %d"},%s,`+
				`"encounter":{"reference":"urn:uuid:%s"},"effectiveDateTime":"%s","issued":"%s","valueQuantity":{"value":%d.%04d,"unit":"%s","system":"http://unitsofmeasure.org","code":"%s"}}`,
				id(2, i), category, category, i%40, i%40, i%40, subject, id(1, v), date, date, i%200, i%10000, unit, unit))
		}
		add(3, v, fmt.Sprintf(`{"resourceType":"Condition","id":"%s","clinicalStatus":{"coding":[{"code":"resolved"}]},"code":{"coding":[{"system":"http://snomed.info/sct","code":"%d","display":"Disease %d (disorder)"}]},%s,"onsetDateTime":"%s"}`,
			id(3, v), v%20, v%20, subject, date))
		add(4, v, fmt.Sprintf(`{"resourceType":"MedicationRequest","id":"%s","status":"stopped","intent":"order","medicationCodeableConcept":{"text":"Drug %d"},%s,"authoredOn":"%s"}`, id(4, v), v%9, subject, date))
		add(5, v, fmt.Sprintf(`{"resourceType":"Claim","id":"%s","status":"active","use":"claim",%s,"created":"%s","item":[%s,%s]}`, id(5, v), subject, date, item, item))
		add(6, v, fmt.Sprintf(`{"resourceType":"ExplanationOfBenefit","id":"%s","status":"active","patient":{"reference":"urn:uuid:%s"},"created":"%s","item":[%s,%s,%s,%s,%s]}`,
			id(6, v), id(0, 0), date, item, item, item, item, item))
	}
	b.WriteString(`]}`)
	var indented bytes.Buffer // as Synthea writes it
	if err := json.Indent(&indented, b.Bytes(), "", "  "); err != nil {
		panic(err)
	}
	return indented.Bytes()
}

// resultsBundle makes a bundle of nothing but laboratory results, with ranges and interpretations, without white space: all of it is decoded.
func resultsBundle(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"resourceType":"Bundle","type":"searchset","entry":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"fullUrl":"https://example.org/fhir/Observation/o%d","resource":{"resourceType":"Observation","id":"o%d","meta":{"versionId":"1","lastUpdated":"2025-01-15T08:15:30.000Z"},`+
			`"identifier":[{"system":"https://example.org/results","value":"%d"}],"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],`+
			`"code":{"coding":[{"system":"http://loinc.org","code":"%d-4","display":"Test number %d"}]},"subject":{"reference":"Patient/1"},"effectiveDateTime":"20%02d-%02d-%02d","performer":[{"reference":"Organization/1"}],`+
			`"valueQuantity":{"value":%d.%02d,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"},"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"N"}]}],`+
			`"referenceRange":[{"low":{"value":1,"unit":"mg/dL","code":"mg/dL"},"high":{"value":300,"unit":"mg/dL","code":"mg/dL"}}]}}`,
			i, i, i, i%60, i%60, i/336%30, i%12+1, i%28+1, i%250+1, i%100)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

type fhirInput struct {
	name string
	data []byte
}

// fhirInputs are the generated bundles and, where they are beside the checkout, a sample of Synthea's own.
func fhirInputs() []fhirInput {
	inputs := []fhirInput{{"record", recordBundle(300)}, {"results", resultsBundle(2000)}}
	if files, _ := filepath.Glob("../../shared/data/synthea-r4/*.json"); len(files) > 0 {
		if data, err := os.ReadFile(files[0]); err == nil {
			inputs = append(inputs, fhirInput{"synthea", data})
		}
	}
	return inputs
}

// fhirCandidates are what reads an input; the first is the floor.
func fhirCandidates(data []byte) []candidate {
	times := func(once func() error) func(int) error {
		return func(n int) error {
			for range n {
				if err := once(); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return []candidate{
		{"encoding/json into map[string]any", times(func() error {
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

func BenchmarkFHIR(b *testing.B) {
	for _, input := range fhirInputs() {
		for i, name := range []string{"json", "labs", "agent"} {
			c := fhirCandidates(input.data)[i]
			b.Run(input.name+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(input.data)))
				b.ReportAllocs()
				if err := c.run(b.N); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

// TestFHIRRatios measures in turns and logs; it fails for no time, as tests do not depend on how fast a machine is.
func TestFHIRRatios(t *testing.T) {
	m := &meter{rounds: 10, slice: 25 * time.Millisecond}
	for _, input := range fhirInputs() {
		rows, err := m.compare(fhirCandidates(input.data)...)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			t.Logf("%s, %.1f MB: %s: %.0f MB/s, %.2f times as fast as the floor, %.2f times the input in bytes", input.name, float64(len(input.data))/1e6, r.name,
				float64(len(input.data))/r.nanos*1e3, 1/r.ratio, r.bytes/float64(len(input.data)))
		}
	}
}

// What is allocated is at most three times the input.
func TestFHIRAllocations(t *testing.T) {
	for _, input := range fhirInputs() {
		for _, c := range fhirCandidates(input.data)[1:] {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := c.run(1); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if got, most := after.TotalAlloc-before.TotalAlloc, 3*uint64(len(input.data)); got > most {
				t.Errorf("%s of %s: %d bytes allocated for %d", c.name, input.name, got, len(input.data))
			}
		}
	}
}
