package fhir

import (
	"io"
	"strconv"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// LabResults reads FHIR JSON and returns a request for the interpretation of one patient's lab results, the newest [helios.MaxLabResults] of them, with the
// patient's age, gender, conditions and medications as context. Its WebhookURL is empty. The report says what is sent, what is not, and why; it is never nil.
//
// Errors: [ErrNoResults], [ErrMultiplePatients], [ErrUndecided], [ErrMalformed], all with errors.Is, that of r, wrapped, and one for wrong options. The request is nil
// then. What is wrong with a single resource is no error but an entry of the report.
//
// The memory that it takes does not depend on the size of the input; see the package's documentation. It may be called concurrently with different readers.
func LabResults(r io.Reader, opts Options) (*helios.LabResultsRequest, *clinical.Report, error) {
	if err := opts.check(); err != nil {
		return nil, &clinical.Report{}, err
	}
	c := newConverter(labs.ForLabResults, &opts)
	if err := c.read(r); err != nil {
		return nil, c.finish(), err
	}
	about, day := c.about()
	c.revise(c.main.labs)
	results := c.main.labs.LabResults(about)
	if len(results) == 0 {
		c.dropContext()
		return nil, c.finish(), ErrNoResults
	}
	req := &helios.LabResultsRequest{LabResults: results}
	if !opts.ResultsOnly {
		req.PatientContext = c.context(about, day)
	}
	return req, c.finish(), nil
}

// Agent reads FHIR JSON and returns a request for the summary of one patient's record: age and gender, lab results that the data calls abnormal or normal,
// conditions, medications and vital signs. Its WebhookURL is empty. The report says what is sent, what is not, and why; it is never nil.
//
// Errors: [ErrNoData], also if nothing but age and gender could be sent; [ErrMultiplePatients], [ErrUndecided], [ErrMalformed], all with errors.Is, that of r, wrapped,
// and one for wrong options. The request is nil then. What is wrong with a single resource is no error but an entry of the report.
//
// Beyond what is sent, the memory that it takes does not depend on the size of the input; see the package's documentation. It may be called concurrently with
// different readers.
func Agent(r io.Reader, agentType helios.AgentType, opts Options) (*helios.AgentRequest, *clinical.Report, error) {
	if err := opts.check(); err != nil {
		return nil, &clinical.Report{}, err
	}
	c := newConverter(labs.ForRecord, &opts)
	if err := c.read(r); err != nil {
		return nil, c.finish(), err
	}
	about, day := c.about()
	c.revise(c.main.labs)
	c.revise(c.main.vitals)
	var data helios.HealthData
	data.RecentAbnormalLabs, data.RecentNormalLabs = c.main.labs.Labs(about)
	data.VitalSigns = c.main.vitals.VitalSigns()
	data.PastMedicalHistory = c.pastMedicalHistory()
	data.Medications = c.medications(day)
	report := c.main.report
	report.AddSent("pastMedicalHistory", len(data.PastMedicalHistory))
	report.AddSent("medications", len(data.Medications))
	sent := len(data.RecentAbnormalLabs) + len(data.RecentNormalLabs) + len(data.VitalSigns) + len(data.PastMedicalHistory) + len(data.Medications)
	if sent == 0 {
		return nil, c.finish(), ErrNoData
	}
	if about.Age != nil || about.Gender != "" {
		data.PatientInfo = &helios.PatientInfo{Age: about.Age, Gender: about.Gender}
	}
	return &helios.AgentRequest{AgentType: agentType, Data: data}, c.finish(), nil
}

// about returns whom the request is about, and the day at which that is told.
func (c *converter) about() (about labs.Patient, day string) {
	now := time.Now().UTC().Format(time.DateOnly)
	switch {
	case !c.opts.ReferenceDate.IsZero():
		day = c.opts.ReferenceDate.Format(time.DateOnly)
	case c.main.newest != "" && c.main.newest <= now:
		day = c.main.newest
	default:
		day = now
	}
	if c.kind == labs.ForLabResults && c.opts.ResultsOnly {
		quiet := &clinical.Report{} // nothing of it is sent, it only chooses among reference ranges
		return labs.Patient{Born: c.born(), Age: c.opts.age(c.patient, day, quiet), Gender: c.opts.genderOf(c.patient, quiet)}, day
	}
	return labs.Patient{Born: c.born(), Age: c.opts.age(c.patient, day, c.main.report), Gender: c.opts.genderOf(c.patient, c.main.report)}, day
}

// born returns the birth date, with which the age at a result is told, unless the caller tells the age.
func (c *converter) born() string {
	if c.opts.Age != nil || c.patient == nil {
		return ""
	}
	return c.patient.birthDate
}

// context returns what else is known of the patient, nil if that is nothing.
func (c *converter) context(about labs.Patient, day string) *helios.PatientContext {
	context := &helios.PatientContext{Gender: about.Gender}
	if about.Age != nil {
		context.Age = strconv.Itoa(*about.Age)
	}
	for _, condition := range c.pastMedicalHistory() {
		context.Conditions = append(context.Conditions, helios.ContextCondition{Name: condition.Display, Status: condition.ClinicalStatus})
	}
	for _, m := range c.medications(day) {
		context.Medications = append(context.Medications, helios.ContextMedication{Name: m.Medication, Dosage: m.Dosage, Frequency: m.Frequency})
	}
	c.main.report.AddSent("patientContext.conditions", len(context.Conditions))
	c.main.report.AddSent("patientContext.medications", len(context.Medications))
	if context.Age == "" && context.Gender == "" && len(context.Conditions)+len(context.Medications) == 0 {
		return nil
	}
	return context
}

// dropContext reports what would be the context of results, if there were any.
func (c *converter) dropContext() {
	for _, condition := range c.main.conditions {
		c.main.report.Drop(clinical.ContextOnly, condition.source, "")
	}
	for _, m := range c.main.medications {
		c.main.report.Drop(clinical.ContextOnly, m.source, "")
	}
	for _, drug := range c.drugList {
		c.skipped.Drop(clinical.TypeNotSent, drug.source, "Medication")
	}
}

// revise gives the results what was not known when they came: which report they are in, and who the people of the input are. Those that only a report can tell to be
// laboratory results are added or reported first.
func (c *converter) revise(set *labs.Set) {
	if set == c.main.labs {
		for i := range c.main.pending {
			row := c.main.pending[i]
			if member, ok := c.memberOf(&row); ok && member.isLab {
				set.Add(row)
			} else {
				c.main.pass(clinical.CategoryNotSent, &row, "")
			}
		}
		c.main.pending = nil
	}
	set.Settle()
	set.Revise(func(row *labs.Result) clinical.Reason {
		if member, ok := c.memberOf(row); ok {
			if set == c.main.labs {
				c.categorize(row, member)
			}
			if member.isLab {
				row.Notes = without(row.Notes, clinical.CategoryInferred)
			}
		}
		return c.clearResult(row)
	})
}

func without(notes []clinical.Reason, reason clinical.Reason) []clinical.Reason {
	var kept []clinical.Reason
	for _, note := range notes {
		if note != reason {
			kept = append(kept, note)
		}
	}
	return kept
}

// memberOf returns the report that a result is in.
func (c *converter) memberOf(row *labs.Result) (membership, bool) {
	for _, key := range row.Refs {
		if member, ok := c.members[key]; ok && key != 0 {
			return member, true
		}
	}
	return membership{}, false
}

// finish puts the report together.
func (c *converter) finish() *clinical.Report {
	report := &clinical.Report{}
	report.Merge(c.report)
	if c.main != nil {
		report.Merge(c.main.report)
	}
	report.Merge(&c.skipped)
	return c.nameless(report)
}
