package helios_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

const (
	hookSecret   = "whsec_Correct-Horse-4f9d1b6e"
	hookPrevious = "whsec_Battery-Staple-77aa01c2"
	hookRun      = "550e8400-e29b-41d4-a716-446655440000"
	// hookHealth stands in bodies and must stand nowhere else.
	hookHealth = "7.2-percent-of-Zebra"
	// hookSmall is a small completed event.
	hookSmall = `{"runId":"` + hookRun + `","status":"completed","timestamp":"2025-01-15T12:01:30.000Z",` +
		`"sequenceNumber":7,"result":{"patientResponse":"` + hookHealth + `"}}`
)

var hookNow = time.Date(2025, 1, 15, 12, 1, 31, 0, time.UTC)

// The completed events as documented.
const (
	sampleLight = `{"runId": "550e8400-e29b-41d4-a716-446655440000", "status": "completed", "agent": "light",
 "timestamp": "2025-01-15T12:01:30.000Z", "sequenceNumber": 7,
 "result": {
  "selectedElements": [{"item": "Hemoglobin A1c", "category": "Laboratory Value", "patient_value": "7.2%",
                        "matching_reason": "Elevated HbA1c indicates suboptimal glycemic control"}],
  ` + sampleTexts + `}}`
	sampleDeep = `{"runId": "550e8400-e29b-41d4-a716-446655440000", "status": "completed", "agent": "deep",
 "timestamp": "2025-01-15T12:01:30.000Z", "sequenceNumber": 7,
 "result": {
  "selectedElements": [{"item": "Hemoglobin A1c", "category": "Laboratory Value", "patient_value": "7.2%",
                        "matching_reason": "Elevated HbA1c indicates suboptimal glycemic control"}],
  "researchTasks": ["Review HbA1c targets", "Compare second-line agents"],
  ` + sampleTexts + `}}`
	sampleLabs = `{"runId": "550e8400-e29b-41d4-a716-446655440000", "status": "completed", "agent": "lab-results",
 "timestamp": "2025-01-15T12:01:30.000Z", "sequenceNumber": 7,
 "result": {
  "labResults": [{"name": "Creatinine", "value": "1.8", "unit": "mg/dL", "flag": "High", "referenceRange": "0.7-1.3",
                  "date": "2025-01-15", "category": "Renal"}],
  "metadata": {"labsReceived": 15, "labsAnalyzed": 14, "insightsMatched": 8},
  ` + sampleTexts + `}}`
	sampleTexts = `"patientResponse": "Your recent lab results show... [1]",
  "clinicianResponse": "The patient presents with... [1]",
  "citations": {
   "patient":   {"1": {"url": "https://pubmed.ncbi.nlm.nih.gov/12345678/",
                       "title": "Glycemic Control in Type 2 Diabetes",
                       "metadata": {"type": "pubmed"}}},
   "clinician": {"1": {"url": "https://doi.org/10.2337/dc24-S006", "title": "ADA Standards of Care in Diabetes",
                       "metadata": {"type": "guideline", "source": "ADA", "author": "American Diabetes Association",
                                    "doi": "10.2337/dc24-S006", "pubdate": "2024-01-01",
                                    "abstract_snippet": "...", "specialties": ["Endocrinology"]}}}}`
)

// eventOf makes a body of the run with further fields.
func eventOf(fields string) string { return `{"runId":"` + hookRun + `",` + fields + `}` }

// nastyBodies are signed bodies that once broke somebody's webhook code: seeds
// for what reads events.
var nastyBodies = []string{
	sampleLight, sampleDeep, sampleLabs, hookSmall,
	"", "null", "[]", "{}", "{", `"` + hookRun + `"`,
	"\ufeff" + hookSmall, hookSmall + hookSmall, "[" + hookSmall + "]", `{"runId":"` + hookRun + `",}`,
	`{"runId":7}`, `{"runId":7.50}`, `{"runId":"a","runId":"b"}`, `{"RUNID":"a","status":"completed","RESULT":{}}`,
	`{"runId":"` + "\xff\x00" + `"}`, `{"runId":"\ud800"}`, `{"runId":" "}`,
	eventOf(`"status":"error","error":{"message":"m"}`),
	eventOf(`"status":"error","error":"m"`),
	eventOf(`"status":" ERROR ","error":[1]`),
	eventOf(`"status":"processing","step":3,"totalSteps":8,"stepName":"Selecting relevant elements"`),
	eventOf(`"progress":{"current":1e308,"total":-1}`),
	eventOf(`"status":7,"agent":[],"timestamp":{},"sequenceNumber":true,"result":[]`),
	eventOf(`"sequenceNumber":99999999999999999999`),
	eventOf(`"sequenceNumber":"7"`),
	eventOf(`"timestamp":"2025-01-15T12:01:30,5Z"`),
	eventOf(`"timestamp":1736942490123`),
	eventOf(`"status":"completed","result":{"citations":{"patient":{"":{"metadata":{"specialties":5,"x":1e999}}}}}`),
	eventOf(`"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200)),
	eventOf(`"x":` + strings.Repeat(`{"x":`, 12000) + "0" + strings.Repeat("}", 12000)),
}

// hookSum is what the vendor documents: lower-case hex of HMAC-SHA256(secret,
// body).
func hookSum(secret, body string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(body))
	return hex.EncodeToString(m.Sum(nil))
}

// delivery is a webhook before it is sent; the tests spoil it.
type delivery struct {
	body   string
	header http.Header
}

func newDelivery(secret, body string) *delivery {
	return &delivery{body, http.Header{
		"X-Helios-Signature": {"sha256=" + hookSum(secret, body)},
		"X-Helios-Timestamp": {strconv.FormatInt(hookNow.Unix(), 10)},
		"X-Helios-Run-Id":    {hookRun},
		"Content-Type":       {"application/json"},
	}}
}

func (d *delivery) request() *http.Request {
	req := httptest.NewRequest(http.MethodPost, "/webhook/helios", strings.NewReader(d.body))
	req.Header = d.header
	return req
}

// verify gives the delivery to a receiver.
func (d *delivery) verify(r *helios.Receiver) (*helios.Event, error) {
	return r.VerifyPayload([]byte(d.body), d.header)
}

func hookReceiver(t testing.TB, opts ...helios.ReceiverOption) *helios.Receiver {
	t.Helper()
	r, err := helios.NewReceiver(append([]helios.ReceiverOption{
		helios.WithWebhookSecret(hookSecret), helios.WithClock(func() time.Time { return hookNow }),
	}, opts...)...)
	require.NoError(t, err)
	return r
}

// hookEvent is the event of a body that was signed and delivered properly.
func hookEvent(t testing.TB, body string) *helios.Event {
	t.Helper()
	e, err := newDelivery(hookSecret, body).verify(hookReceiver(t))
	require.NoError(t, err)
	return e
}

// secretForms are a secret as it may be printed: as text, hex, base64 or a list
// of bytes.
func secretForms(s string) []string {
	return []string{
		s,
		hex.EncodeToString([]byte(s)),
		strings.ToUpper(hex.EncodeToString([]byte(s))),
		base64.StdEncoding.EncodeToString([]byte(s)),
		strings.Trim(fmt.Sprint([]byte(s)), "[]"),
		strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(s)), "[]byte{"), "}"),
	}
}

// leaked are those of values that text shows in any form.
func leaked(text string, values ...string) (found []string) {
	for _, value := range values {
		if slices.ContainsFunc(secretForms(value), func(form string) bool { return strings.Contains(text, form) }) {
			found = append(found, value)
		}
	}
	return found
}

func assertHidden(t testing.TB, text string, values ...string) {
	t.Helper()
	assert.Empty(t, leaked(text, values...), "shown by %q", text)
}

// assertKeepsQuiet checks that an error, however printed, holds neither secret
// nor expected signature nor body.
func assertKeepsQuiet(t testing.TB, err error, body string) {
	t.Helper()
	require.Error(t, err)
	text := fmt.Sprintf("%v|%+v|%#v|%s|%q|%x", err, err, err, err.Error(), err, err)
	assertHidden(t, text, hookSecret, hookPrevious, hookHealth, hookSum(hookSecret, body), hookSum(hookPrevious, body))
	assert.True(t, strings.HasPrefix(err.Error(), "helios: "), err.Error())
}

// printed is v in every way that a program may print or log it.
func printed(t testing.TB, v any) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, verb := range []string{
		"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "% x", "%#x", "%10.3v", "%t", "%c", "%U", "%e", "%b", "%o",
	} {
		texts[verb] = fmt.Sprintf(verb, v)
	}

	var text, asJSON bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).With("w", v).Info("m", "v", v)
	slog.New(slog.NewJSONHandler(&asJSON, nil)).Info("m", "v", v)
	texts["slog text"], texts["slog JSON"] = text.String(), asJSON.String()

	b, err := json.Marshal(v)
	require.NoError(t, err)
	texts["json.Marshal"] = string(b)
	return texts
}
