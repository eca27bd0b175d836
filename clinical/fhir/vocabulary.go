package fhir

import (
	"slices"
	"strings"

	"github.com/heliosai/helios-go/clinical/internal/codes"
)

// unknownType stands for a type whose name is the input's.
const unknownType = "unknown type"

// resourceTypes are those of all versions. See
// https://hl7.org/fhir/R5/resourcelist.html
var resourceTypes = codes.Words(`
	Account ActivityDefinition AdverseEvent AllergyIntolerance Appointment AppointmentResponse AuditEvent Basic Binary
	BiologicallyDerivedProduct BodyStructure Bundle CapabilityStatement CarePlan CareTeam CatalogEntry ChargeItem
	ChargeItemDefinition Claim ClaimResponse ClinicalImpression CodeSystem Communication CommunicationRequest
	CompartmentDefinition Composition ConceptMap Condition Consent Contract Coverage CoverageEligibilityRequest
	CoverageEligibilityResponse DetectedIssue Device DeviceDefinition DeviceMetric DeviceRequest DeviceUseStatement
	DiagnosticReport DocumentManifest DocumentReference EffectEvidenceSynthesis Encounter Endpoint EnrollmentRequest
	EnrollmentResponse EpisodeOfCare EventDefinition Evidence EvidenceVariable ExampleScenario ExplanationOfBenefit
	FamilyMemberHistory Flag Goal GraphDefinition Group GuidanceResponse HealthcareService ImagingStudy Immunization
	ImmunizationEvaluation ImmunizationRecommendation ImplementationGuide InsurancePlan Invoice Library Linkage List
	Location Measure MeasureReport Media Medication MedicationAdministration MedicationDispense MedicationKnowledge
	MedicationRequest MedicationStatement MedicinalProduct MedicinalProductAuthorization
	MedicinalProductContraindication MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction
	MedicinalProductManufactured MedicinalProductPackaged MedicinalProductPharmaceutical
	MedicinalProductUndesirableEffect MessageDefinition MessageHeader MolecularSequence NamingSystem NutritionOrder
	Observation ObservationDefinition OperationDefinition OperationOutcome Organization OrganizationAffiliation
	Parameters Patient PaymentNotice PaymentReconciliation Person PlanDefinition Practitioner PractitionerRole
	Procedure Provenance Questionnaire QuestionnaireResponse RelatedPerson RequestGroup ResearchDefinition
	ResearchElementDefinition ResearchStudy ResearchSubject RiskAssessment RiskEvidenceSynthesis Schedule
	SearchParameter ServiceRequest Slot Specimen SpecimenDefinition StructureDefinition StructureMap Subscription
	Substance SubstanceNucleicAcid SubstancePolymer SubstanceProtein SubstanceReferenceInformation
	SubstanceSourceMaterial SubstanceSpecification SupplyDelivery SupplyRequest Task TerminologyCapabilities
	TestReport TestScript ValueSet VerificationResult VisionPrescription ActorDefinition
	AdministrableProductDefinition ArtifactAssessment BiologicallyDerivedProductDispense Citation
	ClinicalUseDefinition ConditionDefinition DeviceAssociation DeviceDispense DeviceUsage EncounterHistory
	EvidenceReport FormularyItem GenomicStudy ImagingSelection Ingredient InventoryItem InventoryReport
	ManufacturedItemDefinition MedicinalProductDefinition NutritionIntake NutritionProduct PackagedProductDefinition
	Permission RegulatedAuthorization RequestOrchestration Requirements SubscriptionStatus SubscriptionTopic
	SubstanceDefinition TestPlan Transport BodySite Conformance DataElement DeviceComponent DeviceUseRequest
	DiagnosticOrder EligibilityRequest EligibilityResponse ExpansionProfile ImagingManifest ImagingObjectSelection
	MedicationOrder Order OrderResponse ProcedureRequest ProcessRequest ProcessResponse ReferralRequest Sequence
	ServiceDefinition`)

func typeOf(typ string) string {
	if resourceTypes[typ] || typ == "" {
		return typ
	}
	return unknownType
}

// See https://hl7.org/fhir/R4/datatypes.html#id
func isID(s string) bool {
	isOther := func(c rune) bool {
		isAlphanumeric := c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
		return !isAlphanumeric && c != '-' && c != '.' && c != '_' // the last is some servers', and not FHIR's
	}
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, isOther)
}

// unknownWord stands for a code that the standard does not have.
const unknownWord = "unknown code"

func known[T any](vocabulary map[string]T, word string) string {
	if _, ok := vocabulary[word]; ok {
		return word
	}
	return unknownWord
}

// oneOf returns the first code of a concept that is one of the words, else its
// text, else unknownWord; "" for nothing.
func oneOf[T any](d *decoder, words map[string]T) string {
	c := d.word()
	for _, coding := range c.codings {
		if _, ok := words[coding.code]; ok {
			return coding.code
		}
	}
	if c.isEmpty() {
		return ""
	}
	return known(words, strings.ToLower(strings.TrimSpace(c.text)))
}

// See https://hl7.org/fhir/R4/terminologies-valuesets.html
var (
	observationStatuses = codes.Words("registered preliminary final amended corrected cancelled entered-in-error " +
		"unknown")
	clinicalStatuses = codes.Words("active recurrence relapse inactive remission resolved")
	verifications    = codes.Words("unconfirmed provisional differential confirmed refuted entered-in-error")
	orderStatuses    = codes.Words("active on-hold cancelled completed entered-in-error stopped draft unknown " +
		"intended not-taken")
	// See https://hl7.org/fhir/R5/valueset-medication-statement-adherence.html
	adherences = map[string]string{
		"taking": "active", "taking-as-directed": "active", "taking-not-as-directed": "active",
		"not-taking": "not-taken", "not-taking-as-directed": "not-taken", "not-taking-not-as-directed": "not-taken",
		"on-hold": "on-hold", "on-hold-as-directed": "on-hold", "on-hold-not-as-directed": "on-hold",
		"stopped": "stopped", "stopped-as-directed": "stopped", "stopped-not-as-directed": "stopped",
		"unknown": "unknown",
	}
)

// terminologies begin systems whose texts are published. What a local system
// calls something, anyone may have typed. See
// https://hl7.org/fhir/R4/terminologies-systems.html
var terminologies = [...]string{
	"loinc.org", "snomed.info/", "unitsofmeasure.org", "www.nlm.nih.gov/research/umls/", "hl7.org/",
	"terminology.hl7.org/", "fdasis.nlm.nih.gov", "ncimeta.nci.nih.gov",
	"www.ama-assn.org/go/cpt", "www.whocc.no/atc", "id.who.int/icd", "fhir.de/CodeSystem/",
	"dicom.nema.org/resources/ontology/DCM", "www.genenames.org", "nucc.org/",
	"dmd.nhs.uk", "www.cdc.gov/",
	"urn:oid:2.16.840.1.113883.5.", "urn:oid:2.16.840.1.113883.6.", "urn:oid:2.16.840.1.113883.12.", "urn:iso:",
	"urn:iso-astm:", "urn:ietf:",
}

func (c *coding) isCoded() bool {
	if c.code == "" || c.system == "" {
		return false
	}
	if c.system == codes.LOINC {
		return true
	}
	system := strings.TrimPrefix(strings.TrimPrefix(c.system, "http://"), "https://")
	return slices.ContainsFunc(terminologies[:], func(t string) bool { return strings.HasPrefix(system, t) })
}

type category int

const (
	uncategorised category = iota
	otherCategory
	vitalSign
	labResult
)

var labTexts = codes.Set("laboratory", "lab", "labs", "lab result", "lab results", "lab test", "lab tests",
	"laboratory result", "laboratory results", "laboratory test", "laboratory tests", "laboratory studies",
	"laboratory report")

// See https://terminology.hl7.org/CodeSystem-observation-category.html and
// https://hl7.org/fhir/us/core/CodeSystem-us-core-category.html
var otherCategories = codes.Words(`social-history imaging procedure survey exam therapy activity sdoh functional-status
	disability-status cognitive-status clinical-test care-experience-preference treatment-intervention-preference
	observation-adi-documentation`)

// categoryOf also returns the word of a category that is not sent.
func categoryOf(c *concept) (is category, word string) {
	for _, coding := range c.codings {
		got := uncategorised
		switch code := coding.code; {
		case labTexts[strings.ToLower(code)], code == "RSLT", codes.LabCategories[code],
			is0074(coding.system) && codes.Sections[code] != "":
			got = labResult
		case code == "vital-signs", code == "vital-sign":
			got = vitalSign
		case otherCategories[code], is0074(coding.system) && codes.OtherSections[code]:
			got = otherCategory
		}
		if got > is {
			is, word = got, coding.code
		}
	}
	if is != uncategorised {
		return is, word
	}

	for _, coding := range slices.Concat([]coding{{display: c.text}}, c.codings) {
		switch text := strings.ToLower(strings.TrimSpace(coding.display)); {
		case labTexts[text]:
			return labResult, ""
		case text == "vital signs":
			return vitalSign, ""
		}
	}
	return uncategorised, ""
}

func is0074(system string) bool {
	return system == "" || strings.HasSuffix(system, "0074") || strings.HasSuffix(system, "2.16.840.1.113883.12.74")
}

// findings are codes for what a qualitative test finds.
var findings = codes.Words(`260373001 260415000 10828004 260385009 419984006 82334004 11214006 131194007 42425007
	LA11882-0 LA11883-8 LA6576-8 LA6577-6 LA9663-1 LA11884-6 LA18960-7 LA15255-5`)

// findingTexts are words for them. Present and absent are not among them, since
// symptoms are that too.
var findingTexts = codes.Set("positive", "negative", "detected", "not detected", "reactive", "nonreactive",
	"non-reactive", "not reactive", "indeterminate", "inconclusive", "equivocal")

func (c *concept) isFound() bool {
	return findingTexts[strings.ToLower(strings.TrimSpace(c.text))] || slices.ContainsFunc(c.codings,
		func(c coding) bool { return findings[c.code] || findingTexts[strings.ToLower(c.display)] })
}

var vitalUnits = codes.Words(
	"mm[Hg] mmHg mm(hg) /min bpm {beats}/min kg g lb [lb_av] cm m in [in_i] Cel degC [degF] degF kg/m2 m2",
)

// isNarrative reports whether an Observation is a text rather than a result.
func isNarrative(code *concept) bool {
	return slices.ContainsFunc(code.codings, func(c coding) bool {
		return c.system == codes.LOINC && (codes.Comments[c.code] || strings.HasSuffix(c.display, "Narrative"))
	})
}

// isIn reports whether a code of LOINC is in a list.
func (c *concept) isIn(list map[string]bool) bool {
	return slices.ContainsFunc(c.codings, func(c coding) bool { return c.system == codes.LOINC && list[c.code] })
}
