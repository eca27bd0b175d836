package codes

import "strings"

// Gender returns FHIR's administrative gender for a code of HL7's table 0001 or
// a word, in any case: male, female, other or unknown. It returns "" for any
// other.
//
// See https://hl7.org/fhir/R4/valueset-administrative-gender.html
func Gender(word string) string { return genders[strings.ToLower(word)] }

var genders = map[string]string{
	"m": "male", "male": "male", "males": "male", "man": "male", "men": "male",
	"f": "female", "female": "female", "females": "female", "w": "female", "woman": "female", "women": "female",
	"o": "other", "other": "other", "a": "other", "n": "other", "x": "other",
	"u": "unknown", "unknown": "unknown", "un": "unknown", "unk": "unknown",
}

// Sections are the laboratory's among the diagnostic service sections of HL7's
// table 0074, by the words that are sent for them.
//
// See https://terminology.hl7.org/CodeSystem-v2-0074.html
var Sections = map[string]string{
	"BG": "Blood Gases", "BLB": "Blood Bank", "CG": "Cytogenetics", "CH": "Chemistry", "CP": "Cytopathology",
	"GE": "Genetics", "HM": "Hematology", "IMM": "Immunology", "LAB": "Laboratory", "MB": "Microbiology",
	"MCB": "Mycobacteriology", "MYC": "Mycology", "OSL": "Outside Lab", "PAR": "Parasitology", "PAT": "Pathology",
	"SP": "Surgical Pathology", "SR": "Serology", "TX": "Toxicology", "URN": "Urinalysis", "VR": "Virology",
}

// OtherSections are those of table 0074 that are no laboratory's. Nursing (NRS)
// and respiratory care (RC) are in neither list: both measure glucose and blood
// gases at the bedside, so the code of a result decides.
var OtherSections = Set(
	"AU", "CT", "CTH", "CUS", "EC", "EN", "ICU", "IMG", "NMR", "NMS", "OT", "OUS", "PF", "PHR", "PHY", "PT", "RAD",
	"RT", "RUS", "RX", "VUS", "XRC",
)

// LabCategories are other codes for results of a laboratory: LOINC's headings
// of the sections of a report, and procedures of SNOMED CT.
var LabCategories = Set(
	"26436-6", "11502-2", "18717-9", "18718-7", "18719-5", "18720-3", "18721-1", "18722-9", "18723-7", "18724-5",
	"18725-2", "18727-8", "18728-6", "18729-4", "275711006", "108252007", "15220000", "118246004",
)
