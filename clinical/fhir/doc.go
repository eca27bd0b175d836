// Package fhir makes requests from FHIR R4 JSON: [LabResults] one for the interpretation of lab results, [Agent] one for the summary of a patient's record.
//
//	labs, report, err := fhir.LabResults(file, fhir.Options{})
//	if err != nil {
//		return err
//	}
//	log.Print(report)
//	run, err := client.LabResults.Submit(ctx, labs)
//
// The input is a Bundle of any type, also with Bundles inside of it, a resource, an array of either, or one of either per line (NDJSON), about one patient. It is read
// once, from beginning to end; the order of the resources does not matter.
//
// Two rules come before all others. Nothing is invented: a result is called normal only if the data says so, and numbers and dates are sent as they are
// written. Nothing is lost silently: what is not sent is counted in the report, with the reason and the resource that it came from.
//
// # What is sent
//
// A lab result for each Observation that is one, and for each of its components:
//
//	name            code: its text, else the display of LOINC, else of another terminology, else the code. A component is "Panel: component".
//	value, unit     value[x]: Quantity, CodeableConcept, string, boolean, integer, Range, Ratio, dateTime and time
//	flag            interpretation; where it says nothing of normality, the value beside the range that fits the patient; else Options.Classify. Nothing else.
//	referenceRange  of the ranges that are of what is normal and fit the patient's gender and the age at the result, the first
//	date            effective[x], of a period its end, else issued: the first 10 characters, without regard to time zones
//	category        the name of the DiagnosticReport that the result is in, or what Options.Category says
//
// An Observation is a lab result if its category says so, or a DiagnosticReport of a laboratory has it among its results; it is a vital sign if its category or its
// LOINC code says so. One without a category that has a LOINC code and a quantity, a range or an interpretation is taken for a lab result, with an entry in the report.
//
// [LabResults] sends the newest [helios.MaxLabResults], and in the context the age, gender, conditions and the medications that are active.
//
// [Agent] sends, besides age and gender:
//
//   - the results that the data calls abnormal and normal. Those of which it does not say are not sent, see Options.IncludeUnclassified,
//   - vital signs; a blood pressure is one value, "138/88",
//   - conditions, without those that are refuted or not confirmed; of several with one code that which was recorded, or began, last. Where one of them tells neither, the
//     most active,
//   - MedicationRequests and MedicationStatements that are active, on hold, intended or of unknown status, with that status; of several of one drug and dosage the
//     newest. Coded instructions are written out, "twice daily"; where they are not complete, the text of the instructions is the dosage.
//
// The age is told at Options.ReferenceDate. Without it that is the newest date of the patient's data, so that old data has the age that belongs to it.
//
// # What is not sent
//
// All of it is counted in the report:
//
//   - every other type of resource, such as Procedure, AllergyIntolerance and Immunization: the names of the API's fields for them are not published. What
//     you know of them goes into [helios.HealthData.Extra]. Of DiagnosticReport only the results are sent, not a conclusion or document,
//   - Observations that are neither, such as surveys, social history and imaging, and those about something else than the patient (focus),
//   - what was entered in error, with what came before it; what was cancelled or only registered; what a correction replaced; quality controls; questions of an order,
//   - results without a value or a name, with a dataAbsentReason such as "error" or "not-performed", and values of other types, such as SampledData; also where there is more than one,
//   - repetitions of the same result,
//   - medications that were stopped or completed, or whose time is over, see Options.IncludeStopped; that were cancelled or only proposed, but for plans that tell what the patient takes (reportedBoolean); and orders not to give a drug,
//   - what has a modifierExtension, which can turn what it says into the opposite.
//
// # Several editions of a resource
//
// Of a resource that is there several times, as in the history of a server, the newest edition counts, also if that is not sent or cannot be read: by meta.lastUpdated,
// else by meta.versionId; of Observations else by issued. If these do not tell, a corrected result takes the place of a final one, and that of a preliminary
// one; else the first of a bundle that is a history is the newest, and elsewhere the last. What a bundle says to be deleted is not sent. Resources are told apart by
// type and id, and by the server if their fullUrls tell it.
//
// A corrected result takes the place of another resource too, if both have the same business identifier and test.
//
// # Whose data it is
//
// The input has to be about one patient, or Options.Patient says which is meant; else the error is [ErrMultiplePatients]. A resource belongs to the patient if
// its subject is the patient's fullUrl, type and id, or identifier. A relative reference is to the server that the fullUrl of its own entry tells; where one of two
// tells no server, type and id are enough, unless another server has a patient of that id. What has no subject is the patient's if nothing in the input is
// about another one. Where no Patient is in the input, one subject that all have in common is the patient, also one that is told in words only. Beside a Patient, a
// subject in words belongs to nobody: nothing says that it is the same one.
//
// # Privacy
//
// Only the elements above are ever copied. Names, identifiers, addresses, contacts, narratives (text), notes and attachments are never sent, nor are they in the
// report or in an error. The report names resources by type and id; of Patient, Person and RelatedPerson it tells the type only. An id that holds a name or number
// of people, such as "Observation/john-doe-hba1c", is not in the report: it tells which entry of the input it is, or the type only.
//
// Texts that someone typed are results where results are, and may hold a name all the same: value[x] as a string, the text of a code, instructions how to take a drug.
// So each is looked through, and left out if it has more than one line or 200 characters (instructions: 1000 characters), or if it holds a name, number, address, birth
// date or telephone number that a Patient, RelatedPerson, Person or Practitioner of the input has, or that is shown for a subject, performer, requester, recorder, asserter
// or source of information; or something that looks like an e-mail or web address or a telephone number. In the place of a name that is left out stands that of the
// terminology or its code, and in that of a unit its code, with an entry in the report. If of several reference ranges one is left out, all are.
//
// What is looked for depends on the text. A text of a published terminology, such as LOINC or SNOMED CT, with its code: whole names (a given and a family's) and
// identifiers, since the patient may be called White, and so are blood cells. The name of a test or drug, and a unit: also single names of the patient, and addresses. Every other text:
// also single names of others, such as physicians. What a local system displays is as good as typed, and so is what is displayed without a system and a code.
//
// Words are compared without regard to case, accents and punctuation, not parts of words. Not looked for are single names of fewer than 3 letters, numbers and addresses of
// fewer than 4 characters, and a name that stands nowhere else. Where people are more than can be remembered, or one of them cannot be read, nothing is sent that
// someone typed and that has a word that could be a name.
//
// Options.Redact is given each text that someone may have typed first, but for units, and can change it or withhold it; count clinical.FreeText to see how many values are such
// texts.
//
// Dates and the patient's age are sent; Options.CapAge sends an age above 89 as 90. Functions in Options get health data.
//
// # Limits and memory
//
// The input is streamed: a bundle of 1 GiB takes less than 64 MiB beyond what is sent, as a test of this package asserts for several kinds of input. For that:
//
//   - a resource above 16 MiB is passed over and reported; so is one of which a name is above 1 KiB or a text above 64 KiB, or that has more than 1000 codings, components or the
//     like, or 32,768 of all together; and a result above 4 KiB. A reference range with a text above 1 KiB is left out, and the others with it,
//   - of lab results for [LabResults] the newest thousands are kept while reading, and of what a report could still tell to be a lab result 2048,
//   - 131,072 results of DiagnosticReports, 65,536 resources of which the newest edition is not sent, 16,384 Medications and 131,072 names of people are remembered,
//   - 4096 conditions and as many medications are sent at most,
//   - before it is known who the patient is, there can be 64 subjects and, of all but one of them, 8 MiB; else the error is [ErrMultiplePatients] or, if Options.Patient
//     is given, [ErrUndecided]. With the Patient first, almost all is known at once.
//
// What is beyond these is reported, but for a category that is not found, and an older edition of a resource that is not remembered.
//
// # Broken input
//
// A resource that is no JSON is reported as an entry and passed over, as is a broken line of NDJSON. Where it cannot be told any more where a resource ends, for
// example because the input is cut off, the error is [ErrMalformed] and tells the entry: half a record is not sent. Neither an error nor the report quotes the input.
//
// # Concurrency
//
// The functions are safe for concurrent use with different readers. Functions in Options are called by the goroutine that called, one at a time.
//
// See https://hl7.org/fhir/R4/
package fhir
