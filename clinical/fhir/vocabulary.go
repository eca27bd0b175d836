package fhir

import "strings"

// unknownType stands for a type that R4 does not have: its name is the input's, not the standard's.
const unknownType = "unknown type"

// resourceTypes are the types of R4. See https://hl7.org/fhir/R4/valueset-resource-types.html
var resourceTypes = words(`Account ActivityDefinition AdverseEvent AllergyIntolerance Appointment AppointmentResponse AuditEvent Basic Binary
	BiologicallyDerivedProduct BodyStructure Bundle CapabilityStatement CarePlan CareTeam CatalogEntry ChargeItem ChargeItemDefinition Claim ClaimResponse
	ClinicalImpression CodeSystem Communication CommunicationRequest CompartmentDefinition Composition ConceptMap Condition Consent Contract Coverage
	CoverageEligibilityRequest CoverageEligibilityResponse DetectedIssue Device DeviceDefinition DeviceMetric DeviceRequest DeviceUseStatement DiagnosticReport
	DocumentManifest DocumentReference EffectEvidenceSynthesis Encounter Endpoint EnrollmentRequest EnrollmentResponse EpisodeOfCare EventDefinition Evidence
	EvidenceVariable ExampleScenario ExplanationOfBenefit FamilyMemberHistory Flag Goal GraphDefinition Group GuidanceResponse HealthcareService ImagingStudy
	Immunization ImmunizationEvaluation ImmunizationRecommendation ImplementationGuide InsurancePlan Invoice Library Linkage List Location Measure
	MeasureReport Media Medication MedicationAdministration MedicationDispense MedicationKnowledge MedicationRequest MedicationStatement MedicinalProduct
	MedicinalProductAuthorization MedicinalProductContraindication MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction
	MedicinalProductManufactured MedicinalProductPackaged MedicinalProductPharmaceutical MedicinalProductUndesirableEffect MessageDefinition MessageHeader
	MolecularSequence NamingSystem NutritionOrder Observation ObservationDefinition OperationDefinition OperationOutcome Organization OrganizationAffiliation
	Parameters Patient PaymentNotice PaymentReconciliation Person PlanDefinition Practitioner PractitionerRole Procedure Provenance Questionnaire
	QuestionnaireResponse RelatedPerson RequestGroup ResearchDefinition ResearchElementDefinition ResearchStudy ResearchSubject RiskAssessment
	RiskEvidenceSynthesis Schedule SearchParameter ServiceRequest Slot Specimen SpecimenDefinition StructureDefinition StructureMap Subscription Substance
	SubstanceNucleicAcid SubstancePolymer SubstanceProtein SubstanceReferenceInformation SubstanceSourceMaterial SubstanceSpecification SupplyDelivery
	SupplyRequest Task TerminologyCapabilities TestReport TestScript ValueSet VerificationResult VisionPrescription`)

// words makes a set of words; each is its own value.
func words(list string) map[string]string {
	m := map[string]string{}
	for word := range strings.FieldsSeq(list) {
		m[word] = word
	}
	return m
}

// typeOf returns the name of a type, as R4 has it.
func typeOf(token []byte) string {
	if kind, ok := resourceTypes[string(token)]; ok {
		return kind
	}
	return unknownType
}

// isID tells whether something has the form of a resource's id. See https://hl7.org/fhir/R4/datatypes.html#id
func isID(b []byte) bool {
	if len(b) == 0 || len(b) > 64 {
		return false
	}
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '-', c == '.', c == '_': // some servers use the last, which FHIR does not allow
		default:
			return false
		}
	}
	return true
}

// sourceOf names a resource in a report. Of people only the type is told.
func sourceOf(r *resource) string {
	switch r.kind {
	case "Patient", "Person", "RelatedPerson":
		return r.kind
	case "", unknownType:
	default:
		if r.id != "" {
			return r.name()
		}
	}
	return entry(r.place)
}

// known returns word if it is one of the standard's, else other.
func known(vocabulary map[string]string, word, other string) string {
	if _, ok := vocabulary[word]; ok {
		return word
	}
	return other
}

// The words that a report can name. See the value sets of https://hl7.org/fhir/R4/terminologies-valuesets.html
var (
	observationStatuses   = words("registered preliminary final amended corrected cancelled entered-in-error unknown")
	clinicalStatuses      = words("active recurrence relapse inactive remission resolved")
	verifications         = words("unconfirmed provisional differential confirmed refuted entered-in-error")
	administrativeGenders = words("male female other unknown")
	orderStatuses         = words("active on-hold cancelled completed entered-in-error stopped draft unknown intended not-taken")
	// noValue are the reasons that say that what stands in a value's place is not one.
	noValue       = words("error not-a-number negative-infinity positive-infinity not-performed not-applicable not-asked asked-declined masked not-permitted")
	absentReasons = words(`unknown asked-unknown temp-unknown not-asked asked-declined masked not-applicable unsupported as-text error not-a-number
		negative-infinity positive-infinity not-performed not-permitted`)
)
