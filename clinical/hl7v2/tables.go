package hl7v2

import "github.com/heliosai/helios-go/clinical/internal/codes"

// orderStatuses are those of table 0123 for results that have none, as OBX-11
// says them.
var orderStatuses = map[string]string{"F": "F", "C": "C", "P": "P", "A": "P", "R": "R", "X": "X"}

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
