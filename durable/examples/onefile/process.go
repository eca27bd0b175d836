package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

// fileVariable makes the program a process that works on this file. The variables of package helios say where the service is.
const fileVariable = "ONEFILE_CHILD"

// busyVariable gives it one handler only, and keeps that one busy with the first status update: what comes then is acknowledged, and waits.
const busyVariable = "ONEFILE_BUSY"

// message is what a process tells the program, one line of JSON each.
type message struct {
	URL     string // of its webhook handler
	Found   states // before it has done anything
	States  states // whenever one has changed
	Handled string // the order whose result its handler was given
}

// work is process 1 and process 2. It ends when its standard input does: because the program says so, or has died.
func work(ctx context.Context, file string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client, err := helios.NewClient()
	if err != nil {
		return err
	}
	receiver, err := helios.NewReceiver()
	if err != nil {
		return err
	}
	busy := os.Getenv(busyVariable) != ""
	handlers := 16
	if busy {
		handlers = 1
	}
	eng, err := durable.OpenSQLite(ctx, file, client, receiver, durable.WithHandlers(handlers))
	if err != nil {
		return err
	}
	defer eng.Close()

	var writing sync.Mutex
	say := func(m message) error {
		writing.Lock()
		defer writing.Unlock()
		return json.NewEncoder(os.Stdout).Encode(m)
	}
	found, err := read(ctx, eng)
	if err != nil {
		return err
	}
	eng.HandleFunc(func(ctx context.Context, ev *helios.Event) error {
		if ev.Final() {
			return say(message{Handled: durable.KeyFrom(ctx)})
		}
		if busy {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
	// Process 2 cannot know how far process 1 has come, so it submits all of them: what is there already is the same submission.
	for i := range orders {
		if err := submit(ctx, eng, client.WebhookURL(), i+1); err != nil {
			return err
		}
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: eng.WebhookHandler(), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	defer server.Close()
	if err := say(message{Found: found, URL: "http://" + listener.Addr().String()}); err != nil {
		return err
	}

	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	var watching sync.WaitGroup
	watching.Go(func() { watch(ctx, eng, say) })
	err = eng.Run(ctx)
	cancel()
	watching.Wait()
	return err
}

// submit stores an order under its key, and returns; Run sends it. Its webhook URL names it, for the program to count by.
func submit(ctx context.Context, eng *durable.SQLiteEngine, webhook string, i int) error {
	webhook, err := helios.WebhookURL(webhook, struct {
		Order string `url:"order"`
	}{key(i)})
	if err != nil {
		return err
	}
	if key(i) == record {
		_, err = eng.SubmitAgent(ctx, record, &helios.AgentRequest{AgentType: helios.AgentLight, WebhookURL: webhook, Data: helios.HealthData{
			PatientInfo:        &helios.PatientInfo{Age: new(45), Gender: "male"},
			RecentAbnormalLabs: []helios.Lab{{Date: "2025-01-15", Display: "Hemoglobin A1c", Value: "7.2", Unit: "%", ReferenceRange: "4.0-5.6", Interpretation: "High"}},
		}})
		return err
	}
	_, err = eng.SubmitLabResults(ctx, key(i), &helios.LabResultsRequest{WebhookURL: webhook, LabResults: []helios.LabResult{
		{Name: "Creatinine", Value: fmt.Sprintf("1.%d mg/dL", i), Flag: helios.FlagHigh, ReferenceRange: "0.7-1.3 mg/dL", Date: "2025-01-15"},
	}})
	return err
}

// watch tells how the orders change.
func watch(ctx context.Context, eng *durable.SQLiteEngine, say func(message) error) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	told := ""
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		now, err := read(ctx, eng)
		if err != nil || fmt.Sprint(now) == told { // maps are printed in order
			continue
		}
		told = fmt.Sprint(now)
		if say(message{States: now}) != nil {
			return
		}
	}
}

func read(ctx context.Context, eng *durable.SQLiteEngine) (states, error) {
	now := states{}
	for i := range orders {
		s, err := eng.Status(ctx, key(i+1))
		if errors.Is(err, durable.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		now[s.Key] = s.State
	}
	return now, nil
}

// process is a child.
type process struct {
	name     string
	cmd      *exec.Cmd
	stdin    io.Closer
	messages chan message // closed when it has ended
	stderr   bytes.Buffer // to be read then, as is err
	err      error
	found    states
	states   states
}

// start starts a process, which takes webhooks when start returns.
func (w *world) start(ctx context.Context, name string, environment ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{name: name, cmd: exec.CommandContext(ctx, self), messages: make(chan message)}
	p.cmd.Env = append(append(os.Environ(), environment...), fileVariable+"="+w.file,
		helios.EnvAPIKey+"="+w.fake.APIKey, helios.EnvBaseURL+"="+w.fake.URL,
		helios.EnvWebhookSecret+"="+w.fake.WebhookSecret, helios.EnvWebhookURL+"="+w.front.URL+"/webhook/helios")
	p.cmd.Stderr = &p.stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	w.started = append(w.started, p)
	go p.listen(stdout)
	url := ""
	err = w.take(ctx, p, func(m message) bool {
		url, p.found = m.URL, m.Found
		return url != ""
	})
	if err != nil {
		return nil, err
	}
	p.states = p.found
	w.proxy.passTo(url)
	return p, nil
}

// listen passes on what the process says, until it has ended. What it has said before it was killed is passed on too.
func (p *process) listen(stdout io.Reader) {
	defer close(p.messages)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var m message
		if json.Unmarshal(lines.Bytes(), &m) == nil { // else cut off by the kill
			p.messages <- m
		}
	}
	p.err = p.cmd.Wait()
}

// in returns the order that is in the state.
func (p *process) in(state durable.State) string { return p.states.keys(state)[0] }

// take takes in what the process says until one message is the one waited for.
func (w *world) take(ctx context.Context, p *process, done func(message) bool) error {
	for {
		select {
		case m, ok := <-p.messages:
			if !ok {
				return cmp.Or(ctx.Err(), fmt.Errorf("%s has ended, %w: %s", p.name, errEnded, &p.stderr))
			}
			if m.States != nil {
				p.states = m.States
			}
			if m.Handled != "" {
				w.handled[m.Handled] = true
			}
			if done(m) {
				return nil
			}
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", p.name, ctx.Err())
		}
	}
}

var errEnded = errors.New("which it should not")

func (w *world) await(ctx context.Context, p *process, done func() bool) error {
	if done() {
		return nil
	}
	return w.take(ctx, p, func(message) bool { return done() })
}

// awaitDeath waits until the process was killed, and nothing else.
func (w *world) awaitDeath(ctx context.Context, p *process) error {
	err := w.take(ctx, p, func(message) bool { return false })
	if errors.Is(err, errEnded) && !p.cmd.ProcessState.Success() && p.stderr.Len() == 0 {
		return nil
	}
	return err
}

// stop lets the process end as it should.
func (p *process) stop() error {
	if err := p.stdin.Close(); err != nil {
		return err
	}
	for range p.messages {
	}
	if p.err != nil {
		return fmt.Errorf("%s: %w: %s", p.name, p.err, &p.stderr)
	}
	return nil
}
