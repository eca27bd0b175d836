package clinical

// Reason says why something is not sent, or is sent with a reservation. Its text is a phrase for a person.
type Reason string

// Why something is not sent.
const (
	Malformed       Reason = "cannot be read"
	OtherPatient    Reason = "belongs to another patient"
	NoPatient       Reason = "does not say whose it is, among several patients"
	TypeNotSent     Reason = "this kind is not sent"
	CategoryNotSent Reason = "neither a lab result nor a vital sign"
	StatusNotSent   Reason = "its status says not to use it"
	OrderQuestion   Reason = "a question of the order, not a result"
	QualityControl  Reason = "a quality control, not the patient's"
	Panel           Reason = "a panel whose members come by themselves"
	NoName          Reason = "has no name"
	NoValue         Reason = "has no value"
	ValueNotSent    Reason = "its kind of value is not sent"
	Duplicate       Reason = "repeats another"
	Replaced        Reason = "replaced by a newer or corrected one"
	NotLatest       Reason = "older than the latest of its test"
	TooOld          Reason = "older than asked for"
	TooMany         Reason = "more than one request takes: the newest are sent"
	NotDiagnosed    Reason = "not a confirmed diagnosis"
	NotADisease     Reason = "a finding or situation, left out as asked"
	NotTaken        Reason = "a drug that is not taken now"
	NotOrdered      Reason = "a proposal or plan, not an order"
	DoNotPerform    Reason = "an order not to give a drug"
	Unresolved      Reason = "refers to what is not there"
	Withheld        Reason = "withheld by the caller"
	ContextOnly     Reason = "context of lab results, and there are none"
	TooLarge        Reason = "larger than is read"
	Narrative       Reason = "a longer text, not one result"
	// Identifying is free text in which there is what the source says of people elsewhere, or an address or a telephone number.
	Identifying     Reason = "a text that names someone or tells how to reach someone"
	Unreadable      Reason = "has characters that cannot be read"
	ModifierUnknown Reason = "has an extension that can change its meaning"
)

// Why something is sent with a reservation, or without a part. [Unclassified] is also why a lab result is not sent in a patient's record.
const (
	// Unclassified is a lab result of which the data does not say whether it is normal.
	Unclassified      Reason = "neither called normal nor abnormal by the data"
	Preliminary       Reason = "preliminary or of unknown status"
	CategoryInferred  Reason = "taken for a lab result by its code"
	FreeText          Reason = "its value is free text"
	NoUnit            Reason = "a number without a unit"
	NoDate            Reason = "has no date"
	DatePartial       Reason = "its date has no day"
	DateUnreadable    Reason = "has a date that cannot be read"
	DateIssued        Reason = "dated by when it was issued"
	DateNotSent       Reason = "its onset is not a date"
	SeveralRanges     Reason = "has several reference ranges: one is sent"
	RangeNotSent      Reason = "its range is a goal, or for other patients: none is sent"
	RangeSwapped      Reason = "its range has low above high"
	RangeUnit         Reason = "its range is in another unit"
	RangeUnreadable   Reason = "its range cannot be read: nothing is concluded from it"
	RangeConditional  Reason = "its range has words that may limit it: nothing is concluded from it"
	FlagUnknown       Reason = "its interpretation is not one that is known"
	FlagContradicted  Reason = "its flag contradicts its range"
	SeveralFlags      Reason = "has flags that contradict each other"
	DirectionUnknown  Reason = "abnormal without high or low, for which there is no flag"
	DirectionLost     Reason = "critical, which the flag says without high or low"
	NotANormality     Reason = "its interpretation says nothing of normality"
	Rounded           Reason = "rounded as asked"
	AgeUnknown        Reason = "no age can be told"
	AgeApproximate    Reason = "the birth date has no day"
	AgeAtDeath        Reason = "the age is that at death"
	AgeCapped         Reason = "the age is above 89 and sent as 90, as asked"
	GenderUnknown     Reason = "no gender is given"
	StatusOmitted     Reason = "its status is not one that is sent"
	CharacterSet      Reason = "read as UTF-8, though another character set is declared"
	DosageWithoutUnit Reason = "a dose without a unit"
	// InstructionPartial is a drug of whose coded instructions a part cannot be read, or is of a kind that is not sent, such as the route.
	InstructionPartial Reason = "a part of its coded instructions is not sent"
	TextNotSent        Reason = "its instructions in words are not sent, as they are coded too"
	Ended              Reason = "an order whose time is over"
)
