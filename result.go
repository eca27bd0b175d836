package helios

import "encoding/json"

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

// UnmarshalJSON decodes metadata. Nothing that is there is lost, and nothing fails the result.
func (m *CitationMetadata) UnmarshalJSON(b []byte) error {
	*m = CitationMetadata{}
	var all map[string]json.RawMessage
	_ = json.Unmarshal(b, &all) // what is no object has nothing to read
	for key, field := range map[string]any{
		"type": &m.Type, "source": &m.Source, "author": &m.Author, "doi": &m.DOI, "pubdate": &m.PubDate,
		"abstract_snippet": &m.AbstractSnippet, "specialties": &m.Specialties, "url": &m.URL, "title": &m.Title,
	} {
		if value, ok := all[key]; ok && json.Unmarshal(value, field) == nil {
			delete(all, key)
		}
	}
	if len(all) > 0 {
		m.Extra = all
	}
	return nil
}

// MarshalJSON encodes the metadata as it came, Extra included.
func (m CitationMetadata) MarshalJSON() ([]byte, error) {
	type fields CitationMetadata
	extra := make(map[string]any, len(m.Extra))
	for key, value := range m.Extra {
		extra[key] = value
	}
	return encodeValid((*fields)(&m), extra)
}
