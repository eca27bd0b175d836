package fhir

import (
	"errors"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// Options say what is sent. The zero value sends all that the data says, as it says it.
type Options struct {
	// Patient is whose data is sent, for input with several patients: a reference such as "Patient/123", the id alone, or the fullUrl of the patient's entry. Empty
	// means that there is only one.
	Patient string
	// ReferenceDate is the day at which the age is computed. Zero means the newest date of the patient's results, conditions and medications; if there is
	// none, or it is in the future, today in UTC.
	ReferenceDate time.Time
	// Age is sent, in years, instead of what follows from the birth date.
	Age *int
	// Gender is sent instead of the data's: male, female, other or unknown.
	Gender string
	// CapAge sends 90 for every age above 89, which alone could tell who it is.
	CapAge bool

	// Since leaves out results and vital signs from before its date, in its location. Those without a date are sent.
	Since time.Time
	// LatestPerTest sends only the newest result of each test, and the newest of each vital sign. What is not certainly older than that, such as one without a date,
	// is sent too.
	LatestPerTest bool
	// ExcludePreliminary leaves out results whose status is preliminary or unknown. They are sent, and reported, by default.
	ExcludePreliminary bool
	// IncludeUnclassified has [Agent] send results of which the data does not say whether they are normal: in RecentAbnormalLabs, as there is no third list,
	// without an interpretation. By default they are not sent but reported. [LabResults] sends them in any case, without a flag.
	IncludeUnclassified bool
	// RoundDecimals rounds numbers to so many decimals at most, half away from zero; those with fewer stay as they are. Nil sends numbers as written.
	RoundDecimals *int

	// ResultsOnly has [LabResults] leave out PatientContext.
	ResultsOnly bool
	// SkipFindings leaves out conditions that SNOMED CT calls a finding or a situation, such as "Full-time employment (finding)".
	SkipFindings bool
	// IncludeStopped has [Agent] send stopped and completed medications too, with that status, and without a status those that are called active though their time is
	// over.
	IncludeStopped bool

	// Classify is asked about results of which the data does not say whether they are normal; "" means that it does not know either. It gets health data.
	Classify func(clinical.Test) helios.Flag
	// Category is asked for the category of a lab result, such as "Renal"; "" means the name of the report that the result is in. It gets health data.
	Category func(clinical.Test) string
	// Redact gets every text that someone may have typed, such as a dosage or a value in words, and returns what is sent of it; "" withholds it. Texts of
	// terminologies do not go through it. It gets health data. What it returns is looked through as the texts are without it.
	Redact func(string) string
}

// The errors. Test for them with errors.Is. Their texts hold no data of the input.
var (
	// ErrMultiplePatients says that the input is about several patients and Options.Patient does not say which is meant.
	ErrMultiplePatients = errors.New("helios: fhir: the input is about several patients")
	// ErrUndecided says that too much of the input comes before it is known who the patient is: put the Patient first.
	ErrUndecided = errors.New("helios: fhir: too much comes before it is known who the patient is: put the Patient first")
	// ErrNoResults says that nothing of the input is a lab result that can be sent. The report says why.
	ErrNoResults = errors.New("helios: fhir: no lab result can be sent")
	// ErrNoData says that nothing of the input can be sent in a patient's record. The report says why.
	ErrNoData = errors.New("helios: fhir: no health data can be sent")
	// ErrMalformed says that the input is no JSON that can be split into resources. The error tells the place.
	ErrMalformed = errors.New("helios: fhir: the input is no FHIR JSON")
)

// readError is an error of the reader. Its text leaves out the reader's, which can name a file by a patient.
type readError struct {
	place int
	err   error
}

func (e *readError) Error() string {
	return "helios: fhir: the input cannot be read after " + entry(e.place)
}

func (e *readError) Unwrap() error { return e.err }

// check returns what is wrong with the options.
func (o *Options) check() error {
	switch {
	case o.Age != nil && (*o.Age < 0 || *o.Age > maxAge):
		return errors.New("helios: fhir: Options.Age is not between 0 and 130")
	case o.Gender != "" && administrativeGenders[o.Gender] == "":
		return errors.New("helios: fhir: Options.Gender is none of male, female, other and unknown")
	case o.RoundDecimals != nil && *o.RoundDecimals < 0:
		return errors.New("helios: fhir: Options.RoundDecimals is negative")
	}
	return nil
}

func (o *Options) labs() labs.Options {
	opts := labs.Options{
		LatestPerTest: o.LatestPerTest, IncludeUnclassified: o.IncludeUnclassified, RoundDecimals: o.RoundDecimals,
		Classify: o.Classify, Category: o.Category,
	} // without Redact, which is called here, on what is sent in the end
	if !o.Since.IsZero() {
		opts.Since = o.Since.Format(time.DateOnly)
	}
	return opts
}
