// Package clinical holds what packages fhir and hl7v2 share. They make requests
// from FHIR resources and from HL7 v2 messages.
//
// A [Report] says what of the data is sent, what is not, and why. It can be
// logged: it holds counts and the kind and id of resources, no health data.
//
//	labs, report, err := fhir.LabResults(file, fhir.Options{})
//	if err != nil {
//		return err
//	}
//	if n := report.Count(clinical.TooMany); n > 0 {
//		log.Printf("%d older results are not sent", n)
//	}
//	fmt.Print(report)
//
// [ParseRange], [ParseQuantity] and [SameUnit] read the reference ranges,
// values and units that laboratories write.
package clinical

// Test is a laboratory test with its result, as the hooks of the options get
// it. It holds health data.
type Test struct {
	// System and Code identify the test: "http://loinc.org" and "718-7". Both
	// are empty where the source names it in words only.
	System, Code string
	Name         string
	Value, Unit  string // the value as written, without the unit
	// ReferenceRange is the range that is sent, "" if there is none.
	ReferenceRange string
	// Age is the patient's age in years; nil means unknown.
	Age *int
	// Gender is the patient's administrative gender: "male", "female", "other",
	// "unknown" or "" where the source has none.
	Gender string
}
