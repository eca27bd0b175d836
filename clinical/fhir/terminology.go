package fhir

import "strings"

// terminologies are the beginnings of systems whose texts are published, without "http://". What a local system calls something, anyone may have typed.
// See https://hl7.org/fhir/R4/terminologies-systems.html
var terminologies = [...]string{
	"loinc.org", "snomed.info/", "unitsofmeasure.org", "www.nlm.nih.gov/research/umls/", "hl7.org/", "terminology.hl7.org/", "fdasis.nlm.nih.gov", "ncimeta.nci.nih.gov",
	"www.ama-assn.org/go/cpt", "www.whocc.no/atc", "id.who.int/icd", "fhir.de/CodeSystem/", "dicom.nema.org/resources/ontology/DCM", "www.genenames.org", "nucc.org/",
	"dmd.nhs.uk", "www.cdc.gov/",
	"urn:oid:2.16.840.1.113883.5.", "urn:oid:2.16.840.1.113883.6.", "urn:oid:2.16.840.1.113883.12.", "urn:iso:", "urn:iso-astm:", "urn:ietf:",
}

// isCoded tells whether a coding is of a terminology, so that its display is no text of someone's.
func (c *coding) isCoded() bool {
	if c.code == "" || c.system == "" {
		return false
	}
	if c.system == loinc {
		return true
	}
	system := strings.TrimPrefix(strings.TrimPrefix(c.system, "http://"), "https://")
	for _, t := range terminologies {
		if strings.HasPrefix(system, t) {
			return true
		}
	}
	return false
}
