package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"

	"github.com/heliosai/helios-go"
)

// process is a child.
type process struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	url    string
	stderr bytes.Buffer // to be read when it has ended, as is err
	err    error
	ended  chan struct{}
}

// start starts a process, which has stored all orders when start returns.
func (f *fleet) start(ctx context.Context, name string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p := &process{name: name, cmd: exec.CommandContext(ctx, self), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), nameVariable+"="+name, "DATABASE_URL="+f.database, schemaVariable+"="+f.schema,
		archiveVariable+"="+f.front.URL+"/archive", helios.EnvAPIKey+"="+f.fake.APIKey,
		helios.EnvBaseURL+"="+f.fake.URL, helios.EnvWebhookSecret+"="+f.fake.WebhookSecret,
		helios.EnvWebhookURL+"="+f.front.URL+"/webhook/helios")
	p.cmd.Stderr = &p.stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	f.processes = append(f.processes, p)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	if err != nil {
		<-p.ended
		return fmt.Errorf("%s did not start: %w: %s", name, p.err, &p.stderr)
	}
	p.url = line[:len(line)-1]
	f.change(func() { f.living = append(f.living, p) })
	return nil
}

// begin lets all processes work.
func (f *fleet) begin() error {
	for _, p := range f.processes {
		if _, err := io.WriteString(p.stdin, "begin\n"); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// kill kills a process, and returns when its connections to the archive have
// been noticed to be gone.
func (f *fleet) kill(ctx context.Context, p *process) error {
	f.leave(p)
	if err := p.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	<-p.ended
	return f.until(ctx, func() (bool, error) { return len(f.handling(p)) == 0, nil })
}

// stop lets a process end as it should.
func (f *fleet) stop(ctx context.Context, p *process) error {
	f.leave(p)
	if err := p.stdin.Close(); err != nil {
		return err
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	if p.err != nil {
		return fmt.Errorf("%s: %w: %s", p.name, p.err, &p.stderr)
	}
	return nil
}

func (f *fleet) leave(p *process) {
	f.change(func() { f.living = slices.DeleteFunc(f.living, func(other *process) bool { return other == p }) })
}
