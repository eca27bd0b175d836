package helios

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
)

// Result is what a completed run found. Which fields are set depends on the
// agent. Printing or logging it shows no data; its JSON holds all of it.
//
// See https://docs.heliosai.health/response-format
type Result struct {
	// PatientResponse is Markdown for the patient. Its markers [1], [2] refer
	// to Citations.Patient.
	PatientResponse string `json:"patientResponse"`
	// ClinicianResponse is Markdown for the clinician. Its markers refer to
	// Citations.Clinician.
	ClinicianResponse string `json:"clinicianResponse"`
	// Citations are the sources of both.
	Citations Citations `json:"citations"`
	// SelectedElements are the parts of the record that mattered; light and
	// deep runs only.
	SelectedElements []SelectedElement `json:"selectedElements,omitempty"`
	// ResearchTasks are what was looked up; deep runs only.
	ResearchTasks []string `json:"researchTasks,omitempty"`
	// LabResults are the results as they were analysed; lab-results runs only.
	LabResults []LabResult `json:"labResults,omitempty"`
	// Metadata counts what was analysed; lab-results runs only.
	Metadata *ResultMetadata `json:"metadata,omitempty"`
}

// Citations holds the sources of the two responses, by the number in their
// markers.
type Citations struct {
	Patient   map[string]Citation `json:"patient"`
	Clinician map[string]Citation `json:"clinician"`
}

// Citation is one source. URL and Title are what the service sent: check the
// scheme before you link to it.
type Citation struct {
	URL      string           `json:"url"`
	Title    string           `json:"title"`
	Metadata CitationMetadata `json:"metadata"`
}

// CitationMetadata describes a source. Only Type is common.
type CitationMetadata struct {
	// Type is, for example, "pubmed", "pmc", "guideline" or "insight"; there
	// may be others.
	Type            string   `json:"type,omitempty"`
	Source          string   `json:"source,omitempty"`
	Author          string   `json:"author,omitempty"`
	DOI             string   `json:"doi,omitempty"`
	PubDate         string   `json:"pubdate,omitempty"`
	AbstractSnippet string   `json:"abstract_snippet,omitempty"`
	Specialties     []string `json:"specialties,omitempty"`
	URL             string   `json:"url,omitempty"`
	Title           string   `json:"title,omitempty"`
	// Extra holds, as received, the keys without a field of their own and those
	// whose value does not have the documented type.
	Extra map[string]json.RawMessage `json:"-"`

	other json.RawMessage // what came where an object should be
}

// SelectedElement is a part of the record that mattered.
type SelectedElement struct {
	Item           string `json:"item"`
	Category       string `json:"category"`
	PatientValue   string `json:"patient_value"`
	MatchingReason string `json:"matching_reason"`
}

// ResultMetadata counts what a lab-results run analysed.
type ResultMetadata struct {
	LabsReceived    int `json:"labsReceived"`
	LabsAnalyzed    int `json:"labsAnalyzed"`
	InsightsMatched int `json:"insightsMatched"`
}

// Result decodes the result of a completed run, anew at each call.
//
// If a result does not have the documented shape, Result returns what can be
// read, together with a [*ResultError] that lists the places that cannot: use
// both. A number or a boolean where text is documented is read as its text,
// without an error.
//
// Other errors come without a result: the [*RunError] of a run that failed, and
// [ErrNoResult] for an event that is not final or that completed without one.
func (e *Event) Result() (*Result, error) {
	if failure := e.Failure(); failure != nil {
		return nil, failure
	}
	if !e.Final() {
		return nil, ErrNoResult
	}

	value, object := envelopeField(e.Raw, "result")
	if !object {
		return nil, fmt.Errorf("helios: result of run %s: Event.Raw is not a JSON object", e.RunID)
	}
	if value == nil || string(value) == "null" {
		return nil, fmt.Errorf("%w: run %s completed without one; see Event.Raw", ErrNoResult, e.RunID)
	}

	result := new(Result)
	if json.Unmarshal(value, result) == nil {
		return result, nil
	}
	return e.lenientResult(value)
}

// lenientResult reads what the documented types do not fit.
func (e *Event) lenientResult(value []byte) (*Result, error) {
	result := new(Result)
	var d lenientDecoder
	readable := d.decode(value, result, "result")

	if len(d.problems) == 0 {
		return result, nil
	}
	err := &ResultError{RunID: e.RunID, Fields: d.problems}
	if !readable {
		return nil, err
	}
	return result, err
}

// ResultError lists the parts of a result that could not be read.
// [Event.Result] returns it together with those that could. All of it is in
// [Event.Raw].
type ResultError struct {
	// RunID is the run whose result it is.
	RunID string
	// Fields holds the places, such as "labResults[3].date", with what is wrong
	// there; never empty, at most 100. An entry that could not be read is
	// missing in its list or map. The index is that of the list in Event.Raw;
	// the entries of a map are counted too, because a key may be health data.
	Fields []FieldError
}

// Error lists the first ten places, without values.
func (e *ResultError) Error() string {
	return "helios: result of run " + e.RunID + ": not as documented: " + listFields(e.Fields) + "; see Event.Raw"
}

// UnmarshalJSON decodes metadata. It never fails on valid JSON: metadata that
// is not an object leaves all fields empty.
func (m *CitationMetadata) UnmarshalJSON(b []byte) error {
	*m = CitationMetadata{}
	var all map[string]json.RawMessage
	if json.Unmarshal(b, &all) != nil {
		m.other = bytes.Clone(b)
		return nil //nolint:nilerr // a result is worth more than this
	}

	for key, field := range map[string]*string{
		"type": &m.Type, "source": &m.Source, "author": &m.Author, "doi": &m.DOI, "pubdate": &m.PubDate,
		"abstract_snippet": &m.AbstractSnippet, "url": &m.URL, "title": &m.Title,
	} {
		value, set := all[key]
		if !set {
			continue
		}
		if text, ok := readText(value); ok {
			*field = text
			delete(all, key)
		}
	}
	if value, set := all["specialties"]; set {
		if json.Unmarshal(value, &m.Specialties) == nil {
			delete(all, "specialties")
		} else {
			m.Specialties = nil // a list of which some could be read
		}
	}

	if len(all) > 0 {
		m.Extra = all
	}
	return nil
}

// MarshalJSON encodes the metadata with all its keys.
func (m CitationMetadata) MarshalJSON() ([]byte, error) {
	if m.other != nil {
		return m.other, nil
	}

	type fields CitationMetadata
	typed, err := json.Marshal((*fields)(&m))
	if err != nil || len(m.Extra) == 0 {
		return typed, err
	}

	all := maps.Clone(m.Extra)
	if err := json.Unmarshal(typed, &all); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}
