package fhir_test

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

// show prints a request as it is sent.
func show(request any) {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(request); err != nil {
		log.Fatal(err)
	}
}

// A result that the laboratory calls high. Who it is, and who says so, stays
// behind.
func ExampleLabResults() {
	input := strings.NewReader(`{"resourceType": "Bundle", "entry": [
		{"resource": {"resourceType": "Patient", "id": "1", "name": [{"family": "Doe"}], "gender": "male",
			"birthDate": "1966-05-04"}},
		{"resource": {"resourceType": "Observation", "id": "2", "status": "final",
			"subject": {"reference": "Patient/1", "display": "John Doe"},
			"category": [{"coding": [{"code": "laboratory"}]}],
			"code": {"coding": [{"system": "http://loinc.org", "code": "2160-0", "display": "Creatinine"}]},
			"effectiveDateTime": "2025-01-15T23:30:00-05:00",
			"valueQuantity": {"value": 1.80, "unit": "mg/dL"},
			"interpretation": [{"coding": [{"code": "H"}]}],
			"referenceRange": [{"low": {"value": 0.7}, "high": {"value": 1.3}}],
			"note": [{"text": "Called Dr. Roe"}]}},
		{"resource": {"resourceType": "Immunization", "id": "3", "status": "completed"}}]}`)

	request, report, err := fhir.LabResults(input, fhir.Options{})
	if err != nil {
		log.Fatal(err)
	}
	show(request)
	fmt.Print(report)
	// Output:
	// {
	//   "labResults": [
	//     {
	//       "name": "Creatinine",
	//       "value": "1.80 mg/dL",
	//       "flag": "High",
	//       "referenceRange": "0.7-1.3 mg/dL",
	//       "date": "2025-01-15",
	//       "unit": "mg/dL"
	//     }
	//   ],
	//   "patientContext": {
	//     "age": "58",
	//     "gender": "male"
	//   }
	// }
	// sent
	//   1  labResults
	// not sent
	//   1  this kind is not sent: Immunization  Immunization/3
}

// Lines of NDJSON, as FHIR's bulk export writes them.
func ExampleAgent() {
	input := strings.NewReader(strings.Join([]string{
		`{"resourceType":"Patient","id":"1","gender":"female","birthDate":"1980"}`,
		`{"resourceType":"Condition","id":"2","code":{"text":"Type 2 Diabetes Mellitus"},` +
			`"clinicalStatus":{"coding":[{"code":"active"}]},"onsetDateTime":"2020-03-15"}`,
		`{"resourceType":"MedicationRequest","id":"3","status":"active","intent":"order",` +
			`"medicationCodeableConcept":{"text":"Metformin"},"dosageInstruction":[{"timing":` +
			`{"repeat":{"frequency":2,"period":1,"periodUnit":"d"}},` +
			`"doseAndRate":[{"doseQuantity":{"value":500,"unit":"mg"}}]}]}`,
		`{"resourceType":"MedicationRequest","id":"4","status":"stopped","intent":"order",` +
			`"medicationCodeableConcept":{"text":"Glipizide"}}`,
	}, "\n"))

	request, report, err := fhir.Agent(input, helios.AgentLight,
		fhir.Options{ReferenceDate: time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		log.Fatal(err)
	}
	show(request)
	fmt.Print(report)
	// Output:
	// {
	//   "agentType": "light",
	//   "data": {
	//     "patientInfo": {
	//       "age": 44,
	//       "gender": "female"
	//     },
	//     "pastMedicalHistory": [
	//       {
	//         "display": "Type 2 Diabetes Mellitus",
	//         "clinicalStatus": "active",
	//         "onsetDate": "2020-03-15"
	//       }
	//     ],
	//     "medications": [
	//       {
	//         "medication": "Metformin",
	//         "status": "active",
	//         "dosage": "500 mg",
	//         "frequency": "twice daily"
	//       }
	//     ]
	//   }
	// }
	// sent
	//   1  medications
	//   1  pastMedicalHistory
	// not sent
	//   1  a drug that is not currently taken: stopped  MedicationRequest/4
	// sent with a reservation
	//   1  the birth date has no day                    Patient
}

// Results whose laboratory gives no range, as the caller knows one; of each
// test only the latest.
func ExampleOptions() {
	input := strings.NewReader(`[
		{"resourceType": "Observation", "id": "1", "status": "final",
			"category": [{"coding": [{"code": "laboratory"}]}], "effectiveDateTime": "2024-06-01",
			"code": {"coding": [{"system": "http://loinc.org", "code": "2951-2", "display": "Sodium"}]},
				"valueQuantity": {"value": 128, "unit": "mmol/L"}},
		{"resourceType": "Observation", "id": "2", "status": "final",
			"category": [{"coding": [{"code": "laboratory"}]}], "effectiveDateTime": "2025-01-15",
			"code": {"coding": [{"system": "http://loinc.org", "code": "2951-2", "display": "Sodium"}]},
				"valueQuantity": {"value": 140, "unit": "mmol/L"}}]`)

	request, report, err := fhir.LabResults(input, fhir.Options{
		LatestPerTest: true,
		ResultsOnly:   true,
		Classify: func(test clinical.Test) helios.Flag {
			if test.Code == "2951-2" && test.Unit == "mmol/L" && test.Value >= "136" && test.Value <= "145" {
				return helios.FlagNormal
			}
			return "" // not known
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, lab := range request.LabResults {
		fmt.Println(lab.Date, lab.Name, lab.Value, lab.Flag)
	}
	fmt.Print(report)
	// Output:
	// 2025-01-15 Sodium 140 mmol/L Normal
	// sent
	//   1  labResults
	// not sent
	//   1  older than the latest of its test  Observation/1
}
