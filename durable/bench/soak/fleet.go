package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

// fleet is the engines of a store, and the load balancer before them.
type fleet struct {
	*ledger
	store    store
	client   *helios.Client
	receiver *helios.Receiver
	front    *httptest.Server

	mu      sync.RWMutex
	members []*member
}

// member is a running engine.
type member struct {
	engine  *durable.Engine
	handler http.Handler
	cancel  context.CancelFunc
	ended   chan error
}

const (
	// What takes minutes and hours otherwise is to happen within the soak.
	resultDeadline  = 15 * time.Second
	unknownDeadline = 20 * time.Second
	retention       = 5 * time.Second
)

// join opens an engine and runs it.
func (f *fleet) join(ctx context.Context) (*member, error) {
	e, err := f.store.open(ctx, f.client, f.receiver,
		durable.WithResultDeadline(resultDeadline), durable.WithUnknownDeadline(unknownDeadline),
		durable.WithRetention(retention), durable.WithHandlers(8))
	if err != nil {
		return nil, err
	}
	e.HandleFunc(f.handleEvent)
	e.HandleEnd(f.handleEnd)
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	m := &member{engine: e, handler: e.WebhookHandler(), cancel: cancel, ended: make(chan error, 1)}
	go func() { m.ended <- e.Run(running) }()
	return m, nil
}

// leave stops an engine that gets no webhooks any more.
func (m *member) leave() error {
	m.cancel()
	return errors.Join(<-m.ended, m.engine.Close())
}

// start makes so many engines.
func (f *fleet) start(ctx context.Context, engines int) error {
	f.front = httptest.NewServer(http.HandlerFunc(f.balance))
	for range engines {
		m, err := f.join(ctx)
		if err != nil {
			return errors.Join(err, f.stop())
		}
		f.members = append(f.members, m)
	}
	return nil
}

// restart replaces the oldest engine by another.
func (f *fleet) restart(ctx context.Context) error {
	m, err := f.join(ctx)
	if err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	f.mu.Lock()
	old := f.members[0]
	f.members = append(f.members[1:], m)
	f.mu.Unlock() // and from here on the old one gets no webhook
	f.count(&f.restarts)
	return old.leave()
}

func (f *fleet) stop() error {
	f.front.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	var err error
	for _, m := range f.members {
		err = errors.Join(err, m.leave())
	}
	f.members = nil
	return err
}

// any returns one of the engines. done must be called when it is not used any
// more: until then it is not stopped.
func (f *fleet) any() (m *member, done func()) {
	f.ledger.mu.Lock()
	i := f.rng.Int()
	f.ledger.mu.Unlock()
	f.mu.RLock()
	return f.members[i%len(f.members)], f.mu.RUnlock
}

// balance passes a webhook on to one of the engines, or loses it or its answer.
func (f *fleet) balance(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	what := f.loss()
	if what == lost {
		w.WriteHeader(http.StatusBadGateway)
		return
	}

	m, done := f.any()
	defer done()
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	m.handler.ServeHTTP(answer, r)
	if answer.Code == http.StatusOK {
		f.noteAcked(body)
	} else {
		f.count(&f.errors)
	}
	if what == repeated {
		answer.Code = http.StatusGatewayTimeout
	}
	w.WriteHeader(answer.Code)
}
