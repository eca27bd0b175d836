package heliostest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// The vendor analyses this many labs of a submission, the newest ones.
const maxLabs = 200

// result is the result of a run, in the documented shape. Which of its fields
// are there depends on the agent.
type result struct {
	SelectedElements  *[]element   `json:"selectedElements,omitempty"`
	LabResults        []labResult  `json:"labResults,omitempty"`
	Metadata          *labMetadata `json:"metadata,omitempty"`
	PatientResponse   string       `json:"patientResponse"`
	ClinicianResponse string       `json:"clinicianResponse"`
	Citations         citations    `json:"citations"`
	ResearchTasks     []string     `json:"researchTasks,omitempty"`
}

type element struct {
	Item           string `json:"item"`
	Category       string `json:"category"`
	PatientValue   string `json:"patient_value"`
	MatchingReason string `json:"matching_reason"`
}

type labResult struct {
	Name           string `json:"name"`
	Value          string `json:"value"`
	Unit           string `json:"unit,omitempty"`
	Flag           string `json:"flag,omitempty"`
	ReferenceRange string `json:"referenceRange,omitempty"`
	Date           string `json:"date,omitempty"`
	Category       string `json:"category,omitempty"`
}

type labMetadata struct {
	LabsReceived    int `json:"labsReceived"`
	LabsAnalyzed    int `json:"labsAnalyzed"`
	InsightsMatched int `json:"insightsMatched"`
}

// newResult makes up the result of a submission.
func newResult(sub *submission) *result {
	if sub.agent == agentLabResults {
		return newLabResult(sub.fields)
	}
	data, _ := sub.fields["data"].(object)
	c := agentChart(data)
	r := respond(c)

	elements := make([]element, 0, len(c.labs)+len(c.vitals)+len(c.conditions)+len(c.medications))
	for _, m := range c.abnormal() {
		reason := m.verdict() + " in the submitted data"
		elements = append(elements, element{m.name, "Laboratory Value", m.value, reason})
	}
	for _, m := range c.vitals {
		elements = append(elements, element{m.name, "Vital Sign", m.value, "Part of the overall picture"})
	}
	for _, n := range c.conditions {
		elements = append(elements, element{n.name, "Medical History", n.detail, "Part of the medical history"})
	}
	for _, n := range c.medications {
		elements = append(elements, element{n.name, "Medication", n.detail, "On the medication list"})
	}
	r.SelectedElements = &elements

	if sub.agent == agentDeep {
		r.ResearchTasks = researchTasks(c)
	}
	return r
}

func newLabResult(fields object) *result {
	labs := objects(fields, "labResults")
	received := len(labs)
	newestFirst(labs)
	labs = labs[:min(received, maxLabs)]

	patient, _ := fields["patientContext"].(object)
	c := chart{
		age:         text(patient, "age"),
		gender:      text(patient, "gender"),
		conditions:  notes(objects(patient, "conditions"), "name", "status"),
		medications: notes(objects(patient, "medications"), "name", "dosage", "frequency"),
	}

	echo := make([]labResult, len(labs))
	for i, lab := range labs {
		echo[i] = labResult{
			Name: text(lab, "name"), Value: text(lab, "value"), Unit: text(lab, "unit"), Flag: text(lab, "flag"),
			ReferenceRange: text(lab, "referenceRange"), Date: text(lab, "date"), Category: text(lab, "category"),
		}
		c.labs = append(c.labs, measurement{
			name: echo[i].Name, value: withUnit(echo[i].Value, echo[i].Unit), reference: echo[i].ReferenceRange,
			flag: echo[i].Flag, abnormal: echo[i].Flag != "" && echo[i].Flag != "Normal",
		})
	}

	r := respond(c)
	r.LabResults = echo
	r.Metadata = &labMetadata{LabsReceived: received, LabsAnalyzed: len(labs), InsightsMatched: len(c.abnormal())}
	return r
}

// newestFirst sorts labs by date; those without one come last, in their order.
func newestFirst(labs []object) {
	dates := make(map[string]time.Time)
	for _, lab := range labs {
		s := text(lab, "date")
		dates[s], _ = parseDate(s)
	}
	slices.SortStableFunc(labs, func(a, b object) int {
		return dates[text(b, "date")].Compare(dates[text(a, "date")])
	})
}

// chart is what a submission says about the patient, whichever endpoint it
// took.
type chart struct {
	age, gender string
	labs        []measurement
	vitals      []measurement
	conditions  []note
	medications []note
}

type measurement struct {
	name, value, reference, flag string
	abnormal                     bool
}

type note struct{ name, detail string }

func agentChart(data object) chart {
	patient, _ := data["patientInfo"].(object)
	c := chart{
		gender:      text(patient, "gender"),
		conditions:  notes(objects(data, "pastMedicalHistory"), "display", "clinicalStatus"),
		medications: notes(objects(data, "medications"), "medication", "dosage", "frequency"),
	}
	if age, ok := patient["age"].(json.Number); ok {
		c.age = age.String()
	}
	for _, list := range []string{"recentAbnormalLabs", "recentNormalLabs"} {
		for _, lab := range objects(data, list) {
			c.labs = append(c.labs, measurement{
				name: named(lab, "display"), value: withUnit(text(lab, "value"), text(lab, "unit")),
				reference: text(lab, "referenceRange"), flag: text(lab, "interpretation"),
				abnormal: list == "recentAbnormalLabs",
			})
		}
	}
	for _, vital := range objects(data, "vitalSigns") {
		c.vitals = append(c.vitals, measurement{
			name: named(vital, "display"), value: withUnit(text(vital, "value"), text(vital, "unit")),
		})
	}
	return c
}

func (c chart) abnormal() []measurement {
	var list []measurement
	for _, m := range c.labs {
		if m.abnormal {
			list = append(list, m)
		}
	}
	return list
}

func (m measurement) verdict() string {
	return cmp.Or(m.flag, "Outside the reference range")
}

func notes(list []object, name string, details ...string) []note {
	var found []note
	for _, o := range list {
		var parts []string
		for _, field := range details {
			// A dosage is often part of the medication's name already.
			if s := text(o, field); s != "" && !strings.Contains(text(o, name), s) {
				parts = append(parts, s)
			}
		}
		found = append(found, note{named(o, name), strings.Join(parts, ", ")})
	}
	return found
}

func objects(o object, field string) []object {
	list, _ := o[field].([]any)
	found := make([]object, 0, len(list))
	for _, item := range list {
		if m, ok := item.(object); ok {
			found = append(found, m)
		}
	}
	return found
}

func text(o object, field string) string {
	s, _ := o[field].(string)
	return s
}

// named is for the fields that name an item; the contract requires few of them.
func named(o object, field string) string { return cmp.Or(text(o, field), "Unnamed") }

func withUnit(value, unit string) string {
	switch {
	case value == "":
		return "no value"
	case unit == "" || strings.HasSuffix(value, unit):
		return value
	case unit == "%":
		return value + unit
	}
	return value + " " + unit
}
