package durable

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	command "os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

// fleet is processes that work on one store, in which nobody has made tables,
// and what they talk to, which survives them: the fake service, a load balancer
// for its webhooks, and places where they report what they have handled.
type fleet struct {
	t        *testing.T
	kind     kind
	srv      *heliostest.Server
	front    *httptest.Server
	client   *helios.Client
	receiver *helios.Receiver
	order    order
	program  string // that start runs; empty for this release
	withhold bool   // no webhook reaches a process
	untold   bool   // not each end need be told

	kills int
	cut   map[string]bool // keys that were being sent when the process died

	mu      sync.Mutex
	living  []*process
	acked   map[eventName][]byte // webhooks that were answered with 200, by whichever process
	again   int                  // of them, duplicates
	handled map[eventName]int
	ended   map[endName]int
	reports int             // of events and ends that were handled
	hold    map[string]bool // paths of reports that are not answered
	held    map[string]int
}

const (
	eventReports = "/handled"
	endReports   = "/ended"
)

func newFleet(t *testing.T, k kind, opts ...heliostest.Option) *fleet {
	k = k.unmade(t)
	f := &fleet{
		t: t, kind: k, cut: map[string]bool{}, acked: map[eventName][]byte{},
		handled: map[eventName]int{}, ended: map[endName]int{}, hold: map[string]bool{}, held: map[string]int{},
	}
	f.srv = heliostest.NewServer(append([]heliostest.Option{
		heliostest.WithLimit(7), heliostest.WithStepInterval(25 * time.Millisecond),
		// processes are down for a while, and nobody would redeliver for ever
		heliostest.WithRedelivery(16, 10*time.Millisecond), heliostest.WithRetryAfter(time.Second),
	}, opts...)...)
	t.Cleanup(f.srv.Close)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /webhook", f.balance)
	mux.HandleFunc("POST "+eventReports, func(w http.ResponseWriter, r *http.Request) { note(f, w, r, f.handled) })
	mux.HandleFunc("POST "+endReports, func(w http.ResponseWriter, r *http.Request) { note(f, w, r, f.ended) })
	f.front = httptest.NewServer(mux)
	t.Cleanup(f.front.Close)
	f.order = order{
		SQLite: k.sqlite, Schema: k.schema, API: f.srv.URL, APIKey: f.srv.APIKey, Secret: f.srv.WebhookSecret,
		Webhooks: f.front.URL + "/webhook", Reports: f.front.URL + eventReports, Ends: f.front.URL + endReports,
	}
	if k.pool != nil {
		f.order.Database = databaseURL()
	}
	var err error
	f.client, err = helios.NewClient(helios.WithAPIKey(f.srv.APIKey), helios.WithBaseURL(f.srv.URL),
		helios.WithWebhookURL(f.order.Webhooks))
	require.NoError(t, err)
	f.receiver, err = helios.NewReceiver(helios.WithWebhookSecret(f.srv.WebhookSecret))
	require.NoError(t, err)
	return f
}

// process is one of the fleet.
type process struct {
	hello
	cmd       *command.Cmd
	stdin     io.Closer
	stderr    bytes.Buffer // to be read when it has ended
	transport *http.Transport
}

// fill starts processes until n live.
func (f *fleet) fill(n int) {
	f.t.Helper()
	for len(f.living) < n {
		f.start()
	}
}

// command makes a process that obeys an order and ends with the test, whatever
// happens.
func (f *fleet) command(o *order) *command.Cmd {
	f.t.Helper()
	text, err := json.Marshal(o)
	require.NoError(f.t, err)
	if f.program != "" {
		return command.CommandContext(f.t.Context(), f.program, string(text))
	}
	cmd := command.CommandContext(f.t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	return cmd
}

// start starts a process, which has the webhooks' address when start returns.
func (f *fleet) start() {
	f.t.Helper()
	p := &process{transport: &http.Transport{MaxIdleConnsPerHost: 64}, cmd: f.command(&f.order)}
	p.cmd.Stderr = &p.stderr
	var err error
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(f.t, err)
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(f.t, err)
	require.NoError(f.t, p.cmd.Start())
	late := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		_ = p.cmd.Wait()
		require.NoError(f.t, err, "a process did not start: %s", p.stderr.String())
	}
	require.NoError(f.t, json.Unmarshal(line, &p.hello))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.living = append(f.living, p)
}

// kill kills n processes, chosen at random, and notes the submissions that they
// were sending.
func (f *fleet) kill(n int) {
	f.t.Helper()
	f.mu.Lock()
	rand.Shuffle(len(f.living), func(i, j int) { f.living[i], f.living[j] = f.living[j], f.living[i] })
	victims := slices.Clone(f.living[:n])
	f.mu.Unlock()
	for _, p := range victims {
		require.NoError(f.t, p.cmd.Process.Kill())
	}
	for _, p := range victims {
		_ = p.cmd.Wait()
		require.False(f.t, p.cmd.ProcessState.Exited(), "a process ended by itself, with %v: %s",
			p.cmd.ProcessState, p.stderr.String())
		p.transport.CloseIdleConnections()
	}
	f.mu.Lock()
	f.living = slices.Delete(f.living, 0, n) // until now webhooks met dead processes
	f.mu.Unlock()
	f.kills += n
	f.noteCut(victims)
}

// stop lets all processes end as they should.
func (f *fleet) stop() {
	f.t.Helper()
	f.mu.Lock()
	living := slices.Clone(f.living)
	f.mu.Unlock()
	for _, p := range living {
		require.NoError(f.t, p.stdin.Close())
	}
	for _, p := range living {
		require.NoError(f.t, p.cmd.Wait(), "%s", &p.stderr)
		p.transport.CloseIdleConnections()
	}
}

// open opens an engine on the fleet's store, which only looks.
func (f *fleet) open() *Engine {
	f.t.Helper()
	return f.kind.open(f.t, f.client, f.receiver)
}

// noteCut notes the submissions that the dead were sending, as the store has
// them: if another process has found one already, it is unknown for that
// reason.
func (f *fleet) noteCut(dead []*process) {
	f.t.Helper()
	k := f.kind
	if k.sqlite != "" { // a copy: the next process is to find the file as the dead have left it
		k.sqlite = filepath.Join(f.t.TempDir(), "copy.db")
		for _, suffix := range []string{"", "-wal"} {
			content, err := os.ReadFile(f.kind.sqlite + suffix)
			require.NoError(f.t, err)
			require.NoError(f.t, os.WriteFile(k.sqlite+suffix, content, 0o600))
		}
	}
	e, err := k.tryOpen(f.t.Context(), f.client, f.receiver)
	require.NoError(f.t, err)
	require.NoError(f.t, e.store.read(f.t.Context(), query(func(r row) error {
		var key, worker string
		err := r.Scan(&key, &worker)
		if worker == "" || slices.ContainsFunc(dead, func(p *process) bool { return p.Worker == worker }) {
			f.cut[key] = true
		}
		return err
	}, `SELECT s.key, coalesce({worker}, '') FROM {submissions} s LEFT JOIN {river_job} j ON j.id = s.job_id
		WHERE s.state = 'submitting' OR s.state = 'unknown' AND s.reason = $1`, reasonAbandoned)))
	require.NoError(f.t, e.Close())
}

// balance passes a webhook on to one of the processes.
func (f *fleet) balance(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	var p *process
	if len(f.living) > 0 && !f.withhold {
		p = f.living[rand.IntN(len(f.living))]
	}
	f.mu.Unlock()
	if p == nil {
		http.Error(w, "nobody is there", http.StatusBadGateway)
		return
	}
	status, err := p.pass(r, body)
	if err != nil {
		http.Error(w, "nobody is there any more", http.StatusBadGateway)
		return
	}
	if status == http.StatusOK {
		f.noteAcked(body)
	}
	w.WriteHeader(status)
}

func (p *process) pass(r *http.Request, body []byte) (status int, err error) {
	req, err := http.NewRequestWithContext(r.Context(), r.Method, p.URL+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header = r.Header.Clone()
	resp, err := p.transport.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// noteAcked keeps what a process has answered with 200: from here on the
// service does not send it again.
func (f *fleet) noteAcked(body []byte) {
	var name eventName
	if err := json.Unmarshal(body, &name); err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.acked[name]; known {
		f.again++
	}
	f.acked[name] = body
}

// note takes the report of what was handled. It refuses some, so that handlers
// fail too.
func note[Name comparable](f *fleet, w http.ResponseWriter, r *http.Request, counts map[Name]int) {
	var name Name
	body, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(body, &name) != nil {
		http.Error(w, "not a report", http.StatusBadRequest)
		return
	}

	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hold[r.URL.Path] {
		f.held[r.URL.Path]++
		f.mu.Unlock()
		<-r.Context().Done() // who reports has died
		f.mu.Lock()
		return
	}
	if f.reports++; f.reports%16 == 0 {
		http.Error(w, "refused for once", http.StatusServiceUnavailable)
		return
	}
	counts[name]++
	w.WriteHeader(http.StatusNoContent)
}

// dieHandling kills all processes while they report to path.
func (f *fleet) dieHandling(path string, size int) {
	f.t.Helper()
	f.setHold(path, true)
	f.fill(size)
	eventually(f.t, func() bool { return f.holds(path) }, func() string { return "nothing is reported to " + path })
	f.kill(size)
	f.setHold(path, false)
}

func (f *fleet) setHold(path string, hold bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hold[path] = hold
}

func (f *fleet) holds(path string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.held[path] > 0
}

// acceptedRuns returns the runs that the service has accepted, and is paid for,
// by key.
func acceptedRuns(t *testing.T, srv *heliostest.Server) map[string][]heliostest.Run {
	t.Helper()
	runs := map[string][]heliostest.Run{}
	for _, run := range srv.Runs() {
		var request struct{ LabResults []helios.LabResult }
		require.NoError(t, json.Unmarshal(run.Request, &request))
		key := request.LabResults[0].Name
		runs[key] = append(runs[key], run)
	}
	return runs
}

// twice returns the keys that were accepted more than once.
func twice(runs map[string][]heliostest.Run) []string {
	var keys []string
	for key, accepted := range runs {
		if len(accepted) > 1 {
			keys = append(keys, fmt.Sprintf("%s %d times", key, len(accepted)))
		}
	}
	return keys
}

// checkEvents looks for every webhook that was acknowledged: in the store, and
// among what was handled.
func checkEvents(t *testing.T, e *Engine, acked map[eventName][]byte, handled func(eventName) bool) {
	t.Helper()
	type stored struct {
		state string
		body  []byte
	}
	events := map[eventName]stored{}
	scan := func(r row) error {
		var s stored
		var name eventName
		if err := r.Scan(&s.state, &s.body); err != nil {
			return err
		}
		err := json.Unmarshal(s.body, &name)
		events[name] = s
		return err
	}
	patiently(t, e, func() error { return e.store.read(t.Context(), query(scan, `SELECT state, body FROM {events}`)) })
	finals := 0
	for name, body := range acked {
		s, ok := events[name]
		if !assert.True(t, ok, "acknowledged, and lost: %+v", name) {
			continue
		}
		assert.Equal(t, string(body), string(s.body), "%+v", name)
		if !name.final() {
			assert.Contains(t, []string{eventHandled, eventSkipped}, s.state, "%+v", name)
			continue
		}
		finals++
		assert.Equal(t, eventHandled, s.state, "%+v", name)
		assert.True(t, handled(name), "acknowledged, and never handled: %+v", name)
	}
	assert.Positive(t, finals)
}
