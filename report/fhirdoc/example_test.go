package fhirdoc_test

import (
	"encoding/json"
	"fmt"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/report"
	"github.com/heliosai/helios-go/report/fhirdoc"
)

func ExampleDocumentReference() {
	result := &helios.Result{ClinicianResponse: "Creatinine is above the range."}
	bundle, err := fhirdoc.DocumentReference(report.New(result, report.Clinician, report.Options{}), fhirdoc.Options{
		Subject: "Patient/1",
		RunID:   "run_a1b2",
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// Send it with POST to the base URL of the FHIR server. If the answer is
	// lost, send it again: there will be one document.
	var transaction struct {
		Entry []struct {
			Request struct{ Method, URL, IfNoneExist string }
		}
	}
	if err := json.Unmarshal(bundle, &transaction); err != nil {
		fmt.Println(err)
		return
	}
	for _, entry := range transaction.Entry {
		fmt.Println(entry.Request.Method, entry.Request.URL)
	}
	// Output:
	// POST Device
	// POST DocumentReference
	// POST Provenance
}
