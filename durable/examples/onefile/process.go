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
	"os"
	"os/exec"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

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
	p.cmd.Env = append(append(os.Environ(), environment...), fileVariable+"="+w.file, serveVariable+"="+w.serve,
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

// listen passes on what the process says, until it has ended. What it has said
// before it was killed is passed on too.
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
