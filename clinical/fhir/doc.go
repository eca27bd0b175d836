// Package fhir makes requests from FHIR JSON: [LabResults] one for the
// interpretation of lab results, [Agent] one for the summary of a patient's
// record.
//
//	labs, report, err := fhir.LabResults(file, fhir.Options{})
//	if err != nil {
//		return err
//	}
//	log.Print(report)
//	run, err := client.LabResults.Submit(ctx, labs)
//
// The input is a Bundle of any type, nested Bundles included, a resource, an
// array of either, or one of either per line (NDJSON), in any order. It may be
// compressed by gzip. DSTU2, STU3, R4, R4B and R5 are read.
//
// Two rules come first. Nothing is invented: a result is called normal only if
// the data says so, and numbers and dates are sent as written. Nothing is lost
// silently: what is not sent is counted in the report, with the reason and the
// resource.
//
// # What is sent
//
// LabResults sends the newest [helios.MaxLabResults] lab results, with age,
// gender, conditions and active medications as context. Agent sends lab results
// that the data calls abnormal or normal, vital signs, conditions, medications,
// age and gender, and results that the data does not judge if
// [Options].Unclassified names a category for them. Everything else is counted
// as not sent.
//
// docs/fhir-mapping.md says how each field is read, and docs/privacy.md what
// never leaves: names, identifiers, addresses, narratives, notes and
// attachments are never copied, and typed texts are searched for them.
//
// # Whose data it is
//
// Input about several patients is [ErrMultiplePatients], unless Options.Patient
// says which is meant. A resource without a subject is the patient's if nothing
// is about anyone else. Of several versions of a resource the newest counts,
// even if it is not sent.
//
// # Limits
//
// The input is streamed: a bundle of 1 GiB takes less than 64 MiB beyond what
// is sent. Gzip is inflated as it is read, so a small file can take long, but
// no more memory. A resource above 16 MiB is skipped and reported. As long as
// it is not known who the patient is, there can be at most 64 subjects, and
// 8 MiB about all but one, so put the Patient first.
//
// # Broken input
//
// A resource or a line that is not JSON is skipped and reported. Fields that
// are not needed are not checked, as in {"x":NaN}. Where it is not certain
// where a resource ends, as in input that is cut off, the error is
// [ErrMalformed]. Neither an error nor the report quotes the input.
package fhir
