// Package codes holds the code lists of the standards that FHIR and HL7 v2
// share. What a code is must not depend on the format in which it comes.
package codes

import "strings"

// LOINC is the code system, as FHIR names it. See https://loinc.org
const LOINC = "http://loinc.org"

// Codes of LOINC for blood pressure: the panel and its two parts.
const (
	BloodPressure = "85354-9"
	Systolic      = "8480-6"
	Diastolic     = "8462-4"
)

// VitalSigns are codes of LOINC for vital signs: those of FHIR's profiles and
// others for the same measurements. The oxygen saturation of arterial blood
// (2708-6) is not among them, since laboratories measure it too. Where it is
// taken at the skin, it comes with a category or with 59408-5.
//
// See https://hl7.org/fhir/R4/observation-vitalsigns.html
var VitalSigns = Set(
	"85353-1", "9279-1", "8867-4", "59408-5", "8310-5", "8302-2", "8306-3", "9843-4", "8287-5", "29463-7", "3141-9",
	"39156-5", "59576-9", "85354-9", "8480-6", "8462-4", "8478-0", "55284-4", "35094-2", "96607-7", "96608-5",
	"96609-3", "8328-7", "8331-1", "8332-9", "3137-7", "8301-4", "8335-2", "8289-1", "77606-2", "3150-6", "3151-8",
	"8716-3",
)

// Comments are codes of LOINC for what is said beside results.
var Comments = Set(
	"8251-1",  // service comment
	"48767-8", // annotation comment
	"57129-9", // full summary of newborn screening
	"57724-7", // its short narrative
	"69969-4", // its comment
	"77202-0", // laboratory comment
)

// QuestionPanels are orders, by LOINC, whose observations tell about the
// patient and the order and not about a specimen.
var QuestionPanels = Set(
	"57717-1", // newborn screening card
	"68991-9", // epidemiologically important information
	"78000-7", // case notification panel
)

// Questions are such observations on their own.
var Questions = Set(
	"11368-8", // onset of illness
	"21612-7", // reported age
	"29553-5", // calculated age
	"30525-0", // age
	"35659-2", // age at collection
	"62323-1", // post-discharge provider, its identifier
	"62324-9", // its name
	"62325-6", // practice, its identifier
	"62326-4", // its name
	"62327-2", // its address
	"62328-0", // its telephone number
	"65222-2", // onset of symptoms
	"76689-9", // sex at birth
	"76690-7", // sexual orientation
	"76691-5", // gender identity
	"77974-4", // in hospital for the condition
	"82810-3", // pregnancy
	"85658-3", // occupation
	"95417-2", // first test
	"95418-0", // employed in health care
	"95419-8", // has symptoms
	"95420-6", // in intensive care for the condition
	"95421-4", // lives in a congregate setting
)

// Set returns a set of words.
func Set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, word := range words {
		m[word] = true
	}
	return m
}

// Words returns the set of the words in a list.
func Words(list string) map[string]bool { return Set(strings.Fields(list)...) }
