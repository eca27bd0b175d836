package helios

import (
	"strconv"
	"strings"
)

// Progress is how far a run has come.
type Progress struct {
	Step  int    // from 1; 0 if unknown
	Total int    // number of steps; 0 if unknown
	Name  string // such as "Analyzing health data"; empty if unknown
}

// lightSteps are the steps of a light run as documented. The vendor documents
// neither those of other runs nor the fields that carry a step.
//
// See https://docs.heliosai.health/api-reference/ehr-agent-webhook
var lightSteps = [...]string{
	"Processing started",
	"Analyzing health data",
	"Selecting relevant elements",
	"Researching medical literature",
	"Generating patient response",
	"Generating clinician response",
	"Finalizing results",
	"Delivering final results",
}

// Progress reads the step of a status update as well as it can: the fields that
// carry it are not documented. It looks for the documented step names of a
// light run and for fields with the usual names, in the event and one level
// below. Fields that it does not find are zero.
func (e *Event) Progress() Progress {
	var p Progress
	var fields map[string]any
	if e.Final() || unmarshalBody(e.Raw, &fields) != nil {
		return p
	}

	names := []string{"stepName", "step", "currentStep", "title", "label"}
	for _, key := range []string{"step", "currentStep", "progress"} {
		if nested, ok := fields[key].(map[string]any); ok {
			p.read(nested, append(names, "name")...)
		}
	}
	p.read(fields, names...)

	for _, key := range []string{"message", "description"} { // free text, so taken only where it is a documented name
		if s, ok := fields[key].(string); ok && lightStep(s) > 0 && lightStep(p.Name) == 0 {
			p.Name = s
		}
	}
	if nested, ok := fields["data"].(map[string]any); ok {
		p.read(nested) // no names: what is called so in data may be a patient's
	}

	if i := lightStep(p.Name); i > 0 && (e.Agent == "" || e.Agent == string(AgentLight)) {
		if p.Step == 0 {
			p.Step = i
		}
		if p.Total == 0 {
			p.Total = len(lightSteps)
		}
	}
	return p
}

// lightStep returns the number of a documented step, or 0.
func lightStep(name string) int {
	for i, known := range lightSteps {
		if strings.EqualFold(name, known) {
			return i + 1
		}
	}
	return 0
}

// read fills what is still unknown. A step can be a number, or a string that is
// one or is a name.
func (p *Progress) read(fields map[string]any, names ...string) {
	if p.Step == 0 {
		p.Step = firstStep(fields, "step", "currentStep", "stepNumber", "current", "number", "index")
	}
	if p.Total == 0 {
		p.Total = firstStep(fields, "totalSteps", "stepCount", "total", "of")
	}

	for _, key := range names {
		s, _ := fields[key].(string)
		if _, err := strconv.Atoi(s); err == nil {
			continue
		}
		if p.Name == "" || lightStep(p.Name) == 0 && lightStep(s) > 0 { // a documented name wins
			p.Name = s
		}
	}
}

// firstStep returns the first field that can number a step, or 0.
func firstStep(fields map[string]any, keys ...string) int {
	const most = 1000
	for _, key := range keys {
		f, ok := fields[key].(float64)
		if s, isString := fields[key].(string); isString {
			n, err := strconv.Atoi(s)
			f, ok = float64(n), err == nil
		}
		if ok && f >= 1 && f <= most {
			return int(f)
		}
	}
	return 0
}
