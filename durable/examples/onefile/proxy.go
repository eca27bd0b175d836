package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"

	"github.com/heliosai/helios-go"
)

// proxy stands before the processes, and lets deliveries wait until they are
// admitted and a process is there, as a load balancer can: the service may not
// come again, and what reaches nobody nobody can keep.
type proxy struct {
	mu       sync.Mutex
	changed  chan struct{} // closed at each change
	url      string        // of the process, "" if there is none
	admitted func(delivery) bool
	victim   *process // is killed when it has acknowledged a result
}

// delivery is what the proxy sees of a webhook.
type delivery struct {
	order string
	final bool
}

func (p *proxy) change(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *proxy) admit(admitted func(delivery) bool) { p.change(func() { p.admitted = admitted }) }

func (p *proxy) passTo(url string) { p.change(func() { p.url = url }) }

func (p *proxy) killOnFinal(victim *process) { p.change(func() { p.victim = victim }) }

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var event struct{ Status string }
	_ = json.Unmarshal(body, &event)
	d := delivery{order: r.URL.Query().Get("order"), final: event.Status == helios.StatusCompleted}
	for {
		url, ok := p.await(r.Context(), d)
		if !ok {
			return
		}
		status, err := forward(r, url, body)
		if err != nil { // it has just died
			p.leave(url)
			continue
		}
		if d.final && status == http.StatusOK {
			p.kill(url)
		}
		w.WriteHeader(status)
		return
	}
}

// await waits until d is admitted and a process is there. It reports false if
// the service has given up.
func (p *proxy) await(ctx context.Context, d delivery) (string, bool) {
	for {
		p.mu.Lock()
		url, changed, pass := p.url, p.changed, p.url != "" && p.admitted(d)
		p.mu.Unlock()
		if pass {
			return url, true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", false
		}
	}
}

func (p *proxy) leave(url string) {
	p.change(func() {
		if p.url == url {
			p.url = ""
		}
	})
}

// kill kills the victim, if there is one and it has not been killed.
func (p *proxy) kill(url string) {
	p.mu.Lock()
	victim := p.victim
	p.victim = nil
	p.mu.Unlock()
	if victim != nil {
		_ = victim.cmd.Process.Kill()
		p.leave(url)
	}
}

func forward(r *http.Request, url string, body []byte) (int, error) {
	req, err := http.NewRequestWithContext(r.Context(), r.Method, url+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header = r.Header.Clone()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}
