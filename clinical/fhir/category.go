package fhir

import (
	"slices"
	"strings"
)

// category is what a resource's categories say of it.
type category int

const (
	uncategorised category = iota
	otherCategory
	vitalSign
	labResult
)

// labSections are the codes of laboratories, and of their sections, in table 0074 of HL7 v2. See https://terminology.hl7.org/CodeSystem-v2-0074.html
var labSections = words("LAB CH HM MB SR BG BLB CG CP GE IMM MCB MYC OSL PAR PAT SP TX VR")

// otherSections are those that are none.
var otherSections = words("AU CUS CTH CT EC EN ICU IMG NMS NMR NRS OUS OT PHR PT PHY PF RAD RX RUS RC RT VUS XRC")

// otherCategories are those of Observations that are neither laboratory nor vital signs, of FHIR and of US Core.
// See https://terminology.hl7.org/CodeSystem-observation-category.html and https://hl7.org/fhir/us/core/CodeSystem-us-core-category.html
var otherCategories = words(`social-history imaging procedure survey exam therapy activity sdoh functional-status disability-status cognitive-status
	clinical-test care-experience-preference treatment-intervention-preference observation-adi-documentation`)

// categoryOf returns what one concept says, and the word of the standard for it.
func categoryOf(c *concept) (is category, word string) {
	for _, coding := range c.codings {
		got, name := uncategorised, ""
		switch code := coding.code; {
		case strings.EqualFold(code, "laboratory"), code == "RSLT":
			got, name = labResult, "laboratory"
		case code == "vital-signs", code == "vital-sign":
			got, name = vitalSign, "vital-signs"
		case otherCategories[code] != "":
			got, name = otherCategory, otherCategories[code]
		case is0074(coding.system) && labSections[code] != "":
			got, name = labResult, "laboratory"
		case is0074(coding.system) && otherSections[code] != "":
			got, name = otherCategory, otherSections[code]
		}
		if got > is {
			is, word = got, name
		}
	}
	if is != uncategorised {
		return is, word
	}
	switch strings.ToLower(strings.TrimSpace(c.text)) {
	case "laboratory", "lab":
		return labResult, "laboratory"
	case "vital signs":
		return vitalSign, "vital-signs"
	}
	return uncategorised, ""
}

// is0074 tells whether a system is table 0074, or none, by any of its names.
func is0074(system string) bool { return system == "" || strings.HasSuffix(system, "0074") }

// Codes of LOINC for blood pressure.
const (
	bloodPressurePanel = "85354-9"
	systolic           = "8480-6"
	diastolic          = "8462-4"
)

// vitalSigns are codes of LOINC for vital signs: those of FHIR's profiles, and further ones for the same measurements.
// See https://hl7.org/fhir/R4/observation-vitalsigns.html
var vitalSigns = words(`85353-1 9279-1 8867-4 2708-6 59408-5 8310-5 8302-2 8306-3 9843-4 8287-5 29463-7 3141-9 39156-5 59576-9 85354-9 8480-6 8462-4 8478-0
	55284-4 35094-2 96607-7 96608-5 96609-3 8328-7 8331-1 8332-9 3137-7 8301-4 8335-2 8289-1 77606-2 3150-6 3151-8 8716-3`)

// comments are codes of LOINC for what is said beside results.
var comments = words("77202-0 8251-1 48767-8")

// isNarrative tells whether LOINC has an observation for a text rather than for a result.
func isNarrative(code *concept) bool {
	return code.hasCode(func(system, code string) bool { return system == loinc && comments[code] != "" }) ||
		slices.ContainsFunc(code.codings, func(c coding) bool { return c.system == loinc && strings.HasSuffix(c.display, "Narrative") })
}
