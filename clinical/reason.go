package clinical

// Reason says why something is not sent, or is sent with a reservation. Its
// text is a phrase for a person.
type Reason string

// Why something is not sent.
const (
	Malformed       Reason = "cannot be read"
	OtherPatient    Reason = "belongs to another patient"
	NoPatient       Reason = "names no patient, and there are several"
	TypeNotSent     Reason = "this kind is not sent"
	CategoryNotSent Reason = "neither a lab result nor a vital sign"
	StatusNotSent   Reason = "its status says not to use it"
	OrderQuestion   Reason = "an order question, not a result"
	QualityControl  Reason = "a quality control, not a result of the patient"
	Panel           Reason = "a panel whose members are reported separately"
	NoName          Reason = "has no name"
	NoValue         Reason = "has no value"
	ValueNotSent    Reason = "this type of value is not sent"
	Duplicate       Reason = "repeats another"
	Replaced        Reason = "replaced by a newer or corrected one"
	NotLatest       Reason = "older than the latest of its test"
	TooOld          Reason = "earlier than the requested start date"
	TooMany         Reason = "over the limit of one request: the newest are sent"
	NotDiagnosed    Reason = "not a confirmed diagnosis"
	NotADisease     Reason = "a finding or situation, left out as requested"
	NotTaken        Reason = "a drug that is not currently taken"
	NotOrdered      Reason = "a proposal or plan, not an order"
	DoNotPerform    Reason = "an order not to give a drug"
	Unresolved      Reason = "refers to something that is not in the input"
	Withheld        Reason = "withheld by the caller"
	ContextOnly     Reason = "context for lab results, but there are none"
	TooLarge        Reason = "larger than the limit"
	Narrative       Reason = "a longer text, not one result"
	// Identifying is free text that holds what the source says of people
	// elsewhere, or an address or a telephone number.
	Identifying     Reason = "a text that may identify someone"
	Unreadable      Reason = "has characters that cannot be read"
	ModifierUnknown Reason = "has an unknown part that can change its meaning"
)

// Why something is sent with a reservation, or without a part. [Unclassified]
// is also why a lab result is not sent in a patient's record.
const (
	// Unclassified is a lab result for which the data does not say whether it
	// is normal.
	Unclassified      Reason = "not classified as normal or abnormal by the data"
	Preliminary       Reason = "preliminary or of unknown status"
	CategoryInferred  Reason = "treated as a lab result because of its code"
	FreeText          Reason = "its value is free text"
	NoUnit            Reason = "a number without a unit"
	NoDate            Reason = "has no date"
	DatePartial       Reason = "its date has no day"
	DateUnreadable    Reason = "has a date that cannot be read"
	DateIssued        Reason = "dated by its time of issue"
	DateNotSent       Reason = "its onset is not a date"
	SeveralRanges     Reason = "has several reference ranges: one is sent"
	RangeNotSent      Reason = "its range is a goal, or for other patients: none is sent"
	RangeSwapped      Reason = "its range has low above high"
	RangeUnit         Reason = "its range is in another unit"
	RangeUnreadable   Reason = "its range cannot be read: not used to judge the result"
	RangeConditional  Reason = "its range has words that may restrict it: not used to judge the result"
	FlagUnknown       Reason = "its interpretation is not recognized"
	FlagContradicted  Reason = "its flag contradicts its range"
	SeveralFlags      Reason = "has flags that contradict each other"
	DirectionUnknown  Reason = "abnormal but neither high nor low, for which there is no flag"
	DirectionLost     Reason = "critical: the flag does not say whether high or low"
	NotANormality     Reason = "its interpretation does not say whether it is normal"
	Rounded           Reason = "rounded as requested"
	AgeUnknown        Reason = "the age cannot be determined"
	AgeApproximate    Reason = "the birth date has no day"
	AgeAtDeath        Reason = "the age is the age at death"
	AgeCapped         Reason = "the age is above 89 and sent as 90, as requested"
	GenderUnknown     Reason = "no gender is given"
	StatusOmitted     Reason = "its status is not sent"
	CharacterSet      Reason = "read as UTF-8, though another character set is declared"
	DosageWithoutUnit Reason = "a dose without a unit"
	// InstructionPartial is a drug whose coded instructions have a part that
	// cannot be read, or that is not sent, such as the route.
	InstructionPartial Reason = "a part of its coded instructions is not sent"
	TextNotSent        Reason = "its free-text instructions are not sent, since they are also coded"
	Ended              Reason = "an order that has ended"
)

// NoStatus is a drug in FHIR whose resource does not say whether it is taken.
const NoStatus Reason = "does not say whether it is in use"

// Reasons that only HL7 v2 messages have.
const (
	// CharacterSetGuessed is a message that declares no character set and is
	// not in UTF-8. It is sent.
	CharacterSetGuessed Reason = "declares no character set: read as Windows-1252"
	// CutOff is a result whose end is missing, since the input ends within it.
	CutOff Reason = "the input ends within it"
	// Animal is a result of a patient with a species (PID-35).
	Animal Reason = "of an animal"
	// CorrectionUnclear is a result that may or may not correct another one.
	// Both are sent.
	CorrectionUnclear Reason = "it may correct another result, or be corrected by it"
)
