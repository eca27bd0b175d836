package helios_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// TestSubmit_Allocations: a submission allocates little more than net/http with
// encoding/json does, and no more than 1.4 times a large body. The transport
// answers from memory, so that only the two clients are counted. Not parallel:
// AllocsPerRun counts the whole process.
func TestSubmit_Allocations(t *testing.T) { //nolint:paralleltest // see above
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	header := http.Header{
		"X-Concurrent-Limit": {"7"}, "X-Concurrent-Active": {"1"}, "X-Concurrent-Remaining": {"6"},
	}
	transport := transportFunc(func(req *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, req.Body)
		return &http.Response{
			StatusCode:    200,
			Header:        header,
			Body:          io.NopCloser(strings.NewReader(acceptedBody)),
			ContentLength: int64(len(acceptedBody)),
			Request:       req,
		}, nil
	})
	request := &helios.LabResultsRequest{WebhookURL: testHook}
	for range 16 {
		request.LabResults = append(request.LabResults, helios.LabResult{
			Name: "Creatinine", Value: "1.8 mg/dL", Flag: helios.FlagHigh, Date: "2025-01-15",
		})
	}

	client := newClient(t, "https://api.example", withTransport(transport))
	submit := func() {
		_, err := client.LabResults.Submit(t.Context(), request)
		require.NoError(t, err)
	}
	floor := func() { submitByHand(t, &http.Client{Transport: transport}, request) }
	assert.LessOrEqual(t, testing.AllocsPerRun(200, submit), testing.AllocsPerRun(200, floor)+18)

	for i := range request.LabResults {
		request.LabResults[i].Value = strings.Repeat("x", 16<<10)
	}
	body, err := json.Marshal(request)
	require.NoError(t, err)
	var before, after runtime.MemStats
	const runs = 20
	runtime.ReadMemStats(&before)
	for range runs {
		submit()
	}
	runtime.ReadMemStats(&after)
	assert.LessOrEqual(t, float64(after.TotalAlloc-before.TotalAlloc)/runs, 1.4*float64(len(body)))
}

// submitByHand does what a client without this package has to do.
func submitByHand(t *testing.T, client *http.Client, request *helios.LabResultsRequest) {
	type plain helios.LabResultsRequest // without the encoder of this package
	body, err := json.Marshal((*plain)(request))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // a client without a bound is none
	defer cancel()
	const endpoint = "https://api.example/api/v1/lab-results"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("x-api-key", testKey)
	req.Header.Set("Content-Type", "application/json")

	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var run helios.Run
	require.NoError(t, json.Unmarshal(answer, &run))
}
