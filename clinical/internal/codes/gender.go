package codes

import "strings"

// Gender returns FHIR's administrative gender for a code of HL7's table 0001 or
// a word, in any case: male, female, other or unknown. It returns "" for any
// other.
//
// See https://hl7.org/fhir/R4/valueset-administrative-gender.html
func Gender(word string) string { return genders[strings.ToLower(word)] }

// genders are the codes of HL7's table 0001, FHIR's administrative genders, and
// words that senders write instead, by FHIR's.
var genders = map[string]string{
	"m": "male", "male": "male", "males": "male", "man": "male", "men": "male",
	"f": "female", "female": "female", "females": "female", "w": "female", "woman": "female", "women": "female",
	"o": "other", "other": "other", "a": "other", "n": "other", "x": "other",
	"u": "unknown", "unknown": "unknown", "un": "unknown", "unk": "unknown",
}
