package codes

import "strings"

// See https://terminology.hl7.org/CodeSystem-data-absent-reason.html
var absentReasons = Words(`
	unknown asked-unknown temp-unknown not-asked asked-declined masked not-applicable unsupported as-text error
	not-a-number negative-infinity positive-infinity not-performed not-permitted`)

// absentDisplays are those that are not the words of their codes.
var absentDisplays = Set("asked but unknown", "temporarily unknown", "asked but declined", "not a number (nan)",
	"negative infinity (ninf)", "positive infinity (pinf)")

// AbsentReason returns a code of FHIR's data-absent-reason, and unknown for
// what is none.
func AbsentReason(code string) string {
	if absentReasons[code] {
		return code
	}
	return "unknown"
}

// DeniesValue reports whether a code of FHIR's data-absent-reason says that
// what stands in a value's place is not one.
func DeniesValue(code string) bool {
	return absentReasons[code] && !strings.HasSuffix(code, "unknown") && code != "unsupported" && code != "as-text"
}

// IsAbsentReason reports whether a text says why there is no value, as a code
// or a display of FHIR's data-absent-reason, in any case.
func IsAbsentReason(text string) bool {
	text = strings.ToLower(text)
	return absentDisplays[text] || absentReasons[strings.ReplaceAll(text, " ", "-")]
}
