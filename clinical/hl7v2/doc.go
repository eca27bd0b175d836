// Package hl7v2 makes requests for the interpretation of lab results from HL7
// v2 messages of types ORU, ORF and OUL, as laboratories send them.
//
//	labs, report, err := hl7v2.LabResults(file, hl7v2.Options{})
//	if err != nil {
//		return err
//	}
//	log.Print(report)
//	run, err := client.LabResults.Submit(ctx, labs)
//
// The input is one or more messages of one patient, of any version 2.x: a file,
// the body of a request, or what came over MLLP, with its frame. For a batch of
// several patients see [ByPatient]. It is read as a stream: the memory that
// LabResults takes does not grow with the input, that of ByPatient grows with
// the number of patients.
//
// # What is sent
//
// A row for each OBX that is a result, with the name, value, unit, reference
// range, flag, date and category that it has; and the patient's age and gender.
// Numbers are sent as they are written. Only a flag, or a value beside its
// range, makes a result normal. Of more than [helios.MaxLabResults] results the
// newest are sent.
//
// The report counts what is not sent, with a reason and a place such as
// "message 2, OBX 14": messages of other types, questions of an order and case
// notifications, vital signs, radiology, documents, longer texts, results that
// were withdrawn or replaced, and those of a quality control or an animal.
//
// Of the editions of a result the last that is not preliminary is sent. If it
// is not certain what a correction corrects, all are sent, with a note.
//
// # Whose results
//
// Messages are about one patient if they have an identifier in common and do
// not contradict each other in name and birth date. Identifiers that a family
// can share, and national ones, count only where name, birth date and sex
// agree.
//
// # Privacy
//
// Only the fields above are copied, never a name, number or address of a
// person, and none is in the report or an error. Free text that holds what
// another field of the message says of people, or a way to reach someone, is
// left out. Options.Redact can change or withhold each free text.
//
// # Characters
//
// MSH-18 says in which character set a message is, or Options.Charset. The
// tables are those of golang.org/x/text. A message whose fields cannot be told
// apart is refused.
//
// The rules in full are in [the mapping].
//
// [the mapping]:
// https://github.com/heliosai/helios-go/blob/main/clinical/docs/hl7v2-mapping.md
package hl7v2
