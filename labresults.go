package helios

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	labResultsPath  = "/api/v1/lab-results"
	labResultsAgent = "lab-results"
)

// MaxLabResults is how many lab results one run analyses. The service drops the
// rest; [LabResultsService.Submit] refuses it instead.
//
// See https://docs.heliosai.health/api-reference/lab-results
const MaxLabResults = 200

// Flag is a lab's own judgement of a result.
type Flag string

// The flags. See
// https://docs.heliosai.health/api-reference/post-apiv1lab-results
const (
	FlagHigh     Flag = "High"
	FlagLow      Flag = "Low"
	FlagNormal   Flag = "Normal"
	FlagCritical Flag = "Critical"
)

// LabResultsRequest asks for the interpretation of lab results. Fields that are
// not set are not sent. Printing or logging it shows no data; its JSON is what
// is sent.
//
// See https://docs.heliosai.health/api-reference/post-apiv1lab-results
type LabResultsRequest struct {
	// WebhookURL is where the run's events go. It must be one that
	// [WithWebhookURL] accepts; empty means the client's default.
	WebhookURL string `json:"webhookUrl,omitempty"`
	// LabResults holds 1 to 200 results. With more, choose: see
	// [NewestLabResults].
	LabResults []LabResult `json:"labResults"`
	// PatientContext is what else the service should know; optional.
	PatientContext *PatientContext `json:"patientContext,omitempty"`
	// Extra holds further fields of the request that this package does not
	// know.
	Extra map[string]any `json:"-"`
}

// LabResult is one result of a lab panel. Name and Value are required.
type LabResult struct {
	Name           string `json:"name"`
	Value          string `json:"value"`          // may include the unit, such as "1.8 mg/dL"
	Flag           Flag   `json:"flag,omitempty"` // FlagHigh, FlagLow, FlagNormal or FlagCritical
	ReferenceRange string `json:"referenceRange,omitempty"`
	Date           string `json:"date,omitempty"` // ISO 8601 or YYYY-MM-DD; recommended
	Unit           string `json:"unit,omitempty"`
	Category       string `json:"category,omitempty"` // such as "Renal"
}

// PatientContext is what else is known about the patient.
type PatientContext struct {
	Age         string              `json:"age,omitempty"` // in years, such as "58"
	Gender      string              `json:"gender,omitempty"`
	Conditions  []ContextCondition  `json:"conditions,omitempty"`
	Medications []ContextMedication `json:"medications,omitempty"`
	// Extra holds further fields that this package does not know.
	Extra map[string]any `json:"-"`
}

// ContextCondition is a diagnosis of a [PatientContext].
type ContextCondition struct {
	Name   string `json:"name,omitempty"`
	Status string `json:"status,omitempty"` // such as "active"
}

// ContextMedication is a drug of a [PatientContext].
type ContextMedication struct {
	Name      string `json:"name,omitempty"`
	Dosage    string `json:"dosage,omitempty"`    // such as "1000mg"
	Frequency string `json:"frequency,omitempty"` // such as "twice daily"
}

// LabResultsService submits lab results. Use the one in [Client.LabResults].
type LabResultsService struct{ api *api }

// Submit starts a run. It returns when the service has accepted it, usually
// within a second; the events and the result come to the webhook minutes later.
// An accepted run is paid. Errors and concurrent use are those of
// [AgentService.Submit].
//
// See https://docs.heliosai.health/api-reference/post-apiv1lab-results
func (s *LabResultsService) Submit(
	ctx context.Context, req *LabResultsRequest, opts ...CallOption,
) (*Run, error) {
	body, err := s.prepare(req)
	return s.api.submit(ctx, labResultsAgent, labResultsPath, body, err, opts)
}

// Validate returns the [ValidationError] that Submit would return, if any, and
// sends nothing. Use it before a request goes into a store or a queue.
func (s *LabResultsService) Validate(req *LabResultsRequest) error {
	_, err := s.prepare(req)
	return err
}

func (s *LabResultsService) prepare(req *LabResultsRequest) ([]byte, error) {
	if req == nil {
		return nil, errNilRequest()
	}
	r := *req
	problems := s.api.useWebhookURL(&r.WebhookURL)

	const tooMany = "holds %d results, at most %d are analysed; NewestLabResults keeps the newest"
	switch n := len(r.LabResults); {
	case n == 0:
		problems = append(problems, FieldError{"labResults", "is empty"})
	case n > MaxLabResults:
		problems = append(problems, FieldError{"labResults", fmt.Sprintf(tooMany, n, MaxLabResults)})
	}
	for i := range r.LabResults {
		if strings.TrimSpace(r.LabResults[i].Name) == "" {
			problems = append(problems, FieldError{fmt.Sprintf("labResults[%d].name", i), "is required"})
		}
		if strings.TrimSpace(r.LabResults[i].Value) == "" {
			problems = append(problems, FieldError{fmt.Sprintf("labResults[%d].value", i), "is required"})
		}
	}
	return r.encode(problems)
}

// NewestLabResults splits labs into the newest [MaxLabResults] by Date and
// those that do not fit, both newest first. Results of the same moment keep
// their order; those without a readable date come last. labs is not changed.
func NewestLabResults(labs []LabResult) (newest, dropped []LabResult) {
	type dated struct {
		lab  LabResult
		date time.Time
	}
	sorted := make([]dated, len(labs))
	for i, lab := range labs {
		sorted[i] = dated{lab, labDate(lab.Date)}
	}
	slices.SortStableFunc(sorted, func(a, b dated) int { return b.date.Compare(a.date) })

	for i, d := range sorted {
		if i < MaxLabResults {
			newest = append(newest, d.lab)
		} else {
			dropped = append(dropped, d.lab)
		}
	}
	return newest, dropped
}

// labDate reads the forms of ISO 8601 that clinical data uses; a date without a
// zone counts as UTC.
func labDate(s string) time.Time {
	for _, layout := range [...]string{
		time.DateOnly, time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05",
		"2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01", "2006", "2006-01-02 15:04:05", "2006-01-02T15",
		"20060102", "20060102T150405Z0700", "20060102T150405", "20060102150405",
	} {
		if t, err := time.Parse(layout, strings.TrimSpace(s)); err == nil {
			return t
		}
	}
	return time.Time{}
}

type (
	patientContextFields PatientContext
	labResultsFields     struct {
		WebhookURL     string      `json:"webhookUrl,omitempty"`
		LabResults     []LabResult `json:"labResults,omitempty"`
		PatientContext any         `json:"patientContext,omitempty"`
	}
)

func (r *LabResultsRequest) encode(problems []FieldError) ([]byte, error) {
	fields := labResultsFields{WebhookURL: r.WebhookURL, LabResults: r.LabResults}
	if pc := r.PatientContext; pc != nil {
		part, err := encodePart((*patientContextFields)(pc), pc.Extra, "patientContext.", &problems)
		if err != nil {
			return nil, err
		}
		fields.PatientContext = part
	}
	return encodeValid(&fields, r.Extra, problems)
}

// MarshalJSON encodes the request as it is sent, Extra merged in.
func (r LabResultsRequest) MarshalJSON() ([]byte, error) { return r.encode(nil) }

// UnmarshalJSON decodes a request; what has no field of its own goes to Extra.
// List items have no Extra: their unknown fields are dropped.
func (r *LabResultsRequest) UnmarshalJSON(b []byte) error {
	type fields LabResultsRequest
	return decodeExtra(b, (*fields)(r), &r.Extra)
}

// MarshalJSON encodes the context as it is sent, Extra merged in.
func (c PatientContext) MarshalJSON() ([]byte, error) {
	return encodeValid((*patientContextFields)(&c), c.Extra, nil)
}

// UnmarshalJSON decodes a context; what has no field of its own goes to Extra.
func (c *PatientContext) UnmarshalJSON(b []byte) error {
	return decodeExtra(b, (*patientContextFields)(c), &c.Extra)
}
