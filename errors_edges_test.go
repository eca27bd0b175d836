package helios_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// TestSubmit_ErrorTexts are whole texts: what a user reads, and nothing else.
func TestSubmit_ErrorTexts(t *testing.T) {
	t.Parallel()
	const open = "helios: POST /api/v1/lab-results: outcome unknown, the run may have been accepted: "
	resubmit := []helios.ClientOption{helios.WithResubmitOnUnknownOutcome(), helios.WithMaxRetries(1), helios.WithMaxRetryWait(time.Millisecond)}
	for name, tt := range map[string]struct {
		answers []roundTrip
		opts    []helios.ClientOption
		req     *helios.LabResultsRequest
		text    string
	}{
		"an answer that is no JSON": {answers: list(answer(200, "<html>")), text: open + "200 OK: the answer is not the JSON that was expected"},
		"half an answer":            {answers: list(halfAnswer), text: open + "200 OK: the answer broke off"},
		"a status without a name":   {answers: list(answer(599, "")), text: open + "599"},
		"429 that says nothing": {answers: list(answer(429, "")), opts: []helios.ClientOption{helios.WithMaxRetries(0)},
			text: "helios: POST /api/v1/lab-results: 429 Too Many Requests"},
		"sent again as asked, then refused": {answers: list(answer(503, ""), answer(401, "")), opts: resubmit,
			text: open + "503 Service Unavailable; sent again as asked: POST /api/v1/lab-results: 401 Unauthorized"},
		"sent again as asked, unknown again": {answers: list(answer(503, ""), answer(502, "")), opts: resubmit, text: open + "502 Bad Gateway"},
		"more than ten problems": {req: &helios.LabResultsRequest{LabResults: make([]helios.LabResult, 6)},
			text: "helios: invalid request: labResults[0].name: is required; labResults[0].value: is required; labResults[1].name: is required; " +
				"labResults[1].value: is required; labResults[2].name: is required; labResults[2].value: is required; labResults[3].name: is required; " +
				"labResults[3].value: is required; labResults[4].name: is required; labResults[4].value: is required; and 2 more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.req == nil {
				tt.req = labs()
			}
			attempts := 0
			_, err := newClient(t, "https://api.example", append(tt.opts, withTransport(answering(&attempts, tt.answers...)))...).LabResults.Submit(t.Context(), tt.req)
			require.EqualError(t, err, tt.text)
		})
	}
}
