package heliostest_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

const (
	agentPath = "/api/v1/agent"
	labsPath  = "/api/v1/lab-results"
)

// newServer starts a fake whose runs take next to no time.
func newServer(t *testing.T, opts ...heliostest.Option) *heliostest.Server {
	t.Helper()
	return heliostest.New(t, append([]heliostest.Option{
		heliostest.WithStepInterval(0), heliostest.WithRedelivery(5, time.Millisecond),
	}, opts...)...)
}

// idleServer starts a fake whose runs do not end before the test does.
func idleServer(t *testing.T, opts ...heliostest.Option) *heliostest.Server {
	t.Helper()
	return newServer(t, append(opts, heliostest.WithStepInterval(time.Hour))...)
}

func agentBody(agentType, webhookURL string) string {
	return fmt.Sprintf(`{"webhookUrl": %q, "agentType": %q, "data": {
		"patientInfo": {"age": 45, "gender": "male"},
		"recentAbnormalLabs": [{"date": "2025-01-15", "display": "Hemoglobin A1c", "value": "7.2", "unit": "%%",
			"referenceRange": "4.0-5.6", "interpretation": "High"}],
		"recentNormalLabs": [{"date": "2025-01-15", "display": "Sodium", "value": "140", "unit": "mEq/L",
			"referenceRange": "136-145"}],
		"pastMedicalHistory": [{"display": "Type 2 Diabetes Mellitus", "clinicalStatus": "active",
			"onsetDate": "2020-03-15"}],
		"medications": [{"medication": "Metformin 500mg", "status": "active", "dosage": "500mg",
			"frequency": "twice daily"}],
		"vitalSigns": [{"display": "Blood Pressure", "value": "138/88", "unit": "mmHg", "date": "2025-01-15"}]}}`,
		webhookURL, agentType)
}

func labsBody(webhookURL string) string {
	return fmt.Sprintf(`{"webhookUrl": %q, "labResults": [
		{"name": "Creatinine", "value": "1.8 mg/dL", "flag": "High", "referenceRange": "0.7-1.3 mg/dL",
			"date": "2025-01-15", "category": "Renal"},
		{"name": "eGFR", "value": "38", "unit": "mL/min/1.73m2", "flag": "Low", "date": "2025-01-16"},
		{"name": "Sodium", "value": "140 mEq/L", "flag": "Normal"}],
		"patientContext": {"age": "58", "gender": "male",
			"conditions": [{"name": "Type 2 Diabetes Mellitus", "status": "active"}],
			"medications": [{"name": "Metformin", "dosage": "1000mg", "frequency": "twice daily"}]}}`, webhookURL)
}

type answer struct {
	status int
	header http.Header
	body   string
}

func newRequest(t *testing.T, srv *heliostest.Server, path, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("X-Api-Key", srv.APIKey)
	r.Header.Set("Content-Type", "application/json")
	return r
}

// client does not pool connections, so that tests do not share any.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func do(t *testing.T, r *http.Request) answer {
	t.Helper()
	resp, err := client.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func post(t *testing.T, srv *heliostest.Server, path, body string) answer {
	t.Helper()
	return do(t, newRequest(t, srv, path, body))
}

// submit posts a submission that must be accepted, and returns its run id.
func submit(t *testing.T, srv *heliostest.Server, path, body string) string {
	t.Helper()
	a := post(t, srv, path, body)
	require.Equal(t, http.StatusOK, a.status, a.body)
	var accepted struct{ RunID string }
	require.NoError(t, json.Unmarshal([]byte(a.body), &accepted))
	require.NotEmpty(t, accepted.RunID)
	return accepted.RunID
}

func wait(t *testing.T, srv *heliostest.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, srv.Wait(ctx))
}

// event is a webhook as a receiver sees it.
type event struct {
	RunID          string          `json:"runId"`
	Status         string          `json:"status"`
	Agent          string          `json:"agent"`
	Timestamp      string          `json:"timestamp"`
	SequenceNumber int             `json:"sequenceNumber"`
	Step           int             `json:"step"`
	TotalSteps     int             `json:"totalSteps"`
	StepName       string          `json:"stepName"`
	Result         json.RawMessage `json:"result"`
	Error          *struct{ Message string }

	header http.Header
	raw    []byte
}

// receiver is a customer's webhook endpoint. It keeps what it was sent.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	events []event
}

// newReceiver starts a receiver that answers as respond does, and 200 without
// it.
func newReceiver(t *testing.T, respond func(w http.ResponseWriter, e event)) *receiver {
	t.Helper()
	rec := &receiver{}
	rec.Server = httptest.NewServer(rec.handler(respond))
	t.Cleanup(rec.Close)
	return rec
}

func (rec *receiver) handler(respond func(w http.ResponseWriter, e event)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		var e event
		if err := json.Unmarshal(body, &e); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		e.header, e.raw = r.Header.Clone(), body
		rec.mu.Lock()
		rec.events = append(rec.events, e)
		rec.mu.Unlock()
		if respond != nil {
			respond(w, e)
		}
	})
}

func (rec *receiver) received() []event {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return append([]event(nil), rec.events...)
}

func (rec *receiver) sequence() []int {
	numbers := []int{}
	for _, e := range rec.received() {
		numbers = append(numbers, e.SequenceNumber)
	}
	return numbers
}

// final returns the last event, which must be the run's final one.
func (rec *receiver) final(t *testing.T) event {
	t.Helper()
	events := rec.received()
	require.NotEmpty(t, events)
	last := events[len(events)-1]
	require.Contains(t, []string{"completed", "error"}, last.Status)
	return last
}

// tooMany is the body of the answer when all seven slots are taken.
func tooMany(agent string) string {
	return `{"error": "Too many concurrent requests", ` +
		`"message": "You have 7 active ` + agent + ` agent requests. Maximum is 7.", "activeCount": 7, "limit": 7}`
}

// signature is what the contract says, written once more.
func signature(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// hang closes the connection without an answer.
func hang(http.ResponseWriter, event) { panic(http.ErrAbortHandler) }
