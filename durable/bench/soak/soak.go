package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/heliostest"
)

const (
	// settleTime is for what is under way when nothing more is submitted.
	settleTime = 5 * time.Minute
	// mostQueued keeps the queue from growing while an agent type is paused.
	mostQueued = 200
	// fewest is how many submissions there are even if it takes longer: with
	// fewer, some fault might not happen.
	fewest = 50

	restartEvery = 7 * time.Second
	decideEvery  = 3 * time.Second

	labResults = "lab-results"
)

// soak soaks one store.
func soak(ctx context.Context, c config, s store) (b *balance, err error) {
	if err := s.make(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.remove(context.WithoutCancel(ctx))) }()
	srv := heliostest.NewServer(heliostest.WithStepInterval(20*time.Millisecond),
		heliostest.WithRedelivery(4, 50*time.Millisecond), heliostest.WithRetryAfter(time.Second))
	defer srv.Close()
	client, err := helios.NewClient(
		helios.WithAPIKey(srv.APIKey), helios.WithBaseURL(srv.URL), helios.WithMaxRetries(0))
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret(srv.WebhookSecret))
	if err != nil {
		return nil, err
	}

	f := &fleet{
		ledger: newLedger(rand.New(rand.NewPCG(c.seed, 1))), store: s, client: client, receiver: receiver,
	}
	if err := f.start(ctx, c.engines); err != nil {
		return nil, err
	}
	b, err = f.soak(ctx, c, srv)
	err = errors.Join(err, f.stop())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name(), err)
	}
	return b, b.weigh(ctx, s)
}

// soak submits as long as it should, and then settles and checks.
func (f *fleet) soak(ctx context.Context, c config, srv *heliostest.Server) (*balance, error) {
	began := time.Now()
	deal := &faults{rng: rand.New(rand.NewPCG(c.seed, 2))}
	ticker := time.NewTicker(time.Second / time.Duration(c.rate))
	defer ticker.Stop()
	restarts, decisions := time.NewTicker(restartEvery), time.NewTicker(decideEvery)
	defer restarts.Stop()
	defer decisions.Stop()
	for i := 0; i < fewest || time.Since(began) < c.length; {
		var err error
		select {
		case <-ticker.C:
			err = f.submit(ctx, srv, i, deal)
			i++
		case <-restarts.C:
			err = f.restart(ctx)
		case <-decisions.C:
			err = f.resolve(ctx, srv)
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
	}

	if err := f.settle(ctx, srv); err != nil {
		return nil, err
	}
	return f.check(ctx, srv)
}

// submit stores one submission, and now and then one a second time, or takes
// one back.
func (f *fleet) submit(ctx context.Context, srv *heliostest.Server, i int, deal *faults) error {
	m, done := f.any()
	defer done()
	stats, err := m.engine.Stats(ctx)
	if err != nil || stats.Queued >= mostQueued {
		return err
	}

	srv.Inject(deal.next()...)
	key := fmt.Sprintf("order-%07d", i)
	if err := f.put(ctx, m.engine, key, i); err != nil {
		return err
	}
	f.ledger.mu.Lock()
	f.keys = append(f.keys, key)
	f.ledger.mu.Unlock()

	if f.chance(5) {
		f.count(&f.again)
		if err := f.put(ctx, m.engine, key, i); err != nil {
			return err
		}
	}
	if f.chance(2) {
		switch err := m.engine.Cancel(ctx, key); {
		case err == nil:
			f.count(&f.canceled)
		case !errors.Is(err, durable.ErrState):
			return err
		}
	}
	return nil
}

func (f *fleet) put(ctx context.Context, e *durable.Engine, key string, i int) error {
	webhook, err := helios.WebhookURL(f.front.URL+"/webhook", struct {
		Order string `url:"order"`
	}{key})
	if err != nil {
		return err
	}
	agents := []string{labResults, labResults, string(helios.AgentLight), string(helios.AgentDeep)}
	if agent := agents[i%len(agents)]; agent != labResults {
		_, err = e.SubmitAgent(ctx, key, &helios.AgentRequest{
			AgentType: helios.AgentType(agent), WebhookURL: webhook,
			Data: helios.HealthData{RecentAbnormalLabs: []helios.Lab{{
				Display: "Creatinine", Value: "1.8", Unit: "mg/dL", Date: "2025-01-15",
			}}},
		})
		return err
	}
	_, err = e.SubmitLabResults(ctx, key, &helios.LabResultsRequest{
		WebhookURL: webhook, LabResults: []helios.LabResult{{Name: "Creatinine", Value: "1.8 mg/dL"}},
	})
	return err
}

// paidRuns returns the runs that the service has accepted, by key.
func paidRuns(srv *heliostest.Server) map[string][]heliostest.Run {
	runs := map[string][]heliostest.Run{}
	for _, run := range srv.Runs() {
		target, err := url.Parse(run.WebhookURL)
		if err != nil {
			continue // it was submitted by this program
		}
		key := target.Query().Get("order")
		runs[key] = append(runs[key], run)
	}
	return runs
}

// resolve does what a person would who can ask the service: what is unknown and
// was not accepted is sent again.
func (f *fleet) resolve(ctx context.Context, srv *heliostest.Server) error {
	m, done := f.any()
	defer done()
	unknown, err := m.engine.Submissions(ctx, durable.Filter{State: durable.Unknown, Limit: 1000})
	if err != nil || len(unknown) == 0 {
		return err
	}

	runs := paidRuns(srv)
	for i := range unknown {
		if len(runs[unknown[i].Key]) > 0 {
			continue
		}
		switch err := m.engine.Resolve(ctx, unknown[i].Key, durable.Resubmit); {
		case err == nil:
			f.count(&f.resubmitted)
		case !errors.Is(err, durable.ErrState):
			return err
		}
	}
	return nil
}

// settle returns when nothing is under way any more.
func (f *fleet) settle(ctx context.Context, srv *heliostest.Server) error {
	if err := srv.Wait(ctx); err != nil {
		return err
	}
	for {
		if err := f.resolve(ctx, srv); err != nil {
			return err
		}
		m, done := f.any()
		stats, err := m.engine.Stats(ctx)
		done()
		if err != nil {
			return err
		}
		if stats.Queued+stats.Submitting+stats.Running+stats.PendingEvents+stats.PendingEnds == 0 {
			break
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return fmt.Errorf("it does not settle: %+v: %w", stats, err)
		}
	}
	// One sweep more, for what retention is to delete.
	return pause(ctx, retention+15*time.Second)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
