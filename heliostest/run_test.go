package heliostest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

var stepNames = []string{
	"Processing started", "Analyzing health data", "Selecting relevant elements", "Researching medical literature",
	"Generating patient response", "Generating clinician response", "Finalizing results", "Delivering final results",
}

func TestRunDeliversItsStepsAndItsResult(t *testing.T) {
	t.Parallel()
	for agent, tc := range map[string]struct{ path, body string }{
		"light":       {agentPath, agentBody("light", "URL")},
		"deep":        {agentPath, agentBody("deep", "URL")},
		"lab-results": {labsPath, labsBody("URL")},
	} {
		t.Run(agent, func(t *testing.T) {
			t.Parallel()
			srv, hook := newServer(t), newReceiver(t, nil)
			before := time.Now()
			id := submit(t, srv, tc.path, strings.Replace(tc.body, "URL", hook.URL+"/hook?order=1", 1))
			wait(t, srv)

			events := hook.received()
			require.Len(t, events, 9)
			for i, e := range events {
				assert.Equal(t, id, e.RunID)
				assert.Equal(t, agent, e.Agent)
				assert.Equal(t, i+1, e.SequenceNumber)

				assert.Equal(t, "application/json", e.header.Get("Content-Type"))
				assert.Equal(t, id, e.header.Get("X-Helios-Run-ID"))
				assert.Equal(t, []string{signature(srv.WebhookSecret, e.raw)}, e.header.Values("X-Helios-Signature"))
				sent, err := strconv.ParseInt(e.header.Get("X-Helios-Timestamp"), 10, 64)
				require.NoError(t, err)
				assert.WithinRange(t, time.Unix(sent, 0), before.Add(-time.Second), time.Now())

				at, err := time.Parse("2006-01-02T15:04:05.000Z", e.Timestamp)
				require.NoError(t, err)
				assert.WithinRange(t, at, before.Add(-time.Second), time.Now())
			}
			for i, e := range events[:8] {
				assert.Equal(t, "processing", e.Status)
				assert.Equal(t, i+1, e.Step)
				assert.Equal(t, 8, e.TotalSteps)
				assert.Equal(t, stepNames[i], e.StepName)
				assert.Empty(t, e.Result)
			}
			last := events[8]
			assert.Equal(t, "completed", last.Status)
			assert.Nil(t, last.Error)
			assert.Equal(t, []string{"runId", "status", "agent", "timestamp", "sequenceNumber", "result"},
				keys(t, last.raw))

			run := srv.Runs()[0]
			assert.True(t, run.Ended)
			require.Len(t, run.Deliveries, 9)
			assert.Equal(t, heliostest.Delivery{SequenceNumber: 1, Status: "processing", Attempt: 1, StatusCode: 200},
				run.Deliveries[0])
			assert.Equal(t, heliostest.Delivery{SequenceNumber: 9, Status: "completed", Attempt: 1, StatusCode: 200},
				run.Deliveries[8])
		})
	}
}

// keys returns the field names of a JSON object, in order.
func keys(t *testing.T, object []byte) []string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(string(object)))
	_, err := dec.Token()
	require.NoError(t, err)
	var names []string
	for dec.More() {
		name, err := dec.Token()
		require.NoError(t, err)
		names = append(names, name.(string))
		var value json.RawMessage
		require.NoError(t, dec.Decode(&value))
	}
	return names
}

func TestStatusUpdateIsTheShapeThatDocSays(t *testing.T) {
	t.Parallel()
	srv, hook := newServer(t), newReceiver(t, nil)
	submit(t, srv, agentPath, agentBody("light", hook.URL))
	wait(t, srv)
	assert.Equal(t,
		[]string{"runId", "status", "agent", "timestamp", "sequenceNumber", "step", "totalSteps", "stepName"},
		keys(t, hook.received()[0].raw))
}

// A receiver that is down at first, then broken, then well.
func TestDeliveryIsTriedAgain(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	var calls atomic.Int32
	hook := newReceiver(t, func(w http.ResponseWriter, e event) {
		switch calls.Add(1) {
		case 1, 2:
			hang(w, e)
		case 3:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 4:
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusFound)
		}
	})
	submit(t, srv, labsPath, labsBody(hook.URL))
	wait(t, srv)

	assert.Equal(t, []int{1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9}, hook.sequence(), "in order, and no redirect followed")
	events := hook.received()
	assert.Equal(t, string(events[0].raw), string(events[4].raw), "the same bytes each time")
	for i, d := range srv.Runs()[0].Deliveries[:5] {
		assert.Equal(t, 1, d.SequenceNumber)
		assert.Equal(t, i+1, d.Attempt)
		assert.Equal(t, []int{0, 0, 503, 302, 200}[i], d.StatusCode)
		assert.Equal(t, i < 2, d.Err != nil)
	}
}

func TestDeliveryIsGivenUp(t *testing.T) {
	t.Parallel()
	srv := newServer(t, heliostest.WithRedelivery(2, 0))
	hook := newReceiver(t, func(w http.ResponseWriter, _ event) { w.WriteHeader(http.StatusInternalServerError) })
	submit(t, srv, labsPath, labsBody(hook.URL))
	wait(t, srv)
	assert.Equal(t, []int{1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9}, hook.sequence())
	assert.True(t, srv.Runs()[0].Ended)
}

func TestRedeliveryWaits(t *testing.T) {
	t.Parallel()
	srv := newServer(t, heliostest.WithRedelivery(3, 20*time.Millisecond))
	hook := newReceiver(t, func(w http.ResponseWriter, _ event) { w.WriteHeader(http.StatusInternalServerError) })
	srv.Inject(heliostest.LoseWebhooks())
	begin := time.Now()
	submit(t, srv, labsPath, labsBody(hook.URL))
	wait(t, srv)
	assert.Len(t, hook.received(), 3)
	assert.GreaterOrEqual(t, time.Since(begin), 60*time.Millisecond, "20ms, then 40ms")
}

func TestStepsTakeTheirTime(t *testing.T) {
	t.Parallel()
	srv, hook := newServer(t, heliostest.WithStepInterval(5*time.Millisecond)), newReceiver(t, nil)
	begin := time.Now()
	submit(t, srv, labsPath, labsBody(hook.URL))
	wait(t, srv)
	assert.GreaterOrEqual(t, time.Since(begin), 40*time.Millisecond)
}

func TestDataStaysOnTheMachine(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	submit(t, srv, labsPath, labsBody("https://example.com/hook?token=PRIVATE"))
	wait(t, srv)
	run := srv.Runs()[0]
	assert.True(t, run.Ended)
	require.Len(t, run.Deliveries, 9, "one attempt each")
	for _, d := range run.Deliveries {
		assert.Equal(t, 1, d.Attempt)
		assert.EqualError(t, d.Err,
			"heliostest: not delivered: the webhook host is not loopback (see WithWebhookClient)")
	}
}

func TestDeliveryErrorHidesTheWebhookURL(t *testing.T) {
	t.Parallel()
	srv := newServer(t, heliostest.WithRedelivery(1, 0))
	hook := newReceiver(t, hang)
	submit(t, srv, labsPath, labsBody(hook.URL+"/hook?token=PRIVATE"))
	wait(t, srv)
	require.Error(t, srv.Runs()[0].Deliveries[0].Err)
	assert.NotContains(t, srv.Runs()[0].Deliveries[0].Err.Error(), private)
}

func TestWebhookClientReachesTLS(t *testing.T) {
	t.Parallel()
	hook := &receiver{}
	hook.Server = httptest.NewUnstartedServer(hook.handler(nil))
	hook.Config.ErrorLog = log.New(io.Discard, "", 0) // the refused handshakes
	hook.StartTLS()
	t.Cleanup(hook.Close)

	srv := newServer(t, heliostest.WithRedelivery(1, 0))
	submit(t, srv, labsPath, labsBody(hook.URL))
	wait(t, srv)
	assert.Empty(t, hook.received(), "its certificate is not trusted by default")

	srv = newServer(t, heliostest.WithWebhookClient(hook.Client()))
	submit(t, srv, labsPath, labsBody(hook.URL))
	wait(t, srv)
	assert.Len(t, hook.received(), 9)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestWebhookClientMayLeaveTheMachine(t *testing.T) {
	t.Parallel()
	urls := make(chan string, 18)
	deliver := roundTripper(func(r *http.Request) (*http.Response, error) {
		urls <- r.URL.String()
		return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
	})
	srv := newServer(t, heliostest.WithWebhookClient(&http.Client{Transport: deliver}))

	submit(t, srv, labsPath, labsBody("https://example.com/hook?order=1"))
	wait(t, srv)
	assert.Len(t, urls, 9)
	assert.Equal(t, "https://example.com/hook?order=1", <-urls)

	submit(t, srv, labsPath, labsBody("http://other-container:3000/hook"))
	wait(t, srv)
	assert.Len(t, urls, 17)
}

// A transport that is a client itself puts one url.Error into the other.
func TestDeliveryErrorsHoldNoURL(t *testing.T) {
	t.Parallel()
	fail := roundTripper(func(r *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("inner: %w", &url.Error{Op: "Post", URL: r.URL.String(), Err: io.ErrUnexpectedEOF})
	})
	srv := newServer(t, heliostest.WithWebhookClient(&http.Client{Transport: fail}), heliostest.WithRedelivery(1, 0))

	submit(t, srv, labsPath, labsBody("https://example.com/hook?token=PRIVATE"))
	wait(t, srv)

	deliveries := srv.Runs()[0].Deliveries
	require.Len(t, deliveries, 9)
	for _, d := range deliveries {
		assert.ErrorIs(t, d.Err, io.ErrUnexpectedEOF)
		assert.NotContains(t, d.Err.Error(), private)
	}
}
