package codes

import "strings"

// See https://terminology.hl7.org/CodeSystem-data-absent-reason.html
var absentReasons = map[string]string{
	"unknown": "unknown", "asked-unknown": "asked but unknown", "temp-unknown": "temporarily unknown",
	"not-asked": "not asked", "asked-declined": "asked but declined", "masked": "masked",
	"not-applicable": "not applicable", "unsupported": "unsupported", "as-text": "as text", "error": "error",
	"not-a-number": "not a number (nan)", "negative-infinity": "negative infinity (ninf)",
	"positive-infinity": "positive infinity (pinf)", "not-performed": "not performed",
	"not-permitted": "not permitted",
}

var absentTexts = func() map[string]bool {
	texts := map[string]bool{}
	for code, display := range absentReasons {
		texts[code], texts[display] = true, true
	}
	return texts
}()

// noValue are the codes that deny that a value is one.
var noValue = Set("error", "not-a-number", "negative-infinity", "positive-infinity", "not-performed",
	"not-applicable", "not-asked", "asked-declined", "masked", "not-permitted")

// AbsentReason returns a code of FHIR's data-absent-reason, and unknown for
// what is none.
func AbsentReason(code string) string {
	if absentReasons[code] != "" {
		return code
	}
	return "unknown"
}

// DeniesValue reports whether a code of FHIR's data-absent-reason says that
// what stands in a value's place is not one.
func DeniesValue(code string) bool { return noValue[code] }

// IsAbsentReason reports whether a text says why there is no value, as a code
// or a display of FHIR's data-absent-reason, in any case.
func IsAbsentReason(text string) bool { return absentTexts[strings.ToLower(text)] }
