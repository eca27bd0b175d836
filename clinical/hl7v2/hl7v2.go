package hl7v2

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// The errors that [LabResults] and [ByPatient] return with a report. Neither
// holds health data.
var (
	// ErrNoResults is returned, with a report that says why, if nothing is left
	// to be sent.
	ErrNoResults = errors.New("helios: hl7v2: no lab result to send")
	// ErrMultiplePatients is returned by LabResults if messages are about
	// several patients, or do not show that they are about one. See
	// [ByPatient].
	ErrMultiplePatients = errors.New("helios: hl7v2: the messages are not all about one patient")
)

// Options say what is sent. The zero value is a good start. Functions in it are
// called one at a time, by the goroutine that called [LabResults] or
// [ByPatient].
type Options struct {
	// ReferenceDate is the day at which the age is computed, in its own
	// location. Zero means the day of the newest result; if there is none with
	// a date, or it is in the future, today in UTC.
	ReferenceDate time.Time
	// Age is sent, in years, instead of what follows from the birth date. With
	// [ByPatient] it would be everyone's, and so would Gender.
	Age *int
	// Gender is sent instead of the messages': male, female, other or unknown.
	Gender string
	// CapAge sends 90 for every age above 89, which alone could identify
	// someone.
	CapAge bool

	// LatestPerTest keeps only the latest result of each test, and what is not
	// certainly older than that, such as one without a date.
	LatestPerTest bool
	// Since leaves out results that are dated before its day, in its own
	// location. Those without a date are kept.
	Since time.Time
	// ExcludePreliminary leaves out what is preliminary (OBX-11 is P) or of no
	// known status.
	ExcludePreliminary bool
	// RoundDecimals rounds numbers to at most this many decimals, half away
	// from zero; those with fewer stay as they are. Nil sends numbers as
	// written.
	RoundDecimals *int

	// Classify is asked about a result for which the data does not say whether
	// it is normal. It returns "" if it does not know either.
	Classify func(clinical.Test) helios.Flag
	// Category names the category of a result, such as "Renal". If it returns
	// "", that of OBR-24 is sent, if there is one.
	Category func(clinical.Test) string
	// Redact gets every text that someone may have typed and returns what is
	// sent of it; "" withholds it. What it returns is searched for people like
	// any other text. It gets health data, as Classify and Category do.
	Redact func(string) string

	// Charset is the character set of all messages, whatever they say in
	// MSH-18, by its name there or a common one, such as "8859/1",
	// "WINDOWS-1252" or "Shift_JIS". Empty means that of MSH-18 or, where that
	// is empty too, UTF-8, or else Windows-1252 if the message can be read as
	// that.
	Charset string
}

func (o *Options) labs() labs.Options {
	return labs.Options{
		Age: o.Age, Gender: o.Gender, CapAge: o.CapAge, ReferenceDate: o.ReferenceDate, Since: o.Since,
		LatestPerTest: o.LatestPerTest, RoundDecimals: o.RoundDecimals, Classify: o.Classify, Category: o.Category,
	}
}

// read reads all. There is a report even if there is an error.
func read(r io.Reader, opts *Options, one bool) (*reader, error) {
	in, shared := newReader(r, opts, one), opts.labs()
	if _, ok := charsetOf(opts.Charset); !ok {
		return in, errors.New("helios: hl7v2: Options.Charset is not a character set that is read")
	}
	if err := shared.Check("hl7v2"); err != nil {
		return in, err
	}
	return in, in.all()
}

// LabResults reads the messages of one patient and returns a request for the
// interpretation of their results: the newest [helios.MaxLabResults] of them.
// Its WebhookURL is empty. The report says what is sent, what is not, and why;
// it is never nil.
//
// Errors: [ErrNoResults]; [ErrMultiplePatients], after which the report is
// about what was read until then; the error of r, wrapped and without its text;
// and one with the place in the input if a PID segment is larger than 1 MiB.
// The request is then nil. A fault in a single message or result is not an
// error but an entry in the report.
//
// The memory it takes does not depend on the size of the input. It may be
// called concurrently with different readers.
func LabResults(r io.Reader, opts Options) (*helios.LabResultsRequest, *clinical.Report, error) {
	in, err := read(r, &opts, true)
	switch {
	case err != nil:
		return nil, in.report, err
	case in.message == 0:
		return nil, in.report, fmt.Errorf("%w: the input has no MSH segment", ErrNoResults)
	case len(in.patients) == 0:
		return nil, in.report, fmt.Errorf("%w: the input has no ORU message with results", ErrNoResults)
	}

	req, err := in.patients[0].request(&opts)
	return req, in.report, err
}

// Patient is what [ByPatient] found about one patient.
type Patient struct {
	// Request asks for the interpretation of the patient's results; nil if Err
	// is set.
	Request *helios.LabResultsRequest
	Report  *clinical.Report
	// Messages are the numbers, from 1, of the messages that are about the
	// patient, so that the caller can tell who it is.
	Messages []int
	// Err is ErrNoResults or nil.
	Err error
}

// ByPatient is LabResults for a batch: it makes a request for each patient, in
// the order in which they come. The package documentation says which messages
// are about one patient; where that is not certain, a message is treated as a
// patient of its own. Results that were attributed to a patient before another
// one with the same identifier came, and that may belong to the other, are not
// sent.
//
// The report is about what belongs to no patient, such as messages of other
// types; each patient has a report too. Errors: the error of r, wrapped and
// without its text; and one with the place if the input is about more than
// 10,000 patients, has more than 500,000 results, or a PID segment larger than
// 1 MiB. No patients are returned then.
func ByPatient(r io.Reader, opts Options) ([]Patient, *clinical.Report, error) {
	in, err := read(r, &opts, false)
	if err != nil {
		return nil, in.report, err
	}

	patients := make([]Patient, len(in.patients))
	for i, p := range in.patients {
		req, err := p.request(&opts)
		patients[i] = Patient{Request: req, Report: p.report, Messages: p.messages, Err: err}
	}
	return patients, in.report, nil
}

func (p *patient) request(opts *Options) (*helios.LabResultsRequest, error) {
	p.noteUnclear()
	if p.doubtful {
		p.set.Revise(func(*labs.Result) clinical.Reason { return clinical.NoPatient })
	}

	shared, person := opts.labs(), labs.Person{Born: p.birth, Died: p.death, Gender: p.gender}
	about := shared.Patient(person, shared.Day(p.newest), func(reason clinical.Reason) {
		p.report.Note(reason, p.source, "")
	})
	results := p.set.LabResults(about)
	if len(results) == 0 {
		return nil, ErrNoResults
	}

	req := &helios.LabResultsRequest{LabResults: results}
	if about.Age != nil || about.Gender != "" {
		req.PatientContext = &helios.PatientContext{Gender: about.Gender}
	}
	if about.Age != nil {
		req.PatientContext.Age = strconv.Itoa(*about.Age)
	}
	return req, nil
}
