package hl7v2

import "github.com/heliosai/helios-go/clinical/internal/codes"

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

// See https://terminology.hl7.org/CodeSystem-v2-0085.html
var statuses = map[string]use{
	"F": useFinal, "B": useFinal, "U": useFinal, "V": useFinal,
	"P": usePreliminary,
	"A": useCorrected, "C": useCorrected,
	"I": useNone, "N": useNone, "O": useNone, "R": useNone, "S": useNone,
	"D": useWithdrawn, "W": useWithdrawn, "X": useWithdrawn,
}

// orderStatuses are those of table 0123 for results that have none.
var orderStatuses = map[string]use{"F": useFinal, "C": useCorrected, "P": usePreliminary, "A": usePreliminary,
	"R": useNone, "X": useWithdrawn}

// controls are the roles of a specimen, table 0369, that is not the patient's.
var controls = codes.Words("B C E F O Q V")

// valueTypes are those of table 0125 that are not sent.
var valueTypes = codes.Words(`
	AD AUI CCD CCP CD CF CK CN CP CQ CX DDI DIN DLD DLN DLT DR DTN ED EI EIP ELD ERL FC FN GTS HD ICD JCC LA1
	LA2 MA MO MOC MOP MSG NA NDL NTE OCD OSD OSP PIP PL PLN PN PPN PRL PT PTA QIP QSC RCD RFR RI RMC RP RPT
	SAD SCV SPD SPS SRT TN TQ UVC VH VID VR WVI WVS XAD XCN XON XPN XTN`)

// messageTypes are those of table 0076 that a report names.
var messageTypes = codes.Words(`
	ACK ADT BAR DFT MDM MFN OML OMG OMI ORL ORM ORR PPR QBP QRY RAS RDE RDS REF RSP SIU SSU VXU`)

// listed returns a word of a list, and nothing for others: a report names none.
func listed(word string, list map[string]bool) string {
	if list[word] {
		return word
	}
	return ""
}
