package helios

import (
	"bytes"
	"encoding/json"
	"maps"
)

// Result is what a completed run found. Which fields are set depends on the agent. Printing or logging it shows no data; its JSON holds all of it.
//
// See https://docs.heliosai.health/response-format
type Result struct {
	// PatientResponse is Markdown for the patient. Its markers [1], [2] refer to Citations.Patient.
	PatientResponse string `json:"patientResponse"`
	// ClinicianResponse is Markdown for the clinician. Its markers refer to Citations.Clinician.
	ClinicianResponse string `json:"clinicianResponse"`
	// Citations are the sources of both.
	Citations Citations `json:"citations"`
	// SelectedElements are the parts of the record that mattered; light and deep runs only.
	SelectedElements []SelectedElement `json:"selectedElements,omitempty"`
	// ResearchTasks are what was looked up; deep runs only.
	ResearchTasks []string `json:"researchTasks,omitempty"`
	// LabResults are the results as they were analysed; lab-results runs only.
	LabResults []LabResult `json:"labResults,omitempty"`
	// Metadata counts what was analysed; lab-results runs only.
	Metadata *ResultMetadata `json:"metadata,omitempty"`
}

// Citations holds the sources of the two responses, by the number in their markers.
type Citations struct {
	Patient   map[string]Citation `json:"patient"`
	Clinician map[string]Citation `json:"clinician"`
}

// Citation is one source. URL and Title are what the service sent: check the scheme before you link to it.
type Citation struct {
	URL      string           `json:"url"`
	Title    string           `json:"title"`
	Metadata CitationMetadata `json:"metadata"`
}

// CitationMetadata describes a source. Only Type is common; a field of another JSON type than here stays in Extra.
type CitationMetadata struct {
	// Type is seen as "pubmed", "pmc", "guideline" and "insight"; there may be others.
	Type            string   `json:"type,omitempty"`
	Source          string   `json:"source,omitempty"`
	Author          string   `json:"author,omitempty"`
	DOI             string   `json:"doi,omitempty"`
	PubDate         string   `json:"pubdate,omitempty"`
	AbstractSnippet string   `json:"abstract_snippet,omitempty"`
	Specialties     []string `json:"specialties,omitempty"`
	URL             string   `json:"url,omitempty"`
	Title           string   `json:"title,omitempty"`
	// Extra holds the keys without a field of their own, as they came.
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

// UnmarshalJSON decodes metadata. A value of another type than documented goes to Extra and fails nothing; metadata that is no object
// leaves all fields empty.
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
		if json.Unmarshal(all[key], field) == nil {
			delete(all, key)
		}
	}
	if json.Unmarshal(all["specialties"], &m.Specialties) == nil {
		delete(all, "specialties")
	} else {
		m.Specialties = nil // a list of which some could be read
	}
	if len(all) > 0 {
		m.Extra = all
	}
	return nil
}

// MarshalJSON encodes the metadata as it came, with all its keys.
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
