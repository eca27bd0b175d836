// Package fhirdoc makes FHIR resources of a report, to file it in the record
// that its data came from.
//
//	page := report.New(result, report.Clinician, report.Options{})
//	bundle, err := fhirdoc.DocumentReference(page, fhirdoc.Options{
//		Subject: "Patient/1",
//		RunID:   event.RunID,
//		Time:    event.Timestamp,
//	})
//	if err != nil {
//		return err
//	}
//	// POST it to the FHIR server, as application/fhir+json.
//
// [DocumentReference] and [DiagnosticReport] each return a Bundle of type
// transaction, in the JSON of FHIR R4 (https://hl7.org/fhir/R4). It has three
// resources: the document, with the page attached as HTML and as plain text; a
// Device, the Helios agent; and a Provenance, which says that the Device is
// the author of the document.
//
// # Made by artificial intelligence
//
// The document has the security label AIAST ("Artificial Intelligence
// asserted"), and Device and Provenance have the codes that HL7's guide AI
// Transparency on FHIR (hl7.fhir.uv.aitransparency, 1.0.0-ballot,
// https://build.fhir.org/ig/HL7/aitransparency-ig) asks for. They do not claim
// the guide's profiles in meta.profile, since a server that does not have the
// profiles may refuse resources that claim them.
//
// The status is preliminary. Whoever signs the report makes it final and adds a
// Provenance of their own.
//
// # Filed once
//
// Each resource has an identifier or a tag made of the run's id and of the
// audience, and is created only if the server has none with it (If-None-Exist).
// So a report can be filed again if the answer was lost. This needs a server
// that supports conditional creation in a transaction.
//
// The Bundle holds health data. Errors do not.
package fhirdoc
