// Package labs holds what FHIR and HL7 v2 have in common: a laboratory result,
// how normal it is, its reference range and date, and which results are sent.
package labs

import (
	"fmt"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/codes"
)

// Result is one laboratory result or vital sign as its source has it.
type Result struct {
	Source       string // for the report: "Observation/123", "message 2, OBX 14"
	System, Code string // of the test; System is "http://loinc.org" for LOINC
	Label
	// Of qualifies Code: the organism of a susceptibility test, say. It is in
	// Name too.
	Of       string
	Value    Value
	Unit     string // as printed
	UnitCode string // as compared, where it differs from Unit; "" means Unit
	Ranges   []Range
	Flags    []Flag
	Date     string // as written, in FHIR's form; "" if unknown. Its first 10 characters are sent.
	Category string // such as the name of the report that it is in; optional
	// Resource is the hash of what can come in several editions, of which only
	// the newest counts, such as "Observation/123"; 0 if there is one edition.
	Resource    uint64
	Edition     Edition
	IsVitalSign bool
	// Refs are hashes under which others in the source refer to it, for the
	// source's reader; 0 for none.
	Refs [2]uint64
	// Topics are hashes of the test and the order: a correction that has either
	// of them in common with the first of a result may be of it. Where both are
	// 0 it may if test and date are the same.
	Topics [2]uint64
	// Notes are reservations that the source's reader has. They are reported if
	// the result is sent.
	Notes []clinical.Reason

	// What a Set adds: what the flags say, hashes of all that is said and of
	// the test, and when it was.
	said          judgement
	content, test uint64
	span          span
	isOut         bool
}

// Label is the name of a test, a drug or a condition.
type Label struct {
	Name     string
	FreeName bool // Name is no terminology's text, but was typed by someone
	// CodedName is what a terminology calls it, if Name was typed. It is sent
	// where Name cannot be.
	CodedName string
}

// Value is what was found. Either Number or Text is set.
type Value struct {
	Comparator string // "<", "<=", ">=", ">" or ""
	Number     string // as written
	Text       string
	Free       bool // Text is no terminology's text, but was typed by someone
}

// String returns the value as it is sent, without a unit.
func (v Value) String() string {
	if v.Number != "" {
		return v.Comparator + v.Number
	}
	return v.Text
}

// Range is a reference range as its source has it.
type Range struct {
	Low, High string // numbers as written, "" if open
	Unit      string // of Low and High; "" means the value's
	UnitCode  string // of Unit, for the source's reader
	// Text is read where there are no bounds and it has a form such as
	// "4.0-5.6" or "<5". Beside bounds, it can say of whom they are true.
	Text string
	// Broken is true if a bound is there that cannot be read. A range that
	// lacks it would say something else.
	Broken bool
	// Other is true for a range that is not what is normal, such as a treatment
	// goal.
	Other bool
	// Gender is whom the range applies to: "male", "female" or "" for all.
	Gender string
	// AgeLow and AgeHigh are in years; nil means open.
	AgeLow, AgeHigh *float64

	conditional bool // Text may limit the bounds in a way that is not understood
}

// Flag is an interpretation as its source has it: an HL7 code, of
// v3-ObservationInterpretation or table 0078, or words.
type Flag struct{ System, Code, Text string }

// Options are those that fhir and hl7v2 have in common, with the same meaning,
// but for Redact, which they call themselves on what is sent in the end.
type Options struct {
	Age                 *int
	Gender              string
	CapAge              bool
	ReferenceDate       time.Time
	Since               time.Time
	LatestPerTest       bool
	IncludeUnclassified bool
	RoundDecimals       *int
	Classify            func(clinical.Test) helios.Flag
	Category            func(clinical.Test) string
}

// Check returns what is wrong with the options of a package.
func (o *Options) Check(name string) error {
	switch {
	case o.Age != nil && (*o.Age < 0 || *o.Age > maxAge):
		return fmt.Errorf("helios: %s: Options.Age is not between 0 and %d", name, maxAge)
	case o.Gender != codes.Gender(o.Gender):
		return fmt.Errorf("helios: %s: Options.Gender is none of male, female, other and unknown", name)
	case o.RoundDecimals != nil && *o.RoundDecimals < 0:
		return fmt.Errorf("helios: %s: Options.RoundDecimals is negative", name)
	}
	return nil
}

// ReadError returns the error for a failed read behind a place of the input.
// Its text leaves out the reader's, which can name a file by a patient.
func ReadError(name, place string, err error) error {
	return &readError{"helios: " + name + ": the input cannot be read after " + place, err}
}

type readError struct {
	text string
	err  error
}

func (e *readError) Error() string { return e.text }
func (e *readError) Unwrap() error { return e.err }

// Kind is what a [Set] is for.
type Kind int

// The kinds.
const (
	ForLabResults Kind = iota // a request for lab results, which takes helios.MaxLabResults
	ForRecord                 // a patient's record, with vital signs
)
