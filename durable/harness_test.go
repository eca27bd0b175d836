package durable

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

const (
	patience = 3 * time.Minute // for whatever is waited for: on a busy machine everything takes long
	tick     = 5 * time.Millisecond
	// secretValue is health data that must be found nowhere but in requests,
	// events and results.
	secretValue = "41.7 squirrels/dL"
)

// needsKill skips a test that kills processes or clusters, which takes long: it
// belongs to CI.
func needsKill(t *testing.T) {
	t.Helper()
	if os.Getenv("HELIOS_TEST_KILL") == "" {
		t.Skip("to kill processes and clusters: HELIOS_TEST_KILL=1 go test -run Kill ./durable/...")
	}
}

// open opens an engine on the store.
func (k kind) open(t testing.TB, client *helios.Client, receiver *helios.Receiver, opts ...Option) *Engine {
	t.Helper()
	e, err := k.tryOpen(t.Context(), client, receiver, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	if e.sweepInterval == time.Hour { // see idle: not even when it begins to run
		change(t, e, `UPDATE {sweeps} SET swept_at = {now}`)
	}
	return e
}

func (k kind) tryOpen(ctx context.Context, client *helios.Client, receiver *helios.Receiver, opts ...Option) (*Engine,
	error) {
	opts = append([]Option{quick}, opts...)
	if k.sqlite != "" {
		e, err := OpenSQLite(ctx, k.sqlite, client, receiver, opts...)
		if err != nil {
			return nil, err
		}
		return e.Engine, nil
	}
	e, err := OpenPostgres(ctx, k.pool, client, receiver, append(opts, WithSchema(k.schema))...)
	if err != nil {
		return nil, err
	}
	return e.Engine, nil
}

// quick makes an engine wait less than in production for what is to be done
// again, and longer for what may take long on a busy machine: no process is
// taken for dead because it is slow.
func quick(c *config) error {
	c.sweepInterval = 100 * time.Millisecond
	c.backoff = func(attempt int) time.Duration { return min(time.Duration(attempt)*20*time.Millisecond, time.Second) }
	c.lease = time.Hour
	c.patience, c.settleTimeout, c.turnTimeout = patience, patience, patience
	c.drainTimeout, c.drainGrace = patience, patience
	return nil
}

// service is a fake Helios and a server for its webhooks, whose handler can be
// exchanged.
type service struct {
	*heliostest.Server
	client   *helios.Client
	receiver *helios.Receiver
	hook     *httptest.Server
	handler  *switchable
}

type switchable struct {
	mu      sync.RWMutex
	handler http.Handler
}

func (s *switchable) set(h http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = h
}

func (s *switchable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.RLock()
	h := s.handler
	s.mu.RUnlock()
	if h == nil {
		http.Error(w, "nobody is there", http.StatusBadGateway)
		return
	}
	h.ServeHTTP(w, r)
}

func newService(t testing.TB, opts ...heliostest.Option) *service {
	t.Helper()
	s := &service{handler: &switchable{}}
	s.Server = heliostest.NewServer(append([]heliostest.Option{heliostest.WithStepInterval(time.Millisecond)},
		opts...)...)
	t.Cleanup(s.Close)
	s.hook = httptest.NewServer(s.handler)
	t.Cleanup(s.hook.Close)
	var err error
	s.client, err = helios.NewClient(helios.WithAPIKey(s.APIKey), helios.WithBaseURL(s.URL),
		helios.WithWebhookURL(s.hook.URL+"/webhook"), helios.WithMaxRetries(0))
	require.NoError(t, err)
	t.Cleanup(s.client.CloseIdleConnections)
	s.receiver, err = helios.NewReceiver(helios.WithWebhookSecret(s.WebhookSecret))
	require.NoError(t, err)
	return s
}

// open opens an engine that receives the service's webhooks.
func (s *service) open(t testing.TB, k kind, opts ...Option) *Engine {
	t.Helper()
	e := k.open(t, s.client, s.receiver, opts...)
	s.handler.set(e.WebhookHandler())
	return e
}

// run runs the engine until stop is called, or the test ends.
func run(t testing.TB, e *Engine) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(stop)
	return stop
}

// calls records what a handler was handed.
type calls struct {
	mu     sync.Mutex
	events []call
}

type call struct {
	key, run, status string
	number           int
}

func (c *calls) handle(ctx context.Context, ev *helios.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, call{KeyFrom(ctx), ev.RunID, ev.Status, int(ev.SequenceNumber)})
	return nil
}

func (c *calls) all() []call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]call(nil), c.events...)
}

// finals returns how often each key's final event was handled.
func (c *calls) finals() map[string]int {
	finals := map[string]int{}
	for _, call := range c.all() {
		if call.status == helios.StatusCompleted || call.status == helios.StatusError {
			finals[call.key]++
		}
	}
	return finals
}

func labs(values ...string) *helios.LabResultsRequest {
	req := &helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "Creatinine", Value: secretValue}}}
	for _, v := range values {
		req.LabResults = append(req.LabResults, helios.LabResult{Name: "Sodium", Value: v})
	}
	return req
}

func record() *helios.AgentRequest {
	return &helios.AgentRequest{AgentType: helios.AgentDeep, Data: helios.HealthData{
		PatientInfo: &helios.PatientInfo{Age: new(45)},
		Extra:       map[string]any{"imaging": []map[string]string{{"display": "Chest X-ray"}}},
	}}
}

// waitFor waits until a submission is in a state.
func waitFor(t testing.TB, e *Engine, key string, want State) *Submission {
	t.Helper()
	var s *Submission
	var err error
	eventually(t, func() bool {
		s, err = e.Status(t.Context(), key)
		return err == nil && s.State == want
	}, func() string { return fmt.Sprintf("%s is %v (%v), not %s", key, s, err, want) })
	return s
}

func eventually(t testing.TB, condition func() bool, message func() string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !condition() {
		if time.Now().After(deadline) {
			require.FailNow(t, "not in time", message())
		}
		wait(t.Context(), tick)
	}
}

// patiently does something until the store answers: the first calls after an
// outage may find connections that are broken.
func patiently(t testing.TB, e *Engine, do func() error) {
	t.Helper()
	var err error
	eventually(t, func() bool { err = do(); return !e.store.broken(err) }, func() string { return err.Error() })
	require.NoError(t, err)
}

// stats counts what is under way, once the store answers.
func stats(t testing.TB, e *Engine) (s Stats) {
	t.Helper()
	patiently(t, e, func() (err error) { s, err = e.Stats(t.Context()); return err })
	return s
}

// status reads a submission, once the store answers.
func status(t testing.TB, e *Engine, key string) (s *Submission) {
	t.Helper()
	patiently(t, e, func() (err error) { s, err = e.Status(t.Context(), key); return err })
	return s
}

var errHandler = errors.New("cannot handle " + secretValue)

// clock is the engine's, moved by hand.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) option(cfg *config) error {
	cfg.now = func() time.Time {
		c.mu.Lock()
		defer c.mu.Unlock()
		return time.Now().Add(c.ahead)
	}
	return nil
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// idle keeps an engine from sweeping by itself, for tests that sweep by hand.
func idle(c *config) error {
	c.sweepInterval = time.Hour
	return nil
}

// sweepNow sweeps, whoever swept before.
func sweepNow(t testing.TB, e *Engine) {
	t.Helper()
	change(t, e, `UPDATE {sweeps} SET swept_at = 0`)
	require.NoError(t, e.sweep(t.Context()))
}

// change changes the store behind the engine's back.
func change(t testing.TB, e *Engine, sql string, args ...any) {
	t.Helper()
	require.NoError(t, e.store.write(t.Context(), func(tx transaction) error {
		return tx.run(t.Context(), exec(sql,
			args...))
	}))
}

// read returns the first column of a query's rows.
func read[T any](t testing.TB, e *Engine, sql string, args ...any) []T {
	t.Helper()
	var values []T
	patiently(t, e, func() error {
		values = nil
		return e.store.read(t.Context(), query(func(r row) error {
			var v T
			err := r.Scan(&v)
			values = append(values, v)
			return err
		}, sql, args...))
	})
	return values
}

// eventBody makes a body like the service's.
func eventBody(run, status string, number int) []byte {
	body := fmt.Sprintf(`{"runId":%q,"status":%q,"timestamp":"2025-01-15T12:01:30.000Z","sequenceNumber":%d`, run,
		status, number)
	switch status {
	case helios.StatusCompleted:
		body += `,"result":{"patientResponse":"` + secretValue + `"}`
	case helios.StatusError:
		body += `,"error":{"message":"cannot read ` + secretValue + `"}`
	default:
		body += `,"stepName":"Analyzing health data"`
	}
	return []byte(body + "}")
}

// deliver delivers a signed body to the engine's handler and returns the status
// of the answer.
func (s *service) deliver(t testing.TB, e *Engine, reference string, body []byte) int {
	t.Helper()
	target := "/webhook"
	if reference != "" {
		target += "?" + url.Values{referenceParameter: {reference}}.Encode()
	}
	w := httptest.NewRecorder()
	e.WebhookHandler().ServeHTTP(w, heliostest.NewWebhookRequest(target, s.WebhookSecret, body, time.Now()))
	return w.Code
}

// names is how River notes who has worked on a job.
func (k kind) names(worker string) string {
	if k.sqlite != "" {
		return `jsonb('["` + worker + `"]')`
	}
	return `ARRAY['` + worker + `']`
}

// riverTexts reads all that River's jobs hold of ours.
func riverTexts(k kind) string {
	if k.sqlite != "" {
		return `SELECT json(args) || coalesce(json(errors), '') || json(metadata) || json(tags) FROM {river_job}`
	}
	return `SELECT args::text || coalesce(errors::text, '') || metadata::text || tags::text FROM {river_job}`
}
