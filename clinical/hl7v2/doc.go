// Package hl7v2 makes requests for the interpretation of lab results from HL7 v2 messages of type ORU, as laboratories send them.
//
//	labs, report, err := hl7v2.LabResults(file, hl7v2.Options{})
//	if err != nil {
//		return err
//	}
//	log.Print(report)
//	run, err := client.LabResults.Submit(ctx, labs)
//
// The input is one or more messages of one patient, of any version 2: a file, the body of a request, or what came over MLLP, whose frame is left out. For a batch
// of several patients see [ByPatient].
//
// # What is sent
//
// A row for each OBX segment that is a result:
//
//	name            OBX-3: the text of the code, else that of the alternate code, else the original text, else the code
//	value, unit     OBX-5 as OBX-2 says (NM, SN, ST, TX, FT, CE, CWE, CNE, NR, DT, TM, TS, DTM, ID, IS, SI), OBX-6
//	                (a unit such as 10^3/uL is read so though its caret should be escaped)
//	flag            OBX-8; where it says nothing of normality, the value beside the range. Nothing else makes a result normal.
//	referenceRange  OBX-7; from several nothing is concluded
//	date            OBX-14, else when the specimen was taken (OBR-7), else when it was reported (OBR-22)
//	category        OBR-24 in words, such as "Chemistry"
//
// and the age, from PID-7, and gender, from PID-8. Numbers are sent as they are written, dates as YYYY-MM-DD, YYYY-MM or YYYY, whichever they are, without regard to
// time zones. The results of a test that was made on what another test found, such as the resistance of a bacterium, have it behind their name in parentheses
// (OBR-26 and OBR-29), with an entry in the report if it is not certain what that is. Of more than [helios.MaxLabResults] results the newest are sent.
//
// # What is not sent
//
// All of it is counted in the report, with a reason and the place:
//
//   - other messages than ORU, such as ADT, and those that cannot be read,
//   - questions of the order and their answers: OBX-29 is QST, or a LOINC code says so, such as that for pregnancy,
//   - what is no laboratory's: OBR-24 is RAD, CT, EC or another of its kind,
//   - vital signs, by their LOINC code,
//   - results that are not there (OBX-11 is I, N, O, R, S or X) or wrong (D or W),
//   - preliminary results, and those that a correction or a final result replaced, see below,
//   - quality controls: SPM-11 says that the specimen is not a patient's,
//   - documents (ED, RP), people, addresses and other types of OBX-2 that are no results,
//   - texts of more than one line or 200 characters, and those that are spread over several OBX: they are reports,
//   - repetitions of the same result.
//
// Preliminary results for which no final one comes are sent, with an entry in the report; see Options.ExcludePreliminary.
//
// # Corrections
//
// A result with OBX-11 C or A takes the place of others of the same order (the number in OBR-3 or ORC-3, else in OBR-2 or ORC-2), the same test (OBX-3.1,
// else OBX-3.4, else its text) and the same OBX-4, and one with D, W or X takes them back. They do so if they are not sent themselves, because there is no value or it
// is a document. Of several others those of the same time go. If there are none, what takes back takes back all, and a correction replaces all if they are of one time; if they are of several,
// such as those of a tolerance test, it replaces none. Several corrections in one message replace all others. A final result replaces a preliminary one. Only a
// later correction replaces a correction; later is what comes later in the input.
//
// Where an order has no number, the time of the specimen stands for it. An order that is cancelled (OBR-25 is X) and has no result, but perhaps a comment, takes back
// what earlier messages say of it. Of the tests of what another test found, those are the same that are about the same result (the code and OBX-4 of it, in OBR-26).
//
// Results of one message that are no numbers, such as the names of two bacteria, do not replace each other. So it is up to 1024 results of a message; of those
// further apart some can be left out as replaced.
//
// # Whose results
//
// Messages are about one patient if they have an identifier in common (PID-3, else PID-2) and do not contradict each other: in the birth date, in the first
// names, and, where one has no birth date, in the family name. That holds for [LabResults] and [ByPatient].
//
// An identifier is the same if the number, the authority that assigned it (CX-4, else the sender of the message) and the type (CX-5) are. Where one message
// lacks authority or type, both must have the birth date and the first names. The type can be MR, MRN, PI, PT, PE or EPI, or there is none: identifiers of an
// insurance, an account or a nation can be those of the family, or of a newborn's mother. Numbers such as 0, 9999, UNKNOWN and N/A are none.
//
// Without an identifier no two messages are about one patient. A message that can be about either of two patients is about neither of them.
//
// # Privacy
//
// Nothing but the fields above is ever copied. NTE, NK1, PV1, ORC and the rest of PID are never sent, nor are they in the report or an error.
//
// Free text is a result in the fields for results, and may hold a name all the same. So each text is looked through, and left out if it holds a name, number,
// address, birth date or telephone number that another field of the message has: of PID, PD1, MRG, NK1, GT1, IN1, PV1, ORC, OBR, OBX, CTD, PRT, ROL or SPM; or something that
// looks like a telephone number, e-mail or web address. In the place of the name of a test that is left out stands its code, with an entry in the report; a result
// with such a value or unit is not sent.
//
// What is looked for depends on the text. A text that has a code of a published system, such as LN, SCT or HL7's own tables: whole names (a given and a family's) and
// identifiers, since the patient may be called White, and so are blood cells. The name of a test, a value with a code of a local system, and a unit: also single names of the
// patient and of those in NK1, GT1 and IN1, and addresses. Free text: also single names of others, such as physicians. What has a code of a named system is not free text.
//
// Words are compared without regard to case, accents and punctuation, not parts of words. Not looked for are single names of fewer than 3 letters, numbers and addresses of
// fewer than 4 characters, and a name that stands nowhere else in the message. Where people are more than can be remembered, or a segment with people is too large, no text is sent
// that has no code of a published system and has a word that could be a name.
//
// Options.Redact is given each free text first, names and ranges too, and can change it or withhold it; count clinical.FreeText to see how many are sent.
//
// Dates of results and the patient's age are sent; Options.CapAge sends an age above 89 as 90.
//
// # Characters
//
// MSH-18 can be UNICODE UTF-8, ASCII, 8859/1 or 8859/15; where it is empty, Options.Charset tells, or UTF-8 is expected. A value, unit or range with
// other characters is not sent, and of the other parts of ISO 8859 only ASCII is read. A message in another character set is not read. What is valid UTF-8 is
// read as UTF-8 whatever is declared, with an entry in the report.
//
// # Limits
//
// Messages are read as a stream; the memory that LabResults takes does not grow with the input, that of ByPatient grows with the number of patients. Documents
// in ED and RP are passed over at any size; other segments of more than 1 MiB are not read, with an entry in the report. Segments may end in CR, LF or both; a
// line that does not begin with the name of a segment belongs to the segment before, so that a line break within a text does not cut it. A place such as
// "message 2, OBX 14" counts the messages of the input and the segments of that name in the message, from 1, whatever number OBX-1 has.
package hl7v2
