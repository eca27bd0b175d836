// Package report shows the result of a run to the patient or to the clinician:
// as a fragment for a page of your own, as a whole page, and as plain text.
//
//	result, err := event.Result()
//	if result == nil {
//		return err
//	}
//	r := report.New(result, report.Patient, report.Options{})
//	for _, issue := range r.Issues() {
//		log.Print(issue) // holds no health data
//	}
//	w.Header().Set("Content-Security-Policy", r.ContentSecurityPolicy())
//	return r.WriteHTML(w)
//
// # What is on it
//
// A notice that the report was made by artificial intelligence and is no
// diagnosis; the response; the lab results; for clinicians the parts of the
// record that mattered and the questions of a deep run; and the sources. What a
// result does not have is named at the end.
//
// A lab result with a number and a standard range is drawn as a number line.
// Several results of one test are drawn over time, with their dates and values
// as text below the drawing. Everything that is drawn is also said in words,
// and nothing is said by color alone. Values such as "<0.1", and units that
// differ, are shown without a drawing. On paper the sources show their
// addresses, and the sheets are numbered.
//
// # Citations
//
// [1], [1, 2] and [3-5] are links to the sources of the audience, and each
// source links back. A number without a source stays visible and is an [Issue].
//
// [4.0-5.6] is a range. So is [136-145], if no source has a number near it, and
// [3-5] in "Potassium 4.1 [3-5] mmol/L": a unit follows, or the value in front
// lies within it. What could be either is an issue.
//
// # Nothing is dropped
//
// Markdown renderers drop some of what a clinical text says. This package shows
// it: the asterisk of 10*9/L and mg*h/L; a line that begins with >60, which is
// not a quotation; the numbers of a list, unless all are the same; titles of
// links; and the words after an opening code fence. Table cells beyond the
// header are put into the last cell, and are an [Issue]. A pair of ~ strikes
// nothing through: it means "about". A line that begins with "-4" is a number,
// and one that begins with "- 4" is an item of a list, as in any Markdown.
//
// # What is safe about it
//
// The response, and whatever the sources and labs say, is untrusted text. HTML
// in it is shown as text, and so are link definitions, which could give a
// marker another target. A link is kept only if it is https, to a host with a
// name, without userinfo; its host is shown beside it. Images are replaced by
// their text. The HTML made from the Markdown goes through a policy that allows
// nothing by default. Control characters and those that reorder text are
// removed.
//
// The page loads nothing, runs nothing, and asks no other site for anything. It
// has one style element, which [Report.ContentSecurityPolicy] allows by its
// hash. The time that a report takes is linear in the length of the result:
// quotes, lists, brackets, emphasis and tables beyond a limit are shown as they
// were written.
//
// # Languages
//
// The fixed words are built in for English, Spanish and German; see [Words] for
// others. Text in the response is set in the direction of its first letter, and
// the page in that of its language.
//
// # Dependencies
//
// goldmark parses the Markdown: it is complete, its inline parsers can be
// replaced, and it depends on nothing. bluemonday is the policy: it works on
// tokens as a browser sees them. package clinical of this repository parses
// values, ranges and units.
package report
