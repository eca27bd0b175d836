package fhir

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/codes"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// LabResults reads FHIR JSON and returns a request for the interpretation of
// one patient's lab results, the newest [helios.MaxLabResults] of them, with
// the patient's age, gender, conditions and medications as context. Its
// WebhookURL is empty. The report says what is sent, what is not, and why; it
// is never nil.
//
// Errors, for errors.Is: [ErrNoResults], [ErrMultiplePatients], [ErrUndecided]
// and [ErrMalformed]; the error of r, wrapped; and one for invalid options. The
// request is then nil. A fault in a single resource is not an error but an
// entry in the report.
//
// The memory that it takes does not depend on the size of the input; see the
// package's documentation. It may be called concurrently with different
// readers.
func LabResults(r io.Reader, opts Options) (*helios.LabResultsRequest, *clinical.Report, error) {
	if err := opts.check(); err != nil {
		return nil, &clinical.Report{}, err
	}
	c := newConverter(labs.ForLabResults, &opts)
	if err := c.readAll(r); err != nil {
		return nil, c.finish(), err
	}

	about, day := c.about()
	c.revise()
	results := c.main.labs.LabResults(about)
	if len(results) == 0 {
		c.dropContext()
		return nil, c.finish(), c.nothing(ErrNoResults)
	}

	req := &helios.LabResultsRequest{LabResults: results}
	if !opts.ResultsOnly {
		req.PatientContext = c.context(about, day)
	}
	return req, c.finish(), nil
}

// Agent reads FHIR JSON and returns a request for the summary of one patient's
// record: age and gender, lab results that the data calls abnormal or normal,
// conditions, medications and vital signs. Its WebhookURL is empty. The report
// says what is sent, what is not, and why; it is never nil.
//
// Errors, for errors.Is: [ErrNoData], also if nothing but age and gender could
// be sent; [ErrMultiplePatients], [ErrUndecided] and [ErrMalformed]; the error
// of r, wrapped; and one for invalid options. The request is then nil. A fault
// in a single resource is not an error but an entry in the report.
//
// Beyond what is sent, the memory that it takes does not depend on the size of
// the input; see the package's documentation. It may be called concurrently
// with different readers.
func Agent(r io.Reader, agentType helios.AgentType, opts Options) (*helios.AgentRequest, *clinical.Report, error) {
	if err := opts.check(); err != nil {
		return nil, &clinical.Report{}, err
	}
	c := newConverter(labs.ForRecord, &opts)
	if err := c.readAll(r); err != nil {
		return nil, c.finish(), err
	}

	about, day := c.about()
	c.revise()

	var data helios.HealthData
	var unclassified []helios.Lab
	data.RecentAbnormalLabs, data.RecentNormalLabs, unclassified = c.main.labs.Labs(about)
	if len(unclassified) > 0 {
		data.Extra = map[string]any{opts.Unclassified: unclassified}
		c.main.report.AddSent(opts.Unclassified, len(unclassified))
	}

	data.VitalSigns = c.main.labs.VitalSigns()
	c.sections(day, &data)
	if len(c.main.report.Sent) == 0 {
		return nil, c.finish(), c.nothing(ErrNoData)
	}

	if about.Age != nil || about.Gender != "" {
		data.PatientInfo = &helios.PatientInfo{Age: about.Age, Gender: about.Gender}
	}
	return &helios.AgentRequest{AgentType: agentType, Data: data}, c.finish(), nil
}

// about returns whom the request is about, and the day at which the age is
// computed.
func (c *converter) about() (about labs.Patient, day string) {
	day = c.labs.Day(c.main.newest)
	var person labs.Person
	if p := c.patient; p != nil {
		person = labs.Person{Born: p.birthDate, Died: p.died, Gender: p.gender}
	}
	// Without a context nothing of it is sent, it only chooses among reference
	// ranges.
	isSent := c.use != forResults
	return c.labs.Patient(person, day, func(reason clinical.Reason) {
		if isSent {
			c.main.report.Note(reason, "Patient", "")
		}
	}), day
}

// contextNames are those of lists in the context of results.
var contextNames = map[string]string{
	"pastMedicalHistory": "patientContext.conditions", "medications": "patientContext.medications",
}

func (c *converter) sections(day string, data *helios.HealthData) {
	for _, name := range c.main.sections() {
		n := c.main.lists[name].send(c, day, data)
		if c.kind == labs.ForLabResults {
			name = contextNames[name]
		}
		c.main.report.AddSent(name, n)
	}
	c.skipUnused()
}

// context returns what else is known of the patient, nil if that is nothing.
func (c *converter) context(about labs.Patient, day string) *helios.PatientContext {
	var data helios.HealthData
	c.sections(day, &data)

	context := &helios.PatientContext{Gender: about.Gender}
	if about.Age != nil {
		context.Age = strconv.Itoa(*about.Age)
	}
	for _, condition := range data.PastMedicalHistory {
		context.Conditions = append(context.Conditions,
			helios.ContextCondition{Name: condition.Display, Status: condition.ClinicalStatus})
	}

	for _, m := range data.Medications {
		context.Medications = append(context.Medications,
			helios.ContextMedication{Name: m.Medication, Dosage: m.Dosage, Frequency: m.Frequency})
	}

	if context.Age == "" && context.Gender == "" && len(context.Conditions)+len(context.Medications) == 0 {
		return nil
	}
	return context
}

func (c *converter) dropContext() {
	for _, name := range c.main.sections() {
		c.main.lists[name].drop(c.main.report, clinical.ContextOnly)
	}
	c.skipUnused()
}

// revise gives the results what was not known when they came: which report they
// are in, and who the people of the input are. Those that only a report can
// tell to be laboratory results are added or reported first.
func (c *converter) revise() {
	set := c.main.labs
	for _, row := range c.main.pending {
		if member := c.reports.of(&row); !member.isLab && !member.maybe {
			c.main.pass(clinical.CategoryNotSent, &row, "")
			continue
		}
		row.Note(clinical.CategoryInferred) // which a report of a laboratory takes back
		set.Add(&row)
	}
	c.main.pending = nil

	set.NoteCorrections()
	set.Revise(func(row *labs.Result) clinical.Reason {
		if !row.IsVitalSign {
			c.categorize(row)
		}
		return c.clearResult(row)
	})
}

// finish puts the report together: first what is about the patient, so that it
// is listed however many others there are.
func (c *converter) finish() *clinical.Report {
	report := &clinical.Report{}
	for _, part := range []*clinical.Report{c.mine().report, c.report, &c.foreign, &c.skipped} {
		report.Merge(part)
	}
	return c.nameless(report)
}

// Options say what is sent. The zero value sends all that the data says, as it
// says it. The functions are called one at a time, on the caller's goroutine.
type Options struct {
	// Patient is whose data is sent, for input with several patients: a
	// reference such as "Patient/123", the id alone, or the fullUrl of the
	// patient's entry. Empty means that there is only one.
	Patient string
	// ReferenceDate is the day at which the age is computed. Zero means the
	// newest date of the patient's results, conditions and medications; if
	// there is none, or it is in the future, today in UTC.
	ReferenceDate time.Time
	// Age is sent, in years, instead of what follows from the birth date.
	Age *int
	// Gender is sent instead of the data's: male, female, other or unknown.
	Gender string
	// CapAge sends 90 for every age above 89, which alone could identify
	// someone.
	CapAge bool

	// Since leaves out results and vital signs from before its date, in its
	// location. Those without a date are sent.
	Since time.Time
	// LatestPerTest sends only the newest result of each test, and the newest
	// of each vital sign. What is not certainly older than that, such as one
	// without a date, is sent too.
	LatestPerTest bool
	// ExcludePreliminary leaves out results whose status is preliminary or
	// unknown. They are sent, and reported, by default.
	ExcludePreliminary bool
	// Unclassified makes [Agent] send the results that the data classifies as
	// neither normal nor abnormal: as a list of [helios.Lab] in
	// HealthData.Extra under this name, without an interpretation. The API
	// documents no name for them, so choose one that tells a reader what they
	// are, such as "recentLabs". Empty, they are not sent but reported.
	// [LabResults] sends them in any case, without a flag.
	Unclassified string
	// RoundDecimals rounds numbers to at most this many decimals, half away
	// from zero; those with fewer stay as they are. Nil sends numbers as
	// written.
	RoundDecimals *int

	// ResultsOnly makes [LabResults] leave out PatientContext.
	ResultsOnly bool
	// SkipFindings leaves out conditions that SNOMED CT calls a finding or a
	// situation, such as "Full-time employment (finding)".
	SkipFindings bool
	// IncludeStopped makes [Agent] also send stopped and completed medications,
	// with that status, and, without a status, those that are called active
	// though their time is over.
	IncludeStopped bool

	// Classify is asked about results for which the data does not say whether
	// they are normal; "" means that it does not know either. It gets health
	// data.
	Classify func(clinical.Test) helios.Flag
	// Category is asked for the category of a lab result, such as "Renal"; ""
	// means the name of the report that the result is in. It gets health data.
	Category func(clinical.Test) string
	// Redact gets every text that someone may have typed, such as a dosage or a
	// value in words, and returns what is sent of it; "" withholds it. Texts of
	// terminologies do not go through it. It gets health data. What it returns
	// is searched for people like any other text.
	Redact func(string) string
}

// The errors. Test for them with errors.Is. Their texts hold no data of the
// input.
var (
	// ErrMultiplePatients says that the input is about several patients and
	// Options.Patient does not say which is meant.
	ErrMultiplePatients = errors.New("helios: fhir: the input is about several patients")
	// ErrUndecided says that too much of the input comes before it is known who
	// the patient is: put the Patient first.
	ErrUndecided = errors.New("helios: fhir: too much comes before it is known who the patient is: put the " +
		"Patient first")
	// ErrNoResults says that nothing of the input is a lab result that can be
	// sent. The report says why.
	ErrNoResults = errors.New("helios: fhir: no lab result can be sent")
	// ErrNoData says that nothing of the input can be sent in a patient's
	// record. The report says why.
	ErrNoData = errors.New("helios: fhir: no health data can be sent")
	// ErrMalformed says that the input is not JSON that can be split into
	// resources. The error names the place.
	ErrMalformed = errors.New("helios: fhir: the input is no FHIR JSON")
)

func (o *Options) check() error {
	if ownFields[o.Unclassified] || o.Unclassified != strings.TrimSpace(o.Unclassified) {
		return errors.New("helios: fhir: Options.Unclassified is a field that has another meaning")
	}
	shared := o.labs()
	return shared.Check("fhir")
}

var ownFields = codes.Words("patientInfo recentAbnormalLabs recentNormalLabs pastMedicalHistory medications vitalSigns")

func (o *Options) labs() labs.Options {
	return labs.Options{
		Age: o.Age, Gender: o.Gender, CapAge: o.CapAge, ReferenceDate: o.ReferenceDate, Since: o.Since,
		LatestPerTest: o.LatestPerTest, IncludeUnclassified: o.Unclassified != "", RoundDecimals: o.RoundDecimals,
		Classify: o.Classify, Category: o.Category,
	}
}
