package hl7v2

// What becomes of a result by its status, OBX-11.
type use uint8

const (
	useUnknown use = iota
	useFinal
	usePreliminary
	useCorrected
	useNone
	useWithdrawn // what came before is not to be used either
)

// statuses is HL7's table 0085. See https://terminology.hl7.org/CodeSystem-v2-0085.html
var statuses = map[string]use{
	"F": useFinal, "B": useFinal, "U": useFinal, "V": useFinal,
	"P": usePreliminary,
	"A": useCorrected, "C": useCorrected,
	"I": useNone, "N": useNone, "O": useNone, "R": useNone, "S": useNone,
	"D": useWithdrawn, "W": useWithdrawn, "X": useWithdrawn,
}

// orderStatuses are those of table 0123, OBR-25, that tell the status of a result that has none.
var orderStatuses = map[string]use{"F": useFinal, "C": useCorrected, "P": usePreliminary, "A": usePreliminary, "R": useNone, "X": useWithdrawn}

// sections are the laboratory's in HL7's table 0074, OBR-24, by the words that are sent.
//
// See https://terminology.hl7.org/CodeSystem-v2-0074.html
var sections = map[string]string{
	"BG": "Blood Gases", "BLB": "Blood Bank", "CG": "Cytogenetics", "CH": "Chemistry", "CP": "Cytopathology", "GE": "Genetics", "HM": "Hematology",
	"IMM": "Immunology", "LAB": "Laboratory", "MB": "Microbiology", "MCB": "Mycobacteriology", "MYC": "Mycology", "OSL": "Outside Lab", "PAR": "Parasitology",
	"PAT": "Pathology", "SP": "Surgical Pathology", "SR": "Serology", "TX": "Toxicology", "URN": "Urinalysis", "VR": "Virology",
}

// otherSections are those of table 0074 that are no laboratory's.
var otherSections = words("AU", "CT", "CTH", "CUS", "EC", "EN", "ICU", "IMG", "NMR", "NMS", "OT", "OUS", "PF", "PHR", "PHY", "PT", "RAD", "RT",
	"RUS", "RX", "VUS", "XRC")

// controls are the roles of a specimen, table 0369, that is not the patient's.
var controls = words("B", "C", "E", "F", "O", "Q", "V")

// valueTypes are those of table 0125 that are not sent: documents, people, places, identifiers, curves and others.
var valueTypes = words("AD", "AUI", "CCD", "CCP", "CD", "CF", "CK", "CN", "CP", "CQ", "CX", "DDI", "DIN", "DLD", "DLN", "DLT", "DR", "DTN", "ED", "EI", "EIP", "ELD",
	"ERL", "FC", "FN", "GTS", "HD", "ICD", "JCC", "LA1", "LA2", "MA", "MO", "MOC", "MOP", "MSG", "NA", "NDL", "NTE", "OCD", "OSD", "OSP", "PIP", "PL", "PLN", "PN",
	"PPN", "PRL", "PT", "PTA", "QIP", "QSC", "RCD", "RFR", "RI", "RMC", "RP", "RPT", "SAD", "SCV", "SPD", "SPS", "SRT", "TN", "TQ", "UVC", "VH", "VID", "VR", "WVI",
	"WVS", "XAD", "XCN", "XON", "XPN", "XTN")

// messageTypes are the types of table 0076 that are met most where results are exchanged, to be named in a report.
var messageTypes = words("ACK", "ADT", "BAR", "DFT", "MDM", "MFN", "OML", "OMG", "OMI", "ORL", "ORM", "ORR", "OUL", "PPR", "QBP", "QRY", "RAS", "RDE", "RDS", "REF",
	"RSP", "SIU", "SSU", "VXU")

// panelsOfQuestions are orders, by LOINC, whose observations tell about the patient and the order and not about a specimen. SARS-CoV-2's and others' reports to public
// health are full of them. Where a sender marks them in OBX-29 this list is not needed.
var panelsOfQuestions = words(
	"57717-1", // newborn screening card
	"68991-9", // epidemiologically important information
)

// questions are such observations on their own.
var questions = words(
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

// vitalSigns are observations, by LOINC, that are vital signs and no lab results. The oxygen saturation of arterial blood (2708-6) is not among them: laboratories
// measure it too.
//
// See https://hl7.org/fhir/R4/observation-vitalsigns.html
var vitalSigns = words("85353-1", "9279-1", "8867-4", "59408-5", "8310-5", "8302-2", "8306-3", "9843-4", "8287-5", "29463-7", "3141-9", "39156-5", "59576-9", "85354-9",
	"8480-6", "8462-4", "8478-0", "55284-4", "35094-2", "96607-7", "96608-5", "96609-3", "8328-7", "8331-1", "8332-9", "3137-7", "8301-4", "8335-2", "8289-1", "77606-2",
	"3150-6", "3151-8", "8716-3")

// comments are observations, by LOINC, that are notes.
var comments = words(
	"8251-1",  // service comment
	"48767-8", // annotation comment
	"57129-9", // full summary of newborn screening
	"57724-7", // its short narrative
	"69969-4", // its comment
	"77202-0", // laboratory comment
)

func words(list ...string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, word := range list {
		m[word] = true
	}
	return m
}

// listed returns a word that is in a list, and otherwise nothing: a report names no other.
func listed(word string, lists ...map[string]bool) string {
	for _, list := range lists {
		if list[word] {
			return word
		}
	}
	return ""
}
