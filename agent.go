package helios

import (
	"context"
	"slices"
)

const agentPath = "/api/v1/agent"

// AgentType selects how deep an EHR summary goes.
type AgentType string

// The agent types. See https://docs.heliosai.health/api-reference/ehr-agent
const (
	// AgentLight is a routine summary: 5 to 8 minutes, $0.65 a run.
	AgentLight AgentType = "light"
	// AgentDeep is for complex cases, with literature research in several
	// steps: 10 to 13 minutes, $3.50 a run.
	AgentDeep AgentType = "deep"
)

// AgentRequest asks for a summary of a patient's record. Fields that are not
// set are not sent. Printing or logging it shows no data; its JSON is what is
// sent.
//
// See https://docs.heliosai.health/api-reference/post-apiv1agent
type AgentRequest struct {
	// WebhookURL is where the run's events go. It must be one that
	// [WithWebhookURL] accepts; empty means the client's default.
	WebhookURL string `json:"webhookUrl,omitempty"`
	// AgentType is AgentLight or AgentDeep; required.
	AgentType AgentType `json:"agentType"`
	// Data is the patient's record; something must be in it.
	Data HealthData `json:"data"`
	// Extra holds further fields of the request that this package does not
	// know.
	Extra map[string]any `json:"-"`
}

// HealthData is a patient's record. Every field is optional.
//
// See https://docs.heliosai.health/api-reference/ehr-agent
type HealthData struct {
	PatientInfo        *PatientInfo `json:"patientInfo,omitempty"`
	RecentAbnormalLabs []Lab        `json:"recentAbnormalLabs,omitempty"`
	RecentNormalLabs   []Lab        `json:"recentNormalLabs,omitempty"`
	PastMedicalHistory []Condition  `json:"pastMedicalHistory,omitempty"`
	Medications        []Medication `json:"medications,omitempty"`
	VitalSigns         []VitalSign  `json:"vitalSigns,omitempty"`
	// Extra holds further categories, such as imaging or genetics, by the name
	// they are sent under. The vendor accepts more than the ones above; its
	// reference lists their names.
	Extra map[string]any `json:"-"`
}

// PatientInfo describes the patient without saying who it is.
type PatientInfo struct {
	// Age is in whole years. It is a pointer so that 0, a newborn, can be sent:
	// new(45).
	Age    *int   `json:"age,omitempty"`
	Gender string `json:"gender,omitempty"`
}

// Lab is a lab result of a patient's record. ([LabResult] is one for
// interpretation on its own.)
type Lab struct {
	Date           string `json:"date,omitempty"`    // YYYY-MM-DD
	Display        string `json:"display,omitempty"` // the test's name, such as "Hemoglobin A1c"
	Value          string `json:"value,omitempty"`   // without the unit, such as "7.2"
	Unit           string `json:"unit,omitempty"`
	ReferenceRange string `json:"referenceRange,omitempty"` // such as "4.0-5.6"
	Interpretation string `json:"interpretation,omitempty"` // such as "High"
}

// Condition is a diagnosis of a patient's record.
type Condition struct {
	Display        string `json:"display,omitempty"`
	ClinicalStatus string `json:"clinicalStatus,omitempty"` // such as "active"
	OnsetDate      string `json:"onsetDate,omitempty"`      // YYYY-MM-DD
}

// Medication is a drug of a patient's record.
type Medication struct {
	Medication string `json:"medication,omitempty"` // such as "Metformin 500mg"
	Status     string `json:"status,omitempty"`     // such as "active"
	Dosage     string `json:"dosage,omitempty"`     // such as "500mg"
	Frequency  string `json:"frequency,omitempty"`  // such as "twice daily"
}

// VitalSign is a measured vital sign.
type VitalSign struct {
	Display string `json:"display,omitempty"` // such as "Blood Pressure"
	Value   string `json:"value,omitempty"`   // such as "138/88"
	Unit    string `json:"unit,omitempty"`    // such as "mmHg"
	Date    string `json:"date,omitempty"`    // YYYY-MM-DD
}

// AgentService submits patients' records. Use the one in [Client.Agent].
type AgentService struct{ api *api }

// Submit starts a run. It returns when the service has accepted it, usually
// within a second; the events and the result come to the webhook minutes later.
// An accepted run is paid.
//
// Errors: [ValidationError] before anything is sent; [AuthenticationError];
// [ConcurrencyLimitError]; [OutcomeUnknownError], after which the run may
// exist; [APIError] for any other answer; the context's or the network's error
// where nothing was accepted. It is safe for concurrent use; req must not
// change meanwhile.
//
// See https://docs.heliosai.health/api-reference/post-apiv1agent
func (s *AgentService) Submit(ctx context.Context, req *AgentRequest, opts ...CallOption) (*Run, error) {
	body, err := s.prepare(req)
	return s.api.submit(ctx, req.label(), agentPath, body, err, opts)
}

// label returns the agent type for metrics, "" for one that the service does
// not have: metrics must not grow with what callers write.
func (r *AgentRequest) label() string {
	if r == nil || r.AgentType != AgentLight && r.AgentType != AgentDeep {
		return ""
	}
	return string(r.AgentType)
}

// Validate returns the [ValidationError] that Submit would return, if any, and
// sends nothing. Use it before a request goes into a store or a queue.
func (s *AgentService) Validate(req *AgentRequest) error {
	_, err := s.prepare(req)
	return err
}

func (s *AgentService) prepare(req *AgentRequest) ([]byte, error) {
	if req == nil {
		return nil, errNilRequest()
	}
	r := *req
	problems := s.api.useWebhookURL(&r.WebhookURL)
	if r.AgentType != AgentLight && r.AgentType != AgentDeep {
		problems = append(problems, FieldError{"agentType", `must be "light" or "deep"`})
	}
	if r.Data.isEmpty() {
		problems = append(problems, FieldError{"data", "holds no health data"})
	}
	return r.encode(problems)
}

func (d *HealthData) isEmpty() bool {
	return (d.PatientInfo == nil || *d.PatientInfo == PatientInfo{}) &&
		allZero(d.RecentAbnormalLabs) && allZero(d.RecentNormalLabs) && allZero(d.PastMedicalHistory) &&
		allZero(d.Medications) && allZero(d.VitalSigns) && allNil(d.Extra)
}

func allZero[T comparable](items []T) bool {
	var zero T
	return !slices.ContainsFunc(items, func(item T) bool { return item != zero })
}

func allNil(extra map[string]any) bool {
	for _, value := range extra {
		if value != nil {
			return false
		}
	}
	return true
}

// The field types are the public types without their methods, for
// encoding/json.
type (
	healthDataFields HealthData
	agentFields      struct {
		WebhookURL string    `json:"webhookUrl,omitempty"`
		AgentType  AgentType `json:"agentType,omitempty"`
		Data       any       `json:"data"`
	}
)

func (r *AgentRequest) encode(problems []FieldError) ([]byte, error) {
	data, err := encodePart((*healthDataFields)(&r.Data), r.Data.Extra, "data.", &problems)
	if err != nil {
		return nil, err
	}
	fields := agentFields{r.WebhookURL, r.AgentType, data}
	return encodeValid(&fields, r.Extra, problems)
}

// MarshalJSON encodes the request as it is sent, Extra merged in.
func (r AgentRequest) MarshalJSON() ([]byte, error) { return r.encode(nil) }

// UnmarshalJSON decodes a request; what has no field of its own goes to Extra.
// List items have no Extra: their unknown fields are dropped.
func (r *AgentRequest) UnmarshalJSON(b []byte) error {
	type fields AgentRequest
	return decodeExtra(b, (*fields)(r), &r.Extra)
}

// MarshalJSON encodes the data as it is sent, Extra merged in.
func (d HealthData) MarshalJSON() ([]byte, error) {
	return encodeValid((*healthDataFields)(&d), d.Extra, nil)
}

// UnmarshalJSON decodes a record; categories without a field of their own go to
// Extra.
func (d *HealthData) UnmarshalJSON(b []byte) error {
	return decodeExtra(b, (*healthDataFields)(d), &d.Extra)
}
